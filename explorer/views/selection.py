"""What is special about some points of a map: their pictures, codes and concepts beside those of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.files import digest
from explorer.glossary import help_of
from explorer.sheets import (
    Block,
    Chart,
    Column,
    Download,
    Gather,
    Go,
    Heading,
    Link,
    More,
    Note,
    Picture,
    Pictures,
    Row,
    Table,
)
from explorer.sheets.spreadsheet import csv_of
from explorer.study import points as mapped
from explorer.views import words
from explorer.views.latent_map import file_of

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.selection import Enrichment
    from explorer.study import Study
    from explorer.study.points import Points

CHARTS = 6  # concepts at once
MOST = 20_000  # points of each side that are compared
NOUN = {"images": "image", "patches": "patch", "codebook": "code"}
PLURAL = {"images": "images", "patches": "patches", "codebook": "codes"}


def counted(points: Points, chosen: np.ndarray) -> tuple[str, str]:
    """How many points are selected, and how many that is of all."""
    what, share = points.options.what, len(chosen) / len(points.table)
    noun = (NOUN if len(chosen) == 1 else PLURAL)[what]
    more = f", from {len(_each(points.ids[chosen])):,} images" if what == "patches" else ""
    return f"{len(chosen):,} {noun} selected", f"{share:.1%} of the points{more}"


def gallery(study: Study, points: Points, chosen: np.ndarray) -> list[Block]:
    """Pictures of some points, and a list of them to take home."""
    name = "code" if points.rows is None else "image"
    pixels = mapped.pictures(study, points, chosen, 64)
    found = [Picture(one, alt=f"{name} {points.ids[point]}") for one, point in zip(pixels, chosen, strict=True)]
    return [Pictures("selected", found, 56)]


def listed(study: Study, points: Points, chosen: np.ndarray) -> Download:
    """Number and name of each selected point, with its place on the map."""

    def table() -> pd.DataFrame:
        found = points.table.iloc[chosen].reset_index(drop=True)
        if points.rows is None:
            return found
        rows, names = points.rows[chosen], study.images.names
        return found.assign(image=rows, name=[names[row] for row in rows])

    label, file = f"Selected {PLURAL[points.options.what]} (CSV)", f"{file_of(study, points)}-selected.csv"
    return Download(label, file, lambda: csv_of(table()), "Number and name of each, and its place.")


def _each(rows: np.ndarray) -> np.ndarray:
    """Each of some rows once, in order; numpy's own takes ten times as long for a million."""
    found = np.sort(rows)
    return found[np.diff(found, prepend=-1) != 0]


def gathered(study: Study, points: Points, chosen: np.ndarray) -> Gather:
    """The images of the selected points; of codes, those that have one of them."""
    from explorer.analysis.points import images_with_any

    layer, what = points.options.layer, points.options.what
    if points.rows is None:
        rows = np.flatnonzero(images_with_any(study.codes(layer), points.ids[chosen]))
    else:
        rows = _each(points.rows[chosen])
    source = f"selected on the map of {PLURAL[what]} of layer {layer}, {study.checkpoint.name}"
    return Gather(f"map-{what}", rows, source, study.subject.fingerprint)


def beside_the_rest(study: Study, points: Points, chosen: np.ndarray) -> list[Block]:
    """Codes that the selected have more often than the rest, and how concepts are spread among both."""
    if len(chosen) == len(points.table):
        return [Note("Everything is selected, so there is no rest to compare with; select fewer points.", "info")]
    # first what the map follows most, as in the choice of colours
    names, said, part = mapped.telling(study, points), [], (points, chosen)
    if points.rows is not None and len(points.table) > 2 * MOST:
        part = sampled(points, chosen)
        counts = len(part[1]), len(part[0].table) - len(part[1])
        all_of = len(chosen), len(points.table) - len(chosen)
        sides = [
            f"{n:,} of the {of:,} {side}" for n, of, side in zip(counts, all_of, ("selected", "others"), strict=True)
        ]
        said = [Note(f"Compared are {' and '.join(sides)}, drawn at random.", help=help_of("compared at random"))]
    codes = _selected_codes if points.rows is None else _codes
    return [*said, *codes(study, *part, len(chosen)), *_concepts(study, points, chosen, names)]


