"""Whether codes keep known factors apart, by the scores of the literature, beside shuffled latents.

What `make` gives:
```
factors: [name];  dependence: {pair: [name, name], v, bits (over the smaller entropy), p, independent, sentence}
latents: [{                  one for each layer × kind of latents (see `analysis/concepts/latents.py`)
  layer, kind, latents (how many), n (images), fitted, scored (images that predictors are scored on), sentence
  scores: {MIG, modularity, InfoM, InfoC, InfoE, SAP, FactorVAE, DCI D, DCI C, DCI I:
           {score, low, high (NaN where refitting is too slow), shuffled: {mean, low, high, shuffles}}}
  told: [{factor, latent (a code, cell or place), share (of the factor's entropy), second, second_share, right}]
}]
refused: {factor: sentence}
```
`right` is how often a forest names the value in other images. Concepts computed from the pixels are no factors; of
numbers the fifths of the images are the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.concepts import factors as measures
from explorer.analysis.concepts import latents as representations
from explorer.analysis.usage import entropy_bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from explorer.analysis.concepts.latents import Latents
    from explorer.analysis.concepts.values import Concept
    from explorer.autoencoder import Layer
    from explorer.results.scores.material import Material

MOST = 12  # factors
FEWEST = 20  # images to fit on and to score, each
RESAMPLED, SHUFFLED, VOTES = 40, 10, 400
DEPENDENT = 0.1  # Cramér's V
NAN = float("nan")


def make(material: Material) -> dict[str, Any]:
    """See above."""
    refused = {name: why for name, why in material.refused.items() if name not in material.computed}
    own = [one for one in material.concepts if not one.computed]
    known = np.all([one.known for one in own[:MOST]], axis=0) if own else np.zeros(0, bool)
    fit, score = (part[known[part]] for part in next(iter(material.folds))) if own else (known, known)
    found = [
        one for one in own[:MOST] if len(fit) and all(len(np.unique(one.index[part])) > 1 for part in (fit, score))
    ]
    refused |= {one.name: f"{one.name} is left out: {MOST} factors are judged" for one in own[MOST:]}
    if min(len(fit), len(score)) < FEWEST and len(own) > 1:
        return {"missing": f"All factors are known of {int(known.sum()):,} images, too few to fit on some of them.",
                "refused": refused}  # fmt: skip
    if len(found) < 2:
        return {
            "missing": "Scores of factors need two or more known factors, such as shape and colour.",
            "refused": refused,
        }
    rows = []
    for layer in material.layers:
        for latents in _latents(material, layer, fit):
            material.say(f"Factors in the {latents.kind} of {layer.name}")
            rows.append({"layer": layer.name} | of_latents(latents, found, fit, score))
    if not rows:
        return {"missing": "No layer has two latents that differ between images.", "refused": refused}
    return {
        "factors": [one.name for one in found], "dependence": _dependence(found), "latents": rows, "refused": refused,
    }  # fmt: skip


def _varies(concept: Concept, rows: np.ndarray) -> bool:
    return len(np.unique(concept.index[rows])) > 1


def _latents(material: Material, layer: Layer, fit: np.ndarray) -> Iterator[Latents]:
    """Every kind of latents that the layer has, of those with at least two."""
    codes, size = material.codes(layer.name), material.size(layer.name)
    found = [representations.counts(codes, fit, size)]
    if layer.grid != (1, 1):
        found.append(representations.positions(codes, fit, size))
    if material.encoding.codebook(layer.name).kind == "kmeans":
        found.append(representations.vectors(material.encoding.pooled(layer.name, material.rows), fit))
    yield from (one for one in found if len(one.names) > 1 and (one.levels[fit] != one.levels[fit[0]]).any())


def of_latents(latents: Latents, factors: list[Concept], fit: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """All scores of one kind of latents, their intervals and what shuffled latents give."""
    generator = np.random.default_rng(0)
    rows = np.concatenate([fit, score])
    told, fitted = counted(latents, factors, rows), predicted(latents, factors, fit, score)
    spread = _spread(latents, factors, rows, generator)
    chance = [counted(latents, factors, rows, generator.permutation(rows))["scores"] for _ in range(SHUFFLED)]
    nothing = predicted(_shuffled(latents, generator), factors, fit, score)
    scores = {}
    for name, value in told["scores"].items():
        null = np.array([one[name] for one in chance])
        scores[name] = _told(value, 1.96 * spread[name], null)
    for name, value in fitted["scores"].items():
        scores[name] = _told(value, fitted["half"].get(name, NAN), np.array([nothing["scores"][name]]))
    row = {
        "kind": latents.kind, "latents": len(latents.names), "n": len(rows), "fitted": len(fit), "scored": len(score),
        "scores": scores, "told": _best(latents, factors, told["share"], fitted["right"]),
    }  # fmt: skip
    return row | {"sentence": _sentence(row)}


def counted(
    latents: Latents, factors: list[Concept], rows: np.ndarray, given: np.ndarray | None = None
) -> dict[str, Any]:
    """Scores of bits of the images `rows`, and the share (L, F); `given` are the images whose latents they have."""
    levels = latents.levels[rows if given is None else given]
    bits = np.stack([measures.mutual_information(levels, one.index[rows]) for one in factors], 1)
    entropies = np.array([float(entropy_bits(np.bincount(one.index[rows]))) for one in factors])
    share, active = bits / np.maximum(entropies, 1e-12), (levels != levels[0]).any(0)
    scores = {
        "MIG": measures.gap(bits, np.maximum(entropies, 1e-12)), "modularity": measures.modularity(bits),
        "InfoM": measures.info_modularity(share, active), "InfoC": measures.info_compactness(share, active),
    }  # fmt: skip
    return {"scores": scores, "share": share}


def predicted(latents: Latents, factors: list[Concept], fit: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """Scores of what is fitted on some images and scored on others; half the width of intervals that there are."""
    trees = [representations.forest(latents, one.index, fit, score) for one in factors]
    importance = np.stack([one for one, _ in trees], 1)
    alone = [representations.single(latents, one.index, one.numbers, fit, score) for one in factors]
    rest = np.stack([representations.explicitness(latents, one.index, fit, score) for one in factors], 1)
    index = np.stack([one.index for one in factors], 1)
    values = latents.levels if latents.nominal else latents.numbers
    generator = np.random.default_rng(1)
    votes = [
        measures.fixed_votes(values[part], index[part], VOTES, generator, nominal=latents.nominal)
        for part in (fit, score)
    ]
    right = [one for _, one in trees]
    surprise = rest.mean(1)
    return {
        "scores": {
            "InfoE": float(1 - surprise.mean()), "SAP": measures.separated(np.stack(alone, 1)),
            "FactorVAE": measures.voted(*votes, len(latents.names)), "DCI D": measures.disentanglement(importance),
            "DCI C": measures.completeness(importance), "DCI I": float(np.mean(right)),
        },
        "half": {"InfoE": float(1.96 * surprise.std(ddof=1) / len(surprise) ** 0.5)},
        "right": right,
    }  # fmt: skip


def _shuffled(latents: Latents, generator: np.random.Generator) -> Latents:
    """Each image has the latents of another one."""
    order = generator.permutation(len(latents.levels))
    return representations.Latents(
        latents.kind, latents.names, latents.levels[order], latents.numbers[order], latents.of
    )


def _spread(latents: Latents, factors: list[Concept], rows: np.ndarray, generator: np.random.Generator) -> dict:
    """Standard error of each score of bits over sets of images drawn with replacement."""
    drawn = [counted(latents, factors, generator.choice(rows, len(rows)))["scores"] for _ in range(RESAMPLED)]
    return {name: float(np.std([one[name] for one in drawn], ddof=1)) for name in drawn[0]}


def _told(value: float, half: float, null: np.ndarray) -> dict[str, Any]:
    ends = (float(null.min()), float(null.max())) if len(null) > 1 else (NAN, NAN)
    shuffled = {"mean": float(null.mean()), "low": ends[0], "high": ends[1], "shuffles": len(null)}
    return {"score": value, "low": value - half, "high": value + half, "shuffled": shuffled}


def _best(latents: Latents, factors: list[Concept], share: np.ndarray, right: list[float]) -> list[dict[str, Any]]:
    order = np.argsort(-share, axis=0, kind="stable")[:2]
    return [
        {
            "factor": one.name, "latent": int(latents.names[first]), "share": float(share[first, place]),
            "second": int(latents.names[second]), "second_share": float(share[second, place]), "right": right[place],
        }
        for place, (one, first, second) in enumerate(zip(factors, *order, strict=True))
    ]  # fmt: skip


def _dependence(factors: list[Concept]) -> dict[str, Any]:
    """The pair of factors that depend most on one another."""
    pairs = [(first, second) for place, first in enumerate(factors) for second in factors[:place]]
    found = [measures.association(first.index, second.index) for first, second in pairs]
    worst = int(np.argmax([one[0] for one in found]))
    (v, bits, p), names = found[worst], [one.name for one in pairs[worst]]
    independent = bool(v < DEPENDENT or p * len(pairs) > 0.05)
    pair = (
        f"{names[1]} and {names[0]}, the most dependent pair of {len(factors)} factors: Cramér's V {v:.2f}, {bits:.0%}"
    )
    said = (
        f"The factors are independent as far as can be told ({pair} of the smaller entropy in common)."
        if independent
        else f"The factors depend on one another ({pair} of the smaller entropy in common), and these scores are made "
        "for independent ones: what is told of one factor may be told of the other."
    )
    return {"pair": names, "v": v, "bits": bits, "p": p, "independent": independent, "sentence": said}


def _sentence(row: dict[str, Any]) -> str:
    scores = row["scores"]
    parts = [
        f"{name} {scores[name]['score']:.2f} (shuffled {scores[name]['shuffled']['mean']:.2f})"
        for name in ("MIG", "DCI D", "DCI C", "DCI I", "InfoM", "InfoC", "InfoE")
    ]
    return f"{row['kind'].capitalize()}, {row['latents']:,} latents: {', '.join(parts)}."
