"""Which kind of dataset lies at a path: one line a kind, in two tables, for files by their ending and for folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from explorer import access
from explorer.datasets import others
from explorer.datasets.archives import zip_source
from explorer.datasets.arrow import arrow_source, is_arrow_folder
from explorer.datasets.folders import folder_source, scan
from explorer.datasets.h5 import h5_source
from explorer.datasets.images import SUFFIXES
from explorer.datasets.npz import npy_source, npz_source
from explorer.datasets.parquet import parquet_source
from explorer.datasets.shards import tar_source
from explorer.datasets.sources import Source
from explorer.errors import BadInput
from explorer.files import walk

ACCEPTED = "an image folder, a zip or tar of images, a Parquet or Arrow file, or arrays (.npz, .npy, .h5)"
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MOST_FILES = 10_000  # that a pattern may stand for
MOST = 200_000  # entries of a folder that are looked at for what it is


def _only(suffix: str, folder: Path) -> Source:
    """The one file of its kind in a folder; BadInput names several."""
    files = [file for file in sorted(folder.rglob(f"*{suffix}")) if access.within(file)]
    if len(files) == 1:
        return file_source(files[0])
    listed = ", ".join(f"'{file.relative_to(folder)}'" for file in files[:5])
    raise BadInput(
        f"the folder '{folder}' has {len(files):,} files {suffix}; give the path of one of them, such as {listed}"
    )


FILES: dict[str, Callable[[Path], Source]] = {
    ".parquet": lambda path: parquet_source(path.parent, [path.name]),
    ".pq": lambda path: parquet_source(path.parent, [path.name]),
    ".zip": zip_source,
    ".arrow": arrow_source,
    ".feather": arrow_source,
    ".npy": npy_source,
    ".npz": npz_source,
    ".h5": h5_source,
    ".hdf5": h5_source,
    ".hdf": h5_source,
    **dict.fromkeys(TARS, lambda path: tar_source(path.parent, [path.name])),
}
FOLDERS: dict[str, Callable[[Path], Source]] = {  # ending of what a folder without images holds
    ".arrow": arrow_source,
    **dict.fromkeys(TARS, lambda path: tar_source(path, [name for name in below(path) if name.lower().endswith(TARS)])),
    ".npy": npy_source,
    ".npz": partial(_only, ".npz"),
    ".zip": partial(_only, ".zip"),
    ".h5": partial(_only, ".h5"),
    ".hdf5": partial(_only, ".hdf5"),
}
_STARTS = {  # first bytes of a file whose ending tells nothing
    b"PAR1": ".parquet",
    b"ARROW1": ".arrow",
    b"PK\x03\x04": ".zip",
    b"PK\x05\x06": ".zip",
    b"\x93NUMPY": ".npy",
    b"\x89HDF": ".h5",
}
_BRACES = re.compile(r"\{([^{}]*)\}")


def pattern_source(text: str) -> tuple[str, Source] | None:
    """The dataset of several files that braces or a star stand for, such as `shards/train-{000..009}.tar`.

    Returns None of what is no such pattern. Raises BadInput where it names no file, or one that is not there.
    """
    if not re.search(r"[{*]", text):
        return None
    root = Path(text[: re.search(r"[{*]", text).start()] + "x").expanduser().parent
    places = [Path(one).expanduser() for one in _expanded(text)]
    files = [
        file
        for place in places
        for file in (sorted(root.glob(str(place.relative_to(root)))) if "*" in place.name else [place])
    ]
    missing = [file for file in files if not access.within(file) or not file.is_file()]
    if missing or not files:
        raise BadInput(f"'{text[:200]}' stands for files of which '{missing[0] if missing else root}' is not there")
    names = [file.relative_to(root).as_posix() for file in files]
    kinds = {_kind(file) for file in files}
    if kinds <= set(TARS):
        return text, tar_source(root, names, text)
    if kinds <= {".parquet", ".pq"}:
        return text, parquet_source(root, names, text)
    raise BadInput(f"'{text[:200]}' has to stand for tar archives or for Parquet files; give the folder instead")


def _expanded(text: str) -> list[str]:
    """`{a,b}` and `{000..009}` written out, as shells and webdataset do."""
    match = _BRACES.search(text)
    if match is None:
        return [text]
    ends = re.fullmatch(r"(\d{1,9})\.\.(\d{1,9})", match[1])
    if ends and abs(int(ends[2]) - int(ends[1])) >= MOST_FILES:
        raise BadInput(f"'{text[:200]}' stands for more than {MOST_FILES:,} files")
    width = len(ends[1]) if ends else 0
    inner = [f"{n:0{width}}" for n in range(int(ends[1]), int(ends[2]) + 1)] if ends else match[1].split(",")
    return [text[: match.start()] + one + rest for one in inner for rest in _expanded(text[match.end() :])][:MOST_FILES]


def file_source(path: Path) -> Source:
    """The dataset that a file is. Raises BadInput with what the file is and what to convert it to."""
    kind = _kind(path)
    if kind in FILES:
        return FILES[kind](path)
    if path.name.lower().endswith(SUFFIXES):
        raise BadInput(f"'{path}' is one image; give the folder that it lies in")
    why = others.told(path)
    if why is None:
        raise BadInput(f"'{path}' is not a dataset; give {ACCEPTED}")
    raise BadInput(f"'{path}' {why}")


def place_source(path: Path) -> Source:
    """The dataset that lies in and below a folder. Raises BadInput if there is none, with what there is instead."""
    if is_arrow_folder(path):
        return arrow_source(path)
    found = scan(path)
    if found.parquet and len(found.parquet) >= len(found.images):  # a dataset's folder may hold a picture or two
        return parquet_source(path, found.parquet)
    if found.images:
        return folder_source(path, found)
    there = list(islice(below(path), MOST))
    for suffix, opened in FOLDERS.items():
        if any(name.lower().endswith(suffix) for name in there):
            return opened(path)
    if found.unread:
        return folder_source(path, found)  # which says how to convert them
    why = next(filter(None, (others.told(path / name) for name in there[:100])), None)
    if why is not None:
        name = next(name for name in there if others.told(path / name))
        raise BadInput(f"there is no image in the folder '{path}'; '{name}' {why}")
    return folder_source(path, found)  # which says what is looked for


def _kind(path: Path) -> str:
    """The ending of a file's kind, by its name, else by its first bytes."""
    name = path.name.lower()
    named = max((suffix for suffix in FILES if name.endswith(suffix)), key=len, default="")
    if named or path.suffix.lower() in others.WHAT:
        return named
    with path.open("rb") as file:
        start = file.read(512)
    if start[257:262] == b"ustar":
        return ".tar"
    return next((kind for begins, kind in _STARTS.items() if start.startswith(begins)), "")


def below(root: Path) -> Iterator[str]:
    """Relative names of the files in and below a folder, hidden ones left out."""
    for folder, inner, files in walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and access.within(folder / name):
                yield (folder / name).relative_to(root).as_posix()
