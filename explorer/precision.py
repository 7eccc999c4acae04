"""Float32 means float32: whatever a training, an environment or a caller allowed to be rounded on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

DEVICES = ("cpu", "cuda", "mps")
_LOCK, _inside, _before = threading.Lock(), 0, ("highest", True)


@contextmanager
def exact() -> Iterator[None]:
    """Inside, no product is taken in bf16 or TF32: autocast is off, and so are the short cuts of matrix products.

    A score or a code that is computed with ten bits of mantissa is another one: on an H100, SSIM lost a tenth and one
    code in a hundred changed. The short cuts are switches of the whole process, so they are put back by whoever leaves
    last.
    """
    _enter()
    try:
        with ExitStack() as stack:
            for device in DEVICES:
                stack.enter_context(torch.autocast(device, enabled=False))
            yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _before
    with _LOCK:
        if not _inside:
            _before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
            torch.set_float32_matmul_precision("highest")
            torch.backends.cudnn.allow_tf32 = False
        _inside += 1


def _leave() -> None:
    global _inside
    with _LOCK:
        _inside -= 1
        if not _inside:
            torch.set_float32_matmul_precision(_before[0])
            torch.backends.cudnn.allow_tf32 = _before[1]
