"""The name that the user gives a code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.errors import BadInput
from explorer.notebook import LETTERS
from explorer.pages.state import plain

if TYPE_CHECKING:
    from explorer.pages.controls import Shown
    from explorer.sheets import Name


def draw(block: Name, shown: Shown) -> None:
    """A box for the name of a code, behind a button."""
    study = shown.study
    key, name = f"name-{block.layer}-{block.code}", study.names(block.layer).get(block.code, "")

    def changed() -> None:
        try:
            st.session_state[key] = study.name(block.layer, block.code, st.session_state[key])
        except BadInput as fault:
            st.toast(plain(str(fault)), icon=":material/error:")

    with st.popover("Rename" if name else "Name", icon=":material/edit:", type="tertiary", key=f"box-{key}"):
        st.session_state.setdefault(key, name)
        st.text_input(
            f"Name of code {block.code:,}", key=key, max_chars=LETTERS, on_change=changed, width=280,
            placeholder="what it stands for",
            help="Shown wherever the code is named, and part of every table. Empty takes it away.",
        )  # fmt: skip
