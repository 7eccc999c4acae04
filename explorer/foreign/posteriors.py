"""Networks of other libraries whose latents are the parameters of a distribution, or numbers without one.

Such a network has `mean(images)` and `image(latents)`, both with one row for each image, and `variance(images)`, the
logarithm of it, where there is one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.foreign.adapters import Adapter


class Latents(Adapter):
    """A vector for each image, or a grid that a fully connected layer gave."""

    def latents(self, images: Tensor) -> Tensor:
        layer = self.layers[0]
        return self.network.mean(images).reshape(-1, layer.dim, *layer.grid)

    def image(self, latents: Tensor) -> Tensor:
        return self.network.image(latents.flatten(1))


class Posterior(Latents):
    """One whose latents are distributions."""

    def posterior(self, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and variance of each image's Gaussian."""
        layer, images = self.layers[0], self.pixels.into(images)
        both = self.network.mean(images), self.network.variance(images).float().exp()
        mean, variance = (one.reshape(-1, layer.dim, *layer.grid).movedim(1, 3).float() for one in both)
        return {layer.name: (mean, variance)}

    def sample(self, images: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Latents drawn from the posterior."""
        layer, images = self.layers[0], self.pixels.into(images)
        mean, spread = self.network.mean(images), (self.network.variance(images).float() / 2).exp()
        noise = torch.randn(mean.shape, generator=generator, device=generator.device).to(mean.device)
        return {layer.name: (mean + spread * noise).reshape(-1, layer.dim, *layer.grid).movedim(1, 3).float()}
