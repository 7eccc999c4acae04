"""Folders of pythae: `model_config.json` and `model.pt`, with the library's own networks, recognised by their keys.

The networks are pythae's default, two perceptrons, and the convolutional and residual ones that it calls benchmarks.
Networks of one's own lie beside them as pickled code, which is not opened.
Source: https://github.com/clementchadebec/benchmark_VAE
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.files import read_json
from explorer.foreign import reading
from explorer.foreign.adapters import Adapter, Pixels
from explorer.foreign.recognition import LARGEST, SMALLEST, Found, Place
from explorer.foreign.shapes import Shapes

CONFIG, WEIGHTS, WRAPPED = "model_config.json", "model.pt", "model_state_dict."
FAMILIES = {  # of each config; those that differ in their loss alone are read alike
    "AEConfig": "vae",
    "VAEConfig": "vae",
    "BetaVAEConfig": "vae",
    "BetaTCVAEConfig": "vae",
    "DisentangledBetaVAEConfig": "vae",
    "IWAEConfig": "vae",
    "VQVAEConfig": "vqvae",
}
MNIST, CIFAR, CELEBA = (1, 28, 28), (3, 32, 32), (3, 64, 64)
RETRAIN = "train it with the default networks or those of pythae.models.nn.benchmarks, which can be opened"


class Block(nn.Module):
    """x + f(x)."""

    def __init__(self, inner: nn.Module, outer: nn.Module) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.ReLU(), inner, nn.ReLU(), outer)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class Encoder(nn.Module):
    """Layers, and what makes latents of them: a vector with its variance or without, or a grid."""

    def __init__(self, layers: list[nn.Module], ends: Mapping[str, nn.Module], flat: bool) -> None:
        super().__init__()
        self.layers, self.flat = nn.Sequential(*layers), flat
        for name, end in ends.items():
            self.add_module(name, end)

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "pre_qantized"):
            return self.pre_qantized(self.layers(x))
        return self.embedding(self._seen(x))

    def variance(self, x: Tensor) -> Tensor:
        """The logarithm of the posterior's variance."""
        return self.log_var(self._seen(x))

    def _seen(self, x: Tensor) -> Tensor:
        return self.layers(x.flatten(1) if self.flat else x).flatten(1)


class Decoder(nn.Module):
    """Layers, the first of which gives a vector that becomes a grid of `side`², where there is one; an image."""

    def __init__(self, layers: list[nn.Module], side: int | None, image: tuple[int, ...]) -> None:
        super().__init__()
        self.layers, self.side, self.image = nn.Sequential(*layers), side, image

    def forward(self, z: Tensor) -> Tensor:
        x = self.layers[0](z)
        if self.side:
            x = x.unflatten(1, (-1, self.side, self.side))
        return self.layers[1:](x).reshape(-1, *self.image)


class Table(nn.Module):
    """The codebook (K, D): learned by its loss, or following a mean, with the counts of that beside it."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        if "quantizer.embeddings" in shapes:
            if len(shapes["quantizer.embeddings"]) != 2:
                raise ValueError("a table of codes")
            for name in ("embeddings", "ema_embed", "cluster_size"):
                self.register_buffer(name, torch.empty(shapes[f"quantizer.{name}"]))
        else:
            self.embeddings = nn.Embedding(*shapes["quantizer.embeddings.weight"])

    @property
    def vectors(self) -> Tensor:
        return self.embeddings.weight if isinstance(self.embeddings, nn.Embedding) else self.embeddings


class Network(nn.Module):
    """By the names of pythae."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, quantizer: nn.Module | None) -> None:
        super().__init__()
        self.encoder, self.decoder, self.quantizer = encoder, decoder, quantizer


class Vector(Adapter):
    """A network whose latents are one vector; a VQ-VAE looks its numbers up one by one, as a grid of (1, numbers)."""

    @property
    def vectors(self) -> Tensor | None:
        return None if self.network.quantizer is None else self.network.quantizer.vectors

    def latents(self, images: Tensor) -> Tensor:
        layer = self.layers[0]
        return self.network.encoder(images).reshape(-1, layer.dim, *layer.grid)

    def image(self, latents: Tensor) -> Tensor:
        return self.network.decoder(latents.flatten(1))


class Grid(Vector):
    """A VQ-VAE with a grid of codes."""

    def image(self, latents: Tensor) -> Tensor:
        return self.network.decoder(latents)


