"""What can be trained from the sidebar: an autoencoder, or a prior over the codes of the one that is open."""

from __future__ import annotations

import streamlit as st

from explorer.pages import prior_form, train_form
from explorer.pages.state import guard

WHAT = {"autoencoder": "Autoencoder", "prior": "Prior of this checkpoint"}


@st.fragment
@guard()
def draw() -> None:
    """The form in the sidebar; nothing heavy is imported before it is opened."""
    box = st.expander(
        "Train a checkpoint or a prior", icon=":material/model_training:", on_change="rerun", key="train-open"
    )
    if not box.open:
        return
    with box:
        what = st.segmented_control(
            "What to train",
            list(WHAT),
            default="autoencoder",
            format_func=WHAT.get,
            key="train-what",
            help="An autoencoder learns what codes look like; a prior learns which of its codes stand beside which, so "
            "that new images can be drawn.",
        )
        if what == "prior":
            prior_form.form()
        else:
            train_form.form()
