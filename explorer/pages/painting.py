"""A picture whose patches are hidden by clicking, dragging, or the keyboard: arrows move, space hides or shows."""

from __future__ import annotations

import base64

import numpy as np
import streamlit as st

from explorer.sheets import drawing

_STYLE = """
.board { display: grid; width: min(100%, 320px); aspect-ratio: 1; background-size: 100% 100%; touch-action: none;
  image-rendering: pixelated; border-radius: 6px; overflow: hidden; user-select: none; cursor: crosshair }
.board button { all: unset; box-sizing: border-box; border: 0.5px solid #8886 }
.board button[aria-pressed=true] { background: #808080 }
.board button:hover { box-shadow: inset 0 0 0 2px #fff9 }
.board button:focus-visible { box-shadow: inset 0 0 0 2px #fff, inset 0 0 0 4px #000; z-index: 1 }
"""
# Buttons with one tab stop for all; a drag gives every patch that it crosses what the first one became.
_SCRIPT = """
const boards = new WeakMap()

function start(board) {
  const state = { sent: null, brush: null, at: 0, timer: 0 }
  const cells = () => [...board.children]
  const pressed = (cell) => cell.ariaPressed === "true"
  const set = (cell, on) => { cell.ariaPressed = String(on) }
  const send = (wait) => {
    clearTimeout(state.timer)
    state.timer = setTimeout(() => {
      const text = cells().map((cell) => (pressed(cell) ? "1" : "0")).join("")
      if (text === state.sent) return
      state.sent = text
      state.component.setTriggerValue("cells", text)
    }, wait)
  }
  const focus = (index) => {
    const all = cells()
    all[state.at].tabIndex = -1
    all[index].tabIndex = 0
    all[(state.at = index)].focus()
  }
  board.onpointerdown = (event) => {
    if (event.target === board) return
    state.brush = !pressed(event.target)
    set(event.target, state.brush)
    event.preventDefault()
  }
  board.onpointermove = (event) => {
    if (state.brush === null) return
    const cell = board.getRootNode().elementFromPoint(event.clientX, event.clientY)
    if (cell?.parentElement === board) set(cell, state.brush)
  }
  const lift = () => { if (state.brush !== null) { state.brush = null; send(150) } }
  window.addEventListener("pointerup", lift)
  board.onclick = (event) => {  // by the keyboard or a screen reader: no pointer was pressed
    if (event.detail === 0 && event.target !== board) { set(event.target, !pressed(event.target)); send(600) }
  }
  board.onkeydown = (event) => {
    const { columns, rows } = state.component.data, at = state.at, column = at % columns
    const to = { ArrowLeft: column ? at - 1 : at, ArrowRight: column < columns - 1 ? at + 1 : at,
      ArrowUp: at - columns, ArrowDown: at + columns }[event.key]
    if (to === undefined) return
    event.preventDefault()
    if (to >= 0 && to < rows * columns) focus(to)
  }
  state.update = (component) => {
    state.component = component
    const { columns, rows, url, cells: given, alt } = component.data
    board.style.gridTemplate = `repeat(${rows}, 1fr) / repeat(${columns}, 1fr)`
    board.style.backgroundImage = `url(${url})`
    board.ariaLabel = alt
    if (board.children.length !== rows * columns) {
      board.replaceChildren(...Array.from({ length: rows * columns }, (_, index) => Object.assign(
        document.createElement("button"), { type: "button", tabIndex: index ? -1 : 0,
          ariaLabel: `Patch in row ${Math.floor(index / columns) + 1}, column ${(index % columns) + 1}` })))
      state.at = 0
    }
    if (state.brush === null && given !== state.sent) cells().forEach((cell, index) => set(cell, given[index] === "1"))
    state.sent = given
  }
  state.stop = () => { clearTimeout(state.timer); window.removeEventListener("pointerup", lift) }
  return state
}

export default function (component) {
  const { parentElement } = component
  if (!boards.has(parentElement)) boards.set(parentElement, start(parentElement.querySelector(".board")))
  boards.get(parentElement).update(component)
  return () => { boards.get(parentElement)?.stop(); boards.delete(parentElement) }
}
"""
_component = st.components.v2.component(
    "explorer_painting", html='<div class="board" role="group"></div>', css=_STYLE, js=_SCRIPT
)


def board(key: str, pixels: np.ndarray, cells: np.ndarray, alt: str) -> np.ndarray | None:
    """Draws a picture (h, w, 3) uint8 under a grid (H, W) bool; returns the grid once, in the run of a change of it."""
    url = "data:image/png;base64," + base64.b64encode(drawing.png(pixels, 320)).decode()
    data = {
        "url": url, "rows": cells.shape[0], "columns": cells.shape[1], "alt": alt,
        "cells": "".join("01"[int(one)] for one in cells.reshape(-1)),
    }  # fmt: skip
    sent = _component(key=f"paint-{key}", data=data, on_cells_change=lambda: None).cells
    if not isinstance(sent, str) or len(sent) != cells.size or set(sent) - {"0", "1"}:
        return None
    return np.array([one == "1" for one in sent]).reshape(cells.shape)
