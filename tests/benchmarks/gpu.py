"""Training and encoding on one GPU beside the loops that people write, and whether the numbers are right there.

    python tests/benchmarks/gpu.py [--quick] [--only TEXT] [--seconds 290] [--json]

One command, at most five minutes, on a machine with torch, transformers, accelerate, scikit-learn, pandas, pyarrow and
Pillow.
Plain loops: `eager` is float32 with a copy from the host and a loss that is read in each step; `bf16` has the images on
the card, channels last and fused Adam; `compiled` is the same under torch.compile. Their VQ-VAE is written out below;
that of the other families is our own network without our loop. Ours is `explorer.training.train` as a user runs it;
its rate is the steady one that it reports. Rows that are compiled come last; those for which no time is left are said
to be left out.

Without a GPU, or with --quick, sizes are tiny: rates are then of the CPU, and only show that everything runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from gpu_checks import ROOT, checks
from plain_vqvae import PlainVQVAE
from timing import machine, report
from torch import nn

FAMILIES = {  # beside the default VQ-VAE, each beside its own network
    "vqvae2": ("vqvae2", {}),
    "mae": ("mae", {}),
    "vit": ("vqvae", {"backbone": "vit"}),
    "residual": ("vqvae", {"quantizer": "residual"}),
    "fsq": ("vqvae", {"quantizer": "fsq"}),
    "projected": ("vqvae", {"quantizer": "projected"}),
}
TINY = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 16, "dim": 4, "heads": 2, "stages": 2,
        "blocks": 1, "decoder_dim": 8, "decoder_blocks": 1, "decoder_heads": 2}  # fmt: skip
NEEDED = {"transformers": "transformers", "accelerate": "accelerate", "sklearn": "scikit-learn", "pandas": "pandas",
          "pyarrow": "pyarrow", "PIL": "pillow", "safetensors": "safetensors", "psutil": "psutil"}  # fmt: skip
PLAIN = ("eager", "bf16", "compiled")


class Bench:
    """One run of the benchmark: its device, sizes, deadline and what was found."""

    def __init__(self, quick: bool, seconds: float, place: Path, only: str = "") -> None:
        self.only = re.compile(only)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.quick = quick or self.device.type == "cpu"
        self.deadline, self.place, self.count = time.monotonic() + seconds, place, 0
        self.rows: list[dict] = []
        self.checks: dict[str, str] = {}

    def row(self, name: str, needs: float, measure: Callable[[], float]) -> float | None:
        """Measures images per second, if there is time for it; a failure is a row, too."""
        if not self.only.search(name):
            return None
        if time.monotonic() + needs > self.deadline:
            self.rows.append({"row": name, "images_per_second": None, "why": "left out: no time"})
            return None
        try:
            rate = measure()
        except Exception as error:
            self.rows.append({"row": name, "images_per_second": None, "why": first_line(error)[:160]})
            return None
        self.rows.append({"row": name, "images_per_second": round(rate, 1)})
        print(f"{name:<58}{rate:>12,.0f} images/s", file=sys.stderr, flush=True)
        return rate

    def check(self, name: str, needs: float, ask: Callable[[], str]) -> None:
        """Notes what a check says: `right: …` or `WRONG: …`."""
        if not self.only.search(name):
            return
        if time.monotonic() + needs > self.deadline:
            self.checks[name] = "left out: no time"
            return
        try:
            self.checks[name] = ask()
        except Exception as error:
            self.checks[name] = f"WRONG: {type(error).__name__}: {first_line(error)[:200]}"
        print(f"{name}: {self.checks[name]}", file=sys.stderr, flush=True)

    # -- what is measured ------------------------------------------------------------------------------------------

    def plain(self, network: nn.Module, mode: str, batch: int, size: int, steps: int) -> float:
        """Images per second of a plain loop, with torch's own switches."""
        before = torch.get_float32_matmul_precision(), torch.backends.cudnn.deterministic
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.deterministic = False  # a training of ours has switched it on
        try:
            return self._plain(network, mode, batch, size, steps)
        finally:
            torch.set_float32_matmul_precision(before[0])
            torch.backends.cudnn.deterministic = before[1]

    def _plain(self, network: nn.Module, mode: str, batch: int, size: int, steps: int) -> float:
        fast = mode != "eager"
        network = network.to(self.device).train()
        network = network.to(memory_format=torch.channels_last) if fast else network
        optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 1e-3, fused=fast)
        data = torch.randint(0, 256, (max(batch, 256 if self.quick else 8192), 3, size, size), dtype=torch.uint8)
        data = data.to(self.device) if fast else data
        if mode == "compiled":
            torch.compiler.reset()  # else it is compiled for any batch, because it was for another one before
        call = torch.compile(network) if mode == "compiled" else network
        for step in range(steps + 10):
            if step == 10:
                self._wait()
                begun = time.perf_counter()
            x = data[torch.randint(len(data), (batch,), device=data.device)].to(self.device).float() / 255
            x = x.contiguous(memory_format=torch.channels_last) if fast else x
            with torch.autocast(self.device.type, torch.bfloat16, enabled=fast):
                found = call(x)
            loss = found["loss"] if isinstance(found, dict) else found
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step == 0 and hasattr(network, "started"):
                network.started()
            if mode == "eager":
                loss.item()
        self._wait()
        return batch * steps / (time.perf_counter() - begun)

    def ours(self, family: str, settings: dict, **training) -> dict:
        """What `train` returns, its checkpoint included."""
        from explorer.progress import Progress
        from explorer.training import scores, train

        if self.quick:
            scores.SCORED = scores.UNTRAINED = scores.MEAN_OF = 64
        if training.get("compile") == "yes":
            torch.compiler.reset()  # as in a process of its own
        self.count += 1
        training = {"images": 64 if self.quick else 8192, "device": self.device.type, **training}
        return train(
            family, "shapes", self.place / f"run-{self.count}", settings=self.sized(family, settings),
            training=training, progress=Progress(0, "steps", quiet=True),
        )  # fmt: skip

    def sized(self, family: str, settings: dict) -> dict:
        """Settings of a network; with --quick a tiny one."""
        from explorer.models import MODELS

        known = MODELS[family].config.__dataclass_fields__
        tiny = {name: value for name, value in TINY.items() if name in known} if self.quick else {}
        return {**tiny, **settings}

    def network(self, family: str, settings: dict, size: int) -> nn.Module:
        from explorer.models import build

        return build(family, self.sized(family, settings), size)

    def timed(self, work: Callable[[], None]) -> float:
        """Seconds of a piece of work, the second time."""
        work()
        self._wait()
        begun = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - begun

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


