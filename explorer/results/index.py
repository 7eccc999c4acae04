"""The result `index`: what makes similar images of a large set be found at once, beside its encoding.

A folder with `fitted.npz`, what the set says (`encodings/rows.py`); the columns of sparse rows, or a Lance dataset of
vectors; and `index.json`, written last, with what was found when the index was checked:
```
by, layer, images, seconds, bytes, kind      kind: columns, vectors (all are looked at) or ivf_pq
vectors, dim, effort, clusters, recall, queries, milliseconds, refused      of vectors, see `vector_index.build`
```
Its key holds that of the encoding: an index of another encoding is never asked.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, read_json, special, write_json
from explorer.options import check, choice, number

if TYPE_CHECKING:
    import numpy as np

    from explorer.analysis.retrieval import Rows
    from explorer.encodings import Encoding
    from explorer.encodings.rows import Fitted, Part
    from explorer.progress import Progress
    from explorer.results.subject import Subject

FORMAT = 1
MARKER, FITTED = "index.json", "fitted.npz"
EVERY = "all"  # in place of a layer: all of them side by side
WAYS = ("bag", "place", "zq", "ze", "pixels", "colours")
UNLAYERED = ("pixels", "colours")
SPARSE = ("bag", "place")
EXACT = 50_000  # images up to which looking at all of them takes no time
START, TOKENS, NUMBERS = 5.0, 1.5e6, 1e6  # seconds to begin, tokens of columns and numbers of vectors a second


@dataclass(frozen=True)
class Options:
    """What images are searched by."""

    by: str = choice(
        "bag", WAYS, "bag, place: codes, anywhere or in their cells; zq, ze: mean latents; pixels, colours."
    )
    layer: str = field(
        default="", metadata={"help": "Whose codes or latents; 'all' for all layers side by side. [the finest]"}
    )
    exact: int = number(EXACT, "Up to so many images all vectors are looked at, and nothing is approximated.", low=0)

    def __post_init__(self) -> None:
        for one in fields(self):
            check(one, getattr(self, one.name))


@dataclass(frozen=True, eq=False)
class Index:
    """An index that was opened.

    Attributes:
        facts: what `index.json` says. fitted: what the set says, for each layer.
        searched: Columns or Vectors.
    """

    facts: dict[str, Any]
    fitted: tuple[Fitted, ...]
    searched: Any
    path: Path

    def nearest(self, query: Rows, k: int, leave: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
        """Images (≤ k,) most like a query (1, F), without those in `leave`, and their cosines, the largest first."""
        import numpy as np

        from explorer.analysis import retrieval

        if self.facts["kind"] == "columns":
            found = self.likeness(query)
            rows = retrieval.top(found, k, leave)
            return rows, found[rows]
        with self._given_up():
            rows, cosines = self.searched.nearest(query, k + len(leave))
        kept = ~np.isin(rows, np.asarray(leave, np.int64))
        return rows[kept][:k], cosines[kept][:k]

    def likeness(self, query: Rows) -> np.ndarray:
        """Cosines (N,) of all images with a query (1, F), by an index of columns."""
        from explorer.analysis.retrieval import bag_search

        with self._given_up():
            return bag_search.likeness(self.searched, query)

    @contextmanager
    def _given_up(self) -> Iterator[None]:
        """What is damaged is one sentence; from then on it counts as not there, and is offered again."""
        try:
            yield
        except (OSError, ValueError, IndexError) as error:
            with suppress(OSError):
                (self.path / MARKER).unlink()
            said = (str(error).splitlines() or [""])[0][:120]
            raise BadInput(f"the index of these images is damaged and is given up; ask again ({said})") from None


def complete(subject: Subject, options: Options) -> Options:
    """The same with the layer's name; BadInput for one that is not there."""
    if options.by in UNLAYERED:
        return Options(options.by, "", options.exact)
    known = {layer["name"]: layer for layer in subject.facts.layers}
    if options.layer and options.layer != EVERY and options.layer not in known:
        raise BadInput(f"unknown layer {options.layer!r}; choose from {', '.join(known)} or {EVERY}")
    own = [layer for layer in known.values() if layer.get("codes")]
    finest = max(own, key=lambda one: one["grid"][0])["name"] if own else [*known][-1]
    return Options(options.by, options.layer or finest, options.exact)


def key(subject: Subject, options: Options | None = None) -> str:
    """Content key: the encoding's own and what is searched by."""
    chosen = complete(subject, options or Options())
    return digest("index", FORMAT, subject.encoding_key, chosen.by, chosen.layer, chosen.exact)


