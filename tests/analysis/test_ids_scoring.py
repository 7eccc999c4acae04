"""Scores of ids against a second way to compute them: scikit-learn's nDCG, scipy's entropy, and counting by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import ndcg_score

from explorer.analysis import ids_scoring
from explorer.analysis.retrieval import unit


def by_counting(found: np.ndarray, relevant: np.ndarray, query: int, k: int) -> float:
    """Recall@k of one query, the mean over many random orders of images that share as much."""
    others = [row for row in range(len(found)) if row != query]
    shared = [sum(1 for _ in itertools.takewhile(bool, found[row] == found[query])) for row in others]
    rng, total = np.random.default_rng(0), 0.0
    for _ in range(3000):
        order = np.lexsort((rng.random(len(others)), [-one for one in shared]))[:k]
        total += sum(relevant[query, others[at]] for at in order)
    return total / 3000 / min(k, relevant[query].sum())


def test_ndcg_equals_scikit_learns_and_recall_equals_counting():
    rng = np.random.default_rng(0)
    found = rng.integers(0, 3, (40, 3))
    relevant = rng.random((40, 40)) < 0.2
    np.fill_diagonal(relevant, False)
    scores = ids_scoring.neighbours(found, np.arange(40), relevant, k=5)
    shared = ids_scoring.shared(found, found)
    for query in range(40):
        others = np.arange(40) != query
        theirs = ndcg_score(relevant[query, others][None].astype(float), shared[query, others][None], k=5)
        assert scores["ndcg"][query] == pytest.approx(theirs)
    for query in (0, 7, 23):
        assert scores["recall"][query] == pytest.approx(by_counting(found, relevant, query, 5), abs=0.02)


def test_levels_equal_scipys_entropy_and_counting():
    rng = np.random.default_rng(1)
    found = np.stack([rng.integers(0, 4, 500), rng.binomial(7, 0.3, 500)], 1)
    rows = ids_scoring.levels(found, (6, 8))
    for level, row in enumerate(rows):
        counts = np.bincount(found[:, level])
        assert row["entropy_bits"] == pytest.approx(entropy(counts, base=2))
        assert row["perplexity"] == pytest.approx(2 ** entropy(counts, base=2))
        words = [tuple(one) for one in found[:, : level + 1].tolist()]
        many = {word: words.count(word) for word in set(words)}
        assert row["prefixes"] == len(many) and row["largest"] == max(many.values())
        assert row["prefix_bits"] == pytest.approx(entropy(list(many.values()), base=2))
        assert row["collisions"] == pytest.approx(sum(many[word] > 1 for word in words) / 500)
    assert (rows[0]["used"], rows[0]["coverage"], rows[0]["max_bits"]) == (4, 4 / 6, np.log2(6))


def test_collisions_of_even_use_are_those_of_random_codes():
    rng = np.random.default_rng(2)
    shares = [ids_scoring.levels(rng.integers(0, 30, (400, 2)), (30, 30))[-1]["collisions"] for _ in range(60)]
    row = ids_scoring.levels(rng.integers(0, 30, (400, 2)), (30, 30))[-1]
    assert row["collisions_even"] == pytest.approx(np.mean(shares), abs=0.01)


def test_ids_that_are_the_clusters_of_the_latents_find_every_neighbour_and_random_ones_none():
    rng = np.random.default_rng(3)
    group = np.arange(40).repeat(11)  # an image and its ten neighbours
    vectors = unit(rng.standard_normal((40, 64))[group] + 0.02 * rng.standard_normal((440, 64)))
    perfect = np.stack([group // 8, group % 8], 1)
    queries = np.arange(0, 440, 3)
    relevant = ids_scoring.truth(vectors, queries)
    assert relevant.sum(1).tolist() == [10] * len(queries) and not relevant[np.arange(len(queries)), queries].any()
    best = ids_scoring.neighbours(perfect, queries, relevant)
    assert best["recall"].min() == 1 and best["ndcg"].min() == pytest.approx(1)
    shuffled = ids_scoring.neighbours(ids_scoring.shuffled(perfect), queries, relevant)
    random = np.stack([rng.integers(0, 5, 440), rng.integers(0, 8, 440)], 1)
    guessed = ids_scoring.neighbours(random, queries, relevant)
    for one in (shuffled, guessed):
        assert one["recall"].mean() == pytest.approx(10 / 439, abs=0.015)


def test_one_id_for_all_finds_what_chance_finds_and_is_called_collapsed():
    found = np.zeros((200, 3), int)
    rows = ids_scoring.levels(found, (512, 512, 512))
    for row in rows:
        assert (row["entropy_bits"], row["perplexity"], row["used"], row["coverage"]) == (0, 1, 1, 1 / 512)
        assert (row["prefixes"], row["collisions"], row["largest"]) == (1, 1, 200)
    said = ids_scoring.sentence(rows, 200)
    assert (
        ids_scoring.collapsed(rows, 200) and "200 of 200 images share one id" in said and "there is 1 id in all" in said
    )
    assert "0.0 of the 7.6 bits" in said
    vectors = unit(np.random.default_rng(0).standard_normal((200, 8)))
    relevant = ids_scoring.truth(vectors, np.arange(200))
    scores = ids_scoring.neighbours(found, np.arange(200), relevant)
    assert scores["recall"] == pytest.approx(10 / 199)
    index = np.random.default_rng(1).integers(0, 4, 200)
    assert all(row["ami"] == 0 and row["left"] == 1 for row in ids_scoring.purity(found, index))


def test_few_large_groups_are_not_called_collapsed():
    rows = ids_scoring.levels(np.random.default_rng(0).integers(0, 4, (500, 1)), (4,))
    said = ids_scoring.sentence(rows, 500)
    assert not ids_scoring.collapsed(rows, 500) and "500 of 500 images (100%) share their id" in said
    uneven = ids_scoring.levels(np.array([0] * 60 + [1] * 40)[:, None], (2,))
    assert not ids_scoring.collapsed(uneven, 100)  # one yes or no, and nearly all of it is used
    few = ids_scoring.levels(np.arange(900)[:, None] % 3, (512,))
    assert ids_scoring.collapsed(few, 900) and "1.6 of the 9.0 bits" in ids_scoring.sentence(few, 900)
    alone = ids_scoring.levels(np.arange(6)[:, None], (6,))
    assert ids_scoring.sentence(alone, 6) == "Each of the 6 images has an id of its own."
    idle = ids_scoring.levels(np.stack([np.arange(6), np.zeros(6, int)], 1), (6, 9))
    assert "Level 2 has the same code in every image" in ids_scoring.sentence(idle, 6)


def test_purity_is_one_where_ids_are_the_concept_and_nothing_for_shuffled_ones():
    index = np.random.default_rng(0).integers(0, 5, 600)
    found = np.stack([index, np.random.default_rng(1).integers(0, 3, 600)], 1)
    first, second = ids_scoring.purity(found, index)
    assert first["ami"] == pytest.approx(1) and first["left"] == pytest.approx(0)
    assert abs(first["shuffled"]) < 0.03 and first["left_shuffled"] > 0.9
    assert second["ami"] < 0.9 and second["left"] == pytest.approx(0)  # finer than the concept
    unknown = np.where(np.arange(600) % 2 == 0, index, -1)
    assert ids_scoring.purity(found, unknown)[0]["ami"] == pytest.approx(1)


def test_what_is_left_open_is_conditional_entropy_by_hand():
    groups, values = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 0])
    assert ids_scoring.left_open(groups, values) == pytest.approx(0.5 / entropy([3, 1], base=2))


def test_how_far_ids_are_ahead_has_an_interval_that_holds_zero_for_equals():
    index = np.random.default_rng(0).integers(0, 4, 800)
    noisy = [np.where(np.random.default_rng(seed).random(800) < 0.5, index, 3 - index) for seed in (1, 2)]
    gap = ids_scoring.ahead(index, noisy[0], index)
    assert gap["low"] > 0.3 and gap["n"] == 800
    even = ids_scoring.ahead(*noisy, index)
    assert even["low"] < 0 < even["high"]
    assert ids_scoring.ahead(index[:30], noisy[0][:30], index[:30])["low"] is None


def test_one_image_and_two_have_no_neighbours_to_speak_of():
    rows = ids_scoring.levels(np.zeros((1, 2), int), (4, 4))
    assert rows[-1]["collisions"] == 0 and not ids_scoring.collapsed(rows, 1)
    assert ids_scoring.sentence(rows, 1).startswith("One image has one id")
