"""Images through a model onto disk: the next batch is read and the last shard stored while the model works.

A shard is a few thousand rows appended to a Lance dataset at once, so after a kill whole shards are there and the rest
is computed. `encoding.json` is written last: a folder without it is unfinished.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import quality
from explorer.autoencoder import Autoencoder, Codebook, Layer, no_decoder, to_images
from explorer.encodings import codebooks, concepts
from explorer.encodings.layout import FORMAT, JOURNAL, MARKER, build_postings, column_of, complete, is_ours
from explorer.errors import BadInput, explained
from explorer.files import read_json, sized, write_json
from explorer.jobs.devices import choose
from explorer.jobs.locks import exclusive
from explorer.precision import exact
from explorer.progress import Progress

SHARD_BYTES, LARGEST_SHARD = 32 * 1024 * 1024, 4096  # whichever is reached first


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


def write(
    model: Autoencoder,
    images,
    folder: Path,
    *,
    key: str,
    train: Callable[[], Any] | None = None,
    settings: Settings = Settings(),
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Encodes all of `images` into `folder` and returns the facts in its `encoding.json`.

    Continues where an earlier run with the same `key` and `settings` stopped; does nothing if that one is complete.

    Args:
        train: gives the images that k-means codebooks of continuous layers are fitted on; by default `images`.
        device: `auto` (CUDA, else MPS, else the CPU), or a name of it.

    Raises:
        BadInput: a folder that is not an Encoding, no images, latents that are not finite, a full disk.
        Cancelled: through `progress`; what is written is kept for the next run.
    """
    folder = Path(folder)
    if not len(images):
        raise BadInput(f"{images.name} ({images.split}) has no images to encode; choose another dataset or split")
    if settings.kmeans < 2:
        raise BadInput(f"kmeans {settings.kmeans} is too few codes; choose 2 or more")
    progress = progress or Progress(len(images), "images")
    progress.total = len(images)
    with explained("encode (what is written is kept)", folder), exclusive(folder, progress):
        facts = complete(folder, key)
        if facts is None:
            torch_device = torch.device(choose(device))
            model = model.to(torch_device, memory_format=torch.channels_last).eval()
            facts = Run(model, images, folder, key, train, settings, torch_device, progress).run()
    return facts


