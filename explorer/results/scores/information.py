"""What tokens and the presence of codes tell of concepts, in bits above chance, beyond position and colour.

What `make` gives; an estimate is {bits, low, high, plugin, chance, chance_high, above, p, q}, all bits but p and q;
`bits` is without bias, 0 by chance, and `above` is `plugin` - `chance`:
```
concepts: [{                 one for each concept × layer
  concept, layer, n (images with a value), missing, computed, tokens, effective (independent tokens worth as much)
  bits, …                    an estimate of what a random token tells
  concept_bits, code_bits    entropies; share: `bits` of concept_bits;  adjusted: 0 by chance, 1 the same thing
  shuffles, sentence
  miller_madow               corrected as if tokens were independent, for comparison
  values: [{value, n, of (entropy), …}]                      an estimate of each value against the rest
  rough                      whether chance is so large beside the concept that the numbers are rough; in parts too
  presence: {codes, found (q < 0.05), best: [{code, images, …}]}   what it tells that an image has the code
  given_position: {positions, …} or {missing}                beyond the position that a token has anyway
  given_pictures: {cells, …} or {missing}                    beyond the coarse colour and lightness of the image
}]
positions: [{layer, n, positions, code_bits, share, share_low, share_high, …} or {layer, missing}]   code and position
refused: {concept: sentence}
```
q is over concepts × layers, of values over all values, of codes over the codes of a concept and layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import usage
from explorer.analysis.concepts import information, position
from explorer.analysis.selection import adjust

if TYPE_CHECKING:
    from explorer.analysis.concepts.information import Estimate, Information
    from explorer.analysis.concepts.values import Concept
    from explorer.results.scores.material import Material

BEST = 10  # codes that are listed
CELLS, FEWEST = 8, 50  # of colour, at most; images of one on average, at least
RULE = 0.05
ROUGH = 0.15  # above, some 95 % intervals held the truth in 88 to 89 of 100 simulated sets, others in 94


def make(material: Material) -> dict[str, Any]:
    """See above."""
    if not material.concepts:
        return {"missing": "No concept of these images can be judged.", "refused": material.refused}
    rows, places = [], []
    cells = coarse(material.pictures)
    for layer in material.layers:
        codes = material.codes(layer.name)
        table = usage.occurrences(codes, material.size(layer.name))
        places.append({"layer": layer.name} | _place(codes, material.size(layer.name)))
        for concept in material.concepts:
            material.say(f"Bits that {layer.name} tells of {concept.name}")
            rows.append({"concept": concept.name, "layer": layer.name} | of_concept(codes, table, concept, cells))
    _correct(rows)
    return {"concepts": rows, "positions": places, "refused": material.refused}


def of_concept(codes: np.ndarray, table: Any, concept: Concept, cells: np.ndarray | None) -> dict[str, Any]:
    """All of one concept and layer but q; codes (n, H, W), table (n, K), cells (n,) of coarse colour."""
    known = np.flatnonzero(concept.known)
    held, labels = np.unique(concept.index[known], return_inverse=True)
    table = table[known]
    work = table.nnz + 8 * len(held) * len(np.unique(table.indices))
    shuffles = information.affordable(work, 199, 999)
    found = information.measure(table, labels, shuffles=shuffles)
    names = [concept.values[one] for one in held]
    return {
        "n": len(known),
        "missing": int(len(concept) - len(known)),
        "computed": concept.computed,
        "tokens": found.count,
        "effective": found.effective,
        **numbers(found.tokens),
        "concept_bits": found.concept_bits,
        "code_bits": found.code_bits,
        "share": float(found.tokens.bits / found.concept_bits) if found.concept_bits else 0.0,
        "adjusted": found.adjusted,
        "rough": rough(found.tokens, found.concept_bits),
        "shuffles": shuffles,
        "miller_madow": found.miller_madow,
        "values": [
            {"value": name, "n": int(images), "of": float(of), **numbers(found.values, place)}
            for place, (name, images, of) in enumerate(zip(names, found.images, found.value_bits, strict=True))
        ],
        "presence": _presence(found),
        "given_position": _given_position(codes[known], labels),
        "given_pictures": _given_pictures(table, labels, concept, None if cells is None else cells[known]),
    }


def numbers(found: Estimate, place: int | None = None) -> dict[str, float]:
    """An estimate as plain numbers; of several, the one at a place."""
    names = ("bits", "low", "high", "plugin", "chance", "chance_high", "above", "p")
    values = (getattr(found, name) for name in names)
    return {name: float(one if place is None else one[place]) for name, one in zip(names, values, strict=True)}


def coarse(pictures: np.ndarray) -> np.ndarray | None:
    """(n, F) what pixels say of each image, standardised -> (n,) one of at most 8 cells of like images, by k-means.

    None without pixels, with too few images, or where all look alike.
    """
    images = len(pictures)
    if not pictures.size or images < 2 * FEWEST:
        return None
    different = len(np.unique(pictures, axis=0))
    if different < 2:
        return None
    from sklearn.cluster import KMeans

    cells = min(CELLS, images // FEWEST, different)
    found = KMeans(cells, n_init=4, random_state=0).fit_predict(pictures)
    return np.unique(found, return_inverse=True)[1]


def _presence(found: Information) -> dict[str, Any]:
    q = adjust(found.presence.p)
    order = np.lexsort((found.codes, -found.presence.bits))[:BEST]
    best = [
        {"code": int(found.codes[one]), "images": int(found.found[one]), **numbers(found.presence, one)}
        | {"q": float(q[one])}
        for one in order
    ]
    return {"codes": len(found.codes), "found": int((q < RULE).sum()), "best": best}


def _place(codes: np.ndarray, size: int) -> dict[str, Any]:
    if codes[0].size < 2:
        return {"missing": "Each image has one token, so there is no position to tell apart."}
    found = position.of_position(codes, size, shuffles=information.affordable(codes.size, 19, 99))
    return {
        "n": found.images, "positions": found.positions, "code_bits": found.code_bits, "share": found.share,
        "share_low": found.low, "share_high": found.high, **numbers(found.told),
    }  # fmt: skip


def _given_position(codes: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    if codes[0].size < 2:
        return {"missing": "Each image has one token, so there is no position to leave out."}
    found, positions = position.given_position(codes, labels)
    return {"positions": positions, **numbers(found), "rough": rough(found, _entropy(labels))}


def _given_pictures(table: Any, labels: np.ndarray, concept: Concept, cells: np.ndarray | None) -> dict[str, Any]:
    if concept.computed:
        return {"missing": f"{concept.name} is itself computed from the pixels."}
    if cells is None:
        return {"missing": "There are no pixels, or too few images, to group by colour and lightness."}
    strata = np.unique(cells, return_inverse=True)[1]
    found = information.given(table, labels, strata)
    return {"cells": int(strata.max()) + 1, **numbers(found), "rough": rough(found, _entropy(labels))}


def rough(found: Estimate, concept_bits: float) -> bool:
    """Whether so few images meet so many codes that shuffled labels seem to tell a good part of the concept."""
    return bool(found.chance > ROUGH * concept_bits)


def _entropy(labels: np.ndarray) -> float:
    return float(usage.entropy_bits(np.bincount(labels)))


def _correct(rows: list[dict[str, Any]]) -> None:
    """Adds q to every estimate, and the sentence."""
    groups = [rows, [value for row in rows for value in row["values"]]]
    groups += [[row[name] for row in rows if "p" in row[name]] for name in ("given_position", "given_pictures")]
    for group in groups:
        for one, q in zip(group, adjust(np.array([one["p"] for one in group])), strict=True):
            one["q"] = float(q)
    for row in rows:
        row["sentence"] = sentence(row)


def sentence(row: dict[str, Any]) -> str:
    """What a row says, in words."""
    of = f"of {row['concept_bits']:.2f} bits of {row['concept']}"
    if row["q"] >= RULE:
        return (
            f"A token of {row['layer']} tells no more than chance {of} ({row['bits']:.3f} bits, "
            f"q = {row['q']:.2g}, {row['n']:,} images)."
        )
    text = f"A token of {row['layer']} tells {row['bits']:.3f} bits more than chance {of} ({row['share']:.1%})"
    for name, what in (("given_position", "where it stands"), ("given_pictures", "colour and lightness")):
        part = row[name]
        if "p" in part and part["q"] < RULE:
            text += f"; {part['bits']:.3f} bits beyond {what}{' (rough)' if part['rough'] else ''}"
        elif "p" in part:
            text += f"; nothing beyond {what}"
    return text + "."
