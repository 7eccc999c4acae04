"""Which way to search is scored rightly: planted codes, codes that say nothing, copies, sets, and what pages read."""

from __future__ import annotations

import numpy as np
import pytest

from explorer import results
from explorer.errors import BadInput
from explorer.notebook import sets
from explorer.results.subject import Subject
from explorer.study import Study, open_study, retrieval_quality, similar
from explorer.study.similar import By

SIZES = (60, 30, 10)  # images of three values, sorted by value as folders are


@pytest.fixture
def file(tmp_path):
    """`file(codes)` -> the subject of a file of codes (100, H, W) whose images have three values, sorted."""

    def write(codes, **columns) -> Subject:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npz"
        labels = np.repeat(["a", "b", "c"], SIZES)
        np.savez(path, codes=codes, label=labels, **columns)
        return Subject.of(path)

    return write


def scored(subject, way, concept="label", **options):
    """The scores of a way on each layer, and the whole."""
    found = results.obtain("retrieval", subject, options)[1]
    scores = next(one for one in found["concepts"] if one["concept"] == concept)
    at = [place for place, one in enumerate(found["ways"]) if one["way"] == way]
    return {name: scores[name][at[0]] for name in ("map", "macro", "precision")}, scores, found


def planted(seed=0) -> np.ndarray:
    """(100, 2, 2): one code, in any cell, says the value; the others are the same everywhere."""
    codes, rng = np.zeros((100, 4), int), np.random.default_rng(seed)
    codes[np.arange(100), rng.integers(0, 4, 100)] = np.repeat([1, 2, 3], SIZES)
    return codes.reshape(100, 2, 2)


def test_a_code_that_is_the_concept_finds_everything(file):
    bag, scores, found = scored(file(planted()), "bag")
    assert bag["map"] == [1, 1, 1] and bag["macro"] == [1, 1, 1]
    # ten images of c: nine others fill nine of ten places
    assert bag["precision"][0] == pytest.approx((60 + 30 + 10 * 0.9) / 100, abs=1e-4)
    assert scores["possible"] == pytest.approx(bag["precision"][0], abs=1e-4)
    best = scores["best"]
    assert found["ways"][best["way"]] == {"way": "bag", "layer": "code", "group": "codes"}
    assert best["difference"][1] > 0 and best["queries"] < 100 == scores["queries"]
    place, _, _ = scored(file(planted()), "place")
    assert place["map"][0] < 0.9  # where the code stands says nothing


def test_one_code_for_everything_is_chance_though_rows_are_sorted(file):
    subject = file(np.zeros((100, 2, 2), int))
    chance, scores, _ = scored(subject, "chance")
    for way in ("bag", "place", "zq", "shuffled"):
        one = scored(subject, way)[0]
        assert one["map"][0] == pytest.approx(chance["map"][0], abs=1e-4)
        assert one["precision"][0] == pytest.approx(chance["precision"][0], abs=1e-4)
    expected = sum(size * (size - 1) / 99 for size in SIZES) / 100
    assert chance["precision"][0] == pytest.approx(expected, abs=1e-4)
    value, low, high = scores["best"]["difference"]
    assert value == pytest.approx(0, abs=1e-4) and low < 0 < high


def test_codes_at_random_are_chance_within_the_interval(file):
    subject = file(np.random.default_rng(1).integers(0, 30, (100, 4, 4)))
    chance = scored(subject, "chance")[0]["map"][0]
    for way in ("bag", "place", "shuffled"):
        value, low, high = scored(subject, way)[0]["map"]
        assert low - 0.03 < chance < high + 0.03 and abs(value - chance) < 0.06


def test_rare_values_count_as_much_in_the_macro_average(file):
    codes = planted()
    codes[90:] = codes[60:70]  # the rarest value looks like another
    one, scores, _ = scored(file(codes), "bag")
    assert one["map"][0] > one["macro"][0] + 0.1
    by_value = {each["value"]: each for each in scores["values"]}
    assert [by_value[name]["queries"] for name in "abc"] == list(SIZES)
    assert one["macro"][0] == pytest.approx(np.mean([each["map"][0] for each in scores["values"]]), abs=1e-3)


