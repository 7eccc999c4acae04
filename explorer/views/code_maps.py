"""Code maps: one image through every layer, which code stands where, and everything about the one that is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.grids import placed
from explorer.glossary import help_of
from explorer.sheets import Block, CodeMap, Controls, Go, Link, Note, Part, Picture, Pictures, Row, Sheet
from explorer.views import code_panel, fields, words
from explorer.views.code_panel import INSTEAD, PAGE, SCOPES, Seen, cell_of, seen

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

WIDE, SMALL, TINY = 400, 80, 48  # pixels: the chosen layer's map at most; others, and those of many layers, at least
FEW = 3  # layers whose maps stand beside the image; more have a row of their own
PANEL, BELOW = "code-panel", "code-below"
NEEDED = (
    "The decoder needs this layer in {needed:,} of the {cells:,} cells of this image; in the others, whose code is "
    "among the most frequent, it always has the same value."
)
NO_PLACE = (
    "The {tokens} tokens of this layer are a row without a place in the image: each tells something of all of it, so "
    "patches show whole images, and a change is measured everywhere."
)
ONE_CELL = (
    "One vector of {dim:,} numbers describes the whole image here, so its map is a single cell, and a code is a kind "
    "of image, not of patch."
)


def _codes(study: Study, options: Mapping[str, Any]) -> np.ndarray | None:
    """(H, W) codes of the picture in the chosen layer."""
    picture = options["picture"]
    return None if picture is None else seen(study, picture, options["layer"]).codes


def _middle(study: Study, options: Mapping[str, Any]) -> int:
    """The code in the middle of the picture."""
    codes = _codes(study, options)
    if codes is None:
        return fields.most_used(study, options)
    return int(codes[codes.shape[0] // 2, codes.shape[1] // 2])


def _changes(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    """What can be done with the code: what is not there cannot be taken out."""
    codes = _codes(study, options)
    out = {"out": "Take it out"} if codes is None or (codes == options["code"]).any() else {}
    return out | {"cell": "Put it into one cell", "code": "Put it in for another code"}


def _others(study: Study, options: Mapping[str, Any]) -> dict[int, str]:
    """Other codes of the picture, those with most cells first."""
    codes = _codes(study, options)
    if codes is None:
        return {}
    found, cells = np.unique(codes[codes != options["code"]], return_counts=True)
    order = np.argsort(-cells, kind="stable")
    return {int(found[i]): f"{found[i]} · {words.many(int(cells[i]), 'cell')} here" for i in order}


def _target(axis: int) -> Any:
    """Where to put the code if nobody said: into the chosen cell, if it has another one, else near the middle."""

    def start(study: Study, options: Mapping[str, Any]) -> int:
        from explorer.analysis.interventions import default_cell

        codes = _codes(study, options)
        if codes is None:
            return 0
        cell = cell_of(options["cell"], codes.shape)
        chosen = cell is not None and codes[cell] != options["code"]
        return (cell if chosen else default_cell(codes, options["code"]))[axis]

    return start


def _inside(axis: int) -> Any:
    return lambda study, options: study.layer(options["layer"]).grid[axis] - 1


def _scoped(study: Study, options: Mapping[str, Any]) -> bool:
    codes = _codes(study, options)
    if codes is None or options["change"] != "out":
        return False
    cell = cell_of(options["cell"], codes.shape)
    return cell is not None and codes[cell] == options["code"] and (codes == options["code"]).sum() > 1


def _place(axis: int, label: str, about: str) -> Any:
    return fields.option(
        0, label, about, start=_target(axis), min=0, max=_inside(axis), yields=True,
        when=lambda study, options: options["change"] == "cell" and study.layer(options["layer"]).grid != (1, 1),
    )  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    layer: str = fields.layer()
    code: int | None = fields.code(start=_middle)
    cell: str = fields.option("", "Cell", "The chosen cell of the map, as row,column.")
    view: str = fields.option(
        "codes", "Show", help_of("code map"), choices={"codes": "Codes", "over": "Over the image"},
        when=lambda study, options: placed(study.layer(options["layer"]).grid),
    )  # fmt: skip
    opacity: int = fields.option(
        50, "Opacity of the codes (%)", min=0, max=100, step=5, widget="slider",
        when=lambda study, options: options["view"] == "over" and placed(study.layer(options["layer"]).grid),
    )  # fmt: skip
    change: str = fields.option(
        "out", "Change", choices=_changes, start=lambda study, options: next(iter(_changes(study, options))),
        yields=True,
    )  # fmt: skip
    instead: str = fields.option(
        "mean", "Replaced by", help_of("replaced by"), choices=INSTEAD,
        when=lambda study, options: options["change"] == "out",
    )  # fmt: skip
    scope: str = fields.option("all", "Where", choices=SCOPES, when=_scoped)
    row: int = _place(0, "Row", "Of the map, 0 at the top.")
    column: int = _place(1, "Column", "Of the map, 0 at the left.")
    other: int | None = fields.option(
        None, "Wherever this code stands", "Codes of this image, those with most cells first.", choices=_others,
        start=lambda study, options: next(iter(_others(study, options)), None), yields=True,
        when=lambda study, options: options["change"] == "code" and bool(_others(study, options)),
    )  # fmt: skip
    leaf: int = fields.option(
        1, "Page", min=1, widget="pages", yields=True,
        max=lambda study, o: max(1, -(-int(study.table(o["layer"])["images"].iloc[o["code"]]) // PAGE)),
    )  # fmt: skip


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """The image, what comes back, the map of every layer, and the chosen code beside them."""
    if picture is None:
        return Sheet([Note("Choose an image, or give one of your own, to see its codes.", "info")])
    here = seen(study, picture, options.layer)
    cell = cell_of(options.cell, here.codes.shape)
    found = code_panel.Shown(study, options, picture, here.codes, cell)
    blocks: list[Block] = [
        Controls(("layer", "code", "view", "opacity")),
        *_overview(study, options, picture, cell),
        Row(
            [_maps(study, options, picture, cell), [Part(PANEL, code_panel.beside(found))]], 300, shares=(6, 10),
        ),
        Part(BELOW, code_panel.below(found)),
    ]  # fmt: skip
    numbers = {
        "image": picture.row, "name": picture.name, "layer": options.layer, "code": options.code,
        "codes": here.codes.tolist(), "distances": here.distances.tolist(), **code_panel.numbers(found),
    }  # fmt: skip
    return Sheet(blocks, numbers)


def _overview(study: Study, options: Options, picture: Looked, cell: tuple[int, int] | None) -> list[Block]:
    """The maps of many layers side by side."""
    if len(study.layers) <= FEW:
        return []
    return [Row([[_map(study, options, picture, one.name, cell, small=True)] for one in study.layers], TINY)]


def _maps(study: Study, options: Options, picture: Looked, cell: tuple[int, int] | None) -> list[Block]:
    """The image, its reconstruction and small maps of several layers, the chosen one in large, and what to know."""
    around: list[Block] = [
        Pictures(f"looked-{index}", [one], SMALL) for index, one in enumerate(_looked(study, picture))
    ]
    if len(study.layers) <= FEW:
        others = [one.name for one in study.layers if len(study.layers) > 2 or one.name != options.layer]
        around += [_map(study, options, picture, name, cell, small=True) for name in others]
    notes = [*words.continuous(study, options.layer), *_needed(study, options.layer, picture)]
    grid = study.layer(options.layer).grid
    if grid == (1, 1):
        notes.append(Note(ONE_CELL.format(dim=study.layer(options.layer).dim)))
    if not placed(grid):
        notes.append(Note(NO_PLACE.format(tokens=grid[1])))
    known = code_panel.concepts_of(study, picture.row)
    notes += [Note(known)] if known else []
    notes.append(Note("Point at a cell for its code; click it, or press Enter, for all about it."))
    carried = {"image": picture.address, "layer": options.layer, "code": options.code}
    ways = [Link("Paint on these codes", "brush", Go("edit", carried)), _similar(study, options, picture, cell)]
    ways = Row([[one] for one in ways], 60, even=False)
    return [Row([[one] for one in around], SMALL), _map(study, options, picture, options.layer, cell), *notes, ways]


def _similar(study: Study, options: Options, picture: Looked, cell: tuple[int, int] | None) -> Link:
    """To the images that have the chosen patch, or that are like this one."""
    carried = {"image": picture.address, "layer": options.layer}
    grid = study.layer(options.layer).grid
    if cell is None or not placed(grid) or grid == (1, 1):
        return Link("Similar images", "image_search", Go("similar", carried | {"search": "image"}))
    patch = {"search": "patch", "cell": f"{cell[0]},{cell[1]}"}
    return Link("Find this patch", "image_search", Go("similar", carried | patch))


def _looked(study: Study, picture: Looked) -> list[Picture]:
    """The image, and what the decoder makes of its codes."""
    title = "Your picture" if picture.row is None else f"Image {picture.row:,}"
    size = f"{study.checkpoint.image_size} px" if study.images.pictured else "as its codes"
    shown = [Picture(picture.pixels, title, size, f"{title}, {picture.name}", picture.name)]
    if study.checkpoint.no_decoder:  # what can be changed says why
        return shown
    back = list(study.look(picture).prefixes.values())[-1]
    note = f"{back.psnr[0]:.1f} dB"
    return [*shown, Picture(back.reconstructions[0], "Decoded", note, f"Reconstruction of {title.lower()}")]


def _map(
    study: Study, options: Options, picture: Looked, layer: str, cell: tuple[int, int] | None, *, small: bool = False
) -> CodeMap:
    here: Seen = seen(study, picture, layer)
    over = options.view == "over" and placed(here.codes.shape)
    chosen, many = layer == options.layer, words.many(len(np.unique(here.codes)), "code")
    name = picture.name if picture.row is None else f"image {picture.row:,}"
    size = "" if small else f" · {here.codes.shape[0]} × {here.codes.shape[1]}"
    title, alt = f"{layer}{size} · {many}", f"Codes of layer {layer} for {name}"
    return CodeMap(
        f"map-{layer}" if small else "map", here.codes, study.colours(layer), here.notes,
        layer if small and len(study.layers) > FEW else title, f"{alt}, small" if small else alt,
        options.code if chosen else None, cell if chosen else None,
        picture.pixels if over else None, options.opacity / 100 if over else 1.0,
        Go(carried={"layer": layer, "code": "{point}", "cell": "{row},{column}"}), WIDE // 2 if small else WIDE,
        (PANEL, BELOW),
    )  # fmt: skip


def _needed(study: Study, layer: str, picture: Looked) -> list[Block]:
    """In how many cells the decoder needs a layer that it does not need everywhere."""
    if study.checkpoint.no_decoder:
        return []
    needed = study.look(picture).needed
    if layer not in needed:
        return []
    return [Note(NEEDED.format(needed=int(needed[layer].sum()), cells=needed[layer].size))]
