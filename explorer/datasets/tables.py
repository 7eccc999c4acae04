"""Tables that lie beside images: CSV as spreadsheets write it, JSON lines and Parquet, as columns of cells."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings

import numpy as np
import pandas as pd

from explorer import fence
from explorer.datasets.values import MAX_COLUMNS, readable, short
from explorer.errors import BadInput

NEEDED = ("pyarrow.parquet",)  # by workers behind the fence
SUFFIXES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet", ".pq")
OTHERS = (".xlsx", ".xls", ".ods")  # tables that are named, not read
MAX_ROWS = 5_000_000
MOST_COLUMNS = 10_000  # of a CSV: each costs time and memory of its own, also those that are left out
MAX_CELLS = 512 * 1024**2  # bytes of a Parquet table, unpacked
SMALL = 256 * 1024  # bytes of text that do no harm, whatever they are
warnings.filterwarnings("ignore", "Length of header", pd.errors.ParserWarning)  # a comma at the end of each row
_SEPARATORS = ",;\t|"
_MISSING = {"na", "n/a", "nan", "none", "null", "<na>", "#n/a", "-", "?", "."}  # beside numbers, not beside words
_DECIMAL = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")


def read(name: str, content: bytes) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The cells of a table under their columns, and what a user should know about how they were read.

    Cells of CSV are text, "" where there is none; those of JSON lines and Parquet are what they are. It is read behind
    the fence first, where it does no harm if it is not what it says.

    Raises:
        BadInput: what is wrong, as the end of a sentence about the table.
    """
    packed = name.lower().endswith((".parquet", ".pq"))
    if not fence.within() and (packed or len(content) > SMALL):
        fence.ask(_tried, name, content, what="", memory=max(fence.MEMORY, 8 * len(content)))
    return _cells(name, content)


def _tried(name: str, content: bytes) -> None:
    _cells(name, content)


def _cells(name: str, content: bytes) -> tuple[pd.DataFrame, tuple[str, ...]]:
    ending = name.lower().rpartition(".")[2]
    if ending in ("parquet", "pq"):
        table, notes = _parquet(content)
    elif ending in ("jsonl", "ndjson"):
        table, notes = _json_lines(content)
    else:
        table, notes = _csv(content)
    if not len(table.columns) or not len(table):
        raise BadInput("has no rows")
    if len(table.columns) > MAX_COLUMNS + 1:
        notes += (f"only its first {MAX_COLUMNS} of {len(table.columns):,} columns are read",)
        table = table.iloc[:, : MAX_COLUMNS + 1]
    return table.rename(columns=lambda column: str(column).strip()), notes


def typed(column: pd.Series) -> pd.Series:
    """Text of a column of CSV as numbers, yes and no, or dates where every cell that says something is one.

    Numbers may have a decimal comma. Digits that begin with a zero are a name, and stay text.
    """
    fence.beat()  # many columns of many rows take longer than a reader may be silent
    text = column.astype(object).map(str.strip)
    said = text[text != ""]
    if not len(said):
        return pd.Series(np.nan, column.index)
    if said.str.fullmatch(r"[+-]?0\d+").any():
        return text.where(text != "", None)
    if set(said.str.lower()) <= {"true", "false"}:
        return text.str.lower().map({"true": True, "false": False}).astype(object)
    if said.str.fullmatch(_DATE).all():
        return pd.to_datetime(text.where(text != "", None), utc=True, errors="coerce", format="ISO8601")
    plain = said[~said.str.lower().isin(_MISSING)]
    numbers = pd.to_numeric(_with_points(plain), errors="coerce")
    if len(plain) and numbers.notna().all():
        return numbers.reindex(column.index).astype("float64")
    return text.where(text != "", None)


