"""The VQ-VAE that a user would write by hand, which ours is measured beside."""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, inner, 3, 1, 1, bias=False), nn.ReLU(), nn.Conv2d(inner, channels, 1)
        )

    def forward(self, x):
        return x + self.body(x)


class PlainVQVAE(nn.Module):
    """With the paper's sizes: images (N, 3, h, w) in [0, 1] -> its loss."""

    def __init__(self, c: int = 128, inner: int = 32, codes: int = 512, dim: int = 64) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, c // 2, 4, 2, 1), nn.ReLU(), nn.Conv2d(c // 2, c, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(c, c, 3, 1, 1), Residual(c, inner), Residual(c, inner), nn.ReLU(), nn.Conv2d(c, dim, 1),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Conv2d(dim, c, 3, 1, 1), Residual(c, inner), Residual(c, inner), nn.ReLU(),
            nn.ConvTranspose2d(c, c // 2, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(c // 2, 3, 4, 2, 1),
        )  # fmt: skip
        self.book = nn.Embedding(codes, dim)

    def forward(self, x):
        z = self.encoder(x).permute(0, 2, 3, 1).float()
        flat, book = z.reshape(-1, z.shape[-1]), self.book.weight
        near = (flat.pow(2).sum(1, True) + book.pow(2).sum(1) - 2 * flat @ book.t()).argmin(1)
        q = self.book(near).view_as(z)
        y = self.decoder((z + (q - z).detach()).permute(0, 3, 1, 2))
        return F.mse_loss(y.float(), x) + F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
