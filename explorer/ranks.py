"""Several processes that train one network: what each needs of the others, and nothing at all where there is one.

Each process is a rank. All ranks have the same weights, and of the images of a step each takes the part that `part`
says; what is random is drawn for the whole batch by every rank, which then takes its part. The loss of a rank is the
mean over its part and `share_gradients` takes the mean over ranks, so that together they make the step that one process
would make. Nothing here asks a device for a number, so that a step can be captured.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from explorer.errors import BadInput, Cancelled

PATIENCE = timedelta(hours=6)  # longest wait for another rank, which may be scoring
LAUNCHERS = {  # names of (count, number, number on this machine), of torchrun and accelerate, and of MPI
    "WORLD_SIZE": ("RANK", "LOCAL_RANK"),
    "OMPI_COMM_WORLD_SIZE": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"),
    "MV2_COMM_WORLD_SIZE": ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_LOCAL_RANK"),
    "PMI_SIZE": ("PMI_RANK", "MPI_LOCALRANKID"),
}
_count, _number, _local = 1, 0, 0
_board: dist.Store | None = None  # where a rank that ends says why


class Lost(BadInput):
    """Another rank has ended, so that none can go on."""


def count() -> int:
    """How many processes train together."""
    return _count


def number() -> int:
    """Which of them this is; 0 is the one that owns the folder, the log and the status."""
    return _number


def local() -> int:
    """Which of those on this machine this is."""
    return _local


def first() -> bool:
    """Whether this process writes what is written."""
    return _number == 0


# ------------------------------------------------------------------------------------------------------- begin and end


@contextmanager
def together() -> Iterator[None]:
    """Inside, the processes that a launcher started are ranks; nothing happens in a process that is alone.

    What goes wrong in a rank is told to the first one, which alone says it and whose exit code counts.
    """
    begin()
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        follows, asked = not first(), isinstance(error, Cancelled | KeyboardInterrupt)
        if follows and not isinstance(error, Lost):
            _board.set(f"ended {_number}", "" if asked else str(error) or type(error).__name__)
        with suppress(RuntimeError):
            end()
        if follows and (asked or isinstance(error, BadInput)):
            raise SystemExit(1) from None
        raise
    end()


def launched() -> tuple[int, int, int]:
    """(count, number, number on this machine), as the launcher of this process says; (1, 0, 0) without one."""
    for name, (number_of, local_of) in LAUNCHERS.items():
        if (among := int(os.environ.get(name) or 1)) > 1:
            own = int(os.environ.get(number_of) or 0)
            return among, own, int(os.environ.get(local_of) or own)
    return 1, 0, 0


def begin() -> None:
    """Joins the processes that a launcher started; afterwards the libraries of this one take it for the only one."""
    global _count, _number, _local, _board
    among, own, place = launched()
    if among == 1 or _count > 1:
        return
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")  # MPI names none
    os.environ.setdefault("MASTER_PORT", "29541")
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    try:
        store, _, _ = next(dist.rendezvous("env://", own, among))
        dist.init_process_group(backend, store=store, rank=own, world_size=among, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise BadInput(
            f"{among} processes cannot reach one another ({_line(error)}); start them with torchrun"
        ) from None
    _count, _number, _local, _board = among, own, place, dist.PrefixStore("explorer", store)
    for name in (*LAUNCHERS, *(word for others in LAUNCHERS.values() for word in others)):
        os.environ.pop(name, None)


def end() -> None:
    """Leaves the others; this process is alone again."""
    global _count, _number, _local, _board
    if _count > 1:
        dist.destroy_process_group()
    _count, _number, _local, _board = 1, 0, 0, None


def check(batch: int) -> None:
    """Raises BadInput where the images of a step cannot be parted evenly, or several processes know nothing of one
    another."""
    if (among := launched()[0]) > 1:
        raise BadInput(
            f"this is one of {among} processes, and each would train by itself; start `torchrun -m explorer train`, or "
            "train inside `with explorer.ranks.together():`"
        )
    check_divides(batch, _count)


def check_divides(batch: int, among: int) -> None:
    """Raises BadInput where the images of a step cannot be parted evenly."""
    if batch % among:
        less = batch // among * among
        near = f"{less} or {less + among}" if less else str(among)
        raise BadInput(f"a batch of {batch} images does not divide among {among} processes; choose a batch_size of "
                       f"{near}, or another number of processes")  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- agreement


def anywhere(flag: bool) -> bool:
    """Whether any rank says so."""
    return flag if _count == 1 else bool(total(torch.tensor(int(flag))))


def of_first_flag(flag: bool | None) -> bool | None:
    """What the first rank says."""
    if _count == 1:
        return flag
    return (False, True, None)[int(of_first(torch.tensor(2 if flag is None else int(flag))))]


@contextmanager
def in_turn() -> Iterator[None]:
    """The first rank goes in alone; the others follow when it is out, and find what it has made."""
    if not first():
        wait()
    yield
    if first():
        wait()


def wait() -> None:
    """Until all ranks are here."""
    if _count > 1:
        _say(dist.all_reduce, torch.zeros(1))


class Wish:
    """Whether any rank wishes for an end, told to all of them at the same step, without a wait for one another.

    An answer is of the question before, so that it is there when it is asked for. A rank whose launcher has gone
    wishes for an end, too.
    """

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._asked: tuple[Any, Tensor] | None = None

    def end(self, now: bool) -> bool:
        """Asked by all ranks after each step."""
        if _count == 1:
            return now
        answer = self.settle()
        said = torch.tensor(int(now or os.getppid() != self._parent))
        self._asked = _say(dist.all_reduce, said, async_op=True), said
        return answer

    def settle(self) -> bool:
        """The answer to the last question, which no rank leaves open when it goes on to something else."""
        if self._asked is None:
            return False
        (work, said), self._asked = self._asked, None
        _say(work.wait)
        return bool(said)


def _say(operation: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """An operation of all ranks; raises Lost where one is no longer there, Cancelled where it was asked to stop."""
    try:
        return operation(*arguments, **options)
    except RuntimeError as error:
        raise _gone(error) from error


def _gone(error: RuntimeError) -> Lost | Cancelled:
    for other in range(_count):
        try:
            if other != _number and _board.check([f"ended {other}"]):
                said = _board.get(f"ended {other}").decode()
                return Lost(f"process {other + 1} of {_count} has ended: {said}") if said else Cancelled("stopped")
        except RuntimeError:  # the board was that of the rank which is gone
            break
    closed = "losed" in str(error) or "reset" in str(error) or "efused" in str(error)
    why = "without a word, as one that was killed or found no memory does" if closed else f"({_line(error)})"
    return Lost(f"one of {_count} processes that train together has ended {why}")


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


# ----------------------------------------------------------------------------------------------- parts, sums and means


def part(whole: int) -> slice:
    """Which of the `whole` rows of a batch are this rank's."""
    size = whole // _count
    return slice(_number * size, (_number + 1) * size)


