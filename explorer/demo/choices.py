"""The choices of a view where its sheet says that they stand, as plain HTML forms: made of the fields of its options.

Whoever changes one is told to the demo as a click that carries its name and the new value.
"""

from __future__ import annotations

import dataclasses
from html import escape
from typing import Any

from explorer.options import kind_of
from explorer.sheets import Controls
from explorer.sheets.html import help_mark
from explorer.study import Picture, Study
from explorer.views import fields

BUTTONS, LETTERS = 5, 60  # choices that stand beside one another, and how long they may be together


def draw(study: Study, options: Any, picture: Picture | None, block: Controls) -> str:
    """The widgets of those fields that mean anything here."""
    values = dataclasses.asdict(options) | {"picture": picture}
    known = {field.name: field for field in dataclasses.fields(options)}
    shown = [known[name] for name in block.names if fields.counts(known[name], study, values)]
    inner = "".join(_choice(field, study, values) for field in shown)
    return f'<form class="cx-choices" onsubmit="return false">{inner}</form>' if inner else ""


def _choice(field: dataclasses.Field, study: Study, values: dict[str, Any]) -> str:
    label, about = escape(field.metadata.get("label", field.name)), help_mark(field.metadata.get("help", ""))
    value, choices, how = values[field.name], fields.choices_of(field, study, values), field.metadata.get("widget")
    if "offers" in field.metadata:  # nothing else is opened for a visitor
        choices, how = field.metadata["offers"](study, values), "list"
    name, many = f'data-choice="{escape(field.name)}"', how in fields.MANY
    few = len(choices) <= BUTTONS and sum(map(len, choices.values())) <= LETTERS and how != "list"
    if choices and (few or many or how == "buttons"):
        chosen = fields.listed(value) if many else (value,)
        kind = "checkbox" if many else "radio"
        buttons = "".join(_button(kind, field.name, one, called, one in chosen) for one, called in choices.items())
        return (
            f'<fieldset class="cx-choice" {name}><legend>{label}</legend>'
            f'<div class="cx-line"><div class="cx-buttons">{buttons}</div>{about}</div></fieldset>'
        )
    if choices:
        inner = "".join(
            f'<option value="{escape(str(one))}"{" selected" if one == value else ""}>{escape(called)}</option>'
            for one, called in choices.items()
        )
        widget = f'<select {name} data-value="{escape(str(value))}">{inner}</select>'
    else:
        widget = _input(field, name, study, values)
    if kind_of(field)[0] is bool:
        return f'<div class="cx-choice"><label class="cx-toggle">{widget}<span>{label}</span></label>{about}</div>'
    return f'<div class="cx-choice"><label><span>{label}</span>{widget}</label>{about}</div>' if widget else ""


def _button(kind: str, name: str, value: Any, called: str, chosen: bool) -> str:
    named = f'type="{kind}" name="cx-{escape(name)}" value="{escape(str(value))}"'
    return f"<label><input {named} {_checked(chosen)}><span>{escape(called)}</span></label>"


def _checked(value: bool) -> str:
    return 'data-checked="yes" checked' if value else 'data-checked="no"'


def _input(field: dataclasses.Field, name: str, study: Study, values: dict[str, Any]) -> str:
    value, (kind, _), how = values[field.name], kind_of(field), field.metadata.get("widget")
    if kind is bool:
        return f'<input type="checkbox" {name} {_checked(value)}>'
    said = "" if value is None else escape(str(value))
    if kind is str:
        return f'<input type="text" {name} value="{said}" data-value="{said}">'
    ends = {end: field.metadata.get(end) for end in ("min", "max")}
    ends = {end: edge(study, values) if callable(edge) else edge for end, edge in ends.items()}
    if how == "pages" and ends["max"] <= 1:
        return ""
    bounds = "".join(f' {end}="{edge}"' for end, edge in ends.items() if edge is not None)
    step = field.metadata.get("step") or (1 if kind is int else "any")
    looks = "range" if how == "slider" else "number"
    shown = {"slider": f"<output>{said}</output>", "pages": f"<small>of {ends['max']}</small>"}.get(how, "")
    return f'<input type="{looks}" {name} value="{said}" data-value="{said}" step="{step}"{bounds}>{shown}'
