"""How far the cells of codes overlap with the object, where it is known where the object is: chosen on other images.

What `make` gives; an overlap is {iou, low, high, share (of its cells' area on the object), cover (of the object's
area), images (that have it), within (IoU among these), null: {iou, high, share, within}, p}:
```
layers: [{
  layer, grid, n (scored images), fitted, object (share of the pictures that it covers), shuffles
  found (of the listed codes, with q < 0.05), sentence
  together: {codes: [code], …}              an overlap of the codes that are on the object, chosen together
  codes: [{code, best (the value among whose images it overlaps most), q, …}]       the codes that overlap most
  values: [{concept, value, n, code, q, …}]     for each value the code that overlaps most, among images of the value
}]
refused: {layer: sentence}
```
All codes are chosen on the images to fit on, and all numbers are of the others. q is over the codes, and the values, of
a layer. The null gives each image the mask of another one (of the same value).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.concepts import dissection
from explorer.analysis.selection import adjust

if TYPE_CHECKING:
    from explorer.analysis.concepts.dissection import Overlaps
    from explorer.analysis.concepts.values import Concept
    from explorer.autoencoder import Layer
    from explorer.results.scores.material import Material

LISTED = 16  # codes of a layer
FEWEST = 10  # images to fit on and to score, each
SHUFFLES = 99  # for values: their codes are fewer
LARGEST = 2_000_000  # tokens of a layer that are scored: more are those of fewer images
RULE = 0.05
NO_MASKS = "There are no masks of these images: of the datasets here, only `shapes` knows where its object is."


def make(material: Material) -> dict[str, Any]:
    """See above."""
    if material.subject.dataset.lower() != "shapes":
        return {"missing": NO_MASKS}
    if len(material.rows) < 2 * FEWEST:
        return {
            "missing": f"There are {len(material.rows):,} images, too few to choose codes on some and score others."
        }
    material.say("Masks of the objects")
    masks = object_masks(material)
    found, refused = [], {}
    for layer in material.layers:
        if layer.grid == (1, 1):
            refused[layer.name] = f"{layer.name} describes the whole image, so its codes have no place in it"
            continue
        material.say(f"Where the codes of {layer.name} are")
        found.append({"layer": layer.name, "grid": list(layer.grid)} | of_layer(material, layer, masks))
    if not found:
        return {"missing": "No layer has cells: each describes the whole image.", "refused": refused}
    return {"layers": found, "refused": refused}


def object_masks(material: Material) -> np.ndarray:
    """(n, size, size) bool of the judged images of `shapes`."""
    from explorer.datasets import shapes

    images = material.subject.images
    return shapes.masks(shapes.factors(material.rows, images.split), images.size)


def of_layer(material: Material, layer: Layer, masks: np.ndarray) -> dict[str, Any]:
    """All of one layer; masks (n, h, w) of the judged images."""
    codes, size = material.codes(layer.name), material.size(layer.name)
    shares = dissection.cell_shares(masks, layer.grid)
    fit, score = next(iter(material.folds))
    score = score[: max(LARGEST // codes[0].size, FEWEST)]
    inside, area = dissection.counted(codes[fit], shares[fit], size)
    objects = shares[fit].sum()
    iou = dissection.intersection_over_union(inside, area, objects)
    order = np.argsort(-iou, kind="stable")[:LISTED]
    order = order[iou[order] > 0]
    together = dissection.largest(inside, area, objects)
    told = dissection.overlaps(codes[score], shares[score], [together, *order[:, None]], size)
    named = _best_values(codes[fit], shares[fit], material, fit, order, size)
    q = adjust(told.p[1:])
    best = [
        {"code": int(code), "best": name, "q": float(one), **numbers(told, place + 1)}
        for place, (code, name, one) in enumerate(zip(order, named, q, strict=True))
    ]
    whole = {"codes": [int(code) for code in together], **numbers(told, 0)}
    found = {
        "n": len(score), "fitted": len(fit), "object": float(masks.mean()), "shuffles": dissection.SHUFFLES,
        "found": int((q < RULE).sum()), "together": whole, "codes": best,
        "values": _values(codes, shares, material, (fit, score), size),
    }  # fmt: skip
    return found | {"sentence": _sentence(layer.name, found)}


def numbers(found: Overlaps, place: int) -> dict[str, Any]:
    """One overlap as plain numbers."""
    null = {"iou": found.null, "high": found.null_high, "share": found.null_share, "within": found.null_within}
    return {
        "iou": float(found.iou[place]), "low": float(found.low[place]), "high": float(found.high[place]),
        "share": float(found.share[place]), "cover": float(found.cover[place]), "images": int(found.images[place]),
        "within": float(found.within[place]),
        "null": {name: float(one[place]) for name, one in null.items()}, "p": float(found.p[place]),
    }  # fmt: skip


def _factors(material: Material) -> list[Concept]:
    """Categories that are not computed from the pixels."""
    return [one for one in material.concepts if one.numbers is None and not one.computed]


def _best_values(
    codes: np.ndarray, shares: np.ndarray, material: Material, fit: np.ndarray, order: np.ndarray, size: int
) -> list[str]:
    """For each code of `order` the value among whose images it overlaps most, of the images to fit on."""
    names, found = [], []
    for concept in _factors(material):
        index = concept.index[fit]
        for place, value in enumerate(concept.values):
            some = index == place
            inside, area = dissection.counted(codes[some], shares[some], size)
            names.append(f"{concept.name}: {value}")
            found.append(dissection.intersection_over_union(inside, area, shares[some].sum())[order])
    return [names[one] for one in np.argmax(found, 0)] if found else [""] * len(order)


def _values(
    codes: np.ndarray, shares: np.ndarray, material: Material, split: tuple[np.ndarray, np.ndarray], size: int
) -> list[dict[str, Any]]:
    """For each value of each factor the code that overlaps most with the objects of its images."""
    rows = []
    for concept in _factors(material):
        for place, value in enumerate(concept.values):
            fit, score = (some[concept.index[some] == place] for some in split)
            if min(len(fit), len(score)) < FEWEST:
                continue
            inside, area = dissection.counted(codes[fit], shares[fit], size)
            iou = dissection.intersection_over_union(inside, area, shares[fit].sum())
            code = int(iou.argmax())
            told = dissection.overlaps(codes[score], shares[score], [np.array([code])], size, shuffles=SHUFFLES)
            rows.append({"concept": concept.name, "value": value, "n": len(score), "code": code, **numbers(told, 0)})
    for row, q in zip(rows, adjust(np.array([row["p"] for row in rows])), strict=True):
        row["q"] = float(q)
    return rows


def _sentence(layer: str, found: dict[str, Any]) -> str:
    together, count = found["together"], len(found["together"]["codes"])
    if not count:
        return f"No code of {layer} is on the object in the {found['fitted']:,} images that codes are chosen on."
    said = (
        f"{count:,} code{'s' if count > 1 else ''} of {layer} together overlap with the object by "
        f"{together['iou']:.2f} (95 %: {together['low']:.2f} – {together['high']:.2f}), with masks of other images by "
        f"{together['null']['iou']:.2f}"
    )
    best = found["codes"][0]
    return (
        f"{said}; the best single one, code {best['code']}, by {best['within']:.2f} "
        f"in the {best['images']:,} images that have it (masks of other images: {best['null']['within']:.2f})."
    )
