"""The one training loop: whatever is trained, on a CPU or a GPU, resumable to the bit.

What is random in step s depends on (seed, s) alone, and the order of images on (seed, epoch), so a resumed run needs
no saved random state: weights, optimizer moments, the step number and whether it is compiled are the whole state. What
a step does is in `step.py`; here is what stands around it, on the host, which a GPU never waits for.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from explorer import ranks
from explorer.chance import Chance
from explorer.errors import BadInput, Cancelled, explained
from explorer.files import atomic_path, sweep
from explorer.progress import Progress
from explorer.training import compilation, memory, states
from explorer.training.batches import Source
from explorer.training.capture import Captured, lane
from explorer.training.config import Optimization
from explorer.training.hardware import accelerator
from explorer.training.meters import Guard, Meter, Reading, Timer
from explorer.training.objectives import Objective
from explorer.training.step import Step

STATE = "state.safetensors"
ORDER = 2  # which arithmetic draws images and noise; a run that is resumed with another goes on otherwise
LOG = "metrics.jsonl"
SAVED = 60  # seconds between two saves


class Task(Protocol):
    """What is trained: a network, its data, and the folder that it becomes.

    Attributes:
        model: the network; `codebooks` are those whose use the log counts.
        objective: the loss of reconstructions, where the network does not have its own.
        notes: what is not as it was asked for, a sentence each.
        seeded: whether the network draws from torch's own generators, which are then seeded before each step.
    """

    model: nn.Module
    config: Optimization
    objective: Objective | None
    notes: list[str]
    seeded: bool

    def batches(self, accelerator: Any, progress: Progress) -> Source:
        """Where batches come from."""

    def losses(self, network: nn.Module, batch: Any, chance: Chance) -> dict[str, Tensor]:
        """`loss`, and what else the log tells, of one batch: operations on the device alone."""

    def begun(self, out: Path, step: int) -> None:
        """Before the first step that is made, which is `step` of a run that is resumed."""

    def describe(self, out: Path, step: int, state: str) -> None:
        """Writes `config.json`."""

    def save_weights(self, out: Path) -> None:
        """Writes the weights as they are now."""

    def look(self, device: torch.device, picture: Path, step: int) -> dict[str, float]:
        """Numbers of held-out images for a line of the log; maybe a picture of what there is to see."""

    def score(self, device: torch.device) -> dict[str, Any]:
        """Held-out metrics of the trained network, which is in evaluation mode."""

    def finish(self, out: Path, details: dict[str, Any], metrics: dict[str, Any]) -> None:
        """Writes the finished folder."""


def run(task: Task, out: Path, *, resumed: bool, progress: Progress | None = None) -> dict[str, Any]:
    """Trains, and writes the folder `out`.

    Returns:
        `state, steps, seconds, images_per_second, metrics`; `state` is `done`, or `stopped` if `progress.cancel` was
        called, in which case everything needed to resume is on disk. Of several ranks the first one writes and scores;
        the others have no metrics.

    Raises:
        BadInput: a loss that is not finite, a full disk or memory. A new folder in which nothing was saved is removed
            again.
    """
    made = _Run(task, out, progress)
    with _cleared(out, made, new=not resumed), explained(f"train {out.name}"):
        try:
            made.start(resumed=resumed)
            with memory.answered(out.name, made.fitting):
                made.steps()
            state = "done"
        except Cancelled:
            state = "stopped"
            with suppress(BadInput):  # weights that are no good are not saved, whatever it says
                made.settle(0)
            made.save_state("stopped")
        except ranks.Lost as lost:
            kept = "--resume goes on from the last save" if (out / STATE).is_file() else "nothing was saved"
            raise ranks.Lost(f"{lost}; {kept}") from lost
        metrics = made.finish() if state == "done" else {}
        if state == "done":
            ranks.wait()  # for the scores: GPUs that work together are to part at about the same time
    made.progress.finish(state, "finished" if state == "done" else "stopped; can be resumed", **made.figures)
    return {
        "state": state,
        "steps": made.step,
        "seconds": time.monotonic() - made.begun,
        "images_per_second": made.images_per_second,
        "metrics": metrics,
    }


@contextmanager
def _cleared(out: Path, run: _Run, *, new: bool) -> Iterator[None]:
    """Whatever goes wrong inside, a new folder with nothing in it to go on from does not block its name."""
    try:
        yield
    except Exception:
        if new and not run.guard.saved and ranks.first():
            shutil.rmtree(out, ignore_errors=True)
        raise


class _Run:
    """One training in progress."""

    def __init__(self, task: Task, out: Path, progress: Progress | None) -> None:
        self.task, self.out, self.config, self.model = task, out, task.config, task.model
        self.progress = progress or Progress(self.config.steps, "steps", quiet=not ranks.first())
        self.progress.total = self.config.steps
        self.figures: dict[str, Any] = {}
        self.guard = Guard(self.model, self.config.learning_rate)
        self.step, self.images_per_second = 0, 0.0
        self.begun, self.before = time.monotonic(), 0.0  # seconds that runs took which this one resumes
        self.compiled: bool | None = None  # not decided
        self.kept: bool | None = None  # what the run that is resumed decided
        self.pending: deque[tuple[int, Reading]] = deque()  # lines of the log that are on their way

    # -- set up ------------------------------------------------------------------------------------------------------

    def start(self, *, resumed: bool) -> None:
        self.accelerator = accelerator(self.config.device, self.config.precision)
        self.device = self.accelerator.device
        self.half = self.accelerator.mixed_precision == "bf16"
        self.model.to(self.device, memory_format=torch.channels_last)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            parameters,
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            betas=(0.9, 0.95 if self.config.weight_decay else 0.99),
            fused=self.device.type in ("cuda", "cpu"),
            capturable=self.device.type == "cuda",
        )
        if self.task.objective is not None:
            self.task.objective.to(self.device)
            self.task.objective.capturable(self.device.type == "cuda")
        if resumed:
            self._restore()
        elif ranks.first():
            try:
                self.out.mkdir(parents=True, exist_ok=True)
            except FileNotFoundError as error:
                raise BadInput(f"{self.out} cannot be made: {error.strerror}; choose another place") from None
            sweep(self.out)
            self.task.describe(self.out, self.step, "training")
        if ranks.first():
            self.task.begun(self.out, self.step)
        ranks.follow([*self.model.parameters(), *self.model.buffers()])
        self.batches = self.task.batches(self.accelerator, self.progress)
        self.progress.update(self.step, "making the first step", force=True)
        self.model.train()
        self.timer = Timer(self.device, self.config.batch_size)
        self.meter = Meter(self.model, self.device)
        self.one = Step(self.task, self.optimizer, self.batches, self.meter, half=self.half)
        self.one.clock.fill_(self.step)
        self.captured = Captured(self.one, self.device)

    # -- the loop ----------------------------------------------------------------------------------------------------

    def steps(self) -> None:
        """Trains to the last step; the device is waited for only where held-out images are looked at."""
        config, timer = self.config, self.timer
        log_every = max(1, min(100, config.steps // 100))
        look_every = max(log_every, config.steps // 20 // log_every * log_every)
        saved, wish = time.monotonic(), ranks.Wish()
        self.progress.held = ranks.count() > 1  # all of them end after the same step
        with lane(self.device):
            while self.step < config.steps:
                self._one_step()
                if self.step % log_every == 0 or self.step == config.steps:
                    timer.read()
                    self.pending.append((self.step, self.meter.ask()))
                    look = self.step % look_every == 0 or self.step == config.steps
                    self.settle(0 if look or ranks.count() > 1 else 1, look=look)
                    if time.monotonic() - saved > SAVED:
                        self.settle(0)
                        if self.guard.safe:
                            self.save_state("training")
                            saved = time.monotonic()
                    timer.restart()
                self.progress.update(self.step, "training", **self.figures)
                if self.progress.held and wish.end(self.progress.cancelled):
                    wish.settle()
                    raise Cancelled("training")
        wish.settle()
        self.progress.held = False

    def _one_step(self) -> None:
        self.batches.ready(self.step)
        if self.task.seeded:
            torch.manual_seed((self.config.seed * 1_000_003 + self.step) * 131)
        if self.task.objective is not None:
            before = self.task.objective.active
            self.task.objective.anneal(self.step / self.config.steps)
            if before != self.task.objective.active:
                self.captured.forget()
        self._decide_compilation()
        if self.captured():
            self.timer.skip(1)
        if self.captured.obstacle:
            self._note(f"steps are not made in one launch, and take longer ({self.captured.obstacle})")
            self.captured.obstacle = ""
        if self.step == 0 and hasattr(self.model, "started"):
            self.model.started()
        self.step += 1
        self.timer.tick()

    def settle(self, keep: int, *, look: bool = False) -> None:
        """Writes the lines of the log that have arrived, and waits for all but the last `keep`.

        With `look` the last one says what held-out images say.
        """
        while self.pending and (len(self.pending) > keep or self.pending[0][1].ready()):
            step, reading = self.pending.popleft()
            line = {"step": step, **reading.line()}
            self.images_per_second = line["images_per_second"] = self.timer.rate()
            self.guard.check(line)
            if ranks.first():
                if look and not self.pending:
                    line |= self._look()
                self._log(line)

    def fitting(self) -> int | None:
        """How many images would fit into memory, that of a recorded step included, which holds a whole batch."""
        self.captured.forget()
        return memory.fitting(self.one, self.config.batch_size)

    def _decide_compilation(self) -> None:
        if self.compiled is not None:
            return
        # in float32 on a CPU the convolutions are the time, and compiled steps were no faster than eager ones
        gains = self.device.type == "cuda" or self.half
        wanted = compilation.wanted(self.config, self.step, self.timer, gains=gains, kept=self.kept)
        self.compiled = ranks.of_first_flag(wanted)
        if not self.compiled:
            return
        self.progress.update(self.step, "compiling, which takes a minute or two", force=True, **self.figures)
        why = compilation.obstacle(self.device)
        if not ranks.anywhere(bool(why)):
            why = compilation.attempt(self.model, self.one.trial)
        if ranks.anywhere(bool(why)):
            compilation.undo(self.model)
            self.compiled = False
            self._note(f"training went on without torch.compile, more slowly: no compiler works here ({why})")
            return
        self.figures["note"] = "compiled with torch.compile"
        self.captured.forget()
        self.timer.skip(3)

    def _note(self, text: str) -> None:
        self.task.notes.append(text)
        self.figures["note"] = text

    def _log(self, line: dict[str, Any]) -> None:
        left = (self.config.steps - line["step"]) * self.config.batch_size / max(self.images_per_second, 1e-9)
        self.figures |= {"images_per_second": self.images_per_second, "seconds_left": left, "loss": line["loss"]}
        with self._writing(), (self.out / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _look(self) -> dict[str, float]:
        """What held-out images say now, and a picture on disk, if the task draws one."""
        picture = self.out / "samples" / f"step-{self.step:07d}.png"
        self.model.eval()
        with self._writing(), compilation.paused(self.model):
            picture.parent.mkdir(exist_ok=True)
            drawn = picture.with_name(f".{picture.name}")
            found = self.task.look(self.device, drawn, self.step)
            if drawn.is_file():
                drawn.replace(picture)
        self.model.train()
        return found

    # -- state -------------------------------------------------------------------------------------------------------

    def save_state(self, state: str) -> None:
        """Weights, optimizer moments and step in one file, then the config that points to it.

        A run that went astray keeps the last good weights: it ends with BadInput, or stops, without new ones.
        """
        if not ranks.first():
            return
        tensors = states.collect(self.model, self.optimizer, self.task.objective)
        tensors |= {} if self.compiled is None else {"compiled": torch.tensor(self.compiled)}
        tensors |= {"seconds": torch.tensor(self.before + time.monotonic() - self.begun), "order": torch.tensor(ORDER)}
        finite = states.is_finite(tensors)
        if state == "stopped" and (self.out / STATE).is_file() and not (finite and self.guard.safe):
            self.task.describe(self.out, self.step, state)
            return
        if not finite:
            raise BadInput(f"the weights are not finite at step {self.step:,}: {self.guard.advice}")
        with self._writing():
            states.save(self.out / STATE, self.step, tensors)
            self.task.save_weights(self.out)
            self.task.describe(self.out, self.step, state)
        self.guard.saved = True

    def _writing(self) -> AbstractContextManager:
        kept = "which --resume continues from its last save" if self.guard.saved else "of which nothing was saved yet"
        return explained(f"save the training of {self.out.name}, {kept}", self.out)

    def _restore(self) -> None:
        path = self.out / STATE
        if not path.is_file():
            if ranks.first():
                sweep(self.out)
                _truncate_log(self.out / LOG, 0)
            return  # stopped before the first save: begin again
        self.step, tensors = states.load(path)
        states.restore(tensors, self.model, self.optimizer, self.task.objective)
        self.kept = bool(tensors["compiled"]) if "compiled" in tensors else None
        self.before = float(tensors.get("seconds", 0.0))
        if int(tensors.get("order", 1)) != ORDER:
            self._note(
                f"this run was begun by an older version: from step {self.step:,} on images come in another order and "
                "noise is drawn otherwise than they would have been"
            )
        self.guard.saved = True
        if self.step and hasattr(self.model, "started"):
            self.model.started()
        if ranks.first():
            sweep(self.out)
            _truncate_log(self.out / LOG, self.step)

    def finish(self) -> dict[str, Any]:
        """Scores the network on held-out images and writes the finished folder."""
        if not ranks.first():
            return {}
        self.save_state("training")  # a crash while scoring loses nothing
        self.progress.update(self.step, "scoring on held-out images", force=True, **self.figures)
        self.model.eval()
        compilation.undo(self.model)
        metrics = self.task.score(self.device)
        details = {
            "step": self.step,
            "seconds": round(self.before + time.monotonic() - self.begun, 1),
            "images_per_second": round(self.images_per_second, 1),
            "device": str(self.device),
            "torch": torch.__version__,
        }
        with self._writing():
            self.task.finish(self.out, details, metrics)
        (self.out / STATE).unlink(missing_ok=True)
        return metrics


def kept_fields(config: type, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a config among what the `training` of a saved run says."""
    return {name: value for name, value in saved.items() if name in config.__dataclass_fields__}


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
