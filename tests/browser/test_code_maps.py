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
    page.wait_for_selector('.st-key-map-code [data-bridged="true"]', timeout=60_000)
    return page


def cell_centre(page, row: int, column: int) -> tuple[float, float]:
    chart = page.locator(".st-key-map-code")
    chart.scroll_into_view_if_needed()
    box = chart.locator(".nsewdrag").first.bounding_box()
    return box["x"] + box["width"] * (column + 0.5) / 4, box["y"] + box["height"] * (row + 0.5) / 4


def pictures(page) -> list[bytes]:
    """What is shown before and after the change, as it came from the server."""
    shown = page.locator(".st-key-change img")
    assert shown.count() == 3
    return [page.request.get(shown.nth(index).evaluate("image => image.src")).body() for index in range(3)]


def test_hover_tells_code_share_and_distance_and_a_click_opens_that_code(maps, codes_of, settle):
    codes = codes_of[3]
    rows, columns = np.nonzero(codes != codes[2, 2])  # the code in the middle is shown already
    row, column = int(rows[0]), int(columns[0])
    x, y = cell_centre(maps, row, column)
    maps.mouse.move(x - 2, y - 2)
    maps.mouse.move(x, y)
    hover = maps.locator(".st-key-map-code .hovertext")
    hover.wait_for()
    text = hover.text_content()
    share = (codes_of == codes[row, column]).mean()
    assert f"code {codes[row, column]}" in text and f"{100 * share:.3g} % of all tokens" in text and "distance" in text
    maps.mouse.click(x, y)
    maps.get_by_role("heading", name=f"Code {codes[row, column]} of layer code").wait_for()
    settle(maps)
    assert f"code={codes[row, column]}" in maps.url and "layer=code" in maps.url
    tokens = int((codes_of == codes[row, column]).sum())
    maps.get_by_test_id("stMetric").filter(has_text="Tokens").get_by_text(f"{tokens:,}", exact=True).first.wait_for()
    having = int((codes_of == codes[row, column]).any((1, 2)).sum())
    maps.get_by_text(f"Images that have it: {having} of 12").wait_for()
    assert maps.errors == []


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
