"""Ids of images: what is planted is found again, what is equal has one id, and no batch changes any."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from explorer.analysis import id_branches, ids
from explorer.analysis.concepts.values import Concept


def planted(seed: int = 0, each: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (480, 8) of a hierarchy of 4 × 2 × 2 groups, each level a tenth as wide as the one above; its ids."""
    rng = np.random.default_rng(seed)
    truth = np.array([(a, b, c) for a in range(4) for b in range(2) for c in range(2)]).repeat(each, 0)
    top, mid, low = (rng.standard_normal(shape) for shape in ((4, 8), (4, 2, 8), (4, 2, 2, 8)))
    a, b, c = truth.T
    vectors = 10 * top[a] + 1.5 * mid[a, b] + 0.3 * low[a, b, c] + 0.005 * rng.standard_normal((len(truth), 8))
    order = rng.permutation(len(truth))
    return vectors[order].astype(np.float32), truth[order]


def fit(way: str, vectors: np.ndarray | list, *sizes: int) -> ids.Maker:
    """Fitted and built, as a file of ids does it."""
    inputs = vectors if isinstance(vectors, list) else [vectors]
    return ids.built(way, inputs, ids.labelled(way, inputs, sizes), sizes[0])


def same(found: np.ndarray, truth: np.ndarray) -> list[float]:
    """Agreement of the prefixes of two kinds of ids, level by level; 1 is the same partition."""
    return [adjusted_rand_score(ids.prefixes(truth)[:, at], ids.prefixes(found)[:, at]) for at in range(truth.shape[1])]


def test_a_planted_hierarchy_is_found_again_level_by_level():
    vectors, truth = planted()
    first = fit("tree", vectors[::2], 4).ids([vectors])
    assert same(first, truth[:, :1]) == [1.0]
    tree = fit("tree", vectors[::2], 4, 4, 4)
    assert same(tree.ids([vectors])[:, :1], truth[:, :1]) == [1.0]
    rng = np.random.default_rng(1)
    groups = np.array([(a, b) for a in range(2) for b in range(2)]).repeat(40, 0)
    corners = rng.standard_normal((2, 6)) * 10
    sides = rng.standard_normal((2, 2, 6))
    points = (corners[groups[:, 0]] + sides[groups[:, 0], groups[:, 1]]).astype(np.float32)
    points += 0.01 * rng.standard_normal(points.shape).astype(np.float32)
    assert same(fit("tree", points[::2], 2, 2).ids([points]), groups) == [1.0, 1.0]
    additive = (corners[groups[:, 0]] + sides[0][groups[:, 1]]).astype(np.float32)  # what a residual quantizer can say
    assert same(fit("residual", additive[::2], 2, 2).ids([additive]), groups) == [1.0, 1.0]


def test_the_largest_branch_is_number_zero():
    vectors = np.repeat([[0.0, 0], [5, 0], [0, 9]], [10, 70, 20], 0).astype(np.float32)
    vectors += 1e-4 * np.random.default_rng(0).standard_normal((100, 2)).astype(np.float32)
    labels = ids.parted(vectors, 3)
    book = ids.means(vectors, labels)
    assert np.bincount(labels).tolist() == [70, 20, 10]
    assert np.allclose(book, [[5, 0], [0, 9], [0, 0]], atol=1e-3)


def test_what_is_equal_has_one_id_whatever_is_asked_for():
    vectors = np.full((50, 4), 0.1, np.float32)
    vectors[::3] += 1e-8  # as another batch may round it
    for maker in (fit("tree", vectors, 16, 16, 16), fit("residual", vectors, 16, 16)):
        assert len(np.unique(maker.ids([vectors]), axis=0)) == 1
    assert fit("tree", vectors[:1], 4, 4).ids([vectors]).tolist() == [[0, 0]] * 50


def test_fewer_different_vectors_than_codes_are_all_told_apart():
    vectors = np.eye(5, dtype=np.float32).repeat(4, 0)
    found = fit("tree", vectors, 16, 16, 16).ids([vectors])
    assert len(np.unique(found, axis=0)) == 5 and (found[:, 1:] == 0).all()


