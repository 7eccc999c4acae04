"""A code map in a browser: what is sent of it, and the script that draws it, in the app and in the demo alike."""

from __future__ import annotations

from typing import Any

from explorer.sheets import CodeMap
from explorer.sheets.drawing import url

SIDE = 256  # pixels of the picture of the colours, at least

# A button for each cell, of which one is a stop of the Tab key; arrow keys move on from there. What is shown of the
# choice is shown at once, before anybody answers. Texts are set as texts, never as HTML.
SCRIPT = """
const codeMapStyle = `
  .code-map { position: relative; width: 100%; }
  .code-map > * { position: absolute; inset: 0; width: 100%; height: 100%; }
  .code-map > img { image-rendering: pixelated; object-fit: fill; border-radius: 0; margin: 0; }
  .code-map > div { display: grid; }
  .code-map button { all: unset; cursor: pointer; min-width: 0; min-height: 0; }
  .code-map button:focus-visible { outline: 3px solid #fff; outline-offset: -3px; box-shadow: 0 0 0 2px #000; }
  .code-map > svg { pointer-events: none; overflow: visible; fill: none; }
  .code-map path { vector-effect: non-scaling-stroke; }
  .code-map > p { position: fixed; inset: auto; width: max-content; height: auto; z-index: 1000000; margin: 0;
    padding: 4px 8px; border-radius: 6px; background: #11151b; color: #fff; font-size: 13px; line-height: 1.35;
    white-space: pre; pointer-events: none; visibility: hidden; box-shadow: 0 2px 8px #0006; }`

// Draws `data` into `root`; `choose(row, column, code)` is called for the cell that is clicked or entered.
function codeMap(root, data, choose) {
  const { rows, columns, codes, notes } = data
  const make = (name, parent) => parent.appendChild(document.createElement(name))
  const drawn = JSON.stringify([codes, notes])
  if (root.codeMap?.drawn !== drawn) {
    root.replaceChildren()
    make("style", root).textContent = codeMapStyle
    const box = make("div", root)
    box.className = "code-map"
    box.style.aspectRatio = `${columns} / ${rows}`
    const behind = make("img", box), front = make("img", box), grid = make("div", box), tip = make("p", box)
    behind.alt = front.alt = ""
    grid.setAttribute("role", "group")
    grid.style.gridTemplate = `repeat(${rows}, 1fr) / repeat(${columns}, 1fr)`
    const cells = codes.flatMap((line, row) => line.map((code, column) => {
      const cell = make("button", grid)
      cell.type = "button"
      cell.ariaLabel = `row ${row}, column ${column}, code ${code}`
      cell.tabIndex = -1
      return cell
    }))
    box.insertAdjacentHTML("beforeend", `<svg viewBox="0 0 ${columns} ${rows}" preserveAspectRatio="none"
      aria-hidden="true"><path stroke="#000" stroke-width="4"/><path stroke="#fff" stroke-width="2"/>
      <circle r="0.2" fill="#000"/><circle r="0.14" fill="#fff"/></svg>`)
    root.codeMap = { drawn, box, behind, front, grid, cells }
    const map = root.codeMap, place = (event) => cells.indexOf(event.target)
    map.stop = (at) => cells.forEach((one, index) => { one.tabIndex = index === at ? 0 : -1 })
    const hide = () => { tip.style.visibility = "hidden" }
    const point = (event) => {
      const at = place(event)
      if (at < 0) return hide()
      tip.textContent = notes[Math.floor(at / columns)][at % columns]
      const cell = cells[at].getBoundingClientRect(), size = tip.getBoundingClientRect()
      const below = cell.bottom + size.height + 8 < window.innerHeight
      tip.style.left = `${Math.max(4, Math.min(cell.right + 6, window.innerWidth - size.width - 8))}px`
      tip.style.top = `${below ? cell.bottom + 6 : cell.top - size.height - 6}px`
      tip.style.visibility = "visible"
    }
    for (const name of ["pointerover", "focusin"]) grid.addEventListener(name, point)
    for (const name of ["pointerleave", "focusout"]) grid.addEventListener(name, hide)
    grid.onclick = (event) => {
      const at = place(event), row = Math.floor(at / columns), column = at % columns
      if (at < 0) return
      map.mark(codes[row][column], [row, column])
      map.choose(row, column, codes[row][column])
    }
    grid.onkeydown = (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key]
      const at = place(event)
      if (!step || at < 0) return
      event.preventDefault()
      const row = Math.floor(at / columns) + step[0], column = (at % columns) + step[1]
      if (row < 0 || row >= rows || column < 0 || column >= columns) return
      map.stop(row * columns + column)
      cells[row * columns + column].focus()
    }
  }
  const map = root.codeMap, { box, behind, front, grid, cells } = map
  map.choose = choose
  box.style.maxWidth = `${data.width}px`
  front.src = data.url
  front.style.opacity = data.opacity
  behind.style.display = data.behind ? "" : "none"
  if (data.behind) behind.src = data.behind
  grid.ariaLabel = data.alt

  map.mark = (code, cell) => {  // outlines the cells of a code, and dots the chosen cell
    const has = (row, column) => code !== null && codes[row]?.[column] === code
    let path = ""
    for (let row = 0; row <= rows; row++) for (let column = 0; column <= columns; column++) {
      if (has(row, column) !== has(row - 1, column)) path += `M${column},${row}h1`
      if (has(row, column) !== has(row, column - 1)) path += `M${column},${row}v1`
    }
    for (const line of box.querySelectorAll("path")) line.setAttribute("d", path)
    for (const dot of box.querySelectorAll("circle")) {
      dot.style.display = cell && cells.length > 1 ? "" : "none"
      if (cell) { dot.setAttribute("cx", cell[1] + 0.5); dot.setAttribute("cy", cell[0] + 0.5) }
    }
    const at = cell ? cell[0] * columns + cell[1] : -1
    cells.forEach((one, index) => one.setAttribute("aria-pressed", index === at))
    if (!grid.querySelector("[tabindex='0']") || at >= 0) map.stop(Math.max(at, 0))
  }
  map.mark(data.code, data.cell)
}
"""


def sent(block: CodeMap) -> dict[str, Any]:
    """What the script wants to know of a map, as JSON."""
    rows, columns = block.codes.shape
    seen_through = block.behind is not None and block.opacity < 1
    return {
        "rows": rows, "columns": columns, "codes": block.codes.tolist(), "notes": [list(line) for line in block.notes],
        "url": url(block.colours[block.codes], SIDE), "behind": url(block.behind, SIDE) if seen_through else None,
        "opacity": block.opacity if seen_through else 1, "alt": block.alt or block.title, "code": block.code,
        "cell": list(block.cell) if block.cell is not None else None, "width": block.width,
    }  # fmt: skip
