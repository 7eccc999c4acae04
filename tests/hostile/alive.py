"""Opens hostile cases in the app as a visitor does, and asks for the app's health meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.hostile.case import INSPECT, USAGE, Case

HEALTH = 1.0  # seconds within which the app says that it is there
PATIENCE = 90.0  # seconds for a page, which may wait for a file as long as the fence does
MEMORY = 2 * 1024**3  # more than before


@dataclass
class Opened:
    """What came of a case in the app: the slowest answer of health in seconds, memory in bytes, sentences."""

    health: float = 0.0
    peak: int = 0
    alerts: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def asked(case: Case, at: Path) -> dict[str, str]:
    """What the address says so that a page opens the case; empty of what is not opened by an address."""
    if case.opened == INSPECT:
        return {"checkpoint": str(at / case.name)}
    if case.opened == USAGE:
        return {"checkpoint": "vqvae-digits", "dataset": str(at / case.name), "split": "all"}
    return {}


async def open_in_app(port: int, server: int, case: Case, at: Path) -> Opened:
    """One visitor who opens a case by an address; health is asked by a thread, however busy this one is."""
    from tests.benchmarks.visitors import Visitor

    found = Opened()
    with watching(f"http://127.0.0.1:{port}/_stcore/health", server, found):
        try:
            async with Visitor(port) as visitor:
                seen = await visitor.visit("", fetch=False, timeout=PATIENCE, **asked(case, at))
                found.alerts = seen.alerts
                found.wrong += seen.errors
        except TimeoutError:
            found.wrong.append(f"the page had not ended after {PATIENCE:.0f} s")
        except OSError as error:
            found.wrong.append(f"no connection: {error}")
    return found


@contextlib.contextmanager
def watching(url: str, server: int, found: Opened):
    """Asks a server whether it is there, five times a second until the end of the block, and how much memory it has."""
    over = threading.Event()
    before = _memory(server)

    def look() -> None:
        while True:
            began = time.monotonic()
            try:
                with urllib.request.urlopen(url, timeout=20) as answer:
                    answer.read()
            except OSError as error:
                found.wrong.append(f"no health: {error}")
            found.health = max(found.health, time.monotonic() - began)
            found.peak = max(found.peak, _memory(server) - before)
            if over.wait(0.2):
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if found.health > HEALTH:
        found.wrong.append(f"health was answered after {found.health:.1f} s")
    if found.peak > MEMORY:
        found.wrong.append(f"{found.peak / 1e6:,.0f} MB more memory than before")


def _memory(server: int) -> int:
    """Bytes of a server, its keeper and its workers; what forks share is counted once."""
    total = 0
    with contextlib.suppress(psutil.Error):
        one = psutil.Process(server)
        for process in (one, *one.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                info = process.memory_full_info()
                total += getattr(info, "pss", info.rss)
    return total
