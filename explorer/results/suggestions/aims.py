"""What an image should become: how a picture is scored for it, and which swaps are worth a try."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.files import digest

if TYPE_CHECKING:
    from explorer.analysis.concepts.one_value import Probe
    from explorer.analysis.proposing import Aim
    from explorer.results.suggestions.question import Question

FITTED, HELD = 1_000, 500  # images that probes are fitted on and scored on; of larger ones fewer
LEAST = 150
ENOUGH = float(np.log(999))  # log-odds: a probability of 99.9 %, beyond which more swaps only spoil the picture
SHORT, NEAR = 24, 8  # codes that are tried everywhere, and those near a cell's own code


def concept(question: Question) -> Aim:
    """More of a value, by a frozen probe of the decoded picture, read again."""
    from explorer.analysis import drafts
    from explorer.analysis.concepts import one_value
    from explorer.analysis.proposing import Aim

    model, layer = question.material.model, question.layer
    fit, held = _images(question)
    question.progress.total, question.progress.unit = len(fit) + len(held), "images"
    seen, pooled = [], []
    rows = np.concatenate([fit, held])
    for at in range(0, len(rows), 128):
        question.progress.update(at, "decoding images to fit probes on")
        back = drafts.reconstructions(model, question.layers, question.pixels(rows[at : at + 128]))
        pooled.append(drafts.pooled(model, layer, back))
        seen.append(one_value.seen(back))
    question.progress.update(len(rows), "fitting probes", force=True)
    known = question.positive[rows] == 1
    read, look = (_fitted(np.concatenate(found), known, len(fit)) for found in (pooled, seen))

    def score(pixels: np.ndarray) -> np.ndarray:
        return read[0].scores(drafts.pooled(model, layer, pixels))

    def check(pixels: np.ndarray) -> np.ndarray:
        return look[0].scores(one_value.seen(pixels))

    probes = {name: _probe(*found) for name, found in (("read", read), ("seen", look))}
    facts = {"probes": probes, "fitted": len(fit), "held": len(held)}
    return Aim(score, _pairs(question), check, facts, ENOUGH)


def _images(question: Question) -> tuple[np.ndarray, np.ndarray]:
    """Rows that probes are fitted on and scored on, half of them with the value where there are so many.

    The image itself is none of them, and of equal pictures there is one.
    """
    positive = question.positive.copy()
    positive[question.options.image] = -1
    sizes = [question.affordable(most, LEAST) for most in (FITTED, HELD)]
    fit, held = [], []
    for value in (1, 0):
        rows = np.random.default_rng([value, 41]).permutation(np.flatnonzero(positive == value))[: sum(sizes) // 2]
        rows = _different(question, rows)
        cut = max(round(len(rows) * sizes[0] / sum(sizes)), 1)
        fit.append(rows[:cut])
        held.append(rows[cut:])
    fewest = min(len(part) for part in fit)
    if fewest < 4 or min(len(part) for part in held) < 1:
        name = f"{question.options.concept} = {question.options.value}"
        raise BadInput(f"too few images tell {name} from the others: a probe needs 6 on each side, this one included")
    return np.concatenate(fit), np.concatenate(held)


def _different(question: Question, rows: np.ndarray) -> np.ndarray:
    own = digest(question.pixels([question.options.image])[0].tobytes())
    names = {own}
    kept = []
    for at in range(0, len(rows), 256):
        part = rows[at : at + 256]
        for row, pixels in zip(part, question.pixels(part), strict=True):
            name = digest(pixels.tobytes())
            if name not in names:
                names.add(name)
                kept.append(row)
    return np.array(kept, np.int64)


def _pairs(question: Question) -> np.ndarray:
    """Candidates: codes that images with the value have more often, everywhere; and those near a cell's own."""
    from explorer.analysis import suggesting
    from explorer.analysis.selection import compare_codes

    rows = np.flatnonzero(question.positive >= 0)
    rows = rows[rows != question.options.image]
    codes, size = question.encoding.codes(question.layer, rows).astype(np.int64), question.material.size(question.layer)
    found = compare_codes(codes, question.positive[rows] == 1, size)
    likely = found.items[(found.log_odds > 0) & (found.inside > 1)]
    order = np.argsort(found.p[np.isin(found.items, likely)], kind="stable")
    likely = likely[order][: 8 * SHORT]
    start = question.drafts.start
    pairs = suggesting.everywhere(len(start), likely[:SHORT] if len(start) > 1 else likely)
    if not len(likely):
        return pairs
    vectors = question.drafts.vectors.astype(np.float64)
    away = np.square(vectors[start][:, None] - vectors[likely][None]).sum(-1) if len(start) <= 4096 else None
    if away is None:
        return pairs
    near = likely[np.argsort(away, 1, kind="stable")[:, :NEAR]]  # (C, NEAR)
    more = np.stack([np.tile(np.arange(len(start)), near.shape[1]), near.T.reshape(-1)], 1)
    pairs = np.concatenate([pairs, more])
    _, firsts = np.unique(pairs, axis=0, return_index=True)
    return pairs[np.sort(firsts)]


def _fitted(found: np.ndarray, positive: np.ndarray, count: int) -> tuple[Probe, Any]:
    """A probe of the first images, and how well it does on the others."""
    from explorer.analysis.concepts import one_value

    probe = one_value.fit(found[:count], positive[:count])
    return probe, probe.held_out(found[count:], positive[count:])


def _probe(probe: Probe, held: Any) -> dict[str, Any]:
    weights = [float(f"{one:.6g}") for one in probe.weights]  # a picture is scored again by these
    return {"weights": weights, "offset": probe.offset, "held_out": asdict(held)}
