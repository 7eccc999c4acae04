"""Checkpoints: folders of our own, with `config.json`, `model.safetensors`, `metrics.json` and a model card, and what
other libraries wrote (`explorer.foreign`). Nothing that is opened is run."""

from __future__ import annotations

import functools
import math
import os
from itertools import islice, zip_longest
from pathlib import Path

from explorer import access, fence
from explorer.checkpoints import own
from explorer.checkpoints.own import FORMAT, WEIGHTS, Checkpoint, layers_of, save, save_config, save_weights
from explorer.errors import BadInput
from explorer.files import SHIPPED
from explorer.files import checkpoint_folder as folder

__all__ = [
    "FORMAT",
    "FOR_PHOTOGRAPHS",
    "SHIPPED",
    "WEIGHTS",
    "Checkpoint",
    "check",
    "describe",
    "find",
    "fingerprint",
    "folder",
    "load",
    "load_known",
    "resolve",
    "save",
    "save_config",
    "save_weights",
]

NEEDED = (  # by workers behind the fence
    "torch",
    "h5py",
    "explorer.foreign",
    "diffusers.models.autoencoders.autoencoder_kl",
    "diffusers.models.autoencoders.vq_model",
)
MOST = 1000  # entries of a folder that tell whether it has changed
SHIPPED_ORDER = (
    "vqvae-shapes",
    "vqvae2-shapes",
    "projected-shapes",
    "vae-shapes",
    "mae-shapes",
    "vqvae-digits",
    "vqvae-photos",
    "vqvae2-photos",
)
FOR_PHOTOGRAPHS = "vqvae-photos"  # what a picture of a visitor is shown with, unless another is chosen
SINGLE = (  # ends of the names of files that other libraries wrote
    ".safetensors", ".sft", ".pt", ".pth", ".bin", ".ckpt", ".pth.tar", ".pt.tar", ".ckpt.tar", ".tar", ".keras", ".h5",
)  # fmt: skip
CODES = (".npz", ".parquet", ".pq", ".lance")  # and of those that may hold codes without a network


def find(near: Checkpoint | None = None) -> list[Checkpoint]:
    """All readable checkpoints, shipped ones first, then one's own and those in the folder of `near`, newest first."""
    beside = [near.path.parent] if near is not None and near.format == "explorer" else []
    found: dict[Path, Checkpoint] = {}
    for root in dict.fromkeys([SHIPPED, folder(), *beside]):
        for place in [config.parent for config in root.glob("*/config.json")] + _files(root):
            try:
                found[place.resolve()] = describe(place)
            except BadInput:
                continue  # what is no checkpoint is not an error until someone asks for it

    def order(checkpoint: Checkpoint) -> tuple[int, float]:
        if checkpoint.path.parent == SHIPPED and checkpoint.name in SHIPPED_ORDER:
            return SHIPPED_ORDER.index(checkpoint.name), 0.0
        config = checkpoint.path / "config.json"
        return len(SHIPPED_ORDER), -(config if config.is_file() else checkpoint.path).stat().st_mtime

    return sorted(found.values(), key=order)


def _files(root: Path) -> list[Path]:
    """Weights of other libraries and codes that lie there as single files."""
    return [path for path in sorted(root.glob("*.*")) if path.name.lower().endswith((*SINGLE, *CODES))]


def resolve(name_or_path: str | Path) -> Path:
    """Folder or file of a checkpoint given by name or path; raises BadInput that lists the names if there is none.

    Of another library, `@128` at the end asks for images of 128 pixels, and `@128,name` for a layer from inside.
    """
    text, asked = str(name_or_path), ""
    if "@" in text and not Path(text).exists():
        from explorer import foreign

        if match := foreign.ASKED.fullmatch(text):
            text, asked = match["path"], text[len(match["path"]) :]
    if text and "/" not in text and "\\" not in text and text not in (".", ".."):
        for root in (folder(), SHIPPED):
            if (root / text / "config.json").is_file() or (root / text).is_file():
                return root / (text + asked)
    path = Path(text).expanduser()
    if text and access.within(path) and path.exists():
        return Path(f"{path}{asked}")
    if access.public() and "/" in text:
        access.check(path)
    if text.count("/") >= 1 and not text.startswith(("/", ".", "~")):
        from explorer.foreign import hub

        if hub.parse(text) is not None:
            place = hub.locate(text)
            if place is None:
                raise BadInput(
                    f"{text} is not on this machine; if it is a name on the Hugging Face Hub, "
                    f"`explorer fetch {text}` downloads it"
                )
            return Path(f"{place}{asked}")
    if "/" in text or "\\" in text:
        access.check(path)
    names = ", ".join(checkpoint.name for checkpoint in find()) or "none found"
    raise BadInput(f"no checkpoint {text!r}; choose from {names}, or give the path of a checkpoint folder")


