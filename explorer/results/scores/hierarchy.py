"""What each of several layers is for: what is lost without it, and what its codes tell beyond those of the others.

What `make` gives:
```
sizes: {fitted, images, nested_fitted, nested_images}
intact: {ssim, ssim_low, ssim_high, concepts: [{concept, score, low, high, n, chance}]}
damages: [{                    each layer in turn, the others as they are; decoded, rounded to 8 bits
  layer, damage ("mean", "other", "shuffled"), title
  ssim, ssim_low, ssim_high, lost, lost_low, lost_high        with the original picture; `lost` is paired
  concepts: [{concept, score, low, high, lost, lost_low, lost_high}]    balanced accuracy of a frozen probe that reads
}]                                              the picture again, in all layers
nested: [{                     I(concept; layer | other layers), by probes on bags of codes; held-out images
  concept, n, chance, together: {score, low, high}
  alone, without, adds: {layer: {score, low, high}}           `adds` is together less without, paired
  sentence
}]
absent: {"damages": sentence}  why nothing is damaged
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.concepts import frozen, scoring, shares
from explorer.results.scores import networks

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from explorer.analysis.concepts.values import Concept
    from explorer.autoencoder import Codebook
    from explorer.results.scores.material import Material

FITTED, NESTED, SCORED = 1_000, 2_000, 4_000  # images that probes are fitted on, and that nested ones are scored on
PASSES, MOST, FEWEST = 2_400, 400, 100  # pictures with damages, and images, so that many layers take no longer
SEVERAL = 3  # layers, above which nested probes are fitted on fewer images
ONE = "There is one layer, so there is nothing that another one could add to it."
SINGLY = "This model decodes from one layer at a time, so a picture without one of its layers does not exist."


def make(material: Material) -> dict[str, Any]:
    """See above."""
    if len(material.encoding.layers) < 2:
        return {"missing": ONE}
    fit, held = next(iter(material.folds))
    if not len(fit):
        return {"missing": "There is one image only: none to fit a probe on, and another to ask it of."}
    nested, sizes = _nested(material, fit, held)
    why = networks.lacking(material, decoder=True) or ("" if material.model.joint else SINGLY)
    if why:
        return {"sizes": sizes, "intact": None, "damages": [], "nested": nested, "absent": {"damages": why}}
    intact, damaged, more = _damages(material, fit, held)
    return {"sizes": sizes | more, "intact": intact, "damages": damaged, "nested": nested, "absent": {}}


# ---- what each layer adds to what the others tell


def _nested(material: Material, fit: np.ndarray, held: np.ndarray) -> tuple[list[dict[str, Any]], dict[str, int]]:
    names = [layer.name for layer in material.encoding.layers]
    fit = networks.chosen(fit, NESTED if len(names) <= SEVERAL else FITTED)
    held = networks.chosen(held, SCORED)
    material.say("asking probes of layers together and without each")
    bags = {
        part: {name: frozen.bags(material.codes(name, material.rows[rows]), material.size(name)) for name in names}
        for part, rows in (("fit", fit), ("held", held))
    }
    concepts, asked = material.concepts, [layer.name for layer in material.layers]
    sets = {("together", ""): names} | {("alone", name): [name] for name in asked}
    sets |= {("without", name): [other for other in names if other != name] for name in asked}
    answers: dict[tuple[str, ...], list[np.ndarray]] = {}
    for members in sets.values():
        if tuple(members) not in answers and concepts:
            probe = frozen.fit(_joined(bags["fit"], members), [one.of(fit) for one in concepts])
            answers[tuple(members)] = probe.values(_joined(bags["held"], members))
    rows = []
    for place, concept in enumerate(concepts):
        said = {key: answers[tuple(members)][place] for key, members in sets.items()}
        rows.append(_nested_row(concept, concept.index[held], said, asked))
    return rows, {"nested_fitted": len(fit), "nested_images": len(held)}


def _joined(bags: Mapping[str, csr_array], names: Sequence[str]) -> csr_array:
    from scipy.sparse import hstack

    return hstack([bags[name] for name in names], format="csr")


def _nested_row(concept: Concept, true: np.ndarray, said: Mapping, layers: Sequence[str]) -> dict[str, Any]:
    values = len(concept.values)
    both = scoring.balanced_accuracy(said["together", ""], true, values)
    row: dict[str, Any] = {"concept": concept.name, "n": both.n, "chance": 1 / values, "together": _ends(both)}
    for part in ("alone", "without"):
        row[part] = {name: _ends(scoring.balanced_accuracy(said[part, name], true, values)) for name in layers}
    row["adds"] = {
        name: _ends(scoring.gain(said["without", name], said["together", ""], true, values)) for name in layers
    }
    told = ", ".join(f"{name} {_worded(one)}" for name, one in row["adds"].items())
    said = f"{concept.name}: all layers reach {both.score:.2f} [{both.low:.2f}, {both.high:.2f}]"
    return row | {"sentence": f"{said}, chance {1 / values:.2f}; beyond the others add: {told}."}


def _worded(one: Mapping[str, float]) -> str:
    score, low, high = (f"{one[name]:+.2f}".replace("-", "−") for name in ("score", "low", "high"))
    return f"{score} [{low}, {high}]"


def _ends(one: scoring.Estimate) -> dict[str, float]:
    return {"score": one.score, "low": one.low, "high": one.high}


# ---- what is lost when a layer is damaged


def _damages(material: Material, fit: np.ndarray, held: np.ndarray) -> tuple[dict, list[dict], dict[str, int]]:
    from explorer.analysis.concepts import damages, passes

    model, books, concepts = material.model, _books(material), material.concepts
    fit = networks.chosen(fit, networks.affordable(material, FITTED, FEWEST))
    plan = [
        (layer.name, damage)
        for layer in material.layers
        for damage in damages.DAMAGES
        if damage != "shuffled" or layer.grid[0] * layer.grid[1] > 1
    ]
    most = networks.affordable(material, int(np.clip(PASSES // max(len(plan), 1), FEWEST, MOST)), FEWEST)
    held = networks.chosen(held, most)
    parts = [
        passes.read(model, books, passes.drawn(model, passes.latents(model, pixels)))
        for _, pixels in material.batches(fit, "decoding and reading pictures again")
    ]
    probe = frozen.fit(_bags(parts, books), [one.of(fit) for one in concepts])
    ssim, codes = _decoded(material, books, held, plan)
    said = {key: probe.values(_bags(found, books)) for key, found in codes.items()}
    true = [one.index[held] for one in concepts]
    whole = [scoring.balanced_accuracy(a, t, len(c.values)) for a, t, c in zip(said[None], true, concepts, strict=True)]
    intact = _named("ssim", ssim[None]) | {
        "concepts": [
            {"concept": c.name, **_ends(one), "n": one.n, "chance": 1 / len(c.values)}
            for c, one in zip(concepts, whole, strict=True)
        ]
    }
    rows = []
    for layer, damage in plan:
        key = layer, damage
        row = {"layer": layer, "damage": damage, "title": damages.DAMAGES[damage], **_named("ssim", ssim[key])}
        row |= _named("lost", ssim[None] - ssim[key])
        row["concepts"] = [
            _lost(concept, said[None][place], said[key][place], true[place]) for place, concept in enumerate(concepts)
        ]
        rows.append(row)
    return intact, rows, {"fitted": len(fit), "images": len(held)}


def _decoded(material: Material, books: Mapping[str, Codebook], held: np.ndarray, plan: Sequence[tuple]) -> tuple:
    """SSIM (n,) with the original, and codes read again, of pictures as they are (None) and with each damage."""
    import torch

    from explorer.analysis import quality
    from explorer.analysis.concepts import damages, passes
    from explorer.autoencoder import device_of, to_images

    model, generator = material.model, torch.Generator().manual_seed(0)
    ssim: dict[Any, list] = {key: [] for key in (None, *plan)}
    codes: dict[Any, list] = {key: [] for key in (None, *plan)}
    last: dict[str, torch.Tensor] = {}
    for _, pixels in material.batches(held, "damaging layers"):
        images, latents = to_images(pixels, device_of(model)), passes.latents(model, pixels)
        # the other of an image is the one before it; the first one's is the last of its batch
        others = {name: torch.cat([last.get(name, z)[-1:], z[:-1]]) for name, z in latents.items()}
        last = latents
        for key in ssim:
            used = latents if key is None else damages.damaged(latents, *key, others, generator)
            made = passes.drawn(model, used)
            with torch.inference_mode():
                ssim[key].append(quality.ssim(images, to_images(made, images.device)).cpu().numpy())
            codes[key].append(passes.read(model, books, made))
    return {key: np.concatenate(found) for key, found in ssim.items()}, codes


def _books(material: Material) -> dict[str, Codebook]:
    return {layer.name: material.encoding.codebook(layer.name) for layer in material.encoding.layers}


def _bags(parts: Sequence[Mapping[str, np.ndarray]], books: Mapping[str, Codebook]) -> csr_array:
    """Bags of the codes of all layers side by side: (n, sum of K)."""
    return _joined(
        {name: frozen.bags(np.concatenate([one[name] for one in parts]), len(book)) for name, book in books.items()},
        list(books),
    )


def _named(name: str, values: np.ndarray) -> dict[str, float]:
    found = shares.bootstrapped(values)
    return {name: found["mean"], f"{name}_low": found["low"], f"{name}_high": found["high"]}


def _lost(concept: Concept, before: np.ndarray, after: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    values = len(concept.values)
    lost = scoring.gain(after, before, true, values)
    return {
        "concept": concept.name, **_ends(scoring.balanced_accuracy(after, true, values)),
        "lost": lost.score, "lost_low": lost.low, "lost_high": lost.high,
    }  # fmt: skip
