"""The Concepts page in a real browser: a cell of the table leads to its evidence, and a code of it to the maps."""

from __future__ import annotations

import re

import pytest


@pytest.fixture
def concepts(page, app_url, settle):
    """The page of vqvae-digits with its verdicts, made here where they are not shipped."""
    page.goto(f"{app_url}/concepts?checkpoint=vqvae-digits&dataset=digits")
    page.locator("[data-testid=stMain] .nsewdrag").first.wait_for()
    settle(page)
    return page


def test_a_cell_of_the_table_shows_its_evidence_and_a_code_of_it_opens_on_the_maps(concepts, settle):
    main = concepts.get_by_test_id("stMain")
    assert re.search(r"\d+ of \d+ concepts are captured", main.inner_text())
    plot = main.locator(".js-plotly-plot").first
    names = plot.evaluate("plot => plot.layout.yaxis.ticktext")
    row = names.index("lightness")
    box = plot.locator(".nsewdrag").bounding_box()
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] * (row + 0.5) / len(names)
    concepts.mouse.move(place[0] - 5, place[1])
    concepts.mouse.move(*place)
    concepts.mouse.click(*place)
    concepts.get_by_role("heading", name="lightness in code").wait_for()
    settle(concepts)
    words = main.inner_text()
    assert all(part in words for part in ("Beside every null", "From pixels to codes", "Each value against the rest"))
    assert re.search(r"AP 0\.\d\d \[0\.\d\d, 0\.\d\d\]; best null 0\.\d\d; n = \d+", words)  # whole, not cut
    link = concepts.get_by_role("link", name=re.compile(r"Code \d+ on the maps")).first
    code = re.search(r"Code (\d+)", link.inner_text()).group(1)
    link.click()
    concepts.get_by_role("heading", name="Code maps", exact=True).wait_for()
    settle(concepts)
    assert f"code={code}" in concepts.url and not concepts.errors
