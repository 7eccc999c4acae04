"""The verdict on every concept in one layer: what its codes tell, beside every null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from explorer.analysis.concepts import features, probes, readings, scoring, verdicts
from explorer.analysis.concepts.folds import Folds
from explorer.analysis.concepts.readings import Reading, Representation
from explorer.analysis.concepts.scoring import NONE, Estimate
from explorer.analysis.concepts.values import Concept
from explorer.analysis.concepts.verdicts import Band, Scored
from explorer.analysis.usage import count_tokens, entropy_bits

SHUFFLES = 8
POWER = 1.96 + 0.84  # standard errors that a score must lie above a bound so that its interval does in 80 % of samples


@dataclass(frozen=True)
class Beside:
    """What the codes are compared with; all of it of the same n images, readings of the same concepts.

    Attributes:
        nulls: {name: what each seed of it tells of each concept}.
        points: {name: features (n, F)} of the probe ladder before the codes, in its order.
        pictures: (n, P) computed properties of the pictures, such as lightness; None without pixels.
    """

    nulls: Mapping[str, Sequence[list[Reading]]] = field(default_factory=dict)
    points: Mapping[str, Any] = field(default_factory=dict)
    pictures: np.ndarray | None = None


def judge(
    codes: np.ndarray, size: int, concepts: Sequence[Concept], folds: Folds, beside: Beside | None = None
) -> list[dict[str, Any]]:
    """What `results/scores/judgement.py` says of each concept × this layer.

    Args:
        codes: (n, H, W) in [0, K). size: K. folds: of the n images.
    """
    beside = beside or Beside()
    found = decided(codes, size, concepts, folds, beside)
    if not found:
        return []
    ladder, controls = climb(codes, size, concepts, folds, beside.points), control(codes, size, concepts, folds)
    together = with_pictures(features.both(codes, size), concepts, folds, beside.pictures)
    for row, steps, task, more in zip(found, ladder, controls, together, strict=True):
        gained = row["joint"]["score"] - task.score
        row |= {"ladder": steps, "given_pictures": more, "selectivity": {"control": task.score, "selectivity": gained}}
    return found


def decided(
    codes: np.ndarray, size: int, concepts: Sequence[Concept], folds: Folds, beside: Beside
) -> list[dict[str, Any]]:
    """The verdict on each concept, and the scores and nulls that decided; arguments as of `judge`."""
    if not concepts:
        return []
    own = Representation(features.both(codes, size), features.counts(codes, size))
    told = readings.read(own, concepts, folds)
    chance = readings.shuffled(own, concepts, folds, SHUFFLES)
    nulls = {name: list(seeds) for name, seeds in beside.nulls.items()}
    if codes.shape[1] * codes.shape[2] > 1:
        nulls[verdicts.STANDING] = [readings.read(Representation(features.standing(codes)), concepts, folds)]
    share, found = place_share(codes, size), []
    for place, concept in enumerate(concepts):
        of = {name: [seed[place] for seed in seeds] for name, seeds in nulls.items()}
        row = _row(concept, told[place], of, chance[place], share, folds)
        found.append(row | {"place_share": share})
    return found


def place_share(codes: np.ndarray, size: int) -> float:
    """Share of the bits of the codes (n, H, W) that their place alone tells: I(code; position) / H(code), in [0, 1].

    Beside H(code | position) stands that of the same tokens put at random places: of few images and many codes both are
    too low alike. Entropies with the correction of Miller, Note on the bias of information estimates, 1955.
    """
    flat = np.asarray(codes).reshape(len(codes), -1)
    if flat.shape[1] == 1 or _entropy(count_tokens(flat, size)) <= 0:
        return 0.0
    anywhere = np.random.default_rng(37).permutation(flat.reshape(-1)).reshape(flat.shape)
    within, expected = (
        np.mean([_entropy(np.unique(column, return_counts=True)[1]) for column in one.T]) for one in (flat, anywhere)
    )
    return float(np.clip(1 - within / expected, 0, 1)) if expected > 0 else 0.0


def climb(codes, size, concepts, folds, points: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """The probe ladder of each concept: linear and kNN at each point, from what comes before the codes to their bag."""
    bags = features.bag(features.counts(codes, size))
    shuffled = np.random.default_rng(29).permutation(len(codes))
    steps = {**points}
    if codes.shape[1] * codes.shape[2] > 1:
        steps["codes at their places"] = features.places(codes, size)
    steps |= {"bag of codes": bags, "bag of codes, images shuffled": bags[shuffled]}
    found: list[list[dict[str, Any]]] = [[] for _ in concepts]
    for point, matrix in steps.items():
        for probe, ask in (("linear", probes.linear), ("kNN", probes.nearest)):
            for place, said in enumerate(ask(matrix, concepts, folds)):
                found[place].append({"point": point, "probe": probe, **_told(readings.scored(concepts[place], said))})
    return found


def control(codes, size, concepts: Sequence[Concept], folds: Folds) -> list[Estimate]:
    """What the probe reaches on a task that has nothing to do with the images but is fixed by their codes.

    Each code gets a random value of the concept, as often as the images have them, and an image has that of its
    commonest code: Hewitt and Liang, Designing and interpreting probes with control tasks, 2019.
    """
    counted = features.counts(codes, size)
    commonest = np.asarray(counted.argmax(1)).reshape(-1)
    rng, tasks = np.random.default_rng(31), []
    for one in concepts:
        known = np.flatnonzero(one.known)
        donor = rng.choice(known, size)[commonest]
        numbers = None if one.numbers is None else np.where(one.known, one.numbers[donor], np.nan)
        index = np.where(one.known, one.index[donor], -1)
        tasks.append(Concept(one.name, index, one.values, numbers))
    said = probes.linear(features.both(codes, size), tasks, folds)
    return [readings.scored(task, answer) for task, answer in zip(tasks, said, strict=True)]


def with_pictures(own: Any, concepts: Sequence[Concept], folds: Folds, pictures) -> list[dict[str, Any] | None]:
    """What the codes add to computed properties of the pictures: the probe on these, on both, and the gain of both."""
    if pictures is None:
        return [None] * len(concepts)
    from scipy.sparse import csr_array, hstack

    spread = pictures.std(0)
    scaled = (pictures - pictures.mean(0)) / np.where(spread > 0, spread, 1) / np.sqrt(pictures.shape[1])
    alone = probes.linear(scaled, concepts, folds)
    together = probes.linear(hstack([own, csr_array(scaled)], format="csr"), concepts, folds)
    found = []
    for concept, before, after in zip(concepts, alone, together, strict=True):
        if concept.numbers is not None:
            numbers = readings.standardised(concept)
            more = scoring.explained_gain(before.scores[:, 0], after.scores[:, 0], numbers)
        else:
            more = scoring.gain(before.values, after.values, concept.index, len(concept.values))
        found.append({
            "alone": readings.scored(concept, before).score, "together": readings.scored(concept, after).score,
            "gain": more.score, "low": more.low, "high": more.high,
        })  # fmt: skip
    return found


def _row(concept: Concept, told: Reading, nulls: dict[str, list[Reading]], chance, share: float, folds: Folds) -> dict:
    values = len(concept.values)
    guess = 0.0 if concept.numbers is not None else 1 / max(values, 1)
    there = np.bincount(concept.index[concept.known & (folds.number >= 0)], minlength=values)
    shares = there / max(there.sum(), 1)
    joint = Scored(
        "R²" if concept.numbers is not None else "balanced accuracy", told.joint, guess,
        {name: _band([one.joint for one in seeds]) for name, seeds in nulls.items()} | _shuffled(chance[0]),
    )  # fmt: skip
    alone = Scored(
        "average precision", told.single, float(shares[there > 0].mean()) if there.any() else 0.0,
        {name: _band([one.single for one in seeds]) for name, seeds in nulls.items() if seeds[0].best}
        | _shuffled(chance[1]),
    )  # fmt: skip
    detectable = _detectable(there, concept.numbers is not None, joint)
    verdict = verdicts.decide(alone, joint, share, detectable)
    decided = alone if verdict == verdicts.SINGLE else joint
    marked = _codes(concept, told, nulls, there)
    few = _seen(detectable, joint)
    each = _values(concept, told, nulls, there, share) if values > 2 or concept.numbers is not None else []
    part = verdicts.in_part([one["value"] for one in each if one["verdict"] == verdicts.SINGLE], values)
    if verdict == verdicts.SINGLE:
        marks = _marks(marked, int(there.sum())) + part
    else:
        marks = _more(verdict, alone, joint) + part
    return {
        "concept": concept.name, "n": told.joint.n, "fitted": told.answers.fitted,
        "missing": int((~concept.known).sum()), "rare": list(concept.rare), "computed": concept.computed,
        **_shown(decided), "verdict": verdict,
        "sentence": verdicts.sentence(concept.name, verdict, decided, marks, few),
        "codes": marked, "single": _shown(alone), "joint": _shown(joint), "detectable": detectable,
        "values": each,
    }  # fmt: skip


def _values(concept: Concept, told: Reading, nulls, there: np.ndarray, share: float) -> list[dict[str, Any]]:
    """Each value against the rest: average precision of its best code, and of the probe's score for it."""
    found, total = [], max(int(there.sum()), 1)
    for value, name in enumerate(concept.values):
        rate = there[value] / total
        by_chance = _luck(int(there[value]), total)
        joint = Scored(
            "average precision", told.joint_values[value], rate,
            {one: _band([seed.joint_values[value] for seed in seeds]) for one, seeds in nulls.items()} | by_chance,
        )  # fmt: skip
        alone = Scored(
            "average precision", told.single_values[value] if told.single_values else NONE, rate,
            {
                one: _band([seed.single_values[value] for seed in seeds])
                for one, seeds in nulls.items()
                if seeds[0].best
            }
            | by_chance,
        )  # fmt: skip
        spread = float(np.sqrt(rate * (1 - rate) / (there[value] + 1)))
        detectable = by_chance[verdicts.SHUFFLED].high - rate + POWER * spread
        verdict = verdicts.decide(alone, joint, share, detectable)
        decided = alone if verdict == verdicts.SINGLE else joint
        code = told.best[value].code if told.best else None
        if verdict != verdicts.SINGLE:
            marks = _more(verdict, alone, joint)
        else:
            marks = f"Code {code} marks it with {_said(decided)}."
        title = f"{concept.name} = {name}"
        found.append({
            "value": name, "n": int(there[value]), "share": rate, "verdict": verdict,
            "sentence": verdicts.sentence(title, verdict, decided, marks, _seen(detectable, joint)),
            "code": code, "single": _shown(alone), "joint": _shown(joint), "detectable": detectable,
        })  # fmt: skip
    return found


