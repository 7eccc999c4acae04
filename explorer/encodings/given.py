"""An Encoding of codes that a file holds: the same folder on disk, written without a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from explorer.analysis import placement
from explorer.autoencoder import Codebook, Layer
from explorer.datasets.sources import sample
from explorer.encodings import codebooks
from explorer.encodings.columns import Batch, Columns, Settings
from explorer.encodings.encoder import Run
from explorer.encodings.layout import column_of, complete
from explorer.errors import explained
from explorer.jobs.locks import exclusive

if TYPE_CHECKING:
    from explorer.datasets.coded import Coded
    from explorer.datasets.codes import Given, Part
    from explorer.progress import Progress

PLACED_BY = 20_000  # images that codes without vectors are placed by


class Tokenizer:
    """What stands for the network: the layers and codebooks of a file of codes."""

    no_decoder = "codes only"

    def __init__(self, given: Given) -> None:
        self.layers = tuple(Layer(part.name, part.grid, part.dim) for part in given.parts)
        self.codebooks = {part.name: Codebook(torch.from_numpy(_vectors(part)), part.kind) for part in given.parts}


def _vectors(part: Part) -> np.ndarray:
    """(K, D) float32: those of the file, means of its latents, or places by shared images."""
    if part.codebook is not None:
        return part.codebook
    codes = part.codes.reshape(len(part.codes), -1)
    if part.latents is not None:
        latents = part.latents if part.latents.ndim == 2 else part.latents.reshape(len(codes), -1, part.dim)
        return placement.by_latents(codes, latents, part.size)
    from scipy.sparse import csr_array

    some = codes[sample(len(codes), PLACED_BY)]
    row = np.repeat(np.arange(len(some)), some.shape[1])
    ones = np.ones(some.size, np.float32)
    table = csr_array((ones, (row, some.ravel().astype(np.int64))), shape=(len(some), part.size))
    return placement.by_shared_images(table, part.dim)


def write(given: Given, images: Coded, folder: Path, *, key: str, compact: bool, progress: Progress) -> dict[str, Any]:
    """Writes the codes of `images` into `folder` and returns the facts in its `encoding.json`; see `encoder.write`."""
    folder = Path(folder)
    progress.total, progress.unit = len(images), "images"
    with explained("write the codes", folder), exclusive(folder, progress):
        facts = complete(folder, key)
        if facts is None:
            settings = replace(Settings(), compact=compact)
            progress.update(0, "placing the codes", force=True)
            facts = Run(_Given(given, images, settings), folder, key, None, progress).run().facts
    return facts


class _Given(Columns):
    """Columns of the file."""

    def __init__(self, given: Given, images: Coded, settings: Settings) -> None:
        super().__init__(Tokenizer(given), images, settings, torch.device("cpu"))
        self.parts = {part.name: part for part in given.parts}

    def read(self, rows: slice) -> np.ndarray:
        """Rows of the file."""
        return self.images.places[rows]

    def compute(self, pixels: np.ndarray, batch: Batch) -> dict[str, Any]:
        """The columns of one batch; `pixels` are rows of the file."""
        columns: dict[str, Any] = {"id": np.arange(batch.start, batch.stop)}
        for layer in self.layers:
            part, book = self.parts[layer.name], self.codebooks[layer.name]
            codes = part.codes[pixels]
            vectors = book.lookup(torch.from_numpy(codes.astype(np.int64)))
            latents = None if part.latents is None else torch.from_numpy(part.latents[pixels])
            whole = latents if latents is not None and latents.ndim == 4 else vectors
            at = batch.positions[layer.name]
            distances = torch.linalg.vector_norm(whole - vectors, dim=-1)
            columns[column_of("codes", layer.name)] = codes.reshape(len(codes), -1)
            columns[column_of("distances", layer.name)] = self.number(distances.flatten(1))
            pooled = latents if latents is not None and latents.ndim == 2 else whole.mean((1, 2))
            columns[column_of("pooled", layer.name)] = self.number(pooled)
            columns[column_of("sample", layer.name)] = self.number(codebooks.take(whole, at).flatten(1))
            columns[column_of("positions", layer.name)] = at.astype(np.min_scalar_type(layer.grid[0] * layer.grid[1]))
        missing = np.full(len(codes), np.nan, np.float32)
        return columns | dict.fromkeys(("mse", "psnr", "ssim"), missing)

    def layer_facts(self, layer: Layer) -> dict[str, Any]:
        """Adds whether latents tell how near a token is to its code's vector."""
        latents = self.parts[layer.name].latents
        return super().layer_facts(layer) | {"near": latents is not None and latents.ndim == 4}
