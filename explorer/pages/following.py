"""Where a click leads: to another view, or to this one with what the click chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from explorer.pages import controls, links
from explorer.pages.state import shared, together
from explorer.sheets import filled

if TYPE_CHECKING:
    from explorer.pages.controls import Shown
    from explorer.sheets import Go


def go(target: Go, shown: Shown, /, **where: Any) -> None:
    """Follows a click: to another view, or to this one with what the click chose."""
    shared()["clicked"] = True
    carried = filled(target, **where)
    leaves = target.view not in (None, shown.name)
    with together(leaves=leaves):
        for name, value in carried.items():
            controls.take(name, value)
    if leaves:
        links.switch(target.view, carried)


def again() -> None:
    """Draws the page's own part again with what a click chose; all of the page where all of it was being drawn."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        st.rerun()
