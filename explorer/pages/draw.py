"""Draws the blocks of a sheet with Streamlit: one function a kind of block, and one table of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from explorer import results
from explorer.files import digest
from explorer.pages import (
    acting,
    code_map,
    controls,
    gathering,
    links,
    naming,
    pieces,
    scatter,
    scoring,
    session,
    uploads,
)
from explorer.pages.bridge import bridge, selected, sprite_sheet
from explorer.pages.controls import Shown
from explorer.pages.following import again, go
from explorer.pages.state import plain
from explorer.pages.work import background
from explorer.sheets import (
    Act,
    Block,
    Cards,
    Chart,
    Choose,
    CodeMap,
    Controls,
    Download,
    Drop,
    Gather,
    Go,
    Heading,
    Later,
    Link,
    Missing,
    More,
    Name,
    Note,
    Part,
    Picture,
    Pictures,
    Piece,
    Receive,
    Row,
    Scatter,
    Strip,
    Strips,
    Table,
    drawing,
)  # fmt: skip
from explorer.sheets.spreadsheet import csv_of
from explorer.study.memory import MEMORY

PAGE = 512  # rows of a table with pictures at once
ICONS = {"info": ":material/info:", "warning": ":material/warning:"}
NOTE = 38  # letters of a name below a strip of pictures; longer ones lose their middle, sentences wrap
SELECT = ["toImage", "lasso2d", "select2d", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]
HOVER = 128  # pixels of the screen of a thumbnail beside the pointer
AROUND = 150  # pixels of a chart for its legend, its axes and the tool bar
CHART = {"displaylogo": False, "displayModeBar": "hover"}


def blocks(found: Sequence[Block], shown: Shown) -> None:
    """Draws blocks one under another; controls that follow one another stand in one row."""
    for block in found:
        DRAWN[type(block)](block, shown)


def _heading(block: Heading, shown: Shown) -> None:
    if block.data is None:
        (st.header if block.level == 2 else st.subheader)(plain(block.text), help=block.help or None, anchor=False)
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(plain(block.text), help=block.help or None, width="content", anchor=False)
        data = block.data
        st.download_button(
            "CSV", lambda: csv_of(data()), f"{block.file}.csv", "text/csv", icon=":material/download:",
            on_click="ignore", type="tertiary", key=f"csv-{block.file}",
            help=f"The numbers of “{block.text}” as CSV; the camera on a chart saves a picture.",
        )  # fmt: skip


def _note(block: Note, shown: Shown) -> None:
    if block.tone in ("quiet", "plain"):
        (st.caption if block.tone == "quiet" else st.markdown)(plain(block.text), help=block.help or None)
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
        study = shown.study
        code_map.gallery(
            block, lambda index: go(block.pictures[index].go, shown), gathering.rows(study),
            partial(gathering.toggle, study),
        )  # fmt: skip
        return
    box = (
        st.grid(block.columns or "auto", min_column_width=block.width, gap="small", key=f"pictures-{block.name}")
        if block.grow
        else st.container(horizontal=True, gap="xsmall", key=f"pictures-{block.name}")
    )
    with box:
        for index, picture in enumerate(block.pictures):
            with st.container(gap="xsmall", width="stretch" if block.grow else block.width):
                _picture(picture, f"{block.name}-{index}", block, shown)
    if block.archive:
        _archive(block, {f"{i}-{one.title or one.note}": one.pixels for i, one in enumerate(block.pictures)})


def _archive(block: Pictures | Strips, kept: dict[str, np.ndarray]) -> None:
    st.download_button(
        "Pictures (zip of PNG)", lambda: drawing.archive(kept), f"{block.archive}.zip",
        icon=":material/download:", on_click="ignore", type="tertiary", key=f"zip-{block.name}",
        help="Each picture as a file of its own, in the model's resolution.",
    )  # fmt: skip


def _strips(block: Strips, shown: Shown) -> None:
    if any(strip.row is not None for strip in block.strips):
        gathering.basket(shown.study, block.name)
    with st.grid("auto", min_column_width=block.width, key=block.name):
        for strip in block.strips:
            with st.container(border=True, gap="xsmall"):
                _strip(strip, shown)
    if block.archive:
        kept = ((f"{i:02d}-{one.title.lower()}", one) for i, strip in enumerate(block.strips) for one in strip.pictures)
        _archive(block, {name: one.pixels for name, one in kept})


def _strip(strip: Strip, shown: Shown) -> None:
    with st.grid(len(strip.pictures), wrap=False, min_column_width=60, gap="xsmall"):
        for one in strip.pictures:
            st.image(drawing.png(one.pixels, 256), caption=plain(one.title), width="stretch", alt=one.alt)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
        note = " ".join(one if len(one) <= NOTE else f"{one[:12]}…{one[13 - NOTE :]}" for one in strip.note.split(" "))
        st.markdown(f"**{plain(strip.title)}**  \n:small[:gray[{plain(note)}]]", width="content")
        with st.container(horizontal=True, width="content", gap="small", vertical_alignment="center"):
            for link in strip.links:
                _link(link, shown)
            if strip.row is not None:
                gathering.button(shown.study, strip.row, f"strip-{strip.row}")


def _picture(picture: Picture, key: str, block: Pictures, shown: Shown) -> None:
    alt = picture.alt or picture.title or picture.note
    width = "stretch" if block.grow else block.width
    st.image(drawing.png(picture.pixels, 2 * block.width), width=width, alt=alt)
    words = " ".join(part for part in (plain(picture.title), picture.note and f":gray[{plain(picture.note)}]") if part)
    if picture.go is not None:
        target = picture.go
        st.button(
            words or plain(alt), key=f"go-{key}", on_click=go, args=(target, shown), type="tertiary",
            help=picture.help or plain(alt),
        )  # fmt: skip
    elif words:
        title = f"**{plain(picture.title)}**" if picture.title else ""
        st.caption("  \n".join(part for part in (title, plain(picture.note)) if part), help=picture.help or None)


def _code_map(block: CodeMap, shown: Shown) -> None:
    def choose(row: int, column: int) -> None:
        go(block.go, shown, row=row, column=column, point=int(block.codes[row, column]))

    code_map.draw(block, choose)
    if block.title:
        st.caption(plain(block.title))


def _piece(block: Piece, shown: Shown) -> None:
    pieces.draw(block, lambda where: go(block.others.get(where.get("to"), block.go), shown, **where))


def _scatter(block: Scatter, shown: Shown) -> None:
    def follow(point: int) -> None:
        more = {name: int(values[point]) for name, values in block.also.items()}
        go(Go(block.go.view, {**block.go.carried, **more}), shown, point=point)

    scatter.draw(block, follow)


def _chart(block: Chart, shown: Shown) -> None:
    figure = block.drawn(links.theme())
    config = CHART | ({"displayModeBar": True, "scrollZoom": True, "modeBarButtons": [SELECT]} if block.select else {})
    if block.select:
        _mark(figure, block.name)
    with _fitted(block):
        st.plotly_chart(
            figure, key=block.name, width=block.width, height="stretch" if block.aspect else "content", theme=None,
            config=config, alt=block.alt,
        )  # fmt: skip
    if block.go is None and block.tiles is None and not block.select:
        return
    sheet = None
    if block.tiles is not None:
        key = digest("sprite", shown.study.key, block.name, getattr(shown.options, "layer", ""))
        sheet = MEMORY.get(key, lambda: sprite_sheet(tiles := block.tiles(), tiles.shape[1]))
    event = bridge(
        block.name, sheet, click=block.go is not None, select=block.select, tile_from="customdata",
        scale=1 if sheet is None else max(1, HOVER // sheet.tile),
    )  # fmt: skip
    custom = getattr(event.click, "custom", None)
    point = custom[0] if isinstance(custom, list) and custom else custom
    most = min(map(len, block.also.values()), default=math.inf)
    if block.go is not None and isinstance(point, (int, float)) and 0 <= point < most:
        more = {name: int(values[int(point)]) for name, values in block.also.items()}
        target = block.go(int(point)) if callable(block.go) else block.go
        go(Go(target.view, {**target.carried, **more}), shown, point=int(point))
        again()


def _mark(figure: Any, name: str) -> None:
    """What is selected stands out; the outline of the lasso goes, because points under it cannot be clicked."""
    chosen = selected(name)
    marks = [trace for trace in figure.data if trace.hoverinfo != "skip"]
    for trace in marks if len(chosen) else ():
        points = np.flatnonzero(np.isin(np.asarray(trace.customdata), chosen))
        trace.update(selectedpoints=points, unselected={"marker": {"opacity": 0.05}})
    figure.update_layout(uirevision=name, selectionrevision=f"{name}-{hash(chosen.tobytes())}", selections=[])


def _fitted(block: Chart) -> Any:
    """Where a chart goes: as high as its shape asks for, within the window."""
    if not block.aspect:
        return st.container()
    key = f"fit-{block.name}"
    high = f"clamp(320px, calc(100cqw / {block.aspect:.3f} + {AROUND}px), max(72vh, 320px))"
    st.html(
        f"<style>.st-key-{key}-width {{ container-type: inline-size }} "
        f".st-key-{key}, .st-key-{key} > div:has(.js-plotly-plot) {{ height: {high} }}</style>"
    )
    return st.container(key=f"{key}-width").container(key=key)


def _table(block: Table, shown: Shown) -> None:
    data = _page(block)
    pictures = {name: drawing.urls(of(data)) for name, of in block.pictures.items()}
    config = {}
    for name, column in block.columns.items():
        about = {"help": column.help or None, "pinned": column.pinned or None}
        if name in pictures:
            config[name] = st.column_config.ImageColumn(column.label, width="small", **about)
        elif data[name].dtype.kind in "iuf":
            config[name] = st.column_config.NumberColumn(column.label, format=column.format or None, **about)
        else:
            config[name] = st.column_config.TextColumn(column.label, **about)
    select = {"on_select": "rerun", "selection_mode": "single-row"} if block.go is not None else {}
    event = st.dataframe(
        data.assign(**pictures), hide_index=True, key=block.name, height=block.height or "content",
        column_order=list(block.columns), column_config=config, placeholder="", **select,
    )  # fmt: skip
    if block.go is None:
        return
    rows = event["selection"]["rows"]
    picked = int(data[block.by].iloc[rows[0]]) if rows and rows[0] < len(data) else None
    before, st.session_state[f"picked-{block.name}"] = st.session_state.get(f"picked-{block.name}"), picked
    if picked is not None and picked != before:
        go(block.go(picked) if callable(block.go) else block.go, shown, point=picked)
        again()


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
    if block.go.view is None:  # not a page link, which would leave the address of a page that stays as it was
        if st.button(plain(block.label), icon=f":material/{block.icon}:", key=f"link-{block.label}"):
            go(block.go, shown)
            if set(block.go.carried) & set(links.SELECTS):
                st.rerun()
            again()
        return
    links.link(block.go.view, plain(block.label), f":material/{block.icon}:", **block.go.carried)


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
    subject = block.subject or shown.study.subject
    if block.kind == "encoding":  # every page offers this one with the same words, and sees the same work
        (shown.encode if block.subject is None else partial(session.encode_other, subject, block.title))()
        return
    if block.kind == "score":
        scoring.every(block, subject)
        return
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
    with st.spinner("Computing …"):
        made = block.make()
    blocks(made, shown)


DRAWN: dict[type, Callable[[Any, Shown], None]] = {
    Heading: _heading,
    Note: _note,
    Cards: _cards,
    Pictures: _pictures,
    Strips: _strips,
    Drop: lambda block, shown: uploads.box(shown.study),
    Choose: lambda block, shown: None,  # `view.page` has put it there
    Gather: gathering.draw,
    Name: naming.draw,
    Act: acting.button,
    Receive: acting.box,
    CodeMap: _code_map,
    Piece: _piece,
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
    Scatter: _scatter,
}
