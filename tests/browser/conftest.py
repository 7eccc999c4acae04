"""The app in a real browser: a server on a free port with a cache of its own, and Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def serving(script: Path, folder: Path, **environment: str) -> Iterator[str]:
    """Runs `streamlit run script` on a free port until the end of the block; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless=true", f"--server.port={port}"]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(address, server)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_until_healthy(address: str, server: subprocess.Popen) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"streamlit ended with {server.returncode}")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("streamlit did not answer within 120 s")


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
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine; set CHROMIUM to its path")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield opened
        opened.close()


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
