"""The keeper of the fence: forks a worker for each question, watches how much memory it takes, and ends it in time.

Run by `fence` as `python -m explorer.fence.keeper FD`, with one line to whoever asks. It has one thread, so that it may
fork. Before it forks, it imports the module of the function that is asked for, and what that module calls `NEEDED`:
libraries that are imported where they are used, which no worker should have to import anew.
"""

from __future__ import annotations

import importlib
import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from explorer import fence
from explorer.errors import BadInput, Cancelled, Unanswered, one_line
from explorer.fence import landlock
from explorer.fence.words import NAME

LOOK = 0.02  # seconds between two looks at the memory of workers
HARD = 2  # times the memory that is allowed, the system refuses more by itself
SMALL = 100 * 1024**2  # bytes that a worker may use in any crowd
SYSTEM = ("/usr", "/lib", "/lib64", "/etc", "/dev", "/sys/devices/system/cpu", "/proc/meminfo", "/proc/cpuinfo")
OFTEN = 0.1  # seconds between two words of progress


def _share() -> int:
    """Half of the memory that this machine has, or that its administrator allows this process."""
    least = psutil.virtual_memory().total
    with suppress(OSError, ValueError):
        group = Path("/proc/self/cgroup").read_text().splitlines()[-1].partition("::")[2].strip("/")
        for folder in (place := Path("/sys/fs/cgroup") / group, *place.parents):
            with suppress(OSError, ValueError):  # not there, or "max"
                least = min(least, int((folder / "memory.max").read_text()))
    return least // 2


TOGETHER = max(2 * fence.MEMORY, _share())  # bytes that all workers may use beyond what is imported


class Told:
    """The progress of a worker: what is said goes to the asker, not too often."""

    cancelled = held = False

    def __init__(self, link: Connection) -> None:
        self.link, self.lock = link, threading.Lock()
        self.last: dict[str, float] = {}  # when each word was said

    def update(self, done: int, message: str = "", *, force: bool = False, **_: Any) -> None:
        """As `Progress.update`; being cancelled is up to the asker, who ends the worker."""
        self.say("told", (int(done), str(message)[:1000]), force)

    def say(self, word: str, found: Any = None, force: bool = False) -> None:
        """A word to the asker, from whichever thread."""
        now = time.monotonic()
        with self.lock:
            if force or now - self.last.get(word, float("-inf")) >= OFTEN:
                self.last[word] = now
                self.link.send_bytes(pickle.dumps((word, found)))


class Worker:
    """A worker as its keeper sees it: the number of its process, its end's line, and its memory."""

    def __init__(self, number: int, fate: socket.socket, memory: int) -> None:
        self.number, self.fate = number, fate
        self.memory, self.before = memory, _used(number)  # bytes that it may use beyond those that it began with
        self.takes = 0  # of them
        self.reason = ""
        self.ends: float | None = None  # when it is killed, unless it is gone by then


def keep(control: socket.socket) -> None:
    """Forks for every question on a line, until all who hold its other end are gone."""
    workers: dict[int, Worker] = {}
    while True:
        wanted = [control, *(worker.fate for worker in workers.values() if worker.ends is None)]
        ready, _, _ = select.select(wanted, [], [], LOOK if workers else None)
        for worker in workers.values():
            if worker.ends is not None:
                if time.monotonic() > worker.ends:
                    _end(worker, "hung up", signal.SIGKILL)
            elif worker.fate in ready:  # nothing is ever said there but that the asker hung up
                worker.ends = time.monotonic() + fence.GRACE
                _end(worker, "hung up", signal.SIGTERM)
            else:
                worker.takes = _used(worker.number) - worker.before
                if worker.takes > worker.memory:
                    _end(worker, "memory", signal.SIGKILL)
        reading = [worker for worker in workers.values() if not worker.reason]
        if sum(worker.takes for worker in reading) > TOGETHER:
            large = [worker for worker in reading if worker.takes > SMALL]
            if len(large) > 1:  # who came last has to wait
                _end(large[-1], "crowd", signal.SIGKILL)
        _bury(workers)
        if control in ready and not _begin(control, workers):
            for worker in workers.values():
                _end(worker, "hung up", signal.SIGKILL)
            return


