"""Where files live and how they are written: a temporary name, a flush, then one atomic rename."""

from __future__ import annotations

import errno
import functools
import glob
import hashlib
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from explorer.errors import BadInput

LIBRARY_CACHES = {
    "NUMBA_CACHE_DIR": "numba",
    "MPLCONFIGDIR": "matplotlib",
    "TORCHINDUCTOR_CACHE_DIR": "torchinductor",
    "TRITON_CACHE_DIR": "triton",
    "TORCH_HOME": "torch",
    "HF_HOME": "huggingface",
}
LEFT = re.compile(r"\..+\.[a-z0-9_]{8}(\.[^.]*)?")  # what `atomic_path` leaves where its process is killed
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)  # what a network never says
STALE = 3600.0  # seconds after which nobody writes into a temporary file any more
SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints"


def cache_folder() -> Path:
    """Folder of everything that can be computed again: `EXPLORER_CACHE`, else the user's cache folder.

    Raises:
        BadInput: there is no home folder, or nothing can be written in it.
    """
    chosen = os.environ.get("EXPLORER_CACHE")
    if chosen:
        return Path(chosen)
    base = _user_cache()
    if base is None:
        raise BadInput(
            "there is no folder for a cache: '~/.cache' cannot be written by this user; set EXPLORER_CACHE to a "
            "folder that can"
        )
    return base / "codebook-explorer"


def notebook_folder() -> Path:
    """Folder of what the user notes, which nothing can compute again, so that a cache can be deleted.

    `EXPLORER_NOTEBOOK`, else the user's data folder; in the cache where `EXPLORER_CACHE` moved that, or there is no
    other.
    """
    chosen = os.environ.get("EXPLORER_NOTEBOOK")
    if chosen:
        return Path(chosen)
    base = None if os.environ.get("EXPLORER_CACHE") else _user_folder("XDG_DATA_HOME", ".local/share")
    return cache_folder() / "notebook" if base is None else base / "codebook-explorer" / "notebook"


def place_library_caches() -> None:
    """Where the user's cache folder cannot be written, libraries keep their files under ours; what is set stays set."""
    chosen = os.environ.get("EXPLORER_CACHE")
    if chosen and _user_cache() is None:
        for variable, name in LIBRARY_CACHES.items():
            os.environ.setdefault(variable, str(Path(chosen).absolute() / "libraries" / name))


def _user_cache() -> Path | None:
    return _user_folder("XDG_CACHE_HOME", ".cache")


def _user_folder(variable: str, usual: str) -> Path | None:
    """The user's folder of a kind, which need not exist yet; None where it cannot be written."""
    try:
        base = Path(os.environ.get(variable) or Path.home() / usual)
    except RuntimeError:  # a user without a home
        return None
    there = next(
        (one for one in (base, *base.parents) if os.path.exists(one)), base
    )  # Path.exists raises where it may not look
    return base if os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK) else None


def checkpoint_folder() -> Path:
    """Where new checkpoints are written and looked for: `EXPLORER_CHECKPOINTS`, else the project's `checkpoints/`."""
    return Path(os.environ.get("EXPLORER_CHECKPOINTS") or SHIPPED)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the folder of `path`; on success it replaces `path`, on failure it is removed.

    The suffix of `path` is kept, because writers such as Pillow choose the format by it.

    Raises:
        BadInput: the folder was deleted meanwhile.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_old(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except FileNotFoundError:
        if temporary.exists():
            raise
        raise BadInput(f"{path.parent} was deleted while {path.name} was written there; try again") from None
    except OSError as error:
        if error.errno in DISK and error.filename in (None, name):  # the disk's have no name, or the temporary one
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


@functools.lru_cache(maxsize=4096)  # once for each path: what others leave meanwhile is for the next process
def _sweep_old(path: Path) -> None:
    """Removes what killed writers of the same file left; a living one writes into its own within the hour."""
    for left in path.parent.glob(f".{glob.escape(path.stem)}.????????{glob.escape(path.suffix)}"):
        with suppress(OSError):
            if LEFT.fullmatch(left.name) and time.time() - left.stat().st_mtime > STALE and not left.is_symlink():
                left.unlink()


def occupied(folder: Path) -> bool:
    """Whether a folder holds anything but what killed writers left; False where there is none."""
    return Path(folder).exists() and any(LEFT.fullmatch(path.name) is None for path in Path(folder).iterdir())


def sweep(folder: Path, stem: str | None = None) -> None:
    """Removes what killed writers left in a folder, or of the one name `stem`; only for who alone writes there."""
    if not Path(folder).is_dir():
        return
    for path in Path(folder).iterdir():
        if LEFT.fullmatch(path.name) and (stem is None or path.name.startswith(f".{stem}.")):
            path.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes `data` to `path` so that a reader sees the old file or the new one, never a part."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON, atomically."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode(errors="backslashreplace"))


def walk(root: Path, deepest: int = 64) -> Iterator[tuple[Path, list[str], list[str]]]:
    """As `os.walk`, without what lies more than `deepest` folders deep: that has no end, or takes all of the stack."""
    for folder, inner, files in os.walk(root):
        if len(Path(folder).parts) - len(Path(root).parts) >= deepest:
            inner.clear()
        yield Path(folder), inner, files


def special(path: Path) -> bool:
    """Whether a path is a pipe, which would wait, a device, which has no end, or the like; or a folder that has one."""
    inside = [folder / name for folder, _, names in walk(path) for name in names] if Path(path).is_dir() else []
    for one in (path, *inside):
        try:
            mode = os.stat(one).st_mode
        except OSError:
            continue  # it is gone, or a link to nothing
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return True
    return False


def open_regular(path: Path) -> IO[bytes]:
    """Opens a file to read bytes; raises OSError, also for a pipe, which would wait, and a device, which has no end."""
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise OSError(errno.EINVAL, "it is no file, but a folder, a pipe or a device", str(path))
    return Path(path).open("rb")


def read_json(path: Path, *, limit: int = 16 * 1024 * 1024) -> Any:
    """Reads JSON of at most `limit` bytes; raises OSError or ValueError for the caller to explain."""
    with open_regular(path) as file:
        text = file.read(limit + 1)
    if len(text) > limit:
        raise ValueError(f"{Path(path).name} is larger than {limit:,} bytes")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"{Path(path).name} is nested too deeply") from None


def sized(count: float) -> str:
    """Bytes in the unit that suits them: `0.6 kB`, `12.5 MB`, `3.0 GB`."""
    size, unit = next(((size, unit) for size, unit in ((1e9, "GB"), (1e6, "MB")) if count >= size), (1e3, "kB"))
    return f"{count / size:,.1f} {unit}"


def digest(*parts: Any, length: int = 16) -> str:
    """Hex digest of the JSON of `parts`: the key under which a result of these inputs is cached."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def file_digest(path: Path, length: int = 16) -> str:
    """Hex digest of the bytes of a file."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:length]
