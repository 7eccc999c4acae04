"""Long work as processes of their own: start, watch, queue, stop, resume and delete `python -m explorer …`.

A job is a folder under `cache_folder()/jobs` with three small files: `job.json` (what was asked for, and which process
does it), `status.json` (what the process says, see `progress`), `log.txt` (everything it printed). Nothing about a job
lives in the memory of the app, so a job survives a reload, another tab, and a killed and restarted server. The state
is derived each time from the files and from whether the process is still there.

One job at a time uses a device: the process itself waits for its turn, see `turns`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from explorer.errors import BadInput, explained, one_line, printable
from explorer.files import cache_folder, checkpoint_folder, write_json
from explorer.jobs import outcomes
from explorer.jobs.devices import devices
from explorer.jobs.locks import exclusive, hold
from explorer.jobs.turns import (
    JOB_VARIABLE,
    ahead,
    alive,
    children,
    identity,
    jobs_folder,
    process_of,
    read_record,
    trains,
    wait_for_turn,
)
from explorer.progress import STATUS_VARIABLE

__all__ = [
    "Job",
    "all_jobs",
    "delete",
    "devices",
    "find",
    "hold",
    "jobs_folder",
    "read",
    "resume",
    "start",
    "stop",
    "trains",
    "wait",
    "wait_for_turn",
]

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "explorer")
ACTIVE = ("queued", "running")
STATUS_KEYS = {"state", "pid", "done", "total", "unit", "message", "started", "heartbeat"}


@dataclass(frozen=True)
class Job:
    """One job as it is at the moment of reading.

    Attributes:
        folder: of the job's own files.
        target: what it writes (a checkpoint folder, an encoding, a map), or None.
        state: `queued`, `running`, `done`, `stopped`, `failed`, or `killed` (it said running, but the process is gone).
        device: what it occupies while it runs; None if it does not queue.
        done, total: in `unit`; total is 0 if not known.
        figures: whatever else the work reports, such as `images_per_second`.
        created, started, heartbeat: seconds since the epoch; None before the work began.
        position: for a queued job, how many are before it on its device.
        seconds_left: an estimate from the pace so far, or None.
        log_tail: the last 15 lines that it printed.
        advice: what to try, for a job that failed or was killed.
    """

    folder: Path
    title: str
    state: str
    arguments: tuple[str, ...]
    created: float
    device: str | None = None
    target: Path | None = None
    pid: int | None = None
    done: int = 0
    total: int = 0
    unit: str = ""
    message: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    started: float | None = None
    heartbeat: float | None = None
    position: int = 0
    seconds_left: float | None = None
    log_tail: str = ""
    advice: str = ""

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def stopping(self) -> bool:
        return self.active and (self.folder / "stop.json").exists()


# ---------------------------------------------------------------------------------------------------------- start, stop


def start(arguments: list[str], target: Path | None = None, *, title: str, device: str | None = None) -> Job:
    """Runs `python -m explorer *arguments` as a process of its own and returns at once.

    Args:
        target: the path that the job writes. Two jobs never write one target at the same time.
        device: `cpu`, `mps`, `cuda:0` …: the job waits until all earlier jobs of that device have ended.

    Raises:
        BadInput: another job is writing `target`, or the disk is full or not writable.
    """
    target = Path(target).absolute() if target is not None else None
    with explained("start the job"), exclusive(jobs_folder()):
        for other in all_jobs():
            if target is not None and other.active and other.target == target:
                raise BadInput(f"'{target.name}' is being written by '{other.title}'; stop it or choose another name")
        now = _later()
        folder = jobs_folder() / f"{int(now * 1000):013d}-{secrets.token_hex(2)}"
        folder.mkdir(parents=True)
        record = {
            "title": title,
            "arguments": [str(argument) for argument in arguments],
            "target": str(target) if target is not None else None,
            "device": device,
            "created": now,
            "queued": now,
        }
        _launch(folder, record)
    return read(folder)


def stop(job: Job, *, kill: bool = False) -> None:
    """Asks the job to save and end; with `kill` ends it and its children at once, without saving.

    A queued job leaves the queue. The request goes to the process that `start` made and not to its children, because
    a data loader or compiler that ends early would make the saving fail. A process that does not run the job's words
    is never signalled, whatever the job's file says.
    """
    with explained("stop the job"):
        if not read(job.folder).active and not alive(read_record(job.folder)):
            return
        write_json(job.folder / "stop.json", {"time": time.time(), "kill": kill})
    process = process_of(read_record(job.folder))
    if process is None:
        return
    try:
        if kill and hasattr(os, "killpg") and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    except (ProcessLookupError, psutil.NoSuchProcess):
        pass  # it ended by itself in between


def resume(job: Job) -> Job:
    """Starts a stopped, failed or killed job again; a training goes on from the last state that it saved.

    Raises:
        BadInput: the job is active or done.
    """
    with explained("resume the job"), exclusive(jobs_folder()):
        job = read(job.folder)
        if job.active or job.state == "done":
            raise BadInput(f"'{job.title}' is {job.state}; only a stopped, failed or killed job can be resumed")
        if not wait(job, 10):
            raise BadInput(f"'{job.title}' is still ending; try again in a moment")
        for other in all_jobs():
            if job.target is not None and other.active and other.target == job.target:
                raise BadInput(f"'{job.target.name}' is being written by '{other.title}'; stop it first")
        record = read_record(job.folder)
        arguments = record["arguments"]
        if trains(arguments):
            begun = job.target is None or (job.target / "config.json").exists()  # else it ended before the first save
            record["arguments"] = [a for a in arguments if a != "--resume"] + ["--resume"] * begun
        record["queued"] = _later()
        for name in ("stop.json", "status.json"):
            (job.folder / name).unlink(missing_ok=True)
        _launch(job.folder, record)
    return read(job.folder)


def delete(job: Job, *, with_target: bool = False, grace: float = 10.0) -> None:
    """Stops the job if it is active and forgets it; with `with_target` also removes what it wrote.

    Only folders inside the folder of jobs, the cache folder and the folder of checkpoints are removed; a link is
    never followed out of them.

    Args:
        grace: seconds that an active job gets for saving before it is killed.

    Raises:
        BadInput: the folder is somewhere else.
    """
    roots = [cache_folder(), checkpoint_folder()]
    doomed = [_inside(job.folder, [jobs_folder()])]
    if with_target and job.target is not None and os.path.lexists(job.target):
        doomed.insert(0, _inside(job.target, roots))
    stop(job)
    if not wait(job, grace):
        stop(job, kill=True)
        wait(job, 10)
    with explained("delete the job"):
        for path in doomed:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def wait(job: Job, seconds: float) -> bool:
    """Waits until the process of the job has ended; False if it has not after `seconds`."""
    end = time.monotonic() + seconds
    while alive(read_record(job.folder)):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


# ----------------------------------------------------------------------------------------------------------------- read


def all_jobs() -> list[Job]:
    """All jobs in the order of their creation; a folder that is no job is left out."""
    if not jobs_folder().is_dir():
        return []
    found = []
    for folder in sorted(jobs_folder().iterdir()):
        try:
            found.append(read(folder))
        except BadInput:
            continue  # another program's folder, or a job deleted a moment ago
    found.sort(key=lambda job: (job.created, job.id))
    return found


def find(target: Path) -> Job | None:
    """The latest job that writes `target`, or None."""
    target = Path(target).absolute()
    return next((job for job in reversed(all_jobs()) if job.target == target), None)


def read(folder: Path) -> Job:
    """The job of a folder as it is now.

    Raises:
        BadInput: no job lives there.
    """
    folder = Path(folder)
    record = read_record(folder)
    status = outcomes.said(folder)
    log = outcomes.tail(folder / "log.txt")
    state = outcomes.state(folder, record, status, alive(record), log)
    message = status.get("message") or ""
    if state in ACTIVE and not status:
        message = "starting"
    target = record.get("target")
    return Job(
        folder=folder,
        title=one_line(record.get("title") or folder.name),
        state=state,
        arguments=tuple(record["arguments"]),
        created=float(record.get("created") or 0.0),
        device=record.get("device"),
        target=Path(target) if target else None,
        pid=record.get("pid"),
        done=status.get("done") or 0,
        total=status.get("total") or 0,
        unit=status.get("unit") or "",
        message=message,
        figures={key: value for key, value in status.items() if key not in STATUS_KEYS},
        started=status.get("started"),
        heartbeat=status.get("heartbeat"),
        position=len(ahead(folder, record)) if state == "queued" else 0,
        seconds_left=outcomes.seconds_left(status) if state == "running" else None,
        log_tail="\n".join(log.splitlines()[-15:]),
        advice=outcomes.advice(state, f"{message}\n{log}") if state in ("failed", "killed") else "",
    )


# -------------------------------------------------------------------------------------------------- processes, files


def _later() -> float:
    """Now, and after all jobs that there are: their order stays that of the asking where the clock was set back."""
    times = [time.time()]
    for folder in jobs_folder().iterdir() if jobs_folder().is_dir() else ():
        with suppress(BadInput):
            record = read_record(folder)
            times += [record.get("created", 0.0) + 0.001, record.get("queued", 0.0) + 0.001]
    return max(times)


def _launch(folder: Path, record: dict) -> None:
    for name in ("pid", "process_created", "process_started"):
        record.pop(name, None)
    record["launched"] = time.time()
    write_json(folder / "job.json", record)
    environment = os.environ | {
        JOB_VARIABLE: str(folder),
        STATUS_VARIABLE: str(folder / "status.json"),
        "EXPLORER_CACHE": str(cache_folder().resolve()),
        "PYTHONUNBUFFERED": "1",
    }
    for name in ("EXPLORER_CHECKPOINTS", "EXPLORER_ENCODINGS", "EXPLORER_NOTEBOOK"):
        if (place := os.environ.get(name)) and "://" not in place:
            environment[name] = str(Path(place).resolve())
    with (folder / "log.txt").open("ab") as log:
        log.write(f"$ explorer {printable(' '.join(record['arguments']))}\n".encode())
        log.flush()
        child = subprocess.Popen(
            [*COMMAND, *record["arguments"]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment,
            start_new_session=True,  # Windows: no sessions; the child lives on there because nothing kills it
        )
    children[child.pid] = child
    write_json(folder / "job.json", record | identity(child.pid))


def _inside(path: Path, roots: list[Path]) -> Path:
    """The resolved path if it lies strictly inside one of `roots` and is no link itself."""
    real = Path(path).resolve()
    allowed = [root.resolve() for root in roots]
    if Path(path).is_symlink() or not any(root in real.parents for root in allowed):
        raise BadInput(f"'{path}' is not inside the folders of jobs and checkpoints, so it is not deleted")
    return real
