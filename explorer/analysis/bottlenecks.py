"""What a bottleneck does beside looking up the nearest vector, read from its numbers: nobody is asked for its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["plain", "cosine", "fsq", "lfq", "residual", "projected", "frequency"]
TOLERANCE = 2e-3  # of the size of the latents: networks compute in float32, and on a GPU elsewhere than here


@dataclass(frozen=True)
class Part:
    """One layer: latents (H, W, D) of an image, and codes (K, D) of its own; None for a continuous layer.

    Attributes:
        implicit: whether the vectors are arithmetic and not learned.
    """

    latents: np.ndarray
    vectors: np.ndarray | None = None
    implicit: bool = False


@dataclass(frozen=True)
class Bottleneck:
    """What kind of bottleneck a layer is, and the layers that work together, coarse to fine, itself among them."""

    kind: Kind
    layers: tuple[str, ...]


def recognise(parts: Mapping[str, Part], values: Mapping[str, np.ndarray], layer: str) -> Bottleneck:
    """What the codes of `layer` do.

    Args:
        parts: all layers, coarse to fine. values: (H, W, D) vectors of the codes of layers that have some.
    """
    here, names = parts[layer], list(parts)
    if here.implicit:
        return Bottleneck("lfq" if _signs(here.vectors) else "fsq", (layer,))
    stages = _stages(parts, values, layer)
    if len(stages) > 1:
        return Bottleneck("residual", stages)
    for other in names[names.index(layer) + 1 :]:
        beside = parts[other]
        if beside.vectors is not None or beside.latents.shape[:2] != here.latents.shape[:2]:
            continue
        z, e = here.latents.astype(np.float64), values[layer].astype(np.float64)
        if beside.latents.shape[-1] == 1 and _scales(z, e, beside.latents):
            return Bottleneck("projected", (layer, other))
        if beside.latents.shape == z.shape and _details(z, e, beside.latents):
            return Bottleneck("frequency", (layer, other))
    return Bottleneck("cosine" if _unit(here.vectors) and _unit(here.latents) else "plain", (layer,))


def levels(value: float, axis: np.ndarray) -> tuple[np.ndarray, int]:
    """The levels (L,) that codes (K,) have in one channel, ascending, and the place of the nearest to `value`."""
    found = np.unique(np.round(axis.astype(np.float64), 6))
    return found, int(np.abs(found - value).argmin())


def projected(z: np.ndarray, e: np.ndarray) -> tuple[float, np.ndarray]:
    """The scale ⟨z, e⟩ / ⟨e, e⟩, and z projected on the direction of e: z, e and the result (D,)."""
    z, e = z.astype(np.float64), e.astype(np.float64)
    scale = float(z @ e / max(e @ e, 1e-12))
    return scale, scale * e


def _signs(vectors: np.ndarray) -> bool:
    sizes = np.abs(vectors)
    return bool(np.allclose(sizes, sizes.flat[0])) and len(vectors) == 2 ** vectors.shape[1]


def _unit(vectors: np.ndarray) -> bool:
    lengths = np.linalg.norm(vectors.reshape(-1, vectors.shape[-1]), axis=1)
    used = lengths[lengths > 0]  # of a code that never moved there is nothing but zeros
    return len(used) > 0 and bool(np.allclose(used, 1, atol=1e-3))


def _stages(parts: Mapping[str, Part], values: Mapping[str, np.ndarray], layer: str) -> tuple[str, ...]:
    """Layers of which each quantizes what the one before left, with `layer` among them."""
    chains: list[list[str]] = []
    for name, part in parts.items():
        before = chains[-1][-1] if chains else None
        follows = (
            before is not None
            and part.vectors is not None
            and part.latents.shape == parts[before].latents.shape
            and _close(parts[before].latents - values[before], part.latents, parts[before].latents)
        )
        if follows:
            chains[-1].append(name)
        elif part.vectors is not None:
            chains.append([name])
    return next((tuple(chain) for chain in chains if layer in chain), (layer,))


def _scales(z: np.ndarray, e: np.ndarray, scale: np.ndarray) -> bool:
    """Whether `scale` is that of the projection; it may be 1 where a code is frequent, and is not 1 everywhere."""
    asked = (z * e).sum(-1, keepdims=True) / np.maximum(np.square(e).sum(-1, keepdims=True), 1e-12)
    fits = np.isclose(scale, asked, rtol=0.02, atol=TOLERANCE) | np.isclose(scale, 1)
    return bool(fits.mean() > 0.9)


def _details(z: np.ndarray, e: np.ndarray, detail: np.ndarray) -> bool:
    """Whether `detail` is what is left of the latents, or nothing."""
    left = np.abs(detail - (z - e)).max(-1) <= TOLERANCE * max(np.abs(z).max(), 1e-12)
    return bool((left | (np.abs(detail).max(-1) == 0)).all())


def _close(first: np.ndarray, second: np.ndarray, like: np.ndarray) -> bool:
    return bool(np.abs(first - second).mean() <= TOLERANCE * max(np.abs(like).mean(), 1e-12))
