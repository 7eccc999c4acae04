"""Datasets by name or path: uint8 pixels by index plus a table of concepts.

Images are decoded once, at the chosen size, into a folder of the cache:

    images/<key>/pixels.npy      (N, size, size, 3) uint8, memory-mapped: larger sets than memory work
    images/<key>/index.parquet   name and concepts of every image
    images/<key>/meta.json       how many there are, and which files were skipped and why

The key is a digest of what the source says about its content (of a folder: its place and the relative path, size and
time of change of every file; of a zip: path, size and checksum of every entry; of any other: place, size and time of
change of every file) and of split, size, fit and limit. A folder with that name is complete: it is written under
another name and renamed at the end. `shapes` is drawn when it is read, and has no cache.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from explorer import access, fence
from explorer.datasets import coded, codes, hub, shapes
from explorer.datasets.decoding import Names, decode, is_cached, opened
from explorer.datasets.downloads import torchvision_source
from explorer.datasets.images import check_options, decode_image, stated_size
from explorer.datasets.kinds import ACCEPTED, FILES, file_source, pattern_source, place_source
from explorer.datasets.sources import Listing, Source, concept_table, continuous, discrete, pick_split, sample
from explorer.datasets.split import Images, Numbered, lost
from explorer.datasets.stamps import share, stamp
from explorer.errors import BadInput
from explorer.files import digest
from explorer.progress import Progress

__all__ = [
    "ACCEPTED",
    "DATASETS",
    "FILES",
    "Images",
    "absolute",
    "continuous",
    "decode_image",
    "discrete",
    "divided",
    "holds",
    "load",
    "names",
    "native_size",
    "ready",
    "split_names",
    "summary",
    "version",
]

NEEDED = ("pyarrow.parquet", "h5py", "scipy.sparse")  # by workers behind the fence, beside what is imported here
SILENT = 20.0  # seconds without a picture that is decoded or looked at
DOWNLOADING = 120.0  # seconds without a byte of the Hub
SUSPECTS = 8  # batches with a picture that ends the program that reads it
LOOKED = 8  # pictures that tell the size of a set
LARGEST = 64  # side in pixels of what a name does not tell, unless another is asked for
Found = TypeVar("Found")
SHAPES = {"train": 50_000, "test": 5_000}  # images, unless a limit asks for more or fewer


def load(
    name: str,
    split: str = "test",
    size: int | None = None,
    *,
    fit: str = "crop",
    limit: int | None = None,
    progress: Progress | None = None,
) -> Images:
    """Opens a split of a dataset, decoding it first if that has not been done.

    Args:
        name: of `DATASETS`, in any case, the path of a folder or file of any kind in `kinds`, or org/name on the Hub.
        split: train, validation or test; a source without one of the latter two answers with the other. Or all, of a
            source that came without splits; of others that is the test split.
        size: side in pixels; by default `native_size(name)`.
        fit: "crop" to the largest centred square, or "pad" with white.
        limit: at most so many images, drawn at random from the split and always the same ones, in its order; of
            `shapes`, which are drawn at random anyway, any number.
        progress: told about downloads and decoding; its `cancel` stops them and leaves nothing behind.

    Raises BadInput, in one sentence, on anything that cannot be used.
    """
    if _codes_alone(name):
        return coded.without_pixels(Path(name).expanduser(), limit)
    suspect: tuple[int, ...] = ()
    while True:
        try:
            found = _apart(_decoded, name, split, size, fit, limit, suspect, progress=progress)
            break
        except fence.Fault as fault:
            if fault.at is None or fault.at in suspect or len(suspect) == SUSPECTS:
                raise
            suspect += (fault.at,)
    name, split, size, named = found
    if name == "shapes":
        return _shapes(split, size, SHAPES[split] if limit is None else int(limit))
    entry = opened(named, limit)
    return Images(
        name,
        split,
        size,
        entry.fingerprint,
        read=entry.read,
        count=len(entry.names),
        concepts=lambda: entry.concepts,
        names=entry.names,
        skipped=entry.skipped,
        lost=entry.lost,
        notes=(*lost(entry.lost, len(entry.names), entry.skipped), *entry.notes),
        stamps=entry.stamps,
    )


def ready(
    name: str, split: str = "test", size: int | None = None, *, fit: str = "crop", limit: int | None = None
) -> bool:
    """Whether `load` of the same would open the split at once, without a download or decoding."""
    if _codes_alone(name):
        return True
    return _apart(_ready, name, split, size, fit, limit)


def names() -> list[str]:
    """Names of the datasets that need no path."""
    return list(DATASETS)


def native_size(name: str) -> int:
    """Side in pixels at which a dataset is decoded if no size is asked for.

    Where the name does not tell, the least multiple of 16 that holds its pictures, so that every family takes it, and
    at most 64.
    """
    return _apart(_native_size, name)


def split_names(name: str) -> tuple[str, ...]:
    """The splits of a dataset, in the order train, validation, test."""
    splits = _apart(_splits, name)
    return tuple(split for split in ("train", "validation", "test") if split in splits)


def absolute(name: str) -> str:
    """A name, here or on the Hub, or the path of a dataset in full, so that it is the same from every folder."""
    text = name.strip()
    known = {known.lower(): known for known in DATASETS}
    if text.lower() in known or (hub.NAME.fullmatch(text) and not Path(text).exists()):
        return known.get(text.lower(), text)
    return os.path.abspath(Path(text).expanduser())


def divided(name: str) -> bool:
    """Whether a dataset came without splits, so that they are made here."""
    return "all" in _apart(_splits, name)


def holds(name: str, known: np.ndarray, count: int = 100) -> bool:
    """Whether some of a sample of the pictures of a dataset have one of the stamps `known`."""
    return _apart(_holds, name, known, count)


def version(name: str, split: str = "test") -> str:
    """Changes whenever the content of a split does: a file that was added, replaced or deleted anywhere in a folder."""
    return _apart(_version, name, split)


def summary(name: str) -> str:
    """One line about a dataset, for help text."""
    return _apart(_summary, name)


def _apart(answer: Callable[..., Found], name: str, *arguments: Any, progress: Progress | None = None) -> Found:
    """The answer to a question about a dataset; about files of strangers it is found behind the fence.

    What is asked of the Hub without opening a file is remembered in this process.
    """
    told = {} if progress is None else {"progress": progress}
    text = str(name).strip()
    of_hub = hub.NAME.fullmatch(text) is not None and not Path(text).exists()
    if fence.within() or text.lower() in map(str.lower, DATASETS) or (of_hub and answer not in (_decoded, _holds)):
        return answer(name, *arguments, **told)
    seconds = DOWNLOADING if of_hub else SILENT
    return fence.ask(answer, text, *arguments, what=f"'{text[:200]}'", seconds=seconds, **told)


def _decoded(
    name: str,
    split: str,
    size: int | None,
    fit: str,
    limit: int | None,
    suspect: tuple[int, ...],
    *,
    progress: Progress | None = None,
) -> tuple[str, str, int, Names]:
    """Makes what `load` opens: name, split and size of the images, and where their pixels are."""
    name, source = _source(name)
    size = _native(source) if size is None else int(size)
    check_options(size, fit)
    split = pick_split(split, source.splits)
    if limit is not None and limit < 1:
        raise BadInput(f"limit {limit} is not possible; it is a number of images, from 1")
    return (
        name,
        split,
        size,
        {} if name == "shapes" else decode(source, name, split, size, fit, limit, suspect, progress),
    )


def _codes_alone(name: str) -> bool:
    """Whether a name is the path of codes without pictures."""
    path = Path(name).expanduser()
    return access.within(path) and codes.alone(path)


def _ready(name: str, split: str, size: int | None, fit: str, limit: int | None) -> bool:
    name, source = _source(name)
    split = pick_split(split, source.splits)
    return name == "shapes" or is_cached(source, split, _native(source) if size is None else int(size), fit, limit)


def _native_size(name: str) -> int:
    return _native(_source(name)[1])


def _native(source: Source) -> int:
    if source.native is not None:
        return source.native
    split = "all" if "all" in source.splits else "train"  # all are there without a look at each
    listing = source.listing(split, None)
    rows = sample(len(listing.names), LOOKED)
    sizes = [stated_size(item) for item in islice(listing.items(rows), len(rows))]
    side = max((min(size) for size in sizes if size is not None), default=LARGEST)
    return min(-(-side // 16) * 16, LARGEST)


def _splits(name: str) -> tuple[str, ...]:
    return _source(name)[1].splits


def _holds(name: str, known: np.ndarray, count: int) -> bool:
    source = _source(name)[1]
    listing = source.listing(pick_split("all", source.splits), None)
    found = [stamp(item) for item in listing.items(sample(len(listing.names), count))]
    return bool(np.isin(np.array(found, np.uint64), known).any())


def _version(name: str, split: str) -> str:
    source = _source(name)[1]
    return digest(source.key(pick_split(split, source.splits)))


def _summary(name: str) -> str:
    return _source(name)[1].summary


def _source(name: str | Path) -> tuple[str, Source]:
    """The canonical name and the source that it stands for."""
    text = str(name).strip()
    for known, source in DATASETS.items():
        if text.lower() == known.lower():
            return known, source
    path = Path(text).expanduser()
    try:
        if access.within(path):
            if codes.alone(path):
                return str(path), _codes_source(path)
            if text and path.is_dir():
                return str(path), place_source(path)
            if text and path.is_file():
                return str(path), file_source(path)
            if (found := pattern_source(text)) is not None:
                return found
        elif access.public() or hub.NAME.fullmatch(text) is None:
            access.check(path)
        if (named := hub.hub_source(text)) is not None:
            return text, named
    except OSError as error:
        raise BadInput(f"'{text[:200]}' cannot be read ({error.strerror})") from None
    raise BadInput(
        f"there is no dataset or folder '{text[:200]}'; choose from {', '.join(DATASETS)}, or give the path of "
        f"{ACCEPTED}, or the name of a dataset on the Hugging Face Hub (org/name)"
    )


def _shapes(split: str, size: int, count: int) -> Images:
    def concepts() -> pd.DataFrame:
        found = shapes.factors(np.arange(count), split)
        return pd.DataFrame(
            {
                name: pd.Categorical.from_codes(values, categories=shapes.FACTORS[name])
                if name in shapes.FACTORS
                else values
                for name, values in found.items()
            }
        )

    return Images(
        "shapes",
        split,
        size,
        digest("shapes", shapes.VERSION, split, size, count),
        read=lambda rows: shapes.images(rows, split, size=size),
        count=count,
        concepts=concepts,
        names=Numbered(f"shapes {split}", count),
    )


def _digits(split: str, progress: Progress | None) -> Listing:
    """scikit-learn's 1,797 handwritten digits: of each digit one in five, by a hash of its number, is for testing."""
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels = np.rint(found.images * (255 / 16)).astype(np.uint8)  # 0..16 -> 0..255, white on black
    chosen = []
    for digit in range(10):
        rows = np.flatnonzero(found.target == digit)
        rows = rows[np.argsort([share(f"digits {row}") for row in rows])]
        held_out = len(rows) // 5
        chosen.append(rows[:held_out] if split == "test" else rows[held_out:])
    rows = np.sort(np.concatenate(chosen))
    values = pd.Categorical.from_codes(found.target[rows], categories=[str(digit) for digit in range(10)])
    return Listing(
        [f"digits {row}" for row in rows],
        concept_table(pd.DataFrame({"digit": values})),
        lambda some: (pixels[rows[row]] for row in some.tolist()),
    )


