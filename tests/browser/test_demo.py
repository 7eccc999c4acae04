"""The demo for visitors in a real browser: every tab on a desktop and on a phone, wrong input, two visitors at once."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

ROOT = Path(__file__).resolve().parents[2]
SIZES = {
    "desktop": {"viewport": {"width": 1400, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
TABS = ("Reconstruct", "Code map", "Codebook", "Latent map", "About")
FIRST, MASKED, DIGITS, FLOWER = "vqvae-shapes", "mae-shapes", "vqvae-digits", "Thumbnail 8 of 8"
PATIENCE = 60_000  # milliseconds: a busy machine is no failure
expect.set_options(timeout=PATIENCE)


# ------------------------------------------------------------------------------------------------------- visitors


@pytest.fixture
def visit(browser, demo_url) -> Callable:
    """`visit(size, theme)` opens the demo as a new visitor and waits for the first result.

    At the end of the test no visitor's page may have reported an error or asked another machine for anything.
    """
    pages = []

    def opened(size: str = "desktop", theme: str = "light"):
        context = browser.new_context(**SIZES[size])
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.problems, page.touch = [], "has_touch" in SIZES[size]
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda told: page.problems.append(told.text) if told.type == "error" else None)
        page.on("request", lambda request: page.problems.extend(_elsewhere(request.url)))
        pages.append(page)
        page.goto(f"{demo_url}/?__theme={theme}")
        expect(page.locator(".cx-main img")).to_have_count(3)
        return page

    yield opened
    found = [problem for page in pages for problem in page.problems]
    for page in pages:
        page.context.close()
    assert not found


@pytest.fixture(params=SIZES)
def page(request, visit):
    """The first screen, on a desktop and on a phone."""
    return visit(request.param)


def _elsewhere(url: str) -> list[str]:
    """The address, if it is one of another machine."""
    parts = urlsplit(url)
    return [url] if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1" else []


def press(page, target, **where) -> None:
    """A click, or a tap where there is a touch screen."""
    if page.touch:
        target.tap(**where)
    else:
        target.click(**where)


def open_tab(page, name: str) -> None:
    press(page, page.get_by_role("tab", name=name, exact=True))
    expect(page.get_by_role("tab", selected=True)).to_have_text([name])
    expect(page.get_by_role("tab")).to_have_text(TABS)


def choose(page, checkpoint: str) -> None:
    press(page, page.get_by_role("combobox", name="Checkpoint", exact=True))
    press(page, page.get_by_role("option", name=checkpoint, exact=True))
    expect(page.get_by_role("combobox", name="Checkpoint", exact=True)).to_have_value(checkpoint)


def send(page, name: str, content: bytes) -> None:
    """Uploads a picture into the box, which is empty."""
    file = {"name": name, "mimeType": "image/png", "buffer": content}
    page.locator("#picture input[type=file]").set_input_files(file)


def image(page, target) -> np.ndarray:
    """What an <img> shows, (h, w, 3) uint8, in its own size."""
    source = target.get_attribute("src")
    data = base64.b64decode(source.partition(",")[2]) if source.startswith("data:") else page.request.get(source).body()
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def png(pixels: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def card(page, label: str):
    """The number that stands under a label, and its note; the label's help begins with a question mark."""
    named = page.locator(".cx-label", has_text=re.compile(rf"^{re.escape(label)}(\?|$)"))
    return page.locator(".cx-card:visible").filter(has=named)


def number(page, label: str) -> int:
    """The first whole number of a card."""
    return int(re.match(r"[\d,]+", card(page, label).locator("b").inner_text())[0].replace(",", ""))


def brightness(page, charts: int) -> list[float]:
    """How light the titles of the axes of so many charts are, from 0 to 255."""
    titles = page.locator(".js-plotly-plot:visible :is(.xtitle, .ytitle)")
    expect(titles).to_have_count(2 * charts)
    fills = [title.evaluate("element => getComputedStyle(element).fill") for title in titles.all()]
    return [float(np.mean([int(value) for value in re.findall(r"\d+", fill)[:3]])) for fill in fills]


def fits(page) -> bool:
    """Does nothing scroll sideways?"""
    return page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth + 1")


# ------------------------------------------------------------------------------------------------------- the tabs


def test_first_screen(page):
    """Original, reconstruction and error with scores, of the first checkpoint and without a click."""
    expect(page.get_by_role("combobox", name="Checkpoint", exact=True)).to_have_value(FIRST)
    pictures = page.locator(".cx-main figure")
    expect(pictures.locator("b")).to_have_text(["Your picture", "Reconstruction", "Error"])
    original, decoded, error = (image(page, pictures.locator("img").nth(at)) for at in range(3))
    assert original.shape == decoded.shape == error.shape == (64, 64, 3)
    assert 0 < np.abs(original / 255 - decoded / 255).mean() < 0.1
    assert np.array_equal(original, image(page, page.locator("#picture .image-frame img")))
    expect(card(page, "PSNR").locator("b")).to_have_text(re.compile(r"^\d\d\.\d dB$"))
    expect(card(page, "SSIM").locator("b")).to_have_text(re.compile(r"^0\.\d{3}$"))
    expect(card(page, "Held-out images").locator("small")).to_contain_text("n = 5,000")
    expect(page.locator("#examples img")).to_have_count(8)
    expect(page.get_by_role("tab")).to_have_text(TABS)
    assert fits(page)


