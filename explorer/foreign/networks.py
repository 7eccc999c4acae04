"""Networks of diffusers behind our protocol: what encodes, what decodes, and which numbers are the latents."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.foreign.adapters import Adapter


class VQ(Adapter):
    """A `VQModel`: latents before quantization, one grid of codes."""

    @property
    def vectors(self) -> Tensor:
        return self.network.quantize.embedding.weight

    def latents(self, images: Tensor) -> Tensor:
        return self.network.encode(images).latents

    def image(self, latents: Tensor) -> Tensor:
        # they are codes already; `decode` would look them up again
        network = self.network
        spatial = latents if network.config.norm_type == "spatial" else None
        return network.decoder(network.post_quant_conv(latents), spatial)


class Continuous(Adapter):
    """A grid of latents without codes; of a posterior its mean."""

    def latents(self, images: Tensor) -> Tensor:
        found = self.network.encode(images)
        if hasattr(found, "latent_dist"):
            return found.latent_dist.mean
        return found.latent if hasattr(found, "latent") else found.latents

    def image(self, latents: Tensor) -> Tensor:
        return self.network.decode(latents).sample


class KL(Continuous):
    """One whose latents are distributions."""

    def posterior(self, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and variance of each image's Gaussian."""
        mean, variance = (one.movedim(1, 3).float() for one in self.told(self.pixels.into(images)))
        return {self.layers[0].name: (mean, variance)}

    def told(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (N, D, H, W) of what the network takes."""
        found = self.network.encode(images).latent_dist
        return found.mean, found.var

    def sample(self, images: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Latents drawn from the posterior."""
        drawn = self.drawn(self.pixels.into(images), generator)
        return {self.layers[0].name: drawn.movedim(1, 3).float()}

    def drawn(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(N, D, H, W) of what the network takes."""
        return self.network.encode(images).latent_dist.sample(generator=generator)


class Frame(KL):
    """One of videos or layers of images, for which an image is a video of one frame."""

    def latents(self, images: Tensor) -> Tensor:
        return super().latents(images[:, :, None])[:, :, 0]

    def image(self, latents: Tensor) -> Tensor:
        return super().image(latents[:, :, None])[:, :, 0]

    def told(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, variance = super().told(images[:, :, None])
        return mean[:, :, 0], variance[:, :, 0]

    def drawn(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return super().drawn(images[:, :, None], generator)[:, :, 0]
