"""Layers side by side where decoding cannot tell them apart: what the codes of each keep and tell, and their maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Column, Controls, Go, Heading, Missing, Note, Picture, Pictures, Row, Table
from explorer.views import words

if TYPE_CHECKING:
    from explorer.study import Study

LATENTS = 8_192  # of a layer, on which the variance that codes keep is measured
COLOURS = "Each cell in the colour of its code; near codes of one layer look alike, those of two layers do not compare."


def drawn(study: Study, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `count` images, a random sample of all, and their pixels."""
    rows = np.random.default_rng(seed).permutation(len(study.images))[:count]
    return rows, study.shown.read(rows)


def cards(names: Sequence[str], pictures: Sequence[Sequence[Picture]]) -> Row:
    """A card for each image, with its name and its pictures in one row."""
    many = len(pictures[0])
    parts = [
        [Note(name), Pictures(f"layers-{index}", shown, 80, columns=many)]
        for index, (name, shown) in enumerate(zip(names, pictures, strict=True))
    ]
    return Row(parts, min(max(390, 105 * many), 900), boxed=True)


def compared(study: Study, count: int, seed: int) -> tuple[list[Block], dict[str, Any]]:
    """Blocks that compare the codes of all layers, with maps of `count` images, and the numbers in them."""
    title, about = (
        "Codes of each layer",
        f"A layer that is continuous has k-means codes, fitted on training images{words.among(study)}.",
    )
    if not study.encoded:
        work = f"Encode {len(study.images):,} images of {study.images.name} with {study.checkpoint.name}"
        return [Heading(title, about), Missing("encoding", None, work, "Codes of every layer; kept for all pages.")], {}
    import pandas as pd

    concept = next(map(str, study.concepts().columns), "")
    rows = [study.remember(told, name, concept) for name in study.layer_names]
    data = pd.DataFrame(rows)
    columns = {
        "layer": Column("Layer", "First to last.", pinned=True),
        "percent": Column("Variance kept (%)", help_of("explained share"), "%.1f"),
        "used": Column("Used codes", help_of("used"), "localized"),
        "perplexity": Column("Perplexity", help_of("perplexity"), "%.1f"),
        "bits": Column(f"A token tells of {concept} (bits)", help_of("information"), "%.3f"),
        "chance_high": Column("By chance, 97.5 % below", help_of("chance"), "%.3f"),
    }
    shown = data.assign(percent=100 * data["explained"])
    shown = shown[[name for name in columns if name in shown]]
    return [
        Heading(title, about, lambda: data, f"{study.checkpoint.name}-layers"),
        *_telling(rows, concept),
        Table("layers", shown, {name: columns[name] for name in shown}),
        Heading("Code maps by layer"),
        Controls(("images", "seed")),
        Note(COLOURS),
        _maps(study, *drawn(study, count, seed)),
    ], {"concept": concept or None, "layers": rows}


def told(study: Study, layer: str, concept: str) -> dict[str, Any]:
    """What the codes of a layer keep and tell: plain numbers."""
    from explorer.analysis import codes, usage
    from explorer.study import telling

    latents, rows, cells = study.encoding.patches(layer, LATENTS)
    images, place = np.unique(rows, return_inverse=True)
    own = study.encoding.codes(layer, images).reshape(len(images), -1)[place, cells]
    found = usage.measure(study.usage(layer), study.encoding.images)
    numbers = {
        "layer": layer, "codes": found.codes, "used": found.used, "perplexity": found.perplexity,
        "explained": codes.explained_share(latents, study.vectors(layer)[own]),
    }  # fmt: skip
    tells = telling.tokens(study, layer, study.concepts()[concept]) if concept else None
    if tells is None:
        return numbers
    some = {"bits_of_images": tells.images} if telling.sampled(study, tells) else {}
    return numbers | {"bits": tells.bits, "chance_high": tells.chance_high, "of": tells.concept_bits} | some


def _telling(rows: list[dict[str, Any]], concept: str) -> list[Block]:
    """What tokens tell about the concept, in words."""
    if "bits" not in rows[0]:
        return []
    least, most = (pick(rows, key=lambda row: row["bits"]) for pick in (min, max))
    said = (
        f"About {concept}, a token tells from {least['bits']:.3f} bits ({least['layer']}) to {most['bits']:.3f} "
        f"({most['layer']}) of {most['of']:.2f}; with shuffled labels, 97.5 % stay below "
        f"{max(row['chance_high'] for row in rows):.3f}. Small differences between layers say nothing."
    )
    if "bits_of_images" in most:
        said += f" Asked were {most['bits_of_images']:,} of the images, drawn at random."
    return [Note(said, "plain")]


def _maps(study: Study, rows: np.ndarray, pixels: np.ndarray) -> Row:
    """A card for each image: the original, and the code map of each layer."""
    from explorer.analysis.colours import paint

    found = []
    for row, original in zip(rows.tolist(), pixels, strict=True):
        go = Go("code_maps", {"image": row})
        shown = [Picture(original, "Original", alt=f"Original of {study.images.names[row]}", go=go)]
        for layer in study.layer_names:
            painted = paint(study.encoding.codes(layer, [row])[0], study.colours(layer))
            go, about = Go("code_maps", {"image": row, "layer": layer}), f"{layer} on the code maps"
            shown.append(Picture(painted, layer, alt=f"Code map of {layer}", help=about, go=go))
        found.append(shown)
    return cards([study.images.names[row] for row in rows], found)
