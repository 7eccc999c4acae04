"""Surprise in a real browser: one pointer in all maps, by mouse, touch and keys, and a way to the code."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.pages.conftest import SETTINGS
from tests.priors.folders import keep


@pytest.fixture(scope="module")
def photos(app_url, workspace):
    """Twelve pictures of coloured patches, a random VQ-VAE, and a random prior of its codes."""
    import torch
    from PIL import Image

    from explorer import checkpoints
    from explorer.models import build

    folder, path = workspace / "surprising", workspace / "checkpoints" / "surprised"
    pixels = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    for split in ("train", "test"):
        for number, picture in enumerate(pixels):
            (folder / split / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / split / "ab"[number % 2] / f"{number:02d}.png")
    torch.manual_seed(0)
    path.mkdir(parents=True)
    network = build("vqvae", SETTINGS["vqvae"], 16).eval()
    checkpoints.save(path, network, family="vqvae", dataset=str(folder), training={}, metrics={}, card="# tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(workspace / "cache"))
        keep(workspace / "checkpoints" / "surprised-prior", path, str(folder), "class")
    return folder


@pytest.fixture
def opened(app_url, photos, settle):
    """`opened(page)` goes to the maps of image 3."""

    def go(page):
        page.goto(f"{app_url}/prior?checkpoint=surprised&dataset={photos}&image=3&part=surprise")
        settle(page)
        page.locator(".surprise canvas").first.wait_for()
        return page

    return go


@pytest.fixture
def phone(browser):
    """A tab on a telephone with a touch screen."""
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(120_000)
    tab = context.new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    yield tab
    context.close()


def place(page, number: int, row: int, column: int) -> tuple[float, float]:
    """Where a cell of a map of 4 × 4 stands on the screen."""
    box = page.locator(".surprise .maps canvas").nth(number).bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / 4, box["y"] + (row + 0.5) * box["height"] / 4


def told(page) -> str:
    return page.locator(".surprise .told").inner_text()


def test_one_pointer_in_all_maps_and_a_way_to_the_code(page, opened, settle):
    opened(page)
    assert page.locator(".surprise .maps figure").count() == 5, "image, codes, bits, without class, difference"
    first = told(page)
    assert re.search(r"Row \d, column \d: code \d", first), "the most surprising cell is told at once"
    page.mouse.move(*place(page, 2, 1, 2))
    assert told(page).startswith("Row 1, column 2: code") and "Without the class" in told(page)
    assert "expected: " in told(page)
    page.mouse.move(*place(page, 0, 3, 0))
    assert told(page).startswith("Row 3, column 0")
    page.mouse.move(5, 5)
    assert told(page) == first, "pointing keeps nothing"
    page.mouse.click(*place(page, 1, 0, 3))
    page.mouse.move(5, 5)
    assert told(page).startswith("Row 0, column 3")
    page.locator(".surprise .maps canvas").first.focus()
    page.keyboard.press("ArrowDown")
    assert told(page).startswith("Row 1, column 3")
    code = re.search(r"code (\d+)", told(page)).group(1)
    page.get_by_role("button", name=f"All about code {code}").click()
    page.wait_for_url(re.compile("code_maps"))
    settle(page)
    assert f"code={code}" in page.url and "image=3" in page.url and not page.errors


def test_by_touch_on_a_telephone(phone, opened):
    opened(phone)
    phone.locator(".surprise .maps canvas").nth(2).scroll_into_view_if_needed()
    phone.touchscreen.tap(*place(phone, 2, 2, 1))
    assert told(phone).startswith("Row 2, column 1")
    widths = phone.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1], "nothing is cut off"
    assert not phone.errors
