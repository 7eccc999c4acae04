"""What the judge gets right over many simulated sets: verdicts of known codes, and how often intervals hold the truth.

python -m tests.benchmarks.judging verdicts [sets]     50 seeds of each kind of code, at 500 and 5,000 images
python -m tests.benchmarks.judging coverage [sets]     300 sets of each score
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pandas as pd

from explorer.analysis.concepts import judging, readings, values, verdicts
from explorer.analysis.concepts.folds import folds
from explorer.analysis.concepts.readings import Representation

VALUES = 8
OTHERS = 60_000  # images that tell what a fit truly reaches


def concept(truth: np.ndarray) -> values.Concept:
    """Labels (n,) as a concept."""
    found = values.prepared("kind", pd.Series(truth.astype(str)))
    assert isinstance(found, values.Concept)
    return found


def perfect(truth: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """The factor is the code of every cell."""
    return np.broadcast_to(truth[:, None, None], (len(truth), 2, 2)).copy()


def random(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Codes that know nothing."""
    return rng.integers(0, 16, (len(truth), 3, 3))


def quadrant(truth: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """The code is the quadrant of the image, in every image."""
    where = (np.arange(4)[:, None] >= 2) * 2 + (np.arange(4) >= 2)
    return np.broadcast_to(where, (len(truth), 4, 4)).copy()


def one_cell(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The concept is the code of one of nine cells, at a random place; the others are random."""
    codes = rng.integers(0, 16, (len(truth), 9))
    codes[np.arange(len(truth)), rng.integers(0, 9, len(truth))] = truth
    return codes.reshape(-1, 3, 3)


def random_encoder(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Codes of pictures whose shade is the concept, by a network that nobody trained; see `beside`."""
    return encoded(pictures(truth), rng)


KINDS = {one.__name__: one for one in (perfect, random, quadrant, one_cell, random_encoder)}
RIGHT = {
    "perfect": {verdicts.SINGLE}, "quadrant": {verdicts.POSITION}, "one_cell": {verdicts.SINGLE, verdicts.JOINT},
    "random": {verdicts.CHANCE, verdicts.FEW}, "random_encoder": {verdicts.PIXELS, verdicts.CHANCE, verdicts.FEW},
}  # fmt: skip


def pictures(truth: np.ndarray) -> np.ndarray:
    """(n, 12, 12, 3) float pictures whose shade tells the truth (n,), with noise and a random spot."""
    rng = np.random.default_rng(len(truth))
    shade = np.stack([truth / VALUES, 1 - truth / VALUES, (truth % 3) / 3], 1)
    found = shade[:, None, None] + rng.normal(0, 0.3, (len(truth), 12, 12, 3))
    return np.clip(found, 0, 1)


def encoded(images: np.ndarray, rng: np.random.Generator, size: int = 16) -> np.ndarray:
    """Codes (n, 3, 3) of a random convolution with a random codebook of its own latents."""
    cut = images.reshape(len(images), 3, 4, 3, 4, 3).transpose(0, 1, 3, 2, 4, 5).reshape(len(images), 9, 48)
    latents = np.tanh(cut @ rng.normal(0, 1 / 7, (48, 8)))
    flat = latents.reshape(-1, 8)
    book = flat[rng.permutation(len(flat))[:size]]
    away = (book**2).sum(1) - 2 * flat @ book.T
    return away.argmin(1).reshape(len(images), 3, 3)


def beside(truth: np.ndarray, seed: int, concepts, divided) -> judging.Beside:
    """Nulls of a random encoder: three others, and the pixels themselves."""
    from explorer.analysis.concepts import features

    images = pictures(truth)
    seeds = [encoded(images, np.random.default_rng([seed, 7, one])) for one in range(3)]
    read = [
        readings.read(Representation(features.both(one, 16), features.counts(one, 16)), concepts, divided)
        for one in seeds
    ]
    colours = features.colour_counts((images * 255).astype(np.uint8))
    from scipy.sparse import csr_array

    counted = csr_array(colours)
    histogram = [readings.read(Representation(features.bag(counted), counted), concepts, divided)]
    pixels = [readings.read(Representation(features.pixels((images * 255).astype(np.uint8))), concepts, divided)]
    return judging.Beside({"untrained network": read, "colour histogram": histogram, "raw pixels": pixels})


def verdict(kind: str, images: int, seed: int) -> str:
    """The verdict on one simulated set."""
    rng = np.random.default_rng([seed, images])
    truth = rng.integers(0, VALUES, images)
    codes, concepts, divided = KINDS[kind](truth, rng), [concept(truth)], folds(images)
    other = beside(truth, seed, concepts, divided) if kind == "random_encoder" else judging.Beside()
    return judging.decided(codes, 16, concepts, divided, other)[0]["verdict"]


def verdicts_of(sets: int) -> None:
    for images in (500, 5_000):
        for kind in KINDS:
            found = Counter(verdict(kind, images, seed) for seed in range(sets))
            right = sum(found[one] for one in RIGHT[kind])
            print(f"{images:>5} images, {kind:<15}{right:>3} of {sets} right: {dict(found)}", flush=True)
    truth = np.random.default_rng(0).integers(0, 16, (500, 3, 3))
    many = [concept(np.random.default_rng([seed, 1]).integers(0, 4, 500)) for seed in range(4 * sets)]
    found = Counter(one["verdict"] for one in judging.decided(truth, 16, many, folds(500), judging.Beside()))
    positive = found[verdicts.SINGLE] + found[verdicts.JOINT] + found[verdicts.PIXELS] + found[verdicts.POSITION]
    print(f"labels shuffled: {positive} of {4 * sets} told above chance: {dict(found)}")


def simulated(rng: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (n, 3, 3), labels and numbers that they tell in part."""
    truth = rng.choice(4, images, p=(0.5, 0.25, 0.15, 0.1))
    codes = rng.integers(0, 12, (images, 9))
    marked = rng.random(images) < 0.6
    codes[marked, rng.integers(0, 9, images)[marked]] = truth[marked]
    number = (codes == 0).sum(1) - (codes == 1).sum(1) + rng.normal(0, 1.5, images)
    return codes.reshape(-1, 3, 3), truth, number


def coverage(sets: int) -> None:
    """How often the interval of a probe, or of a chosen code, holds what it reaches on 60,000 other images."""
    from explorer.analysis.concepts import features

    for images in (500, 5_000):
        held: Counter[str] = Counter()
        for seed in range(sets):
            rng = np.random.default_rng([seed, images, 3])
            codes, truth, number = simulated(rng, images + OTHERS)
            concepts = [concept(truth), values.prepared("number", pd.Series(number))]
            whole = Representation(features.both(codes, 12), features.counts(codes, 12))
            for name, (estimate, true) in _compared(whole, concepts, images).items():
                held[name] += estimate.low <= true <= estimate.high
        for name, count in held.items():
            print(f"{images:>5} images, {name}: {count / sets:.1%} of {sets}", flush=True)


def _compared(whole: Representation, concepts, images: int) -> dict[str, tuple]:
    """Estimates from the first images, and what the same fits reach on all the others."""
    total, divided = len(concepts[0]), folds(images)
    found: dict[str, list] = {}
    for where in ("seen", "true"):
        few = _Split(divided, images, total, where == "true")
        for one, said in zip(concepts, readings.read(whole, concepts, few, 0 if where == "true" else 100), strict=True):
            name = "R²" if one.numbers is not None else "balanced accuracy"
            found.setdefault(name, []).append(said.joint)
            found.setdefault(f"average precision of {one.name}", []).append(said.single)
            for value, (alone, joint) in enumerate(zip(said.single_values, said.joint_values, strict=True)):
                if one.numbers is None:
                    found.setdefault(f"average precision of value {value}, single", []).append(alone)
                    found.setdefault(f"average precision of value {value}, probe", []).append(joint)
    return {name: (estimates[0], estimates[1].score) for name, estimates in found.items()}


class _Split:
    """Fits on the same images as `divided`; scores its own images, or all those after the first `images`."""

    def __init__(self, divided, images: int, total: int, after: bool) -> None:
        self.divided, self.images, self.total, self.after = divided, images, total, after
        self.number = np.full(total, -1)
        if after:
            ways = divided.number.max() + 1
            self.number[images:] = np.arange(total - images) % ways
        else:
            self.number[:images] = divided.number

    def __iter__(self):
        for fold, (fit, scored) in enumerate(self.divided):
            yield fit, (np.flatnonzero(self.number == fold) if self.after else scored)


if __name__ == "__main__":
    what, sets = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else {"verdicts": 50, "coverage": 300}[sys.argv[1]]
    {"verdicts": verdicts_of, "coverage": coverage}[what](sets)
