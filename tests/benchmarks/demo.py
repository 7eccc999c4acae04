"""The demo under load, and from `python app.py` to its first answer.

    python tests/benchmarks/demo.py [--clients 20] [--requests 20] [--json]

Start: seconds from the start of the process until a reconstruction has come back over HTTP, over the time of a fresh
process that imports the two libraries that it cannot do without, torch and gradio.

Load: `clients` threads, each one visitor who sends `requests` requests one after the other over HTTP, each with a
picture of its own that nobody has sent before, to /reconstruct, /codes, /nearest and /usage in turn. Latencies are what
a visitor waits, from the request to the last byte. Clients and server share this machine. The bare computation is the
same work without a server, queue or HTTP, in one thread of one process.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from timing import machine, report

ROOT = Path(__file__).resolve().parents[2]
ENDPOINTS = ("reconstruct", "codes", "nearest", "usage")
CHECKPOINTS = ("vqvae-shapes", "vae-shapes")


def picture(number: int) -> bytes:
    """A PNG of 256 × 256 pixels that no other number gives."""
    generator = np.random.default_rng(number)
    small = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(small.repeat(32, 0).repeat(32, 1)).save(data, "PNG")
    return data.getvalue()


def ask(client: httpx.Client, address: str, endpoint: str, number: int) -> tuple[float, bool]:
    """Seconds until an endpoint has answered, and whether it did without an error."""
    inputs = {"checkpoint": CHECKPOINTS[number // len(ENDPOINTS) % len(CHECKPOINTS)]}
    if endpoint != "usage":
        url = "data:image/png;base64," + base64.b64encode(picture(number)).decode()
        inputs["image"] = {"path": url, "meta": {"_type": "gradio.FileData"}}
    started = time.perf_counter()
    posted = client.post(f"{address}/gradio_api/call/v2/{endpoint}", json=inputs)
    if posted.status_code != 200:
        return time.perf_counter() - started, False
    text = client.get(f"{address}/gradio_api/call/{endpoint}/{posted.json()['event_id']}").text
    return time.perf_counter() - started, text.startswith("event: complete")


def imports() -> float:
    """Seconds of a fresh process that imports torch and gradio."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch, gradio"], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def start(folder: str) -> tuple[subprocess.Popen, str, float]:
    """The server, its address, and the seconds until its first reconstruction."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "TMPDIR": folder, "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    with httpx.Client(timeout=60) as client:
        while True:
            if server.poll() is not None:
                raise SystemExit(f"the demo ended with {server.returncode}")
            try:
                if ask(client, address, "reconstruct", 0)[1]:
                    return server, address, time.perf_counter() - started
            except httpx.HTTPError:
                time.sleep(0.02)


def load(address: str, clients: int, requests: int) -> tuple[list[float], int, float]:
    """Latency of every request in seconds, how many failed, and the seconds of all together."""
    gate = threading.Barrier(clients)

    def visit(number: int) -> list[tuple[float, bool]]:
        with httpx.Client(timeout=120) as client:
            gate.wait()
            first = 1 + number * requests
            return [ask(client, address, ENDPOINTS[one % 4], one) for one in range(first, first + requests)]

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        found = [answer for answers in pool.map(visit, range(clients)) for answer in answers]
    return [seconds for seconds, _ in found], sum(not good for _, good in found), time.perf_counter() - started


def bare(count: int) -> float:
    """Seconds of the same work in this process: decode, network, codes or neighbours, PNG."""
    from explorer.datasets import decode_image
    from explorer.sheets.drawing import png
    from explorer.study import open_study, points
    from explorer.study.picture import Picture
    from explorer.views.codebook import measured

    studies = {name: open_study(name) for name in CHECKPOINTS}

    def once(number: int) -> None:
        study, endpoint = studies[CHECKPOINTS[number // len(ENDPOINTS) % len(CHECKPOINTS)]], ENDPOINTS[number % 4]
        layer = study.layer_names[0]
        if endpoint == "usage":
            study.remember(measured, layer)
            return
        seen = Picture(decode_image(picture(number), study.checkpoint.image_size), str(number))
        if endpoint == "codes":
            study.codes_of(seen, layer)
        elif endpoint == "nearest":
            points.near(study, points.of_images(study, layer), seen, 12)
        else:
            study.look(seen)
        png(seen.pixels)

    for number in range(8):
        once(1_000_000 + number)  # opens everything
    started = time.perf_counter()
    for number in range(1, 1 + count):
        once(number)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    here, count = machine(), arguments.clients * arguments.requests
    imports()  # files into the system's cache
    loading = imports()
    with tempfile.TemporaryDirectory() as folder:
        server, address, first = start(folder)
        try:
            load(address, 2, 8)  # opens both checkpoints
            latencies, errors, seconds = load(address, arguments.clients, arguments.requests)
        finally:
            server.terminate()
            server.wait(10)
        os.environ["EXPLORER_CACHE"] = folder
        alone = bare(count)
    p50, p95, p99 = np.quantile(latencies, [0.5, 0.95, 0.99])
    result = {
        "machine": here,
        "imports_seconds": round(loading, 2),
        "first_answer_seconds": round(first, 2),
        "start_ratio": round(first / loading, 2),
        "clients": arguments.clients,
        "requests": count,
        "errors": errors,
        "latency_seconds": {
            "p50": round(p50, 3),
            "p95": round(p95, 3),
            "p99": round(p99, 3),
            "max": round(max(latencies), 3),
        },
        "requests_per_second": round(count / seconds, 1),
        "bare_requests_per_second": round(count / alone, 1),
        "load_ratio": round(alone / seconds, 3),
    }
    lines = [
        f"import torch, gradio: {loading:.2f} s; first reconstruction {first:.2f} s after `python app.py`, "
        f"{first / loading:.2f} times that",
        f"{arguments.clients} clients × {arguments.requests} requests: {errors} errors; a visitor waits {p50:.2f} s "
        f"(median), {p95:.2f} s (95 %), {p99:.2f} s (99 %), {max(latencies):.2f} s (longest)",
        f"{count / seconds:.1f} requests a second; {count / alone:.1f} without a server, in one thread: "
        f"{alone / seconds:.2f} of that",
    ]
    report(result, lines, arguments.json)


if __name__ == "__main__":
    main()
