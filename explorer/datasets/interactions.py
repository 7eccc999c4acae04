"""Who looked at what: a table of users and images, read from a file, kept on this machine, and deleted for good.

Users are people. Their ids are kept as they came or, where that is asked for, as short hashes under a key that nobody
keeps; they stand in no address, log or message.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from explorer import access
from explorer.datasets import event_columns, simulated, tables
from explorer.errors import BadInput
from explorer.files import atomic_path, cache_folder, open_regular, read_json, sized
from explorer.lazy import cached_property

if TYPE_CHECKING:
    import pandas as pd

    from explorer.datasets.split import Images
    from explorer.datasets.tastes import Looked

LARGEST = 1024**3  # bytes of a file


@dataclass(frozen=True, eq=False)
class Interactions:
    """What users looked at, of one split; each user and image once.

    Attributes:
        users: U names, in the order of the alphabet; hashes where `hashed`.
        user, item: (M,) int64, users and rows of the images, by user and then by time or row.
        weight: (M,) float64, above 0. time: (M,) float64 seconds since 1970, or None where none is known.
        images: fingerprint of the images. name: of the file. notes: what was left out, a sentence each.
        simulated: what is known of users that were made up; None of people. hashed: whether ids are hashes.
    """

    users: tuple[str, ...]
    user: np.ndarray
    item: np.ndarray
    weight: np.ndarray
    time: np.ndarray | None
    images: str
    name: str
    notes: tuple[str, ...] = ()
    simulated: dict[str, Any] | None = None
    hashed: bool = False

    def __len__(self) -> int:
        return len(self.user)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all of it, under which it is kept."""
        import hashlib

        found = hashlib.sha256(json.dumps([self.users, self.images, self.simulated]).encode())
        for array in (self.user, self.item, self.weight, self.time):
            found.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
        return found.hexdigest()[:16]

    @property
    def key(self) -> str:
        """What stands for it in keys of what is kept in memory."""
        return self.fingerprint

    def of(self, user: int) -> np.ndarray:
        """Places (m,) of a user's rows, the latest first where there are times."""
        low, high = np.searchsorted(self.user, [user, user + 1])
        found = np.arange(low, high)
        return found if self.time is None else found[np.argsort(-self.time[found], kind="stable")]

    @cached_property
    def counts(self) -> np.ndarray:
        """(U,) images of each user."""
        return np.bincount(self.user, minlength=len(self.users))


def read(path: str | Path, images: Images, *, hashed: bool = False) -> Interactions:
    """A CSV, TSV or Parquet table with a column of users and one of images; perhaps a weight and a time.

    An image is named by its file, as tables of labels do, or by its row in the split, from 0.

    Raises:
        BadInput: a file that cannot be used, in one sentence.
    """
    try:
        path = access.check(Path(path).expanduser())
        with open_regular(path) as file:
            size = file.seek(0, 2)
            if size > LARGEST:
                raise BadInput(
                    f"'{path.name}' has {sized(size)}; {sized(LARGEST)} can be read: split it, or use Parquet"
                )
            file.seek(0)
            content = file.read()
    except BadInput:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # nobody's home, or no path at all
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"'{Path(path).name[:60]}' cannot be read ({why})") from None
    return take(path.name, content, images, hashed=hashed, facts=simulated.read(path))


def take(
    name: str, content: bytes, images: Images, *, hashed: bool = False, facts: dict[str, Any] | None = None
) -> Interactions:
    """The same of the bytes of a file called `name`; `facts` are those of simulated users."""
    try:
        if not content.strip():
            raise BadInput("is empty")
        if name.lower().endswith(tables.OTHERS):
            raise BadInput("is a spreadsheet; save it as CSV there, and bring that file")
        found, said = tables.read(name, content)
        if len(found) >= tables.MAX_ROWS:
            said += (f"only its first {tables.MAX_ROWS:,} rows are read",)
        facts = simulated.parse(name, content, found) if facts is None else facts
        return of_table(found, images, name, hashed=hashed, facts=facts, notes=said)
    except BadInput as problem:
        raise BadInput(f"'{name}' {problem}") from None


def of_simulated(looked: Looked, images: Images) -> Interactions:
    """Those of users that were made up."""
    found = simulated.table(looked, images).assign(image_id=looked.item)
    return of_table(found, images, "simulated users", facts=looked.facts())


def of_table(
    found: pd.DataFrame,
    images: Images,
    name: str,
    *,
    hashed: bool = False,
    facts: dict[str, Any] | None = None,
    notes: tuple[str, ...] = (),
) -> Interactions:
    """The same of a table of cells; BadInput as the end of a sentence about it."""
    found = found.loc[:, ~found.columns.duplicated()]
    names = list(found.columns)
    columns = {what: event_columns.find(names, what) for what in event_columns.NAMES}
    for what in ("user", "image"):
        if columns[what] is None:
            have = ", ".join(f"'{str(column)[:30]}'" for column in names[:8])
            raise BadInput(f"has no column of {what}s; call one {what}_id (it has {have})")
    said = list(notes)
    user, people = event_columns.distinct(found[columns["user"]])
    item = event_columns.images_of(found[columns["image"]], images, said)
    weight = event_columns.weights(found, columns["weight"], said)
    time = event_columns.times(found, columns["time"], said)
    if nobody := int((user < 0).sum()):
        said.append(event_columns.left_out(nobody, "name no user", len(user)))
    keep = (user >= 0) & (item >= 0) & (weight > 0)
    keep = keep if time is None else keep & ~np.isnan(time)
    if not keep.any():
        raise BadInput(f"has no row that can be used of {len(found):,}{': ' + '; '.join(said) if said else ''}")
    lost = len(people) - len(np.unique(user[keep]))
    if lost:
        said.append(f"{lost:,} {'user has' if lost == 1 else 'users have'} no row that can be used, and are left out")
    name_of = _hashes() if hashed else event_columns.shown
    rows = _Rows(user[keep], item[keep], weight[keep], None if time is None else time[keep])
    return _merged(rows, [name_of(one) for one in people], images, name, said, hashed=hashed, facts=facts)


