"""What the user points out on the Latent map: one point, or a selection beside the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from explorer.charts import map_plots, plots
from explorer.pages import code_data, map_data, session
from explorer.pages.map_data import Shown
from explorer.sheets import drawing

PAGE = 24  # pictures at once
CHARTS = 8  # concepts at once
NOUN = {"images": "image", "patches": "patch", "codebook": "code"}
PLURAL = {"images": "images", "patches": "patches", "codebook": "codes"}
HELP = {
    "concepts": "Of the images that have a value: the share of each value among the selected ones, beside the share "
    "among the other images on the map. The thin lines are 95 % intervals (Wilson).",
    "codes": "For each code, the odds that one of the selected has it over the odds that one of the rest has it, as "
    "natural logarithm: 0 is as common, 0.7 twice the odds. Half a case is added to each count. The line is the 95 % "
    "interval; q is the share of false finds among all codes with this q or less (Benjamini and Hochberg). Filled dots "
    "have q below 0.05. Sorted by the lower end of the interval.",
    "circular": "The selection was drawn on a map of the same latents that the codes come from. So small q-values say "
    "how distinct the selected part is; they are no independent discovery.",
}


def current(shown: Shown) -> np.ndarray:
    """Points of the image, or of the code, that the URL names; the very one if it was clicked on this map."""
    clicked = st.session_state.get("map point")
    name = session.get("code" if shown.rows is None else "image")
    if name is None or not name.isdecimal() or len(name) > 12:
        return np.empty(0, int)
    ids = shown.table["id"].to_numpy() if shown.rows is None else shown.rows
    here = np.flatnonzero(ids == int(name))
    if clicked is not None and clicked[0] == shown.key and clicked[1] in here:
        return np.array([clicked[1]])
    return here


def point(shown: Shown) -> None:
    """The point that was clicked, or whose image or code the URL names, and where to go from it."""
    here = current(shown)
    if not len(here):
        name = session.get("code" if shown.rows is None else "image")
        if name is None:
            st.caption(f"Click a point for its {NOUN[shown.options.what]}.")
        return
    with st.container(horizontal=True, vertical_alignment="center", key="map-point"):
        picture = map_data.pictures(shown, here[:1], 64)[0]
        st.image(drawing.png(picture, 96), width=96, alt="The point that is marked on the map")
        with st.container(gap="xsmall", width="stretch"):
            if shown.rows is None:
                code = int(shown.table["id"].iloc[here[0]])
                st.markdown(f"**Code {code:,}**")
                session.link("code_maps", "On the code maps", ":material/grid_on:", layer=shown.layer, code=code)
                session.link("codebook", "In the codebook", ":material/bar_chart:", layer=shown.layer, code=code)
                return
            row = int(shown.rows[here[0]])
            code = int(map_data.point_codes(shown)[here[0]])
            st.markdown(f"**Image {row:,}**  \n:small[:gray[{session.plain(shown.images.names[row])}]]")
            carried = {"code": code} if shown.options.what == "patches" else {}
            session.link("code_maps", "Its codes", ":material/grid_on:", layer=shown.layer, image=row, **carried)
            session.link("reconstructions", "Reconstructions", ":material/compare:", image=row)


def gallery(shown: Shown, chosen: np.ndarray) -> None:
    """How many points are selected, and their pictures, a page at a time."""
    if not len(chosen):
        if shown.options.dims == 2:
            st.caption(
                "Draw a lasso around points, or choose the box above the chart: their images, their concepts and the "
                "codes that they have more often than the rest appear here."
            )
        return
    what = shown.options.what
    noun = NOUN[what] if len(chosen) == 1 else PLURAL[what]
    share = len(chosen) / len(shown.table)
    counted = f"**{len(chosen):,} {noun} selected**, {share:.1%} of the points"
    rows = None if shown.rows is None else np.unique(shown.rows[chosen])
    if what == "patches":
        counted += f", from {len(rows):,} images"
    st.markdown(counted)
    pages = -(-len(chosen) // PAGE)
    with st.grid("auto", min_column_width=56, gap="xsmall", key="map-gallery"):
        slot = [st.empty() for _ in range(min(PAGE, len(chosen)))]
    page = st.pagination(pages, key=f"page-{shown.key}") if pages > 1 else 1
    part = chosen[(min(page, pages) - 1) * PAGE : min(page, pages) * PAGE]
    for place, picture, point in zip(slot, map_data.pictures(shown, part, 64), part, strict=False):
        name = f"code {shown.table['id'].iloc[point]}" if rows is None else f"image {shown.rows[point]}"
        place.image(drawing.png(picture, 64), width="stretch", alt=name)
    st.download_button(
        f"Selected {PLURAL[what]} (CSV)",
        lambda: _listed(shown, chosen).to_csv(index=False),
        f"{shown.file}-selected.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="selected-csv",
        help="Number and name of each, with its place on the map.",
    )


def _listed(shown: Shown, chosen: np.ndarray) -> pd.DataFrame:
    table = shown.table.iloc[chosen].reset_index(drop=True)
    if shown.rows is None:
        return table
    rows = shown.rows[chosen]
    names = np.array(shown.images.names, object)[rows]
    return table.assign(image=rows, name=names)


def compare(shown: Shown, chosen: np.ndarray) -> None:
    """Concepts of the selection beside the rest, and the codes that are over-represented in it."""
    if not len(chosen):
        return
    if len(chosen) == len(shown.table):
        st.info("Everything is selected, so there is no rest to compare with; select fewer points.")
        return
    if shown.rows is None:
        _codes_chosen(shown, chosen)
    else:
        _codes(shown, chosen)
    _concepts(shown, chosen)


def _codes(shown: Shown, chosen: np.ndarray) -> None:
    found = _enriched(shown.key, chosen.tobytes(), shown, chosen)
    patches = shown.options.what == "patches"
    unit = "patches" if patches else "images"
    data = _table(found)
    code_data.title(f"Codes over-represented in the {len(chosen):,}", HELP["codes"], data, f"{shown.file}-codes")
    more = int(((found.q < 0.05) & (found.log_odds > 0)).sum())
    fewer = int(((found.q < 0.05) & (found.log_odds < 0)).sum())
    counted = f"{found.selected:,} selected {unit} against {found.rest:,} others on the map"
    each = " A few patches of one image can be on the map; they are counted as if independent." if patches else ""
    st.caption(
        f"{counted}: {more:,} of {len(found.items):,} codes are more common among the selected and {fewer:,} less "
        f"(q < 0.05).{each}",
        help=HELP["circular"],
    )
    left, right = st.columns(2, gap="medium")
    with left:
        figure = plots.log_odds(found, limit=15, theme=session.theme())
        st.plotly_chart(figure, key="map-codes", theme=None, alt="Log-odds of codes in the selection")
    with right:
        _code_table(shown, data.head(100), unit)
        best = [int(item) for item in found.items[:3]]
        with st.container(horizontal=True):
            for code in best:
                session.link("code_maps", f"Code {code:,}", ":material/grid_on:", layer=shown.layer, code=code)


@st.cache_data(max_entries=32, show_spinner="Comparing the codes …")
def _enriched(key: str, chosen_bytes: bytes, _shown: Shown, _chosen: np.ndarray):
    from explorer.analysis.selection import compare_codes

    size = len(_shown.encoding.codebook(_shown.layer))
    if _shown.options.what == "patches":
        codes = map_data.point_codes(_shown)[:, None, None]
    else:
        codes = map_data.image_codes(_shown)
    return compare_codes(codes, _chosen, size)


def _table(found) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "code": found.items.astype(int),
            "selected_with_it": found.inside,
            "selected": found.selected,
            "others_with_it": found.outside,
            "others": found.rest,
            "log_odds": found.log_odds,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "q": found.q,
        }
    )


def _code_table(shown: Shown, data: pd.DataFrame, unit: str) -> None:
    thumbnails = code_data.thumbnails(shown.encoding, shown.images, shown.layer)
    number = st.column_config.NumberColumn
    st.dataframe(
        data.assign(patch=drawing.urls(thumbnails[data["code"]])),
        hide_index=True,
        key="map-code-table",
        height=420,
        column_order=["patch", "code", "selected_with_it", "others_with_it", "log_odds", "low", "high", "q"],
        column_config={
            "patch": st.column_config.ImageColumn("Best patch", width="small", help="Nearest to the code's vector."),
            "code": number("Code", width="small"),
            "selected_with_it": number("Selected", format="localized", help=f"Selected {unit} that have it."),
            "others_with_it": number("Others", format="localized", help=f"Other {unit} on the map that have it."),
            "log_odds": number("Log-odds", format="%.2f", help="Natural logarithm of the odds ratio."),
            "low": number("From", format="%.2f", help="Lower end of the 95 % interval."),
            "high": number("To", format="%.2f", help="Upper end of the 95 % interval."),
            "q": number("q", format="%.2g", help="After Benjamini and Hochberg."),
        },
    )


def _codes_chosen(shown: Shown, chosen: np.ndarray) -> None:
    """The codes that were selected on a map of the codebook."""
    codes = shown.table["id"].to_numpy()[chosen]
    table = code_data.table(shown.encoding, shown.layer).iloc[codes]
    code_data.title(f"The {len(codes):,} selected codes", HELP["concepts"], table, f"{shown.file}-selected-codes")
    st.caption(f"They make up {table['share'].sum():.1%} of all tokens.")
    shown_rows = table.sort_values("rank").head(100)
    thumbnails = code_data.thumbnails(shown.encoding, shown.images, shown.layer)
    st.dataframe(
        shown_rows.assign(patch=drawing.urls(thumbnails[shown_rows["code"]])),
        hide_index=True,
        key="map-chosen-codes",
        height=300,
        column_order=["patch", "code", "rank", "tokens", "share", "images"],
        column_config={
            "patch": st.column_config.ImageColumn("Best patch", width="small"),
            "tokens": st.column_config.NumberColumn("Tokens", format="localized"),
            "share": st.column_config.NumberColumn("Share", format="percent"),
            "images": st.column_config.NumberColumn("Images", format="localized"),
        },
    )


def _concepts(shown: Shown, chosen: np.ndarray) -> None:
    """How each concept is spread among the selected images and the rest."""
    from explorer.analysis.points import images_with_any

    every = map_data.concepts(shown.encoding.facts["key"], shown.encoding)
    st.header("Concepts of the selected images beside the rest", help=HELP["concepts"], anchor=False)
    if not len(every.columns):
        st.caption(
            "This dataset has no concepts. Put images into a folder for each class, or a metadata.csv beside them."
        )
        return
    if shown.rows is None:
        inside = images_with_any(map_data.image_codes(shown), shown.table["id"].to_numpy()[chosen])
        table = every
        st.caption(f"Selected are the {inside.sum():,} of {len(inside):,} images that have one of the codes.")
    else:
        rows = np.unique(shown.rows)
        inside, table = np.isin(rows, shown.rows[chosen]), every.iloc[rows]
        if shown.options.what == "patches":
            st.caption(f"Selected are the {inside.sum():,} of {len(rows):,} images that have one of the patches.")
    if inside.all() or not inside.any():
        st.caption("All images are on one side, so there is nothing to compare; select fewer points.")
        return
    names = list(table.columns)
    if len(names) > CHARTS:
        names = st.multiselect(
            "Concepts", names, names[:CHARTS], max_selections=24, key="map-concepts", persist_state="session"
        )
    with st.grid(3, min_column_width=300, gap="medium"):
        for name in names:
            _concept(shown, table[name], str(name), inside)


def _concept(shown: Shown, column: pd.Series, name: str, inside: np.ndarray) -> None:
    from explorer.analysis.points import beside

    continuous = map_data.is_continuous(column)
    values = column.to_numpy() if continuous else column.astype(object).where(column.notna(), None).to_numpy()
    found = beside(values, inside, continuous=continuous)
    with st.container():
        figure = map_plots.beside(found, name, map_data.unit(shown, name), theme=session.theme())
        st.plotly_chart(figure, key=f"beside-{name}", theme=None, alt=f"{name} among the selected and the rest")
        if found.means is not None and found.selected and found.rest:
            ours, others = found.means
            interval = f" [{ours.low:.3g}, {ours.high:.3g}]" if ours.n > 1 else ""
            st.caption(f"Mean {ours.mean:.3g}{interval} among the selected, {others.mean:.3g} among the rest.")
