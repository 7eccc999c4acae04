"""A tab for each view: its sheet as HTML, drawn again for what a visitor chooses and clicks on it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import plotly

from explorer.demo import choices, keeping, shipped
from explorer.demo.shared import EACH, Shared
from explorer.files import digest
from explorer.sheets import Chart, Piece, Sheet, Theme, browser, drawing, filled, html, pieces, walk
from explorer.study.memory import MEMORY, name_of
from explorer.views import VIEWS, fields

OFFERED = {name: view for name, view in VIEWS.items() if not view.private}
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
MISSING = "It takes a while to compute, so the demo does not; the app does."
EMPTY = '<p class="cx-note cx-info">Drop a picture, or choose one of the examples.</p>'
# Gradio calls this once for each tab: `element` is what it draws into, `trigger` tells Python, `watch` what is new
ON_LOAD = f"""{browser.SCRIPT}{pieces.LINE}
const plotly = () => window.cxPlotly ??= new Promise((done, failed) => {{
  const script = document.createElement('script');
  script.src = (window.gradio_config?.root ?? '') + '/gradio_api/file=' + {json.dumps(str(PLOTLY))};
  script.onload = () => done(window.Plotly);
  script.onerror = failed;
  document.head.append(script);
}});
const dark = () => document.body.classList.contains('dark');
const lines = ((window.cxLines ??= {{}})['__VIEW__'] ??= {{}});
const ask = (name, message) => (lines[name] ??= line((number, message) => trigger('submit', {{name, number, message}})))
  .ask(message);
const draw = sheet(element, dark, plotly, (target) => trigger('click', target), ask);
watch('value', draw);
draw();
"""
ANSWERED = """
watch('value', () => {
  const told = JSON.parse(props.value || '{}');
  window.cxLines?.__VIEW__?.[told.name]?.answer(told.number, told.value, told.error);
});
"""


def build(shared: Shared, tabs: gr.Tabs) -> None:
    """Adds the tabs, the first in front."""
    gr.set_static_paths([PLOTLY])
    for at, (name, view) in enumerate(OFFERED.items()):
        with gr.Tab(view.title, id=name) as tab:
            page = gr.HTML(
                EMPTY,
                js_on_load=ON_LOAD.replace("__VIEW__", name),
                apply_default_css=False,
                label=view.title,
                elem_id=f"view-{name}",
            )
            # beside the tabs it would count as one of them, and the one chosen would take the name of another
            told = gr.HTML("", html_template="", js_on_load=ANSWERED.replace("__VIEW__", name), visible="hidden")
        shared.draw(tab, view.title, partial(draw, name), page, first=at == 0)
        outputs = [shared.carried, tabs, shared.upload, shared.picture, shared.checkpoint]
        inputs = [shared.checkpoint, shared.picture, shared.fit, shared.carried]
        page.click(_following(name), inputs, outputs, show_progress="hidden", **EACH)
        page.submit(_answering(name), inputs, told, show_progress="hidden", **EACH)


def draw(name: str, checkpoint: str, picture: str | None, fit: str, carried: dict, theme: Theme) -> str:
    """The sheet of a view as HTML, for one visitor's picture and choices."""
    if picture is None and VIEWS[name].pictured:
        return EMPTY
    study, options, looked, sheet = _sheet(name, checkpoint, picture, fit, carried)
    paper = html.Paper(
        partial(choices.draw, study, options, looked), ("dark" if theme == "dark" else "light",), leads=True,
        takes=False, level=2, missing=MISSING, sprite=_sprite,
    )  # fmt: skip
    return f'<div class="cx-sheet">{html.draw(sheet.blocks, paper)}</div>'


def _sheet(name: str, checkpoint: str, picture: str | None, fit: str, carried: dict) -> tuple:
    view, study = VIEWS[name], shipped.study(checkpoint)
    looked = None if picture is None else shipped.picture(checkpoint, picture, fit)
    values = chosen(carried, checkpoint)
    values = {key: one for key, one in values.items() if fields.offered(view.options, study, key, one)}
    if view.several and looked is not None:
        values = {"show": "own"} | values
    options, _ = fields.settled(view.options, study, values, looked)
    return study, options, looked, view.sheet(study, options, (looked,) if view.several and looked else looked)


