"""The one training loop: any family, on a CPU or a GPU, resumable to the bit.

What is random in step s depends on (seed, s) alone, and the order of images on (seed, epoch), so a resumed run needs
no saved random state: weights, optimizer moments, the step number and whether it is compiled are the whole state.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer import checkpoints, datasets
from explorer.datasets import seen
from explorer.datasets.split import told
from explorer.errors import BadInput, Cancelled, explained
from explorer.files import atomic_path
from explorer.models import build
from explorer.options import configure
from explorer.progress import Progress
from explorer.training import compilation, states
from explorer.training.batches import Batches
from explorer.training.card import model_card
from explorer.training.config import TrainingConfig, train_command
from explorer.training.hardware import accelerator, check_alone
from explorer.training.meters import Guard, Meter, Timer
from explorer.training.objectives import Objective
from explorer.training.scores import check_held_out, held_out_metrics, score, strip

STATE = "state.safetensors"
LOG = "metrics.jsonl"
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
        `checkpoint, state, steps, seconds, images_per_second, metrics, notes`; `state` is `done`, or `stopped` if
        `progress.cancel` was called, in which case everything needed to resume is on disk.

    Raises:
        BadInput: unknown names, sizes that do not fit, an existing folder, a loss that is not finite, a full disk or
            memory, one of several processes. A new folder in which nothing was saved is removed again.
    """
    check_alone()
    out = Path(out)
    begun = time.time()
    saved = _saved(out) if resume else None
    if saved is not None:
        family, dataset = saved.family, _dataset_of(saved, dataset)
        settings = {**saved.settings, **(settings or {})}
        training = {
            **{k: v for k, v in saved.training.items() if k in TrainingConfig.__dataclass_fields__},
            **(training or {}),
        }
    elif out.exists() and any(out.iterdir()):
        raise BadInput(f"{out.name} already exists; choose another name, resume it, or delete it")
    config: TrainingConfig = configure(TrainingConfig, dict(training or {}))
    dataset = datasets.absolute(dataset)
    run = _Run(family, dataset, out, dict(settings or {}), config, progress)
    with _cleared(out, run, new=saved is None), explained(f"train {out.name}"):
        try:
            run.start(resumed=saved is not None)
            run.steps()
            state = "done"
        except Cancelled:
            state = "stopped"
            run.save_state("stopped")
        metrics = run.finish(time.time() - begun) if state == "done" else {}
    run.progress.finish(state, "finished" if state == "done" else "stopped; can be resumed", **run.figures)
    return {
        "checkpoint": str(out),
        "state": state,
        "steps": run.step,
        "seconds": time.time() - begun,
        "images_per_second": run.images_per_second,
        "metrics": metrics,
        **(left_out := told(run.images, run.held_out)),
        "notes": [*run.notes, *left_out.get("notes", ())],
    }


@contextmanager
def _cleared(out: Path, run: _Run, *, new: bool) -> Iterator[None]:
    """Whatever goes wrong inside, a new folder with nothing in it to go on from does not block its name."""
    try:
        yield
    except Exception:
        if new and not run.guard.saved:
            shutil.rmtree(out, ignore_errors=True)
        raise


