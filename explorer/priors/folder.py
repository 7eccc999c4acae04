"""A prior on disk: a folder beside its checkpoint, which says by content whose codes it is over."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import access, checkpoints
from explorer.errors import BadInput, explained
from explorer.files import SHIPPED, atomic_path, digest, file_digest, read_json, write_bytes, write_json
from explorer.files import checkpoint_folder as root
from explorer.priors.conditions import Condition
from explorer.priors.level import Level

if TYPE_CHECKING:
    from explorer.autoencoder import Codebook
    from explorer.priors.prior import Prior

FORMAT = 1
WEIGHTS, BOOKS = "model.safetensors", "codebooks.safetensors"
LARGEST = 2**24  # codes of a level, and places


@dataclass(frozen=True)
class Facts:
    """What the JSON files of a prior say; no weights are read.

    Attributes:
        kind: a name of PRIORS. levels: coarse to fine. condition: None where it is not conditional.
        checkpoint: name or path of the checkpoint whose codes it is over; fingerprint: content of that.
        dataset: what it was trained on. kmeans: codes asked of k-means, where a layer is continuous.
        state: `training`, `stopped` (can be resumed), or `done`.
    """

    path: Path
    name: str
    kind: str
    settings: dict[str, Any]
    levels: tuple[Level, ...]
    condition: Condition | None
    checkpoint: str
    fingerprint: str
    dataset: str
    kmeans: int | None
    parameters: int
    training: dict[str, Any]
    metrics: dict[str, Any]
    state: str

    @property
    def classes(self) -> int:
        """Number of values of the condition; 0 where there is none."""
        return len(self.condition) if self.condition else 0


def is_prior(path: Path) -> bool:
    """Whether a folder says that it is a prior."""
    try:
        return "prior" in read_json(Path(path) / "config.json")
    except (OSError, ValueError, TypeError):
        return False


def find(fingerprint: str | None = None) -> list[Facts]:
    """Priors beside checkpoints, shipped ones first, then newest first; or those of one checkpoint's content."""
    found: dict[Path, Facts] = {}
    for place in dict.fromkeys([SHIPPED, root()]):
        for config in place.glob("*/config.json"):
            if is_prior(config.parent):
                try:
                    found[config.parent.resolve()] = describe(config.parent)
                except BadInput:
                    continue  # what is damaged is no error until someone asks for it
    wanted = [one for one in found.values() if fingerprint is None or one.fingerprint == fingerprint]
    return sorted(wanted, key=lambda one: (one.path.parent != SHIPPED, -(one.path / "config.json").stat().st_mtime))


def resolve(name_or_path: str | Path) -> Path:
    """Folder of a prior given by name or path; raises BadInput that lists the names if there is none."""
    text = str(name_or_path)
    for place in (root() / text, SHIPPED / text, Path(os.path.expanduser(text))):
        if text and access.within(place) and is_prior(place):
            return place
    if "/" in text:
        access.check(os.path.expanduser(text))
    names = ", ".join(one.name for one in find()) or "none found; `explorer prior train CHECKPOINT` makes one"
    raise BadInput(f"no prior {text!r}; choose from {names}, or give the path of its folder")


def describe(path: str | Path) -> Facts:
    """What the folder at `path` says it is; raises BadInput in one sentence if it is no prior."""
    path = Path(path)
    try:
        stat = (path / "config.json").stat()
        metrics = (path / "metrics.json").stat().st_mtime_ns if (path / "metrics.json").is_file() else 0
    except OSError:
        raise BadInput(f"{path.name or path} is not a prior: it has no config.json") from None
    return _described(path, stat.st_mtime_ns, stat.st_size, metrics)


@functools.lru_cache(maxsize=256)
def _described(path: Path, *stamps: int) -> Facts:
    try:
        config = read_json(path / "config.json")
        if config["format"] != FORMAT:
            raise ValueError("format")
        condition = config.get("condition")
        return Facts(
            path=path, name=path.name, kind=str(config["prior"]), settings=dict(config["settings"]),
            levels=tuple(_level(one) for one in config["levels"]),
            condition=None if condition is None else Condition.read(condition),
            checkpoint=str(config["checkpoint"]), fingerprint=str(config["fingerprint"]),
            dataset=str(config["dataset"]), kmeans=None if config.get("kmeans") is None else int(config["kmeans"]),
            parameters=int(config["parameters"]), training=dict(config.get("training") or {}),
            metrics=_metrics(path), state=str(config.get("state", "done")),
        )  # fmt: skip
    except OSError as error:
        raise BadInput(f"config.json of {path.name} cannot be read: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadInput(f"config.json of {path.name} is no prior's: it lacks or misstates {error}") from None


def _level(facts: Mapping[str, Any]) -> Level:
    height, width = facts["grid"]
    numbers = (int(height), int(width), int(facts["codes"]))
    if min(numbers) < 1 or numbers[2] > LARGEST or numbers[0] * numbers[1] > LARGEST:
        raise ValueError("levels")
    return Level(str(facts["name"]), numbers[:2], numbers[2])


def _metrics(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path / "metrics.json"))
    except (OSError, ValueError, TypeError):
        return {}  # metrics are an extra: without them the prior still opens


