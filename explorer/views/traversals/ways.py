"""From one image to another: through the latents, straight or around, and beside it a cross-fade of the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.files import digest
from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Controls, Download, Go, Heading, Link, Note, Piece, Row, drawing
from explorer.study import traversals
from explorer.views.traversals import layer as known
from explorer.views.traversals import rows

if TYPE_CHECKING:
    from explorer.analysis.traversal import Way
    from explorer.study import Picture as Looked
    from explorer.study import Study

PATHS = {"auto": "What suits", "straight": "Straight", "around": "Around (spherical)"}
SUITS = (
    "Latents of layer {layer} have {dim:,} numbers and norms of {mean:.3g} ± {deviation:.2g}, so they lie near a "
    "sphere and a straight way leads through its inside, where no image is: around suits."
)
UNFIT = (
    "Latents of layer {layer} have {dim:,} numbers and norms of {mean:.3g} ± {deviation:.2g}: {why}, so they fill the "
    "inside too, and straight suits."
)
QUANTIZED = (
    "In layer {layer} the vectors of both images are mixed cell by cell, and the decoder gets the code nearest to each "
    "mixture: it changes at once, not bit by bit. Halfway {first:.0%} of the cells have the code of the first image, "
    "{second:.0%} that of the second, and {neither:.0%} a third one."
)


def layers_of(study: Study, layer: str) -> list[str]:
    """Layers that are mixed: all at once, or the one that is decoded from."""
    return study.layer_names if study.abilities()["joint"] else [layer]


def can_turn(study: Study, options: Mapping[str, Any]) -> list[str]:
    """Layers among them that have no codes of their own."""
    own = {layer["name"] for layer in study.checkpoint.layers if layer.get("codes")}
    return [name for name in layers_of(study, options["layer"]) if name not in own]


def blocks(study: Study, options: Any, picture: Looked) -> tuple[list[Block], dict[str, Any]]:
    """The way from the picture to another image."""
    other, names = study.image(options.second), layers_of(study, options.layer)
    turned, slow = _turned(study, options), known.slow(study, options.layer)
    how = (options.second, tuple(names), tuple(turned), options.along)
    walked, way = Walked(study, picture, *how), study.remember(_way, picture, *how, slow)
    data = _data(walked, way, options.path)
    a, b = (
        int(row)
        for row in np.random.default_rng([picture.row or 0, options.second]).permutation(len(study.images))[[0, -1]]
    )
    row = [[Controls(("second",))], [Link("Two others", "shuffle", Go(None, {"image": a, "second": b}))],
           [Controls(("along",))], [Controls(("path",))]]  # fmt: skip
    norms, cards = _norms(study, way, turned)
    kept = {name: shares[len(shares) // 2].tolist() for name, shares in way.kept.items()}
    title = "your picture" if picture.row is None else f"image {picture.row:,}"
    return [
        Heading(f"From {title} to image {options.second:,}", help_of("interpolation")),
        Row(row, 60, even=False),
        Piece("walk-way", "walk", data, f"Pictures on the way from {title} to image {options.second}",
              answer=walked.answer),
        *([Cards(cards, 4)] if cards else []),
        *[Note(one) for one in _notes(study, options, way)],
        *([] if slow else [_archive(study, way)]),
    ], {"second": options.second, "other": other.name, "layers": names, "spherical": list(turned),
        "steps": way.steps.tolist(), "pixel_steps": way.fading.tolist(), "norms": norms, "halfway": kept}  # fmt: skip


def _archive(study: Study, way: Way) -> Block:
    shares = np.linspace(0, 1, len(way.pictures))
    files = {f"{name}-{share:.2f}": one for name, pixels in (("latents", way.pictures), ("pixels", way.faded))
             for share, one in zip(shares, pixels, strict=True)}  # fmt: skip
    return Download(
        "Pictures (zip of PNG)", f"{study.checkpoint.name}-way.zip", lambda: drawing.archive(files),
        "Each picture of the rows as a file of its own, in the model's resolution.",
    )  # fmt: skip


@dataclass(frozen=True)
class Walked:
    """A way on which the sliders stop anywhere; it goes around in the layers `turned`."""

    study: Study
    picture: Looked
    second: int
    names: tuple[str, ...]
    turned: tuple[str, ...]
    count: int

    def answer(self, message: Any) -> dict[str, Any]:
        """Both pictures at a place of the way, or one of those in the row of latents."""
        message = message if isinstance(message, dict) else {}
        at = message.get("at")
        if message.get("row") == "latents" and isinstance(at, int) and 0 <= at < self.count:
            return {"picture": drawing.url(self.along(np.linspace(0, 1, self.count)[[at]]).pictures[0])}
        values = message.get("values")
        share = values.get("latents") if isinstance(values, dict) else None
        if not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise BadInput(rows.WRONG)
        found = self.along(np.array([float(share)])).pictures[0]
        views = {"latents": drawing.url(found), "pixels": drawing.url(self.faded(np.array([share]))[0])}
        return {"views": views, "said": _place(share)}

    def along(self, shares: np.ndarray, *, seen: bool = True) -> Way:
        """The latents at some places of the way, decoded where they are to be `seen`."""
        centres = {name: known.norms(self.study, name)[1] for name in self.turned}
        latents = [self.study.look(one).latents for one in self.ends]
        return self.study.through(traversals.interpolate, *latents, list(self.names), shares, centres, seen)

    @property
    def ends(self) -> tuple[Looked, Looked]:
        return self.picture, self.study.image(self.second)

    def faded(self, shares: np.ndarray) -> np.ndarray:
        """(S, h, w, 3) uint8: a cross-fade of the two decoded ends."""
        a, b = (self._decoded(one) for one in self.ends)
        return np.stack([((1 - share) * a + share * b).round().astype(np.uint8) for share in shares])

    def _decoded(self, one: Looked) -> np.ndarray:
        prefixes = self.study.look(one).prefixes
        found = prefixes[self.names[0]] if len(self.names) == 1 else list(prefixes.values())[-1]
        return found.reconstructions[0].astype(np.float64)


def _way(study: Study, picture: Looked, second: int, names: tuple, turned: tuple, count: int, slow: bool) -> Way:
    return Walked(study, picture, second, names, turned, count).along(np.linspace(0, 1, count), seen=not slow)


def _place(share: float) -> str:
    return f"{share:.0%} of the way".replace("%", " %")


def _data(walked: Walked, way: Way, path: str) -> dict[str, Any]:
    """What the sliders draw; they begin in the middle, or at the first image where pictures take long."""
    slow, shares = not len(way.pictures), np.linspace(0, 1, walked.count)
    faded = walked.faded(shares) if slow else way.faded
    begin = 0 if slow else walked.count // 2
    both = [
        {"id": "latents", "title": "Through the latents", "note": "" if slow else _stepped(way.steps),
         "sprite": None if slow else rows.strip(way.pictures)},
        {"id": "pixels", "title": "Through the pixels",
         "note": "A cross-fade of the two decoded ends" + ("" if slow else f" · {_stepped(way.fading)}"),
         "sprite": rows.strip(faded)},
    ]  # fmt: skip
    first, second = walked.ends
    views = [
        {"id": "first", "title": "Image A", "url": drawing.url(first.pixels)},
        {
            "id": "latents",
            "title": "Latents",
            "url": drawing.url(faded[0] if slow else way.pictures[begin]),
            "live": True,
        },
        {"id": "pixels", "title": "Pixels", "url": drawing.url(faded[begin]), "live": True},
        {"id": "second", "title": "Image B", "url": drawing.url(second.pixels)},
    ]
    start = round(float(shares[begin]), 4)
    return {
        "key": digest(walked.study.key, first.key, walked.second, path, walked.names, walked.count),
        "ticks": [f"{share:.0%}".replace("%", " %") for share in shares],
        "values": [round(float(share), 4) for share in shares], "step": 0.01, "suffix": "%", "rest": start,
        "linked": True, "rows": both, "views": views, "start": {"latents": start, "pixels": start},
        "said": _place(start), "back": f"Back to {start:.0%}".replace("%", " %"), "silent": rows.SILENT,
    }  # fmt: skip


def _turned(study: Study, options: Any) -> list[str]:
    """Layers in which the way leads around."""
    able = can_turn(study, {"layer": options.layer})
    if options.path != "auto":
        return able if options.path == "around" else []
    return [name for name in able if _suits(study, name)]


def _suits(study: Study, layer: str) -> bool:
    norms = known.norms(study, layer)[0]
    from explorer.analysis.traversal import suits

    return suits(study.layer(layer).dim, float(norms.mean()), float(norms.std()))


def _stepped(steps: np.ndarray) -> str:
    """How even the steps are."""
    mean = float(steps.mean())
    if not mean:
        return "nothing changes"
    return f"{mean:.1%} of the range a step on average, the largest {steps.max() / mean:.1f} times that"


def _norms(study: Study, way: Way, turned: list[str]) -> tuple[dict[str, Any], list[Card]]:
    """How long the latents halfway are, beside those of images."""
    numbers, cards = {}, []
    for name in can_turn(study, {"layer": next(iter(way.norms))}):
        if name not in way.norms:
            continue
        real, centre = known.norms(study, name)
        halfway = float(way.norms[name][len(way.norms[name]) // 2])
        if name not in turned and centre.any():
            continue  # its norm is about zero, and theirs about their mean
        share = float((real < halfway).mean())
        numbers[name] = {"halfway": halfway, "mean": float(real.mean()), "deviation": float(real.std()), "n": len(real),
                         "shorter": share}  # fmt: skip
        called = "" if len(way.norms) == 1 else f", {name}"
        cards.append(Card(f"Norm halfway{called}", f"{halfway:.3g}",
                          f"of images {real.mean():.3g} ± {real.std():.2g}", help_of("norm halfway")))  # fmt: skip
        cards.append(Card("Shorter than that", f"{share:.0%}", f"of {len(real):,} real ones", help_of("norm halfway")))
    return numbers, cards


def _notes(study: Study, options: Any, way: Way) -> list[str]:
    """Why the way is straight or around, and what becomes of codes."""
    from explorer.analysis.traversal import CONCENTRATED, SPHERICAL

    said = []
    for name in can_turn(study, {"layer": options.layer}):
        norms, dim = known.norms(study, name)[0], study.layer(name).dim
        why = (
            f"fewer than {SPHERICAL} numbers"
            if dim < SPHERICAL
            else f"the deviation is over {CONCENTRATED:.0%} of the mean"
        )
        text = SUITS if _suits(study, name) else UNFIT
        said.append(text.format(layer=name, dim=dim, mean=norms.mean(), deviation=norms.std(), why=why))
    for name, shares in way.kept.items():
        first, second, neither = shares[len(shares) // 2]
        said.append(QUANTIZED.format(layer=name, first=first, second=second, neither=neither))
    return said