class _Rows(NamedTuple):
    """Rows of a table, before each user and image is there once."""

    user: np.ndarray
    item: np.ndarray
    weight: np.ndarray
    time: np.ndarray | None


def _merged(
    rows: _Rows, people: list[str], images: Images, name: str, said: list[str], *, hashed: bool, facts: Any
) -> Interactions:
    """Each user and image once: weights are added, and the last time counts."""
    users = sorted({people[one] for one in np.unique(rows.user)})
    place = {one: at for at, one in enumerate(users)}
    user = np.array([place.get(one, -1) for one in people], np.int64)[rows.user]
    pairs, again = np.unique(user * len(images) + rows.item, return_inverse=True)
    weight, time = np.bincount(again, rows.weight), None
    if rows.time is not None:
        time = np.full(len(pairs), -np.inf)
        np.maximum.at(time, again, rows.time)
    if more := len(user) - len(pairs):
        said.append(
            f"{more:,} {'row repeats' if more == 1 else 'rows repeat'} a user and an image; the weights are added"
            + (", and the last time counts" if time is not None else "")
        )
    if len(users) == 1:
        said.append("there is one user only, so nothing can be said of users among themselves")
    user, item = pairs // len(images), pairs % len(images)
    order = np.lexsort((item, user) if time is None else (item, time, user))
    return Interactions(
        tuple(users), user[order], item[order], weight[order], None if time is None else time[order],
        images.fingerprint, name, tuple(said), simulated.fitting(facts, len(pairs), hashed), hashed,
    )  # fmt: skip


def _hashes() -> Callable[[str], str]:
    """Short hashes of names under a key that is forgotten, so that nobody can look a name up."""
    import hashlib
    import secrets

    key = secrets.token_bytes(32)
    return lambda name: hashlib.blake2b(name.encode(), key=key, digest_size=8).hexdigest()


# ---- kept on this machine


def keep(found: Interactions) -> str:
    """Keeps it in the cache folder, and returns the key that `find` knows it by."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    facts = {"name": found.name, "images": found.images, "notes": found.notes, "simulated": found.simulated}
    facts |= {"hashed": found.hashed, "users": found.users}
    columns = {"user": found.user, "item": found.item, "weight": found.weight}
    if found.time is not None:
        columns["time"] = found.time
    table = pa.table(columns).replace_schema_metadata({"interactions": json.dumps(facts)})
    with atomic_path(_place(found.fingerprint)) as temporary:
        pq.write_table(table, temporary)
    return found.fingerprint


def find(key: str) -> Interactions:
    """What is kept under a key.

    Raises:
        BadInput: nothing is, or it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not key.isalnum() or not _place(key).is_file():
        raise BadInput("these users are not kept here (any more); bring the file again")
    try:
        table = pq.read_table(_place(key))
        facts = json.loads(table.schema.metadata[b"interactions"])
        columns = {name: table[name].to_numpy() for name in table.column_names}
        users = tuple(map(str, facts["users"]))
        found = Interactions(
            users, columns["user"], columns["item"], columns["weight"], columns.get("time"), str(facts["images"]),
            str(facts["name"]), tuple(facts["notes"]), facts["simulated"], bool(facts["hashed"]),
        )  # fmt: skip
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException):
        raise BadInput("these users are damaged; delete them, and bring the file again") from None
    if found.fingerprint != key:
        raise BadInput("these users are damaged; delete them, and bring the file again")
    return found


def kept(images: str) -> dict[str, str]:
    """{key: name} of those that are kept of the images with a fingerprint, the latest first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = {}
    for place in sorted(_place("x").parent.glob("*.parquet"), key=lambda one: -one.stat().st_mtime):
        try:
            facts = json.loads((pq.read_schema(place).metadata or {})[b"interactions"])
            if facts["images"] == images:
                found[place.stem] = str(facts["name"])
        except (OSError, ValueError, LookupError, TypeError, pa.ArrowException):
            continue  # damaged; `find` says so to whoever asks for it
    return found


def stamp(key: str) -> int | None:
    """When it was kept, in nanoseconds; None where it is not there."""
    try:
        return _place(key).stat().st_mtime_ns if key.isalnum() else None
    except OSError:
        return None


def forget(key: str) -> None:
    """Deletes it for good, and every result that was made of it; nothing happens where it is not there."""
    if not key.isalnum():
        return
    _place(key).unlink(missing_ok=True)
    for result in (cache_folder() / "relations").glob("*.json"):
        try:
            if read_json(result).get("interactions") == key:
                result.unlink(missing_ok=True)
        except (OSError, ValueError, AttributeError):
            continue


def fitting(found: Interactions, images: Images) -> Interactions:
    """The same where it is of these images; BadInput where it is of others."""
    if found.images != images.fingerprint:
        raise BadInput(f"'{found.name}' is of other images than {images.name} ({images.split}); bring the file again")
    return found


def known(found: Interactions, rows: np.ndarray) -> Interactions:
    """The interactions at some places (m,), with the same users."""
    time = None if found.time is None else found.time[rows]
    return replace(found, user=found.user[rows], item=found.item[rows], weight=found.weight[rows], time=time)


def _place(key: str) -> Path:
    return cache_folder() / "interactions" / f"{key}.parquet"
