"""What became of a job: what its process said, what it printed, and what that means for the user."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from explorer.errors import one_line, tells_full_disk, tells_full_memory
from explorer.files import open_regular, read_json
from explorer.jobs.turns import is_sound, sound

FINAL = ("done", "stopped", "failed")
STATUS = {"state": str, "done": int, "total": int, "unit": str, "message": str, "started": float, "heartbeat": float}
STATUS |= {"seconds_left": float, "images_per_second": float, "loss": float, "note": str, "pid": int}
FIGURES = 50  # that work reports at most


def said(folder: Path) -> dict[str, Any]:
    """What the process wrote last, nothing where that is damaged: numbers that are some, and text on one line."""
    try:
        found = read_json(folder / "status.json", limit=1 << 20)
    except (OSError, ValueError):
        return {}  # not written yet
    if not isinstance(found, dict):
        return {}
    kept = {key: one_line(value) if isinstance(value, str) else value for key, value in sound(found, STATUS).items()}
    plain = {key: value for key, value in kept.items() if isinstance(value, str) or is_sound(value, float)}
    return dict(list(plain.items())[:FIGURES])


def state(folder: Path, record: dict, status: dict, running: bool, log: str) -> str:
    """The state of a job by its files and by whether its process is there."""
    told = status.get("state")
    if running:  # also while a process that has said its last word is still ending, or one step of several is done
        waits = told == "queued" or (told is None and record.get("device"))
        return "queued" if waits else "running"
    if told in FINAL:
        return told
    if record.get("pid") is None and abs(time.time() - record.get("launched", 0)) < 10:
        return "queued"  # the moment between writing job.json and the birth of the process
    if tells_full_memory(log):
        return "failed"
    if not (folder / "stop.json").exists():
        return "killed"
    return "killed" if _killed(folder / "stop.json") and told == "running" else "stopped"


def _killed(asked: Path) -> bool:
    """Whether it was asked to end at once."""
    try:
        found = read_json(asked, limit=1 << 20)
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("kill") is True


def seconds_left(status: dict) -> float | None:
    """What the work itself says, or what its pace so far tells."""
    if status.get("seconds_left") is not None:
        return float(status["seconds_left"])
    done, total = status.get("done") or 0, status.get("total") or 0
    spent = (status.get("heartbeat") or 0) - (status.get("started") or 0)
    return spent * (total - done) / done if 0 < done <= total and spent > 0 else None


def advice(state: str, text: str) -> str:
    """What to try with a job that failed or was killed."""
    smaller = "a smaller batch, a smaller image size, or another device"
    if tells_full_memory(text):
        return f"It ran out of memory. Try {smaller}."
    if tells_full_disk(text):
        return "The disk is full. Free some space, then resume."
    if state == "killed":
        return f"The process ended without a word. If nobody ended it, memory ran out: try {smaller}, or resume."
    return "Change what it names and start again; or, where the cause is gone, resume."


def tail(path: Path, size: int = 16_384) -> str:
    """The last lines of a log since the job was started last, without codes and each of a length that can be read."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, path.stat().st_size - size))
            text = file.read(size).decode("utf-8", "replace")
    except OSError:
        return ""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    lines = [one_line(line.rsplit("\r", 1)[-1].rstrip()) for line in text.split("\n")]
    last_start = max((i for i, line in enumerate(lines) if line.startswith("$ explorer ")), default=0)
    return "\n".join(line for line in lines[last_start:] if line)