def test_images_without_a_value_or_another_of_it_are_not_searched_for(file):
    labels = np.array(["x"] * 50 + ["y"] * 40 + [""] * 10)
    columns = {"other": np.array([f"{one}" if one else "nan" for one in labels])}
    subject = file(planted(), **columns)
    table = results.obtain("encoding", subject)[1].concepts()["other"]
    _, scores, _ = scored(subject, "bag", "other")
    assert scores["images"] == int(table.notna().sum()) and scores["queries"] + scores["alone"] == scores["images"]


def test_of_a_set_only_its_own_images_are_searched_for(file):
    subject = file(planted())
    sets.keep(subject.images.fingerprint, "mine", range(60, 90), model=subject.fingerprint)
    plain = results.obtain("retrieval", subject)[1]
    assert [one["concept"] for one in plain["concepts"]] == ["label"]
    found = results.obtain("retrieval", subject, {"concept": "set: mine"})[1]
    scores = found["concepts"][0]
    bag = dict(zip([one["way"] for one in found["ways"]], scores["map"], strict=True))["bag"]
    assert scores["queries"] == 30 and scores["images"] == 100 and bag[0] == 1 and "chosen by" in scores["circular"]
    before = results.key("retrieval", subject, {"concept": "set: mine"}), results.key("retrieval", subject)
    sets.add(subject.images.fingerprint, "mine", [1])
    after = results.key("retrieval", subject, {"concept": "set: mine"}), results.key("retrieval", subject)
    assert before[0] != after[0] and before[1] == after[1]


def test_what_is_asked_in_vain_is_one_sentence(file):
    subject = file(planted())
    with pytest.raises(BadInput, match="choose from label"):
        results.obtain("retrieval", subject, {"concept": "colour"})
    with pytest.raises(BadInput, match="nothing-such"):
        results.obtain("retrieval", subject, {"encoder": "nothing-such"})
    study = Study(subject)
    found = study.make("retrieval")
    with pytest.raises(BadInput, match="choose from label"):
        retrieval_quality.of_concept(found, "colour")
    assert retrieval_quality.quality(study)["bag"] | {"layer": ""} == {
        "map": 1, "low": 1, "high": 1, "precision": 0.99, "layer": "", "concept": "label",
        "queries": found["concepts"][0]["queries"], "k": found["k"],
    }  # fmt: skip


def test_no_concept_is_said_and_not_a_failure(tmp_path):
    np.savez(tmp_path / "bare.npz", codes=np.zeros((20, 2, 2), int))
    subject = Subject.of(tmp_path / "bare.npz")
    found = results.obtain("retrieval", subject)[1]
    assert found["concepts"] == [] and retrieval_quality.quality(Study(subject)) == {}


def test_searches_are_judged_by_the_rows_that_they_use():
    """The first ten of the page's own search, hit by hit, are what precision is made of."""
    study = open_study("vqvae-digits")
    assert study.result("retrieval") is not None, "it ships"
    digits = study.concepts()["digit"].astype(str).to_numpy()
    told = retrieval_quality.quality(study, "digit")
    for way in ("bag", "place", "zq", "ze", "pixels", "colours"):
        hits = []
        for row in range(len(digits)):
            query = similar.represent(study, By(way), study.image(row))
            rows, _ = similar.nearest(study, By(way), query, 10, (row,))
            hits.append((digits[rows] == digits[row]).mean())
        assert told[way]["precision"] == pytest.approx(np.mean(hits), abs=0.004), way  # ties are broken by lot there
    assert told["chance"]["precision"] == pytest.approx(0.099, abs=0.002)


def test_another_encoder_is_searched_by(tmp_path):
    found = results.obtain("retrieval", Subject.of("vqvae-digits", "digits", limit=60), {"encoder": "vqvae-digits"})[1]
    place = {(one["way"], one["layer"]): at for at, one in enumerate(found["ways"])}
    scores = found["concepts"][0]
    assert scores["map"][place["encoder", ""]] == scores["map"][place["ze", "code"]]
    assert {one["group"] for one in found["ways"]} == {"codes", "latents", "untrained", "image", "nothing", "encoder"}
