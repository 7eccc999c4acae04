"""Work of more than a few seconds: a process beside the page, with progress and Cancel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer.errors import BadInput
from explorer.pages import visitors
from explorer.pages.state import clicked, guard, plain, refused

if TYPE_CHECKING:
    from explorer.jobs import Job


def background(
    arguments: Sequence[str],
    target: Path,
    *,
    title: str,
    begin: bool = False,
    about: str = "",
    label: str = "Start",
    beside: Callable[[], object] | None = None,
    parts: Sequence[Path] = (),
) -> Job | None:
    """Shows work of more than a few seconds, done by `python -m explorer *arguments` beside the page.

    Offers to start it, then shows progress and Cancel, and what went wrong. With `begin` it is started unasked where a
    click led here: an address alone starts nothing, and nothing starts while the sidebar asks for what is not there.
    When the work is done the page runs again; so call this only where the result is missing.

    Args:
        target: a path that stands for the result; there is at most one such work at a time, whoever asked for it.
        title: what is done, for people: "Encode 5,000 images of shapes".
        about: one more sentence, shown above the button.
        label: of the button that starts it.
        beside: draws other buttons next to it.
        parts: paths of what it makes one after another; the page runs again when one more of them is there.
    """
    from explorer import jobs

    job = jobs.find(target)
    if job is None and begin and clicked() and refused("checkpoint") is None and refused("dataset") is None:
        job = _start(arguments, target, title)
    with st.container(border=True):
        st.markdown(f"**{plain(title)}**")
        if job is not None and job.active:
            _watch(str(job.folder), tuple(map(str, parts)), _there(parts))
            return job
        if job is None:
            if about:
                st.caption(about)
        else:
            label = "Start again"
            if job.state == "done":
                st.warning("This was finished before, but its result is gone.", icon=":material/history:")
            elif job.state == "stopped":
                st.caption("Stopped. Nothing else was touched.")
            else:
                _failure(job)
        with st.container(horizontal=True):
            pressed = st.button(label, icon=":material/play_arrow:", type="primary", key=f"start-{target.name}")
            if pressed and _start(arguments, target, title) is not None:
                st.rerun()
            if beside is not None:
                beside()
    return job


def _start(arguments: Sequence[str], target: Path, title: str) -> Job | None:
    """Begins work, unless a visitor has begun as much as one may."""
    from explorer import jobs

    try:
        visitors.refuse_work()
    except BadInput as why:
        st.warning(plain(why), icon=":material/hourglass:")
        return None
    job = jobs.start(list(arguments), target, title=title)
    visitors.started(job)
    return job


@st.fragment(run_every=1.0)
@guard()
def _watch(folder: str, parts: tuple[str, ...] = (), there: int = 0) -> None:
    from explorer import jobs

    job = jobs.read(Path(folder))
    if not job.active or _there(parts) != there:
        st.rerun()
    share = job.done / job.total if job.total else 0.0
    counted = f"{job.done:,} of {job.total:,} {job.unit}" if job.total else job.message or "starting"
    left = f" · about {max(1, round(job.seconds_left))} s left" if job.seconds_left else ""
    st.progress(min(share, 1.0), text=f"{counted}{left}")
    with st.container(horizontal=True, vertical_alignment="center"):
        mine = visitors.owns(job)
        if mine and st.button("Cancel", icon=":material/close:", key=f"cancel-{job.id}", disabled=job.stopping):
            jobs.stop(job)
        st.caption("Stopping …" if job.stopping else plain(job.message))


def _there(parts: Sequence[str | Path]) -> int:
    return sum(Path(part).exists() for part in parts)


def _failure(job: Job) -> None:
    reason = job.message or (job.log_tail.splitlines() or ["The process ended without a word."])[-1]
    st.error(f"{plain(reason.rstrip('.'))}. {plain(job.advice)}", icon=":material/error:")
    with st.expander("Its last lines"):
        st.code(job.log_tail or "(nothing)", language=None)
