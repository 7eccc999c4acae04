"""One rule for a set of image files that have more than 8 bits, or hardly use them: found once, the same for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from explorer.datasets import ranges
from explorer.datasets.images import depth, numbers
from explorer.datasets.sources import Item, Listing, Source, sample
from explorer.errors import BadInput
from explorer.progress import Progress

LOOKED_AT = 200  # pictures of which the header is looked at
MEASURED = 64  # and of which the pixels are
VALUES = 4096  # of one picture that count
OUTLIERS = 0.1  # percent at either end, where they alone would leave the rest black
_ANY = {"integers": ranges.Range(0.0, 65535.0), "floats": ranges.Range(0.0, 1.0)}  # none among those looked at


def rules(source: Source, split: str, listing: Listing, progress: Progress | None) -> Mapping[str, ranges.Range]:
    """The range of each kind of pixels in a set, from a sample of all its splits, so that they are alike in all.

    Args:
        listing: of `split`. If no picture of it has pixels that need a rule, the other splits are not opened.
    """
    here = sample(len(listing.names), LOOKED_AT)
    kinds = [depth(item) for item in listing.items(here) if not isinstance(item, BadInput)]
    wanted = {kind for kind in kinds if kind not in ("", "bytes")} | ({"bytes"} if set(kinds) == {"bytes"} else set())
    if not wanted:
        return _ANY
    splits = ("all",) if "all" in source.splits else source.splits
    listings = [listing if one == split else source.listing(one, progress) for one in splits]
    values: dict[str, list[np.ndarray]] = {kind: [] for kind in wanted}
    count = -(-MEASURED // len(listings))
    for item in (item for one in listings for item in one.items(sample(len(one.names), count))):
        for kind, found in _measured(item):
            if kind in values:
                values[kind].append(found)
    found = {kind: _range(parts) for kind, parts in values.items() if parts}
    if "bytes" in found and not found["bytes"].note:
        del found["bytes"]  # as they are stored
    return {**_ANY, **found}


def _measured(item: Item | BadInput) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(item, bytes | bytearray | memoryview | Path):
        try:
            kind, pixels = numbers(item)
        except BadInput:
            return
        if kind:
            pixels = pixels.reshape(-1)
            pixels = pixels[np.isfinite(pixels)] if kind == "floats" else pixels
            if len(pixels):
                ends = np.array([pixels.min(), pixels.max()])
                yield kind, np.concatenate([pixels[:: -(-len(pixels) // VALUES)], ends]).astype(pixels.dtype)


def _range(parts: list[np.ndarray]) -> ranges.Range:
    values = np.concatenate(parts)
    low, high = float(values.min()), float(values.max())
    inner = np.percentile(values.astype(np.float64), [OUTLIERS, 100 - OUTLIERS])
    if inner[1] > inner[0] and inner[1] - inner[0] < (high - low) / 8:
        low, high = map(float, inner)
    return ranges.find(low, high, values.dtype, len(parts))
