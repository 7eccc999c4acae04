"""The two things that may interrupt work without being bugs, and what the machine refuses in one sentence."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXT = re.compile(r"No space left|not enough space|disk( of .*)? is full")
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
_REFUSED += (errno.ENAMETOOLONG, errno.ENOTEMPTY, errno.EBUSY)
_MEMORY_TEXT = re.compile(
    r"out of memory|OutOfMemoryError|MemoryError|bad_alloc|can(no|')t allocate memory|not enough memory|oom-kill"
    r"|failed to map segment|can't start new thread|_STATUS_ALLOC_FAILED",
    re.I,
)


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LONG_WORD = re.compile(r"\S{300,}")


def printable(text: str) -> str:
    """Text in which control characters are written out, `\\x1b`: names in files may hold codes that a terminal obeys,
    and parts of letters that cannot be printed at all."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def escaped(text: str) -> str:
    """JSON in which what `printable` writes out is escaped as JSON does it: it reads the same, and moves no cursor."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shortened(text: str) -> str:
    """Printable text on a line of at most some hundred characters; a name longer than a path is cut."""
    line = _LONG_WORD.sub(lambda word: f"{word[0][:200]}…{word[0][-60:]}", printable(text))
    return line if len(line) <= 1200 else f"{line[:900]} … {line[-250:]}"


def one_line(text: str) -> str:
    """The same of text that may have several lines."""
    return shortened(re.sub(r"[\r\n\t]+", " ", text))


class BadInput(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence for the user: it names the value, the choices, and the remedy; it is put on `one_line`.
    The command line prints it and exits with 2; a page shows it and goes on.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class Unanswered(BadInput):
    """A place that is not on this machine does not answer, or refuses: what is kept there may be as whole as ever."""


class Cancelled(Exception):
    """The user asked for the work to stop; what was written so far is kept."""


@contextmanager
def explained(action: str, place: Path | None = None) -> Iterator[None]:
    """Turns a full disk, a refused path and exhausted memory into BadInput; what else is raised passes through.

    Args:
        action: what is done inside, for the sentence "could not {action}: …".
        place: what is written; by default the file that the error names.
    """
    try:
        yield
    except BadInput:
        raise
    except Exception as error:
        where = place or getattr(error, "filename", None)
        text = str(error)
        number = getattr(error, "errno", None) or _number(text)
        if number in _FULL or tells_full_disk(text):
            reason = f"the disk{f' of {str(where)!r}' if where else ''} is full; free some space and try again"
        elif number in _REFUSED:
            named = f"{str(where)!r}: " if where else ""
            reason = f"{named}{os.strerror(number)}; choose another place, or change its permissions"
        elif isinstance(error, MemoryError) or number == errno.ENOMEM or _is_full_memory(error, text):
            reason = "it ran out of memory; try a smaller batch, a smaller image size or model, or another device"
        else:
            raise
        raise BadInput(f"could not {action}: {reason}") from error


def _is_full_memory(error: Exception, text: str) -> bool:
    """Libraries raise their own errors, the loader of shared ones an ImportError."""
    return isinstance(error, (RuntimeError, ImportError)) and tells_full_memory(text)


def _number(text: str) -> int | None:
    """The number that libraries in Rust, Lance and safetensors, put into their messages."""
    found = re.search(r"\(os error (\d{1,5})\)", text)
    return int(found[1]) if found else None


def tells_full_disk(text: str) -> bool:
    """Whether a message or a log says that the disk is full."""
    return _FULL_TEXT.search(text) is not None


def tells_full_memory(text: str) -> bool:
    """Whether a message or a log says that memory, the GPU's too, ran out."""
    return _MEMORY_TEXT.search(text) is not None
