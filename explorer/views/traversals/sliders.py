"""The sliders of units and of ways: rows of pictures, and a large one that follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.files import digest
from explorer.lazy import cached_property
from explorer.sheets import drawing
from explorer.study import traversals
from explorer.views.traversals import layer as known
from explorer.views.traversals import rows

if TYPE_CHECKING:
    from explorer.study import Picture, Study

REACH = 3.0  # standard deviations to either side
MOST = 200  # units that an address moves


@dataclass(frozen=True)
class Mixer:
    """A latent whose units are moved together.

    Attributes:
        base: `{layer: (H, W, D)}`; of a mean latent one layer alone. deviations: (D,).
        where: (H, W) bool; None for all cells. steps: pictures in a row.
    """

    study: Study
    layer: str
    base: Mapping[str, np.ndarray]
    deviations: np.ndarray
    where: np.ndarray | None
    steps: int

    @property
    def shares(self) -> np.ndarray:
        """(S,) standard deviations that a row shows."""
        return np.linspace(-REACH, REACH, self.steps)

    @cached_property
    def still(self) -> np.ndarray:
        """(h, w, 3) uint8 with nothing moved."""
        return self.decoded({})

    @property
    def mark(self) -> str:
        """Tells the checkpoint and the layer that moves belong to from others."""
        return digest(self.study.subject.fingerprint, self.layer)[:6]

    def read(self, text: str) -> dict[int, float]:
        """{unit: standard deviations} of an address; nothing where that was of another checkpoint or layer."""
        mark, _, rest = text.partition(".")
        found = {}
        for part in rest.split(",")[:MOST] if mark == self.mark else ():
            unit, _, value = part.partition("~")
            try:
                found[int(unit)] = float(value)
            except ValueError:
                return {}
        fits = all(0 <= unit < len(self.deviations) and abs(value) <= REACH for unit, value in found.items())
        return found if fits else {}

    def written(self, moves: Mapping[int, float]) -> str | None:
        """Moves for an address; None where there are none."""
        parts = ",".join(f"{unit}~{value:g}" for unit, value in moves.items() if value)
        return f"{self.mark}.{parts}" if parts else None

    def answer(self, message: Any) -> dict[str, Any]:
        """The picture with all units where their sliders are, or one of the pictures in a row."""
        if isinstance(message, dict) and "row" in message:
            unit, at = _place(message, len(self.deviations), self.steps)
            return {"picture": drawing.url(self.decoded({unit: float(self.shares[at])}))}
        moves = _moves(message, len(self.deviations))
        moved = self.decoded(moves)
        change = float(np.abs(moved.astype(np.float64) - self.still).mean() / 255)
        return {"views": {"moved": drawing.url(moved)}, "said": said(moves, change),
                "carried": {"moved": self.written(moves)}}  # fmt: skip

    def decoded(self, moves: Mapping[int, float]) -> np.ndarray:
        """(h, w, 3) uint8."""
        latents = np.array(self.base[self.layer], np.float32)
        for unit, value in moves.items():
            cells = np.ones(latents.shape[:2], bool) if self.where is None else self.where
            latents[cells, unit] += value * self.deviations[unit]
        return self.study.through(traversals.decode, self.layer, latents[None], self.base)[0]


def mixer(
    study: Study, picture: Picture, layer: str, around: str, cell: tuple[int, int] | None, steps: int
) -> Mixer:  # fmt: skip
    """The sliders of a picture, or of the mean latent of many images."""
    found, _ = known.measured(study, layer)
    units = {name: np.asarray(found["units"][name], np.float64) for name in ("mean", "variance", "noise")}
    base: Mapping[str, np.ndarray] = study.look(picture).latents
    if around == "mean":
        base = {layer: np.broadcast_to(units["mean"].astype(np.float32), base[layer].shape)}
    where = None
    if cell is not None:
        where = np.zeros(study.layer(layer).grid, bool)
        where[cell] = True
    return Mixer(study, layer, base, np.sqrt(units["variance"] + units["noise"]), where, steps)


def said(moves: Mapping[int, float], change: float) -> str:
    """What is moved, and how much that changes."""
    units = [f"unit {unit} by {value:+.1f} σ".replace("-", "−") for unit, value in moves.items() if value]
    if not units:
        return "Nothing is moved."
    shown = ", ".join(units[:4]) + (f" and {len(units) - 4:,} more" if len(units) > 4 else "")
    return f"Moved: {shown}. The picture changes by {change:.1%} of the range."


def _place(message: dict[str, Any], dim: int, steps: int) -> tuple[int, int]:
    """Unit and step of a picture that a browser asks for."""
    unit, at = message.get("row"), message.get("at")
    if not (
        str(unit).isdecimal() and len(str(unit)) < 8 and int(unit) < dim and isinstance(at, int) and 0 <= at < steps
    ):
        raise BadInput(rows.WRONG)
    return int(unit), at


def _moves(message: Any, dim: int) -> dict[int, float]:
    """{unit: standard deviations} of what a browser sent, which is not trusted to be that."""
    values = message.get("values") if isinstance(message, dict) else None
    if not isinstance(values, dict) or len(values) > dim:
        raise BadInput(rows.WRONG)
    found = {}
    for unit, value in values.items():
        fits = isinstance(value, (int, float)) and math.isfinite(value) and abs(value) <= REACH
        if not (str(unit).isdecimal() and len(str(unit)) < 8 and int(unit) < dim and fits):
            raise BadInput(rows.WRONG)
        if value:
            found[int(unit)] = round(float(value), 2)
    return found
