"""A step as one launch: its kernels are recorded once as a CUDA graph and replayed, so that the chip never waits.

Source: "CUDA graphs" in PyTorch's notes on CUDA semantics. What is replayed works on the same memory each time; so
everything that changes from step to step is a tensor on the device, and the host says nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

from explorer import ranks

WARM = 3  # steps before one is recorded: libraries choose their kernels, moments come to be, codes are placed


class Captured:
    """Makes a step by replaying it, once it was made a few times. Call it as often as there are steps.

    Attributes:
        obstacle: why the step could not be recorded, in one line; empty where it was or need not be.
    """

    def __init__(self, step: Callable[[], None], device: torch.device) -> None:
        self.step, self.device, self.obstacle = step, device, ""
        self.wanted = device.type == "cuda" and ranks.count() == 1
        self.graph: Any = None
        self.made = 0

    def __call__(self) -> bool:
        """Makes a step; whether it took longer than others because it was recorded."""
        new = self.wanted and self.graph is None and self.made >= WARM
        if new:
            self._record()
        if self.graph is not None:
            self.graph.replay()
        else:
            self.step()
        self.made += 1
        return new

    def forget(self) -> None:
        """The next steps are other ones: they are recorded anew."""
        self.graph, self.made = None, 0

    def _record(self) -> None:
        try:
            self.graph = recorded(self.step, self.device)
        except RuntimeError as error:
            self.wanted, self.graph = False, None
            # what broke the recording off, not that it cannot be ended any more
            first = error.__context__ if isinstance(error.__context__, RuntimeError) else error
            self.obstacle = (str(first).strip() or type(first).__name__).splitlines()[0]
            gc.collect()


def recorded(step: Callable[[], None], device: torch.device) -> torch.cuda.CUDAGraph:
    """The graph of a step, which is not made by this; RuntimeError where something in it waits for the device."""
    graph, pool, stream = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle(), torch.cuda.current_stream(device)
    try:
        # other threads may go on to read images and to copy them
        with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            step()
    except RuntimeError:
        _let_go(stream.device_index, pool)
        raise
    return graph


def _let_go(index: int, pool: Any) -> None:
    """Ends what torch leaves open where a recording was broken off: its allocator would go on as if it were recorded,
    and give no memory back."""
    with suppress(RuntimeError):  # it was ended
        torch._C._cuda_endAllocateToPool(index, pool)
        torch._C._cuda_releasePool(index, pool)


@contextmanager
def lane(device: torch.device) -> Iterator[None]:
    """Inside, work on a GPU goes to a stream that can be recorded, which the default one cannot."""
    if device.type != "cuda":
        yield
        return
    before, stream = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    stream.wait_stream(before)
    try:
        with torch.cuda.stream(stream):
            yield
    finally:
        before.wait_stream(stream)
