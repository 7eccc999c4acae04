"""What the user notes, which nothing can compute again: sets of images, names of codes, answers of tests.

Each is a small JSON file, not in the cache, which may be deleted at any time; its name is that of the content that it
belongs to, so that it is found again wherever that content is. One writer at a time; a reader sees the old file or the
new one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from explorer.errors import BadInput, explained
from explorer.files import cache_folder, digest, notebook_folder, read_json, write_bytes, write_json
from explorer.jobs.locks import exclusive

LETTERS = 60  # of a name, at most


def place(kind: str, key: str) -> Path:
    """The file of one kind of notes on the content `key`."""
    path, before = notebook_folder() / kind / f"{key}.json", cache_folder() / "notebook" / kind / f"{key}.json"
    if before != path and before.is_file() and not path.exists():  # notes were kept in the cache once
        with suppress(OSError):
            write_bytes(path, before.read_bytes())
            before.unlink()  # what is deleted later must not come back from there
    return path


def read(path: Path) -> dict[str, Any]:
    """What is noted in a file, not to be changed; empty where there is none. BadInput where it is damaged."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return {}
    return _read(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=64)
def _read(path: Path, time: int, size: int) -> dict[str, Any]:
    try:
        found = read_json(path)
    except FileNotFoundError:  # between two looks
        return {}
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is damaged ({str(error)[:80]}); move it away to begin anew") from None
    if not isinstance(found, dict):
        raise BadInput(f"{path} holds no notes; move it away to begin anew")
    return found


def version(path: Path) -> str | None:
    """Digest of what is noted; None where there is nothing."""
    found = read(path)
    return digest(found) if found else None


@contextmanager
def change(path: Path) -> Iterator[dict[str, Any]]:
    """Yields a copy of what is noted, to be changed, and writes it; a file without notes goes.

    BadInput where it cannot be written, as on a full disk: what was noted before is kept.
    """
    with explained("keep this note"), exclusive(path):
        found = dict(read(path))
        yield found
        if found:
            write_json(path, found)
        else:
            path.unlink(missing_ok=True)


def named(text: str, what: str) -> str:
    """A name as it is kept: one line without control codes, spaces at its ends or double ones; BadInput if unfit."""
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if not name:
        raise BadInput(f"a {what} needs a name; write one of at most {LETTERS} letters")
    if len(name) > LETTERS:
        raise BadInput(f"the name '{name[:20]}…' of a {what} has {len(name)} letters; write one of at most {LETTERS}")
    return name