class Posterior(Vector):
    """One whose latents are distributions."""

    def posterior(self, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and variance of each image's Gaussian."""
        name = self.layers[0].name
        mean = self.encode(images)[name]
        variance = self.network.encoder.variance(self.pixels.into(images)).float().exp()
        return {name: (mean, variance.reshape(mean.shape))}

    def sample(self, images: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Latents drawn from the posterior."""
        mean = self.encode(images)[self.layers[0].name]
        spread = (self.network.encoder.variance(self.pixels.into(images)).float() / 2).exp().reshape(mean.shape)
        noise = torch.randn(mean.shape, generator=generator, device=generator.device).to(mean.device)
        return {self.layers[0].name: mean + spread * noise}


def recognise(place: Place) -> Found | None:
    """A folder with the `model_config.json` of one of FAMILIES and its weights."""
    if not (place.path / CONFIG).is_file():
        return None
    name, config = place.path.name, _config(place.path)
    kind = config.get("name")
    if not isinstance(kind, str) or not kind.endswith("Config"):
        return None
    if kind not in FAMILIES:
        title = kind.removesuffix("Config")
        raise BadInput(f"{name} is a model of pythae that is not supported, {title}; choose from {_choices()}")
    image = _image(config, name)
    if place.image_size not in (None, image[1]):
        raise BadInput(f"{name} takes images of {image[1]} pixels and no others, not {place.image_size}")
    if not (place.path / WEIGHTS).is_file():
        raise BadInput(f"{name} has no {WEIGHTS}; copy the whole folder that pythae wrote")
    tensors = reading.tensors((place.path / WEIGHTS,), data=False, prefix=WRAPPED)
    shapes = Shapes({key: tuple(value.shape) for key, value in tensors.items()})
    kinds = {half: _kind(shapes, half) for half in ("encoder", "decoder")}
    for half, found in kinds.items():
        if found is None or (found != "perceptron" and image not in (MNIST, CIFAR, CELEBA)):
            pickled = f" ({half}.pkl)" if (place.path / f"{half}.pkl").is_file() else ""
            raise BadInput(
                f"the {half} of {name} is a network of its own, which pythae keeps as pickled code{pickled} that is "
                f"not run; {RETRAIN}"
            )
    notes = ["Images go in with values from 0 to 1."]
    if not (config.get("uses_default_encoder", True) and config.get("uses_default_decoder", True)):
        notes.append(
            f"By its keys its encoder is taken for pythae's {kinds['encoder']}, its decoder for pythae's "
            f"{kinds['decoder']}; the pickled code beside them is not run."
        )
    return Found(
        f"pythae {kind.removesuffix('Config')}",
        FAMILIES[kind],
        (Path(place.path / WEIGHTS),),
        image[1],
        lambda: _adapter(shapes, kinds, image, kind, name),
        notes=tuple(notes),
        prefix=WRAPPED,
    )


def _kind(shapes: Shapes, half: str) -> str | None:
    """Which of pythae's networks the encoder or decoder is."""
    if any(name.startswith(f"{half}.layers.") and ".conv_block." in name for name in shapes):
        return "resnet"
    if f"{half}.layers.1.1.running_mean" in shapes:
        return "convnet"
    mlp = len(shapes.get(f"{half}.layers.0.0.weight", ())) == 2 and f"{half}.layers.2.0.weight" not in shapes
    return "perceptron" if mlp else None


def _blocks(shapes: Shapes, name: str) -> list[nn.Module]:
    inner, outer = "conv_block.1", "conv_block.3"
    return [Block(shapes.conv(f"{name}.{i}.{inner}", 1, 1), shapes.conv(f"{name}.{i}.{outer}", 1, 0)) for i in (0, 1)]


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = read_json(folder / CONFIG)
    except (OSError, ValueError) as error:
        raise BadInput(f"{CONFIG} of {folder.name} cannot be read: {error}") from None
    return found if isinstance(found, dict) else {}


def _choices() -> str:
    return ", ".join(name.removesuffix("Config") for name in FAMILIES)


def _image(config: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """`input_dim`, (C, H, W)."""
    dim = config.get("input_dim")
    square = isinstance(dim, list) and len(dim) == 3 and all(type(one) is int for one in dim) and dim[1] == dim[2]
    if not square or dim[0] not in (1, 3) or not SMALLEST <= dim[1] <= LARGEST:
        raise BadInput(
            f"input_dim of {name} is {dim}; grey and RGB images of {SMALLEST} to {LARGEST} pixels can be shown, "
            "as [1, 28, 28] or [3, 64, 64]"
        )
    return tuple(dim)


def _adapter(shapes: Shapes, kinds: Mapping[str, str | None], image: tuple[int, ...], config: str, name: str) -> Vector:
    discrete = FAMILIES[config] == "vqvae"
    try:
        quantizer = Table(shapes) if discrete else None
        network = Network(
            _encoder(shapes, kinds["encoder"], image, not discrete and config != "AEConfig"),
            _decoder(shapes, kinds["decoder"], image),
            quantizer,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise BadInput(f"{name} looks like a {config.removesuffix('Config')} of pythae, but lacks {error}") from None
    network.eval()  # one image has no statistics of its own
    z = network.encoder(torch.empty(1, *image, device="meta"))
    made = network.decoder(z)
    if tuple(made.shape[1:]) != image:
        raise BadInput(f"{name} makes images of {tuple(made.shape[1:])}, and its input_dim is {image}")
    pixels = Pixels(0.0, 1.0, image[0])
    if not discrete:
        layer = Layer("latent", (1, 1), z.shape[1])
        return (Vector if config == "AEConfig" else Posterior)(network, image[1], layer, pixels)
    dim = z.shape[1] if z.ndim == 4 else 1
    if quantizer.vectors.shape[1] != dim:
        raise BadInput(f"the codes of {name} have {quantizer.vectors.shape[1]} numbers, and its latents {dim}")
    grid = tuple(z.shape[2:]) if z.ndim == 4 else (1, z.shape[1])
    return (Grid if z.ndim == 4 else Vector)(network, image[1], Layer("code", grid, dim), pixels)


def _encoder(shapes: Shapes, kind: str | None, image: tuple[int, ...], posterior: bool) -> Encoder:
    at = "encoder.layers"
    if kind == "perceptron":
        layers: list[nn.Module] = [nn.Sequential(shapes.linear(f"{at}.0.0"), nn.ReLU())]
    elif kind == "convnet":
        layers = [
            nn.Sequential(shapes.conv(f"{at}.{i}.0", 2, 1), shapes.norm(f"{at}.{i}.1"), nn.ReLU()) for i in range(4)
        ]
    else:
        strides = {MNIST: (2, 2, 2), CIFAR: (2, 2, 1), CELEBA: (2, 2, 2, 2)}[image]
        layers = [nn.Sequential(shapes.conv(f"{at}.{i}.0", stride, 1)) for i, stride in enumerate(strides)]
        layers.append(nn.Sequential(*_blocks(shapes, f"{at}.{len(strides)}")))
    if "encoder.pre_qantized.weight" in shapes:  # so spelt there
        return Encoder(layers, {"pre_qantized": shapes.conv("encoder.pre_qantized", 1, 0)}, False)
    ends = ["embedding", "log_var"] if posterior or "encoder.log_var.weight" in shapes else ["embedding"]
    return Encoder(layers, {name: shapes.linear(f"encoder.{name}") for name in ends}, kind == "perceptron")


def _decoder(shapes: Shapes, kind: str | None, image: tuple[int, ...]) -> Decoder:
    at = "decoder.layers"
    if kind == "perceptron":
        ends = nn.ReLU(), nn.Sigmoid()
        layers = [nn.Sequential(shapes.linear(f"{at}.{i}.0"), end) for i, end in enumerate(ends)]
        if layers[1][0].out_features != math.prod(image):
            raise ValueError(f"{math.prod(image)} outputs")
        return Decoder(layers, None, image)
    if kind == "convnet":
        return _convnet(shapes, at, image)
    return _resnet(shapes, at, image)


def _convnet(shapes: Shapes, at: str, image: tuple[int, ...]) -> Decoder:
    ups = {  # stride, padding and output padding
        MNIST: ((2, 1, 0), (2, 1, 1), (2, 1, 1)),
        CIFAR: ((2, 1, 0), (2, 1, 1), (1, 2, 0)),
        CELEBA: ((2, 2, 0), (2, 1, 0), (2, 2, 1), (1, 1, 0)),
    }[image]
    first = nn.Sequential(shapes.linear(f"{at}.0.0")) if image == CELEBA else shapes.linear(f"{at}.0")
    layers: list[nn.Module] = [first]
    for i, up in enumerate(ups, 1):
        last = i == len(ups)
        ends = (nn.Sigmoid(),) if last else (shapes.norm(f"{at}.{i}.1"), nn.ReLU())
        layers.append(nn.Sequential(shapes.up(f"{at}.{i}.0", *up), *ends))
    return Decoder(layers, 4 if image == MNIST else 8, image)


def _resnet(shapes: Shapes, at: str, image: tuple[int, ...]) -> Decoder:
    grid = len(shapes[f"{at}.0.weight"]) == 4  # of a VQ-VAE
    if not grid:
        first = shapes.linear(f"{at}.0")
    else:
        first = shapes.conv(f"{at}.0", 1, 1) if image == CIFAR else shapes.up(f"{at}.0", 1, 0)
    if image == MNIST:
        rest = [
            shapes.up(f"{at}.1", 2, 1),
            nn.Sequential(*_blocks(shapes, f"{at}.2"), nn.ReLU()),
            nn.Sequential(shapes.up(f"{at}.3.0", 2, 1, 1), nn.ReLU()),
            nn.Sequential(shapes.up(f"{at}.4.0", 2, 1, 1), nn.Sigmoid()),
        ]
    elif image == CIFAR:
        rest = [
            nn.Sequential(*_blocks(shapes, f"{at}.1")),
            nn.Sequential(shapes.up(f"{at}.2.0", 2, 1)),
            nn.Sequential(shapes.up(f"{at}.3.0", 2, 1), nn.Sigmoid()),
        ]
    else:
        rest = [
            shapes.up(f"{at}.1", 2, 1),
            nn.Sequential(*_blocks(shapes, f"{at}.2")),
            nn.Sequential(shapes.up(f"{at}.3.0", 2, 1), *(() if grid else (nn.Sigmoid(),))),  # in the middle, there
            nn.Sequential(shapes.up(f"{at}.4.0", 2, 1, 1)),
            nn.Sequential(shapes.up(f"{at}.5.0", 2, 1), nn.Sigmoid()),
        ]
    return Decoder([first, *rest], None if grid else 8 if image == CIFAR else 4, image)
