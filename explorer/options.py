"""Options as fields of a frozen dataclass: checked once, and turned into text, flags, widgets and keys from one place.

The metadata of a field says what a person needs: `help`, `choices` (values, or {value: what it is called}), `min`,
`max`, `label`. A new option is one field.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from explorer.errors import BadInput

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
TYPES = {"int": int, "float": float, "bool": bool, "str": str}
FITS = {"crop": "Crop to the centre square", "pad": "Pad to a square"}
KMEANS = 64  # codes of the k-means codebook of a continuous layer


def configure(config: type, settings: Mapping[str, Any]) -> Any:
    """The dataclass `config` with `settings`, each checked against its field's type, choices and bounds."""
    fields = {field.name: field for field in dataclasses.fields(config)}
    for name, value in settings.items():
        if name not in fields:
            known = f"choose from {', '.join(fields)}" if fields else "there are none"
            raise BadInput(f"unknown setting {name!r}; {known}")
        check(fields[name], value)
    return config(**settings)


def check(field: dataclasses.Field, value: Any) -> None:
    """Raises BadInput for a value that the field's type, choices or bounds do not allow."""
    kind, optional = kind_of(field)
    if value is None and optional:
        return
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        name = kind.__name__
        raise BadInput(f"{field.name} must be {'an' if kind is int else 'a'} {name}, not {value!r}")
    choices = field.metadata.get("choices")
    if choices and value not in choices:
        raise BadInput(f"unknown {field.name} {value!r}; choose from {', '.join(map(str, choices))}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = field.metadata.get("min", float("-inf")), field.metadata.get("max", float("inf"))
        if not low <= value <= high:  # also false for NaN
            raise BadInput(f"{field.name} {value!r} is out of range; choose from {low} to {high}")


def parse(field: dataclasses.Field, text: str) -> Any:
    """The value that `text` stands for in a field of type int, float, bool or str, or one of these `| None`.

    Raises:
        BadInput: the text is no such value.
    """
    kind, optional = kind_of(field)
    if optional and text.lower() in ("", "none"):
        return None
    if kind is bool:
        if text.lower() not in TRUE + FALSE:
            raise BadInput(f"{field.name} must be yes or no, not {text!r}")
        return text.lower() in TRUE
    try:
        return kind(text)
    except ValueError:
        name = {int: "a whole number", float: "a number"}[kind]
        raise BadInput(f"{field.name} must be {name}, not {text!r}") from None


def kind_of(field: dataclasses.Field) -> tuple[type, bool]:
    """(type, may be None) of a field of a config dataclass."""
    names = [part.strip() for part in getattr(field.type, "__name__", str(field.type)).split("|")]
    return TYPES[names[0]], "None" in names


def changed(options: Any) -> dict[str, Any]:
    """{field: value} of what differs from the defaults of its dataclass."""
    return {
        field.name: value
        for field in dataclasses.fields(options)
        if (value := getattr(options, field.name)) != field.default
    }


def flags(options: Any, names: Iterable[str] | None = None) -> list[str]:
    """Words of a command line for every field that is not None: `--min-dist 0.1`, and `--compact` for a true one."""
    words: list[str] = []
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if value is None or value is False or (names is not None and field.name not in names):
            continue
        words.append(f"--{field.name.replace('_', '-')}")
        words += [] if value is True else [str(value)]
    return words


def choice(default: str, choices: Mapping[str, str] | Iterable[Any], about: str, **more: Any) -> Any:
    """A field with a few allowed values; the first sentence of a command's or widget's help is `about`."""
    return dataclasses.field(default=default, metadata={"choices": choices, "help": about, **more})


def number(default: float, about: str, *, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """A field with a number between bounds."""
    bounds = {name: value for name, value in (("min", low), ("max", high)) if value is not None}
    return dataclasses.field(default=default, metadata={"help": about, **bounds, **more})


def text(default: str, about: str, **more: Any) -> Any:
    """A field with any text."""
    return dataclasses.field(default=default, metadata={"help": about, **more})
