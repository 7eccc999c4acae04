"""β-VAE with one latent vector (Kingma and Welling 2014, arXiv:1312.6114; Higgins et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from explorer.latents import Codebook, Layer
from explorer.models import convolutions


@dataclass(frozen=True)
class VAEConfig:
    """Settings of a convolutional β-VAE."""

    hidden: int = field(default=64, metadata={"min": 2, "max": 8192, "help": "Channels of the convolutions."})
    residual_blocks: int = field(
        default=1, metadata={"min": 0, "max": 64, "help": "Residual blocks on each side of the latent vector."}
    )
    residual_channels: int = field(
        default=32, metadata={"min": 1, "max": 8192, "help": "Channels inside a residual block."}
    )
    downsample: int = field(
        default=16,
        metadata={
            "min": 2,
            "max": 64,
            "help": "Pixels per cell of the last feature map along each side, a power of two.",
        },
    )
    dim: int = field(default=64, metadata={"min": 1, "max": 8192, "help": "D, the length of the latent vector."})
    width: int = field(
        default=256, metadata={"min": 1, "max": 65536, "help": "Units of the dense layers around the latent vector."}
    )
    beta: float = field(
        default=1.0,
        metadata={
            "min": 0.0,
            "help": "Weight of the divergence from the prior: more makes latents simpler and images blurrier.",
        },
    )


class VAE(nn.Module):
    """Convolutional β-VAE with one layer, `latent`: (N, 3, h, w) -> mean of the posterior (N, 1, 1, dim) -> images.

    Loss: squared error of pixels in [-1, 1] summed over the image, plus β times the Kullback-Leibler divergence of the
    posterior from N(0, 1) in nats; that is a Gaussian likelihood of variance 1/2.
    """

    Config = VAEConfig

    def __init__(self, config: VAEConfig, image_size: int) -> None:
        super().__init__()
        steps = convolutions.halvings(config.downsample, image_size)
        sizes = config.hidden, config.residual_blocks, config.residual_channels, steps
        self.config, self.image_size = config, image_size
        self.side = image_size // config.downsample
        features = config.hidden * self.side**2
        self.encoder = nn.Sequential(
            convolutions.encoder(*sizes), nn.Flatten(), nn.Linear(features, config.width), nn.ReLU()
        )
        self.to_posterior = nn.Linear(config.width, 2 * config.dim)
        self.decoder = nn.Sequential(
            nn.Linear(config.dim, config.width),
            nn.ReLU(),
            nn.Linear(config.width, features),
            nn.ReLU(),
            nn.Unflatten(1, (config.hidden, self.side, self.side)),
            convolutions.decoder(*sizes, config.hidden),
        )
        self.layers = (Layer("latent", (1, 1), config.dim),)

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        return {}

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, 3, h, w) -> mean and log variance, each (N, dim)."""
        mean, log_variance = self.to_posterior(self.encoder(convolutions.to_signed(images))).float().chunk(2, 1)
        return mean, log_variance.clamp(-20, 10)

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        return {"latent": self.posterior(images)[0][:, None, None]}

    def sample(self, images: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Latents drawn from the posterior."""
        return {"latent": _draw(*self.posterior(images), generator)[:, None, None]}

    def decode(self, latents: Mapping[str, Tensor]) -> Tensor:
        return convolutions.to_unit(self.decoder(latents["latent"].flatten(1)).float())

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Losses of a batch in nats per image: `loss`, `reconstruction`, `divergence`."""
        mean, log_variance = self.posterior(images)
        output = self.decoder(_draw(mean, log_variance, generator)).float()
        reconstruction = (output - convolutions.to_signed(images)).square().flatten(1).sum(1).mean()
        # D_KL(N(m, s²) || N(0, 1)), Kingma and Welling 2014, appendix B
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        loss = reconstruction + self.config.beta * divergence
        return {"loss": loss, "reconstruction": reconstruction, "divergence": divergence}

    def compile_parts(self, **options) -> None:
        """Compiles what gains from it."""
        self.encoder.compile(**options)
        self.decoder.compile(**options)


def _draw(mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
    noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return mean + noise * (log_variance / 2).exp()
