"""Users and products of a study: what a user likes, what fits them, who is near, and the codes that are the reason.

A user's taste is the mean of what they looked at, less the mean of all images (`analysis/relations/profiles.py`), by
any way that images are searched by. Where the way is of codes, its parts are the reasons; for others the bag of codes
of the same layer says what user and product have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis import retrieval
from explorer.analysis.relations import Events, profiles
from explorer.errors import BadInput
from explorer.study import similar
from explorer.study.distinct import distinct

if TYPE_CHECKING:
    from explorer.analysis.relations.profiles import Profiles
    from explorer.datasets.interactions import Interactions
    from explorer.study import Study
    from explorer.study.similar import By

HALF_LIFE = 90.0  # days after which a look counts half
EXACT = ("bag", "place")  # ways whose score is a sum over codes
REASONS = 5
FEW = 5  # users; a likeness of fewer is mostly luck
LEAST = 1e-9


@dataclass(frozen=True)
class Reason:
    """A code that brings two together: `part` is what it adds to their score, in the unit of the score, above 0."""

    layer: str
    code: int
    part: float


@dataclass(frozen=True)
class Taste:
    """A code of a user's taste.

    Attributes:
        layer, code: which. part: weight in the profile less that of all images; below 0 for what the user avoids.
        share, usual: of the images that the user looked at, and of all images, those that have it, in [0, 1].
    """

    layer: str
    code: int
    part: float
    share: float
    usual: float


@dataclass(frozen=True)
class Fits:
    """Products for a user, or users for a product, or users near one, the best first.

    Attributes:
        found: (n,) rows of images, or users. scores: (n,); above 0 for what fits better than the mean.
        because: the codes that are the reason of each, those that count most first. exact: whether the scores are sums
            over codes; otherwise the codes are what both have in common.
    """

    found: np.ndarray
    scores: np.ndarray
    because: tuple[tuple[Reason, ...], ...]
    exact: bool


@dataclass(frozen=True)
class Together:
    """Products that the same users looked at: rows (n,), scores (n,) in (0, 1), and how many users (n,) did."""

    rows: np.ndarray
    scores: np.ndarray
    users: np.ndarray


def events(study: Study, found: Interactions) -> Events:
    """Interactions as arrays; BadInput where they are of other images."""
    if found.images != study.images.fingerprint:
        raise BadInput(f"'{found.name}' is of other images than {study.images.name} ({study.images.split})")
    return Events(found.user, found.item, found.weight, found.time, (len(found.users), len(study.images)))


def tastes(study: Study, found: Interactions, by: By, half_life: float = HALF_LIFE) -> Profiles:
    """Profiles of all users by a way to search; what is older counts less, where there are times."""
    return study.remember(_tastes, found, similar.checked(study, by), float(half_life))


def profile(
    study: Study, found: Interactions, user: int, by: By, count: int = 12, half_life: float = HALF_LIFE
) -> tuple[Taste, ...]:
    """The codes of a user that set them apart, the most liked first; what is avoided comes last, if it is as strong."""
    coded = _coded(study, by)
    parts = tastes(study, found, coded, half_life).taste(_known(found, user))
    own = found.item[found.of(user)]
    said = []
    for at in np.argsort(-np.abs(parts), kind="stable")[:count]:
        layer, code = _column(study, coded, int(at))
        having = _having(study, layer)[:, [code]].toarray()[:, 0] > 0
        said.append(Taste(layer, code, float(parts[at]), float(having[own].mean()), float(having.mean())))
    return tuple(sorted(said, key=lambda one: -one.part))


def for_user(study: Study, found: Interactions, user: int, by: By, k: int = 12, half_life: float = HALF_LIFE) -> Fits:
    """The `k` products that fit a user best, of those not looked at, copies apart."""
    by = similar.checked(study, by)
    of = tastes(study, found, by, half_life)
    scores = of.scores(np.array([_known(found, user)]))[0]
    seen = _copied(study, found.item[found.of(user)])

    def search(count: int) -> tuple[np.ndarray, np.ndarray]:
        rows = retrieval.top(scores, count, seen)
        return rows, scores[rows]

    best = distinct(study, search, k)
    because = _reasons(study, found, by, half_life)
    return Fits(best.rows, best.scores, tuple(because.parts(user, int(row)) for row in best.rows), by.way in EXACT)


def for_product(study: Study, found: Interactions, row: int, by: By, k: int = 12, half_life: float = HALF_LIFE) -> Fits:
    """The `k` users whom a product fits best, of those who did not look at it."""
    by = similar.checked(study, by)
    of = tastes(study, found, by, half_life)
    scores = of.fit(row)
    users = retrieval.top(scores, k, found.user[found.item == row])
    because = _reasons(study, found, by, half_life)
    return Fits(users, scores[users], tuple(because.parts(int(user), row) for user in users), by.way in EXACT)


def near_users(study: Study, found: Interactions, user: int, by: By, k: int = 12, half_life: float = HALF_LIFE) -> Fits:
    """The `k` users with the most similar taste, by its cosine, and the codes that both like."""
    by = similar.checked(study, by)
    likeness = tastes(study, found, by, half_life).likeness(_known(found, user))
    users = retrieval.top(np.minimum(likeness, 1.0), k, (user,))
    because = _reasons(study, found, by, half_life)
    return Fits(users, likeness[users], tuple(because.shared(user, int(one)) for one in users), by.way in EXACT)


def near_products(study: Study, found: Interactions, row: int, k: int = 12) -> Together:
    """Products that the same users looked at as this one, by the cosine of who did; no picture is asked.

    The cosine is n / √(a · b) of n users who looked at both and a, b who looked at each; it is n / (√(a · b) + FEW)
    here, since one user who looked at both is no evidence (Bell and Koren, Scalable collaborative filtering, 2007).
    """
    seen, counts = study.remember(_seen, found)
    if not 0 <= row < seen.shape[1]:
        raise BadInput(f"image {row} is not there; choose from 0 to {seen.shape[1] - 1:,}")
    both = seen.T @ seen[:, [row]].toarray()[:, 0]
    scores = np.where(both > 0, both / (np.sqrt(counts * counts[row]) + FEW), -np.inf)
    best = retrieval.top(scores, k, (row,))
    return Together(best, scores[best], both[best].astype(np.int64))


def why(
    study: Study, found: Interactions, user: int, row: int, by: By, half_life: float = HALF_LIFE
) -> tuple[float, tuple[Reason, ...]]:
    """How well a product fits a user, and the codes that are the reason."""
    by = similar.checked(study, by)
    score = float(tastes(study, found, by, half_life).scores(np.array([_known(found, user)]))[0, row])
    return score, _reasons(study, found, by, half_life).parts(user, row)


# ---- how it is computed


@dataclass(frozen=True)
class _Because:
    """Reasons by the profiles of a way of codes."""

    study: Study
    by: By
    of: Profiles

    def parts(self, user: int, row: int) -> tuple[Reason, ...]:
        return self._told(self.of.parts(user, row))

    def shared(self, user: int, other: int) -> tuple[Reason, ...]:
        """Codes that both like: that both avoid something is no reason that can be looked at."""
        return self._told(np.where(self.of.taste(user) > 0, self.of.shared(user, other), 0))

    def _told(self, parts: np.ndarray) -> tuple[Reason, ...]:
        said: dict[tuple[str, int], float] = {}
        for at in np.argsort(-parts, kind="stable")[: 4 * REASONS]:  # of codes at places several may be one code
            if parts[at] > LEAST:
                column = _column(self.study, self.by, int(at))
                said[column] = said.get(column, 0.0) + float(parts[at])
        best = sorted(said.items(), key=lambda one: -one[1])[:REASONS]
        return tuple(Reason(layer, code, part) for (layer, code), part in best)


def _reasons(study: Study, found: Interactions, by: By, half_life: float) -> _Because:
    coded = _coded(study, by)
    return _Because(study, coded, tastes(study, found, coded, half_life))


def _coded(study: Study, by: By) -> By:
    """The way itself where its score is a sum over codes, else the bag of codes of its layer."""
    by = similar.checked(study, by)
    return by if by.way in EXACT else similar.checked(study, similar.By("bag", by.layer))


def _tastes(study: Study, found: Interactions, by: By, half_life: float) -> Profiles:
    return profiles.profiles(events(study, found).shares(half_life), similar.represented(study, by))


def _seen(study: Study, found: Interactions) -> tuple:
    of = events(study, found)
    return of.seen().tocsc(), of.popularity().astype(np.float64)


def _known(found: Interactions, user: int) -> int:
    if not 0 <= user < len(found.users):
        raise BadInput(f"there is no user number {user}; choose from 0 to {len(found.users) - 1:,}")
    return int(user)


def _column(study: Study, by: By, at: int) -> tuple[str, int]:
    """Layer and code of a column of a way of codes."""
    for layer, codes in study.remember(_columns, by):
        if at < len(codes):
            return layer, int(codes[at])
        at -= len(codes)
    raise IndexError(at)


def _columns(study: Study, by: By) -> list[tuple[str, np.ndarray]]:
    return similar.columns(study, by)


def _having(study: Study, layer: str):
    """(N, K) sparse, how often each image has each code."""
    return study.remember(_counted, layer)


def _counted(study: Study, layer: str):
    from explorer.analysis.retrieval import bags

    return bags.counted(study.codes(layer), len(study.book(layer))).tocsc()


def _copied(study: Study, rows: np.ndarray) -> np.ndarray:
    """Rows and their copies, pixel for pixel."""
    stamps = study.images.stamps
    if stamps is None or not len(rows):
        return rows
    pixels = stamps[:, 1]
    return np.flatnonzero(np.isin(pixels, pixels[rows]) & (pixels != 0) | np.isin(np.arange(len(pixels)), rows))
