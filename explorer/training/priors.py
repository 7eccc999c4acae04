"""Training a prior: its codes, its loss, the weights that are kept, and the folder that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer import ranks
from explorer.chance import Chance
from explorer.errors import BadInput
from explorer.files import occupied
from explorer.lazy import cached_property
from explorer.options import configure
from explorer.priors import build, folder
from explorer.training import loop, prior_scores
from explorer.training.best import FILE, Best
from explorer.training.config import Optimization
from explorer.training.prior_card import command, model_card
from explorer.training.prior_codes import CodeBatches, Codes, Part, Sources, gather
from explorer.training.prior_samples import Decode, strip
from explorer.training.prior_scores import LOOKED, SCORED, sample

if TYPE_CHECKING:
    from explorer.progress import Progress

LAST = "last.png"  # the samples of the weights that are kept
KEEP = {
    "best": "the fewest bits on a tenth of the training images that are not trained on",
    "last": "those of the last step, trained on all training images",
}


@dataclass(frozen=True)
class PriorTraining(Optimization):
    """How to train a prior; what to train is the kind's own config."""

    steps: int = field(default=3000, metadata={"min": 1, "max": 1000000000, "help": "Optimizer steps, one batch each."})
    batch_size: int = field(default=64, metadata={"min": 1, "max": 65536, "help": "Images per step."})
    keep: str = field(
        default="best",
        metadata={"choices": tuple(KEEP), "about": KEEP, "help": "Which weights are kept.", "label": "Weights to keep"},
    )


@dataclass(frozen=True)
class Asked:
    """What a prior is to be over.

    Attributes:
        kind: a name of PRIORS. layers: those with the codes. condition: a column of concepts, if any.
        about: its checkpoint (name or path, and content), dataset and kmeans, by name.
        limit: images of each split at most. named: whether `layers` are not those that are taken unasked.
    """

    kind: str
    layers: tuple[str, ...]
    condition: str | None
    about: Mapping[str, Any]
    limit: int | None = None
    named: bool = False


