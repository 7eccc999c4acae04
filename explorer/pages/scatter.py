"""A map of many points in the app: columns that the browser fetches once, and a selection that comes back as bits."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from explorer.pages import links, pieces
from explorer.sheets import Piece, drawing
from explorer.sheets import scatter as scattered
from explorer.sheets.scatter import LIBRARY, SCRIPT, Scatter

PICTURES = 64  # at once
_MOUNT = """
export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".drawn"), wires = (window.explorerWires ??= {})
  const ask = (message) => (wires[data.name] ??= { late: [] }).ask?.(message)
    ?? new Promise((...both) => wires[data.name].late.push([message, both]))
  scatter(root, data, (name, value) => setTriggerValue(name, value), ask)
  return () => root.leave?.()
}
"""
_drawn = st.components.v2.component(
    "explorer_scatter", html='<div class="drawn"></div>', css=pieces.LOOK, js=SCRIPT + _MOUNT
)


def draw(block: Scatter, follow: Callable[[int], None]) -> None:
    """The map; `follow(point)` is called before the run that a click causes."""
    key, packed = f"scatter-{block.name}", block.packed
    told, kinds = scattered.described(block, links.theme())

    def clicked() -> None:
        sent = pieces.value(key, "click")
        point = sent.get("point") if isinstance(sent, dict) else None
        if block.go is not None and isinstance(point, int) and 0 <= point < len(packed.order):
            follow(int(packed.order[point]))

    def selected() -> None:
        keep(block, pieces.value(key, "selected"))

    data = told | {
        "name": block.name, "places": _address(packed.columns.tobytes(), f"{key}-places"),
        "kinds": _address(kinds, f"{key}-kinds"),
        "library": _address(LIBRARY.read_bytes(), "regl-scatterplot", "text/javascript"),
    }  # fmt: skip
    kept = _kept(block.name)
    if kept is not None:
        bits = scattered.bits(_mask(kept), packed.order)
        data["chosen"] = {"id": kept["id"], "url": _address(bits, f"{key}-chosen")}
    with st.container(key=block.name):
        _drawn(key=key, data=data, on_click_change=clicked, on_selected_change=selected)
        pieces.answers(Piece(block.name, "", {}, block.alt, answer=lambda message: _told(block, message)))


def selected(name: str) -> np.ndarray:
    """Points (n,) int64 that are selected on the map `name`, in order."""
    kept = _kept(name)
    return np.empty(0, np.int64) if kept is None else np.flatnonzero(_mask(kept))


def keep(block: Scatter, sent: Any) -> None:
    """Remembers what a browser says is selected, which is not trusted to be anything."""
    try:
        found = scattered.chosen(base64.b64decode(sent["bits"], validate=True), block.packed.order)
        mark = str(sent["id"])[:40]
    except (TypeError, KeyError, ValueError):
        return
    key = f"selected-{block.name}"
    if found is None or not found.any():
        st.session_state.pop(key, None)
    else:
        st.session_state[key] = {"id": mark, "bits": np.packbits(found), "count": len(found)}


def _kept(name: str) -> dict[str, Any] | None:
    return st.session_state.get(f"selected-{name}")


def _mask(kept: dict[str, Any]) -> np.ndarray:
    """(M,) bool of what is remembered."""
    return np.unpackbits(kept["bits"], count=kept["count"]).astype(bool)


def _told(block: Scatter, message: Any) -> dict[str, Any]:
    """What a browser asks: about a `point`, or for the pictures of some `points`; it is not trusted to be that."""
    message, order = message if isinstance(message, dict) else {}, block.packed.order
    asked = message.get("points", [message.get("point")])
    known = isinstance(asked, list) and 0 < len(asked) <= PICTURES
    if not known or not all(isinstance(one, int) and 0 <= one < len(order) for one in asked):
        return {"lines": ["There is no such point."]}
    points = order[asked].astype(np.int64)
    pictures = None if block.pictures is None else block.pictures(points)
    if "points" not in message:
        found = {"lines": list(block.told(int(points[0])))}
        return found | ({} if pictures is None else {"picture": drawing.url(pictures[0], 112)})
    if pictures is None:
        return {}
    sheet, across = drawing.sprite(pictures)
    return {"url": drawing.jpeg_url(sheet), "across": across, "side": int(pictures.shape[1])}


def _address(content: bytes, place: str, kind: str = "application/octet-stream") -> str:
    """Where the browser fetches bytes, by their content; they stay while this page shows them."""
    return st.runtime.get_instance().media_file_mgr.add(content, kind, f"explorer-{place}")
