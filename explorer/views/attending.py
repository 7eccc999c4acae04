"""Whom a patch attends to, in every head of a block, over the image; and how far heads look."""

from __future__ import annotations

from dataclasses import dataclass
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
PARTS = {"encoder": "Encoder", "decoder": "Decoder"}
NONE = "This network does not tell whom its patches attend to, so there is no attention to show."


def blocks_of(study: Study, decoder: bool = False) -> int:
    """How many blocks tell whom their patches attend to; none where there is no network."""
    try:
        return study.abilities()["decoder_attends" if decoder else "attends"]
    except BadInput:  # a file of codes
        return 0


@dataclass(frozen=True)
class Asked:
    """What is asked: which patches are there, (H, W) bool, and which asks, row by row; None for the class token."""

    mask: np.ndarray
    there: np.ndarray
    query: int | None
    decoder: bool

    @property
    def called(self) -> str:
        if self.query is None:
            return "the class token"
        row, column = self.place
        return f"{'hidden patch in ' if self.mask[row, column] else ''}row {row}, column {column}"

    @property
    def place(self) -> tuple[int, int]:
        return divmod(self.query, self.mask.shape[1])


def blocks(study: Study, options: Any, picture: Looked, mask: np.ndarray) -> list[Block]:
    """Maps of the chosen block from the patch that asks, and how far away each head of each block looks."""
    heading = Heading("Attention", help_of("attention"))
    if not blocks_of(study):
        return [heading, Note(NONE)]
    asked, said = _asked(study, options, mask)
    choices = [Controls(("part",)), Controls(("block",))]
    if asked is None:
        return [heading, choices[0], Note("Every patch is hidden, so there is nothing to attend to; show some.")]
    found, block = _found(study, picture, asked), options.block - 1
    if asked.query is not None and study.abilities()["class_token"]:
        choices.append(Link("Let the class token ask", "token", Go(None, {"asks": FIRST})))
    return [
        heading, Row([[one] for one in choices], 60, even=False), *said, _maps(found, block, asked, picture),
        _table(study, found, block, asked), Heading("How far heads look", help_of("attention distance"), level=3),
        _chart(found, block, options.part),
    ]  # fmt: skip


def numbers(study: Study, options: Any, picture: Looked, mask: np.ndarray) -> dict[str, Any] | None:
    """Entropy and distance of each block and head; None where there is no attention."""
    asked = _asked(study, options, mask)[0] if blocks_of(study) else None
    if asked is None:
        return None
    found = _found(study, picture, asked)
    told = {"entropy": found.entropy, "mean_entropy": found.mean_entropy, "mean_distance": found.mean_distance}
    if asked.query is not None:
        told["distance"] = found.distance
    return {
        "part": options.part, "asks": FIRST if asked.query is None else list(asked.place), "tokens": found.tokens,
        "even_distance": found.even_distance, **{name: values.tolist() for name, values in told.items()},
    }  # fmt: skip


def _found(study: Study, picture: Looked, asked: Asked) -> Attention:
    return study.remember(_attention, picture, asked.mask, asked.query, asked.decoder)


def _attention(study: Study, picture: Looked, mask: np.ndarray, query: int | None, decoder: bool) -> Attention:
    return study.through(mask_passes.attend, picture.pixels, mask, query, decoder)


def _asked(study: Study, options: Any, mask: np.ndarray) -> tuple[Asked | None, list[Block]]:
    """Who asks: the patch asked for, or the one nearest to it that is there; None where none is."""
    decoder = options.part == "decoder" and blocks_of(study, decoder=True) > 0
    there = np.ones_like(mask) if decoder else ~mask
    if not there.any():
        return None, []
    if options.asks == FIRST and study.abilities()["class_token"]:
        return Asked(mask, there, None, decoder), []
    cell = cell_of(options.asks, mask.shape)
    rows, columns = np.indices(mask.shape)
    middle = cell or ((mask.shape[0] - 1) / 2, (mask.shape[1] - 1) / 2)
    first = mask if decoder and cell is None and mask.any() else there  # of the decoder a hidden one tells most
    away = np.where(first, (rows - middle[0]) ** 2 + (columns - middle[1]) ** 2, np.inf)
    asked = Asked(mask, there, int(away.argmin()), decoder)
    if cell is None or there[cell]:
        return asked, []
    row, column = asked.place
    return asked, [
        Note(
            f"The patch in row {cell[0]}, column {cell[1]} is hidden and cannot ask; the visible one nearest to it "
            f"does, in row {row}, column {column}."
        )
    ]


