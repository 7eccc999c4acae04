"""Methods that are asked what users look at: codes of the checkpoint, and what they are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from explorer.analysis.grids import placed
from explorer.analysis.relations import behaviour, profiles
from explorer.encodings import rows
from explorer.results.subject import main_layer

if TYPE_CHECKING:
    from explorer.analysis.relations.holding import Held
    from explorer.analysis.retrieval import Rows
    from explorer.results.scores.material import Material

EVERY = "all"  # in place of a layer: all of them side by side
UNTRAINED = 20_000  # images up to which untrained networks are asked
TITLES = {"bag": "Bag of codes", "place": "Codes at places", "zq": "Mean of z_q", "pixels": "Pixels",
          "colours": "Colours", "untrained bag": "Untrained: bag of codes", "untrained ze": "Untrained: mean latents",
          "item-kNN": "Item-kNN", "popularity": "Popularity", "random": "Random"}  # fmt: skip

Scores: TypeAlias = Callable[[np.ndarray], np.ndarray]  # users (u,) -> (u, C) scores of what is ranked


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        way: a name in TITLES. layer: of its codes or latents; EVERY, or "" where it has none.
        kind: codes, content (what needs no training), behaviour (what other users did) or random.
        several: whether other layers are asked the same way, so that the layer is part of the name.
    """

    way: str
    layer: str
    kind: str
    several: bool = False

    @property
    def name(self) -> str:
        return f"{self.way} {self.layer}" if self.several else self.way

    @property
    def title(self) -> str:
        return f"{TITLES[self.way]}, {'all layers' if self.layer == EVERY else self.layer}" if self.several else (
            TITLES[self.way]
        )  # fmt: skip


def methods(
    material: Material, first: np.ndarray, half_life: float, untrained: Callable[[Material], dict]
) -> Iterator[tuple[Method, list[Callable]]]:
    """Each method with functions (what is held back) -> Scores, one for each seed.

    Args:
        first: (P,) the image that stands for each product.
        untrained: the material -> {way: {layer: rows of each seed}} of networks that learned nothing.
    """
    yield Method("random", "", "random"), [_random]
    yield Method("popularity", "", "behaviour"), [_popular]
    yield Method("item-kNN", "", "behaviour"), [_neighbours]
    for method, seeds in (*_own(material), *_plain(material, untrained)):
        material.say(f"asking {method.name}")
        yield method, [_tastes(one[first], half_life) for one in map(_called, seeds)]


def _tastes(products: Rows, half_life: float) -> Callable[[Held], Scores]:
    def of(held: Held) -> Scores:
        asked = held.users  # the others' profiles need not be known
        found = profiles.profiles(held.known.shares(half_life)[asked], products)
        if len(held.among) < products.shape[0]:
            found = replace(found, products=found.products[held.among])
        return lambda users: found.scores(np.searchsorted(asked, users))

    return of


def _random(held: Held) -> Scores:
    return lambda users: np.zeros((len(users), len(held.among)))


def _popular(held: Held) -> Scores:
    popular = held.known.popularity()[held.among]
    return lambda users: np.tile(popular, (len(users), 1))


def _neighbours(held: Held) -> Scores:
    alike, seen, popular = behaviour.together(held.known), held.known.seen(), held.known.popularity()
    return lambda users: behaviour.by_neighbours(seen[users], alike, popular)[:, held.among]


def _called(make: Any) -> Rows:
    """Rows that are made when they are asked for, since all at once would not fit."""
    return make() if callable(make) else make


def _own(material: Material) -> Iterator[tuple[Method, list]]:
    """Bags of codes of each layer and of all of them; places and mean vectors of the main one."""
    layers, main = [layer.name for layer in material.encoding.layers], main_layer(material.subject.facts)
    several = len(layers) > 1
    for layer in layers:
        yield Method("bag", layer, "codes", several), [lambda layer=layer: _rows(material, "bag", [layer])]
    if several:
        yield Method("bag", EVERY, "codes", True), [lambda: _rows(material, "bag", layers)]
    grid = material.encoding.layer(main).grid
    if placed(grid) and grid != (1, 1):  # of a single cell it is the bag
        yield Method("place", main, "codes"), [lambda: _rows(material, "place", [main])]
    yield Method("zq", main, "codes"), [lambda: _rows(material, "zq", [main])]


def _plain(material: Material, untrained: Callable[[Material], dict]) -> Iterator[tuple[Method, list]]:
    """Pixels, colours, and networks that learned nothing."""
    if not material.pictured:
        return
    for way in ("pixels", "colours"):
        yield Method(way, "", "content"), [lambda way=way: _rows(material, way, [""])]
    if material.model is None or len(material.encoding) > UNTRAINED:
        return
    main = main_layer(material.subject.facts)
    for way, layers in untrained(material).items():
        if main in layers:
            yield Method(way, main, "content"), layers[main]


def _rows(material: Material, way: str, layers: list[str]) -> Rows:
    """(N, F) rows of length 1 of all images, as `study.similar.represented` has them."""
    from scipy.sparse import issparse, vstack

    parts = [rows.Part(material.encoding, material.subject.images, way, layer) for layer in layers]
    fitted = [part.fit() for part in parts]
    found = []
    for block in parts[0].blocks():
        pairs = zip(parts, fitted, strict=True)
        found.append(rows.beside([part.rows(said, block) for part, said in pairs]))
        material.progress.update(block.stop, f"reading {way}")
    return vstack(found, format="csr") if issparse(found[0]) else np.concatenate(found)
