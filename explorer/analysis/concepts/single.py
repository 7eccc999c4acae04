"""The best single code of each value of a concept: chosen on the images that are fitted on, scored on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.analysis.concepts.folds import Folds
from explorer.analysis.concepts.values import Concept

STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # tokens, thresholds that a choice looks at


@dataclass(frozen=True)
class Best:
    """The code that marks one value best.

    Attributes:
        code: chosen in most folds. scores: (n,) tokens of the code of an image's own fold, NaN where it is not scored.
    """

    code: int
    scores: np.ndarray


def best(counts: Any, concepts: Sequence[Concept], folds: Folds) -> list[list[Best]]:
    """For each concept and each of its values the code whose tokens rank the value's images first.

    Args:
        counts: (n, K) tokens of each code in each image, sparse or dense.
    """
    from scipy.sparse import csc_array

    table = csc_array(counts)
    labels = [one.index[:, None] == np.arange(len(one.values)) for one in concepts]
    known = [np.broadcast_to(one.known[:, None], label.shape) for one, label in zip(concepts, labels, strict=True)]
    positive, asked = np.concatenate(labels, 1), np.concatenate(known, 1)
    scores = np.full(positive.shape, np.nan)
    chosen = []
    for fit, scored in folds:
        codes = chosen_codes(table[fit], positive[fit], asked[fit])
        scores[scored] = table[:, codes].toarray()[scored]
        chosen.append(codes)
    often = np.array([np.bincount(column).argmax() for column in np.array(chosen).T])
    found, start = [], 0
    for label in labels:
        stop = start + label.shape[1]
        found.append([Best(int(often[place]), scores[:, place]) for place in range(start, stop)])
        start = stop
    return found


def chosen_codes(counts: Any, positive: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The code (V,) with the largest average precision for each column of `positive` (m, V), among `asked` images.

    Average precision of a ranking by tokens, at the thresholds of STEPS: exact up to four tokens of a code in an image.
    Ties go to the code with more tokens.
    """
    from scipy.sparse import csc_array

    table = csc_array(counts)
    wanted = (positive & asked).astype(np.float64).T  # (V, m)
    among = asked.astype(np.float64).T
    total = np.maximum(wanted.sum(1, keepdims=True), 1)
    most = int(table.data.max()) if table.nnz else 0
    precision = np.zeros((len(wanted), table.shape[1]))
    above = np.zeros_like(precision)
    for step in [step for step in STEPS if step <= most][::-1]:
        there = csc_array((table.data >= step, table.indices, table.indptr), shape=table.shape).astype(np.float64)
        hit, taken = (there.T @ wanted.T).T, (there.T @ among.T).T  # (V, K)
        precision += (hit - above) / total * hit / np.maximum(taken, 1)
        above = hit
    share = total / np.maximum(among.sum(1, keepdims=True), 1)
    precision += (total - above) / total * share  # images without the code come last
    tokens = np.asarray(table.sum(0)).reshape(-1)
    return (precision + 1e-9 * tokens / max(tokens.max(initial=1), 1)).argmax(1)