def _maps(found: Attention, block: int, asked: Asked, picture: Looked) -> Piece:
    weights = found.weights[block].reshape(len(found.weights[block]), -1)
    mean, others = weights.mean(0), asked.there.reshape(-1).copy()
    if asked.query is not None and others.sum() > 1:
        others[asked.query] = False
    tops = [max(float(np.quantile(one[..., others], TOP)), 1e-6) for one in (mean, weights)]
    crossed = " Hidden patches are crossed." if asked.decoder and asked.mask.any() else ""
    data = {
        "url": url(picture.pixels), "rows": asked.mask.shape[0], "columns": asked.mask.shape[1], "query": asked.query,
        "hidden": _flags(~asked.there), "crossed": _flags(asked.mask & asked.there), "mean": _short(mean), "tops": tops,
        "heads": [_short(one) for one in weights], "alt": f"attention of block {block + 1} from {asked.called}",
        "names": ["Mean of all heads", *(f"Head {head + 1}" for head in range(len(weights)))],
        "words": f"Block {block + 1}, asked by {asked.called} (green).{crossed} Point at a patch for its weight; press "
        "it, and it asks.",
    }  # fmt: skip
    about = f"Attention of block {block + 1} over the image, asked by {asked.called}"
    return Piece("attention", "attention", data, about, Go(None, {"asks": "{row},{column}"}))


def _flags(cells: np.ndarray) -> str:
    return "".join("01"[int(one)] for one in cells.reshape(-1))


def _short(weights: np.ndarray) -> list[float]:
    return [float(f"{one:.{DIGITS}g}") for one in weights]


COLUMNS = {
    "head": Column("Head", "", "%d", pinned=True),
    "entropy": Column("Entropy (bits)", help_of("attention entropy"), "%.2f"),
    "distance": Column("Distance (patches)", help_of("attention distance"), "%.2f"),
    "all": Column("Distance, all asking", "Mean over all that can ask. " + help_of("attention distance"), "%.2f"),
    "visible": Column("On visible patches (%)", "How much goes to patches that the network saw.", "%.1f"),
    "first": Column("On the class token (%)", help_of("class token"), "%.1f"),
}  # fmt: skip


def _table(study: Study, found: Attention, block: int, asked: Asked) -> Block:
    import pandas as pd

    frame = pd.DataFrame({
        "head": np.arange(1, found.weights.shape[1] + 1), "entropy": found.entropy[block],
        "distance": found.distance[block], "all": found.mean_distance[block], "first": 100 * found.first[block],
        "visible": 100 * found.weights[block][:, ~asked.mask].sum(1),
    })  # fmt: skip
    there = {"distance": asked.query is not None, "visible": asked.decoder, "first": study.abilities()["class_token"]}
    columns = {name: column for name, column in COLUMNS.items() if there.get(name, True)}
    most = f"At most {np.log2(found.tokens):.2f} bits, where all {found.tokens:,} tokens get the same."
    entropy = Column(COLUMNS["entropy"].label, f"{COLUMNS['entropy'].help} {most}", "%.2f")
    return Table("attention-table", frame[list(columns)], columns | {"entropy": entropy})


def _chart(found: Attention, block: int, part: str) -> Block:
    from explorer.charts import mask_plots

    return Chart(
        "attention-distance",
        lambda theme: mask_plots.distances(found.mean_distance, found.even_distance, block, part, theme),
        f"Mean attention distance of each head of the {part}, by block",
    )
