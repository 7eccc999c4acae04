"""The part Judged of the page Prior in a real browser: by mouse, and by touch on a telephone."""

from __future__ import annotations

import re

import pytest

ADDRESS = "prior?checkpoint=vqvae-digits&dataset=digits&prior=vqvae-digits-prior&part=judged"


@pytest.fixture
def phone(browser):
    """A tab on a telephone with a touch screen."""
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def test_a_verdict_and_what_it_stands_on(phone, app_url, settle):
    phone.goto(f"{app_url}/{ADDRESS}")
    settle(phone)
    phone.get_by_text("No sign of copying").wait_for()
    phone.get_by_text("Half a map repeated").wait_for()  # blocks come one after another
    phone.locator(".js-plotly-plot").nth(2).wait_for()
    wide = phone.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, f"the page is {wide} pixels wide on a telephone of 390"
    opened = phone.get_by_text("In numbers")
    opened.scroll_into_view_if_needed()
    box = opened.bounding_box()
    phone.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    settle(phone)
    phone.locator('[data-testid="stDataFrame"]').first.wait_for()


def test_other_samples_are_asked_for_and_their_work_is_offered(browser, app_url, settle):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{app_url}/{ADDRESS}")
    settle(page)
    page.get_by_role("combobox", name=re.compile("Samples at temperature")).click()
    page.get_by_role("option", name="0.5", exact=True).click()
    page.get_by_text("Judge 355 samples of vqvae-digits-prior").wait_for()
    assert page.get_by_role("button", name="Start").is_visible() and "judged_at=0.5" in page.url
    context.close()
