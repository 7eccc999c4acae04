"""The codebooks of an Encoding: a model's own, and k-means ones for layers that have none; one file holds them all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from explorer.autoencoder import Autoencoder, Codebook, Layer, to_images
from explorer.errors import BadInput
from explorer.files import atomic_path, digest

if TYPE_CHECKING:
    from explorer.progress import Progress

FILE = "codebooks.safetensors"
IMAGES, VECTORS, NUMBERS = 2_000, 50_000, 64 * 1024 * 1024  # of training data, at most, that k-means sees
NOT_FINITE = "the checkpoint gives latents that are not finite numbers in layer '{}'; its weights are damaged"


def collect(
    model: Autoencoder, images, layers: list[Layer], device: torch.device, seed: int, batch: int, progress: Progress
) -> dict[str, np.ndarray]:
    """Latents (M, D) float32 of each layer at random positions of a seeded sample of images, M at most 50,000."""
    rng = np.random.default_rng([seed, 2])
    rows = np.sort(rng.permutation(len(images))[:IMAGES])
    wanted = min(VECTORS, NUMBERS // sum(layer.dim for layer in layers))
    each = -(-wanted // max(1, len(rows)))
    parts: dict[str, list[np.ndarray]] = {layer.name: [] for layer in layers}
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        latents = model.encode(to_images(images.read(part), device))
        for layer in layers:
            cells = layer.grid[0] * layer.grid[1]
            chosen = positions(rng, len(part), cells, min(each, cells))
            parts[layer.name].append(take(latents[layer.name], chosen).flatten(0, 1).float().cpu().numpy())
        progress.update(0, f"reading {start + len(part):,} of {len(rows):,} training images for k-means codes")
    # rounding up left a few too many: thin them evenly, so that no image loses all of its latents
    found = {name: np.concatenate(values) for name, values in parts.items()}
    return {name: v[np.linspace(0, len(v) - 1, min(wanted, len(v))).astype(int)] for name, v in found.items()}


def fit(vectors: np.ndarray, codes: int, seed: int, layer: str) -> Codebook:
    """k-means codebook of (M, D) vectors: `codes` vectors, or as many as there are different ones in `vectors`."""
    from sklearn.cluster import MiniBatchKMeans

    if not np.isfinite(vectors).all():
        raise BadInput(NOT_FINITE.format(layer))
    codes = min(codes, len(np.unique(vectors, axis=0)))
    middle = vectors.mean(0, dtype=np.float64)  # far from the origin float32 has no digits left for distances
    centred = (vectors - middle).astype(np.float32)
    found = MiniBatchKMeans(codes, random_state=seed, n_init=3, batch_size=4096).fit(centred)
    return Codebook(torch.from_numpy((found.cluster_centers_ + middle).astype(np.float32)), "kmeans")


def save(path: Path, codebooks: Mapping[str, Codebook], fitted: Mapping[str, int]) -> None:
    """Writes codebooks by layer, their kinds, and how many vectors the k-means ones were fitted on."""
    from safetensors.torch import save_file

    tensors = {name: book.vectors.detach().float().cpu().contiguous() for name, book in codebooks.items()}
    kinds = {name: book.kind for name, book in codebooks.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {"kinds": json.dumps(kinds), "fitted": json.dumps(dict(fitted))})


def load(path: Path) -> tuple[dict[str, Codebook], dict[str, int]]:
    """What `save` wrote; raises OSError or ValueError where the file is missing or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            kinds, fitted = json.loads(metadata.get("kinds", "{}")), json.loads(metadata.get("fitted", "{}"))
            names = list(file.keys())
            return {name: Codebook(file.get_tensor(name), kinds.get(name, "learned")) for name in names}, fitted
    except SafetensorError as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None


def content(found: Mapping[str, Codebook]) -> str:
    """A short text that is equal where all vectors are equal to the bit."""
    parts = {name: book.vectors.detach().float().cpu().numpy().tobytes() for name, book in sorted(found.items())}
    return digest(*((name, hashlib.sha256(data).hexdigest()) for name, data in parts.items()))


def positions(rng: np.random.Generator, rows: int, cells: int, samples: int) -> np.ndarray:
    """(rows, samples) different positions of each row, ascending."""
    if samples == cells:
        return np.tile(np.arange(cells), (rows, 1))
    return np.sort(rng.random((rows, cells)).argpartition(samples, axis=1)[:, :samples], axis=1)


def take(latents: Tensor, chosen: np.ndarray) -> Tensor:
    """(n, H, W, D) latents at (n, S) positions -> (n, S, D)."""
    flat = latents.flatten(1, 2)
    rows = torch.arange(len(flat), device=flat.device)[:, None]
    return flat[rows, torch.from_numpy(chosen).to(flat.device)]
