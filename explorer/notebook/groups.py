"""Groups of codes as the user has them: names of groups, and groups of one's own, kept by the checkpoint's content.

A name belongs to the codes of a group, so that it is found again wherever the same codes are a group.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer import notebook
from explorer.errors import BadInput
from explorer.files import digest

if TYPE_CHECKING:
    from pathlib import Path

MOST = 50  # groupings of a codebook


@dataclass(frozen=True)
class Own:
    """Groups that the user brought.

    Attributes:
        key: of their content. title: where they are from, such as a file. groups: codes of each. made: the day.
    """

    key: str
    title: str
    groups: tuple[tuple[int, ...], ...]
    made: str = ""


def names(model: str, book: str) -> dict[str, str]:
    """{key of the codes: name} of a codebook; `key_of` tells the key."""
    return {str(key): str(name) for key, name in _part(model, book, "names").items()}


def key_of(codes: Iterable[int]) -> str:
    """What stands for some codes, whatever their order."""
    return digest(sorted({int(code) for code in codes}), length=12)


def name(model: str, book: str, codes: Sequence[int], text: str) -> str:
    """Names the group of these codes, or takes its name away where that is empty; returns it, BadInput if unfit."""
    return rename(model, book, [(codes, text)])[0]


def rename(model: str, book: str, named: Iterable[tuple[Sequence[int], str]]) -> list[str]:
    """The same for several groups, all or none."""
    found = [(key_of(codes), notebook.named(text, "group") if text.strip() else "") for codes, text in named]
    with notebook.change(_place(model)) as books:
        of = {**books.get(book, {})}
        kept = {**of.get("names", {})}
        for key, text in found:
            kept.pop(key, None)
            if text:
                kept[key] = text
        _put(books, book, of | {"names": kept})
    return [text for _, text in found]


def own(model: str, book: str) -> dict[str, Own]:
    """Groupings of a codebook that the user brought, by key, the oldest first."""
    found = {}
    for key, facts in _part(model, book, "own").items():
        try:
            groups = tuple(tuple(int(code) for code in group) for group in facts["groups"])
            found[str(key)] = Own(str(key), str(facts.get("title", "")), groups, str(facts.get("made", "")))
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # damaged: as if it were not there
    return found


def keep(model: str, book: str, title: str, groups: Sequence[Sequence[int]]) -> Own:
    """Keeps groups of one's own; the same ones once."""
    plain = tuple(tuple(sorted(int(code) for code in group)) for group in groups)
    key = digest(sorted(plain), length=12)
    with notebook.change(_place(model)) as books:
        of = {**books.get(book, {})}
        known = {**of.get("own", {})}
        if key not in known and len(known) >= MOST:
            raise BadInput(f"{MOST} groupings of this codebook are kept; remove one first")
        made = datetime.date.today().isoformat()
        known[key] = {"title": title[: notebook.LETTERS], "groups": [list(group) for group in plain], "made": made}
        _put(books, book, of | {"own": known})
    return Own(key, title[: notebook.LETTERS], plain, made)


def forget(model: str, book: str, key: str) -> None:
    """Removes groups of one's own; their names stay."""
    with notebook.change(_place(model)) as books:
        of = {**books.get(book, {})}
        _put(books, book, of | {"own": {one: facts for one, facts in of.get("own", {}).items() if one != key}})


def _put(books: dict[str, Any], book: str, of: Mapping[str, Any]) -> None:
    books[book] = {name: what for name, what in of.items() if what}
    if not books[book]:
        del books[book]


def _part(model: str, book: str, name: str) -> dict[str, Any]:
    found = notebook.read(_place(model)).get(book, {})
    part = found.get(name, {}) if isinstance(found, dict) else {}
    return part if isinstance(part, dict) else {}


def _place(model: str) -> Path:
    return notebook.place("groups", model)
