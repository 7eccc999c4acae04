"""The folder of a training run of taming-transformers or latent-diffusion: its weights and its YAML file.

The YAML file is read as plain values. The class it names is compared with a table and never imported.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from explorer.errors import BadInput

FILES = ("last.ckpt", "model.ckpt", "checkpoints/last.ckpt", "checkpoints/model.ckpt")
CONFIGS = (
    "config.yaml", "configs/*-project.yaml", "configs/model.yaml", "model.yaml", "*-project.yaml", "config.yml",
    "configs/config.yaml",
)  # fmt: skip
LARGEST, DEEPEST = 64 * 1024, 50  # bytes of a YAML file, and how deep it may go
TARGETS = {  # classes that it may name, and what each computes
    "taming.models.vqgan.VQModel": "VQModel",
    "taming.models.vqgan.VQNoDiscModel": "VQModel",
    "taming.models.vqgan.EMAVQ": "VQModel",
    "taming.models.vqgan.GumbelVQ": "GumbelVQ",
    "ldm.models.autoencoder.VQModel": "VQModel",
    "ldm.models.autoencoder.VQModelInterface": "VQModel",
    "ldm.models.autoencoder.AutoencoderKL": "AutoencoderKL",
}


def weights(folder: Path) -> Path | None:
    """The newest weights of a run, None where the folder is of no run."""
    named = next((folder / name for name in FILES if (folder / name).is_file()), None)
    return named or max(_epochs(folder), key=_age, default=None)


def _epochs(folder: Path) -> list[Path]:
    """Those below `checkpoints/`; of a metric with a slash in its name Lightning makes a folder."""
    places = ("checkpoints/*.ckpt", "checkpoints/*/*.ckpt", "*/checkpoints/*.ckpt", "*/*/checkpoints/*.ckpt")
    return [file for pattern in places for file in folder.glob(pattern) if file.is_file()]


def _age(file: Path) -> tuple[list[int], float]:
    """Later ones are greater: by the epoch and step in their names, then by when they were written."""
    counts = re.findall(r"(?:epoch|step)\D{0,2}(\d{1,12})", f"{file.parent.name}/{file.name}")
    return [int(count) for count in counts], file.stat().st_mtime


def home(file: Path) -> Path | None:
    """The folder of the run that a checkpoint belongs to: the nearest above it with a YAML file of a run."""
    above = [file.parent, *(one.parent for one in file.parents[:3] if one.name == "checkpoints" or _under(one))]
    return next((folder for folder in above if _yaml(folder)), None)


def _under(folder: Path) -> bool:
    return folder.parent.name == "checkpoints"


def _yaml(folder: Path) -> Path | None:
    """The YAML file of a run, the newest of several."""
    return next((file for pattern in CONFIGS for file in sorted(folder.glob(pattern), reverse=True)), None)


def config(file: Path, kind: str, *, given: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the YAML file of the run says that a checkpoint is of, and what to say of it; empty where there is none.

    Raises:
        BadInput: a file that is too large, damaged, refers to itself, or is of other weights, where the folder of the
            run was given; where the checkpoint was, such a file is left aside, which is said.
    """
    folder = home(file)
    if folder is None:
        return {}, ()
    try:
        found = _read(folder)
        _check(found, kind, folder.name)
    except BadInput as error:
        if given:
            raise
        why = str(error).partition(";")[0]
        return {}, (f"Its YAML file is not used: {why}.",)
    others = [one for one in _epochs(folder) if one != file]
    said = f"; the newest of {len(others) + 1} checkpoints" if others and given else ""
    return found, (f"{file.name} with {_yaml(folder).name}{said}.",)


def _read(folder: Path) -> dict[str, Any]:
    file = _yaml(folder)
    import yaml

    try:
        with file.open("rb") as opened:
            text = opened.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise BadInput(f"{file.name} of {folder.name} is larger than {LARGEST // 1024} KiB; shorten it")
        _check_shape(text, f"{file.name} of {folder.name}")
        found = yaml.safe_load(text)
    except BadInput:
        raise
    except (OSError, yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise BadInput(f"{file.name} of {folder.name} cannot be read: {why}; open its .ckpt file alone") from None
    return found if isinstance(found, dict) else {}


def _check_shape(text: bytes, name: str) -> None:
    """Raises BadInput for what lets a small file take long: references to references, and depth."""
    import yaml

    depth = 0
    for token in yaml.scan(text, yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise BadInput(f"{name} refers to parts of itself (*); write them out")
        kind = type(token).__name__
        depth += kind.endswith("StartToken") - kind.endswith("EndToken")
        if depth > DEEPEST:
            raise BadInput(f"{name} goes deeper than {DEEPEST} levels; open its .ckpt file alone")


def inside(config: Any, *keys: str) -> Any:
    """What lies below a path of keys, None where it breaks off."""
    for key in keys:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def values(config: Any, key: str) -> list[str]:
    """Every text that the file has under a key, wherever it stands."""
    if not isinstance(config, dict):
        return []
    own = [config[key]] if isinstance(config.get(key), str) else []
    return own + [found for part in config.values() for found in values(part, key)]


def autoencoder(config: dict[str, Any]) -> dict[str, Any]:
    """`target` and `params` of the autoencoder, also of one inside the model that is trained on its latents."""
    model = inside(config, "model")
    return inside(model, "params", "first_stage_config") or model or {}


def _check(config: dict[str, Any], kind: str, name: str) -> None:
    """Raises BadInput if the class that a YAML file names is not known, or is of another kind than the weights."""
    target = inside(autoencoder(config), "target")
    if target is None:
        return
    if not isinstance(target, str) or target not in TARGETS:
        named = target[:80] if isinstance(target, str) else type(target).__name__
        raise BadInput(
            f"the YAML file of {name} names {named} as its class, which is not known; choose from "
            f"{', '.join(TARGETS)}, or open its .ckpt file alone"
        )
    if TARGETS[target] != kind:
        raise BadInput(
            f"the YAML file of {name} names {target}, but its weights are those of a {kind}; open its .ckpt file alone"
        )


def image_size(config: dict[str, Any], factor: int) -> int | None:
    """The side of the images it was trained on, where the file has it and `factor` divides it."""
    data = inside(config, "data", "params")
    places = [inside(data, part, "params", *more) for part in ("train", "validation") for more in ((), ("config",))]
    sizes = [inside(place, key) for place in places for key in ("crop_size", "size")]
    sizes.append(inside(autoencoder(config), "params", "ddconfig", "resolution"))
    fitting = (size for size in sizes if isinstance(size, int) and 8 <= size <= 2048 and size % factor == 0)
    return next(fitting, None)
