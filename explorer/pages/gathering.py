"""Images that the user gathers click by click, and how they are kept as a set, which is a concept from then on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.errors import BadInput
from explorer.notebook import LETTERS, sets
from explorer.pages import visitors
from explorer.pages.links import link
from explorer.pages.state import plain, shared
from explorer.sheets import Gather

if TYPE_CHECKING:
    from explorer.pages.controls import Shown
    from explorer.study import Study

SHOWN = 12  # pictures of what is gathered
CLICKS, NEW = "by clicks on pictures", "A new set"


def rows(study: Study) -> list[int]:
    """Rows of the images that were gathered click by click, in the order of the clicks."""
    return shared().setdefault("gathered", {}).setdefault(study.images.fingerprint, [])


def toggle(study: Study, row: int) -> None:
    """Gathers an image, or puts it back."""
    gathered = rows(study)
    if row in gathered:
        gathered.remove(row)
    else:
        gathered.append(row)


@visitors.for_owners
def button(study: Study, row: int, key: str) -> None:
    """Gathers one image, or puts it back."""
    inside = row in rows(study)
    st.button(
        "In" if inside else "Set", icon=":material/check:" if inside else ":material/add:", type="tertiary",
        key=f"gather-{key}", on_click=toggle, args=(study, row),
        help="Gathered; click to put it back." if inside else "Gather this image for a set, which becomes a concept.",
    )  # fmt: skip


@visitors.for_owners
def basket(study: Study, key: str) -> None:
    """What is gathered so far, and where it is kept; a quiet word until there is something."""
    gathered = rows(study)
    label = f"{len(gathered):,} gathered" if gathered else "Gather"
    with st.popover(label, icon=":material/collections_bookmark:", key=f"basket-{key}", width="content"):
        if not gathered:
            st.caption(
                "Click “Set” at some pictures: together they become a set, and a set is a concept like any other. "
                "The lasso of the Latent map gathers, too."
            )
        else:
            pictures = study.pictures(gathered[-SHOWN:][::-1])
            with st.container(horizontal=True, gap="xsmall", width=320):
                for one in pictures:
                    st.image(one.pixels, width=48, alt=one.name)
            keep(study, gathered, CLICKS, f"basket-{key}")
            st.button("Put all back", type="tertiary", key=f"empty-{key}", on_click=gathered.clear)
        link("sets", "All sets, and a search", ":material/collections_bookmark:")


@visitors.for_owners
def draw(block: Gather, shown: Shown) -> None:
    """`offer` on the page of a view."""
    offer(block, shown.study)


def offer(block: Gather, study: Study) -> None:
    """A way to keep the images of a block as a set."""
    count = len(block.rows)
    if not count:
        return
    said = f"Keep {'this image' if count == 1 else f'these {count:,} images'} as a concept …"
    with st.popover(said, icon=":material/collections_bookmark:", key=f"offer-{block.name}", width="content"):
        if block.model:
            st.caption(
                "They are chosen by what this checkpoint makes of them, so that its codes tell of the set is no find."
            )
        keep(study, block.rows, block.source, block.name, block.model)


def keep(study: Study, found: Iterable[int], source: str, key: str, model: str = "") -> None:
    """A box for the name of a new set, or the choice of one that is there, to which the images are added."""
    images, box = study.images.fingerprint, f"name-of-{key}"
    there, into = sets.find(images), ""

    def kept() -> None:
        name = into or st.session_state.get(box) or ""
        try:
            change = sets.add if into else sets.keep
            shared()["kept"] = change(images, name, found, source=source, model=model).name
        except BadInput as fault:
            shared()["not kept"] = key, str(fault)
            return
        st.session_state[box] = ""
        if source == CLICKS:
            rows(study).clear()

    if there:
        into = st.selectbox("Set", ["", *there], format_func=lambda one: one or NEW, key=f"set-of-{key}", width=320)
    if not into:
        st.text_input("Name", key=box, max_chars=LETTERS, width=320, placeholder="what these images have in common")
    label = f"Add to {plain(into)}" if into else "Keep as a concept"
    st.button(label, type="primary", key=f"keep-{key}", on_click=kept)
    if shared().get("not kept", (None,))[0] == key:
        fault = shared().pop("not kept")[1]
        st.warning(plain(f"{fault[0].upper()}{fault[1:]}."))


def said() -> None:
    """Tells once that a set was kept."""
    name = shared().pop("kept", None)
    if name is not None:
        st.toast(f"“{plain(name)}” is a concept of these images now.", icon=":material/collections_bookmark:")


def source_of(study: Study, what: str) -> dict[str, Any]:
    """Where images were chosen by what the checkpoint makes of them."""
    return {"source": f"{what}, {study.checkpoint.name}", "model": study.subject.fingerprint}
