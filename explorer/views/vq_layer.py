"""What the steps of a VQ layer make of one cell of a picture: everything that their page shows, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.grids import placed
from explorer.lazy import cached_property

if TYPE_CHECKING:
    from explorer.analysis.bottlenecks import Bottleneck
    from explorer.analysis.steps import Call, Gradients
    from explorer.study import Picture as Looked
    from explorer.study import Study

OWN = ("learned", "implicit")  # kinds of codebooks that belong to a network


@dataclass(frozen=True)
class Taken:
    """The steps of a layer for the cell (row, column) of a picture, with a loss for the last one."""

    study: Study
    picture: Looked
    layer: str
    cell: tuple[int, int]
    loss: str

    @property
    def own(self) -> bool:
        """Whether the network itself has this codebook; else k-means lends it one."""
        return self.study.book(self.layer).kind in OWN

    @property
    def placed(self) -> bool:
        return placed(self.z.shape[:2])

    @cached_property
    def z(self) -> np.ndarray:
        """(H, W, D), what the encoder gives."""
        return self.study.look(self.picture).latents[self.layer]

    @cached_property
    def vectors(self) -> np.ndarray:
        """(K, D)."""
        return self.study.vectors(self.layer)

    @cached_property
    def call(self) -> Call:
        from explorer.analysis import steps

        return steps.call(self.vector, self.vectors)

    @cached_property
    def codes(self) -> np.ndarray:
        """(H, W)."""
        codes = self.study.remember(_codes, self.picture, self.layer).copy()
        codes[self.cell] = self.call.code  # where two codes are as near, another machine may have taken the other one
        return codes

    @property
    def vector(self) -> np.ndarray:
        """(D,), the encoder's vector of the cell."""
        return self.z[self.cell]

    @property
    def value(self) -> np.ndarray:
        """(D,), the code's vector that takes its place."""
        return self.vectors[self.call.code]

    @property
    def row(self) -> int:
        """Of the cell in the list of vectors."""
        return self.cell[0] * self.z.shape[1] + self.cell[1]

    @cached_property
    def margins(self) -> np.ndarray:
        """(m,) of the cells of the picture, or of a sample of them; empty in a codebook of one."""
        return self.study.remember(_margins, self.picture, self.layer)

    @cached_property
    def closer(self) -> int:
        """How many cells of the picture were a closer call."""
        near = self.call.margin or 0.0
        return int((self.margins < near - 1e-6 * max(near, 1e-12)).sum())

    @cached_property
    def margin_quantile(self) -> float | None:
        """Share of the cells of the picture whose margin is at most that of this one."""
        near = self.call.margin
        if near is None or not len(self.margins):
            return None
        return float((self.margins <= near * (1 + 1e-6)).mean())

    @cached_property
    def gradients(self) -> Gradients | None:
        """None where the network decodes no codes of this layer, or nothing at all."""
        if not self.own or self.study.checkpoint.no_decoder:
            return None
        return self.study.remember(_gradients, self.picture, self.layer, self.loss)

    @cached_property
    def bottleneck(self) -> Bottleneck:
        return self.study.remember(_bottleneck, self.picture, self.layer)

    @property
    def shapes(self) -> dict[str, list[int]]:
        """Of what goes from step to step, for one image."""
        (H, W, D), K = self.z.shape, len(self.vectors)
        M = H * W
        return {
            "latents": [1, H, W, D], "rows": [M, D], "codebook": [K, D], "distances": [M, K], "codes": [M],
            "values": [M, D], "quantized": [1, H, W, D],
        }  # fmt: skip

    def numbers(self) -> dict[str, Any]:
        """What the page shows, for scripts."""
        call, runner = self.call, self.call.runner_up
        told = {
            "image": self.picture.row, "name": self.picture.name, "layer": self.layer, "cell": list(self.cell),
            "code": call.code, "distance": float(call.distances[call.code]), "runner_up": runner,
            "runner_up_distance": None if runner is None else float(call.distances[runner]),
            "margin": call.margin, "margin_share": share(call), "margin_quantile": self.margin_quantile,
            "margins_of": len(self.margins), "bottleneck": self.bottleneck.kind, "shapes": self.shapes,
        }  # fmt: skip
        return told | {"gradient": slopes(self)}


def share(call: Call) -> float | None:
    """The margin as a share of the distance to the winner; None where there is no runner-up, or the distance is 0."""
    nearest = float(call.distances[call.code])
    return None if call.margin is None or nearest <= 0 else call.margin / nearest


def slopes(taken: Taken) -> dict[str, Any] | None:
    """The gradients at the cell: their lengths, and the cosine between both ends of the copy."""
    from explorer.analysis.steps import cosine

    found = taken.gradients
    if found is None:
        return None
    before, after = found.decoder[taken.cell], found.encoder[taken.cell]
    return {
        "loss": taken.loss, "value": found.loss, "decoder": float(np.linalg.norm(before)),
        "encoder": float(np.linalg.norm(after)), "codebook": float(np.linalg.norm(found.book[taken.cell])),
        "cosine": cosine(before, after),
    }  # fmt: skip


def _gradients(study: Study, picture: Looked, layer: str, loss: str) -> Gradients | None:
    from explorer.study.gradients import gradients

    return study.through(gradients, picture.pixels, layer, loss)


def _codes(study: Study, picture: Looked, layer: str) -> np.ndarray:
    return study.codes_of(picture, layer)[0].astype(np.int64)


def _margins(study: Study, picture: Looked, layer: str) -> np.ndarray:
    from explorer.analysis import steps

    z, vectors = study.look(picture).latents[layer], study.vectors(layer)
    return steps.margins(z.reshape(-1, z.shape[-1]), vectors) if len(vectors) > 1 else np.empty(0)


def _bottleneck(study: Study, picture: Looked, layer: str) -> Bottleneck:
    from explorer.analysis import bottlenecks

    latents, parts, values = study.look(picture).latents, {}, {}
    for name in study.layer_names:
        book = study.book(name)
        own = book.kind in OWN
        parts[name] = bottlenecks.Part(
            latents[name], study.vectors(name) if own else None, own and book.kind == "implicit"
        )
        if own:
            values[name] = study.vectors(name)[study.codes_of(picture, name)[0]]
    if layer not in values:
        return bottlenecks.Bottleneck("plain", (layer,))
    return bottlenecks.recognise(parts, values, layer)
