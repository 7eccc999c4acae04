"""One group of codes: its codes, where it stands, what it is tied to, and images with its cells outlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.grids import placed
from explorer.glossary import help_of
from explorer.sheets import Block, Go, Heading, More, Name, Note, Picture, Pictures, Row, drawing
from explorer.views import words

if TYPE_CHECKING:
    from explorer.study import Study
    from explorer.study.grouped import Grouping
    from explorer.views.group_list import Facts

PANEL = "group-panel"
FIRST, REST = 24, 200  # codes whose patches are shown at once, and at most
EXAMPLES = 8
SIDE, PLACE = 128, 110  # pixels of the screen
TINY = 1e-12  # q below which no digits are told
NOTHING = "Nothing stands out among its images: no value of a concept is surely more common on both halves of them."
CHOSEN = "Chosen on one half of the images and counted on the other, so that it is no lucky find."


def blocks(study: Study, grouping: Grouping, facts: Facts, group: int) -> list[Block]:
    """All about a group."""
    layer, codes = grouping.layer, facts.codes[group]
    share = facts.tokens[group] / max(study.usage(layer).sum(), 1)
    counts, rows, cells = study.remember(standing, layer, codes)
    images = int((counts > 0).sum())
    facts_line = (
        f"{words.many(len(codes), 'code')} · {share:.1%} of all tokens · in {images:,} of "
        f"{study.encoding.images:,} images"
    )
    title = Heading(grouping.called(group), help_of("group of codes"), level=3)
    name = Name(layer, group, tuple(int(code) for code in grouping.codes(group)))
    found: list[Block] = [Row([[title], [name]], even=False), Note(facts_line), *_tie(facts, group)]
    found += _codes(study, grouping, facts, group)
    return [*found, *_images(study, grouping, codes, counts, rows, cells)]


def standing(study: Study, layer: str, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells of the group in each image (N,); rows of those with most, ties at random; tokens in each cell (H, W)."""
    inside = np.zeros(len(study.book(layer)), bool)
    inside[codes] = True
    images = study.encoding.images
    counts, cells = np.zeros(images, np.int64), np.zeros(study.layer(layer).grid, np.int64)
    for start, some in study.encoding.blocks(layer):
        there = inside[some]
        counts[start : start + len(some)], cells = there.sum((1, 2)), cells + there.sum(0)
    order = np.random.default_rng(images).permutation(images)
    rows = order[np.argsort(-counts[order], kind="stable")]
    return counts, rows[counts[rows] > 0][:EXAMPLES], cells


def _tie(facts: Facts, group: int) -> list[Block]:
    tie = facts.ties[group]
    if tie is None or not tie.sure:
        return [Note(NOTHING, help=help_of("tied to"))]
    said = (
        f"{tie.concept}: where it has more cells than in the middle image, {tie.inside:,} of {tie.having:,} images are "
        f"“{tie.value}”, of the others {tie.outside:,} of {tie.lacking:,}"
    )
    if not tie.outside:
        times = f"at least {_times(tie.low)} × as common"
    else:
        times = f"{_times(tie.ratio)} × as common [{_times(tie.low)}, {_times(tie.high)}]"
    q = f"q = {words.tiny(tie.q)}" if tie.q >= TINY else "q < 10⁻¹²"
    return [Note(f"{said}: {times}, {q}.", "plain", help_of("tied to")), Note(CHOSEN)]


def _times(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _codes(study: Study, grouping: Grouping, facts: Facts, group: int) -> list[Block]:
    codes, layer = facts.codes[group], grouping.layer
    names = study.names(layer)

    def pictures(some: np.ndarray) -> list[Picture]:
        tiles = study.tiles(layer, some)
        return [
            Picture(
                tile, names.get(int(code), f"{code}"), alt=f"A patch of {words.called(names, int(code))}",
                go=Go("codebook", {"layer": layer, "code": int(code)}),
            )
            for code, tile in zip(some, tiles, strict=True)
        ]  # fmt: skip

    heading = Heading("Its codes", "A patch of each, the most used first. Click one to see its code.", level=3)
    found: list[Block] = [heading, Pictures("group-codes", pictures(codes[:FIRST]), 48, grow=False)]
    rest = codes[FIRST:REST]
    if len(rest):
        more = f" of {len(codes) - FIRST:,}" if len(codes) > REST else ""
        shown = Pictures("group-codes-more", pictures(rest), 48, grow=False)
        found.append(More(f"{words.many(len(rest), 'more code')}{more}", [shown]))
    return found


def _images(
    study: Study, grouping: Grouping, codes: np.ndarray, counts: np.ndarray, rows: np.ndarray, cells: np.ndarray
) -> list[Block]:
    """Where it stands on the average, and the images with most of it."""
    layer, grid = grouping.layer, cells.shape
    found: list[Block] = []
    if placed(grid) and grid != (1, 1):
        mean = cells / max(study.encoding.images, 1)
        top = float(mean.max())
        where = Picture(
            drawing.heat(mean, top), "Where it stands", f"lightest: {top:.0%} of the images",
            f"Share of the images that have the group in each cell, at most {top:.0%}",
        )  # fmt: skip
        found.append(Pictures("group-where", [where], PLACE, grow=False))
    if not len(rows):
        return found
    from explorer.analysis.patches import mark

    pixels, read = study.shown.read(rows), study.some_codes(layer, rows)
    names = study.images.names
    pictures = [
        Picture(
            mark(image, np.isin(own, codes), SIDE), f"Image {row:,}", words.many(int(counts[row]), "cell"),
            alt=f"{names[row]}, cells of the group outlined", go=Go("code_maps", {"layer": layer, "image": int(row)}),
            row=int(row),
        )
        for row, image, own in zip(rows, pixels, read, strict=True)
    ]  # fmt: skip
    shown = Pictures("group-images", pictures, SIDE, grow=False)
    heading = Heading("Images with most of it", "Its cells are outlined. Click one for its code map.", level=3)
    parts = [[heading, shown]]
    return [Row([found, *parts], PLACE, shares=(1, 5))] if found else parts[0]
