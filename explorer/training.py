"""The one training loop: any family, on a CPU, one GPU or several, resumable to the bit.

What is random in step s depends on (seed, s, process) alone, and the order of images on (seed, epoch), so a resumed
run needs no saved random state: weights, optimizer moments and the step number are the whole state.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer import checkpoints
from explorer.errors import BadInput, Cancelled
from explorer.files import atomic_path
from explorer.models import build, configure
from explorer.progress import Progress
from explorer.scores import model_card, score, strip

STATE = "state.safetensors"
LOG = "metrics.jsonl"
COMPILE_COSTS = 60.0  # seconds; measured for the default VQ-VAE on two cores
COMPILE_SAVES = 0.25  # share of the step time


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; what to train is the family's own config."""

    steps: int = field(default=5000, metadata={"min": 1, "help": "Optimizer steps, one batch each."})
    batch_size: int = field(default=128, metadata={"min": 1, "help": "Images per step, over all devices together."})
    learning_rate: float = field(
        default=1e-3,
        metadata={
            "min": 0.0,
            "help": "Peak learning rate of AdamW; it warms up over 200 steps and falls to zero along a cosine.",
        },
    )
    weight_decay: float = field(default=0.0, metadata={"min": 0.0, "help": "Weight decay of AdamW."})
    image_size: int | None = field(
        default=None, metadata={"min": 4, "help": "Side of the images in pixels; empty takes the dataset's own."}
    )
    images: int | None = field(
        default=None, metadata={"min": 1, "help": "Train on the first so many images; empty takes all."}
    )
    fit: str = field(
        default="crop",
        metadata={
            "choices": ("crop", "pad"),
            "help": "How images that are not square become so: cut the centre, or add borders.",
        },
    )
    seed: int = field(default=0, metadata={"min": 0, "help": "Same seed, same machine, same result."})
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
            "help": "torch.compile; 'auto' uses it when the run is long enough to pay for it.",
        },
    )
    device: str = field(default="auto", metadata={"help": "auto, cpu, mps, cuda, or cuda:1."})


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
        `checkpoint, state, steps, seconds, images_per_second, metrics`; `state` is `done`, or `stopped` if
        `progress.cancel` was called, in which case everything needed to resume is on disk.

    Raises:
        BadInput: unknown names, sizes that do not fit, an existing folder, a loss that is not finite.
    """
    out = Path(out)
    begun = time.time()
    saved = _saved(out) if resume else None
    if saved is not None:
        family, dataset = saved.family, saved.dataset or dataset
        settings = {**saved.settings, **(settings or {})}
        training = {
            **{k: v for k, v in saved.training.items() if k in TrainingConfig.__dataclass_fields__},
            **(training or {}),
        }
    elif out.exists() and any(out.iterdir()):
        raise BadInput(f"{out.name} already exists; choose another name, resume it, or delete it")
    config: TrainingConfig = configure(TrainingConfig, dict(training or {}))
    run = _Run(family, dataset, out, dict(settings or {}), config, progress)
    try:
        run.start(resumed=saved is not None)
        run.steps()
        state = "done"
    except Cancelled:
        state = "stopped"
        run.save_state("stopped")
    if state == "done":
        metrics = run.finish(time.time() - begun)
    else:
        metrics = {}
    run.progress.finish(state, "finished" if state == "done" else "stopped; can be resumed", **run.figures)
    return {
        "checkpoint": str(out),
        "state": state,
        "steps": run.step,
        "seconds": time.time() - begun,
        "images_per_second": run.images_per_second,
        "metrics": metrics,
    }


class _Run:
    """One training in progress."""

    def __init__(
        self, family: str, dataset: str, out: Path, settings: dict, config: TrainingConfig, progress: Progress | None
    ) -> None:
        from explorer import datasets

        self.family, self.dataset, self.out, self.config = family, dataset, out, config
        size = config.image_size or datasets.native_size(dataset)
        torch.manual_seed(config.seed)
        self.model = build(family, settings, size)
        self.progress = progress or Progress(config.steps, "steps")
        self.progress.total = config.steps
        self.figures: dict[str, Any] = {}
        self.step, self.images_per_second = 0, 0.0
        out.mkdir(parents=True, exist_ok=True)
        read = {"fit": config.fit, "progress": self.progress}
        self.progress.update(0, "reading images", force=True)
        self.images = datasets.load(dataset, "train", size, limit=config.images, **read)
        self.held_out = datasets.load(dataset, "test", size, fit=config.fit)

    # -- set up ------------------------------------------------------------------------------------------------------

    def start(self, *, resumed: bool) -> None:
        self.accelerator = _accelerator(self.config)
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
        if resumed:
            self._restore()
        elif self.accelerator.is_main_process:
            self._describe("training")
        self.batches = Batches(self.images, self.config, self.accelerator, self.progress)
        self.network.train()
        self.compiled = False

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
                self._check_finite(line)
                if self.step % look_every == 0 or self.step == config.steps:
                    line["psnr"] = self._look()
                self._log(line)
                if time.time() - saved > 60:
                    self.save_state("training")
                    saved = time.time()
                timer.restart()
            self.progress.update(self.step, "training", **self.figures)

    def _one_step(self, images: Tensor, meter: Meter) -> None:
        seed = (self.config.seed * 1_000_003 + self.step) * 131 + self.accelerator.process_index
        torch.manual_seed(seed)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * schedule(self.step, self.config.steps)
        losses = self.network(images)
        self.accelerator.backward(losses["loss"])
        self.accelerator.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        meter.add(losses)
        if self.step == 0 and hasattr(self.model, "started"):
            self.model.started()

    def _decide_compilation(self, timer: Timer) -> None:
        """After the third step, when the eager step time is known."""
        wanted = self.config.compile
        if self.compiled or wanted == "no" or timer.steps != 3 or self.step < 3:
            return
        left = (self.config.steps - self.step) * timer.per_step()
        if wanted == "auto" and (self.device.type == "mps" or left * COMPILE_SAVES < COMPILE_COSTS):
            return
        if not _has_compiler(self.device):
            self.figures["note"] = "no C++ compiler found: training goes on without torch.compile, more slowly"
            self.compiled = True
            return
        self.model.compile_parts()
        self.compiled = True
        self.figures["note"] = "compiled with torch.compile"
        timer.skip(3)

    def _check_finite(self, line: dict[str, Any]) -> None:
        if not math.isfinite(line["loss"]):
            raise BadInput(
                f"the loss is not finite at step {self.step}; lower the learning rate ({self.config.learning_rate:g}) and train again"
            )

    def _log(self, line: dict[str, Any]) -> None:
        left = (self.config.steps - self.step) * self.config.batch_size / max(self.images_per_second, 1e-9)
        self.figures |= {"images_per_second": self.images_per_second, "seconds_left": left, "loss": line["loss"]}
        if self.accelerator.is_main_process:
            with (self.out / LOG).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def _look(self) -> float:
        """Held-out PSNR on up to 256 images, in dB, and a strip of reconstructions on disk."""
        rows = np.arange(min(256, len(self.held_out)))
        self.model.eval()
        value = score(self.model, self.held_out.read(rows), self.device)["psnr"].mean()
        if self.accelerator.is_main_process:
            with atomic_path(self.out / "samples" / f"step-{self.step:07d}.png") as temporary:
                strip(self.model, self.held_out.read(rows[:8]), self.device).save(temporary)
        self.model.train()
        return float(value)

    # -- state -------------------------------------------------------------------------------------------------------

    def save_state(self, state: str) -> None:
        """Weights, optimizer moments and step in one file, then the config that points to it."""
        from safetensors.torch import save_file

        if not self.accelerator.is_main_process:
            return
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
        tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        try:
            with atomic_path(self.out / STATE) as temporary:
                save_file(tensors, temporary, metadata={"step": str(self.step)})
            checkpoints.save_weights(self.out, self.model)
            self._describe(state)
        except OSError as error:
            raise BadInput(
                f"training of {self.out.name} could not be saved: {error}; free some space and resume"
            ) from None

    def _restore(self) -> None:
        from safetensors import safe_open

        path = self.out / STATE
        if not path.is_file():
            return  # stopped before the first save: begin again
        with safe_open(path, "pt") as file:
            self.step = int(file.metadata()["step"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        model = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
        self.model.load_state_dict(model)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".", 2)
                moments.setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict({"state": moments, "param_groups": self.optimizer.state_dict()["param_groups"]})
        if self.step and hasattr(self.model, "started"):
            self.model.started()
        _truncate_log(self.out / LOG, self.step)

    def finish(self, seconds: float) -> dict[str, Any]:
        """Scores the network on held-out images and writes the checkpoint."""
        from explorer.scores import held_out_metrics

        if not self.accelerator.is_main_process:
            return {}
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
        card = model_card(self.out.name, self.family, self.dataset, self.model, details, metrics)
        checkpoints.save(
            self.out, self.model, family=self.family, dataset=self.dataset, training=details, metrics=metrics, card=card
        )
        (self.out / STATE).unlink(missing_ok=True)
        return metrics

    def _untrained(self) -> nn.Module:
        """The same network before its first step: the baseline of every score."""
        torch.manual_seed(self.config.seed)
        return build(self.family, asdict(self.model.config), self.model.image_size).to(self.device).eval()


class Batches:
    """Batches of a dataset in a reproducible order; on the device if the whole set fits there, else read ahead."""

    def __init__(self, images, config: TrainingConfig, accelerator, progress: Progress) -> None:
        self.images, self.config, self.device = images, config, accelerator.device
        self.rank, self.world = accelerator.process_index, accelerator.num_processes
        if config.batch_size % self.world:
            raise BadInput(f"batch size {config.batch_size} does not divide among {self.world} processes")
        self.resident: Tensor | None = None
        size = len(images) * images.size**2 * 3
        if size <= _room(self.device):
            self.resident = torch.empty(len(images), images.size, images.size, 3, dtype=torch.uint8, device=self.device)
            for start in range(0, len(images), 2048):
                part = images.read(slice(start, min(start + 2048, len(images))))
                self.resident[start : start + len(part)] = torch.from_numpy(np.ascontiguousarray(part)).to(self.device)
                progress.update(0, f"reading images: {start + len(part):,} of {len(images):,}")

    def after(self, step: int) -> Iterator[Tensor]:
        """Batches of step `step`, `step` + 1, … : (n, 3, h, w) float in [0, 1], channels last in memory."""
        from concurrent.futures import ThreadPoolExecutor

        steps = range(step, self.config.steps)
        if self.resident is not None:
            for index in steps:
                rows = torch.from_numpy(self._rows(index)).to(self.device, non_blocking=True)
                yield _to_float(self.resident[rows])
            return
        with ThreadPoolExecutor(1) as reader:  # reads the next batch while this one is used
            ahead = reader.submit(self._read, step)
            for index in steps:
                batch = ahead.result()
                ahead = reader.submit(self._read, index + 1)
                yield _to_float(batch.to(self.device, non_blocking=True))

    def _read(self, step: int) -> Tensor:
        batch = torch.from_numpy(np.ascontiguousarray(self.images.read(self._rows(step))))
        return batch.pin_memory() if self.device.type == "cuda" else batch

    def _rows(self, step: int) -> np.ndarray:
        """This process's rows of a step: a permutation per epoch, continued over its end."""
        size, count = self.config.batch_size, len(self.images)
        places = np.arange(step * size, (step + 1) * size)[self.rank :: self.world]
        rows = np.empty(len(places), np.int64)
        for epoch in np.unique(places // count):
            here = places // count == epoch
            rows[here] = self._order(int(epoch))[places[here] % count]
        return rows

    def _order(self, epoch: int) -> np.ndarray:
        if getattr(self, "_epoch", None) != epoch:
            self._epoch = epoch
            self._permutation = np.random.default_rng([self.config.seed, epoch]).permutation(len(self.images))
        return self._permutation


class Meter:
    """Sums losses and counts codes on the device, so that no step waits for it."""

    def __init__(self, model, device: torch.device) -> None:
        self.sums: dict[str, Tensor] = {}
        self.steps = 0
        self.counts = {name: torch.zeros(len(book), device=device) for name, book in model.codebooks.items()}

    def add(self, losses: dict[str, Tensor]) -> None:
        self.steps += 1
        for name, value in losses.items():
            if name.startswith("codes."):
                codes = value.reshape(-1)
                self.counts[name.removeprefix("codes.")].index_add_(
                    0, codes, torch.ones_like(codes, dtype=torch.float32)
                )
            else:
                self.sums[name] = self.sums.get(name, 0) + value.detach()

    def read(self) -> dict[str, float]:
        """Mean losses, and perplexity and used codes of the images since the last call."""
        line = {name: float(value) / self.steps for name, value in self.sums.items()}
        for name, counts in self.counts.items():
            share = counts / counts.sum().clamp(min=1)
            suffix = "" if len(self.counts) == 1 else f".{name}"
            line[f"perplexity{suffix}"] = float(torch.exp(-(share * share.clamp(min=1e-12).log()).sum()))
            line[f"used{suffix}"] = int((counts > 0).sum())
            counts.zero_()
        self.sums, self.steps = {}, 0
        return line


class Timer:
    """Steady training rate: the first steps, compilation and everything between steps are left out."""

    def __init__(self, device: torch.device, batch: int) -> None:
        self.device, self.batch = device, batch
        self.steps = self.counted = self._ticks = 0
        self.seconds = 0.0
        self._skip = 1
        self._mark = time.perf_counter()

    def tick(self) -> None:
        self.steps += 1
        if self._skip:
            self._skip -= 1
            self._ticks = 0
            self._mark = self._now()
        else:
            self._ticks += 1
        if self.steps == 3:  # what compilation is decided by
            self.read()

    def read(self) -> None:
        """Waits for the device and counts the steps since the last mark."""
        now = self._now()
        self.seconds += now - self._mark if self._ticks else 0.0
        self.counted += self._ticks
        self._ticks, self._mark = 0, now

    def restart(self) -> None:
        """Begins to count again after work that is no training step."""
        self._mark = time.perf_counter()

    def skip(self, steps: int) -> None:
        """Forgets what was measured and leaves out the next `steps` steps."""
        self._skip, self.seconds, self.counted, self._ticks = steps, 0.0, 0, 0

    def per_step(self) -> float:
        return self.seconds / max(self.counted, 1)

    def rate(self) -> float:
        return self.batch * self.counted / self.seconds if self.seconds else 0.0

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def schedule(step: int, steps: int) -> float:
    """Share of the peak learning rate at `step`: linear warm-up over 200 steps (at most a tenth), then a cosine to zero."""
    warm = max(1, min(200, steps // 10))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _to_float(batch: Tensor) -> Tensor:
    return batch.permute(0, 3, 1, 2).float().div_(255)  # (n, h, w, 3) -> (n, 3, h, w), channels last in memory


def _saved(out: Path) -> checkpoints.Checkpoint:
    saved = checkpoints.describe(out)
    if saved.state == "done":
        raise BadInput(f"{out.name} is finished; there is nothing to resume, train under another name")
    return saved


def _accelerator(config: TrainingConfig):
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    device = config.device
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise BadInput(
            f"device {device!r} is not here; choose from auto, cpu"
            + (", mps" if torch.backends.mps.is_available() else "")
        )
    if device == "mps" and not torch.backends.mps.is_available():
        raise BadInput(
            "device 'mps' is not here; choose from auto, cpu" + (", cuda" if torch.cuda.is_available() else "")
        )
    if device.split(":")[0] not in ("auto", "cpu", "cuda", "mps"):
        raise BadInput(f"unknown device {device!r}; choose from auto, cpu, cuda, cuda:1, mps")
    if device in ("auto", "cpu"):
        os.environ.pop("ACCELERATE_TORCH_DEVICE", None)
    else:
        os.environ["ACCELERATE_TORCH_DEVICE"] = device
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if _fast_bf16(device) else "float32"
    if torch.cuda.is_available() and device != "cpu":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    return Accelerator(cpu=device == "cpu", mixed_precision="bf16" if precision == "bf16" else "no")


def _fast_bf16(device: str) -> bool:
    """Whether the hardware multiplies bf16 matrices faster than float32 ones."""
    if device in ("auto", "cuda") or device.startswith("cuda"):
        if torch.cuda.is_available():
            return torch.cuda.get_device_capability()[0] >= 8
        if torch.backends.mps.is_available() and device == "auto":
            return False
    if device == "mps":
        return False
    cpu = getattr(torch, "cpu", None)
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(cpu, name, lambda: False)() for name in names)


def _has_compiler(device: torch.device) -> bool:
    if device.type == "cuda":
        import importlib.util

        return importlib.util.find_spec("triton") is not None
    return any(shutil.which(name) for name in (os.environ.get("CXX") or "g++", "g++", "clang++", "cl"))


def _room(device: torch.device) -> int:
    """Bytes that a resident dataset may take."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 3
    import psutil

    return psutil.virtual_memory().available // 3


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
