"""Runs that train a prior, where they are not as those of a checkpoint: what they are called, and where they lead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from explorer.errors import BadInput
from explorer.pages.links import switch
from explorer.pages.state import plain, put

if TYPE_CHECKING:
    from explorer.jobs import Job
    from explorer.priors.folder import Facts

DONE = "Finished; the page Prior of its checkpoint has it."
OPENS = "Draw samples from it, complete code maps, and see what surprises it."


def is_prior(job: Job) -> bool:
    """Whether a run trains a prior."""
    return job.arguments[0] == "prior"


def facts(job: Job) -> Facts | None:
    """What the prior of a run says of itself; None before it has said anything."""
    from explorer.priors import folder

    try:
        return folder.describe(job.target) if job.target else None
    except BadInput:
        return None


def open_page(job: Job) -> None:
    """Goes to the page Prior of the checkpoint that a prior is over, with this prior chosen."""
    from explorer.priors import folder

    found = folder.describe(job.target)
    path = folder.checkpoint_of(found)
    inside = (folder.root() / path.name).resolve() == path.resolve() or path.parent == folder.SHIPPED
    for name in ("layer", "image", "code", "limit", "split"):  # of another network, and maybe other images
        put(name, None)
    switch("prior", {"checkpoint": path.name if inside else str(path), "dataset": found.dataset, "prior": found.name})


def samples(job: Job, steps: Sequence[Path], enlarged: Callable[[Path], Image.Image]) -> None:
    """The newest samples of a run, or those of the weights that were kept."""
    from explorer.training.priors import LAST

    found, last = facts(job), steps[0].parent / LAST
    newest = last if last.is_file() else steps[-1]
    when = "of the weights that are kept" if newest == last else f"after step {int(newest.stem.split('-')[-1]):,}"
    of = f", {plain(found.condition.column)} in order" if found is not None and found.condition else ""
    st.image(
        enlarged(newest), caption=f"Sixteen samples {when}{of}; always with the same noise.", width="stretch",
        output_format="PNG",
    )  # fmt: skip
