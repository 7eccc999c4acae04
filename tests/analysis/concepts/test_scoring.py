"""Scores against hand-computed cases and scikit-learn's, and intervals that behave."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score, r2_score

from explorer.analysis.concepts import probes, scoring, single, values
from explorer.analysis.concepts.folds import folds


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    true, said = rng.integers(0, 4, 300), rng.integers(0, 4, 300)
    assert scoring.balanced_accuracy(said, true, 4).score == pytest.approx(balanced_accuracy_score(true, said))
    tokens, positive = rng.integers(0, 5, 300), rng.random(300) < 0.2
    found = scoring.average_precision(tokens, positive)
    assert found.score == pytest.approx(average_precision_score(positive, tokens))
    assert found.low < found.score < found.high
    numbers, answers = rng.normal(size=300), rng.normal(size=300)
    assert scoring.explained(answers, numbers).score == pytest.approx(r2_score(numbers, answers))
    assert scoring.explained_gain(answers, numbers, numbers).score == pytest.approx(1 - r2_score(numbers, answers))
    assert scoring.gain(said, true, true, 4).score == pytest.approx(1 - balanced_accuracy_score(true, said))


def test_balanced_accuracy_by_hand_counts_every_value_alike():
    found = scoring.balanced_accuracy(np.array([0, 0, 0, 0, 1, -1]), np.array([0, 0, 0, 1, 1, 1]), 3)
    assert found.score == pytest.approx((1 + 0.5) / 2) and found.n == 5


@pytest.mark.parametrize("images", [20, 200])
def test_a_score_without_a_fault_is_not_certain(images):
    true = np.arange(images) % 2
    right = scoring.balanced_accuracy(true, true, 2)
    assert right.score == right.high == 1 and 1 - 8 / images < right.low < 1
    ranked = scoring.average_precision(true.astype(float), true == 1)
    assert ranked.score == 1 and 0.5 < ranked.low < 1 and ranked.high == 1


def test_what_cannot_be_scored_has_no_score():
    assert scoring.balanced_accuracy(np.full(3, -1), np.arange(3), 3).n == 0
    assert scoring.precisions([(np.arange(3.0), np.zeros(3, bool))]) == ([scoring.NONE], scoring.NONE)
    assert scoring.explained(np.ones(5), np.ones(5)).n == 0


def test_the_best_code_is_chosen_on_other_images_than_it_is_scored_on():
    rng = np.random.default_rng(0)
    truth, counts = np.arange(200) % 2, rng.poisson(1.0, (200, 30))
    counts[:, 7] += 3 * truth
    concept = values.prepared("kind", pd.Series(truth.astype(str)))
    zero, one = single.best(counts, [concept], folds(200))[0]
    assert one.code == 7 and zero.code != 7 and np.array_equal(one.scores, counts[:, 7])
    divided = folds(200)
    fit, scored = next(iter(divided))
    lucky = np.zeros((200, 2), int)
    lucky[fit, 0], lucky[scored, 1] = truth[fit], truth[scored]
    chosen = single.chosen_codes(lucky[fit], (truth == 1)[fit][:, None], np.ones((len(fit), 1), bool))
    assert chosen == [0], "what is only right on scored images is not seen when a code is chosen"


def test_chosen_by_the_average_precision_that_scikit_learn_gives():
    rng = np.random.default_rng(3)
    counts, positive = rng.integers(0, 4, (150, 12)), rng.random((150, 3)) < 0.3
    chosen = single.chosen_codes(counts, positive, np.ones((150, 3), bool))
    for value, code in enumerate(chosen):
        each = [average_precision_score(positive[:, value], counts[:, one]) for one in range(12)]
        assert each[code] == pytest.approx(max(each))


@pytest.mark.parametrize("ask", [probes.linear, probes.nearest])
def test_a_rare_value_is_not_drowned_and_missing_labels_are_left_out(ask):
    rng = np.random.default_rng(0)
    truth = (rng.random(600) < 0.06).astype(int)
    labels = pd.Series(truth.astype(str)).mask(rng.random(600) < 0.1)
    concept = values.prepared("rare", labels)
    said = ask(np.stack([truth + rng.normal(0, 0.2, 600), rng.normal(size=600)], 1), [concept], folds(600))[0]
    assert scoring.balanced_accuracy(said.values, concept.index, 2).score > 0.9
    assert said.fitted < 600 * 0.8
    nothing = ask(rng.normal(size=(600, 3)), [concept], folds(600))[0]
    assert scoring.balanced_accuracy(nothing.values, concept.index, 2).score < 0.62


def column(kind: str, images: int = 4_000) -> pd.Series:
    numbers = np.arange(images)
    return {
        "one value": pd.Series(["a"] * images), "a value per image": pd.Series([f"i{one}" for one in numbers]),
        "all missing": pd.Series([None] * images), "3,000 values": pd.Series([f"v{one % 3_000}" for one in numbers]),
    }[kind]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("one value", "is a in every image"),
        ("a value per image", "another value in each of 4,000 images"),
        ("all missing", "no value in any of these 4,000 images"),
        ("3,000 values", "has 3,000 values; at most 200"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(kind, says):
    found = values.prepared("thing", column(kind))
    assert isinstance(found, str) and says in found and found.startswith("thing ") and not found.endswith(".")


def test_dates_and_numbers_as_text_are_numbers_and_whole_ones_are_values():
    days = pd.Series(pd.date_range("2020-01-01", periods=100).astype(str))
    assert np.ptp(values.prepared("day", days).numbers) == 99
    text = values.prepared("price", pd.Series([f"{one / 7:.3f}" for one in range(100)]))
    assert text.numbers[7] == 1 and len(text.values) == 5 and np.bincount(text.index).tolist() == [20] * 5
    few = values.prepared("legs", pd.Series([2, 4, 2, 4, 6] * 20))
    assert few.numbers is None and few.values == ("2", "4", "6")
    rare = values.prepared("kind", pd.Series(["a"] * 20 + ["b"] * 20 + ["c"]))
    assert rare.values == ("a", "b") and rare.rare == ("c",) and rare.index[-1] == -1
