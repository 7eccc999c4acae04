"""One image in two checkpoints: what comes back of it, and its code maps side by side, each pointing into the other."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.grids import placed
from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.sheets import Block, Go, Heading, Note, Picture, Pictures, Piece, drawing
from explorer.study import beside as pairs
from explorer.views import ways, words

if TYPE_CHECKING:
    from explorer.analysis.linked import Together
    from explorer.study import Picture as Looked
    from explorer.study import Study

TILES = 256  # codes of an image whose patches are sent at once, those with most cells; the script asks for others
PAIRS = 50_000  # pairs of codes of which it is told how often they share a place
BEHIND = 256  # pixels of the picture behind a map
WIDTH = 110  # pixels of a picture
HEADING = Heading("One image, two code maps", help_of("linked code maps"))
NO_IMAGE = "Choose an image to see its codes in both checkpoints."
NOT_THERE = "{other} leaves this image out: it is among those that it was trained on, or has another name there."
ROW_OF_TOKENS = (
    "The tokens of {name} are a row without a place in the image: each tells of all of it, so every cell of the other "
    "map stands beside it."
)
HOW = (
    "Point at a cell, or tap it: its code is outlined in white, and what the other checkpoint has in the same place in "
    "yellow. A click, or a second tap, opens the code."
)


def blocks(study: Study, other: Study, layer: str, layer_b: str, picture: Looked | None) -> list[Block]:
    """The image, its reconstructions, and the two code maps."""
    if picture is None:
        return [HEADING, Note(NO_IMAGE, "info")]
    theirs = pairs.same_picture(study, other, picture)
    if theirs is None:
        return [HEADING, Note(NOT_THERE.format(other=other.checkpoint.name), "info")]
    seen = [(study, layer, picture), (other, layer_b, theirs)]
    rows = [one.checkpoint.name for one, name, _ in seen if not placed(one.layer(name).grid)]
    notes = [Note(ROW_OF_TOKENS.format(name=" and ".join(rows)))] if rows else []
    named = [tuple(one.names(name).items()) for one, name, _ in seen]
    piece = Piece(
        "linked-codes", "linked", study.remember(_data, other, layer, layer_b, picture, theirs, *named),
        f"Code maps of {picture.name} by {study.checkpoint.name} and by {other.checkpoint.name}",
        Go("code_maps", {name: f"{{{name}}}" for name in _carried(study, other)}),
        partial(_patch, [(study, layer), (other, layer_b)]),
    )  # fmt: skip
    shown = Pictures("beside-looked", _pictures(seen), WIDTH, grow=False)
    return [
        HEADING, shown, piece, Note(HOW, help=help_of("codes on one place")), *notes,
        *_continuous(seen),
    ]  # fmt: skip


def _carried(study: Study, other: Study) -> list[str]:
    """What a click tells; the limit where an image has another number for each checkpoint."""
    limits = ["limit"] if study.subject.limit != other.subject.limit else []
    return ["checkpoint", *limits, "layer", "image", "code", "cell"]


def _pictures(seen: list[tuple[Study, str, Looked]]) -> list[Picture]:
    """The image at each size that there is, and what comes back."""
    found: list[Picture] = []
    for letter, (study, _, picture) in zip("AB", seen, strict=True):
        size = study.checkpoint.image_size
        if not found or picture.pixels.shape != seen[0][2].pixels.shape:
            title = "Your picture" if picture.row is None else f"Image {picture.row:,}"
            found.append(Picture(picture.pixels, title, f"{size} px", f"{title}, {picture.name}", picture.name))
        if not study.checkpoint.no_decoder:
            back = list(study.look(picture).prefixes.values())[-1]
            note = f"{back.psnr[0]:.1f} dB"
            called = f"Decoded by {letter}, {study.checkpoint.name}"
            found.append(Picture(back.reconstructions[0], f"Decoded by {letter}", note, called, called))
    return found


def _continuous(seen: list[tuple[Study, str, Looked]]) -> list[Block]:
    """Which of the layers has k-means for its codes."""
    fitted = [f"{one.checkpoint.name}, {layer}" for one, layer, _ in seen if one.book(layer).kind == "kmeans"]
    said = f"Codes of {' and of '.join(fitted)} are the centres of k-means: the layer itself is continuous."
    return [Note(said, help=help_of("k-means codes"))] if fitted else []


# ------------------------------------------------------------------------------------------------- what the script gets


def _data(
    study: Study, other: Study, layer: str, layer_b: str, picture: Looked, theirs: Looked, *named: tuple
) -> dict[str, Any]:
    """All that both maps show; `named` are the names that the user gave codes, so that it is made again for others."""
    from explorer.analysis import linked

    seen = [(study, layer, picture), (other, layer_b, theirs)]
    met = [study.remember(pairs.together, other, layer, layer_b), study.remember(pairs.opposite, other, layer, layer_b)]
    codes = [one.codes_of(picture, name) for one, name, picture in seen]
    present = [_present(found[0]) for found in codes]
    grids = [found[0].shape for found in codes]
    counted = len(present[0][0]) * len(present[1][0]) <= PAIRS or (placed(grids[0]) and placed(grids[1]))
    sides = [
        _side(one, name, picture, codes[side], present[side], grids[1 - side]) | _met(met[side], present[side][0])
        for side, (one, name, picture) in enumerate(seen)
    ]
    pairs_here = np.empty((0, 3), np.int32)
    if counted:
        first, second = linked.overlapping(*grids)
        both = np.stack([present[0][1][first], present[1][1][second]], 1)
        both = np.unique(both, axis=0)
        counts = met[0].between(present[0][0][both[:, 0]], present[1][0][both[:, 1]])
        pairs_here = np.column_stack([both, counts])
    return {
        "sides": sides, "pairs": _packed(pairs_here, np.int32), "counts": counted, "images": met[0].images,
        "places": met[0].places, "all": not (placed(grids[0]) and placed(grids[1])),
    }  # fmt: skip


def _present(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The codes (n,) of an image (H, W), those with most cells first, and the place of each cell's code among them."""
    numbers, index, cells = np.unique(codes, return_inverse=True, return_counts=True)
    order = np.argsort(-cells, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return numbers[order].astype(np.int64), place[index.reshape(-1)]


def _side(
    study: Study, layer: str, picture: Looked, found: tuple[np.ndarray, np.ndarray], present: tuple, other: tuple
) -> dict[str, Any]:
    """One map: its codes, each as its place among those of this image, and what is known of these."""
    from explorer.analysis import linked
    from explorer.analysis.patches import smaller

    (codes, distances), (numbers, index) = found, present
    grid, usage, names = codes.shape, study.usage(layer), study.names(layer)
    rows, columns = grid if placed(grid) else _wrapped(grid[1])
    colours = np.full((rows * columns, 3), 128, np.uint8)
    colours[: codes.size] = study.colours(layer)[codes.reshape(-1)]
    shares = usage[numbers] / max(usage.sum(), 1)
    spans = [axis.tolist() for axis in linked.meeting(grid, other)]
    size = f"{grid[0]} × {grid[1]}" if placed(grid) else words.many(grid[1], "token")
    return {
        "called": study.checkpoint.name, "checkpoint": ways.known(study.checkpoint), "layer": layer,
        "limit": study.subject.limit or "all",
        "title": f"{layer} · {size} · {words.many(len(numbers), 'code')}", "rows": rows, "columns": columns,
        "cells": codes.size, "placed": placed(grid), "image": picture.address,
        "alt": f"Codes of layer {layer} of {study.checkpoint.name}; arrow keys move, Enter opens the code",
        "url": drawing.url(colours.reshape(rows, columns, 3)), "codes": _packed(index, np.int32),
        "behind": drawing.url(smaller(picture.pixels[None], BEHIND)[0]), "numbers": numbers.tolist(),
        "distances": _packed(distances, np.float32),
        "names": [names.get(code, "") for code in numbers.tolist()], "shares": [float(f"{one:.4g}") for one in shares],
        "spans": {"rows": spans[0], "columns": spans[1]}, "sprite": _sprite(study, layer, numbers),
    }  # fmt: skip


def _met(met: Together, numbers: np.ndarray) -> dict[str, Any]:
    """Of each code: its places over all images, and the other's code that has most of them."""
    best = [met.of(code) for code in numbers.tolist()]
    return {
        "of": _packed([counts.sum() for _, counts in best], np.int32),
        "best": _packed([codes[0] if len(codes) else -1 for codes, _ in best], np.int32),
        "best_of": _packed([counts[0] if len(counts) else 0 for _, counts in best], np.int32),
    }


def _sprite(study: Study, layer: str, numbers: np.ndarray) -> dict[str, Any]:
    """Patches of the first codes in one picture."""
    few = numbers[:TILES]
    data, across = drawing.sprite(study.tiles(layer, few))
    return {"url": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", "across": across, "n": len(few)}


def _patch(sides: list[tuple[Study, str]], message: Any) -> dict[str, str]:
    """The patch of one code that the script asks for: {"side": 0, "code": 17} -> its `url`."""
    side, code = (message.get(name) if isinstance(message, dict) else None for name in ("side", "code"))
    if side not in (0, 1) or not isinstance(code, int):
        raise BadInput("a patch is asked for by its map and code")
    study, layer = sides[side]
    if not 0 <= code < len(study.book(layer)):
        raise BadInput(f"there is no code {code} in layer {layer}")
    return {"url": drawing.url(study.tiles(layer, np.array([code]))[0])}


def _wrapped(tokens: int) -> tuple[int, int]:
    """Rows and columns to show a row of tokens in, which would else be a thin line."""
    columns = int(np.ceil(np.sqrt(tokens)))
    return -(-tokens // columns), columns


def _packed(numbers: Any, kind: Any) -> str:
    """Numbers as base64 of their bytes, little-endian."""
    array = np.ascontiguousarray(np.asarray(numbers).reshape(-1), np.dtype(kind).newbyteorder("<"))
    return base64.b64encode(array.tobytes()).decode()
