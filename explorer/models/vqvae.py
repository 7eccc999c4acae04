"""Autoencoders with discrete bottlenecks: one skeleton for VQ-VAE and VQ-VAE-2, every backbone, every quantizer.

Sources: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv:1711.00937 (VQ-VAE); Razavi, van den Oord, Vinyals 2019,
arXiv:1906.00446 (VQ-VAE-2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import ranks
from explorer.autoencoder import Codebook, Fill, Layer
from explorer.chance import Chance
from explorer.models import convolutions
from explorer.models.backbones import Backbone, BackboneConfig, backbone
from explorer.models.compound import Hybrid, Residual
from explorer.models.implicit import FSQ, LFQ
from explorer.models.quantizers import Gumbel, Quantizer, SimVQ, VectorQuantizer

LEVELS = {1: ("code",), 2: ("top", "bottom"), 3: ("top", "middle", "bottom")}  # names of grids, coarse to fine


def _vector(kind: str) -> Callable[[VQVAEConfig], Quantizer]:
    return lambda c: VectorQuantizer(kind, c.codes, c.dim, c.beta, c.revive_below)


def _hybrid(kind: str) -> Callable[[VQVAEConfig], Quantizer]:
    return lambda c: Hybrid(kind, c.codes, c.dim, c.beta, c.revive_below, c.frequent)


QUANTIZERS: dict[str, Callable[[VQVAEConfig], Quantizer]] = {
    "ema": _vector("ema"),
    "vq": _vector("vq"),
    "cosine": _vector("cosine"),
    "rotation": _vector("rotation"),
    "simvq": lambda c: SimVQ(c.codes, c.dim, c.beta),
    "gumbel": lambda c: Gumbel(c.codes, c.dim),
    "fsq": lambda c: FSQ(c.codes),
    "lfq": lambda c: LFQ(c.codes, c.beta),
    "residual": lambda c: Residual(c.stages, c.codes, c.dim, c.beta, c.revive_below),
    "projected": _hybrid("projected"),
    "frequency": _hybrid("frequency"),
    "hybrid": _hybrid("hybrid"),
}


@dataclass(frozen=True)
class VQVAEConfig(BackboneConfig):
    """Settings of a VQ-VAE; the defaults are the paper's sizes."""

    levels: ClassVar[int] = 1

    codes: int = field(
        default=512,
        metadata={
            "min": 2,
            "max": 1048576,
            "first": 2,
            "help": "K, the number of vectors in each codebook. 'lfq' takes powers of two, 'fsq' some of them.",
        },
    )
    dim: int = field(
        default=64,
        metadata={
            "min": 1,
            "max": 8192,
            "only": {"quantizer": tuple(name for name in QUANTIZERS if name not in ("fsq", "lfq"))},
            "help": "D, the length of one codebook vector; 'cosine' likes 8 to 32, 'fsq' and 'lfq' have their own.",
        },
    )
    beta: float = field(
        default=0.25,
        metadata={
            "min": 0.0,
            "only": {"quantizer": tuple(name for name in QUANTIZERS if name not in ("fsq", "gumbel"))},
            "help": "Weight of the commitment loss, which keeps latents near their codes.",
        },
    )
    quantizer: str = field(
        default="ema",
        metadata={
            "choices": tuple(QUANTIZERS),
            "first": 1,
            "help": "How latents become codes.",
            "about": {
                "ema": "the codebook follows a moving average of its latents",
                "vq": "the codebook learns by a loss, as in the VQ-VAE paper",
                "cosine": "the nearest code by angle, as in ViT-VQGAN",
                "rotation": "gradients are rotated and scaled on their way back (rotation trick)",
                "simvq": "a linear map of a frozen codebook, so that all codes learn at once",
                "gumbel": "codes are drawn with noise that cools, as in DALL-E",
                "fsq": "a few channels, each rounded to a few levels; no codebook is learned",
                "lfq": "the signs of a few channels; no codebook is learned",
                "residual": "several codes a position, each for what the ones before have left over",
                "projected": "a code and its scale, one continuous number a position",
                "frequency": "rare codes keep the continuous latent",
                "hybrid": "rare codes get a scale",
            },
        },
    )
    revive_below: float = field(
        default=0.5,
        metadata={
            "min": 0.0,
            "only": {"quantizer": ("ema", "cosine", "rotation", "residual", "projected", "frequency", "hybrid")},
            "help": "A code used by fewer latents per batch than this moves to one of them; 0 never does. Only for "
            "codebooks that are moving averages.",
        },
    )
    stages: int = field(
        default=4,
        metadata={
            "min": 1,
            "max": 32,
            "first": 3,
            "only": {"quantizer": ("residual",)},
            "help": "Codes per position; only with 'residual'.",
        },
    )
    frequent: int | None = field(
        default=None,
        metadata={
            "min": 0,
            "first": 3,
            "only": {"quantizer": ("frequency", "hybrid")},
            "help": "S, how many of the most frequent codes stay plain codes; empty takes four fifths of them. Only "
            "with 'frequency' and 'hybrid'.",
        },
    )
    layer_dropout: float = field(
        default=0.0,
        metadata={
            "min": 0.0,
            "max": 1.0,
            "only": {"quantizer": ("residual", "projected", "frequency", "hybrid")},  # those with several layers
            "help": "Share of the training images of which only the first layers, coarse to fine, are decoded, so that "
            "layer prefixes mean something.",
        },
    )


