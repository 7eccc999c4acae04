"""Code maps in a real browser: a click on a cell opens that cell's code, and a swapped code changes the picture."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}


@pytest.fixture(scope="module")
def codes_of(app_url, workspace):
    """A random VQ-VAE whose codes lie among its latents, and an encoding of twelve photographs; (12, 4, 4) codes."""
    import torch
    from PIL import Image

    from explorer import checkpoints, encodings
    from explorer.models import build

    photos, path = workspace / "photos", workspace / "checkpoints" / "patches"
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (12, 4, 4, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    for split in ("train", "test"):
        (photos / split).mkdir(parents=True)
        for number, picture in enumerate(pixels):
            Image.fromarray(picture).save(photos / split / f"{number:02d}.png")
    torch.manual_seed(0)
    network = build("vqvae", SETTINGS, 16).eval()
    for weights in network.parameters():
        weights.data.mul_(2)
    with torch.no_grad():
        latents = network.encode(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)["code"].flatten(0, 2)
        ranks = torch.linspace(0, len(latents) - 1, 8).long()
        network.codebooks["code"].vectors[:] = latents[latents[:, 0].argsort()][ranks]
    path.mkdir(parents=True)
    facts = {"family": "vqvae", "dataset": str(photos), "training": {}, "metrics": {}, "card": "# patches"}
    checkpoints.save(path, network, **facts)
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "EXPLORER_CACHE": str(workspace / "cache"),
        "EXPLORER_CHECKPOINTS": str(workspace / "checkpoints"),
    }
    command = [sys.executable, "-m", "explorer", "encode", str(path), "--dataset", str(photos), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(workspace / "cache"))
        import json

        return encodings.Encoding(json.loads(done.stdout)["encoding"]).codes("code")


@pytest.fixture
def maps(page, app_url, codes_of, workspace, settle):
    page.goto(f"{app_url}/code_maps?checkpoint=patches&dataset={workspace / 'photos'}&image=3")
    settle(page)
    cell(page, 0, 0).wait_for()
    return page


def cell(page, row: int, column: int):
    return page.get_by_role("group", name="Codes of layer code for image 3").get_by_role(
        "button", name=f"row {row}, column {column}, code "
    )


def focused(page) -> str | None:
    """The accessible name of what has the focus, also inside of a component."""
    return page.evaluate("""() => {
      let at = document.activeElement
      while (at.shadowRoot) at = at.shadowRoot.activeElement
      return at.ariaLabel
    }""")


def other_cell(codes) -> tuple[int, int]:
    """A cell with another code than the one in the middle, which is shown already."""
    rows, columns = np.nonzero(codes != codes[2, 2])
    return int(rows[0]), int(columns[0])


def pictures(page) -> list[bytes]:
    """What is shown before and after the change, as it came from the server."""
    shown = page.locator(".st-key-pictures-change img")
    assert shown.count() == 3
    return [page.request.get(shown.nth(index).evaluate("image => image.src")).body() for index in range(3)]


def test_pointing_tells_code_share_and_distance_and_a_click_opens_that_code(maps, codes_of, settle):
    codes = codes_of[3]
    row, column = other_cell(codes)
    cell(maps, row, column).hover()
    share = (codes_of == codes[row, column]).mean()
    tip = maps.get_by_text(f"{100 * share:.3g} % of all tokens")
    tip.wait_for()
    assert f"code {codes[row, column]}" in tip.text_content() and "distance" in tip.text_content()
    cell(maps, row, column).click()
    maps.get_by_role("heading", name=f"Code {codes[row, column]} of layer code").wait_for()
    settle(maps)
    assert f"code={codes[row, column]}" in maps.url and "layer=code" in maps.url and f"cell={row}" in maps.url
    tokens = int((codes_of == codes[row, column]).sum())
    maps.get_by_test_id("stMetric").filter(has_text="Tokens").get_by_text(f"{tokens:,}", exact=True).first.wait_for()
    having = int((codes_of == codes[row, column]).any((1, 2)).sum())
    maps.get_by_text(f"Images that have it: {having} of 12").wait_for()
    assert maps.errors == []


def test_what_a_click_replaces_is_grey_at_once_and_no_longer_when_it_is_there(maps, codes_of, settle):
    row, column = other_cell(codes_of[3])
    panel = maps.locator(".st-key-code-panel")
    assert panel.get_attribute("aria-busy") is None
    busy = cell(maps, row, column).evaluate(
        "cell => { cell.click(); return document.querySelector('.st-key-code-panel').getAttribute('aria-busy') }"
    )
    assert busy == "true", "before the server has heard of it"
    maps.get_by_role("heading", name=f"Code {codes_of[3][row, column]} of layer code").wait_for()
    settle(maps)
    maps.wait_for_function("() => !document.querySelector('[aria-busy]')")
    assert panel.evaluate("panel => getComputedStyle(panel).opacity") == "1"


def test_the_map_is_one_stop_of_the_tab_key_with_arrows_inside(maps, codes_of, settle):
    cell(maps, 0, 0).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowDown"):
        maps.keyboard.press(key)
    assert focused(maps) == f"row 1, column 1, code {codes_of[3][1, 1]}"
    maps.keyboard.press("Enter")
    maps.get_by_role("heading", name=f"Code {codes_of[3][1, 1]} of layer code").wait_for()
    settle(maps)
    assert focused(maps) == f"row 1, column 1, code {codes_of[3][1, 1]}", "the focus stays for the next key"
    assert cell(maps, 1, 1).get_attribute("aria-pressed") == "true"
    maps.keyboard.press("Tab")
    assert "row " not in (focused(maps) or ""), "the next stop is beyond the map"


def test_a_patch_opens_its_image_and_the_code_stays(maps, settle):
    code = re.search(r"code=(\d+)", maps.url)[1]
    patch = maps.locator(".st-key-gallery-top").get_by_role("button", name="distance").nth(1)
    image = re.search(r"image (\d+)", patch.text_content())[1]
    patch.click()
    maps.wait_for_url(f"**image={image}**")
    settle(maps)
    assert f"code={code}" in maps.url and "cell=" in maps.url
    assert maps.get_by_role("spinbutton", name="Image").input_value() == image and maps.errors == []


def test_a_code_put_into_one_cell_changes_the_picture(maps, codes_of, settle):
    maps.get_by_role("radio", name="Put it into one cell").or_(
        maps.get_by_role("button", name="Put it into one cell")
    ).first.click()
    settle(maps)
    maps.get_by_text(re.compile(r"in row \d, column \d replaced by code")).wait_for()
    before, after, difference = pictures(maps)
    assert before != after and len({before, after, difference}) == 3
    row = maps.get_by_role("spinbutton", name="Row")
    other = (int(row.input_value()) + 2) % 4
    row.fill(str(other))
    row.press("Enter")
    settle(maps)
    maps.get_by_text(f"in row {other}, column").wait_for()
    assert pictures(maps)[1] != after, "another cell, another picture"
    assert maps.errors == []
