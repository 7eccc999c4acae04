"""How many threads a network is computed with that is asked place by place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_LOCK, _here = threading.Lock(), threading.local()
_inside, _before = 0, 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch computes with one thread.

    A step of sampling is a few products of some rows, a millisecond in all. Threads that share them wait for one
    another at each, and where another process has the second core, for as long as that has it: 0.4 s became 10 s. The
    number is a switch of the process, so whoever leaves puts back what was there when nobody was inside.
    """
    global _inside, _before
    depth = getattr(_here, "depth", 0)
    with _LOCK:
        if not _inside:
            _before = torch.get_num_threads()
        _inside += 1
        torch.set_num_threads(1)
    _here.depth = depth + 1
    try:
        yield
    finally:
        _here.depth = depth
        with _LOCK:
            _inside -= 1
            if not depth:
                torch.set_num_threads(_before)
