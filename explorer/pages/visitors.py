"""Strangers in the app (`EXPLORER_PUBLIC`): what one may send and start, and what becomes of it when they go.

A visitor is a session of a browser tab. The limits below are of one visitor unless they say otherwise. When a session
ends, its work is ended and what was made of its files is deleted; a sweeper looks twice a minute, and whatever an
earlier server left is deleted at the start.
"""

from __future__ import annotations

import functools
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.runtime import Runtime, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import access
from explorer.errors import BadInput
from explorer.files import cache_folder, read_json

if TYPE_CHECKING:
    from explorer.jobs import Job

WORKS, HOUR = 12, 3600.0  # works that are started in an hour
MINUTES = 10.0  # of a work, after which it is ended
FILES, BYTES = 30, 200 * 1024**2  # that are sent
HELD = 2 * 1024**3  # bytes of all visitors together, on the disk, and in memory while they are sent
LOOK = 30.0  # seconds between two looks
OFFER = (
    "A shared server: look at its checkpoints and datasets, or at images of your own. What you send is seen by nobody "
    "else, and is deleted when you leave."
)
OWN = "To open other files, to train and to keep what you find, install Codebook Explorer on a machine of your own."


@dataclass
class Visit:
    """What a visitor made: works by folder and start, files by path and size."""

    works: dict[Path, float] = field(default_factory=dict)
    files: dict[Path, int] = field(default_factory=dict)


_visits: dict[str, Visit] = {}
_lock = threading.Lock()


def folder() -> Path:
    """Where files of visitors lie; those of the owner lie beside it."""
    return cache_folder() / "uploads" / "visitors"


def refuse_work() -> None:
    """Raises BadInput where this visitor may start no more for now."""
    if access.public():
        now, visit = time.time(), _visit()
        from explorer import jobs

        if any(_active(jobs, place) for place in visit.works):
            raise BadInput("one work of yours is under way; the next can begin when it is done, or cancelled")
        recent = sorted(when for when in visit.works.values() if when > now - HOUR)
        if len(recent) >= WORKS:
            minutes = max(1, round((recent[0] + HOUR - now) / 60))
            raise BadInput(f"{WORKS} works an hour can be started here; the next in {minutes} minutes. {OWN}")


def started(job: Job | None) -> None:
    """Notes a work, so that this visitor alone can cancel it."""
    if access.public() and job is not None:
        with _lock:
            _visit().works[job.folder] = time.time()


def for_owners(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Of what keeps something for good: it is drawn for whose machine it is, and not for strangers."""

    @functools.wraps(draw)
    def drawn(*given: Any) -> Any:
        return None if access.public() else draw(*given)

    return drawn


def owns(job: Job) -> bool:
    """Whether this visitor may cancel a work; anybody may where there are no strangers."""
    return not access.public() or job.folder in _visit().works


def receive(path: Path, size: int) -> None:
    """Notes a file that is about to be kept.

    Raises:
        BadInput: it would be more than a visitor, or all of them, may send.
    """
    if not access.public():
        return
    with _lock:
        own = _visit().files
        if path in own:
            return
        if len(own) >= FILES or sum(own.values()) + size > BYTES:
            raise BadInput(
                f"{FILES} files of {BYTES // 1024**2} MB in all can be sent here; reload the page to begin anew. {OWN}"
            )
        if sum(sum(visit.files.values()) for visit in _visits.values()) + size > HELD:
            raise BadInput(f"visitors have sent as much as this server holds; try again in some minutes. {OWN}")
        own[path] = size


def _visit() -> Visit:
    """Of the session whose page is drawn."""
    context = get_script_run_ctx()
    _keep_watch()
    return _visits.setdefault(context.session_id if context else "", Visit())


@st.cache_resource(show_spinner=False)
def _keep_watch() -> threading.Thread | None:
    """Begins to look after visitors, once a server."""
    shutil.rmtree(folder(), ignore_errors=True)
    if not Runtime.exists():  # in a test of pages
        return None
    _bound(get_instance())
    watch = threading.Thread(target=_watch, name="visitors", daemon=True)
    watch.start()
    return watch


def _watch() -> None:
    while True:
        time.sleep(LOOK)
        with suppress(Exception):  # what cannot be removed now can be at the next look
            sweep(get_instance().is_active_session)


def sweep(there: Any) -> None:
    """Ends what takes too long, and removes what visitors made who are gone; `there` tells of a session whether not."""
    from explorer import jobs

    with _lock:
        gone = [_visits.pop(name) for name in list(_visits) if name and not there(name)]
        kept = {path for visit in _visits.values() for path in visit.files}
        late = [place for visit in _visits.values() for place, when in visit.works.items() if _late(when)]
    for place in late:
        if _active(jobs, place):
            jobs.stop(jobs.read(place))
    for visit in gone:
        left = set(visit.files) - kept
        for place in visit.works:
            _undo(jobs, place, left)
        for path in left:
            path.unlink(missing_ok=True)
        _forget(left)


def _late(when: float) -> bool:
    return time.time() - when > 60 * MINUTES


def _active(jobs: Any, place: Path) -> bool:
    with suppress(BadInput, OSError):
        return jobs.read(place).active
    return False


def _undo(jobs: Any, place: Path, files: set[Path]) -> None:
    """Ends a work, and deletes what it made of these files."""
    with suppress(BadInput, OSError):
        job = jobs.read(place)
        if job.active:
            jobs.stop(job, kill=True)
        if any(str(path) in job.arguments for path in files):
            if job.target is not None and job.target.is_relative_to(cache_folder().absolute()):
                shutil.rmtree(job.target, ignore_errors=True)
                job.target.unlink(missing_ok=True)
            shutil.rmtree(place, ignore_errors=True)


def _forget(files: set[Path]) -> None:
    """Deletes the decoded images and the encodings of these files."""
    names = set(map(str, files))
    made = (("images/*/meta.json", "name"), ("encodings/*/encoding.json", "dataset"))
    for pattern, name in made if names else ():
        for place in cache_folder().glob(pattern):
            with suppress(OSError, ValueError, AttributeError):
                if read_json(place).get(name) in names:
                    shutil.rmtree(place.parent, ignore_errors=True)


def _bound(runtime: Any) -> None:
    """Bounds what Streamlit holds in memory of what is sent: the oldest of a session go first."""
    manager = runtime.uploaded_file_mgr
    add, order = manager.add_file, threading.Lock()

    def bounded(session: str, file: Any) -> None:
        with order:
            held = dict(manager.file_storage.get(session, {}))
            size = sum(len(one.data) for one in held.values()) + len(file.data)
            for name, one in held.items():
                if size <= BYTES and len(held) <= FILES:
                    break
                manager.remove_file(session, name)
                size -= len(one.data)
            every = sum(len(one.data) for files in list(manager.file_storage.values()) for one in files.values())
            if every + len(file.data) > HELD:
                raise MemoryError("visitors have sent as much as this server holds")
            add(session, file)

    manager.add_file = bounded
