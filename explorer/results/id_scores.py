"""What ids are worth: how they use their codes, whose neighbours they find, which concepts they tell, beside baselines.

Baselines are given ids in the same way, of other vectors: a small image, its colours, the network before it learned
anything; and the same ids given to other images. All are asked about the same images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import ids, ids_scoring
from explorer.datasets.sources import sample
from explorer.results import id_vectors
from explorer.results.id_choices import Options, layers_of

if TYPE_CHECKING:
    from explorer.analysis.concepts.values import Concept
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

IMAGES, FEWEST = 4_000, 1_500  # images of 64 × 64 px that are ranked; of larger ones fewer, for the network's sake
QUERIES = 1_000  # of them that are asked for their neighbours
CODES = 256  # that a book of a baseline has, at most
CONCEPTS = 12  # columns that are looked at
SHUFFLES = 3
PIXELS = 64
BATCH = 64
RANDOM, SMALL, COLOURS, UNTRAINED = "random", "pixels", "colours", "untrained encoder"


def found(
    subject: Subject, encoding: Encoding, options: Options, codes: np.ndarray, sizes: tuple[int, ...],
    fitted: np.ndarray, progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    """`levels`, `neighbours`, `concepts`, `collapsed` and `sentence` of ids (N, L).

    Args:
        sizes: possible codes of each level. fitted: rows that no neighbours are asked of, as books were fitted on them.
    """
    levels = ids_scoring.levels(codes, sizes)
    rows = sample(len(codes), _affordable(subject.facts.image_size))
    beside = _baselines(subject, encoding, options, levels, rows, np.isin(rows, fitted), progress)
    progress.update(80, "asking for neighbours")
    layers = layers_of(list(subject.facts.layers), options)
    told = {
        "levels": levels,
        "neighbours": _neighbours(encoding, layers, codes[rows], beside, ~np.isin(rows, fitted)),
        "concepts": _concepts(encoding, codes[rows], beside, rows, progress),
        "collapsed": ids_scoring.collapsed(levels, len(codes)),
        "sentence": ids_scoring.sentence(levels, len(codes)),
    }
    return told | {"ranked": len(rows)}


def _affordable(size: int) -> int:
    return int(np.clip(IMAGES * PIXELS**2 / max(size**2, 1), FEWEST, IMAGES))


def _neighbours(
    encoding: Encoding, layers: list[str], own: np.ndarray, beside: dict[str, Any], unseen: np.ndarray
) -> dict[str, Any] | None:
    """Recall@10 and nDCG@10 against the nearest latents, of images that were not fitted on; None of three or fewer."""
    rows = beside["rows"]
    if len(rows) < 4:
        return None
    vectors, of = id_vectors.of_images(encoding, layers, "ze")
    from explorer.analysis.retrieval import unit

    together = unit(np.concatenate([unit(one - one.mean(0, dtype=np.float64)) for one in vectors], 1)[rows])
    asked = np.flatnonzero(unseen) if unseen.any() else np.arange(len(rows))
    queries = np.sort(np.random.default_rng(7).permutation(asked)[:QUERIES])
    relevant = ids_scoring.truth(together, queries)
    mine = ids_scoring.neighbours(own, queries, relevant)
    shown = {name: ids_scoring.neighbours(one, queries, relevant) for name, one in beside["ids"].items()}
    random = [ids_scoring.neighbours(ids_scoring.shuffled(own, seed), queries, relevant) for seed in range(SHUFFLES)]
    shown[RANDOM] = {name: np.mean([one[name] for one in random], 0) for name in mine}
    from explorer.analysis import pairs

    ahead = {name: pairs.difference(mine["recall"], one["recall"]) for name, one in shown.items()}
    return {
        "k": ids_scoring.K, "of": of, "images": len(rows), **ids_scoring.summed(mine),
        "baselines": {name: ids_scoring.summed(one) for name, one in shown.items()}, "ahead": ahead,
        "lacking": beside["lacking"],
    }  # fmt: skip


def _concepts(
    encoding: Encoding, own: np.ndarray, beside: dict[str, Any], rows: np.ndarray, progress: Progress
) -> list[dict[str, Any]]:
    """How far each level tells each concept, of our ids and of the baselines."""
    shown = []
    known = prepared(encoding, rows)
    for at, concept in enumerate(known):
        progress.update(85 + 15 * at // len(known), f"asking how far ids tell {concept.name[:40]}")
        each = {"ids": own, **beside["ids"]}
        told = {name: ids_scoring.purity(one, concept.index) for name, one in each.items()}
        shown.append({
            "concept": concept.name, "n": int(concept.known.sum()), "levels": told["ids"],
            "baselines": {name: [one["ami"] for one in level] for name, level in told.items() if name != "ids"},
            **_against(told, each, concept),
        })  # fmt: skip
    return shown


def _against(told: dict[str, Any], each: dict[str, np.ndarray], concept: Concept) -> dict[str, Any]:
    """`best_level`, and how far ids are `ahead` there of the `best` baseline at its best level."""
    tops = {name: int(np.argmax([one["ami"] for one in level])) for name, level in told.items()}
    others = [name for name in told if name != "ids"]
    if not others:
        return {"best_level": tops["ids"] + 1, "best": None, "ahead": None}
    best = max(others, key=lambda name: told[name][tops[name]]["ami"])
    known = concept.known
    groups = [ids.prefixes(each[name][known])[:, tops[name]] for name in ("ids", best)]
    ahead = ids_scoring.ahead(*groups, concept.index[known])
    return {"best_level": tops["ids"] + 1, "best": best, "ahead": ahead}


def prepared(encoding: Encoding, rows: np.ndarray) -> list[Concept]:
    """Concepts of some images; those that cannot be judged are left out."""
    from explorer.analysis.concepts import values

    table = encoding.concepts().iloc[rows]
    found = [values.prepared(str(name), table[name]) for name in table.columns[: 3 * CONCEPTS]]
    return [one for one in found if not isinstance(one, str)][:CONCEPTS]


def _baselines(
    subject: Subject, encoding: Encoding, options: Options, levels: list[dict[str, Any]], rows: np.ndarray,
    fitted: np.ndarray, progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    """Ids of the same images by what needs no codes: `ids` by name, and what is `lacking`, with a reason."""
    of: dict[str, list[np.ndarray]] = {}
    lacking = {}
    if not getattr(subject.images, "pictured", True):
        lacking = dict.fromkeys((SMALL, COLOURS, UNTRAINED), "there are no pictures")
    else:
        from explorer.analysis.concepts import features

        parts = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
        small, colours, own = [], [], []
        reader = _untrained(subject, encoding, options, progress) if subject.facts.family != "codes" else None
        for at, part in enumerate(parts):
            progress.update(
                35 + 35 * at // len(parts), "reading the pictures, also with a network that learned nothing"
            )
            pixels = subject.images.read(part)
            small.append(features.pixels(pixels))
            colours.append(np.sqrt(features.colour_counts(pixels)).astype(np.float32))
            own += [] if reader is None else [reader(pixels)]
        of = {SMALL: [np.concatenate(small)], COLOURS: [np.concatenate(colours)]}
        if reader is None:
            lacking[UNTRAINED] = "there is no network"
        else:
            of[UNTRAINED] = [np.concatenate(one) for one in zip(*own, strict=True)]
    learned = fitted if fitted.any() else np.arange(len(rows)) % 2 == 0
    made = {}
    for name, vectors in of.items():
        progress.update(72, f"fitting ids of {name}")
        made[name] = _as_ours(options, levels, vectors, learned)
    return {"rows": rows, "ids": made, "lacking": lacking}


def _as_ours(options: Options, levels: list[dict[str, Any]], vectors: list[np.ndarray], fitted: np.ndarray):
    """Ids in the same way, fitted, with as many codes a level as ours use."""
    if options.way == "tree":
        sizes = (options.branch,) * options.levels
    else:
        sizes = tuple(min(max(level["used"], 1), CODES) for level in levels)
    way = "residual" if options.way == "levels" and len(vectors) == 1 else options.way
    some = [one[fitted] for one in vectors]
    return ids.built(way, some, ids.labelled(way, some, sizes), sizes[0]).ids(vectors)


def _untrained(subject: Subject, encoding: Encoding, options: Options, progress: Progress):
    """Pixels (n, h, w, 3) uint8 -> means of the latents (n, D) of each layer, of the network with fresh weights."""
    import torch

    from explorer.autoencoder import device_of, to_images
    from explorer.precision import exact
    from explorer.results.scores.material import Material

    material = Material(subject, None, encoding, progress)
    model = material.untrained(0)
    if material.subject.facts.format == "explorer":
        from explorer.jobs.devices import choose

        model = model.to(choose(subject.device))
    names = layers_of(list(subject.facts.layers), options)

    def read(pixels: np.ndarray) -> list[np.ndarray]:
        with exact(), torch.inference_mode():
            latents = model.encode(to_images(pixels, device_of(model)))
            return [latents[name].float().mean((1, 2)).cpu().numpy() for name in names]

    return read
