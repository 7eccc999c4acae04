"""One writer at a time: locks on files, which the kernel opens again when their process ends, however it ends."""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from explorer.files import cache_folder, digest
from explorer.progress import Progress

if os.name == "nt":  # Windows: the same promise from msvcrt, a lock on the first byte
    import msvcrt
else:
    import fcntl

WAIT = 0.1  # seconds between two looks at a lock that is taken
_held: list[IO] = []  # kept until this process ends; closing a file would give its lock back
_threads: dict[Path, threading.RLock] = {}  # who of this process may have the file
_taken: set[Path] = set()  # by `exclusive`, in this process


def hold(name: str) -> bool:
    """Takes the lock `name` for the rest of this process's life; False if it is taken."""
    file = _taken_file(_path(name))
    if file is not None:
        _held.append(file)
    return file is not None


@contextmanager
def exclusive(target: Path, progress: Progress | None = None) -> Iterator[None]:
    """Waits until no other process or thread is in here with the same target; a thread may enter again inside.

    Raises:
        Cancelled: through `progress`, which is told of the wait.
    """
    path = _path(str(Path(target).resolve()))
    mine = _threads.setdefault(path, threading.RLock())
    while not mine.acquire(timeout=WAIT):
        _tell(progress)
    try:
        if path in _taken:
            yield
            return
        while (file := _taken_file(path)) is None:
            _tell(progress)
            time.sleep(WAIT)
        with file:
            _taken.add(path)
            try:
                yield
            finally:
                _taken.remove(path)
    finally:
        mine.release()


def _tell(progress: Progress | None) -> None:
    if progress is not None:
        progress.update(0, "another process is writing this; waiting")


def _path(name: str) -> Path:
    folder = cache_folder().resolve() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{re.sub(r'[^A-Za-z0-9.-]', '_', name)[-40:]}-{digest(name)}.lock"


def _taken_file(path: Path) -> IO | None:
    """The file at `path`, locked; None where another has it. Newcomers lock what lies there, so a lock on a file that
    was deleted meanwhile, with the cache, is none."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
        if not _take(file):
            file.close()
            return None
        if _lies_at(path, file):
            return file
        file.close()


def _lies_at(path: Path, file: IO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False


def _take(file: IO) -> bool:
    try:
        if os.name == "nt":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


class Claims:
    """Numbers that processes share out among themselves: a byte of one file each, locked as long as its owner lives.

    Works among machines that share the folder. Threads of one process do not exclude one another; nor does anybody
    where the file system has no locks, so what is claimed must be right when two do it.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+b")

    def take(self, number: int, count: int = 1) -> bool:
        """Takes `count` numbers from `number` on; False if another process has one of them."""
        return self._lock(number, count, True)

    def give(self, number: int, count: int = 1) -> None:
        """Gives back what `take` took, with the same arguments."""
        self._lock(number, count, False)

    def current(self) -> bool:
        """Whether the file is still the one that newcomers open: who removes it says that nothing is left to claim."""
        return _lies_at(self.path, self._file)

    def close(self) -> None:
        """Gives everything back."""
        self._file.close()

    def _lock(self, number: int, count: int, take: bool) -> bool:
        try:
            if os.name == "nt":
                self._file.seek(number)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK if take else msvcrt.LK_UNLCK, count)
            else:
                kind = fcntl.LOCK_EX | fcntl.LOCK_NB if take else fcntl.LOCK_UN
                fcntl.lockf(self._file, kind, count, number)
        except (BlockingIOError, PermissionError):
            return False
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                return True
            raise
        return True
