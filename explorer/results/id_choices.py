"""How ids of images can be made, and what suits a checkpoint, from the facts of its layers."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from explorer.errors import BadInput
from explorer.options import check, choice, number, text

AUTO = "auto"
WAYS = {"residual": "Residual codes", "levels": "Coarse and fine grids", "tree": "Tree of k-means"}


@dataclass(frozen=True)
class Options:
    """How ids are made; `auto` is what suits the checkpoint."""

    way: str = choice(
        AUTO, (AUTO, *WAYS),
        "residual: each code stands for what those before it left over; levels: one code of each grid of a network "
        "with several, coarse to fine; tree: k-means of the images, of each part again, and so on. auto: what the "
        "checkpoint has, else the tree.",
    )  # fmt: skip
    levels: int = number(3, "Codes in an id, where they are fitted.", low=1, high=8)
    branch: int = number(16, "Codes to choose from at each level, where they are fitted.", low=2, high=256)
    layer: str = text("", "Whose codes the ids are made of. [the finest with codes of its own]")
    of: str = choice(
        AUTO, (AUTO, "zq", "ze"),
        "What of an image is put into an id: zq, the vectors of its codes, averaged; ze, what the encoder says before "
        "it is quantized. auto: zq where the layer has codes of its own.",
    )  # fmt: skip
    books: str = choice(
        AUTO, (AUTO, "own", "fitted"),
        "own: codebooks of the checkpoint; fitted: k-means of half of the images. auto: own where there are some.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        for one in fields(self):
            check(one, getattr(self, one.name))


def chain(layers: list[dict[str, Any]]) -> list[str]:
    """Names of the layers of a residual quantizer, `code.0`, `code.1`, …: of one grid and dim; else empty."""
    known = {layer["name"]: layer for layer in layers if layer.get("codes")}
    for name, layer in known.items():
        if not (found := re.fullmatch(r"(.+)\.0", name)):
            continue
        names = [name]
        while (more := known.get(f"{found[1]}.{len(names)}")) and more["dim"] == layer["dim"]:
            if tuple(more["grid"]) != tuple(layer["grid"]):
                break
            names.append(more["name"])
        if len(names) > 1:
            return names
    return []


def grids(layers: list[dict[str, Any]]) -> list[str]:
    """Names of the layers with codes of their own, if they are of several grids: those of VQ-VAE-2, coarse to fine."""
    coded = [layer for layer in layers if layer.get("codes")]
    return [layer["name"] for layer in coded] if len({tuple(layer["grid"]) for layer in coded}) > 1 else []


def main(layers: list[dict[str, Any]]) -> str:
    """The first layer on the finest grid of those with codes of their own; else the last."""
    own = [layer for layer in layers if layer.get("codes")]
    return max(own, key=lambda one: one["grid"][0])["name"] if own else layers[-1]["name"]


def complete(layers: list[dict[str, Any]], name: str, options: Options) -> Options:
    """The same with nothing left open, from the facts of a checkpoint's layers and its name.

    Raises:
        BadInput: the checkpoint does not have what is asked for.
    """
    known, several = {layer["name"]: layer for layer in layers}, grids(layers)
    if options.layer and options.layer not in known:
        raise BadInput(f"unknown layer {options.layer!r} of {name}; choose from {', '.join(known)}")
    parts = chain(layers)
    way = options.way
    if way == AUTO:
        free = not options.layer and options.of == AUTO and options.books != "fitted"
        way = "residual" if parts and free else "levels" if several and free else "tree"
    if way == "levels":
        if not several:
            raise BadInput(
                f"{name} has no codes on several grids, as VQ-VAE-2 has, so an id cannot have a code of each; "
                "choose tree, or a checkpoint such as vqvae2-shapes"
            )
        books = "own" if options.books == AUTO else options.books
        of = "ze" if books == "own" and options.of == AUTO else _of(options, True)
        if books == "own":
            return Options(way, of=of, books=books)
        return Options(way, len(several), options.branch, "", of, books)
    books = options.books
    if way == "tree":
        if books == "own":
            raise BadInput("a tree is fitted: a codebook has no branches; choose residual or levels for own codebooks")
        books = "fitted"
    elif books == AUTO:
        books = "own" if parts and not options.layer else "fitted"
    if way == "residual" and books == "own":
        if not parts:
            raise BadInput(
                f"{name} has no residual quantizer (layers such as code.0, code.1), so it has no books of its own for "
                "residual codes; choose fitted ones, or a tree"
            )
        return Options(way, layer=parts[0], of="ze", books=books)
    layer = options.layer or main(layers)
    return Options(way, options.levels, options.branch, layer, _of(options, bool(known[layer].get("codes"))), books)


def _of(options: Options, coded: bool) -> str:
    """Vectors of codes where there are codes: what a collapsed codebook does not tell apart, no id should."""
    return options.of if options.of != AUTO else "zq" if coded else "ze"


def layers_of(facts: list[dict[str, Any]], options: Options) -> list[str]:
    """Names of the layers that complete options are about, one for each input of their maker."""
    return grids(facts) if options.way == "levels" else [options.layer]
