"""Many visitors of one app at once, while a set is encoded beside them: errors, times of pages, memory of the server.

    python tests/benchmarks/sessions.py [--sessions 20] [--minutes 10] [--browsers 2] [--pause 5] [--json]

Each session speaks Streamlit's websocket as a browser does, walks through all pages of one checkpoint after another,
fetches some of the pictures, and pauses between two pages as a reader would. Two more are real tabs in Chromium, which
show what only a browser sees: parts that failed, errors of scripts. `explorer encode` runs all the while. The cache is
a new one; what ships with checkpoints is there. Errors must be 0, and the memory of the server must stay below BOUND.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS = dict.fromkeys(("vqvae", "vqvae2", "projected", "vae", "mae"), "shapes")
STUDIES = [(f"{name}-{dataset}", dataset) for name, dataset in CHECKPOINTS.items()] + [("vqvae-digits", "digits")]
BOUND = 3.0e9  # bytes of the server, whatever visitors do
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


@dataclass
class Log:
    """What the sessions met: seconds by page, and what went wrong; memory and threads of the server by second."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    memory: list[tuple[float, int, int]] = field(default_factory=list)


@contextlib.contextmanager
def serving(folder: Path, cache: Path | None = None, **environment: str):
    """Runs the app on a free port of 127.0.0.1 until the end of the block; yields the port and the process."""
    from tests.serving import app

    logs = Path(tempfile.mkdtemp(dir=folder, prefix="server-"))  # two servers may run at once
    places = {"EXPLORER_CACHE": str(cache or folder / "cache"), "EXPLORER_CHECKPOINTS": str(folder / "checkpoints")}
    (folder / "checkpoints").mkdir(exist_ok=True)
    with app(ROOT / "app.py", logs, **places, **environment) as served:
        yield served


async def walk(port: int, number: int, until: float, pause: float, log: Log) -> None:
    """One session until the time is over: page after page, checkpoint after checkpoint."""
    from visitors import Visitor

    chance = random.Random(number)
    studies = chance.sample(STUDIES, len(STUDIES))
    await asyncio.sleep(chance.uniform(0, pause))
    async with Visitor(port) as visitor:
        while True:
            for checkpoint, dataset in studies:
                pages = [name for name in visitor.pages if name != "reconstructions"] or [""]
                for page in chance.sample(pages, len(pages)):
                    if time.monotonic() > until:
                        return
                    image = chance.randrange(20)
                    asked = {"checkpoint": checkpoint, "dataset": dataset, "image": image}
                    try:
                        seen = await visitor.visit(page, **asked)
                    except TimeoutError:
                        log.errors.append(f"{page or 'first'} of {checkpoint} had not ended after 180 s")
                        return
                    log.seconds[page or "first"].append(seen.seconds)
                    log.errors += [f"{page} of {checkpoint}: {error}" for error in seen.errors]
                    log.alerts += [f"{page} of {checkpoint}: {alert}" for alert in seen.alerts]
                    await asyncio.sleep(chance.uniform(0, 2 * pause))


async def browse(port: int, count: int, until: float, pause: float, log: Log) -> None:
    """Real tabs that look for parts that failed and for errors of scripts."""
    from playwright.async_api import async_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    chance, pages = random.Random(99), ["", "codebook", "code_maps", "concepts", "latent_map", "similar", "training"]
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))

        async def tab() -> None:
            page = await browser.new_page(viewport={"width": 1400, "height": 1000})
            page.on("pageerror", lambda error: log.errors.append(f"script: {error}"))
            while time.monotonic() < until:
                name, (checkpoint, dataset) = chance.choice(pages), chance.choice(STUDIES)
                address = f"http://127.0.0.1:{port}/{name}?checkpoint={checkpoint}&dataset={dataset}"
                began = time.perf_counter()
                await page.goto(address, timeout=180_000)
                ended = '[data-testid="stApp"][data-test-script-state="notRunning"]'
                await page.wait_for_selector(ended, timeout=180_000)
                log.seconds["(Chromium)"].append(time.perf_counter() - began)
                if await page.get_by_test_id("stException").count():
                    log.errors.append(f"{name} of {checkpoint} shows an exception")
                await asyncio.sleep(chance.uniform(0, 2 * pause))

        await asyncio.gather(*(tab() for _ in range(count)))
        await browser.close()


