"""The demo as visitors meet it: `python app.py` in a process of its own, in a home of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    address: str
    home: Path
    temporary: Path
    log: Path
    started: float


@pytest.fixture
def run_async():
    """Runs an asynchronous function in a thread of its own: the browser tests' driver keeps a loop in this one."""

    def run(function: Callable, *arguments: object) -> object:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(anyio.run, function, *arguments).result()

    return run


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Server:
    """One demo for all tests of a session."""
    folder = tmp_path_factory.mktemp("demo")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = Server(f"http://127.0.0.1:{port}", folder / "home", folder / "tmp", folder / "server.log", time.time())
    found.home.mkdir()
    found.temporary.mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("EXPLORER_", "GRADIO_", "XDG_"))}
    changed = {"GRADIO_SERVER_PORT": str(port), "HOME": str(found.home), "TMPDIR": str(found.temporary)}
    with found.log.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=kept | changed
        )
    try:
        _wait(found, process)
        yield found
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(server: Server, process: subprocess.Popen) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert process.poll() is None, server.log.read_text()
        try:
            urllib.request.urlopen(f"{server.address}/config", timeout=5).read()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("the demo did not start")
