"""What a training measures as it goes, and when it is told that it has gone astray."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from explorer.autoencoder import Codebook
from explorer.errors import BadInput
from explorer.training.meters import Guard, Meter


def model(**codes):
    return SimpleNamespace(codebooks={name: Codebook(torch.zeros(count, 2)) for name, count in codes.items()})


def feed(guard, perplexity, steps, **more):
    for step in steps:
        guard.check({"step": step, "loss": 0.1, "perplexity": perplexity, **more})


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_says_so_at_once(loss):
    guard = Guard(model(code=16), 0.003)
    with pytest.raises(
        BadInput, match=r"not finite at step 1,200: train again with a learning rate below 0.003"
    ) as said:
        guard.check({"step": 1200, "loss": loss, "perplexity": 9.0})
    assert "\n" not in str(said.value)


def test_weights_are_said_to_be_kept_only_if_there_are_some():
    guard = Guard(model(code=16), 0.003)
    assert guard.advice == "train again with a learning rate below 0.003"
    guard.saved = True
    assert guard.advice == "the last good weights are kept; train again with a learning rate below 0.003"


def test_a_collapsed_codebook_is_told_after_five_lines():
    guard = Guard(model(code=512), 0.001)
    feed(guard, 1.4, [600, 700, 800, 900])
    assert not guard.safe
    with pytest.raises(BadInput, match=r"codebook of code has collapsed at step 1,000, .* perplexity of 1.40 for 512"):
        feed(guard, 1.4, [1000])
    assert not guard.safe


def test_codebooks_have_500_steps_to_come_into_use():
    guard = Guard(model(code=512), 0.001)
    feed(guard, 1.0, range(10, 510, 10))
    assert guard.safe
    feed(guard, 1.0, [510])
    assert not guard.safe


def test_a_codebook_that_recovers_is_fine():
    guard = Guard(model(code=512), 0.001)
    for start in range(600, 6000, 600):
        feed(guard, 1.0, range(start, start + 400, 100))
        feed(guard, 40.0, [start + 500])
        assert guard.safe


@pytest.mark.parametrize("codes, perplexity", [(2, 1.9), (2, 1.2), (4, 1.5), (11, 2.0), (512, 2.1)])
def test_small_codebooks_in_use_have_not_collapsed(codes, perplexity):
    guard = Guard(model(code=codes), 0.001)
    feed(guard, perplexity, range(1000, 3000, 100))
    assert guard.safe


@pytest.mark.parametrize("codes, perplexity", [(2, 1.05), (4, 1.2), (11, 1.9), (512, 1.9)])
def test_codebooks_with_hardly_more_than_one_code_in_use_have(codes, perplexity):
    guard = Guard(model(code=codes), 0.001)
    with pytest.raises(BadInput, match=f"for {codes} codes"):
        feed(guard, perplexity, range(1000, 3000, 100))


def test_one_of_several_codebooks_is_named():
    guard = Guard(model(top=64, bottom=64), 0.001)
    with pytest.raises(BadInput, match="codebook of bottom has collapsed"):
        feed(guard, 0.0, range(1000, 3000, 100), **{"perplexity.top": 30.0, "perplexity.bottom": 1.0})


def test_models_without_codebooks_cannot_collapse():
    guard = Guard(model(), 0.001)
    for step in range(1000, 3000, 100):
        guard.check({"step": step, "loss": 0.1})
    assert guard.safe


def test_perplexity_by_hand():
    meter = Meter(model(code=4), torch.device("cpu"))
    meter.add({"loss": torch.tensor(2.0), "codes.code": torch.tensor([[0, 0], [1, 1]])})
    meter.add({"loss": torch.tensor(4.0), "codes.code": torch.tensor([[0, 0], [1, 1]])})
    assert meter.read() == pytest.approx({"loss": 3.0, "perplexity": 2.0, "used": 2})
    meter.add({"loss": torch.tensor(1.0), "codes.code": torch.tensor([[0, 1], [2, 3]])})
    assert meter.read() == pytest.approx({"loss": 1.0, "perplexity": 4.0, "used": 4})  # what was read is forgotten


def test_a_count_goes_on_where_float32_has_no_next_whole_number():
    meter = Meter(model(code=2), torch.device("cpu"))
    meter.counts["code"] += torch.tensor([2**24, 0])
    for _ in range(3):
        meter.add({"loss": torch.tensor(0.0), "codes.code": torch.tensor([0, 1])})
    assert meter.counts["code"].tolist() == [2**24 + 3, 3]


def test_each_codebook_has_its_own_figures():
    meter = Meter(model(top=4, bottom=8), torch.device("cpu"))
    meter.add({"loss": torch.tensor(1.0), "codes.top": torch.tensor([0, 1]), "codes.bottom": torch.tensor([5, 5])})
    assert meter.read() == pytest.approx(
        {"loss": 1.0, "perplexity.top": 2.0, "used.top": 2, "perplexity.bottom": 1.0, "used.bottom": 1}
    )
