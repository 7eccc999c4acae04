"""Arrays of files that hold codes: `.npz`, Parquet and Lance, read whole after their sizes are known; no pickles."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from explorer import fence
from explorer.datasets.members import FREE, USUAL, npz_arrays
from explorer.datasets.values import readable, short
from explorer.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = (".parquet", ".pq")
ENDINGS = (".npz", *TABLES, ".lance")
MOST = 1 << 28  # numbers of one array
WORDS = ("codes", "codebook", "latents")
NAMES = ("id", "file_name", "filename", "name")  # columns that name images, the surest last but one
_DAMAGE = (OSError, ValueError, LookupError, TypeError, NotImplementedError, MemoryError, EOFError)


@dataclass(frozen=True)
class Held:
    """What a file holds. Attributes: arrays: those of codes, codebooks and latents by name; table: the other columns.

    notes: sentences on what is left out.
    """

    arrays: dict[str, np.ndarray]
    table: pd.DataFrame
    notes: tuple[str, ...] = ()


def names(path: Path) -> list[str] | None:
    """Names of the arrays or columns of a file that may hold codes; None of any other and of what cannot be read."""
    if not path.name.lower().endswith(ENDINGS):
        return None
    try:
        about = path.stat()
        return _known(path, about.st_mtime_ns, about.st_size, about.st_ino)
    except (OSError, fence.Fault):
        return None


@functools.lru_cache(maxsize=64)
def _known(path: Path, *stamps: int) -> list[str] | None:
    """`names`, looked for once until the file changes; by a worker, whose reader may be led astray."""
    return _names(path) if fence.within() else fence.ask(_names, path, what=f"'{path.name}'")


def _names(path: Path) -> list[str] | None:
    ending = next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), "")
    try:
        if ending == ".npz" and path.is_file():
            with zipfile.ZipFile(path) as archive:
                return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if ending in TABLES and path.is_file():
            import pyarrow.parquet as parquet

            return list(parquet.read_schema(path).names)
        if ending == ".lance" and (path / "_versions").is_dir():
            import lance

            return list(lance.dataset(str(path)).schema.names)
    except (zipfile.BadZipFile, *_DAMAGE):
        return None
    return None


def holds(path: Path) -> bool:
    """Whether a file has an array or column of codes."""
    return any(role(name) == "codes" for name in names(path) or ())


def alone(path: Path) -> bool:
    """Whether there are codes and no pictures beside them."""
    found = names(path) or []
    return any(role(name) == "codes" for name in found) and not {name.lower() for name in found} & set(USUAL)


def unknown(path: Path) -> str:
    """What is said of a file in which codes could be and are not; "" of any other."""
    found = names(path)
    listed = ", ".join(f"'{name[:40]}'" for name in (found or ())[:6]) or "nothing"
    return "" if found is None else f"has no array or column 'codes' but {listed}"


def role(name: str) -> str:
    """codes, codebook or latents, of `codes`, `codes_top` or `codes.top`; "" of any other name."""
    return next((word for word in WORDS if name == word or name.startswith((f"{word}_", f"{word}."))), "")


def read(path: Path) -> Held:
    """What a file holds; BadInput in one sentence where it is damaged or too large.

    It is read behind the fence first, where it does no harm if it is not what it says.
    """
    if not fence.within():
        most = max(fence.MEMORY, 8 * path.stat().st_size) if path.exists() else fence.MEMORY
        fence.ask(_tried, path, what=f"'{path.name}'", memory=most)
    try:
        return _npz(path) if path.name.lower().endswith(".npz") else _table(path)
    except BadInput:
        raise
    except (zipfile.BadZipFile, *_DAMAGE) as error:
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise BadInput(f"'{path.name}' is damaged ({why}); write it again") from None


def _tried(path: Path) -> None:
    read(path)


def _npz(path: Path) -> Held:
    found, left_out = npz_arrays(path)
    for name in (name for name in names(path) or () if role(name) == "codes"):
        if not any(one.name == name for one in found):
            raise BadInput(f"'{name}' in '{path.name}' cannot be read: it is pickled; save an array of whole numbers")
    arrays, table, notes = {}, {}, list(left_out)
    rows = next((one.shape[0] for one in found if role(one.name) == "codes" and one.shape), 0)
    with np.load(path, allow_pickle=False) as opened:  # what it states was checked
        for one in found:
            count = int(np.prod([float(length) for length in one.shape]))
            if role(one.name):
                if count > MOST or count * one.dtype.itemsize > 2 * FREE:
                    raise BadInput(f"{one} in '{path.name}' has {count:,} numbers; {MOST:,} can be read: take fewer "
                                   "images, a random sample of them")  # fmt: skip
                arrays[one.name] = opened[one.name]
            elif len(one.shape) == 1 and one.shape[0] == rows and one.dtype.kind in "buifUS" and rows * 4 < FREE:
                held = opened[one.name]
                table[one.name] = np.char.decode(held, "utf-8", "replace") if held.dtype.kind == "S" else held
            else:
                notes.append(f"{one} is no column of labels and is left out")
    return Held(arrays, pd.DataFrame(table, index=range(rows)), tuple(notes))


def _table(path: Path) -> Held:
    schema, rows, batches = _lance(path) if path.is_dir() else _parquet(path)
    other = [name for name in schema.names if not role(name)]
    if rows > MOST:
        raise BadInput(f"'{path.name}' has {rows:,} rows; {MOST:,} can be read")
    arrays = {}
    for name in (name for name in schema.names if role(name)):
        if role(name) == "codebook":
            raise BadInput(f"'{name}' in '{path.name}' is a column of a table, which has a row for each image; give a "
                           "codebook in an .npz beside 'codes'")  # fmt: skip
        arrays[name] = _stacked(path, name, rows, batches([name]))
    kept, notes = readable(schema)
    kept = [name for name in kept if name in other]
    import pyarrow as pa

    read = list(batches(kept)) if kept else []
    table = pa.Table.from_batches(read).to_pandas() if read else pd.DataFrame(index=range(rows))
    notes = tuple(note for note in notes if not any(f"'{short(name)}'" in note for name in arrays))
    return Held(arrays, table, notes)


def _parquet(path: Path):
    import pyarrow.parquet as parquet

    meta = parquet.read_metadata(path)

    def batches(columns: list[str]) -> Iterator[pa.RecordBatch]:
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(4096, columns=columns)

    return parquet.read_schema(path), meta.num_rows, batches


def _lance(path: Path):
    import lance

    dataset = lance.dataset(str(path))
    return dataset.schema, dataset.count_rows(), lambda columns: dataset.to_batches(columns=columns, batch_size=4096)


def _stacked(path: Path, name: str, rows: int, batches: Iterator[pa.RecordBatch]) -> np.ndarray:
    """Nested lists of equal lengths as one array (N, …); BadInput names the first row that is another."""
    parts, shape, total, at = [], None, 0, 0
    for batch in batches:
        flat, lengths = _flat(path, name, batch.column(0), at)
        if shape is not None and lengths != shape:
            raise BadInput(f"'{name}' in '{path.name}' has {_by(shape)} numbers in its first rows and {_by(lengths)} "
                           f"from row {at:,} on; every image needs as many tokens")  # fmt: skip
        shape, total, at = lengths, total + len(flat), at + len(batch)
        if total > MOST:
            raise BadInput(f"'{name}' in '{path.name}' has more than {MOST:,} numbers; take fewer images, a random "
                           "sample of them")  # fmt: skip
        parts.append(flat)
    if shape is None:
        return np.zeros((0, 1), np.int64)
    return np.concatenate(parts).reshape(rows, *shape)


def _flat(path: Path, name: str, column: pa.Array, first: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """All numbers of nested lists, and the lengths of their axes."""
    import pyarrow as pa
    import pyarrow.compute as compute
    import pyarrow.types as kinds

    lengths: list[int] = []
    column = column.storage if isinstance(column, pa.ExtensionArray) else column
    while kinds.is_list(column.type) or kinds.is_large_list(column.type) or kinds.is_fixed_size_list(column.type):
        if column.null_count:
            raise BadInput(f"'{name}' in '{path.name}' has no codes in {column.null_count:,} of its rows from row "
                           f"{first:,} on; leave these images out")  # fmt: skip
        sizes = compute.list_value_length(column).to_numpy(zero_copy_only=False)
        other = np.flatnonzero(sizes != sizes[0])
        if len(other):
            each = int(np.prod(lengths)) if lengths else 1
            row = first + int(other[0]) // each
            raise BadInput(f"'{name}' in '{path.name}' has lists of different lengths: {sizes[0]:,} and, in row "
                           f"{row:,}, {sizes[other[0]]:,}; every image needs as many tokens")  # fmt: skip
        lengths.append(int(sizes[0]))
        column = column.flatten()
    if not (kinds.is_integer(column.type) or kinds.is_floating(column.type)):
        raise BadInput(f"'{name}' in '{path.name}' holds {column.type}; give whole numbers, or lists of them")
    return column.to_numpy(zero_copy_only=False), tuple(lengths)


def _by(lengths: tuple[int, ...]) -> str:
    return " × ".join(f"{length:,}" for length in lengths) or "single"
