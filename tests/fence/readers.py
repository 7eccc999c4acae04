"""Readers of files as bad as they may be, which the keeper of the fence imports by name."""

import os
import signal
import time

import numpy as np

from explorer import fence
from explorer.errors import BadInput

CANARY = "fence-canary"


def both(one, other):
    return {"one": one, "other": other, "numbers": np.arange(3)}


def told(*, progress=None):
    for number in range(5):
        time.sleep(0.15)
        progress.update(number, f"picture {number}")
    return "all"


def hashing():
    """As a nested key of a pickle does: without end, with the interpreter's lock held."""
    key = ()
    for _ in range(60):
        key = (key, key)
    return hash(key)


def growing():
    held = []
    while True:
        held.append(np.ones(4_000_000))


def enormous():
    return bytearray(10**11)


def crashing():
    os.kill(os.getpid(), signal.SIGSEGV)


def complaining():
    raise BadInput("row 3 has no picture")


def failing():
    return {}["no such name"]


class _Code:
    def __reduce__(self):
        return os.system, (f"touch {CANARY}",)


def hostile():
    return _Code()


def nested():
    return os.getpid(), fence.ask(number)


def number():
    return os.getpid()


def place(name):
    return os.environ.get(name), os.getcwd()


def asleep(*, progress=None):
    time.sleep(60)


def beating():
    for _ in range(8):
        time.sleep(0.1)
        fence.beat()
    return "alive"


def crashing_at(path):
    fence.beat(7)
    if path.read_bytes() == b"x":
        os.kill(os.getpid(), signal.SIGSEGV)
    return path.read_bytes()


def slow(word, *, progress=None):
    time.sleep(1.0)
    return word


def holding(megabytes, seconds):
    held = np.ones(megabytes * 131_072)
    time.sleep(seconds)
    return len(held)
