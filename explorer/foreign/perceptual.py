"""State dicts of guspih/Perceptual-Autoencoders: `FourLayerCVAE`, trained on pixels or on what a network sees in them.

The authors save whole modules, which are pickled code that is not run. Sizes are read from the tensors.
Source: https://github.com/guspih/Perceptual-Autoencoders
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign.adapters import Pixels
from explorer.foreign.posteriors import Posterior
from explorer.foreign.recognition import Found, Place
from explorer.foreign.shapes import Shapes

TITLE = "guspih/Perceptual-Autoencoders"
SMALLEST, STEP, LAYERS = 64, 16, 4  # pixels: 64, 80, 96, …
MARKS = {"encoder.conv3.weight", "mu.weight", "logvar.weight", "dense.weight", "decoder.conv3.weight"}


class Network(nn.Module):
    """By the names of the authors; `side` cells at both ends of the vector."""

    def __init__(self, shapes: Shapes, side: int) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Sequential(), nn.Sequential()
        for index in range(LAYERS):
            self.encoder.add_module(f"conv{index}", shapes.conv(f"encoder.conv{index}", 2, 0))
            self.encoder.add_module(f"norm{index}", shapes.norm(f"encoder.norm{index}"))
            self.encoder.add_module(f"acti{index}", nn.ReLU())
            self.decoder.add_module(f"conv{index}", shapes.up(f"decoder.conv{index}", 2, 0))
            last = index == LAYERS - 1
            if not last:
                self.decoder.add_module(f"norm{index}", shapes.norm(f"decoder.norm{index}"))
            self.decoder.add_module(f"acti{index}", nn.Sigmoid() if last else nn.ReLU())
        self.mu, self.logvar, self.dense = (shapes.linear(name) for name in ("mu", "logvar", "dense"))
        self.side = side

    def mean(self, x: Tensor) -> Tensor:
        return self.mu(self.encoder(x).flatten(1))

    def variance(self, x: Tensor) -> Tensor:
        """The logarithm of the posterior's variance."""
        return self.logvar(self.encoder(x).flatten(1))

    def image(self, z: Tensor) -> Tensor:
        return self.decoder(self.dense(z).relu().unflatten(1, (-1, self.side, self.side)))


def recognise(place: Place) -> Found | None:
    """A state dict with the keys of `FourLayerCVAE`."""
    name = place.path.name
    if not place.weights.tensors.keys() >= MARKS:
        return None
    shapes = Shapes({key: tuple(value.shape) for key, value in place.weights.tensors.items()})
    try:
        side = math.isqrt(shapes["dense.weight"][0] // shapes["decoder.conv0.weight"][0])
        dim, channels = shapes["mu.weight"][0], shapes["encoder.conv0.weight"][1]
    except (IndexError, KeyError, ZeroDivisionError):
        raise BadInput(f"{name} looks like a model of {TITLE}, but its tensors have other shapes") from None
    size = SMALLEST + STEP * (side - 1)
    if place.image_size not in (None, size):
        raise BadInput(f"{name} takes images of {size} pixels and no others, not {place.image_size}")
    pixels = Pixels(0.0, 1.0, channels)

    def build() -> Posterior:
        try:
            return Posterior(Network(shapes, side), size, Layer("latent", (1, 1), dim), pixels)
        except (KeyError, ValueError, TypeError) as error:
            raise BadInput(f"{name} looks like a model of {TITLE}, but lacks {error}") from None

    notes = (
        f"Images go in with {pixels}, as its code has it.",
        "Whether it was trained as variational the file does not say; if not, its variance means nothing.",
    )
    return Found(TITLE, "vae", (place.path,), size, build, _used, notes)


def _used(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All but the network that its loss looks through."""
    return {name: value for name, value in tensors.items() if not name.startswith("perceptual_net.")}
