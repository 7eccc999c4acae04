"""A batch that does not fit into memory, in one sentence with one that does."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from explorer import ranks
from explorer.errors import BadInput, tells_full_memory
from explorer.training.step import Step


@contextmanager
def answered(name: str, fitting: Callable[[], int | None]) -> Iterator[None]:
    """Where memory runs out inside, BadInput names the number of images that `fitting` finds.

    Without one the error passes through. What the failed step held is let go before anything is tried.
    """
    failure = None
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if ranks.count() > 1 or not (isinstance(error, MemoryError) or tells_full_memory(str(error))):
            raise
        failure = error.with_traceback(None)
    if failure is None:
        return
    found = fitting()
    if found is None:
        raise failure
    raise BadInput(
        f"could not train {name}: it ran out of memory, and a batch of {found:,} images would fit; give "
        f"--set batch_size={found}, or choose a smaller image size or model"
    ) from failure


def fitting(step: Step, batch: int) -> int | None:
    """The largest half, quarter, … of a batch of which a step fits into memory; None where not even one image does."""
    count = batch // 2
    while count:
        if _fits(step, count):
            return count
        count //= 2
    return None


def _fits(step: Step, count: int) -> bool:
    gc.collect()
    if step.meter.device.type == "cuda":
        torch.cuda.empty_cache()
    step.optimizer.zero_grad(set_to_none=True)
    try:
        # the moments, which a first step makes, have to fit beside it
        moments = [] if step.optimizer.state else [torch.empty_like(p) for p in step.parameters for _ in range(2)]
        step.trial(count)
        del moments
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or tells_full_memory(str(error)):
            return False
        raise
    return True
