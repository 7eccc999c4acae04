"""What codes cost under models that count: known entropies, and a second implementation that is slow and plain."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from explorer.analysis import code_models


def test_uniform_codes_cost_log2_of_their_number_and_never_less():
    rng = np.random.default_rng(0)
    train, held_out = rng.integers(0, 64, (3000, 8, 8)), rng.integers(0, 64, (300, 8, 8))
    for model in (code_models.unigram, code_models.bigram):
        bits = model(train, held_out, 64) / 64
        assert bits.shape == (300,)
        assert 6 <= bits.mean() < 6.06
    assert code_models.uniform(64) == 6


def test_one_code_everywhere_costs_nothing_and_codes_of_training_cost_their_frequency():
    same = np.full((400, 4, 4), 5)
    assert code_models.unigram(same, same[:9], 8).max() < 0.02 * 16
    assert code_models.bigram(same, same[:9], 8).max() < 0.02 * 16
    train = np.array([0, 0, 0, 1]).reshape(1, 2, 2)
    shares = (np.array([3, 1]) + 0.5) / 5  # by hand: half a token more of each
    expected = -np.log2([shares[0], shares[1], shares[1], shares[1]]).sum()
    assert code_models.unigram(train, np.array([0, 1, 1, 1]).reshape(1, 2, 2), 2)[0] == pytest.approx(expected)


def test_a_code_that_its_neighbours_tell_costs_nearly_nothing_where_its_frequency_costs_much():
    rng = np.random.default_rng(1)
    first = rng.integers(0, 32, (900, 1, 1))
    maps = (first + np.arange(6)[:, None] * 3 + np.arange(6)) % 32  # left + 1, above + 3
    train, held_out = maps[:800], maps[800:]
    assert code_models.unigram(train, held_out, 32).mean() / 36 == pytest.approx(5, abs=0.1)
    assert code_models.bigram(train, held_out, 32).mean() == pytest.approx(5, abs=0.8)  # the first code alone


def test_a_chain_along_the_rows_costs_its_entropy():
    rng = np.random.default_rng(2)
    maps = np.zeros((1200, 1, 40), np.int64)
    maps[:, 0, 0] = rng.integers(0, 4, 1200)
    for place in range(1, 40):  # stays with 0.7, else one of the three others
        stays = rng.random(1200) < 0.7
        other = (maps[:, 0, place - 1] + rng.integers(1, 4, 1200)) % 4
        maps[:, 0, place] = np.where(stays, maps[:, 0, place - 1], other)
    entropy = -(0.7 * np.log2(0.7) + 0.3 * np.log2(0.1))
    expected = (2 + 39 * entropy) / 40
    assert code_models.bigram(maps[:1000], maps[1000:], 4).mean() / 40 == pytest.approx(expected, rel=0.03)


def test_it_is_what_a_plain_implementation_gives():
    rng = np.random.default_rng(3)
    train, held_out = rng.zipf(1.6, (60, 3, 4)) % 9, rng.zipf(1.6, (5, 3, 4)) % 9
    found = code_models.bigram(train, held_out, 9, seed=4)
    order = np.random.default_rng([4, 3]).permutation(60)
    kept = [train[row] for row in range(60) if row not in set(order[:6].tolist())]
    weights = code_models._weights(*_plain(kept, train[order[:6]], 9))
    parts, bucket = _plain(list(train), held_out, 9)
    bits = -np.log2([float(weights[b] @ p) for p, b in zip(parts, bucket, strict=True)])
    np.testing.assert_allclose(found, bits.reshape(5, -1).sum(1))
    total = sum(  # of the codes that may stand in one place, all together have a probability of one
        2 ** -(code_models.bigram(train, np.array([[[code]]]), 9, seed=4)[0]) for code in range(9)
    )
    assert total == pytest.approx(1)


def _plain(images: list[np.ndarray], asked: np.ndarray, codes: int) -> tuple[np.ndarray, np.ndarray]:
    counts, pairs, alone = Counter(), Counter(), Counter()

    def contexts(image: np.ndarray, row: int, column: int) -> list[tuple]:
        left = image[row, column - 1] if column else codes
        up = image[row - 1, column] if row else codes
        return [("both", left, up), ("left", left), ("up", up)]

    for image in images:
        for (row, column), code in np.ndenumerate(image):
            alone[code] += 1
            for context in contexts(image, row, column):
                counts[context] += 1
                pairs[(*context, code)] += 1
    parts, bucket = [], []
    total = sum(alone.values()) + codes / 2
    for image in asked:
        for (row, column), code in np.ndenumerate(image):
            share = (alone[code] + 0.5) / total
            seen = [counts[context] for context in contexts(image, row, column)]
            parts.append(
                [
                    pairs[(*context, code)] / counts[context] if counts[context] else share
                    for context in contexts(image, row, column)
                ]
                + [share, 1 / codes]
            )
            bucket.append(sum(seen[0] >= edge for edge in code_models.SEEN) * 4 + (seen[1] > 0) * 2 + (seen[2] > 0))
    return np.array(parts), np.array(bucket)


def test_very_many_codes_take_no_more_memory_than_there_are_codes_to_count():
    import tracemalloc

    rng = np.random.default_rng(5)
    train, held_out = rng.integers(0, 131_072, (2000, 8, 8)), rng.integers(0, 131_072, (50, 8, 8))
    tracemalloc.start()
    bits = code_models.bigram(train, held_out, 131_072) / 64
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 17 <= bits.mean() < 17.5
    assert peak < 150e6


def test_one_image_and_one_place_are_enough():
    assert code_models.bigram(np.array([[[3]]]), np.array([[[3]], [[0]]]), 4).shape == (2,)
    assert code_models.unigram(np.array([[[3]]]), np.array([[[0]]]), 4)[0] == pytest.approx(-np.log2(0.5 / 3))
