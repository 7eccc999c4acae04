"""What only a browser shows of the frame: addresses, titles, names of buttons, and that no number outlives its name."""

from __future__ import annotations

from itertools import pairwise


def opened(page, settle, address: str) -> None:
    page.goto(address)
    settle(page)


def test_every_page_has_its_title_and_the_first_its_name_as_an_address(page, app_url, settle):
    opened(page, settle, f"{app_url}/reconstructions?checkpoint=vqvae2-shapes&seed=3")
    assert page.title() == "Reconstructions · vqvae2-shapes – Codebook Explorer"
    assert page.get_by_text("Page not found").count() == 0 and "seed=3" in page.url
    page.get_by_test_id("stMetric").filter(has_text="Mean PSNR").wait_for()
    opened(page, settle, f"{app_url}/codebook?checkpoint=vqvae-digits")
    assert page.title() == "Codebook · vqvae-digits – Codebook Explorer"
    assert page.errors == []


def test_old_numbers_are_gone_as_soon_as_the_page_has_the_new_name(page, app_url, settle):
    opened(page, settle, f"{app_url}/?checkpoint=vqvae-shapes")
    page.get_by_test_id("stMetric").filter(has_text="29.71 dB").wait_for()
    page.get_by_role("combobox", name="Checkpoint").click()
    page.get_by_role("option", name="vqvae2-shapes", exact=True).click()
    told = page.wait_for_function(
        "() => { const text = document.querySelector('[data-testid=stMain]').innerText;"
        " return text.includes('vqvae2-shapes on shapes') && text }"
    )
    assert "29.71 dB" not in told.json_value()
    page.get_by_test_id("stMetric").filter(has_text="28.86 dB").wait_for()


def test_a_code_stays_from_page_to_page_and_from_image_to_image(page, app_url, settle):
    opened(page, settle, f"{app_url}/code_maps?checkpoint=vqvae-shapes&image=30&code=120")
    for name in ("Next image", "Previous image", "Random image"):
        page.get_by_role("button", name=name, exact=True).click()
        settle(page)
    for name in ("Codebook", "Code maps", "Codebook"):
        page.get_by_role("link", name=name, exact=True).first.click()
        page.get_by_role("heading", name=name, exact=True, level=1).wait_for()
        settle(page)
        assert page.get_by_role("combobox", name="Code", exact=True).input_value() == "120"
        assert "code=120" in page.url
    assert page.get_by_role("alert").count() == 0 and page.errors == []


def test_the_name_of_the_project_needs_no_font(page, app_url, settle):
    opened(page, settle, app_url)
    logo = page.get_by_test_id("stSidebarLogo")
    assert logo.evaluate("image => image.complete && image.naturalWidth > 0")
    drawn = logo.evaluate("image => fetch(image.src).then(answer => answer.text())")
    assert "<text" not in drawn and "<path" in drawn


def test_headings_do_not_jump(page, app_url, settle):
    opened(page, settle, f"{app_url}/code_maps?checkpoint=vqvae-shapes&image=30")
    page.get_by_role("heading", name="Neighbours in the codebook").wait_for()
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(one => Number(one.tagName[1]))"
    )
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))
