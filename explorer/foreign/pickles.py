"""Pickles as plain values: what a pickle says is read, and nothing of it is imported, called or built.

A class or function that it names becomes a `Name`, and what it would make of that an `Inert`, which keeps what was
said and does nothing. So an unknown class beside the weights of a file is no reason to refuse them, and no file can
run code, reserve memory that it does not fill, or keep the machine busy longer than its own length.
"""

from __future__ import annotations

import pickletools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

CONVERT = (
    "save its weights with `safetensors.torch.save_file(model.state_dict(), 'model.safetensors')` where it was trained"
)
MARK = object()
SCALARS = (str, int, float, bool, bytes, type(None))
DICTS = ("collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict")
HARMLESS = (  # of the standard library, what programs leave beside weights; everything else of it could do harm
    "abc.", "argparse.", "array.", "_codecs.encode", "collections.", "copyreg._reconstructor", "copyreg.__newobj__",
    "dataclasses.", "datetime.", "decimal.", "enum.", "fractions.", "functools.partial", "ipaddress.", "logging.",
    "numbers.", "operator.attrgetter", "operator.itemgetter", "pathlib.", "random.Random", "re._compile",
    "types.SimpleNamespace", "typing.", "uuid.", "zoneinfo.",
    *(f"builtins.{name}" for name in (
        "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "getattr", "int", "list", "object",
        "range", "set", "slice", "str", "tuple", "type",
    )),
)  # fmt: skip


