"""Questions that are under way, or failed just now: a file that ends its reader is not read twice at once, nor at once
again, however often a page runs."""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explorer.progress import Progress

REMEMBERED = 20.0  # seconds; a reader that was slow on a busy machine is asked again after them
LONGEST = 64 * 1024  # bytes of a question that is told from others; larger ones hold pictures
MOST = 1000  # questions


@dataclass
class _Question:
    lock: threading.Lock = field(default_factory=threading.Lock)
    failed: tuple | None = None  # what was raised: its message, and where
    when: float = 0.0


_questions: dict[bytes, _Question] = {}
_lock = threading.Lock()


@contextmanager
def alone(question: tuple, kind: type[Exception], progress: Progress | None = None) -> Iterator[None]:
    """A block that no other thread is in for the same question about files that are the same.

    Args:
        question: plain values; each that names a path stands for its size and time of change, too.
        kind: of what is raised in the block: an exception with one message and `at`, remembered for some seconds.
        progress: told while another is waited for; it may be cancelled.

    Raises:
        kind: what the same question raised just now.
    """
    key = _key(question)
    if key is None:
        yield
        return
    with _lock:
        if len(_questions) > MOST:
            _forget()
        one = _questions.setdefault(key, _Question())
    while not one.lock.acquire(timeout=0.2):
        if progress is not None:
            progress.update(0, "waiting for others who read the same")
    try:
        if one.failed is not None and time.monotonic() < one.when + REMEMBERED:
            raise kind(*one.failed)
        try:
            yield
            one.failed = None
        except kind as error:
            one.failed, one.when = (str(error), getattr(error, "at", None)), time.monotonic()
            raise
    finally:
        one.lock.release()


def _key(question: tuple) -> bytes | None:
    """A digest of a question and of the state of the files that it names; None of one that is too large."""
    if any(len(one) > LONGEST for one in question if isinstance(one, (bytes, str))):
        return None
    try:
        said = pickle.dumps(question)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    if len(said) > LONGEST:
        return None
    found = blake2b(said, digest_size=16)
    found.update(repr(sorted(one for one in os.environ.items() if one[0].startswith("EXPLORER_"))).encode())
    for one in question:
        if isinstance(one, (str, os.PathLike)):
            with suppress(OSError, ValueError):
                there = os.stat(os.path.expanduser(one))
                found.update(f"{there.st_dev} {there.st_ino} {there.st_size} {there.st_mtime_ns}".encode())
    return found.digest()


def _forget() -> None:
    """Drops the questions that nobody asks now."""
    for key, one in list(_questions.items()):
        if not one.lock.locked():
            del _questions[key]
