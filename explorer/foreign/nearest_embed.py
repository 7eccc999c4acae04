"""State dicts of nadavbh12/VQ-VAE: its convolutional VQ-VAE and VAE, and the VAE of PyTorch's examples beside them.

Sizes are read from the tensors. `NearestEmbed` keeps its codebook as (D, K), a code a column.
Source: https://github.com/nadavbh12/VQ-VAE, https://github.com/pytorch/examples/tree/main/vae
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign.adapters import Adapter, Pixels, square
from explorer.foreign.posteriors import Posterior
from explorer.foreign.recognition import LARGEST, SMALLEST, Found, Place
from explorer.foreign.shapes import Shapes

TITLE, EXAMPLE = "nadavbh12/VQ-VAE", "PyTorch's example VAE"
FACTOR, GRID = 4, 8  # pixels per cell, and cells along each side of its VAE
TABLE = "emb.weight"
MNIST, CIFAR, IMAGENET = 28, 32, 256
OF_IMAGENET = (128, 512)  # channels and codes that its trainer takes by default


class Block(nn.Module):
    """x + f(x), with batch norm in the middle or without."""

    def __init__(self, shapes: Shapes, at: str) -> None:
        super().__init__()
        normed = f"{at}.convs.2.weight" in shapes
        norm = [shapes.norm(f"{at}.convs.2")] if normed else []
        outer = shapes.conv(f"{at}.convs.{4 if normed else 3}", 1, 0)
        self.convs = nn.Sequential(nn.ReLU(), shapes.conv(f"{at}.convs.1", 1, 1), *norm, nn.ReLU(), outer)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.convs(x)


class Convolutions(nn.Module):
    """Encoder and decoder by the names of their authors; a codebook (D, K), or what gives mean and variance."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        discrete = TABLE in shapes
        self.encoder = nn.Sequential(
            shapes.conv("encoder.0", 2, 1, bias=discrete), shapes.norm("encoder.1"), nn.ReLU(),
            shapes.conv("encoder.3", 2, 1, bias=discrete), shapes.norm("encoder.4"), nn.ReLU(),
            Block(shapes, "encoder.6"), shapes.norm("encoder.7"), Block(shapes, "encoder.8"),
            *([shapes.norm("encoder.9")] if discrete else []),
        )  # fmt: skip
        at = 3 if discrete else 4
        self.decoder = nn.Sequential(
            Block(shapes, "decoder.0"), shapes.norm("decoder.1"), Block(shapes, "decoder.2"),
            *([] if discrete else [shapes.norm("decoder.3")]),
            shapes.up(f"decoder.{at}", 2, 1, bias=discrete), shapes.norm(f"decoder.{at + 1}"), nn.ReLU(),
            shapes.up(f"decoder.{at + 3}", 2, 1, bias=discrete),
        )  # fmt: skip
        if discrete:
            self.emb = nn.ParameterDict({"weight": nn.Parameter(torch.empty(shapes[TABLE]))})
        else:
            self.fc11, self.fc12 = shapes.linear("fc11"), shapes.linear("fc12")

    def mean(self, x: Tensor) -> Tensor:
        return self.fc11(self.encoder(x).flatten(1))

    def variance(self, x: Tensor) -> Tensor:
        """The logarithm of the posterior's variance."""
        return self.fc12(self.encoder(x).flatten(1))

    def image(self, z: Tensor) -> Tensor:
        return torch.tanh(self.decoder(z.unflatten(1, (-1, GRID, GRID)) if z.ndim == 2 else z))


class VQVAE(Adapter):
    """One grid of codes."""

    @property
    def vectors(self) -> Tensor:
        return self.network.emb["weight"].T

    def latents(self, images: Tensor) -> Tensor:
        return self.network.encoder(images)

    def image(self, latents: Tensor) -> Tensor:
        return self.network.image(latents)


