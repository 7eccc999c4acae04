"""An Encoding while it is written: fragments of one Lance dataset, made by any number of processes side by side.

A fragment is a few thousand rows in a file of its own; it counts once its record lies in the folder `unfinished`, so
that after a kill whole fragments are there and the rest is made. Who makes which is agreed on by claims, which the
kernel gives back when their process ends. Where a file system has no locks two may make the same fragment: the last
record counts. When all are there, one commit makes a dataset of them, in order, and the records are removed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from explorer import places
from explorer.encodings import codebooks
from explorer.encodings.layout import CLAIMS, JOURNAL, MARKER, RECORDS, complete, is_ours
from explorer.errors import BadInput
from explorer.files import read_json, write_bytes, write_json
from explorer.jobs.locks import Claims
from explorer.progress import Progress

FINISH, BOOKS, PRESENT, SLOTS, FIRST = 0, 1, 2, 1024, 2048  # what is claimed: steps, presence, fragments from FIRST on
TRIES = 5  # to write a marker of files that another machine removes at the same moment
WAIT = 0.2  # seconds between two looks at what others do


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a set that processes encode side by side; `number` counts from 1."""

    number: int = 1
    count: int = 1

    @classmethod
    def of(cls, text: str) -> Shard:
        """`2/8` is the second of eight; raises BadInput."""
        found = re.fullmatch(r"\s*(\d{1,7})\s*/\s*(\d{1,7})\s*", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise BadInput(f"shard {text!r} is none; give i/n with i from 1 to n, such as 1/4, and run each of the n")
        return cls(int(found[1]), int(found[2]))

    def fragments(self, total: int) -> range:
        """Its fragments of `total`; neighbours, and none where there are more shards than fragments."""
        return range(total * (self.number - 1) // self.count, total * self.number // self.count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


class Unfinished:
    """The folder of an Encoding that is not complete.

    Args:
        identity: what must be equal for fragments to belong together.
        images: N rows. rows: of a fragment; the last one may have fewer.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], images: int, rows: int) -> None:
        self.folder, self.identity, self.images, self.rows = Path(folder), identity, images, rows
        self.records_folder = self.folder / RECORDS
        self.remote = places.remote(self.folder)  # where its rows are, if not here
        self.claims: Claims

    def __len__(self) -> int:
        return -(-self.images // self.rows)

    def span(self, index: int) -> tuple[int, int]:
        """First row of a fragment, and the one behind its last."""
        return index * self.rows, min((index + 1) * self.rows, self.images)

    def size(self, indexes) -> int:
        """Rows of some fragments."""
        return sum(stop - start for start, stop in map(self.span, indexes))

    # ---- coming and going

    @contextmanager
    def entered(self) -> Iterator[dict[str, Any] | None]:
        """Joins those who write the same, or begins, emptying a folder of something else that nobody writes.

        Yields the facts of the Encoding where it is complete meanwhile.

        Raises:
            BadInput: the folder is not an Encoding, or others are writing another one into it.
        """
        strange = not self.folder.is_dir() or (any(self.folder.iterdir()) and not is_ours(self.folder))
        if self.remote is None and self.folder.exists() and strange:
            raise BadInput(f"{self.folder} exists and is not an encoding; choose another name ending in .lance")
        if self.remote is not None:
            self.remote.join(RECORDS, JOURNAL, codebooks.FILE)
        while (facts := complete(self.folder, self.identity["key"])) is None and not self._enter():
            time.sleep(WAIT)
        try:
            yield facts
        finally:
            if facts is None:
                self.claims.close()

    def _enter(self) -> bool:
        """Whether this process is among those who write; False where the folder changed meanwhile."""
        self.claims = claims = Claims(self.records_folder / CLAIMS)
        if claims.take(PRESENT, SLOTS):  # nobody else is here
            if complete(self.folder, self.identity["key"]) is not None:
                shutil.rmtree(self.records_folder)
            elif not self._fits():
                self._empty()
                write_json(self.folder / JOURNAL, self.identity)
                self._sent(JOURNAL)
            claims.give(PRESENT, SLOTS)
        elif self._identity() not in (None, self.identity):
            claims.close()
            raise BadInput(
                f"other processes are encoding something else into {self.folder}; wait for them, or choose another name"
            )
        if not any(claims.take(PRESENT + slot) for slot in range(SLOTS)):
            claims.close()
            raise BadInput(f"{SLOTS:,} processes are encoding into {self.folder} already; let this one wait for them")
        if claims.current() and self._identity() == self.identity:
            return True
        claims.close()
        return False

    def _identity(self) -> Any:
        try:
            return read_json(self.folder / JOURNAL)
        except (OSError, ValueError):
            return None

    def _fits(self) -> bool:
        """Whether what is there belongs to this encoding; records of files that are cut off are forgotten."""
        if self._identity() != self.identity or (self.folder / MARKER).exists():
            return False
        there = self.there()
        if there:
            try:
                codebooks.load(self.folder / codebooks.FILE)
            except (OSError, ValueError):
                return False
        sizes = self._sizes() if there else {}
        for index in there:
            try:
                files = self.record(index)["fragment"]["files"]
                whole = all(sizes.get(f"data/{file['path']}") == file["file_size_bytes"] for file in files)
            except (OSError, ValueError, KeyError, TypeError):
                whole = False
            if not whole:
                self._forget(index)
        return True

    def _empty(self) -> None:
        (self.folder / MARKER).unlink(missing_ok=True)
        if self.remote is not None:
            self.remote.remove(MARKER, *(name for name in self.remote.sizes() if name != MARKER))
        for path in self.records_folder.iterdir():  # first, since they say that the rest is there
            if path.name != CLAIMS:
                path.unlink()
        for path in self.folder.iterdir():
            if path.is_dir() and path != self.records_folder:
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()

    # ---- who makes what

    def there(self) -> set[int]:
        """Fragments that are stored."""
        if self.remote is not None:
            self.remote.catch_up(RECORDS, MARKER)
        names = os.listdir(self.records_folder) if self.records_folder.is_dir() else []
        return {int(name[:-5]) for name in names if re.fullmatch(r"\d+\.json", name)}

    def todo(self, own: range, help_others: bool) -> Iterator[int]:
        """Fragments that are missing, claimed as they are asked for: those of `own`, then those of others from the end.

        What another process has claimed is left out.
        """
        others = [index for index in reversed(range(len(self))) if index not in own] if help_others else []
        for index in [*own, *others]:
            if self._path(index).exists() or not self.claims.take(FIRST + index):
                continue
            if not self.claims.current():  # all was there, and is complete now
                return
            if self._path(index).exists():
                self.claims.give(FIRST + index)
            else:
                yield index

    @contextmanager
    def alone(self, step: int, progress: Progress, done: int = 0) -> Iterator[None]:
        """One process at a time does a step; the others wait, and find it done."""
        while not self.claims.take(step):
            progress.update(done, "another process is writing this; waiting")
            time.sleep(WAIT)
        try:
            yield
        finally:
            self.claims.give(step)

    # ---- storage

    def store(self, index: int, table, **figures: Any) -> None:
        """Writes a fragment, then its record with the figures, and gives the claim back; BadInput as `check_there`."""
        schema = self.records_folder / "schema"
        try:
            if not schema.exists() and self.claims.current():
                write_bytes(schema, table.schema.serialize().to_pybytes())
                self._sent(f"{RECORDS}/schema")
            made = self._written(table)
        except FileNotFoundError:
            self.check_there()
            raise
        if self.claims.current():
            write_json(self._path(index), {**figures, "rows": table.num_rows, "fragment": made})
            self._sent(f"{RECORDS}/{self._path(index).name}")
        elif self.remote is None:
            self._take_back(made)
        self.claims.give(FIRST + index)

    def _take_back(self, made: dict[str, Any]) -> None:
        """Removes a fragment that came too late, and the folder where it is all that is there."""
        with suppress(OSError):
            for file in made["files"]:
                (self.folder / "data" / file["path"]).unlink()
            (self.folder / "data").rmdir()
            self.folder.rmdir()

    def check_there(self) -> None:
        """Raises BadInput where the folder was removed, and not because all is complete."""
        if not self.claims.current() and complete(self.folder, self.identity["key"]) is None:
            raise BadInput(f"{self.folder} was removed while it was being written; encode again")

    def _written(self, table) -> dict[str, Any]:
        """Facts of a new fragment, whose rows are safe by then."""
        from lance.fragment import LanceFragment

        with self._told() as where:
            made = LanceFragment.create(self._uri, table, mode="create", **where).to_json()
        for file in made["files"]:
            if self.remote is not None:
                file["file_size_bytes"] = self.remote.size(f"data/{file['path']}")
                continue
            path = self.folder / "data" / file["path"]
            file["file_size_bytes"] = path.stat().st_size
            with path.open("rb") as stored:  # a record must not be on the disk before its rows are
                os.fsync(stored.fileno())
        return made

    def forget(self, books: str) -> int:
        """Forgets fragments that were made with other codebooks than `books`, and returns how many: where there are no
        locks, as in object storage, two may have fitted some at once, of which the last stayed."""
        other = [index for index in self.there() if self.record(index).get("codebooks") != books]
        for index in other:
            self._forget(index)
        return len(other)

    def _forget(self, index: int) -> None:
        path = self._path(index)
        if self.remote is not None:
            self.remote.remove(f"{RECORDS}/{path.name}")
        path.unlink(missing_ok=True)

    def record(self, index: int) -> dict[str, Any]:
        """What `store` wrote of a fragment."""
        return read_json(self._path(index))

    def commit(self, facts: dict[str, Any]) -> None:
        """Makes one dataset of all fragments, in order, and removes files that belong to none.

        Args:
            facts: are kept in the metadata of its schema.
        """
        import lance
        import pyarrow as pa
        from lance.fragment import FragmentMetadata

        made = [self.record(index)["fragment"] for index in range(len(self))]
        fragments = [FragmentMetadata.from_json(json.dumps(one)) for one in made]
        schema = pa.ipc.read_schema(pa.py_buffer((self.records_folder / "schema").read_bytes()))
        schema = schema.with_metadata({"explorer": json.dumps(facts)})
        with self._told() as where:
            dataset = lance.LanceDataset.commit(self._uri, lance.LanceOperation.Overwrite(schema, fragments), **where)
            dataset.cleanup_old_versions(timedelta(0), delete_unverified=True)
        for path in [*self.folder.glob(".*"), *self.folder.glob("postings/.*")]:
            path.unlink()  # halves of files, which a kill left under their temporary names

    def close(self, facts: dict[str, Any]) -> None:
        """Writes the marker, which makes the Encoding complete, and removes the records."""
        books = {codebooks.FILE: (self.folder / codebooks.FILE).stat().st_size}
        for _ in range(TRIES):
            kept = {name: size for name, size in self._sizes().items() if name.endswith((".lance", ".manifest"))}
            facts["files"] = kept | books
            write_json(self.folder / MARKER, facts)
            self._sent(MARKER)
            if self.remote is None or kept.items() <= self._sizes().items():
                break  # else another machine was as far, and removed the version that this one had made
        if self.remote is not None:
            self.remote.remove(JOURNAL, *self.remote.sizes(RECORDS))
        tidy(self.folder)

    @contextmanager
    def _told(self) -> Iterator[dict[str, Any]]:
        """What Lance has to be told of the place, and what it says of storage as one sentence."""
        if self.remote is None:
            yield {}
            return
        with self.remote.explained():
            yield {"storage_options": self.remote.options}

    @property
    def _uri(self) -> str:
        return str(self.folder) if self.remote is None else self.remote.uri

    def _sent(self, name: str) -> None:
        if self.remote is not None:
            self.remote.push(name)

    def _sizes(self) -> dict[str, int]:
        """Bytes of the files with the rows, by name."""
        if self.remote is not None:
            parts = self.remote.sizes("data") | self.remote.sizes("_versions")
        else:
            found = [path for part in ("data", "_versions") for path in (self.folder / part).rglob("*")]
            parts = {p.relative_to(self.folder).as_posix(): p.stat().st_size for p in found if p.is_file()}
        return dict(sorted(parts.items()))

    def _path(self, index: int) -> Path:
        return self.records_folder / f"{index:07d}.json"


def tidy(folder: Path) -> None:
    """Removes what a complete Encoding was written with, a kill may have left some of it."""
    records = folder / RECORDS
    if records.exists() or (folder / JOURNAL).exists():
        with suppress(OSError):  # nothing of it counts any more
            (records / CLAIMS).unlink(missing_ok=True)  # first: others see by it that nothing is left to do
        shutil.rmtree(records, ignore_errors=True)
        with suppress(OSError):
            (folder / JOURNAL).unlink(missing_ok=True)


def busy(records: list[dict[str, Any]]) -> float:
    """Seconds in which at least one fragment was being made, whoever made it and however often the work was stopped."""
    seconds, until = 0.0, float("-inf")
    for began, ended in sorted((record["began"], record["ended"]) for record in records):
        seconds += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return seconds
