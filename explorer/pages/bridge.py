"""What Streamlit's plotly chart lacks: thumbnails on hover, clicks on any trace, and large selections.

Draw the chart with a key, then the bridge with that key:

    st.plotly_chart(figure, key="map")
    event = bridge("map", thumbnails=sprite_sheet(images, tile=32))
    if event.click is not None:            # once, in the run that the click caused
        event.click.point, event.click.x, event.click.y, event.click.custom
    event.selected                         # (n,) int32 indices of points; kept until the user deselects

- `thumbnails`: point i of the chart shows tile i of the sheet.
- Heatmap cells have no point index: `click.x` and `click.y` are the column's and the row's label.
- `click=False, select=False` spares the page the run that the event would cause.
- Several traces: give the row of each point as (first entry of) its `customdata`, and `tile_from="customdata"`; then
  `selected` holds rows, too.
- Set `uirevision` on the figure, so that zoom and selection survive a new run; keep both calls in one `@st.fragment`.
  Give a `key` that changes with the points, so that a selection never speaks of points that are gone.

All points of 100,000 come back as 0.5 MB of base64 int32; Streamlit's own selection takes 13 MB of JSON.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import streamlit as st

# One instance serves one chart. A chart that is drawn again may be a new element, so it is looked for again and again.
# Nothing here becomes HTML: the thumbnail is a background image, moved with numbers only.
_SCRIPT = """
const instances = new WeakMap()

function encode(indices) {
  const bytes = new Uint8Array(Int32Array.from(indices).buffer)
  let text = ""
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode.apply(null, bytes.subarray(i, i + 32768))
  return btoa(text)
}

function row(point, fromCustom) {
  const custom = point.customdata
  if (fromCustom) return custom !== null && typeof custom === "object" ? custom[0] : custom
  return point.pointNumber ?? point.pointIndex
}

function showTip(tip, thumbnails, point, pointer, label) {
  const tile = row(point, thumbnails.fromCustom)
  if (!Number.isInteger(tile) || tile < 0 || tile >= thumbnails.count) { tip.style.display = "none"; return }
  const side = thumbnails.tile * thumbnails.scale
  const x = (tile % thumbnails.columns) * side, y = Math.floor(tile / thumbnails.columns) * side
  let left = pointer.x + 16, top = pointer.y + 16
  if (left + side > window.innerWidth) left -= side + 32
  if (top + side > window.innerHeight) top -= side + 32
  if (label?.height) {  // below what the chart itself says about the point, or above it
    left = Math.min(label.left, window.innerWidth - side - 4)
    top = label.bottom + side + 6 > window.innerHeight ? label.top - side - 6 : label.bottom + 4
  }
  Object.assign(tip.style, {
    width: `${side}px`, height: `${side}px`, display: "block",
    backgroundSize: `${thumbnails.columns * side}px auto`, backgroundPosition: `-${x}px -${y}px`,
    left: `${left}px`, top: `${top}px`,
  })
  tip.dataset.tile = tile
}

function start() {
  const instance = { chart: null, options: null, sent: "" }
  const pointer = { x: 0, y: 0 }  // 3-D charts send no mouse event along
  const follow = (event) => { pointer.x = event.clientX; pointer.y = event.clientY }
  let tip = null
  const makeTip = () => {
    tip = document.createElement("div")
    tip.className = "explorer-thumbnail"
    tip.style.cssText = "position:fixed;z-index:1000000;pointer-events:none;display:none;box-sizing:content-box;" +
    "border:1px solid #8888;border-radius:6px;box-shadow:0 4px 14px #0005;" +
    "background-repeat:no-repeat;image-rendering:pixelated"
    document.body.appendChild(tip)
  }
  const hide = () => { if (tip) tip.style.display = "none" }
  const listeners = {
    plotly_hover: (event) => {
      const { thumbnails } = instance.options
      if (!thumbnails || !event.points.length) return
      const label = instance.chart?.querySelector(".hoverlayer .hovertext")?.getBoundingClientRect()
      showTip(tip, thumbnails, event.points[0], pointer, label)
    },
    plotly_unhover: hide,
    plotly_relayouting: hide,
    plotly_click: (event) => {
      if (!instance.options.click || !event.points.length) return
      const point = event.points[0]
      instance.component.setTriggerValue("click", {
        curve: point.curveNumber, point: point.pointNumber ?? point.pointIndex,
        x: point.x, y: point.y, z: point.z, custom: point.customdata ?? null,
      })
    },
    plotly_selected: (event) => {
      // plotly also sends an empty event when a click ends without a lasso; only a drawn lasso or box is a selection
      if (!event || !(event.range || event.lassoPoints || event.selections?.length)) return
      select(encode(event.points.map((point) => row(point, instance.options.fromCustom))))
    },
    plotly_deselect: () => select(""),
  }
  const select = (text) => {
    if (!instance.options.select || text === instance.sent) return
    instance.sent = text
    instance.component.setStateValue("selected", text)
  }
  const detach = () => {
    hide()
    for (const [name, listener] of Object.entries(listeners)) instance.chart?.removeListener?.(name, listener)
    instance.chart?.removeEventListener("mousemove", follow, true)
    instance.chart = null
  }
  const attach = () => {
    const name = instance.options.chart.trim().replace(/[^a-zA-Z0-9_-]/g, "-") // as Streamlit makes a class of a key
    const found = document.querySelector(`.st-key-${CSS.escape(name)} .js-plotly-plot`)
    if (found === instance.chart && found?.isConnected) return
    detach()
    if (!found?.on) return
    for (const [name, listener] of Object.entries(listeners)) found.on(name, listener)
    found.addEventListener("mousemove", follow, true)
    found.dataset.bridged = "true"
    instance.chart = found
  }
  instance.update = (component) => {
    instance.component = component
    instance.options = component.data
    const thumbnails = component.data.thumbnails
    if (thumbnails && !tip) makeTip()
    if (thumbnails) tip.style.backgroundImage = `url(${thumbnails.url})`
    attach()
  }
  const timer = setInterval(() => instance.options && attach(), 300)
  instance.stop = () => { clearInterval(timer); detach(); tip?.remove() }
  return instance
}

