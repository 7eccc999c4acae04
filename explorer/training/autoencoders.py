"""Training an autoencoder: its images, its losses, and the checkpoint folder that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer import checkpoints, datasets, ranks
from explorer.chance import Chance
from explorer.datasets import seen
from explorer.datasets.split import told
from explorer.errors import BadInput
from explorer.files import occupied
from explorer.models import build
from explorer.options import configure
from explorer.progress import Progress
from explorer.training import loop
from explorer.training.batches import Batches
from explorer.training.card import model_card
from explorer.training.config import TrainingConfig, train_command
from explorer.training.objectives import Objective
from explorer.training.scores import batch_of, check_held_out, held_out_metrics, score, strip

LOOKED = 256  # held-out images that the PSNR in the log is of, at most


def train(
    family: str,
    dataset: str,
    out: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Trains a network and writes it as a checkpoint folder.

    Args:
        family: a name of MODELS.
        dataset: a name of DATASETS or a path.
        out: the checkpoint folder; must not hold one already, unless `resume`.
        settings: fields of the family's config that differ from its defaults.
        training: fields of TrainingConfig that differ from its defaults.
        resume: go on from the last saved step; `settings` and `training` then only add to the saved ones.

    Returns:
        `checkpoint`, what `loop.run` returns, and `notes`.

    Raises:
        BadInput: unknown names, sizes that do not fit, an existing folder, a loss that is not finite, a full disk or
            memory, another rank that has ended. A new folder in which nothing was saved is removed again.
    """
    out = Path(out)
    saved = _saved(out) if resume and (occupied(out) or not out.exists()) else None  # else killed before it said a word
    if saved is not None:
        family, dataset = saved.family, _dataset_of(saved, dataset)
        settings = {**saved.settings, **(settings or {})}
        training = {**loop.kept_fields(TrainingConfig, saved.training), **(training or {})}
    elif occupied(out):
        raise BadInput(f"{out.name} already exists; choose another name, resume it, or delete it")
    config: TrainingConfig = configure(TrainingConfig, dict(training or {}))
    ranks.check(config.batch_size)
    task = Autoencoding(family, datasets.absolute(dataset), dict(settings or {}), config, progress)
    found = loop.run(task, out, resumed=saved is not None, progress=progress)
    left_out = told(task.images, task.held_out)
    return {"checkpoint": str(out), **found, **left_out, "notes": [*task.notes, *left_out.get("notes", ())]}


class Autoencoding:
    """The task of an autoencoder; see `loop.Task`."""

    seeded = False

    def __init__(
        self, family: str, dataset: str, settings: dict, config: TrainingConfig, progress: Progress | None
    ) -> None:
        self.family, self.dataset, self.config = family, dataset, config
        size = config.image_size or datasets.native_size(dataset)
        torch.manual_seed(config.seed)
        self.model = build(family, settings, size)
        loss = getattr(self.model.config, "loss", None)  # a MAE has its own
        with ranks.in_turn():  # weights of a network that judges are downloaded once
            self.objective = Objective(loss, size, self.model.config.adversarial_from) if loss else None
        self.notes: list[str] = []
        progress = progress or Progress(config.steps, "steps", quiet=not ranks.first())
        progress.total = config.steps
        progress.update(0, "reading images", force=True)
        read = {"fit": config.fit, "progress": progress}
        with ranks.in_turn():
            self.images = datasets.load(dataset, "train", size, limit=config.images, **read)
            held_out = datasets.load(dataset, "test", size, fit=config.fit)
        self.fixed = dataset in datasets.DATASETS  # then its name tells its training images
        known = None if self.fixed else np.unique(self.images.stamps)
        self.held_out = seen.judged(held_out, known, self.fixed, "this run")
        check_held_out(self.held_out)  # now, not after hours of training

    def batches(self, accelerator: Any, progress: Progress) -> Batches:
        return Batches(self.images, self.config, accelerator, progress)

    def losses(self, network: nn.Module, batch: Tensor, chance: Chance) -> dict[str, Tensor]:
        return network(batch, chance, **({"objective": self.objective} if self.objective else {}))

    def begun(self, out: Path, step: int) -> None:
        if not self.fixed:
            seen.record(out, self.images)

    def describe(self, out: Path, step: int, state: str) -> None:
        checkpoints.save_config(out, self.model, self.family, self.dataset, self._details() | {"step": step}, state)

    def save_weights(self, out: Path) -> None:
        checkpoints.save_weights(out, self.model)

    def look(self, device: torch.device, picture: Path, step: int) -> dict[str, float]:
        """Held-out PSNR on up to LOOKED images, in dB, and a strip of reconstructions."""
        rows = self.held_out.sample(LOOKED)
        value = score(self.model, self.held_out.batches(rows, batch_of(self.held_out.size, device)), device)[
            "psnr"
        ].mean()
        strip(self.model, self.held_out.read(self.held_out.sample(8)), device).save(picture)
        return {"psnr": float(value)}

    def score(self, device: torch.device) -> dict[str, Any]:
        def untrained() -> nn.Module:
            """The same network before its first step: the baseline of every score."""
            torch.manual_seed(self.config.seed)
            return build(self.family, asdict(self.model.config), self.model.image_size).to(device).eval()

        return held_out_metrics(self.model, self.images, self.held_out, device, untrained=untrained)

    def finish(self, out: Path, details: dict[str, Any], metrics: dict[str, Any]) -> None:
        details = self._details() | details
        made = out.name, self.family, self.dataset, self.model
        card = model_card(*made, train_command(*made, details), details, metrics)
        about = {"family": self.family, "dataset": self.dataset, "training": details, "metrics": metrics, "card": card}
        checkpoints.save(out, self.model, **about)

    def _details(self) -> dict[str, Any]:
        return {**asdict(self.config), "image_size": self.model.image_size}


def _dataset_of(saved: checkpoints.Checkpoint, given: str) -> str:
    """What a run goes on with: its own dataset, and the one that is named now where that is no longer there."""
    for name in filter(None, (saved.dataset, given)):
        if name in datasets.DATASETS or Path(name).expanduser().exists():
            return name
    raise BadInput(
        f"{saved.name} was trained on '{saved.dataset}', which is not there; give its place as --dataset, or go to "
        "the folder in which the run was started"
    )


def _saved(out: Path) -> checkpoints.Checkpoint:
    saved = checkpoints.describe(out)
    if saved.state == "done":
        (out / loop.STATE).unlink(missing_ok=True)  # it was killed just before that
        raise BadInput(f"{out.name} is finished; there is nothing to resume, train under another name")
    return saved