def _codes(concept: Concept, told: Reading, nulls, there: np.ndarray) -> list[dict[str, Any]]:
    """The best code of each value; first the one that lies highest above its best null, the surest."""
    found, above = [], []
    for value, (best, estimate) in enumerate(zip(told.best, told.single_values, strict=True)):
        if not estimate.n:
            continue
        bands = {
            one: _band([seed.single_values[value] for seed in seeds]) for one, seeds in nulls.items() if seeds[0].best
        }
        bands |= _luck(int(there[value]), int(there.sum()))
        null = Scored("average precision", estimate, 0.0, bands).best
        above.append(estimate.low - (0.0 if null is None else null[1].high))
        found.append({
            "code": best.code, "value": concept.values[value], "ap": estimate.score, "low": estimate.low,
            "high": estimate.high, "n": int(there[value]), "share": there[value] / max(int(there.sum()), 1),
            "null": None if null is None else {"name": null[0], **vars(null[1])},
        })  # fmt: skip
    return [found[place] for place in np.argsort(-np.array(above), kind="stable")]


def _marks(marked: list[dict[str, Any]], total: int) -> str:
    """What the surest code does, in words."""
    if not marked:
        return ""
    one = marked[0]
    null = one["null"]
    beside = "" if null is None else f"; best null {null['mean']:.2f} [{null['low']:.2f}, {null['high']:.2f}]"
    return (
        f"Code {one['code']} marks {one['value']} with AP {one['ap']:.2f} [{one['low']:.2f}, {one['high']:.2f}] "
        f"(n = {one['n']:,} of {total:,}{beside})."
    )


