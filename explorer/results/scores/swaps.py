"""What a code does: put in another one's place, where does the picture change, and what does a frozen probe then say?

What `make` gives:
```
sizes: {fitted, images, nulls}      images that the probe is fitted on; images a swap at most; other codes beside each
layers: [{
  layer, codes (K), left_out: [layer]   finer layers, which are left out of both pictures
  probe: [{concept, score, low, high, n, chance}]    balanced accuracy on held-out pictures, decoded and read again
  untold: [concept]                 which the probe does not tell better than chance: what turns it would mean nothing
  pairs: [{
    kind                            "swap": the code of another value takes its place; "out": the code in use nearest
                                    to the mean of all does
    concept, value, to_value, code, to, precision    null where there is none; average precision of `code` for `value`
    images, cells                   held-out images that have both code and value, and changed cells of each
    footprint, footprint_low, footprint_high          share of the change inside the pixels of the changed cells
    radius, radius_low, radius_high                   px around them within which 90 % of the change lies
    turned, turned_low, turned_high, turned_of        of so many pictures that the probe called `value` before, the
                                    share that it calls `to_value` after it; of "out", anything but `value`
    reencoded, reencoded_low, reencoded_high          share of the changed cells that are read as `to` again
    unchanged, unchanged_low, unchanged_high          share of them that are read as `code` again without a change
    push, push_low, push_high       how far the probe's score of `to_value` less that of `value` rises (of "out", that
                                    of `value` falls), in standard deviations of having a value or not
    null_footprint, …, null_radius, …, null_turned, …, null_reencoded, …, null_push, …   of codes as far from `code`
    more, more_low, more_high       how much more pictures turn than with these other codes
    push_more, push_more_low, push_more_high          how much further it is pushed
    distance, null_distance, null_codes: [code]       Euclidean, in the codebook
    sentence
  }]
  together: {turned, null_turned, more, reencoded, null_reencoded, unchanged, footprint, null_footprint}
                                    {mean, low, high, n} each: over all that is put in place, n different images
}]
refused: {layer: sentence}
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import usage
from explorer.analysis.concepts import frozen, markers, scoring, shares
from explorer.results.scores import networks

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from explorer.analysis.concepts.markers import Swap
    from explorer.analysis.concepts.swapping import Tried
    from explorer.analysis.concepts.values import Concept
    from explorer.results.scores.material import Material

FITTED, CHOSEN = 1_000, 2_000  # images that the probe is fitted on, and that codes are chosen on
SWAPS, OUT, ALL = 24, 8, 40  # swaps of a layer, codes that are taken out of it, and swaps of all layers
IMAGES, FEWEST = 32, 5  # held-out images of a swap, at most and at least
NULLS = 3  # other codes as far away
SHARES = ("footprint", "turned", "reencoded")
NUMBERS = ("radius", "push")


@dataclass(frozen=True)
class Bench:
    """One layer with all that its swaps need; `codes` are of the held-out images, `held` their places in the sample."""

    material: Material
    layer: str
    held: np.ndarray
    codes: np.ndarray
    counts: np.ndarray  # (K,) tokens among the images that codes are chosen on
    concepts: Sequence[Concept]
    probe: frozen.Probe


def make(material: Material) -> dict[str, Any]:
    """See above."""
    why = networks.lacking(material, decoder=True)
    if why:
        return {"missing": why}
    fit, held = next(iter(material.folds))
    if not len(fit):
        return {"missing": "There is one image only: none to choose codes on, and another to change them in."}
    layers, refused = [], {}
    for layer in material.layers:
        found = _layer(material, layer.name, fit, held)
        layers.append(found)
        if not found["pairs"]:
            refused[layer.name] = _why_not(material, layer.name)
    sizes = {"fitted": min(len(fit), FITTED), "images": IMAGES, "nulls": NULLS}
    return {"sizes": sizes, "layers": layers, "refused": refused}


def _why_not(material: Material, layer: str) -> str:
    if material.size(layer) < 2:
        return f"{layer} has one code, so there is nothing to put in its place."
    return f"No code of {layer} that could be swapped stands in {FEWEST} held-out images."


def _layer(material: Material, layer: str, fit: np.ndarray, held: np.ndarray) -> dict[str, Any]:
    from explorer.analysis.concepts import swapping

    book, model = material.encoding.codebook(layer), material.model
    counted = usage.occurrences(material.codes(layer, material.rows[fit[:CHOSEN]]), len(book))
    chosen = networks.chosen(fit, FITTED)
    concepts = list(material.concepts)
    parts = [
        swapping.redrawn(model, layer, book, pixels)
        for _, pixels in material.batches(chosen, f"decoding and reading {layer} again")
    ]
    probe = frozen.fit(frozen.bags(np.concatenate(parts), len(book)), [one.of(chosen) for one in concepts])
    counts = np.asarray(counted.sum(0)).reshape(-1)
    bench = Bench(material, layer, held, material.codes(layer, material.rows[held]), counts, concepts, probe)
    probed = _probed(bench)
    told = [place for place, one in enumerate(probed) if one["low"] > one["chance"]]
    plan, found = _plan(material, layer, counted, fit[:CHOSEN], told), []
    for number, swap in enumerate(plan):
        material.progress.total = len(plan)
        material.progress.update(number, f"{layer}: swap {number + 1} of {len(plan)}")
        found += _pair(bench, swap)
    names = [known.name for known in model.layers]
    return {
        "layer": layer, "codes": len(book), "left_out": names[names.index(layer) + 1 :],
        "probe": probed, "untold": [one["concept"] for place, one in enumerate(probed) if place not in told],
        "pairs": [row for row, _ in found], "together": _together(found),
    }  # fmt: skip


def _plan(material: Material, layer: str, counted: csr_array, fit: np.ndarray, told: Sequence[int]) -> list[Swap]:
    """Swaps of codes of one value for those of another, of the concepts `told`, and codes taken out."""
    from explorer.analysis import interventions

    most = max(4, min(SWAPS, ALL // len(material.layers)))
    found = markers.swaps(counted, [material.concepts[place].of(fit) for place in told], most)
    found = [replace(one, concept=told[one.concept]) for one in found] or markers.usual(counted, most)
    vectors, counts = material.vectors(layer), np.asarray(counted.sum(0)).reshape(-1)
    mean, out = interventions.mean_vector(vectors, counts), []
    for one in found[: max(2, most * OUT // SWAPS)]:
        other = interventions.nearest_used(vectors, counts, mean, but=one.code)
        if other is not None:
            out.append(markers.Swap(one.code, other, one.concept, one.value, -1, one.precision))
    return found + out


def _pair(bench: Bench, swap: Swap) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """What a swap does, and the same of each image, in a list; empty where too few held-out images have the code."""
    from explorer.analysis.concepts import swapping

    material, layer = bench.material, bench.layer
    book, concept = material.encoding.codebook(layer), None if swap.concept < 0 else bench.concepts[swap.concept]
    has = (bench.codes == swap.code).any((1, 2))
    if concept is not None:
        has &= concept.index[bench.held] == swap.value
    positions = networks.chosen(bench.held[has], IMAGES)
    if len(positions) < FEWEST:
        return []
    vectors = material.vectors(layer)
    nulls = markers.matched(vectors, swap, bench.counts > 0, NULLS)
    tried = swapping.swap(material.model, layer, book, material.pixels(positions), swap.code, [swap.to, *nulls])
    values = {"footprint": tried.inside, "radius": tried.radius, "reencoded": tried.reread}
    values |= dict(zip(("turned", "push"), _asked(bench, swap, tried), strict=True))
    each = {name: one[0] for name, one in values.items()} | {"unchanged": tried.unchanged, "images": positions}
    each |= {f"null_{name}": _mean(one[1:]) for name, one in values.items()}
    away = np.linalg.norm(vectors[[swap.to, *nulls]].astype(np.float64) - vectors[swap.code], axis=1)
    row: dict[str, Any] = {
        "kind": "out" if concept is not None and swap.to_value < 0 else "swap",
        "concept": concept.name if concept else None, "value": concept.values[swap.value] if concept else None,
        "to_value": concept.values[swap.to_value] if concept and swap.to_value >= 0 else None,
        "code": swap.code, "to": swap.to, "precision": swap.precision if concept else None,
        "images": len(positions), "cells": float(tried.cells.mean()), **_summaries(each),
        "turned_of": int(np.isfinite(each["turned"]).sum()), "distance": float(away[0]),
        "null_distance": float(away[1:].mean()) if len(nulls) else float("nan"),
        "null_codes": [int(code) for code in nulls],
    }  # fmt: skip
    return [(row | {"sentence": _sentence(row)}, each)]


def _summaries(each: dict[str, np.ndarray]) -> dict[str, float]:
    """Means over images and their intervals, by name."""
    found = {name: shares.share(each[name]) for name in ("unchanged", *SHARES, *(f"null_{one}" for one in SHARES))}
    found |= {name: shares.bootstrapped(each[name]) for name in (*NUMBERS, *(f"null_{one}" for one in NUMBERS))}
    found["more"] = shares.difference(each["turned"], each["null_turned"])
    found["push_more"] = shares.bootstrapped(each["push"] - each["null_push"])
    ends = {"": "mean", "_low": "low", "_high": "high"}
    return {f"{name}{end}": one[key] for name, one in found.items() for end, key in ends.items()}


def _together(found: list[tuple[dict[str, Any], dict[str, np.ndarray]]]) -> dict[str, Any]:
    """The same over all codes that are put in the place of others, not those taken out."""
    each = [values for row, values in found if row["kind"] == "swap"]
    if not each:
        return {}
    joined = {name: np.concatenate([one[name] for one in each]) for name in each[0]}
    names = ("unchanged", *SHARES, *(f"null_{one}" for one in SHARES))
    told = {name: shares.pooled(joined["images"], joined[name]) for name in names}
    return told | {"more": shares.apart(told["turned"], told["null_turned"])}


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the codes that there are: (R, n) -> (n,), NaN without any."""
    return values.mean(0) if len(values) else np.full(values.shape[1], np.nan)


