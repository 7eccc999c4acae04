"""Which images each of two checkpoints reconstructs better: all as a chart, and those that each wins most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import (
    Block,
    Chart,
    Controls,
    Go,
    Heading,
    Later,
    Link,
    Note,
    Picture,
    Pictures,
    Row,
    Strip,
    Strips,
    drawing,
)  # fmt: skip
from explorer.views import ways
from explorer.views.differences import CALLED, DIGITS, METRICS, written

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study.pair import Pair

SHOWN = 4  # images that each wins most, as strips


def images(pair: Pair, metric: str) -> tuple[list[Block], dict[str, Any]]:
    """Which images each wins: a chart of all, and those that each wins most."""
    from explorer.analysis import pairs
    from explorer.charts import comparison_plots

    first, second = pair.scores(metric)
    won = pairs.wins(first, second, metric)
    there = np.isfinite(first) & np.isfinite(second)
    gap = (first - second)[there]
    side = np.sign(gap) * pairs.BETTER[metric]
    names = pair.a.checkpoint.name, pair.b.checkpoint.name
    title = f"{CALLED[metric]} of one image, A − B"
    heading = Heading(
        "Image by image", help_of("images won"), lambda: _each(pair), f"{names[0]}-{names[1]}-images"
    )  # fmt: skip
    blocks: list[Block] = [heading, Controls(("metric",))]
    if not won["n"]:
        return [*blocks, Note("No image was scored by both.", "info")], {}
    if won["ties"] == won["n"]:
        return [*blocks, Note(f"Both have the same {METRICS[metric]} on all {won['n']:,} images.", "plain")], won
    blocks.append(
        Chart(
            "differences",
            lambda theme: comparison_plots.differences(gap, side, title, names, theme=theme),
            f"{title}, of {len(gap):,} images",
        )
    )
    order = np.flatnonzero(there)[np.argsort(-gap * pairs.BETTER[metric], kind="stable")]
    best = [order[:SHOWN][first_wins(first, second, order[:SHOWN], metric)],
            order[::-1][:SHOWN][~first_wins(first, second, order[::-1][:SHOWN], metric)]]  # fmt: skip
    return [*blocks, Later(lambda: _strips(pair, metric, best))], won


def first_wins(first: np.ndarray, second: np.ndarray, rows: np.ndarray, metric: str) -> np.ndarray:
    from explorer.analysis import pairs

    return (first[rows] - second[rows]) * pairs.BETTER[metric] > 0


def _each(pair: Pair) -> pd.DataFrame:
    """A row an image: its name, and each score of both."""
    import pandas as pd

    columns: dict[str, Any] = {"name": [pair.a.images.names[row] for row in pair.rows[0].tolist()]}
    columns |= {"row of a": pair.rows[0], "row of b": pair.rows[1]}
    for metric in METRICS:
        columns[f"{metric} of a"], columns[f"{metric} of b"] = pair.scores(metric)
    return pd.DataFrame(columns)


def _strips(pair: Pair, metric: str, best: Sequence[np.ndarray]) -> list[Block]:
    """Images that each wins most: the original, what each makes of it, and both errors on one scale."""
    chosen = np.concatenate(best).astype(np.int64)
    if not len(chosen):
        return []
    found = [
        of.compare(of.images.read(rows[chosen]))
        for of, rows in zip((pair.a, pair.b), pair.rows, strict=True)
    ]  # fmt: skip
    top = drawing.error_top(np.concatenate([one.errors.reshape(-1) for one in found]))
    both, scores = [drawing.heat(one.errors, top) for one in found], pair.scores(metric)
    strips: list[list[Strip]] = [[], []]
    for at, place in enumerate(chosen.tolist()):
        side = int(at >= len(best[0]))
        gap = scores[0][place] - scores[1][place]
        unit = "dB" if metric == "psnr" else METRICS[metric]
        title = f"{written(abs(gap), DIGITS[metric])} {unit} for {'AB'[side]}"
        row, other = int(pair.rows[0][place]), int(pair.rows[1][place])
        pictures = (
            ("Original", found[0].originals), ("A", found[0].reconstructions), ("B", found[1].reconstructions),
            ("Error of A", both[0]), ("Error of B", both[1]),
        )  # fmt: skip
        name = pair.a.images.names[row]
        links = (
            Link("Codes of A", "grid_on", Go("code_maps", {"image": row})),
            Link("Codes of B", "grid_on", Go("code_maps", {**ways.to(pair.b, pair.a), "image": other})),
        )
        shown = [Picture(pixels[at], called, alt=f"{called} of {name}") for called, pixels in pictures]
        strips[side].append(Strip(shown, title, name, links, row))
    bar = drawing.heat(np.broadcast_to(np.linspace(0, 1, 160), (10, 160)), 1.0)
    legend = Row([
        [Note("Error 0")],
        [Pictures("bar", [Picture(bar, alt="Colours of errors, from dark (none) to light")], 160, grow=False)],
        [Note(f"{top:.2f} and more; one scale for both", help=help_of("error map"))],
    ], 60, even=False)  # fmt: skip
    blocks: list[Block] = []
    for side, of in enumerate((pair.a, pair.b)):
        if strips[side]:
            heading = Heading(f"Won most by {'AB'[side]}, {of.checkpoint.name}", level=3)
            blocks += [heading, Strips(f"won-{'ab'[side]}", strips[side], 430)]
    return [*blocks, legend]
