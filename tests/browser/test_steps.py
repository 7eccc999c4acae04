"""Six steps in a real browser: a step and its part of the diagram, and cells by mouse, keys and touch."""

from __future__ import annotations

import re

import pytest

ADDRESS = "/steps?checkpoint=vqvae-shapes&dataset=shapes&image=3&cell=4,4"


@pytest.fixture
def steps(page, app_url, settle):
    page.goto(app_url + ADDRESS)
    settle(page)
    page.locator(".steps-box").wait_for()
    return page


def opacity(page, name: str) -> float:
    """How much of a part of the diagram is there, when nothing fades any more."""
    part = page.locator(f".steps-box .part.{name}")
    return float(part.evaluate("async (part) => { await Promise.all(part.getAnimations().map((one) => one.finished));"
                               " return getComputedStyle(part).opacity }"))  # fmt: skip


def press(page, name: str, row: int, column: int, *, touch: bool = False) -> None:
    """Presses a cell of an 8 × 8 grid on a picture of the diagram."""
    picture = page.locator(f".steps-box .part.{name} .picture")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    x, y = box["x"] + (column + 0.5) * box["width"] / 8, box["y"] + (row + 0.5) * box["height"] / 8
    page.touchscreen.tap(x, y) if touch else page.mouse.click(x, y)


def test_a_step_and_its_part_are_bright_together_and_another_loss_has_other_gradients(steps, settle):
    steps.locator(".card2").hover()
    assert opacity(steps, "distances") == opacity(steps, "book") == opacity(steps, "rows") == 1
    assert opacity(steps, "image") < 0.3 and opacity(steps, "q") < 0.3 and opacity(steps, "copy") < 0.3
    steps.locator(".part.codes img").hover()
    assert opacity(steps, "codes") == 1 and opacity(steps, "book") < 0.3
    assert "on" in steps.locator(".card3").get_attribute("class").split()
    steps.get_by_role("button", name="Step 6: Straight-through copy").click()
    assert opacity(steps, "copy") == 1 and opacity(steps, "distances") < 0.3
    steps.locator(".card6 select").scroll_into_view_if_needed()
    shown, card = (steps.locator(f".steps-box .{name}").bounding_box() for name in ("copy", "card6"))
    assert 0 <= shown["y"] < card["y"] + 60, "the diagram stays in sight"
    steps.mouse.move(5, 5)
    assert opacity(steps, "copy") == 1, "what was pressed stays"
    steps.keyboard.press("Escape")
    assert opacity(steps, "distances") == 1
    assert "Both are the same" in steps.locator(".card6").text_content()
    steps.locator(".card6 select").select_option("commitment")
    steps.get_by_text("The two differ").wait_for()
    settle(steps)
    assert "loss=commitment" in steps.url and steps.errors == []


def test_a_press_on_a_cell_moves_everything_there_and_arrow_keys_go_on(steps, settle):
    press(steps, "image", 1, 6)
    steps.get_by_role("heading", name="The cell in row 1, column 6").wait_for()
    settle(steps)
    assert re.search(r"cell=1(,|%2C)6", steps.url)
    assert "Row 14 is the cell in row 1, column 6" in steps.locator(".card1").text_content()
    code = re.search(r"wins: (\d+)", steps.locator(".card3").text_content())[1]
    steps.get_by_test_id("stMetric").filter(has_text="Code").get_by_text(code, exact=True).first.wait_for()
    steps.get_by_role("button", name="Row 1, column 6; arrow keys").focus()
    steps.keyboard.press("ArrowDown")
    steps.keyboard.press("ArrowLeft")
    steps.get_by_role("heading", name="The cell in row 2, column 5").wait_for()
    settle(steps)
    steps.keyboard.press("ArrowLeft")  # the focus stays
    steps.get_by_role("heading", name="The cell in row 2, column 4").wait_for()
    assert steps.errors == []


def test_on_a_phone_the_steps_stand_below_one_another_and_are_tapped(browser, app_url, settle):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(app_url + ADDRESS)
    settle(page)
    page.locator(".steps-box").wait_for()
    order = ["image", "z", "arrow1", "rows", "book", "distances", "arrow3", "codes", "values", "q", "out"]
    tops = [page.locator(f".steps-box .part.{name}").bounding_box()["y"] for name in order]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".steps-box").bounding_box()
    for card in page.locator(".steps-box .card").all():
        inside = card.bounding_box()
        assert inside["x"] >= box["x"] and inside["x"] + inside["width"] <= box["x"] + box["width"] + 1
    badge = page.get_by_role("button", name="Step 3: Argmin")
    badge.scroll_into_view_if_needed()
    badge.tap()
    assert opacity(page, "codes") == 1 and opacity(page, "rows") < 0.3
    press(page, "z", 2, 1, touch=True)
    page.get_by_role("heading", name="The cell in row 2, column 1").wait_for()
    assert "row 2, column 1" in page.locator(".card1").text_content()
    context.close()
