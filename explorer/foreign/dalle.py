"""The `DiscreteVAE` of lucidrains/DALLE-pytorch: `hparams` and `weights` of its trainer, or the state dict alone.

Its encoder ends in a score for each code, of which the largest is taken. Sizes are read from the tensors.
Source: https://github.com/lucidrains/DALLE-pytorch, after Ramesh et al. 2021, "Zero-shot text-to-image generation".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign.adapters import Pixels, square
from explorer.foreign.recognition import Found, Place
from explorer.foreign.shapes import Shapes
from explorer.foreign.vqgan import Product

TITLE = "DALLE-pytorch DiscreteVAE"
DEFAULT = 256  # pixels, where the hyperparameters are not beside the weights
RANGES = {"-1..1": Pixels(0.5, 0.5), "0..1": Pixels(0.0, 1.0)}
NOTES = {
    "-1..1": "Images go in with RGB values from -1 to 1, as its code has it since it normalises; `@,range=0..1` behind "
    "the path takes those of its first versions.",
    "0..1": "Images go in with RGB values from 0 to 1, as its first versions had it.",
}


class Block(nn.Module):
    """x + f(x)."""

    def __init__(self, shapes: Shapes, at: str) -> None:
        super().__init__()
        first, second = (shapes.conv(f"{at}.net.{index}", 1, 1) for index in (0, 2))
        self.net = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), shapes.conv(f"{at}.net.4", 1, 0))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) + x


class Network(nn.Module):
    """Encoder, codebook and decoder by the names of their author."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*(_layer(shapes, f"encoder.{i}") for i in range(_count(shapes, "encoder"))))
        self.codebook = nn.Embedding(*shapes["codebook.weight"])
        self.decoder = nn.Sequential(*(_layer(shapes, f"decoder.{i}") for i in range(_count(shapes, "decoder"))))


class DiscreteVAE(Product):
    """Latents are what the last layer of the encoder, w·z + b of each code, is given."""

    @property
    def scores(self) -> tuple[Tensor, Tensor]:
        last = self.network.encoder[-1]
        return last.weight.flatten(1).float(), last.bias.float()

    @property
    def table(self) -> Tensor:
        return self.network.codebook.weight

    def latents(self, images: Tensor) -> Tensor:
        return nn.functional.pad(self.network.encoder[:-1](images), (0, 0, 0, 0, 0, 1))  # one more channel, of zeros

    def image(self, latents: Tensor) -> Tensor:
        return self.network.decoder(latents)


def recognise(place: Place) -> Found | None:
    """A state dict with the keys of this network."""
    shapes = Shapes({name: tuple(value.shape) for name, value in place.weights.tensors.items()})
    last = f"encoder.{_count(shapes, 'encoder') - 1}.weight"
    table, head, first = (shapes.get(name, ()) for name in ("codebook.weight", last, "encoder.0.0.weight"))
    decodes = _count(shapes, "decoder") > 1
    if len(table) != 2 or len(head) != 4 or len(first) != 4 or first[2:] != (4, 4) or not decodes:
        return None
    if head[0] != table[0] or first[1] != 3:
        raise BadInput(
            f"{place.path.name} looks like a {TITLE}, but scores {head[0]:,} codes of {table[0]:,}, of images of "
            f"{first[1]} channels; three channels can be shown"
        )
    factor = 2 ** sum(re.fullmatch(r"encoder\.\d+\.0\.weight", name) is not None for name in shapes)
    hparams = place.weights.rest.get("hparams")
    stated = hparams.get("image_size") if isinstance(hparams, Mapping) else None
    size = place.size(stated if isinstance(stated, int) and 0 < stated <= 2048 else DEFAULT)
    side, values = square(size, factor, TITLE), place.choice("range", tuple(RANGES)) or "-1..1"
    notes: list[str] = [NOTES[values], "A code is the one of the largest score; its training drew codes at random."]

    def build() -> Any:
        try:
            return DiscreteVAE(Network(shapes), size, Layer("code", (side, side), head[1] + 1), RANGES[values])
        except (KeyError, ValueError, TypeError) as error:
            raise BadInput(f"{place.path.name} looks like a {TITLE}, but lacks {error}") from None

    return Found(f"{TITLE}, {values}", "vqvae", (place.path,), size, build, notes=tuple(notes))


def _count(shapes: Mapping[str, Any], side: str) -> int:
    """How many layers an encoder or decoder has."""
    found = {name.split(".")[1] for name in shapes if name.startswith(f"{side}.")}
    return len(found) if all(one.isdecimal() for one in found) else 0


def _layer(shapes: Shapes, at: str) -> nn.Module:
    if f"{at}.net.0.weight" in shapes:
        return Block(shapes, at)
    if f"{at}.0.weight" not in shapes:
        return shapes.conv(at, 1, 0)
    make = shapes.conv if at.startswith("encoder") else shapes.up
    return nn.Sequential(make(f"{at}.0", 2, 1), nn.ReLU())
