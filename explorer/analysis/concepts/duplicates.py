"""Copies of an image among others, exact or nearly so: saved anew as JPEG, a little lighter, resized, or a pixel aside.

A copy that is fitted on and scored on makes a score look better than it is. Three steps, each asked only of what the
one before leaves: images that look alike from afar (`candidates`), that agree at 16 pixels a side (`screened`), and
whose pixels agree (`differences`) once lightness, contrast and a shift of up to a pixel and a half are made equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SIDE, SMALL, AFAR = 64, 16, 12  # pixels that images are compared at, screened at, and searched at
WAVES = 6  # frequencies across and down of the spectrum, which a shift leaves as it is
EACH = 4  # of the most alike images that are looked at, from afar and by their spectrum
NEAR = 0.03  # RMS difference of a patch of 8 × 8 pixels, of 1, up to which images are nearly the same
SCREEN, HALFWAY = 0.06, 0.045  # the same at 16 pixels a side, and at 32
ALIKE = 0.9  # share of the variance of an image that its copy explains, at least
LIGHTER, MORE = 0.1, 0.25  # difference in lightness (of 1), and of contrast (share), that a copy may have
ASIDE = 0.75  # pixels of a shift that is left when whole pixels are moved
BATCH, BLOCK = 256, 500  # pairs compared, and images searched for, at once
_OPPONENT = torch.tensor([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]])
_OPPONENT = _OPPONENT / _OPPONENT.norm(dim=1, keepdim=True)  # orthonormal: light, red–blue, green–purple


@dataclass(frozen=True)
class Looks:
    """What n images look like from afar.

    Attributes:
        afar: (n, A) float32 of length 1, at most: lightness on a coarse grid. waves: (n, B) the same of the spectrum.
        small: (n, 3, s, s) float16 at 16 pixels a side, light and two colours.
    """

    afar: np.ndarray
    waves: np.ndarray
    small: np.ndarray

    def __len__(self) -> int:
        return len(self.afar)

    def of(self, rows: np.ndarray) -> Looks:
        """The same of some images."""
        return Looks(self.afar[rows], self.waves[rows], self.small[rows])


def looks(pixels: np.ndarray) -> Looks:
    """What images (n, h, w, 3) uint8 look like."""
    planes = _planes(pixels, 2 * SMALL)
    light = _blurred(_blurred(planes[:, :1]))
    afar = _unit(F.interpolate(light, (AFAR, AFAR), mode="area"))
    spectrum = torch.fft.rfft2(light - light.mean((1, 2, 3), keepdim=True), norm="ortho")[:, 0].abs()
    rows = [*range(min(WAVES, spectrum.shape[1])), *range(-min(WAVES, spectrum.shape[1]) + 1, 0)]
    small = _blurred(_shrunk(planes, SMALL)).numpy().astype(np.float16)
    return Looks(afar.numpy(), _unit(spectrum[:, rows, :WAVES]).numpy(), small)


def joined(parts: list[Looks]) -> Looks:
    """Those of several batches, in their order."""
    return Looks(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("afar", "waves", "small")))


def candidates(queries: Looks, known: Looks | None = None) -> np.ndarray:
    """Pairs that look most alike: (m, 2) rows of `queries` and of `known`, or twice of `queries`, the first the later.

    Each query has up to 2 × EACH partners.
    """
    among = queries if known is None else known
    found = []
    for name in ("afar", "waves"):
        ours, theirs = (torch.from_numpy(getattr(of, name)) for of in (queries, among))
        k = min(EACH, len(theirs) - (known is None))
        for start in range(0, len(ours) if k > 0 else 0, BLOCK):
            part = ours[start : start + BLOCK]
            likeness = part @ theirs.T
            if known is None:
                likeness[torch.arange(len(part)), start + torch.arange(len(part))] = -torch.inf
            partner = likeness.topk(k, 1).indices
            row = (start + torch.arange(len(part)))[:, None].expand_as(partner)
            found.append(torch.stack([row, partner], -1).reshape(-1, 2).numpy())
    pairs = np.concatenate(found) if found else np.empty((0, 2), np.int64)
    return np.unique(np.sort(pairs, 1)[:, ::-1] if known is None else pairs, axis=0)


def screened(pairs: np.ndarray, queries: Looks, known: Looks | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The pairs (m, 2) that agree at 16 pixels a side: (k, 2), and about how far the second is moved: (k, 2) of 1."""
    among, kept, moved = queries if known is None else known, [], []
    for start in range(0, len(pairs), 8 * BATCH):
        part = pairs[start : start + 8 * BATCH]
        ours, theirs = (
            torch.from_numpy(of.small[rows].astype(np.float32))
            for of, rows in zip((queries, among), part.T, strict=True)
        )
        worst, _, fitted = _fit(ours, theirs)
        near = (worst <= SCREEN).numpy()
        kept.append(part[near])
        moved.append(fitted[:, 2:].numpy()[near] / ours.shape[2])
    return (np.concatenate(kept), np.concatenate(moved)) if kept else (pairs, np.zeros((0, 2)))


