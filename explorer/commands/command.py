"""What every command shares: options from the fields of a dataclass, a way to stop, and one way to print a result."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from explorer.errors import escaped, one_line, shortened
from explorer.options import kind_of
from explorer.progress import Progress

OUTPUT = [1]  # the descriptor that results go to

app = typer.Typer(
    help="Do the codes of an image autoencoder capture concepts? Train, encode, measure.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

prior = typer.Typer(
    help="Learn which codes stand beside which: train a prior, draw from it, see what surprises it.",
    no_args_is_help=True, rich_markup_mode=None,
)  # fmt: skip
app.add_typer(prior, name="prior")

Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def command(
    *configs: tuple[type, Iterable[str]], name: str | None = None, of: typer.Typer = app
) -> Callable[[Callable], Callable]:
    """Registers a function as a command that also has an option for each named field of some dataclasses.

    The function gets them as keywords. A field without a default is an option that must be given.
    """

    def register(function: Callable) -> Callable:
        signature = inspect.signature(function, eval_str=True)
        more = [_parameter(field) for config, names in configs for field in _fields(config, names)]
        known = {one.name for one in more}
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD and p.name not in known]
        parameters = sorted([*own, *more], key=lambda one: one.default is not one.empty)
        function.__signature__ = signature.replace(parameters=[_keyword(one) for one in parameters])
        function.__annotations__ = {one.name: one.annotation for one in parameters}
        return of.command(name)(function)

    return register


def _fields(config: type, names: Iterable[str]) -> list[dataclasses.Field]:
    known = {field.name: field for field in dataclasses.fields(config)}
    return [known[name] for name in names]


def _parameter(field: dataclasses.Field) -> inspect.Parameter:
    """The option of a field, with its help, bounds and default."""
    kind, optional = kind_of(field)
    bounds = {name: field.metadata[name] for name in ("min", "max") if name in field.metadata}
    name = field.name.replace("_", "-")
    names = [f"--{name}", *([f"-{name}"] if len(name) == 1 else [])]
    about = typer.Option(*names, help=field.metadata.get("help", ""), **bounds)
    default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
    annotation = Annotated[kind | None if optional else kind, about]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _keyword(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)


@contextlib.contextmanager
def cancellable(progress: Progress):
    """SIGTERM and the first Ctrl-C end the work at its next step, with what it has kept; a second Ctrl-C at once."""

    def interrupt(*_: object) -> None:
        progress.cancel()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, progress.cancel)
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield progress
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell(line: str) -> None:
    """A line on standard error for people; nothing in it moves the cursor, and it is not longer than some hundred
    characters, whatever is in the names of files."""
    print(one_line(line), file=sys.stderr)


def emit(result: dict, as_json: bool, lines: list[str]) -> None:
    """Prints the result: one JSON object, or lines for people, in which long names are cut; no codes in either."""
    text = escaped(json.dumps(_plain(result), ensure_ascii=False)) if as_json else "\n".join(map(shortened, lines))
    with os.fdopen(os.dup(OUTPUT[0]), "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text + "\n")


def noted(images: Any) -> dict[str, Any]:
    """Says on standard error what was left out of a dataset or chosen when it was opened; the same for the JSON.

    Returns what `split.told` does, and `held_out` where training saw some of the images, false, or null where that is
    not known.
    """
    from explorer.datasets.split import told

    for note in images.notes:
        tell(note)
    if images.held_out:
        return told(images)
    return {"held_out": None if images.seen is None and images.split != "train" else False, **told(images)}


def _plain(value: Any) -> Any:
    """JSON knows no paths, tuples, numpy numbers, NaN or infinity; the last two become null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
