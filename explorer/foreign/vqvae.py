"""State dicts of PyTorch VQ-VAEs, recognised by their keys; sizes are read from the tensors.

zalandoresearch/pytorch-vq-vae, MishaLaskin/vqvae and ritheshkumar95/pytorch-vqvae. Their residual blocks begin with a
ReLU in place, which changes what the block adds to as well: a block gives relu(x) + f(relu(x)).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign.adapters import COMPARED, WAYS, Adapter, ByAngle, Pixels, square
from explorer.foreign.recognition import Found, Place

SIZE, FACTOR = 32, 4  # usual images; pixels per cell of all three


class Block(nn.Sequential):
    """relu(x) + f(relu(x))."""

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        return x + super().forward(x)


class Network(nn.Module):
    """Encoder, a convolution to the codes, a codebook, decoder."""

    def __init__(self, encoder: nn.Module, to_code: nn.Module, codes: int, dim: int, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.to_code, self.decoder = encoder, to_code, decoder
        self.codebook = nn.Parameter(torch.empty(codes, dim))


class VQVAE(Adapter):
    """One grid of codes."""

    @property
    def vectors(self) -> Tensor:
        return self.network.codebook

    def latents(self, images: Tensor) -> Tensor:
        return self.network.to_code(self.network.encoder(images))

    def image(self, latents: Tensor) -> Tensor:
        return self.network.decoder(latents)


class Angle(ByAngle, VQVAE):
    """One grid of codes that are compared by angle."""

    @property
    def table(self) -> Tensor:
        return self.network.codebook


@dataclass(frozen=True)
class Kind:
    """One of the implementations.

    Attributes:
        mark: a key that only this one has.
        names: patterns of its keys and what they become in `Network`; keys that match none stay as they are.
        left_out: pattern of tensors that only training needs.
        pixels: how its training normalised images.
        build: shapes by name -> the network and the channels of its images.
        angle: whether its codes may be compared by angle, as they are by default then.
    """

    title: str
    mark: str
    names: tuple[tuple[str, str], ...]
    left_out: str
    pixels: Pixels
    build: Callable[[Mapping[str, tuple[int, ...]]], tuple[Network, int]]
    angle: bool = False


def recognise(place: Place) -> Found | None:
    """A state dict with the keys of one of KINDS."""
    tensors = place.weights.tensors
    kind = next((kind for kind in KINDS if kind.mark in tensors), None)
    if kind is None:
        return None
    shapes = {name: tuple(value.shape) for name, value in _rename(kind, tensors).items()}
    size, pixels = place.size(SIZE), kind.pixels
    title, made, notes = kind.title, VQVAE, [f"Trained on images with {pixels}, as its code has it."]
    if kind.angle:
        compared = place.choice("compare", tuple(WAYS)) or "angle"
        title, made = f"{kind.title}, codes by {compared}", Angle if compared == "angle" else VQVAE
        notes.append(COMPARED.format(compared, *(way for way in WAYS if way != compared)))

    def build() -> VQVAE:
        try:
            network, channels = kind.build(shapes)
        except (KeyError, IndexError, ValueError) as error:
            raise BadInput(f"{place.path.name} looks like {kind.title}, but lacks {error}") from None
        grid = square(size, FACTOR, kind.title)
        layer = Layer("code", (grid, grid), network.codebook.shape[1])
        return made(network, size, layer, Pixels(pixels.mean, pixels.deviation, channels))

    return Found(title, "vqvae", (place.path,), size, build, lambda given: _rename(kind, given), tuple(notes))


def _rename(kind: Kind, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    for name, value in tensors.items():
        if kind.left_out and re.fullmatch(kind.left_out, name):
            continue
        for pattern, into in kind.names:
            name, changed = re.subn(rf"^{pattern}", into, name)
            if changed:
                break
        # blocks begin with their ReLU, which is no part of `Block`
        name = re.sub(r"@(\d)", lambda match: str(int(match[1]) - 1), name)
        renamed[name] = value
    return renamed


def _plain(first: type[nn.Module], shapes: Mapping[str, tuple[int, ...]]) -> tuple[Network, int]:
    """The network of the first two kinds, whose decoders begin with another kind of convolution."""
    half, channels = shapes["encoder.0.weight"][:2]
    hidden, codes, dim = shapes["encoder.4.weight"][0], *shapes["codebook"]
    out = shapes["decoder.5.weight"][1]

    def stack(prefix: str) -> list[nn.Module]:
        count = 1 + max((int(name.split(".")[2]) for name in shapes if name.startswith(prefix)), default=-1)
        biased = f"{prefix}0.0.bias" in shapes
        return [
            Block(
                nn.Conv2d(hidden, shapes[f"{prefix}{index}.0.weight"][0], 3, padding=1, bias=biased),
                nn.ReLU(),
                nn.Conv2d(shapes[f"{prefix}{index}.0.weight"][0], hidden, 1, bias=biased),
            )
            for index in range(count)
        ]

    encoder = nn.Sequential(
        nn.Conv2d(channels, half, 4, 2, 1), nn.ReLU(), nn.Conv2d(half, hidden, 4, 2, 1), nn.ReLU(),
        nn.Conv2d(hidden, hidden, 3, 1, 1), nn.Sequential(*stack("encoder.5.")), nn.ReLU(),
    )  # fmt: skip
    decoder = nn.Sequential(
        first(dim, hidden, 3, 1, 1), nn.Sequential(*stack("decoder.1.")), nn.ReLU(),
        nn.ConvTranspose2d(hidden, half, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(half, out, 4, 2, 1),
    )  # fmt: skip
    return Network(encoder, nn.Conv2d(hidden, dim, 1), codes, dim, decoder), channels


def _with_norm(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Network, int]:
    """The network of the third kind, with batch norm; its codes are as long as it is wide."""
    dim, channels = shapes["encoder.0.weight"][:2]
    codes = shapes["codebook"][0]

    def block() -> Block:
        return Block(
            nn.Conv2d(dim, dim, 3, 1, 1), nn.BatchNorm2d(dim), nn.ReLU(), nn.Conv2d(dim, dim, 1), nn.BatchNorm2d(dim)
        )

    encoder = nn.Sequential(
        nn.Conv2d(channels, dim, 4, 2, 1), nn.BatchNorm2d(dim), nn.ReLU(), nn.Conv2d(dim, dim, 4, 2, 1),
        block(), block(),
    )  # fmt: skip
    decoder = nn.Sequential(
        block(), block(), nn.ReLU(), nn.ConvTranspose2d(dim, dim, 4, 2, 1), nn.BatchNorm2d(dim), nn.ReLU(),
        nn.ConvTranspose2d(dim, channels, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    return Network(encoder, nn.Identity(), codes, dim, decoder), channels


OF_ZALANDO = (
    (r"_encoder\._conv_1\.", "encoder.0."),
    (r"_encoder\._conv_2\.", "encoder.2."),
    (r"_encoder\._conv_3\.", "encoder.4."),
    (r"_encoder\._residual_stack\._layers\.(\d+)\._block\.(\d)\.", r"encoder.5.\1.@\2."),
    (r"_pre_vq_conv\.", "to_code."),
    (r"_vq_vae\._embedding\.weight", "codebook"),
    (r"_decoder\._conv_1\.", "decoder.0."),
    (r"_decoder\._residual_stack\._layers\.(\d+)\._block\.(\d)\.", r"decoder.1.\1.@\2."),
    (r"_decoder\._conv_trans_1\.", "decoder.3."),
    (r"_decoder\._conv_trans_2\.", "decoder.5."),
)
KINDS = (
    Kind(
        "zalandoresearch/pytorch-vq-vae",
        "_vq_vae._embedding.weight",
        OF_ZALANDO,
        r"_vq_vae\._ema_.*",
        Pixels(0.5, 1.0),
        partial(_plain, nn.Conv2d),
    ),
    Kind(
        "lyndonzheng/CVQ-VAE",
        "_vq_vae.embed_prob",
        ((r"_vq_vae\.embedding\.weight", "codebook"), *OF_ZALANDO),
        r"_vq_vae\.embed_prob",
        Pixels(0.5, 0.5),
        partial(_plain, nn.Conv2d),
        angle=True,
    ),
    Kind(
        "MishaLaskin/vqvae",
        "vector_quantization.embedding.weight",
        (
            (r"encoder\.conv_stack\.5\.stack\.(\d+)\.res_block\.(\d)\.", r"encoder.5.\1.@\2."),
            (r"encoder\.conv_stack\.", "encoder."),
            (r"pre_quantization_conv\.", "to_code."),
            (r"vector_quantization\.embedding\.weight", "codebook"),
            (r"decoder\.inverse_conv_stack\.0\.", "decoder.0."),
            (r"decoder\.inverse_conv_stack\.1\.stack\.(\d+)\.res_block\.(\d)\.", r"decoder.1.\1.@\2."),
            (r"decoder\.inverse_conv_stack\.2\.", "decoder.3."),
            (r"decoder\.inverse_conv_stack\.4\.", "decoder.5."),
        ),
        "",
        Pixels(0.5, 0.5),
        partial(_plain, nn.ConvTranspose2d),
    ),
    Kind(
        "ritheshkumar95/pytorch-vqvae",
        "codebook.embedding.weight",
        (
            (r"encoder\.([45])\.block\.(\d)\.", r"encoder.\1.@\2."),
            (r"decoder\.([01])\.block\.(\d)\.", r"decoder.\1.@\2."),
            (r"codebook\.embedding\.weight", "codebook"),
        ),
        "",
        Pixels(0.5, 0.5),
        _with_norm,
    ),
)
