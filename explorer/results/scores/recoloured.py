"""Is it only colour? Codes of grey and of hue-rotated pictures, and what a probe of ordinary ones says of them.

What `make` gives:
```
sizes: {fitted, refitted, images}     images that the frozen probe and the refitted ones are fitted on; held-out images
changed: {change: levels}             mean absolute change of a pixel value, of 255; changes: "grey", "hue"
layers: [{
  layer, codes (K),
  changes: [{change, title, kept, low, high, n, null, null_low, null_high}]    share of tokens that stay; `null` is what
                                      an unrelated picture in those colours has at the same places
  concepts: [{
    concept, n, chance,               scores are balanced accuracies on held-out images; numbers are told as fifths
    ordinary: {score, low, high},
    grey, hue: {score, low, high, lost, lost_low, lost_high,    of the frozen probe; `lost` is ordinary less recoloured
                refitted, refitted_low, refitted_high}          of a probe that is fitted on such pictures
    told: "only with colour" | "less without colour" | "as well without colour" | "not told",    by grey pictures
    sentence
  }]
}]
refused: {change: sentence}
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.concepts import frozen, scoring, shares
from explorer.analysis.concepts.transformations import COLOURS
from explorer.results.scores import networks

if TYPE_CHECKING:
    from explorer.analysis.concepts.scoring import Estimate
    from explorer.analysis.concepts.values import Concept
    from explorer.results.scores.material import Material

FITTED, REFITTED = 2_000, 1_000
MOST, FEWEST = 1_000, 400  # held-out images
PLAIN = "ordinary"
SHORT = {"grey": "in grey", "hue": "with hues turned"}


def make(material: Material) -> dict[str, Any]:
    """See above."""
    why = networks.lacking(material, decoder=False)
    if why:
        return {"missing": why}
    fit, held = next(iter(material.folds))
    if not len(fit):
        return {"missing": "There is one image only: none to fit a probe on, and another to ask it of."}
    held = networks.chosen(held, networks.affordable(material, MOST, FEWEST))
    refit = networks.chosen(fit, networks.affordable(material, REFITTED, FEWEST))
    codes, changed = _read(material, held, "reading recoloured pictures", (PLAIN, *COLOURS))
    there = [name for name in COLOURS if changed[name] > 0]
    again = _read(material, refit, "reading recoloured pictures to fit on", there)[0] if material.concepts else {}
    layers = []
    for layer in material.layers:
        material.say(f"asking probes of {layer.name}")
        own = {name: found[layer.name] for name, found in codes.items() if name in (PLAIN, *there)}
        others = {name: found[layer.name] for name, found in again.items()}
        layers.append({
            "layer": layer.name, "codes": material.size(layer.name), "changes": [_kept(name, own) for name in there],
            "concepts": _concepts(material, layer.name, (fit, refit, held), own, others) if there else [],
        })  # fmt: skip
    grey = "these pictures are grey already" if not changed["hue"] else "nothing in these pictures would change"
    refused = {name: f"Nothing is told of pictures {SHORT[name]}: {grey}." for name in COLOURS if name not in there}
    sizes = {"fitted": min(len(fit), FITTED), "refitted": len(refit), "images": len(held)}
    return {"sizes": sizes, "changed": changed, "layers": layers, "refused": refused}


def _read(
    material: Material, positions: np.ndarray, said: str, names: Sequence[str]
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, float]]:
    """Codes {change: {layer: (n, H, W)}} of pictures, and by how much each change changes them."""
    from explorer.analysis.concepts import passes

    books, parts = networks.books(material), {name: [] for name in names}
    changed = dict.fromkeys(COLOURS, 0.0)
    for _, pixels in material.batches(positions, said):
        for name in names:
            made = pixels if name == PLAIN else COLOURS[name].apply(pixels, np.random.default_rng(0))
            parts[name].append(passes.read(material.model, books, made))
            if name != PLAIN:
                size = np.abs(made.astype(np.int16) - pixels).mean() * len(pixels) / len(positions)
                changed[name] += float(size)
    joined = {
        name: {layer: np.concatenate([one[layer] for one in found]) for layer in books} for name, found in parts.items()
    }
    return joined, changed


def _kept(change: str, codes: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """How many tokens of one layer stay, and those of the image before, which is any other one."""
    plain, unrelated = codes[PLAIN], np.roll(codes[PLAIN], 1, 0)
    kept = shares.bootstrapped(shares.same(codes[change], plain))
    null = shares.bootstrapped(shares.same(codes[change], unrelated) if len(plain) > 1 else np.empty(0))
    return {
        "change": change, "title": COLOURS[change].title,
        "kept": kept["mean"], "low": kept["low"], "high": kept["high"], "n": kept["n"],
        "null": null["mean"], "null_low": null["low"], "null_high": null["high"],
    }  # fmt: skip


def _concepts(
    material: Material, layer: str, images: tuple[np.ndarray, ...], codes: Mapping[str, np.ndarray], again: Mapping
) -> list[dict[str, Any]]:
    """What probes say of each concept of held-out images; codes and `again` (of images to fit on) are by change."""
    fit, refit, held = images
    size, concepts = material.size(layer), material.concepts
    fit = networks.chosen(fit, FITTED)
    probe = frozen.fit(
        frozen.bags(material.codes(layer, material.rows[fit]), size), [concept.of(fit) for concept in concepts]
    )
    asked = {name: frozen.bags(found, size) for name, found in codes.items()}
    said = {name: probe.values(found) for name, found in asked.items()}
    anew = {
        name: frozen.fit(frozen.bags(found, size), [concept.of(refit) for concept in concepts]).values(asked[name])
        for name, found in again.items()
    }
    rows = []
    for place, concept in enumerate(concepts):
        answers = {name: found[place] for name, found in said.items()}
        rows.append(_row(concept, concept.index[held], answers, {name: found[place] for name, found in anew.items()}))
    return rows


def _row(
    concept: Concept, true: np.ndarray, said: Mapping[str, np.ndarray], anew: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    values = len(concept.values)
    ordinary, found = scoring.balanced_accuracy(said[PLAIN], true, values), {}
    for name in said:
        if name == PLAIN:
            continue
        lost = scoring.gain(said[name], said[PLAIN], true, values)
        refitted = scoring.balanced_accuracy(anew[name], true, values)
        found[name] = _ends("score", scoring.balanced_accuracy(said[name], true, values)) | _ends("lost", lost)
        found[name] |= _ends("refitted", refitted)
    row = {
        "concept": concept.name,
        "n": ordinary.n,
        "chance": 1 / values,
        "ordinary": _ends("score", ordinary),
        **found,
    }
    row["told"] = _told(row)
    return row | {"sentence": _sentence(row, concept)}


def _ends(name: str, one: Estimate) -> dict[str, float]:
    low, high = ("low", "high") if name == "score" else (f"{name}_low", f"{name}_high")
    return {name: one.score, low: one.low, high: one.high}


def _told(row: Mapping[str, Any]) -> str:
    """What grey pictures leave of a concept, in two words."""
    grey = row.get("grey")
    if not row["ordinary"]["low"] > row["chance"]:
        return "not told"
    if grey is None:
        return "as well without colour"  # there is none
    if not grey["low"] > row["chance"]:
        return "only with colour"
    return "less without colour" if grey["lost_low"] > 0 else "as well without colour"


def _sentence(row: Mapping[str, Any], concept: Concept) -> str:
    """As "shape: 0.71 [0.68, 0.74] → 0.66 [0.63, 0.69] in grey; chance 0.12."."""

    def worded(one: Mapping[str, float], name: str = "score") -> str:
        low, high = ("low", "high") if name == "score" else (f"{name}_low", f"{name}_high")
        return f"{one[name]:.2f} [{one[low]:.2f}, {one[high]:.2f}]"

    parts = [
        f"{worded(row[name])} {SHORT[name]} ({row[name]['refitted']:.2f} by a probe fitted on such pictures)"
        for name in COLOURS
        if name in row
    ]
    told = f"{concept.name}: {worded(row['ordinary'])} → {', '.join(parts)}; chance {row['chance']:.2f}"
    return f"{told}."