class Unreadable(Exception):
    """A pickle that is damaged, or says what no file with weights has to say."""


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names, as `module.name`."""

    text: str


@dataclass(eq=False)
class Inert:
    """What a pickle would have made of a class or function."""

    made_by: Any
    given: Any = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    parts: list[Any] = field(default_factory=list)


@dataclass(eq=False)
class Storage:
    """Numbers of one type of torch in a file, `start` bytes from its beginning."""

    dtype: Any
    count: int
    start: int = 0


@dataclass(frozen=True, eq=False)
class Stored:
    """A tensor: where its numbers lie in a storage."""

    storage: Storage
    first: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: Any


def load(
    file: Any, made: Mapping[str, Callable[..., Any]], outside: Callable[[Any], Any] = lambda key: Inert(key)
) -> tuple[Any, set[str]]:
    """The value that a pickle holds, up to its end in `file`, and every class and function that it names.

    Args:
        file: has `read` and `readline`, which give no more than there is.
        made: what is made of the functions of these names; of all others an `Inert` is.
        outside: what lies outside the pickle under a key.

    Raises:
        Unreadable: a pickle that is cut, or has keys that are no text or number.
    """
    reader = _Reader(made, outside)
    try:
        for operation, argument, _ in pickletools.genops(file):
            if operation.name == "STOP":
                return reader.stack.pop(), reader.names
            reader.follow(operation.name, argument)
    except Unreadable:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError) as error:
        raise Unreadable(f"its pickle is damaged: {type(error).__name__}") from None
    raise Unreadable("its pickle has no end")


def harmful(names: set[str]) -> list[str]:
    """Those of the standard library that no weights need: what runs programs, opens files, imports, and the like."""
    own = (name for name in names if name.partition(".")[0] in sys.stdlib_module_names or name.startswith("nt."))
    return sorted(name for name in own if not name.startswith(HARMLESS))


class _Reader:
    """The machine that a pickle is a program of, with `Name` and `Inert` in the place of classes and objects."""

    def __init__(self, made: Mapping[str, Callable[..., Any]], outside: Callable[[Any], Any]) -> None:
        self.made, self.outside = made, outside
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.names: set[str] = set()

    def follow(self, name: str, argument: Any) -> None:
        step = STEPS.get(name)
        if step is not None:
            step(self, argument)
        elif name in VALUES:
            self.stack.append(argument)
        elif name not in ("PROTO", "FRAME"):
            raise Unreadable(f"its pickle asks for {name}")

    def marked(self) -> list[Any]:
        """What lies above the last mark, which is taken off with it."""
        at = len(self.stack) - 1
        while self.stack[at] is not MARK:
            at -= 1
            if at < 0:
                raise IndexError("no mark")
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def push_name(self, module: str, name: str) -> None:
        module = {"__builtin__": "builtins", "copy_reg": "copyreg", "posix": "os"}.get(module, module)
        self.names.add(f"{module}.{name}")
        self.stack.append(Name(f"{module}.{name}"))

    def call(self, function: Any, given: Any) -> Any:
        """What a call would give: a dict where it is one, what `made` has, or else an `Inert`."""
        text = function.text if isinstance(function, Name) else ""
        if text in DICTS:
            return _paired(given[0]) if text in (DICTS[0], DICTS[3]) and given else {}
        if text in self.made:
            return self.made[text](*given)
        return Inert(function, given)

    def reduce(self, _: Any) -> None:
        given, function = self.stack.pop(), self.stack.pop()
        self.stack.append(self.call(function, given))

    def new(self, words: bool) -> None:
        if words:
            self.stack.pop()
        self.reduce(None)

    def instance(self, argument: str | None) -> None:
        """The two old ways to make an object: its class beside the mark, or in the argument."""
        given = self.marked()
        if argument is None:
            function = given.pop(0)
        else:
            self.push_name(*argument.split(" ", 1))
            function = self.stack.pop()
        self.stack.append(self.call(function, tuple(given)))

    def build(self, _: Any) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Inert):
            self.stack[-1].state = state

    def fill(self, values: list[Any]) -> None:
        """Keys and values into what is on top."""
        top = self.stack[-1]
        into = top.items if isinstance(top, Inert) else top
        if not isinstance(into, dict) or len(values) % 2:
            raise Unreadable("its pickle puts names into what is no dict")
        for key, value in zip(values[::2], values[1::2], strict=True):
            into[_key(key)] = value

    def append(self, values: list[Any]) -> None:
        top = self.stack[-1]
        into = top.parts if isinstance(top, Inert) else top
        if not isinstance(into, list):
            raise Unreadable("its pickle puts values into what is no list")
        into.extend(values)

    def memoize(self, at: int | None) -> None:
        self.memo[len(self.memo) if at is None else at] = self.stack[-1]

    def tuple_of(self, count: int) -> None:
        found = tuple(self.stack[-count:])
        if len(found) < count:
            raise IndexError("stack")
        self.stack[-count:] = [found]


def _key(key: Any) -> Any:
    """A key of a dict; one that holds others could take forever to compare."""
    flat = isinstance(key, tuple) and len(key) < 16 and all(isinstance(one, (*SCALARS, Name)) for one in key)
    if flat or isinstance(key, (*SCALARS, Name, Inert)):
        return key
    raise Unreadable("its pickle has keys that are neither text nor numbers")


def _paired(pairs: Any) -> dict[Any, Any]:
    if isinstance(pairs, Mapping):
        return dict(pairs)
    if not isinstance(pairs, (list, tuple)):
        raise Unreadable("its pickle makes a dict of what is no list of pairs")
    return {_key(key): value for key, value in pairs}


def _named(reader: _Reader, _: Any) -> None:
    name, module = reader.stack.pop(), reader.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise Unreadable("its pickle names what is no text")
    reader.push_name(module, name)


def _duplicate(reader: _Reader, _: Any) -> None:
    reader.stack.append(reader.stack[-1])


STEPS: dict[str, Callable[[_Reader, Any], Any]] = {  # by the names of pickletools
    "MARK": lambda reader, _: reader.stack.append(MARK),
    "POP": lambda reader, _: reader.stack.pop(),
    "POP_MARK": lambda reader, _: reader.marked(),
    "DUP": _duplicate,
    "NONE": lambda reader, _: reader.stack.append(None),
    "NEWTRUE": lambda reader, _: reader.stack.append(True),
    "NEWFALSE": lambda reader, _: reader.stack.append(False),
    "EMPTY_LIST": lambda reader, _: reader.stack.append([]),
    "EMPTY_TUPLE": lambda reader, _: reader.stack.append(()),
    "EMPTY_DICT": lambda reader, _: reader.stack.append({}),
    "EMPTY_SET": lambda reader, _: reader.stack.append([]),
    "FROZENSET": lambda reader, _: reader.stack.append(reader.marked()),
    "LIST": lambda reader, _: reader.stack.append(reader.marked()),
    "TUPLE": lambda reader, _: reader.stack.append(tuple(reader.marked())),
    "TUPLE1": lambda reader, _: reader.tuple_of(1),
    "TUPLE2": lambda reader, _: reader.tuple_of(2),
    "TUPLE3": lambda reader, _: reader.tuple_of(3),
    "DICT": lambda reader, _: _dict(reader, reader.marked()),
    "SETITEM": lambda reader, _: reader.fill([reader.stack.pop(-2), reader.stack.pop()]),
    "SETITEMS": lambda reader, _: reader.fill(reader.marked()),
    "APPEND": lambda reader, _: reader.append([reader.stack.pop()]),
    "APPENDS": lambda reader, _: reader.append(reader.marked()),
    "ADDITEMS": lambda reader, _: reader.append(reader.marked()),
    "GLOBAL": lambda reader, argument: reader.push_name(*argument.split(" ", 1)),
    "STACK_GLOBAL": _named,
    "REDUCE": _Reader.reduce,
    "NEWOBJ": lambda reader, _: reader.new(words=False),
    "NEWOBJ_EX": lambda reader, _: reader.new(words=True),
    "INST": _Reader.instance,
    "OBJ": _Reader.instance,
    "BUILD": _Reader.build,
    "PUT": _Reader.memoize,
    "BINPUT": _Reader.memoize,
    "LONG_BINPUT": _Reader.memoize,
    "MEMOIZE": _Reader.memoize,
    "GET": lambda reader, at: reader.stack.append(reader.memo[at]),
    "BINGET": lambda reader, at: reader.stack.append(reader.memo[at]),
    "LONG_BINGET": lambda reader, at: reader.stack.append(reader.memo[at]),
    "PERSID": lambda reader, key: reader.stack.append(reader.outside(key)),
    "BINPERSID": lambda reader, _: reader.stack.append(reader.outside(reader.stack.pop())),
}
VALUES = (
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
)  # fmt: skip


def _dict(reader: _Reader, values: list[Any]) -> None:
    reader.stack.append({})
    reader.fill(values)
