"""The six steps of a VQ layer, van den Oord et al. 2017 (arXiv:1711.00937), in numbers: how near each code is to a
latent, how close a call that was, and what gradient reaches the encoder through the straight-through copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.autoencoder import Autoencoder, device_of, to_images

WORK = 3e9  # products of numbers that a search of margins may take: a second on one core
BLOCK = 2_000_000  # distances held at once


@dataclass(frozen=True)
class Call:
    """How one latent chose its code.

    Attributes:
        distances: (K,) float64, Euclidean, from the latent to every code. order: (K,) codes, nearest first; of equally
            near ones the first of the codebook.
    """

    distances: np.ndarray
    order: np.ndarray

    @property
    def code(self) -> int:
        return int(self.order[0])

    @property
    def runner_up(self) -> int | None:
        """The second nearest code; None in a codebook of one."""
        return int(self.order[1]) if len(self.order) > 1 else None

    @property
    def margin(self) -> float | None:
        """How much further away the runner-up is, d₂ - d₁; None in a codebook of one."""
        return None if self.runner_up is None else float(self.distances[self.runner_up] - self.distances[self.code])


def call(latent: np.ndarray, vectors: np.ndarray) -> Call:
    """The distances of a latent (D,) to every code (K, D), from differences in float64."""
    away = np.empty(len(vectors))
    point = np.asarray(latent, np.float64)
    for start in range(0, len(vectors), rows := max(1, BLOCK // max(1, vectors.shape[1]))):
        away[start : start + rows] = np.linalg.norm(vectors[start : start + rows] - point, axis=1)
    return Call(away, np.argsort(away, kind="stable"))


def margins(latents: np.ndarray, vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """d₂ - d₁ of latents (M, D) among codes (K, D), K > 1, in float64: (m,).

    Of as many as `WORK` allows: a sample of the latents by `seed` where codes or latents are very many.
    """
    points = np.asarray(latents, np.float64)
    most = max(16, int(WORK // vectors.size))
    if len(points) > most:
        points = points[np.sort(np.random.default_rng(seed).permutation(len(points))[:most])]
    centre = np.asarray(vectors, np.float64).mean(0)
    codes, points = torch.from_numpy(vectors - centre), torch.from_numpy(points - centre)
    half_norms, found = codes.square().sum(1) / 2, []
    for part in points.split(max(1, BLOCK // len(codes))):
        near = torch.addmm(half_norms, part, codes.T, alpha=-1).topk(2, dim=1, largest=False).indices
        away = torch.stack([(part - codes[near[:, at]]).norm(dim=1) for at in (0, 1)], 1).sort(1).values
        found.append(away[:, 1] - away[:, 0])
    return torch.cat(found).numpy()


def kept_variance(latents: np.ndarray, values: np.ndarray) -> float | None:
    """1 - Σ|z - q|² / Σ|z - mean|² of one image's latents and their codes' vectors, (M, D) both: 1 is no rounding.

    None where all latents are equal. Below 0 the mean of the latents would be nearer to them than the codes are.
    """
    z, q = np.asarray(latents, np.float64), np.asarray(values, np.float64)
    spread = np.square(z - z.mean(0)).sum()
    return float(1 - np.square(z - q).sum() / spread) if spread > 0 else None


def tints(latents: np.ndarray, values: np.ndarray, of: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Colours (H, W, 3) uint8 of latents and of their codes' vectors, (H, W, D) both, by the same three directions.

    The three in which the latents vary most (principal components), or vectors `of` (n, D) instead, are red, green and
    blue; alike colours are alike vectors. What does not vary is grey.
    """
    H, W, D = latents.shape
    z, q = (np.asarray(one, np.float64).reshape(-1, D) for one in (latents, values))
    points = z if of is None else np.asarray(of, np.float64)
    centre = points.mean(0)
    if len(points) < D:
        axes = np.linalg.svd(points - centre, full_matrices=False)[2]
    else:
        axes = np.linalg.eigh((points - centre).T @ (points - centre))[1].T[::-1]
    axes = axes[:3] * np.where(np.abs(axes[:3]).max(1, keepdims=True) == axes[:3].max(1, keepdims=True), 1, -1)
    deviation = max(float(((points - centre) @ axes[0]).std()), 1e-12)  # one scale, so that small directions stay pale

    def coloured(vectors: np.ndarray) -> np.ndarray:
        scores = np.zeros((len(vectors), 3))
        scores[:, : len(axes)] = (vectors - centre) @ axes.T / deviation
        return (255 * np.clip(0.5 + scores / 4, 0, 1)).round().astype(np.uint8).reshape(H, W, 3)

    return coloured(z), coloured(q)


