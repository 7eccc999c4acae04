"""What a network makes of a batch of images: the columns of an Encoding, as arrays."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import quality
from explorer.autoencoder import Autoencoder, Codebook, Layer, no_decoder, to_images
from explorer.encodings import codebooks, concepts
from explorer.encodings.layout import column_of
from explorer.errors import BadInput

FRAGMENT_BYTES, LARGEST_FRAGMENT = 32 * 1024 * 1024, 4096  # whichever is reached first
GPU_PIXELS = 4 * 1024 * 1024  # of a batch on a GPU, which would wait for Python otherwise
FEW_OF = 10_000_000  # images up to which all are shuffled to choose those whose errors are measured
FINITE = "finite"  # beside the columns of a batch: whether the latents of each layer are numbers


@dataclass(frozen=True)
class Settings:
    """What an Encoding holds and how it is computed.

    Attributes:
        kmeans: K of the codebook fitted to each continuous layer.
        errors: reconstruction errors of at most so many images, a seeded sample of larger sets; 0 for none. A model
            without a decoder has none.
        samples: full latents kept of each image and layer, at random positions.
        batch: images in one call of the model.
        compact: numbers in half precision, one latent of each image, and no index (it is built in the cache when first
            asked for): a third of the size, for an Encoding that travels with its checkpoint.
        seed: of every random choice.
    """

    kmeans: int = 64
    errors: int = 10_000
    samples: int = 2
    batch: int = 128
    compact: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Batch:
    """Rows `start` to `stop` of fragment `index`, whether they are its last, and {layer: positions (n, S) to keep}."""

    index: int
    start: int
    stop: int
    last: bool
    positions: dict[str, np.ndarray]

    @property
    def rows(self) -> slice:
        return slice(self.start, self.stop)

    def part(self, rows: slice) -> Batch:
        """Some of its rows, counted from its first."""
        start, stop, _ = rows.indices(self.stop - self.start)
        positions = {name: at[rows] for name, at in self.positions.items()}
        return replace(self, start=self.start + start, stop=self.start + stop, positions=positions)


class Columns:
    """The columns of some images under one network; `given.py` takes them from a file.

    Attributes:
        codebooks, fitted: of each layer, and how many vectors the k-means ones were fitted on; set before `compute`.
        errors_seconds: spent on reconstruction errors since it was last set to 0.
    """

    def __init__(self, model: Autoencoder, images, settings: Settings, device: torch.device) -> None:
        self.model, self.images, self.settings, self.device = model, images, settings, device
        self.codebooks: dict[str, Codebook] = {}
        self.fitted: dict[str, int] = {}
        self.layers: tuple[Layer, ...] = tuple(model.layers)
        for layer in self.layers:
            if not re.fullmatch(r"[A-Za-z0-9_.-]+", layer.name):
                raise BadInput(f"layer name {layer.name!r} cannot be a column; use letters, digits, dot, _ and -")
        samples = 1 if settings.compact else settings.samples
        self.samples = {layer.name: min(samples, layer.grid[0] * layer.grid[1]) for layer in self.layers}
        self.measured = np.zeros(len(images), bool)
        self.measured[self._chosen(0 if no_decoder(model) else settings.errors)] = True
        self.errors_seconds = 0.0
        self.concepts = concepts.columns(images.concepts)

    def use(self, found: dict[str, Codebook], fitted: dict[str, int]) -> None:
        """Takes codebooks onto the device."""
        self.fitted = fitted
        self.codebooks = {name: Codebook(book.vectors.to(self.device), book.kind) for name, book in found.items()}

    def _chosen(self, count: int) -> np.ndarray:
        rng, total = np.random.default_rng([self.settings.seed, 1]), len(self.images)
        if total <= FEW_OF:
            return rng.permutation(total)[:count]
        return rng.choice(total, count, replace=False, shuffle=False)  # without 8 bytes for each of very many

    @property
    def batch(self) -> int:
        """Images in one call of the model: as many as were asked for, on a GPU some times as many if they are small."""
        asked = self.settings.batch
        if self.device.type != "cuda":
            return asked
        return asked * max(1, GPU_PIXELS // (self.images.size**2 * asked))

    def row_bytes(self) -> int:
        """About how many a row has on the disk."""
        cells = sum(layer.grid[0] * layer.grid[1] for layer in self.layers)
        floats = sum(layer.dim * (1 + self.samples[layer.name]) for layer in self.layers)
        return cells * 8 + floats * 4 + 256

    def fragment_rows(self) -> int:
        """Rows that are stored at once."""
        return int(np.clip(FRAGMENT_BYTES // self.row_bytes(), 64, LARGEST_FRAGMENT))

    def positions(self, start: int, rows: int) -> dict[str, np.ndarray]:
        """Sampled positions of a fragment, the same whatever the batch and whoever makes it."""
        return {
            layer.name: codebooks.positions(
                np.random.default_rng([self.settings.seed, 3, index, start]),
                rows,
                layer.grid[0] * layer.grid[1],
                self.samples[layer.name],
            )
            for index, layer in enumerate(self.layers)
        }

    def read(self, rows: slice) -> np.ndarray:
        """What `compute` is given of some images."""
        return self.images.read(rows)

    def fetched(self, rows: slice) -> Any:
        """The same where a GPU can take it from while it works."""
        found = self.read(rows)
        return self._pinned(found) if self.device.type == "cuda" else found

    def made(self, pixels: np.ndarray, batch: Batch) -> dict[str, Any]:
        """What `compute` gives, in two halves where the memory of a GPU does not hold the whole."""
        try:
            return self.compute(pixels, batch)
        except torch.cuda.OutOfMemoryError:
            if len(pixels) < 2:
                raise
        torch.cuda.empty_cache()
        half = len(pixels) // 2
        first, second = (self.made(pixels[rows], batch.part(rows)) for rows in (slice(half), slice(half, None)))
        return {name: _joined(name, values, second[name]) for name, values in first.items()}

    def compute(self, pixels: np.ndarray, batch: Batch) -> dict[str, Any]:
        """The columns of one batch, as arrays or as tensors on any device."""
        images = to_images(self._up(pixels), self.device)
        latents = self.model.encode(images)
        finite = []
        columns: dict[str, Any] = {"id": np.arange(batch.start, batch.stop)}
        for layer in self.layers:
            z = latents[layer.name].float()
            book = self.codebooks[layer.name]
            codes, distances = book.nearest(z)
            at, pooled = batch.positions[layer.name], z.mean((1, 2))
            finite.append(pooled.isfinite().all())
            codes = codes.flatten(1).to(torch.uint8 if len(book) <= 256 else torch.int32)  # fewer bytes from a GPU
            columns[column_of("codes", layer.name)] = codes
            columns[column_of("distances", layer.name)] = self.number(distances.flatten(1))
            columns[column_of("pooled", layer.name)] = self.number(pooled)
            columns[column_of("sample", layer.name)] = self.number(codebooks.take(z, at).flatten(1))
            columns[column_of("positions", layer.name)] = at.astype(np.min_scalar_type(layer.grid[0] * layer.grid[1]))
        columns[FINITE] = torch.stack(finite)
        began = time.perf_counter()
        columns |= self._errors(images, latents, np.flatnonzero(self.measured[batch.rows]))
        self.errors_seconds += time.perf_counter() - began
        return columns

    def number(self, values: Tensor) -> Tensor:
        """As it is stored."""
        return values.half() if self.settings.compact else values

    def _errors(self, images: Tensor, latents: dict[str, Tensor], chosen: np.ndarray) -> dict[str, Tensor]:
        scores = {name: images.new_full((len(images),), float("nan")) for name in ("mse", "psnr", "ssim")}
        if len(chosen):
            where = self._up(chosen)
            if len(chosen) < len(images):
                images, latents = images[where], {name: z[where] for name, z in latents.items()}
            found = quality.measure(images, self.model.decode(latents).clamp(0, 1))
            for name, values in scores.items():
                values[where] = found[name].float()
        return scores

    def _up(self, values: Any) -> Tensor:
        """An array, or what `fetched` gave, on the device; a GPU goes on working while it comes."""
        found = values if isinstance(values, Tensor) else self._pinned(values)
        return found.to(self.device, non_blocking=True)

    def _pinned(self, values: np.ndarray) -> Tensor:
        found = torch.from_numpy(np.require(values, requirements="CW"))  # torch takes no read-only array
        return found.pin_memory() if self.device.type == "cuda" else found

    def sent(self, columns: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Columns on their way from a GPU, and the event of their arrival."""
        if self.device.type != "cuda":
            return columns, None
        found = {n: v.to("cpu", non_blocking=True) if isinstance(v, Tensor) else v for n, v in columns.items()}
        event = torch.cuda.Event()
        event.record(torch.cuda.current_stream(self.device))  # which need not be the GPU that is current
        return found, event

    def landed(self, columns: dict[str, Any], event: Any) -> dict[str, np.ndarray]:
        """The same as arrays, checked: BadInput where latents are no numbers."""
        if event is not None:
            event.synchronize()
        found = {name: v.cpu().numpy() if isinstance(v, Tensor) else v for name, v in columns.items()}
        for layer, fine in zip(self.layers, found.pop(FINITE, ()), strict=False):
            if not fine:
                raise BadInput(codebooks.NOT_FINITE.format(layer.name))
        if any(values.dtype == np.float16 and not np.isfinite(values).all() for values in found.values()):
            raise BadInput("latents are too large for half precision; encode without --compact")
        for layer in self.layers:
            name = column_of("codes", layer.name)
            found[name] = found[name].astype(np.min_scalar_type(len(self.codebooks[layer.name]) - 1), copy=False)
        return found

    def table(self, parts: list[dict[str, np.ndarray]], start: int, stop: int):
        """Batches in a row, with names and concepts of the images, as an Arrow table."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        names = [str(self.images.names[row]) for row in range(start, stop)]
        for column in parts[0]:
            values = np.concatenate([part[column] for part in parts])
            if values.ndim == 2:
                flat = pa.array(values.reshape(-1))
                columns[column] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
            else:
                columns[column] = pa.array(values, from_pandas=True)  # an error that was not measured is null
            if column == "id":
                columns["name"] = pa.array(names, pa.string())
        for concept, column in self.concepts.items():
            columns[column] = concepts.to_arrow(self.images.concepts[concept].iloc[start:stop])
        return pa.table(columns)

    def layer_facts(self, layer: Layer) -> dict[str, Any]:
        """What `encoding.json` says of a layer."""
        facts = {"name": layer.name, "grid": list(layer.grid), "dim": layer.dim}
        facts |= {"codes": len(self.codebooks[layer.name]), "kind": self.codebooks[layer.name].kind}
        if layer.name in self.fitted:
            facts |= {"codes_asked": self.settings.kmeans, "fitted_on": self.fitted[layer.name]}
        return facts


def _joined(name: str, first: Any, second: Any) -> Any:
    """Two halves of a column."""
    if name == FINITE:
        return first & second
    return torch.cat([first, second]) if isinstance(first, Tensor) else np.concatenate([first, second])
