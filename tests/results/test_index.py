"""An index answers as looking at all images does, says how nearly, and is never one of other codes."""

from __future__ import annotations

import os

import numpy as np
import pytest

from explorer import results
from explorer.encodings import rows, vector_index
from explorer.errors import BadInput, Cancelled
from explorer.progress import Progress
from explorer.results import index
from explorer.study import open_study, similar
from explorer.study.similar import By

N, K, D = 6_000, 50, 16
WAYS = ("bag", "place", "zq", "ze")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A file of codes whose first ones fill images and last ones are rare, and latents in clusters."""
    found = tmp_path_factory.mktemp("codes")
    before, os.environ["EXPLORER_CACHE"] = os.environ.get("EXPLORER_CACHE"), str(found / "cache")
    generator = np.random.default_rng(0)
    shares = 1 / np.arange(1, K + 1)
    codes = generator.choice(K, (N, 4, 4), p=shares / shares.sum())
    centres = generator.normal(size=(40, D))
    latents = centres[generator.integers(0, 40, N)] + 0.5 * generator.normal(size=(N, D))
    np.savez(found / "mine.npz", codes=codes, codebook=generator.normal(size=(K, D)), latents=latents)
    yield found
    os.environ.pop("EXPLORER_CACHE") if before is None else os.environ.update(EXPLORER_CACHE=before)


@pytest.fixture
def study(folder):
    study = open_study(folder / "mine.npz")
    study.make("encoding")
    return study


@pytest.mark.parametrize("layer", ["", similar.EVERY])
@pytest.mark.parametrize("way", WAYS)
def test_the_answers_are_those_of_looking_at_all(study, monkeypatch, way, layer):
    by = By(way, layer)
    queries = [similar.represent(study, by, study.image(row)) for row in (0, 17, 5_999)]
    exact = [similar.nearest(study, by, query, 10, leave=(17,)) for query in queries]
    monkeypatch.setattr(index, "EXACT", 1_000)
    study.make("index", similar.indexing(study, by))
    assert similar.index_of(study, by) is not None
    for row, query, (best, cosines) in zip((0, 17, 5_999), queries, exact, strict=True):
        again = similar.represent(study, by, study.image(row))
        assert abs(again - query).max() < 1e-6
        found, near = similar.nearest(study, by, again, 10, leave=(17,))
        assert near == pytest.approx(cosines, abs=1e-5) and 17 not in found
        assert set(found[near > near[-1] + 1e-5]) <= set(best)


def test_clusters_find_the_ten_nearest_and_say_how_many_of_them(study):
    found = study.make("index", {"by": "ze", "exact": 0})
    facts = found.facts
    assert facts["kind"] == "ivf_pq" and facts["recall"] >= vector_index.ENOUGH and facts["queries"] == 200
    assert "of the true ten nearest" in index.told(facts)
    every, hits = similar.represented(study, By("ze")), 0
    asked = np.random.default_rng(9).integers(10, N, 50)
    for row in asked:
        best = np.argsort(-(every @ every[row]))[:11]
        hits += len(set(best[best != row][:10]) & set(found.nearest(every[[row]], 10, (int(row),))[0]))
    assert hits / (10 * len(asked)) > 0.9


def test_where_clusters_find_too_little_all_are_looked_at(study, monkeypatch):
    monkeypatch.setattr(vector_index, "EFFORTS", ((1, 1),))
    monkeypatch.setattr(index, "FORMAT", 99)  # another key
    found = study.make("index", {"by": "zq", "exact": 0})
    every = similar.represented(study, By("zq"))
    assert found.facts["kind"] == "vectors" and "looked at" in index.told(found.facts)
    assert found.nearest(every[[3]], 5)[1] == pytest.approx(np.sort(every @ every[3])[::-1][:5], abs=1e-5)


def test_what_is_no_number_is_like_nothing_and_breaks_nothing(study, monkeypatch):
    pooled = study.encoding.pooled

    def broken(layer, which=None):
        found = pooled(layer).copy()
        found[6] = np.nan
        return found[which]

    monkeypatch.setattr(study.encoding, "pooled", broken)
    monkeypatch.setattr(index, "FORMAT", 98)
    path = study.encoding.path.parent / "broken.index"
    progress = Progress(0, "images", quiet=True)
    index.make(study.subject, index.Options("ze"), path, progress, study.encoding)
    found = index.read(path)
    query = rows.Part(study.encoding, study.images, "ze", "code").rows(found.fitted[0], slice(0, 1))
    assert found.facts["vectors"] == N - 1 and np.isfinite(query).all()
    best, cosines = found.nearest(query, N)
    assert 6 not in best and best[0] == 0 and cosines[0] == pytest.approx(1) and np.isfinite(cosines).all()


def test_rows_come_in_blocks_of_any_size(study, monkeypatch):
    by = {way: rows.Part(study.encoding, study.images, way, "code") for way in WAYS}
    whole = {way: part.fit() for way, part in by.items()}
    monkeypatch.setattr(rows, "TOKENS", 16 * 700)
    monkeypatch.setattr(rows, "DENSE", 0)
    for way, part in by.items():
        for name, value in part.fit().items():
            assert value == pytest.approx(whole[way][name], abs=1e-6), (way, name)


def test_another_encoding_is_another_index(study, folder, tmp_path):
    kept = dict(np.load(folder / "mine.npz"))
    np.savez(tmp_path / "mine.npz", **kept | {"codes": kept["codes"][::-1]})
    other = open_study(tmp_path / "mine.npz")
    other.make("encoding")
    study.make("index", {"by": "bag"})
    assert study.result("index", {"by": "bag"}) is not None and other.result("index", {"by": "bag"}) is None
    path, _ = results.find("index", study.subject, {"by": "bag"})
    with pytest.raises(BadInput, match="other images or codes"):
        index.read(path, "another key")


def test_a_build_that_is_stopped_leaves_nothing_behind(study):
    class Stopping(Progress):
        def update(self, done, message="", **more):
            if "writing" in message:
                self.cancelled = True
            super().update(done, message, **more)

    path = results.path("index", study.subject, {"by": "place", "layer": "code", "exact": 7})
    killed = path.parent / f".{path.stem}.killed"
    killed.mkdir(parents=True)
    with pytest.raises(Cancelled):
        results.obtain(
            "index", study.subject, {"by": "place", "layer": "code", "exact": 7},
            progress=Stopping(0, "images", quiet=True),
        )  # fmt: skip
    assert not path.exists() and not killed.exists()
    assert not [one for one in path.parent.iterdir() if one.name.startswith(".")]


def test_damage_that_the_size_of_a_file_hides_is_one_sentence(study):
    made = study.make("index", {"by": "zq", "exact": 1})
    for file in (made.path / vector_index.FOLDER).rglob("*.lance"):
        file.write_bytes(os.urandom(file.stat().st_size))
    index._open.cache_clear()
    with pytest.raises(BadInput, match="is damaged"):
        index.read(made.path).nearest(np.ones((1, D), np.float32), 3)
    assert study.result("index", {"by": "zq", "exact": 1}) is None, "it is offered again"
    assert len(study.make("index", {"by": "zq", "exact": 1}).nearest(np.ones((1, D), np.float32), 3)[0]) == 3


@pytest.mark.parametrize("shape", [(1, 4), (60, 1)])
def test_one_image_and_one_number_are_searched_too(tmp_path, monkeypatch, shape):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    count, dim = shape
    generator = np.random.default_rng(0)
    arrays = {"codes": generator.integers(0, 3, (count, 2, 2)), "codebook": generator.normal(size=(3, dim))}
    np.savez(tmp_path / "small.npz", **arrays, latents=generator.normal(size=(count, dim)))
    study = open_study(tmp_path / "small.npz")
    study.make("encoding")
    for way in WAYS:
        found = study.make("index", {"by": way, "exact": 0})
        query = similar.represent(study, By(way), study.image(0))
        best, cosines = found.nearest(query, 3)
        assert len(best) <= count and (np.abs(cosines) <= 1 + 1e-5).all()
        own_mean = count == 1 and way in ("zq", "ze")
        assert not len(best) if own_mean else cosines[0] == pytest.approx(1, abs=1e-5)


def test_unknown_names_are_one_sentence(study):
    for asked, said in (({"by": "magic"}, "bag, place"), ({"by": "bag", "layer": "attic"}, "choose from code")):
        with pytest.raises(BadInput, match=said):
            study.make("index", asked)
