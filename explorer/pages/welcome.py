"""What stands above the first page: what a code is, the question, and a way through the pages."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.pages.state import shared

WAY = (  # page, label, what one learns there
    ("code_maps", "Code maps", ":material/grid_on:", "which code stands where"),
    ("codebook", "Codebook", ":material/bar_chart:", "which are used"),
    ("latent_map", "Latent map", ":material/scatter_plot:", "what lies near what"),
    ("layers", "Layers", ":material/layers:", "what each adds"),
)


def draw(link: Callable) -> None:
    """A few lines, until they are closed."""
    if shared().get("welcomed"):
        return
    with st.container(border=True, gap="small", key="welcome"):
        with st.container(horizontal=True, vertical_alignment="top", wrap=False, gap="small"):
            st.markdown(
                "**Do these codes capture concepts?** An encoder puts one entry of its codebook, a *code*, in place of "
                "each patch of an image. See below what is left of an image then; the way goes on to"
            )
            st.button("Close", icon=":material/close:", type="tertiary", key="welcome-close", on_click=_close)
        with st.container(horizontal=True, gap="small"):
            for page, label, icon, learned in WAY:
                link(page, f"**{label}:** {learned}", icon)


def _close() -> None:
    shared()["welcomed"] = True