def _with_points(cells: pd.Series) -> pd.Series:
    """Numbers with a decimal point, whatever they had; "1,234" is a thousand unless another cell says otherwise."""
    comma = cells[cells.str.contains(",", regex=False)]
    if not len(comma):
        return cells
    if comma.str.fullmatch(_THOUSANDS).all() and not comma.str.fullmatch(r"[+-]?0,\d+").any():
        return cells.str.replace(",", "", regex=False)
    if comma.str.fullmatch(_DECIMAL).all():
        whole = cells.where(~cells.isin(comma), cells.str.replace(".", "", regex=False))
        return whole.str.replace(",", ".", regex=False)
    return cells


def _text(content: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file in UTF-8, UTF-16, or what western Windows writes."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(encoding, "replace"), ()
    even, odd = content[:2000:2].count(0), content[1:2000:2].count(0)
    if max(even, odd) > len(content[:2000]) // 4:
        return content.decode("utf-16-be" if even > odd else "utf-16-le", "replace"), ()
    try:
        return content.decode("utf-8"), ()
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    return text, ("it is not UTF-8 and was read as Windows-1252; save it as UTF-8 if letters look wrong",)


def _csv(content: bytes) -> tuple[pd.DataFrame, tuple[str, ...]]:
    text, notes = _text(content)
    if "\0" in text[:100_000]:
        raise BadInput("is not a CSV table: it holds bytes that are no text")
    told = re.match(r"\s*sep=(.)\r?\n", text)
    if told:
        text = text[told.end() :]
    separator = told[1] if told else _separator(text)
    wide = text.partition("\n")[0].count(separator) + 1
    if wide > MOST_COLUMNS:
        raise BadInput(f"has {wide:,} columns in its first line; give at most {MOST_COLUMNS:,}")
    options = {"sep": separator, "dtype": str, "keep_default_na": False, "na_filter": False, "index_col": False}
    options |= {"skipinitialspace": True, "nrows": MAX_ROWS}
    try:
        table = pd.read_csv(io.StringIO(text), **options)
    except (ValueError, OSError, csv.Error):
        lost: list[list[str]] = []
        try:
            table = pd.read_csv(io.StringIO(text), engine="python", on_bad_lines=lost.append, **options)
        except (ValueError, OSError, csv.Error) as error:
            raise BadInput(f"is not a CSV table: {short(str(error), 160)}") from None
        notes += (f"{len(lost):,} of its rows have more cells than its first line, and are left out",) * bool(lost)
    return table.fillna(""), notes


def _separator(text: str) -> str:
    """What stands between cells: of the usual ones that which cuts the first lines into the most equal cells."""
    lines = [line for line in text[:200_000].splitlines()[:50] if line.strip()]

    def fit(separator: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=separator, skipinitialspace=True)]
        except csv.Error:
            return 0, 0
        first = widths[0] if widths else 0
        return (sum(width == first for width in widths) / len(widths) if first > 1 else 0), first

    return max(_SEPARATORS, key=fit)


def _json_lines(content: bytes) -> tuple[pd.DataFrame, tuple[str, ...]]:
    text, notes = _text(content)
    rows = []
    for number, line in enumerate(text.splitlines()[:MAX_ROWS], 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise BadInput(f"is not a table of JSON lines: line {number:,} is no JSON") from None
        if not isinstance(row, dict):
            raise BadInput(f"is not a table of JSON lines: line {number:,} is no object with columns")
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))[: MAX_COLUMNS + 2]
    columns = {name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names}
    return pd.DataFrame(columns, index=range(len(rows))), notes


def _parquet(content: bytes) -> tuple[pd.DataFrame, tuple[str, ...]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            meta = file.metadata
            size = sum(meta.row_group(group).total_byte_size for group in range(meta.num_row_groups))
            if meta.num_rows > MAX_ROWS or size > MAX_CELLS:
                raise BadInput(f"has {meta.num_rows:,} rows of {size / 1e6:,.0f} MB; {MAX_ROWS:,} rows can be read")
            columns, notes = readable(file.schema_arrow)
            table = file.read(columns=columns).to_pandas()
            return table.reset_index(drop=isinstance(table.index, pd.RangeIndex)), notes
    except (OSError, ValueError, LookupError, TypeError, NotImplementedError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"is not a Parquet file that can be read: {short(str(error), 160)}") from None
