"""The name that the user gives a code, or a group of codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.errors import BadInput
from explorer.notebook import LETTERS
from explorer.pages import visitors
from explorer.pages.state import plain
from explorer.study import grouped

if TYPE_CHECKING:
    from explorer.pages.controls import Shown
    from explorer.sheets import Name


@visitors.for_owners
def draw(block: Name, shown: Shown) -> None:
    """A box for the name, behind a button."""
    study, group = shown.study, block.group
    what = f"group {block.code:,}" if group else f"code {block.code:,}"
    key = f"name-{block.layer}-{grouped.key_of(group) if group else block.code}"
    name = grouped.name_of(study, block.layer, group) if group else study.names(block.layer).get(block.code, "")

    def changed() -> None:
        text = st.session_state[key]
        try:
            kept = grouped.name(study, block.layer, group, text) if group else study.name(block.layer, block.code, text)
            st.session_state[key] = kept
        except BadInput as fault:
            st.toast(plain(str(fault)), icon=":material/error:")

    with st.popover("Rename" if name else "Name", icon=":material/edit:", type="tertiary", key=f"box-{key}"):
        st.session_state.setdefault(key, name)
        st.text_input(
            f"Name of {what}", key=key, max_chars=LETTERS, on_change=changed, width=280,
            placeholder="what it stands for",
            help="Shown wherever it is named, and part of every table. Empty takes it away.",
        )  # fmt: skip
