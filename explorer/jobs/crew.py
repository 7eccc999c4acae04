"""A crew: as many processes as there are GPUs do one command together, and end together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from explorer.errors import BadInput
from explorer.jobs.turns import JOB_VARIABLE

GRACE, LAST = 20.0, 60.0  # seconds: to end by themselves once one has failed, and to save once they are told to
LOOK = 0.1  # seconds between two looks


def work(arguments: Sequence[str], count: int, output: int = 1) -> int:
    """Runs `python -m explorer *arguments` in `count` processes, with the names that torchrun would give them.

    SIGTERM and Ctrl-C are passed on to all. The exit code is that of the first, which writes and speaks.

    Args:
        output: the descriptor that the first one's results go to.

    Raises:
        BadInput: the first was killed, or could not end by itself after another one had.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // count))}
    crew: list[subprocess.Popen] = []
    try:
        for number in range(count):
            own = {"RANK": str(number), "LOCAL_RANK": str(number)}
            known = {name: value for name, value in os.environ.items() if name != JOB_VARIABLE}
            words = [sys.executable, "-m", "explorer", *arguments]
            ends = {"stdout": output} if number == 0 else {"stdin": subprocess.DEVNULL, "stdout": 2}
            crew.append(subprocess.Popen(words, env=known | shared | own, **ends))
        with _passed_on(crew):
            failed = _watch(crew)
    finally:
        _end(crew)
    if crew[0].returncode >= 0:
        return crew[0].returncode
    raise BadInput(
        f"process {failed + 1} of {count} that train together was ended by signal {-crew[failed].returncode}, as one "
        "that finds no memory is; --resume continues from what was saved last"
    )


@contextmanager
def _passed_on(crew: Sequence[subprocess.Popen]) -> Iterator[None]:
    """Signals that ask for an end go to all; each of them ends by itself."""

    def pass_on(*_: object) -> None:
        for one in crew:
            if one.poll() is None:
                one.send_signal(signal.SIGTERM)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(crew: Sequence[subprocess.Popen]) -> int:
    """Waits until all have ended, or the others have not for a while after one failed; which failed first, else 0."""
    failed, since = 0, float("inf")
    while None in [one.poll() for one in crew]:
        if time.monotonic() - since > GRACE:
            return failed
        broken = [number for number, one in enumerate(crew) if one.returncode]
        if since == float("inf") and (broken or crew[0].returncode is not None):
            failed, since = (broken or [0])[0], time.monotonic()
        time.sleep(LOOK)
    return failed if since < float("inf") else next((n for n, one in enumerate(crew) if one.returncode), 0)


def _end(crew: Sequence[subprocess.Popen]) -> None:
    """Ends what is still there: it is asked first, and then is not."""
    for ask in (subprocess.Popen.terminate, subprocess.Popen.kill):
        left = [one for one in crew if one.poll() is None]
        for one in left:
            ask(one)
        end = time.monotonic() + LAST
        for one in left:
            try:
                one.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
