"""What one representation of the images tells of every concept: jointly, by a probe, and by its best single codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.analysis.concepts import probes, scoring, single
from explorer.analysis.concepts.folds import Folds
from explorer.analysis.concepts.probes import Answers
from explorer.analysis.concepts.scoring import NONE, Estimate
from explorer.analysis.concepts.single import Best
from explorer.analysis.concepts.values import Concept


@dataclass(frozen=True)
class Representation:
    """What stands for n images.

    Attributes:
        features: (n, F) for probes. counts: (n, K) tokens of each code; None where there are no codes.
    """

    features: Any
    counts: Any = None


@dataclass(frozen=True)
class Reading:
    """What a representation tells of one concept.

    Attributes:
        joint: of a linear probe: balanced accuracy, or R² of a number. answers: of the probe.
        joint_values: average precision of its score for each value.
        single: mean average precision of the best single code of each value; single_values, best: of each value.
    """

    joint: Estimate
    answers: Answers
    joint_values: list[Estimate]
    single: Estimate = NONE
    single_values: tuple[Estimate, ...] = ()
    best: tuple[Best, ...] = ()


def read(
    representation: Representation,
    concepts: Sequence[Concept],
    folds: Folds,
    draws: int = scoring.PRECISION_DRAWS,
) -> list[Reading]:
    """What a representation tells of each concept, on images that nothing was fitted on.

    Without `draws` of a bootstrap, average precisions have no interval.
    """
    answers = probes.linear(representation.features, concepts, folds)
    marks = None if representation.counts is None else single.best(representation.counts, concepts, folds)
    found = []
    for place, (concept, said) in enumerate(zip(concepts, answers, strict=True)):
        rankings = [(ranking, concept.index == value) for value, ranking in enumerate(ranked(concept, said))]
        joint_values = _precisions(concept, rankings, folds, draws)[0]
        reading = Reading(scored(concept, said), said, joint_values)
        if marks is not None:
            best = marks[place]
            rankings = [(one.scores, concept.index == value) for value, one in enumerate(best)]
            values, mean = _precisions(concept, rankings, folds, draws)
            reading = Reading(reading.joint, said, joint_values, mean, tuple(values), tuple(best))
        found.append(reading)
    return found


def scored(concept: Concept, said: Answers) -> Estimate:
    """Balanced accuracy of the answers, or R² about a number."""
    if concept.numbers is not None:
        numbers = standardised(concept)
        return scoring.explained(said.scores[:, 0], numbers)
    return scoring.balanced_accuracy(said.values, concept.index, len(concept.values))


def ranked(concept: Concept, said: Answers) -> list[np.ndarray]:
    """Rankings (n,) of the images for each value: the probe's score; of a fifth of a number, how near the answer is."""
    if concept.numbers is None:
        return list(said.scores.T)
    numbers, answer = standardised(concept), said.scores[:, 0]
    middles = [np.median(numbers[concept.index == value]) for value in range(len(concept.values))]
    ends = (-answer, answer)  # the lowest and the highest fifth have no other side
    return [
        ends[value > 0] if value in (0, len(middles) - 1) else -np.abs(answer - middle)
        for value, middle in enumerate(middles)
    ]


def shuffled(
    representation: Representation, concepts: Sequence[Concept], folds: Folds, times: int, seed: int = 0
) -> list[tuple[list[float], list[float]]]:
    """What is told of each concept when its labels are shuffled among the images: joint and single scores."""
    rng = np.random.default_rng([seed, 23])
    many = [one.of(_order(rng, one)) for one in concepts for _ in range(times)]
    answers = probes.linear(representation.features, many, folds)
    marks = None if representation.counts is None else single.best(representation.counts, many, folds)
    found = []
    for place in range(len(concepts)):
        joint, alone = [], []
        for at in range(place * times, (place + 1) * times):
            joint.append(_point(many[at], answers[at]))
            if marks is not None:
                rankings = [(one.scores, many[at].index == value) for value, one in enumerate(marks[at])]
                alone.append(_precisions(many[at], rankings, folds, draws=0)[1].score)
        found.append((joint, alone))
    return found


def _order(rng: np.random.Generator, concept: Concept) -> np.ndarray:
    """Rows in another order: images that have a value change places among themselves."""
    order, known = np.arange(len(concept)), np.flatnonzero(concept.known)
    order[known] = rng.permutation(known)
    return order


def _point(concept: Concept, said: Answers) -> float:
    """The score of answers without an interval."""
    if concept.numbers is not None:
        numbers, answer = standardised(concept), said.scores[:, 0]
        asked = np.isfinite(numbers) & np.isfinite(answer)
        spread = np.square(numbers[asked] - numbers[asked].mean()).sum() if asked.any() else 0.0
        return float(1 - np.square(numbers[asked] - answer[asked]).sum() / spread) if spread > 0 else float("nan")
    asked = (said.values >= 0) & concept.known
    images = np.bincount(concept.index[asked], minlength=len(concept.values))
    right = np.bincount(concept.index[asked & (said.values == concept.index)], minlength=len(concept.values))
    return float((right[images > 0] / images[images > 0]).mean()) if images.any() else float("nan")


def _precisions(concept: Concept, rankings, folds: Folds, draws: int = scoring.PRECISION_DRAWS) -> tuple:
    """Average precision of each value and their mean, among the images that have a value and were scored."""
    asked = concept.known & (folds.number >= 0) & np.isfinite(np.stack([one for one, _ in rankings])).all(0)
    some = [(ranking[asked], positive[asked]) for ranking, positive in rankings]
    return scoring.precisions(some, draws)


def standardised(concept: Concept) -> np.ndarray:
    """Numbers as a probe answers them: in units of their spread about their mean."""
    return (concept.numbers - np.nanmean(concept.numbers)) / max(float(np.nanstd(concept.numbers)), 1e-12)
