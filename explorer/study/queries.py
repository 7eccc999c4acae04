"""What images are searched for by, and what is found: each with the codes that are the reason, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis import retrieval
from explorer.analysis.grids import placed
from explorer.analysis.retrieval import patterns, reasons
from explorer.errors import BadInput
from explorer.study import distinct, similar
from explorer.study.picture import Picture

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from explorer.analysis.retrieval.bags import Weights
    from explorer.analysis.retrieval.reasons import Reason
    from explorer.analysis.retrieval.wanted import Wanted
    from explorer.study import Study
    from explorer.study.distinct import Distinct, Search
    from explorer.study.similar import By

NEVER_NEGATIVE = ("bag", "place", "colours")  # with a likeness of 0 two images have nothing in common
EQUAL = 1e-6  # likenesses this near are the same
READ = 4096  # images whose codes are held at once
PAIRS = 2**23  # of a cell and one around it that are held at once


@dataclass(frozen=True)
class Hit:
    """One image that was found.

    Attributes:
        row: of the dataset. score: from -1 or 0 to 1; see who found it.
        because: the codes that it shares with what was asked, those that count most first.
        apart: how many cells the codes that were asked for stand apart; None where that was not asked.
        copies: rows of its copies that were found, too.
    """

    row: int
    score: float
    because: tuple[Reason, ...] = ()
    apart: int | None = None
    copies: tuple[int, ...] = ()


@dataclass(frozen=True)
class Found:
    """What was found, the most alike first, of `of` images that were searched.

    Attributes:
        exact: whether the reasons are what the score is made of, or only what both images have.
        tied: whether an image that is not shown is as much alike as the last one that is.
        matching: how many images have what was asked, where only some can.
        own: rows of copies of the image that was asked about.
    """

    hits: tuple[Hit, ...]
    of: int
    exact: bool = True
    tied: bool = False
    matching: int | None = None
    own: tuple[int, ...] = ()


def like(study: Study, by: By, picture: Picture, cells: np.ndarray | None, k: int, layer: str) -> Found:
    """The `k` images most like a picture, or like its `cells` (H, W) bool, by the cosine of what the way makes of them.

    The picture itself and its copies are left out where it is one of the dataset; of one's own, they are the first.
    `layer` is that whose codes are the reasons.

    Raises:
        BadInput: an unknown way, or one that knows no parts of a picture.
    """
    by = similar.checked(study, by)
    query = similar.represent(study, by, picture, cells)
    leave = () if picture.row is None else (picture.row,)

    def search(count: int) -> tuple[np.ndarray, np.ndarray]:
        rows, scores = similar.nearest(study, by, query, count, leave)
        kept = scores > EQUAL if by.way in NEVER_NEGATIVE else np.ones(len(rows), bool)
        return rows[kept], scores[kept]

    best, tied = _distinct(study, search, k, picture if leave else None)
    exact = by.way in ("bag", "place") and by.layer == layer
    why = _because(study, by if exact else similar.By("bag", layer), picture, best.rows, cells)
    hits = tuple(
        Hit(int(row), float(min(score, 1)), one, None, tuple(others.tolist()))
        for row, score, one, others in zip(best.rows, best.scores, why, best.copies, strict=True)
    )
    return Found(hits, len(study.images) - len(leave), exact, tied, None, tuple(best.own.tolist()))


def _distinct(study: Study, search: Search, k: int, picture: Picture | None = None) -> tuple[Distinct, bool]:
    """The best `k`, copies apart, and whether others are as good as the last of them."""
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def remembered(count: int) -> tuple[np.ndarray, np.ndarray]:
        seen[:] = [search(count)]
        return seen[0]

    best = distinct.distinct(study, remembered, k, picture)
    rows, scores = seen[0]
    left = ~np.isin(rows, np.concatenate([best.rows, best.own, *best.copies]))
    return best, bool(len(best.rows) and (np.abs(scores[left] - best.scores[-1]) < EQUAL).any())


def _because(
    study: Study, by: By, picture: Picture, rows: np.ndarray, cells: np.ndarray | None
) -> list[tuple[Reason, ...]]:
    """The codes that a picture shares with some images, by tf–idf weights of bags or of codes at places."""
    if not len(rows):
        return []
    theirs = study.encoding.codes(by.layer, rows).astype(np.int64)
    one = similar.represent(study, by, picture, cells)
    every = similar.of_rows(study, by, rows)
    others = [every[[place]] for place in range(len(rows))]
    if by.way == "place":
        return [tuple(reasons.of_places(one, *both)) for both in zip(others, theirs, strict=True)]
    here = study.codes_of(picture, by.layer)[0].astype(np.int64)
    return [tuple(reasons.of_bags(one, row, (here, codes), cells)) for row, codes in zip(others, theirs, strict=True)]


def weights(study: Study, layer: str) -> Weights:
    """What the images say of the codes of a layer: rare ones tell more."""
    return study.remember(_weights, layer)


def _weights(study: Study, layer: str) -> Weights:
    from explorer.analysis.retrieval import bags

    if (index := similar.index_of(study, similar.By("bag", layer))) is not None:
        return bags.Weights(index.fitted[0]["idf"])
    return bags.weights_of(study.tally(layer).having, len(study.images))


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
    rows = study.standing(layer, int(here[cell]))[0]
    rows = np.sort(rows[rows != picture.row]) if picture.row is not None else np.sort(rows)
    scores, places, same = (
        np.zeros(len(rows)),
        np.zeros((len(rows), 2), np.int64),
        np.zeros((len(rows), len(steps)), bool),
    )
    each = max(1, min(READ, PAIRS // (grid[0] * grid[1] * len(steps))))
    for start in range(0, len(rows), each):
        part = slice(start, min(start + each, len(rows)))
        codes = study.encoding.codes(layer, rows[part]).astype(np.int64)
        at = np.argwhere(codes == here[cell])
        share, agree = patterns.agreement(codes, at[:, 0], at[:, 1:], (steps, asked), idf)
        order = np.lexsort((np.arange(len(at)), -share))
        images, first = np.unique(at[order, 0], return_index=True)
        best = order[first]
        scores[part][images], places[part][images], same[part][images] = share[best], at[best, 1:], agree[best]
    best, tied = _distinct(study, _ranked(rows, scores), k, picture if picture.row is not None else None)
    hits = []
    for row, others in zip(best.rows, best.copies, strict=True):
        at = int(np.searchsorted(rows, row))
        why = _agreeing(steps[same[at]] + cell, steps[same[at]] + places[at], asked[same[at]], idf, grid)
        hits.append(Hit(int(row), float(scores[at]), why, None, tuple(others.tolist())))
    searched = len(study.images) - (picture.row is not None)
    return Found(tuple(hits), searched, True, tied, len(rows), tuple(best.own.tolist()))


def _ranked(rows: np.ndarray, scores: np.ndarray) -> Search:
    """A search among rows (n,) whose scores are known."""

    def search(count: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = retrieval.top(scores, count)
        return rows[chosen], scores[chosen]

    return search


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
    matching, scores = len(rows), _cosines(study, layer, rows, query)
    apart, places = np.zeros(len(rows), np.int64), np.zeros((len(rows), 2), np.int64)
    if near:
        rows, scores, apart, places = _near(study, layer, wanted, near, rows, scores)
    best, tied = _distinct(study, _ranked(rows, scores), k)
    hits = []
    for row, others in zip(best.rows, best.copies, strict=True):
        at = int(np.searchsorted(rows, row))
        codes = study.encoding.codes(layer, [row])[0].astype(np.int64)
        inside = patterns.square(places[at], int(apart[at]), grid) if near else None
        bag = said.weigh(bags.counted(codes[None], size))
        why = tuple(
            reasons.Reason(one.code, one.share, one.here, reasons.standing(codes, one.code, inside))
            for one in reasons.of_bags(query, bag, (np.full((1, 1), -1), codes))
        )
        hits.append(Hit(int(row), float(scores[at]), why, int(apart[at]) if near else None, tuple(others.tolist())))
    return Found(tuple(hits), len(study.images), True, tied, matching)


def _cosines(study: Study, layer: str, rows: np.ndarray, query: csr_array) -> np.ndarray:
    """(n,) cosines of the bags of some images with a bag (1, K): of a large set by its index, where there is one."""
    by = similar.By("bag", layer)
    if similar.indexing(study, by) is None:
        return retrieval.likeness(similar.represented(study, by)[rows], query)[0]
    if (index := similar.index_of(study, by)) is not None:
        return index.likeness(query)[rows]
    idf, found = weights(study, layer).idf, np.zeros(len(study.images), np.float32)
    for code, weight in zip(query.indices.tolist(), query.data.tolist(), strict=True):
        having, tokens, _ = study.standing(layer, code)
        found[having] += weight * (1 + np.log(tokens)) * idf[code]
    return found[rows] / study.lengths(layer)[rows]


def _near(
    study: Study, layer: str, wanted: Wanted, near: int, rows: np.ndarray, cosines: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of the images (n,) those whose wanted codes stand near: rows ascending, scores, spreads and places (m, 2).

    Those with the largest cosines are looked at first. No score is larger than its cosine, so nothing better is left
    out when it stops with more than can be asked for.
    """
    side = max(study.layer(layer).grid)
    order, parts, best = np.argsort(-cosines, kind="stable"), [], np.empty(0)
    for start in range(0, len(order), READ):
        if (best > cosines[order[start]]).sum() > distinct.MOST:
            break
        at = np.sort(order[start : start + READ])
        apart, places = patterns.spreads(study.encoding.codes(layer, rows[at]).astype(np.int64), wanted.codes)
        kept = apart <= near
        scores = cosines[at] * (1 - apart / side)
        parts.append((rows[at][kept], scores[kept], apart[kept], places[kept]))
        best = np.concatenate([best, scores[kept]])
    found = [np.concatenate(part) for part in zip(*parts, strict=True)]
    ascending = np.argsort(found[0], kind="stable")
    return tuple(one[ascending] for one in found)


def _having(study: Study, layer: str, wanted: Wanted) -> np.ndarray:
    """(n,) rows of the images that have all wanted codes and none of the unwanted, ascending."""
    usage = study.usage(layer)
    found: np.ndarray | None = None
    for code in sorted(wanted.codes, key=lambda one: usage[one]):  # rare ones first: little is left for the others
        rows = study.standing(layer, code)[0]
        found = np.sort(rows) if found is None else found[np.isin(found, rows, kind="table")]
        if not len(found):
            return found
    for code in wanted.unwanted:
        found = found[np.isin(found, study.standing(layer, code)[0], invert=True, kind="table")]
    return found
