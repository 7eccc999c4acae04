"""Settings to start a training from: each names a family, and what differs from the defaults of its config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A family with `model`, fields of its config, and `training`, fields of TrainingConfig; `about` is for people."""

    about: str
    family: str
    model: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


PRESETS: dict[str, Preset] = {
    "Quick look": Preset(
        "A small VQ-VAE, to see first codes soon, also on a CPU.",
        "vqvae",
        {"hidden": 32, "codes": 128, "dim": 16},
        {"steps": 500, "batch_size": 32, "compile": "no"},
    ),
    "Small photographs": Preset(
        "A VQ-VAE whose codes stand for 8 × 8 pixels each: large enough to show a part of a thing.",
        "vqvae",
        {"codes": 1024, "downsample": 8, "revive_below": 0.1},
        {"steps": 10_000, "batch_size": 64, "image_size": 64},
    ),
    "Sharp, with two levels": Preset(
        "A VQ-VAE-2: coarse codes for the whole, fine ones for edges, judged by structure and not by pixels alone.",
        "vqvae2",
        {"loss": "l1+0.2*ms_ssim", "revive_below": 0.1, "layer_dropout": 0.1},
        {"steps": 20_000, "batch_size": 64},
    ),
    "One vector for an image": Preset(
        "A β-VAE: no grid of codes, but a space in which whole images lie near to one another.",
        "vae",
        {"beta_warmup": 0.1},
        {"batch_size": 64},
    ),
    "Hidden patches": Preset(
        "A masked autoencoder: a transformer learns to fill in three quarters of an image.",
        "mae",
        {},
        {"steps": 20_000, "weight_decay": 0.05},
    ),
    "Sizes of the VQ-VAE paper": Preset("The defaults of the command line.", "vqvae"),
}