def train_prior(
    asked: Asked,
    sources: Sources,
    out: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Trains a prior and writes it as a folder.

    Args:
        sources: where its codes come from, and what makes pictures of them.
        out: the prior's folder; must not hold anything already, unless `resume`.
        settings: fields of the kind's config that differ from its defaults. training: the same of PriorTraining.

    Returns:
        `prior`, what `loop.run` returns, and `notes`.

    Raises:
        BadInput: see `gather` and `loop.run`; an existing folder; a checkpoint that is another one now.
    """
    out = Path(out)
    if resume:
        saved = unfinished(out, asked.about["fingerprint"])
        condition = saved.condition.column if saved.condition else None
        asked = replace(asked, kind=saved.kind, layers=tuple(one.name for one in saved.levels), condition=condition)
        settings = {**saved.settings, **(settings or {})}
        training = {**loop.kept_fields(PriorTraining, saved.training), **(training or {})}
    else:
        check_new(out)
    config: PriorTraining = configure(PriorTraining, dict(training or {}))
    ranks.check(config.batch_size)
    with ranks.in_turn():  # the first encodes what is not encoded yet
        codes = gather(sources, asked.layers, asked.condition)
    task = PriorTask(asked, codes, dict(settings or {}), config, sources.decoder(codes.books))
    found = loop.run(task, out, resumed=resume, progress=progress)
    return {"prior": str(out), **found, "notes": [*codes.notes, *task.notes]}


def check_new(out: Path) -> None:
    """Raises BadInput where a folder holds something."""
    if out.exists() and (not out.is_dir() or occupied(out)):
        raise BadInput(f"{out.name} already exists; choose another name as --out, resume it, or delete it")


def unfinished(out: Path, fingerprint: str) -> folder.Facts:
    """The prior in `out` that is to be resumed; BadInput where that cannot be."""
    saved = folder.describe(out)
    if saved.state == "done":
        for name in (loop.STATE, FILE):  # it was killed just before that
            (out / name).unlink(missing_ok=True)
        raise BadInput(f"{out.name} is finished; there is nothing to resume, train under another name")
    if saved.fingerprint != fingerprint:
        raise BadInput(f"{out.name} is over codes of another checkpoint, or that was trained again; begin a new one")
    return saved


class PriorTask:
    """The task of a prior; see `loop.Task`."""

    objective, seeded = None, True

    def __init__(self, asked: Asked, codes: Codes, settings: dict, config: PriorTraining, decode: Decode) -> None:
        self.asked, self.codes, self.config, self.decode = asked, codes, config, decode
        self.notes: list[str] = []
        torch.manual_seed(config.seed)
        self.model = build(asked.kind, settings, codes.levels, len(codes.condition or ()))
        aside = codes.watched() if config.keep == "best" else np.zeros(len(codes.train), bool)
        self.learned, self.watched = codes.train.of(np.flatnonzero(~aside)), codes.train.of(np.flatnonzero(aside))
        self.best: Best | None = None
        if config.keep == "best" and not len(self.watched):
            self.notes.append(
                f"the weights of the last step are kept: {len(codes.train)} training images are too few to keep some "
                "aside"
            )

    def batches(self, accelerator: Any, progress: Progress) -> CodeBatches:
        if ranks.first():
            progress.update(0, "counting codes", force=True)
            self.baselines  # noqa: B018  takes a moment, which is to be told of
        return CodeBatches(self.learned, self.config, accelerator.device)

    def losses(self, network: nn.Module, batch: tuple[dict[str, Tensor], Tensor], chance: Chance) -> dict[str, Tensor]:
        return network(*batch)

    def begun(self, out: Path, step: int) -> None:
        self.best = Best(out, self.model, step) if len(self.watched) else None
        if self.codes.books:
            from explorer.encodings import codebooks

            codebooks.save(out / folder.BOOKS, self.codes.books, dict.fromkeys(self.codes.books, 0))

    def describe(self, out: Path, step: int, state: str) -> None:
        folder.save_config(out, self.model, self._about(), self._details() | {"step": step}, state)

    def save_weights(self, out: Path) -> None:
        folder.save_weights(out, self.model)

    def look(self, device: torch.device, picture: Path, step: int) -> dict[str, float]:
        """Bits per code of held-out, training and watched images, beside models that count; and samples."""
        drawn = strip(self.model, self.decode)
        if drawn is not None:
            drawn.save(picture)
        found = {"train_bits": self._bits(self.learned, device), "held_out_bits": self._bits(self.tested, device)}
        if self.best is not None:
            found["watched_bits"] = self._bits(self.watched, device)
            self.best.consider(step, found["watched_bits"])
        means = {name: float(self._per_code(value).mean()) for name, value in self.baselines.items()}
        return {**found, "uniform": prior_scores.uniform(self.codes.levels), **means}

    def score(self, device: torch.device) -> dict[str, Any]:
        """Held-out metrics of the weights that are kept."""
        kept = self.best.restore() if self.best is not None else None
        trained = self.learned.of(sample(self.learned, len(self.tested)))
        found = prior_scores.metrics(self.model, self.codes, trained, self.tested, self.baselines, device)
        if not found["causal"]:
            self.notes.append(
                f"this prior sees what it is to predict (a logit changed by {found['leak']:.3g}), so its bits are "
                "too few to be true"
            )
        if kept is not None:
            found["kept"] = {"step": kept[0], "bits": kept[1], "images": min(len(self.watched), LOOKED)}
        return found

    def finish(self, out: Path, details: dict[str, Any], metrics: dict[str, Any]) -> None:
        drawn = strip(self.model, self.decode)
        if drawn is not None:
            (out / "samples").mkdir(exist_ok=True)
            drawn.save(out / "samples" / LAST)
        about, layers = self._about(), self.asked.layers if self.asked.named else ()
        line = command(
            out.name, {**about, "layers": layers, "limit": self.asked.limit}, self.model, self.codes, self.config
        )
        metrics = {**metrics, "command": line, "pictured": drawn is not None}
        folder.save_card(out, metrics, model_card(out.name, about, self.model, details, metrics, line))
        folder.save_weights(out, self.model)
        folder.save_config(out, self.model, self._about(), self._details() | details, "done")
        if self.best is not None:
            self.best.forget()

    @cached_property
    def tested(self) -> Part:
        """The held-out images of all scores."""
        return self.codes.held_out.of(sample(self.codes.held_out, SCORED))

    @cached_property
    def baselines(self) -> dict[str, prior_scores.Bits]:
        """Held-out bits under models that count; they learn from all training images."""
        return prior_scores.counted(self.codes.train, self.tested, self.codes.levels)

    def _bits(self, part: Part, device: torch.device) -> float:
        found = prior_scores.bits(self.model, part.of(sample(part, LOOKED)), device)
        return float(self._per_code(found).mean())

    def _per_code(self, found: prior_scores.Bits) -> np.ndarray:
        return prior_scores.per_code(found, self.codes.levels)

    def _about(self) -> dict[str, Any]:
        condition = self.codes.condition
        return {"condition": condition.facts() if condition else None, **self.asked.about}

    def _details(self) -> dict[str, Any]:
        counts = {"images": len(self.learned), "watched": len(self.watched), "limit": self.asked.limit}
        return {**asdict(self.config), **counts}