def _said(scored: Scored) -> str:
    one, best = scored.estimate, scored.best
    null = "" if best is None else f"; best null {best[1].mean:.2f} [{best[1].low:.2f}, {best[1].high:.2f}]"
    return f"AP {one.score:.2f} [{one.low:.2f}, {one.high:.2f}]{null}"


def _more(verdict: str, alone: Scored, joint: Scored) -> str:
    """What single codes tell, where nothing is said to be held and it is not nothing."""
    nothing = verdict in (verdicts.CHANCE, verdicts.FEW)
    return verdicts.in_between(alone) if nothing and verdicts.weak(alone, joint) else ""


def _seen(detectable: float, joint: Scored) -> str:
    """What difference these images could have shown."""
    if detectable != detectable:
        return ""
    return f"With these images a {joint.metric} below {min(joint.chance + detectable, 1):.2f} could have been missed."


def _detectable(there: np.ndarray, number: bool, joint: Scored) -> float:
    """How far above chance a score had to be to be found with a power of 80 %, from images of each value (V,).

    Found is what has an interval above that of shuffled labels, as `Scored.told`.
    """
    there, band = there[there > 0], joint.nulls.get(verdicts.SHUFFLED)
    if len(there) < 2 or band is None:
        return float("nan")
    bound = max(band.high - joint.chance, 0.0)
    if number:  # R² has the standard error 2 r / √n
        half = POWER / np.sqrt(there.sum())
        return float(min(half + np.sqrt(half**2 + bound), 1) ** 2)
    guess = 1 / len(there)
    return bound + POWER * float(np.sqrt((guess * (1 - guess) / there).sum()) / len(there))


