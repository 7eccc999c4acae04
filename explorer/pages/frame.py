"""The frame around every page: the table of views as pages, the address of each, and the browser's title."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import streamlit as st

from explorer.pages import session, view
from explorer.pages.state import CARRIED, shared
from explorer.views import VIEWS

FOLDER = Path(__file__).parent
OTHERS = {  # pages that are no view of a checkpoint: title, icon, what the page shows
    "training": ("Training", "model_training", "Runs in progress, their curves and samples; stop, resume, delete."),
}


def options_of(name: str) -> tuple[str, ...]:
    """Names of the options of a view, apart from those that every page carries; none of another page."""
    fields = dataclasses.fields(VIEWS[name].options) if name in VIEWS else ()
    return tuple(field.name for field in fields if field.name not in CARRIED)


def draw() -> None:
    """Draws the page that the address names, inside the frame."""
    st.set_page_config(page_title="Codebook Explorer", page_icon=session.MARK, layout="wide")
    table = {name: (one.title, one.icon, one.about) for name, one in VIEWS.items()} | OTHERS
    first = next(iter(table))
    pages = {
        name: st.Page(
            FOLDER / f"{name}.py" if (FOLDER / f"{name}.py").exists() else partial(view.page, name),
            title=title,
            icon=f":material/{icon}:",
            help=about,
            url_path="first" if name == first else name,
        )
        for name, (title, icon, about) in table.items()
    }

    def forward() -> None:  # the first page has the address "/", and its name as an address leads there
        st.switch_page(pages[first], query_params=st.query_params.to_dict())

    named = st.Page(forward, title=table[first][0], url_path=first, visibility="hidden")
    page = st.navigation([*pages.values(), named])
    if page == named:
        page.run()
    shown = next((name for name, one in pages.items() if one == page), "")
    shared()["pages"] = pages
    shared()["options"] = options_of(shown)
    session.run(page)
