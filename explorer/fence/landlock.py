"""What a worker may touch, by the kernel itself: Linux's Landlock, where there is one (5.13 on); elsewhere nothing.

A reader that a file has taken over, or a link that leads elsewhere, then opens nothing outside some folders and writes
nothing outside others. See the kernel's documentation, userspace-api/landlock.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

CREATE, ADD, RESTRICT = 444, 445, 446  # numbers of system calls, the same on every machine
READ = 1 << 2 | 1 << 3  # files, folders
EXECUTE = 1 << 0
WRITE = 1 << 1 | sum(1 << bit for bit in range(4, 13))  # files; remove and make entries of every kind
OF_FILES = EXECUTE | 1 << 1 | 1 << 2 | 1 << 14  # what can be said of a file that is no folder
NEWER = ((2, 1 << 13), (3, 1 << 14))  # rights that later versions know: links between folders, truncation
BENEATH, VERSION, NO_NEW_PRIVILEGES = 1, 1, 38


def restrict(readable: Sequence[Path] | None, writable: Sequence[Path]) -> bool:
    """From now on this process opens nothing but what is in and below these; None allows everything to be read.

    Returns: whether the kernel does that.
    """
    system = ctypes.CDLL(None, use_errno=True)
    version = system.syscall(CREATE, None, ctypes.c_size_t(0), VERSION)
    if version < 1:
        return False
    writing = WRITE | sum(right for since, right in NEWER if version >= since)
    handled = writing | (READ if readable is not None else 0)
    ruled = struct.pack("Q", handled)
    rules = system.syscall(CREATE, ruled, ctypes.c_size_t(len(ruled)), 0)
    if rules < 0:
        return False
    try:
        for path in writable:
            _allow(system, rules, path, handled)
        for path in readable or ():
            _allow(system, rules, path, READ)
        if system.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            return False
        return system.syscall(RESTRICT, rules, 0) == 0
    finally:
        os.close(rules)


def _allow(system: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    with suppress(OSError):  # what is not there cannot be opened either
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):
                rights &= OF_FILES
            system.syscall(ADD, rules, BENEATH, struct.pack("=Qi", rights, place), 0)
        finally:
            os.close(place)
