"""Sets of images: those that the user gathered, and a search that finds more to gather."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.errors import BadInput
from explorer.notebook import sets
from explorer.pages import gathering, session
from explorer.pages.state import guard, plain
from explorer.sheets import Gather, drawing
from explorer.sheets.spreadsheet import csv_of
from explorer.study import search

if TYPE_CHECKING:
    from explorer.notebook.sets import Gathered
    from explorer.study import Study

PAGE, FEW = 24, 10  # pictures of what was found at once, and of each set
ABOUT = (
    "A set of images that you gather is a concept: on every page and in every score it stands beside the classes and "
    "columns of the dataset, as “set: NAME”. Gather by clicks on pictures, by the lasso of the Latent map, or here."
)


def show() -> None:
    """The whole page."""
    study = session.study(session.selection(), encoded=False)
    _page(study)


@st.fragment
@guard()
def _page(study: Study) -> None:
    gathering.said()
    st.caption(ABOUT)
    _search(study)
    found = sets.find(study.images.fingerprint)
    st.header(f"{len(found):,} sets of these images" if len(found) != 1 else "1 set of these images", anchor=False)
    if not found:
        st.caption("There is none yet.")
        return
    for one in found.values():
        _set(study, one)
    data = study.remember(_table)
    st.download_button(
        "All sets (CSV)", lambda: csv_of(data), f"{study.images.split}-sets.csv", "text/csv",
        icon=":material/download:", type="tertiary", on_click="ignore", key="sets-csv",
        help="A row for each image: its name, and yes or no for each set. As labels.csv beside the images, it travels.",
    )  # fmt: skip


def _table(study: Study):
    return sets.table(study.images.fingerprint, study.images.names)


def _search(study: Study) -> None:
    st.header("Find images", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Words in names and values", key="search-text", width=320, placeholder="red shoe",
            help="Images whose name and values contain every word. In quotes a value of its own: \"class: shoes\".",
        )  # fmt: skip
        layer, code = _code(study)
    rows = search.saying(study, text) if text.split() else None
    source = f"search for “{text.strip()[:60]}”"
    more = {"source": source}
    if code is not None:
        with_it = search.having(study, layer, code)
        rows = with_it if rows is None else np.intersect1d(rows, with_it)
        named = f"code {code} of layer {layer}"
        more = gathering.source_of(study, named if not text.split() else f"{source}, {named}")
    if rows is None:
        return
    st.markdown(f"**{len(rows):,}** of {len(study.images):,} images")
    if len(rows):
        gathering.offer(Gather("search", rows, **more), study)
        pages = -(-len(rows) // PAGE)
        box = st.container()
        page = min(st.pagination(pages, key="search-page"), pages) if pages > 1 else 1
        with box:
            _pictures(study, rows[(page - 1) * PAGE : page * PAGE])


def _code(study: Study) -> tuple[str, int | None]:
    if not study.encoded:
        return "", None
    names = [layer.name for layer in study.layers]
    layer = names[0]
    if len(names) > 1:
        layer = st.selectbox("Layer", names, index=names.index(study.main_layer), key="search-layer", width=160)
    most = len(study.book(layer)) - 1
    code = st.number_input(
        "With the code", 0, most, value=None, step=1, key="search-code", width=180, placeholder="any",
        help=f"Images that have this code of the layer; from 0 to {most:,}.",
    )  # fmt: skip
    return layer, None if code is None else int(code)


def _pictures(study: Study, rows: np.ndarray) -> None:
    if not getattr(study.images, "pictured", True):
        return
    with st.container(horizontal=True, gap="xsmall"):
        for one in study.pictures(rows):
            st.image(drawing.png(one.pixels, 112), width=56, alt=one.name)


def _set(study: Study, one: Gathered) -> None:
    rows = one.rows[one.rows < len(study.images)]
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(one.name)}** · {len(rows):,} of {len(study.images):,} images", width="stretch")
            with st.popover("Rename", type="tertiary", key=f"rename-{one.name}", width="content"):
                st.text_input(
                    "New name", one.name, key=f"new-name-{one.name}", on_change=_rename, args=(study, one.name)
                )
            st.button("Delete", type="tertiary", key=f"delete-{one.name}", on_click=_delete, args=(study, one.name))
        _pictures(study, rows[:: max(1, len(rows) // FEW)][:FEW])
        told = " · ".join(filter(None, (one.source, one.made)))
        if one.model and one.model == study.subject.fingerprint:
            told += " · chosen by what this checkpoint makes of the images: that its codes tell of it is no find"
        if told:
            st.caption(plain(told))


def _rename(study: Study, name: str) -> None:
    _told(sets.rename, study.images.fingerprint, name, st.session_state[f"new-name-{name}"])


def _delete(study: Study, name: str) -> None:
    _told(sets.delete, study.images.fingerprint, name)


def _told(change, *arguments: str) -> None:
    try:
        change(*arguments)
    except BadInput as fault:
        st.toast(plain(str(fault)), icon=":material/error:")


show()
