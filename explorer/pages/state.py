"""What survives a click: the state that the URL carries, and how errors reach the user.

Names in the URL go through `pick`, `number`, `get` and `put`, so that every view can be shared. An unknown name gives
one sentence, and the page goes on with what it showed.
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
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.errors import BadInput, printable

log = logging.getLogger("explorer")

CARRIED = (
    "checkpoint",
    "dataset",
    "split",
    "limit",
    "fit",
    "kmeans",
    "layer",
    "image",
    "order",
    "code",
)  # in every URL


LETTERS = 1_000  # of a value in an address


def names() -> tuple[str, ...]:
    """Names that the URL of this page carries: those of every page, and the options of its view."""
    return (*CARRIED, *shared().get("options", ()))


def shared() -> dict[str, Any]:
    """What this browser tab remembers, apart from its widgets."""
    empty = {name: {} for name in ("carried", "written", "good", "refused", "sources", "uploads")}
    return st.session_state.setdefault("explorer", empty)


def get(name: str) -> str | None:
    """What the URL, or this session, says about `name`, one of CARRIED; unchecked text."""
    return shared()["carried"].get(name)


def put(name: str, value: object | None) -> None:
    """Carries `value` as `name` in the URL from now on; None takes it out."""
    shared()["refused"].pop(name, None)
    _carry(name, None if value is None else str(value))


def _carry(name: str, text: str | None) -> None:
    carried = shared()["carried"]
    if text is None:
        carried.pop(name, None)
    else:
        carried[name] = text
    _write_url()


@contextmanager
def together(*, leaves: bool = False) -> Iterator[None]:
    """Choices that belong together: the address is written once, after the last of them, so that none says a part.

    Args:
        leaves: the address of this page stays as it is, because the one of another page will say what was chosen.
    """
    state = shared()
    if state.get("together"):
        yield
        return
    state["together"] = True
    try:
        yield
    finally:
        state["together"] = False
        state["written"] = dict(state["carried"])
        if not leaves:
            _write_url()


def _write_url() -> None:
    state = shared()
    if state.get("together"):
        return
    found = st.query_params.to_dict()
    for name in names():
        value = state["carried"].get(name)
        if value is None or len(value) > LETTERS:  # what is too long for an address stays in the session
            found.pop(name, None)
        else:
            found[name] = value
    if found != st.query_params.to_dict():
        st.query_params.from_dict(found)  # in one message: each is an address that the browser can go back to
    state["written"] = dict(state["carried"])


def read_url() -> None:
    """Takes over what the URL says.

    A name in the URL that this session did not put there itself comes from the user: a link, or the address bar.
    """
    state = shared()
    state["linked"] = set()
    opened = "opened" in state
    state["opened"] = True
    for name in names():
        value = st.query_params.get(name)
        if value is not None and value != state["written"].get(name):
            state["linked"].add(name)
            state["refused"].pop(name, None)
            state["carried"][name] = value[:LETTERS].strip(" \t\"'")
    if opened and state["linked"]:  # another address in the same session
        state["clicked"] = False
    _write_url()


def clicked() -> bool:
    """Whether the user has chosen something since the app was opened: what an address alone asks for starts no work."""
    return bool(shared().get("clicked"))


def choose(name: str, fault: Callable[[str], str], default: str) -> str:
    """The carried value of `name`; where something is wrong with it, the last good one, or `default`.

    What was asked for in vain is kept as `refused(name)`, and tried again each time, until `put` replaces it.

    Args:
        fault: says what is wrong with a value and which there are, in one sentence; empty where nothing is.
    """
    state = shared()
    asked = state["refused"][name][0] if name in state["refused"] else get(name)
    wrong = "" if asked is None else fault(asked)
    value = default if asked is None else asked
    state["refused"].pop(name, None)
    if wrong:
        last = state["good"].get(name)
        value = default if last is None or fault(last) else last
        state["refused"][name] = asked, wrong
    state["good"][name] = value
    if get(name) != value:
        _carry(name, value)
    return value


def refused(name: str) -> str | None:
    """What was asked for as `name` and cannot be had; None where nothing is wrong."""
    return shared()["refused"].get(name, (None,))[0]


def complain(name: str) -> None:
    """One sentence about what cannot be had as `name`, and what is shown in its place.

    It stands under the page's title, where it is seen on a phone, too, and not among the controls.
    """
    if refused(name) is not None:
        asked, wrong = shared()["refused"][name]
        if not wrong.startswith(Path(asked).name or "\0"):  # else it begins with the name of a file
            wrong = wrong[0].upper() + wrong[1:]
        sentence = plain(f"{wrong.rstrip('.')}. The page shows {get(name)}.")
        with shared().get("notes") or st.container():
            st.warning(f":small[{sentence}]", icon=":material/link_off:")


def _among(name: str, options: Sequence[str]) -> Callable[[str], str]:
    def fault(text: str) -> str:
        return "" if text in options else f"There is no {name} '{text[:200]}' here; choose from {', '.join(options)}"

    return fault


def below(name: str, count: int) -> Callable[[str], str]:
    """What is wrong with a text that should be a whole number from 0 to `count - 1`; see `choose`."""

    def fault(text: str) -> str:
        good = text.isdecimal() and len(text) < 12 and int(text) < count
        return "" if good else f"There is no {name} '{text[:200]}' here; choose a number from 0 to {count - 1:,}"

    return fault


def _noted(name: str, fault: Callable[[str], str], default: str) -> str:
    """`choose` for a name of a page, and what is wrong with it."""
    value = choose(name, fault, default)
    complain(name)
    return value


def pick(
    name: str,
    label: str,
    options: Sequence[str],
    default: str | None = None,
    *,
    widget: Callable = st.selectbox,
    fault: Callable[[str], str] | None = None,
    **arguments,
) -> str:
    """A choice that the URL carries, as in `session.pick("layer", "Layer", names, widget=st.segmented_control)`.

    `fault` says what is wrong with a value, where not all choices can be listed; see `choose`. A `format_func` must
    name an option the same way in every run: the browser answers with the name.
    """
    options = [str(option) for option in options]
    value = _noted(name, fault or _among(name, options), default if default is not None else options[0])
    return bound(name, value, lambda key, changed: widget(label, options, key=key, on_change=changed, **arguments))


def number(name: str, label: str, count: int, default: int = 0, **arguments) -> int:
    """A whole number from 0 to `count - 1` that the URL carries: `session.number("image", "Image", len(images))`."""
    value = _noted(name, below(name, count), str(default))
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
    # a widget of the page before has the same key; and a box into which a path was typed is to show its label
    if st.session_state.get(key) != value or shared().get("moved") or "/" in str(value):
        st.session_state[key] = value

    def changed() -> None:
        if heard() and st.session_state[key] is not None:  # a segmented control can be emptied; the last choice stays
            shared()["clicked"] = True
            put(name, st.session_state[key])

    chosen = draw(key, changed)
    return value if chosen is None else chosen


def heard() -> bool:
    """In the callback of a widget: whether the user changed it.

    A browser sends the values of all widgets with whatever it asks. What it sent before it heard what a click chose
    holds the values of before, which are nobody's choice now: such is a question to a part that is drawn by itself, on
    a page that was left meanwhile. What a user changes is sent to the part in which the widget is.
    """
    try:  # no public name says in which part a callback runs
        from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState
    except ImportError:
        return True
    running = get_script_run_ctx()
    parts = running.fragment_ids_this_run if running else None
    return not parts or ThreadState.get().fragment_id in parts


def called(dataset: str) -> str:
    """What people call a dataset: its name, the name of an uploaded file, or the end of a path."""
    return shared()["sources"].get(dataset) or short_path(dataset)


def short_path(path: str) -> str:
    """The end of a long path, which tells it from others."""
    parts = Path(path).parts
    return path if len(parts) < 4 else f"…/{'/'.join(parts[-2:])}"


def plain(text: object) -> str:
    """Text of others, such as a file name, so that Streamlit's markdown shows it as it is.

    What it makes a link of by itself (addresses, www. and e-mail) gets a mark of no width, which takes that away.
    Control characters are written out, and a number at the start of a line begins no list.
    """
    text = "\n".join(map(printable, str(text).split("\n")))
    text = re.sub(r"(?i)(?<=http)(?=s?://)|(?<=www)(?=\.)|(?<=\S)(?=@\S)", "\u2060", text)
    text = re.sub(r"([\\`*_{}\[\]()#+!$:<>|~-])", r"\\\1", text)
    return re.sub(r"(?m)^(\s*[0-9]+)\.(?=\s|$)", r"\1\\.", text)


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