def thinned(count: int, most: int, keep: int | None = None) -> np.ndarray:
    """At most `most` of `count` places, evenly spread, `keep` among them: ascending (m,) int64."""
    found = np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)
    if keep is not None and keep not in found:
        found[np.abs(found - keep).argmin()] = keep
    return found


# ---- gradients

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # (decoded, image, latents z, vectors e) -> scalar
DECODED = ("mse", "mae", "lightness")  # losses that come through the decoder
LOSSES: dict[str, Loss] = {
    "mse": lambda decoded, image, z, e: (decoded - image).square().mean(),
    "mae": lambda decoded, image, z, e: (decoded - image).abs().mean(),
    "commitment": lambda decoded, image, z, e: (z - e.detach()).square().mean(),
    "codebook": lambda decoded, image, z, e: (z.detach() - e).square().mean(),
    "lightness": lambda decoded, image, z, e: decoded.mean(),
}


@dataclass(frozen=True)
class Gradients:
    """What a loss asks of the two ends of a VQ layer.

    Attributes:
        loss: its value. codes: (H, W). decoder: (H, W, D), dL/dq at what the decoder gets. encoder: (H, W, D), dL/dz
            at what the encoder gave, behind the copy. book: (H, W, D), dL/de of the vector that stands in each cell,
            summed over all cells of the image that have its code.
    """

    loss: float
    codes: np.ndarray
    decoder: np.ndarray
    encoder: np.ndarray
    book: np.ndarray


def gradients(model: Autoencoder, pixels: np.ndarray, layer: str, loss: str) -> Gradients | None:
    """Encodes an image (h, w, 3) uint8, quantizes `layer` with the straight-through copy, decodes, and goes back.

    Other layers are held as they are. None where a decoder takes something else than the vectors of the codes, so that
    there is nothing to copy.
    """
    images = to_images(pixels[None], device_of(model))
    with torch.no_grad():
        latents = dict(model.encode(images))
        book = model.codebooks[layer]
        codes = book.assign(latents[layer])
    z = latents[layer].detach().clone().requires_grad_()
    e = book.lookup(codes).detach().clone().requires_grad_()
    q = z + (e - z).detach()  # a codebook's own vectors stay as they are where they are decoded
    given: Mapping[str, Tensor] = {**latents, layer: q} if model.joint else {layer: q}
    decoded = model.decode(given)
    value = LOSSES[loss](decoded, images, z, e)
    found = torch.autograd.grad(value, (q, z, e), allow_unused=True) if value.requires_grad else (None,)
    if found[0] is None and loss in DECODED:
        return None
    at_q, at_z, at_e = ((torch.zeros_like(z) if one is None else one)[0].double().cpu().numpy() for one in found)
    numbers = codes[0].cpu().numpy()
    flat = numbers.reshape(-1)
    _, place = np.unique(flat, return_inverse=True)
    sums = np.zeros((place.max() + 1, z.shape[-1]))
    np.add.at(sums, place, at_e.reshape(len(flat), -1))
    return Gradients(float(value.detach()), numbers, at_q, at_z, sums[place].reshape(at_e.shape))


def cosine(first: np.ndarray, second: np.ndarray) -> float | None:
    """Cosine of the angle between two vectors (D,), in [-1, 1]; None where one of them is zero."""
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    return float(np.clip(first @ second / lengths, -1, 1)) if lengths > 0 else None
