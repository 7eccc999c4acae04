"""What encoders and decoders are made of: BACKBONES, and the config fields that every network on them shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from torch import nn

from explorer.models.convolutions import Convolutions, halvings
from explorer.models.transformers import Transformers


class Backbone(Protocol):
    """Makes the parts of a network; feature maps have `hidden` channels and halve from level to level."""

    hidden: int

    def encoder(self) -> nn.Module: ...
    def decoder(self, dim: int) -> nn.Module: ...
    def down(self, depth: int) -> nn.Module: ...
    def up(self, dim: int, depth: int) -> nn.Module: ...


BACKBONES: dict[str, Callable[[BackboneConfig, int, int], Backbone]] = {
    "conv": lambda config, steps, side: Convolutions(
        config.hidden, config.residual_blocks, config.residual_channels, steps
    ),
    "vit": lambda config, steps, side: Transformers(config.hidden, config.residual_blocks, config.heads, steps, side),
}


@dataclass(frozen=True)
class BackboneConfig:
    """Settings of encoder and decoder; the defaults are the sizes of the VQ-VAE paper.

    Metadata of the fields of every config: `help`; `min`, `max`, `choices`, which are checked; and for a form `about`,
    what each choice or term means; `first`, the place among the fields that stand first; and `only`, {field: words}: it
    counts only where the value of each of these fields has one of the words.
    """

    hidden: int = field(
        default=128,
        metadata={"min": 2, "max": 8192, "help": "Channels of the convolutions, or the length of a token ('vit')."},
    )
    residual_blocks: int = field(
        default=2, metadata={"min": 0, "max": 64, "help": "Residual or transformer blocks on each side of the latents."}
    )
    residual_channels: int = field(
        default=32,
        metadata={
            "min": 1,
            "max": 8192,
            "only": {"backbone": ("conv",)},
            "help": "Channels inside a residual block; only with 'conv'.",
        },
    )
    downsample: int = field(
        default=4,
        metadata={
            "min": 2,
            "max": 64,
            "help": "Pixels per cell along each side, a power of two: 4 turns 64 × 64 pixels into 16 × 16 cells.",
        },
    )
    backbone: str = field(
        default="conv",
        metadata={
            "choices": tuple(BACKBONES),
            "first": 4,
            "help": "What encoder and decoder are made of.",
            "about": {
                "conv": "convolutions, as in the VQ-VAE paper",
                "vit": "transformers on patches, as in ViT-VQGAN",
            },
        },
    )
    heads: int = field(
        default=4,
        metadata={
            "min": 1,
            "max": 64,
            "only": {"backbone": ("vit",)},
            "help": "Attention heads, a divisor of hidden; only with 'vit'.",
        },
    )
    loss: str = field(
        default="mse",
        metadata={
            "first": 5,
            "help": "What reconstructions are judged by: a sum of terms with weights, such as mse+0.1*perceptual.",
            "about": {
                "mse": "mean squared error of pixels",
                "l1": "mean absolute error of pixels",
                "ms_ssim": "structure at several scales",
                "perceptual": "features of VGG-16, whose weights are downloaded",
                "peco(CHECKPOINT)": "features of a checkpoint, such as peco(mae-shapes)",
                "adversarial": "a patch discriminator that learns beside the network, as in VQGAN",
            },
        },
    )
    adversarial_from: float = field(
        default=0.3,
        metadata={
            "min": 0.0,
            "max": 1.0,
            "only": {"loss": ("adversarial",)},
            "help": "Share of the training after which 'adversarial' is switched on.",
        },
    )


def backbone(config: BackboneConfig, image_size: int, levels: int = 1) -> tuple[Backbone, int]:
    """The parts of a network and the number of cells along each side of its finest grid.

    Raises:
        BadInput: an image size that does not divide into the grids of all `levels`, each half of the one before.
    """
    steps = halvings(config.downsample, image_size, levels)
    side = image_size // config.downsample
    return BACKBONES[config.backbone](config, steps, side), side
