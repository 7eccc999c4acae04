"""The page of a view: the study that the sidebar chose, the sheet of the view, drawn block by block."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from explorer.pages import controls, draw, gathering, map_by_hand, pictures, session, uploads
from explorer.pages.state import guard
from explorer.sheets import Choose
from explorer.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.delta_generator import DeltaGenerator

    from explorer.sheets import Sheet
    from explorer.study import Study

BY_HAND = {"latent_map": map_by_hand.draw}  # what draws a sheet that has more to it than blocks


def page(name: str) -> None:
    """Draws the view `name`; while its encoding is not there, the work that makes it."""
    view, chosen = VIEWS[name], session.selection()
    study = session.study(chosen, encoded=view.encoded)
    if view.pictured and not study.images.pictured:  # an image without pixels is drawn as its codes
        study = session.study(chosen)
    _sheet(name, study)


@st.fragment
@guard()
def _sheet(name: str, study: Study) -> None:
    """In a fragment: a click or a choice draws this part again, and nothing around it; all of the page where its
    checkpoint is another one now, or its encoding is gone."""
    view = VIEWS[name]
    if not session.stands(study, encoded=view.encoded):
        st.rerun()
    gathering.said()
    above, between = (st.container(), st.empty()) if view.below else (None, None)
    if view.several:
        picture = tuple(uploads.yours(study))
    else:
        with nullcontext() if between is None else between.container():
            picture = pictures.choose(study) if view.pictured else pictures.named(study)
    with st.spinner(f"Preparing {view.title} …"):
        options = controls.settle(view, study, picture)
        sheet = view.sheet(study, options, picture)
    encode = partial(session.encode_beside, session.selection(), study.images, study.subject.kmeans)
    shown = controls.Shown(name, view, study, options, picture, encode)
    if between is not None:
        sheet = _around(sheet, shown, above, between)
    BY_HAND.get(name, _plain)(sheet, shown, draw.blocks)


def _around(sheet: Sheet, shown: controls.Shown, above: DeltaGenerator, between: DeltaGenerator) -> Sheet:
    """Draws what stands above the choice of an image, or all where the sheet has no place for it; what is left."""
    at = next((place for place, block in enumerate(sheet.blocks) if isinstance(block, Choose)), None)
    if at is None:
        between.empty()
    with above:
        draw.blocks(sheet.blocks[:at], shown)
    return replace(sheet, blocks=() if at is None else sheet.blocks[at + 1 :])


def _plain(sheet: Sheet, shown: controls.Shown, blocks: Callable) -> None:
    blocks(sheet.blocks, shown)
