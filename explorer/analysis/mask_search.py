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
PREFIXES = 64  # masks of so many sizes get their errors in a step
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
        `grid`, `step`, `candidates`, `done`, `passes`; of `worst` and `best` the `order` of patches (row by row, from
        0) and `mse` of the first 1, 2, … of them; of `random` the `hidden` patches of each size, and `mse` of RANDOM
        masks.

    Raises:
        BadInput: there is one patch.
    """
    found = begun(model.mask_grid)
    while found["done"] < found["passes"]:
        found = advanced(model, pixels, found)
        tell(found["done"], found["passes"])
    return found


def begun(grid: tuple[int, int]) -> dict[str, Any]:
    """A search that has found nothing yet, for `advanced`; BadInput where there is one patch."""
    cells = grid[0] * grid[1]
    if cells < 2:
        raise BadInput("the image is one patch, and a mask hides some patches and leaves others; open another model")
    step, tried = step_of(cells)
    return {
        "grid": list(grid), "step": step, "candidates": tried, "done": 0, "passes": passes(cells),
        "worst": {"order": [], "mse": []}, "best": {"order": [], "mse": []}, "random": {"hidden": [], "mse": []},
    }  # fmt: skip


def advanced(model: Masks, pixels: np.ndarray, found: dict[str, Any]) -> dict[str, Any]:
    """A search one step further: patches are hidden, or masks of some sizes get their errors."""
    grid = tuple(found["grid"])
    cells = grid[0] * grid[1]

    def scored(masks: np.ndarray) -> np.ndarray:
        return np.concatenate(list(inside(model, pixels, masks.reshape(-1, *grid))))

    for name, sign in (("worst", -1), ("best", 1)):
        order, errors = found[name]["order"], found[name]["mse"]
        if len(order) < cells - 1:
            masks, candidates = _candidates(order, cells, found["candidates"])
            best = candidates[np.argsort(sign * scored(masks), kind="stable")]
            more = best[: min(found["step"], cells - 1 - len(order))].tolist()
            return found | {"done": found["done"] + len(masks), name: {"order": [*order, *more], "mse": errors}}
        if len(errors) < cells - 1:
            sizes = range(len(errors) + 1, min(len(errors) + PREFIXES, cells - 1) + 1)
            masks = np.stack([mask_of(order, size, grid) for size in sizes])
            now = {"order": order, "mse": [*errors, *scored(masks).tolist()]}
            return found | {"done": found["done"] + len(masks), name: now}
    hidden, errors = found["random"]["hidden"], found["random"]["mse"]
    masks = random_masks(RANDOM, grid, RATIOS[len(hidden)] / 100, RATIOS[len(hidden)])
    now = {"hidden": [*hidden, int(masks[0].sum())], "mse": [*errors, scored(masks).tolist()]}
    return found | {"done": found["done"] + len(masks), "random": now}


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


def _candidates(order: list[int], cells: int, tried: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks (M, cells) that hide one patch more than `order`, and which one (M,) that is."""
    visible = np.setdiff1d(np.arange(cells), order)
    candidates = np.sort(np.random.default_rng(len(order)).permutation(visible)[:tried])
    masks = np.zeros((len(candidates), cells), bool)
    masks[:, order] = True
    masks[np.arange(len(candidates)), candidates] = True
    return masks, candidates