def make(subject: Subject, options: Options, path: Path, progress: Progress, found: Encoding) -> None:
    """Builds the index of an encoding; one that is stopped leaves nothing behind."""
    import numpy as np

    from explorer.encodings import column_index, vector_index

    started, options = time.perf_counter(), complete(subject, options)
    parts = parts_of(found, subject.images, options.by, options.layer)
    progress.total, progress.unit = len(subject.images), "images"
    fitted = [part.fit(lambda done: progress.update(done, "looking at all images")) for part in parts]

    def blocks() -> Iterator[tuple[int, Rows]]:
        for which in parts[0].blocks():
            progress.update(which.start, "writing what is searched")
            yield which.start, rows_of(parts, fitted, which)

    def told(done: int, total: int, message: str) -> None:
        progress.total = total or progress.total
        progress.update(done, message)

    with _replacing(path, progress) as folder:
        if options.by in SPARSE:
            having = np.concatenate([one["having"] for one in fitted])
            column_index.build(folder, having, blocks)
            facts = {"kind": "columns", "weights": int(having.sum())}
        else:
            facts = vector_index.build(folder, blocks, options.exact, told)
            facts["kind"] = "vectors" if facts["effort"] is None else "ivf_pq"
        np.savez(
            folder / FITTED, **{f"{at}.{name}": value for at, one in enumerate(fitted) for name, value in one.items()}
        )
        files = {one.relative_to(folder).as_posix(): one.stat().st_size for one in folder.rglob("*") if one.is_file()}
        facts |= {"by": options.by, "layer": options.layer, "images": len(subject.images), "parts": len(parts)}
        facts |= {"seconds": round(time.perf_counter() - started, 2), "bytes": sum(files.values())}
        write_json(folder / MARKER, {"format": FORMAT, "key": path.stem, "files": files, **facts})
    progress.finish("done", "the index is ready")


def read(path: Path, key: str = "") -> Index:
    """The index; BadInput where it is cut off, damaged, or of another encoding."""
    try:
        return _open(path, key, (path / MARKER).stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path.name} is no index of this program or is damaged: {error}") from None


@functools.lru_cache(maxsize=8)
def _open(path: Path, key: str, _: int) -> Index:
    import numpy as np

    from explorer.encodings import column_index, vector_index

    if special(path):
        raise ValueError("it holds more than files")
    facts = read_json(path / MARKER)
    if facts["format"] != FORMAT or (key and facts["key"] != key):
        raise ValueError("it is of other images or codes")
    for name, size in facts["files"].items():
        if (path / name).stat().st_size != size:
            raise ValueError(f"{name} is cut off")
    with np.load(path / FITTED, allow_pickle=False) as file:
        fitted: tuple[Fitted, ...] = tuple({} for _ in range(facts["parts"]))
        for name in file.files:
            at, _, what = name.partition(".")
            fitted[int(at)][what] = file[name]
    if facts["kind"] == "columns":
        return Index(facts, fitted, column_index.open_columns(path, facts["images"]), path)
    return Index(facts, fitted, vector_index.open_vectors(path, facts["effort"]), path)


def cost(encoding: Encoding, options: Options) -> tuple[float, float]:
    """About how many seconds an index of an encoding takes on two cores, and how many bytes at most."""
    count = encoding.images
    layers = (
        encoding.layers if options.layer == EVERY else [one for one in encoding.layers if one.name == options.layer]
    )
    if options.by in SPARSE:
        tokens = count * sum(one.grid[0] * one.grid[1] for one in layers)
        return START + tokens / TOKENS, 8.0 * tokens
    dim = {"pixels": 768, "colours": 64}.get(options.by) or sum(one.dim for one in layers)
    return START + count * dim / NUMBERS, count * (4.25 * dim + 16)


def told(facts: dict[str, Any]) -> str:
    """What the index finds, in words, and how that was checked."""
    images = f"{facts['images']:,} images"
    if facts["kind"] == "columns":
        return f"{images}; of a code only the images that have it are looked at, and nothing is left out"
    if "refused" in facts:
        return f"{images}; {facts['refused']}"
    if facts["kind"] == "vectors":
        return f"{images}, all of which are looked at"
    finds = f"it finds {100 * facts['recall']:.0f} % of the true ten nearest"
    return f"{images}; {finds}, checked on {facts['queries']:,} images, in {facts['milliseconds']:.0f} ms"


def parts_of(encoding: Encoding, images: Any, by: str, layer: str) -> list[Part]:
    """What is searched, layer by layer."""
    from explorer.encodings.rows import Part

    names = [one.name for one in encoding.layers] if layer == EVERY and by not in UNLAYERED else [layer]
    return [Part(encoding, images, by, name) for name in names]


def rows_of(parts: list[Part], fitted: Any, which: slice) -> Rows:
    """Rows (n, F) of length 1 of some images, layers side by side."""
    from explorer.encodings.rows import beside

    return beside([part.rows(one, which) for part, one in zip(parts, fitted, strict=True)])


@contextmanager
def _replacing(path: Path, progress: Progress) -> Iterator[Path]:
    """A folder that takes the place of `path` when all is written, and is gone when something went wrong.

    What a killed run left behind is removed by the next one: there is one writer at a time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    begins = f".{path.stem}."
    for left in path.parent.glob(f"{begins}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=begins, dir=path.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        os.replace(folder, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
