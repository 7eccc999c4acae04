"""What a surprisal is asked for, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.options import text

if TYPE_CHECKING:
    import numpy as np

    from explorer.datasets import Images
    from explorer.progress import Progress
    from explorer.results.subject import Subject

FITTED = 10_000  # training images that models that count are fitted on, a seeded sample where there are more
VERSION = 1  # counted up whenever the same input gives other numbers


@dataclass(frozen=True)
class Options:
    """Which prior is asked, and which other images it is shown."""

    prior: str = text("", "A name under checkpoints/, or the path of a prior's folder.")
    against: str = text("", "Another dataset: do bits tell its images from those of the dataset? [none]")


@dataclass(frozen=True)
class Surprisal:
    """What is kept.

    Attributes:
        facts: `prior`, `dataset`, `split`, `images` N, `levels: [{name, grid, codes}]`, `column` of the condition or
            null, `hidden`: whether the class was hidden from some training images, `fitted: {images, how}` of the
            models that count, `other: null or {dataset, images, usual, same}`, `seconds`.
        codes: (N, H, W) of each level. maps: (N, H, W) float16 bits of each cell, given the class where there is one.
        bare: the same without class; empty where there is no condition.
        steps: {step: {level: (N,) float32 bits of all codes}} as in `analysis.surroundings`.
        tables: (K,) bits of each code of a level by how frequent it is.
        scores: {name: (M,), (n,)} of the images of the dataset that are compared, and of the other one; see
            `analysis.outliers`. groups: (M + n,) copies have one number. rows: (M,) and (n,) which images they are.
    """

    facts: dict[str, Any]
    codes: dict[str, np.ndarray]
    maps: dict[str, np.ndarray]
    bare: dict[str, np.ndarray]
    steps: dict[str, dict[str, np.ndarray]]
    tables: dict[str, np.ndarray]
    scores: dict[str, tuple[np.ndarray, np.ndarray]]
    groups: np.ndarray | None
    rows: tuple[np.ndarray, np.ndarray] | None

    @property
    def levels(self) -> list[str]:
        """Names, coarse to fine."""
        return list(self.maps)

    @property
    def step(self) -> str:
        """The step that `maps` is of."""
        return "class" if self.facts["column"] else "prior"

    def image_bits(self, level: str = "") -> np.ndarray:
        """(N,) bits a code of each image, of one level or of all."""
        names = [level] if level else self.levels
        return sum(self.steps[self.step][name].astype(float) for name in names) / sum(
            self.maps[name][0].size for name in names
        )


def elsewhere(subject: Subject) -> bool:
    """Whether training images would have to be downloaded, which may be a great many: then they are done without."""
    from explorer import datasets
    from explorer.datasets import hub

    if Path(subject.dataset).expanduser().exists() or not hub.NAME.fullmatch(subject.dataset):
        return False
    size = subject.images.size
    return not datasets.ready(subject.dataset, "train", size, fit=subject.fit, limit=FITTED)


def split_of(subject: Subject, dataset: str) -> str:
    """The split of another dataset that is held against that of the subject: the same, where it has that."""
    from explorer import datasets
    from explorer.datasets.sources import pick_split

    names = datasets.split_names(dataset)
    try:
        return pick_split(subject.split, names)
    except BadInput:
        return names[-1]


def other(subject: Subject, dataset: str, progress: Progress | None = None) -> Images:
    """The images of another dataset, cut and resized as those of the subject are."""
    return replace(subject, dataset=dataset).load(split_of(subject, dataset), subject.limit, progress)
