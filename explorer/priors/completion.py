"""Code maps of which some cells stay: drafts that are weighed by how probable they make the kept cells after them.

A prior sees only what is before a place. Drawn in raster order with the kept cells put in, a draft has no regard for
the kept cells that follow. Its weight, the product of p(kept cell | what stands before it), says by how much it is
drawn too often or too seldom; drafts go on as often as they weigh (sequential Monte Carlo), and one of the last is the
completion. With many drafts completions are distributed as the prior says that they are given the kept cells.

Source: Doucet, de Freitas and Gordon 2001, Sequential Monte Carlo methods in practice, chapter 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.choices import Choices
from explorer.analysis.completion import effective, looks_ahead, picked, resampled
from explorer.analysis.noise import streams, uniform
from explorer.precision import exact
from explorer.priors.level import Level
from explorer.priors.picking import Told as Taken
from explorer.priors.prior import Cursor, Prior
from explorer.priors.sampling import Codes, Drawing, Told, checked, held, room, sample
from explorer.priors.threads import one_thread

DRAFTS, BESIDE = 32, 4  # drafts of a completion; completions that are drawn at once
RESAMPLING, LAST = 1, 2  # what the noise of drafts is for, beside codes


@dataclass(frozen=True)
class Completed:
    """Completed code maps.

    Attributes:
        codes: {level: (n, H, W)} int64.
        drafts: of how many drafts each is one; 1 where no kept cell comes after a missing one.
        effective: (n,) how many of them counted where they were fewest, from 1 to `drafts`.
    """

    codes: dict[str, Tensor]
    drafts: int
    effective: np.ndarray


@exact()
@one_thread()
@torch.inference_mode()
def complete(
    prior: Prior,
    classes: Tensor | np.ndarray,
    given: Codes,
    keep: Codes,
    choices: Choices | None = None,
    *,
    drafts: int = DRAFTS,
    numbers: np.ndarray | None = None,
    told: Told | None = None,
) -> Completed:
    """Draws what is missing of code maps; arguments are those of `sample`.

    At temperature 0 all drafts are one, the likeliest code of each place, with no regard for what comes after it. What
    top-k and top-p leave out is left out of what is drawn; kept cells are weighed without them.

    Args:
        drafts: how many are weighed for each completion.

    Raises:
        BadInput: as `sample`.
    """
    choices = choices or Choices()
    classes = checked(prior, classes, choices)
    found, kept = held(prior, len(classes), given, keep)
    names = np.arange(len(classes)) if numbers is None else np.asarray(numbers)
    masks = np.concatenate([kept[level.name].flatten(1).cpu().numpy() for level in prior.levels], 1)
    ahead = any(looks_ahead([mask]) for mask in np.unique(masks, axis=0))
    if choices.temperature == 0 or drafts < 2 or not ahead:
        codes = sample(prior, classes, choices, numbers=numbers, given=given, keep=keep, told=told)
        return Completed(codes, 1, np.ones(len(classes)))
    drafts = max(2, min(drafts, room(prior) // BESIDE))
    counted = np.full(len(classes), float(drafts))
    for rows in _together(masks, names):
        run = _Drafts(prior, classes[rows], choices, names[rows], drafts)
        codes = {name: values[run.spread(rows)].clone() for name, values in found.items()}
        for level in prior.levels:
            for line in run.rows(level, codes, kept[level.name][rows[0]]):
                found[level.name][rows] = codes[level.name][run.likeliest()]
                if told is not None:
                    told(level.name, line, found)
        for name, values in codes.items():
            found[name][rows] = values[run.chosen()]
        counted[rows] = run.lowest[run.places]
    return Completed(found, drafts, counted)


def _together(masks: np.ndarray, numbers: np.ndarray) -> list[np.ndarray]:
    """Rows of completions that are drawn at once: they miss the same cells, and their numbers are near."""
    _, which = np.unique(masks, axis=0, return_inverse=True)
    _, group = np.unique(np.stack([which.reshape(-1), numbers // BESIDE], 1), axis=0, return_inverse=True)
    return [np.flatnonzero(group.reshape(-1) == one) for one in range(group.max() + 1)]


class _Drafts:
    """Drafts of up to BESIDE completions: `count` of each, one completion after another.

    They are computed in as many rows, and each in the same rows, whatever is completed beside it, so that rounding is
    the same, too. Places that no completion asked for are drawn and forgotten.
    """

    def __init__(self, prior: Prior, classes: Tensor, choices: Choices, numbers: np.ndarray, count: int) -> None:
        self.prior, self.choices, self.count = prior, choices, count
        self.places = numbers % BESIDE
        all_classes, all_numbers = classes.new_full((BESIDE,), int(classes[0])), np.zeros(BESIDE, np.int64)
        all_classes[torch.from_numpy(self.places)], all_numbers[self.places] = classes, numbers
        noise = streams(choices.seed, all_numbers.repeat(count), np.tile(np.arange(1, count + 1), BESIDE))
        self.drawing = Drawing(prior, all_classes.repeat_interleave(count), choices, noise, careful=False)
        self.noise = streams(choices.seed, all_numbers, count + 1)
        self.weights, self.lowest = np.zeros((BESIDE, count)), np.full(BESIDE, float(count))
        self.begun = False

    def spread(self, rows: np.ndarray) -> np.ndarray:
        """Which of the completions each row of drafts begins with, (BESIDE · count,)."""
        found = np.full(BESIDE, rows[0])
        found[self.places] = rows
        return found.repeat(self.count)

    def rows(self, level: Level, codes: dict[str, Tensor], keep: Tensor) -> Iterator[int]:
        """Fills the codes of all drafts of a level, a row at a time; they are chosen as soon as few of them count."""
        free = (~keep.flatten()).tolist()
        cursor = self.drawing.begin(level, codes) if self.begun or any(free) else None
        own = codes[level.name].flatten(1)
        for place in range(level.places):
            if cursor is not None:
                features = self.drawing.step(cursor, own[:, place - 1] if place else None)
                if free[place]:
                    own[:, place] = self.drawing.draw(level, features, codes, place)
                elif self.begun:
                    self._weigh(level, features, own[:, place])
                    self._select(level, codes, place, cursor)
                self.begun |= free[place]
            if (place + 1) % level.grid[1] == 0:
                yield place // level.grid[1]

    def likeliest(self) -> np.ndarray:
        """The row of the draft that weighs most, of each completion that was asked for."""
        return self.places * self.count + self.weights[self.places].argmax(1)

    def chosen(self) -> np.ndarray:
        """The row of the draft that is the completion, of each that was asked for."""
        at = uniform(self.noise, LAST, count=1)[:, 0]
        return np.array([one * self.count + picked(self.weights[one], at[one]) for one in self.places])

    def _weigh(self, level: Level, features: Tensor, codes: Tensor) -> None:
        head = self.prior.head(level.name)
        taken = Taken(codes, getattr(head.head, "base", None), self.choices, guided=self.drawing.guided)
        head.draw(features, taken)
        self.weights = self.weights + taken.logs.cpu().numpy().reshape(BESIDE, -1)
        self.lowest = np.minimum(self.lowest, [effective(one) for one in self.weights])

    def _select(self, level: Level, codes: dict[str, Tensor], place: int, cursor: Cursor) -> None:
        """Drafts go on as often as they weigh, where fewer than half of a completion's count."""
        few = [one for one in range(BESIDE) if effective(self.weights[one]) < self.count / 2]
        if not few:
            return
        at = uniform(self.noise, RESAMPLING, self.prior.levels.index(level), place, count=1)[:, 0]
        rows = np.arange(BESIDE * self.count).reshape(BESIDE, -1)
        for one in few:
            rows[one] = rows[one][resampled(self.weights[one], at[one])]
            self.weights[one] = 0
        chosen = torch.from_numpy(rows.reshape(-1)).to(self.drawing.classes.device)
        for values in codes.values():
            values.copy_(values[chosen])
        cursor.take(self.drawing.twice(chosen, chosen + len(chosen)))
