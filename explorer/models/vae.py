"""β-VAE with one latent vector (Kingma and Welling 2014, arXiv:1312.6114; Higgins et al. 2017)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import ranks
from explorer.autoencoder import Codebook, Fill, Layer
from explorer.chance import Chance
from explorer.models import convolutions
from explorer.models.backbones import BackboneConfig, backbone


def _default(name: str, value: int) -> int:
    """The field of the backbone with another default."""
    return field(default=value, metadata=BackboneConfig.__dataclass_fields__[name].metadata)


@dataclass(frozen=True)
class VAEConfig(BackboneConfig):
    """Settings of a β-VAE."""

    hidden: int = _default("hidden", 64)
    residual_blocks: int = _default("residual_blocks", 1)
    downsample: int = _default("downsample", 16)
    dim: int = field(
        default=64, metadata={"min": 1, "max": 8192, "first": 0, "help": "D, the length of the latent vector."}
    )
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
    beta_warmup: float = field(
        default=0.0,
        metadata={
            "min": 0.0,
            "max": 1.0,
            "help": "Share of the training over which beta rises from 0, so that latents are not given up early.",
        },
    )
    free_bits: float = field(
        default=0.0,
        metadata={
            "min": 0.0,
            "help": "Nats of divergence that each latent dimension may have without a cost (Kingma et al. 2016).",
        },
    )


class VAE(nn.Module):
    """β-VAE with one layer, `latent`: (N, 3, h, w) -> mean of the posterior (N, 1, 1, dim) -> images.

    Loss: squared error of pixels in [-1, 1] summed over the image, plus β times the Kullback-Leibler divergence of the
    posterior from N(0, 1) in nats; that is a Gaussian likelihood of variance 1/2. Other terms of the reconstruction
    loss are multiplied by the number of values in an image, so that their weights mean the same as in a VQ-VAE.
    """

    joint = True

    def __init__(self, config: VAEConfig, image_size: int) -> None:
        super().__init__()
        parts, self.side = backbone(config, image_size)
        self.config, self.image_size = config, image_size
        self.share = 1.0  # of the training that is done
        features = config.hidden * self.side**2
        self.encoder = nn.Sequential(parts.encoder(), nn.Flatten(), nn.Linear(features, config.width), nn.ReLU())
        self.to_posterior = nn.Linear(config.width, 2 * config.dim)
        self.decoder = nn.Sequential(
            nn.Linear(config.dim, config.width),
            nn.ReLU(),
            nn.Linear(config.width, features),
            nn.ReLU(),
            nn.Unflatten(1, (config.hidden, self.side, self.side)),
            parts.decoder(config.hidden),
        )
        self.layers = (Layer("latent", (1, 1), config.dim),)

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        return {}

    def moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, 3, h, w) -> mean and log variance of the posterior, each (N, dim)."""
        mean, log_variance = self.to_posterior(self.encoder(convolutions.to_signed(images))).float().chunk(2, 1)
        return mean, log_variance.clamp(-20, 10)

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        return {"latent": self.moments(images)[0][:, None, None]}

    def posterior(self, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and variance of each image's Gaussian."""
        mean, log_variance = self.moments(images)
        return {"latent": (mean[:, None, None], log_variance.exp()[:, None, None])}

    def sample(self, images: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Latents drawn from the posterior."""
        mean, log_variance = self.moments(images)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return {"latent": (mean + noise * (log_variance / 2).exp())[:, None, None]}

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        if "latent" not in latents:  # the mean of the prior
            return convolutions.to_unit(self.decoder(self.to_posterior.weight.new_zeros(1, self.config.dim)).float())
        return convolutions.to_unit(self.decoder(latents["latent"].flatten(1)).float())

    def forward(
        self,
        images: Tensor,
        chance: Chance | torch.Generator | None = None,
        objective: Callable[[Tensor, Tensor], dict[str, Tensor]] | None = None,
    ) -> dict[str, Tensor]:
        """Losses of a batch in nats per image: `loss`, `reconstruction`, `divergence`, which is that of the posterior.

        `objective(output, target)` gives the terms of the reconstruction loss, by default the mean squared error.
        """
        mean, log_variance = self.moments(images)
        target = convolutions.to_signed(images)
        chance = Chance.of(chance)
        noise = ranks.drawn(lambda size: chance.normal((size, self.config.dim), mean.device), len(mean))
        output = self.decoder(mean + noise * (log_variance / 2).exp()).float()
        terms = objective(output, target) if objective else {"reconstruction": F.mse_loss(output, target)}
        terms = {name: value * target[0].numel() for name, value in terms.items()}
        # D_KL(N(m, s²) || N(0, 1)) of each dimension, Kingma and Welling 2014, appendix B
        each = ranks.mean(0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(0))  # (dim,)
        divergence = each.sum()
        # the mean over the batch may be that much without a cost: Kingma et al. 2016, arXiv:1606.04934, appendix C.8
        charged = each.clamp_min(self.config.free_bits).sum()
        loss = terms["reconstruction"] + self.beta * charged
        return {"loss": loss, **terms, "divergence": divergence}

    @property
    def beta(self) -> float | Tensor:
        """Weight of the divergence at this point of the training."""
        if not self.config.beta_warmup:
            return self.config.beta
        share = self.share / self.config.beta_warmup
        return self.config.beta * (share.clamp(max=1.0) if isinstance(share, Tensor) else min(1.0, share))

    def anneal(self, share: float | Tensor) -> None:
        """Called before each training step with the share of the training that is done, in [0, 1]."""
        self.share = share

    def compile_parts(self, **options) -> None:
        """Compiles what gains from it."""
        self.encoder.compile(**options)
        self.decoder.compile(**options)
