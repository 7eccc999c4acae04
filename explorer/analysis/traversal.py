"""Walks through latents: units moved one by one, and ways from one image to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.autoencoder import Autoencoder, to_pixels

BATCH, PIXELS = 64, 64 * 64 * 64  # images decoded at once, and pixels
SPHERICAL, CONCENTRATED = 8, 0.25  # numbers of a latent at least; deviation of the norms over their mean at most


@dataclass(frozen=True)
class Traversal:
    """Pictures of units that were moved.

    Attributes:
        base: (h, w, 3) uint8, decoded with nothing moved.
        pictures: (U, S, h, w, 3) uint8, a row for each unit, a column for each step.
        change: (U, S) mean absolute change of all pixels and channels from `base`, in [0, 1].
    """

    base: np.ndarray
    pictures: np.ndarray
    change: np.ndarray


def traverse(
    model: Autoencoder,
    latents: Mapping[str, Tensor],
    layer: str,
    units: Sequence[int],
    offsets: np.ndarray,
    where: np.ndarray | None = None,
) -> Traversal:
    """Adds offsets to one unit of a layer after the other, in all cells or in some, and decodes.

    Args:
        latents: of one image, `{layer: (1, H, W, D)}`; layers may be missing.
        offsets: (U, S) what is added to each unit.
        where: (H, W) bool; None for all cells.
    """
    base = latents[layer].float()
    mask = torch.ones(base.shape[1:3], dtype=torch.bool) if where is None else torch.from_numpy(np.asarray(where, bool))
    mask = mask.to(base.device)
    given = torch.as_tensor(np.asarray(offsets, np.float32), device=base.device)
    moved = base.expand(1 + given.numel(), -1, -1, -1).clone()  # the first stays as it is
    for row, unit in enumerate(units):
        for column in range(given.shape[1]):
            moved[1 + row * given.shape[1] + column, ..., unit][mask] += given[row, column]
    decoded = decode(model, {**latents, layer: moved})
    change = (decoded[1:] - decoded[:1]).abs().flatten(1).mean(1).cpu().numpy().reshape(given.shape)
    pixels = to_pixels(decoded)
    return Traversal(pixels[0], pixels[1:].reshape(*given.shape, *pixels.shape[1:]), change)


def decode(model: Autoencoder, latents: Mapping[str, Tensor]) -> Tensor:
    """Images (N, 3, h, w) in [0, 1], a few at a time; latents of one image stand for all."""
    count, some = max(len(z) for z in latents.values()), at_once(model)
    whole = {name: z.expand(count, -1, -1, -1) for name, z in latents.items()}
    parts = range(0, count, some)
    return torch.cat([model.decode({name: z[at : at + some] for name, z in whole.items()}).float() for at in parts])


def at_once(model: Autoencoder) -> int:
    """How many images a network takes in one pass."""
    return max(1, min(BATCH, PIXELS // model.image_size**2))


# ---- from one image to another


def between(first: Tensor, second: Tensor, shares: np.ndarray) -> Tensor:
    """The straight way: (…, D) twice, shares (S,) of the second -> (S, …, D)."""
    at = torch.as_tensor(np.asarray(shares), dtype=first.dtype, device=first.device)
    at = at.reshape(-1, *(1,) * first.ndim)
    return (1 - at) * first + at * second


def around(first: Tensor, second: Tensor, shares: np.ndarray, centre: Tensor | float = 0.0) -> Tensor:
    """The way around a centre, each vector by itself: (…, D) twice, shares (S,) of the second -> (S, …, D).

    Spherical linear interpolation (Shoemake 1985; White 2016, arXiv:1609.04468) of the directions, and linear of the
    norms, so that both ends are met where norms differ; straight where there is no angle, half a turn, or no direction.
    """
    a, b = (first - centre).double(), (second - centre).double()
    norms = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    unit = a / norms[0].clamp_min(1e-12), b / norms[1].clamp_min(1e-12)
    angle = torch.arccos((unit[0] * unit[1]).sum(-1, keepdim=True).clamp(-1, 1))
    at = torch.as_tensor(np.asarray(shares), dtype=torch.float64, device=a.device).reshape(-1, *(1,) * a.ndim)
    sine = angle.sin()
    turned = (((1 - at) * angle).sin() * unit[0] + (at * angle).sin() * unit[1]) / sine.clamp_min(1e-12)
    found = turned * ((1 - at) * norms[0] + at * norms[1])
    straight = (1 - at) * a + at * b
    none = (sine < 1e-4) | (torch.minimum(*norms) < 1e-12)
    return (torch.where(none, straight, found) + centre).to(first.dtype)


def suits(dim: int, mean: float, deviation: float) -> bool:
    """Whether latents lie near a sphere, so that a straight way leads through its empty inside: many numbers, norms
    of one length (deviation over mean at most 0.25)."""
    return dim >= SPHERICAL and deviation <= CONCENTRATED * mean


@dataclass(frozen=True)
class Way:
    """Pictures from one image to another, through the latents and through the pixels.

    Attributes:
        pictures, faded: (S, h, w, 3) uint8: decoded latents in between; and the two decoded ends, cross-faded.
        steps, fading: (S - 1,) mean absolute change of the pixels from each picture to the next, in [0, 1].
        norms: {layer: (S,)} mean norm of the latents about the centre.
        kept: {layer: (S, 3)} of the cells of a layer with codes of its own, shares with the code of the first image,
            of the second, of neither; a cell in which both have the same code counts as the first's.
    """

    pictures: np.ndarray
    faded: np.ndarray
    steps: np.ndarray
    fading: np.ndarray
    norms: dict[str, np.ndarray]
    kept: dict[str, np.ndarray]


def interpolate(
    model: Autoencoder,
    first: Mapping[str, Tensor],
    second: Mapping[str, Tensor],
    layers: Sequence[str],
    shares: np.ndarray,
    spherical: Mapping[str, np.ndarray],
    *,
    seen: bool = True,
) -> Way:
    """The way between the latents of two images in all `layers` at once, each decoded.

    Args:
        first, second: `{layer: (1, H, W, D)}`.
        shares: (S,) of the second image, from 0 to 1.
        spherical: {layer: centre (D,)} of those that go around; all others go straight.
        seen: whether pictures are made; without, there are none, and no steps.
    """
    mixed, norms, kept = {}, {}, {}
    for name in layers:
        a, b = first[name][0].float(), second[name][0].float()
        centre = torch.as_tensor(spherical[name]).to(a) if name in spherical else 0.0
        mixed[name] = around(a, b, shares, centre) if name in spherical else between(a, b, shares)
        norms[name] = (mixed[name] - centre).norm(dim=-1).flatten(1).mean(1).cpu().numpy()
        if name in model.codebooks:
            codes = model.codebooks[name].assign(mixed[name]).flatten(1).cpu().numpy()
            ends = [model.codebooks[name].assign(z).reshape(-1).cpu().numpy() for z in (a, b)]
            of_first = codes == ends[0]
            of_second = (codes == ends[1]) & ~of_first
            kept[name] = np.stack([of_first, of_second, ~of_first & ~of_second]).mean(2).T
    if not seen:
        none = np.empty((0, model.image_size, model.image_size, 3), np.uint8)
        return Way(none, none, np.empty(0), np.empty(0), norms, kept)
    decoded = decode(model, mixed)
    faded = between(decoded[0], decoded[-1], shares)
    steps, fading = ((some[1:] - some[:-1]).abs().flatten(1).mean(1).cpu().numpy() for some in (decoded, faded))
    return Way(to_pixels(decoded), to_pixels(faded), steps, fading, norms, kept)
