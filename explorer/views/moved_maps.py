"""Two maps of the same images with one selection, and how far each image moved from one to the other."""

from __future__ import annotations

import base64
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.results import maps
from explorer.sheets import (
    Block,
    Card,
    Cards,
    Chart,
    Column,
    Controls,
    Go,
    Heading,
    Later,
    Missing,
    Note,
    Part,
    Piece,
    Row,
    Table,
    drawing,
)  # fmt: skip
from explorer.study import beside as pairs
from explorer.study import points as mapped
from explorer.views import chosen_images

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study
    from explorer.study.beside import Beside

MOST = 24  # images in the table of those that moved most
PART = "beside-chosen"
SIDES, PIXELS = (96, 64, 48, 32, 24, 16), 1_300_000  # of thumbnails: of each, and of all together
SHARP = 128  # pixels of a picture that is asked for
SHADES = 32  # of a continuous colour
HEADING = Heading("Two maps, one selection", help_of("two maps"))
EVIDENCE = (
    "Lines lead from a point to its place on the other map. A map is a flat picture of many dimensions: where a point "
    "lies on it is partly an accident of the layout, so its displacement is a reason to look, and no evidence. The "
    "neighbours that an image keeps in the latents are."
)
HINT = "Drag sideways for a box, or tap and then drag."


def blocks(study: Study, other: Study, options: Any) -> list[Block]:
    """The two maps, what is chosen on them, how far all images moved, and those that moved most."""
    layers = options.layer, options.layer_b
    found = [pairs.map_of(one, name, options.method) for one, name in zip((study, other), layers, strict=True)]
    missing = [
        block
        for one, name, there in zip((study, other), layers, found, strict=True) if there is None
        for block in _missing(one, name)
    ]  # fmt: skip
    if missing:  # two maps of one kind, else the kind is what differs
        found = [pairs.map_of(one, name, "pca") for one, name in zip((study, other), layers, strict=True)]
        missing.append(Note("Meanwhile, below are the PCA of the same images, which take no time.", "info"))
    both: Beside = study.remember(pairs.beside, other, *found)
    mask = chosen_images.mask(study, both, options.region)
    return [
        HEADING, Controls(("method", "colour")), *missing,
        _cards(both), _piece(study, other, both, options), Note(EVIDENCE, help=help_of("two maps")),
        Part(PART, [
            *chosen_images.blocks(study, other, both, options, mask), *_histograms(both, mask),
            Later(lambda: _most(study, other, both, mask)),
        ]),
    ]  # fmt: skip


def kept(study: Study, other: Study, layer: str, layer_b: str) -> str:
    """The method of which both have a map already: UMAP, else PCA, which takes no time."""
    sides = ((study, layer), (other, layer_b))
    with suppress(BadInput):  # too few images for any map, which is said where it would be
        return "umap" if all(pairs.map_of(one, name, "umap") is not None for one, name in sides) else "pca"
    return "pca"


def numbers(study: Study, other: Study, options: Any) -> dict[str, Any]:
    """What the maps say, for scripts."""
    found = [pairs.map_of(one, name, "pca") for one, name in ((study, options.layer), (other, options.layer_b))]
    both = study.remember(pairs.beside, other, *found)
    return {
        "images": len(both.rows), "displacement": float(np.median(both.moved)), "by_chance": both.chance,
        "neighbours_kept": float(both.kept.mean()), "neighbours": both.k,
    }  # fmt: skip


def _missing(study: Study, layer: str) -> list[Block]:
    wanted = maps.Options(layer)
    title = f"2-D UMAP of images in layer {layer} of {study.checkpoint.name}"
    about = "A map takes from seconds to a minute, beside this page; it is kept, and found at once the next time."
    return [Missing("map", wanted, title, about, subject=study.subject)]


def _cards(both: Beside) -> Cards:
    count, chance = len(both.rows), both.k**2 / max(len(both.rows) - 1, 1)
    return Cards([
        Card("Images on both maps", f"{count:,}", "a point each", "A sample drawn from all images, the same on both."),
        Card(
            "Neighbours kept", f"{both.kept.mean():.2f} of {both.k}",
            f"in the latents; {chance:.2g} by chance, n = {count:,}", help_of("neighbours kept"),
        ),
        Card(
            "Displacement", f"{np.median(both.moved):.2f} spreads",
            f"median on the map; {both.chance:.2f} by chance, n = {count:,}", help_of("displacement"),
        ),
    ], 3)  # fmt: skip


