"""Six steps: what the VQ layer does with one cell of an image, in real numbers, and how it learns all the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Controls, Go, Link, Note, Part, Piece, Sheet
from explorer.views import fields, instead, step_cards, step_numbers, vq_layer, words
from explorer.views.code_panel import cell_of

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

LOSSES = {
    "mse": "Mean squared error", "mae": "Mean absolute error", "commitment": "Commitment loss",
    "codebook": "Codebook loss", "lightness": "Mean lightness",
}  # fmt: skip
NUMBERS = "steps-numbers"  # the part of the sheet that a click replaces
INTRODUCTION = (
    "A VQ-VAE writes an image as a small grid of whole numbers, its codes. Each stands for a vector, a list of {dim}, "
    "that is kept in a codebook. Here are the six steps from the encoder's vectors to those of the codes, with what "
    "they make of one cell of this very image. Point at a step, or press another cell."
)
NO_NETWORK = (
    "This file holds codes only: what the encoder gave before they were chosen is not in it, so there are no steps to "
    "follow. A checkpoint with its network has them."
)
CONTINUOUS = (
    "This network has no such layer: its decoder gets “{layer}” as it is. The steps below take the {codes} centres of "
    "k-means for a codebook, for looking only: the network knows nothing of them, so the last step is left out."
)


def _slopes(study: Study, options: Mapping[str, Any]) -> bool:
    """Whether a gradient comes through the layer at all."""
    own = study.checkpoint.format != "codes" and study.book(options["layer"]).kind in vq_layer.OWN
    return own and not study.checkpoint.no_decoder


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    layer: str = fields.layer()
    cell: str = fields.option("", "Cell", "The chosen cell of the grid, as row,column.", when=lambda *_: False)
    loss: str = fields.option("mse", "Loss", help_of("loss of a gradient"), choices=LOSSES, when=_slopes)


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """The layer drawn with a real image in it, a card for each step, and the numbers of the chosen cell."""
    elsewhere = Link(
        "vqvae-shapes, whose VQ layer has all six", "conversion_path",
        Go(None, {"checkpoint": "vqvae-shapes", "dataset": "shapes"}),
    )  # fmt: skip
    if study.checkpoint.format == "codes":
        return Sheet([Note(NO_NETWORK, "info"), elsewhere])
    if picture is None:
        return Sheet([Note("Choose an image, or give one of your own, to follow its vectors.", "info")])
    grid = study.layer(options.layer).grid
    cell = cell_of(options.cell, grid)
    taken = vq_layer.Taken(study, picture, options.layer, cell or (grid[0] // 2, grid[1] // 2), options.loss)
    blocks: list[Block] = [Controls(("layer",))]
    if options.cell and cell is None:
        blocks.append(
            Note(
                f"There is no cell {options.cell[:20]} on a grid of {grid[0]} × {grid[1]}; this is the one in the "
                "middle.", "warning",
            )
        )  # fmt: skip
    blocks += [
        Note(
            INTRODUCTION.format(dim=words.many(study.layer(options.layer).dim, "number")), "plain", help_of("vq layer")
        ),
        *_without(study, options.layer, elsewhere),
    ]
    blocks.append(
        Piece(
            "steps", "steps", step_cards.data(taken, LOSSES), step_cards.alt(taken),
            Go(carried={"cell": "{cell}", "loss": "{loss}"}), waits=(NUMBERS,),
        )
    )  # fmt: skip
    blocks += [Part(NUMBERS, step_numbers.blocks(taken)), *instead.blocks(taken)]
    return Sheet(blocks, taken.numbers() | {"instead": instead.rows(taken)})


def _without(study: Study, layer: str, elsewhere: Link) -> list[Block]:
    """Says that a layer is continuous, and where there is one that is not."""
    book = study.book(layer)
    if book.kind in vq_layer.OWN:
        return []
    own = [one["name"] for one in study.checkpoint.layers if one.get("codes")]
    there = (
        Link(f"Layer “{own[0]}”, which has codes of its own", "layers", Go(None, {"layer": own[0]})) if own else None
    )
    return [
        Note(CONTINUOUS.format(layer=layer, codes=words.many(len(book), "centre").split()[0]), "info"),
        there or elsewhere,
    ]
