"""The numbers of the chosen cell below the diagram of the steps: cards, and charts to read off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, CodeMap, Controls, Go, Heading, Picture, Pictures, Row
from explorer.views import vq_layer, words

if TYPE_CHECKING:
    from explorer.views.vq_layer import Taken

NEAREST, TILE, MAP = 6, 84, 300  # codes shown, and pixels of a patch and of the map


def blocks(taken: Taken) -> list[Block]:
    """Cards, the map to choose another cell, the nearest codes, and charts."""
    row, column = taken.cell
    return [
        Heading(f"The cell in row {row}, column {column}", help_of("vq layer")),
        Cards(_cards(taken), 4),
        Row([_map(taken), _nearest(taken)], 300, shares=(4, 7)),
        *_charts(taken),
        *_gradient(taken),
    ]


def _cards(taken: Taken) -> list[Card]:
    call = taken.call
    uses = _shares(taken)[call.code]
    share = vq_layer.share(call)
    cards = [
        Card("Code", f"{call.code:,}", f"{100 * uses:.3g} % of all tokens", help_of("code")),
        Card("Distance", f"{call.distances[call.code]:.4g}", "to its code's vector", help_of("distance to a code")),
    ]
    if call.runner_up is not None:
        further = "" if share is None else f"runner-up {100 * share:.3g} % further away"
        cards.append(Card("Margin", f"{call.margin:.4g}", further, help_of("margin of a code")))
        if len(taken.margins) > 1:
            said = f"{taken.closer:,} of {len(taken.margins):,} cells"
            cards.append(Card("Closer calls", said, "of this image", help_of("closer calls")))
    return cards


def _map(taken: Taken) -> list[Block]:
    shares, names = _shares(taken), taken.study.names(taken.layer)
    notes = [
        [f"{words.called(names, code)}\n{100 * shares[code]:.3g} % of all tokens\nrow {row}, column {column}"
         for column, code in enumerate(line)]
        for row, line in enumerate(taken.codes.tolist())
    ]  # fmt: skip
    return [
        CodeMap(
            "steps-map", taken.codes, taken.study.colours(taken.layer), notes,
            f"{taken.layer}: click a cell to follow it", f"Codes of layer {taken.layer}, a cell to follow",
            None, taken.cell, go=Go(carried={"cell": "{row},{column}"}), width=MAP, waits=("steps-numbers",),
        )
    ]  # fmt: skip


def _shares(taken: Taken) -> np.ndarray:
    """(K,) of all tokens of the images; the table of codes has them, too, but takes a while for many."""
    tokens = taken.study.usage(taken.layer)
    return tokens / max(int(tokens.sum()), 1)


def _nearest(taken: Taken) -> list[Block]:
    call, study, layer = taken.call, taken.study, taken.layer
    codes = call.order[:NEAREST]
    names = study.names(layer)
    pictures = [
        Picture(
            tile, words.called(names, int(code)), f"{call.distances[code]:.3g}",
            f"The patch nearest to code {code}, distance {call.distances[code]:.3g}", "All about this code",
            Go("code_maps", {"layer": layer, "code": int(code)}),
        )
        for code, tile in zip(codes, study.tiles(layer, codes), strict=True)
    ]  # fmt: skip
    return [
        Heading("The nearest codes", help_of("nearest codes of a vector"), level=3),
        Pictures("steps-nearest", pictures, TILE, grow=False),
    ]


def _charts(taken: Taken) -> list[Block]:
    from explorer.charts import step_plots

    call = taken.call
    curve: list[Block] = [
        Heading("Distance to every code", help_of("distance to a code"), level=3),
        Chart(
            "steps-distances", lambda theme: step_plots.distances(call.distances, call.order, theme),
            f"Distances of the vector to {words.many(len(call.order), 'code')}, nearest first",
            Go("code_maps", {"layer": taken.layer, "code": "{point}"}),
        ),
    ]  # fmt: skip
    margin = call.margin
    if margin is None or len(taken.margins) < 4:
        return curve
    spread: list[Block] = [
        Heading("Is this a close call?", help_of("closer calls"), level=3),
        Chart(
            "steps-margins", lambda theme: step_plots.margins(taken.margins, margin, theme),
            f"Margins of the cells of this image, and {margin:.3g} of this one",
        ),
    ]  # fmt: skip
    return [Row([curve, spread], 320)]


def _gradient(taken: Taken) -> list[Block]:
    from explorer.charts import step_plots

    found, slopes = taken.gradients, vq_layer.slopes(taken)
    if found is None or slopes is None:
        return []
    series = {
        "∂L/∂q, at the decoder": found.decoder[taken.cell], "∂L/∂z, at the encoder": found.encoder[taken.cell],
    }  # fmt: skip
    if np.any(found.book[taken.cell]):
        series[f"∂L/∂e, vector {taken.call.code} of the codebook"] = found.book[taken.cell]
    cosine = "–" if slopes["cosine"] is None else f"{slopes['cosine']:.4g}"
    cards = [
        Card("Loss", words.tiny(slopes["value"]), "of this image", help_of("loss of a gradient")),
        Card("At the decoder", words.tiny(slopes["decoder"]), "length of ∂L/∂q", help_of("gradient")),
        Card("At the encoder", words.tiny(slopes["encoder"]), "length of ∂L/∂z", help_of("straight-through copy")),
        Card("Cosine", cosine, "of both", help_of("cosine of gradients")),
        Card("At the codebook", words.tiny(slopes["codebook"]), "length of ∂L/∂e", help_of("gradient of a codebook")),
    ]
    return [
        Heading("The gradient before and after the copy", help_of("straight-through copy")),
        Controls(("loss",)),
        Cards(cards, 5),
        Chart(
            "steps-gradient", lambda theme: step_plots.gradients(series, theme), "Gradients at both ends of the copy"
        ),
    ]
