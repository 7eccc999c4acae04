"""Whether a score tells two sets apart, with an interval that holds, and the sentence that says so."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import outliers


def test_areas_that_are_known():
    same = np.array([1.0, 2, 3, 4])
    assert outliers.auroc(same, same)["auroc"] == 0.5
    assert outliers.auroc(same, same + 10)["auroc"] == 1 and outliers.auroc(same, same - 10)["auroc"] == 0
    assert outliers.auroc(np.array([1.0, 3]), np.array([2.0, 3]))["auroc"] == (1 + 0 + 1 + 0.5) / 4
    assert outliers.auroc(same, np.full(4, np.nan))["auroc"] is None
    assert outliers.auroc(same, np.array([9.0]))["low"] is None, "one image has no interval"


def test_area_and_interval_are_those_of_others():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    usual, other = rng.normal(size=60).round(1), rng.normal(0.7, 1.3, 45).round(1)  # rounded, so that there are ties
    found = outliers.auroc(usual, other)
    labels = np.r_[np.zeros(60), np.ones(45)]
    assert found["auroc"] == pytest.approx(roc_auc_score(labels, np.r_[usual, other]))
    table = (other > usual[:, None]) + (other == usual[:, None]) / 2  # DeLong's variance, written out
    variance = table.mean(1).var(ddof=1) / 60 + table.mean(0).var(ddof=1) / 45
    logit = np.log(found["auroc"] / (1 - found["auroc"]))
    half = outliers.Z * np.sqrt(variance) / (found["auroc"] * (1 - found["auroc"]))
    ends = 1 / (1 + np.exp(-np.array([logit - half, logit + half])))
    assert [found["low"], found["high"]] == pytest.approx(ends)


def test_the_interval_holds():
    rng, truth = np.random.default_rng(0), 0.7602499389065233  # of two normals one standard deviation apart
    hits = 0
    for _ in range(300):
        found = outliers.auroc(rng.normal(size=40), rng.normal(1, 1, 40))
        hits += found["low"] <= truth <= found["high"]
    assert hits / 300 > 0.92


def test_copies_are_one_image():
    rng = np.random.default_rng(2)
    usual, other = rng.normal(size=30), rng.normal(0.5, 1, 30)
    single = outliers.auroc(usual, other)
    doubled = np.repeat(usual, 3), np.repeat(other, 3)
    groups = np.repeat(np.arange(60), 3)
    grouped, naive = outliers.auroc(*doubled, groups), outliers.auroc(*doubled)
    assert grouped["auroc"] == pytest.approx(single["auroc"])
    assert grouped["high"] - grouped["low"] == pytest.approx(single["high"] - single["low"], rel=1e-6)
    assert naive["high"] - naive["low"] < 0.7 * (grouped["high"] - grouped["low"])


def test_paired_differences():
    rng = np.random.default_rng(3)
    usual, other = rng.normal(size=80), rng.normal(1, 1, 80)
    nothing = outliers.difference((usual, other), (usual, other))
    assert nothing["difference"] == 0 and nothing["low"] == nothing["high"] == 0
    noisy = usual + rng.normal(0, 2, 80), other + rng.normal(0, 2, 80)
    found = outliers.difference((usual, other), noisy)
    assert found["low"] > 0 and found["high"] <= 1
    areas = outliers.auroc(usual, other)["auroc"] - outliers.auroc(*noisy)["auroc"]
    assert found["difference"] == pytest.approx(areas)


def scores(bits, **others):
    return outliers.told({"bits": bits, **others})


def test_sentences_are_true_either_way():
    rng = np.random.default_rng(4)
    low, high, wide = rng.normal(size=200), rng.normal(3, 1, 200), rng.normal(size=200)
    clear = outliers.sentences(scores((low, high), psnr=(low, wide)), "digits", "shapes")
    assert "surprises the prior more" in clear[0] and "None of the simple scores" in clear[1]
    beaten = outliers.sentences(scores((low, low + 0.5), size=(low, low + 9)), "digits", "shapes")
    assert beaten[1] == "The compressed size of the picture alone does it better."
    equal = outliers.sentences(scores((low, high), psnr=(low, high)), "digits", "shapes")
    assert "alone does it as well" in equal[1]
    simpler = outliers.sentences(scores((high, low), size=(low, high)), "digits", "shapes")
    assert "more likely than its own" in simpler[0] and "Nalisnick" in simpler[0]
    turned = outliers.sentences(scores((low, high - 2.5), size=(high, low)), "digits", "shapes")
    assert "the other way round" in turned[1]
    assert "the same way round" in outliers.sentences(scores((high, low), psnr=(high, low)), "digits", "shapes")[1]
    assert "find" in simpler[1], "the compressed size sees what the prior does not"
    unsure = outliers.sentences(scores((low, wide)), "digits", "shapes")
    assert "do not tell" in unsure[0]
    assert "by construction" in outliers.sentences(scores((low, low)), "digits", "digits", same=True)[0]
