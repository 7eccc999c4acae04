"""Random numbers by arithmetic: as even, normal and independent as those of a generator, and the same each time."""

from __future__ import annotations

import pytest
import torch

from explorer.chance import Chance, shuffled

CPU = torch.device("cpu")


def chance(seed=0, step=0):
    return Chance.at(seed, torch.tensor(step))


def test_a_step_draws_the_same_again_and_another_step_seed_or_call_draws_otherwise():
    one = chance(3, 7)
    first, second = one.uniform((64,), CPU), one.uniform((64,), CPU)
    assert torch.equal(first, chance(3, 7).uniform((64,), CPU))
    others = [second, chance(3, 8).uniform((64,), CPU), chance(4, 7).uniform((64,), CPU)]
    others.append(chance(3 + 2**32, 7).uniform((64,), CPU))
    assert all((first - other).abs().max() > 0.1 for other in others)


def test_whole_batches_begin_with_what_smaller_ones_draw():
    assert torch.equal(chance().uniform((4, 5), CPU), chance().uniform((8, 5), CPU)[:4])


@pytest.mark.parametrize("step", [0, 1, 2, 1000, 2**31 - 2])
def test_uniform_numbers_are_even_and_independent(step):
    drawn = chance(1, step).uniform((2, 50_000), CPU)
    assert drawn.min() > 0 and drawn.max() < 1
    counts = torch.histc(drawn, 100, 0, 1)  # 1,000 each, with a deviation of 32
    assert (counts - 1000).abs().max() < 5 * 32
    assert torch.corrcoef(drawn)[0, 1].abs() < 0.02
    assert torch.corrcoef(torch.stack([drawn[0, 1:], drawn[0, :-1]]))[0, 1].abs() < 0.02
    following = chance(1, step + 1).uniform((2, 50_000), CPU)
    assert torch.corrcoef(torch.stack([drawn[0], following[0]]))[0, 1].abs() < 0.02


def test_normal_numbers_have_the_moments_of_the_normal_distribution():
    drawn = chance(2).normal((200_000,), CPU)
    for power, moment in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)):
        assert float(drawn.pow(power).mean()) == pytest.approx(moment, abs=0.05)
    assert drawn.abs().max() > 4


def test_whole_numbers_below_a_bound_are_evenly_drawn():
    counts = chance().below(7, (70_000,), CPU).bincount(minlength=7)
    assert counts.sum() == 70_000 and (counts - 10_000).abs().max() < 500


@pytest.mark.parametrize("count", [1, 2, 41, 5000])
def test_rows_are_shuffled_into_another_permutation_each_epoch_and_with_each_seed(count):
    orders = [shuffled(count, seed, epoch, "cpu") for seed, epoch in ((0, 0), (0, 1), (1, 0), (2**32 - 1, 0))]
    assert all(torch.equal(order.sort().values, torch.arange(count)) for order in orders)
    if count > 40:
        assert len({tuple(order.tolist()) for order in orders}) == 4
        places = torch.arange(count)
        assert all((order == places).sum() < 8 for order in orders), "few stay where they are"
        assert torch.corrcoef(torch.stack([orders[0], orders[1]]).float())[0, 1].abs() < 0.5
