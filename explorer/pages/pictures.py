"""Which picture a page looks at: an image of the dataset by its number, or one of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.pages import gathering, uploads
from explorer.pages.controls import take
from explorer.pages.state import bound, get, number, pick, plain, put, together
from explorer.study.picture import OWN

if TYPE_CHECKING:
    from explorer.study import Picture, Study

ORDERS = {"number": "By number", "worst": "Worst first", "best": "Best first", "own": "Your own images"}
ABOUT = (
    "Previous and Next go through the images in this order. Best and worst are by PSNR, the quality of the "
    "reconstruction. Your own images are those that you drop here or on the page Reconstructions."
)


def choose(study: Study) -> Picture:
    """The picture that the address or the session names, with the widgets that change it."""
    asked = get("image")
    if asked and asked.startswith(OWN) != (get("order") == "own"):
        put("order", "own" if asked.startswith(OWN) else None)  # a link to an image says nothing of the order
    orders = [
        name for name in ORDERS if name in ("number", "own") or (study.encoded and not study.checkpoint.no_decoder)
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = pick("order", "Order", orders, format_func=ORDERS.get, width=170, help=ABOUT, widget=_orders)
        if order == "own":
            picture = _own(uploads.yours(study))
            if picture is not None:  # there is something to look at, and the box would push it down
                with st.popover("Add or remove", icon=":material/upload:", width="content"):
                    uploads.box(study)
        else:
            rows = study.remember(_rows, order)
            about = f"From 0 to {len(study.images) - 1:,}, in the order of the dataset."
            row = number("image", "Image", len(study.images), int(rows[0]), width=150, help=about)
            _steps(rows.tolist(), row, len(study.images))
            gathering.button(study, row, "image")
            gathering.basket(study, "image")
            picture = study.image(row)
    if picture is None:
        uploads.box(study)
        st.caption("Until there is a picture of yours, this is the first image of the dataset.")
    return picture or study.image(0)


def named(study: Study) -> Picture | None:
    """The user's own picture that the address names, for a view that can do without one."""
    return next((one for one in uploads.yours(study) if one.address == get("image")), None)


def _orders(label: str, options: Sequence[str], *, key: str, on_change: Any, **more: Any) -> str:
    def both() -> None:
        before = get("order")
        with together():
            on_change()
            if get("order") != before:
                take("image", None)  # the first in the new order

    return st.selectbox(label, options, key=key, on_change=both, **more)


def _own(own: Sequence[Picture]) -> Picture | None:
    """The one of the user's pictures that the address names; the first where it names none."""
    known = {one.address: one for one in own}
    asked = get("image")
    if asked is not None and asked not in known:
        st.warning(f":small[{plain(asked.removeprefix(OWN))} is not among your pictures; drop it here again.]")
    if not known:
        return None
    address = asked if asked in known else next(iter(known))
    put("image", address)
    bound(
        "image", address,
        lambda key, changed: st.selectbox(
            "Picture", list(known), format_func=lambda one: known[one].name, key=key, on_change=changed, width=220
        ),
    )  # fmt: skip
    _steps(list(known), address)
    return known[address]


def _steps(order: Sequence[Any], at: Any, count: int | None = None) -> None:
    """Buttons to the pictures before and after this one, and to any of `count`, or of the order."""
    place = order.index(at) if at in order else 0
    anywhere = np.random.default_rng().integers(count or len(order))
    with st.container(horizontal=True, width="content", gap="xsmall", wrap=False):
        for label, key, to in (
            ("Previous image", "previous", order[(place - 1) % len(order)]),
            ("Next image", "next", order[(place + 1) % len(order)]),
            ("Random image", "random", order[anywhere] if count is None else int(anywhere)),
        ):
            st.button(label, key=key, on_click=take, args=("image", to))


def _rows(study: Study, order: str) -> np.ndarray:
    """(N,) rows in an order; images without a score are not among the best or worst."""
    every = np.arange(len(study.images))
    if order == "number":
        return every
    psnr = study.errors()["psnr"].to_numpy()
    known = np.flatnonzero(np.isfinite(psnr))
    found = known[np.argsort(psnr[known], kind="stable")]
    return (found if order == "worst" else found[::-1]) if len(found) else every
