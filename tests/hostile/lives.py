"""One hostile case after another, each in a life of its own: a fork of a process that has imported everything.

`python -m tests.hostile.lives PLACE` reads lines of JSON, {"write": case | "words": […], "at": folder, …}, and answers
each with a line: how the life ended, what it said, how long it took and how much memory. Its keeper of the fence is
started before it forks, so that all lives share it. A life that takes more than LIMIT or HARD is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

SECONDS, MEMORY = 35.0, 2 * 1024**3  # that a file may take, whatever it is
LIMIT, HARD = 60.0, 3 * 1024**3  # at which a life is killed
LONGEST = 1250  # letters of a line: those of a sentence, and who says it
LOOK = 0.01  # seconds between two looks at the memory
ROOT = Path(__file__).resolve().parents[2]
PROGRESS = re.compile(r"[\d,./]+ \w+  ")  # a line of it
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
MODULES = (
    "explorer.checkpoints",
    "explorer.foreign.recognition",
    "explorer.datasets",
    "explorer.datasets.kinds",
    "explorer.study",
    "explorer.results",
    "explorer.encodings.encoder",
    "explorer.views",
    "explorer.training.loop",
    "explorer.jobs",
    "h5py",
    "lance",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "pyarrow.csv",
    "PIL.Image",
    "pillow_heif",
    "pandas",
    "torch",
    "diffusers",
    "transformers",
    "scipy.stats",
    "sklearn.linear_model",
    "yaml",
)


@dataclass
class Life:
    """How a case ended.

    Attributes:
        code: exit code, minus the signal where one ended it; None where it took too long or too much and was killed.
        peak: bytes of memory at most, of the process and the workers that read for it.
        broken: rules that the audit saw broken: files written elsewhere, addresses asked.
    """

    code: int | None = None
    out: str = ""
    err: str = ""
    seconds: float = 0.0
    peak: int = 0
    broken: list[str] = field(default_factory=list)


def faults(life: Life, ends: Sequence[int], says: str = "", canary: Path | None = None) -> list[str]:
    """What a life did that no file may bring about, a sentence each; empty where all is well."""
    found, said = list(life.broken), f"{life.out}\n{life.err}"
    lines = [line for line in life.err.splitlines() if line.strip() and not PROGRESS.match(line)]
    if life.code is None:
        found.append(f"was killed after {life.seconds:.0f} s with {life.peak / 1e6:,.0f} MB")
    elif life.code not in ends:
        last = lines[-1][:300] if lines else "without a word"
        found.append(f"exit {life.code} in place of {' or '.join(map(str, ends))}: {last}")
    if "Traceback" in life.err and "\nTraceback" in f"\n{life.err}":
        found.append("a stack trace")
    if life.code == 2 and len(lines) != 1:
        found.append(f"{len(lines)} lines in place of one sentence: {lines[0][:200] if lines else ''}")
    if any(len(line) > LONGEST for line in lines):
        found.append(f"a line of {max(map(len, lines)):,} letters")
    if (control := CONTROL.search(said)) is not None:
        found.append(f"a control character, {control[0]!r}")
    if life.seconds > SECONDS and life.code is not None:
        found.append(f"{life.seconds:.0f} s")
    if life.peak > MEMORY:
        found.append(f"{life.peak / 1e6:,.0f} MB of memory")
    if says and says not in said:
        found.append(f"does not say {says!r}: {said.strip()[-200:]}")
    if canary is not None and canary.exists():
        found.append("what the file asked for was executed")
    return found


class Lives:
    """The other end: a process that forks a life for each question."""

    def __init__(self, place: Path) -> None:
        self.place, self.count = place, 0
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "TMPDIR": str(place),
            "COLUMNS": "200",
        }
        environment |= {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore::DeprecationWarning"}
        environment.pop("EXPLORER_STATUS", None)
        command = [sys.executable, "-m", "tests.hostile.lives", str(place)]
        self.log = (place / "lives.log").open("w")
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def ask(self, **question: Any) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"no lives any more: {(self.place / 'lives.log').read_text()[-2000:]}")
        return json.loads(line)

    def folder(self) -> Path:
        """A new folder for a case."""
        self.count += 1
        at = self.place / f"{self.count}"
        at.mkdir()
        return at

    def live(self, words: Sequence[str], at: Path, environment: dict[str, str]) -> Life:
        """Runs a command in a life of its own, with a cache below `at`."""
        return Life(**self.ask(words=list(words), at=str(at), environment=environment))

    def write(self, case: str, at: Path, canary: Path) -> None:
        """Has a case written by a life of its own, since some are large."""
        made = Life(**self.ask(write=case, at=str(at), canary=str(canary), environment={}))
        if made.code != 0:
            raise RuntimeError(f"{case} could not be written: {made.err[-1500:]}")

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


@contextlib.contextmanager
def lives() -> Iterator[Lives]:
    """A server of lives until the end of the block; its folder is in memory where the system has /dev/shm."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    place = Path(tempfile.mkdtemp(dir=memory))
    served = Lives(place)
    try:
        yield served
    finally:
        served.close()
        remove(place)


