"""What can be said of images from their pixels alone, once for each set of images, as Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import atomic_path, digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from explorer.progress import Progress
    from explorer.results.subject import Subject

VERSION = 1  # counted up whenever the same pixels give other numbers
MOST = 50_000  # images that are looked at: of a larger set a seeded sample, and the others have no values
BATCH = 512


@dataclass(frozen=True)
class Options:
    """There is nothing to choose."""


def key(subject: Subject, options: Any = None) -> str:
    """Content of the images; no model is asked."""
    return digest("pictures", VERSION, subject.images.fingerprint, subject.images.split)


def make(subject: Subject, options: Any, path: Path, progress: Progress) -> None:
    """Looks at all images and writes a row for each; BadInput where there are no pixels."""
    import pandas as pd

    from explorer.analysis.concepts import pictures

    images = subject.images
    if not getattr(images, "pictured", True):
        raise BadInput(f"{images.name} has codes and no pixels, so nothing can be computed from them")
    rows, parts = images.sample(MOST), []
    progress.total, progress.unit = len(rows), "images"
    for start in range(0, len(rows), BATCH):
        progress.update(start, "looking at lightness, hue and edges")
        parts.append(pictures.measure(images.read(rows[start : start + BATCH])))
    found = pd.concat(parts, ignore_index=True) if parts else pictures.measure(images.read(rows))
    found.index = pd.Index(rows)
    with atomic_path(path) as temporary:
        found.reindex(range(len(images))).to_parquet(temporary, index=False)


def read(path: Path, key: str = "") -> pd.DataFrame:
    """A row for each image, as `analysis.concepts.pictures.measure` has them; BadInput where it is damaged."""
    from explorer.analysis.concepts.pictures import COLUMNS

    return _read(path, COLUMNS)


def read_concepts(path: Path, key: str = "") -> pd.DataFrame:
    """The columns of `read` that are concepts; those that only judging needs are most of a large table."""
    from explorer.analysis.concepts.pictures import CONCEPTS

    return _read(path, CONCEPTS)


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet

    from explorer.analysis.concepts.pictures import COLUMNS

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            there, found = file.schema_arrow.names, file.read(columns=list(columns)).to_pandas()
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise BadInput(f"{path.name} is no table of pictures or is damaged: {error}") from None
    if there != list(COLUMNS):
        raise BadInput(f"{path.name} is no table of pictures; delete it")
    return found


def concepts(found: pd.DataFrame, taken: Any = ()) -> pd.DataFrame:
    """The columns of `read` that are concepts; one that is called as a column in `taken` gets another name."""
    from explorer.analysis.concepts.pictures import CONCEPTS

    taken = {str(name) for name in taken}
    names = {name: f"{name} (pixels)" if name in taken else name for name in CONCEPTS}
    return found[list(CONCEPTS)].rename(columns=names)
