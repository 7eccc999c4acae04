"""From `streamlit run app.py` to the first reconstructions on the screen, over the time of importing its libraries.

    python tests/benchmarks/startup.py [--rounds 3] [--json]

The clock runs from the start of the process until every picture of the first screen is loaded in Chromium, which is
open already. Each round has an empty cache of its own; what ships with checkpoints is there. Imports are measured as
`python -c "import torch, streamlit"`, each time in a fresh process. Files may lie in the system's cache for both: one
round before is not counted. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from timing import machine, report

ROOT = Path(__file__).resolve().parents[2]
LOADED = """() => { const pictures = [...document.querySelectorAll('.st-key-cards img')]
return pictures.length > 0 && pictures.every((picture) => picture.complete && picture.naturalWidth > 0) }"""


def imports() -> float:
    """Seconds of a fresh process that imports torch and streamlit."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch, streamlit"], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def first_screen(browser) -> float:
    """Seconds from `streamlit run` to the last picture of the first screen."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), f"--server.port={port}"]
        environment = os.environ | {"EXPLORER_CACHE": cache, "PYTHONPATH": str(ROOT)}
        started = time.perf_counter()
        server = subprocess.Popen(
            [*command, "--server.headless=true"], cwd=ROOT, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not _answers(port):
                if server.poll() is not None:
                    raise SystemExit(f"streamlit ended with {server.returncode}")
                time.sleep(0.02)
            page.goto(f"http://127.0.0.1:{port}", wait_until="commit")
            page.wait_for_function(LOADED, timeout=120_000, polling=50)
            return time.perf_counter() - started
        finally:
            page.close()
            server.terminate()
            server.wait(10)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    here = machine()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        pairs = [(imports(), first_screen(browser)) for _ in range(arguments.rounds + 1)][1:]
        browser.close()
    loading, shown = (statistics.median(column) for column in zip(*pairs, strict=True))
    result = {
        "machine": here,
        "rounds": [{"imports": round(a, 2), "first_screen": round(b, 2)} for a, b in pairs],
        "imports_seconds": round(loading, 2),
        "first_screen_seconds": round(shown, 2),
        "ratio": round(shown / loading, 2),
    }
    lines = [
        f"import torch, streamlit:          {loading:.2f} s (median of {arguments.rounds})",
        f"first reconstructions in Chromium: {shown:.2f} s after `streamlit run`, {shown / loading:.2f} times that",
    ]
    report(result, lines, arguments.json)


if __name__ == "__main__":
    main()
