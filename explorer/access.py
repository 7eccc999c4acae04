"""What may be opened here, and by whom: two settings for whoever lets others use the app, or the demo, on a machine.

    EXPLORER_ROOTS      folders, with `:` between them (`;` on Windows): nothing outside them is opened
    EXPLORER_PUBLIC     1: strangers look at what is offered, and start, stop, delete and keep nothing for good
    EXPLORER_CONFIG     a TOML file with the same, `roots = ["/data/sets"]` and `public = true`; by default
                        `codebook-explorer/config.toml` in the user's folder of configs

What ships with the project, the checkpoint folder and the cache are always within. A process that another one starts
has the same settings.
"""

from __future__ import annotations

import functools
import os
import tomllib
from pathlib import Path
from typing import Any

from explorer.errors import BadInput
from explorer.files import SHIPPED, cache_folder, checkpoint_folder, notebook_folder

TRUE = ("1", "true", "yes", "on")


def roots() -> tuple[Path, ...] | None:
    """Folders in which everything that a user names has to lie, links followed; None where any path may be opened.

    Raises:
        BadInput: the file of settings cannot be used.
    """
    text = os.environ.get("EXPLORER_ROOTS")
    if text is not None:
        named = [one for one in text.split(os.pathsep) if one.strip()]
    elif "roots" in (found := _settings()):
        named = found["roots"]
        if not isinstance(named, list) or not all(isinstance(one, str) and one for one in named):
            raise BadInput(f"roots in '{_place()}' is a list of folders, such as [\"/data/sets\"]")
    elif public():
        named = []
    else:
        return None
    return _resolved(tuple(named))


def public() -> bool:
    """Whether strangers use the app, who may look and not change anything for others."""
    text = os.environ.get("EXPLORER_PUBLIC")
    if text is not None:
        return text.strip().lower() in TRUE
    value = _settings().get("public", False)
    if not isinstance(value, bool):
        raise BadInput(f"public in '{_place()}' is true or false")
    return value


def folders() -> list[Path] | None:
    """All folders in which something may be opened: `roots` and our own; None where any path may be."""
    allowed = roots()
    if allowed is None:
        return None
    own = (SHIPPED, checkpoint_folder(), cache_folder(), notebook_folder(), hub_folder())
    return [*allowed, *_resolved(tuple(map(str, own)))]


def hub_folder() -> Path:
    """Where files of the Hugging Face Hub are kept."""
    chosen = os.environ.get("HF_HUB_CACHE") or os.environ.get("HF_HOME")
    return Path(chosen or os.path.join(os.path.expanduser("~"), ".cache", "huggingface"))


def within(path: str | os.PathLike[str]) -> bool:
    """Whether a path may be opened: where it leads, not where it seems to lie. It need not be there."""
    allowed = folders()
    if allowed is None:
        return True
    try:
        real = Path(os.path.realpath(os.path.expanduser(path)))
    except (OSError, ValueError):  # a NUL, or too long
        return False
    if public() and any(real.is_relative_to(root) for root in _resolved(_ours())):
        sent = _resolved((str(cache_folder() / "uploads" / "visitors"),))[0]
        return sent in real.parents  # a file of a visitor, which who knows its digest has sent
    return any(real.is_relative_to(root) for root in allowed)


def _ours() -> tuple[str, ...]:
    """Folders of the program in which strangers have nothing to look for."""
    return tuple(map(str, (cache_folder(), notebook_folder(), hub_folder())))


def check(path: str | os.PathLike[str]) -> Path:
    """The path, if it may be opened.

    Raises:
        BadInput: it may not; the sentence is the same whether there is something or not.
    """
    if within(path):
        return Path(path)
    raise BadInput(f"'{os.fspath(path)[:200]}' is not among the folders that may be opened here{_offered()}")


def _offered() -> str:
    """What a user may open instead; strangers are not told where folders of the machine lie."""
    allowed = roots() or ()
    if public() or not allowed:
        return "; choose from the list"
    return f"; give something in {' or '.join(map(str, allowed[:5]))}, or a name"


@functools.lru_cache(maxsize=64)
def _resolved(names: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(Path(os.path.realpath(os.path.expanduser(name))) for name in names)


def _place() -> Path:
    chosen = os.environ.get("EXPLORER_CONFIG")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return Path(base) / "codebook-explorer" / "config.toml"


def _settings() -> dict[str, Any]:
    """The file of settings, read again when it changes; empty where there is none."""
    place = _place()
    try:
        changed = place.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        if os.environ.get("EXPLORER_CONFIG"):
            raise BadInput(f"there is no file '{place}', which EXPLORER_CONFIG names") from None
        return {}
    except OSError as error:
        raise BadInput(f"'{place}' cannot be read: {error.strerror}") from None
    return _read(place, changed)


@functools.lru_cache(maxsize=4)
def _read(place: Path, changed: int) -> dict[str, Any]:
    try:
        found = tomllib.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"'{place}' cannot be used: {error}") from None
    if unknown := sorted(found.keys() - {"roots", "public"}):
        raise BadInput(f"'{place}' has {', '.join(unknown)}, which is no setting; there are roots and public")
    return found
