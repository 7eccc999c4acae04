"""Code maps drawn from a prior: level by level, coarse to fine, and in each place by place in raster order.

Noise is a function of the seed, the number of the sample and the place, and a choice that rounding could decide is made
in float64 (`picking.py`): the same seed draws the same samples, in one batch or in several.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.choices import Choices
from explorer.analysis.noise import gumbel, streams
from explorer.errors import BadInput
from explorer.lazy import cached_property
from explorer.precision import exact
from explorer.priors.level import Level
from explorer.priors.picking import Pick
from explorer.priors.prior import Cursor, Prior
from explorer.priors.threads import one_thread

__all__ = ["Choices", "Told", "held", "sample"]

ROWS = {"cpu": 64}  # samples that are drawn at once
MANY = 512  # the same on a GPU
NUMBERS = 2**26  # that may be kept of them

Told = Callable[[str, int, Mapping[str, Tensor]], None]
Codes = Mapping[str, Tensor | np.ndarray]


@exact()
@one_thread()
@torch.inference_mode()
def sample(
    prior: Prior,
    classes: Tensor | np.ndarray,
    choices: Choices | None = None,
    *,
    numbers: np.ndarray | None = None,
    given: Codes | None = None,
    keep: Codes | None = None,
    told: Told | None = None,
) -> dict[str, Tensor]:
    """Draws code maps: {level: (n, H, W) int64} on the device of the prior.

    Args:
        classes: (n,) whole numbers below `prior.classes`; −1 is no class.
        numbers: (n,) of the samples, by default 0, 1, 2, …: sample 7 is the same whatever is drawn beside it.
        given, keep: {level: (H, W) or (n, H, W)} codes, and bool where they stay as they are. A cell is drawn with a
            view to those before it alone; `completion.complete` looks at those after it, too.
        told: (level, row, codes of all levels so far, −1 where there is none yet) after every row; it may raise
            Cancelled.

    Raises:
        BadInput: a class that there is not, or guidance of a prior that never went without its class.
    """
    choices = choices or Choices()
    classes = checked(prior, classes, choices)
    names = np.arange(len(classes)) if numbers is None else np.asarray(numbers)
    found, kept = held(prior, len(classes), given, keep)
    size = at_once(prior)
    for start in range(0, len(classes), size):
        rows = slice(start, start + size)
        drawing = Drawing(prior, classes[rows], choices, streams(choices.seed, names[rows]))
        for level in prior.levels:
            codes = {name: values[rows] for name, values in found.items()}  # views: what is written stays
            for row in drawing.rows(level, codes, kept[level.name][rows]):
                if told is not None:
                    told(level.name, row, found)
    return found


def checked(prior: Prior, classes: Tensor | np.ndarray, choices: Choices) -> Tensor:
    """Classes (n,) int64 on the device of the prior; BadInput where they or the guidance do not fit it."""
    classes = torch.as_tensor(classes).to(device_of(prior), torch.int64).reshape(-1)
    wrong = classes[(classes < -1) | (classes >= prior.classes)]
    if len(wrong) and not prior.classes:
        raise BadInput("this prior was trained without a class, so none can be asked for; leave it out")
    if len(wrong):
        raise BadInput(f"there is no class {int(wrong[0])}; choose from 0 to {prior.classes - 1}, or -1 for none")
    if choices.guidance != 1:
        if not prior.classes:
            raise BadInput("guidance weighs the class, and this prior was trained without one; leave it at 1")
        if not prior.config.class_dropout:
            raise BadInput(
                "guidance needs a prior that was trained with its class hidden now and then, and of this one it never "
                "was; leave it at 1, or train with --set class_dropout=0.1"
            )
    return classes


def held(prior: Prior, count: int, given: Codes | None, keep: Codes | None) -> tuple[dict, dict]:
    """Codes so far and what of them stays, {level: (n, H, W)} int64, −1 where there is none yet, and bool.

    Raises:
        BadInput: they do not fit the grids, or a code is out of range.
    """
    found, kept = {}, {}
    for level in prior.levels:
        shape, device = (count, *level.grid), device_of(prior)
        mask = torch.zeros(shape, dtype=torch.bool, device=device)
        codes = torch.full(shape, -1, device=device)
        if keep is not None and level.name in keep:
            if given is None or level.name not in given:
                raise BadInput(f"cells of '{level.name}' are to be kept, but there are no codes of it")
            mask |= _fitting(level, torch.as_tensor(keep[level.name]).to(device, torch.bool), shape)
            codes = _fitting(level, torch.as_tensor(given[level.name]).to(device, torch.int64), shape)
            wrong = codes[mask & ((codes < 0) | (codes >= level.codes))]
            if len(wrong):
                raise BadInput(
                    f"code {int(wrong[0])} of '{level.name}' is out of range; choose from 0 to {level.codes - 1}"
                )
        found[level.name], kept[level.name] = torch.where(mask, codes, -1), mask
    return found, kept


def _fitting(level: Level, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    if tuple(values.shape) not in (shape, shape[1:]):
        told = " × ".join(map(str, values.shape))
        raise BadInput(f"cells of '{level.name}' are {told}; give {level.grid[0]} × {level.grid[1]}")
    return values.expand(shape)


def device_of(prior: Prior) -> torch.device:
    """Where it computes."""
    return next(prior.parameters()).device


def room(prior: Prior) -> int:
    """How many samples can be drawn at once, so that what is kept of them fits into memory."""
    places = max(level.places for level in prior.levels)
    return max(1, NUMBERS // (places * prior.config.width * getattr(prior.config, "blocks", 1) * 4))


def at_once(prior: Prior) -> int:
    """How many samples are drawn at once."""
    return min(room(prior), ROWS.get(device_of(prior).type, MANY))


class Drawing:
    """Samples that are drawn at once.

    Args:
        classes: (n,) int64. streams: (n,) of their noise.
        careful: whether what float32 cannot tell is asked again in float64.
    """

    def __init__(
        self, prior: Prior, classes: Tensor, choices: Choices, streams: np.ndarray, *, careful: bool = True
    ) -> None:
        self.prior, self.choices, self.streams, self.careful = prior, choices, streams, careful
        self.guided = choices.guidance != 1 and bool((classes >= 0).any())
        self.classes = self.twice(classes, torch.full_like(classes, -1))

    def rows(self, level: Level, codes: Mapping[str, Tensor], keep: Tensor) -> Iterator[int]:
        """Fills the codes (n, H, W) of a level where they are not kept, a row at a time; yields the rows."""
        own, free = codes[level.name].flatten(1), ~keep.flatten(1)
        some, every = free.any(0).tolist(), free.all(0).tolist()
        last = max((place for place, there in enumerate(some) if there), default=-1)  # nothing is drawn after it
        cursor = self.begin(level, codes) if last >= 0 else None
        for place in range(level.places):
            if place <= last:
                features = self.step(cursor, own[:, place - 1] if place else None)
                if some[place]:
                    drawn = self.draw(level, features, codes, place)
                    own[:, place] = drawn if every[place] else torch.where(free[:, place], drawn, own[:, place])
            if (place + 1) % level.grid[1] == 0:
                yield place // level.grid[1]

    def begin(self, level: Level, codes: Mapping[str, Tensor]) -> Cursor:
        """Where the level begins; `codes` of the levels above are known."""
        return self.prior.begin(level.name, {name: self.twice(value) for name, value in codes.items()}, self.classes)

    def step(self, cursor: Cursor, before: Tensor | None) -> Tensor:
        """Features of the next place, after the codes (n,) of the one before; twice as many where they are guided."""
        return cursor.step(None if before is None else self.twice(before))

    def twice(self, values: Tensor, others: Tensor | None = None) -> Tensor:
        """What is asked with the class and then without it, where both are asked."""
        return torch.cat([values, values if others is None else others]) if self.guided else values

    def draw(self, level: Level, features: Tensor, codes: Mapping[str, Tensor], place: int) -> Tensor:
        """Codes (n,) at a place; those that float32 cannot tell are drawn again in float64."""
        at = (self.prior.levels.index(level), place)
        pick = Pick(self.choices, _noise(self.streams, at), guided=self.guided)
        drawn = self.prior.head(level.name).draw(features, pick)[: len(self.streams)]
        rows = pick.unsure.nonzero()[:, 0] if self.careful else ()
        if len(rows):
            drawn[rows] = self._exactly(level, codes, at, rows.cpu()).to(drawn)
        return drawn

    def _exactly(self, level: Level, codes: Mapping[str, Tensor], at: tuple[int, int], rows: Tensor) -> Tensor:
        """The same of some rows, from a pass in float64 over all places, which is the same for any number of rows."""
        pick = Pick(self.choices, _noise(self.streams[rows.numpy()], at), guided=self.guided, sure=True)
        known = {name: self.twice(values[rows].cpu().clamp(min=0)) for name, values in codes.items()}
        classes = self.classes.cpu()[self.twice(rows, rows + len(self.streams))]
        stage = self._double.head(level.name)
        features = stage.features(known, classes).flatten(1, 2)[:, at[1]]
        return stage.draw(features, pick)[: len(rows)]

    @cached_property
    def _double(self) -> Prior:
        return copy.deepcopy(self.prior).cpu().double()


def _noise(streams: np.ndarray, at: tuple[int, int]) -> Callable[[int, int], Tensor]:
    return lambda factor, size: torch.from_numpy(gumbel(streams, *at, factor, count=size))
