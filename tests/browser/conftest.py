"""The app in a real browser: a server on a free port with a cache of its own, and Chromium."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.serving import ROOT, app, free_port, running


@contextmanager
def serving(script: Path, folder: Path, **environment: str) -> Iterator[str]:
    """Runs `streamlit run script` on a free port until the end of the block; yields its address."""
    with app(script, folder, **environment) as (port, _):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def serving_demo(folder: Path) -> Iterator[str]:
    """Runs `python app.py` on a free port until the end of the block; its files go to `folder`. Yields its address."""
    port = free_port()
    places = {
        "PYTHONPATH": str(ROOT),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "EXPLORER_CHECKPOINTS": str(folder / "checkpoints"),
        "TMPDIR": str(folder),
    }
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, str(ROOT / "app.py")]
    with running(command, folder / "server.log", f"{address}/config", os.environ | places):
        yield address


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
