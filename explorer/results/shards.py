"""One encoding by several processes, on one machine or on many that share a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import places, results
from explorer.encodings.encoder import Written
from explorer.encodings.fragments import Shard
from explorer.errors import explained
from explorer.jobs.devices import ALL
from explorer.progress import Progress
from explorer.results import encoding

if TYPE_CHECKING:
    from explorer.results.subject import Subject


def encode(
    subject: Subject,
    options: Any,
    shard: Shard,
    *,
    out: Path | None = None,
    progress: Progress | None = None,
    helping: bool = False,
) -> tuple[Path, Written]:
    """Where the encoding lies and what this process did of it; nothing where it is kept already, as in `obtain`.

    Args:
        helping: once the shard is there, what others lack is made as well, so that the encoding is complete at the end.

    Raises:
        BadInput, Cancelled: as `obtain`; what is written is kept.
    """
    options = results.checked("encoding", options, out)
    progress = progress or Progress(0, "images", quiet=True)
    with explained("write the encoding"):
        subject.open(progress)
        found = results.find("encoding", subject, options) if out is None else None
        if found is not None:
            whole = len(subject.images)
            return found[0], Written(0, whole, whole, (), 0, found[1].facts)
        target = results.path("encoding", subject, options) if out is None else places.local(Path(out).expanduser())
        return target, encoding.make_shard(subject, options, target, progress, shard, helping)


def beside(subject: Subject, place: tuple[int, int, int]) -> tuple[Subject, Shard]:
    """What one of several processes that a launcher started does: its shard, on a GPU of its own where it may choose.

    Args:
        place: (count, number, number on this machine), as `ranks.launched` says.
    """
    import torch

    count, number, here = place
    if subject.device in ("auto", "cuda", ALL) and torch.cuda.is_available():
        subject = replace(subject, device=f"cuda:{here % torch.cuda.device_count()}")
    return subject, Shard(number + 1, count)


def lacking(found: Written, count: int) -> list[str]:
    """The shards of `count` that rows are missing of, as they are asked for: `2/4`."""
    each = [Shard(number + 1, count) for number in range(count)]
    return [str(one) for one in each if set(one.fragments(found.fragments)) & set(found.lacking)]
