"""Scores of the images of a dataset and of another one: bits, and what is simpler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from explorer.results.surprisal import passes
from explorer.results.surprisal.kept import Surprisal, other

if TYPE_CHECKING:
    from explorer.encodings import Encoding
    from explorer.priors.folder import Facts
    from explorer.progress import Progress
    from explorer.results.subject import Subject

COMPARED = 2_000  # images of each of the two sets, a seeded sample where there are more


def compare(
    base: Surprisal, subject: Subject, facts: Facts, dataset: str, encoding: Encoding, progress: Progress
) -> Surprisal:
    """`base` with scores of both sets, higher for what is less usual; see `analysis.outliers.NAMES`.

    No class is told, since the other images have none. A PSNR counts with its sign turned; sizes are in bits.
    """
    opened, usual, foreign = passes.Opened(subject, facts, progress), subject.images, other(subject, dataset, progress)
    rows = usual.sample(COMPARED), foreign.sample(COMPARED)
    same = usual.fingerprint == foreign.fingerprint and usual.split == foreign.split
    known = {name: one[rows[0]].astype(np.int64) for name, one in base.codes.items()}
    psnr = encoding.errors()["psnr"].to_numpy(np.float64)[rows[0]]
    sides = [opened.looked(usual, rows[0], known, psnr), opened.looked(foreign, rows[1])]
    levels = [base.steps["prior"][name][rows[0]] for name in base.levels]
    bits = [
        np.sum(levels, 0) if passes.hidden(facts) else _of_any_class(opened, known),
        _of_any_class(opened, sides[1].codes),
    ]
    scores: dict[str, list[np.ndarray]] = {}
    for side, own in zip(sides, bits, strict=True):
        values = {
            "bits": own, "psnr": -side.psnr, "size": 8 * side.sizes, "unigram": _unigram(base, side.codes),
            "corrected": own - 8 * side.sizes, "corrected_codes": own - 8 * side.code_sizes,
        }  # fmt: skip
        for name, one in values.items():
            scores.setdefault(name, []).append(np.asarray(one, np.float32))
    kept = {name: (pair[0], pair[1]) for name, pair in scores.items() if all(np.isfinite(one).any() for one in pair)}
    groups = np.concatenate(rows) if same else passes.copies(sides)
    told = {"dataset": dataset, "split": foreign.split, "images": len(foreign), "same": same}
    told |= {"usual": len(rows[0]), "foreign": len(rows[1]), "copies": int(len(groups) - len(np.unique(groups)))}
    return replace(base, facts=base.facts | {"other": told}, scores=kept, groups=groups, rows=rows)


def _of_any_class(opened: passes.Opened, codes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Bits (n,) of images whose class nobody tells.

    Where the class was never hidden in training, what the prior says without one was never learned: there it is the
    mean of the probabilities under each class.
    """
    facts, count = opened.facts, len(next(iter(codes.values())))
    said = f"asking {facts.name} about both sets"
    classes = [-1] if passes.hidden(facts) else range(facts.classes)
    found = [sum(opened.bits(codes, np.full(count, one), said)[1].values()).astype(np.float64) for one in classes]
    return np.log2(len(found)) - np.logaddexp2.reduce(-np.stack(found), 0)


def _unigram(base: Surprisal, codes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Bits (n,) of images by how frequent their codes are."""
    return sum(base.tables[name][one].sum((1, 2), dtype=np.float64) for name, one in codes.items())
