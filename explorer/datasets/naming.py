"""Which image a row of a table means: by its path, with or without its ending, in any case, or an address's end."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar
from urllib.parse import unquote

import numpy as np

from explorer import fence

USUAL = (  # names of columns that name images, the surest first; compared without case, blanks, - and _
    *("filename", "file", "image", "path", "imagepath", "imagefile", "filepath", "imagename", "imagefilename", "img"),
    *("imgname", "imgpath", "imagefilepath", "imageindex", "imageid", "imgid", "picture", "photo", "fname", "fn"),
    *("image url", "url", "uri", "key", "name", "id"),
)
_MOST = 1000  # images of one name that are looked at for a row's folders
NONE, AMBIGUOUS = -1, -2
One = TypeVar("One")


def usual(columns: Iterable[str]) -> list[str]:
    """Columns in the order in which they are likely to name images."""
    known = {re.sub(r"[\W_]", "", name): place for place, name in enumerate(USUAL)}
    places = {name: known.get(re.sub(r"[\W_]", "", str(name).lower()), len(known)) for name in columns}
    return sorted(places, key=places.__getitem__)


def is_usual(column: str) -> bool:
    """Whether a column's name says that it names images."""
    return re.sub(r"[\W_]", "", str(column).lower()) in {re.sub(r"[\W_]", "", name) for name in USUAL}


class Images:
    """The images that a table in `folder` may name, by whatever it may call them.

    Args:
        names: paths of the images below the root, with forward slashes. folder: of the table, below the root.
    """

    def __init__(self, names: Sequence[str], folder: str) -> None:
        while folder and not any(name.startswith(f"{folder}/") for name in names):
            folder = posixpath.dirname(folder)  # a table in a folder of tables
        self.folder = folder
        self._exact: dict[str, int] = {}
        self._loose: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        self._parts: list[tuple[str, ...]] = []
        for at, name in enumerate(_living(_plain(name) for name in names)):
            self._exact[name] = at
            for one in {_folded(name), _stem(_folded(name))}:
                self._loose.setdefault(one, []).append(at)
            inside = name.removeprefix(f"{folder}/") if folder else name
            self._parts.append(tuple(_stem(_folded(inside)).split("/")))
            if not folder or name.startswith(f"{folder}/"):
                self._ends.setdefault(self._parts[-1][-1], []).append(at)

    def find(self, listed: Sequence[str]) -> np.ndarray:
        """(R,) the image that each name means; NONE where there is none, AMBIGUOUS where several could be meant.

        An image that one name means exactly is not meant by names that are only like it. If none of the names has the
        path of an image, they are compared by the file name alone, as far as it is that of one image and of one name.
        """
        texts = [_listed(name) for name in _living(listed)]
        found, quality = np.full(len(texts), NONE, np.int64), np.full(len(texts), 9)
        deeper: dict[int, tuple[int, str]] = {}  # row -> an image whose path is the end of its own, what is before it
        before = set()
        for row, (text, elsewhere) in enumerate(_living(texts)):
            found[row], quality[row] = self._one(text, elsewhere)
            if found[row] == NONE and text:
                image = self._end_of(text)
                if image >= 0:
                    rest = text.split("/")[: -len(self._parts[image])]
                    deeper[row] = image, "/".join(["/" if elsewhere else ".", *rest])
                found[row] = min(image, NONE)
            elif found[row] >= 0 and not elsewhere:
                before.add(".")
        for place in sorted({place for _, place in deeper.values()}, key=len):
            if not any(place.startswith(f"{higher}/") for higher in before):
                before.add(place)  # not the folder of images that are not here
        for row, (image, place) in deeper.items():
            if place in before and (place != "." or not (found >= 0).any()):
                found[row], quality[row] = image, 3
        if not (found >= 0).any():
            return self._by_name(texts)
        best = np.full(len(self._parts), 9)
        np.minimum.at(best, found[found >= 0], quality[found >= 0])
        found[(found >= 0) & (quality > best[np.maximum(found, 0)])] = NONE
        return found

    def _by_name(self, texts: list[tuple[str, bool]]) -> np.ndarray:
        ends = [_stem(_folded(text)).rpartition("/")[2] for text, _ in _living(texts)]
        rows: dict[str, set[str]] = {}
        for end, (text, _) in zip(ends, texts, strict=True):
            rows.setdefault(end, set()).add(text)
        found = []
        for end in ends:
            own = self._ends.get(end, ()) if end else ()
            found.append(NONE if not own else own[0] if len(own) == len(rows[end]) == 1 else AMBIGUOUS)
        return np.array(found, np.int64)

    def _one(self, text: str, elsewhere: bool) -> tuple[int, int]:
        """The image of a name, and how sure: 0 by its path, 1 but for case and ending, 2 its path ends so."""
        if not text:
            return NONE, 9
        if not elsewhere:
            for place in dict.fromkeys((_joined(self.folder, text), _joined("", text))):
                if place in self._exact:
                    return self._exact[place], 0
                near = self._loose.get(_folded(place), ())
                if len(near):
                    return (near[0], 1) if len(near) == 1 else (AMBIGUOUS, 1)
        parts = tuple(_stem(_folded(text)).split("/"))
        possible = self._ends.get(parts[-1], ())
        if len(possible) > _MOST:
            return AMBIGUOUS, 2
        near = [at for at in possible if self._parts[at][-len(parts) :] == parts]
        return (NONE, 9) if not near else (near[0], 2) if len(near) == 1 else (AMBIGUOUS, 2)

    def _end_of(self, text: str) -> int:
        """The image with the longest path that is the end of this one."""
        parts = tuple(_stem(_folded(text)).split("/"))
        possible = self._ends.get(parts[-1], ())[:_MOST]
        near = [at for at in possible if parts[-len(self._parts[at]) :] == self._parts[at]]
        longest = max((len(self._parts[at]) for at in near), default=0)
        near = [at for at in near if len(self._parts[at]) == longest]
        return NONE if not near else near[0] if len(near) == 1 else AMBIGUOUS


def _living(items: Iterable[One]) -> Iterator[One]:
    """The same, with a sign of life now and then: a million names take longer than a reader may be silent."""
    for number, item in enumerate(items):
        if number % 10_000 == 0:
            fence.beat()
        yield item


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return name.casefold()


def _stem(name: str) -> str:
    """A path without the ending of an image; other dots are part of the name."""
    return re.sub(r"\.(jpe?g|jfif|png|webp|bmp|gif|tiff?|p[pgb]m|jp2|avif|hei[cf])$", "", name)


def _joined(folder: str, text: str) -> str:
    return posixpath.normpath(posixpath.join(folder, text))


def _listed(name: str) -> tuple[str, bool]:
    """A cell as a path with forward slashes, and whether it is one of another place: an address, or absolute."""
    text = _plain(str(name).strip()).replace("\\", "/")
    if re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE):
        return unquote(re.split(r"[?#]", text.partition("://")[2])[0]).strip("/"), True
    elsewhere = text.startswith("/") or bool(re.match(r"[A-Za-z]:/", text))
    text = re.sub(r"^[A-Za-z]:", "", text).lstrip("/") if elsewhere else text
    return (posixpath.normpath(text) if text else ""), elsewhere
