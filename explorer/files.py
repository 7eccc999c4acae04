"""Where files live and how they are written: a temporary name, a flush, then one atomic rename."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints"


def cache_folder() -> Path:
    """Folder of everything that can be computed again: `EXPLORER_CACHE`, else the user's cache folder."""
    chosen = os.environ.get("EXPLORER_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "codebook-explorer"


def checkpoint_folder() -> Path:
    """Where new checkpoints are written and looked for: `EXPLORER_CHECKPOINTS`, else the project's `checkpoints/`."""
    return Path(os.environ.get("EXPLORER_CHECKPOINTS") or SHIPPED)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the folder of `path`; on success it replaces `path`, on failure it is removed.

    The suffix of `path` is kept, because writers such as Pillow choose the format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes `data` to `path` so that a reader sees the old file or the new one, never a part."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON, atomically."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path, *, limit: int = 16 * 1024 * 1024) -> Any:
    """Reads JSON of at most `limit` bytes; raises OSError or ValueError for the caller to explain."""
    if Path(path).stat().st_size > limit:
        raise ValueError(f"{Path(path).name} is larger than {limit:,} bytes")
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{Path(path).name} is nested too deeply") from None


def digest(*parts: Any, length: int = 16) -> str:
    """Hex digest of the JSON of `parts`: the key under which a result of these inputs is cached."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def file_digest(path: Path, length: int = 16) -> str:
    """Hex digest of the bytes of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:length]
