"""The families of autoencoders: one file each, one line each in MODELS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from explorer.errors import BadInput
from explorer.models.mae import MAE, MAEConfig
from explorer.models.vae import VAE, VAEConfig
from explorer.models.vqvae import VQVAE, VQVAE2Config, VQVAEConfig
from explorer.options import configure


@dataclass(frozen=True)
class Family:
    """What the command line, the training form and the loader need to know about a family."""

    config: type
    model: type[nn.Module]
    summary: str


MODELS: dict[str, Family] = {
    "vqvae": Family(VQVAEConfig, VQVAE, "VQ-VAE: a grid of discrete codes from one learned codebook"),
    "vqvae2": Family(VQVAE2Config, VQVAE, "VQ-VAE-2: two or three grids of codes, coarse to fine"),
    "vae": Family(VAEConfig, VAE, "β-VAE: one continuous vector describes the whole image"),
    "mae": Family(MAEConfig, MAE, "Masked autoencoder: a transformer that fills in hidden patches"),
}


def build(family: str, settings: dict[str, Any], image_size: int) -> nn.Module:
    """A fresh network of `family` with `settings` over its defaults; raises BadInput on anything unknown or unfit."""
    if family not in MODELS:
        raise BadInput(f"unknown family {family!r}; choose from {', '.join(sorted(MODELS))}")
    entry = MODELS[family]
    return entry.model(configure(entry.config, settings), image_size)
