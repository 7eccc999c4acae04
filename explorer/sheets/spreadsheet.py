"""Tables as CSV that a spreadsheet opens without running what a name holds."""

from __future__ import annotations

import re

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what begins with one may be computed
_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")


def csv_of(table: pd.DataFrame) -> str:
    """The table as CSV; text that a spreadsheet would take for a formula has a quote before it, numbers do not."""
    text = table.rename(columns=_quoted)
    for at, kind in enumerate(text.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            text.isetitem(at, text.iloc[:, at].astype(object).map(_quoted))
    return text.to_csv(index=False, errors="backslashreplace")


def _quoted(value: object) -> object:
    formula = isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value)
    return f"'{value}" if formula else value
