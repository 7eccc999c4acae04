"""Training that is killed with SIGKILL at random moments: does every run resume, and to the same weights to the bit?

    python tests/benchmarks/kills.py [--count 200] [--priors 20] [--minutes 20] [--seed 0] [--json]

A tiny network learns `digits` through the command line, which saves at every line of its log. Each life is a fork of a
process that has imported everything, so that it costs no start-up. Half of the kills come at a random moment of the
life; a quarter when a file is half written; a quarter while the network is scored or its folder is finished.
After each kill every file of the folder is read whole: JSON, weights, all complete lines of the log, pictures. A run
that comes to its end is compared with one that nobody disturbed, and another run begins. Priors are killed as well.
About 10 minutes on one core that has nothing else to do. Everything lies in a temporary folder, in memory where the
system has /dev/shm: what is killed is a process, not a machine, so that a slow disk would add nothing but time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TINY = "hidden=8 residual_blocks=1 residual_channels=4 codes=8 dim=4 image_size=16 images=400 batch_size=16 device=cpu"
SMALL = "width=8 blocks=1 heads=1 dim=4 batch_size=16 device=cpu"
WAYS = ("at random", "at random", "half-written file", "end")
WRITES = 60  # files of a life, about
ENDING = ("scoring", "judging", "drawing", "finish")  # messages of what comes after the last step


@dataclass
class Found:
    """What became of the kills.

    Attributes:
        moments: kills by what the run was doing. ended: lives that came to their end by themselves.
        resumed: lives that went on from a save; begun: those that began, because nothing was saved before.
        faults: whatever should not be, a sentence each. differing: finished runs with other weights.
    """

    kills: int = 0
    ended: int = 0
    resumed: int = 0
    begun: int = 0
    half_written: int = 0
    moments: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    differing: int = 0
    seconds: float = 0.0


def train(folder: Path, more: str = "", steps: int = 20) -> list[str]:
    """Words of the command line that train the tiny network; `--resume` where something is there."""
    sets = [word for pair in f"{TINY} {more}".split() for word in ("--set", pair)]
    words = ["train", "vqvae", "--dataset", "digits", "--out", str(folder), "--steps", str(steps), *sets]
    return words + ["--resume"] * (folder / "config.json").exists()


def train_prior(folder: Path, checkpoint: Path, steps: int = 20) -> list[str]:
    """The same of a prior over the codes of a checkpoint."""
    sets = [word for pair in SMALL.split() for word in ("--set", pair)]
    words = ["prior", "train", str(checkpoint), "--dataset", "digits", "--out", str(folder), "--steps", str(steps)]
    return [*words, *sets] + ["--resume"] * (folder / "config.json").exists()


def prepare(place: Path, *, priors: bool) -> None:
    """Makes every line of the log a save, and trains for two steps, so that all is imported that a life needs."""
    import torch

    from explorer.commands import run
    from explorer.training import loop, scores

    torch.set_num_threads(1)
    loop.SAVED = 0.0
    scores.SCORED = scores.UNTRAINED = 48
    words = [train(place / "warm", steps=2)] + [train_prior(place / "warm-prior", place / "warm", steps=2)] * priors
    kept, nowhere = [os.dup(1), os.dup(2)], os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1), os.dup2(nowhere, 2)
    codes = [run(one) for one in words]
    os.dup2(kept[0], 1), os.dup2(kept[1], 2)
    if any(codes):
        raise SystemExit("the first training failed")


def live(words: list[str], status: Path, kill: Kill | None, patience: float = 300.0) -> int | None:
    """Runs a command in a fork; None where it was killed, else its exit code."""
    status.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            quiet = os.open(status.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(quiet, 1), os.dup2(quiet, 2)
            os.environ["EXPLORER_STATUS"] = str(status)
            if kill is not None and kill.write:
                end_while_writing(kill.write)
            from explorer.commands import run

            code = run(words)
        finally:
            os._exit(code)
    end = time.monotonic() + patience
    while True:
        gone, how = os.waitpid(child, os.WNOHANG)
        if gone:
            code = os.waitstatus_to_exitcode(how)
            return None if code == -signal.SIGKILL else code
        if (kill is not None and kill.now(status)) or time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.003)


def said(status: Path) -> dict:
    """What the status file says; it is replaced whole, so it can always be read."""
    return json.loads(status.read_text()) if status.exists() else {}


class Kill:
    """When a life ends.

    Attributes:
        write: the file whose writing ends it, of those that a life writes; 0 for none.
    """

    def __init__(self, way: str, chance: random.Random, life: float, writes: int) -> None:
        self.way, self.start, self.wait = way, time.monotonic(), chance.uniform(0.0, life)
        self.write = chance.randint(1, writes) if way == "half-written file" else 0
        if way == "end":
            self.wait /= 8

    def now(self, status: Path) -> bool:
        """Whether the moment has come, asked again and again."""
        if self.write:
            return False
        if self.way == "end" and not said(status).get("message", "").startswith(ENDING):
            self.start = time.monotonic()
            return False
        return time.monotonic() - self.start > self.wait


def end_while_writing(number: int) -> None:
    """From now on, this process is killed when half of its n-th file is written."""
    replace, count = os.replace, 0

    def half(source, target) -> None:
        nonlocal count
        count += 1
        if count == number:
            os.truncate(source, os.path.getsize(source) // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = half


def left(folder: Path) -> list[str]:
    """Names of temporary files, which a writer makes and renames."""
    from explorer.files import LEFT

    try:
        return [name for name in os.listdir(folder) if LEFT.fullmatch(name)]
    except FileNotFoundError:
        return []


def unreadable(folder: Path) -> list[str]:
    """What in a folder cannot be read, but for temporary files and a last line of the log that was cut."""
    from safetensors.torch import load_file

    def log(path: Path) -> None:
        *whole, _ = path.read_text().split("\n")
        for line in whole:
            json.loads(line)

    def picture(path: Path) -> None:
        from PIL import Image

        Image.open(path).load()

    readers = {".json": lambda path: json.loads(path.read_text()), ".jsonl": log, ".png": picture}
    readers |= {".safetensors": load_file}
    faults = []
    for path in folder.rglob("*"):
        if path.suffix in readers and path.is_file() and not path.name.startswith("."):
            try:
                readers[path.suffix](path)
            except Exception as error:  # whatever a reader raises is what we look for
                faults.append(f"{path.name} cannot be read: {error}")
    return faults


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def state(folder: Path) -> str:
    """What `config.json` says; empty where there is none."""
    path = folder / "config.json"
    return json.loads(path.read_text())["state"] if path.exists() else ""


def torment(words: Callable[[Path], list[str]], place: Path, count: int, seed: int, minutes: float) -> Found:
    """Kills runs `count` times, or until the time is over, and compares those that end with one that is left alone."""
    found, chance, status = Found(), random.Random(seed), place / "status.json"
    began = time.monotonic()
    if live(words(place / "whole"), status, None) != 0:
        raise SystemExit(f"the undisturbed run failed: {status.with_suffix('.log').read_text()}")
    life, wanted = time.monotonic() - began, weights(place / "whole")
    began, number = time.monotonic(), 0
    folder = place / "run-0"
    while True:
        over = time.monotonic() - began > 60 * minutes
        last = found.kills >= count or over  # this one is left alone
        again = words(folder)
        going = "--resume" in again
        found.resumed, found.begun = found.resumed + going, found.begun + (not going)
        kill = None if last else Kill(WAYS[found.kills % len(WAYS)], chance, life, WRITES)
        code = live(again, status, kill)
        if code is None:
            found.kills += 1
            moment = said(status).get("message", "") or "starting"
            found.moments[moment] += 1
            found.half_written += kill is not None and kill.write > 0
        elif code != 0 and state(folder) != "done":
            log = status.with_suffix(".log").read_text().strip().splitlines()
            found.faults.append(f"exit {code} after {found.kills} kills: {log[-1] if log else 'without a word'}")
            break
        found.faults += unreadable(folder)
        if state(folder) == "done":
            found.ended += 1
            found.differing += weights(folder) != wanted
            live(words(folder), status, None)  # says that it is finished, and removes what a kill left
            extra = {path.name for path in folder.iterdir()} - {path.name for path in (place / "whole").iterdir()}
            found.faults += [f"{name} was left behind" for name in sorted(extra - set(left(folder)))]
            number += 1
            folder = place / f"run-{number}"
        if last and code is not None:
            break
    found.seconds = time.monotonic() - began
    return found


def told(what: str, found: Found) -> list[str]:
    good = not found.faults and not found.differing
    lines = [
        f"{what}: {found.kills} kills in {found.seconds:.0f} s, {found.half_written} of them with a half-written file; "
        f"{found.resumed} lives resumed, {found.begun} began; {found.ended} runs ended, "
        f"{found.ended - found.differing} with the weights of the undisturbed one: {'good' if good else 'NOT GOOD'}"
    ]
    lines += [f"  killed while {moment}: {count}" for moment, count in found.moments.most_common()]
    return lines + [f"  {fault}" for fault in found.faults[:20]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--priors", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=20.0, help="of each of both, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    from timing import machine, report

    here = machine()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        place = Path(name)
        os.environ |= {"EXPLORER_CACHE": str(place / "cache"), "EXPLORER_CHECKPOINTS": str(place / "checkpoints")}
        prepare(place, priors=arguments.priors > 0)
        found = {"autoencoder": torment(train, place, arguments.count, arguments.seed, arguments.minutes)}
        if arguments.priors:
            other = place / "priors"
            other.mkdir()
            over = place / "warm"
            words = (lambda out: train_prior(out, over)), other, arguments.priors
            found["prior"] = torment(*words, arguments.seed, arguments.minutes)
    lines = [line for what, one in found.items() for line in told(what, one)]
    with contextlib.suppress(BrokenPipeError):
        report({"machine": here} | {what: vars(one) for what, one in found.items()}, lines, arguments.json)
    return int(any(one.faults or one.differing for one in found.values()))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
