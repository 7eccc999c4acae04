"""Relations in a browser: users are simulated, judged, looked at one by one, and deleted; on a phone by touch."""

from __future__ import annotations

import pytest

ADDRESS = "relations?checkpoint=vqvae-digits&dataset=digits&crowd_users=60&crowd_each=6"


def simulated(page, app_url, settle) -> None:
    page.goto(f"{app_url}/{ADDRESS}")
    page.set_default_timeout(60_000)
    page.get_by_role("button", name="Simulate users").click()
    page.locator(".person .hit").first.wait_for()
    settle(page)


def deleted(page, settle) -> None:
    page.get_by_role("button", name="Delete these users for good").click()
    page.get_by_role("button", name="Yes", exact=True).click()
    page.get_by_text("what each may want next").first.wait_for()
    settle(page)
    assert page.locator(".person").count() == 0


def near(page):
    return page.locator(".person .grid.large .hit")


def test_simulated_users_are_judged_looked_at_and_deleted(page, app_url, settle):
    simulated(page, app_url, settle)
    assert page.get_by_text("these users are made up").count() == 1
    page.get_by_text("of users among the first 10").first.wait_for()  # it is judged unasked, beside the page
    page.locator(".js-plotly-plot").first.wait_for()
    settle(page)
    one = near(page).nth(2)
    one.scroll_into_view_if_needed()
    row = one.get_attribute("data-row")
    one.hover()
    page.locator(".person .side b", has_text=f"Image {int(row):,}").wait_for()
    assert page.locator(".person .side").get_by_text("because of these codes").count() == 1
    assert page.locator(".person .side .code").count() >= 1
    one.click()
    page.wait_for_function(f"location.search.includes('product={row}')")
    page.get_by_text(f"Image {int(row):,}", exact=True).last.wait_for()
    first = page.get_by_role("heading", name="User simulated-").first.inner_text()
    page.get_by_label("User", exact=True).fill("7")
    page.get_by_label("User", exact=True).press("Enter")
    page.wait_for_function("location.search.includes('person=7')")
    page.wait_for_function(f"!document.body.innerText.includes({first!r})")
    assert "simulated-" not in page.url, "nobody is named in an address"
    deleted(page, settle)
    assert page.errors == []


@pytest.fixture
def phone(browser):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(30_000)
    tab = context.new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    yield tab
    context.close()


def test_on_a_phone_a_tap_says_why_and_a_second_one_leads_there(phone, app_url, settle):
    simulated(phone, app_url, settle)
    one = near(phone).nth(1)
    one.scroll_into_view_if_needed()
    phone.wait_for_timeout(500)
    row = one.get_attribute("data-row")

    def tap() -> None:
        box = one.bounding_box()
        phone.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["width"] / 2)

    tap()
    phone.locator(f'[data-at="{row}"]').wait_for()
    assert "product=" not in phone.url, "the first tap only says why"
    tap()
    phone.wait_for_function(f"location.search.includes('product={row}')")
    wide = phone.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, "nothing is wider than the screen"
    deleted(phone, settle)
    assert phone.errors == []
