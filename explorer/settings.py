"""Settings as text: `key=value` pairs into the fields of a family's config and of the training config."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from explorer.errors import BadInput

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
LABELS = {  # field, or config.field where it means something else there -> its name in the words of the papers
    "adversarial_from": "Discriminator starts after (share)",
    "backbone": "Encoder and decoder",
    "batch_size": "Batch size (images)",
    "beta": "Commitment weight (β)",
    "VAEConfig.beta": "Weight of the divergence (β)",
    "beta_warmup": "Warm-up of β (share)",
    "blocks": "Transformer blocks",
    "codes": "Codebook size (K)",
    "compile": "Compile the network",
    "decoder_blocks": "Blocks of the decoder",
    "decoder_dim": "Token length in the decoder",
    "decoder_heads": "Attention heads of the decoder",
    "dim": "Dimensions of a code (D)",
    "VAEConfig.dim": "Dimensions of the latent (D)",
    "MAEConfig.dim": "Dimensions of a token (D)",
    "downsample": "Pixels per code, each side",
    "VAEConfig.downsample": "Downsampling, each side",
    "fit": "Images that are not square",
    "free_bits": "Free nats per dimension",
    "frequent": "Codes that stay discrete (S)",
    "heads": "Attention heads",
    "hidden": "Channels",
    "image_size": "Image size (pixels)",
    "images": "Training images",
    "layer_dropout": "Layer dropout (share)",
    "learning_rate": "Learning rate",
    "levels": "Levels of codes",
    "loss": "Reconstruction loss",
    "mask_ratio": "Hidden patches (share)",
    "norm_pix_loss": "Normalise each patch",
    "patch": "Patch size (pixels)",
    "precision": "Precision",
    "quantizer": "Quantizer",
    "residual_blocks": "Blocks on each side",
    "residual_channels": "Channels in a residual block",
    "revive_below": "Revive codes used less than",
    "seed": "Random seed",
    "stages": "Codes per position",
    "steps": "Steps",
    "visible_weight": "Weight of visible patches",
    "weight_decay": "Weight decay",
    "width": "Width of the dense layers",
}


def split(family: str, pairs: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the model and of the training from `key=value` pairs, each parsed by its field's type and checked.

    Raises:
        BadInput: an unknown family, key or value; the message names the choices.
    """
    from explorer.models import MODELS, configure
    from explorer.training import TrainingConfig

    if family not in MODELS:
        raise BadInput(f"unknown family {family!r}; choose from {', '.join(sorted(MODELS))}")
    config = MODELS[family].config
    kinds = {"model": config, "training": TrainingConfig}
    tables = {name: {field.name: field for field in dataclasses.fields(kind)} for name, kind in kinds.items()}
    values: dict[str, dict[str, Any]] = {"model": {}, "training": {}}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip()
        where = next((name for name, table in tables.items() if key in table), None)
        if where is None:
            known = ", ".join([*tables["model"], *tables["training"]])
            raise BadInput(f"unknown setting {key!r}; choose from {known}")
        if not equals:
            raise BadInput(f"--set {pair} has no value; write --set {key}=VALUE")
        values[where][key] = parse(tables[where][key], text.strip())
    configure(config, values["model"])
    configure(TrainingConfig, values["training"])
    return values["model"], values["training"]


def parse(field: dataclasses.Field, text: str) -> Any:
    """The value that `text` stands for in a field of type int, float, bool or str, or one of these `| None`.

    Raises:
        BadInput: the text is no such value.
    """
    kind, optional = kind_of(field)
    if optional and text.lower() in ("", "none"):
        return None
    if kind is bool:
        if text.lower() not in TRUE + FALSE:
            raise BadInput(f"{field.name} must be yes or no, not {text!r}")
        return text.lower() in TRUE
    try:
        return kind(text)
    except ValueError:
        name = {int: "a whole number", float: "a number"}[kind]
        raise BadInput(f"{field.name} must be {name}, not {text!r}") from None


def kind_of(field: dataclasses.Field) -> tuple[type, bool]:
    """(type, may be None) of a field of a config dataclass."""
    names = [part.strip() for part in getattr(field.type, "__name__", str(field.type)).split("|")]
    return {"int": int, "float": float, "bool": bool, "str": str}[names[0]], "None" in names


def label(config: type, field: dataclasses.Field) -> str:
    """The name of a config's field for people; a field without one is called as in the code."""
    own = field.name.replace("_", " ").capitalize()
    return LABELS.get(f"{config.__name__}.{field.name}") or LABELS.get(field.name, own)


def check(family: str, dataset: str, settings: dict[str, Any], training: dict[str, Any]) -> tuple[int, int]:
    """Checks what can be checked before any image is read or weight allocated: (image size, parameters).

    Raises:
        BadInput: an unknown dataset, or a network that cannot be built; for an image size that does not fit, the
            message names the nearest sizes that do.
    """
    import torch

    from explorer import datasets
    from explorer.models import build, configure
    from explorer.objectives import check as check_loss
    from explorer.training import TrainingConfig

    configure(TrainingConfig, training)
    size = training.get("image_size") or datasets.native_size(dataset)
    with torch.device("meta"):
        model = build(family, settings, size)
    if hasattr(model.config, "loss"):
        check_loss(model.config.loss, size)
    return size, sum(weights.numel() for weights in model.parameters())