class _Run:
    """One training in progress."""

    def __init__(
        self, family: str, dataset: str, out: Path, settings: dict, config: TrainingConfig, progress: Progress | None
    ) -> None:
        self.family, self.dataset, self.out, self.config = family, dataset, out, config
        size = config.image_size or datasets.native_size(dataset)
        torch.manual_seed(config.seed)
        self.model = build(family, settings, size)
        loss = getattr(self.model.config, "loss", None)  # a MAE has its own
        self.objective = Objective(loss, size, self.model.config.adversarial_from) if loss else None
        self.progress = progress or Progress(config.steps, "steps")
        self.progress.total = config.steps
        self.figures: dict[str, Any] = {}
        self.notes: list[str] = []  # what is not as it was asked for
        self.guard = Guard(self.model, config.learning_rate)
        self.step, self.images_per_second = 0, 0.0
        self.compiled: bool | None = None  # not decided
        self.kept: bool | None = None  # what the run that is resumed decided
        read = {"fit": config.fit, "progress": self.progress}
        self.progress.update(0, "reading images", force=True)
        self.images = datasets.load(dataset, "train", size, limit=config.images, **read)
        held_out = datasets.load(dataset, "test", size, fit=config.fit)
        self.fixed = dataset in datasets.DATASETS  # then its name tells its training images
        known = None if self.fixed else np.unique(self.images.stamps)
        self.held_out = seen.judged(held_out, known, self.fixed, "this run")
        check_held_out(self.held_out)  # now, not after hours of training

    # -- set up ------------------------------------------------------------------------------------------------------

    def start(self, *, resumed: bool) -> None:
        self.accelerator = accelerator(self.config.device, self.config.precision)
        self.device = self.accelerator.device
        self.network = self.model.to(memory_format=torch.channels_last)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            parameters,
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            betas=(0.9, 0.95 if self.config.weight_decay else 0.99),
            fused=self.device.type in ("cuda", "cpu"),
        )
        self.network, self.optimizer = self.accelerator.prepare(self.model, optimizer)
        if self.objective is not None:
            self.objective.to(self.device)
        if resumed:
            self._restore()
        else:
            self.out.mkdir(parents=True, exist_ok=True)
            self._describe("training")
        if self.accelerator.is_main_process and not self.fixed:
            seen.record(self.out, self.images)
        self.batches = Batches(self.images, self.config, self.accelerator, self.progress)
        self.progress.update(self.step, "making the first step", force=True)
        self.network.train()

    def _describe(self, state: str) -> None:
        details = {**asdict(self.config), "image_size": self.model.image_size, "step": self.step}
        checkpoints.save_config(self.out, self.model, self.family, self.dataset, details, state)

    # -- the loop ----------------------------------------------------------------------------------------------------

    def steps(self) -> None:
        """Trains to the last step; the device is waited for only where a line of the log is written."""
        config, meter = self.config, Meter(self.model, self.device)
        log_every = max(1, min(100, config.steps // 100))
        look_every = max(log_every, config.steps // 20 // log_every * log_every)
        timer = Timer(self.device, config.batch_size)
        saved = time.time()
        for images in self.batches.after(self.step):
            self._decide_compilation(timer)
            self._one_step(images, meter)
            self.step += 1
            timer.tick()
            if self.step % log_every == 0 or self.step == config.steps:
                timer.read()
                self.images_per_second = timer.rate()
                line = {"step": self.step, **meter.read(), "images_per_second": self.images_per_second}
                self.guard.check(line)
                if self.step % look_every == 0 or self.step == config.steps:
                    line["psnr"] = self._look()
                self._log(line)
                if time.time() - saved > 60 and self.guard.safe:
                    self.save_state("training")
                    saved = time.time()
                timer.restart()
            self.progress.update(self.step, "training", **self.figures)

    def _one_step(self, images: Tensor, meter: Meter) -> None:
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) * 131)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * schedule(self.step, self.config.steps)
        share = self.step / self.config.steps
        for part in (self.model, self.objective):
            if hasattr(part, "anneal"):
                part.anneal(share)
        losses = self.network(images, **({"objective": self.objective} if self.objective else {}))
        self.accelerator.backward(losses["loss"])
        self.accelerator.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        meter.add({**losses, **(self.objective.learn() if self.objective else {})})
        if self.step == 0 and hasattr(self.model, "started"):
            self.model.started()

    def _decide_compilation(self, timer: Timer) -> None:
        if self.compiled is not None:
            return
        # in float32 on a CPU the convolutions are the time, and compiled steps were no faster than eager ones
        gains = self.device.type == "cuda" or self.accelerator.mixed_precision == "bf16"
        self.compiled = compilation.wanted(self.config, self.step, timer, gains=gains, kept=self.kept)
        if not self.compiled:
            return
        self.progress.update(self.step, "compiling, which takes a minute or two", force=True, **self.figures)
        why = compilation.obstacle(self.device)
        if why:
            self.compiled = False
            self.notes = [f"training went on without torch.compile, more slowly: no compiler works here ({why})"]
            self.figures["note"] = self.notes[0]
            return
        self.model.compile_parts()
        self.figures["note"] = "compiled with torch.compile"
        timer.skip(3)

    def _log(self, line: dict[str, Any]) -> None:
        left = (self.config.steps - self.step) * self.config.batch_size / max(self.images_per_second, 1e-9)
        self.figures |= {"images_per_second": self.images_per_second, "seconds_left": left, "loss": line["loss"]}
        with self._writing(), (self.out / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _look(self) -> float:
        """Held-out PSNR on up to LOOKED images, in dB, and a strip of reconstructions on disk."""
        rows = self.held_out.sample(LOOKED)
        self.model.eval()
        value = score(self.model, self.held_out.batches(rows), self.device)["psnr"].mean()
        picture = strip(self.model, self.held_out.read(self.held_out.sample(8)), self.device)
        with self._writing(), atomic_path(self.out / "samples" / f"step-{self.step:07d}.png") as temporary:
            picture.save(temporary)
        self.model.train()
        return float(value)

    # -- state -------------------------------------------------------------------------------------------------------

    def save_state(self, state: str) -> None:
        """Weights, optimizer moments and step in one file, then the config that points to it.

        A run that went astray keeps the last good weights: it ends with BadInput, or stops, without new ones.
        """
        tensors = states.collect(self.model, self.optimizer, self.objective)
        tensors |= {} if self.compiled is None else {"compiled": torch.tensor(self.compiled)}
        finite = states.is_finite(tensors)
        if state == "stopped" and (self.out / STATE).is_file() and not (finite and self.guard.safe):
            self._describe(state)
            return
        if not finite:
            raise BadInput(f"the weights are not finite at step {self.step:,}: {self.guard.advice}")
        with self._writing():
            states.save(self.out / STATE, self.step, tensors)
            checkpoints.save_weights(self.out, self.model)
            self._describe(state)
        self.guard.saved = True

    def _writing(self) -> AbstractContextManager:
        kept = "which --resume continues from its last save" if self.guard.saved else "of which nothing was saved yet"
        return explained(f"save the training of {self.out.name}, {kept}", self.out)

    def _restore(self) -> None:
        path = self.out / STATE
        if not path.is_file():
            return  # stopped before the first save: begin again
        self.step, tensors = states.load(path)
        states.restore(tensors, self.model, self.optimizer, self.objective)
        self.kept = bool(tensors["compiled"]) if "compiled" in tensors else None
        self.guard.saved = True
        if self.step and hasattr(self.model, "started"):
            self.model.started()
        _truncate_log(self.out / LOG, self.step)

    def finish(self, seconds: float) -> dict[str, Any]:
        """Scores the network on held-out images and writes the checkpoint."""
        self.save_state("training")  # a crash while scoring loses nothing
        self.progress.update(self.step, "scoring on held-out images", force=True, **self.figures)
        self.model.eval()
        metrics = held_out_metrics(self.model, self.images, self.held_out, self.device, untrained=self._untrained)
        details = {
            **asdict(self.config),
            "image_size": self.model.image_size,
            "step": self.step,
            "seconds": round(seconds, 1),
            "images_per_second": round(self.images_per_second, 1),
            "device": str(self.device),
            "torch": torch.__version__,
        }
        made = self.out.name, self.family, self.dataset, self.model
        card = model_card(*made, train_command(*made, details), details, metrics)
        about = {"family": self.family, "dataset": self.dataset, "training": details, "metrics": metrics, "card": card}
        with self._writing():
            checkpoints.save(self.out, self.model, **about)
        (self.out / STATE).unlink(missing_ok=True)
        return metrics

    def _untrained(self) -> nn.Module:
        """The same network before its first step: the baseline of every score."""
        torch.manual_seed(self.config.seed)
        return build(self.family, asdict(self.model.config), self.model.image_size).to(self.device).eval()


def schedule(step: int, steps: int) -> float:
    """Share of the peak learning rate: linear warm-up over 200 steps (at most a tenth), then a cosine to zero."""
    warm = max(1, min(200, steps // 10))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


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
        raise BadInput(f"{out.name} is finished; there is nothing to resume, train under another name")
    return saved


def _truncate_log(path: Path, step: int) -> None:
    """Drops lines after `step`, which the resumed run will write again."""
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = []
    for line in lines:
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError):
            continue  # a line cut short by a kill
    with atomic_path(path) as temporary:
        temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
