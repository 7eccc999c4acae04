"""A tab for each view that visitors see: its sheet as HTML, drawn again for what they choose and click on it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import plotly

from explorer.demo import choices, painting, shipped, uploads
from explorer.demo.shared import QUIET, Shared
from explorer.sheets import Theme, browser, html
from explorer.views import VIEWS, View, fields

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
MISSING = "It takes a while to compute, so the demo does not; the app does."
EMPTY = '<p class="cx-note cx-info">Drop a picture, or choose one of the examples.</p>'
# Gradio calls this once for each tab: `element` is what it draws into, `trigger` tells Python, `watch` what is new
ON_LOAD = f"""{browser.SCRIPT}
const plotly = () => window.cxPlotly ??= new Promise((done, failed) => {{
  const script = document.createElement('script');
  script.src = (window.gradio_config?.root ?? '') + '/gradio_api/file=' + {json.dumps(str(PLOTLY))};
  script.onload = () => done(window.Plotly);
  script.onerror = failed;
  document.head.append(script);
}});
const dark = () => document.body.classList.contains('dark');
const draw = sheet(element, dark, plotly, (target) => trigger('click', target));
watch('value', draw);
draw();
"""
BY_HAND: dict[str, Callable[[Shared, gr.Tab, str], None]] = {"reconstructions": painting.build}


def build(shared: Shared, tabs: gr.Tabs) -> None:
    """Adds the tabs, the first in front."""
    gr.set_static_paths([PLOTLY])
    shown = {name: view for name, view in VIEWS.items() if view.demo}
    for at, (name, view) in enumerate(shown.items()):
        with gr.Tab(view.title, id=name) as tab:
            page = gr.HTML(EMPTY, js_on_load=ON_LOAD, apply_default_css=False, label=view.title, elem_id=f"view-{name}")
            if name in BY_HAND:
                BY_HAND[name](shared, tab, view.title)
        shared.draw(tab, view.title, partial(draw, name), [page], first=at == 0)
        outputs = [shared.carried, tabs, shared.upload, shared.picture]
        inputs = [shared.checkpoint, shared.carried]
        page.click(_following(name), inputs, outputs, show_progress="hidden", **QUIET)


def draw(name: str, checkpoint: str, picture: str | None, fit: str, carried: dict, theme: Theme) -> str:
    """The sheet of a view as HTML, for one visitor's picture and choices."""
    view, study = VIEWS[name], shipped.study(checkpoint)
    if picture is None and view.pictured:
        return EMPTY
    looked = None if picture is None else shipped.picture(checkpoint, picture, fit)
    options, _ = fields.settled(view.options, study, chosen(carried, checkpoint))
    sheet = view.sheet(study, options, looked)
    paper = html.Paper(
        partial(choices.draw, study, options), ("dark" if theme == "dark" else "light",), leads=True, takes=False,
        level=2, missing=MISSING, store=_stored,
    )  # fmt: skip
    return f'<div class="cx-sheet">{html.draw(sheet.blocks, paper)}</div>'


def chosen(carried: dict, checkpoint: str) -> dict[str, Any]:
    """What a visitor chose, if it was for this checkpoint: its layers and codes mean nothing for another."""
    return carried.get("values", {}) if carried.get("of") == checkpoint else {}


def follow(name: str, checkpoint: str, carried: dict, event: gr.EventData) -> tuple:
    """What a click or a choice on the view `name` leads to: new choices, another tab, or another picture."""
    told = event._data if isinstance(event._data, dict) else {}
    view, asked = told.get("view"), told.get("carried")
    values = dict(chosen(carried, checkpoint))
    new = {key: value for key, value in (asked if isinstance(asked, dict) else {}).items() if _is_choice(key, value)}
    for key in new:
        for other in fields.AFTER.get(key, ()):
            values.pop(other, None)
    path = gr.skip()
    if "image" in new:
        images = shipped.study(checkpoint).images
        row = int(new.pop("image"))
        if 0 <= row < len(images):
            path = shipped.file(images.names[row], images.read([row])[0])
    other: View | None = VIEWS.get(view) if isinstance(view, str) and view != name else None
    tabs = gr.Tabs(selected=view) if other is not None and other.demo else gr.skip()
    return {"of": checkpoint, "values": values | new}, tabs, path, path


def _following(name: str) -> Callable[..., tuple]:
    """`follow` of a view; not a partial, because Gradio reads the annotations to know who wants the event."""

    def clicked(checkpoint: str, carried: dict, event: gr.EventData) -> tuple:
        return follow(name, checkpoint, carried, event)

    return clicked


def _is_choice(key: Any, value: Any) -> bool:
    """What a browser sends is not trusted: only names of choices, and only small plain values."""
    if key == "image":
        return str(value).isdecimal() and len(str(value)) < 12
    return key in _names() and isinstance(value, str | int | float | bool) and len(str(value)) < 1000


def _names() -> set[str]:
    return {field.name for view in VIEWS.values() for field in dataclasses.fields(view.options)}


def _stored(content: bytes, kind: str) -> str:
    """The address of a file that the page shows."""
    path = uploads.store(content, f"tiles.{kind.partition('/')[2]}")
    return f"/gradio_api/file={path}"
