"""One row for each code, by hand."""

import numpy as np
import pandas as pd
import pytest

from explorer.analysis import codes, neighbours, usage

CODES = np.array([[[0, 0], [0, 2]], [[2, 2], [2, 2]], [[0, 3], [0, 0]]])
VECTORS = np.array([[0.0, 0.0], [10.0, 0.0], [3.0, 4.0], [0.0, 1.0]])


def test_the_table_counts_tokens_images_and_neighbours():
    table = codes.table(CODES, VECTORS)
    assert table["code"].tolist() == [0, 1, 2, 3]
    assert table["tokens"].tolist() == [6, 0, 5, 1] and table["rank"].tolist() == [1, 4, 2, 3]
    assert table["images"].tolist() == [2, 0, 2, 1]
    np.testing.assert_allclose(table["share"], np.array([6, 0, 5, 1]) / 12)
    np.testing.assert_allclose(table["times_even"], np.array([6, 0, 5, 1]) / 3)
    np.testing.assert_allclose(table["image_share"], np.array([2, 0, 2, 1]) / 3)
    assert table["neighbour"].tolist() == [3, 2, 3, 0]
    np.testing.assert_allclose(table["distance"], [1, np.sqrt(65), np.sqrt(18), 1], rtol=1e-6)


def test_one_code_has_no_neighbour():
    table = codes.table(np.zeros((2, 1, 1), int), np.ones((1, 3)))
    assert table["neighbour"].tolist() == [-1] and np.isnan(table["distance"][0]) and table["share"][0] == 1


def test_images_are_counted_once_in_many_parts(monkeypatch):
    monkeypatch.setattr(codes, "CELLS", 8)
    assert codes.images_per_code(CODES, 4).tolist() == [2, 0, 2, 1]


def test_discrete_values_stay_and_real_numbers_are_cut():
    labels, cut = codes.values_of(pd.Series(["b", None, "a"], dtype="category"))
    assert labels.tolist() == ["b", None, "a"] and not cut
    labels, cut = codes.values_of(pd.Series([*np.linspace(0, 1, 100), np.nan]))
    assert cut and labels[-1] is None
    names, counts = np.unique(labels[:-1].astype(str), return_counts=True)
    assert counts.tolist() == [20] * 5 and names[0].startswith("1: ") and names[-1].endswith("to 1")
    assert codes.values_of(pd.Series([1.0, 2.0, 1.0]))[0].tolist() == [1, 2, 1]


def test_lift_is_the_log_of_the_ratio_to_all_however_few_tokens():
    even = codes.lift(np.full((3, 4), 1000))
    np.testing.assert_allclose(even, 0, atol=1e-12)
    for tokens in (1, 100_000):
        found = codes.lift(np.array([[3, 1], [1, 3]]) * tokens)
        np.testing.assert_allclose(found, np.log2([[1.5, 0.5], [0.5, 1.5]]), atol=1e-12)


def test_the_lift_of_an_absent_code_is_that_of_half_a_token_or_says_nothing():
    found = codes.lift(np.array([[0, 8, 0, 0], [8, 0, 1, 0]]))
    assert found[0, 0] == pytest.approx(np.log2(0.5 / (8 * 8 / 17)))
    assert found[0, 2] == 0, "half a token would be expected: an absence is no news"
    assert not found[:, 3].any(), "a code that nobody has"
    assert (codes.lift(np.zeros((2, 3))) == 0).all()


def test_codes_outside_the_codebook_are_refused():
    with pytest.raises(ValueError, match="codes must lie"):
        codes.table(np.full((1, 1, 1), 7), VECTORS)


def test_codes_that_are_the_latents_keep_all_variance_and_their_mean_keeps_none():
    latents = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]])
    assert codes.explained_share(latents, latents) == 1
    assert codes.explained_share(latents, np.full((4, 2), [1.0, 2.0])) == 0
    assert codes.explained_share(latents, latents * [0, 1] + [1, 0]) == pytest.approx(16 / 20), "the second axis alone"
    assert codes.explained_share(np.ones((3, 2)), np.ones((3, 2))) == 1, "no variance to lose"


def test_neighbours_of_a_large_codebook_are_searched_among_codes_in_use(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(60, 3))
    drawn = np.random.default_rng(1).integers(0, 20, (5, 2, 2))
    used = np.unique(drawn)
    monkeypatch.setattr(neighbours, "WORK", 30**2 * 3)
    found = codes.table(drawn, vectors)
    assert set(found["neighbour"][used]) <= set(used) and np.isfinite(found["distance"][used]).all()
    others = np.setdiff1d(np.arange(60), used)
    assert (found["neighbour"][others] == -1).all() and found["distance"][others].isna().all()
    monkeypatch.setattr(neighbours, "WORK", 10)
    assert (codes.table(drawn, vectors)["neighbour"] == -1).all()


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(pd.Categorical(["b", None, "a", "b"], ["c", "b", "a"])),
        pd.Series(pd.Categorical([3, 10, None, 3], [10, 3, 7])),
        pd.Series(pd.Categorical([None, None], ["a"])),
        pd.Series([0.5, np.nan, *np.arange(20.0)]),
        pd.Series(["x", None, "y"], dtype=object),
    ],
)
def test_positions_are_those_of_the_values_whichever_way_a_column_is_read(column):
    labels, cut = codes.values_of(column)
    index, values = usage.levels(labels)
    found = codes.indexed(column)
    assert found[0].tolist() == index.tolist() and found[1:] == (values, cut)
