"""Images by what is known of them: words in their names and values, or a code that they have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study

PARTS = re.compile(r'"([^"]+)"|([^\s"]+)')  # words in quotes, which stand together, and words


def saying(study: Study, text: str) -> np.ndarray:
    """(n,) rows of the images whose name and values contain every word of `text`, whatever the case; none for none.

    Words in quotes stand together: "digit: 1" is that value, and not 10.
    """
    found = PARTS.findall(text.casefold())
    words = [f" | {quoted} | " if ": " in quoted else quoted or word for quoted, word in found]
    if not words:
        return np.empty(0, np.int64)
    known = study.remember(_known)["said"]
    inside = np.logical_and.reduce([known.str.contains(word, regex=False).to_numpy(bool) for word in words])
    return np.flatnonzero(inside)


def having(study: Study, layer: str, code: int) -> np.ndarray:
    """(n,) rows of the images that have a code of a layer, ascending."""
    return np.sort(study.standing(layer, code)[0])


def _known(study: Study) -> pd.DataFrame:
    """Everything known of each image as one text: "photo 7.jpg | class: shoes |  | colour: red | "."""
    import pandas as pd

    table = study.concepts() if study.encoded else study.images.concepts
    said = pd.Series(list(study.images.names), dtype=object).astype(str)
    for name, column in table.items():
        if not pd.api.types.is_float_dtype(column.dtype):
            values = column.astype(object).reset_index(drop=True)
            said += (f" | {name}: " + values.astype(str) + " | ").where(values.notna(), "")
    return said.str.casefold().to_frame("said")
