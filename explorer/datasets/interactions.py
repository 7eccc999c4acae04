"""Who looked at what: a table of users and images, read from a file, kept on this machine, and deleted for good.

Users are people. Their ids are kept as they came or, where that is asked for, as short hashes under a key that nobody
keeps; they stand in no address, log or message.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.datasets import naming, simulated, tables
from explorer.errors import BadInput
from explorer.files import atomic_path, cache_folder, open_regular, read_json, sized

if TYPE_CHECKING:
    import pandas as pd

    from explorer.datasets.split import Images
    from explorer.datasets.tastes import Looked

LARGEST = 1024**3  # bytes of a file
COLUMNS = {  # names of columns, the surest first; compared without case, blanks, - and _
    "user": ("userid", "user", "customerid", "customer", "visitorid", "visitor", "clientid", "client", "memberid",
             "member", "accountid", "account", "sessionid", "session", "uid", "buyer", "person"),
    "image": ("imageid", "productid", "itemid", "product", "item", "articleid", "article", "sku"),
    "weight": ("weight", "rating", "quantity", "count", "score", "clicks", "views", "value", "stars"),
    "time": ("time", "timestamp", "date", "datetime", "eventtime", "createdat", "at", "ts", "when", "day"),
}  # fmt: skip
UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # a time since 1970 that is so large is in nano-, micro-, milliseconds


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
    path = Path(path).expanduser()
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            if size > LARGEST:
                raise BadInput(
                    f"'{path.name}' has {sized(size)}; {sized(LARGEST)} can be read: split it, or use Parquet"
                )
            file.seek(0)
            content = file.read()
    except OSError as error:
        raise BadInput(f"'{path.name}' cannot be read ({error.strerror or error})") from None
    return take(path.name, content, images, hashed=hashed, facts=simulated.read(path))


def take(
    name: str, content: bytes, images: Images, *, hashed: bool = False, facts: dict[str, Any] | None = None
) -> Interactions:
    """The same of the bytes of a file called `name`; `facts` are those of simulated users."""
    try:
        if not content.strip():
            raise BadInput("is empty")
        found, said = tables.read(name, content)
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
    import pandas as pd

    columns = {what: _column(list(found.columns), what) for what in COLUMNS}
    for what in ("user", "image"):
        if columns[what] is None:
            have = ", ".join(f"'{str(column)[:30]}'" for column in found.columns[:8])
            raise BadInput(f"has no column of {what}s; call one {what}_id (it has {have})")
    said = list(notes)
    users = _text(found[columns["user"]])
    item = _images(found[columns["image"]], images, said)
    weight = _weights(found, columns["weight"], said)
    time = _times(found, columns["time"], said)
    keep = (users != "").to_numpy() & (item >= 0) & (weight > 0)
    keep = keep if time is None else keep & ~np.isnan(time)
    if nobody := int((users == "").sum()):
        said.append(_left_out(nobody, "name no user"))
    if not keep.any():
        raise BadInput(f"has no row that can be used of {len(found):,}{': ' + '; '.join(said) if said else ''}")
    names = users[keep].map(_hashes()) if hashed else users[keep]
    lost = users[users != ""].nunique() - users[keep].nunique()
    if lost:
        said.append(f"{lost:,} {'user has' if lost == 1 else 'users have'} no image here and are left out")
    rows = pd.DataFrame({"user": names, "item": item[keep], "weight": weight[keep]})
    if time is not None:
        rows["time"] = time[keep]
    return _merged(rows, images, name, said, hashed=hashed, facts=facts)


def _merged(
    rows: pd.DataFrame, images: Images, name: str, said: list[str], *, hashed: bool, facts: Any
) -> Interactions:
    """Each user and image once: weights are added, and the last time counts."""
    import pandas as pd

    codes, users = pd.factorize(rows["user"], sort=True)
    whole = rows.assign(user=codes).groupby(["user", "item"], sort=True)
    once = whole.agg({"weight": "sum", **({"time": "max"} if "time" in rows else {})}).reset_index()
    if len(once) < len(rows):
        said.append(
            f"{len(rows) - len(once):,} rows repeat a user and an image; their weights are added"
            + (", and the last time counts" if "time" in rows else "")
        )
    once = once.sort_values([*("user", "time", "item")] if "time" in once else ["user", "item"], kind="stable")
    if len(users) == 1:
        said.append("there is one user only, so nothing can be said of users among themselves")
    return Interactions(
        tuple(map(str, users)), once["user"].to_numpy(np.int64), once["item"].to_numpy(np.int64),
        once["weight"].to_numpy(np.float64), once["time"].to_numpy(np.float64) if "time" in once else None,
        images.fingerprint, name, tuple(said), simulated.fitting(facts, len(once), hashed), hashed,
    )  # fmt: skip


# ---- columns


def _column(names: list[Any], what: str) -> Any:
    plain = {"".join(letter for letter in str(name).casefold() if letter.isalnum()): name for name in reversed(names)}
    found = next((plain[name] for name in COLUMNS[what] if name in plain), None)
    if found is None and what == "image":
        taken = {_column(names, other) for other in ("user", "weight", "time")}
        found = next((name for name in naming.usual(names) if naming.is_usual(name) and name not in taken), None)
    return found


def _text(column: pd.Series) -> pd.Series:
    """Cells as text without blanks around them, "" where there is none; whole numbers without a point."""
    import pandas as pd

    if pd.api.types.is_float_dtype(column.dtype) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    text = column.astype("string").fillna("").str.strip().astype(object)
    return text.where(~text.str.casefold().isin(("nan", "none", "null", "<na>")), "")


def _images(column: pd.Series, images: Images, said: list[str]) -> np.ndarray:
    """(R,) rows of the images that cells name, -1 where there is none: by file name, or else by row number."""
    import pandas as pd

    text = _text(column)
    codes, listed = pd.factorize(text)
    numbers = pd.to_numeric(pd.Series(listed, dtype=object), errors="coerce").to_numpy(np.float64)
    whole = np.isfinite(numbers) & (numbers % 1 == 0) & (numbers >= 0)
    by_name = naming.Images(images.names, "").find(list(listed)) if not whole.all() or _numbered(images) else None
    if by_name is None or (whole.mean() > 0.5 and (by_name >= 0).mean() < 0.5):
        found = np.where(whole & (numbers < len(images)), numbers, naming.NONE)
        found = np.where(np.asarray(listed) == "", naming.NONE, np.nan_to_num(found, nan=naming.NONE)).astype(np.int64)
    else:
        found = by_name
    rows = found[codes]
    for fault, what in ((naming.NONE, "name no image of this split"), (naming.AMBIGUOUS, "may mean several images")):
        if count := int((rows == fault).sum()):
            said.append(_left_out(count, what, len(rows)))
    return rows


def _numbered(images: Images) -> bool:
    """Whether files are called by numbers, so that a number may be a name."""
    return any(Path(str(name)).stem.isdecimal() for name in list(images.names[:50]))


def _weights(found: pd.DataFrame, column: Any, said: list[str]) -> np.ndarray:
    """(R,) float64; NaN where there is none that can be used."""
    import pandas as pd

    if column is None:
        return np.ones(len(found))
    weight = pd.to_numeric(found[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    weight = np.where(np.isfinite(weight) & (weight > 0), weight, np.nan)
    if bad := int(np.isnan(weight).sum()):
        said.append(_left_out(bad, f"have no number above 0 as '{str(column)[:30]}'", len(weight)))
    return weight


def _times(found: pd.DataFrame, column: Any, said: list[str]) -> np.ndarray | None:
    """(R,) float64 seconds since 1970, NaN where it cannot be read; None where hardly any can."""
    import pandas as pd

    if column is None:
        return None
    cells = found[column]
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        seconds = _seconds(pd.to_datetime(cells, utc=True))
    else:
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        if np.isfinite(numbers).mean() > 0.5:
            large = float(np.nanmedian(np.abs(numbers)))
            seconds = numbers / next((unit for least, unit in UNITS if large >= least), 1)
        else:
            seconds = _seconds(pd.to_datetime(_text(cells), utc=True, errors="coerce", format="ISO8601"))
    seconds = np.where(np.isfinite(seconds), seconds, np.nan)
    bad = int(np.isnan(seconds).sum())
    if bad > len(seconds) / 2:
        said.append(
            f"'{str(column)[:30]}' is not used: write times as seconds since 1970, or as 2026-11-28T09:30:00"
        )  # fmt: skip
        return None
    if bad:
        said.append(_left_out(bad, f"have no time in '{str(column)[:30]}' that can be read", len(seconds)))
    return seconds


def _seconds(times: pd.Series) -> np.ndarray:
    import pandas as pd

    return ((times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).to_numpy(np.float64, na_value=np.nan)


def _left_out(count: int, why: str, of: int = 0) -> str:
    return f"{count:,}{f' of {of:,}' if of else ''} rows {why}, and are left out"


def _hashes() -> Callable[[str], str]:
    """Short hashes of names under a key that is forgotten, so that nobody can look a name up."""
    import hashlib
    import secrets

    key = secrets.token_bytes(32)
    return lambda name: hashlib.blake2b(name.encode(), key=key, digest_size=6).hexdigest()


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
