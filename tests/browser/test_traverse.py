"""Traverse in a real browser: a slider moves a unit and the picture follows, also by touch and by the keyboard."""

from __future__ import annotations

import pytest

SHARE = 0.85  # of a slider


@pytest.fixture
def traverse(app_url, settle):
    """`traverse(page, do="ways")` opens the page of the VAE that ships, and waits for its sliders."""

    def opened(page, **asked):
        query = "&".join(f"{name}={value}" for name, value in {"checkpoint": "vae-shapes", "image": 3, **asked}.items())
        page.goto(f"{app_url}/traverse?{query}")
        settle(page)
        page.locator(".walk .row").first.wait_for()
        return page

    return opened


def large(page, title: str) -> str:
    """The picture that is shown in large."""
    return (
        page.locator(".walk .views")
        .get_by_role("img", name=title, exact=True)
        .evaluate("one => one.style.backgroundImage")
    )


def answered(page, count: int = 1) -> None:
    page.locator(f'[data-answers]:not([data-answers="{count - 1}"])').first.wait_for(state="attached")


def drag(page, slider, share: float) -> None:
    """Takes hold of the handle where it is, and moves it to a share of the slider."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    value, low, high = (float(slider.evaluate(f"one => one.{name}")) for name in ("value", "min", "max"))
    place = lambda at: box["x"] + 9 + (box["width"] - 18) * at  # noqa: E731
    middle = box["y"] + box["height"] / 2
    page.mouse.move(place((value - low) / (high - low)), middle)
    page.mouse.down()
    page.mouse.move(place(share), middle, steps=6)
    page.mouse.up()


def test_a_slider_moves_a_unit_the_picture_follows_and_a_link_keeps_it(page, traverse, settle):
    traverse(page)
    before = large(page, "Moved")
    slider = page.locator(".walk .row input").nth(0)
    drag(page, slider, SHARE)
    answered(page)
    moved = large(page, "Moved")
    assert moved != before and large(page, "Decoded") != moved
    assert abs(float(slider.evaluate("one => one.value")) - (6 * SHARE - 3)) < 0.3
    said = page.locator(".walk .said")
    assert said.text_content().startswith("Moved: unit ") and "changes by" in said.text_content()
    page.wait_for_function("() => location.search.includes('moved=')")
    page.locator(".walk .row .cell").nth(7).click()  # the first picture of the second row: both together
    page.get_by_text(" by −3.0 σ").first.wait_for()
    both = large(page, "Moved")
    page.reload()
    settle(page)
    page.locator(".walk .row").first.wait_for()
    assert large(page, "Moved") == both
    page.get_by_role("button", name="Move nothing").click()
    page.get_by_text("Nothing is moved.").wait_for()
    assert page.errors == []


def test_a_way_follows_the_keyboard_and_both_pictures_move_together(page, traverse):
    traverse(page, do="ways", second=7)
    first = page.locator(".walk .row input").nth(0)
    latents, pixels = large(page, "Latents"), large(page, "Pixels")
    first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.get_by_text("53 % of the way").wait_for()
    assert large(page, "Latents") != latents and large(page, "Pixels") != pixels
    assert page.locator(".walk .row input").nth(1).evaluate("one => one.value") == "0.53"
    assert page.errors == []


def test_on_a_phone_a_tap_moves_a_unit_and_every_picture_is_in_sight(browser, traverse):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(120_000)
    phone = context.new_page()
    traverse(phone)
    cells = phone.locator(".walk .row").nth(0).locator(".cell")
    assert cells.count() == 7
    cells.nth(6).scroll_into_view_if_needed()
    boxes = [cells.nth(index).bounding_box() for index in range(7)]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["width"] > 30 for box in boxes)
    phone.touchscreen.tap(boxes[6]["x"] + boxes[6]["width"] / 2, boxes[6]["y"] + boxes[6]["height"] / 2)
    answered(phone)
    phone.get_by_text("by +3.0 σ").wait_for()
    views = phone.locator(".walk .views").bounding_box()
    assert views["y"] >= 0 and views["y"] + views["height"] <= 844, "the large picture stays in sight"
    context.close()
