"""What survives a click: the state that the URL carries, and how errors reach the user.

Names in the URL go through `pick`, `number`, `get` and `put`, so that every view can be shared. An unknown name gives
one sentence, and the page goes on with what is there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import FragmentHandledException

from explorer.errors import BadInput

log = logging.getLogger("explorer")

CARRIED = ("checkpoint", "dataset", "fit", "layer", "image", "code")  # names in the URL, kept from page to page


def shared() -> dict[str, Any]:
    """What this browser tab remembers, apart from its widgets."""
    return st.session_state.setdefault("explorer", {"carried": {}, "written": {}, "notices": {}, "sources": {}})


def get(name: str) -> str | None:
    """What the URL, or this session, says about `name`, one of CARRIED; unchecked text."""
    return shared()["carried"].get(name)


def put(name: str, value: object | None) -> None:
    """Carries `value` as `name` in the URL from now on; None takes it out."""
    state = shared()
    text = None if value is None else str(value)
    if state["carried"].get(name) != text:
        state["notices"].pop(name, None)
    if text is None:
        state["carried"].pop(name, None)
    else:
        state["carried"][name] = text
    _write_url()


def _write_url() -> None:
    state = shared()
    for name in CARRIED:
        value = state["carried"].get(name)
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value
    state["written"] = dict(state["carried"])


def read_url() -> None:
    """Takes over what the URL says.

    A name in the URL that this session did not put there itself comes from the user: a link, or the address bar.
    """
    state = shared()
    for name in CARRIED:
        value = st.query_params.get(name)
        if value is not None and value != state["written"].get(name):
            state["carried"][name] = value[:1000]
    _write_url()


def choose(name: str, allowed: Callable[[str], bool], default: str, kind: str = "") -> str:
    """The carried value of `name` if it is allowed, else `default`, with one sentence that says so."""
    state, value = shared(), get(name)
    if value is None or not allowed(value):
        if value is not None:
            put(name, default)
            state["notices"][name] = (
                f"There is no {kind or name} “{value[:200]}” here (any more); showing “{default}” instead."
            )
        value = default
        put(name, value)
    if name in state["notices"]:
        st.warning(plain(state["notices"][name]), icon=":material/link_off:")
    return value


def pick(
    name: str,
    label: str,
    options: Sequence[str],
    default: str | None = None,
    *,
    widget: Callable = st.selectbox,
    **arguments,
) -> str:
    """A choice that the URL carries, as in `session.pick("layer", "Layer", names, widget=st.segmented_control)`."""
    options = [str(option) for option in options]
    value = choose(name, options.__contains__, default if default is not None else options[0])
    return bound(name, value, lambda key, changed: widget(label, options, key=key, on_change=changed, **arguments))


def number(name: str, label: str, count: int, default: int = 0, **arguments) -> int:
    """A whole number from 0 to `count - 1` that the URL carries: `session.number("image", "Image", len(images))`."""
    value = choose(name, lambda text: text.isdecimal() and len(text) < 12 and int(text) < count, str(default))
    return int(
        bound(
            name,
            int(value),
            lambda key, changed: st.number_input(
                label, min_value=0, max_value=count - 1, step=1, key=key, on_change=changed, **arguments
            ),
        )
    )


def bound(name: str, value: Any, draw: Callable[[str, Callable], Any]) -> Any:
    """Draws a widget that starts from `value` and carries what the user makes of it."""
    key = f"pick-{name}"
    if st.session_state.get(key) != value:
        st.session_state[key] = value

    def changed() -> None:
        if st.session_state[key] is not None:  # a segmented control can be emptied; then the last choice stays
            put(name, st.session_state[key])

    chosen = draw(key, changed)
    return value if chosen is None else chosen


def plain(text: object) -> str:
    """Text of others, such as a file name, so that Streamlit's markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+!$:<>|~-])", r"\\\1", str(text))


@contextmanager
def guard() -> Iterator[None]:
    """Shows bad input as one sentence, and a bug as one calm sentence with the details in the server's log."""
    try:
        yield
    except FragmentHandledException:
        raise
    except BadInput as error:
        st.error(plain(error), icon=":material/error:")
    except FileNotFoundError as error:
        log.warning("a file went away while it was shown: %s", error)
        name = Path(error.filename).name if error.filename else "a file"
        st.error(
            f"{plain(name)} is no longer there; reload the page or choose another in the sidebar.",
            icon=":material/error:",
        )
    except Exception:
        log.exception("the page could not be drawn")
        st.error(
            "This part of the page could not be drawn. Everything else still works; the server's log has the details.",
            icon=":material/error:",
        )
