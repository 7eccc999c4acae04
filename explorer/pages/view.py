"""The page of a view: the study that the sidebar chose, the sheet of the view, drawn block by block."""

from __future__ import annotations

import streamlit as st

from explorer.pages import controls, draw, map_by_hand, pictures, session, uploads
from explorer.pages.state import guard
from explorer.study import Study
from explorer.views import VIEWS

BY_HAND = {"latent_map": map_by_hand.draw}  # what draws a sheet that has more to it than blocks


def page(name: str) -> None:
    """Draws the view `name`; while its encoding is not there, the work that makes it."""
    view, chosen = VIEWS[name], session.selection()
    study = session.study(chosen, encoded=view.encoded)
    _sheet(name, study)


@st.fragment
@guard()
def _sheet(name: str, study: Study) -> None:
    """In a fragment: a click or a choice draws this part again, and nothing around it."""
    view = VIEWS[name]
    if view.several:
        picture = tuple(uploads.yours(study))
    else:
        picture = pictures.choose(study) if view.pictured else pictures.named(study)
    with st.spinner(f"Preparing {view.title} …"):
        options = controls.settle(view, study, picture)
        sheet = view.sheet(study, options, picture)
    shown = controls.Shown(name, view, study, options, picture)
    if name in BY_HAND:
        BY_HAND[name](sheet, shown)
    else:
        draw.blocks(sheet.blocks, shown)
