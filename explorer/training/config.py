"""How to train: the config that is the same for every family, and what is asked for checked before any work begins."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from explorer.errors import BadInput
from explorer.models import MODELS, build
from explorer.options import FITS, configure, parse
from explorer.training import objectives


@dataclass(frozen=True)
class Optimization:
    """How to train; the same for everything that is trained."""

    steps: int = field(default=5000, metadata={"min": 1, "max": 1000000000, "help": "Optimizer steps, one batch each."})
    batch_size: int = field(default=128, metadata={"min": 1, "max": 65536, "help": "Images per step."})
    learning_rate: float = field(
        default=1e-3,
        metadata={
            "min": 0.0,
            "help": "Peak learning rate of AdamW; it warms up over 200 steps and falls to zero along a cosine. "
            "Gradients longer than 1 are scaled down to that.",
        },
    )
    weight_decay: float = field(default=0.0, metadata={"min": 0.0, "help": "Weight decay of AdamW."})
    seed: int = field(default=0, metadata={"min": 0, "max": 2**32 - 1, "help": "Same seed, same machine, same result."})
    precision: str = field(
        default="auto",
        metadata={
            "choices": ("auto", "float32", "bf16"),
            "help": "'auto' takes bf16 where the hardware is fast at it.",
        },
    )
    compile: str = field(
        default="auto",
        metadata={
            "choices": ("auto", "yes", "no"),
            "help": "torch.compile; 'auto' uses it when the run is long enough to pay for it. On a GPU the whole step "
            "is replayed as one launch either way.",
        },
    )
    device: str = field(
        default="auto", metadata={"help": "auto, cpu, mps, cuda, cuda:1, or all: every GPU has its part of a batch."}
    )


@dataclass(frozen=True)
class TrainingConfig(Optimization):
    """How to train an autoencoder; what to train is the family's own config."""

    image_size: int | None = field(
        default=None,
        metadata={"min": 4, "max": 2048, "help": "Side of the images in pixels; empty takes the dataset's own."},
    )
    images: int | None = field(
        default=None, metadata={"min": 1, "help": "Train on a random sample of so many images; empty takes all."}
    )
    fit: str = field(
        default="crop",
        metadata={
            "choices": tuple(FITS),
            "help": "How images that are not square become so: cut the centre, or add borders.",
        },
    )


def split(
    family: str, pairs: Iterable[str], table: Mapping[str, Any] = MODELS, options: type = TrainingConfig
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the model and of the training from `key=value` pairs, each parsed by its field's type and checked.

    Args:
        family: a name of `table`. options: the config of the training.

    Raises:
        BadInput: an unknown family, key or value; the message names the choices.
    """
    if family not in table:
        raise BadInput(f"unknown family {family!r}; choose from {', '.join(sorted(table))}")
    config = table[family].config
    kinds = {"model": config, "training": options}
    tables = {name: {one.name: one for one in dataclasses.fields(kind)} for name, kind in kinds.items()}
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
    configure(options, values["training"])
    return values["model"], values["training"]


def check(family: str, dataset: str, settings: dict[str, Any], training: dict[str, Any]) -> tuple[int, int]:
    """Checks what can be checked before any image is read or weight allocated: (image size, parameters).

    Raises:
        BadInput: an unknown dataset, or a network that cannot be built; for an image size that does not fit, the
            message names the nearest sizes that do.
    """
    import torch

    from explorer import datasets

    configure(TrainingConfig, training)
    size = training.get("image_size") or datasets.native_size(dataset)
    with torch.device("meta"):
        model = build(family, settings, size)
    if hasattr(model.config, "loss"):
        objectives.check(model.config.loss, size)
    return size, sum(weights.numel() for weights in model.parameters())


def train_command(name: str, family: str, dataset: str, model, training: dict[str, Any]) -> str:
    """The exact command line that makes this checkpoint again."""
    words = [
        "explorer",
        "train",
        family,
        "--dataset",
        dataset,
        "--out",
        f"checkpoints/{name}",
        "--steps",
        str(training["steps"]),
    ]
    defaults = dataclasses.asdict(type(model.config)())
    changed = {key: value for key, value in dataclasses.asdict(model.config).items() if value != defaults[key]}
    for one in dataclasses.fields(TrainingConfig):
        value = training.get(one.name)
        if one.name not in ("steps", "image_size") and value != one.default:
            changed[one.name] = value
    changed["image_size"] = model.image_size
    for key, value in changed.items():
        words += ["--set", f"{key}={value}"]
    return shlex.join(words)