async def watch(server: subprocess.Popen, until: float, log: Log) -> None:
    """Notes memory and threads of the server each second."""
    process, began = psutil.Process(server.pid), time.monotonic()
    while time.monotonic() < until and server.poll() is None:
        log.memory.append((time.monotonic() - began, process.memory_info().rss, process.num_threads()))
        await asyncio.sleep(1)
    if server.poll() is not None:
        log.errors.append(f"the server ended with {server.returncode}")


async def visit_all(port: int, server: subprocess.Popen, arguments: argparse.Namespace) -> Log:
    log, until = Log(), time.monotonic() + 60 * arguments.minutes
    work: list[Any] = [walk(port, number, until, arguments.pause, log) for number in range(arguments.sessions)]
    work.append(watch(server, until, log))
    if arguments.browsers:
        work.append(browse(port, arguments.browsers, until, arguments.pause, log))
    await asyncio.gather(*work)
    return log


@contextlib.contextmanager
def encoding(folder: Path):
    """`explorer encode` of more images than there is time for, in a cache of its own, until the end of the block."""
    from tests.serving import ended

    command = [sys.executable, "-m", "explorer", "encode", "vqvae-shapes", "--dataset", "shapes", "--split", "train"]
    beside = subprocess.Popen(
        [*command, "--limit", "1000000", "--out", str(folder / "beside.lance")], cwd=ROOT,
        env=os.environ | {"EXPLORER_CACHE": str(folder / "beside")},
        stdout=subprocess.DEVNULL, stderr=(folder / "beside.log").open("w"),
    )  # fmt: skip
    with ended(beside, 30):
        yield beside


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def told(log: Log) -> tuple[dict[str, Any], list[str]]:
    """The same as JSON and as lines."""
    pages = {
        page: {"visits": len(all_), "p50": statistics.median(all_), "p95": percentile(all_, 0.95), "most": max(all_)}
        for page, all_ in sorted(log.seconds.items())
    }
    whole = [one for page, all_ in log.seconds.items() if page != "(Chromium)" for one in all_] or [float("nan")]
    total = {"visits": len(whole), "p50": statistics.median(whole), "p95": percentile(whole, 0.95), "most": max(whole)}
    memory = [rss for _, rss, _ in log.memory]
    length = log.memory[-1][0]
    marks = [0.0, 60.0, *(length * part for part in (0.25, 0.5, 0.75, 1.0))]
    at = {round(mark): min(log.memory, key=lambda one: abs(one[0] - mark)) for mark in sorted(marks) if mark <= length}
    result = {"pages": pages, "all": total, "errors": log.errors, "alerts": log.alerts, "peak_bytes": max(memory)}
    result["memory"] = {second: {"bytes": rss, "threads": threads} for second, (_, rss, threads) in at.items()}
    rows = [*pages.items(), ("all sessions", total)]
    lines = [f"{'page':24}{'visits':>8}{'p50 s':>8}{'p95 s':>8}{'most':>8}"]
    lines += [f"{name:24}{one['visits']:8}{one['p50']:8.2f}{one['p95']:8.2f}{one['most']:8.2f}" for name, one in rows]
    over = " · ".join(f"{second} s: {rss / 1e6:,.0f} MB, {threads} threads" for second, (_, rss, threads) in at.items())
    lines += [f"server: {over}; peak {max(memory) / 1e6:,.0f} MB of {BOUND / 1e6:,.0f}"]
    lines += [f"errors: {len(log.errors)}, alerts: {len(log.alerts)}"]
    return result, lines + [f"  {one}" for one in [*dict.fromkeys(log.errors), *dict.fromkeys(log.alerts)][:20]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--browsers", type=int, default=2)
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between two pages, in the mean")
    parser.add_argument("--quiet", action="store_true", help="without an encode beside")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    from timing import machine, report

    here = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        beside = contextlib.nullcontext() if arguments.quiet else encoding(folder)
        with serving(folder) as (port, server), beside:
            before = os.times()
            log = asyncio.run(visit_all(port, server, arguments))
            spent = sum(psutil.Process(server.pid).cpu_times()[:2]) if server.poll() is None else 0.0
        traces = sum(path.read_text(errors="replace").count("Traceback") for path in folder.glob("server-*/server.log"))
        if traces:
            log.errors.append(f"{traces} stack traces in the server's log")
            print("".join(path.read_text(errors="replace")[-6000:] for path in folder.glob("server-*/server.log")))
    result, lines = told(log)
    lines.append(f"CPU of the server: {spent:.0f} s of {os.times().elapsed - before.elapsed:.0f} s")
    report({"machine": here, "server_cpu_seconds": spent} | result, lines, arguments.json)
    return int(bool(log.errors) or max(rss for _, rss, _ in log.memory) > BOUND)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