def differences(first: np.ndarray, second: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """How much images differ, (m, h, w, 3) uint8 twice -> (m,): RMS of the patch that differs most, of 1.

    Differences in lightness, contrast and place that a copy may have do not count; inf where there are larger ones, or
    where less than ALIKE of the variance is explained, so that dark or plain images are no copies of one another.

    Args:
        moved: (m, 2) about how far the second lies to the right and below, of the side, as `screened` says.
    """
    found = np.full(len(first), np.inf)
    for start in range(0, len(first), BATCH):
        part = slice(start, start + BATCH)
        ours, theirs = (_smooth(_planes(of[part], SIDE)) for of in (first, second))
        found[part] = _difference(ours, theirs, moved[part])
    return found


def differences_among(pixels: np.ndarray, pairs: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """The same of pairs (m, 2) of a few images (n, h, w, 3) uint8, each of which is prepared once: (m,).

    Pairs that differ in half the size are not looked at in full: a patch there is the mean of four.
    """
    planes = torch.cat([_smooth(_planes(pixels[at : at + BATCH], SIDE)) for at in range(0, len(pixels), BATCH)])
    half = F.avg_pool2d(planes, 2) if planes.shape[2] > SMALL else planes
    found = np.full(len(pairs), np.inf)
    for start in range(0, len(pairs), BATCH):
        ours, theirs = torch.from_numpy(pairs[start : start + BATCH]).T
        near = _fit(half[ours], half[theirs])[0] <= HALFWAY
        some = start + np.flatnonzero(near.numpy())
        if len(some):
            found[some] = _difference(planes[ours[near]], planes[theirs[near]], moved[some])
    return found


def _difference(ours: Tensor, theirs: Tensor, moved: np.ndarray) -> np.ndarray:
    """The least difference of planes (m, 3, s, s), moved by a whole number of pixels or not at all."""
    steps = np.clip(np.rint(moved * ours.shape[2]), -1, 1).astype(int)
    best = np.full(len(ours), np.inf)
    for right, below in {(0, 0), *map(tuple, steps.tolist())}:
        rows = np.flatnonzero((steps == (right, below)).all(1)) if (right, below) != (0, 0) else np.arange(len(ours))
        worst, explained, fitted = _fit(ours[rows], theirs[rows], (right, below))
        light, contrast = fitted[:, 1].abs() / np.sqrt(3), fitted[:, 0].abs()
        same = (explained >= ALIKE) & (light <= LIGHTER) & (contrast <= MORE) & (fitted[:, 2:].abs().amax(1) <= ASIDE)
        best[rows] = np.minimum(best[rows], np.where(same.numpy(), worst.numpy(), np.inf))
    return best


def _fit(ours: Tensor, theirs: Tensor, step: tuple[int, int] = (0, 0)) -> tuple[Tensor, Tensor, Tensor]:
    """Makes planes (m, 3, s, s) as light, contrasted and placed as others, by least squares.

    Source: Lucas and Kanade, An iterative image registration technique, 1981, for the shift, which is linear in the
    gradient.

    Returns:
        (m,) RMS difference of the patch that differs most, (m,) share of the variance that is explained, and (m, 4)
        what was needed: contrast, lightness, pixels to the right and below, after whole pixels `step`.
    """
    count, side = len(ours), ours.shape[2] - 2
    inner = ours[..., 1:-1, 1:-1]
    across, down = (ours[..., 1:-1, 2:] - ours[..., 1:-1, :-2]) / 2, (ours[..., 2:, 1:-1] - ours[..., :-2, 1:-1]) / 2
    light = torch.zeros_like(inner)
    light[:, 0] = 1
    columns = torch.stack([inner, light, -across, -down], 1).reshape(count, 4, -1)  # (m, 4, 3 s²)
    right, below = step
    target = theirs[..., 1 + below : 1 + below + side, 1 + right : 1 + right + side]
    change = (target - inner).reshape(count, -1, 1)
    square = (columns @ columns.transpose(1, 2)).double() + 1e-6 * columns.shape[2] * torch.eye(4, dtype=torch.float64)
    fitted = torch.linalg.solve(square, (columns @ change).double())
    rest = (change - columns.transpose(1, 2) @ fitted.float()).reshape(inner.shape).square()
    patches = F.adaptive_avg_pool2d(rest.mean(1, keepdim=True), max(2, side // 8))
    explained = 1 - rest.mean((1, 2, 3)) / target.var((2, 3), correction=0).mean(1).clamp_min(1e-9)
    return patches.amax((1, 2, 3)).sqrt(), explained, fitted[..., 0].float()


def _planes(pixels: np.ndarray, side: int) -> Tensor:
    """Images (n, h, h, 3) uint8 at most `side` pixels wide as light and two colours: (n, 3, s, s) float32."""
    step, rest = divmod(pixels.shape[1], side)
    if step > 1 and not rest:  # twice as fast as torch
        pixels = sum(
            pixels[:, row::step, column::step].astype(np.float32) for row in range(step) for column in range(step)
        )
    planes = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
    planes = torch.einsum("oc,nchw->nohw", _OPPONENT / (255 * (step**2 if step > 1 and not rest else 1)), planes)
    return _shrunk(planes, side)


def _shrunk(planes: Tensor, side: int) -> Tensor:
    """Planes (n, c, h, h) at most `side` pixels wide, each pixel the mean of what it covers."""
    return planes if planes.shape[2] <= side else F.interpolate(planes, (side, side), mode="area")


def _smooth(planes: Tensor) -> Tensor:
    """Blurred a little, and colours more, of which JPEG keeps less."""
    colours = planes[:, 1:]
    for _ in range(4):
        colours = _blurred(colours)
    return torch.cat([_blurred(planes[:, :1]), colours], 1)


def _blurred(planes: Tensor) -> Tensor:
    """1 2 1 across and down: (n, c, s, s)."""
    wide = F.pad(planes, (1, 1, 1, 1), mode="replicate")
    rows = wide[..., :-2, :] / 4 + wide[..., 1:-1, :] / 2 + wide[..., 2:, :] / 4
    return rows[..., :-2] / 4 + rows[..., 1:-1] / 2 + rows[..., 2:] / 4


def _unit(values: Tensor) -> Tensor:
    """(n, …) -> (n, D) without mean, of length 1."""
    flat = values.flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    return flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-6)
