"""How long work tells whoever is watching: a bar on standard error and, if asked for, a status file."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from explorer.errors import BadInput, Cancelled, one_line
from explorer.files import write_json

STATUS_VARIABLE = "EXPLORER_STATUS"  # names the status file; set by `jobs` for the process that it starts


class Progress:
    """Reports `done` of `total` while work goes on.

    The status file is JSON with at least `state, pid, done, total, unit, message, started, heartbeat` (seconds
    since the epoch) plus whatever figures the work adds, such as `images_per_second`. It is replaced atomically
    at most twice a second, so that a page can poll it.

    Args:
        total: how many units there are; 0 if not known.
        unit: what is counted, in the plural ("images", "steps").
        status: path of the status file; by default the environment variable EXPLORER_STATUS, or none.
        quiet: no bar on standard error.
    """

    def __init__(self, total: int, unit: str, *, status: Path | None = None, quiet: bool = False) -> None:
        named = os.environ.get(STATUS_VARIABLE)
        self.status = status or (Path(named) if named else None)
        self.total, self.unit, self.quiet = total, unit, quiet
        self.started, self._began = time.time(), time.monotonic()
        self.cancelled = self.held = False  # held: `update` leaves it to others to end the work
        self._last, self._done = float("-inf"), 0
        self.update(0, "starting", force=True)

    def update(self, done: int, message: str = "", *, force: bool = False, state: str = "running", **figures) -> None:
        """Says that `done` units are finished; raises Cancelled if `cancel` was called meanwhile."""
        now, self._done, message = time.monotonic(), done, one_line(message)  # a clock that nobody sets
        if force or now - self._last >= 0.5:
            self._last = now
            if self.status is not None:
                said = {
                    "state": state,
                    "pid": os.getpid(),
                    "done": int(done),
                    "total": int(self.total),
                    "unit": self.unit,
                    "message": message,
                    "started": self.started,
                    "heartbeat": self.started + now - self._began,
                    **figures,
                }
                with suppress(OSError, BadInput):  # the next one may be written; what is lost here is told by the work
                    write_json(self.status, said)
            if not self.quiet:
                self._draw(done, message)
        if self.cancelled and state == "running" and not self.held:
            raise Cancelled(message or "cancelled")

    def finish(self, state: str = "done", message: str = "", **figures) -> None:
        """Writes the last status: `done`, or `stopped` or `failed` at the unit that was reached."""
        self.update(self.total if state == "done" else self._done, message, force=True, state=state, **figures)
        if not self.quiet and sys.stderr.isatty():
            print(file=sys.stderr)

    def cancel(self, *_: object) -> None:
        """Makes the next `update` raise Cancelled; can be given to `signal.signal`."""
        self.cancelled = True

    def _draw(self, done: int, message: str) -> None:
        share = f"{done:,}/{self.total:,} {self.unit}" if self.total else f"{done:,} {self.unit}"
        line = f"{share}  {message}"[:110]
        if sys.stderr.isatty():
            print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)
        elif done == 0 or done >= self.total > 0:
            print(line, file=sys.stderr, flush=True)


def spoken(seconds: float) -> str:
    """A span of time to one figure or two, in words: `20 seconds`, `1 minute`, `3 hours`, `2 days`."""
    if seconds < 55:
        return f"{max(1, round(seconds / 10)) * 10} seconds"
    for size, unit, most in ((60, "minute", 55), (3600, "hour", 36), (86_400, "day", float("inf"))):
        if seconds < most * size:
            count = max(1, round(seconds / size))
            return f"{count:,} {unit}{'s' if count > 1 else ''}"
    raise ValueError(f"{seconds} is no span of time")