def describe(path: str | Path) -> Checkpoint:
    """What the folder or file at `path` says it is; raises BadInput in one sentence if it is no checkpoint."""
    path = Path(path)
    access.check(path)
    if (ours := own.describe(path)) is not None:
        return ours
    found = _strangers(path, _stamps(path))
    if isinstance(found, str):
        raise BadInput(found)
    return found


@functools.lru_cache(maxsize=256)
def _strangers(path: Path, stamps: object) -> Checkpoint | str:
    """What a file or folder of others is, or what is wrong with it; looked at behind the fence, until it changes."""
    try:
        return fence.ask(_look, path, what=path.name)
    except BadInput as fault:
        return str(fault)


def _look(path: Path) -> Checkpoint:
    return _codes(path) or _describe_foreign(path)


def check(checkpoint: Checkpoint) -> None:
    """Reads the weights of a checkpoint to the last number; raises BadInput where something is wrong with them."""
    if checkpoint.format == "explorer":
        load(checkpoint.path)
    elif checkpoint.format != "codes":  # of which all was read
        fence.ask(_load, checkpoint.path, what=checkpoint.name, memory=_room(checkpoint.path))


def _load(path: Path) -> None:
    load(path)


def _room(path: Path) -> int:
    """Bytes of memory that reading weights may take: they are held twice for a moment, perhaps unpacked."""
    files = [path] if path.is_file() else [one for one in path.glob("*") if one.is_file()] if path.is_dir() else []
    return max(fence.MEMORY, 4 * sum(file.stat().st_size for file in files))


def _stamps(path: Path) -> tuple:
    """Changes when a file or folder does, or what lies in the folder; of a path with `@128` that of what is before."""
    place = path if os.path.lexists(path) else Path(str(path).rpartition("@")[0])
    try:
        inside = list(islice(os.scandir(place), MOST)) if place.is_dir() else []
        found = [(entry.name, entry.stat()) for entry in inside]
        return tuple((name, one.st_mtime_ns, one.st_size) for name, one in (*found, ("", place.stat())))
    except OSError:
        return ()


def _codes(path: Path) -> Checkpoint | None:
    """The same of a file that holds codes and no network; None of anything else."""
    from explorer.datasets import codes

    return Checkpoint(**codes.facts(path)) if codes.holds(path) else None


def _describe_foreign(path: Path) -> Checkpoint:
    from explorer import foreign
    from explorer.autoencoder import no_decoder
    from explorer.datasets import code_files

    found = foreign.recognise(path)
    if found is None:
        inside = foreign.candidates(path) if path.is_dir() else []
        if len(inside) > 1:
            listed = ", ".join(str(one) for one in inside[:6])
            more = f" and {len(inside) - 6} more" if len(inside) > 6 else ""
            raise BadInput(f"{path.name} holds several checkpoints; choose one of {listed}{more}")
        if not path.is_dir():
            what = (
                code_files.unknown(path)
                or foreign.unknown(path)
                or "is not a checkpoint folder, nor weights that are known"
            )
            fault = f"{foreign.split(path)[0].name} {what}"
        elif (path / "config.json").is_file():
            fault = f'config.json of {path.name} is not of this program: it lacks "format": {FORMAT}'
        else:
            fault = f"{path.name or path} is not a checkpoint: it has no config.json"
        raise BadInput(f"{fault}; {foreign.CHOICES}")
    model = foreign.skeleton(found)
    return Checkpoint(
        path=path,
        name=path.name,
        family=found.family,
        image_size=found.image_size,
        dataset=None,
        settings={},
        layers=layers_of(model),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        metrics={},
        training={},
        state="done",
        format=found.format,
        notes=found.notes,
        no_decoder=no_decoder(model),
    )


