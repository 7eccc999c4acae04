"""The tables of the Codebook page: near-duplicate codes, and every code with a thumbnail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from explorer.pages import code_data, session
from explorer.sheets import drawing

PAGE = 512  # rows of the table with thumbnails at once
SORTED = {
    "rank": "Tokens, most first",
    "code": "Code",
    "images": "Images, most first",
    "distance": "Distance to the nearest code, nearest first",
}
HELP = {
    "duplicates": "Pairs of codes closer than a tenth of the usual distance to the nearest code (the median). They say "
    "nearly the same, and one of the two could go.",
    "table": "Click a column's head to sort, and the box at the left of a row to select its code.",
}


def duplicates(encoding, images, layer: str, table: pd.DataFrame, name: str) -> None:
    heading = st.container()
    tokens = table["tokens"].to_numpy()
    dead = bool((tokens == 0).any()) and st.toggle(
        "Dead codes too",
        key="dead-too",
        persist_state="session",
        help="Codes that never occur in these images are compared as well.",
    )
    pairs, distances, cosines, total = _pairs(encoding.facts["key"], layer, dead, encoding)
    data = pd.DataFrame(
        {
            "code": pairs[:, 0],
            "other": pairs[:, 1],
            "distance": distances,
            "cosine": cosines,
            "tokens": tokens[pairs[:, 0]],
            "tokens_of_other": tokens[pairs[:, 1]],
        }
    )
    with heading:
        code_data.title(f"Near-duplicate codes: {total:,} pairs", HELP["duplicates"], data, f"{name}-duplicates")
    if not total:
        st.caption("No two codes are closer than a tenth of the median distance to the nearest code.")
        return
    shown = data.head(100)
    thumbnails = code_data.thumbnails(encoding, images, layer)
    patches, others = (drawing.urls(thumbnails[shown[which]]) for which in ("code", "other"))
    shown = shown.assign(patch=patches, other_patch=others)
    st.dataframe(
        shown,
        hide_index=True,
        key="duplicates",
        column_order=["patch", "code", "other_patch", "other", "distance", "cosine", "tokens", "tokens_of_other"],
        column_config={
            "patch": st.column_config.ImageColumn("Patch", width="small"),
            "other_patch": st.column_config.ImageColumn("Patch of other", width="small"),
            "code": st.column_config.NumberColumn("Code"),
            "other": st.column_config.NumberColumn("Other"),
            "distance": st.column_config.NumberColumn("Distance", format="%.4g", help="Euclidean."),
            "cosine": st.column_config.NumberColumn("Cosine", format="%.4f", help="1 is the same direction."),
            "tokens": st.column_config.NumberColumn("Tokens", format="localized"),
            "tokens_of_other": st.column_config.NumberColumn("Tokens of other", format="localized"),
        },
        height=260,
    )
    if total > len(shown):
        st.caption(f"The closest {len(shown):,} of {total:,} pairs; the CSV has up to {len(data):,}.")


@st.cache_data(max_entries=32, show_spinner="Comparing the codes …")
def _pairs(key: str, layer: str, dead: bool, _encoding) -> tuple:
    from explorer.analysis.neighbours import near_duplicates

    rows = np.flatnonzero((_encoding.usage(layer) > 0) | dead)
    pairs, distances, cosines, total = near_duplicates(code_data.vectors(_encoding, layer)[rows])
    return rows[pairs], distances, cosines, total


def everything(encoding, images, layer: str, table: pd.DataFrame, name: str) -> None:
    data = table.drop(columns=["x", "y"])
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(f"All {len(table):,} codes", help=HELP["table"], width="content", anchor=False)
        with st.container(horizontal=True, width="content"):
            code_data.download("CSV", data, f"{name}-codes", key="csv-codes")
            st.download_button(
                "Parquet", lambda: data.to_parquet(index=False), f"{name}-codes.parquet", icon=":material/download:",
                on_click="ignore", type="tertiary", key="parquet-codes", help="The same table, with its types.",
            )  # fmt: skip
    data = data.sort_values("rank")
    if len(data) > PAGE:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            by = st.selectbox(
                "Sorted by", list(SORTED), format_func=SORTED.get, key="sorted", persist_state="session", width=320,
                help="Over all pages; a click on a column's head sorts within the page.",
            )  # fmt: skip
            data = data.sort_values(by, ascending=by != "images", kind="stable")
            page = st.pagination(-(-len(data) // PAGE), key="codes-page")
        data = data.iloc[(page - 1) * PAGE : page * PAGE]
    thumbnails = code_data.thumbnails(encoding, images, layer)
    shown = data.assign(patch=drawing.urls(thumbnails[data["code"]]))
    event = st.dataframe(
        shown,
        hide_index=True,
        key=f"codes-{layer}-{len(table)}",
        on_select="rerun",
        selection_mode="single-row",
        height=420,
        column_order=["patch", "code", "rank", "tokens", "share", "images", "image_share", "distance", "neighbour"],
        column_config={
            "patch": st.column_config.ImageColumn("Best patch", width="small", help="Nearest to the code's vector."),
            "code": st.column_config.NumberColumn("Code"),
            "rank": st.column_config.NumberColumn("Rank", format="localized", help="1 has the most tokens."),
            "tokens": st.column_config.NumberColumn("Tokens", format="localized", help="Cells that have the code."),
            "share": st.column_config.NumberColumn("Share", format="percent", help="Of all tokens."),
            "images": st.column_config.NumberColumn("Images", format="localized", help="Images that have the code."),
            "image_share": st.column_config.NumberColumn("Of images", format="percent", help="Of all images."),
            "distance": st.column_config.NumberColumn(
                "Distance", format="%.4g", help="Euclidean distance to the nearest other code."
            ),
            "neighbour": st.column_config.NumberColumn("Nearest code"),
        },
    )
    rows = event["selection"]["rows"]
    picked = int(shown["code"].iloc[rows[0]]) if rows and rows[0] < len(shown) else None
    before, st.session_state["picked row"] = st.session_state.get("picked row"), picked
    if picked is not None and picked != before:
        session.put("code", picked)
        st.rerun()
