"""From codes to images: an inverted index beside an Encoding, so that a code's patches are one slice of a file.

For each layer `offsets` (K + 1,) int64 and `tokens` (T,) uint64: the tokens of code c lie at offsets[c]:offsets[c + 1],
nearest to the code's vector first. A token is its distance in the high 32 bits (the bits of a float32, which sort
like the number as it is not negative) and image row × H × W + position in the low 32, so that sorting the integers
sorts by distance, then image. Ties go to the earlier image.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from explorer import places
from explorer.errors import BadInput, Unanswered
from explorer.files import atomic_path

BUDGET = 8 * 1024 * 1024  # tokens sorted in memory at once: 64 MiB
LOW = np.uint64(0xFFFFFFFF)
CORRUPT = "the index of layer '{}' does not fit its encoding; delete the folder 'postings' of that encoding"

Batches = Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]


@dataclass(frozen=True)
class Postings:
    """The index of one layer, memory-mapped.

    Attributes:
        layer: its name.
        offsets: (K + 1,) int64, where each code's tokens start.
        tokens: (T,) uint64, distance and place of each token, sorted within each code.
        images, cells: N images of H × W cells, T = N · H · W.
    """

    layer: str
    offsets: np.ndarray
    tokens: np.ndarray
    images: int
    cells: int

    def usage(self) -> np.ndarray:
        """(K,) int64 tokens of each code."""
        return np.diff(self.offsets)

    def top_patches(self, code: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Image rows, positions (both int64) and distances (float32) of the `k` patches nearest to the code's vector.

        Nearest first, at most one patch of an image; fewer where fewer images have the code, none for a dead code.
        """
        start, stop = self._slice(code)
        size = max(1024, 8 * k)
        while True:  # a code that fills whole images needs a longer look to find k different ones
            part = np.array(self.tokens[start : min(stop, start + size)])
            rows, positions = self._places(part)
            first = np.sort(np.unique(rows, return_index=True)[1])[:k]
            if len(first) >= k or len(part) == stop - start:
                distances = (part[first] >> np.uint64(32)).astype(np.uint32).view(np.float32)
                return rows[first], positions[first], distances
            size *= 4

    def images_with(self, code: int) -> tuple[np.ndarray, np.ndarray]:
        """Image rows that have the code and how many tokens of it, both int64; most first, then by row."""
        return self.standing(code)[:2]

    def standing(self, code: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same, and (H · W,) int64 how many tokens of the code stand in each cell."""
        start, stop = self._slice(code)
        counts, cells = np.zeros(self.images, np.int64), np.zeros(self.cells, np.int64)
        _advise(self.tokens, "MADV_WILLNEED", start, stop)
        for low in range(start, stop, BUDGET):
            rows, positions = self._places(np.array(self.tokens[low : min(stop, low + BUDGET)]))
            counts += np.bincount(rows, minlength=self.images)
            cells += np.bincount(positions, minlength=self.cells)
        found = np.flatnonzero(counts)
        lacking = (self.cells - counts[found]).astype(np.min_scalar_type(self.cells))  # short ones sort in one pass
        found = found[np.argsort(lacking, kind="stable")]
        return found, counts[found], cells

    def _slice(self, code: int) -> tuple[int, int]:
        if not 0 <= code < len(self.offsets) - 1:
            raise BadInput(f"layer '{self.layer}' has no code {code}; choose from 0 to {len(self.offsets) - 2}")
        return int(self.offsets[code]), int(self.offsets[code + 1])

    def _places(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = (tokens & LOW).astype(np.uint32)
        if len(places) and places.max() >= self.images * self.cells:
            raise BadInput(CORRUPT.format(self.layer))
        rows = places // np.uint32(self.cells)
        return rows.astype(np.int64), (places - rows * np.uint32(self.cells)).astype(np.int64)


def open_layer(folder: Path, layer: str, codes: int, images: int, cells: int) -> Postings | None:
    """The index of a layer in `folder`, or None where it is missing, cut off, or of another encoding."""
    there = places.remote(folder.parent)
    try:
        offsets = np.load(folder / f"{layer}.offsets.npy", allow_pickle=False, mmap_mode="r")
        if there is None:
            tokens = np.load(folder / f"{layer}.tokens.npy", allow_pickle=False, mmap_mode="r")
            _advise(tokens, "MADV_RANDOM", 0, len(tokens))  # the best of every code are few bytes here and there
        else:
            tokens = there.tokens(f"postings/{layer}.tokens.npy")
    except Unanswered:
        raise
    except (OSError, ValueError, EOFError):
        return None
    fits = (
        (offsets.shape, offsets.dtype, tokens.shape, tokens.dtype)
        == ((codes + 1,), np.dtype(np.int64), (images * cells,), np.dtype(np.uint64))
        and offsets[0] == 0
        and offsets[-1] == images * cells
        and bool((np.diff(offsets) >= 0).all())
    )
    return Postings(layer, np.array(offsets), tokens, images, cells) if fits else None


def check(layer: str, images: int, cells: int) -> None:
    """Raises BadInput where a layer has more tokens than an index holds."""
    if images * cells > int(LOW):
        raise BadInput(
            f"layer '{layer}' of {images:,} images has {images * cells:,} tokens, and an index holds {int(LOW):,}: "
            f"encode at most {int(LOW) // cells:,} images at once (--limit, or the dataset in parts)"
        )


def _advise(tokens: np.ndarray, how: str, start: int, stop: int) -> None:
    """Tells the system how tokens that are mapped will be read, where it can be told."""
    mapped, flag = getattr(tokens, "_mmap", None), getattr(mmap, how, None)
    if mapped is None or flag is None or stop <= start:
        return
    first = tokens.offset % mmap.ALLOCATIONGRANULARITY + 8 * start  # of the bytes that are mapped
    at = first // mmap.PAGESIZE * mmap.PAGESIZE
    mapped.madvise(flag, at, min(first + 8 * (stop - start), len(mapped)) - at)


def build(
    folder: Path, layer: str, codes: int, images: int, cells: int, batches: Batches, budget: int = BUDGET
) -> None:
    """Writes the index of one layer with at most about `budget` tokens in memory.

    One pass counts the tokens of each code; then as many passes as needed each sort a range of codes.

    Args:
        folder: where `<layer>.offsets.npy` and `<layer>.tokens.npy` go, each atomically, offsets last.
        codes, images, cells: K codes, N images, H · W cells in an image.
        batches: yields codes (M,) and distances (M,) of consecutive tokens, image after image, anew at each call.
    """
    total = images * cells
    check(layer, images, cells)
    counts = np.zeros(codes, np.int64)
    for batch, _ in batches():
        found = np.bincount(batch, minlength=codes)
        if len(found) > codes:
            raise BadInput(f"layer '{layer}' has code {len(found) - 1} in an encoding of {codes} codes; encode again")
        counts += found
    if counts.sum() != total:
        raise BadInput(f"layer '{layer}' has {counts.sum():,} tokens instead of {total:,}; encode again")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    with atomic_path(folder / f"{layer}.tokens.npy") as temporary, temporary.open("wb") as file:
        header = {"descr": "<u8", "fortran_order": False, "shape": (total,)}
        np.lib.format.write_array_header_1_0(file, header)
        for low, high in _ranges(counts, budget):
            if offsets[high] - offsets[low] <= budget:
                file.write(_sorted_range(batches, low, offsets[low : high + 1] - offsets[low]))
            else:
                _sort_large_code(file, temporary, batches, low)
    with atomic_path(folder / f"{layer}.offsets.npy") as temporary, temporary.open("wb") as file:
        np.save(file, offsets.astype(np.int64))


def _ranges(counts: np.ndarray, budget: int) -> Iterable[tuple[int, int]]:
    """Ranges [low, high) of codes with at most `budget` tokens each; a larger code is a range of its own."""
    low, held = 0, 0
    for code, count in enumerate(counts):
        if held and held + count > budget:
            yield low, code
            held = 0
        if not held:
            low = code  # dead codes before it take no part: a large code is alone
        held += count
    if held:
        yield low, len(counts)


def _pack(first: int, distances: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    high = distances[chosen].astype(np.float32).view(np.uint32).astype(np.uint64) << np.uint64(32)
    return high | (chosen + first).astype(np.uint64)


def _sorted_range(batches: Batches, low: int, offsets: np.ndarray) -> np.ndarray:
    """Tokens of the codes from `low` on, (offsets[-1],) uint64: a counting sort by code, then a sort of each code."""
    tokens = np.empty(offsets[-1], np.uint64)
    cursor = offsets[:-1].copy()
    first = 0
    for codes, distances in batches():
        chosen = np.flatnonzero((codes >= low) & (codes < low + len(cursor)))
        chosen = chosen[np.argsort(codes[chosen], kind="stable")]
        local = codes[chosen].astype(np.int64) - low
        found = np.bincount(local, minlength=len(cursor))
        within = np.arange(len(local)) - (np.cumsum(found) - found)[local]
        tokens[cursor[local] + within] = _pack(first, distances, chosen)
        cursor += found
        first += len(codes)
    for start, stop in pairwise(offsets):
        tokens[start:stop].sort()
    return tokens


def _sort_large_code(file, path: Path, batches: Batches, code: int) -> None:
    """Appends the tokens of one code and sorts them in the file.

    Written plainly first, so that a full disk is an error here and not a signal when a page of the map is stored.
    """
    start, first, count = file.tell(), 0, 0
    for codes, distances in batches():
        chosen = np.flatnonzero(codes == code)
        file.write(_pack(first, distances, chosen))
        first, count = first + len(codes), count + len(chosen)
    file.flush()
    mapped = np.memmap(path, np.uint64, "r+", offset=start, shape=(count,))
    mapped.sort()
    mapped.flush()
    del mapped
    file.seek(0, os.SEEK_END)
