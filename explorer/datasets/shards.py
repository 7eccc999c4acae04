"""Pictures in tar archives: samples of webdataset, with what lies beside each under the same name, or class folders."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from explorer.datasets import tars
from explorer.datasets.folders import Found, named_source, sort_in
from explorer.datasets.images import SUFFIXES
from explorer.datasets.rows import Rows, source
from explorer.datasets.sources import Item, Listing, Source, concept_table
from explorer.datasets.tabular import split_of
from explorer.errors import BadInput
from explorer.progress import Progress

TOLD = ("cls", "label", "id", "txt", "text", "caption", "json")  # endings beside a picture that become concepts
NAMES = {"cls": "class"}  # ending -> name of the concept
MOST = 200  # values of a JSON object
LONGEST = 1 << 20  # bytes of one of them
FIRST = ("jpg", "jpeg", "png", "webp", "image.jpg", "image.png")  # endings of the picture of a sample that has several


@dataclass(frozen=True)
class Sample:
    """A picture and what lies beside it; the archive by its number."""

    shard: int
    key: str
    picture: tars.Member
    beside: dict[str, tars.Member]


def tar_source(root: Path, names: Sequence[str], what: str | None = None) -> Source:
    """Tar archives of a folder; splits come from their names. Raises BadInput if they hold no images.

    Samples are files of one name and different endings, side by side, as webdataset has them: the picture, `.cls`,
    `.txt` and `.json` beside it are concepts. One archive without such files is read like a folder.
    """
    names = sorted(names)
    files = [root / name for name in names]
    what = what or str(files[0] if len(files) == 1 else root)
    shards = [tars.index(file) for file in files]
    skipped = tuple(one for shard in shards for one in shard.skipped)
    lost: Counter[str] = Counter()
    samples = [one for number, shard in enumerate(shards) for one in _samples(number, shard.members, lost)]
    if not samples:
        first = f"; the first of {len(skipped):,} skipped, '{skipped[0][0]}', {skipped[0][1]}" if skipped else ""
        raise BadInput(f"there is no image in '{what}'; files ending in {', '.join(SUFFIXES)} are looked for{first}")
    if not any(sample.beside for sample in samples):
        if len(files) == 1:
            return _folders(files[0], shards[0])
        samples, lost = _alone(shards), Counter()  # `a.1.png` and `a.2.png` are two pictures
    groups: dict[str, list[int]] = {}
    for row, sample in enumerate(samples):
        groups.setdefault(split_of(names[sample.shard]), []).append(row)
    held = _Samples(what, files, samples)
    listed = ", ".join(f"{count:,} {ending}" for ending, count in lost.most_common(5))
    note = f"files in '{what}' that are neither the first image of a sample nor labels are left out: {listed}"
    return source(
        Rows(
            f"'{what}'",
            [_stamp(file) for file in files],
            {split: np.array(rows) for split, rows in groups.items()},
            held.table,
            held.items,
            skipped=skipped,
            notes=(note,) if lost else (),
            told=held.told,
        )
    )


def _stamp(file: Path) -> list:
    info = file.stat()
    return [str(file.resolve()), info.st_size, info.st_mtime_ns]


class _Samples:
    """Samples by number, and what of the files beside them could not be read."""

    def __init__(self, what: str, files: Sequence[Path], samples: Sequence[Sample]) -> None:
        self.what, self.files, self.samples = what, files, samples
        self.unread: set[str] = set()

    def items(self, rows: np.ndarray) -> Iterator[Item | BadInput]:
        chosen = [self.samples[row] for row in rows.tolist()]
        for number, file in enumerate(self.files):
            yield from tars.contents(file, [sample.picture for sample in chosen if sample.shard == number])

    def table(self, rows: np.ndarray) -> tuple[list[str], pd.DataFrame]:
        chosen = [self.samples[row] for row in rows.tolist()]
        prefix = [f"{file.name}/" if len(self.files) > 1 else "" for file in self.files]
        names = [prefix[one.shard] + one.picture.name for one in chosen]
        return names, _concepts(self.files, chosen, self.unread)

    def told(self) -> tuple[str, ...]:
        listed = ", ".join(sorted(self.unread)[:8])
        note = f"of the .json files in '{self.what}' no plain values, which are left out: {listed}"
        return (note,) if self.unread else ()


def _folders(path: Path, shard: tars.Index) -> Source:
    """One archive of plain pictures: class folders, split folders and tables as in a folder."""
    members = {member.name: member for member in shard.members}
    found = Found()
    for name, member in members.items():
        if sort_in(name, found):
            found.stamps.append([name, member.size, member.start])

    def items(names: Sequence[str]) -> Iterator[Item | BadInput]:
        return tars.contents(path, [members[name] for name in names])

    def table(name: str) -> bytes:
        (content,) = tars.contents(path, [members[name]])
        if isinstance(content, BadInput):
            raise content
        return content

    inner = named_source(f"'{path.name}'", found, [_stamp(path), *sorted(found.stamps)], items, table)

    def listing(split: str, progress: Progress | None) -> Listing:
        listed = inner.listing(split, progress)
        return replace(listed, skipped=(*shard.skipped, *listed.skipped))

    return replace(inner, listing=listing)


def _samples(shard: int, members: Sequence[tars.Member], lost: Counter[str]) -> Iterator[Sample]:
    """Samples of an archive in its order; what belongs to none is counted by its ending."""
    groups: dict[str, dict[str, tars.Member]] = {}
    for member in members:
        folder, file = posixpath.split(member.name)
        if file.startswith(".") or "__MACOSX" in folder:
            continue
        stem, _, ending = file.partition(".")
        groups.setdefault(posixpath.join(folder, stem), {}).setdefault(ending.lower(), member)
    for key, files in groups.items():
        pictures = [ending for ending in files if f".{ending}".endswith(SUFFIXES)]
        pictures.sort(key=lambda ending: FIRST.index(ending) if ending in FIRST else len(FIRST))
        beside = {ending: files[ending] for ending in files if ending in TOLD}
        lost.update(f".{one}" for one in files if one not in pictures[:1] and not (pictures and one in beside))
        if pictures:
            yield Sample(shard, key, files[pictures[0]], beside)


def _alone(shards: Sequence[tars.Index]) -> list[Sample]:
    """Every picture as a sample of its own."""
    pictures = [(number, one) for number, shard in enumerate(shards) for one in shard.members if _is_picture(one.name)]
    return [Sample(number, one.name, one, {}) for number, one in pictures]


def _is_picture(name: str) -> bool:
    folder, file = posixpath.split(name)
    return file.lower().endswith(SUFFIXES) and not file.startswith(".") and "__MACOSX" not in folder


def _concepts(files: Sequence[Path], samples: Sequence[Sample], unread: set[str]) -> pd.DataFrame:
    """What lies beside the pictures, and the folder of each where there are several."""
    columns: dict[str, dict[int, object]] = {}
    for number, file in enumerate(files):
        wanted = [
            (member, ending, row)
            for row, sample in enumerate(samples)
            if sample.shard == number
            for ending, member in sample.beside.items()
            if member.size <= LONGEST
        ]
        wanted.sort(key=lambda one: one[0].start)
        for (_, ending, row), content in zip(
            wanted, tars.contents(file, [member for member, _, _ in wanted]), strict=True
        ):
            if not isinstance(content, BadInput):
                for name, value in _told(ending, content, unread).items():
                    columns.setdefault(name, {})[row] = value
    table = pd.DataFrame({name: pd.Series(held) for name, held in columns.items()}, index=range(len(samples)))
    folders = [PurePosixPath(sample.key).parent.name for sample in samples]
    if "class" not in table and len(set(folders)) > 1:
        table["class"] = pd.Categorical([folder or "(none)" for folder in folders])
    return concept_table(table)


def _told(ending: str, content: bytes, unread: set[str]) -> dict[str, object]:
    """Concepts of one file beside a picture: its text, or the plain values of a JSON object."""
    text = content.decode("utf-8", "replace").strip()
    if ending != "json":
        number = ending == "cls" and text.isdecimal()
        return {NAMES.get(ending, ending): int(text) if number else text} if text else {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        unread.add("json that is damaged")
        return {}
    found = found if isinstance(found, dict) else {"json": found}
    plain = {name: value for name, value in found.items() if isinstance(value, str | bool | int | float)}
    unread.update(f"'{name[:80]}'" for name, value in found.items() if name not in plain and value is not None)
    return {name[:80]: value for name, value in list(plain.items())[:MOST]}
