"""Whose turn it is: which processes are there, and one job at a time on each device."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from explorer.errors import BadInput, Cancelled
from explorer.files import cache_folder, read_json, write_json
from explorer.jobs.devices import ALL, called, gpus
from explorer.jobs.locks import hold

RECORD = {"title": str, "target": str, "device": str, "created": float, "queued": float, "pid": int}
RECORD |= {"process_created": float, "process_started": str, "launched": float}
JOB_VARIABLE = "EXPLORER_JOB"  # names the job's folder for the process that `jobs.start` made

children: dict[int, subprocess.Popen] = {}  # started by this process: polled, so that a finished one leaves no zombie


def jobs_folder() -> Path:
    """Where all jobs live; one folder for each."""
    return cache_folder().resolve() / "jobs"


def read_record(folder: Path) -> dict:
    """What was asked for and which process does it; BadInput where no job lives."""
    try:
        record = read_json(folder / "job.json", limit=1 << 20)
    except (OSError, ValueError) as error:
        raise BadInput(f"there is no job in '{folder.name}'") from error
    arguments = record.get("arguments") if isinstance(record, dict) else None
    if not isinstance(arguments, list) or not arguments or not all(isinstance(one, str) for one in arguments):
        raise BadInput(f"there is no job in '{folder.name}'")
    return sound(record, RECORD)


def trains(arguments: Sequence[str]) -> bool:
    """Whether the words of a command line train something: a checkpoint, or a prior over its codes."""
    return arguments[0] == "train" or tuple(arguments[:2]) == ("prior", "train")


def sound(found: dict, kinds: Mapping[str, type]) -> dict:
    """What a file says without the values that are not of their kind, such as a text where a number should be: one
    damaged file leaves the other jobs as they are. Numbers are finite, whole ones not below zero."""
    return {key: value for key, value in found.items() if key not in kinds or is_sound(value, kinds[key])}


def is_sound(value: object, kind: type) -> bool:
    """Whether a value is of a kind: text, a finite number, or a whole one that is not below zero."""
    if kind is str:
        return isinstance(value, str)
    number = isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
    return number and -1e300 < value < 1e300 and (kind is float or 0 <= value < 2**63)


def identity(pid: int) -> dict:
    """A process id with the time of its birth, because ids are used again."""
    found = {"pid": pid, "process_created": 0.0}
    try:
        found["process_created"] = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return found
    started = _started(pid)
    return found if started is None else found | {"process_started": started}


def _started(pid: int) -> str | None:
    """When a process was born since the machine was started, and which start that was: no clock that is set changes
    either, as it does what psutil tells. None where the system does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return None


def alive(record: dict) -> bool:
    """Whether the job's process is there: the same pid, born at the same time, and not a zombie."""
    pid = record.get("pid")
    if not pid:
        return False
    child = children.get(pid)
    if child is not None and child.poll() is not None:
        del children[pid]
    try:
        process = psutil.Process(pid)
        known = record.get("process_started")
        born = abs(process.create_time() - record.get("process_created", 0.0)) < 1.5
        return (born if known is None else known == _started(pid)) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied, OverflowError):
        return False


def process_of(record: dict) -> psutil.Process | None:
    """The job's process, if it is there and runs the words of the job: what a file says alone ends no other."""
    if not alive(record):
        return None
    try:
        process, words = psutil.Process(record["pid"]), record["arguments"]
        return process if process.cmdline()[-len(words) :] == words and process.pid != os.getpid() else None
    except psutil.Error:
        return None


def wait_for_turn() -> None:
    """In the process of a job: waits until its device is free, first come first served.

    Does nothing in a process that `start` did not make. The state is `queued` meanwhile, with the number of jobs
    before this one as `position`. SIGTERM, or a stop request, ends the waiting.

    Raises:
        Cancelled: the job was stopped while it waited.
    """
    named = os.environ.get(JOB_VARIABLE)
    if not named:
        return
    folder = Path(named)
    record = read_record(folder)
    if record.get("pid") != os.getpid():  # the server was killed before it could write this down
        record |= identity(os.getpid())
        write_json(folder / "job.json", record)
    device = record.get("device")
    if not device:
        return
    cancelled = False

    def cancel(*_: object) -> None:
        nonlocal cancelled
        cancelled = True

    previous = signal.signal(signal.SIGTERM, cancel)
    try:
        last = wanted = None
        while True:
            if cancelled or (folder / "stop.json").exists():
                raise Cancelled("stopped while it waited")
            earlier = len(ahead(folder, record))
            if not earlier:
                wanted = (gpus() if device == ALL else [device]) if wanted is None else wanted
                wanted = [name for name in wanted if not hold(f"device-{name}")]  # what is taken is kept for the rest
                if not wanted:
                    return
            position = max(1, earlier)
            if position != last:
                last = position
                message = f"waiting for {called(device)}, {position} before it"
                status = {"state": "queued", "pid": os.getpid(), "message": message, "heartbeat": time.time()}
                write_json(folder / "status.json", status)
            time.sleep(0.3)
    finally:
        signal.signal(signal.SIGTERM, previous)


def ahead(folder: Path, record: dict) -> list[Path]:
    """Folders of the jobs on the same device, or on all of them, that came earlier and whose process is there."""
    if not record.get("device"):
        return []
    own = (record.get("queued", 0), folder.name)
    found = []
    for other in sorted(folder.parent.iterdir()):
        try:
            theirs = read_record(other)
        except BadInput:
            continue
        earlier = (theirs.get("queued", 0), other.name) < own
        if earlier and shares(theirs.get("device"), record["device"]) and alive(theirs):
            found.append(other)
    return found


def shares(one: str | None, other: str) -> bool:
    """Whether two jobs would compute on the same device: `all` is every GPU."""
    return one == other or any(a == ALL and str(b).startswith("cuda") for a, b in ((one, other), (other, one)))
