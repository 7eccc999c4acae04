"""Columns of a table of who looked at what: people, images, weights and times, as people's files write them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.datasets import naming, tables
from explorer.errors import BadInput, printable

if TYPE_CHECKING:
    import pandas as pd

    from explorer.datasets.split import Images

NAMES = {  # of columns, the surest first; compared without case, blanks, - and _
    "user": ("userid", "user", "customerid", "customer", "visitorid", "visitor", "clientid", "client", "memberid",
             "member", "accountid", "account", "sessionid", "session", "uid", "buyer", "person"),
    "image": ("imageid", "productid", "itemid", "product", "item", "articleid", "article", "sku"),
    "weight": ("weight", "rating", "quantity", "count", "score", "clicks", "views", "value", "stars"),
    "time": ("time", "timestamp", "date", "datetime", "eventtime", "createdat", "at", "ts", "when", "day"),
}  # fmt: skip
NOBODY = ("", "nan", "none", "null", "<na>")
LEAST, MOST = 1e-12, 1e12  # of a weight: sums of others are no numbers any more
UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # a time since 1970 that is so large is in nano-, micro-, milliseconds
DATES = ((19000101, 21001231, "%Y%m%d"), (19000101000000, 21001231235959, "%Y%m%d%H%M%S"))  # numbers that are dates
LATEST = 2.5e11  # seconds since 1970: the year 9892
NAME = 10_000  # letters of a name that is read
LONGEST = 200  # letters of the name of a person


def find(names: list[Any], what: str) -> Any:
    """The column of users, images, weights or times among the names of all; None where there is none."""
    plain = {"".join(letter for letter in str(name).casefold() if letter.isalnum()): name for name in reversed(names)}
    found = next((plain[name] for name in NAMES[what] if name in plain), None)
    if found is None and what == "image":
        taken = {find(names, other) for other in ("user", "weight", "time")}
        found = next((name for name in naming.usual(names) if naming.is_usual(name) and name not in taken), None)
    return found


def distinct(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """(R,) which text each cell is, -1 where it says nothing, and the texts, without blanks around them.

    Whole numbers have no point. Raises BadInput, as the end of a sentence, where a name has more than NAME letters.
    """
    import pandas as pd

    known = column.dropna()
    if pd.api.types.is_float_dtype(column.dtype) and ((known % 1 == 0) & (known.abs() < 2**63)).all():
        column = column.astype("Int64")
    try:
        codes, cells = pd.factorize(column)
    except TypeError:  # lists and the like, of JSON
        codes, cells = pd.factorize(column.map(str))
    cells = pd.Series(cells).astype("string")
    if (longest := int(cells.str.len().fillna(0).to_numpy(np.int64).max(initial=0))) > NAME:
        raise BadInput(f"has a name of {longest:,} letters; names of up to {NAME:,} can be read")
    texts = cells.fillna("").str.strip()
    again, listed = pd.factorize(texts.where(~texts.str.casefold().isin(NOBODY)).astype(object))
    return np.where(codes < 0, -1, np.append(again, -1)[codes]), [str(text) for text in listed]


def shown(name: str) -> str:
    """A person's name as it can be shown: on one line, without codes that a terminal obeys, and not endless."""
    import hashlib

    name = printable(name)
    if len(name) <= LONGEST:
        return name
    return f"{name[:60]}…{hashlib.blake2b(name.encode(), digest_size=6).hexdigest()}"


def images_of(column: pd.Series, images: Images, said: list[str]) -> np.ndarray:
    """(R,) rows of the images that cells name, below 0 where there is none: by file name, or else by row number."""
    import pandas as pd

    codes, listed = distinct(column)
    numbers = pd.to_numeric(pd.Series(listed, dtype=object), errors="coerce").to_numpy(np.float64)
    numbers = np.where(np.isfinite(numbers), numbers, -1)
    whole = (numbers % 1 == 0) & (numbers >= 0) & (numbers < len(images))
    found = np.where(whole, numbers, naming.NONE).astype(np.int64)
    if not whole.all() or _numbered(images):
        by_name = naming.Images(images.names, "").find(listed)
        as_rows = _rows_are_meant(whole, by_name)
        if whole.any() and (by_name >= 0).any():
            said.append(f"numbers of images are read as {'rows of the split, from 0' if as_rows else 'names of files'}")
        found = found if as_rows else by_name
    rows = np.append(found, naming.NONE)[codes]
    for fault, what in ((naming.NONE, "name no image of this split"), (naming.AMBIGUOUS, "may mean several images")):
        if count := int((rows == fault).sum()):
            said.append(left_out(count, what, len(rows)))
    return rows


