"""The page Prior in a real browser: samples appear, one is completed, cells are painted by mouse, keys and touch."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.pages.conftest import SETTINGS, spread_codes
from tests.priors.folders import keep


@pytest.fixture(scope="module")
def photos(app_url, workspace):
    """Twelve photographs of coloured patches, a random VQ-VAE of them with 4 × 4 codes, and an untrained prior."""
    import torch
    from PIL import Image

    from explorer import checkpoints, datasets
    from explorer.models import build

    folder, path = workspace / "prior-photos", workspace / "checkpoints" / "tiny-drawn"
    pixels = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    for split in ("train", "test"):
        for number, picture in enumerate(pixels):
            place = folder / split / ("red" if number % 2 else "green")
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(place / f"{number:02d}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(workspace / "cache"))
        patch.setenv("EXPLORER_CHECKPOINTS", str(workspace / "checkpoints"))
        torch.manual_seed(0)
        network = build("vqvae", SETTINGS["vqvae"] | {"downsample": 4}, 16).eval()
        spread_codes(network, datasets.load(str(folder), "train", 16).read(slice(None)))
        path.mkdir(parents=True)
        checkpoints.save(path, network, family="vqvae", dataset=str(folder), training={}, metrics={}, card="# tiny")
        keep(workspace / "checkpoints" / "tiny-drawn-prior", path, str(folder), "class")
    return folder


@pytest.fixture
def opened(app_url, photos, settle):
    """`opened(page, part="complete")` goes to a part of the page Prior and waits until all is drawn."""

    def go(page, **asked):
        names = "".join(f"&{name}={value}" for name, value in asked.items())
        page.goto(f"{app_url}/prior?checkpoint=tiny-drawn&dataset={photos}{names}")
        settle(page)
        page.locator('.drawn[data-done="true"]').wait_for()
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


def cell(page, row: int, column: int) -> tuple[float, float]:
    """The middle of a cell of the board, of 4 × 4."""
    board = page.locator(".completing .board")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / 4, box["y"] + (row + 0.5) * box["height"] / 4


def missing(page, count: int) -> None:
    page.locator(f'.drawn[data-missing="{count}"][data-done="true"]').wait_for()


def test_samples_appear_others_are_drawn_and_one_is_completed(opened, page, settle):
    opened(page, samples=8)
    page.get_by_text(re.compile(r"8 samples, drawn in \d")).wait_for()
    page.get_by_text(re.compile(r"\d of 8 samples lie where nine tenths of held-out images do")).wait_for()
    assert page.locator(".sampling .group h4").all_text_contents() == ["green", "red"]
    before = page.locator(".sampling .frame i").first.evaluate("one => one.style.backgroundImage")
    page.get_by_role("button", name="Draw others").click()
    page.wait_for_url("**seed=1**")
    settle(page)
    page.wait_for_function(
        "before => document.querySelector('.drawn[data-done=true]')?.querySelector('.frame i').style.backgroundImage"
        " !== before", arg=before,
    )  # fmt: skip
    with page.expect_download() as kept:
        page.get_by_role("button", name="Codes", exact=True).click()
    assert kept.value.suggested_filename.endswith("seed-1.npz")
    page.get_by_role("button", name="Sample 6, red: show its codes").click()
    page.get_by_text("Codes of code, 4 × 4").wait_for()
    page.get_by_role("button", name="Complete this one").click()
    page.wait_for_url("**part=complete**")
    settle(page)
    page.get_by_text("These are the codes of a picture that the prior drew").wait_for()
    page.get_by_text(re.compile("4 completions of 8 cells")).wait_for()
    assert "as_class=red" in page.url and page.errors == []


def test_cells_are_taken_away_and_put_back_with_mouse_and_keys(opened, page, settle):
    opened(page, part="complete", image=3)
    missing(page, 8)
    page.get_by_role("button", name="All back").click()
    page.get_by_text("Nothing is missing").wait_for()
    page.mouse.move(*cell(page, 1, 0))
    page.mouse.down()
    page.mouse.move(*cell(page, 1, 3), steps=2)  # faster than the cells are wide
    page.mouse.up()
    missing(page, 4)
    page.get_by_text(re.compile(r"one of 32 drafts, of which \d+\.\d or more counted")).wait_for()
    page.wait_for_url("**missing=0f00**")
    page.get_by_role("button", name="Rectangle").click()
    page.mouse.move(*cell(page, 2, 1))
    page.mouse.down()
    page.mouse.move(*cell(page, 3, 2), steps=3)
    page.mouse.up()
    missing(page, 8)
    page.get_by_role("button", name="Put back").click()
    page.mouse.click(*cell(page, 1, 1))
    missing(page, 7)
    for key in ("ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    page.get_by_text("Row 1, column 1: missing").wait_for()
    missing(page, 8)
    page.wait_for_url("**missing=0f66**")
    page.reload()
    settle(page)
    missing(page, 8)
    page.get_by_role("button", name="Go on from this").first.click()
    page.wait_for_url("**base=code*")
    settle(page)
    page.get_by_text("These are the codes of a picture that the prior drew").wait_for()
    assert page.errors == []


def test_on_a_phone_a_tap_takes_a_cell_away_and_nothing_is_wider_than_the_screen(opened, phone, settle):
    opened(phone, part="complete", image=3)
    phone.get_by_role("button", name="All back").tap()
    phone.get_by_text("Nothing is missing").wait_for()
    phone.touchscreen.tap(*cell(phone, 3, 2))
    missing(phone, 1)
    phone.get_by_text(re.compile("4 completions of 1 cell,")).wait_for()
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 390
    phone.get_by_text("Samples", exact=True).first.tap()
    phone.locator(".sampling").wait_for()
    settle(phone)
    phone.get_by_text(re.compile("samples, drawn in")).wait_for()
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 390 and phone.errors == []
