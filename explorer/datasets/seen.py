"""Which images a checkpoint was trained on: their stamps, beside its weights, so that they are known anywhere."""

from __future__ import annotations

import copy
import functools
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.files import atomic_path

if TYPE_CHECKING:
    from explorer.datasets import Images

FILE = "training_images.npy"  # sorted uint64 stamps, of files and of pixels
MOST = 4 * 1024**2  # stamps, 32 MB; of more the lowest are kept, which are a random sample
DOUBT = "these images may contain training images: {} keeps no record of those that it was trained on"


def record(folder: Path, images: Images) -> None:
    """Adds the images to those that the checkpoint in `folder` is trained on."""
    if images.stamps is None:
        return
    known = read(folder)
    found = np.unique(np.concatenate([images.stamps.ravel(), *([] if known is None else [known])]))
    with atomic_path(Path(folder) / FILE) as temporary:
        np.save(temporary, found[found > 0][:MOST], allow_pickle=False)


def read(folder: Path) -> np.ndarray | None:
    """The stamps of a checkpoint's training images, ascending; None where it keeps none that can be read."""
    try:
        there = (Path(folder) / FILE).stat()
    except OSError:
        return None
    if not stat.S_ISREG(there.st_mode):  # a pipe would wait
        return None
    return _read(Path(folder) / FILE, there.st_mtime_ns, there.st_size)


@functools.lru_cache(maxsize=8)
def _read(path: Path, time: int, size: int) -> np.ndarray | None:
    if size > MOST * 8 + 4096:
        return None
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        return np.sort(found) if found.dtype == np.uint64 and found.ndim == 1 else None
    except (OSError, ValueError, EOFError):
        return None


def among(stamps: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(N, 2) stamps -> (N,) bool, which of the images are known by their file or by their pixels."""
    return np.isin(stamps, known).any(1)


def told_apart(known: np.ndarray) -> bool:
    """Whether all training images are known, and not a sample of them."""
    return len(known) < MOST


def judged(images: Images, known: np.ndarray | None, never: bool, name: str) -> Images:
    """The images with `seen`, and without those that a checkpoint was trained on; of the split `all` they stay.

    Args:
        known: stamps of its training images, None where it keeps none.
        never: whether these images are kept from training by a rule that was the same then.
        name: of the checkpoint, for the sentence that says so.

    Where all were trained on they stay too, because nothing would be left.
    """
    if images.split == "train":
        return images
    found = copy.copy(images)
    if never:
        found.seen = 0
    elif known is None or images.stamps is None or not told_apart(known):
        found.notes = (*images.notes, DOUBT.format(name))
    if never or known is None or images.stamps is None:
        return found
    trained = among(images.stamps, known)
    count, total = int(trained.sum()), len(images)
    if count and count < total and images.split != "all":
        found = images.part(np.flatnonzero(~trained), "not trained on")
        found.notes += (f"{count:,} of {total:,} images are left out: {name} was trained on them",)
        count = 0
    elif count:
        which = f"all {total:,} images" if count == total else f"{count:,} of the {total:,} images"
        found.notes += (f"{name} was trained on {which}, so scores say nothing of new ones",)
    found.seen = count if told_apart(known) or count else None
    return found