def chosen(carried: dict, checkpoint: str) -> dict[str, Any]:
    """What a visitor chose, if it was for this checkpoint: its layers and codes mean nothing for another."""
    return carried.get("values", {}) if carried.get("of") == checkpoint else {}


def follow(
    name: str, checkpoint: str, picture: str | None, fit: str, carried: dict, event: gr.EventData
) -> tuple[Any, ...]:
    """What a click or a choice on the view `name` leads to: new choices, another tab, or another picture."""
    told = event._data if isinstance(event._data, dict) else {}
    if isinstance(told.get("chart"), str):
        told = _of_point(told["chart"], told.get("point"), _sheet(name, checkpoint, picture, fit, carried)[-1])
    view, asked = told.get("view"), told.get("carried")
    values = dict(chosen(carried, checkpoint))
    asked = asked if isinstance(asked, dict) else {}
    new = {key: str(value) for key, value in asked.items() if _is_choice(key, value)}  # read as in an address
    for key in new:
        for other in fields.AFTER.get(key, ()):
            values.pop(other, None)
    view = view if isinstance(view, str) and view in OFFERED else name
    path = gr.skip()
    if "image" in new and not _has(view, "image"):  # it becomes the visitor's picture
        images, row = shipped.study(checkpoint).images, int(new.pop("image"))
        path = shipped.file(images.names[row], images.read([row])[0]) if row < len(images) else path
    tabs = gr.Tabs(selected=view) if view != name else gr.skip()
    other, changed = asked.get("checkpoint"), gr.skip()
    if isinstance(other, str) and other != checkpoint and other in shipped.offered():
        checkpoint = changed = other
        values = {}
    return {"of": checkpoint, "values": values | new}, tabs, path, path, changed


def answer(name: str, checkpoint: str, picture: str | None, fit: str, carried: dict, event: gr.EventData) -> str:
    """What a piece on the view `name` is told when it asks, as JSON; see `sheets/pieces`."""
    told = event._data if isinstance(event._data, dict) else {}
    blocks = walk(_sheet(name, checkpoint, picture, fit, carried)[-1].blocks)
    found = [one for one in blocks if isinstance(one, Piece) and one.name == told.get("name")]
    reply = pieces.answered(found[0], told.get("message")) if found else {"error": "The page has changed; try again."}
    return json.dumps({"name": told.get("name"), "number": told.get("number"), **reply})


def _of_point(name: str, point: Any, sheet: Sheet) -> dict[str, Any]:
    """Where a click on a point leads, for a chart that has no one answer for all."""
    for block in walk(sheet.blocks):
        if isinstance(block, Chart) and block.name == name and callable(block.go) and isinstance(point, int):
            target = block.go(max(point, 0))
            return {"view": target.view, "carried": filled(target, point=point)}
    return {}


def _has(view: str, name: str) -> bool:
    return name in {field.name for field in dataclasses.fields(VIEWS[view].options)}


def _following(name: str) -> Callable[..., tuple]:
    """`follow` of a view; not a partial, because Gradio reads the annotations to know who wants the event."""

    def clicked(checkpoint: str, picture: str | None, fit: str, carried: dict, event: gr.EventData) -> tuple:
        return follow(name, checkpoint, picture, fit, carried, event)

    return clicked


def _answering(name: str) -> Callable[..., str]:
    """`answer` of a view; no partial, as above."""

    def asked(checkpoint: str, picture: str | None, fit: str, carried: dict, event: gr.EventData) -> str:
        return answer(name, checkpoint, picture, fit, carried, event)

    return asked


def _is_choice(name: Any, value: Any) -> bool:
    """What a browser sends is not trusted: only names of choices, and only small plain values."""
    if name == "image":
        return str(value).isdecimal() and len(str(value)) < 12
    return (
        isinstance(name, str)
        and isinstance(value, str | int | float)
        and len(str(value)) < 1000
        and any(_has(view, name) for view in OFFERED)
    )


def _sprite(tiles: np.ndarray) -> dict[str, Any]:
    """Thumbnails as one file that the page shows: too much to send with every sheet."""
    sheet, across = MEMORY.get(digest("demo sprite", name_of(tiles)), lambda: drawing.sprite(tiles))
    url = f"/gradio_api/file={keeping.store(sheet, 'tiles.jpeg')}"
    return {"url": url, "side": tiles.shape[1], "across": across, "n": len(tiles)}
