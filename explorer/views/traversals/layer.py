"""Which layers can be traversed, and what is measured of one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.results.measurements import Latents
from explorer.sheets import Go, Link, Missing
from explorer.study import traversals

if TYPE_CHECKING:
    from explorer.study import Picture, Study

SHOWN = "vae-shapes"  # the checkpoint that is offered where there is nothing to traverse
ELSEWHERE = Link("Open vae-shapes, a VAE", "tune", Go(None, {"checkpoint": SHOWN, "dataset": "shapes"}))
SLOW, WARM = 0.4, 2.0  # seconds of one picture from which rows are filled bit by bit; and those that are taken twice
NORMS = 4000  # latents whose norms are looked at


def continuous(study: Study, picture: Picture | None) -> list[str]:
    """Layers without codes of their own that the decoder needs, where it puts all layers together."""
    if study.checkpoint.no_decoder or not study.abilities()["joint"]:
        return []
    found = [layer["name"] for layer in study.checkpoint.layers if layer.get("codes") is None]
    if picture is None or not found:
        return found
    needed = study.look(picture).needed
    return [name for name in found if name not in needed or needed[name].any()]


def offered(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    """Layers to choose from; of a model that decodes from one layer at a time, any."""
    if not study.checkpoint.no_decoder and not study.abilities()["joint"]:
        return {name: name for name in study.layer_names}
    return {name: name for name in continuous(study, options["picture"])}


def start(study: Study, options: Mapping[str, Any]) -> str:
    """The layer to begin with."""
    known = offered(study, options)
    return study.main_layer if study.main_layer in known or not known else next(iter(known))


def measured(study: Study, layer: str) -> tuple[dict[str, Any] | None, Missing]:
    """What is measured of a layer, or None, and what makes it."""
    options = Latents(layer)
    missing = Missing(
        "latents", options, f"Measure the units of layer {layer}",
        "How far each unit moves over many images, what it costs, and a mixture fitted to the latents; kept for the "
        "next time.", begin=True,
    )  # fmt: skip
    return study.result("latents", options), missing


def is_vector(study: Study, layer: str) -> bool:
    """Whether one vector describes the whole image."""
    return study.layer(layer).grid == (1, 1)


def has_posterior(study: Study, layer: str) -> bool:
    """Whether latents of the layer are means of Gaussians that were trained towards N(0, 1)."""
    return bool(study.abilities()["posterior"]) and layer == study.layer_names[0]


def slow(study: Study, layer: str) -> bool:
    """Whether the network takes so long for one picture that nobody waits for a page of them."""
    return study.remember(_seconds, layer) > SLOW


def _seconds(study: Study, layer: str) -> float:
    """Of decoding one picture; the first time prepares memory and kernels."""
    facts = study.layer(layer)
    base = study.look(study.image(0)).latents
    once = np.zeros((1, *facts.grid, facts.dim), np.float32)
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        study.through(traversals.decode, layer, once, base)
        seconds.append(time.perf_counter() - began)
        if not SLOW < seconds[-1] < WARM:
            break
    return min(seconds)


def norms(study: Study, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """(M,) norms of latents of many images about a centre, and the centre (D,): zero where there is a prior, their
    mean elsewhere."""
    return study.remember(_norms, layer)


def _norms(study: Study, layer: str) -> tuple[np.ndarray, np.ndarray]:
    vectors = study.encoding.patches(layer, NORMS)[0].astype(np.float64)
    centre = np.zeros(vectors.shape[1]) if has_posterior(study, layer) else vectors.mean(0)
    return np.linalg.norm(vectors - centre, axis=1), centre.astype(np.float32)
