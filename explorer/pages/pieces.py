"""What can be touched on a sheet, drawn by its own script; what it asks is answered beside the page.

The piece and its answers are two components: a question runs the second one alone, so that the first, which may hold
a lot, is not sent again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.pages.code_map import WAIT
from explorer.pages.state import guard, put
from explorer.sheets import Piece
from explorer.sheets.pieces import LINE, SCRIPTS, answered

LETTERS = 2_000  # of a text that leads somewhere

_PIECE = """
export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".drawn")
  const wires = (window.explorerWires ??= {})
  const tell = (where) => { wait(data.waits); setTriggerValue("told", where) }
  const ask = (message) => data.asks ? (wires[data.name] ??= { late: [] }).ask?.(message)
    ?? new Promise((...both) => wires[data.name].late.push([message, both]))
    : Promise.reject(new Error("Nobody answers here; open the app for that."))
  root.setAttribute("aria-label", data.alt)
  root.dataset.name = data.name
  const drawn = JSON.stringify(data)
  if (root.drawn !== drawn) {
    root.drawn = drawn
    SCRIPT_OF_PIECE(root, data.data, tell, ask)
  }
  return () => root.leave?.()
}
"""
_WIRE = (
    LINE
    + """
export default function ({ data, setTriggerValue }) {
  const wires = (window.explorerWires ??= {}), wire = (wires[data.name] ??= { late: [] })
  wire.send = (number, message) => setTriggerValue("asked", { number, message })
  if (!wire.ask) {
    const { ask, answer } = line((number, message) => wire.send(number, message))
    Object.assign(wire, { ask, answer })
  }
  for (const [message, [done, failed]] of wire.late.splice(0)) wire.ask(message).then(done, failed)
  if (data.answer) wire.answer(data.answer.number, data.answer.value, data.answer.error)
  return () => { if (wires[data.name] === wire) delete wires[data.name] }
}
"""
)
LOOK = """
.drawn { --cx-top: 3.5rem; --cx-text: var(--st-text-color); --cx-back: var(--st-background-color);
  --cx-accent: var(--st-primary-color); --cx-panel: var(--st-secondary-background-color);
  --cx-line: var(--st-border-color);
  --cx-quiet: color-mix(in srgb, var(--st-text-color) 70%, var(--st-background-color));
  color: var(--st-text-color); font-family: var(--st-font); line-height: 1.4 }
"""
_PLACE = '<div class="drawn" role="group"></div>'
_drawn = {
    name: st.components.v2.component(
        f"explorer_piece_{name}", html=_PLACE, css=LOOK, js=WAIT + script + _PIECE.replace("SCRIPT_OF_PIECE", name)
    )
    for name, script in SCRIPTS.items()
}
_wire = st.components.v2.component("explorer_wire", html="<span></span>", js=_WIRE)


def draw(block: Piece, follow: Callable[[dict[str, Any]], None]) -> None:
    """A piece; `follow(where)` is called before the run that its telling causes."""
    key = f"piece-{block.name}"

    def told() -> None:
        where = value(key, "told")
        if block.go is not None and _fit(where):
            with contextlib.suppress(KeyError):  # less was told than is to be filled in
                follow(where)

    data = {"name": block.name, "data": block.data, "alt": block.alt, "asks": block.answer is not None}
    with st.container(key=block.name):
        _drawn[block.script](key=key, data=data | {"waits": list(block.waits)}, on_told_change=told)
        if block.answer is not None:
            answers(block)


@st.fragment
@guard()
def answers(block: Piece) -> None:
    """A fragment of its own: a question runs this and nothing else."""
    key, found = f"wire-{block.name}", f"answer-{block.name}"

    def asked() -> None:
        question = value(key, "asked")
        if isinstance(question, dict) and isinstance(question.get("number"), int):
            st.session_state[found] = {"number": question["number"]} | answered(block, question.get("message"))

    answer = st.session_state.pop(found, None)
    told = (answer or {}).get("value")
    for name, text in (told.pop("carried", {}) if isinstance(told, dict) else {}).items():
        put(name, text)
    _wire(key=key, data={"name": block.name, "answer": answer}, on_asked_change=asked)


def _fit(where: Any) -> bool:
    """Whether a browser told names with plain values."""
    return isinstance(where, dict) and all(
        str(name).isidentifier() and isinstance(value, (str, int, float)) and len(str(value)) <= LETTERS
        for name, value in where.items()
    )


def value(key: str, name: str) -> Any:
    """What a browser sends is not trusted to be anything."""
    state = st.session_state.get(key)
    return state.get(name) if hasattr(state, "get") else None