def load(path: str | Path) -> Prior:
    """The network, in evaluation mode on the CPU; BadInput for weights that are damaged or of other shapes."""
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    from explorer.priors import build

    facts = describe(path)
    if not (facts.path / WEIGHTS).is_file():  # a pipe would wait
        raise BadInput(f"{facts.name} has no {WEIGHTS}; it was deleted, or training has not saved yet")
    made = facts.kind, facts.settings, facts.levels, facts.classes
    try:
        with safe_open(facts.path / WEIGHTS, "pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        with torch.device("meta"):  # nothing is allocated before the shapes are known to agree
            expected = {name: tuple(value.shape) for name, value in build(*made).state_dict().items()}
        for name in sorted(expected.keys() | shapes.keys()):
            if expected.get(name) != shapes.get(name):
                raise BadInput(f"config.json and {WEIGHTS} of {facts.name} disagree about {name}; train it again")
        state = load_file(facts.path / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{WEIGHTS} of {facts.name} is damaged or not there: {error}") from None
    if not all(bool(value.isfinite().all()) for value in state.values()):
        raise BadInput(f"{WEIGHTS} of {facts.name} holds values that are not finite; train it again")
    prior = build(*made)
    prior.load_state_dict(state)
    return prior.eval().requires_grad_(False)


def fingerprint(path: str | Path) -> str:
    """Content of the weights and of what they are over: the part of a cache key that stands for the prior."""
    facts = describe(path)
    weights = facts.path / WEIGHTS
    try:
        stat = weights.stat()
        content = _digest(weights, stat.st_mtime_ns, stat.st_size)
    except OSError:
        raise BadInput(f"{facts.name} has no {WEIGHTS}; it was deleted, or training has not saved yet") from None
    condition = facts.condition.facts() if facts.condition else None
    of = facts.kind, facts.settings, [asdict(one) for one in facts.levels], condition, facts.fingerprint
    return digest(*of, content)


@functools.lru_cache(maxsize=64)
def _digest(path: Path, *stamps: int) -> str:
    return file_digest(path)


def checkpoint_of(facts: Facts) -> Path:
    """The checkpoint whose codes a prior is over; raises BadInput where it is gone, or is another one now."""
    named, found = facts.checkpoint, None
    for place in (facts.path.parent / named, Path(os.path.expanduser(named)), named):
        try:
            path = checkpoints.resolve(place)
            if checkpoints.fingerprint(path) == facts.fingerprint:
                found = path
                break
        except (BadInput, OSError, RuntimeError, ValueError):
            continue
    if found is not None:
        return _agreeing(facts, found)
    for one in checkpoints.find():  # renamed, or moved
        try:
            if one.state != "training" and checkpoints.fingerprint(one.path) == facts.fingerprint:
                found = one.path
                break
        except BadInput:
            continue
    if found is not None:
        return _agreeing(facts, found)
    raise BadInput(
        f"{facts.name} was learned from codes of {Path(named).name}, which is not there or was trained again since: "
        "train the prior again, or bring the old checkpoint back"
    )


def agrees(facts: Facts, checkpoint: checkpoints.Checkpoint) -> bool:
    """Whether the levels of a prior are layers of a checkpoint, with as many codes on the same grids."""
    known = {one["name"]: one for one in checkpoint.layers}
    names = [level.name for level in facts.levels]
    if not names or len(set(names)) < len(names) or not set(names) <= known.keys():
        return False
    fitted = books(facts.path)
    for level in facts.levels:
        layer = known[level.name]
        codes = layer.get("codes") or len(fitted.get(level.name, ()))
        if list(level.grid) != list(layer["grid"]) or level.codes != codes:
            return False
    return True


def _agreeing(facts: Facts, path: Path) -> Path:
    if not agrees(facts, checkpoints.describe(path)):
        raise BadInput(f"config.json of {facts.name} tells of other codes than {path.name} has; train the prior again")
    return path


def books(path: str | Path) -> dict[str, Codebook]:
    """The k-means codebooks that its codes are of, by layer; empty where the checkpoint has its own."""
    from explorer.encodings import codebooks

    file = Path(path) / BOOKS
    if not file.is_file():
        return {}
    try:
        return codebooks.load(file)[0]
    except (OSError, ValueError) as error:
        raise BadInput(f"{BOOKS} of {Path(path).name} cannot be read: {error}") from None


def save_config(path: Path, prior: Prior, about: Mapping[str, Any], training: Mapping[str, Any], state: str) -> None:
    """Writes `config.json`, atomically; `about` says condition, checkpoint, fingerprint, dataset, kmeans."""
    config = {
        "format": FORMAT, "prior": prior.kind, "settings": asdict(prior.config),
        "levels": [{"name": one.name, "grid": list(one.grid), "codes": one.codes} for one in prior.levels], **about,
        "parameters": sum(weights.numel() for weights in prior.parameters()), "training": dict(training),
        "state": state,
    }  # fmt: skip
    write_json(Path(path) / "config.json", config)


def save_weights(path: Path, prior: Prior) -> None:
    """Writes `model.safetensors`, atomically; a full disk raises BadInput and leaves the old file."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in prior.state_dict().items()}
    with explained(f"save the weights of {Path(path).name}", path), atomic_path(Path(path) / WEIGHTS) as temporary:
        save_file(tensors, temporary)


def save_card(path: Path, metrics: Mapping[str, Any], card: str) -> None:
    """Writes `metrics.json` and the model card."""
    write_json(Path(path) / "metrics.json", dict(metrics))
    write_bytes(Path(path) / "README.md", card.encode())
