import io
import os
import shutil

import pytest

ARGUMENTS = (  # of Chromium
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Every test has a cache of its own, so that none sees what another one computed."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def greys(tmp_path):
    """A folder of plain images sorted by class: in each split 600 dark ones and then 600 light ones.

    Answering every one with their mean, 127.5, gives -20 log10(87.5 / 255) = 9.29 dB.
    """
    from PIL import Image

    for name, level in (("dark", 40), ("light", 215)):
        file = io.BytesIO()
        Image.new("L", (8, 8), level).save(file, "PNG")
        for split in ("train", "test"):
            folder = tmp_path / "greys" / split / name
            folder.mkdir(parents=True)
            for number in range(600):
                (folder / f"{number:03}.png").write_bytes(file.getvalue())
    return str(tmp_path / "greys")


@pytest.fixture(scope="session")
def browser():
    """Chromium, one for all tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine; set CHROMIUM to its path")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield opened
        opened.close()
