"""What the points of a map are coloured by: concepts, errors, and codes; of a million points, too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study
    from explorer.study.points import Points

UNITS = {  # of the concepts that are known here; other datasets do not say theirs
    ("shapes", "x"): "fraction of the width",
    ("shapes", "y"): "fraction of the height",
    ("shapes", "angle"): "degrees clockwise",
}
PSNR, CODE, TOKENS = "Error (PSNR)", "Code", "Tokens"
FEW = 1_000  # points whose codes are read alone
HELD = 100_000_000  # codes held at once, and kept


def is_continuous(column: pd.Series) -> bool:
    return str(column.dtype).startswith("float")


def labels(study: Study, concept: str) -> np.ndarray:
    """(N,) values of a discrete concept; None where there is none."""
    column = study.known()[concept]
    return column.astype(object).where(column.notna(), None).to_numpy()


def unit(study: Study, concept: str) -> str:
    return UNITS.get((Path(study.subject.dataset).name, concept), "")


def colouring(study: Study, points: Points, by: str) -> tuple[np.ndarray, str, str]:
    """Values (M,) of the points, their kind for `plots.latent_map`, and their name with the unit."""
    if by == CODE:
        return study.remember(codes, points), "code", "code"
    if by == TOKENS:
        from explorer.analysis.points import log_tokens

        return log_tokens(study.usage(points.options.layer)[points.ids]), "continuous", "tokens (log₁₀)"
    if by == PSNR:
        values, continuous, title = study.errors()["psnr"].to_numpy(), True, "PSNR (dB)"
    else:
        continuous = is_continuous(study.known()[by])
        values = study.known()[by].to_numpy() if continuous else labels(study, by)
        title = f"{by} ({unit(study, by)})" if unit(study, by) else by
    kind = "continuous" if continuous else "discrete"
    if points.rows is not None:
        return values[points.rows], kind, title
    from explorer.analysis.points import mean_of_codes, value_of_codes

    layer, of = points.options.layer, mean_of_codes if continuous else value_of_codes
    values = of(study.codes(layer), values, len(study.book(layer)))[points.ids]
    return values, kind, f"mean {title}" if continuous else f"most tokens' {title}"


@dataclass(frozen=True, eq=False)
class Column:
    """What all points are coloured by, in few bytes.

    Attributes:
        values: (M,) places in `names`, unsigned and as short as can be, the number of names where the value is unknown;
            or float32, NaN where it is; or uint16 or uint32 codes.
        kind: `discrete`, `continuous` or `code`. title: what it is, with the unit.
        names: of discrete values, the most frequent first.
    """

    values: np.ndarray
    kind: str
    title: str
    names: tuple[str, ...] = ()


def column(study: Study, points: Points, by: str) -> Column:
    """The same as `colouring`, as numbers."""
    if points.rows is not None and by in study.known() and not is_continuous(study.known()[by]):
        title, values = f"{by} ({unit(study, by)})" if unit(study, by) else by, study.known()[by]
    else:
        values, kind, title = study.remember(colouring, points, by)
        if kind != "discrete":
            large = kind == "code" and len(study.book(points.options.layer)) > 2**16
            return Column(values.astype("f4" if kind == "continuous" else "u4" if large else "u2"), kind, title)
    return _categories(values if points.rows is None else values.iloc[points.rows], title)


def _categories(values: Any, title: str) -> Column:
    import pandas as pd

    found = pd.Categorical(values)
    counts = np.bincount(found.codes[found.codes >= 0], minlength=len(found.categories))
    order = np.lexsort((np.array([str(name) for name in found.categories]), -counts))
    order = order[counts[order] > 0]
    place = np.full(len(found.categories) + 1, len(order), np.min_scalar_type(len(order)))
    place[order] = np.arange(len(order))  # -1, which is no value, finds the last entry
    return Column(place[found.codes], "discrete", title, tuple(str(found.categories[one]) for one in order))


def codes(study: Study, points: Points, which: np.ndarray | None = None) -> np.ndarray:
    """(M,) code of each point, or of some: a patch's own, an image's most frequent one."""
    from explorer.analysis.points import most_frequent

    if points.rows is None:
        return points.ids if which is None else points.ids[which]
    layer = points.options.layer
    which = np.arange(len(points.ids)) if which is None else np.asarray(which)
    cells, found = math.prod(study.layer(layer).grid), [np.empty(0, np.int64)]
    # few are read alone, and so is a part at a time where all of them are too many to keep
    alone = len(which) <= FEW or len(study.images) * cells > HELD
    for part in np.array_split(which, -(-len(which) * cells // HELD)) if len(which) else ():
        rows = points.rows[part]
        every = study.encoding.codes(layer, rows) if alone else study.codes(layer)[rows]
        if points.options.what == "images":
            found.append(most_frequent(every, len(study.book(layer))))
        else:
            own = points.table["position"].to_numpy()[part]
            found.append(every.reshape(len(every), -1)[np.arange(len(every)), own].astype(np.int64))
    return np.concatenate(found)
