"""Draws the blocks of a sheet with Streamlit: one function a kind of block, and one table of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer import results
from explorer.pages import code_map, controls, session
from explorer.pages.bridge import bridge, sprite_sheet
from explorer.pages.controls import Shown
from explorer.pages.state import plain
from explorer.pages.work import background
from explorer.sheets import (
    Block,
    Cards,
    Chart,
    CodeMap,
    Controls,
    Download,
    Go,
    Heading,
    Later,
    Link,
    Missing,
    More,
    Note,
    Part,
    Picture,
    Pictures,
    Row,
    Table,
    drawing,
    filled,
)  # fmt: skip

PAGE = 512  # rows of a table with pictures at once
ICONS = {"info": ":material/info:", "warning": ":material/warning:"}
CHART = {"displaylogo": False, "displayModeBar": "hover"}


def blocks(found: Sequence[Block], shown: Shown) -> None:
    """Draws blocks one under another; controls that follow one another stand in one row."""
    for block in found:
        DRAWN[type(block)](block, shown)


def go(target: Go, shown: Shown, **where: Any) -> None:
    """Follows a click: to another view, or to this one with what the click chose."""
    carried = filled(target, **where)
    for name, value in carried.items():
        controls.take(name, value)
    if target.view not in (None, shown.name):
        session.switch(target.view, carried)


def _heading(block: Heading, shown: Shown) -> None:
    if block.data is None:
        (st.header if block.level == 2 else st.subheader)(plain(block.text), help=block.help or None, anchor=False)
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(plain(block.text), help=block.help or None, width="content", anchor=False)
        data = block.data
        st.download_button(
            "CSV", lambda: data().to_csv(index=False), f"{block.file}.csv", "text/csv", icon=":material/download:",
            on_click="ignore", type="tertiary", key=f"csv-{block.file}",
            help=f"The numbers of “{block.text}” as CSV; the camera on a chart saves a picture.",
        )  # fmt: skip


def _note(block: Note, shown: Shown) -> None:
    if block.tone == "quiet":
        st.caption(plain(block.text), help=block.help or None)
    else:
        (st.info if block.tone == "info" else st.warning)(plain(block.text), icon=ICONS[block.tone])


def _cards(block: Cards, shown: Shown) -> None:
    with st.grid(block.columns, min_column_width=150):
        for card in block.cards:
            st.metric(
                plain(card.label), card.value, plain(card.note), delta_color="off", delta_arrow="off",
                help=card.help or None, border=True, height="stretch",
            )  # fmt: skip


def _pictures(block: Pictures, shown: Shown) -> None:
    if block.pictures and all(picture.go for picture in block.pictures):
        code_map.gallery(block, lambda index: go(block.pictures[index].go, shown))
        return
    box = (
        st.grid("auto", min_column_width=block.width, gap="small", key=f"pictures-{block.name}")
        if block.grow
        else st.container(horizontal=True, gap="xsmall", key=f"pictures-{block.name}")
    )
    with box:
        for index, picture in enumerate(block.pictures):
            with st.container(gap="xsmall", width="stretch" if block.grow else block.width):
                _picture(picture, f"{block.name}-{index}", block, shown)
    if block.archive:
        kept = {f"{i}-{one.title or one.note}": one.pixels for i, one in enumerate(block.pictures)}
        st.download_button(
            "Pictures (zip of PNG)", lambda: drawing.archive(kept), f"{block.archive}.zip",
            icon=":material/download:", on_click="ignore", type="tertiary", key=f"zip-{block.name}",
        )  # fmt: skip


def _picture(picture: Picture, key: str, block: Pictures, shown: Shown) -> None:
    alt = picture.alt or picture.title or picture.note
    width = "stretch" if block.grow else block.width
    st.image(drawing.png(picture.pixels, 2 * block.width), width=width, alt=alt)
    words = " ".join(part for part in (picture.title, picture.note and f":gray[{plain(picture.note)}]") if part)
    if picture.go is not None:
        target = picture.go
        st.button(
            words or alt, key=f"go-{key}", on_click=go, args=(target, shown), type="tertiary", help=picture.help or alt
        )
    elif words:
        title = f"**{plain(picture.title)}**" if picture.title else ""
        st.caption("  \n".join(part for part in (title, plain(picture.note)) if part), help=picture.help or None)


def _code_map(block: CodeMap, shown: Shown) -> None:
    def choose(row: int, column: int) -> None:
        go(block.go, shown, row=row, column=column, point=int(block.codes[row, column]))

    code_map.draw(block, choose)
    if block.title:
        st.caption(plain(block.title))


def _chart(block: Chart, shown: Shown) -> None:
    figure = block.figure(session.theme())
    st.plotly_chart(figure, key=block.name, width=block.width, theme=None, config=CHART, alt=block.alt)
    if block.go is None and block.tiles is None:
        return
    sheet = None
    if block.tiles is not None:
        tiles = block.tiles
        sheet = shown.study.remember(_sprite, block.name, shown.options.layer, tiles) if tiles else None
    click = bridge(block.name, sheet, click=block.go is not None, select=False, tile_from="customdata").click
    custom = getattr(click, "custom", None)
    point = custom[0] if isinstance(custom, list) and custom else custom
    if block.go is not None and isinstance(point, (int, float)) and point >= 0:
        go(block.go, shown, point=int(point))
        st.rerun(scope="fragment")


def _sprite(study: Any, name: str, layer: str, tiles: Callable[[], np.ndarray]) -> Any:
    found = tiles()
    return sprite_sheet(found, found.shape[1])


def _table(block: Table, shown: Shown) -> None:
    data = _page(block)
    pictures = {name: drawing.urls(of(data)) for name, of in block.pictures.items()}
    config = {}
    for name, column in block.columns.items():
        about = {"help": column.help or None}
        if name in pictures:
            config[name] = st.column_config.ImageColumn(column.label, width="small", **about)
        elif data[name].dtype.kind in "iuf":
            config[name] = st.column_config.NumberColumn(column.label, format=column.format or None, **about)
        else:
            config[name] = st.column_config.TextColumn(column.label, **about)
    select = {"on_select": "rerun", "selection_mode": "single-row"} if block.go is not None else {}
    event = st.dataframe(
        data.assign(**pictures), hide_index=True, key=block.name, height=block.height or "content",
        column_order=list(block.columns), column_config=config, **select,
    )  # fmt: skip
    if block.go is None:
        return
    rows = event["selection"]["rows"]
    picked = int(data[block.by].iloc[rows[0]]) if rows and rows[0] < len(data) else None
    before, st.session_state[f"picked-{block.name}"] = st.session_state.get(f"picked-{block.name}"), picked
    if picked is not None and picked != before:
        go(block.go, shown, point=picked)
        st.rerun(scope="fragment")


def _page(block: Table) -> Any:
    """The rows that are shown at once, in the order asked for."""
    if not block.sorts or len(block.frame) <= PAGE:
        return block.frame
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = st.selectbox(
            "Sorted by", list(block.sorts), format_func=block.sorts.get, key=f"sorted-{block.name}", width=320,
            help="Over all pages; a click on a column's head sorts within the page.",
        )  # fmt: skip
        data = block.frame.sort_values(by.lstrip("-"), ascending=not by.startswith("-"), kind="stable")
        page = st.pagination(-(-len(data) // PAGE), key=f"page-{block.name}")
    return data.iloc[(page - 1) * PAGE : page * PAGE]


def _link(block: Link, shown: Shown) -> None:
    if block.go.view is None:
        icon = f":material/{block.icon}:"
        st.button(plain(block.label), icon=icon, key=f"link-{block.label}", on_click=go, args=(block.go, shown))
        return
    session.link(block.go.view or shown.name, plain(block.label), f":material/{block.icon}:", **block.go.carried)


def _download(block: Download, shown: Shown) -> None:
    st.download_button(
        block.label, block.data, block.file, icon=":material/download:", on_click="ignore", type="tertiary",
        key=f"download-{block.file}", help=block.help or None,
    )  # fmt: skip


def _controls(block: Controls, shown: Shown) -> None:
    if len(block.names) == 1:
        controls.draw(shown, block.names[0])
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name in block.names:
            controls.draw(shown, name)


def _missing(block: Missing, shown: Shown) -> None:
    subject = shown.study.subject
    background(
        results.command(block.kind, subject, block.options), results.path(block.kind, subject, block.options),
        title=block.title, about=block.about, begin=block.begin,
    )  # fmt: skip


def _row(block: Row, shown: Shown) -> None:
    if block.shares:
        for column, part in zip(st.columns(list(block.shares), gap="medium"), block.parts, strict=True):
            with column:
                blocks(part, shown)
        return
    if block.even:
        with st.grid(len(block.parts), min_column_width=block.width, gap="medium"):
            for part in block.parts:
                with st.container(border=block.boxed):
                    blocks(part, shown)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        for part in block.parts:
            with st.container(width="content", border=block.boxed):
                blocks(part, shown)


def _more(block: More, shown: Shown) -> None:
    box = st.expander(block.title, on_change="rerun", key=f"more-{block.title}")
    if box.open:
        with box:
            blocks(block.blocks, shown)


def _part(block: Part, shown: Shown) -> None:
    with st.container(key=block.name):
        blocks(block.blocks, shown)


def _later(block: Later, shown: Shown) -> None:
    blocks(block.make(), shown)


DRAWN: dict[type, Callable[[Any, Shown], None]] = {
    Heading: _heading,
    Note: _note,
    Cards: _cards,
    Pictures: _pictures,
    CodeMap: _code_map,
    Chart: _chart,
    Table: _table,
    Link: _link,
    Download: _download,
    Controls: _controls,
    Missing: _missing,
    Row: _row,
    More: _more,
    Part: _part,
    Later: _later,
}
