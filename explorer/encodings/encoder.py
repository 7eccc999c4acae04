"""Images through a model onto disk: the next batch is read and the last fragment stored while the model works.

One process, or several side by side, make the fragments of one dataset (`fragments.py`); whoever finds that none is
missing builds the index and writes `encoding.json`: a folder without it is unfinished.
"""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explorer import places
from explorer.autoencoder import Autoencoder
from explorer.encodings import codebooks, concepts, postings
from explorer.encodings.columns import Batch, Columns, Settings
from explorer.encodings.fragments import BOOKS, FINISH, WAIT, Shard, Unfinished, busy, tidy
from explorer.encodings.layout import FORMAT, MARKER, build_postings, complete
from explorer.errors import BadInput, explained
from explorer.files import sized
from explorer.jobs.devices import choose
from explorer.jobs.locks import exclusive
from explorer.precision import exact
from explorer.progress import Progress


@dataclass(frozen=True)
class Written:
    """What one process did of an Encoding.

    Attributes:
        images: rows that it made. there, total: rows that are stored, and all that there are.
        lacking: fragments that are missing, and of how many.
        facts: what `encoding.json` says, None as long as rows are missing.
        seconds: that this process made rows for. last: whether it put all together.
    """

    images: int
    there: int
    total: int
    lacking: tuple[int, ...]
    fragments: int
    facts: dict[str, Any] | None
    seconds: float = 0.0
    last: bool = False


