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
from explorer.study import Study
from explorer.views import fields

BUTTONS, LETTERS = 5, 60  # choices that stand beside one another, and how long they may be together


def draw(study: Study, options: Any, block: Controls) -> str:
    """The widgets of those fields that mean anything here."""
    values, known = dataclasses.asdict(options), {field.name: field for field in dataclasses.fields(options)}
    shown = [known[name] for name in block.names if fields.counts(known[name], study, values)]
    if not shown:
        return ""
    inner = "".join(_choice(field, study, values) for field in shown)
    return f'<form class="cx-choices" onsubmit="return false">{inner}</form>'


def _choice(field: dataclasses.Field, study: Study, values: dict[str, Any]) -> str:
    label, about = field.metadata.get("label", field.name), help_mark(field.metadata.get("help", ""))
    value, choices = values[field.name], fields.choices_of(field, study, values)
    name = f'data-choice="{escape(field.name)}"'
    if choices and len(choices) <= BUTTONS and sum(map(len, choices.values())) <= LETTERS:
        return (
            f'<fieldset class="cx-choice" {name}><legend>{escape(label)}{about}</legend><div class="cx-buttons">'
            f"{''.join(_button(field.name, one, called, one == value) for one, called in choices.items())}"
            "</div></fieldset>"
        )
    if choices:
        inner = "".join(
            f'<option value="{escape(str(one))}"{" selected" if one == value else ""}>{escape(called)}</option>'
            for one, called in choices.items()
        )
        widget = f'<select {name} data-value="{escape(str(value))}">{inner}</select>'
    else:
        widget = _input(field, name, value, study, values)
    if kind_of(field)[0] is bool:
        return f'<label class="cx-choice cx-toggle">{widget}<span>{escape(label)}</span></label>{about}'
    return f'<div class="cx-choice"><label><span>{escape(label)}</span>{widget}</label>{about}</div>'


def _button(name: str, value: Any, called: str, chosen: bool) -> str:
    named = f'name="cx-{escape(name)}" value="{escape(str(value))}" {_checked(chosen)}'
    return f'<label><input type="radio" {named}><span>{escape(called)}</span></label>'


def _checked(value: bool) -> str:
    return 'data-checked="yes" checked' if value else 'data-checked="no"'


def _input(field: dataclasses.Field, name: str, value: Any, study: Study, values: dict[str, Any]) -> str:
    kind, _ = kind_of(field)
    if kind is bool:
        return f'<input type="checkbox" {name} {_checked(value)}>'
    said = "" if value is None else escape(str(value))
    if kind is str:
        return f'<input type="text" {name} value="{said}" data-value="{said}">'
    ends = {end: field.metadata.get(end) for end in ("min", "max")}
    ends = {end: edge(study, values) if callable(edge) else edge for end, edge in ends.items()}
    bounds = "".join(f' {end}="{edge}"' for end, edge in ends.items() if edge is not None)
    step = field.metadata.get("step") or (1 if kind is int else "any")
    how = "range" if field.metadata.get("widget") == "slider" else "number"
    shown = f"<output>{said}</output>" if how == "range" else ""
    return f'<input type="{how}" {name} value="{said}" data-value="{said}" step="{step}"{bounds}>{shown}'
