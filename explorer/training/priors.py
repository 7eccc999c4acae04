"""Training a prior: its codes, its loss, and the folder that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.analysis import quality
from explorer.errors import BadInput
from explorer.options import configure
from explorer.priors import build, folder
from explorer.training import loop
from explorer.training.config import Optimization
from explorer.training.hardware import check_alone
from explorer.training.prior_codes import CodeBatches, Codes, Encoded, Part, gather

if TYPE_CHECKING:
    from explorer.progress import Progress

LOOKED, SCORED, BATCH = 512, 5000, 64  # held-out images of a line of the log, of the scores, and at a time
LN2 = float(np.log(2))


@dataclass(frozen=True)
class PriorTraining(Optimization):
    """How to train a prior; what to train is the kind's own config."""


@dataclass(frozen=True)
class Asked:
    """What a prior is to be over: `about` is its checkpoint (name or path, content), dataset and kmeans, by name."""

    kind: str
    layers: tuple[str, ...] | None
    condition: str | None
    about: Mapping[str, Any]


def train_prior(
    asked: Asked,
    encoded: Encoded,
    out: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Trains a prior and writes it as a folder.

    Args:
        encoded: split -> Encoding of its images.
        out: the prior's folder; must not hold anything already, unless `resume`.
        settings: fields of the kind's config that differ from its defaults. training: the same of PriorTraining.

    Returns:
        `prior`, what `loop.run` returns, and `notes`.

    Raises:
        BadInput: see `gather` and `loop.run`; an existing folder; a checkpoint that is another one now.
    """
    check_alone()
    out = Path(out)
    if resume:
        saved = folder.describe(out)
        if saved.state == "done":
            raise BadInput(f"{out.name} is finished; there is nothing to resume, train under another name")
        if saved.fingerprint != asked.about["fingerprint"]:
            raise BadInput(
                f"{out.name} is over codes of another checkpoint, or that was trained again; begin a new one"
            )
        condition = saved.condition.column if saved.condition else None
        asked = replace(asked, kind=saved.kind, layers=tuple(one.name for one in saved.levels), condition=condition)
        settings = {**saved.settings, **(settings or {})}
        training = {**loop.kept_fields(PriorTraining, saved.training), **(training or {})}
    elif out.exists() and any(out.iterdir()):
        raise BadInput(f"{out.name} already exists; choose another name, resume it, or delete it")
    config: PriorTraining = configure(PriorTraining, dict(training or {}))
    codes = gather(encoded, asked.layers, asked.condition)
    task = PriorTask(asked, codes, dict(settings or {}), config)
    found = loop.run(task, out, resumed=resume, progress=progress)
    return {"prior": str(out), **found, "notes": [*task.notes, *codes.notes]}


class PriorTask:
    """The task of a prior; see `loop.Task`."""

    objective = None

    def __init__(self, asked: Asked, codes: Codes, settings: dict, config: PriorTraining) -> None:
        self.asked, self.codes, self.config = asked, codes, config
        self.notes: list[str] = []
        torch.manual_seed(config.seed)
        self.model = build(asked.kind, settings, codes.levels, len(codes.condition or ()))

    def batches(self, accelerator: Any, progress: Progress) -> CodeBatches:
        return CodeBatches(self.codes.train, self.config, accelerator.device)

    def losses(self, network: nn.Module, batch: tuple[dict[str, Tensor], Tensor]) -> dict[str, Tensor]:
        return network(*batch)

    def begun(self, out: Path) -> None:
        if self.codes.books:
            from explorer.encodings import codebooks

            codebooks.save(out / folder.BOOKS, self.codes.books, dict.fromkeys(self.codes.books, 0))

    def describe(self, out: Path, step: int, state: str) -> None:
        condition = self.codes.condition
        about = {"condition": condition.facts() if condition else None, **self.asked.about}
        folder.save_config(out, self.model, about, {**asdict(self.config), "step": step}, state)

    def save_weights(self, out: Path) -> None:
        folder.save_weights(out, self.model)

    def look(self, device: torch.device, picture: Path) -> dict[str, float]:
        """Bits per code of up to LOOKED held-out images."""
        from PIL import Image

        Image.new("RGB", (8, 8)).save(picture)
        return {"held_out_bits": float(bits(self.model, self.codes.held_out, LOOKED, device).mean())}

    def score(self, device: torch.device) -> dict[str, Any]:
        held_out = bits(self.model, self.codes.held_out, SCORED, device)
        levels = self.codes.levels
        places = sum(level.places for level in levels)
        uniform = sum(level.places * float(np.log2(level.codes)) for level in levels) / places
        return {"bits_per_code": quality.interval(held_out), "uniform": uniform}

    def finish(self, out: Path, details: dict[str, Any], metrics: dict[str, Any]) -> None:
        folder.save_card(out, metrics, f"# {out.name}\n")
        folder.save_weights(out, self.model)
        condition = self.codes.condition
        about = {"condition": condition.facts() if condition else None, **self.asked.about}
        folder.save_config(out, self.model, about, {**asdict(self.config), **details}, "done")


def bits(prior: nn.Module, part: Part, most: int, device: Any, *, classes: bool = True) -> np.ndarray:
    """Bits per code of a seeded sample of at most `most` images, (n,) float64: a mean over all codes of each."""
    rows = np.sort(np.random.default_rng(0).permutation(len(part))[:most])
    found = []
    for start in range(0, len(rows), BATCH):
        codes, known = part.batch(rows[start : start + BATCH], device)
        nats = prior.nats(codes, known if classes else None)
        found.append(torch.cat([one.flatten(1) for one in nats.values()], 1).double().mean(1).cpu().numpy() / LN2)
    return np.concatenate(found)
