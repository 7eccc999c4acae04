"""Code maps of which some cells stay: drafts that are weighed by how probable they make the kept cells after them.

A prior sees only what is before a place. Drawn in raster order with the kept cells put in, a draft comes with too little
regard for kept cells that follow. Its weight, the product of p(kept cell | what stands before it), says by how much,
exactly; drafts go on as often as they weigh (sequential Monte Carlo), and one of the last is the completion. With many
drafts completions are distributed as the prior says that they are given the kept cells.

Source: Doucet, de Freitas and Gordon 2001, Sequential Monte Carlo methods in practice, chapter 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.choices import Choices, streams, uniform
from explorer.analysis.completion import effective, looks_ahead, picked, resampled
from explorer.precision import exact
from explorer.priors.level import Level
from explorer.priors.picking import Told as Taken
from explorer.priors.prior import Prior
from explorer.priors.sampling import Codes, Drawing, Told, checked, held, rows_at_once, sample

DRAFTS = 32
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
    count = len(classes)
    found, kept = held(prior, count, given, keep)
    masks = [kept[level.name].cpu().numpy() for level in prior.levels]
    ahead = [looks_ahead([mask[row] for mask in masks]) for row in range(count)]
    if choices.temperature == 0 or drafts < 2 or not any(ahead):
        codes = sample(prior, classes, choices, numbers=numbers, given=given, keep=keep, told=told)
        return Completed(codes, 1, np.ones(count))
    names = np.arange(count) if numbers is None else np.asarray(numbers)
    drafts = min(drafts, rows_at_once(prior))
    counted = np.full(count, float(drafts))
    for row in range(count):
        run = _Drafts(prior, int(classes[row]), choices, int(names[row]), drafts)
        codes = {name: values[row].expand(drafts, -1, -1).clone() for name, values in found.items()}
        for level in prior.levels:
            for line in run.rows(level, codes, kept[level.name][row]):
                found[level.name][row] = codes[level.name][int(run.weights.argmax())]
                if told is not None:
                    told(level.name, line, found)
        one = run.choose()
        for name, values in codes.items():
            found[name][row] = values[one]
        counted[row] = run.lowest
    return Completed(found, drafts, counted)


class _Drafts:
    """Drafts of one completion.

    They are computed in as many rows whatever else is completed, so that rounding is the same, too.
    """

    def __init__(self, prior: Prior, of_class: int, choices: Choices, number: int, count: int) -> None:
        classes = torch.full((count,), of_class, device=next(prior.parameters()).device)
        noise = streams(choices.seed, np.full(count, number), np.arange(1, count + 1))
        self.drawing = Drawing(prior, classes, choices, noise, careful=False)
        self.noise = streams(choices.seed, np.array([number]), count + 1)
        self.prior, self.choices, self.weights = prior, choices, np.zeros(count)
        self.lowest, self.begun = float(count), False

    def rows(self, level: Level, codes: dict[str, Tensor], keep: Tensor) -> Iterator[int]:
        """Fills the codes (drafts, H, W) of a level, a row at a time; drafts are chosen as soon as few of them count."""
        free = (~keep.flatten()).tolist()
        cursor = self.drawing.begin(level, codes) if self.begun or any(free) else None
        for place in range(level.places):
            own = codes[level.name].flatten(1)
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

    def choose(self) -> int:
        """The draft that is the completion."""
        return picked(self.weights, float(uniform(self.noise, LAST, count=1)[0, 0]))

    def _weigh(self, level: Level, features: Tensor, codes: Tensor) -> None:
        head = self.prior.head(level.name)
        taken = Taken(codes, getattr(head.tokens, "base", None), self.choices, guided=self.drawing.guided)
        head.draw(features, taken)
        self.weights = self.weights + taken.logs.cpu().numpy()
        self.lowest = min(self.lowest, effective(self.weights))

    def _select(self, level: Level, codes: dict[str, Tensor], place: int, cursor) -> None:
        """Drafts go on as often as they weigh, where fewer than half count."""
        count = len(self.weights)
        if effective(self.weights) >= count / 2:
            return
        at = uniform(self.noise, RESAMPLING, self.prior.levels.index(level), place, count=1)[0, 0]
        chosen = torch.from_numpy(resampled(self.weights, float(at))).to(self.drawing.classes.device)
        for values in codes.values():
            values.copy_(values[chosen])
        cursor.take(self.drawing.twice(chosen, chosen + count))
        self.weights = np.zeros(count)
