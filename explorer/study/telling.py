"""What codes tell about a concept: of all images of a small set, of a large one as far as counts say it of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis import codes, usage
from explorer.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.usage import ConceptUsage, Information
    from explorer.study import Study

LARGE = 20_000  # images; of more, counts are asked in place of the codes
SOME = 10_000  # of them, whose labels are shuffled, since a shuffle touches every one
VALUES = 1000  # of a concept that are counted in a large set


@dataclass(frozen=True)
class Told:
    """What the codes of a layer have to do with a concept.

    Attributes:
        usage: tokens by value and code. tokens: bits that the code of a token tells, of `tokens.images` images.
        presence: bits that the presence of each code in an image tells.
        cut: whether the concept is continuous and was cut into fifths of the images.
    """

    usage: ConceptUsage
    tokens: Information
    presence: Information
    cut: bool


def told(study: Study, layer: str, column: pd.Series) -> Told | None:
    """What the codes of a layer tell about a column (N rows), beside chance; None where no image has a value.

    Raises:
        BadInput: a concept with too many values to be counted in so many images.
    """
    size = len(study.book(layer))
    if study.encoding.images <= LARGE:
        labels, cut = codes.values_of(column)
        if all(label is None for label in labels):
            return None
        every = study.codes(layer)
        counts = usage.by_concept(every, labels, size)
        tells = usage.token_information(every, labels, size), usage.presence_information(every, labels, size)
        return Told(counts, *tells, cut)
    index, values, cut = codes.indexed(column)
    if not values:
        return None
    if len(values) > VALUES:
        raise BadInput(
            f"{column.name} has {len(values):,} values; at most {VALUES:,} are counted in {len(index):,} images"
        )
    found = study.encoding.by_values(layer, [(index, len(values))])[0]
    used = np.flatnonzero(study.tally(layer).tokens)
    counts = usage.ConceptUsage(values, used, found.tokens[:, used], found.images, int((index < 0).sum()))
    presence = usage.drawn_information(found.having[:, used], found.images, used)
    return Told(counts, _sampled(study, layer, index, values), presence, cut)


def tokens(study: Study, layer: str, column: pd.Series) -> Information | None:
    """What a token tells alone."""
    if study.encoding.images <= LARGE:
        labels, _ = codes.values_of(column)
        known = any(label is not None for label in labels)
        return usage.token_information(study.codes(layer), labels, len(study.book(layer))) if known else None
    index, values, _ = codes.indexed(column)
    return _sampled(study, layer, index, values) if values else None


def sampled(study: Study, found: Information) -> bool:
    """Whether what a token tells is of some of the images that have a value."""
    return study.encoding.images > LARGE and found.images >= SOME


def _sampled(study: Study, layer: str, index: np.ndarray, values: list) -> Information:
    """What a token tells, of a seeded sample of the images that have a value."""
    from explorer.datasets.sources import sample

    known = np.flatnonzero(index >= 0)
    rows = known[sample(len(known), SOME)]
    labels = np.array(values, object)[index[rows]]
    return usage.token_information(study.encoding.codes(layer, rows), labels, len(study.book(layer)))
