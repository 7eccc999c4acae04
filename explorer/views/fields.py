"""Options that several views share, and how the options of a view are settled from what a link or a form says.

A field's metadata may say `choices` (values, {value: called}, or (study, options so far) -> {value: called}), `start`
((study, options so far) -> the value where none is asked for), `when` ((study, options so far) -> does it count?),
`sets` ((study, value) -> what else is chosen by choosing it), `yields` (a value that cannot be had here gives way to
the start without a word), `offers` ((study, options so far) -> {value: called}, where others may be typed) and `check`
((study, value) -> raises BadInput for one that cannot be had). Options so far hold the picture that is looked at, too,
as `picture`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.options import check, parse

if TYPE_CHECKING:
    from explorer.study import Picture, Study

MANY = ("pills", "multiselect")  # widgets of a field that holds several of its choices, with commas between

AFTER = {  # what has no meaning for another choice
    "layer": ("code", "cell", "row", "column", "other", "leaf", "region", "left", "area", "wanted", "own",
              "group"),
    "kmeans": ("code", "edit", "begin", "left", "wanted"),
    "image": ("cell", "row", "column", "other", "edit", "begin", "left", "seek", "area", "base"),
    "code": ("row", "column", "other", "leaf"),
    "cell": ("row", "column"), "concept": ("value",), "what": ("point",), "share": ("mask",),
    "draw": ("mask",), "part": ("block",), "against": ("layer_b", "region"), "layer_b": ("region",),
    "method": ("region",),
    "people": ("person", "product"),
    **dict.fromkeys(("by", "own", "count"), ("group",)),
    "more_of": ("more_value", "left"),
    **dict.fromkeys(("aim", "more_value", "towards", "swaps", "finer", "begin"), ("left",)),
}  # fmt: skip


def layer() -> Any:
    return dataclasses.field(
        default="",
        metadata={
            "label": "Layer",
            "help": "Whose codes are shown in detail.",
            "choices": lambda study, _: {name: name for name in study.layer_names},
            "start": lambda study, _: study.main_layer,
            "when": lambda study, _: len(study.layer_names) > 1,
        },
    )


def code(start: Callable[[Study, Mapping[str, Any]], int] | None = None) -> Any:
    """The code that is looked at; the most used one, or `start`, until another is chosen."""
    return dataclasses.field(
        default=None,
        metadata={
            "label": "Code",
            "help": "Its number in the codebook; type one to find it.",
            "widget": "code",
            "start": start or most_used,
            "max": lambda study, options: len(study.book(options["layer"])) - 1,
            "min": 0,
        },
    )


def most_used(study: Study, options: Mapping[str, Any]) -> int:
    """The code with the most tokens."""
    return int(study.table(options["layer"])["rank"].argmin())


def option(default: Any, label: str, about: str = "", **more: Any) -> Any:
    """A field with what a widget needs to know."""
    return dataclasses.field(default=default, metadata={"label": label, "help": about, **more})


def of(kind: type, name: str, label: str, **more: Any) -> Any:
    """The field `name` of the options of a result, with its help, default and bounds, as a choice of a view."""
    field = {field.name: field for field in dataclasses.fields(kind)}[name]
    return dataclasses.field(default=field.default, metadata={**field.metadata, "label": label, **more})


def listed(text: str) -> tuple[str, ...]:
    """The choices that a field with one of the widgets MANY holds."""
    return tuple(filter(None, text.split(",")))


def choices_of(field: dataclasses.Field, study: Study, options: Mapping[str, Any]) -> dict[Any, str]:
    """{value: what it is called} of a field with choices; empty for others."""
    found = field.metadata.get("choices") or {}
    found = found(study, options) if callable(found) else found
    return dict(found) if isinstance(found, Mapping) else {value: str(value) for value in found}


def counts(field: dataclasses.Field, study: Study, options: Mapping[str, Any]) -> bool:
    """Whether a field means anything beside the others."""
    when: Callable | None = field.metadata.get("when")
    return when is None or bool(when(study, options))


def settled(
    kind: type, study: Study, asked: Mapping[str, Any], picture: Picture | None = None
) -> tuple[Any, dict[str, str]]:
    """The options dataclass `kind` from what was asked for, and a sentence for each name that was asked in vain.

    Args:
        asked: values, or text of a link, by the names of fields; what is no field of `kind` is left alone.
    """
    values: dict[str, Any] = {"picture": picture}
    faults: dict[str, str] = {}
    for field in dataclasses.fields(kind):
        start = field.metadata.get("start")
        value = start(study, values) if start is not None else field.default
        if field.name in asked and asked[field.name] is not None:
            try:
                value = _checked(field, asked[field.name], study, values)
            except BadInput as fault:
                if not field.metadata.get("yields"):
                    faults[field.name] = str(fault)
        values[field.name] = value
    del values["picture"]
    return kind(**values), faults


def _checked(field: dataclasses.Field, value: Any, study: Study, values: Mapping[str, Any]) -> Any:
    value = parse(field, value) if isinstance(value, str) else value
    known = choices_of(field, study, values)
    bounds = {
        end: edge(study, values) if callable(edge) else edge
        for end in ("min", "max")
        if (edge := field.metadata.get(end)) is not None
    }
    plain = dataclasses.field(default=field.default, metadata={**bounds, **({"choices": known} if known else {})})
    plain.name, plain.type = field.name, field.type
    for part in listed(value) if field.metadata.get("widget") in MANY else [value]:
        check(plain, part)
    if "check" in field.metadata:
        field.metadata["check"](study, value)
    return value


def offered(kind: type, study: Study, name: str, value: Any) -> bool:
    """Whether a value is one of those that a field offers; of a field that offers none, any is."""
    offers = {field.name: field.metadata.get("offers") for field in dataclasses.fields(kind)}.get(name)
    return offers is None or value in offers(study, {})