def load(path: str | Path):
    """The network of a checkpoint, in eval mode on the CPU.

    Raises:
        BadInput: weights that are truncated, of other shapes than the config says, or not finite.
    """
    if own.describe(Path(path)) is None:
        from explorer import foreign
        from explorer.datasets import codes

        if codes.holds(Path(path)):
            raise BadInput(f"{Path(path).name} holds codes only: there is no network")

        describe(path)
        if found := foreign.recognise(path):
            if found.read is not None and not fence.within():  # a reader that is not ours: once where it does no harm
                fence.ask(_load, Path(path), what=Path(path).name, memory=_room(Path(path)))
            return foreign.load(found, Path(path).name)
    return _network(describe(path))


def _network(checkpoint: Checkpoint):
    """The network of a folder of our own, in eval mode on the CPU.

    Raises:
        BadInput: weights that are truncated, of other shapes than the config says, or not finite.
    """
    from explorer.models import build

    weights = checkpoint.path / WEIGHTS
    shapes = _header(weights)
    import torch
    from safetensors.torch import load_file

    if not 1 <= checkpoint.image_size <= 4096:
        raise BadInput(
            f"image size {checkpoint.image_size} of {checkpoint.name} is out of range; choose from 1 to 4096"
        )
    with torch.device("meta"):  # nothing is allocated before the shapes are known to agree
        expected = {name: tuple(value.shape) for name, value in _build(build, checkpoint).state_dict().items()}
    for name in sorted(expected.keys() | shapes.keys()):
        if expected.get(name) != shapes.get(name):
            raise BadInput(
                f"config.json and {WEIGHTS} of {checkpoint.name} disagree: {name} should be "
                f"{_shape(expected.get(name))} and is {_shape(shapes.get(name))}"
            )
    model = _build(build, checkpoint)
    try:
        state = load_file(weights)
    except Exception as error:  # safetensors raises its own and plain ones; all mean the same here
        raise BadInput(f"{WEIGHTS} of {checkpoint.name} is damaged: {error}") from None
    for name, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise BadInput(
                f"{WEIGHTS} of {checkpoint.name} holds values that are not finite, first in {name}; train again"
            )
    model.load_state_dict(state)
    for said, true in zip_longest(checkpoint.layers, layers_of(model)):
        if said != true:
            raise BadInput(f"config.json of {checkpoint.name} misstates its layers: {said} should be {true}")
    return model.eval().requires_grad_(False)


def load_known(path: str | Path, known: str):
    """The network as by `load`, if its content is the one that `fingerprint` called `known`.

    Raises:
        BadInput: also where other weights have taken its place, of which nothing kept under `known` would be true.
    """
    model = load(path)
    if fingerprint(path) != known:
        raise BadInput(
            f"{Path(path).name} was replaced by another checkpoint meanwhile; reload the page, or begin again"
        )
    return model


def fingerprint(path: str | Path) -> str:
    """Content hash of weights and settings: the part of a cache key that stands for the model."""
    path = Path(path)
    if own.describe(path) is None:
        from explorer import foreign
        from explorer.datasets import codes

        if codes.holds(path):
            return codes.fingerprint(path)
        describe(path)
        if found := foreign.recognise(path):
            return foreign.fingerprint(found)
    return own.fingerprint(describe(path))


def _build(build, checkpoint: Checkpoint):
    try:
        return build(checkpoint.family, checkpoint.settings, checkpoint.image_size)
    except (BadInput, RuntimeError, TypeError) as error:
        raise BadInput(f"config.json of {checkpoint.name} cannot be used: {str(error).splitlines()[0]}") from None


def _header(weights: Path) -> dict[str, tuple[int, ...]]:
    """Shapes by name from the header of a safetensors file, checked against the size of the file."""
    from explorer.foreign import reading

    if not weights.is_file():
        raise BadInput(f"{weights.parent.name} has no {weights.name}; it was deleted, or training has not saved yet")
    entries = reading.header(weights, f"{weights.name} of {weights.parent.name}")
    return {name: entry["shape"] for name, entry in entries.items()}


def _shape(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "absent"
    return " × ".join(map(str, shape)) + f" ({math.prod(shape):,} numbers)" if shape else "one number"
