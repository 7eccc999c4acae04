"""Whom a patch attends to, in every head of a block, over the image; and how far heads look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.sheets import Block, Chart, Column, Controls, Go, Heading, Link, Note, Piece, Row, Table
from explorer.sheets.drawing import url
from explorer.study import mask_passes
from explorer.views.code_panel import cell_of

if TYPE_CHECKING:
    from explorer.analysis.attention import Attention
    from explorer.study import Picture as Looked
    from explorer.study import Study

FIRST = "class"  # asks for the class token
TOP = 0.99  # of the weights of all patches but the one that asks end the colours
DIGITS = 4  # of weights that are sent
NONE = "This network does not tell whom its patches attend to, so there is no attention to show."


def blocks_of(study: Study) -> int:
    """How many blocks tell whom their patches attend to; none where there is no network."""
    try:
        return study.abilities()["attends"]
    except BadInput:  # a file of codes
        return 0


def blocks(study: Study, options: Any, picture: Looked, mask: np.ndarray) -> list[Block]:
    """Maps of the chosen block from the patch that asks, and how far away each head of each block looks."""
    heading = Heading("Attention", help_of("attention"))
    if not blocks_of(study):
        return [heading, Note(NONE)]
    if mask.all():
        return [heading, Note("Every patch is hidden, so there is nothing to attend to; show some.")]
    query, said = _query(study, options.asks, mask)
    found = _found(study, picture, mask, query)
    first = query is not None and study.abilities()["class_token"]
    back = [Link("Let the class token ask", "token", Go(None, {"asks": FIRST}))] if first else []
    return [
        heading, Row([[Controls(("block",))], back] if back else [[Controls(("block",))]], 60, even=False), *said,
        _maps(found, options.block - 1, query, picture, mask), _table(study, found, options.block - 1, query),
        Heading("How far heads look", help_of("attention distance"), level=3), _chart(found, options.block - 1),
    ]  # fmt: skip


def numbers(study: Study, options: Any, picture: Looked, mask: np.ndarray) -> dict[str, Any] | None:
    """Entropy and distance of each block and head; None where there is no attention."""
    if not blocks_of(study) or mask.all():
        return None
    query, _ = _query(study, options.asks, mask)
    found = _found(study, picture, mask, query)
    told = {"entropy": found.entropy, "mean_entropy": found.mean_entropy, "mean_distance": found.mean_distance}
    if query is not None:
        told["distance"] = found.distance
    return {
        "asks": FIRST if query is None else [query // mask.shape[1], query % mask.shape[1]], "tokens": found.tokens,
        "even_distance": found.even_distance, **{name: values.tolist() for name, values in told.items()},
    }  # fmt: skip


def _found(study: Study, picture: Looked, mask: np.ndarray, query: int | None) -> Attention:
    return study.remember(_attention, picture, mask, query)


def _attention(study: Study, picture: Looked, mask: np.ndarray, query: int | None) -> Attention:
    return study.through(mask_passes.attend, picture.pixels, mask, query)


def _query(study: Study, asked: str, mask: np.ndarray) -> tuple[int | None, list[Block]]:
    """The patch that asks, None for the class token: the one asked for, or the visible one nearest to it."""
    if asked == FIRST and study.abilities()["class_token"]:
        return None, []
    cell = cell_of(asked, mask.shape)
    rows, columns = np.indices(mask.shape)
    middle = cell or ((mask.shape[0] - 1) / 2, (mask.shape[1] - 1) / 2)
    away = np.where(mask, np.inf, (rows - middle[0]) ** 2 + (columns - middle[1]) ** 2)
    query = int(away.argmin())
    if cell is None or not mask[cell]:
        return query, []
    row, column = divmod(query, mask.shape[1])
    return query, [
        Note(
            f"The patch in row {cell[0]}, column {cell[1]} is hidden and cannot ask; the visible one nearest to it "
            f"does, in row {row}, column {column}."
        )
    ]


def _maps(found: Attention, block: int, query: int | None, picture: Looked, mask: np.ndarray) -> Piece:
    weights = found.weights[block].reshape(len(found.weights[block]), -1)
    mean = weights.mean(0)
    others = ~mask.reshape(-1)
    if query is not None and others.sum() > 1:
        others[query] = False
    tops = [max(float(np.quantile(one[..., others], TOP)), 1e-6) for one in (mean, weights)]
    asks = "the class token" if query is None else f"row {query // mask.shape[1]}, column {query % mask.shape[1]}"
    data = {
        "url": url(picture.pixels), "rows": mask.shape[0], "columns": mask.shape[1], "query": query,
        "hidden": "".join("01"[int(one)] for one in mask.reshape(-1)), "mean": _short(mean), "tops": tops,
        "heads": [_short(one) for one in weights], "alt": f"attention of block {block + 1} from {asks}",
        "names": ["Mean of all heads", *(f"Head {head + 1}" for head in range(len(weights)))],
        "words": f"Block {block + 1}, asked by {asks} (green). Point at a patch for its weight; press it, and it asks.",
    }  # fmt: skip
    return Piece("attention", "attention", data, f"Attention of block {block + 1} over the image, asked by {asks}",
                 Go(None, {"asks": "{row},{column}"}))  # fmt: skip


def _short(weights: np.ndarray) -> list[float]:
    return [float(f"{one:.{DIGITS}g}") for one in weights]


COLUMNS = {
    "head": Column("Head", "", "%d", pinned=True),
    "entropy": Column("Entropy (bits)", help_of("attention entropy"), "%.2f"),
    "distance": Column("Distance (patches)", help_of("attention distance"), "%.2f"),
    "all": Column("Distance, all asking", "Mean over all visible patches. " + help_of("attention distance"), "%.2f"),
    "first": Column("On the class token (%)", help_of("class token"), "%.1f"),
}  # fmt: skip


def _table(study: Study, found: Attention, block: int, query: int | None) -> Block:
    import pandas as pd

    frame = pd.DataFrame({
        "head": np.arange(1, found.weights.shape[1] + 1), "entropy": found.entropy[block],
        "distance": found.distance[block], "all": found.mean_distance[block], "first": 100 * found.first[block],
    })  # fmt: skip
    there = {"distance": query is not None, "first": study.abilities()["class_token"]}
    columns = {name: column for name, column in COLUMNS.items() if there.get(name, True)}
    most = f"At most {np.log2(found.tokens):.2f} bits, where all {found.tokens:,} tokens get the same."
    entropy = Column(COLUMNS["entropy"].label, f"{COLUMNS['entropy'].help} {most}", "%.2f")
    return Table("attention-table", frame[list(columns)], columns | {"entropy": entropy})


def _chart(found: Attention, block: int) -> Block:
    from explorer.charts import mask_plots

    return Chart(
        "attention-distance",
        lambda theme: mask_plots.distances(found.mean_distance, found.even_distance, block, theme),
        "Mean attention distance of each head, by block",
    )