@pytest.mark.parametrize("kind", ["tree", "residual", "levels"])
def test_an_id_does_not_depend_on_the_batch_and_books_are_made_again_of_their_parts(kind):
    vectors, _ = planted(3)
    inputs = [vectors, vectors[:, ::-1].copy()] if kind == "levels" else [vectors]
    sizes = (5, 5, 5) if kind == "tree" else (6, 4, 3)[: 2 if kind == "levels" else 3]
    labels = ids.labelled(kind, [one[::2] for one in inputs], sizes)
    maker = ids.built(kind, [one[::2] for one in inputs], labels, sizes[0])
    found = maker.ids(inputs)
    for batch in (1, 7, 100):
        parts = [maker.ids([one[at : at + batch] for one in inputs]) for at in range(0, len(vectors), batch)]
        assert np.array_equal(np.concatenate(parts), found)
    again = ids.built(kind, [one[::2].copy() for one in inputs], labels.astype(np.uint8), sizes[0])
    assert np.array_equal(again.ids(inputs), found) and again.sizes() == maker.sizes() == sizes
    assert maker.ids([one[:0] for one in inputs]).shape == (0, len(maker.sizes()))


def test_residual_codes_stand_for_what_is_left_over():
    books = np.array([[0.0], [10]], np.float32), np.array([[-1.0], [0], [1]], np.float32)
    assert ids.Residual(books).ids([np.array([[9.2], [0.9], [-0.2]], np.float32)]).tolist() == [[1, 0], [0, 2], [0, 1]]


def test_the_nearest_is_the_nearest_far_from_the_origin_and_the_first_of_equals():
    book = np.array([[0.0, 0], [1, 1], [1, 1], [3, 3]], np.float32) + 1000
    vectors = np.array([[0.9, 0.9], [0.2, 0.1], [2.5, 3]], np.float32) + 1000
    assert ids.nearest(vectors, book).tolist() == [1, 0, 3]
    rng = np.random.default_rng(0)
    vectors, book = rng.standard_normal((300, 5)).astype(np.float32), rng.standard_normal((40, 5)).astype(np.float32)
    slow = np.square(vectors[:, None].astype(float) - book).sum(2).argmin(1)
    assert np.array_equal(ids.nearest(vectors, book), slow)


def test_images_with_one_id_get_numbers_in_their_order():
    found = np.array([[1, 2], [0, 0], [1, 2], [1, 1], [0, 0], [1, 2]])
    assert ids.told_apart(found).tolist() == [0, 0, 1, 0, 1, 2]
    whole = np.concatenate([found, ids.told_apart(found)[:, None]], 1)
    assert len(np.unique(whole, axis=0)) == len(found)
    assert ids.told_apart(found[:0]).tolist() == []


def test_prefixes_are_numbered_level_by_level():
    found = ids.prefixes(np.array([[2, 0], [0, 5], [2, 1], [0, 5]]))
    assert found.tolist() == [[1, 1], [0, 0], [1, 2], [0, 0]]
    assert ids.worded((12, 7, 0)) == "12-7-0" and ids.parsed("12-7") == (12, 7) and ids.parsed("") == ()
    with pytest.raises(ValueError):
        ids.parsed("12-x")


def test_branches_of_a_prefix_stand_by_size():
    codes = np.array([[1, 2], [0, 0], [1, 2], [1, 1], [0, 3]])
    assert [(code, rows.tolist()) for code, rows in id_branches.branches(codes, ())] == [(1, [0, 2, 3]), (0, [1, 4])]
    assert [(code, rows.tolist()) for code, rows in id_branches.branches(codes, (1,))] == [(2, [0, 2]), (1, [3])]
    assert id_branches.branches(codes, (1, 2)) == [] == id_branches.branches(codes, (9,))
    vectors = np.array([[0.0], [50], [4], [1], [60]], np.float32)
    some = np.array([0, 2, 3])
    assert id_branches.middle(vectors[some], some, 2).tolist() == [3, 0]  # the mean is 5 / 3
    assert len(id_branches.sampled(np.arange(5000))) == id_branches.MOST and len(id_branches.sampled(some)) == 3


def test_a_branch_goes_with_what_it_surely_has_more_of():
    colour = Concept("colour", np.array([0] * 50 + [1] * 50), ("red", "blue"))
    found = id_branches.tied([colour], np.arange(20))
    assert (found.concept, found.value, found.share, found.overall) == ("colour", "red", 1.0, 0.5) and found.low > 0.8
    assert id_branches.tied([colour], np.arange(0, 100, 5)) is None  # half and half, as everywhere
    assert id_branches.tied([colour], np.arange(20), np.arange(40)) is None  # as red as the branch above
    assert id_branches.tied([colour], np.arange(3)) is None  # three images prove nothing