def _begin(control: socket.socket, workers: dict[int, Worker]) -> bool:
    """Answers a question by a worker of its own; False where nobody asks any more."""
    wanted, lines, _, _ = socket.recv_fds(control, NAME, 3)
    if not wanted:
        return False
    link, fate, asking = lines
    module, function, memory = wanted.decode().strip().split(":")
    with suppress(Exception):  # it is told by the worker, which tries again
        for needed in getattr(importlib.import_module(module), "NEEDED", ()):
            importlib.import_module(needed)
    number = os.fork()
    if number == 0:
        code = 1
        try:
            control.close()
            for worker in workers.values():
                worker.fate.close()
            os.close(fate)
            _work(Connection(link), socket.socket(fileno=asking), module, function, int(memory))
            code = 0
        finally:
            os._exit(code)
    os.close(link)
    os.close(asking)
    workers[number] = Worker(number, socket.socket(fileno=fate), int(memory))
    return True


def _work(link: Connection, asking: socket.socket, module: str, function: str, memory: int) -> None:
    """The life of a worker."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is being written is removed
    given = pickle.loads(link.recv_bytes())  # of the program itself, which trusts what it asks
    os.environ.clear()
    os.environ.update(given["environment"])
    os.chdir(given["folder"])
    _bound(memory)
    _confine([one for one in given["arguments"] if isinstance(one, Path)])
    told = Told(link)
    told.say("begun", force=True)
    fence.join(asking, told)
    try:
        called = getattr(importlib.import_module(module), function)
        answer = ("done", called(*given["arguments"], **({"progress": told} if given["told"] else {})))
    except BaseException as error:
        answer = _told(error)
    told.say(*answer, force=True)


def _told(error: BaseException) -> tuple[str, Any]:
    """What was raised, as a word for the asker."""
    for kind, word in ((fence.Fault, "fault"), (Unanswered, "unanswered"), (BadInput, "bad"), (Cancelled, "cancelled")):
        if isinstance(error, kind):
            return word, str(error)
    if isinstance(error, MemoryError):
        return "failed", ("needs more memory to read than a file may", "")
    where = "".join(traceback.format_exception(error)[-6:])[-4000:]
    what = one_line(f"{type(error).__name__}: {error}")[:200]
    return "failed", (f"cannot be read, since it is damaged or of an unknown kind ({what})", where)


def _bound(memory: int) -> None:
    """Lets the system refuse memory far beyond what is allowed, and no picture of a crash be written."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        wanted = getattr(psutil.Process().memory_info(), "data", 0) + HARD * memory
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        bound = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _confine(named: list[Path]) -> None:
    """Lets the system refuse what lies outside: writing but into the cache, reading but what may be opened here.

    Args:
        named: what the question is about, which has been looked at by who asks.
    """
    from explorer import access
    from explorer.files import cache_folder

    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    writable = [cache, access.hub_folder(), Path(os.devnull)]
    allowed = access.folders()
    if allowed is not None:
        own = (sys.prefix, sys.base_prefix, sys.exec_prefix, *filter(None, sys.path), *SYSTEM, f"/proc/{os.getpid()}")
        allowed = [*allowed, *named, *writable, *map(Path, own)]
    landlock.restrict(allowed, writable)


def _used(number: int) -> int:
    """Bytes of memory that a process has for itself; what is mapped from files can be given back."""
    with suppress(psutil.Error):
        found = psutil.Process(number).memory_info()
        return found.rss - getattr(found, "shared", 0)
    return 0


def _end(worker: Worker, reason: str, how: signal.Signals) -> None:
    worker.reason = worker.reason or reason
    with suppress(ProcessLookupError):
        os.kill(worker.number, how)


def _bury(workers: dict[int, Worker]) -> None:
    """Tells the ends of workers to those who asked."""
    while workers:
        number, how = os.waitpid(-1, os.WNOHANG)
        if not number:
            return
        worker = workers.pop(number, None)
        if worker is not None:
            code = os.waitstatus_to_exitcode(how)
            reason = worker.reason or (f"signal {-code}" if code < 0 else f"exit {code}")
            with suppress(OSError):
                worker.fate.send(reason.encode())
            worker.fate.close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as line:
        keep(line)
