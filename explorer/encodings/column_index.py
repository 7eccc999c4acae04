"""Sparse rows of images by column, on disk and memory-mapped: what `bag_search` looks through.

The index of tokens beside an encoding (`postings`) has the tokens of a code by their distance to its vector, eight
bytes each; here each image stands once in a column, with its weight, so that a query adds, and counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from explorer.analysis.retrieval.bag_search import Columns
from explorer.errors import BadInput

Blocks = Callable[[], Iterable]  # yields the first image and sparse rows (n, F) of it and those after it
FILES = "columns.offsets.npy", "columns.images.npy", "columns.weights.npy"
KINDS, CHUNK = (np.int32, np.float32), 1 << 20


def build(folder: Path, having: np.ndarray, blocks: Blocks) -> None:
    """Writes the columns of rows that come in blocks; memory holds one block.

    Args:
        having: (F,) how many images have each column.

    Raises:
        BadInput: the blocks have other counts.
    """
    offsets = np.concatenate([[0], np.cumsum(having, dtype=np.int64)])
    total = int(offsets[-1])
    np.save(folder / FILES[0], offsets)
    rows, weights = (_blank(folder / name, total, kind) for name, kind in zip(FILES[1:], KINDS, strict=True))
    cursor = offsets[:-1].copy()
    for first, block in blocks():
        found = block.tocsc()
        counts = np.diff(found.indptr)
        if (cursor + counts > offsets[1:]).any():
            raise BadInput("the encoding changed while its index was built; build it again")
        at = np.arange(found.nnz) + np.repeat(cursor - found.indptr[:-1], counts)
        rows[at] = found.indices + first
        weights[at] = found.data
        cursor += counts
    if (cursor != offsets[1:]).any():
        raise BadInput("the encoding changed while its index was built; build it again")
    for mapped in (rows, weights):
        mapped.flush()


def open_columns(folder: Path, images: int) -> Columns:
    """What `build` wrote; raises OSError or ValueError where it is missing or damaged."""
    offsets, rows, weights = (np.load(folder / name, allow_pickle=False, mmap_mode="r") for name in FILES)
    kinds = offsets.dtype, rows.dtype, weights.dtype
    if kinds != (np.int64, np.int32, np.float32) or rows.shape != weights.shape or offsets.ndim != 1:
        raise ValueError("its columns have other kinds of numbers")
    offsets = np.array(offsets)
    if offsets[0] != 0 or (np.diff(offsets) < 0).any() or offsets[-1] != len(rows):
        raise ValueError("its columns overlap")
    return Columns(offsets, np.asarray(rows), np.asarray(weights), images)


def _blank(path: Path, count: int, kind: type) -> np.ndarray:
    """A mapped array of zeros. Written plainly first, so that a full disk is an error here and no signal later."""
    with path.open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": False, "shape": (count,)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, CHUNK):
            file.write(np.zeros(min(CHUNK, count - start), kind).data)
    return np.load(path, mmap_mode="r+")
