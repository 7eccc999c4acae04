"""Swaps that a search proposes, on decoders whose best swaps are known by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.analysis import drafts, suggesting
from explorer.analysis.concepts import one_value
from explorer.autoencoder import Codebook, Layer

RED, GREEN, BLUE, GREY, PINK = range(5)
COLOURS = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.2, 0.2, 0.2], [1, 0.5, 0.5]])
PLAN = suggesting.Plan(400, 400, 400)


class Lookup:
    """Each code is the colour of the 2 × 2 pixels of its cell, and is read from them again."""

    image_size, joint, layers = 8, True, (Layer("code", (4, 4), 3),)

    def __init__(self):
        self.codebooks = {"code": Codebook(COLOURS)}

    def encode(self, images):
        return {"code": torch.nn.functional.avg_pool2d(images, 2).permute(0, 2, 3, 1)}

    def decode(self, latents):
        book = self.codebooks["code"]
        colours = book.lookup(book.assign(latents["code"])).permute(0, 3, 1, 2)
        return colours.repeat_interleave(2, 2).repeat_interleave(2, 3)


@pytest.fixture
def start():
    return np.random.default_rng(0).integers(1, 4, 16)  # no red, no pink


@pytest.fixture
def board(start):
    latents = {"code": COLOURS[start].numpy().reshape(4, 4, 3)}
    return drafts.Drafts(Lookup(), latents, "code", COLOURS.numpy(), start)


def redness(board):
    """Mean red less mean green and blue of the decoded picture."""

    def score(codes):
        mean = board.pictures(codes).astype(float).mean((1, 2)) / 255
        return mean[:, 0] - mean[:, 1:].mean(1)

    return score


def pictures_of(codes):
    return (COLOURS[codes].numpy().reshape(-1, 4, 4, 3).repeat(2, 1).repeat(2, 2) * 255).round().astype(np.uint8)


def test_drafts_of_a_lookup_decoder_are_the_colours_of_their_codes(board, start):
    codes = np.stack([start, np.full(16, RED), np.random.default_rng(1).integers(0, 5, 16)])
    assert np.array_equal(board.pictures(codes), pictures_of(codes))
    pooled = drafts.pooled(board.model, "code", pictures_of(codes))
    assert np.allclose(pooled, COLOURS[codes].mean(1), atol=0.01)
    assert np.array_equal(drafts.reconstructions(board.model, ["code"], pictures_of(codes)), pictures_of(codes))


def test_the_search_for_red_finds_red_codes_only_and_every_swap_raises_the_score(board, start):
    found = suggesting.search(start, suggesting.everywhere(16, np.arange(5)), 6, redness(board), PLAN)
    assert found.codes.tolist() == [RED] * 6 and len(set(found.cells)) == 6
    assert (np.diff(found.scores) > 0).all()
    swapped = start.copy()
    swapped[found.cells] = found.codes
    assert found.scores[-1] == pytest.approx(redness(board)(swapped[None])[0])
    # green and blue cells lose what is not red, too, so they come before grey ones
    gains = [1 / 16 * (1 + 0.5 * (start[cell] != GREY)) for cell in found.cells]
    assert np.allclose(np.diff(found.scores), gains, atol=0.01) and gains == sorted(gains, reverse=True)
    assert np.allclose(found.alone - found.scores[0], gains, atol=0.01)  # cells do not touch one another here


def test_random_swaps_do_worse_and_are_what_they_are_said_to_be(board, start):
    score = redness(board)
    found = suggesting.search(start, suggesting.everywhere(16, np.arange(5)), 6, score, PLAN)
    sets = suggesting.random_swaps(start, np.arange(5), 6, 24)
    assert sets.shape == (24, 6, 2)
    assert all(len(set(one[:, 0])) == 6 and (one[:, 1] != start[one[:, 0]]).all() for one in sets)
    assert len(np.unique(sets[:, :, 1])) == 5 and len(np.unique(sets[:, :, 0])) == 16
    steps = suggesting.applied(start, sets)
    assert steps.shape == (24, 7, 16) and (steps[:, 0] == start).all()
    assert ((steps != start).sum(2) == np.arange(7)).all()
    assert score(steps[:, -1]).max() < found.scores[-1]
    assert np.array_equal(sets, suggesting.random_swaps(start, np.arange(5), 6, 24))


def test_no_swaps_are_asked_for_or_nothing_helps(board, start):
    pairs, score = suggesting.everywhere(16, np.arange(5)), redness(board)
    none = suggesting.search(start, pairs, 0, score, PLAN)
    assert len(none.cells) == 0 and none.tried == 1 and none.scores.tolist() == score(start[None]).tolist()
    red = np.full(16, RED)
    assert len(suggesting.search(red, pairs, 4, score, PLAN).cells) == 0
    assert len(suggesting.search(start, np.empty((0, 2)), 4, score, PLAN).cells) == 0
    some = suggesting.search(start, pairs, 9, score, PLAN, enough=float(score(start[None])[0]) + 0.1)
    assert len(some.cells) == 2 and some.scores[-2] < some.scores[0] + 0.1 <= some.scores[-1]
    all_red = suggesting.search(start, suggesting.everywhere(16, np.array([RED])), 20, score, PLAN)
    assert sorted(all_red.cells) == list(range(16))  # there are no more cells
    assert suggesting.random_swaps(red, np.array([RED]), 4, 3).shape == (3, 0, 2)


def test_towards_a_picture_of_known_codes_finds_these_codes_exactly(board, start):
    other = np.random.default_rng(5).integers(0, 5, 16)
    target = pictures_of(other)[0].astype(float)

    def score(codes):
        return -np.square(board.pictures(codes) - target).mean((1, 2, 3))

    pairs = suggesting.towards(other.reshape(4, 4), start)
    found = suggesting.search(start, pairs, 16, score, PLAN)
    swapped = start.copy()
    swapped[found.cells] = found.codes
    assert np.array_equal(swapped, other) and found.scores[-1] == 0
    assert len(found.cells) == (start != other).sum()


def test_candidates_towards_a_picture_are_its_codes_there_and_beside():
    target = np.arange(9).reshape(3, 3)
    pairs = suggesting.towards(target)
    assert pairs[:9].tolist() == [[cell, cell] for cell in range(9)]
    assert sorted(pairs[pairs[:, 0] == 4, 1]) == list(range(9)) and sorted(pairs[pairs[:, 0] == 0, 1]) == [0, 1, 3, 4]
    assert suggesting.towards(np.array([[7]])).tolist() == [[0, 7]]


def test_the_best_swap_is_found_when_few_are_tried_at_first():
    rng = np.random.default_rng(2)
    worth = rng.normal(size=(64, 12)) * 0.1 + rng.normal(size=(64, 1))  # cells matter more than codes

    def score(codes):
        return worth[np.arange(64), codes].sum(1)

    start = worth.argmin(1)
    pairs = suggesting.everywhere(64, np.arange(12))
    found = suggesting.search(start, pairs, 5, score, suggesting.Plan(128, 200, 40))
    assert found.tried < len(pairs) and (np.diff(found.scores) > 0).all()
    every = suggesting.search(start, pairs, 5, score, suggesting.Plan(10**4, 0, 10**4))
    ideal = np.sort(worth.max(1) - worth.min(1))[-5:].sum()
    assert every.scores[-1] - every.scores[0] == pytest.approx(ideal)
    assert found.scores[-1] - found.scores[0] > 0.75 * ideal


def test_a_probe_of_one_value_tells_what_it_can_and_no_more():
    rng = np.random.default_rng(0)
    positive = np.arange(400) % 2 == 0
    told = rng.normal(size=(400, 6)) + 4 * positive[:, None] * np.eye(6)[0]
    probe = one_value.fit(told[:300], positive[:300])
    held = probe.held_out(told[300:], positive[300:])
    assert held.score > 0.93 and held.low > 0.85
    assert one_value.share(probe.scores(told[300:])).min() >= 0
    useless = one_value.fit(rng.normal(size=(300, 6)), positive[:300]).held_out(
        rng.normal(size=(100, 6)), positive[300:]
    )
    assert useless.low < 0.5 < useless.high
    with pytest.raises(ValueError, match="there are 3"):
        one_value.fit(told[:20], np.arange(20) < 3)


def test_a_probe_of_pixels_sees_colours(start):
    codes = np.random.default_rng(3).integers(1, 4, (80, 16))
    red = np.arange(80) % 2 == 0
    codes[red, :4] = RED
    probe = one_value.fit(one_value.seen(pictures_of(codes[:60])), red[:60])
    assert probe.held_out(one_value.seen(pictures_of(codes[60:])), red[60:]).score == 1
    before, after = probe.scores(one_value.seen(pictures_of(np.stack([start, np.full(16, RED)]))))
    assert after > 0 > before
