"""Codes that any tokenizer wrote: what of a file is read, and one sentence for whatever is wrong with it."""

from __future__ import annotations

import numpy as np
import pytest

from explorer import checkpoints, datasets, results
from explorer.datasets import codes
from explorer.errors import BadInput
from explorer.results.subject import Subject

N = 40


@pytest.fixture
def numbers() -> np.ndarray:
    """(N, 2, 2) codes of which the first says the label."""
    found = np.random.default_rng(0).integers(2, 6, (N, 2, 2))
    found[:, 0, 0] = np.arange(N) % 2
    return found


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))


def saved(folder, **arrays):
    np.savez(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def table(folder, ending: str, **columns):
    import pyarrow as pa

    made, path = pa.table(columns), folder / f"mine{ending}"
    if ending == ".lance":
        import lance

        lance.write_dataset(made, str(path))
    else:
        import pyarrow.parquet as parquet

        parquet.write_table(made, path)
    return path


def encoding(path, dataset: str = "", **more):
    return results.obtain("encoding", Subject.of(path, dataset, **more))[1]


@pytest.mark.parametrize("kind", ["grid", "row", "floats", "book", "latents", "pooled", "parquet", ".lance"])
def test_the_same_codes_come_out_of_every_kind_of_file(tmp_path, numbers, kind):
    generator, more = np.random.default_rng(1), {}
    given = numbers.reshape(N, 4) if kind == "row" else numbers.astype(float) if kind == "floats" else numbers
    if kind in ("book", "latents", "pooled"):
        more["codebook"] = generator.normal(size=(9, 3))
    if kind in ("latents", "pooled"):
        more["latents"] = generator.normal(size=(N, 2, 2, 3) if kind == "latents" else (N, 3))
    if kind in ("parquet", ".lance"):
        path = table(tmp_path, f".{kind.strip('.')}", codes=numbers.tolist(), label=["ab"[row % 2] for row in range(N)])
    else:
        path = saved(tmp_path, codes=given, label=np.arange(N) % 2, **more)
    found, facts = encoding(path), checkpoints.describe(path)
    assert (found.codes("code").reshape(N, 4) == numbers.reshape(N, 4)).all()
    assert facts.family == "codes" and facts.no_decoder and len(found.codebook("code")) == (9 if more else 6)
    assert found.layer("code").grid == ((1, 4) if kind == "row" else (2, 2))
    assert found.concepts()["label"].nunique() == 2 and found.pooled("code").shape[0] == N
    assert np.isfinite(found.codebook("code").vectors.numpy()).all()
    rows, _, distances = found.top_patches("code", 0, 5)
    assert (rows % 2 == 0).all() and np.isnan(distances).all() == (kind != "latents")
    with pytest.raises(BadInput, match="holds codes only: there is no network"):
        checkpoints.load(path)


def test_pooled_latents_and_vectors_are_those_of_the_file(tmp_path, numbers):
    generator = np.random.default_rng(1)
    book, latents = generator.normal(size=(9, 3)), generator.normal(size=(N, 2, 2, 3))
    found = encoding(saved(tmp_path, codes=numbers, codebook=book, latents=latents))
    np.testing.assert_allclose(found.codebook("code").vectors.numpy(), book, rtol=1e-6)
    np.testing.assert_allclose(found.pooled("code"), latents.mean((1, 2)), rtol=1e-5, atol=1e-6)
    away = np.linalg.norm(latents - book[numbers], axis=-1)
    np.testing.assert_allclose(found.distances("code"), away, rtol=1e-5)


def test_without_a_codebook_each_code_stands_at_the_mean_of_its_latents(tmp_path, numbers):
    latents = np.random.default_rng(1).normal(size=(N, 2, 2, 3))
    found = encoding(saved(tmp_path, codes=numbers, latents=latents)).codebook("code")
    np.testing.assert_allclose(found.vectors[3], latents[numbers == 3].mean(0), rtol=1e-4, atol=1e-6)
    assert found.kind == "means"


def test_several_layers_are_named_and_stand_coarse_to_fine(tmp_path, numbers):
    path = saved(tmp_path, codes_bottom=numbers, codes_top=numbers[:, :1, :1], codebook_top=np.eye(6))
    assert [(layer["name"], layer["codes"]) for layer in checkpoints.describe(path).layers] == [
        ("top", 6),
        ("bottom", 6),
    ]
    assert [encoding(path).codebook(name).kind for name in ("top", "bottom")] == ["learned", "placed"]


def test_one_code_one_token_and_five_images(tmp_path):
    found = encoding(saved(tmp_path, codes=np.zeros(5, int)))
    assert found.layer("code").grid == (1, 1) and found.usage("code").tolist() == [5]


def test_a_square_row_of_tokens_is_told_how_to_become_a_grid(tmp_path, numbers):
    notes = checkpoints.describe(saved(tmp_path, codes=numbers.reshape(N, 4))).notes
    assert any("save codes.reshape(-1, 2, 2)" in note for note in notes)


def test_another_content_is_another_checkpoint(tmp_path, numbers):
    first = checkpoints.fingerprint(saved(tmp_path, codes=numbers))
    assert checkpoints.fingerprint(saved(tmp_path, codes=numbers)) == first
    assert checkpoints.fingerprint(saved(tmp_path, codes=numbers[::-1])) != first


def test_codes_beyond_their_codebook_are_judged_without_it(tmp_path):
    path = saved(tmp_path, codes=np.arange(8).reshape(4, 2), codebook=np.eye(3))
    notes = checkpoints.describe(path).notes
    assert any("has code 7, and 'codebook' has 3 vectors, for codes 0 to 2; it is not used" in note for note in notes)
    assert encoding(path).codebook("code").kind == "placed"


BAD = {
    "negative": ({"codes": np.full((5, 2), -1)}, "has code -1, first in row 0"),
    "fraction": ({"codes": np.full((5, 2), 1.5)}, "has 1.5 in row 0, which is no whole number"),
    "nan": ({"codes": np.array([[1.0], [np.nan]])}, "has nan in row 1"),
    "text": ({"codes": np.array([["a", "b"]])}, "no numbers"),
    "empty": ({"codes": np.zeros((0, 4, 4), int)}, r"is \(0, 4, 4\), so there is no code in it"),
    "four axes": ({"codes": np.zeros((3, 2, 2, 2), int)}, "codes_0"),
    "long": ({"codes": np.zeros((1, 70_000), np.uint8)}, "70,000 tokens for each image; 65,536"),
    "large": ({"codes": np.full((2, 2), 2**24)}, "has code 16,777,216; codebooks of up to"),
    "flat book": ({"codes": np.zeros((3, 2), int), "codebook": np.ones(4)}, r"'codebook' in 'mine.npz' is \(4\)"),
    "book of nan": (
        {"codes": np.zeros((3, 2), int), "codebook": np.full((2, 2), np.nan)},
        "not finite, first in row 0",
    ),
    "other latents": ({"codes": np.zeros((3, 2), int), "latents": np.ones((4, 8))}, r"is \(4, 8\); give \(3, 8\)"),
    "other sizes": (
        {"codes_a": np.zeros((3, 2), int), "codes_b": np.zeros((4, 2), int)},
        "different numbers of images",
    ),
    "pickled": ({"codes": np.array([[1], None], object)}, "pickled"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_sentence_with_the_value(tmp_path, case):
    arrays, said = BAD[case]
    with pytest.raises(BadInput, match=said) as raised:
        checkpoints.describe(saved(tmp_path, **arrays))
    assert "\n" not in str(raised.value)


def test_ragged_lists_and_missing_ones_are_named(tmp_path):
    with pytest.raises(BadInput, match=r"lists of different lengths: 2 and, in row 1, 1"):
        checkpoints.describe(table(tmp_path, ".parquet", codes=[[1, 2], [1], [3, 4]]))
    with pytest.raises(BadInput, match="no codes in 1 of its rows"):
        checkpoints.describe(table(tmp_path, ".lance", codes=[[1, 2], None]))


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_file_that_is_cut_off_says_so(tmp_path, numbers, cut):
    path = saved(tmp_path, codes=np.tile(numbers, (20, 1, 1)))
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    with pytest.raises(BadInput):
        checkpoints.describe(path)


def test_an_archive_without_codes_says_what_it_holds(tmp_path):
    with pytest.raises(BadInput, match="no known weights, and none of which is called 'codes'"):
        checkpoints.describe(saved(tmp_path, weights=np.ones(3)))


def test_without_a_dataset_there_are_names_and_no_pixels(tmp_path, numbers):
    of = Subject.of(saved(tmp_path, codes=numbers, label=np.arange(N) % 2), limit=10)
    assert len(of.images) == 10 and not of.images.pictured and not of.images.held_out
    with pytest.raises(BadInput, match="codes and no pictures"):
        of.images.read([0])
    found = results.obtain("encoding", of)[1]
    assert (found.codes("code") == numbers[of.images.places]).all()


def test_a_checkpoint_still_needs_a_dataset():
    with pytest.raises(BadInput, match="name them with --dataset"):
        Subject.of("vqvae-digits")


def test_images_of_a_dataset_are_joined_by_their_names(tmp_path):
    images = datasets.load("digits", "test", 32)
    order = np.random.default_rng(0).permutation(len(images))[:50]
    numbers = np.arange(50)[:, None]
    path = table(tmp_path, ".parquet", codes=numbers.tolist(), file_name=[images.names[row] for row in order])
    of = Subject.of(path, "digits")
    assert [images.names[row] for row in np.sort(order)] == list(of.images.names) and of.images.pictured
    assert (results.obtain("encoding", of)[1].codes("code").ravel() == np.argsort(order)).all()
    assert any("have no codes and are left out" in note for note in of.images.notes)


def test_without_names_the_numbers_of_images_agree_or_a_sentence_says_both(tmp_path, numbers):
    with pytest.raises(BadInput, match=r"codes of 40 images, and digits has 355 in its split 'test'"):
        _ = Subject.of(saved(tmp_path, codes=numbers), "digits").images
    whole = saved(tmp_path, codes=np.arange(355)[:, None])
    of = Subject.of(whole, "digits", limit=20)
    assert (results.obtain("encoding", of)[1].codes("code").ravel() == codes.open_file(whole).parts[0].codes.ravel()[
        of.images.places]).all() and len(of.images) == 20  # fmt: skip
