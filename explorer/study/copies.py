"""The training images that samples are nearest to, for whoever looks at samples: by codes, and by small pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.encodings import Encoding
    from explorer.priors.folder import Facts
    from explorer.results.subject import Subject
    from explorer.study import Study

READ = 512  # images at once
KEPT = 60_000  # small training pictures that are kept; of more, none are looked at by pixels
TILE = 64  # pixels of a side of a thumbnail, at most


@dataclass(frozen=True)
class Near:
    """What is nearest to each of n samples in the training set.

    Attributes:
        rows: (n,) training image that has most of the same codes in the same cells. shares: (n,) of the cells.
        pixel_rows: (n,) training image with the least squared difference; −1 where there are too many to look.
        distances: (n,) root mean square difference of small pictures, in [0, 1]; of blurred ones, as of means.
        thumbnails, pixel_thumbnails: (n, s, s, 3) uint8 of both; None where there is nothing to see.
    """

    rows: np.ndarray
    shares: np.ndarray
    pixel_rows: np.ndarray
    distances: np.ndarray
    thumbnails: np.ndarray | None
    pixel_thumbnails: np.ndarray | None


def trained_on(study: Study, facts: Facts) -> Subject:
    """The training images of a prior: what is to be encoded where `nearest_training` knows nothing."""
    known = {"kmeans": facts.kmeans or study.subject.kmeans, "limit": facts.training.get("limit")}
    return replace(study.subject, dataset=facts.dataset, split="train", **known)


def nearest_training(
    study: Study, facts: Facts, codes: Mapping[str, np.ndarray], pixels: np.ndarray | None = None
) -> Near | None:
    """The nearest training image of each sample; None until the training images are encoded (`trained_on`).

    Args:
        codes: (n, H, W) of each level. pixels: (n, h, w, 3) uint8 of what they are decoded to, where they are.
    """
    from explorer.analysis import copying
    from explorer.priors import folder

    if _encoding(study, facts) is None:
        return None
    known = facts.name, folder.fingerprint(facts.path)
    training = study.remember(_training, *known)
    wanted = {level.name: codes[level.name] for level in facts.levels}
    search = copying.ByCodes(copying.flat(wanted))
    search.see(training)
    images = trained_on(study, facts).images
    count = len(search.rows)
    by_pixels, distances = np.full(count, -1), np.full(count, np.nan)
    small = study.remember(_small, *known) if pixels is not None and images.pictured else None
    if small is not None:
        from explorer.analysis.concepts import features

        seen = copying.ByPixels(features.pixels(pixels))
        for start in range(0, len(small), READ):
            seen.see(small[start : start + READ].astype(np.float32) / 255, start)
        by_pixels, distances = seen.rows, seen.distances
    shown = _tiles(images, search.rows) if images.pictured else None
    return Near(
        search.rows, search.shares, by_pixels, distances, shown, None if small is None else _tiles(images, by_pixels)
    )


def _encoding(study: Study, facts: Facts) -> Encoding | None:
    return study.beside(trained_on(study, facts)).result("encoding")


def _training(study: Study, name: str, _: str) -> np.ndarray:
    """Codes (N, P) of all training images."""
    from explorer.analysis import copying
    from explorer.study import priors

    facts = priors.facts_of(study, name)
    encoding = _encoding(study, facts)
    return copying.flat({one.name: encoding.codes(one.name) for one in facts.levels})


def _small(study: Study, name: str, _: str) -> np.ndarray | None:
    """Small pictures (N, F) uint8 of all training images; None of too many."""
    from explorer.analysis.concepts import features
    from explorer.study import priors

    images = trained_on(study, priors.facts_of(study, name)).images
    if len(images) > KEPT:
        return None
    parts = [
        np.rint(255 * features.pixels(images.read(slice(at, min(at + READ, len(images)))))).astype(np.uint8)
        for at in range(0, len(images), READ)
    ]
    return np.concatenate(parts)


def _tiles(images: object, rows: np.ndarray) -> np.ndarray:
    """Thumbnails (n, s, s, 3) uint8 of rows, each other pixel of large ones."""
    found = images.read(rows)
    step = max(1, -(-found.shape[1] // TILE))
    return found[:, ::step, ::step]
