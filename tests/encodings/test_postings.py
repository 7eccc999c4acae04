"""The inverted index against a brute-force search of the same tokens."""

import numpy as np
import pytest

from explorer.encodings import postings
from explorer.errors import BadInput

IMAGES, CELLS, CODES = 60, 12, 9


@pytest.fixture
def tokens():
    """Codes and distances (T,): code 3 fills most of it, code 5 is dead, and distances have ties."""
    rng = np.random.default_rng(0)
    codes = rng.choice([0, 1, 2, 3, 3, 3, 3, 3, 4, 6, 7, 8], IMAGES * CELLS).astype(np.uint16)
    distances = rng.integers(0, 40, IMAGES * CELLS).astype(np.float32) / 7
    return codes, distances


def written(folder, tokens, budget=postings.BUDGET, batch=100):
    codes, distances = tokens

    def batches():
        for start in range(0, len(codes), batch):
            yield codes[start : start + batch], distances[start : start + batch]

    postings.build(folder, "code", CODES, IMAGES, CELLS, batches, budget)
    return postings.open_layer(folder, "code", CODES, IMAGES, CELLS)


def brute_force(tokens, code, k):
    """Sorts every token of the code by distance, then place, and keeps the first of each image."""
    codes, distances = tokens
    own = np.flatnonzero(codes == code)
    own = own[np.lexsort((own, distances[own]))]
    kept, seen = [], set()
    for token in own:
        if token // CELLS not in seen:
            seen.add(token // CELLS)
            kept.append(token)
    kept = np.array(kept[:k], np.int64)
    return kept // CELLS, kept % CELLS, distances[kept]


@pytest.mark.parametrize("budget", [postings.BUDGET, 200, 50])  # one pass; several; code 3 alone is too large
@pytest.mark.parametrize("code", range(CODES))
def test_top_patches_are_the_nearest_of_different_images(tmp_path, tokens, budget, code):
    index = written(tmp_path, tokens, budget)
    for k in (1, 5, 1000):
        for found, expected in zip(index.top_patches(code, k), brute_force(tokens, code, k), strict=True):
            assert np.array_equal(found, expected)


def test_images_with_counts_every_token_most_first(tmp_path, tokens):
    index = written(tmp_path, tokens, budget=64)
    for code in range(CODES):
        counts = (tokens[0].reshape(IMAGES, CELLS) == code).sum(1)
        rows, found = index.images_with(code)
        assert dict(zip(rows.tolist(), found.tolist(), strict=True)) == {r: c for r, c in enumerate(counts) if c}
        assert (np.diff(found) <= 0).all()
    assert np.array_equal(index.usage(), np.bincount(tokens[0], minlength=CODES))


def test_a_dead_code_has_nothing_and_an_unknown_one_is_refused(tmp_path, tokens):
    index = written(tmp_path, tokens)
    assert [len(part) for part in index.top_patches(5, 24)] == [0, 0, 0]
    assert [len(part) for part in index.images_with(5)] == [0, 0]
    with pytest.raises(BadInput, match="0 to 8"):
        index.top_patches(CODES, 1)


def test_one_code_in_whole_images_still_finds_k_different_images(tmp_path):
    distances = np.repeat(np.arange(3, dtype=np.float32), 2000)  # the first 2,000 tokens are all of image 0
    postings.build(tmp_path, "code", 1, 3, 2000, lambda: [(np.zeros(6000, np.uint16), distances)])
    rows, positions, nearest = postings.open_layer(tmp_path, "code", 1, 3, 2000).top_patches(0, 3)
    assert rows.tolist() == [0, 1, 2] and positions.tolist() == [0, 0, 0] and nearest.tolist() == [0, 1, 2]


def test_an_index_that_is_cut_off_or_of_other_images_is_not_used(tmp_path, tokens):
    written(tmp_path, tokens)
    assert postings.open_layer(tmp_path, "code", CODES, IMAGES + 1, CELLS) is None
    path = tmp_path / "code.tokens.npy"
    path.write_bytes(path.read_bytes()[:-100])
    assert postings.open_layer(tmp_path, "code", CODES, IMAGES, CELLS) is None


def test_codes_outside_the_codebook_and_missing_tokens_are_refused(tmp_path):
    with pytest.raises(BadInput, match="code 9"):
        postings.build(tmp_path, "code", 9, 1, 2, lambda: [(np.array([1, 9]), np.zeros(2, np.float32))])
    with pytest.raises(BadInput, match="2 tokens instead of 4"):
        postings.build(tmp_path, "code", 9, 2, 2, lambda: [(np.array([1, 2]), np.zeros(2, np.float32))])
    assert not list(tmp_path.iterdir())
