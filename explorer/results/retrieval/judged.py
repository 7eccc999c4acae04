"""Every way to search scored by every concept of the judged images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.retrieval import choosing, scoring
from explorer.analysis.retrieval.choosing import Scores
from explorer.datasets.sources import sample
from explorer.results.retrieval.ways import OWN, PLAIN, SHUFFLED, Way, rows_of

if TYPE_CHECKING:
    from explorer.analysis.concepts.values import Concept
    from explorer.analysis.retrieval import Rows
    from explorer.results.retrieval import Options
    from explorer.results.scores.material import Material

QUERIES = 1_000  # images that are searched for, a seeded sample of those with a value
CONCEPTS = 60  # at most; the dataset's own come first
BLOCK = 200  # queries ranked at once
TOO_MANY = "{count:,} concepts are more than the {most} that are judged at once; name it to judge it"
NO_QUERY = "{name}: no image has another one of its value"
KEPT = "Copies stay among the images, as too few would be left: a way that finds copies looks better than it is."


@dataclass(frozen=True)
class Asked:
    """Concepts that are asked of the same images.

    Attributes:
        ranked: (m,) positions of the judged images that have a value. queries: (q,) positions in `ranked`.
        concepts: of the m images.
    """

    ranked: np.ndarray
    queries: np.ndarray
    concepts: list[Concept]


def judge(material: Material, options: Options) -> dict[str, Any]:
    """Ways, concepts and their scores, as the result has them."""
    from explorer.notebook import sets

    concepts, refused = _concepts(material)
    own = sets.chosen_by(material.subject.images.fingerprint, material.subject.fingerprint)
    asked, ways, scores = _asked(concepts), [], {}  # scores: {concept: (AP, precision) of each way}
    groups = _groups(material)
    for way, seeds in _ways(material, options, bool(concepts)):
        ways.append(way)
        for some in asked:
            material.say(f"searching by {way.way} {way.layer}".rstrip())
            found = _scored(seeds, some, groups, options.k)
            for concept, one in zip(some.concepts, found, strict=True):
                scores.setdefault(concept.name, []).append(one)
    told = []
    for some in asked:
        relevant, ranked = _relevant(some, groups)
        for concept, number in zip(some.concepts, relevant, strict=True):
            by_chance = scoring.chance(number, ranked, options.k)
            none = np.empty((0, len(number), 0))
            exact = Scores(by_chance.average, none, none), Scores(by_chance.precision, none, none)
            if (number > 0).any():
                rows = [*scores[concept.name], exact]
                told.append(_told(concept, some, rows, number > 0, [*ways, Way("chance", "", "nothing")]))
                told[-1]["possible"] = float(np.minimum(number[number > 0], options.k).mean() / options.k)
                told[-1] |= {"circular": sets.CIRCULAR} if concept.name in own else {}
            else:
                refused[concept.name] = NO_QUERY.format(name=concept.name)
    order = {concept.name: at for at, concept in enumerate(concepts)}
    return {
        "images": len(material.rows), "copies": _copies(material), "kept": bool(material.leak.get("kept")),
        "ways": [asdict(way) for way in (*ways, Way("chance", "", "nothing"))],
        "concepts": sorted(told, key=lambda one: order[one["concept"]]), "refused": refused, "notes": material.told,
    }  # fmt: skip


def _concepts(material: Material) -> tuple[list[Concept], dict[str, str]]:
    """What is judged: all that the dataset and its pixels have, and sets where they are named."""
    from explorer.notebook import sets

    named = sets.PREFIX in material.options.concept
    found = [one for one in material.concepts if named or not one.name.startswith(sets.PREFIX)]
    refused = {name: why for name, why in material.refused.items() if named or not name.startswith(sets.PREFIX)}
    more = {one.name: TOO_MANY.format(count=len(found), most=CONCEPTS) for one in found[CONCEPTS:]}
    return found[:CONCEPTS], refused | more


def _copies(material: Material) -> str:
    """What was found of copies, in a sentence."""
    return KEPT if material.leak.get("kept") else str(material.leak.get("sentence") or material.leak.get("missing", ""))


def _ways(material: Material, options: Options, any_concept: bool) -> Iterator[tuple[Way, list[Rows]]]:
    """Nothing is ranked where nothing can be judged."""
    return rows_of(material, options.encoder) if any_concept and len(material.rows) > 1 else iter(())


def _asked(concepts: list[Concept]) -> list[Asked]:
    """Concepts by the images that have a value of them, and by the images that are searched for."""
    found: dict[bytes, Asked] = {}
    for concept in concepts:
        ranked = np.flatnonzero(concept.known)
        some = _members(concept.of(ranked))
        queries = some[sample(len(some), QUERIES, seed=47)]
        place = found.setdefault(ranked.tobytes() + b"/" + queries.tobytes(), Asked(ranked, queries, []))
        place.concepts.append(concept.of(ranked))
    return list(found.values())


def _members(concept: Concept) -> np.ndarray:
    """Images that may be searched for: all, but of a set its own, as the rest have nothing in common."""
    from explorer.notebook import sets

    if concept.name.startswith(sets.PREFIX) and sets.IN in concept.values:
        return np.flatnonzero(concept.index == concept.values.index(sets.IN))
    return np.arange(len(concept))


def _groups(material: Material) -> np.ndarray:
    """(n,) a number of each judged image, the same for copies pixel for pixel; each its own where none are left."""
    stamps = getattr(material.subject.images, "stamps", None)
    if not material.leak.get("kept") or stamps is None:
        return np.arange(len(material.rows))
    return np.unique(stamps[material.rows, 1], return_inverse=True)[1].reshape(-1)


def _scored(seeds: list[Rows], some: Asked, groups: np.ndarray, k: int) -> list[tuple[Scores, Scores]]:
    """AP@k and precision@k of each query for each concept, the mean over seeds."""
    of, relevant = groups[some.ranked], _relevant(some, groups)[0]
    scores = [np.zeros((2, len(some.queries))) for _ in some.concepts]
    rows, moved = [], [[] for _ in some.concepts]  # of each seed
    for one in seeds:
        one, parts = one[some.ranked].astype(np.float64), [[] for _ in some.concepts]
        for start in range(0, len(some.queries), BLOCK):
            part = slice(start, start + BLOCK)
            queries = some.queries[part]
            similarity = one[queries] @ one.T
            similarity = similarity.toarray() if hasattr(similarity, "toarray") else similarity
            similarity[of[queries][:, None] == of] = -np.inf
            ranked = scoring.rank(similarity, k, seed=start)
            rows.append(ranked.rows)
            for concept, into, count, lost in zip(some.concepts, scores, relevant, parts, strict=True):
                found = scoring.found(ranked, (concept.index[queries], concept.index), count[part], k)
                into[:, part] += np.stack([found.average, found.precision]) / len(seeds)
                lost.append(found.moved)
        for into, lost in zip(moved, parts, strict=True):
            into.append(np.concatenate(lost, 1))
    shown = np.concatenate(rows).reshape(len(seeds), len(some.queries), -1)
    return [
        tuple(Scores(value, shown, np.stack([one[at] for one in of_seeds])) for at, value in enumerate(values))
        for values, of_seeds in zip(scores, moved, strict=True)
    ]


def _relevant(some: Asked, groups: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """For each concept (q,) the relevant images of each query, and (q,) how many are ranked; copies are neither."""
    of = groups[some.ranked]
    _, group, size = np.unique(of, return_inverse=True, return_counts=True)
    ranked = len(of) - size[group.reshape(-1)[some.queries]]
    found = []
    for concept in some.concepts:
        pairs = of.astype(np.int64) * (len(concept.values) + 1) + concept.index
        _, pair, copies = np.unique(pairs, return_inverse=True, return_counts=True)
        own = np.bincount(concept.index)[concept.index] - copies[pair.reshape(-1)]
        found.append(own[some.queries])
    return found, ranked


def _told(
    concept: Concept, some: Asked, scores: list[tuple[Scores, Scores]], asked: np.ndarray, ways: list[Way]
) -> dict[str, Any]:
    """What the result says of a concept: AP and precision by each way, of the queries (q,) that are asked."""
    of = choosing.Asked(some.queries[asked], len(some.ranked), concept.index[some.queries][asked])
    average, precision = (
        [Scores(one[at].value[asked], one[at].rows[:, asked], one[at].moved[:, asked]) for one in scores]
        for at in range(2)
    )
    means = {
        "map": [choosing.between(one, of) for one in average],
        "macro": [choosing.between(one, of, alike=True) for one in average],
        "precision": [choosing.between(one, of) for one in precision],
    }
    plain = [at for at, way in enumerate(ways) if way.group in PLAIN and way.way != SHUFFLED]
    best = {}
    for name, groups in (("best", OWN), ("codes", OWN[:1])):
        own = [at for at, way in enumerate(ways) if way.group in groups]
        chosen = choosing.choose(average, own, plain, of)
        best[name] = None if chosen is None else {
            field: list(asdict(one).values()) if isinstance(one, choosing.Between) else one
            for field, one in vars(chosen).items()
        }  # fmt: skip
    return {
        "concept": concept.name, "computed": concept.computed, "fifths": concept.numbers is not None,
        "images": len(some.ranked), "queries": int(asked.sum()), "alone": int((~asked).sum()),
        **{name: [list(asdict(one).values()) for one in of_ways] for name, of_ways in means.items()},
        "values": [
            {"value": concept.values[value], "queries": int((of.values == value).sum()),
             "map": [float(one.value[of.values == value].mean()) for one in average]}
            for value in np.unique(of.values)
        ],
        **best,
    }  # fmt: skip
