"""The masks that hurt most and least, patch by patch, beside random ones of the same size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from explorer.analysis.comparison import random_masks
from explorer.analysis.masks import inside
from explorer.autoencoder import Masks
from explorer.errors import BadInput

STEPS, CANDIDATES = 64, 64  # at most; patches that are tried in a step, at least where there are so many
RANDOM = 20  # random masks of each size
RATIOS = tuple(range(5, 100, 5))  # in %, of the random masks


def search(model: Masks, pixels: np.ndarray, tell: Callable[[int, int], None] = lambda done, total: None) -> dict:
    """Which patches of an image (h, w, 3) uint8 to hide so that the hidden ones come back worst, and best.

    Greedy: beginning with nothing hidden, the patch that raises (lowers) the mean squared error of all hidden pixels
    most is hidden, too, until one patch is visible. So the first n patches are the mask of n patches, for every n. That
    no mask of this size is worse is not said: a search of all of them would take for ever.

    A grid of up to 65 patches gets one patch a step, and every visible one is tried. Of more patches, `step` are hidden
    at a time, in the order of their scores, and a random sample of `candidates` of the visible ones is tried, as in
    Mirzasoleiman et al., Lazier than lazy greedy, 2015.

    Returns:
        `grid`, `step`, `candidates`, `passes`; of `worst` and `best` the `order` of patches (row by row, from 0) and
        `mse` of the first 1, 2, … of them; of `random` the `hidden` patches of each size, and `mse` of RANDOM masks.

    Raises:
        BadInput: there is one patch.
    """
    grid, cells = tuple(model.mask_grid), int(np.prod(model.mask_grid))
    if cells < 2:
        raise BadInput("the image is one patch, and a mask hides some patches and leaves others; open another model")
    step, tried = step_of(cells)
    total, done = passes(cells), 0

    def scored(masks: np.ndarray) -> np.ndarray:
        nonlocal done
        parts = []
        for part in inside(model, pixels, masks.reshape(-1, *grid)):
            parts.append(part)
            done += len(part)
            tell(done, total)
        return np.concatenate(parts)

    found: dict[str, Any] = {"grid": list(grid), "step": step, "candidates": tried, "passes": total}
    for name, sign in (("worst", -1), ("best", 1)):
        order = _greedy(cells, step, tried, sign, scored)
        prefixes = np.zeros((cells - 1, cells), bool)
        prefixes[:, order] = np.tri(cells - 1, dtype=bool)
        found[name] = {"order": order.tolist(), "mse": scored(prefixes).tolist()}
    masks = [random_masks(RANDOM, grid, ratio / 100, ratio) for ratio in RATIOS]
    hidden = [int(one[0].sum()) for one in masks]
    found["random"] = {"hidden": hidden, "mse": scored(np.concatenate(masks)).reshape(-1, RANDOM).tolist()}
    return found


def step_of(cells: int) -> tuple[int, int]:
    """How many patches are hidden in a step, and how many are tried at most."""
    step = max(1, -(-(cells - 1) // STEPS))
    return step, max(CANDIDATES, 4 * step)


def passes(cells: int) -> int:
    """How many masks a search on a grid of so many patches looks at."""
    step, tried = step_of(cells)
    steps = sum(min(cells - hidden, tried) for hidden in range(0, cells - 1, step))
    return 2 * (steps + cells - 1) + RANDOM * len(RATIOS)


def mask_of(order: list[int], hidden: int, grid: tuple[int, int]) -> np.ndarray:
    """The mask (H, W) bool of the first `hidden` patches of an order."""
    found = np.zeros(grid[0] * grid[1], bool)
    found[order[:hidden]] = True
    return found.reshape(grid)


def random_errors(model: Masks, pixels: np.ndarray, hidden: int, seed: int = 0) -> np.ndarray:
    """Mean squared error of hidden pixels under RANDOM random masks of so many patches: (RANDOM,)."""
    grid = tuple(model.mask_grid)
    masks = random_masks(RANDOM, grid, hidden / (grid[0] * grid[1]), seed)
    return np.concatenate(list(inside(model, pixels, masks)))


def _greedy(cells: int, step: int, tried: int, sign: int, scored: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(cells - 1,) patches in the order in which they are hidden; `sign` is -1 for the largest error first."""
    random = np.random.default_rng(0)
    order: list[int] = []
    while len(order) < cells - 1:
        visible = np.setdiff1d(np.arange(cells), order)
        candidates = np.sort(random.permutation(visible)[:tried])
        masks = np.zeros((len(candidates), cells), bool)
        masks[:, order] = True
        masks[np.arange(len(candidates)), candidates] = True
        best = candidates[np.argsort(sign * scored(masks), kind="stable")]
        order += best[: min(step, cells - 1 - len(order))].tolist()
    return np.array(order)
