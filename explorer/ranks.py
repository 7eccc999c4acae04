"""Several processes that train one network: what each needs of the others, and nothing at all where there is one.

Each process is a rank. All ranks have the same weights, and of the images of a step each takes the part that `part`
says; what is random is drawn for the whole batch by every rank, which then takes its part. The loss of a rank is the
mean over its part and `share_gradients` takes the mean over ranks, so that together they make the step that one process
would make. Nothing here asks a device for a number, so that a step can be captured.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from explorer.errors import BadInput

PATIENCE = timedelta(hours=6)  # longest wait for another rank, which may be scoring
LAUNCHERS = {  # names of (count, number, number on this machine), of torchrun and accelerate, and of MPI
    "WORLD_SIZE": ("RANK", "LOCAL_RANK"),
    "OMPI_COMM_WORLD_SIZE": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"),
    "MV2_COMM_WORLD_SIZE": ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_LOCAL_RANK"),
    "PMI_SIZE": ("PMI_RANK", "MPI_LOCALRANKID"),
}
_count, _number, _local = 1, 0, 0


def count() -> int:
    """How many processes train together."""
    return _count


def number() -> int:
    """Which of them this is; 0 is the one that owns the folder, the log and the status."""
    return _number


def first() -> bool:
    """Whether this process writes what is written."""
    return _number == 0


def launched() -> tuple[int, int, int]:
    """(count, number, number on this machine), as the launcher of this process says; (1, 0, 0) without one."""
    for name, (number_of, local_of) in LAUNCHERS.items():
        if (among := int(os.environ.get(name) or 1)) > 1:
            own = int(os.environ.get(number_of) or 0)
            return among, own, int(os.environ.get(local_of) or own)
    return 1, 0, 0


def begin() -> None:
    """Joins the processes that a launcher started; afterwards the libraries of this one take it for the only one."""
    global _count, _number, _local
    among, own, local = launched()
    if among == 1 or _count > 1:
        return
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")  # MPI names none
    os.environ.setdefault("MASTER_PORT", "29541")
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    try:
        dist.init_process_group(backend, rank=own, world_size=among, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise BadInput(f"{among} processes cannot reach one another ({why}); start them with torchrun") from None
    _count, _number, _local = among, own, local
    for name in (*LAUNCHERS, *(word for others in LAUNCHERS.values() for word in others)):
        os.environ.pop(name, None)


def end() -> None:
    """Leaves the others; this process is alone again."""
    global _count, _number, _local
    if _count > 1:
        dist.destroy_process_group()
    _count, _number, _local = 1, 0, 0


def part(whole: int) -> slice:
    """Which of the `whole` rows of a batch are this rank's."""
    size = whole // _count
    return slice(_number * size, (_number + 1) * size)


def drawn(draw: Callable[[int], Tensor], size: int) -> Tensor:
    """The own `size` rows of what `draw` draws for the batches of all ranks: what one process draws for them all."""
    return draw(_count * size)[part(_count * size)]


def add_up(tensor: Tensor) -> None:
    """Replaces a tensor by its sum over ranks."""
    if _count > 1:
        dist.all_reduce(tensor)


def total(tensor: Tensor) -> Tensor:
    """The sum over ranks; carries no gradient."""
    if _count == 1:
        return tensor
    found = tensor.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(found)
    return found


def mean(tensor: Tensor) -> Tensor:
    """The mean over ranks. Its gradient is that of the own tensor, so that the mean over ranks of the gradients of
    what is made of it, the same on all ranks, is the gradient of the whole."""
    if _count == 1:
        return tensor
    return tensor + (total(tensor) / _count - tensor).detach()


def gathered(tensor: Tensor) -> Tensor:
    """(n, …) of each rank -> (count · n, …), in the order of ranks; carries no gradient."""
    if _count == 1:
        return tensor
    found = tensor.new_empty(_count * len(tensor), *tensor.shape[1:])
    dist.all_gather_into_tensor(found, tensor.detach().contiguous())
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
    dist.broadcast(found, 0)
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
        dist.all_reduce(flat)
        parts = flat.div_(_count).split([gradient.numel() for gradient in gradients])
        for gradient, found in zip(gradients, parts, strict=True):
            gradient.copy_(found.view(gradient.shape))