class Run:
    """One run of `write`: what is fixed while it lasts. `given.py` reads and computes something else."""

    def __init__(self, model, images, folder, key, train, settings, device, progress) -> None:
        self.model, self.images, self.folder, self.key, self.train = model, images, folder, key, train
        self.settings, self.device, self.progress = settings, device, progress
        self.layers: tuple[Layer, ...] = tuple(model.layers)
        for layer in self.layers:
            if not re.fullmatch(r"[A-Za-z0-9_.-]+", layer.name):
                raise BadInput(f"layer name {layer.name!r} cannot be a column; use letters, digits, dot, _ and -")
        samples = 1 if settings.compact else settings.samples
        self.samples = {layer.name: min(samples, layer.grid[0] * layer.grid[1]) for layer in self.layers}
        rng = np.random.default_rng([settings.seed, 1])
        chosen = rng.permutation(len(images))[: 0 if no_decoder(model) else settings.errors]
        self.measured = np.zeros(len(images), bool)
        self.measured[chosen] = True
        self.errors_seconds = 0.0
        self.concepts = concepts.columns(images.concepts)

    def run(self) -> dict[str, Any]:
        started = time.perf_counter()
        done = self._resume()
        self._check_space(done)
        with exact(), torch.inference_mode():
            self._codebooks(fresh=done == 0)
            fitted = time.perf_counter()
            self._encode(done)
        computed = time.perf_counter()
        for layer in self.layers if not self.settings.compact else ():
            self.progress.update(len(self.images), f"indexing the codes of {layer.name}", force=True)
            build_postings(self.folder, layer, len(self.codebooks[layer.name]), len(self.images))
        finished = time.perf_counter()
        steady = finished - fitted  # what every image costs; libraries are loaded and k-means is fitted before
        rows = len(self.images) - done
        return self._finish(
            resumed_at=done,
            seconds=finished - started,
            kmeans_seconds=fitted - started,
            errors_seconds=self.errors_seconds,
            index_seconds=finished - computed,
            images_per_second=rows / steady,
            images_per_second_without_errors=rows / (steady - self.errors_seconds),
        )

    # ---- what is there already

    def _resume(self) -> int:
        """Rows already stored by a run with the same inputs; otherwise 0 and an empty folder."""
        import lance

        identity = {"format": FORMAT, "key": self.key, **asdict(self.settings), "images": len(self.images)}
        if self.folder.exists():
            if not self.folder.is_dir() or (any(self.folder.iterdir()) and not is_ours(self.folder)):
                raise BadInput(f"{self.folder} exists and is not an encoding; choose another name ending in .lance")
            try:
                same = read_json(self.folder / JOURNAL) == identity and (self.folder / codebooks.FILE).is_file()
                if same and not (self.folder / MARKER).exists():
                    dataset = lance.dataset(str(self.folder))
                    rows = dataset.count_rows()
                    if rows == len(self.images) or rows % self.shard_rows() == 0:
                        dataset.take([rows - 1])  # the last shard can be read
                        return rows
            except (OSError, ValueError):
                pass  # nothing usable is there: start again
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        write_json(self.folder / JOURNAL, identity)
        return 0

    def _row_bytes(self) -> int:
        cells = sum(layer.grid[0] * layer.grid[1] for layer in self.layers)
        floats = sum(layer.dim * (1 + self.samples[layer.name]) for layer in self.layers)
        return cells * 8 + floats * 4 + 256

    def shard_rows(self) -> int:
        return int(np.clip(SHARD_BYTES // self._row_bytes(), 64, LARGEST_SHARD))

    def _check_space(self, done: int) -> None:
        index = 8 * sum(layer.grid[0] * layer.grid[1] for layer in self.layers)
        needed = (len(self.images) - done) * self._row_bytes() + len(self.images) * index
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise BadInput(
                f"encoding {len(self.images):,} images needs about {sized(needed)} and "
                f"{sized(free)} are free at {self.folder.parent}; free some space or encode fewer images"
            )

    def _codebooks(self, fresh: bool) -> None:
        """Writes the codebooks of a new folder; reads them where an earlier run did."""
        path = self.folder / codebooks.FILE
        if fresh:
            found = dict(self.model.codebooks)
            continuous = [layer for layer in self.layers if layer.name not in found]
            fitted = {}
            if continuous:
                chosen, seed, batch = self.settings.kmeans, self.settings.seed, self.settings.batch
                train = self.train() if self.train else self.images
                parts = codebooks.collect(self.model, train, continuous, self.device, seed, batch, self.progress)
                for name, vectors in parts.items():
                    self.progress.update(0, f"fitting k-means codes of {name}", force=True)
                    found[name], fitted[name] = codebooks.fit(vectors, chosen, seed, name), len(vectors)
            codebooks.save(path, found, fitted)
        found, self.fitted = codebooks.load(path)
        self.codebooks = {name: Codebook(book.vectors.to(self.device), book.kind) for name, book in found.items()}

    # ---- the main loop

    def _encode(self, done: int) -> None:
        total, batch, shard_rows = len(self.images), self.settings.batch, self.shard_rows()
        spans = [
            (start, min(start + batch, shard + shard_rows, total))
            for shard in range(done, total, shard_rows)
            for start in range(shard, min(shard + shard_rows, total), batch)
        ]
        started, stored, held = time.perf_counter(), None, []
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
            ahead = reader.submit(self.read, slice(*spans[0])) if spans else None
            for index, (start, stop) in enumerate(spans):
                if start % shard_rows == 0:
                    positions = self._shard_positions(start, min(shard_rows, total - start))
                pixels = ahead.result()
                if index + 1 < len(spans):
                    ahead = reader.submit(self.read, slice(*spans[index + 1]))
                held.append(self.compute(pixels, start, stop, positions))
                if stop % shard_rows == 0 or stop == total:
                    if stored is not None:
                        stored.result()  # at most one shard waits
                    first = stop - sum(len(part["id"]) for part in held)
                    stored, held = writer.submit(self._store, held, first, stop), []
                rate = (stop - done) / (time.perf_counter() - started)
                self.progress.update(stop, f"{rate:,.0f} images/s", images_per_second=round(rate, 1))
            if stored is not None:
                stored.result()

    def _shard_positions(self, start: int, rows: int) -> dict[str, np.ndarray]:
        """Sampled positions of a shard, the same whatever the batch and wherever a run starts."""
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

    def compute(self, pixels: np.ndarray, start: int, stop: int, positions: dict) -> dict[str, np.ndarray]:
        """The columns of one batch as arrays."""
        images = to_images(pixels, self.device)
        latents = self.model.encode(images)
        first = start % self.shard_rows()
        columns: dict[str, np.ndarray] = {"id": np.arange(start, stop)}
        for layer in self.layers:
            z = latents[layer.name].float()
            book = self.codebooks[layer.name]
            codes, distances = book.nearest(z)
            pooled = z.mean((1, 2))
            if not bool(torch.isfinite(pooled).all()):
                raise BadInput(codebooks.NOT_FINITE.format(layer.name))
            at = positions[layer.name][first : first + len(z)]
            kind = np.min_scalar_type(len(book) - 1)
            columns[column_of("codes", layer.name)] = codes.flatten(1).cpu().numpy().astype(kind)
            columns[column_of("distances", layer.name)] = self.number(distances.flatten(1))
            columns[column_of("pooled", layer.name)] = self.number(pooled)
            columns[column_of("sample", layer.name)] = self.number(codebooks.take(z, at).flatten(1))
            columns[column_of("positions", layer.name)] = at.astype(np.min_scalar_type(layer.grid[0] * layer.grid[1]))
        began = time.perf_counter()
        columns |= self._errors(images, latents, np.flatnonzero(self.measured[start:stop]))
        self.errors_seconds += time.perf_counter() - began
        return columns

    def number(self, values: Tensor) -> np.ndarray:
        if not self.settings.compact:
            return values.cpu().numpy()
        half = values.half()
        if not bool(torch.isfinite(half).all()):
            raise BadInput("latents are too large for half precision; encode without --compact")
        return half.cpu().numpy()

    def _errors(self, images: Tensor, latents: dict[str, Tensor], chosen: np.ndarray) -> dict[str, np.ndarray]:
        scores = {name: np.full(len(images), np.nan, np.float32) for name in ("mse", "psnr", "ssim")}
        if len(chosen):
            if len(chosen) < len(images):
                where = torch.from_numpy(chosen).to(self.device)
                images, latents = images[where], {name: z[where] for name, z in latents.items()}
            found = quality.measure(images, self.model.decode(latents).clamp(0, 1))
            for name, values in scores.items():
                values[chosen] = found[name].cpu().numpy()
        return scores

    # ---- storage

    def _store(self, parts: list[dict[str, np.ndarray]], start: int, stop: int) -> None:
        import lance
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
        lance.write_dataset(pa.table(columns), str(self.folder), mode="append" if start else "create")

    def _finish(self, **figures: Any) -> dict[str, Any]:
        """Drops what a killed run left behind and writes the marker."""
        import lance

        facts = {
            "format": FORMAT,
            "key": self.key,
            "dataset": self.images.name,
            "split": self.images.split,
            "images": len(self.images),
            "image_size": int(self.images.size),
            "layers": [self.layer_facts(layer) for layer in self.layers],
            "concepts": concepts.describe(self.images.concepts),
            "errors_of": int(self.measured.sum()),
            "samples": self.samples,
            "settings": asdict(self.settings),
            "device": str(self.device),
            **{name: round(value, 3) for name, value in figures.items()},
        }
        dataset = lance.dataset(str(self.folder))
        dataset.update_schema_metadata({"explorer": json.dumps(facts)})
        dataset = lance.dataset(str(self.folder))
        dataset.cleanup_old_versions(timedelta(0), delete_unverified=True)
        stored = [path for part in ("data", "_versions") for path in (self.folder / part).rglob("*") if path.is_file()]
        stored = [path for path in stored if path.suffix in (".lance", ".manifest")] + [self.folder / codebooks.FILE]
        facts["files"] = {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in sorted(stored)}
        write_json(self.folder / MARKER, facts)
        (self.folder / JOURNAL).unlink()
        return facts

    def layer_facts(self, layer: Layer) -> dict[str, Any]:
        facts = {"name": layer.name, "grid": list(layer.grid), "dim": layer.dim}
        facts |= {"codes": len(self.codebooks[layer.name]), "kind": self.codebooks[layer.name].kind}
        if layer.name in self.fitted:
            facts |= {"codes_asked": self.settings.kmeans, "fitted_on": self.fitted[layer.name]}
        return facts
