"""Users with known taste: what they look at is drawn by what they like, so that the right answer is known.

A user likes and dislikes a few values of concepts of the images, such as red things, and stripes. Of N images the next
one is image i with the probability

    p(i) = (1 - noise) · softmax_i(strength · (liked(i) - disliked(i)) + log q(i)) + noise · q(i)

where liked and disliked count the values that the image has, and q is how popular images are whatever anybody's taste:
∝ rank^-popularity, ranks at random. A user's images are drawn one after another without replacement, which is a
Plackett–Luce order (Luce 1959; Plackett 1975), drawn at once by the Gumbel trick (Yellott 1977).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.crowds import Settings
from explorer.errors import BadInput
from explorer.lazy import cached_property

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1  # counted up whenever the same settings give other users
KS = (1, 5, 10, 20, 50)  # that ceilings are told at
MOST_TOLD = 5_000  # users whose tastes are part of the facts
THIRDS = ("low", "middle", "high")  # values that a column of numbers is cut into
MOST_VALUES, MOST = 200, 2_000_000_000  # of a concept; users × images
BEGIN, DAY = 1_735_689_600.0, 86_400.0  # the first of January 2025, in seconds; users come within a year
_BLOCK = 4_000_000  # numbers at once


@dataclass(frozen=True)
class Taste:
    """What a user likes and dislikes: (concept, value) pairs."""

    likes: tuple[tuple[str, str], ...] = ()
    dislikes: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        said = [
            f"{verb} {', '.join(f'{concept} = {value}' for concept, value in pairs)}"
            for verb, pairs in (("likes", self.likes), ("dislikes", self.dislikes))
            if pairs
        ]
        return "; ".join(said) or "no taste"


@dataclass(frozen=True)
class Crowd:
    """Users with known tastes before any of them looked at anything.

    Attributes:
        settings: as they were simulated. tastes: of each user. popular: (N,) q, which sums to 1.
        pairs: the (concept, value) pairs of all tastes, in the order of the rows of `has` (V, N) float32, 0 or 1.
    """

    settings: Settings
    tastes: tuple[Taste, ...]
    popular: np.ndarray
    pairs: tuple[tuple[str, str], ...]
    has: np.ndarray

    @property
    def names(self) -> list[str]:
        """What users are called, in their order and in that of the alphabet: no user can be taken for a real one."""
        digits = len(str(len(self.tastes) - 1))
        return [f"simulated-{user:0{digits}d}" for user in range(len(self.tastes))]

    @cached_property
    def _leanings(self) -> np.ndarray:
        """(U, V) float32: 1 for what a user likes, -1 for what they dislike."""
        at = {pair: place for place, pair in enumerate(self.pairs)}
        found = np.zeros((len(self.tastes), len(self.pairs)), np.float32)
        for user, taste in enumerate(self.tastes):
            found[user, [at[pair] for pair in taste.likes]] += 1
            found[user, [at[pair] for pair in taste.dislikes]] -= 1
        return found

    def probabilities(self, users: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(u, N) float64 of some users: which image each looks at next, were all still to come; rows sum to 1."""
        drawn = self.settings.strength * (self._leanings[users] @ self.has).astype(np.float64)
        drawn = np.exp(drawn - drawn.max(1, keepdims=True)) * self.popular
        drawn *= (1 - self.settings.noise) / drawn.sum(1, keepdims=True)
        return drawn + self.settings.noise * self.popular

    def blocks(self) -> Iterator[np.ndarray]:
        """Users, so many at a time that their probabilities fit into memory."""
        size = max(1, _BLOCK // len(self.popular))
        for start in range(0, len(self.tastes), size):
            yield np.arange(start, min(start + size, len(self.tastes)))


@dataclass(frozen=True)
class Looked:
    """What a crowd looked at, by user and then by time.

    Attributes:
        crowd: who looked. user, item: (M,) int64, users and rows of the images. time: (M,) float64 seconds.
    """

    crowd: Crowd
    user: np.ndarray
    item: np.ndarray
    time: np.ndarray

    def facts(self) -> dict[str, Any]:
        """What is known of the simulation, as JSON: settings, who likes what, and the ceiling, see `ceilings`."""
        tastes = self.crowd.tastes
        told = list(dict.fromkeys(map(str, tastes)))
        at = {taste: place for place, taste in enumerate(told)}
        known = len(tastes) <= MOST_TOLD
        return {
            "version": VERSION, "settings": asdict(self.crowd.settings), "users": len(tastes),
            "interactions": len(self.user), "held": "last",
            "ceiling": {str(k): one for k, one in ceilings(self).items()},
            "tastes": told if known else [], "taste_of": [at[str(taste)] for taste in tastes] if known else [],
        }  # fmt: skip


def crowd(concepts: pd.DataFrame, settings: Settings | None = None) -> Crowd:
    """Users of a set of N images, by its table of concepts (N rows); of equal settings the same ones.

    Numbers are cut into thirds: low, middle, high.

    Raises:
        BadInput: no concept that a taste can be about, or tastes that name something else; one sentence.
    """
    settings = settings or Settings()
    if settings.users * len(concepts) > MOST:
        raise BadInput(
            f"{settings.users:,} users of {len(concepts):,} images are too many to draw; "
            f"take at most {MOST // len(concepts):,} users, or limit the images"
        )
    generator = np.random.default_rng([VERSION, settings.seed])
    values = _values(concepts, settings)
    ranks = generator.permutation(len(concepts)) + 1.0
    popular = ranks**-settings.popularity
    planted = _planted(settings.like, values)
    if planted:
        tastes = tuple(planted[at] for at in generator.integers(len(planted), size=settings.users))
    else:
        tastes = tuple(_taste(values, settings, generator) for _ in range(settings.users))
    pairs = tuple(dict.fromkeys(pair for taste in tastes for pair in (*taste.likes, *taste.dislikes)))
    has = np.zeros((len(pairs), len(concepts)), np.float32)
    for place, (concept, value) in enumerate(pairs):
        has[place] = values[concept][value]
    return Crowd(settings, tastes, popular / popular.sum(), pairs, has)


def simulate(concepts: pd.DataFrame, settings: Settings | None = None) -> Looked:
    """What users with known taste look at, of a set of N images, by its table of concepts (N rows).

    Nobody looks at more than half of the images. Raises BadInput as `crowd` does, and of fewer than 4 images.
    """
    who = crowd(concepts, settings)
    count, most = len(concepts), len(concepts) // 2
    if most < 2:
        raise BadInput(f"of {count} images nobody can choose any; take a set of at least 4")
    generator = np.random.default_rng([VERSION, who.settings.seed, 1])
    each = who.settings.each
    lengths = generator.integers(max(2, each // 2), each + each // 2 + 1, size=len(who.tastes)).clip(2, most)
    items = []
    for users in who.blocks():
        keys = np.log(who.probabilities(users)) + generator.gumbel(size=(len(users), count))
        longest = int(lengths[users].max())
        first = np.argpartition(-keys, longest - 1, axis=1)[:, :longest]
        order = np.take_along_axis(first, np.argsort(-np.take_along_axis(keys, first, 1), axis=1), 1)
        items += [row[:length] for row, length in zip(order, lengths[users], strict=True)]
    user = np.repeat(np.arange(len(lengths)), lengths)
    gaps = generator.exponential(3 * DAY, size=len(user)) + 1
    gaps[np.cumsum(lengths) - lengths] = generator.uniform(0, 365 * DAY, size=len(lengths))
    begun = np.cumsum(gaps)
    before = np.concatenate([[0.0], begun[np.cumsum(lengths)[:-1] - 1]])
    return Looked(who, user, np.concatenate(items), BEGIN + np.floor(begun - np.repeat(before, lengths)))


def ceiling(probabilities: np.ndarray, seen: np.ndarray, k: int, among: np.ndarray | None = None) -> dict[str, Any]:
    """What the ranking that knows every taste reaches on average; no other one expects more.

    Exact for the last image that a user looked at, given all those before: it is drawn from what is left, so ranking
    what is left by its probability is best for each of the three. One of all images drawn at random is found as often,
    but for what the order in which images were drawn tells.

    Args:
        probabilities: (U, N) of the next image. seen: (U, N) bool, what each has looked at before.
        k: how many are recommended. among: (N,) bool, images that can be recommended; by default all.

    Returns: {hit_rate, ndcg, mrr: (U,) float64 in [0, 1]}, of each user, all three at k; NaN where nothing is left.
    """
    left = np.where(seen, 0.0, probabilities)
    if among is not None:
        left[:, ~among] = 0.0
    k = min(k, left.shape[1])
    best = -np.sort(-np.partition(left, left.shape[1] - k, axis=1)[:, left.shape[1] - k :], axis=1)
    total, places = left.sum(1), np.arange(1, k + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        best /= total[:, None]
    weights = {"hit_rate": np.ones(k), "ndcg": 1 / np.log2(places + 1), "mrr": 1 / places}
    return {name: best @ weight for name, weight in weights.items()}


def ceilings(looked: Looked, ks: tuple[int, ...] = KS) -> dict[int, dict[str, float]]:
    """{k: means over users of what `ceiling` says of the last image of each}."""
    starts = np.searchsorted(looked.user, np.arange(len(looked.crowd.tastes) + 1))
    found: dict[int, dict[str, list[np.ndarray]]] = {k: {} for k in ks}
    for users in looked.crowd.blocks():
        probabilities = looked.crowd.probabilities(users)
        seen = np.zeros(probabilities.shape, bool)
        for place, user in enumerate(users):
            seen[place, looked.item[starts[user] : starts[user + 1] - 1]] = True
        for k in ks:
            for name, values in ceiling(probabilities, seen, k).items():
                found[k].setdefault(name, []).append(values)
    return {k: {name: float(np.mean(np.concatenate(parts))) for name, parts in of.items()} for k, of in found.items()}


def _values(concepts: pd.DataFrame, settings: Settings) -> dict[str, dict[str, np.ndarray]]:
    """{concept: {value: (N,) bool}} of what tastes may be about: with at least two values, none of all images."""
    asked = [name.strip() for name in settings.concepts.split(",") if name.strip()]
    unknown = [name for name in asked if name not in concepts]
    if unknown:
        known = ", ".join(map(str, concepts.columns)) or "none"
        raise BadInput(f"unknown concept '{unknown[0][:60]}' for a taste; choose from {known}")
    named = [condition[0] for taste in _said(settings.like) for condition in taste]
    discrete = [name for name in concepts if concepts[name].dtype.kind not in "fiuc"]
    found = {}
    for name in asked or [*dict.fromkeys([*discrete, *(name for name in named if name in concepts)])]:
        values = _valued(concepts[name])
        if 2 <= len(values) <= MOST_VALUES:
            found[str(name)] = values
    if not found and not asked:  # nothing but numbers
        found = {str(name): values for name in concepts if len(values := _valued(concepts[name])) > 1}
    if not found:
        raise BadInput(
            "there is no concept with two values or more that a taste could be about; put images into a folder for "
            "each class, or a metadata.csv beside them"
        )
    return found


def _valued(column: pd.Series) -> dict[str, np.ndarray]:
    """{value: (N,) bool}; of numbers the thirds of the images."""
    import pandas as pd

    if column.dtype.kind in "fiu":
        thirds = pd.qcut(column.rank(method="first"), 3, labels=THIRDS) if column.nunique() > 2 else column
        column = thirds.astype(object)
    text = column.astype(object).where(column.notna(), None)
    values = list(column.cat.categories) if hasattr(column, "cat") else sorted(set(text.dropna()), key=str)
    if len(values) > MOST_VALUES:
        return {}
    found = {str(value): (text == value).to_numpy(bool) for value in values}
    return {value: inside for value, inside in found.items() if inside.any()}


def _taste(values: dict, settings: Settings, generator: np.random.Generator) -> Taste:
    """Values drawn at random, each of another concept as long as there are any."""
    wanted, pairs = settings.likes + settings.dislikes, []
    left = {concept: list(of) for concept, of in values.items()}
    while len(pairs) < wanted and left:
        fresh = [concept for concept in left if concept not in {concept for concept, _ in pairs}] or list(left)
        concept = fresh[generator.integers(len(fresh))]
        pairs.append((concept, left[concept].pop(generator.integers(len(left[concept])))))
        left = {concept: of for concept, of in left.items() if of}
    return Taste(tuple(pairs[: settings.likes]), tuple(pairs[settings.likes :]))


def _said(like: str) -> list[list[tuple[str, str, bool]]]:
    """Tastes as they were written: (concept, value, whether it is liked) of each."""
    tastes = []
    for one in filter(str.strip, like.split(";")):
        conditions = []
        for part in filter(str.strip, one.split(",")):
            concept, equal, value = part.partition("=")
            if not equal or not value.strip():
                raise BadInput(f"'{part.strip()[:60]}' is no taste; write it like colour=red or texture!=stripes")
            conditions.append((concept.rstrip(" !").strip(), value.strip(), not concept.rstrip().endswith("!")))
        tastes.append(conditions)
    return tastes


def _planted(like: str, values: dict[str, dict[str, np.ndarray]]) -> list[Taste]:
    """The tastes that were written, checked against the concepts and their values."""
    found = []
    for taste in _said(like):
        for concept, value, _ in taste:
            if concept not in values:
                raise BadInput(f"unknown concept '{concept[:60]}' in a taste; choose from {', '.join(values)}")
            if value not in values[concept]:
                known = ", ".join(list(values[concept])[:20])
                raise BadInput(f"no image has {concept} '{value[:60]}', which a taste names; choose from {known}")
        pairs = [[(concept, value) for concept, value, liked in taste if liked == wanted] for wanted in (True, False)]
        found.append(Taste(tuple(pairs[0]), tuple(pairs[1])))
    return found