def write(
    model: Autoencoder,
    images,
    folder: Path,
    *,
    key: str,
    train: Callable[[], Any] | None = None,
    settings: Settings | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Encodes all of `images` into `folder` and returns the facts in its `encoding.json`.

    Continues where an earlier run with the same `key` and `settings` stopped, beside processes that write shards of
    the same; does nothing if it is complete.

    Args:
        train: gives the images that k-means codebooks of continuous layers are fitted on; by default `images`.
        device: `auto` (CUDA, else MPS, else the CPU), or a name of it.

    Raises:
        BadInput: a folder that is not an Encoding, no images, latents that are not finite, a full disk.
        Cancelled: through `progress`; what is written is kept for the next run.
    """
    folder = places.local(folder)
    with explained("encode (what is written is kept)", folder), exclusive(folder, progress):
        work = {"key": key, "train": train, "settings": settings, "device": device, "progress": progress}
        return write_shard(model, images, folder, None, **work).facts


def write_shard(
    model: Autoencoder,
    images,
    folder: Path,
    shard: Shard | None,
    *,
    helping: bool = False,
    key: str,
    train: Callable[[], Any] | None = None,
    settings: Settings | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Written:
    """Encodes one shard of `images` beside other processes, and completes the Encoding where it was the last one.

    Args:
        shard: None for all images. helping: once it is there, what other shards lack is made as well.

    The other arguments and errors are those of `write`.
    """
    folder, settings = places.current(places.local(folder), MARKER), settings or Settings()
    if not len(images):
        raise BadInput(f"{images.name} ({images.split}) has no images to encode; choose another dataset or split")
    if settings.kmeans < 2:
        raise BadInput(f"kmeans {settings.kmeans} is too few codes; choose 2 or more")
    progress = progress or Progress(len(images), "images")
    progress.total = len(images)
    with explained("encode (what is written is kept)", folder):
        facts = complete(folder, key)
        if facts is not None:
            tidy(folder)
            return Written(0, len(images), len(images), (), 0, facts)
        torch_device = torch.device(choose(device))
        model = model.to(torch_device, memory_format=torch.channels_last).eval()
        columns = Columns(model, images, settings, torch_device)
        return Run(columns, folder, key, train, progress).run(shard, helping)


class Run:
    """One run of `write`: what is fixed while it lasts."""

    def __init__(self, columns: Columns, folder: Path, key: str, train, progress: Progress) -> None:
        self.columns, self.folder, self.key, self.train, self.progress = columns, folder, key, train, progress
        self.images, self.settings, self.layers = columns.images, columns.settings, columns.layers

    def run(self, shard: Shard | None = None, helping: bool = False) -> Written:
        """Makes what is missing of a shard, of all without one, and completes the Encoding once nothing is missing."""
        rows, total = self.columns.fragment_rows(), len(self.images)
        identity = {"format": FORMAT, "key": self.key, **asdict(self.settings), "images": total, "rows": rows}
        work = Unfinished(self.folder, identity, total, rows)
        own = (shard or Shard()).fragments(len(work))
        with work.entered() as facts:
            made, seconds, last = 0, 0.0, False
            if facts is None:
                made, seconds, last = self._join(work, own, helping or shard is None)
                facts = complete(self.folder, self.key)
            lacking = () if facts is not None else tuple(sorted({*range(len(work))} - work.there()))
            return Written(made, total - work.size(lacking), total, lacking, len(work), facts, seconds, last)

    def _join(self, work: Unfinished, own: range, helping: bool) -> tuple[int, float, bool]:
        """Rows made, in how many seconds, and whether this process put all together."""
        started = time.perf_counter()
        wanted = {*(range(len(work)) if helping else own)}
        before = work.size(work.there())
        self._check_space(before)
        self.progress.total = work.size(wanted)
        with exact(), torch.inference_mode():
            self._codebooks(work)
            fitted, made, seconds, last = time.perf_counter(), 0, 0.0, None
            figures = {"resumed_at": before, "kmeans_seconds": fitted - started}
            while last is None:
                began = time.perf_counter()
                made += self._encode(work, work.todo(own, helping), wanted)
                seconds += time.perf_counter() - began
                there = work.there()
                if complete(self.folder, self.key) or wanted <= there:
                    last = self._finished(work, started, figures, helping)
                else:
                    work.check_there()
                    self.progress.update(work.size(there & wanted), "other processes are writing the rest; waiting")
                    time.sleep(WAIT)
        return made, seconds, last

    def _finished(self, work: Unfinished, started: float, figures: dict[str, float], helping: bool) -> bool | None:
        """Whether this process puts all together; None where some fragments have to be made again."""
        with work.alone(FINISH, self.progress, self.progress.total):
            if complete(self.folder, self.key):
                return False
            if len(work.there()) < len(work):
                return None if helping else False
            self._codebooks(work)  # those that count, if others were fitted as well
            if work.forget(self.books):
                return None
            self._finish(work, started, figures)
            return True

    def _check_space(self, done: int) -> None:
        for layer in self.layers:  # now, not after hours
            postings.check(layer.name, len(self.images), layer.grid[0] * layer.grid[1])
        index = 8 * sum(layer.grid[0] * layer.grid[1] for layer in self.layers)
        stored = 0 if places.remote(self.folder) else (len(self.images) - done) * self.columns.row_bytes()
        needed = stored + len(self.images) * index
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise BadInput(
                f"encoding {len(self.images):,} images needs about {sized(needed)} and "
                f"{sized(free)} are free at {self.folder.parent}; free some space or encode fewer images"
            )

    def _codebooks(self, work: Unfinished) -> None:
        """Writes the codebooks of a new folder; reads them where another run or process did."""
        path = self.folder / codebooks.FILE
        if not path.is_file():
            with work.alone(BOOKS, self.progress):
                if not path.is_file():
                    self._fit_codebooks(path)
        if work.remote is not None:
            work.remote.pull([path.name])
        found, fitted = codebooks.load(path)
        self.books = codebooks.content(found)
        self.columns.use(found, fitted)

    def _fit_codebooks(self, path: Path) -> None:
        model, device = self.columns.model, self.columns.device
        found = dict(model.codebooks)
        continuous = [layer for layer in self.layers if layer.name not in found]
        fitted = {}
        if continuous:
            chosen, seed, batch = self.settings.kmeans, self.settings.seed, self.settings.batch
            train = self.train() if self.train else self.images
            parts = codebooks.collect(model, train, continuous, device, seed, batch, self.progress)
            for name, vectors in parts.items():
                self.progress.update(0, f"fitting k-means codes of {name}", force=True)
                found[name], fitted[name] = codebooks.fit(vectors, chosen, seed, name), len(vectors)
        codebooks.save(path, found, fitted)
        if (there := places.remote(self.folder)) is not None:
            there.push(path.name)

    # ---- the main loop

    def _encode(self, work: Unfinished, todo: Iterator[int], wanted: set[int]) -> int:
        """Makes fragments one after another and returns how many rows; a batch is brought from the GPU while the next
        one is computed."""
        columns, mine = self.columns, set()
        started = last = time.time()
        elsewhere, made = work.size(work.there() & wanted), 0
        stored: deque[Future] = deque()
        parts: list[dict[str, np.ndarray]] = []
        writers = 3 if columns.device.type == "cuda" else 1  # one stores some 200,000 rows a second
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(writers) as writer:
            for batch, found in _one_behind(self._computed(todo, work, reader)):
                parts.append(columns.landed(*found))
                if batch.last:
                    if len(stored) == writers:
                        stored.popleft().result()  # no more fragments wait than are being stored
                    now = time.time()
                    figures = {"began": last, "ended": now, "errors_seconds": columns.errors_seconds}
                    stored.append(writer.submit(self._store, work, batch.index, parts, figures))
                    parts, last, columns.errors_seconds = [], now, 0.0
                    mine.add(batch.index)
                    elsewhere = work.size(work.there() & wanted - mine)
                made += batch.stop - batch.start
                rate = made / max(time.time() - started, 1e-9)
                self.progress.update(elsewhere + made, f"{rate:,.0f} images/s", images_per_second=round(rate, 1))
            for one in stored:
                one.result()
        return made

    def _computed(self, todo: Iterator[int], work: Unfinished, reader: ThreadPoolExecutor) -> Iterator[tuple]:
        """Each batch and its columns, which a GPU may still be working on; the next batch is read meanwhile."""
        batches, read = self._batches(todo, work), self.columns.fetched
        following = next(batches, None)
        ahead = reader.submit(read, following.rows) if following else None
        while following is not None:
            batch, pixels = following, ahead.result()
            following = next(batches, None)
            if following is not None:
                ahead = reader.submit(read, following.rows)
            yield batch, self.columns.sent(self.columns.made(pixels, batch))

    def _batches(self, todo: Iterator[int], work: Unfinished) -> Iterator[Batch]:
        for index in todo:
            first, end = work.span(index)
            positions = self.columns.positions(first, end - first)
            for start in range(first, end, self.columns.batch):
                stop = min(start + self.columns.batch, end)
                at = {name: chosen[start - first : stop - first] for name, chosen in positions.items()}
                yield Batch(index, start, stop, stop == end, at)

    def _store(self, work: Unfinished, index: int, parts: list[dict[str, np.ndarray]], figures: dict) -> None:
        work.store(index, self.columns.table(parts, *work.span(index)), codebooks=self.books, **figures)

    # ---- storage

    def _finish(self, work: Unfinished, started: float, figures: dict[str, float]) -> None:
        """Makes one dataset of all fragments, builds the index, and writes the marker."""
        columns = self.columns
        made, total = [work.record(index) for index in range(len(work))], len(self.images)
        facts = {
            "format": FORMAT,
            "key": self.key,
            "dataset": self.images.name,
            "split": self.images.split,
            "images": total,
            "image_size": int(self.images.size),
            "layers": [columns.layer_facts(layer) for layer in self.layers],
            "concepts": concepts.describe(self.images.concepts),
            "errors_of": int(columns.measured.sum()),
            "samples": columns.samples,
            "settings": asdict(self.settings),
            "device": str(columns.device),
        }
        work.commit(facts)
        computed = time.perf_counter()
        for layer in self.layers if not self.settings.compact else ():
            shape = layer.name, len(columns.codebooks[layer.name]), total
            if postings.open_layer(self.folder / "postings", *shape, layer.grid[0] * layer.grid[1]) is None:
                self.progress.update(self.progress.total, f"indexing the codes of {layer.name}", force=True)
                build_postings(self.folder, layer, *shape[1:])
        finished = time.perf_counter()
        indexed, errors = finished - computed, sum(one["errors_seconds"] for one in made)
        share = errors / max(sum(one["ended"] - one["began"] for one in made), errors, 1e-9)
        encoded = busy(made)  # what every image costs: libraries are loaded and k-means is fitted before
        figures |= {
            "seconds": finished - started,
            "errors_seconds": errors,
            "index_seconds": indexed,
            "images_per_second": total / max(encoded + indexed, 1e-9),
            "images_per_second_without_errors": total / max(encoded * (1 - share) + indexed, 1e-9),
        }
        work.close(facts | {name: round(value, 3) for name, value in figures.items()})


def _one_behind(values: Iterator[Any]) -> Iterator[Any]:
    """The same values, each once the one after it was asked for."""
    held: list[Any] = []
    for value in values:
        held.append(value)
        if len(held) > 1:
            yield held.pop(0)
    yield from held
