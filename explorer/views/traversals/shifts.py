"""How far a latent is moved towards a sum: a slider from none of the move to more than all of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.files import digest
from explorer.sheets import Piece, drawing
from explorer.study import traversals
from explorer.study.memory import name_of
from explorer.views.traversals import layer as known
from explorer.views.traversals import rows

if TYPE_CHECKING:
    from explorer.study import Study

TIMES = np.linspace(0, 2, 9)  # of the move
ABOUT = "At 0 × it is a, at 1 × the sum, and beyond that more of the same."


@dataclass(frozen=True)
class Shift:
    """A latent and a move of it.

    Attributes:
        start, move: (H, W, D). base: the latents of all layers, where there are others; else None.
    """

    study: Study
    layer: str
    start: np.ndarray
    move: np.ndarray
    base: Mapping[str, np.ndarray] | None

    def decoded(self, times: np.ndarray) -> np.ndarray:
        """(S, h, w, 3) uint8 with so many times (S,) the move."""
        latents = self.start + np.asarray(times, np.float32)[:, None, None, None] * self.move
        return self.study.through(traversals.decode, self.layer, latents, self.base)

    def answer(self, message: Any) -> dict[str, Any]:
        """The picture where the slider is, or one of those in the row."""
        message = message if isinstance(message, dict) else {}
        at, values = message.get("at"), message.get("values")
        if "row" in message and isinstance(at, int) and 0 <= at < len(TIMES):
            return {"picture": drawing.url(self.decoded(TIMES[[at]])[0])}
        times = values.get("move") if isinstance(values, dict) else None
        if not isinstance(times, (int, float)) or not math.isfinite(times) or not TIMES[0] <= times <= TIMES[-1]:
            raise BadInput(rows.WRONG)
        return {"views": {"moved": drawing.url(self.decoded(np.array([times]))[0])}, "said": said(float(times))}


def said(times: float) -> str:
    """What is shown."""
    return f"a and {times:.1f} × the move from b to c."


def piece(shift: Shift, a: np.ndarray, whole: np.ndarray) -> Piece:
    """The slider; `a` and the `whole` sum decoded, (h, w, 3) uint8."""
    slow = known.slow(shift.study, shift.layer)
    row = {
        "id": "move", "title": "From b towards c", "note": ABOUT,
        "sprite": None if slow else rows.strip(shift.decoded(TIMES)),
    }  # fmt: skip
    data = {
        "key": digest(shift.study.key, name_of(shift.start), name_of(shift.move)),
        "ticks": [f"{one:g} ×" for one in TIMES], "values": TIMES.tolist(), "step": 0.05, "suffix": " ×", "rest": 1,
        "linked": False, "rows": [row], "start": {"move": 1}, "said": said(1), "back": "Back to 1 ×",
        "views": [{"id": "a", "title": "a", "url": drawing.url(a)},
                  {"id": "moved", "title": "Moved", "url": drawing.url(whole), "live": True}],
        "silent": rows.SILENT,
    }  # fmt: skip
    return Piece("walk-sum", "walk", data, "Pictures with more and more of the move", answer=shift.answer)
