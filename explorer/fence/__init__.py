"""A fence around the files of strangers: what reads them runs in a process of its own, which may end without harm.

A reader that is not ours may loop for ever with the interpreter's lock held, ask for any amount of memory, or crash.
`ask` therefore runs a function in a worker, a fork of a keeper process (`keeper.py`) that has imported what it needs
already, so that a worker costs milliseconds. The keeper ends a worker that takes too much memory, or whose asker has
hung up; the asker hangs up when it is silent for too long. Sizes are still checked before they are allocated: this is
the second line. Where a system cannot fork, or EXPLORER_FENCE is `off`, functions run in the process that asks.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeVar

from explorer.errors import BadInput, Cancelled, Unanswered
from explorer.fence import asked
from explorer.fence.words import NAME, plain

if TYPE_CHECKING:
    from explorer.fence.keeper import Told
    from explorer.progress import Progress

SECONDS = 30.0  # without a word from a worker
MEMORY = 1200 * 1024**2  # bytes that a worker may use, beyond the 0.7 GB that it may have imported: 2 GiB in all
LARGEST = 1024**3  # bytes of one answer
GRACE = 1.0  # seconds for a worker that is to end to put things in order
STARTING = 120.0  # seconds until a worker begins: the first waits for the imports of the keeper, on a busy machine

Found = TypeVar("Found")
log = logging.getLogger("explorer")
_lock = threading.Lock()
_control: socket.socket | None = None  # to the keeper; a fork of this process shares it
_told: Told | None = None  # of a worker


class Fault(BadInput):
    """What was asked could not be read: too slow, too large, damaged, or its reader crashed.

    Attributes:
        at: what the worker said last of where it was, by `beat`.
    """

    def __init__(self, message: str, at: Any = None) -> None:
        super().__init__(message.lstrip())
        self.at = at


def ask(
    function: Callable[..., Found],
    *arguments: Any,
    what: str = "the file",
    seconds: float = SECONDS,
    memory: int = MEMORY,
    progress: Progress | None = None,
) -> Found:
    """What a function gives, which runs in a worker.

    Args:
        function: of a module of ours, by its name there. What it is given and what it returns are plain values, arrays
            of NumPy, paths, or dataclasses of ours. With `progress` it gets a keyword argument of that name as well.
        what: is read, for messages, as "'a.parquet'"; if it is empty, a message begins with what is wrong.
        seconds: that it may be silent for; each word of its progress counts, and each `beat`.
        memory: bytes that it may use beyond what is imported.

    Raises:
        Fault: it took too long or too much memory, crashed, or raised anything but a BadInput: what a reader makes of
            a damaged file is no bug of the program.
        BadInput: it raised one.
        Cancelled: `progress` was cancelled; the worker is ended.
    """
    if not hasattr(os, "fork") or os.environ.get("EXPLORER_FENCE") == "off":
        return function(*arguments, **({} if progress is None else {"progress": progress}))
    question = f"{function.__module__}:{function.__qualname__}:{memory}"
    with asked.alone((question, what, seconds, *arguments), Fault, progress):
        return _ask(question, arguments, what, seconds, memory, progress)


def _ask(question: str, arguments: tuple, what: str, seconds: float, memory: int, progress: Progress | None) -> Any:
    """Asks a worker of its own."""
    if progress is not None and progress.cancelled:
        progress.update(0)
    link, fate = _worker(question)
    with link, fate, _told_to_end(fate):
        with suppress(BrokenPipeError, ConnectionResetError):  # it is gone, and its fate says why
            given = {"arguments": arguments, "told": progress is not None, "environment": dict(os.environ)}
            link.send_bytes(pickle.dumps(given | {"folder": os.getcwd()}))
        until, last, at = time.monotonic() + STARTING, (0, ""), None
        while True:
            try:
                while not link.poll(0.2):
                    if progress is not None and progress.cancelled:
                        progress.update(*last)  # raises Cancelled, unless others end the work
                    if time.monotonic() > until:
                        raise Fault(f"{what} takes more than {seconds:g} seconds to read", at)
                word, found = plain(link.recv_bytes(LARGEST))
            except (EOFError, OSError):
                raise Fault(f"{what} {_why(fate, memory)}", at) from None
            except pickle.UnpicklingError as error:
                raise Fault(f"{what} cannot be read: {error}", at) from None
            until = time.monotonic() + seconds
            if word == "told":
                last = found
                progress.update(*last)
            elif word == "beat":
                at = at if found is None else found
            elif word == "done":
                return found
            elif word != "begun":
                raise _problem(what, word, found, at)


@contextmanager
def _told_to_end(fate: socket.socket) -> Iterator[None]:
    """Where the work is ended from outside, waits until the worker has removed what it was writing."""
    try:
        yield
    except (Cancelled, KeyboardInterrupt):
        with suppress(OSError):
            fate.shutdown(socket.SHUT_WR)
            fate.settimeout(2 * GRACE)
            fate.recv(64)
        raise


def _problem(what: str, word: str, found: Any, at: Any) -> Exception:
    """What a worker raised."""
    if word == "failed":
        sentence, where = found
        log.info("%s could not be read: %s", what, where)
        return Fault(f"{what} {sentence}", at)
    return {"cancelled": Cancelled, "unanswered": Unanswered, "fault": Fault}.get(word, BadInput)(found)


def _why(fate: socket.socket, memory: int) -> str:
    """What became of a worker that said nothing more, in words."""
    fate.settimeout(5.0)
    try:
        said = fate.recv(64).decode()
    except OSError:
        said = ""
    if said == "memory":
        return f"needs more than {memory / 1e9:.1f} GB of memory to read"
    if said == "crowd":
        return "cannot be read now, since other files take the memory for such; try again in a minute"
    if said.startswith("signal"):
        number = int(said.split()[1])
        return f"ends the program that reads it ({signal.strsignal(number) or number})"
    return "cannot be read: its reader was ended"


def _worker(wanted: str) -> tuple[Connection, socket.socket]:
    """A new worker for a function: the line to it, and one on which the keeper tells its end."""
    for again in (True, False):
        control = _keeper()
        link, theirs = socket.socketpair()
        fate, told = socket.socketpair()
        with theirs, told:
            try:
                lines = [theirs.fileno(), told.fileno(), control.fileno()]
                socket.send_fds(control, [wanted.encode().ljust(NAME)], lines)
                return Connection(link.detach()), fate
            except OSError:  # the keeper is gone
                link.close(), fate.close()
                _forget(control)
                if not again:
                    raise
    raise AssertionError("unreachable")


def _keeper() -> socket.socket:
    """The line to the keeper, which is started for the first question; it ends when nobody holds its line any more."""
    global _control
    with _lock:
        if _control is None:
            mine, theirs = socket.socketpair()
            with theirs:
                environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # no threads: it forks
                command = [sys.executable, "-m", "explorer.fence.keeper", str(theirs.fileno())]
                root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
                environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
                subprocess.Popen(
                    command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
            _control = mine
        return _control


def join(control: socket.socket, told: Told) -> None:
    """Makes this process a worker: what it asks goes to its keeper, and its signs of life to who asked it."""
    global _control, _told
    _control, _told = control, told


def within() -> bool:
    """Whether this process is a worker."""
    return _told is not None


def beat(at: Any = None) -> None:
    """A sign of life in the midst of long work that has nothing to tell; where this is no worker, nothing.

    Args:
        at: where the work is, for `Fault.at`.
    """
    if _told is not None:
        _told.say("beat", at, force=at is not None)


def _forget(control: socket.socket) -> None:
    global _control
    with _lock:
        if _control is control:
            control.close()
            _control = None