# -- the table -----------------------------------------------------------------------------------------------------


def table(bench: Bench) -> None:
    quick = bench.quick
    shapes = [(8, 16, 4)] if quick else [(256, 32, 300), (2048, 32, 60), (256, 128, 40)]
    for shape in shapes:
        for mode in PLAIN[:2]:
            plain_row(bench, mode, *shape)
        for quantizer in ("ema", "vq"):
            our_row(bench, quantizer, "no", *shape)
    batch, size, steps = (4, 16, 3) if quick else (256, 32, 100)
    options = {"steps": 4 * steps, "batch_size": batch, "image_size": size, "compile": "no"}
    for name, (family, settings) in FAMILIES.items():
        bare = partial(bench.network, family, settings, size)
        bench.row(
            f"plain bf16, {name}, batch {batch}", 6, lambda bare=bare: bench.plain(bare(), "bf16", batch, size, steps)
        )
        made = partial(bench.ours, family, settings, **options)
        bench.row(f"ours, {name}, batch {batch}", 12, lambda made=made: made()["images_per_second"])
    encoding(bench)
    for shape in shapes if not quick else ():
        plain_row(bench, PLAIN[2], *shape)
        our_row(bench, "ema", "yes", *shape)


def plain_row(bench: Bench, mode: str, batch: int, size: int, steps: int) -> None:
    network = PlainVQVAE(8, 4, 16, 4) if bench.quick else PlainVQVAE()
    needs = 40 if mode == "compiled" else 8
    bench.row(f"plain {mode}, batch {batch}, {size} px", needs, lambda: bench.plain(network, mode, batch, size, steps))


def our_row(bench: Bench, quantizer: str, compiled: str, batch: int, size: int, steps: int) -> None:
    long = (batch, size, bench.quick, quantizer, compiled) == (256, 32, False, "ema", "no")
    training = {"steps": 5000 if long else 4 * steps, "batch_size": batch, "image_size": size, "compile": compiled}
    words = f"{quantizer}{', compiled' if compiled == 'yes' else ''}"
    needs = 50 if compiled == "yes" else 15
    bench.row(f"ours {words}, batch {batch}, {size} px", needs, lambda: scored(bench, quantizer, training))


