"""Linked code maps and two maps with one selection in a real browser, by pointer, touch and keyboard.

The page is what the demo and the report are drawn from, with shipped names but tiny networks; nobody serves it.
"""

from __future__ import annotations

import re
import shutil
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from explorer.sheets import browser, html, pieces
from explorer.study import open_study
from explorer.views import beside
from tests.pages.conftest import built, studio  # noqa: F401

SIDE = 4  # cells of the finer grid along each side; the coarser one has half as many


@pytest.fixture
def studies(studio):  # noqa: F811
    """Both tiny checkpoints: codes on 4 × 4 cells, and on 2 × 2."""
    return [open_study(studio.checkpoints / name, str(studio.photos)) for name in ("tiny-vqvae", "tiny-vqvae2")]


def sheet_of(studies, region: str = "") -> str:
    study, other = studies
    options = SimpleNamespace(layer="code", layer_b="top", method="pca", colour="", region=region)
    return html.draw(beside.blocks(study, other, options, study.image(3)), html.Paper(lambda block: "", leads=True))


@pytest.fixture
def shown(browser, studies):
    """`shown(width, touch)` -> a page with the sheet; `told` on it are the clicks that it follows."""
    contexts = []

    def opened(width: int = 1100, touch: bool = False):
        context = browser.new_context(viewport={"width": width, "height": 844}, has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.set_content(
            "<!doctype html><meta charset=utf-8><style>body { margin: 16px; --cx-text: #1c2430; --cx-quiet: #66717f;"
            f"--cx-line: #dde2e9; --cx-back: #fff; --cx-panel: #f4f6f8; --cx-accent: #2a628f }}{STYLE}</style>"
            f'<div id="sheet"><div class="cx-sheet">{sheet_of(studies)}</div></div>'
        )
        page.add_script_tag(
            content=f"{SCRIPT}; window.told = []; const place = document.querySelector('#sheet');"
            "const nobody = () => Promise.reject(new Error('nobody'));"
            "sheet(place, () => false, () => new Promise(() => {}), (target) => told.push(target), nobody)();"
        )
        page.wait_for_function("() => document.querySelector('[data-name=beside-maps] .moved canvas')?.width > 100")
        return page

    yield opened
    for context in contexts:
        context.close()


STYLE, SCRIPT = browser.STYLE, browser.SCRIPT


def at(page, name: str) -> dict[str, str]:
    """What the piece says of itself."""
    return page.locator(f"[data-name={name}] [data-name={name}]").evaluate("root => ({ ...root.dataset })")


def canvas(page, name: str, side: int):
    found = page.locator(f"[data-name={name}] canvas").nth(side)
    found.scroll_into_view_if_needed()
    return found


def spot(found, x: float, y: float) -> tuple[float, float]:
    """A place of an element, in shares of its width and height, on the page."""
    box = found.bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def compared(studies):
    """The images of both maps, and their places on the canvases, whose border is 3 % wide: (2, n, 2) from 0 to 1."""
    from explorer.study import beside as pairs

    study, other = studies
    maps = (pairs.map_of(one, layer, "pca") for one, layer in ((study, "code"), (other, "top")))
    both = study.remember(pairs.beside, other, *maps)
    return both.rows, 0.03 + 0.94 * np.stack([both.places[..., 0], 1 - both.places[..., 1]], -1)


def inside(studies, side: int, box: tuple[float, float, float, float]) -> list[int]:
    """Images within left, top, right, bottom of a map, in shares of its canvas."""
    rows, places = compared(studies)
    (x, y), (left, top, right, bottom) = places[side].T, box
    return rows[(x > left) & (x < right) & (y > top) & (y < bottom)].tolist()


def lonely(studies) -> tuple[int, tuple[float, float]]:
    """The image whose point on the first map is farthest from all others, and its place."""
    rows, (places, _) = compared(studies)
    far = np.linalg.norm(places[:, None] - places, axis=-1) + 9 * np.eye(len(places))
    at = int(far.min(1).argmax())
    return int(rows[at]), tuple(places[at].tolist())


def test_pointing_at_a_cell_outlines_what_the_other_map_has_there_and_a_click_leads_to_the_code(shown, studies):
    page, codes = shown(), studies[0].codes("code")[3]
    page.mouse.move(*spot(canvas(page, "linked-codes", 0), 3.5 / SIDE, 1.5 / SIDE))
    page.wait_for_function("() => document.querySelector('.linked').parentElement.dataset.cell === '7'")
    found = at(page, "linked-codes")
    assert (found["side"], found["cell"], found["there"]) == ("A", "7", "1") and found["code"] == str(codes[1, 3])
    panel = page.locator(".linked .panel").inner_text()
    theirs = studies[1].codes("top")[3][0, 1]
    assert f"A: Code {codes[1, 3]}" in panel and f"B: Code {theirs}" in panel and "row 1, column 3" in panel
    together = (studies[0].codes("code") == codes[1, 3]) & (studies[1].codes("top") == theirs).repeat(2, 1).repeat(2, 2)
    share = together.sum() / (studies[0].codes("code") == codes[1, 3]).sum()
    assert f"on {100 * share:.{1 if share < 0.0995 else 2}g} %".replace("1e+02", "100") in panel
    page.mouse.move(*spot(canvas(page, "linked-codes", 1), 0.25, 0.75))
    page.wait_for_function("() => document.querySelector('.linked').parentElement.dataset.side === 'B'")
    assert at(page, "linked-codes")["there"] == "8,9,12,13"
    page.mouse.click(*spot(canvas(page, "linked-codes", 1), 0.25, 0.75))
    (told,) = page.evaluate("told")
    assert told["view"] == "code_maps" and told["carried"] == {
        "checkpoint": "tiny-vqvae2", "layer": "top", "image": "3", "cell": "1,0",
        "code": str(studies[1].codes("top")[3][1, 0]),
    }  # fmt: skip
    assert page.errors == []


def test_arrow_keys_move_the_cell_and_enter_leads_on(shown, studies):
    page = shown()
    canvas(page, "linked-codes", 0).focus()
    assert at(page, "linked-codes")["cell"] == "10", "the middle at first"
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert at(page, "linked-codes")["cell"] == "4" and at(page, "linked-codes")["there"] == "0"
    page.keyboard.press("Enter")
    (told,) = page.evaluate("told")
    assert told["carried"]["cell"] == "1,0" and told["carried"]["code"] == str(studies[0].codes("code")[3][1, 0])


def drag(page, found, box: tuple[float, float, float, float]) -> None:
    page.mouse.move(*spot(found, box[0], box[1]))
    page.mouse.down()
    page.mouse.move(*spot(found, (box[0] + box[2]) / 2, box[3]))
    page.mouse.move(*spot(found, box[2], box[3]))
    page.mouse.up()


@pytest.mark.parametrize("side", [0, 1])
def test_a_box_on_either_map_chooses_the_same_images_on_both(shown, studies, side):
    page = shown()
    page.get_by_role("button", name="Box").click()
    box = (0.01, 0.01, 0.6, 0.7)
    drag(page, canvas(page, "beside-maps", side), box)
    wanted = inside(studies, side, box)
    assert 0 < len(wanted) < 12 and at(page, "beside-maps")["selected"] == str(len(wanted))
    assert at(page, "beside-maps")["rows"] == ",".join(map(str, wanted))
    assert f"{len(wanted)} of 12 images chosen" in page.locator(".moved .said").inner_text()
    (told,) = page.evaluate("told")
    region = told["carried"]["region"]
    assert region.startswith("ab"[side] + ":"), "and Python finds the same images in what is told"
    text = sheet_of(studies, region)
    assert f">{len(wanted)}</b><small>of 12 images on the maps" in text
    page.get_by_role("button", name="Clear").click()
    assert at(page, "beside-maps")["selected"] == "0" and page.evaluate("told")[1]["carried"]["region"] == ""
    assert page.errors == []


def test_a_lasso_goes_around_and_keys_move_from_point_to_point(shown, studies):
    page = shown()
    found = canvas(page, "beside-maps", 0)
    page.mouse.move(*spot(found, 0.02, 0.5))
    page.mouse.down()
    for angle in np.linspace(np.pi, -np.pi, 40):
        page.mouse.move(*spot(found, 0.5 + 0.48 * np.cos(angle), 0.5 + 0.48 * np.sin(angle)))
    page.mouse.up()
    assert int(at(page, "beside-maps")["selected"]) > 6, "most lie in the largest circle"
    found.focus()
    page.keyboard.press("ArrowRight")
    near = at(page, "beside-maps")["near"]
    page.keyboard.press("ArrowLeft")
    assert near and at(page, "beside-maps")["near"] != near
    page.keyboard.press("Enter")
    assert at(page, "beside-maps")["rows"] == at(page, "beside-maps")["near"]
    page.keyboard.press("Escape")
    assert at(page, "beside-maps")["selected"] == "0" and page.errors == []


def test_by_touch_on_a_narrow_page(shown, studies):
    page = shown(390, touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = [page.locator("[data-name=linked-codes] canvas").nth(side).bounding_box() for side in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"], "both code maps are in sight at once"
    place = spot(canvas(page, "linked-codes", 0), 0.5 / SIDE, 0.5 / SIDE)
    page.touchscreen.tap(*place)
    assert at(page, "linked-codes")["cell"] == "0" and page.evaluate("told") == [], "a tap shows"
    page.touchscreen.tap(*place)
    assert page.evaluate("told")[0]["carried"]["cell"] == "0,0", "a second one leads on"
    found = canvas(page, "beside-maps", 0)
    box = (0.05, 0.3, 0.95, 0.9)
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    send("touchStart", spot(found, box[0], box[1]))
    for share in np.linspace(0.1, 1, 8):  # sideways first, so that the page does not scroll
        send("touchMove", spot(found, box[0] + share * (box[2] - box[0]), box[1] + share**3 * (box[3] - box[1])))
    send("touchEnd")
    page.wait_for_function("() => told.length === 2")
    assert at(page, "beside-maps")["rows"] == ",".join(map(str, inside(studies, 0, box)))
    middle = canvas(page, "beside-maps", 0)
    x, y = lonely(studies)[1]
    page.touchscreen.tap(*spot(middle, x, y))
    assert at(page, "beside-maps")["rows"] == at(page, "beside-maps")["near"] == str(lonely(studies)[0])
    assert f"image {lonely(studies)[0]}" in page.locator(".moved .tip").first.inner_text(), (
        "the image is shown beside its point"
    )
    left = [box["x"] for box in (page.locator(".moved canvas").nth(side).bounding_box() for side in (0, 1))]
    assert left[0] == left[1], "maps stand one below the other"
    assert page.errors == []


@pytest.fixture
def comparing(page, app_url, workspace, built, settle):  # noqa: F811
    """The page Compare with both tiny checkpoints, in the app."""
    for name in ("tiny-vqvae", "tiny-vqvae2"):
        shutil.copytree(built.checkpoints / name, workspace / "checkpoints" / name, dirs_exist_ok=True)
    shutil.copytree(built.cache, workspace / "cache", dirs_exist_ok=True)
    asked = f"checkpoint=tiny-vqvae&dataset={built.photos}&against=tiny-vqvae2&image=3&layer_b=top"

    def opened():
        page.goto(f"{app_url}/compare?{asked}")
        page.locator("[data-name=beside-maps] canvas").first.wait_for()
        settle(page)
        return page

    return opened


def test_in_the_app_a_drag_is_answered_and_a_click_opens_the_code_of_b(comparing, settle, address):
    page = comparing()
    page.get_by_role("button", name="Box", exact=True).click()
    drag(page, canvas(page, "beside-maps", 0), (0.02, 0.02, 0.6, 0.98))
    settle(page)
    chosen = int(page.locator("[data-name=beside-maps].drawn").get_attribute("data-selected"))
    assert 1 < chosen < 12
    assert address(page, region=re.compile("a:"))["checkpoint"] == "tiny-vqvae"
    page.get_by_role("heading", name=f"The {chosen} chosen images").wait_for()
    page.get_by_text(f"Keep these {chosen} images as a concept").wait_for()
    page.mouse.click(*spot(canvas(page, "linked-codes", 1), 0.3, 0.8))
    found = address(page, "/code_maps", checkpoint="tiny-vqvae2", layer="top", image="3", cell="1,0")
    page.get_by_role("heading", name=f"Code {found['code']} of layer top").wait_for()
    assert page.errors == []


@pytest.mark.parametrize("when", ["right after the click", "when the other page has begun"])
def test_what_a_page_asked_by_itself_before_a_click_left_it_undoes_nothing_when_it_comes_late(
    comparing, settle, page, when
):
    """It holds the values of all widgets as they were; on a slow line it is read when they are past."""
    parts, late, sent, begun, addresses = [], [], [], [], []

    def stand_between(line) -> None:
        server = line.connect_to_server()

        def forth(message) -> None:
            asks = BackMsg.FromString(message) if isinstance(message, bytes) else BackMsg()
            widgets = asks.rerun_script.widget_states.widgets
            if any(
                "piece-linked-codes" in one.id for one in widgets
            ):  # the click; what is asked beside it has no such value
                kept = [one for one in widgets if "trigger" not in (one.WhichOneof("value") or "")]
                asks.rerun_script.fragment_id = [one for one in parts if one != asks.rerun_script.fragment_id][-1]
                asks.rerun_script.is_auto_rerun = True
                del widgets[:]
                widgets.extend(kept)
                late.append(asks.SerializeToString())
            server.send(message)
            if late and when == "right after the click":
                sent.append(late[0])
                server.send(late.pop())

        def back(message) -> None:
            told = ForwardMsg.FromString(message) if isinstance(message, bytes) else ForwardMsg()
            kind = told.WhichOneof("type")
            if kind == "page_info_changed":
                addresses.append(told.page_info_changed.query_string)
            if kind == "delta" and told.delta.fragment_id and not late:
                parts.append(told.delta.fragment_id)
            if kind == "new_session" and not told.metadata.run.fragment_ids:
                begun.append(told.new_session.page_script_hash)
                if late and begun[-1] != begun[-2]:
                    sent.append(late.pop())
                    server.send(sent[-1])
            line.send(message)

        line.on_message(forth)
        server.on_message(back)

    page.route_web_socket(re.compile("_stcore/stream"), stand_between)
    comparing()
    addresses.clear()
    page.mouse.click(*spot(canvas(page, "linked-codes", 1), 0.3, 0.8))
    page.get_by_role("heading", name="of layer top").wait_for()
    page.wait_for_timeout(1000)
    settle(page)
    assert len(sent) == 1
    for query in [*addresses, urlsplit(page.url).query]:  # the browser can go back to each of them
        said = dict(parse_qsl(query))
        assert (said["checkpoint"], said["layer"], said["cell"]) == ("tiny-vqvae2", "top", "1,0"), addresses
    page.get_by_role("button", name="Next image").click()
    page.wait_for_url(re.compile("image=4"))
    settle(page)
    assert "checkpoint=tiny-vqvae2" in page.url and "layer=top" in page.url and page.errors == []


def large_map(letter: str) -> dict:
    """64 × 64 cells of a codebook of 131,072, each with a code of its own, as a script is told it."""
    import base64

    def packed(values, kind) -> str:
        return base64.b64encode(np.asarray(values, kind).tobytes()).decode()

    count, pixel = 64 * 64, "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
    spans = [[cell, cell + 1] for cell in range(64)]
    return {
        "called": letter, "checkpoint": letter, "layer": "code", "title": "", "alt": letter, "image": "3",
        "rows": 64, "columns": 64, "cells": count, "placed": True, "url": pixel, "behind": pixel,
        "codes": packed(range(count), np.int32), "distances": packed(np.zeros(count), np.float32),
        "numbers": [126_976 + code for code in range(count)], "names": [""] * count, "shares": [0.1] * count,
        "of": packed(np.ones(count), np.int32), "best": packed(np.ones(count), np.int32),
        "best_of": packed(np.ones(count), np.int32), "spans": {"rows": spans, "columns": spans},
        "sprite": {"url": pixel, "across": 1, "n": 1},
    }  # fmt: skip


def test_a_large_map_is_drawn_not_built_and_asks_for_the_patches_that_it_has_not(browser):
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.set_content("<!doctype html><main></main>")
    page.add_script_tag(content=pieces.SCRIPTS["linked"])
    data = {"sides": [large_map("A"), large_map("B")], "pairs": "", "counts": False, "images": 1, "places": 4096}
    page.evaluate(
        "(data) => { window.root = document.querySelector('main'); window.asked = [];"
        "linked(root, data, () => {}, (message) => { asked.push(message); return new Promise(() => {}) }) }",
        data | {"all": False},
    )
    page.mouse.move(*spot(page.locator("canvas").nth(1), 63.5 / 64, 63.5 / 64))
    page.wait_for_function("() => root.dataset.side === 'B'")
    found = page.evaluate("({ ...root.dataset })")
    assert found["code"] == "131071" and found["cell"] == found["there"] == "4095"
    assert {"side": 1, "code": 131071} in page.evaluate("asked")
    assert page.evaluate("root.querySelectorAll('*').length") < 60
    page.close()