@dataclass(frozen=True)
class VQVAE2Config(VQVAEConfig):
    """Settings of a VQ-VAE-2."""

    levels: int = field(
        default=2,
        metadata={
            "choices": (2, 3),
            "first": 0,
            "help": "Grids of codes, each half as fine as the one below it.",
        },
    )
    layer_dropout: float = field(  # there are always several layers
        default=0.0,
        metadata={
            name: fact
            for name, fact in VQVAEConfig.__dataclass_fields__["layer_dropout"].metadata.items()
            if name != "only"
        },
    )


class VQVAE(nn.Module):
    """VQ-VAE with one grid, `code`, or VQ-VAE-2 with two or three, `top`, (`middle`,) `bottom`.

    Images (N, 3, h, w) -> latents of the finest grid (N, h / downsample, w / downsample, dim) -> codes -> images. The
    encoder of a lower grid sees the quantized upper ones, and so does the decoder. A quantizer with several parts makes
    a layer of each: `code.0`, `code.1`, …; `code`, `scale`; `top`, `top.scale`, `bottom`, `bottom.scale`.
    """

    joint = True

    def __init__(self, config: VQVAEConfig, image_size: int) -> None:
        super().__init__()
        parts, side = backbone(config, image_size, config.levels)
        names = LEVELS[config.levels]
        quantizers = [QUANTIZERS[config.quantizer](config) for _ in names]
        if sum(len(quantizer.parts) for quantizer in quantizers) > 1:
            for quantizer in quantizers:
                quantizer.follow_means()
        dim, context = quantizers[0].dim, parts.hidden if config.levels > 1 else 0
        self.config, self.image_size, self.names = config, image_size, names
        self.encoder = parts.encoder()
        self.to_code = nn.Conv2d(config.hidden + context, dim, 1)
        self.quantizer = quantizers[-1]
        self.decoder = parts.decoder(dim + context)
        self.upper = nn.ModuleList(
            _Upper(parts, config.levels - 1 - index, 0 if index == 0 else context, quantizer)
            for index, quantizer in enumerate(quantizers[:-1])
        )
        grids = [side >> (config.levels - 1 - index) for index in range(config.levels)]
        self.parts = {
            name: {_layer_name(name, part): part for part in quantizer.parts}
            for name, quantizer in zip(names, quantizers, strict=True)
        }
        self.grids = dict(zip(names, grids, strict=True))
        self.layers = tuple(
            Layer(layer, (grid, grid), quantizer.parts[part])
            for (layers, grid, quantizer) in zip(self.parts.values(), grids, quantizers, strict=True)
            for layer, part in layers.items()
        )

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        found = {}
        for level in self._levels():
            books = level.quantizer.codebooks
            found |= {layer: books[part] for layer, part in self.parts[level.name].items() if part in books}
        return found

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        latents: dict[str, Tensor] = {}

        def split(level: _Level, z: Tensor) -> Tensor:
            found = level.quantizer.split(z.float())
            latents.update({layer: found[part] for layer, part in self.parts[level.name].items()})
            # the finest grid has nothing below it that would see its codes
            return z if level.up is None else level.quantizer.join(found, "mean", z.shape[:3])

        self._walk(self._latents(images, split))
        return latents

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        batch = len(next(iter(latents.values()), [None]))

        def join(level: _Level, _: Tensor | None) -> Tensor:
            side = self.grids[level.name]
            given = {part: latents[layer] for layer, part in self.parts[level.name].items() if layer in latents}
            return level.quantizer.join(given, fill, (batch, side, side))

        return convolutions.to_unit(self.decoder(self._walk(join))).float()

    def sent(self, latents: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{layer: (N, H, W) bool}, where a decoder needs a layer that it does not need everywhere."""
        found = {}
        for level in self._levels():
            names = self.parts[level.name]
            given = {part: latents[layer] for layer, part in names.items() if layer in latents}
            masks = level.quantizer.sent(given)
            found |= {layer: masks[part] for layer, part in names.items() if part in masks}
        return found

    def forward(
        self,
        images: Tensor,
        chance: Chance | torch.Generator | None = None,
        objective: Callable[[Tensor, Tensor], dict[str, Tensor]] | None = None,
    ) -> dict[str, Tensor]:
        """Losses of a batch: `loss`, `reconstruction`, those of the quantizer, and the codes used, `codes.<layer>`.

        `objective(output, target)` gives the terms of the reconstruction loss, by default the mean squared error of
        pixels in [-1, 1].
        """
        target = convolutions.to_signed(images)
        losses: dict[str, Tensor] = {}
        codes: dict[str, Tensor] = {}
        chance = Chance.of(chance)
        kept, before = self._kept(images, chance), 0

        def learn(level: _Level, z: Tensor) -> Tensor:
            nonlocal before
            names = self.parts[level.name]
            of_this = None if kept is None else (kept - before).clamp(0, len(names))
            before += len(names)
            values, found, terms = level.quantizer(z, of_this, chance)
            codes.update({f"codes.{layer}": found[part] for layer, part in names.items() if part in found})
            losses.update({name: losses.get(name, 0) + value for name, value in terms.items()})
            return values

        output = self.decoder(self._walk(self._latents(images, learn))).float()
        terms = objective(output, target) if objective else {"reconstruction": F.mse_loss(output, target)}
        return {"loss": terms["reconstruction"] + sum(losses.values()), **terms, **losses, **codes}

    def compile_parts(self, **options) -> None:
        """Compiles what gains from it; the quantizers stay eager, because their updates are in place."""
        for part in (self.encoder, self.decoder, *(part for level in self.upper for part in (level.down, level.up))):
            part.compile(**options)

    def anneal(self, share: float | Tensor) -> None:
        """Called before each training step with the share of the training that is done, in [0, 1]."""
        for level in self._levels():
            level.quantizer.anneal(share)

    def started(self) -> None:
        """Called after the first training step, and before the first one of a resumed run."""
        for level in self._levels():
            level.quantizer.started()

    def _kept(self, images: Tensor, chance: Chance) -> Tensor | None:
        """(N,) how many layers of each image are decoded; None for all of all."""
        share, count = self.config.layer_dropout, len(self.layers)
        if not self.training or share == 0 or count == 1:
            return None
        short = ranks.drawn(lambda size: 1 + chance.below(count - 1, (size,), images.device), len(images))
        rolled = ranks.drawn(lambda size: chance.uniform((size,), images.device), len(images))
        return torch.where(rolled < share, short, count)

    def _latents(self, images: Tensor, use: Callable[[_Level, Tensor], Tensor]) -> Callable[..., Tensor]:
        """For `_walk`: latents (N, H, W, D) of each grid, from the image and what the grids above gave."""
        features = [self.encoder(convolutions.to_signed(images))]
        for level in reversed(self.upper):
            features.append(level.down(features[-1]))

        def values(level: _Level, context: Tensor | None) -> Tensor:
            seen = features.pop()
            seen = seen if context is None else torch.cat([seen, context], 1)
            return use(level, level.to_code(seen).permute(0, 2, 3, 1))  # (N, D, H, W) -> (N, H, W, D)

        return values

    def _walk(self, values: Callable[[_Level, Tensor | None], Tensor]) -> Tensor:
        """Coarse to fine; `values(level, context)` is (N, H, W, D). What the decoder gets, (N, C, H, W)."""
        context = None
        for level in self._levels():
            merged = values(level, context).permute(0, 3, 1, 2)
            if context is not None:
                merged = torch.cat([merged, context], 1)
            context = merged if level.up is None else level.up(merged)
        return context

    def _levels(self) -> Iterator[_Level]:
        for name, upper in zip(self.names, self.upper, strict=False):
            yield _Level(name, upper.to_code, upper.quantizer, upper.up)
        yield _Level(self.names[-1], self.to_code, self.quantizer, None)


@dataclass(frozen=True)
class _Level:
    """One grid: `up` takes what it says to the grid below; None for the finest."""

    name: str
    to_code: nn.Module
    quantizer: Quantizer
    up: nn.Module | None


class _Upper(nn.Module):
    """The networks of a grid above the finest one, `depth` halvings above it."""

    def __init__(self, parts: Backbone, depth: int, context: int, quantizer: Quantizer) -> None:
        super().__init__()
        self.down = parts.down(depth)
        self.to_code = nn.Conv2d(parts.hidden + context, quantizer.dim, 1)
        self.quantizer = quantizer
        self.up = parts.up(quantizer.dim + context, depth)


def _layer_name(grid: str, part: str) -> str:
    if not part:
        return grid
    return part if grid == "code" and not part.isdecimal() else f"{grid}.{part}"