def scored(bench: Bench, quantizer: str, training: dict) -> float:
    """Images per second of a training; of a long one also what its scores took."""
    from explorer.training.loop import _Run

    finish, spent = _Run.finish, []

    def timed(run):
        begun = time.perf_counter()
        found = finish(run)
        spent.append(time.perf_counter() - begun)
        return found

    _Run.finish = timed
    try:
        found = bench.ours("vqvae", {"quantizer": quantizer}, **training)
    finally:
        _Run.finish = finish
    steps = training["steps"] * training["batch_size"] / found["images_per_second"]
    if training["steps"] >= 5000:
        share = spent[0] / steps
        bench.checks["scores at the end"] = f"{spent[0]:.2f} s beside {steps:.1f} s of steps, {share:.0%}" + (
            "" if share <= 0.1 else " (the goal is 10 %)"
        )
    for note in found["notes"]:
        bench.checks[f"note of {quantizer}, {training['batch_size']}, {training['image_size']} px"] = note
    return found["images_per_second"]


def encoding(bench: Bench) -> None:
    """The columns of an Encoding, brought to the host but not stored, beside the bare forward pass in bf16."""
    batch, size, count = (16, 16, 64) if bench.quick else (1024, 32, 32768)
    model = bench.network("vqvae", {}, size).to(bench.device, memory_format=torch.channels_last).eval()
    pixels = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8).numpy()

    @torch.inference_mode()
    def bare() -> float:
        x = torch.from_numpy(pixels).to(bench.device).permute(0, 3, 1, 2)

        def once() -> None:
            for part in x.split(batch):
                with torch.autocast(bench.device.type, torch.bfloat16):
                    model.encoder(part.float() / 127.5 - 1)

        return count / bench.timed(once)

    @torch.inference_mode()
    def ours() -> float:
        from explorer.encodings.columns import Batch, Columns, Settings

        images = Pixels(pixels)
        columns = Columns(model, images, Settings(batch=batch, errors=0), bench.device)
        columns.use(dict(model.codebooks), {})
        spans = [(start, min(start + batch, count)) for start in range(0, count, batch)]
        batches = [
            Batch(0, start, stop, stop == count, columns.positions(start, stop - start)) for start, stop in spans
        ]

        def once() -> None:
            on_the_way = [columns.sent(columns.compute(pixels[one.rows], one)) for one in batches]
            for found in on_the_way:
                columns.landed(*found)

        with exact():
            return count / bench.timed(once)

    from explorer.precision import exact

    bench.row("bare forward of the encoder, bf16", 5, bare)
    bench.row("encoding in float32, copied to the host, not stored", 5, ours)


class Pixels:
    """A set of images in memory without concepts."""

    def __init__(self, pixels) -> None:
        import pandas

        self.pixels, self.concepts = pixels, pandas.DataFrame(index=range(len(pixels)))

    def __len__(self) -> int:
        return len(self.pixels)


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def check_installed() -> None:
    """Ends with a sentence where something is missing without which no row of ours would come about."""
    missing = [package for name, package in NEEDED.items() if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(f"this benchmark needs what is not installed here: pip install {' '.join(missing)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes: only whether everything runs")
    parser.add_argument("--seconds", type=float, default=290.0, help="rows that would take longer are left out")
    parser.add_argument("--only", default="", help="rows and checks whose names hold this (a regular expression)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    check_installed()
    here = machine()
    with tempfile.TemporaryDirectory() as place:
        os.environ["EXPLORER_CACHE"] = str(Path(place) / "cache")
        bench = Bench(arguments.quick, arguments.seconds, Path(place), arguments.only)
        checks(bench)
        table(bench)
    card = torch.cuda.get_device_name() if bench.device.type == "cuda" else "no GPU here: rates are of the CPU"
    result = {"machine": here, "device": card, "torch": torch.__version__, "rows": bench.rows, "checks": bench.checks}
    lines = [f"{card}, torch {torch.__version__}", *map(worded, bench.rows)]
    lines += [f"{name}: {said}" for name, said in bench.checks.items()]
    report(result, lines, arguments.json)


def worded(row: dict) -> str:
    rate = row["images_per_second"]
    return f"{row['row']:<58}{row['why'] if rate is None else f'{rate:>12,.0f} images/s'}"


if __name__ == "__main__":
    main()
