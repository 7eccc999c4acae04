"""What methods find is judged rightly: planted tastes reach the ceiling, one code for everything is chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer import results
from explorer.datasets import interactions, tastes
from explorer.errors import BadInput
from explorer.results.subject import Subject

K = 10
SIZES = (60, 60, 60, 60)  # images of four values, sorted by value as folders are


@pytest.fixture
def judged(tmp_path):
    """`judged(codes, **settings)` -> the result for simulated users of 240 images, of which a file has the codes."""

    def made(codes, **settings):
        number = len(list(tmp_path.iterdir()))
        labels = np.repeat(["a", "b", "c", "d"], SIZES)
        np.savez(tmp_path / f"{number}.npz", codes=codes, label=labels)
        subject = Subject.of(tmp_path / f"{number}.npz")
        asked = {"users": 300, "each": 8, "likes": 1, "dislikes": 0, "popularity": 0, "noise": 0.1, "strength": 6.0}
        looked = tastes.simulate(pd.DataFrame({"label": labels}), tastes.Settings(**asked | settings))
        key = interactions.keep(interactions.of_simulated(looked, subject.images))
        found = results.obtain("relations", subject, {"interactions": key, "k": K, "half_life": 0.0})[1]
        return found, {one["name"]: one for one in found["methods"]}, {one["name"]: one for one in found["cold"]}

    return made


def planted(seed=0):
    """(240, 2, 2): one code, in any cell, is the value; the others are the same everywhere."""
    codes, rng = np.zeros((240, 4), int), np.random.default_rng(seed)
    codes[np.arange(240), rng.integers(0, 4, 240)] = np.repeat([1, 2, 3, 4], SIZES)
    return codes.reshape(240, 2, 2)


def test_a_code_that_is_the_taste_reaches_the_ceiling(judged):
    found, methods, cold = judged(planted())
    bag, ceiling = methods["bag"], found["ceiling"]["hit_rate"]
    assert bag["low"] <= ceiling <= bag["high"] and bag["hit_rate"] == pytest.approx(ceiling, rel=0.1)
    assert bag["hit_rate"] > 3 * methods["random"]["hit_rate"]
    assert cold["bag"]["hit_rate"] == pytest.approx(found["cold_start"]["ceiling"]["hit_rate"], rel=0.1)
    assert cold["bag"]["low"] > cold["item-kNN"]["high"]
    best = found["cold_start"]["best"]
    assert best["method"] in ("bag", "place", "zq") and best["difference"]["low"] > 0
    assert methods[found["best_baseline"]]["difference"] is None and bag["difference"]["value"] == pytest.approx(
        bag["hit_rate"] - methods[found["best_baseline"]]["hit_rate"], abs=1e-4
    )


def test_one_code_for_everything_is_chance_and_never_more(judged):
    found, methods, cold = judged(np.zeros((240, 2, 2), int), popularity=1.0)
    for name in ("bag", "place", "zq"):
        assert methods[name]["hit_rate"] == methods["random"]["hit_rate"], name
        assert methods[name]["hit_rate"] < methods["popularity"]["hit_rate"]
        assert cold[name]["hit_rate"] == cold["random"]["hit_rate"]
    assert found["best"]["difference"]["high"] < 0


def test_nobody_knows_new_products_but_by_what_they_look_like(judged):
    found, _, cold = judged(planted(1))
    for name in ("popularity", "item-kNN"):
        assert cold[name]["hit_rate"] == pytest.approx(cold["random"]["hit_rate"])
        assert cold[name]["popularity"] is None
    assert found["cold_start"]["products"] == 48 and found["cold_start"]["held"] >= found["cold_start"]["judged"]


def test_users_without_taste_are_found_by_nothing(judged):
    found, methods, _ = judged(planted(), strength=0.0)
    chance = methods["random"]["hit_rate"]
    assert found["ceiling"]["hit_rate"] == pytest.approx(chance, rel=0.02)
    assert methods["bag"]["low"] < chance < methods["bag"]["high"]


def test_what_is_told_beside_it(judged):
    found, methods, _ = judged(planted())
    assert found["users"] == found["judged"] == 300 and found["held"] == "last" and found["simulated"]
    assert found["images"] == found["products"] == 240 and found["items"] <= 240 and not found["notes"]
    for one in methods.values():
        assert 0 <= one["low"] <= one["hit_rate"] <= one["high"] <= 1 and one["mrr"] <= one["ndcg"] <= one["hit_rate"]
        assert 0 < one["coverage"] <= 1 and 0 <= one["gini"] <= 1 and 0 <= one["popularity"] <= 1
    assert methods["popularity"]["popularity"] > 0.9 > methods["popularity"]["coverage"]
    rates = [one["hit_rate"] for one in found["methods"]]
    assert rates == sorted(rates, reverse=True)


def table(tmp_path, rows, columns="user_id,image_id"):
    path = tmp_path / "looked.csv"
    path.write_text("\n".join([columns, *(",".join(map(str, row)) for row in rows)]))
    return str(path)


def test_users_with_one_product_and_one_user(tmp_path):
    subject = Subject.of("vqvae-digits", "digits")
    alone = results.obtain("relations", subject, {"interactions": table(tmp_path, [(u, u) for u in range(5)])})[1]
    assert alone["methods"] == alone["cold"] == [] and alone["judged"] == 0 and alone["alone"] == 5
    assert "No user looked at two different products" in alone["notes"][-1] and "missing" in alone["cold_start"]
    one = results.obtain("relations", subject, {"interactions": table(tmp_path, [("me", row) for row in range(9)])})[1]
    assert one["users"] == one["judged"] == 1 and one["best"] is None and one["held"] == "any"
    assert one["methods"] and one["ceiling"] is None and any("one user only" in note for note in one["notes"])


def test_a_set_that_is_deleted_takes_its_results_along(tmp_path):
    subject = Subject.of("vqvae-digits", "digits")
    found = interactions.read(table(tmp_path, [(u % 7, u) for u in range(40)]), subject.images)
    key = interactions.keep(found)
    path, told = results.obtain("relations", subject, {"interactions": key})
    assert told["interactions"] == key and path.exists()
    interactions.forget(key)
    assert not path.exists()
    with pytest.raises(BadInput, match="not kept here"):
        results.obtain("relations", subject, {"interactions": key})


@pytest.mark.parametrize(
    ("named", "said"),
    [("", "name what users looked at"), ("nothing.csv", "no file 'nothing.csv'"), ("0" * 16, "not kept here")],
)
def test_what_is_not_there_is_said(named, said):
    with pytest.raises(BadInput, match=said):
        results.obtain("relations", Subject.of("vqvae-digits", "digits"), {"interactions": named})


def test_ids_of_users_are_in_no_result(tmp_path):
    subject = Subject.of("vqvae-digits", "digits")
    path, _ = results.obtain(
        "relations", subject, {"interactions": table(tmp_path, [(f"jane{u % 7}@x.org", u) for u in range(40)])}
    )
    assert b"jane" not in path.read_bytes()
