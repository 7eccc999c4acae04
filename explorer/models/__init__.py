"""The families of autoencoders: one file each, one line each in MODELS."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from torch import nn

from explorer.errors import BadInput
from explorer.models.mae import MAE, MAEConfig
from explorer.models.vae import VAE, VAEConfig
from explorer.models.vqvae import VQVAE, VQVAE2Config, VQVAEConfig


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


def configure(config: type, settings: dict[str, Any]) -> Any:
    """The dataclass `config` with `settings`, each checked against its field's type, choices and bounds."""
    fields = {field.name: field for field in dataclasses.fields(config)}
    for name, value in settings.items():
        if name not in fields:
            raise BadInput(f"unknown setting {name!r}; choose from {', '.join(fields)}")
        _check(fields[name], value)
    return config(**settings)


def _check(field: dataclasses.Field, value: Any) -> None:
    kind = str(field.type).split(" | ")[0]
    optional = "None" in str(field.type)
    if value is None and optional:
        return
    accepted = {"int": int, "float": (int, float), "str": str, "bool": bool}[kind]
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind != "bool"):
        raise BadInput(f"{field.name} must be {'an' if kind == 'int' else 'a'} {kind}, not {value!r}")
    choices = field.metadata.get("choices")
    if choices and value not in choices:
        raise BadInput(f"unknown {field.name} {value!r}; choose from {', '.join(map(str, choices))}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = field.metadata.get("min", float("-inf")), field.metadata.get("max", float("inf"))
        if not low <= value <= high:  # also false for NaN
            raise BadInput(f"{field.name} {value!r} is out of range; choose from {low} to {high}")
