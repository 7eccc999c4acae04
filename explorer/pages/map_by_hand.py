"""What the Latent map has in the app alone: a lasso with what it selected, and a place to drop one's own picture."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.pages import scatter, uploads
from explorer.pages.bridge import selected
from explorer.sheets import Row, Sheet
from explorer.views import latent_map, selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from explorer.pages.controls import Shown

PAGE = 24  # pictures at once
HINT = (
    "Draw a lasso around points, or choose the box above the chart: their images, their concepts and the codes that "
    "they have more often than the rest appear here."
)


def draw(sheet: Sheet, shown: Shown, blocks: Callable) -> None:
    """The sheet, with the selection beside the map and below all else."""
    place = next(index for index, block in enumerate(sheet.blocks) if isinstance(block, Row))
    blocks(sheet.blocks[:place], shown)
    study = shown.study
    points, _ = latent_map.shown(study, latent_map.asked(study, dataclasses.asdict(shown.options)))
    many = latent_map.crowded(len(points.table))
    chosen = scatter.selected(f"many-{points.key}") if many else np.unique(selected(f"map-{points.key}"))
    chosen = chosen[chosen < len(points.table)]
    chart, beside = sheet.blocks[place].parts
    left, right = st.columns([5, 3], gap="medium")
    with left:
        blocks(chart, shown)
    with right:
        blocks(beside, shown)
        if points.options.dims == 3:
            st.caption("Drag to turn. A 3-D map has no lasso or box: change to 2-D to select.")
        elif len(chosen):
            _gallery(shown, points, chosen, blocks)
        else:
            st.caption(HINT)
        if points.options.what == "images":
            uploads.box(study)
    blocks(sheet.blocks[place + 1 :], shown)
    if len(chosen):
        with st.spinner("Comparing with the rest …"):
            found = selection.beside_the_rest(study, points, chosen)
        blocks(found, shown)


def _gallery(shown: Shown, points: latent_map.Points, chosen: np.ndarray, blocks: Callable) -> None:
    """How many points are selected, and their pictures, a page at a time."""
    counted, share = selection.counted(points, chosen)
    st.markdown(f"**{counted}**, {share}")
    pages = -(-len(chosen) // PAGE)
    box = st.container()
    page = min(st.pagination(pages, key=f"page-{points.key}"), pages) if pages > 1 else 1
    with box:
        blocks(selection.gallery(shown.study, points, chosen[(page - 1) * PAGE : page * PAGE]), shown)
    found = selection.gathered(shown.study, points, chosen)
    blocks([found, selection.listed(shown.study, points, chosen)], shown)
