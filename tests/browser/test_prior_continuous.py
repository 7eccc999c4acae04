"""The part Continuous in a real browser: samples of a VAE that ships, other noise by mouse, and by touch on a phone."""

from __future__ import annotations

import re

import pytest


@pytest.fixture
def phone(browser):
    """A tab on a telephone with a touch screen."""
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(120_000)
    yield context.new_page()
    context.close()


def pictures(page) -> list[str]:
    """What the pictures of the flow's samples are drawn from."""
    found = page.get_by_alt_text(re.compile("drawn from a flow"))
    found.first.wait_for()
    return [one.get_attribute("src") for one in found.all()]


def test_other_noise_draws_other_samples(page, app_url, settle):
    page.goto(f"{app_url}/prior?checkpoint=vae-shapes&dataset=shapes&part=continuous")
    settle(page)
    page.get_by_text("Priors of the latent").first.wait_for()
    before = pictures(page)
    assert len(before) == 8
    page.get_by_role("button", name="Noise increment").or_(page.get_by_test_id("stNumberInputStepUp")).first.click()
    page.wait_for_url(re.compile("noise=1"))
    settle(page)
    after = pictures(page)
    assert len(after) == 8 and before != after
    page.get_by_text("How they were fitted").click()
    page.get_by_text("Components of the mixture", exact=True).wait_for()


def test_on_a_phone_nothing_is_wider_than_the_screen(phone, app_url, settle):
    phone.goto(f"{app_url}/prior?checkpoint=projected-shapes&dataset=shapes&part=continuous&drawn=4")
    settle(phone)
    phone.get_by_text("What stands beside the codes").first.wait_for()
    phone.get_by_text("What it is worth in pictures").first.wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    step = phone.get_by_test_id("stNumberInputStepUp").first
    step.tap()  # where it stands once nothing above it moves any more
    phone.wait_for_url(re.compile("noise=1"))
    settle(phone)
    phone.get_by_text("left out").first.wait_for()
