"""Pictures of where codes stand: crops around a cell with the cell outlined, and images with cells outlined."""

from __future__ import annotations

import numpy as np

from explorer.analysis.grids import cover, placed

CONTEXT = 3  # cells along each side of a crop, at least


def crop(images: np.ndarray, positions: np.ndarray, grid: tuple[int, int], side: int = 96) -> np.ndarray:
    """Crops around one cell of each image, with the cell outlined.

    A crop holds at least three cells and a third of the image along each side, so that one sees what the patch is
    part of; near the border it is moved inside. It is enlarged by a whole number, so that pixels stay pixels.

    Args:
        images: (n, h, w, 3) uint8, h = w. positions: (n,) cell of each, row by row in `grid` (H, W).

    Returns:
        (n, s, s, 3) uint8, s ≥ `side`.
    """
    window = max(_window(images.shape[1], grid), -(-images.shape[1] // 3))
    return _cut(images, positions, grid, window, side, outlined=True)


def tiles(images: np.ndarray, positions: np.ndarray, grid: tuple[int, int], side: int = 32) -> np.ndarray:
    """Thumbnails of cells: three cells along each side, too small for an outline: (n, side, side, 3) uint8."""
    crops = _cut(images, positions, grid, _window(images.shape[1], grid), side, outlined=False)
    at = np.arange(side) * crops.shape[1] // side
    return crops[:, at[:, None], at]


def smaller(images: np.ndarray, side: int) -> np.ndarray:
    """Images (m, h, h, 3) uint8 at most `side` pixels wide, each pixel the mean of what it covers."""
    import torch
    from torch.nn.functional import interpolate

    if images.shape[1] <= side:
        return images
    small = interpolate(torch.from_numpy(images).permute(0, 3, 1, 2).float(), (side, side), mode="area")
    return small.round().byte().permute(0, 2, 3, 1).numpy()


def _window(size: int, grid: tuple[int, int]) -> int:
    """Pixels of three cells, within the image; all of it where cells have no place."""
    return size if not placed(grid) else min(size, -(-CONTEXT * size // min(grid)))


def _cut(
    images: np.ndarray, positions: np.ndarray, grid: tuple[int, int], window: int, side: int, *, outlined: bool
) -> np.ndarray:
    size = images.shape[1]
    scale = max(1, -(-side // window))
    rows, columns = np.divmod(np.asarray(positions), grid[1])
    found = np.empty((len(images), window * scale, window * scale, 3), np.uint8)
    for index, (image, row, column) in enumerate(zip(images, rows, columns, strict=True)):
        top, bottom = row * size // grid[0], (row + 1) * size // grid[0]
        left, right = column * size // grid[1], (column + 1) * size // grid[1]
        y = int(np.clip((top + bottom - window) // 2, 0, size - window))
        x = int(np.clip((left + right - window) // 2, 0, size - window))
        picture = image[y : y + window, x : x + window].repeat(scale, 0).repeat(scale, 1)
        covered = np.full(picture.shape[:2], not placed(grid))  # around everything there is no outline
        covered[(top - y) * scale : (bottom - y) * scale, (left - x) * scale : (right - x) * scale] = True
        found[index] = outline(picture, covered) if outlined else picture
    return found


def mark(image: np.ndarray, where: np.ndarray, side: int = 128) -> np.ndarray:
    """An image (h, w, 3) uint8 with some cells (H, W) bool outlined, enlarged by a whole number to at least `side`."""
    scale = max(1, -(-side // image.shape[0]))
    picture = image.repeat(scale, 0).repeat(scale, 1)
    return outline(picture, cover(where, picture.shape[:2]))


def outline(picture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Draws the border of `covered` (h, w) bool into a picture (h, w, 3): white inside black, seen on any colour.

    A border at the picture's own edge is left out, and so is one around everything.
    """
    inner = covered & ~_shrunk(covered, 1)
    outer = _shrunk(covered, 1) & ~_shrunk(covered, 2)
    drawn = picture.copy()
    drawn[inner], drawn[outer] = 0, 255
    return drawn if not covered.all() else picture


def _shrunk(covered: np.ndarray, steps: int) -> np.ndarray:
    """(h, w) bool without the `steps` outermost pixels of each region; beyond the picture counts as covered."""
    for _ in range(steps):
        padded = np.pad(covered, 1, constant_values=True)
        covered = covered & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return covered