def _rows_are_meant(whole: np.ndarray, by_name: np.ndarray) -> bool:
    """Whether cells are row numbers: of most that are no names, while most are no names."""
    named = by_name >= 0
    return bool(whole.sum() > named.sum() and named.sum() * 2 < max(len(named), 1))


def _numbered(images: Images) -> bool:
    """Whether files are called by numbers, so that a number may be a name."""
    return any(Path(str(name)).stem.isdecimal() for name in list(images.names[:50]))


def weights(found: pd.DataFrame, column: Any, said: list[str]) -> np.ndarray:
    """(R,) float64; NaN where there is none that can be used, 1 for all where hardly any is a number."""
    if column is None:
        return np.ones(len(found))
    weight, name = _numbers(found[column]), shown(str(column)[:30])
    if np.isnan(weight).mean() > 0.5:
        said.append(f"'{name}' is not used, since most of it are no numbers: every row counts the same")
        return np.ones(len(found))
    weight = np.where((weight >= LEAST) & (weight <= MOST), weight, np.nan)
    if bad := int(np.isnan(weight).sum()):
        said.append(left_out(bad, f"have no number above 0 as '{name}'", len(weight)))
    return weight


def _numbers(cells: pd.Series) -> np.ndarray:
    """(R,) float64, NaN for what is none; text may have a decimal comma."""
    import pandas as pd

    found = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan, copy=True)
    if pd.api.types.is_numeric_dtype(cells.dtype) or not (odd := np.isnan(found)).any():
        return found
    commas = cells[odd].astype(str)
    commas = commas[commas.str.contains(",", regex=False)]
    typed = tables.typed(commas.reset_index(drop=True)) if len(commas) else commas
    if len(commas) and pd.api.types.is_numeric_dtype(typed.dtype):
        found[cells.index.get_indexer(commas.index)] = typed.to_numpy(np.float64)
    return found


def times(found: pd.DataFrame, column: Any, said: list[str]) -> np.ndarray | None:
    """(R,) float64 seconds since 1970, NaN where it cannot be read; None where hardly any can."""
    import pandas as pd

    if column is None:
        return None
    cells, name = found[column], shown(str(column)[:30])
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        seconds = _seconds(pd.to_datetime(cells, utc=True))
    else:
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        if np.isfinite(numbers).mean() > 0.5:
            seconds = _of_numbers(numbers)
        else:
            text = cells.astype("string").str.strip().astype(object)
            seconds = _seconds(pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601"))
    seconds = np.where(np.abs(seconds) <= LATEST, seconds, np.nan)
    bad = int(np.isnan(seconds).sum())
    if bad > len(seconds) / 2:
        said.append(f"'{name}' is not used: write times as seconds since 1970, or as 2026-11-28T09:30:00")
        return None
    if bad:
        said.append(left_out(bad, f"have no time in '{name}' that can be read", len(seconds)))
    return seconds


def _of_numbers(numbers: np.ndarray) -> np.ndarray:
    """(R,) seconds since 1970 of numbers in any unit, or of dates that are written as one number, 20261128."""
    import pandas as pd

    middle = float(np.nanmedian(numbers[np.isfinite(numbers)]))
    for low, high, pattern in DATES:
        if low <= middle <= high:
            dates = (numbers >= low) & (numbers <= high) & (numbers % 1 == 0)
            text = pd.Series(numbers).where(dates).astype("Int64").astype("string")
            return _seconds(pd.to_datetime(text, utc=True, errors="coerce", format=pattern))
    size = np.abs(numbers)
    return numbers / np.select([size >= least for least, _ in UNITS], [unit for _, unit in UNITS], 1.0)


def _seconds(moments: pd.Series) -> np.ndarray:
    micro = moments.dt.as_unit("us").dt.tz_localize(None).to_numpy("datetime64[us]")  # nanoseconds end in 2262
    return np.where(np.isnat(micro), np.nan, micro.astype(np.int64) / 1e6)


def left_out(count: int, why: str, of: int) -> str:
    """A sentence about rows that cannot be used."""
    return f"{count:,} of {of:,} rows {why}, and are left out"