def test_code_map(page):
    """A click on a cell tells its code and outlines it; another code put in changes the picture."""
    open_tab(page, "Code map")
    shown, title = page.locator("#code-map .image-frame img"), page.get_by_role("heading", name=re.compile(r"^Code \d"))
    expect(title).to_have_text(re.compile("row 4, column 4$"))
    expect(page.locator(".cx-figures:not(.cx-main, .cx-change) img:visible")).to_have_count(8)
    before, code, address = image(page, shown), title.inner_text().split(",")[0], shown.get_attribute("src")

    pictures = page.locator(".cx-change img")
    expect(pictures).to_have_count(3)
    middle = pictures.nth(1).get_attribute("src")
    shown.scroll_into_view_if_needed()
    box = shown.bounding_box()
    press(page, shown, position={"x": box["width"] * 2.5 / 8, "y": box["height"] * 1.5 / 8})
    expect(title).to_have_text(re.compile("row 1, column 2$"))
    expect(title).not_to_contain_text(f"{code},")
    expect(shown).not_to_have_attribute("src", address)
    after, cell = image(page, shown), len(before) // 8
    changed = (before != after).any(-1)
    assert changed[cell : 2 * cell, 2 * cell : 3 * cell].any(), "the clicked cell is not outlined"
    assert changed[4 * cell : 5 * cell, 4 * cell : 5 * cell].any(), "the cell before is still outlined"

    expect(pictures.nth(1)).not_to_have_attribute("src", middle)
    put_in = page.get_by_role("spinbutton", name="Code", exact=True)
    suggested, source = put_in.input_value(), pictures.nth(1).get_attribute("src")
    press(page, page.get_by_role("button", name="Random other code"))
    expect(pictures.nth(1)).not_to_have_attribute("src", source)
    expect(put_in).not_to_have_value(suggested)
    assert not np.array_equal(image(page, pictures.nth(0)), image(page, pictures.nth(1)))
    press(page, page.get_by_role("button", name="Nearest other code"))
    expect(put_in).to_have_value(suggested)
    expect(pictures.nth(1)).to_have_attribute("src", source)
    assert fits(page)


