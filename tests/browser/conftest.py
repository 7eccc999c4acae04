"""The app in a real browser: a server on a free port with a cache of its own, and Chromium."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(script: Path, folder: Path, **environment: str) -> Iterator[str]:
    """Runs `streamlit run script` on a free port until the end of the block; yields its address."""
    port = free_port()
    options = ["--server.headless=true", f"--server.port={port}"]
    command = [sys.executable, "-m", "streamlit", "run", str(script), *options]
    with running(command, folder, f"http://127.0.0.1:{port}", "/_stcore/health", environment) as address:
        yield address


@contextmanager
def serving_demo(folder: Path) -> Iterator[str]:
    """Runs `python app.py` on a free port until the end of the block; its files go to `folder`. Yields its address."""
    port = free_port()
    places = {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "EXPLORER_CHECKPOINTS": str(folder / "checkpoints"),
        "TMPDIR": str(folder),
    }
    command = [sys.executable, str(ROOT / "app.py")]
    with running(command, folder, f"http://127.0.0.1:{port}", "/config", places) as address:
        yield address


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command: list[str], folder: Path, address: str, ready: str, environment: dict[str, str]) -> Iterator[str]:
    """Runs a server until the end of the block; yields its address as soon as it answers under the path `ready`."""
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        )
    try:
        _wait_for(address + ready, server)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_for(url: str, server: subprocess.Popen) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not answer within 120 s")


@pytest.fixture(scope="session")
def serve() -> Callable:
    """`serving` as a fixture: for tests that need a server of their own."""
    return serving


@pytest.fixture(scope="session")
def workspace(tmp_path_factory) -> Path:
    """Folder with the `cache` and the `checkpoints` of the server of `app_url`."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "checkpoints").mkdir()
    return folder


@pytest.fixture(scope="session")
def app_url(workspace) -> Iterator[str]:
    """Address of the app; shipped checkpoints are there, new ones and the cache go to `workspace`."""
    places = {"EXPLORER_CACHE": str(workspace / "cache"), "EXPLORER_CHECKPOINTS": str(workspace / "checkpoints")}
    with serving(ROOT / "app.py", workspace, **places) as address:
        yield address


@pytest.fixture(scope="session")
def demo_url(tmp_path_factory) -> Iterator[str]:
    """Address of the demo for visitors, with the shipped checkpoints."""
    pytest.importorskip("gradio", reason="gradio is not installed")
    with serving_demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


@pytest.fixture
def page(browser):
    """A fresh tab; `page.errors` collects what its scripts threw."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(120_000)  # a busy machine is no failure
    tab = context.new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    yield tab
    context.close()


@pytest.fixture
def settle() -> Callable:
    """`settle(page)` waits until Streamlit has finished its run and nothing more is on its way."""

    def wait(page, timeout: float = 120_000) -> None:
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=timeout)
        page.wait_for_timeout(150)  # a click needs a moment to become a run
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=timeout)

    return wait


@pytest.fixture
def address() -> Callable:
    """`address(page, "/code_maps", layer="top")` waits until the address says so; returns all that it carries.

    On the way to another page the browser has other addresses first. Values are texts, or patterns that begin them.
    """

    def wait(page, path: str = "", **names: str | re.Pattern) -> dict[str, str]:
        def says(url: str) -> bool:
            there = carried(url)
            return urlsplit(url).path.endswith(path) and all(
                name in there and (there[name] == value if isinstance(value, str) else value.match(there[name]))
                for name, value in names.items()
            )

        page.wait_for_url(says)
        return carried(page.url)

    return wait


def carried(url: str) -> dict[str, str]:
    """What an address carries, by name."""
    return dict(parse_qsl(urlsplit(url).query))
