"""What images are searched for by, and what is found: each with the codes that are the reason, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis import retrieval
from explorer.analysis.grids import placed
from explorer.analysis.retrieval import patterns, reasons
from explorer.errors import BadInput
from explorer.study import similar
from explorer.study.picture import Picture

if TYPE_CHECKING:
    from explorer.analysis.retrieval.bags import Weights
    from explorer.analysis.retrieval.reasons import Reason
    from explorer.analysis.retrieval.wanted import Wanted
    from explorer.study import Study
    from explorer.study.similar import By

NEVER_NEGATIVE = ("bag", "place", "colours")  # with a likeness of 0 two images have nothing in common
EQUAL = 1e-6  # likenesses this near are the same
READ = 4096  # images whose codes are held at once


@dataclass(frozen=True)
class Hit:
    """One image that was found.

    Attributes:
        row: of the dataset. score: from -1 or 0 to 1; see who found it.
        because: the codes that it shares with what was asked, those that count most first.
        apart: how many cells the codes that were asked for stand apart; None where that was not asked.
    """

    row: int
    score: float
    because: tuple[Reason, ...] = ()
    apart: int | None = None


@dataclass(frozen=True)
class Found:
    """What was found, the most alike first; `of` images were searched, `tied` with the last one shown at least.

    Attributes:
        exact: whether the reasons are what the score is made of, or only what both images have.
        matching: how many images have what was asked, where only some can.
    """

    hits: tuple[Hit, ...]
    of: int
    exact: bool = True
    tied: bool = False
    matching: int | None = None
    scores: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)


def like(study: Study, by: By, picture: Picture, cells: np.ndarray | None, k: int, layer: str) -> Found:
    """The `k` images most like a picture, or like its `cells` (H, W) bool, by the cosine of what the way makes of them.

    The picture itself is left out where it is one of the dataset. `layer` is that whose codes are the reasons.

    Raises:
        BadInput: an unknown way, or one that knows no parts of a picture.
    """
    by = similar.checked(study, by)
    query = similar.represent(study, by, picture, cells)
    leave = () if picture.row is None else (picture.row,)
    rows, scores = similar.nearest(study, by, query, k + 1, leave)
    if by.way in NEVER_NEGATIVE:
        rows, scores = rows[scores > EQUAL], scores[scores > EQUAL]
    tied = len(rows) > k and abs(scores[k] - scores[k - 1]) < EQUAL
    rows, scores = rows[:k], scores[:k]
    exact = by.way in ("bag", "place") and by.layer == layer
    why = _because(study, by if exact else similar.By("bag", layer), picture, rows, cells)
    hits = tuple(Hit(int(row), float(min(score, 1)), one) for row, score, one in zip(rows, scores, why, strict=True))
    return Found(hits, len(study.images) - len(leave), exact, tied)


def _because(
    study: Study, by: By, picture: Picture, rows: np.ndarray, cells: np.ndarray | None
) -> list[tuple[Reason, ...]]:
    """The codes that a picture shares with some images, by tf–idf weights of bags or of codes at places."""
    if not len(rows):
        return []
    theirs = study.encoding.codes(by.layer, rows).astype(np.int64)
    one = similar.represent(study, by, picture, cells)
    others = [similar.represent(study, by, Picture(picture.pixels, "", int(row))) for row in rows]
    if by.way == "place":
        return [tuple(reasons.of_places(one, *both)) for both in zip(others, theirs, strict=True)]
    here = study.codes_of(picture, by.layer)[0].astype(np.int64)
    return [tuple(reasons.of_bags(one, row, (here, codes), cells)) for row, codes in zip(others, theirs, strict=True)]


def weights(study: Study, layer: str) -> Weights:
    """What the images say of the codes of a layer: rare ones tell more."""
    return study.remember(_weights, layer)


def _weights(study: Study, layer: str) -> Weights:
    from explorer.analysis.codes import images_per_code
    from explorer.analysis.retrieval import bags

    return bags.weights_of(images_per_code(study.codes(layer), len(study.book(layer))), len(study.images))


# ---- a patch, wherever it stands


def patch(study: Study, layer: str, picture: Picture, cell: tuple[int, int], margin: int, k: int) -> Found:
    """The `k` images in which the code of a cell stands among most of the codes around it, wherever that is.

    The score is the share of the cells at most `margin` away (Chebyshev) that have the same code at the same distance,
    each counting with the idf of its code; of an image its best place. The cell's own code has to be there.

    Raises:
        BadInput: the layer is a row of tokens, or a single cell.
    """
    grid = study.layer(layer).grid
    if not placed(grid) or grid == (1, 1):
        raise BadInput(f"layer {layer} has no cells with a place in the image; search by the whole image")
    here = study.codes_of(picture, layer)[0].astype(np.int64)
    steps = patterns.window(cell, margin, grid)
    asked = here[tuple((steps + cell).T)]
    idf = weights(study, layer).idf
    rows, _ = study.encoding.images_with(layer, int(here[cell]))
    rows = np.sort(rows[rows != picture.row]) if picture.row is not None else np.sort(rows)
    scores, places, same = (
        np.zeros(len(rows)),
        np.zeros((len(rows), 2), np.int64),
        np.zeros((len(rows), len(steps)), bool),
    )
    for start in range(0, len(rows), READ):
        part = slice(start, min(start + READ, len(rows)))
        codes = study.encoding.codes(layer, rows[part]).astype(np.int64)
        at = np.argwhere(codes == here[cell])
        share, agree = patterns.agreement(codes, at[:, 0], at[:, 1:], (steps, asked), idf)
        order = np.lexsort((np.arange(len(at)), -share))
        images, first = np.unique(at[order, 0], return_index=True)
        best = order[first]
        scores[part][images], places[part][images], same[part][images] = share[best], at[best, 1:], agree[best]
    chosen = retrieval.top(scores, k + 1)
    tied = len(chosen) > k and abs(scores[chosen[k]] - scores[chosen[k - 1]]) < EQUAL
    hits = []
    for at in chosen[:k]:
        why = _agreeing(steps[same[at]] + cell, steps[same[at]] + places[at], asked[same[at]], idf, grid)
        hits.append(Hit(int(rows[at]), float(scores[at]), why))
    searched = len(study.images) - (picture.row is not None)
    return Found(tuple(hits), searched, True, tied, len(rows))


def _agreeing(
    here: np.ndarray, there: np.ndarray, codes: np.ndarray, idf: np.ndarray, grid: tuple[int, int]
) -> tuple[Reason, ...]:
    """Cells (m, 2) of both images that have the same codes (m,), gathered by code."""
    counts = np.asarray(idf, np.float64)
    total = counts[codes].sum()
    found = [
        reasons.Reason(
            int(code), float(counts[code] * (of := codes == code).sum() / total),
            np.ravel_multi_index(tuple(here[of].T), grid), np.ravel_multi_index(tuple(there[of].T), grid),
        )
        for code in np.unique(codes)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (-one.share, one.code)))


# ---- some codes


def holding(study: Study, layer: str, wanted: Wanted, near: int, k: int) -> Found:
    """The `k` best of the images that have all wanted codes, at most `near` cells apart, and none of the unwanted.

    The score is the cosine of the bag of the image with that of the wanted codes (tf–idf), times 1 − s / max(H, W)
    where the codes are s cells apart (`patterns.spreads`); with `near` 0 they may stand anywhere, and only the cosine
    counts.
    """
    from explorer.analysis.retrieval import bags

    size, grid = len(study.book(layer)), study.layer(layer).grid
    rows = _having(study, layer, wanted)
    if not len(rows):
        return Found((), len(study.images), matching=0)
    said = weights(study, layer)
    query = said.weigh(bags.counted(np.array(wanted.codes)[None, None], size))
    scores, apart, places = np.zeros(len(rows)), np.zeros(len(rows), np.int64), np.zeros((len(rows), 2), np.int64)
    for start in range(0, len(rows), READ):
        part = slice(start, min(start + READ, len(rows)))
        codes = study.encoding.codes(layer, rows[part]).astype(np.int64)
        scores[part] = retrieval.likeness(said.weigh(bags.counted(codes, size)), query)[0]
        if near:
            apart[part], places[part] = patterns.spreads(codes, wanted.codes)
    if near:
        scores *= 1 - apart / max(grid)
        kept = apart <= near
        rows, scores, apart, places = rows[kept], scores[kept], apart[kept], places[kept]
    chosen = retrieval.top(scores, k + 1)
    tied = len(chosen) > k and abs(scores[chosen[k]] - scores[chosen[k - 1]]) < EQUAL
    hits = []
    for at in chosen[:k]:
        codes = study.encoding.codes(layer, [rows[at]])[0].astype(np.int64)
        inside = patterns.square(places[at], int(apart[at]), grid) if near else None
        row = said.weigh(bags.counted(codes[None], size))
        why = reasons.of_bags(query, row, (np.full((1, 1), -1), codes))
        why = [
            reasons.Reason(one.code, one.share, one.here, reasons.standing(codes, one.code, inside)) for one in why
        ]  # fmt: skip
        hits.append(Hit(int(rows[at]), float(scores[at]), tuple(why), int(apart[at]) if near else None))
    return Found(tuple(hits), len(study.images), True, tied, len(rows))


def _having(study: Study, layer: str, wanted: Wanted) -> np.ndarray:
    """(n,) rows of the images that have all wanted codes and none of the unwanted, ascending."""
    usage = study.usage(layer)
    found: np.ndarray | None = None
    for code in sorted(wanted.codes, key=lambda one: usage[one]):  # rare ones first: little is left for the others
        rows = study.encoding.images_with(layer, code)[0]
        found = np.sort(rows) if found is None else found[np.isin(found, rows)]
        if not len(found):
            return found
    for code in wanted.unwanted:
        found = found[np.isin(found, study.encoding.images_with(layer, code)[0], invert=True)]
    return found