def test_codebook(page):
    """How much of the codebook is used, in numbers, in pictures of the most used codes and in two charts."""
    open_tab(page, "Codebook")
    expect(card(page, "Used codes").locator("b")).to_have_text(re.compile(r"^[\d,]+ of 1,024$"))
    assert 0 < number(page, "Used codes") == 1024 - number(page, "Dead codes")
    assert 1 < number(page, "Perplexity") < number(page, "Used codes")
    expect(page.get_by_text("320,000 tokens counted")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Your picture uses \d+ of these codes"))).to_be_visible()
    expect(page.locator(".cx-figures:not(.cx-main, .cx-change) img:visible")).to_have_count(24)
    charts = page.locator(".js-plotly-plot:visible")
    expect(charts).to_have_count(2)
    expect(charts.nth(0).locator(".bars .point").first).to_be_visible()
    assert charts.nth(0).locator(".bars .point").count() >= number(page, "Used codes")
    expect(charts.nth(1).locator(".scatterlayer path.js-line").first).to_be_visible()
    assert max(brightness(page, 2)) < 95
    assert fits(page)


def test_latent_map(page):
    """The picture among the others, and the nearest ones; a click goes on from one of them."""
    open_tab(page, "Latent map")
    expect(page.locator("#latent-map .annotation-text")).to_have_text(["your picture"])
    assert max(brightness(page, 1)) < 95
    assert number(page, "Images on the map") == 5000
    near = page.locator("#nearest button")
    expect(near).to_have_count(12)
    expect(near.first).to_have_text("yours")
    chosen = near.nth(3).locator("img")
    wanted, source = image(page, chosen), chosen.get_attribute("src")
    picture = page.locator("#picture .image-frame img")
    before = picture.get_attribute("src")
    assert not np.array_equal(wanted, image(page, picture))

    press(page, near.nth(3))
    expect(picture).not_to_have_attribute("src", before)
    assert np.array_equal(image(page, picture), wanted)
    expect(near.first.locator("img")).to_have_attribute("src", source)
    assert fits(page)


def test_about(page):
    """What the numbers mean, and every checkpoint that ships."""
    open_tab(page, "About")
    expect(page.get_by_role("heading", name="What the numbers mean")).to_be_visible()
    shipped = sorted(folder.parent.name for folder in ROOT.glob("checkpoints/*/config.json"))
    assert len(shipped) >= 4
    listed = page.locator(".cx-about tbody tr td:first-child")
    expect(listed).to_have_count(len(shipped))
    assert sorted(listed.all_inner_texts()) == shipped
    assert fits(page)


# --------------------------------------------------------------------------------------------- what a visitor does


def test_patches_hidden_by_hand(visit):
    """A masked autoencoder fills in what is hidden: at random as the slider says, and where a visitor paints.

    On a small screen, because without a graphics card every stroke on a large canvas takes seconds.
    """
    page = visit("phone")
    expect(page.get_by_text("Hide patches by hand")).to_be_hidden()
    choose(page, MASKED)
    expect(page.get_by_role("heading", name="Filled in, 75% of the patches hidden")).to_be_visible()
    expect(page.get_by_role("slider", name=re.compile("Hidden patches"))).to_have_value("75")
    expect(page.locator(".cx-main figure b").nth(1)).to_have_text("What the model saw")

    press(page, page.get_by_text("Hide patches by hand"))
    canvas = page.locator("canvas:visible").first
    canvas.scroll_into_view_if_needed()
    _wait_for_picture(page, canvas)
    box = canvas.bounding_box()
    across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(across - 40, down - 20)
    page.mouse.down()
    page.mouse.move(across + 40, down + 20, steps=2)
    page.mouse.up()
    press(page, page.get_by_role("button", name="Fill in what I painted over"))
    title = page.get_by_role("heading", name=re.compile("^Filled in"))
    expect(title).not_to_contain_text("75%")
    assert 0 < int(re.search(r"(\d+)%", title.inner_text())[1]) < 50
    assert fits(page)


def _wait_for_picture(page, canvas) -> None:
    """Until the picture lies on the canvas: one cannot paint on it before."""
    for _ in range(100):
        pixels = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).astype(int)
        middle = pixels[len(pixels) // 2 - 40 : len(pixels) // 2 + 40, pixels.shape[1] // 2]
        if np.ptp(middle, 0).max() > 60:
            return
    raise AssertionError("the picture does not appear on the canvas")


def test_example_unlike_the_training_images(page):
    """The photograph of a flower becomes the picture, with a warning that it is unlike the training images."""
    expect(page.locator(".cx-warning")).to_have_count(0)
    original = page.locator(".cx-main img").first
    before = original.get_attribute("src")
    press(page, page.get_by_role("button", name=FLOWER))
    expect(page.locator(".cx-warning:visible")).to_contain_text(f"unlike the images that {FIRST} was trained on")
    expect(original).not_to_have_attribute("src", before)
    expect(page.locator("#picture .image-frame img")).to_have_attribute("src", re.compile("flower"))


@pytest.mark.parametrize("kind", ["pdf", "50 megapixels"])
def test_wrong_pictures(visit, kind):
    """A picture taken away takes its results with it; wrong input gets one sentence, and the next picture works."""
    page = visit()
    results, box = page.locator(".cx-main img"), page.locator("#picture .image-frame img")
    press(page, page.get_by_role("button", name="Remove Image"))
    expect(box).to_have_count(0)
    expect(results).to_have_count(0)
    if kind == "pdf":
        send(page, "x.png", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n")
        sentence = "'x.png' is not an image that can be read (JPEG, PNG, WebP, BMP, GIF, TIFF)."
    else:
        data = io.BytesIO()
        Image.new("1", (10_000, 5_000)).save(data, "PNG")
        send(page, "huge.png", data.getvalue())
        sentence = "'huge.png' is 10,000 × 5,000; an image may have 40 million pixels; make it smaller first."
    expect(page.get_by_test_id("toast-text")).to_have_text([sentence])
    expect(box).to_have_count(0)

    pixels = np.full((80, 80, 3), (200, 30, 30), np.uint8)
    send(page, "red.png", png(pixels))
    expect(box).to_have_attribute("src", re.compile("red"))
    expect(results).to_have_count(3)
    assert np.array_equal(image(page, results.first), pixels[:64, :64])


def test_two_visitors(visit):
    """What one visitor chooses, the other does not see."""
    one, other = visit("phone"), visit("phone")
    before = other.locator(".cx-main").inner_html()
    choose(one, DIGITS)
    press(one, one.get_by_role("button", name=FLOWER))
    expect(one.locator(".cx-warning:visible")).to_contain_text(DIGITS)
    assert one.locator(".cx-main").inner_html() != before

    open_tab(other, "Code map")
    expect(card(other, "Rank").locator("small")).to_have_text("of 1,024 codes")
    open_tab(one, "Code map")
    expect(card(one, "Rank").locator("small")).to_have_text("of 128 codes")
    open_tab(other, "Reconstruct")
    expect(other.locator(".cx-main img").first).to_be_visible()
    assert other.locator(".cx-main").inner_html() == before
    expect(other.get_by_role("combobox", name="Checkpoint", exact=True)).to_have_value(FIRST)
    expect(other.locator("#picture .image-frame img")).to_have_attribute("src", re.compile("shapes"))


def test_charts_on_a_dark_page(visit):
    """Titles of axes are light where the page is dark; the tests of the tabs see that they are dark where it is not."""
    page = visit("phone", "dark")
    for tab, charts in (("Codebook", 2), ("Latent map", 1)):
        open_tab(page, tab)
        assert min(brightness(page, charts)) > 160
