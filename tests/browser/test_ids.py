"""Product ids in a real browser: branches open by mouse, keyboard and finger, and a picture leads to its own id."""

from __future__ import annotations

import re


def tree(page):
    return page.locator(".pt")


def boxes(page):
    return tree(page).get_by_role("button", name=re.compile("^Open "))


def test_a_branch_opens_in_place_and_a_picture_opens_its_id(page, app_url, settle):
    page.goto(f"{app_url}/ids?checkpoint=vqvae-shapes&dataset=shapes")
    settle(page)
    boxes(page).first.wait_for()
    assert boxes(page).count() == 16
    name = boxes(page).first.get_attribute("aria-label")
    code, count = re.match(r"Open (\d+): ([\d,]+) images", name).groups()
    boxes(page).first.click()
    tree(page).get_by_text(f"{count} images,").wait_for()
    here = tree(page).locator("[aria-current]")
    assert here.text_content() == code and boxes(page).first.get_attribute("aria-label").startswith(f"Open {code}-")
    boxes(page).first.focus()
    page.keyboard.press("Enter")
    tree(page).get_by_text("at level 3 of 3").wait_for()
    picture = tree(page).get_by_role("button", name=re.compile("^Look at ")).first
    own = re.search(r"id ([\d-]+)$", picture.get_attribute("aria-label"))[1]
    picture.click()
    page.get_by_text(re.compile(rf"The id of image [\d,]+ is {own}\.")).wait_for()
    settle(page)
    assert "image=" in page.url and f"prefix={own.rsplit('-', 2)[0]}" in page.url
    assert "at level 3 of 3" in tree(page).text_content()  # still where it was
    tree(page).get_by_role("button", name="All 5,000").click()
    tree(page).get_by_text("16 branches at level 1 of 3").wait_for()
    assert boxes(page).count() == 16 and page.errors == []


def test_a_finger_opens_branches_on_a_phone_and_nothing_sticks_out(browser, app_url, settle):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{app_url}/ids?checkpoint=vqvae2-shapes&dataset=shapes")
    settle(page)
    boxes(page).first.wait_for()
    assert boxes(page).count() == 24
    tree(page).get_by_role("button", name="Show 40 more").tap()
    assert boxes(page).count() == 64
    boxes(page).nth(2).scroll_into_view_if_needed()
    box = boxes(page).nth(2).bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 20)
    tree(page).get_by_text("at level 2 of 2").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