def _codes_source(path: Path) -> Source:
    """What stands for the images of codes without pictures."""
    content = codes.fingerprint(path)
    return Source("codes without pictures", codes.SIZE, ("all", "train", "test"), lambda split: content, _no_listing)


def _no_listing(split: str, progress: Progress | None) -> Listing:
    raise NotImplementedError("shapes are drawn by row")


_TRAIN_TEST = ("train", "test")
_torchvision = partial(torchvision_source, splits=_TRAIN_TEST, concept="class")

DATASETS: dict[str, Source] = {
    "shapes": Source(
        "generated: one object per image with known shape, colour, size, texture, background, place and angle",
        shapes.NATIVE,
        _TRAIN_TEST,
        lambda split: ["shapes", split],
        _no_listing,
    ),
    "digits": Source(
        "scikit-learn's 1,797 handwritten digits, 8 × 8 pixels resampled to the size asked for (bicubic)",
        32,
        _TRAIN_TEST,
        lambda split: ["digits", 1, split],
        _digits,
    ),
    "MNIST": _torchvision("MNIST", "70,000 handwritten digits, 28 × 28 grey", 28, concept="digit"),
    "FashionMNIST": _torchvision("FashionMNIST", "70,000 pieces of clothing in 10 classes, 28 × 28 grey", 28),
    "CIFAR10": _torchvision("CIFAR10", "60,000 photographs in 10 classes, 32 × 32", 32),
    "CIFAR100": _torchvision("CIFAR100", "60,000 photographs in 100 classes, 32 × 32", 32),
    "SVHN": _torchvision("SVHN", "99,289 house numbers from street photographs, 32 × 32", 32, concept="digit"),
    "STL10": _torchvision("STL10", "13,000 labelled photographs in 10 classes, 96 × 96", 96),
    "CelebA": _torchvision(
        "CelebA",
        "202,599 faces with 40 attributes, cropped and resized",
        64,
        splits=("train", "validation", "test"),
        concept="",
    ),
}
