"""Whether pairs of codes tell more of a concept than either code: chosen on some images, scored on others.

What `make` gives:
```
concepts: [{                   one for each concept × layer
  concept, layer, n (scored images), fitted, missing, computed, concept_bits, shuffles
  scored (pairs), found (of them, low > 0 and q < 0.05), by_chance (found where other images supply the second code)
  sentence
  pairs: [{offset: [down, right], codes: [first, second], images, bits, alone: [first, second], gain, low, high
           null: {mean, high}, p, q}]        the most surely found first
}]
refused: {concept or layer: sentence}
```
q is over the pairs of a concept and layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.concepts import pairs
from explorer.analysis.selection import adjust
from explorer.analysis.usage import entropy_bits

if TYPE_CHECKING:
    from explorer.analysis.concepts.folds import Folds
    from explorer.analysis.concepts.pairs import Pairs
    from explorer.analysis.concepts.values import Concept
    from explorer.results.scores.material import Material

MOST = 16  # concepts, those of the set first
FEWEST = 20  # images to choose on and to score, each
IMAGES, PLACES = 2_000, 128_000  # that are scored, at most: images, and images × cells
RULE = 0.05


def make(material: Material) -> dict[str, Any]:
    """See above."""
    refused = dict(material.refused)
    concepts = sorted(material.concepts, key=lambda one: one.computed)
    refused |= {one.name: f"{one.name} is left out: {MOST} concepts are judged here" for one in concepts[MOST:]}
    fit, score = halves(material.folds)
    rows = []
    for layer in material.layers:
        if layer.grid == (1, 1):
            refused[layer.name] = f"{layer.name} has one code an image, so there are no pairs"
            continue
        codes = material.codes(layer.name)
        for concept in concepts[:MOST]:
            material.say(f"Pairs of codes of {layer.name} that tell {concept.name}")
            told = of_concept(codes, concept, fit, score)
            if isinstance(told, str):
                refused[concept.name] = told
            else:
                rows.append({"concept": concept.name, "layer": layer.name} | told)
    if not rows:
        return {"missing": "No concept can be asked of pairs of codes here: see why below.", "refused": refused}
    for row in rows:
        row["sentence"] = _sentence(row)
    return {"concepts": rows, "refused": refused}


def halves(folds: Folds) -> tuple[np.ndarray, np.ndarray]:
    """Images to choose pairs on, and others to score them on: of several folds about half each."""
    if folds.number.max() < 1:
        return next(iter(folds))
    scored = folds.scored
    return scored[folds.number[scored] % 2 == 1], scored[folds.number[scored] % 2 == 0]


def of_concept(codes: np.ndarray, concept: Concept, fit: np.ndarray, score: np.ndarray) -> dict[str, Any] | str:
    """All of one concept and layer, or one sentence on why not; codes (n, H, W)."""
    score = score[: max(FEWEST, min(IMAGES, PLACES // codes[0].size))] if len(score) > IMAGES // 4 else score
    fit, score = fit[concept.known[fit]], score[concept.known[score]]
    if min(len(fit), len(score)) < FEWEST:
        return f"{concept.name} is known of too few images to choose pairs on {len(fit):,} and score {len(score):,}"
    held, labels = np.unique(concept.index[fit], return_inverse=True)
    score = score[np.isin(concept.index[score], held)]
    known = np.searchsorted(held, concept.index[score])
    if len(np.unique(labels)) < 2 or len(np.unique(known)) < 2:
        return f"{concept.name} has one value in the images that pairs are chosen or scored on"
    shared = {
        "n": len(score), "fitted": len(fit), "missing": int((~concept.known).sum()), "computed": concept.computed,
        "concept_bits": float(entropy_bits(np.bincount(known))), "shuffles": pairs.SHUFFLES,
    }  # fmt: skip
    offset, chosen = pairs.choose(codes[fit], labels)
    if not len(chosen):
        return shared | {"scored": 0, "found": 0, "by_chance": 0, "pairs": []}
    told = pairs.score(codes[score], known, offset, chosen)
    q = adjust(told.p)
    broken = control(codes[score], known, offset, chosen)
    order = np.lexsort((-told.gain, q))
    listed = [numbers(told, place) | {"q": float(q[place])} for place in order]
    found = int(((q < RULE) & (told.low > 0)).sum())
    return shared | {"scored": len(chosen), "found": found, "by_chance": broken, "pairs": listed}


def control(codes: np.ndarray, labels: np.ndarray, offset: np.ndarray, chosen: np.ndarray) -> int:
    """How many of the same pairs are found where other images of the value supply every second code."""
    given = next(pairs.within(labels, np.random.default_rng(7), 1))
    p, low = [], []
    for step in np.unique(offset, axis=0):
        some = chosen[(offset == step).all(1)]
        first, second = (one[:, :, None] for one in pairs.shifted(codes, tuple(step)))
        both = np.concatenate([first, second[given]], 2)  # a grid of two columns: the pairs of this offset alone
        told = pairs.score(both, labels, np.tile([0, 1], (len(some), 1)), some, seed=1)
        p, low = [*p, *told.p], [*low, *told.low]
    return int(((adjust(np.array(p)) < RULE) & (np.array(low) > 0)).sum())


def numbers(found: Pairs, place: int) -> dict[str, Any]:
    """One pair as plain numbers."""
    return {
        "offset": found.offset[place].tolist(), "codes": found.codes[place].tolist(),
        "images": int(found.images[place]), "alone": found.alone[place].tolist(),
        "null": {"mean": float(found.null[place]), "high": float(found.null_high[place])},
        **{name: float(getattr(found, name)[place]) for name in ("bits", "gain", "low", "high", "p")},
    }  # fmt: skip


def _sentence(row: dict[str, Any]) -> str:
    where = f"of {row['concept']} in {row['layer']}"
    if not row["scored"]:
        return f"No pair of codes told more {where} than its codes on the images that pairs are chosen on."
    if not row["found"]:
        return f"None of {row['scored']:,} chosen pairs tells more {where} than its codes and than chance would."
    best = next(one for one in row["pairs"] if one["q"] < RULE and one["low"] > 0)
    tells = "tells" if row["found"] == 1 else "tell"
    return (
        f"{row['found']:,} of {row['scored']:,} chosen pairs {tells} more {where} than either code and chance "
        f"would; the surest {best['bits']:.3f} bits, its codes {best['alone'][0]:.3f} and {best['alone'][1]:.3f}, and "
        f"{best['null']['mean']:.3f} where other images of the value supply the second code."
    )
