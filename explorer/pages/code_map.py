"""Maps of codes and galleries of pictures to click, drawn by small scripts: each is one message, whatever it holds.

A click greys at once what it will replace: containers whose key is named in `waits`. A gallery that was drawn anew, or
the end of the run, lifts that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import streamlit as st

from explorer.sheets import CodeMap, Pictures
from explorer.sheets.code_map import SCRIPT, sent
from explorer.sheets.drawing import url

_LIFT = """
function lift(panel) {
  panel?.removeAttribute("aria-busy")
  if (panel) panel.style.opacity = ""
}
"""
WAIT = (
    _LIFT
    + """
function wait(names) {  // greys at once what a click will replace, until the run that it causes has ended
  const panels = names.map((name) => document.querySelector(`.st-key-${CSS.escape(name)}`)).filter(Boolean)
  for (const panel of panels) { panel.setAttribute("aria-busy", "true"); panel.style.opacity = 0.35 }
  const begun = Date.now()
  let ran = false
  const timer = setInterval(() => {
    const running = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "running"
    ran ||= running
    if (running || (!ran && Date.now() - begun < 2000)) return
    clearInterval(timer)
    panels.forEach(lift)
  }, 100)
}
"""
)
_MAP = (
    SCRIPT
    + WAIT
    + """

export default function (component) {
  const { parentElement, data, setTriggerValue } = component
  codeMap(parentElement.querySelector(".drawn"), data, (row, column) => {
    wait(data.waits)
    setTriggerValue("cell", [row, column])
  })
}
"""
)

_GALLERY = (
    _LIFT
    + """
const style = `
  .gallery { display: grid; gap: 12px 8px; grid-template-columns: repeat(auto-fill, minmax(var(--side), 1fr)); }
  button { all: unset; cursor: pointer; line-height: 1.3; min-width: 0; overflow-wrap: anywhere; }
  button:focus-visible { outline: 3px solid var(--st-primary-color, #2a628f); outline-offset: 2px; border-radius: 6px; }
  button:hover .title { text-decoration: underline; }
  .one { position: relative; min-width: 0; }
  .one > button:first-child { display: block; }
  .gather { position: absolute; top: 4px; right: 4px; width: 28px; height: 28px; border-radius: 14px;
    text-align: center;    background: rgba(20, 26, 34, 0.72); color: #fff; font-size: 1rem; line-height: 28px; }
  .gather[aria-pressed=true] { background: var(--st-primary-color, #2a628f); }
  img { display: block; width: 100%; aspect-ratio: 1; border-radius: 6px; }
  span { display: block; font-size: 0.875rem; }
  .note { opacity: 0.7; font-size: 0.8125rem; }`

export default function (component) {
  const { parentElement, data, setTriggerValue } = component
  const root = parentElement.querySelector(".drawn")
  if (!root.childElementCount) {
    const sheet = document.createElement("style")
    sheet.textContent = style
    root.before(sheet)
    root.classList.add("gallery")
  }
  root.dataset.name = data.name
  root.style.setProperty("--side", `${data.side}px`)
  while (root.children.length > data.pictures.length) root.lastChild.remove()
  data.pictures.forEach((one, index) => {
    let place = root.children[index]
    if (!place) {
      place = document.createElement("div")
      place.className = "one"
      for (const name of ["button", "button"]) place.append(document.createElement(name))
      for (const name of ["img", "span", "span"]) place.firstChild.append(document.createElement(name))
      place.lastChild.className = "gather"
      root.append(place)
    }
    const [button, gather] = place.children
    const [image, title, note] = button.children
    if (image.src !== one.url) image.src = one.url
    image.alt = ""
    title.textContent = one.title
    title.className = "title"
    note.textContent = one.note
    note.className = "note"
    button.title = one.help
    button.onclick = () => setTriggerValue("picture", index)
    gather.hidden = one.gathered === null
    gather.style.display = gather.hidden ? "none" : ""
    gather.textContent = one.gathered ? "✓" : "+"
    gather.title = one.gathered ? "Gathered; click to put it back" : "Gather this image for a set"
    gather.setAttribute("aria-label", `${gather.title}: ${one.title}`)
    gather.setAttribute("aria-pressed", one.gathered === true)
    gather.onclick = () => setTriggerValue("gather", index)
  })
  lift(parentElement.getRootNode().host?.closest('[aria-busy="true"]'))
}
"""
)

_PLACE = '<div class="drawn"></div>'
_code_map = st.components.v2.component("explorer_code_map", html=_PLACE, js=_MAP)
_gallery = st.components.v2.component("explorer_gallery", html=_PLACE, js=_GALLERY)


def draw(block: CodeMap, choose: Callable[[int, int], None]) -> None:
    """A code map; `choose(row, column)` is called before the run that a click on a cell causes."""
    key = f"cells-{block.name}"

    def chosen() -> None:
        place = _value(key, "cell")
        if isinstance(place, list) and len(place) == 2 and all(isinstance(one, int) for one in place):
            row, column = place
            if 0 <= row < block.codes.shape[0] and 0 <= column < block.codes.shape[1]:
                choose(row, column)

    with st.container(key=block.name):
        _code_map(key=key, data=sent(block) | {"waits": list(block.waits)}, on_cell_change=chosen)


def gallery(
    block: Pictures, choose: Callable[[int], None], gathered: Collection[int] = (), gather: Callable | None = None
) -> None:
    """Pictures that are a button each; `choose(index)` is called before the run that a click causes.

    Args:
        gathered: rows of the images that are gathered for a set; `gather(row)` is called where one is to be, or is
            to be put back.
    """
    key = f"pictures-of-{block.name}"
    pictures = [
        {"title": one.title or one.alt, "note": one.note, "help": one.help or one.alt}
        | {"url": url(one.pixels, block.width)}
        | {"gathered": None if one.row is None or gather is None else one.row in gathered}
        for one in block.pictures
    ]

    def chosen() -> None:
        index = _value(key, "picture")
        if isinstance(index, int) and 0 <= index < len(block.pictures):
            choose(index)

    def picked() -> None:
        index = _value(key, "gather")
        if isinstance(index, int) and 0 <= index < len(block.pictures) and block.pictures[index].row is not None:
            gather(block.pictures[index].row)

    with st.container(key=f"gallery-{block.name}"):
        _gallery(
            key=key, data={"name": block.name, "pictures": pictures, "side": block.width}, on_picture_change=chosen,
            on_gather_change=picked,
        )  # fmt: skip


def _value(key: str, name: str) -> Any:
    """What a browser sends is not trusted to be anything."""
    state = st.session_state.get(key)
    return state.get(name) if hasattr(state, "get") else None