def _luck(positive: int, total: int) -> dict[str, Band]:
    """What a ranking by chance reaches: the share of the images, and the spread of as many answers."""
    share = positive / max(total, 1)
    half = 1.96 * float(np.sqrt(share * (1 - share) / (positive + 1)))
    return {verdicts.SHUFFLED: Band(share, max(share - half, 0.0), min(share + half, 1.0))}


def _shuffled(scores: list[float]) -> dict[str, Band]:
    """The mean of scores of shuffled labels, and where another one lies with a probability of 95 % (Student's t)."""
    from scipy.special import stdtrit

    known = np.array([one for one in scores if one == one])
    if len(known) < 2:
        return {}
    half = float(stdtrit(len(known) - 1, 0.975) * known.std(ddof=1) * np.sqrt(1 + 1 / len(known)))
    return {verdicts.SHUFFLED: Band(float(known.mean()), float(known.mean()) - half, float(known.mean()) + half)}


def _band(seeds: list[Estimate]) -> Band:
    """The mean of several seeds, from the lowest end of an interval to the highest."""
    return Band(
        float(np.mean([one.score for one in seeds])),
        float(np.min([one.low for one in seeds])),
        float(np.max([one.high for one in seeds])),
    )


def _shown(scored: Scored) -> dict[str, Any]:
    best = scored.best
    return {
        "metric": scored.metric, **_told(scored.estimate), "chance": scored.chance,
        "baselines": {name: vars(band) for name, band in scored.nulls.items()},
        "best_null": None if best is None else {"name": best[0], **vars(best[1])},
    }  # fmt: skip


def _told(estimate: Estimate) -> dict[str, float]:
    return {"score": estimate.score, "low": estimate.low, "high": estimate.high}


def _entropy(counts: np.ndarray) -> float:
    """Entropy in bits of counts, corrected for their number."""
    used, total = int((counts > 0).sum()), int(counts.sum())
    return float(entropy_bits(counts)) + (used - 1) / (2 * max(total, 1) * np.log(2))
