"""Samples that are watched while they are drawn: a thread draws, whoever watches asks how far it is.

A drawing is made once for one prior, classes and choices, however many watch it; it ends by itself when nobody asks on,
and goes on from the start, with the same samples, when somebody does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput, Cancelled
from explorer.priors import folder
from explorer.study import passes, priors

if TYPE_CHECKING:
    from explorer.analysis.choices import Choices
    from explorer.priors.folder import Facts
    from explorer.priors.prior import Prior
    from explorer.study import Study

PATIENCE = 15.0  # seconds without a question after which a drawing ends
AT_ONCE = 4  # drawings that are under way; a visitor more ends the one that was asked for least lately
WRONG = "the samples could not be drawn; the server's log has the details"

_UNDER_WAY: list[Drawing] = []
_LOCK = threading.Lock()


class Drawing:
    """Code maps that come row by row.

    Attributes:
        codes: {level: (n, H, W) int64}; rows that are not drawn yet repeat the last one that is.
        rows: {level: how many rows are drawn}, coarse to fine. done: whether all are.
        told: what else came of it, such as weights of drafts. seconds: that drawing took, the network being open.
    """

    def __init__(self, levels: Sequence[Any], count: int, draw: Callable[..., Any]) -> None:
        self.codes = {one.name: np.zeros((count, *one.grid), np.int64) for one in levels}
        self.rows = dict.fromkeys(self.codes, 0)
        self.total = sum(one.grid[0] for one in levels)
        self.done, self.told, self.seconds = False, None, 0.0
        self._draw, self._asked, self._fault = draw, 0.0, ""
        self._changed, self._thread = threading.Condition(), None

    @property
    def drawn(self) -> int:
        """Rows of all levels together."""
        return sum(self.rows.values())

    def begin(self) -> Drawing:
        """Draws from now on, if it is not done or under way."""
        with self._changed:
            self._asked = time.monotonic()
            if self.done or self._fault or (self._thread is not None and self._thread.is_alive()):
                return self
            self.rows = dict.fromkeys(self.codes, 0)
            self._thread = threading.Thread(target=self._run, daemon=True, name="drawing")
        _only(self)
        self._thread.start()
        return self

    def wait(self, beyond: int, seconds: float) -> Drawing:
        """Waits until more than `beyond` rows are drawn, at most so long.

        Raises:
            BadInput: why nothing can be drawn.
        """
        self.begin()
        with self._changed:
            self._changed.wait_for(lambda: self.drawn > beyond or self.done or self._fault, seconds)
        if self._fault:
            raise BadInput(self._fault)
        return self

    def all(self) -> dict[str, np.ndarray]:
        """The codes of all levels, when they are drawn."""
        while not self.done:
            self.wait(self.total, 1.0)
        return self.codes

    def leave(self) -> None:
        """Ends the drawing at the next row: what is drawn of it does not count."""
        self._asked = float("-inf")

    def _run(self) -> None:
        try:
            codes, self.told, self.seconds = self._draw(self._row)
        except Cancelled:
            return
        except BadInput as problem:
            fault = str(problem)
        except Exception:
            logging.getLogger("explorer").exception("samples could not be drawn")
            fault = WRONG
        else:
            with self._changed:
                self.codes = {name: np.asarray(codes[name], np.int64) for name in self.codes}
                self.rows = {name: one.shape[1] for name, one in self.codes.items()}
                self.done = True
                self._changed.notify_all()
            return
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def _row(self, level: str, row: int, codes: Mapping[str, Any]) -> None:
        """What the sampler tells: codes {level: (n, H, W)}, of `level` drawn up to `row`; nothing of those after it."""
        if time.monotonic() - self._asked > PATIENCE:
            raise Cancelled("nobody watches")
        own = codes[level].cpu().numpy().copy()
        own[:, row + 1 :] = own[:, row : row + 1]
        with self._changed:
            self.codes[level], self.rows[level] = own, row + 1
            self._changed.notify_all()


def _only(new: Drawing) -> None:
    """Ends the drawings that were asked for least lately, where there are too many."""
    with _LOCK:
        _UNDER_WAY[:] = [one for one in _UNDER_WAY if one is not new and not one.done and one._thread.is_alive()]
        _UNDER_WAY.append(new)
        for one in sorted(_UNDER_WAY[:-1], key=lambda other: other._asked)[: len(_UNDER_WAY) - AT_ONCE]:
            one.leave()


def drawing(study: Study, facts: Facts, classes: tuple[int, ...], choices: Choices) -> Drawing:
    """The drawing of a sample for each class, −1 for none."""
    return study.remember(_drawing, facts.name, folder.fingerprint(facts.path), classes, choices)


def _drawing(study: Study, name: str, _: str, classes: tuple[int, ...], choices: Choices) -> Drawing:
    facts = priors.facts_of(study, name)

    def draw(told: Callable) -> tuple[dict[str, np.ndarray], None, float]:
        codes, seconds = priors.ask(_samples, facts, np.array(classes), choices, None if passes.spaces else told)
        return codes, None, seconds

    return Drawing(facts.levels, len(classes), draw)


@priors.through_prior
def _samples(prior: Prior, classes: np.ndarray, choices: Choices, told: Callable | None) -> tuple[dict, float]:
    from explorer.priors.sampling import sample

    began = time.monotonic()
    found = {name: one.cpu().numpy() for name, one in sample(prior, classes, choices, told=told).items()}
    return found, time.monotonic() - began
