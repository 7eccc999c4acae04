"""How good a trained prior is: bits per code of held-out images with intervals, beside models that only count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.analysis import code_models, quality
from explorer.priors import Level, Prior
from explorer.priors.causality import leaks
from explorer.priors.heads import WHOLE
from explorer.training.prior_codes import Codes, Part

SCORED, LOOKED = 5000, 256  # images of the scores, and of a line of the log, at most
BATCH, NUMBERS = 128, 2**24  # images at a time, and logits
TRIED = 8  # images of the causality check
CAUSAL = 1e-4  # change of a logit that is rounding
LN2 = float(np.log(2))

Bits = Mapping[str, np.ndarray]  # level -> bits of all codes of each image, (n,)


def sample(part: Part, most: int) -> np.ndarray:
    """Rows of at most `most` images, ascending, always the same ones."""
    return np.sort(np.random.default_rng(0).permutation(len(part))[:most])


def bits(prior: Prior, part: Part, device: Any = "cpu", classes: np.ndarray | None = None) -> Bits:
    """Bits of the codes of each image, by level (n,) float64; `classes` (n,) in place of the images' own."""
    part = part if classes is None else Part(part.codes, classes)
    widest = max(level.places * min(level.codes, WHOLE) for level in prior.levels)
    size = int(np.clip(NUMBERS // widest, 1, BATCH))
    found: dict[str, list[np.ndarray]] = {level.name: [] for level in prior.levels}
    for start in range(0, len(part), size):
        nats = prior.nats(*part.batch(np.arange(start, min(start + size, len(part))), device))
        for name, values in nats.items():
            found[name].append(values.flatten(1).double().sum(1).cpu().numpy() / LN2)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def counted(train: Part, held_out: Part, levels: Sequence[Level]) -> dict[str, Bits]:
    """Bits of the codes of held-out images under models that count the codes of training images."""
    models = {"unigram": code_models.unigram, "bigram": code_models.bigram}
    return {
        name: {one.name: model(train.codes[one.name], held_out.codes[one.name], one.codes) for one in levels}
        for name, model in models.items()
    }


def per_code(found: Bits, levels: Sequence[Level]) -> np.ndarray:
    """Bits per code of each image, (n,): over all codes of all levels."""
    return sum(found[one.name] for one in levels) / sum(one.places for one in levels)


def uniform(levels: Sequence[Level]) -> float:
    """Bits per code where every code is as probable as any: log2 K, a mean over the places of all levels."""
    return sum(one.places * code_models.uniform(one.codes) for one in levels) / sum(one.places for one in levels)


def metrics(
    prior: Prior, codes: Codes, trained: Part, tested: Part, counts: Mapping[str, Bits], device: Any
) -> dict[str, Any]:
    """What a prior is worth on held-out images, each number with its interval over images, and whether it is causal.

    Args:
        trained: images that it was trained on, as many as `tested` at most. counts: `counted` of `tested`.
    """
    levels = codes.levels
    own, seen = bits(prior, tested, device), bits(prior, trained, device)
    bigram, mine = per_code(counts["bigram"], levels), per_code(own, levels)
    found: dict[str, Any] = {
        "images": len(tested),
        "bits_per_code": quality.interval(mine),
        "train_bits": quality.interval(per_code(seen, levels)),
        "uniform": uniform(levels),
        **{name: quality.interval(per_code(value, levels)) for name, value in counts.items()},
        "saved": quality.interval(bigram - mine),
        "bits_per_image": quality.interval(sum(own.values())),
        "fixed_bits_per_image": uniform(levels) * sum(one.places for one in levels),
        "levels": {one.name: _level(one, own, seen, counts) for one in levels},
    }
    if codes.condition is not None:
        found["condition"] = _condition(codes)
        found["class"] = _class(prior, tested, own, device)
    given, classes = tested.batch(np.arange(min(TRIED, len(tested))), device)
    leak = leaks(prior, given, classes)
    return found | {"leak": leak, "causal": leak <= CAUSAL}


def _level(level: Level, own: Bits, seen: Bits, counts: Mapping[str, Bits]) -> dict[str, Any]:
    named = {"bits_per_code": own, "train_bits": seen, **counts}
    found = {name: quality.interval(value[level.name] / level.places) for name, value in named.items()}
    return {"grid": list(level.grid), "codes": level.codes, "uniform": code_models.uniform(level.codes), **found}


def _condition(codes: Codes) -> dict[str, Any]:
    """How many images of both splits have each value."""
    condition, held_out = codes.condition, codes.held_out.classes
    tested = np.bincount(held_out[held_out >= 0], minlength=len(condition))
    rows = zip(condition.values, condition.counts, tested.tolist(), strict=True)
    values = [{"value": value, "train": train, "held_out": test} for value, train, test in rows]
    return {"column": condition.column, "values": values, "unknown": int((held_out < 0).sum())}


def _class(prior: Prior, tested: Part, own: Bits, device: Any) -> dict[str, Any]:
    """What knowing the class is worth: bits with the right one, with a wrong one, and with none if it has learned that.

    `told` are the bits of an image that its class saves; a class is worth `most` at most, its entropy here.
    """
    rows = np.flatnonzero(tested.classes >= 0)
    if len(rows) < 2:
        return {"images": len(rows)}
    known, places = tested.of(rows), sum(level.places for level in prior.levels)
    step = np.random.default_rng(1).integers(1, max(prior.classes, 2), len(rows))
    right = sum(own.values())[rows]
    wrong = sum(bits(prior, known, device, (known.classes + step) % prior.classes).values())
    found = {"images": len(rows), "right": quality.interval(right / places), "wrong": quality.interval(wrong / places)}
    if prior.config.class_dropout > 0:
        none = sum(bits(prior, known, device, np.full(len(rows), -1)).values())
        shares = np.bincount(known.classes) / len(rows)
        most = -float((shares[shares > 0] * np.log2(shares[shares > 0])).sum())
        found |= {"none": quality.interval(none / places), "told": quality.interval(none - right), "most": most}
    return found