def _asked(bench: Bench, swap: Swap, tried: Tried) -> tuple[np.ndarray, np.ndarray]:
    """Whether the probe turns, and how far it is pushed, (R, n) each; NaN where it cannot turn, or there is no value.

    It can turn where it said the code's own value before.
    """
    codes, count = np.concatenate([tried.before[None], tried.after]), bench.material.size(bench.layer)
    if swap.concept < 0:
        return (np.full((len(tried.after), len(tried.before)), np.nan),) * 2
    scores = bench.probe.scores(frozen.bags(codes.reshape(-1, *codes.shape[2:]), count))[swap.concept]
    scores = scores.reshape(*codes.shape[:2], -1)  # (1 + R, n, V)
    said, for_it = scores.argmax(-1), -scores[..., swap.value]
    if swap.to_value >= 0:
        for_it = for_it + scores[..., swap.to_value]
    after = said[1:] == swap.to_value if swap.to_value >= 0 else said[1:] != swap.value
    return np.where(said[0] == swap.value, after, np.nan), for_it[1:] - for_it[0]


def _probed(bench: Bench) -> list[dict[str, Any]]:
    """How well the frozen probe tells the values of held-out pictures that are decoded without a change."""
    from explorer.analysis.concepts import swapping

    material, layer = bench.material, bench.layer
    book, chosen = material.encoding.codebook(layer), networks.chosen(bench.held, FITTED // 2)
    parts = [
        swapping.redrawn(material.model, layer, book, pixels)
        for _, pixels in material.batches(chosen, f"asking the probe of {layer}")
    ]
    said = bench.probe.values(frozen.bags(np.concatenate(parts), len(book)))
    found = []
    for concept, answers in zip(bench.concepts, said, strict=True):
        one = scoring.balanced_accuracy(answers, concept.index[chosen], len(concept.values))
        found.append({
            "concept": concept.name, "score": one.score, "low": one.low, "high": one.high, "n": one.n,
            "chance": 1 / len(concept.values),
        })  # fmt: skip
    return found


def _sentence(row: dict[str, Any]) -> str:
    """As "Changing it to 203 turns the probe to “blue” in 88 % [84, 91]; swaps as far in the codebook do so in …"."""

    def share(name: str) -> str:
        return shares.worded({"n": 1, "mean": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]})

    said = f"Code {row['code']} becomes {row['to']}"
    if row["value"] is not None:
        marks = f"Code {row['code']} marks “{row['value']}” ({row['concept']})."
        what = f"Changing it to {row['to']}" if row["kind"] == "swap" else f"Taking it out ({row['to']} in its place)"
        turns = f"to “{row['to_value']}”" if row["kind"] == "swap" else "away from it"
        said = f"{marks} {what} turns the probe {turns} in {share('turned')} of {row['turned_of']} pictures"
        if not row["turned_of"]:
            said = f"{marks} The probe finds it in none of {row['images']} decoded pictures, so nothing can turn"
        elif row["null_codes"]:
            said += f"; swaps as far in the codebook do so in {share('null_turned')}"
    again = f"{share('reencoded')} of the changed cells are read as {row['to']} again"
    return f"{said}. {again[0].upper()}{again[1:]}."
