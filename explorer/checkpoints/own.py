"""Folders of our own: `config.json`, `model.safetensors`, `metrics.json` and a model card, read and written."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from explorer.errors import BadInput, explained
from explorer.files import atomic_path, digest, file_digest, read_json, write_bytes, write_json

FORMAT = 1
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """What the JSON files of a checkpoint say; no weights are read.

    Attributes:
        layers: `{"name", "grid", "dim", "codes"}` of each layer, coarse to fine; codes is None for a continuous layer.
        metrics: held-out metrics, empty while training.
        state: `training`, `stopped` (can be resumed), or `done`.
        format: `explorer`, the library and class that wrote it, or `codes` where there is no network.
        notes: what a user should know of a checkpoint of another library, a sentence each.
        no_decoder: why there are no reconstructions, one sentence; empty where there are.
        opening: the dataset, and how many of its images, that it opens on where nothing else is asked for; all images
            of what it was trained on where that is None.
    """

    path: Path
    name: str
    family: str
    image_size: int
    dataset: str | None
    settings: dict[str, Any]
    layers: tuple[dict[str, Any], ...]
    parameters: int
    metrics: dict[str, Any]
    training: dict[str, Any]
    state: str
    format: str = "explorer"
    notes: tuple[str, ...] = ()
    no_decoder: str = ""
    opening: tuple[str, int | None] | None = None

    def limit_on(self, dataset: str) -> int | None:
        """How many images of a dataset it opens on; None is all."""
        return self.opening[1] if self.opening and self.opening[0] == dataset else None

    def trained_on(self, dataset: str | None) -> bool:
        """Whether it was trained on this dataset, a name or a path."""
        if not dataset or not self.dataset:
            return False
        return Path(dataset).expanduser().resolve() == Path(self.dataset).expanduser().resolve()


def describe(path: Path) -> Checkpoint | None:
    """The same of a folder of our own, read once until it changes; None of anything else."""
    stamps = [_stamp(path / name) for name in ("config.json", "metrics.json")]
    return _described(path, *stamps) if stamps[0] else None


def _stamp(file: Path) -> tuple[int, int] | None:
    """Changes when a file does; None where there is none."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=256)
def _described(path: Path, config_stamp: object, metrics_stamp: object) -> Checkpoint | None:
    config = _own_config(path)
    if config is None:
        return None
    if "prior" in config:
        raise BadInput(f"{path.name} is a prior; open the checkpoint that it is over, {config.get('checkpoint')}")
    try:
        return Checkpoint(
            path=path,
            name=path.name,
            family=str(config["family"]),
            image_size=_whole("image_size", config["image_size"]),
            dataset=None if config.get("dataset") is None else str(config["dataset"]),
            settings=dict(config["settings"]),
            layers=tuple(_layer(layer) for layer in config["layers"]),
            parameters=_whole("parameters", config["parameters"]),
            metrics=_metrics(path),
            training=dict(config.get("training") or {}),
            state=str(config.get("state", "done")),
            opening=_opening(config.get("opening")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"config.json of {path.name} lacks or misstates {error}; save the checkpoint again") from None


def _own_config(path: Path) -> dict[str, Any] | None:
    """`config.json` of a folder of our own; None of anything else."""
    try:
        config = read_json(path / "config.json")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise BadInput(f"config.json of {path.name} cannot be read: {error}") from None
    return config if isinstance(config, dict) and config.get("format") == FORMAT else None


def fingerprint(checkpoint: Checkpoint) -> str:
    """Content hash of weights and settings."""
    weights = checkpoint.path / WEIGHTS
    try:
        stat = weights.stat()
    except OSError:
        raise BadInput(f"{checkpoint.name} has no {WEIGHTS}; it was deleted, or training has not saved yet") from None
    try:
        content = _weights_digest(weights, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_size)
    except OSError as error:
        raise BadInput(f"{WEIGHTS} of {checkpoint.name} cannot be read: {error.strerror or error}") from None
    return digest(checkpoint.family, checkpoint.settings, checkpoint.image_size, content)


def save_config(path: Path, model, family: str, dataset: str, training: dict[str, Any], state: str) -> None:
    """Writes `config.json` of a checkpoint, atomically."""
    write_json(
        Path(path) / "config.json",
        {
            "format": FORMAT,
            "family": family,
            "settings": asdict(model.config),
            "image_size": model.image_size,
            "dataset": dataset,
            "layers": list(layers_of(model)),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "training": training,
            "state": state,
        },
    )


def save_weights(path: Path, model) -> None:
    """Writes `model.safetensors`, atomically; a full disk raises BadInput and leaves the old file."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    with explained(f"save the weights of {Path(path).name}", path), atomic_path(Path(path) / WEIGHTS) as temporary:
        save_file(tensors, temporary)


def save(
    path: Path, model, *, family: str, dataset: str, training: dict[str, Any], metrics: dict[str, Any], card: str
) -> None:
    """Writes a finished checkpoint: weights first, config last, so that what looks finished is."""
    save_weights(path, model)
    write_json(Path(path) / "metrics.json", metrics)
    write_bytes(Path(path) / "README.md", card.encode())
    save_config(path, model, family, dataset, training, "done")


def layers_of(model) -> tuple[dict[str, Any], ...]:
    """What `config.json` says about the layers of a model."""
    codebooks = model.codebooks
    return tuple(
        {
            "name": layer.name,
            "grid": list(layer.grid),
            "dim": layer.dim,
            "codes": len(codebooks[layer.name]) if layer.name in codebooks else None,
        }
        for layer in model.layers
    )


def _layer(facts: dict[str, Any]) -> dict[str, Any]:
    """One entry of `layers` in a `config.json`, checked."""
    height, width = facts["grid"]
    return {
        "name": str(facts["name"]),
        "grid": [_whole("grid", height), _whole("grid", width)],
        "dim": _whole("dim", facts["dim"]),
        "codes": None if facts.get("codes") is None else _whole("codes", facts["codes"]),
    }


def _opening(facts: dict[str, Any] | None) -> tuple[str, int | None] | None:
    """`opening` of a `config.json`, checked."""
    if facts is None:
        return None
    return str(facts["dataset"]), None if facts.get("limit") is None else _whole("limit", facts["limit"])


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**53:
        raise ValueError(f"{name}, which is a whole number from 1")
    return value


def _metrics(path: Path) -> dict[str, Any]:
    try:
        metrics = read_json(path / "metrics.json")
    except (OSError, ValueError):
        return {}  # metrics are an extra: without them the checkpoint still opens
    return metrics if isinstance(metrics, dict) else {}


@functools.lru_cache(maxsize=64)
def _weights_digest(path: Path, *stamps: int) -> str:
    return file_digest(path)