def sampled(points: Points, chosen: np.ndarray) -> tuple[Points, np.ndarray]:
    """At most MOST of the chosen points and as many of the others, drawn with a seed; and which of these are chosen."""
    inside = np.zeros(len(points.table), bool)
    inside[chosen] = True
    some = _some(inside)
    return replace(points, key=f"{points.key}-{digest(some.tobytes().hex())}", table=points.table.iloc[some]), (
        np.flatnonzero(inside[some])
    )


def _some(inside: np.ndarray) -> np.ndarray:
    """Rows, ascending, of at most MOST of each side ((N,) bool), drawn with a seed."""
    from explorer.datasets.sources import sample

    sides = [of[sample(len(of), MOST, 0)] for of in (np.flatnonzero(inside), np.flatnonzero(~inside))]
    return np.sort(np.concatenate(sides))


def enriched(study: Study, points: Points, chosen: np.ndarray) -> Enrichment:
    """Codes over-represented among the chosen points; of patches, the patch's own code counts."""
    from explorer.analysis.selection import compare_codes

    layer = points.options.layer
    if points.options.what == "patches":
        codes = study.remember(mapped.codes, points)[:, None, None]
    else:
        codes = study.codes(layer)[points.rows]
    return compare_codes(codes, chosen, len(study.book(layer)))


def _codes(study: Study, points: Points, chosen: np.ndarray, count: int) -> list[Block]:
    import pandas as pd

    from explorer.charts import plots

    found, layer = study.remember(enriched, points, chosen), points.options.layer
    unit = PLURAL[points.options.what]
    data = pd.DataFrame({
        "code": found.items.astype(int), "selected_with_it": found.inside, "selected": found.selected,
        "others_with_it": found.outside, "others": found.rest, "log_odds": found.log_odds, "low": found.low,
        "high": found.high, "p": found.p, "q": found.q,
    })  # fmt: skip
    more, fewer = (int(((found.q < 0.05) & (sign * found.log_odds > 0)).sum()) for sign in (1, -1))
    text = (
        f"{found.selected:,} selected {unit} against {found.rest:,} others on the map: {more:,} of "
        f"{words.many(len(found.items), 'code')} are more common among the selected and {fewer:,} less (q < 0.05)."
    )
    if points.options.what == "patches":
        text += " A few patches of one image can be on the map; they are counted as if independent."
    number = "%.2f"
    columns = {
        "patch": Column("Best patch", "Nearest to the code's vector."), "code": Column("Code"),
        "q": Column("q", "After Benjamini and Hochberg.", "%.2g"),
        "selected_with_it": Column("Selected", f"Selected {unit} that have it.", "localized"),
        "others_with_it": Column("Others", f"Other {unit} on the map that have it.", "localized"),
        "log_odds": Column("Log-odds", "Natural logarithm of the odds ratio.", number),
        "low": Column("From", "Lower end of the 95 % interval.", number),
        "high": Column("To", "Upper end of the 95 % interval.", number),
    }  # fmt: skip
    chart = Chart(
        "map-codes", lambda theme: plots.log_odds(found, limit=15, theme=theme), "Log-odds of codes in the selection"
    )
    table = Table("map-code-table", data.head(100), columns, {"patch": _patches(study, layer)}, height=420)
    links = [_link(study, layer, int(code)) for code in found.items[:3]]
    file = f"{file_of(study, points)}-codes"
    return [
        Heading(f"Codes over-represented in the {count:,}", help_of("over-represented"), lambda: data, file),
        Note(text, help=help_of("drawn on its own map")), Row([[chart], [table]]),
        Row([[link] for link in links], even=False),
    ]  # fmt: skip


