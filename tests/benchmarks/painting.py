"""How long a stroke takes until its picture is on the screen, in a browser, beside the bare decode and encode.

    python tests/benchmarks/painting.py [CHECKPOINT[:DATASET] …] [--strokes 40]

For each checkpoint the app is opened on the page Edit, and cells are painted one after the other. A
time begins when the pointer reaches the cell and ends when the decoded picture is ready to be drawn. The bare time is
that of decoding two pictures and encoding one, in this process. Needs Chromium at /usr/bin/chromium.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
PAUSE, PATIENCE = 200, 2000  # ms between strokes, and until one is taken for one that changed nothing


def bare(name: str, repeats: int = 20) -> float:
    """Median ms of decoding two pictures and encoding one."""
    import torch

    from explorer import checkpoints

    model = checkpoints.load(checkpoints.resolve(name)).eval()
    image = torch.rand(1, 3, model.image_size, model.image_size)
    times = []
    with torch.inference_mode():
        latents = {layer: found.repeat(2, 1, 1, 1) for layer, found in model.encode(image).items()}
        for _ in range(repeats):
            begun = time.perf_counter()
            model.decode(latents)
            model.encode(image)
            times.append(1000 * (time.perf_counter() - begun))
    return float(np.median(times))


def strokes(page, address: str, count: int) -> np.ndarray:
    """(n,) ms of strokes on the page Edit at `address`."""
    page.goto(address)
    board = page.locator("canvas[role=application]")
    board.wait_for(timeout=600_000)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    drawn = page.locator(".drawn[data-name=canvas]")
    times = []
    generator = np.random.default_rng(0)
    for stroke in range(count):
        page.locator(".palette button").nth(1 + stroke % 2).click()
        x, y = generator.random(2) * 0.9 + 0.05
        board.scroll_into_view_if_needed()
        box = board.bounding_box()  # what is drawn above it may push it down
        before = drawn.get_attribute("data-answers")
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.mouse.down()
        page.mouse.up()
        for _ in range(PATIENCE // PAUSE):
            page.wait_for_timeout(PAUSE)
            if drawn.get_attribute("data-answers") != before:
                times.append(float(drawn.get_attribute("data-latency")))
                break
    return np.array(times)


def main() -> None:
    """Prints a line for each checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="*", default=["vqvae-shapes", "vqvae2-shapes", "vae-shapes", "mae-shapes"])
    parser.add_argument("--strokes", type=int, default=40)
    asked = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cache = os.environ.get("EXPLORER_CACHE") or tempfile.mkdtemp()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "EXPLORER_CACHE": cache}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.2)
        with sync_playwright() as tools:
            browser = tools.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            for one in asked.checkpoints:
                name, _, dataset = one.partition(":")
                query = f"checkpoint={name}&palette=near" + (f"&dataset={dataset}" if dataset else "")
                times, alone = strokes(page, f"http://127.0.0.1:{port}/edit?{query}", asked.strokes), bare(name)
                low, middle, high = np.quantile(times, [0.05, 0.5, 0.95])
                print(
                    f"{name}: {middle:.0f} ms from stroke to picture (5–95 %: {low:.0f} to {high:.0f}, "
                    f"n = {len(times)}); decode and encode alone {alone:.1f} ms; ratio {middle / alone:.1f}"
                )
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
