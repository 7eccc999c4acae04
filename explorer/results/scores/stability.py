"""Whether another training of the same config finds the same codes.

What `make` gives:
```
pairs: [{
  other, layer, n (images), tokens, used: [codes, codes of the other]
  ami, iou, agreed: {mean, low, high, null, null_high}      null: of permuted images
  matched, same        codes with a partner, and those whose partner has their number
  greedy               whether partners are not the best choice, but nearly
  flags: [sentence]    why agreement may say less than it seems to
}]
refused: {other, or other and layer: sentence}
found       whether the others were found, or named
sentence
```
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import checkpoints
from explorer.datasets.sources import sample
from explorer.errors import BadInput
from explorer.results.scores.material import listed

if TYPE_CHECKING:
    import numpy as np

    from explorer.analysis.concepts.stability import Stability
    from explorer.checkpoints import Checkpoint
    from explorer.encodings import Encoding
    from explorer.results.scores.material import Material
    from explorer.results.subject import Subject

MISSING = (
    "Name other checkpoints of the same config and other seeds (`--others`): none are found beside this one that were "
    "trained on {dataset} with the same settings and another seed."
)
MOST = 4  # checkpoints that are compared without being named
TOKENS = 2_000_000  # that are compared; of more a seeded sample of the images
ALIKE = 5  # codes with the number of their partner: by chance it is one, and so many in 4 of 1,000 pairs
SEED = (
    "Both were trained with seed {seed}: they began with the same weights and saw the images in the same order, so "
    "that agreement says little."
)
START = (
    "{same:,} of {matched:,} codes have the number of their partner, by chance one or two would: both began with the "
    "same codebook, which makes codes look stable."
)


def make(material: Material) -> dict[str, Any]:
    """Compares the codes of each other checkpoint on the same images; see above."""
    asked = listed(material.options.others)
    others = [checkpoints.describe(checkpoints.resolve(name)) for name in asked] or alike(material.subject)
    if not others:
        return {"missing": MISSING.format(dataset=material.subject.facts.dataset or "the same images")}
    pairs: list[dict[str, Any]] = []
    refused: dict[str, str] = {}
    for other in others:
        try:
            encoding = _encoded(material, other)
        except BadInput as error:
            refused[other.name] = str(error)
            continue
        for layer in material.layers:
            found = _compared(material, other, encoding, layer.name)
            if isinstance(found, str):
                refused[f"{other.name}, {layer.name}"] = found
            else:
                pairs.append(found)
    return {"pairs": pairs, "refused": refused, "found": not asked, "sentence": _sentence(pairs)}


def alike(subject: Subject) -> list[Checkpoint]:
    """Checkpoints of the same family, settings, data and size, and another seed."""
    facts = subject.facts
    if facts.format != "explorer" or facts.family == "codes":
        return []
    same = ("family", "image_size", "dataset", "state")
    return [
        one
        for one in checkpoints.find(facts)
        if one.path.resolve() != Path(facts.path).resolve()
        and all(getattr(one, name) == getattr(facts, name) for name in same)
        and one.training.get("seed") != facts.training.get("seed")
        and _settings(one) == _settings(facts)
    ][:MOST]


def _settings(facts: Checkpoint) -> Any:
    """Settings with the defaults of what a checkpoint does not say, because it was not a choice yet."""
    from explorer.models import MODELS

    try:
        return MODELS[facts.family].config(**facts.settings)
    except (KeyError, TypeError, BadInput):
        return facts.settings


def beside(subject: Subject, options: Any) -> list[str]:
    """Content of the checkpoints that are found without being named."""
    return [] if options.others else [checkpoints.fingerprint(one.path) for one in alike(subject)]


def _encoded(material: Material, other: Checkpoint) -> Encoding:
    """The encoding of the same images by another checkpoint, made where it is not there; BadInput on why not."""
    subject = material.subject
    if material.obtain is None or subject.facts.family == "codes":
        raise BadInput("there is no network here that other images could be compared on")
    if other.image_size != subject.facts.image_size:
        raise BadInput(f"it takes images of {other.image_size} pixels, and these have {subject.facts.image_size}")
    if checkpoints.fingerprint(other.path) == subject.fingerprint:
        raise BadInput("it is this very checkpoint, so its codes are the same")
    material.say(f"encoding with {other.name}")
    return material.obtain("encoding", subject.beside(other))[1]


def _compared(material: Material, other: Checkpoint, encoding: Encoding, layer: str) -> dict[str, Any] | str:
    from explorer.analysis.concepts import stability

    layers = {one.name: one for one in encoding.layers}
    own = material.encoding.layer(layer)
    if layer not in layers or tuple(layers[layer].grid) != tuple(own.grid):
        return f"it has no layer {layer} of {own.grid[0]} × {own.grid[1]}"
    material.say(f"comparing codes of {layer} with {other.name}")
    rows = _rows(material, own.grid)
    found = stability.compare(material.codes(layer, rows), encoding.codes(layer, rows))
    if found is None:
        return "one of the two uses one code only, or there is one image, so there is nothing to compare"
    told = asdict(found)
    told["used"] = list(found.used)
    flags = _flags(material.subject.facts, other, found)
    return {"other": other.name, "layer": layer, "n": told.pop("images"), **told, "flags": flags}


def _rows(material: Material, grid: tuple[int, int]) -> np.ndarray:
    """Judged images, and of large grids a sample of them."""
    return material.rows[sample(len(material.rows), max(2, TOKENS // (grid[0] * grid[1])))]


def _flags(own: Checkpoint, other: Checkpoint, found: Stability) -> list[str]:
    seeds = own.training.get("seed"), other.training.get("seed")
    flags = [SEED.format(seed=seeds[0])] if seeds[0] is not None and seeds[0] == seeds[1] else []
    if found.same >= ALIKE:
        flags.append(START.format(same=found.same, matched=found.matched))
    return flags


def _sentence(pairs: list[dict[str, Any]]) -> str:
    """The least stable layer and partner, in words."""
    if not pairs:
        return "No other checkpoint could be compared with this one."
    least = min(pairs, key=lambda pair: pair["agreed"]["mean"] - pair["agreed"]["null"])
    agreed, ami = least["agreed"], least["ami"]
    said = (
        f"Trained again ({least['other']}), {agreed['mean']:.0%} of tokens in {least['layer']} keep their code, once "
        f"codes are matched by the tokens that they own (95 %: {agreed['low']:.0%} – {agreed['high']:.0%}; permuted "
        f"images: {agreed['null']:.0%}), AMI {ami['mean']:.2f}"
    )
    more = f"; the least of {len(pairs):,} comparisons" if len(pairs) > 1 else ""
    return f"{said}{more}.{' But ' + least['flags'][0][0].lower() + least['flags'][0][1:] if least['flags'] else ''}"
