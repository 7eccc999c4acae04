"""What a link carries that leads to another checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer.files import SHIPPED, checkpoint_folder

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint
    from explorer.study import Study


def to(study: Study, here: Study) -> dict[str, Any]:
    """What a link carries that opens another checkpoint on the same images."""
    carried: dict[str, Any] = {"checkpoint": known(study.checkpoint)}
    if study.subject.limit != here.subject.limit:
        carried["limit"] = study.subject.limit or "all"
    return carried


def known(checkpoint: Checkpoint) -> str:
    """What a checkpoint is called in an address: its name, or its path where its name alone would not find it."""
    return checkpoint.name if checkpoint.path.parent in (SHIPPED, checkpoint_folder()) else str(checkpoint.path)
