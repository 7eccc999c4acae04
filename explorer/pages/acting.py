"""What a sheet does when it is asked to: buttons, and places where a file is dropped."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

import streamlit as st

from explorer.errors import BadInput, explained
from explorer.pages import visitors
from explorer.pages.following import again, go
from explorer.pages.state import plain, shared
from explorer.sheets import Act, Go, Receive

if TYPE_CHECKING:
    from explorer.pages.controls import Shown

MEGABYTES = 200


@visitors.for_owners
def button(block: Act, shown: Shown) -> None:
    """A button; where it asks first, what it does is behind a box with the question."""
    key, icon = f"act-{block.name}", f":material/{block.icon}:"
    if not block.asks:
        pressed = st.button(plain(block.label), icon=icon, key=key, help=block.help or None)
    else:
        with st.popover(plain(block.label), icon=icon, key=f"box-{key}", help=block.help or None):
            st.markdown(plain(block.asks))
            pressed = st.button("Yes", type="primary", key=key)
    said = shared().setdefault("said", {})
    if pressed:
        said[key] = _done(block.does, shown)
        _drawn(said[key])
    _say(said.pop(key, None))


@visitors.for_owners
def box(block: Receive, shown: Shown) -> None:
    """A place for one file, which is taken once, when it comes; what came of it stands below as long as it is there."""
    key = f"receive-{block.name}"
    file = st.file_uploader(
        plain(block.label), type=list(block.endings), key=key, help=block.help or None, max_upload_size=MEGABYTES,
        width=420,
    )  # fmt: skip
    received = shared().setdefault("received", {})
    if file is None:
        received.pop(key, None)
        return
    data = file.getvalue()
    content = sha256(data).hexdigest()
    if key not in received or received[key][0] != content:
        with st.spinner(f"Reading {plain(file.name[:100])} …"):
            received[key] = (content, _done(lambda: block.take(file.name, data), shown))
        _drawn(received[key][1])
    _say(received[key][1])


def _done(does: Callable[[], Go | str], shown: Shown) -> tuple[str, str]:
    """How it went, and what there is to say."""
    shared()["clicked"] = True
    try:
        with explained("do that"):
            answer = does()
    except BadInput as fault:
        return "error", str(fault)
    if isinstance(answer, Go):
        go(answer, shown)
        return "success", ""
    return "success", answer


def _drawn(said: tuple[str, str]) -> None:
    """Draws the page anew where something was done."""
    if said[0] != "error":
        again()


def _say(said: tuple[str, str] | None) -> None:
    if said and said[1]:
        (st.error if said[0] == "error" else st.success)(plain(said[1]))
