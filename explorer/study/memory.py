"""What is kept in memory by content: bounded, and made once however many ask for it at the same time."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from explorer.files import digest

BYTES, ENTRIES = 1024**3, 4096


class Memory:
    """Values by key, the least recently used going first when there are too many or they are too large."""

    def __init__(self, most_bytes: int = BYTES, most_entries: int = ENTRIES) -> None:
        self.most_bytes, self.most_entries = most_bytes, most_entries
        self._values: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._making: dict[str, threading.RLock] = {}
        self._lock, self._bytes = threading.Lock(), 0

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        """The value of `key`, made now if it is not there; who asks while it is made waits for the same one."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
            making = self._making.setdefault(key, threading.RLock())
        with making:
            with self._lock:
                if key in self._values:
                    return self._values[key][0]
            try:
                value = make()
                self._keep(key, value)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return value

    def _keep(self, key: str, value: Any) -> None:
        size = _bytes(value)
        with self._lock:
            self._values[key] = (value, size)
            self._bytes += size
            while self._values and (self._bytes > self.most_bytes or len(self._values) > self.most_entries):
                if len(self._values) == 1:
                    break  # one that is too large by itself is still of use
                _, (_, gone) = self._values.popitem(last=False)
                self._bytes -= gone


MEMORY = Memory()


def name_of(value: Any) -> Any:
    """What stands for an argument in a key: arrays by their content, small values as they are."""
    if hasattr(value, "tobytes"):
        return digest(str(value.dtype), value.shape, value.tobytes().hex() if value.nbytes < 64 else _hash(value))
    if isinstance(value, (list, tuple)):
        return [name_of(one) for one in value]
    return getattr(value, "key", None) or repr(value)


def _hash(array: Any) -> str:
    import hashlib

    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


def _bytes(value: Any) -> int:
    """About how much memory a value takes."""
    if hasattr(value, "memory_usage"):
        return int(value.memory_usage(deep=False).sum())
    if hasattr(value, "indptr"):  # a sparse matrix
        return value.data.nbytes + value.indices.nbytes + value.indptr.nbytes
    if isinstance(value, dict):
        return sum(_bytes(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return sum(_bytes(one) for one in value)
    if hasattr(value, "__dataclass_fields__"):
        return sum(_bytes(getattr(value, name)) for name in value.__dataclass_fields__)
    return int(getattr(value, "nbytes", 0)) or sys.getsizeof(value)
