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

from explorer.checkpoints import SHIPPED_ORDER
from explorer.views import VIEWS

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

ROOT = Path(__file__).resolve().parents[2]
SIZES = {
    "desktop": {"viewport": {"width": 1400, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
TABS = (*(view.title for view in VIEWS.values() if not view.private), "About")
FIRST, LAYERED, MASKED = "vqvae-photos", "vqvae2-photos", "mae-shapes"
SHAPES, DIGITS, FLOWER = "vqvae-shapes", "vqvae-digits", "Thumbnail 8 of 8"
RESULTS = "#view-reconstructions .cx-strip img"  # original, reconstruction, error
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
        expect(page.locator(RESULTS)).to_have_count(3)
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


def brightness(page) -> list[float]:
    """How light the titles of the axes of all charts are, from 0 to 255."""
    titles = page.locator(".js-plotly-plot:visible :is(.xtitle, .ytitle)")
    expect(titles.first).to_be_visible()
    fills = [title.evaluate("element => getComputedStyle(element).fill") for title in titles.all()]
    return [float(np.mean([int(value) for value in re.findall(r"\d+", fill)[:3]])) for fill in fills]


def fits(page) -> bool:
    """Does nothing scroll sideways?"""
    return page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth + 1")


# ------------------------------------------------------------------------------------------------------- the tabs


def test_first_screen(page):
    """A photograph, its reconstruction and error with scores, without a click and without a warning."""
    expect(page.get_by_role("combobox", name="Checkpoint", exact=True)).to_have_value(FIRST)
    pictures = page.locator(RESULTS)
    original, decoded, error = (image(page, pictures.nth(at)) for at in range(3))
    assert original.shape == decoded.shape == error.shape == (128, 128, 3)
    assert 0 < np.abs(original / 255 - decoded / 255).mean() < 0.1
    expect(page.locator("#picture .image-frame img")).to_have_attribute("src", re.compile("china"))
    expect(page.locator(".cx-warning")).to_have_count(0)
    expect(page.locator(".cx-strip > figcaption b")).to_have_text(re.compile(r"^\d\d\.\d dB · SSIM 0\.\d{3}$"))
    expect(card(page, "Mean PSNR").locator("b")).to_have_text(re.compile(r"^\d\d\.\d+ dB$"))
    expect(page.locator("#examples img")).to_have_count(8)
    expect(page.get_by_role("tab")).to_have_text(TABS)
    assert fits(page)
    if page.touch:
        top = page.get_by_role("tab").first.bounding_box()["y"]
        assert top < 844 / 2, "the tabs begin in the upper half of a phone"


def test_code_map(page):
    """A click on a cell tells its code and carries it to the codebook."""
    open_tab(page, "Code maps")
    view = page.locator("#view-code_maps")
    code = view.locator("[data-choice=code]")
    cells = view.locator("[data-name=map] .code-map button")
    expect(cells).to_have_count(256)
    before = code.input_value()
    wanted = re.search(r"code (\d+)$", cells.nth(10).get_attribute("aria-label"))[1]
    assert wanted != before
    press(page, cells.nth(10))
    expect(code).to_have_value(wanted)
    expect(view.get_by_role("heading", name=re.compile(f"^Code {int(wanted):,} "))).to_be_visible()
    expect(cells.nth(10)).to_have_attribute("aria-pressed", "true")

    press(page, view.get_by_role("button", name=re.compile("^All codes")))
    expect(page.get_by_role("tab", selected=True)).to_have_text(["Codebook"])
    expect(page.locator("#view-codebook [data-choice=code]")).to_have_value(wanted)
    assert fits(page)


def test_codebook(page):
    """How much of the codebook is used, in numbers, charts and a table; a click on a chart selects a code."""
    open_tab(page, "Codebook")
    expect(card(page, "Used codes").locator("b")).to_have_text(re.compile(r"^[\d,]+ of 1,024$"))
    assert 0 < number(page, "Used codes") == 1024 - number(page, "Dead codes")
    assert 1 < number(page, "Perplexity") < number(page, "Used codes")
    assert number(page, "Tokens counted") == 128_000
    expect(page.get_by_text(re.compile(r"^Your picture uses \d+ of these codes"))).to_be_visible()
    charts = page.locator(".js-plotly-plot:visible")
    expect(charts).to_have_count(4)
    expect(charts.nth(0).locator(".bars .point").first).to_be_visible()
    assert charts.nth(0).locator(".bars .point").count() >= number(page, "Used codes")
    assert max(brightness(page)) < 95

    view = page.locator("#view-codebook")
    code = view.locator("[data-choice=code]")
    before = code.input_value()
    field = view.locator("[data-name=concepts] .nsewdrag").first
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    press(page, field, position={"x": box["width"] * 0.71, "y": box["height"] / 2})
    expect(code).not_to_have_value(before)
    chosen = code.input_value()
    press(page, view.get_by_text("Logarithmic", exact=True))
    expect(view.locator("[data-choice=axis] input[value=log]")).to_be_checked()
    expect(code).to_have_value(chosen)  # a choice leaves the others as they are
    expect(charts).to_have_count(4)
    assert fits(page)


def test_latent_map(page):
    """The picture among the others, and the nearest ones; one of them is marked, and becomes the picture by a link."""
    press(page, page.get_by_role("button", name="Thumbnail 3 of 8"))  # one of the images
    expect(page.locator("#picture .image-frame img")).to_have_attribute("src", re.compile("shapes"))
    open_tab(page, "Latent map")
    view = page.locator("#view-latent_map")
    expect(view.locator(".annotation-text")).to_have_text(["your picture"])
    assert number(page, "Points") == 500
    near = view.locator("[data-name=nearest] figure")
    expect(near).to_have_count(12)
    expect(near.first).to_contain_text("yours")
    wanted = near.nth(3).locator("img").get_attribute("alt").split()[1]
    pixels = image(page, near.nth(3).locator("img"))
    press(page, near.nth(3).locator("button"))
    expect(view.get_by_text(re.compile(rf"^Image {int(wanted):,} · "))).to_be_visible()
    press(page, view.get_by_role("button", name=re.compile("^Reconstructions")))
    expect(page.get_by_role("tab", selected=True)).to_have_text(["Reconstructions"])
    picture = page.locator("#picture .image-frame img")
    expect(picture).to_have_attribute("src", re.compile(rf"{wanted}\.png$"))
    assert np.array_equal(image(page, picture), pixels)
    assert fits(page)


def test_layers(page):
    """A checkpoint of one layer says so and leads to one of several, which takes the visitor's picture apart."""
    open_tab(page, "Layers")
    view = page.locator("#view-layers")
    expect(view.get_by_text("there is nothing to take apart")).to_be_visible()
    press(page, view.get_by_role("button", name=re.compile(f"^{LAYERED}: 2 layers")))
    expect(page.get_by_role("combobox", name="Checkpoint", exact=True)).to_have_value(LAYERED)
    yours = view.locator(".cx-boxed > :first-child", has_text="Your picture").locator("img")
    expect(yours).to_have_count(3)  # the original, from the first layer, from both
    assert image(page, yours.first).shape == (128, 128, 3)
    coarse, fine = (np.abs(image(page, yours.nth(at)) / 255 - image(page, yours.first) / 255).mean() for at in (1, 2))
    assert fine < coarse
    expect(view.locator(".js-plotly-plot")).to_have_count(1)
    assert fits(page)


def test_rate_distortion(page):
    """Quality against bits, beside other checkpoints and codecs; a choice changes the score of the chart."""
    open_tab(page, "Rate–distortion")
    view = page.locator("#view-rate_distortion")
    expect(card(page, "PSNR at these bits").locator("b")).to_have_text(re.compile(r"^\d\d\.\d\d dB$"))
    expect(view.locator(".ytitle")).to_have_text("mean PSNR (dB)")
    press(page, view.get_by_text("SSIM", exact=True).first)
    expect(view.locator(".ytitle")).to_have_text("mean SSIM")
    assert fits(page)


def test_about(page):
    """What the numbers mean, and every checkpoint that ships."""
    open_tab(page, "About")
    expect(page.get_by_role("heading", name="What the numbers mean")).to_be_visible()
    shipped = sorted(SHIPPED_ORDER)
    assert len(shipped) >= 4
    listed = page.locator(".cx-about tbody tr td:first-child")
    expect(listed).to_have_count(len(shipped))
    assert sorted(listed.all_inner_texts()) == shipped
    assert fits(page)


# --------------------------------------------------------------------------------------------- what a visitor does


def test_patches_hidden_by_hand(visit):
    """A masked autoencoder fills in what is hidden: at random as the slider says, and where a visitor presses."""
    page = visit("phone")
    view = page.locator("#view-reconstructions")
    expect(view.get_by_text("Hidden patches", exact=True)).to_have_count(0)
    choose(page, MASKED)
    expect(view.get_by_role("slider", name="Hidden (%)")).to_have_value("75")
    expect(page.locator(RESULTS)).to_have_count(4)
    press(page, view.get_by_text("By hand", exact=True))
    patches = view.locator(".patches button")
    expect(patches).to_have_count(64)
    for number, patch in enumerate((9, 10), 1):
        press(page, patches.nth(patch))
        expect(patches.nth(patch)).to_have_attribute("aria-pressed", "true")
        expect(view.get_by_text(re.compile(rf"\b{number} patch(es)? of 64 hidden"))).to_be_visible()
    seen = image(page, page.locator(RESULTS).nth(1))
    assert (seen[8:16, 8:24] == 128).all() and not (seen[16:24, 8:24] == 128).all()
    assert fits(page)


def test_masks_of_a_visitors_picture_are_painted_and_searched_in_parts(visit):
    """A press hides a patch, the picture follows, and a search goes on, stops, and goes on again."""
    page = visit("phone")
    choose(page, MASKED)
    open_tab(page, "Masks")
    view = page.locator("#view-masks")
    expect(view.locator(".cx-card b").first).to_have_text("48 of 64")
    before = view.locator(".maskboard img").get_attribute("src")
    hidden = view.locator(".patches button[aria-pressed=true]")
    press(page, hidden.nth(7))
    expect(view.locator(".maskboard figcaption")).to_contain_text("47 of 64")
    expect(view.locator(".cx-card b").first).to_have_text("47 of 64")
    expect(hidden).to_have_count(47)
    assert view.locator(".maskboard img").get_attribute("src") != before
    search = view.locator(".searching button")
    press(page, search)
    expect(view.locator(".searching p")).to_have_text(re.compile(r"\d+ of 4,664 masks"))
    expect(view.locator(".searching progress")).not_to_have_js_property("value", 0)
    press(page, search)
    expect(search).to_have_text("Go on")
    assert fits(page)


def test_example_unlike_the_training_images(page):
    """The photograph of a flower becomes the picture, with a warning that it is unlike the training images."""
    choose(page, SHAPES)
    original = page.locator(RESULTS).first
    before = original.get_attribute("src")
    press(page, page.get_by_role("button", name=FLOWER))
    expect(page.locator(".cx-warning:visible")).to_contain_text(f"the images that {SHAPES} was trained on")
    expect(original).not_to_have_attribute("src", before)
    expect(page.locator("#picture .image-frame img")).to_have_attribute("src", re.compile("flower"))


@pytest.mark.parametrize("kind", ["pdf", "50 megapixels"])
def test_wrong_pictures(visit, kind):
    """A picture taken away takes its results with it; wrong input gets one sentence, and the next picture works."""
    page = visit()
    results, box = page.locator("#view-code_maps .code-map button"), page.locator("#picture .image-frame img")
    open_tab(page, "Code maps")
    expect(results).to_have_count(256)
    press(page, page.get_by_role("button", name="Remove Image"))
    expect(box).to_have_count(0)
    expect(results).to_have_count(0)
    expect(page.locator("#view-code_maps")).to_have_text("Drop a picture, or choose one of the examples.")
    if kind == "pdf":
        send(page, "x.png", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n")
        sentence = "'x.png' is not an image that can be read (JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, HEIC)."
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
    expect(results).to_have_count(256)
    assert np.array_equal(
        image(page, page.locator("#view-code_maps .cx-figures img").first), np.full((128, 128, 3), pixels[0, 0])
    )


def test_two_visitors(visit):
    """What one visitor chooses, the other does not see."""
    one, other = visit("phone"), visit("phone")
    results = "#view-reconstructions .cx-strip"
    before = other.locator(results).inner_html()
    choose(one, DIGITS)
    press(one, one.get_by_role("button", name=FLOWER))
    expect(one.locator(".cx-warning:visible").first).to_contain_text(DIGITS)
    assert one.locator(results).inner_html() != before

    open_tab(other, "Code maps")
    expect(card(other, "Rank").locator("small")).to_have_text("of 1,024 codes")
    open_tab(one, "Code maps")
    expect(card(one, "Rank").locator("small")).to_have_text("of 128 codes")
    open_tab(other, "Reconstructions")
    expect(other.locator(RESULTS).first).to_be_visible()
    assert other.locator(results).inner_html() == before
    expect(other.get_by_role("combobox", name="Checkpoint", exact=True)).to_have_value(FIRST)
    expect(other.locator("#picture .image-frame img")).to_have_attribute("src", re.compile("china"))


CONTRAST = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => parts(colour).slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor, alpha = parts(colour)[3] ?? 1;
      if (alpha > 0.9) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  for (const element of document.querySelectorAll('main *')) {
    const text = [...element.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data.trim()).join('');
    if (!text || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (element.closest('svg, button.wrap, .code-map')) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${text.slice(0, 40)}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return found;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_tab(visit, theme):
    """Text has 4.5 : 1 to what is behind it, titles of axes are light on a dark page; nothing sticks out on a phone."""
    page = visit("phone", theme)
    for tab in TABS:
        open_tab(page, tab)
        expect(page.locator(".cx-sheet:visible, .cx-about:visible").first).to_be_visible()
        assert not page.evaluate(CONTRAST), tab
        assert fits(page)
        if tab == "Codebook":
            expect(page.locator(".js-plotly-plot:visible")).to_have_count(4)
            assert min(brightness(page)) > 160 if theme == "dark" else max(brightness(page)) < 95


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_stroke_changes_the_picture_and_is_taken_back(visit, size):
    page = visit(size)
    page.get_by_role("tab", name="Edit").click()
    drawn, board = (
        page.locator("#view-edit [data-name=canvas] .cv"),
        page.locator("#view-edit canvas[role=application]"),
    )
    expect(board).to_be_visible()
    root = drawn.locator("xpath=..")
    code = page.locator("#view-edit .palette button").nth(2)
    code.click()
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    point = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4
    (page.touchscreen.tap if page.touch else page.mouse.click)(*point)
    expect(root).to_have_attribute("data-text", re.compile(f"={code.get_attribute('data-code')}$"))
    painted, before = (page.locator(f"#view-edit img[alt='{one}']") for one in ("Painted", "Unpainted"))
    assert painted.get_attribute("src") != before.get_attribute("src")
    page.locator("#view-edit").get_by_role("button", name="Undo").click()
    expect(root).to_have_attribute("data-text", "")


def test_a_change_is_searched_for_and_taken_onto_the_canvas(visit):
    page = visit("phone")
    open_tab(page, "Edit")
    edit = page.locator("#view-edit")
    canvas = edit.locator("[data-name=canvas] .cv").locator("xpath=..")
    edit.get_by_text("Search now, a few seconds").click()
    rows = edit.locator(".pp li")
    expect(rows.first).to_be_visible()
    take = rows.first.locator(".take")
    take.scroll_into_view_if_needed()
    box = take.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(rows.first).to_have_attribute("data-taken", "")
    expect(canvas).to_have_attribute("data-text", re.compile(r":\d+=\d+"))
    expect(edit.locator(".pp .now")).to_have_text(re.compile(r"nearness to image .* dB"))
    assert fits(page)
    count = rows.count()
    rows.nth(1).locator(".leave").click()
    expect(rows).to_have_count(count - 1)
    expect(canvas).to_have_attribute("data-text", re.compile(r":\d+=\d+"))


# ------------------------------------------------------------------------------------------------------- steps


def test_a_tap_on_a_cell_takes_all_six_steps_there(visit):
    page = visit("phone")
    open_tab(page, "Six steps")
    grid = page.locator("#view-steps .part.z .picture")
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 14.5 / 16, box["y"] + box["height"] * 1.5 / 16)
    expect(page.get_by_role("heading", name="The cell in row 1, column 14")).to_be_visible()
    expect(page.locator("#view-steps .card1")).to_contain_text("row 1, column 14")
