"""Groups of codes in a real browser: found unasked, chosen by mouse, key and finger, named, and used."""

from __future__ import annotations

import re

import pytest

ADDRESS = "groups?checkpoint=vqvae-digits&dataset=digits&count=8"


@pytest.fixture
def groups(page, app_url, settle):
    page.goto(f"{app_url}/{ADDRESS}")
    row(page, 0).wait_for()  # the first visit makes them beside the page
    settle(page)
    return page


def row(page, group: int):
    return page.get_by_role("button", name=re.compile(rf"^Group {group}, \d+ codes?,"))


def chosen(page, group: int, settle) -> None:
    page.get_by_role("heading", name=f"Group {group}", exact=True).wait_for()
    settle(page)
    assert f"group={group}" in page.url and row(page, group).get_attribute("aria-pressed") == "true"
    assert page.errors == []


def test_a_click_or_a_key_opens_a_group_and_a_branch_lights_what_is_below_it(groups, settle):
    row(groups, 2).click()
    chosen(groups, 2, settle)
    row(groups, 2).focus()
    groups.keyboard.press("ArrowDown")
    groups.keyboard.press("Enter")
    chosen(groups, 3, settle)
    assert groups.locator(".grouptree svg path.hit").count() == 7
    groups.locator(".grouptree svg path.hit").last.dispatch_event("pointerenter")
    assert groups.locator(".grouptree button.on").count() == 8, "the root joins all"


def test_a_group_is_named_and_the_groups_take_the_place_of_codes(groups, settle):
    row(groups, 1).click()
    chosen(groups, 1, settle)
    groups.get_by_test_id("stPopover").get_by_role("button").click()
    groups.get_by_role("textbox", name="Name of group 1").fill("round strokes")
    groups.keyboard.press("Enter")
    groups.get_by_role("button", name=re.compile("^round strokes, ")).wait_for()
    settle(groups)
    groups.keyboard.press("Escape")
    groups.get_by_role("button", name="Use these groups in place of codes").click()
    groups.wait_for_url("**/code_maps?**")
    settle(groups)
    groups.get_by_text("8 codes").first.wait_for()
    assert groups.errors == []


def test_by_finger_on_a_phone(browser, app_url, settle):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(f"{app_url}/{ADDRESS}")
    last = page.locator(".grouptree button").nth(4)
    last.wait_for()
    settle(page)
    last.scroll_into_view_if_needed()
    box = last.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390, "nothing is clipped"
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_role("heading", name="Group 4", exact=True).wait_for()
    settle(page)
    assert "group=4" in page.url and page.errors == []
    context.close()
