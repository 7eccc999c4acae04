"""Several processes that train one network: their weights and rate against one process, and what a kill leaves.

    python tests/benchmarks/ranks.py [--steps 40] [--batch 64] [--processes 2] [--json]

Four trainings of a VQ-VAE of default size on generated pictures of 32 × 32 pixels, on the CPU, from the command line:
one process with all cores; the same under torchrun with as many threads in all; under torchrun, stopped by SIGTERM
after a third of the steps, resumed, and one process killed (-9) after two thirds; what that leaves, resumed by one
process. Weights are compared after all steps, when rounding has grown for as long. Three minutes of processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import machine, report

RUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node"]
PATIENCE = 600  # seconds


class Training:
    """A command line that trains, in a process group of its own."""

    def __init__(self, place: Path, name: str, asked: argparse.Namespace) -> None:
        self.out, self.asked, self.cores = place / name, asked, len(os.sched_getaffinity(0))
        words = ["train", "vqvae", "--dataset", str(place / "pictures.npy"), "--out", str(self.out), "--device", "cpu"]
        settings = {"batch_size": asked.batch, "image_size": 32, "compile": "no", "precision": "float32"}
        settings["learning_rate"] = 1e-4  # so that rounding grows slowly
        words += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        self.words = ["-m", "explorer", *words, "--steps", str(asked.steps), "--json"]
        self.status = place / f"{name}.json"

    def start(self, processes: int, *, resume: bool = False) -> subprocess.Popen:
        words = [*self.words, *["--resume"] * resume]
        command = [sys.executable, *words] if processes == 1 else [*RUN, str(processes), *words]
        threads = str(max(1, self.cores // processes))
        known = os.environ | {"OMP_NUM_THREADS": threads, "EXPLORER_STATUS": str(self.status)}
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=known, start_new_session=True, **output)

    def whole(self, processes: int, *, resume: bool = False) -> dict:
        """What the command prints after all steps."""
        said, told = (run := self.start(processes, resume=resume)).communicate(timeout=PATIENCE)
        if run.returncode:
            sys.exit(f"a training ended with {run.returncode}:\n{told[-2000:]}")
        return json.loads(said)

    def reach(self, step: int) -> None:
        """Waits until a step is in the log."""
        end = time.monotonic() + PATIENCE
        while self.step() < step:
            if time.monotonic() > end:
                sys.exit(f"step {step} was not reached in {PATIENCE} s")
            time.sleep(0.02)

    def step(self) -> int:
        try:
            return json.loads((self.out / "metrics.jsonl").read_text().splitlines()[-1])["step"]
        except (OSError, ValueError, IndexError):
            return 0

    def weights(self) -> dict[str, np.ndarray]:
        from safetensors.numpy import load_file

        return load_file(self.out / "model.safetensors")


def last_rank(run: subprocess.Popen) -> int:
    """The process id of the last rank under a torchrun."""
    import psutil

    children = psutil.Process(run.pid).children()
    return max((int(one.environ()["RANK"]), one.pid) for one in children if "RANK" in one.environ())[1]


def interrupted(made: Training, processes: int) -> dict:
    """Stopped, resumed, and one of its processes killed; what was said then."""
    run = made.start(processes)
    made.reach(made.asked.steps // 3)
    os.kill(run.pid, signal.SIGTERM)
    run.communicate(timeout=PATIENCE)
    stopped = json.loads(made.status.read_text())
    run = made.start(processes, resume=True)
    made.reach(2 * made.asked.steps // 3)
    os.kill(last_rank(run), signal.SIGKILL)
    _, told = run.communicate(timeout=PATIENCE)
    failed = json.loads(made.status.read_text())
    sentence = next((line for line in told.splitlines() if line.startswith("explorer: ")), "nothing")
    return {"stopped": [stopped["state"], stopped["done"]], "state": failed["state"], "said": sentence,
            "code": run.returncode}  # fmt: skip


def apart(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """The length of the difference of all weights and codes, as a share of their length."""
    found = [(one[name].astype(np.float64), other[name].astype(np.float64)) for name in one]
    difference = sum(float(np.square(a - b).sum()) for a, b in found)
    return (difference / sum(float(np.square(a).sum()) for a, _ in found)) ** 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, default=64, help="images of a step, over all processes")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    here, count = machine(), asked.processes
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["EXPLORER_CACHE"] = str(place / "cache")
        coarse = np.random.default_rng(0).integers(256, size=(1000, 4, 4, 3), dtype=np.uint8)
        np.save(place / "pictures.npy", coarse.repeat(8, 1).repeat(8, 2))
        alone, together, broken = (Training(place, name, asked) for name in ("alone", "together", "broken"))
        one, several = alone.whole(1), together.whole(count)
        kill = interrupted(broken, count)
        rest = broken.whole(1, resume=True)
        differences = [apart(alone.weights(), other.weights()) for other in (together, broken)]
    rates = [round(found["images_per_second"], 1) for found in (one, several)]
    quality = [round(found["metrics"]["psnr"]["mean"], 3) for found in (one, several, rest)]
    result = {"machine": here, "processes": count, "steps": asked.steps, "batch": asked.batch,
              "images_per_second": rates, "psnr": quality, "differences": differences, "kill": kill}  # fmt: skip
    lines = [
        f"{asked.steps} steps of {asked.batch} images; all cores are used in each row",
        f"{'':34}{'images/s':>10}{'PSNR':>9}{'weights apart':>18}",
        f"{'one process':34}{rates[0]:>10}{quality[0]:>9}",
        f"{f'{count} processes':34}{rates[1]:>10}{quality[1]:>9}{differences[0]:>18.1e}",
        f"{'stopped, killed, resumed by one':34}{'':>10}{quality[2]:>9}{differences[1]:>18.1e}",
        f"stopped by SIGTERM: {kill['stopped'][0]} at step {kill['stopped'][1]}",
        f"one of {count} killed: {kill['state']}, exit code {kill['code']}: {kill['said']}",
    ]
    report(result, lines, asked.json)


if __name__ == "__main__":
    main()