def remove(folder: Path) -> None:
    """Deletes a folder, however deep: Python's own way goes no deeper than its calls."""
    subprocess.run(["rm", "-rf", "--", str(folder)], check=True)


def serve(place: Path) -> None:
    """Answers question after question until nobody asks any more."""
    prepare()
    questions, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in questions:
        question = json.loads(line)
        answers.write(json.dumps(vars(_live(question))) + "\n")
        answers.flush()


def prepare() -> None:
    """Imports what a life needs, and starts the keeper."""
    import importlib

    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    import torch

    import explorer.commands  # noqa: F401
    import tests.hostile.cases  # noqa: F401
    from explorer import errors, fence

    torch.set_num_threads(1)
    fence.ask(errors.one_line, "x")


def _live(question: dict[str, Any]) -> Life:
    at, life = Path(question["at"]), Life()
    place = Path(tempfile.mkdtemp(dir=at.parent))
    began, child = time.monotonic(), os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            code = _child(question, at, place)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    killed = False
    while True:
        gone, how, used = os.wait4(child, os.WNOHANG)
        life.seconds = time.monotonic() - began
        if gone:
            life.code = None if killed else os.waitstatus_to_exitcode(how)
            life.peak = max(life.peak, used.ru_maxrss * 1024)
            break
        life.peak = max(life.peak, _memory(child))
        if not killed and (life.peak > HARD or life.seconds > LIMIT):
            killed = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        time.sleep(LOOK)
    with contextlib.suppress(ProcessLookupError):  # whatever it started
        os.killpg(child, signal.SIGKILL)
    for name in ("out", "err", "broken"):
        text = (place / name).read_text(errors="replace") if (place / name).exists() else ""
        setattr(life, name, list(dict.fromkeys(text.splitlines()))[:5] if name == "broken" else text[-200_000:])
        (place / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        place.rmdir()
    return life


def _memory(child: int) -> int:
    """Bytes of a life, and of the workers of the keeper, which work for nobody else now."""
    total = 0
    with contextlib.suppress(psutil.Error):
        total = psutil.Process(child).memory_info().rss
    with contextlib.suppress(psutil.Error):
        for one in psutil.Process().children():
            if one.pid != child:  # the keeper; what it has imported is counted with the life
                own = one.memory_info()
                for worker in one.children():
                    with contextlib.suppress(psutil.Error):
                        info = worker.memory_info()
                        total += max(0, info.rss - info.shared - own.rss + own.shared)
    return total


def _child(question: dict[str, Any], at: Path, place: Path) -> int:
    import resource

    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    here = {name: value.format(at=at) for name, value in question["environment"].items()}
    os.environ |= {
        "EXPLORER_CACHE": str(at / "cache"),
        "EXPLORER_CHECKPOINTS": str(at / "checkpoints"),
        "TMPDIR": str(at),
    }
    os.environ |= {"HOME": str(at / "home")} | here
    tempfile.tempdir = str(at)
    if "write" in question:
        return _write(question["write"], at, Path(question["canary"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(_watch(at, os.open(place / "broken", os.O_WRONLY | os.O_CREAT | os.O_APPEND)))
    if question["words"] == ["jobs"]:
        from explorer import jobs

        print(sum(job.id in ("1-sound", "3-sound") for job in jobs.all_jobs()), "sound")
        return 0
    from explorer.commands import run

    return run(question["words"])


def _write(case: str, at: Path, canary: Path) -> int:
    from tests.hostile.cases import CASES

    next(one for one in CASES if one.id == case).write(at, canary)
    return 0


def _watch(at: Path, told: int):
    """An audit hook that tells of files written outside the case's folder, and of addresses that are asked."""
    good = (str(at), "/dev/", "/proc/self")

    def hook(event: str, arguments: tuple) -> None:
        wrong = ""
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, (str, bytes)) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                name = os.path.abspath(os.fsdecode(path))
                wrong = (
                    "" if name.startswith(good) or name.endswith(".pyc") or "__pycache__" in name else f"wrote {name}"
                )
        elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
            wrong = f"asked {arguments[1][0]}"
        elif event == "socket.getaddrinfo":
            wrong = f"asked for {arguments[0]}"
        elif event in ("os.system", "os.exec", "os.posix_spawn"):
            wrong = f"ran {str(arguments)[:200]}"
        if wrong:
            os.write(told, wrong.encode(errors="replace") + b"\n")

    return hook


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