def _piece(study: Study, other: Study, both: Beside, options: Any) -> Piece:
    called = [study.checkpoint.name, other.checkpoint.name]
    methods = [points.options.method for points in both.points]
    titles = [
        f"{'UMAP' if method == 'umap' else 'PCA'} of layer {points.options.layer}"
        for method, points in zip(methods, both.points, strict=True)
    ]
    titles[1] += ", brought onto A's"
    data = {
        "key": both.key, "called": called, "titles": titles, "a": _packed(both.places[0], np.float32),
        "b": _packed(both.places[1], np.float32), "rows": _packed(both.rows, np.int32), "k": both.k,
        "moved": _packed(both.moved, np.float32), "kept": _packed(both.kept, np.uint8), "hint": HINT,
        "colour": study.remember(_colour, other, both, options.colour), "region": options.region,
        "sprite": study.remember(_sprite, other, both),
    }  # fmt: skip
    return Piece(
        "beside-maps", "moved", data, f"Maps of {len(both.rows):,} images by {called[0]} and by {called[1]}",
        Go(carried={"region": "{region}"}), partial(_sharp, study, other, both), (PART,),
    )  # fmt: skip


def _sprite(study: Study, other: Study, both: Beside) -> dict[str, Any]:
    """A thumbnail of every image in one picture, the larger the fewer there are; the script asks for sharper ones."""
    from explorer.analysis.patches import smaller

    side = next((side for side in SIDES if len(both.rows) * side**2 <= PIXELS), SIDES[-1])
    parts = np.array_split(both.rows, -(-len(both.rows) // 512))  # pixels of so many at once
    tiles = np.concatenate([smaller(study.shown.read(part), side) for part in parts])
    data, across = drawing.sprite(tiles)
    return {
        "url": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", "across": across, "side": tiles.shape[1],
    }  # fmt: skip


def _sharp(study: Study, other: Study, both: Beside, message: Any) -> dict[str, list[str]]:
    """The image that the script asks for, {"row": 17}, as each checkpoint sees it: `urls`."""
    from explorer.analysis.patches import smaller

    row = message.get("row") if isinstance(message, dict) else None
    at = np.flatnonzero(both.rows == row) if isinstance(row, int) else []
    if not len(at):
        raise BadInput("a picture is asked for by the number of an image on the maps")
    pixels = study.shown.read(both.rows[at]), other.shown.read(both.others[at])
    return {"urls": [drawing.url(smaller(one, SHARP)[0]) for one in pixels]}


def colours(study: Study, options: Any) -> dict[str, str]:
    """What points can be coloured by."""
    with suppress(BadInput):  # as above
        points = pairs.map_of(study, options["layer"], "pca")
        return {name: name for name in mapped.colourings(study, points) if name != mapped.CODE}
    return {}


def _colour(study: Study, other: Study, both: Beside, by: str) -> dict[str, Any]:
    """Values of the points and what they look like on a light and on a dark page; 255 is no value, or a rare one."""
    from explorer.charts.plots import PALETTES, THEMES

    rest = {theme: THEMES[theme]["rest"] for theme in ("light", "dark")}
    if not by:
        plain = _packed(np.zeros(len(both.rows)), np.uint8)
        return {"title": "", "values": plain, "labels": []} | {name: [PALETTES[name][0], rest[name]] for name in rest}
    every, kind, title = mapped.colouring(study, both.points[0], by)
    at = {row: index for index, row in enumerate(both.points[0].ids.tolist())}
    values = np.asarray(every)[[at[row] for row in both.rows.tolist()]]
    if kind == "continuous":
        return _shaded(values.astype(float), title, rest)
    labels = np.array(["" if one is None or one != one else str(one) for one in values.tolist()], object)
    names, counts = np.unique(labels[labels != ""].astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[: len(PALETTES["light"])]
    places = {str(names[one]): place for place, one in enumerate(order)}
    index = np.array([places.get(label, 255) for label in labels.tolist()], np.uint8)
    rare = int((index == 255).sum())
    return {
        "kind": "discrete", "title": title, "concept": by, "values": _packed(index, np.uint8), "others": rare,
        "labels": list(places), "counts": counts[order].tolist(),
        "rest": "other or no value" if rare else "",
    } | {name: [*PALETTES[name][: len(places)], rest[name]] for name in rest}  # fmt: skip


def _shaded(values: np.ndarray, title: str, rest: dict[str, str]) -> dict[str, Any]:
    from plotly.colors import sample_colorscale

    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 1.0)
    steps = np.where(known, (values - low) / ((high - low) or 1) * (SHADES - 1), 0)
    shades = sample_colorscale("Viridis", np.linspace(0, 1, SHADES))
    return {
        "kind": "continuous", "title": title, "values": _packed(np.where(known, steps.round(), 255), np.uint8),
        "labels": [], "low": f"{low:.3g}", "high": f"{high:.3g}",
        "texts": [f"{one:.3g}" if one == one else "–" for one in values.tolist()],
    } | {name: [*shades, rest[name]] for name in rest}  # fmt: skip


# --------------------------------------------------------------------------------------------------- how far they moved


def _histograms(both: Beside, mask: np.ndarray) -> list[Block]:
    import pandas as pd

    from explorer.charts import moved_plots

    def data() -> pd.DataFrame:
        return pd.DataFrame({
            "image": both.rows, "image_of_b": both.others, "displacement": both.moved, "neighbours_kept": both.kept,
            "chosen": mask,
        })  # fmt: skip

    moved = Chart(
        "moved-map", lambda theme: moved_plots.displacements(both.moved, both.chance, mask, theme=theme),
        f"Histogram of displacements; the median is {np.median(both.moved):.2f} spreads",
    )  # fmt: skip
    kept = Chart(
        "moved-kept",
        lambda theme: moved_plots.neighbours_kept(both.kept, both.k, len(both.rows) - 1, mask, theme=theme),
        f"Histogram of neighbours kept; the mean is {both.kept.mean():.2f} of {both.k}",
    )  # fmt: skip
    return [
        Heading("How far all images moved", help_of("displacement"), data, "displacements"),
        Row([
            [kept, Note("In the latents: what counts.", help=help_of("neighbours kept"))],
            [moved, Note("On the map: what the eye sees.", help=help_of("displacement"))],
        ]),
    ]  # fmt: skip


COLUMNS = {
    "picture": Column("Image", "As it is."),
    "by_a": Column("By A", "Decoded by A; the image where A has no decoder."),
    "by_b": Column("By B", "Decoded by B; the image, at its size, where B has no decoder."),
    "image": Column("Number", "Of the image in the dataset."),
    "moved": Column("Displacement", "In spreads of map A.", "%.2f"),
    "kept": Column("Neighbours kept", "Of its nearest images in the latents.", "localized"),
    "name": Column("Name"),
}


def _most(study: Study, other: Study, both: Beside, mask: np.ndarray) -> list[Block]:
    """The images, of those that are chosen where some are, that moved most."""
    import pandas as pd

    some = np.flatnonzero(mask) if mask.any() else np.arange(len(both.rows))
    order = some[np.argsort(-both.moved[some], kind="stable")][:MOST]
    frame = pd.DataFrame({
        "at": order, "image": both.rows[order], "moved": both.moved[order], "kept": both.kept[order],
        "name": [study.images.names[row] for row in both.rows[order]],
    })  # fmt: skip
    pictures = {
        "picture": lambda rows: study.shown.read(rows["image"].to_numpy()),
        "by_a": lambda rows: _decoded(study, rows["image"].to_numpy()),
        "by_b": lambda rows: _decoded(other, both.others[rows["at"].to_numpy()]),
    }
    said = "Of the chosen images, those that moved most" if mask.any() else "The images that moved most"
    return [
        Heading(said, help_of("displacement"), lambda: frame.drop(columns="at"), "moved-most", level=3),
        Note("A click on a row shows the image in both code maps."),
        Table(
            "moved-most", frame, COLUMNS, pictures,
            Go(carried={"image": "{point}"}), "image", height=360 if len(frame) > 8 else 0,
        ),
    ]  # fmt: skip


def _decoded(study: Study, rows: np.ndarray) -> np.ndarray:
    pixels = study.shown.read(rows)
    return pixels if study.checkpoint.no_decoder else study.compare(pixels).reconstructions


def _packed(numbers: Any, kind: Any) -> str:
    """Numbers as base64 of their bytes, little-endian."""
    array = np.ascontiguousarray(np.asarray(numbers).reshape(-1), np.dtype(kind).newbyteorder("<"))
    return base64.b64encode(array.tobytes()).decode()