def _patches(study: Study, layer: str) -> Any:
    return lambda rows: study.tiles(layer, rows["code"])


def _link(study: Study, layer: str, code: int) -> Link:
    return Link(
        f"C{words.called(study.names(layer), code)[1:]}", "grid_on", Go("code_maps", {"layer": layer, "code": code})
    )


def _selected_codes(study: Study, points: Points, chosen: np.ndarray, count: int) -> list[Block]:
    """The codes that were selected on a map of the codebook."""
    layer = points.options.layer
    table = study.table(layer).iloc[points.ids[chosen]].sort_values("rank")
    columns = {
        "patch": Column("Best patch", "Nearest to the code's vector."), "code": Column("Code"),
        "rank": Column("Rank", "1 has the most tokens.", "localized"),
        "tokens": Column("Tokens", "Cells that have the code.", "localized"),
        "share": Column("Share", "Of all tokens.", "percent"),
        "images": Column("Images", "Images that have the code.", "localized"),
    }  # fmt: skip
    file = f"{file_of(study, points)}-selected-codes"
    return [
        Heading(f"The {count:,} selected codes", "", lambda: table, file),
        Note(f"They make up {table['share'].sum():.1%} of all tokens."),
        Table("map-chosen-codes", table.head(100), columns, {"patch": _patches(study, layer)}, height=300),
    ]


def _concepts(study: Study, points: Points, chosen: np.ndarray, names: Sequence[str]) -> list[Block]:
    """How each concept is spread among the selected images and the rest."""
    from explorer.analysis.points import images_with_any

    heading = Heading("Concepts of the selected images beside the rest", help_of("beside the rest"))
    table, said = study.concepts(), []
    if not len(table.columns):
        return [heading, Note(words.NO_CONCEPTS)]
    if points.rows is None:
        inside = images_with_any(study.codes(points.options.layer), points.ids[chosen])
        said = [Note(f"Selected are the {inside.sum():,} of {len(inside):,} images that have one of the codes.")]
    else:
        rows = _each(points.rows)
        inside = np.isin(rows, points.rows[chosen])
        if points.options.what == "patches":
            said = [Note(f"Selected are the {inside.sum():,} of {len(rows):,} images that have one of the patches.")]
        if len(rows) > 2 * MOST:  # of images, not of points: none is an other because another patch of it was drawn
            some = _some(inside)
            inside, rows = inside[some], rows[some]
        table = table.iloc[rows]
    if inside.all() or not inside.any():
        return [heading, *said, Note("All images are on one side, so there is nothing to compare; select fewer.")]
    charts = [_concept(study, table[name], name, inside) for name in names]
    blocks: list[Block] = [heading, *said, Row(charts[:CHARTS], 300)]
    if len(charts) > CHARTS:
        blocks.append(More(words.many(len(charts) - CHARTS, "more concept"), [Row(charts[CHARTS:], 300)]))
    return blocks


def _concept(study: Study, column: pd.Series, name: str, inside: np.ndarray) -> list[Block]:
    from explorer.analysis.points import beside
    from explorer.charts import map_plots

    continuous = mapped.is_continuous(column)
    values = column.to_numpy() if continuous else column.astype(object).where(column.notna(), None).to_numpy()
    found = beside(values, inside, continuous=continuous)
    figure = partial(map_plots.beside, found, name, mapped.unit(study, name))
    blocks: list[Block] = [
        Chart(f"beside-{name}", lambda theme: figure(theme=theme), f"{name} among the selected and the rest")
    ]
    if found.means is not None and found.selected and found.rest:
        ours, others = found.means
        interval = f" [{ours.low:.3g}, {ours.high:.3g}]" if ours.n > 1 else ""
        blocks.append(Note(f"Mean {ours.mean:.3g}{interval} among the selected, {others.mean:.3g} among the rest."))
    return blocks