def drawn(draw: Callable[[int], Tensor], size: int) -> Tensor:
    """The own `size` rows of what `draw` draws for the batches of all ranks: what one process draws for them all."""
    return draw(_count * size)[part(_count * size)]


def total(tensor: Tensor) -> Tensor:
    """The sum over ranks; carries no gradient."""
    if _count == 1:
        return tensor
    found = tensor.detach().clone(memory_format=torch.contiguous_format)
    _say(dist.all_reduce, found)
    return found


def mean(tensor: Tensor) -> Tensor:
    """The mean over ranks. Its gradient is that of the own tensor, so that the mean over ranks of the gradients of
    what is made of it, the same on all ranks, is the gradient of the whole."""
    if _count == 1:
        return tensor
    return _Mean.apply(tensor)


class _Mean(torch.autograd.Function):
    """Not a sum of differences, which would round otherwise on each rank."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        return total(tensor) / _count

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient


def gathered(tensor: Tensor) -> Tensor:
    """(n, …) of each rank -> (count · n, …), in the order of ranks; carries no gradient."""
    if _count == 1:
        return tensor
    found = tensor.new_empty(_count * len(tensor), *tensor.shape[1:])
    _say(dist.all_gather, list(found.chunk(_count)), tensor.detach().contiguous())
    return found


def chosen(tensor: Tensor, rows: Tensor) -> Tensor:
    """`gathered(tensor)[rows]` without moving more than these rows; `rows` (M,) int64 are the same on all ranks."""
    if _count == 1:
        return tensor[rows]
    own = rows - _number * len(tensor)
    here = (own >= 0) & (own < len(tensor))
    found = tensor.detach()[own.clamp(0, len(tensor) - 1)]
    return total(torch.where(here.view(-1, *[1] * (found.ndim - 1)), found, 0))


def of_first(tensor: Tensor) -> Tensor:
    """What the first rank has; all have its shape."""
    if _count == 1:
        return tensor
    found = tensor.detach().clone(memory_format=torch.contiguous_format)
    _say(dist.broadcast, found, 0)
    return found


@torch.no_grad()
def follow(tensors: Iterable[Tensor]) -> None:
    """Overwrites tensors with those of the first rank."""
    if _count > 1:
        for tensor in tensors:
            tensor.copy_(of_first(tensor))


@torch.no_grad()
def share_gradients(parameters: Iterable[Tensor]) -> None:
    """Replaces gradients by their means over ranks, all in one message."""
    gradients = [one.grad for one in parameters if one.grad is not None] if _count > 1 else []
    if gradients:
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        _say(dist.all_reduce, flat)
        parts = flat.div_(_count).split([gradient.numel() for gradient in gradients])
        for gradient, found in zip(gradients, parts, strict=True):
            gradient.copy_(found.view(gradient.shape))
