"""What codes tell about a concept: of all images of a small set, of a large one as far as counts say it of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis import usage

if TYPE_CHECKING:
    from explorer.analysis.usage import ConceptUsage, Information
    from explorer.study import Study

LARGE = 20_000  # images; of more, counts are asked in place of the codes
SOME = 10_000  # of them, whose labels are shuffled, since a shuffle touches every one


def tokens(study: Study, layer: str, labels: np.ndarray) -> Information:
    """Bits that the code of a token tells about labels (N,), beside chance; of a large set, of a seeded sample."""
    from explorer.datasets.sources import sample

    size = len(study.book(layer))
    if study.encoding.images <= LARGE:
        return usage.token_information(study.codes(layer), labels, size)
    known = np.flatnonzero([label is not None for label in labels])
    rows = known[sample(len(known), SOME)]
    return usage.token_information(study.encoding.codes(layer, rows), labels[rows], size)


def codes(study: Study, layer: str, labels: np.ndarray) -> tuple[ConceptUsage, Information]:
    """Use of the codes by labels (N,), and the bits that the presence of each tells, beside chance; of all images."""
    size = len(study.book(layer))
    if study.encoding.images <= LARGE:
        every = study.codes(layer)
        return usage.by_concept(every, labels, size), usage.presence_information(every, labels, size)
    index, values = usage.levels(labels)
    found = study.encoding.by_values(layer, [(index, len(values))])[0]
    used = np.flatnonzero(study.tally(layer).tokens)
    counts = usage.ConceptUsage(values, used, found.tokens[:, used], found.images, int((index < 0).sum()))
    return counts, usage.drawn_information(found.having[:, used], found.images, used)
