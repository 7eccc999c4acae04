"""What passes the fence: whatever a worker sends is read as plain values, so that one that a file took over gains
nothing by it."""

from __future__ import annotations

import dataclasses
import importlib
import io
import pickle
from typing import Any

NAME = 200  # bytes of the name of a function, as it is told to the keeper
_PLAIN = {
    ("builtins", name) for name in ("complex", "set", "frozenset", "bytearray", "range", "slice", "mappingproxy")
} | {
    ("collections", "OrderedDict"),
    ("pathlib", "PosixPath"),
    ("pathlib._local", "PosixPath"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
}


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        if module.startswith("explorer."):
            found = getattr(importlib.import_module(module), name, None)
            if isinstance(found, type) and dataclasses.is_dataclass(found):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} does not pass the fence")


def plain(message: bytes) -> Any:
    """The value that a worker sent; raises pickle.UnpicklingError where it is more than one."""
    return _Plain(io.BytesIO(message)).load()
