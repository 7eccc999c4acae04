"""A map of many points that can be pointed at, selected and coloured: a million in the app, a picture elsewhere.

Places travel as whole numbers, 65,535 to each axis (a hundredth of a pixel of a chart), colours as one byte; both are
fetched once and in an order of chance, so that the first so many are a sample of all and none lies above all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from explorer.sheets import Go, Theme

HERE = Path(__file__).parent
LIBRARY = HERE / "vendor" / "regl-scatterplot.min.js"
SCRIPTS = ("raster", "webgl", "points", "looks", "tells", "touched", "scatter")
SCRIPT = "".join((HERE / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
STEPS = 65_535  # of a place along each axis
KINDS = 256  # colours at once


@dataclass(frozen=True)
class Colouring:
    """What the points are coloured by.

    Attributes:
        kinds: (M,) uint8, which colour each point has. palette: (k, 3) uint8, at most 256.
        title: what the values are, with the unit.
        names: (colour, name, points) of each value that has its own; empty for numbers.
        ends: least and greatest number, and what lies between, as text; empty for names.
        steps: how many of the first colours make the bar of numbers.
    """

    kinds: np.ndarray
    palette: np.ndarray
    title: str = ""
    names: Sequence[tuple[int, str, int]] = ()
    ends: Sequence[str] = ()
    steps: int = KINDS


@dataclass(frozen=True)
class Mark:
    """A place on the map, in its own units, with a ring around it and what is said beside it."""

    place: tuple[float, float]
    label: str = ""


@dataclass(frozen=True)
class Packed:
    """Places as they travel.

    Attributes:
        columns: (M, 2) uint16, in the order in which they are sent. order: (M,) int32, number of each of these points.
        low, spans: (2,) least place and width of both axes, in the units of the map. shown: (2,) widths on the screen,
            the longer being 1.
    """

    columns: np.ndarray
    order: np.ndarray
    low: np.ndarray
    spans: np.ndarray
    shown: np.ndarray

    def share(self, place: Sequence[float]) -> list[float]:
        """A place in the units of the map as shares of both axes."""
        return [float(one) for one in (np.asarray(place, np.float64) - self.low) / self.spans]


@dataclass(frozen=True, eq=False)
class Scatter:
    """A flat map of points (M, 2), M up to some millions.

    Attributes:
        name: unique on the sheet, and another one for other points. alt: what a reader who does not see it is told.
        packed: where the points lie. axes: what the two are called.
        colours: the colouring on a light or a dark page. told: lines about a point by its number, the first its name.
        pictures: of points (n,), (n, s, s, 3) uint8.
        go: where a click leads, `{point}` being the number. also: {name: (M,)}, what a click carries besides.
    """

    name: str
    packed: Packed
    axes: tuple[str, str]
    colours: Callable[[Theme], Colouring]
    alt: str
    told: Callable[[int], Sequence[str]]
    pictures: Callable[[np.ndarray], np.ndarray] | None = None
    go: Go | None = None
    also: Mapping[str, np.ndarray] = field(default_factory=dict)
    marks: Sequence[Mark] = ()


def pack(places: np.ndarray, *, stretched: bool = False) -> Packed:
    """(M, 2) finite places as whole numbers, in an order of chance that is the same every time.

    Args:
        stretched: whether the two axes have no unit in common, so that the map can have any shape.
    """
    low, high = places.min(0).astype(np.float64), places.max(0).astype(np.float64)
    spans = np.maximum(high - low, 1e-9 * max(1.0, float(np.abs(high).max())))
    order = np.random.default_rng(0).permutation(len(places)).astype(np.int32)
    columns = np.rint((places[order] - low) * (STEPS / spans)).astype(np.uint16)
    shown = np.array([1.0, 0.6]) if stretched else spans / spans.max()
    return Packed(columns, order, low, spans, np.maximum(shown, 1e-6))


def chosen(sent: bytes, order: np.ndarray) -> np.ndarray | None:
    """Which points (M,) bool a bitmask of them in this order names, eight a byte; None for no mask of so many."""
    if len(sent) != -(-len(order) // 8):
        return None
    mask = np.empty(len(order), bool)
    mask[order] = np.unpackbits(np.frombuffer(sent, np.uint8), bitorder="little", count=len(order))
    return mask


def bits(mask: np.ndarray, order: np.ndarray) -> bytes:
    """The bitmask that `chosen` reads, of points (M,) bool."""
    return np.packbits(mask[order], bitorder="little").tobytes()


def described(block: Scatter, theme: Theme) -> tuple[dict[str, Any], bytes]:
    """What the script is told besides its columns, and the column of colours."""
    packed, colouring = block.packed, block.colours(theme)
    legend = {"title": colouring.title, "steps": colouring.steps}
    legend |= {"names": [list(one) for one in colouring.names]} if colouring.names else {}
    legend |= {"ends": list(colouring.ends)} if colouring.ends else {}
    data = {
        "count": len(packed.order), "spans": packed.shown.tolist(), "axes": list(block.axes), "alt": block.alt,
        "aspect": float(np.clip(packed.shown[0] / packed.shown[1], 0.6, 4)), "legend": legend,
        "palette": colouring.palette.ravel().tolist(), "rest": [128, 136, 148],
        "marks": [{"at": packed.share(mark.place), "label": mark.label} for mark in block.marks],
    }  # fmt: skip
    return data, np.ascontiguousarray(colouring.kinds[packed.order]).tobytes()
