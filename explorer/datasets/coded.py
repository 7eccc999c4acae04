"""The images that a file of codes is about: those of a dataset, or rows without pixels where none is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from explorer.datasets import naming
from explorer.datasets.codes import SIZE, Given, fingerprint, open_file
from explorer.datasets.sources import beside_them, sample
from explorer.datasets.split import Images, Numbered
from explorer.datasets.values import short
from explorer.errors import BadInput
from explorer.files import digest

NO_PIXELS = "There are codes and no pictures: an image is shown as the map of its codes. Name its dataset to see it."
UNKNOWN = "It is not known whether what wrote these codes was trained on these images."
LISTED = 3  # names in a sentence


class Coded(Images):
    """Images of a file of codes.

    Attributes:
        places: (n,) row of the file of each image. of: rows of the file. pictured: whether there are pixels.
    """

    places: np.ndarray
    of: int
    pictured: bool


def without_pixels(path: Path, limit: int | None = None) -> Coded:
    """The rows of a file of codes, or a seeded sample of them; `read` raises BadInput."""
    given = open_file(path)
    rows = sample(len(given), limit)
    stated = next(iter(given.ids.values()), None) or Numbered(Path(path).stem, len(given))

    def read(rows: np.ndarray) -> np.ndarray:
        raise BadInput(f"{Path(path).name} holds codes and no pictures; name the dataset that they are of")

    key = digest("codes", fingerprint(path), limit if len(rows) < len(given) else None)
    found = Coded(
        str(path), "all", SIZE, key, read=read, count=len(rows), names=[stated[row] for row in rows.tolist()],
        concepts=lambda: given.table.iloc[rows].reset_index(drop=True), notes=(*given.notes, NO_PIXELS, UNKNOWN),
    )  # fmt: skip
    found.places, found.of, found.pictured = rows, len(given), False
    return found


def beside(path: Path, load: Callable[[int | None], Images], dataset: str, limit: int | None = None) -> Coded:
    """The images of a dataset that a file has codes of: by their names where the file has them, else in their order.

    Args:
        load: the split of the dataset, or at most so many of its images. dataset: its name.

    Raises:
        BadInput: the numbers differ and nothing names the images.
    """
    given = open_file(path)
    images = load(len(given) if dataset.lower() == "shapes" else None)
    rows, places, notes = _matched(given, images)
    if rows is None and limit is not None and len(load(limit)) == len(given):
        images, limit = load(limit), None
        rows = places = np.arange(len(given))
    if rows is None:
        raise BadInput(
            f"{Path(path).name} has codes of {len(given):,} images, and {dataset} has {len(images):,} in its split "
            f"'{images.split}'; choose another split or dataset, or give a column id or file_name with their names"
        )
    some = sample(len(rows), limit)
    return _joined(given, images, rows[some], places[some], notes)


def _matched(given: Given, images: Images) -> tuple[np.ndarray | None, np.ndarray, list[str]]:
    """Rows of the images and of the file that belong together, both (n,), in the order of the images."""
    for ids in given.ids.values():
        found = naming.Images(list(images.names), "").find(ids)
        taken = found >= 0
        if not taken.any():
            continue
        rows, first = np.unique(found[taken], return_index=True)
        places = np.flatnonzero(taken)[first]
        notes, again = [], int(taken.sum()) - len(rows)
        if again:
            notes.append(f"{again:,} rows of codes name an image that another row names, and are left out")
        if not taken.all():
            names = ", ".join(short(ids[row]) for row in np.flatnonzero(~taken)[:LISTED])
            notes.append(f"{int((~taken).sum()):,} rows of codes, such as {names}, name no image here")
        if len(rows) < len(images):
            notes.append(f"{len(images) - len(rows):,} of {len(images):,} images have no codes and are left out")
        return rows, places, notes
    if len(given) != len(images):
        return None, np.arange(0), []
    said = f"no {' or '.join(given.ids)} of the codes is the name of an image: they are taken in their order"
    return np.arange(len(given)), np.arange(len(given)), [said] * bool(given.ids)


def _joined(given: Given, images: Images, rows: np.ndarray, places: np.ndarray, notes: list[str]) -> Coded:
    def concepts() -> pd.DataFrame:
        own = images.concepts.iloc[rows].reset_index(drop=True)
        return beside_them(own, given.table.iloc[places].reset_index(drop=True), given.path.name)

    found = Coded(
        images.name, images.split, images.size, digest(images.fingerprint, "codes", rows.tolist(), places.tolist()),
        read=lambda some: images.read(rows[some]), count=len(rows),
        concepts=concepts, names=[images.names[row] for row in rows.tolist()], skipped=images.skipped,
        lost=images.lost, notes=(*images.notes, *notes, *given.notes, UNKNOWN),
        stamps=None if images.stamps is None else images.stamps[rows],
    )  # fmt: skip
    found.places, found.of, found.pictured = places, len(given), True
    return found
