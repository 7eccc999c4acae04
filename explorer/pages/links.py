"""Ways from page to page, which carry what the sidebar chose; and what the browser shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from explorer.pages.state import get, put, shared, together

SELECTS = ("checkpoint", "dataset", "split", "limit", "fit")  # names that say what the numbers of a page belong to


def theme() -> Literal["light", "dark"]:
    """What the browser shows, for charts that choose their own colours."""
    return "dark" if st.context.theme.type == "dark" else "light"


def link(page: str, label: str, icon: str, **carried: object) -> None:
    """A link to a page that carries the sidebar's choice and `carried`, such as `image=17`."""
    pages = shared().get("pages", {})
    if page in pages:  # a part that is drawn outside of the frame leads nowhere
        st.page_link(pages[page], label=label, icon=icon, query_params=_parameters(carried))


def switch(page: str, carried: Mapping[str, object]) -> None:
    """Goes to another page with what a click chose."""
    with together(leaves=True):
        for name, value in carried.items():
            put(name, value)
    if "checkpoint" in carried:  # its layer and code are carried, too: the sidebar would drop them as another one's
        shared()["good"]["checkpoint"] = get("checkpoint")
    st.switch_page(shared()["pages"][page], query_params=_parameters(carried))


def _parameters(carried: Mapping[str, object]) -> dict[str, str]:
    found = {name: get(name) for name in SELECTS if get(name) is not None}
    return found | {name: str(value) for name, value in carried.items()}
