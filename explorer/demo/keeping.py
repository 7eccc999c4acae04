"""Files of visitors on this server: whose each is, how much of them is kept, and for how long.

A visitor who sends more than is kept of one loses the oldest of their own. Where all together are too many, those go
first of whoever has most, so that nobody's flood takes another's picture.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from gradio.utils import get_upload_folder

KEPT, BYTES = 400, 1024**3  # files of all visitors together, and what they take
KEPT_EACH, BYTES_EACH = 100, 256 * 1024**2  # of one visitor
MINUTES = 60  # after which a file goes in any case
EVERY = 20  # seconds between two looks at what is kept
NOBODY = ""  # whose the files are that events made

visitor: ContextVar[str] = ContextVar("visitor", default=NOBODY)  # who asks for what is done now
_owners: dict[Path, dict[str, float]] = {}  # of a file: who sent it, and when they did so last
_lock = threading.RLock()


@dataclass(frozen=True)
class _Kept:
    """A file that lies here: when it came, or was handed out again, and what it takes."""

    path: Path
    when: float
    size: int
    owners: frozenset[str]


def store(content: bytes, name: str = "picture") -> str:
    """Keeps a picture as visitors' files are kept, under the hash of its content; returns the path."""
    folder = Path(get_upload_folder()) / hashlib.sha256(content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    claim([folder / name], visitor.get())
    return str(folder / name)


def claim(paths: Iterable[Path], who: str) -> None:
    """Notes who sent files."""
    with _lock:
        for path in paths:
            _owners.setdefault(path, {})[who] = time.time()


def present() -> frozenset[str]:
    """Names of the folders in which files lie now, one for each content."""
    root = Path(get_upload_folder())
    return frozenset(folder.name for folder in root.iterdir()) if root.is_dir() else frozenset()


def sweep(spared: frozenset[str] = frozenset()) -> int:
    """Removes files that are too old or too many, but none in the folders `spared`; returns how many went."""
    with _lock:
        files = _files(Path(get_upload_folder()), spared)
        old = {file.path for file in files if time.time() - file.when > 60 * MINUTES}
        gone = old | _too_many([file for file in files if file.path not in old])
        for path in gone:
            _remove(path)
        for path in _owners.keys() - {file.path for file in files if file.path not in gone}:
            _owners.pop(path)
        return len(gone)


def keep_sweeping(spared: frozenset[str]) -> None:
    """Sweeps now and then for as long as the program runs, whether anybody asks for something or not."""

    def on_and_on() -> None:
        while True:
            time.sleep(EVERY)
            sweep(spared)

    threading.Thread(target=on_and_on, daemon=True, name="sweep").start()


def drop_loose() -> None:
    """Removes what uploads that were broken off left behind: files that have no folder of their own yet."""
    root = Path(get_upload_folder())
    for entry in list(os.scandir(root)) if root.is_dir() else []:
        if entry.is_file(follow_symlinks=False) and entry.name.startswith("tmp"):
            Path(entry.path).unlink(missing_ok=True)


def _files(root: Path, spared: frozenset[str]) -> list[_Kept]:
    found = []
    for folder in list(os.scandir(root)) if root.is_dir() else []:
        if folder.name in spared or not folder.is_dir(follow_symlinks=False):
            continue
        entries = [Path(where) / name for where, _, names in os.walk(folder.path) for name in names]
        if not entries and time.time() - folder.stat().st_ctime > EVERY:
            shutil.rmtree(folder.path, ignore_errors=True)
        for path in entries:
            with contextlib.suppress(OSError):  # removed by Gradio meanwhile
                facts, owners = path.lstat(), _owners.get(path, {})
                when = max(facts.st_ctime, Path(folder.path).stat().st_ctime, *owners.values(), 0)
                found.append(_Kept(path, when, facts.st_size, frozenset(owners or {NOBODY})))
    return found


def _too_many(files: list[_Kept]) -> set[Path]:
    """What goes: first what is beyond the share of each visitor, then of whoever has most, each time the oldest."""
    of: dict[str, list[_Kept]] = defaultdict(list)  # the oldest last
    for file in sorted(files, key=lambda file: -file.when):
        for who in file.owners:
            of[who].append(file)
    wanted = {file.path: len(file.owners) for file in files}  # by so many visitors
    size = {who: sum(file.size for file in own) for who, own in of.items()}
    count, total = len(files), sum(file.size for file in files)

    def give_up(who: str) -> None:
        nonlocal count, total
        file = of[who].pop()
        size[who] -= file.size
        wanted[file.path] -= 1
        if not wanted[file.path]:
            count, total = count - 1, total - file.size

    for who, own in of.items():
        while who != NOBODY and (len(own) > KEPT_EACH or size[who] > BYTES_EACH):
            give_up(who)
    while count > KEPT:
        give_up(max(of, key=lambda who: len(of[who])))
    while total > BYTES:
        give_up(max(of, key=size.__getitem__))
    return {path for path, left in wanted.items() if not left}


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _owners.pop(path, None)
    with contextlib.suppress(OSError):  # others are in it, or another one has just come
        path.parent.rmdir()
