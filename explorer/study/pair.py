"""Two checkpoints on the same images: which encodings they have, which images both have, and what can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.results import comparison

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint
    from explorer.results.subject import Subject
    from explorer.study import Study


@dataclass(frozen=True)
class Pair:
    """Two open checkpoints and the images that both have.

    Attributes:
        a, b: the studies. rows: (n,) and (n,) the rows of the same images in each.
        options: of the result `comparison` of a.
    """

    a: Study
    b: Study
    rows: tuple[np.ndarray, np.ndarray]
    options: comparison.Options

    @property
    def key(self) -> str:
        return f"{self.a.key} {self.b.key}"

    @property
    def same(self) -> bool:
        """Whether it is the same checkpoint twice."""
        return self.a.subject.fingerprint == self.b.subject.fingerprint

    @property
    def size(self) -> tuple[int, int]:
        """Image sizes in pixels."""
        return self.a.checkpoint.image_size, self.b.checkpoint.image_size

    def scores(self, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """psnr in dB, ssim or mse of each image by both: (n,) and (n,), NaN where it was not measured."""
        return tuple(
            of.errors()[metric].to_numpy(np.float64)[rows]
            for of, rows in zip((self.a, self.b), self.rows, strict=True)
        )  # fmt: skip

    def codes(self, layer: str, other: str) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n, H, W) of a layer of a, and (n, h, w) of a layer of b."""
        return self.a.codes(layer)[self.rows[0]], self.b.codes(other)[self.rows[1]]

    def found(self) -> dict[str, Any] | None:
        """What is kept of the comparison, a first; None where it is not there yet."""
        found = self.a.result("comparison", self.options)
        return None if found is None else comparison.seen_from(found, self.a.subject.encoding_key)

    def no_errors(self) -> str:
        """Why scores of reconstructions cannot be compared image by image, one sentence; empty where they can."""
        for of in (self.a, self.b):
            if of.checkpoint.no_decoder:
                return f"{of.checkpoint.name} has no decoder, so only codes and latents are compared."
        if self.size[0] != self.size[1]:
            return (
                f"{self.a.checkpoint.name} takes images of {self.size[0]} pixels, {self.b.checkpoint.name} of "
                f"{self.size[1]}: a decibel at one size is none at the other."
            )
        return ""


def subject_of(study: Study, other: Checkpoint) -> Subject:
    """Another checkpoint on the same part of the dataset: with as many images as it is encoded for, or as many here."""
    here = study.subject
    for limit in dict.fromkeys([here.limit, other.limit_on(here.dataset), None]):
        found = comparison.second(here, _options(here, other, limit))
        if encoded(study, found):
            return found
    return comparison.second(here, _options(here, other, here.limit))


def encoded(study: Study, subject: Subject) -> bool:
    """Whether there is an encoding; where the images would be decoded first, there is none that could be found."""
    from explorer import datasets

    size = subject.facts.image_size
    there = datasets.ready(subject.dataset, subject.split, size, fit=subject.fit, limit=subject.limit)
    return there and study.beside(subject).encoded


def _options(subject: Subject, other: Checkpoint, limit: int | None) -> comparison.Options:
    of_other = comparison.SAME if limit == subject.limit else str(limit or comparison.EVERY)
    return comparison.Options(str(other.path), of_other)


def options_of(study: Study, other: Checkpoint) -> comparison.Options:
    """Options of the result `comparison` with the encoding of another checkpoint that is there, or would be made."""
    return _options(study.subject, other, subject_of(study, other).limit)


def open_pair(study: Study, other: Checkpoint) -> Pair | Subject:
    """Both studies and the images that both have; the other checkpoint's subject where that is not encoded yet.

    Raises:
        BadInput: the two have no image in common, or the other cannot be opened.
    """
    found = study.subject.__dict__.get("pairs", {}).get(other.path)
    if found is not None and found.b.encoded:
        return found
    subject = subject_of(study, other)
    return keep(study, other, _options(study.subject, other, subject.limit)) if encoded(study, subject) else subject


def keep(study: Study, other: Checkpoint, options: comparison.Options) -> Pair:
    """The pair that `open_pair` gives from now on, as long as the images are open."""
    b = study.beside(comparison.second(study.subject, options))
    found = Pair(study, b, comparison.matched(study.images, b.images), options)
    study.subject.__dict__.setdefault("pairs", {})[other.path] = found
    return found