export default function (component) {
  const { parentElement } = component
  if (!instances.has(parentElement)) instances.set(parentElement, start())
  instances.get(parentElement).update(component)
  return () => { instances.get(parentElement)?.stop(); instances.delete(parentElement) }
}
"""

_component = st.components.v2.component("explorer_bridge", html="<span></span>", js=_SCRIPT)


@dataclass(frozen=True)
class Sprite:
    """Thumbnails in one picture, row by row.

    Attributes:
        url: data URL of the picture.
        tile: side of one thumbnail in pixels.
        columns, count: thumbnails in a row, and in all.
    """

    url: str
    tile: int
    columns: int
    count: int


@dataclass(frozen=True)
class Click:
    """One click: the trace, the point in it (a pair for heatmaps), its coordinates and its `customdata`."""

    curve: int
    point: Any
    x: Any
    y: Any
    z: Any
    custom: Any


@dataclass(frozen=True)
class Event:
    """What the user did: `click`, once in the run after it, and `selected`, (n,) int32, until it changes."""

    click: Click | None = None
    selected: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))


def sprite_sheet(images: np.ndarray, tile: int = 32) -> Sprite:
    """Packs images (N, h, w, 3) uint8 into one JPEG of `tile`-pixel thumbnails; 5,000 of 32 px are about 1.6 MB."""
    from PIL import Image

    count = len(images)
    columns = max(1, min(math.ceil(math.sqrt(count)), 65_000 // tile))  # JPEG ends at 65,535 pixels
    rows = math.ceil(count / columns)
    height, width = images.shape[1:3]
    if height == width and height % tile == 0:  # whole-number shrinking is a mean, and much faster than Pillow
        step = height // tile
        small = images.reshape(count, tile, step, tile, step, 3).mean((2, 4)).round().astype(np.uint8)
    elif tile % height == 0 and height == width:
        small = images.repeat(tile // height, 1).repeat(tile // height, 2)
    else:
        small = np.stack(
            [np.asarray(Image.fromarray(one).resize((tile, tile), Image.Resampling.BOX)) for one in images]
        )
    sheet = np.zeros((rows * columns, tile, tile, 3), np.uint8)
    sheet[:count] = small
    sheet = sheet.reshape(rows, columns, tile, tile, 3).swapaxes(1, 2).reshape(rows * tile, columns * tile, 3)
    data = io.BytesIO()
    Image.fromarray(sheet).save(data, "JPEG", quality=88, subsampling=0)
    return Sprite("data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode(), tile, columns, count)


def bridge(
    chart_key: str,
    thumbnails: Sprite | None = None,
    *,
    click: bool = True,
    select: bool = True,
    tile_from: Literal["point", "customdata"] = "point",
    scale: int = 3,
    key: str | None = None,
) -> Event:
    """Attaches to the plotly chart drawn with `key=chart_key`; see the top of this file.

    Args:
        thumbnails: shown beside the pointer, `scale` times enlarged; None for none.
        click: whether a click runs the page again.
        select: whether a lasso or box does.
        tile_from: `customdata` if the first entry of a point's customdata is its tile, and its index in `selected`.
        key: of the bridge itself; by default made from `chart_key`.
    """
    data: dict[str, Any] = {
        "chart": chart_key,
        "click": click,
        "select": select,
        "fromCustom": tile_from == "customdata",
    }
    if thumbnails is not None:
        data["thumbnails"] = {
            "url": thumbnails.url,
            "tile": thumbnails.tile,
            "columns": thumbnails.columns,
            "count": thumbnails.count,
            "scale": scale,
            "fromCustom": tile_from == "customdata",
        }
    result = _component(
        key=key or f"{chart_key}-bridge",
        data=data,
        default={"selected": ""},
        height=1,
        on_selected_change=_nothing,
        on_click_change=_nothing,
    )
    return Event(_click(result.click), _indices(result.selected))


def selected(chart_key: str) -> np.ndarray:
    """What `bridge(chart_key)` will return as `selected` in this run, for a chart that is drawn before its bridge."""
    state = st.session_state.get(f"{chart_key}-bridge")
    return _indices(state.get("selected") if hasattr(state, "get") else None)


def _nothing() -> None:
    """Streamlit wants a callback for each value that the browser may send; the page reads the value itself."""


def _click(sent: Any) -> Click | None:
    if not isinstance(sent, dict):
        return None
    return Click(
        int(sent.get("curve") or 0), sent.get("point"), sent.get("x"), sent.get("y"), sent.get("z"), sent.get("custom")
    )


def _indices(text: Any) -> np.ndarray:
    """Base64 of little-endian int32 -> (n,) int32; what a browser sends is not trusted to be that."""
    try:
        data = base64.b64decode(text or "", validate=True)
    except (TypeError, ValueError):
        return np.empty(0, np.int32)
    indices = np.frombuffer(data[: len(data) // 4 * 4], "<i4").astype(np.int32)
    return indices[indices >= 0]
