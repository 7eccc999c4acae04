"""What the diagram of the six steps and the cards below it show of one cell, as JSON for its script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.sheets import drawing
from explorer.views import instead, vq_layer, words

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.views.vq_layer import Taken

ROWS, CODES, DIMS = 48, 72, 48  # of a matrix that are drawn
BARS, POINTS = 64, 160  # numbers of a vector, and distances, that a card draws
VARIED, MOST = 4, 4096  # cells that have directions of their own, and codes that lend them theirs
SMALL = 64  # pixels of an image that is sent as they are
FEW = 40  # codes that a card draws on a linear scale
CLOSE = 0.05  # share of the distance below which a margin is called a close call
SAME = "Both are the same, to the digit: it is a copy. "
AROUND = (
    "The copy leads around the codebook, so its vectors get nothing. They learn in another way: by a loss of their "
    "own (choose the codebook loss), or as a moving average of the vectors that chose them."
)
ARITHMETIC = "Nothing is to be learned in this codebook: its vectors are arithmetic, and stay where they are."
SLOPE_SAID = {
    "lightness": "Against this gradient the image becomes darker.",
    "commitment": "The two differ, for this loss needs no copy: it takes hold of the encoder's vector itself, and "
    "pulls it to its code. The code's vector is held still meanwhile.",
    "codebook": "Neither end feels this loss. It takes hold of the code's vector, and pulls it to the encoder's "
    "vectors that chose it. ",
}
BOOK_LEARNS = "So a codebook learns, or by a moving average, which does the same without a gradient."


def alt(taken: Taken) -> str:
    """The picture in words."""
    row, column = taken.cell
    return (
        f"The VQ layer {taken.layer}: image, encoder, grid of vectors, list, distances, codes, vectors of the codes, "
        f"grid, decoder, image. The cell in row {row}, column {column} gets code {taken.call.code}."
    )


def data(taken: Taken, losses: Mapping[str, str]) -> dict[str, Any]:
    """The diagram and its cards."""
    H, W, _ = taken.z.shape
    return {
        "cell": list(taken.cell), "grid": [H, W], "placed": taken.placed, "loss": taken.loss,
        "parts": _parts(taken), "cards": _cards(taken, losses),
    }  # fmt: skip


# ---- the diagram


def _parts(taken: Taken) -> dict[str, Any]:
    from explorer.analysis import steps

    H, W, D = taken.z.shape
    K, M, code = len(taken.vectors), H * W, taken.call.code
    z, values = taken.z.reshape(M, D), taken.vectors[taken.codes.reshape(M)]
    rows, codes, dims = (
        steps.thinned(M, ROWS, taken.row), steps.thinned(K, CODES, code), steps.thinned(D, DIMS)
    )  # fmt: skip
    top = float(np.quantile(np.abs(z), 0.98))
    row, column = _middle(rows, taken.row), _middle(codes, code)
    away = np.stack([steps.call(one, taken.vectors[codes]).distances for one in z[rows]])
    before, after = taken.study.remember(_tints, taken.picture, taken.layer)
    chosen = taken.study.colours(taken.layer)[taken.codes.reshape(M)[rows]]
    image = _photograph(taken.picture.pixels)
    back = None if taken.study.checkpoint.no_decoder else list(taken.study.look(taken.picture).prefixes.values())[-1]
    joined = "from z" if not taken.own else "of all layers" if len(taken.study.layer_names) > 1 else ""
    return {
        "image": {"url": image, "says": "image"},
        "encoder": {"says": "encoder"},
        "z": {"url": drawing.url(before), "says": "grid of vectors z", "shape": _shape(1, H, W, D)},
        "rows": {"url": drawing.url(drawing.signed(z[rows][:, dims], top)), "row": row, "says": "list of vectors",
                 "shape": _shape(M, D)},
        "book": {"url": drawing.url(drawing.signed(taken.vectors[codes][:, dims].T, top)), "column": column,
                 "says": f"codebook: {words.many(K, 'vector')}", "shape": _shape(K, D)},
        "distances": {"url": drawing.url(drawing.heat(_nearness(away), 1.0)), "row": row, "column": column,
                      "says": "distances, bright is near", "shape": _shape(M, K)},
        "codes": {"url": drawing.url(chosen[:, None]), "row": row, "says": f"codes, here {code}", "shape": f"({M},)"},
        "values": {"url": drawing.url(drawing.signed(values[rows][:, dims], top)), "row": row,
                   "says": "their vectors", "shape": _shape(M, D)},
        "q": {"url": drawing.url(after), "says": "grid of vectors q", "shape": _shape(1, H, W, D)},
        "decoder": {"says": "decoder"} if back else None, "copy": _lengths(taken),
        "out": {"url": _photograph(back.reconstructions[0]), "says": "decoded", "shape": joined} if back else None,
    }  # fmt: skip


def _tints(study: Study, picture: Looked, layer: str) -> tuple[np.ndarray, np.ndarray]:
    from explorer.analysis import steps

    z, vectors = study.look(picture).latents[layer], study.vectors(layer)
    few = z.shape[0] * z.shape[1] < VARIED  # too few to say in which directions they vary
    return steps.tints(z, vectors[study.codes_of(picture, layer)[0]], vectors[:MOST] if few else None)


def _lengths(taken: Taken) -> str:
    """What stands beside the copy."""
    slopes = vq_layer.slopes(taken)
    if slopes is None:
        return ""
    before, after = words.tiny(slopes["decoder"]), words.tiny(slopes["encoder"])
    return f"length {before}, the same at both ends" if before == after else f"length {before} at q, {after} at z"


def _photograph(pixels: np.ndarray) -> str:
    """Sharp where it is small, a tenth of the bytes where it is large."""
    return drawing.url(pixels) if len(pixels) <= SMALL else drawing.urls(pixels[None])[0]


def _middle(places: np.ndarray, at: int) -> float:
    """Where the middle of row `at` lies among those that are drawn, from 0 to 1."""
    return (int(np.flatnonzero(places == at)[0]) + 0.5) / len(places)


def _nearness(away: np.ndarray) -> np.ndarray:
    """Distances (rows, K) as 1 for the nearest of each row and 0 for the furthest."""
    low, high = away.min(1, keepdims=True), away.max(1, keepdims=True)
    return 1 - (away - low) / np.maximum(high - low, 1e-12)


def _shape(*sizes: int) -> str:
    return f"({', '.join(map(str, sizes))})"


# ---- the cards


def _cards(taken: Taken, losses: Mapping[str, str]) -> list[dict[str, Any]]:
    (H, W, D), K = taken.z.shape, len(taken.vectors)
    M, code, (row, column) = H * W, taken.call.code, taken.cell
    list_, table, grid = _shape(M, D), _shape(M, K), _shape(1, H, W, D)
    others = f"{taken.bottleneck.kind}" if taken.own else "plain"
    return [
        {
            "title": "Reshape", "letters": "(n, h, w, d) → (n·h·w, d)", "shape": f"{grid} → {list_}",
            "say": f"{_made(taken)} a grid of {H} × {W} vectors of {words.many(D, 'number')} each. "
            f"Below one another they make a list. Row {taken.row} is the cell in row {row}, column {column}:",
            "bars": _bars([("the encoder's vector z", taken.vector)]),
        },
        {
            "title": "Distances", "letters": "(n·h·w, d) → (n·h·w, K)", "shape": f"{list_} → {table}",
            "say": f"How far is this vector from each of the {words.many(K, 'vector')} of the codebook? Euclidean "
            "distances, not squared; squared ones have the same order.",
            "curve": _curve(taken), "note": _thinned(M, K),
        },
        {
            "title": "Argmin", "letters": "(n·h·w, K) → (n·h·w)", "shape": f"{table} → ({M},)",
            "say": f"The nearest code wins: {code}. Of {words.many(D, 'number')} this one whole number is kept.",
            "call": _call(taken), "note": instead.SHORT.get(others, ""),
        },
        {
            "title": "Lookup", "letters": "(n·h·w) → (n·h·w, d)", "shape": f"({M},) → {list_}",
            "say": f"The code becomes a vector again: row {code} of the codebook, near the encoder's vector but not "
            f"equal to it. What is between them, {taken.call.distances[code]:.3g}, is lost.",
            "bars": _bars([("the encoder's vector z", taken.vector), (f"vector of code {code}, e", taken.value)]),
        },
        {
            "title": "Reshape", "letters": "(n·h·w, d) → (n, h, w, d)", "shape": f"{list_} → {grid}",
            "say": f"The list becomes a grid again, in the old places. {_decoded(taken)}",
            "pair": True, "note": _kept(taken),
        },
        _copy(taken, losses, grid),
    ]  # fmt: skip


def _bars(series: list[tuple[str, np.ndarray]]) -> dict[str, Any]:
    """Vectors (D,) side by side."""
    count = len(series[0][1])
    shown = "" if count <= BARS else f", the first {BARS} of {count:,}"
    return {
        "series": [{"name": name + shown, "values": [_short(one) for one in values[:BARS]]} for name, values in series]
    }


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _curve(taken: Taken) -> dict[str, Any]:
    """Distances in order, thinned towards the far end."""
    call = taken.call
    K = len(call.order)
    places = np.unique(np.geomspace(1, K, min(K, POINTS)).round().astype(int)) - 1 if K > POINTS else np.arange(K)
    return {
        "points": [[int(place) + 1, _short(call.distances[call.order[place]])] for place in places],
        "names": [int(call.order[0]), call.runner_up], "codes": K, "log": K > FEW,
    }  # fmt: skip


def _call(taken: Taken) -> dict[str, Any]:
    """The winner beside the runner-up, and whether that was close."""
    call, study = taken.call, taken.study
    shown = [call.code] if call.runner_up is None else [call.code, call.runner_up]
    names = study.names(taken.layer)
    tiles = drawing.urls(study.tiles(taken.layer, np.array(shown)))
    return {
        "codes": [
            {
                "called": words.called(names, code), "role": role, "distance": f"distance {call.distances[code]:.4g}",
                "url": url,
            }
            for code, role, url in zip(shown, ("winner", "runner-up"), tiles, strict=False)
        ],
        "says": closeness(taken),
    }  # fmt: skip


def closeness(taken: Taken) -> str:
    """Whether the choice was a close call."""
    margin, share = taken.call.margin, vq_layer.share(taken.call)
    if margin is None:
        return "The codebook has one vector: there is nothing to choose."
    further = f", {100 * share:.3g} % further" if share is not None else ""
    said = f"Margin {margin:.3g}: so much further away is the runner-up{further}."
    if len(taken.margins) > 1:
        said += f" {'No' if not taken.closer else f'{taken.closer:,}'} of {len(taken.margins):,} cells of this image "
        said += "was a closer call." if taken.closer == 1 else "were closer calls."
    if share is not None and share < CLOSE:
        said += " A close call: a slightly different image may get the other code here."
    return said


def _made(taken: Taken) -> str:
    """Where the grid of vectors comes from."""
    first, *after = taken.bottleneck.layers
    if taken.bottleneck.kind == "residual" and taken.layer in after:
        more = " and those after it" if taken.layer != after[0] else ""
        return f"What the codes of {first}{more} left over is"
    return "The encoder turned the image into"


def _thinned(rows: int, codes: int) -> str:
    """How much of the matrices is drawn."""
    if rows <= ROWS and codes <= CODES:
        return ""
    some = f"{min(rows, ROWS)} of {words.many(rows, 'row')} and {min(codes, CODES)} of {codes:,} codes"
    return f"Drawn are {some}."


def _decoded(taken: Taken) -> str:
    """What becomes of the grid."""
    others = [name for name in taken.study.layer_names if name != taken.layer]
    if taken.study.checkpoint.no_decoder:
        return "This network has no decoder to draw an image from it."
    if not taken.own:
        return "This decoder never sees it: the image on the right is decoded from z itself."
    if others:
        return f"The decoder draws the image from it, together with the other layers: {', '.join(others[:6])}."
    return "The decoder draws the image from it and sees nothing else."


def _kept(taken: Taken) -> str:
    from explorer.analysis import steps

    D = taken.z.shape[-1]
    share = steps.kept_variance(taken.z.reshape(-1, D), taken.vectors[taken.codes.reshape(-1)])
    if share is None or share < 0:
        return ""
    return f"Alike colours are alike vectors. The codes keep {100 * share:.1f} % of what differs between the cells."


def _copy(taken: Taken, losses: Mapping[str, str], grid: str) -> dict[str, Any]:
    """The straight-through copy, with the gradient at both of its ends."""
    card = {
        "title": "Straight-through copy", "letters": "∂L/∂q (n, h, w, d) → ∂L/∂z (n, h, w, d)",
        "shape": f"{grid} → {grid}, unchanged",
        "say": "To learn, each number must hear which way to move so that the loss, such as the error of the decoded "
        "image, gets smaller: its gradient. Step 3 lets none through, because a slightly different vector gets the "
        "same code. So the gradient at the decoder is copied to the encoder, as if steps 1 to 5 were not there.",
    }  # fmt: skip
    from explorer.analysis.steps import DECODED

    slopes, found = vq_layer.slopes(taken), taken.gradients
    if slopes is None or found is None:
        return card | {"note": _no_gradient(taken)}
    code, cell = taken.call.code, taken.cell
    cosine = "no angle, one is zero" if slopes["cosine"] is None else f"cosine {slopes['cosine']:.4g}"
    return card | {
        "losses": [{"value": name, "called": called} for name, called in losses.items()],
        "bars": _bars([
            ("∂L/∂q, at the decoder", found.decoder[cell]), ("∂L/∂z, at the encoder", found.encoder[cell]),
            *([(f"∂L/∂e, vector {code} of the codebook", found.book[cell])] if slopes["codebook"] else []),
        ]),
        "facts": [
            f"{losses[taken.loss]} of this image: {words.tiny(slopes['value'])}.",
            f"Length at the decoder {words.tiny(slopes['decoder'])}, at the encoder {words.tiny(slopes['encoder'])}; "
            f"{cosine}.",
            f"Vector {code} of the codebook: {words.tiny(slopes['codebook'])}.",
            *(["Without the copy the encoder would get 0."] if taken.loss in DECODED else []),
        ],
        "note": _slope_said(taken),
    }  # fmt: skip


def _slope_said(taken: Taken) -> str:
    """What the gradients of a loss say."""
    from explorer.analysis.steps import DECODED

    fixed, said = taken.study.book(taken.layer).kind == "implicit", SLOPE_SAID.get(taken.loss, "")
    if taken.loss == "codebook":
        return said + (ARITHMETIC if fixed else BOOK_LEARNS)
    if taken.loss not in DECODED:
        return said
    scale = instead.SCALED if taken.bottleneck.kind == "projected" else ""
    return f"{SAME}{ARITHMETIC if fixed else AROUND} {said}".strip() + scale


def _no_gradient(taken: Taken) -> str:
    if not taken.own:
        return "Left out here: this network decodes the vectors themselves, so its gradient needs no copy."
    if taken.study.checkpoint.no_decoder:
        return f"Left out here: {taken.study.checkpoint.no_decoder}"
    return "Left out here: this decoder gets something else than the vectors that are compared, so nothing is copied."
