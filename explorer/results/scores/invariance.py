"""How many tokens stay when a picture is changed so little that a person would call it the same.

What `make` gives:
```
images                              a seeded sample of the judged ones
layers: [{
  layer, codes (K),
  changes: [{change, title, kept, low, high, n, null, null_low, null_high, sentence}]
                                    shares in [0, 1]; `null` is what an unrelated picture has at the same places
}]
refused: {change: sentence}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer.analysis.concepts import shares
from explorer.analysis.concepts.transformations import DECODED, SMALL
from explorer.results.scores import networks

if TYPE_CHECKING:
    from explorer.results.scores.material import Material

MOST, FEWEST = 1_000, 500  # images that are changed
TITLES = {DECODED: "decoded and encoded again"} | {name: one.title for name, one in SMALL.items()}


def make(material: Material) -> dict[str, Any]:
    """See above."""
    from explorer.analysis.concepts import invariance
    from explorer.autoencoder import no_decoder

    why = networks.lacking(material, decoder=False)
    if why:
        return {"missing": why}
    undecoded = no_decoder(material.model)
    rows = networks.chosen(range(len(material.rows)), networks.affordable(material, MOST, FEWEST))
    pixels = (part for _, part in material.batches(rows, "changing pictures a little"))
    found = invariance.kept(material.model, networks.books(material), pixels, SMALL, decode=not undecoded)
    layers = [
        {"layer": layer, "codes": material.size(layer), "changes": [_row(layer, *one) for one in changes.items()]}
        for layer, changes in found.items()
    ]
    refused = {DECODED: undecoded} if undecoded else {}
    return {"images": len(rows), "layers": layers, "refused": refused}


def _row(layer: str, change: str, found: tuple) -> dict[str, Any]:
    kept, null = (shares.bootstrapped(values) for values in found)
    said = f"{shares.worded(kept)} of the tokens of {layer} stay when a picture is {TITLES[change]}"
    said += f"; an unrelated picture shares {shares.worded(null)}." if null["n"] else "."
    return {
        "change": change, "title": TITLES[change],
        "kept": kept["mean"], "low": kept["low"], "high": kept["high"], "n": kept["n"],
        "null": null["mean"], "null_low": null["low"], "null_high": null["high"], "sentence": said,
    }  # fmt: skip