class Perceptron(nn.Module):
    """The VAE of PyTorch's examples, by its names: one hidden layer on both sides, and pixels from 0 to 1."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        for name in ("fc1", "fc21", "fc22", "fc3", "fc4"):
            self.add_module(name, shapes.linear(name))
        self.side = math.isqrt(shapes["fc4.weight"][0])

    def mean(self, x: Tensor) -> Tensor:
        return self.fc21(torch.relu(self.fc1(x.flatten(1))))

    def variance(self, x: Tensor) -> Tensor:
        """The logarithm of the posterior's variance."""
        return self.fc22(torch.relu(self.fc1(x.flatten(1))))

    def image(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.fc4(torch.relu(self.fc3(z)))).unflatten(1, (1, self.side, self.side))


def recognise(place: Place) -> Found | None:
    """A state dict with the keys of one of them."""
    shapes = Shapes({name: tuple(value.shape) for name, value in place.weights.tensors.items()})
    if {"fc1.weight", "fc21.weight", "fc22.weight", "fc3.weight", "fc4.weight"} == {
        name for name in shapes if name.endswith(".weight")
    }:
        return _example(place, shapes)
    discrete = TABLE in shapes and len(shapes[TABLE]) == 2
    if (
        not {"encoder.6.convs.1.weight", "decoder.0.convs.1.weight", TABLE if discrete else "fc11.weight"}
        <= shapes.keys()
    ):
        return None
    try:
        channels, size, grid, dim = _geometry(place, shapes, discrete)
    except (KeyError, IndexError, ValueError) as error:
        raise BadInput(f"{place.path.name} looks like a model of {TITLE}, but lacks {error}") from None
    pixels = Pixels(0.0, 1.0, 1) if channels == 1 else Pixels(0.5, 0.5, channels)
    notes = (f"Images go in with {pixels}, as its code has it.",)
    if discrete and channels == 3:
        notes += (f"Its tensors leave open how large images are: {CIFAR} pixels of CIFAR-10, {IMAGENET} of ImageNet.",)

    def build() -> Adapter:
        try:
            network = Convolutions(shapes)
        except (KeyError, ValueError) as error:
            raise BadInput(f"{place.path.name} looks like a model of {TITLE}, but lacks {error}") from None
        layer = Layer("code" if discrete else "latent", (grid, grid), dim)
        return (VQVAE if discrete else Posterior)(network, size, layer, pixels)

    return Found(TITLE, "vqvae" if discrete else "vae", (place.path,), size, build, _used, notes)


def _used(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All but the moving averages that the codebook follows in training."""
    return {name: value for name, value in tensors.items() if name not in ("emb.cluster_size", "emb.embed_avg")}


def _geometry(place: Place, shapes: Shapes, discrete: bool) -> tuple[int, int, int, int]:
    """Channels of images and their side in pixels, cells along each side, and D."""
    channels = shapes["encoder.0.weight"][1]
    if channels not in (1, 3):
        raise BadInput(f"{place.path.name} takes images of {channels} channels; grey and RGB images can be shown")
    if not discrete:
        if place.image_size not in (None, GRID * FACTOR):
            raise BadInput(f"{place.path.name} takes images of {GRID * FACTOR} pixels and no others")
        return channels, GRID * FACTOR, GRID, shapes["encoder.3.weight"][0]
    dim, codes = shapes[TABLE]
    usual = MNIST if channels == 1 else IMAGENET if (dim, codes) == OF_IMAGENET else CIFAR
    size = place.size(usual)
    return channels, size, square(size, FACTOR, TITLE), dim


def _example(place: Place, shapes: Shapes) -> Found:
    name, pixels = place.path.name, shapes["fc4.weight"][0]
    side = math.isqrt(pixels)
    if side**2 != pixels or not SMALLEST <= side <= LARGEST:
        raise BadInput(f"{name} looks like {EXAMPLE}, but makes {pixels:,} pixels, which are no square of grey values")
    if place.image_size not in (None, side):
        raise BadInput(f"{name} takes images of {side} pixels and no others, not {place.image_size}")
    layer, grey = Layer("latent", (1, 1), shapes["fc21.weight"][0]), Pixels(0.0, 1.0, 1)
    notes = (f"Images go in with {grey}, as its code has it.",)
    build = lambda: Posterior(Perceptron(shapes), side, layer, grey)  # noqa: E731
    return Found(EXAMPLE, "vae", (place.path,), side, build, notes=notes)
