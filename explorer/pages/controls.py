"""The choices of a view as widgets: made of the fields of its options, carried in the address."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.options import kind_of
from explorer.pages.state import bound, get, heard, plain, put, shared, short_path, together
from explorer.study.picture import OWN
from explorer.views import fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from explorer.study import Picture, Study
    from explorer.views import View

LISTED = 4096  # codes in a list to choose from; with more, a number is typed
BUTTONS, LETTERS = 5, 60  # choices that stand beside one another, and how long they may be together


@dataclass(frozen=True)
class Shown:
    """What a page shows now: a view of a study with its options, and the picture that it looks at."""

    name: str
    view: View
    study: Study
    options: Any
    picture: Picture | None = None
    encode: Callable[[], None] | None = None  # offers to encode the images, where they are not

    @property
    def given(self) -> dict[str, Any]:
        """The options by name, and the picture, as the fields' functions want them."""
        return dataclasses.asdict(self.options) | {"picture": self.picture}


def settle(view: View, study: Study, picture: Picture | None = None) -> Any:
    """The options that the address and the session ask for; one sentence for what cannot be had, which falls back."""
    state = shared()
    asked = {field.name: get(field.name) for field in dataclasses.fields(view.options)}
    if (asked.get("image") or "").startswith(OWN):
        asked["image"] = None  # the user's own is `picture`; and a view without it keeps it for the next one
    found, faults = fields.settled(view.options, study, asked, picture)
    if faults:
        good = asked | {name: state["good"].get(name) for name in faults}
        found, still = fields.settled(view.options, study, good, picture)
        found = found if not still else fields.settled(view.options, study, good | dict.fromkeys(still), picture)[0]
        for name, fault in faults.items():
            if name in state["linked"] or not state.get(
                "moved"
            ):  # what another page meant by the same name is no mistake
                st.warning(f":small[{plain(fault[0].upper() + fault[1:])}.]", icon=":material/link_off:")
            put(name, None)
    with together():
        for field in dataclasses.fields(found):
            value = getattr(found, field.name)
            state["good"][field.name] = value
            if (field.name in asked and asked[field.name] is not None) or field.name in ("layer", "code"):
                put(field.name, value)
    return found


def draw(shown: Shown, name: str) -> None:
    """The widget of one field, if it means anything here."""
    field = {field.name: field for field in dataclasses.fields(shown.options)}[name]
    options = shown.given
    if fields.counts(field, shown.study, options):
        value = options[name]
        if field.metadata.get("widget") in fields.MANY:
            _many(shown, field, list(fields.listed(value)))
            return
        bound(name, value, lambda key, changed: _widget(shown, field, key, changed, value))


def take(name: str, value: Any) -> None:
    """Carries a choice, and drops what had a meaning only beside the one before."""
    with together():
        put(name, value)
        for other in fields.AFTER.get(name, ()):
            put(other, None)


def _widget(shown: Shown, field: dataclasses.Field, key: str, changed: Any, value: Any) -> Any:
    about, label = field.metadata.get("help") or None, field.metadata.get("label", field.name)
    options = shown.given

    def both() -> None:
        before = get(field.name)
        with together():
            changed()
            for other in fields.AFTER.get(field.name, ()) if get(field.name) != before else ():
                put(other, None)

    given = {"key": key, "on_change": both, "help": about}
    if field.metadata.get("widget") == "code":
        return _code(shown, label, given)
    known = fields.choices_of(field, shown.study, options)
    if "offers" in field.metadata:
        known = field.metadata["offers"](shown.study, options)
        known.setdefault(value, short_path(value))
        return st.selectbox(
            label, list(known), format_func=lambda one: known.get(one, one), accept_new_options=True, width=340, **given
        )
    if known:
        few = len(known) <= BUTTONS and sum(map(len, known.values())) <= LETTERS
        if field.metadata.get("widget") == "buttons" or (few and field.metadata.get("widget") != "list"):
            return st.segmented_control(label, list(known), format_func=known.get, required=True, **given)
        width = 220 if max(map(len, known.values())) > 8 else 130
        return st.selectbox(label, list(known), format_func=known.get, width=width, **given)
    kind, _ = kind_of(field)
    if kind is bool:
        return st.toggle(label, **given)
    if kind is str:
        return st.text_input(label, **given)
    ends = {end: field.metadata.get(end) for end in ("min", "max")}
    ends = {end: edge(shown.study, options) if callable(edge) else edge for end, edge in ends.items()}
    if kind is float:  # a box whose ends are whole numbers holds whole numbers
        ends = {end: None if edge is None else float(edge) for end, edge in ends.items()}
    if field.metadata.get("widget") == "pages":
        return _pages(f"{key}-{options.get('layer')}-{options.get('code')}", field.name, ends["max"], value)
    if field.metadata.get("widget") == "slider":
        return st.slider(label, ends["min"], ends["max"], step=field.metadata.get("step"), width=220, **given)
    return st.number_input(
        label, ends["min"], ends["max"], step=field.metadata.get("step", 1 if kind is int else None), width=150, **given
    )


def _many(shown: Shown, field: dataclasses.Field, chosen: list[str]) -> None:
    """Several of the choices at once."""
    key, known = f"pick-{field.name}", fields.choices_of(field, shown.study, dataclasses.asdict(shown.options))
    if st.session_state.get(key) != chosen:
        st.session_state[key] = chosen
    more = {"selection_mode": "multi"} if field.metadata["widget"] == "pills" else {}
    getattr(st, field.metadata["widget"])(
        field.metadata["label"], list(known), format_func=known.get, key=key, help=field.metadata["help"] or None,
        on_change=lambda: heard() and put(field.name, ",".join(st.session_state[key])), **more,
    )  # fmt: skip


def _code(shown: Shown, label: str, given: dict[str, Any]) -> Any:
    """All codes by number, most used first; a number to type where there are very many."""
    table = shown.study.table(shown.options.layer)
    if len(table) > LISTED:
        return st.number_input(f"{label}, 0 to {len(table) - 1:,}", 0, len(table) - 1, step=1, width=160, **given)
    return st.selectbox(label, table.sort_values("rank")["code"].tolist(), width=160, **given)


def _pages(key: str, name: str, count: int, value: int) -> int:
    """Pages to turn, if there are several; each code has its own."""
    if count < 2:
        return value
    times = f"{key}-times"
    turned = st.session_state.setdefault(times, 0)
    if (
        st.session_state.get(f"{key}-{turned}", value) != value
    ):  # a click elsewhere turned them: a new widget begins there
        turned = st.session_state[times] = turned + 1
    key = f"{key}-{turned}"
    return st.pagination(count, default=value, key=key, on_change=lambda: heard() and put(name, st.session_state[key]))
