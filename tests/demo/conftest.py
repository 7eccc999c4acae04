"""The demo as visitors meet it: `python app.py` in a process of its own, in a home of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from tests.serving import free_port, running


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
    port = free_port()
    found = Server(f"http://127.0.0.1:{port}", folder / "home", folder / "tmp", folder / "server.log", time.time())
    found.home.mkdir()
    found.temporary.mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("EXPLORER_", "GRADIO_", "XDG_"))}
    changed = {"GRADIO_SERVER_PORT": str(port), "HOME": str(found.home), "TMPDIR": str(found.temporary)}
    with running([sys.executable, "app.py"], found.log, f"{found.address}/config", kept | changed):
        yield found
