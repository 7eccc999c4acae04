"""The frame around every page: the table of views as pages, the address of each, and the browser's title."""

from __future__ import annotations

import dataclasses
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import access
from explorer.pages import session, sidebar, train_choice, view, visitors, welcome
from explorer.pages.links import link
from explorer.pages.logo import LOGO, MARK
from explorer.pages.state import CARRIED, guard, plain, read_url, shared
from explorer.views import VIEWS

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

FOLDER = Path(__file__).parent
LEVEL = (  # as high as the boxes beside them; the mark of a help text is a button as well
    "<style>[data-testid=stButtonGroup] button {min-height: 2.5rem}"
    "[data-testid=stWidgetLabel] button {min-height: 0 !important}"
    "[data-testid=stMetricDelta], [data-testid=stMetricDelta] * {white-space: normal !important; height: auto}</style>"
)
LOCAL = re.compile(r"localhost|127(\.\d{1,3}){3}|\[?::1\]?|([a-z0-9-]+\.)*localhost")
OTHERS = {  # pages that are no view of a checkpoint: title, icon, what the page shows
    "sets": ("Sets", "collections_bookmark", "Images that you gathered; each set is a concept like any other."),
    "intruder": ("Intruder test", "person_search", "Do people see what codes stand for? A blind test, beside chance."),
    "training": ("Training", "model_training", "Runs in progress, their curves and samples; stop, resume, delete."),
}


def _foreign_name() -> str | None:
    """The name by which a browser asks for an app that is bound to this machine, where that is none of this machine.

    A page elsewhere may let its own name lead here, and would pass for the app's own (DNS rebinding). Where strangers
    are let in, they may come by any name.
    """
    address = str(st.get_option("server.address") or "")
    host = st.context.headers.get("Host") if LOCAL.fullmatch(address) and not access.public() else None
    name = re.sub(r":\d+$", "", host or "").lower()
    known = not name or LOCAL.fullmatch(name) or name == str(st.get_option("browser.serverAddress")).lower()
    return None if known else name


def options_of(name: str) -> tuple[str, ...]:
    """Names of the options of a view, apart from those that every page carries; none of another page."""
    fields = dataclasses.fields(VIEWS[name].options) if name in VIEWS else ()
    return tuple(field.name for field in fields if field.name not in CARRIED)


def draw() -> None:
    """Draws the page that the address names, inside the frame."""
    st.set_page_config(page_title="Codebook Explorer", page_icon=MARK, layout="wide")
    if (name := _foreign_name()) is not None:
        st.error(
            f"This app is for people at its own machine, and was asked for as {plain(name)}. Open it as localhost; "
            "or start it with `--browser.serverAddress NAME` where a proxy gives it that name.",
            icon=":material/shield:",
        )
        return
    table = {name: (one.title, one.icon, one.about) for name, one in VIEWS.items()}
    table |= {} if access.public() else OTHERS  # which keep what is made on them
    first = next(iter(table))
    pages = {
        name: st.Page(
            FOLDER / f"{name}.py" if (FOLDER / f"{name}.py").exists() else partial(view.page, name),
            title=title,
            icon=f":material/{icon}:",
            help=about,
            url_path="first" if name == first else name,
        )
        for name, (title, icon, about) in table.items()
    }

    def forward() -> None:  # the first page has the address "/", and its name as an address leads there
        st.switch_page(pages[first], query_params=st.query_params.to_dict())

    named = st.Page(forward, title=table[first][0], url_path=first, visibility="hidden")
    sections: dict[str, list] = {}
    for name, one in pages.items():
        sections.setdefault(VIEWS[name].section if name in VIEWS else "Yours", []).append(one)
    sections.setdefault("Yours", []).append(named)
    page = st.navigation(sections, expanded=True)
    if page == named:
        page.run()
    shown = next((name for name, one in pages.items() if one == page), "")
    shared()["pages"] = pages
    shared()["options"] = options_of(shown)
    _run(page)


def _run(page: Any) -> None:
    """Draws the sidebar and `page` (an st.Page), with errors as sentences."""
    read_url()
    state, first = shared(), not page.url_path
    state["begin"] = state.pop("asked", False)  # by a button that was clicked just now
    state["moved"], before = state.get("page") != page.url_path, state.get("page")
    if state["moved"] and before is not None:
        _leave()
        state["clicked"] = state.get("clicked") or not state["linked"]  # on a link, or among the pages
    state["page"] = page.url_path
    st.logo(LOGO, size="large", icon_image=MARK)
    st.html(LEVEL)
    st.title(page.title, anchor=False)
    st.set_page_config(page_title=f"{page.title} · Codebook Explorer")  # so that tabs can be told apart
    state["heading"], state["notes"] = st.empty(), st.container()
    body = _body()
    with st.sidebar, guard():
        state["selection"] = None
        state["selection"] = chosen = sidebar.draw()
        state["selects"] = session.selects()
        if page.url_path != "training":  # which is about no checkpoint
            st.set_page_config(page_title=f"{page.title} · {chosen.checkpoint.name} – Codebook Explorer")
            session.head(chosen)
    with st.sidebar:
        if access.public():
            st.caption(visitors.OFFER, help=visitors.OWN)
        else:
            train_choice.draw()
    with body, guard():
        if first:
            welcome.draw(link)
        page.run()


def _leave() -> None:
    """Forgets the parts of the page that was left, which a browser may ask for until it hears of the new one.

    Streamlit does so at the end of a run; a part that is asked for before is run after it, and the browser, told of a
    run of another page than the one that it shows, empties that.
    """
    running = get_script_run_ctx()
    if running is not None:
        running.fragment_storage.clear()


def _body() -> DeltaGenerator:
    """Where the page goes. What stood there is emptied at once where it belongs to another checkpoint or other images.

    Streamlit leaves what was drawn before until something new takes its place; so the page has two places, and moves
    to the other one, while the one that it leaves is emptied.
    """
    state = shared()
    if state.get("selects") not in (None, session.selects()):
        state["place"] = 1 - state.get("place", 0)
        state["moved"] = True  # what was chosen for the other one is no mistake here
    state["selects"] = session.selects()
    places = [st.container() if number == state.get("place", 0) else st.empty() for number in (0, 1)]
    return places[state.get("place", 0)]
