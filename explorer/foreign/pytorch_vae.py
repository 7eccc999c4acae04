"""Checkpoints of AntixK/PyTorch-VAE: state dicts, or what Lightning saves, with sizes read from their tensors.

Most of its models differ in their loss alone: one encoder and one decoder of convolutions with batch norm, between
which a vector lies. BetaTCVAE has others, without norms, and VQVAE a grid of codes.
Source: https://github.com/AntixK/PyTorch-VAE
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign.adapters import Adapter, Pixels, square
from explorer.foreign.posteriors import Latents, Posterior
from explorer.foreign.recognition import Found, Place
from explorer.foreign.shapes import Shapes

TITLE = "AntixK/PyTorch-VAE"
SIZE, MOST = 64, 8  # pixels of VQVAE, whose tensors leave them open; halvings
TABLE = "vq_layer.embedding.weight"
UNUSED = re.compile(r"(feature_network|discriminator|embed_pseudo|encoder2|decoder2|fc_mu2|fc_var2|mssim_loss)\..*")
OTHERS = {  # a name that only this model of it has, and why it does not open
    "embed_class.weight": ("ConditionalVAE", "its networks need the labels of an image"),
    "fc_mu.0.weight": ("GammaVAE", "its latents are the parameters of Gamma distributions"),
    "encoder_z2_layers.0.0.weight": ("HVAE", "its latents are two vectors that need each other"),
    "ladders.0.fc_mu.weight": ("LVAE", "its latents are a ladder of vectors"),
}
RANGES = {"0..1": Pixels(0.0, 1.0), "-1..1": Pixels(0.5, 0.5)}
UNSIGNED_SINCE = (1, 5)  # of Lightning, together with which the pixels of its training changed


class Network(nn.Module):
    """Of a vector, by the names of its authors."""

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)

    def mean(self, x: Tensor) -> Tensor:
        return (self.fc_mu if hasattr(self, "fc_mu") else self.fc_z)(self._seen(x))

    def variance(self, x: Tensor) -> Tensor:
        """The logarithm of the posterior's variance."""
        return self.fc_var(self._seen(x))

    def image(self, z: Tensor) -> Tensor:
        made = self.decoder_input(z)
        channels = next(self.decoder.parameters(), self.final_layer[0].weight).shape[0]
        side = math.isqrt(made.shape[1] // channels)
        return self.final_layer(self.decoder(made.reshape(-1, channels, side, side)))

    def _seen(self, x: Tensor) -> Tensor:
        x = self.encoder(x).flatten(1)
        return self.fc(x) if hasattr(self, "fc") else x


class Discrete(nn.Module):
    """Of VQVAE, by the names of its authors."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, codes: int, dim: int) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.vq_layer = nn.ModuleDict({"embedding": nn.Embedding(codes, dim)})


class Block(nn.Module):
    """x + f(x)."""

    def __init__(self, inner: nn.Module, outer: nn.Module) -> None:
        super().__init__()
        self.resblock = nn.Sequential(inner, nn.ReLU(), outer)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.resblock(x)


class VQVAE(Adapter):
    """One grid of codes."""

    @property
    def vectors(self) -> Tensor:
        return self.network.vq_layer["embedding"].weight

    def latents(self, images: Tensor) -> Tensor:
        return self.network.encoder(images)

    def image(self, latents: Tensor) -> Tensor:
        return self.network.decoder(latents)


def recognise(place: Place) -> Found | None:
    """A state dict with the keys of one of its models."""
    tensors, name = place.weights.tensors, place.path.name
    for mark, (model, why) in OTHERS.items():
        if mark in tensors:
            raise BadInput(f"{name} is the {model} of {TITLE}, which is not supported: {why}")
    discrete = {TABLE, "encoder.0.0.weight"} <= tensors.keys()
    if not discrete and not {"decoder_input.weight", "final_layer.0.weight", "encoder.0.0.weight"} <= tensors.keys():
        return None
    shapes = Shapes({key: tuple(value.shape) for key, value in _renamed(tensors).items()})
    try:
        size = place.size(SIZE) if discrete else _side(shapes)
        taken, given = (0, 0) if discrete else (shapes["decoder_input.weight"][1], _latents(shapes))
        wide = "fc_z.weight" in shapes and given >= shapes["fc_z.weight"][1]
    except (KeyError, IndexError, ValueError, TypeError, ZeroDivisionError) as error:
        raise BadInput(f"{name} looks like a model of {TITLE}, but lacks {error}") from None
    if taken != given or wide:
        model = "CategoricalVAE" if wide else "JointVAE or another"
        raise BadInput(
            f"{name} is the {model} of {TITLE}, which is not supported: categories are drawn for its decoder"
        )
    if place.image_size not in (None, size):
        raise BadInput(f"{name} takes images of {size} pixels and no others, not {place.image_size}")
    pixels, notes = _pixels(place)
    if "fc_z.weight" in shapes:
        notes += ("Taken for WAE_MMD or SWAE; a CategoricalVAE of few categories would have the same tensors.",)
    build = partial(_discrete if discrete else _vector, shapes, size, pixels, name)
    return Found(TITLE, "vqvae" if discrete else "vae", (place.path,), size, build, _renamed, notes)


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All but what only losses and second stages need."""
    return {name: value for name, value in tensors.items() if not UNUSED.fullmatch(name)}


def _pixels(place: Place) -> tuple[Pixels, tuple[str, ...]]:
    """How images went in when it was trained, and what to say of it.

    They had values from -1 to 1 as long as its trainer was made for Lightning 0.6, and have values from 0 to 1 since
    1.5; the last layer is a hyperbolic tangent both times.
    """
    rest = place.whole.rest
    version = tuple(int(part) for part in re.findall(r"\d+", str(rest.get("pytorch-lightning_version", "")))[:2])
    trained = {"epoch", "global_step"} <= rest.keys()
    default = "-1..1" if (version or trained) and version < UNSIGNED_SINCE else "0..1"
    asked = place.choice("range", tuple(RANGES))
    chosen, other = asked or default, "0..1" if (asked or default) == "-1..1" else "-1..1"
    note = (
        f"Images go in with {RANGES[chosen]}, {'as asked for' if asked else 'as its trainer of that time had it'}; "
        f"the file does not say, and `@,range={other}` behind the path takes the values of {_time(other)}."
    )
    return RANGES[chosen], (note,)


def _time(values: str) -> str:
    return "its first years" if values == "-1..1" else "its trainer since December 2021"


def _latents(shapes: Shapes) -> int:
    return shapes["fc_mu.weight" if "fc_mu.weight" in shapes else "fc_z.weight"][0]


def _count(shapes: Shapes, half: str) -> int:
    """Layers of a half, of which each has a number."""
    return 1 + max((int(name.split(".")[1]) for name in shapes if re.match(rf"{half}\.\d{{1,3}}\.", name)), default=-1)


def _side(shapes: Shapes) -> int:
    """The side of the images in pixels, by how often the encoder halves it."""
    count, ends = _count(shapes, "encoder"), ("fc.weight", "fc_mu.weight", "fc_z.weight")
    flat = shapes[next((name for name in ends if name in shapes), "fc_mu.weight")][1]
    if not 1 <= count <= MOST:
        raise ValueError("an encoder of a few layers")
    return math.isqrt(flat // shapes[f"encoder.{count - 1}.0.weight"][0]) * 2**count


def _vector(shapes: Shapes, size: int, pixels: Pixels, name: str) -> Latents:
    """The network of a vector, with batch norm behind its convolutions or without."""
    normed = "encoder.0.1.weight" in shapes

    def layer(at: str, up: bool) -> list[nn.Module]:
        head, _, last = at.rpartition(".")
        made = shapes.up(at, 2, 1, 1) if up else shapes.conv(at, 2, 1)
        return [made, *([shapes.norm(f"{head}.{int(last) + 1}")] if normed else []), nn.LeakyReLU()]

    try:
        parts: dict[str, nn.Module] = {
            "encoder": nn.Sequential(
                *(nn.Sequential(*layer(f"encoder.{i}.0", False)) for i in range(_count(shapes, "encoder")))
            ),
            "decoder": nn.Sequential(
                *(nn.Sequential(*layer(f"decoder.{i}.0", True)) for i in range(_count(shapes, "decoder")))
            ),
        }
        ends = ("fc", "fc_mu", "fc_var", "fc_z", "decoder_input")
        parts |= {end: shapes.linear(end) for end in ends if f"{end}.weight" in shapes}
        first = layer("final_layer.0", True)
        parts["final_layer"] = nn.Sequential(*first, shapes.conv(f"final_layer.{len(first)}", 1, 1), nn.Tanh())
    except (KeyError, ValueError) as error:
        raise BadInput(f"{name} looks like a model of {TITLE}, but lacks {error}") from None
    network = Network(parts).eval()  # one image has no statistics of its own
    channels = shapes["encoder.0.0.weight"][1]
    made = network.image(network.mean(torch.empty(1, channels, size, size, device="meta")))
    if made.shape[2:] != (size, size):
        raise BadInput(f"{name} makes images of {made.shape[2]} × {made.shape[3]} pixels out of {size} × {size}")
    adapter = Posterior if "fc_var.weight" in shapes else Latents
    return adapter(network, size, Layer("latent", (1, 1), _latents(shapes)), _of(pixels, channels))


def _discrete(shapes: Shapes, size: int, pixels: Pixels, name: str) -> VQVAE:
    """The network of VQVAE: convolutions that halve, one that does not, blocks, and one to the codes; and back."""
    halvings = sum(shape[2:] == (4, 4) for key, shape in shapes.items() if re.match(r"encoder\.\d+\.0\.weight", key))

    def block(at: str) -> Block:
        layers = [shapes.conv(f"{at}.resblock.{i}", 1, padding, bias=False) for i, padding in ((0, 1), (2, 0))]
        return Block(*layers)

    def half(side: str) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for index in range(_count(shapes, side)):
            at = f"{side}.{index}"
            if f"{at}.resblock.0.weight" in shapes:
                layers.append(block(at))
            elif f"{at}.0.weight" not in shapes:
                layers.append(nn.LeakyReLU())
            else:
                kernel = shapes[f"{at}.0.weight"][2]
                up = side == "decoder" and kernel == 4
                stride, padding = 2 if kernel == 4 else 1, 0 if kernel == 1 else 1
                made = (shapes.up if up else shapes.conv)(f"{at}.0", stride, padding)
                layers.append(nn.Sequential(made, nn.LeakyReLU()))
        return layers

    try:
        encoder, decoder = half("encoder"), half("decoder")
        decoder[-1][1] = nn.Tanh()
        codes, dim = shapes[TABLE]
        channels = shapes["encoder.0.0.weight"][1]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise BadInput(f"{name} looks like the VQVAE of {TITLE}, but lacks {error}") from None
    grid = square(size, 2**halvings, f"the VQVAE of {TITLE}")
    network = Discrete(nn.Sequential(*encoder), nn.Sequential(*decoder), codes, dim)
    return VQVAE(network, size, Layer("code", (grid, grid), dim), _of(pixels, channels))


def _of(pixels: Pixels, channels: int) -> Pixels:
    return Pixels(pixels.mean, pixels.deviation, channels)
