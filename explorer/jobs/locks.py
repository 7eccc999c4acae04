"""One process writes a folder at a time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from explorer.files import cache_folder
from explorer.progress import Progress


@contextmanager
def exclusive(folder: Path, progress: Progress) -> Iterator[None]:
    """Waits until no other process is in here with the same folder; `progress` says so and can cancel the wait.

    The system gives the lock back when the process ends, however it ends.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such locks; there a second writer is refused the files that it needs
        yield
        return
    path = cache_folder() / "locks" / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress.update(0, "another process is writing this encoding; waiting", force=True)
                time.sleep(0.5)
        yield
