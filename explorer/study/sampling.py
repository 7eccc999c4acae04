"""Codes that are watched while a prior draws them: a thread draws, whoever watches asks how far it is.

A drawing is made once for one prior and one set of choices, however many watch it; it ends by itself when nobody asks
on, and begins again, with the same codes, when somebody does.
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
AT_ONCE = 4  # drawings that are under way; one more ends the one that was asked for least lately
WRONG = "the codes could not be drawn; the server's log has the details"

Told = Callable[[str, int, Mapping[str, Any]], None]

_UNDER_WAY: list[Drawing] = []
_LOCK = threading.Lock()


class Drawing:
    """Code maps that come row by row.

    Attributes:
        codes: {level: (n, H, W) int64}, coarse to fine; −1 where nothing is drawn yet.
        steps: rows that were told so far. total: how many there will be. done: whether all are there.
        effective: how many drafts of each completion counted, (n,), and of how many; None where none were weighed.
        seconds: that drawing took, the network being open.

    Args:
        levels: of the prior. draw: what draws, given whom to tell of each row -> codes, effective, seconds.
        parts: how often the rows are gone through.
    """

    def __init__(self, levels: Sequence[Any], count: int, draw: Callable[[Told], tuple], parts: int = 1) -> None:
        self.codes = {one.name: np.full((count, *one.grid), -1, np.int64) for one in levels}
        self.steps, self.total, self.done = 0, sum(one.grid[0] for one in levels) * parts, False
        self.effective: tuple[np.ndarray, int] | None = None
        self.seconds, self._draw, self._asked, self._fault = 0.0, draw, 0.0, ""
        self._changed, self._thread = threading.Condition(), None

    def begin(self) -> Drawing:
        """Draws from now on, if it is not done or under way."""
        with self._changed:
            self._asked = time.monotonic()
            if self.done or self.alive:
                return self
            self.steps, self._fault = 0, ""  # what went wrong once may go well now
            self._thread = threading.Thread(target=self._run, daemon=True, name="drawing")
            self._thread.start()
        _only(self)
        return self

    @property
    def nbytes(self) -> int:
        """What it takes in the memory of the study."""
        return sum(one.nbytes for one in self.codes.values())

    @property
    def alive(self) -> bool:
        """Whether something draws."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self, beyond: int, seconds: float) -> Drawing:
        """Waits until more than `beyond` rows are drawn, at most so long.

        Raises:
            BadInput: why nothing can be drawn.
        """
        self.begin()
        with self._changed:
            self._changed.wait_for(lambda: self.steps > beyond or self.done or self._fault, seconds)
        if self._fault:
            raise BadInput(self._fault)
        return self

    def all(self) -> dict[str, np.ndarray]:
        """The codes of all levels, when they are drawn."""
        while not self.done:
            self.wait(self.total, 1.0)
        return self.codes

    def leave(self) -> None:
        """Ends the drawing at the next row."""
        self._asked = float("-inf")

    def _run(self) -> None:
        fault = ""
        try:
            codes, effective, seconds = self._draw(self._row)
        except Cancelled:
            with self._changed:
                self._changed.notify_all()
            return
        except BadInput as problem:
            fault = str(problem)
        except Exception:
            logging.getLogger("explorer").exception("codes could not be drawn")
            fault = WRONG
        with self._changed:
            self._fault = fault
            if not fault:
                self.codes, self.effective, self.seconds = codes, effective, seconds
                self.steps, self.done = self.total, True
            self._changed.notify_all()

    def _row(self, level: str, row: int, codes: Mapping[str, Any]) -> None:
        """What the sampler tells after each row: codes {level: (n, H, W)} so far."""
        if time.monotonic() - self._asked > PATIENCE:
            raise Cancelled("nobody watches")
        found = {name: one.cpu().numpy().copy() for name, one in codes.items()}
        with self._changed:
            self.codes, self.steps = found, min(self.steps + 1, self.total)
            self._changed.notify_all()


def _only(new: Drawing) -> None:
    """Ends the drawings that were asked for least lately, where there are too many."""
    with _LOCK:
        _UNDER_WAY[:] = [one for one in _UNDER_WAY if one is not new and one.alive and not one.done]
        _UNDER_WAY.append(new)
        for one in sorted(_UNDER_WAY[:-1], key=lambda other: other._asked)[: len(_UNDER_WAY) - AT_ONCE]:
            one.leave()


def drawing(study: Study, facts: Facts, classes: tuple[int, ...], choices: Choices) -> Drawing:
    """The drawing of a sample for each class, −1 for none."""
    return study.remember(_drawing, facts.name, folder.fingerprint(facts.path), classes, choices)


def completing(
    study: Study, facts: Facts, classes: tuple[int, ...], choices: Choices, codes: Mapping[str, np.ndarray],
    keep: Mapping[str, np.ndarray],
) -> Drawing:  # fmt: skip
    """The drawing of completions of code maps {level: (H, W)}, of which the cells `keep` stay."""
    names = [one.name for one in facts.levels]
    given = tuple(codes[name] for name in names), tuple(keep[name] for name in names)
    return study.remember(_completing, facts.name, folder.fingerprint(facts.path), classes, choices, *given)


def _drawing(study: Study, name: str, _: str, classes: tuple[int, ...], choices: Choices) -> Drawing:
    facts = priors.facts_of(study, name)

    def draw(told: Told) -> tuple:
        return priors.ask(_samples, facts, np.array(classes), choices, _heard(told))

    return Drawing(facts.levels, len(classes), draw)


def _completing(
    study: Study, name: str, _: str, classes: tuple[int, ...], choices: Choices, codes: tuple, keep: tuple
) -> Drawing:
    from explorer.analysis.completion import looks_ahead
    from explorer.priors.completion import BESIDE

    facts = priors.facts_of(study, name)
    names = [one.name for one in facts.levels]
    given, kept = dict(zip(names, codes, strict=True)), dict(zip(names, keep, strict=True))

    def draw(told: Told) -> tuple:
        return priors.ask(_completions, facts, np.array(classes), choices, given, kept, _heard(told))

    ahead = looks_ahead(keep) and choices.temperature > 0
    return Drawing(facts.levels, len(classes), draw, -(-len(classes) // BESIDE) if ahead else 1)


def _heard(told: Told) -> Told | None:
    """Whom a prior tells; nobody where it draws in a process of its own, which nothing comes back from."""
    return None if passes.spaces else told


@priors.through_prior
def _samples(prior: Prior, classes: np.ndarray, choices: Choices, told: Told | None) -> tuple:
    from explorer.priors.sampling import sample

    began = time.monotonic()
    found = _arrays(sample(prior, classes, choices, told=told))
    return found, None, time.monotonic() - began


@priors.through_prior
def _completions(
    prior: Prior, classes: np.ndarray, choices: Choices, given: Mapping, keep: Mapping, told: Told | None
) -> tuple:
    from explorer.priors.completion import complete

    began = time.monotonic()
    found = complete(prior, classes, given, keep, choices, told=told)
    weighed = (found.effective, found.drafts) if found.drafts > 1 else None
    return _arrays(found.codes), weighed, time.monotonic() - began


def _arrays(codes: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: one.cpu().numpy().astype(np.int64) for name, one in codes.items()}
