"""How much of each concept each layer holds, beside every null, and the verdict.

What `make` gives:
```
concepts: [{                      one for each concept × layer
  concept, layer, n (scored images with a value), fitted (images that a probe is fitted on), missing, rare: [value]
  metric, score, low, high        of what decided: "average precision" of single codes, else "balanced accuracy" or "R²"
  chance                          what knowing nothing reaches
  baselines: {null: {mean, low, high}}, best_null: {name, mean, low, high}
  verdict, sentence
  codes: [{code, value, ap, low, high, n (scored images of the value), share, null: {name, mean, low, high}}]
  single, joint: {metric, score, low, high, chance, baselines, best_null}     both, whichever decided
  ladder: [{point, probe ("linear" or "kNN"), score, low, high}]              pixels to shuffled bags of codes
  selectivity: {control, selectivity}
  given_pictures: {alone, together, gain, low, high}     a probe on colour, lightness, … and on these and the codes
  values: [{value, n, share, verdict, sentence, single: {…}, joint: {…}}]     each value against the rest
  detectable                      how far above chance a score had to be to be found
}]
refused: {concept: sentence}      what cannot be judged
absent: {null: sentence}          nulls that cannot be had here
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.concepts import features, judging, probes, readings
from explorer.analysis.concepts.folds import folds
from explorer.analysis.concepts.readings import Representation
from explorer.datasets.sources import sample
from explorer.results.scores import nulls

if TYPE_CHECKING:
    from explorer.analysis.concepts.folds import Folds
    from explorer.analysis.concepts.readings import Reading
    from explorer.analysis.concepts.values import Concept
    from explorer.results.scores.material import Material

JUDGED = 4_000  # images, a seeded sample of those of all scores: every probe and null is fitted and scored on the same


def make(material: Material) -> dict[str, Any]:
    """Judges every concept in every layer."""
    positions = sample(len(material.rows), JUDGED)
    concepts = [one.of(positions) for one in material.concepts]
    divided = folds(len(positions))
    found: dict[str, Any] = {"concepts": [], "refused": material.refused, "absent": nulls.absent(material)}
    if not concepts:
        return found
    collected = nulls.collect(material, positions)
    shared = _shared(material, collected, positions, concepts, divided)
    top = _ceiling(material, positions, concepts, divided)
    for layer in material.layers:
        codes, size = material.codes(layer.name, material.rows[positions]), material.size(layer.name)
        readings_of: dict[str, list[list[Reading]]] = dict(shared)
        for name, of_layers in collected.codes.items():
            material.say(f"scoring {layer.name}: {name}")
            readings_of[name] = [_read(one, int(one.max()) + 1, concepts, divided) for one in of_layers[layer.name]]
        points = {} if collected.pixels is None else {"raw pixels": collected.pixels}
        if layer.name in collected.latents:
            points["latents before the quantizer"] = collected.latents[layer.name]
        points["vectors of the codes"] = features.blocks(material.vectors(layer.name)[codes])
        material.say(f"judging {layer.name}")
        pictures = _pictures(material, positions)
        beside = judging.Beside(readings_of, points, pictures)
        for row, best in zip(judging.judge(codes, size, concepts, divided, beside), top, strict=True):
            found["concepts"].append({"layer": layer.name, **row, **best})
    return found


def _read(codes: np.ndarray, size: int, concepts: list[Concept], divided: Folds) -> list[Reading]:
    whole = Representation(features.both(codes, size), features.counts(codes, size))
    return readings.read(whole, concepts, divided)


def _shared(material, collected, positions, concepts, divided) -> dict[str, list[list[Reading]]]:
    """Nulls that are the same for every layer."""
    if collected.pixels is None:
        return {}
    from scipy.sparse import csr_array

    material.say("scoring colours and pixels")
    colours = csr_array(collected.colours)
    found = {
        nulls.COLOURS: [readings.read(Representation(features.bag(colours), colours), concepts, divided)],
        nulls.PIXELS: [readings.read(Representation(collected.pixels), concepts, divided)],
    }
    pictures = _pictures(material, positions)
    if pictures is not None:
        found[nulls.PICTURE] = [readings.read(Representation(pictures), concepts, divided)]
    return found


def _pictures(material: Material, positions: np.ndarray) -> np.ndarray | None:
    """Computed properties (m, F) of judged pictures; None without pixels."""
    return material.pictures[positions] if material.pictured else None


def _ceiling(material: Material, positions: np.ndarray, concepts, divided) -> list[dict[str, Any]]:
    """What a linear probe reads from the latents of a stronger encoder that the user named; empty where none is."""
    if not material.options.ceiling:
        return [{}] * len(concepts)
    name, latents = material.ceiling(positions)
    said = probes.linear(latents, concepts, divided)
    scores = [readings.scored(concept, answer) for concept, answer in zip(concepts, said, strict=True)]
    return [{"ceiling": {"name": name, "score": one.score, "low": one.low, "high": one.high}} for one in scores]
