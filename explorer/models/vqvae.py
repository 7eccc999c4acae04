"""VQ-VAE: Neural Discrete Representation Learning (van den Oord, Vinyals, Kavukcuoglu 2017, arXiv:1711.00937)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.latents import Codebook, Layer
from explorer.models import convolutions
from explorer.models.quantizers import QUANTIZERS, Quantizer


@dataclass(frozen=True)
class VQVAEConfig:
    """Settings of a VQ-VAE; the defaults are the paper's sizes."""

    hidden: int = field(default=128, metadata={"min": 2, "max": 8192, "help": "Channels of the convolutions."})
    residual_blocks: int = field(
        default=2, metadata={"min": 0, "max": 64, "help": "Residual blocks on each side of the codes."}
    )
    residual_channels: int = field(
        default=32, metadata={"min": 1, "max": 8192, "help": "Channels inside a residual block."}
    )
    downsample: int = field(
        default=4,
        metadata={
            "min": 2,
            "max": 64,
            "help": "Pixels per code along each side, a power of two: 4 turns 64 × 64 pixels into 16 × 16 codes.",
        },
    )
    codes: int = field(
        default=512, metadata={"min": 2, "max": 1048576, "help": "K, the number of vectors in the codebook."}
    )
    dim: int = field(default=64, metadata={"min": 1, "max": 8192, "help": "D, the length of one codebook vector."})
    beta: float = field(
        default=0.25,
        metadata={"min": 0.0, "help": "Weight of the commitment loss, which keeps latents near their codes."},
    )
    quantizer: str = field(
        default="ema",
        metadata={
            "choices": tuple(QUANTIZERS),
            "help": "How the codebook learns: 'ema' follows a moving average of the latents, 'vq' a loss.",
        },
    )
    revive_below: float = field(
        default=0.5,
        metadata={
            "min": 0.0,
            "help": "With 'ema': a code used by fewer latents per batch than this moves to one of them; 0 never does.",
        },
    )


class VQVAE(nn.Module):
    """Convolutional VQ-VAE with one layer, `code`.

    Images (N, 3, h, w) -> latents (N, h / downsample, w / downsample, dim) -> codes -> images. With the defaults,
    (N, 3, 64, 64) -> (N, 16, 16, 64). Reconstruction loss is the mean squared error of pixels in [-1, 1].
    """

    Config = VQVAEConfig

    def __init__(self, config: VQVAEConfig, image_size: int) -> None:
        super().__init__()
        steps = convolutions.halvings(config.downsample, image_size)
        sizes = config.hidden, config.residual_blocks, config.residual_channels, steps
        self.config, self.image_size = config, image_size
        self.encoder = convolutions.encoder(*sizes)
        self.to_code = nn.Conv2d(config.hidden, config.dim, 1)
        self.quantizer = Quantizer(config.quantizer, config.codes, config.dim, config.beta, config.revive_below)
        self.decoder = convolutions.decoder(*sizes, config.dim)
        side = image_size // config.downsample
        self.layers = (Layer("code", (side, side), config.dim),)

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        return {"code": self.quantizer.codebook}

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        hidden = self.to_code(self.encoder(convolutions.to_signed(images)))
        return {"code": hidden.permute(0, 2, 3, 1).float()}  # (N, D, H, W) -> (N, H, W, D)

    def decode(self, latents: Mapping[str, Tensor]) -> Tensor:
        codebook = self.quantizer.codebook
        quantized = codebook.lookup(codebook.assign(latents["code"]))
        return convolutions.to_unit(self._decode(quantized)).float()

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Losses of a batch: `loss`, `reconstruction`, `commitment`, (`codebook`,) and the codes used, `codes.code`."""
        target = convolutions.to_signed(images)
        latents = self.to_code(self.encoder(target)).permute(0, 2, 3, 1)  # (N, D, H, W) -> (N, H, W, D)
        quantized, codes, losses = self.quantizer(latents)
        reconstruction = F.mse_loss(self._decode(quantized).float(), target)
        loss = reconstruction + sum(losses.values())
        return {"loss": loss, "reconstruction": reconstruction, **losses, "codes.code": codes}

    def compile_parts(self, **options) -> None:
        """Compiles what gains from it; the quantizer stays eager, because its updates are in place."""
        self.encoder.compile(**options)
        self.decoder.compile(**options)

    def started(self) -> None:
        """Called after the first training step."""
        self.quantizer.started()

    def _decode(self, quantized: Tensor) -> Tensor:
        return self.decoder(quantized.permute(0, 3, 1, 2))  # (N, H, W, D) -> (N, D, H, W)
