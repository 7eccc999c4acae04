// A picture whose patches are hidden and shown by pressing, dragging, or the keyboard: arrows move, space hides or shows.
// Asks for what comes back while patches change, and tells the patches as text (`hexed` in sheets/cells.py) afterwards.
// Patches are buttons with one tab stop for all; a drag gives every patch that it crosses what the first one became.

const maskboardStyle = `
  .maskboard { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: flex-start; }
  .maskboard figure { margin: 0; width: min(100%, var(--side)); }
  .maskboard .patches { display: grid; width: 100%; background-size: 100% 100%; touch-action: none;
    image-rendering: pixelated; border-radius: 6px; overflow: hidden; user-select: none; -webkit-user-select: none;
    cursor: crosshair; }
  .maskboard .patches button { all: unset; box-sizing: border-box; border: 0.5px solid #8886; min-width: 0;
    min-height: 0; }
  .maskboard .patches button[aria-pressed=true] {  /* striped, so that they are not taken for grey ones */
    background: repeating-linear-gradient(135deg, #8a8a8a 0 4px, #767676 4px 8px); }
  .maskboard .patches button.near { box-shadow: inset 0 0 0 2px #fff9; }
  .maskboard .patches button:focus-visible { box-shadow: inset 0 0 0 2px #fff, inset 0 0 0 4px #000; z-index: 1; }
  .maskboard .tools { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 8px; }
  .maskboard .tools button { font: inherit; font-size: 0.875rem; line-height: 1.2; color: inherit; cursor: pointer;
    background: var(--cx-panel, #8881); border: 1px solid var(--cx-line, #8886); border-radius: 8px; padding: 0 10px;
    min-height: 36px; margin: 0; }
  .maskboard .tools button:hover { border-color: var(--cx-accent, currentColor); }
  .maskboard .tools button[aria-pressed=true] { border-color: var(--cx-accent, currentColor);
    box-shadow: inset 0 0 0 1px var(--cx-accent, currentColor); }
  .maskboard .tools button:focus-visible { outline: 2px solid var(--cx-accent, currentColor); outline-offset: 2px; }
  .maskboard img { display: block; width: 100%; image-rendering: pixelated; border-radius: 6px; margin: 0; }
  .maskboard figcaption { font-size: 0.875rem; line-height: 1.35; margin-top: 8px; white-space: pre-line; }
  .maskboard figcaption b { font-weight: 600; }`

function maskboard(root, data, tell, ask) {
  const state = (root.maskboard ??= maskboardStart(root))
  Object.assign(state, { data, tell, ask })
  state.update()
}

function maskboardStart(root) {
  const make = (name, parent, more = {}) => Object.assign(parent.appendChild(document.createElement(name)), more)
  root.replaceChildren()
  make("style", root, { textContent: maskboardStyle })
  const box = make("div", root, { className: "maskboard" }), left = make("figure", box)
  const board = make("div", left, { className: "patches" }), tools = make("div", left, { className: "tools" })
  const live = make("figure", box), image = make("img", live), caption = make("figcaption", live)
  const title = make("b", caption), words = make("span", caption)
  const state = { cells: [], on: [], brush: null, last: null, size: 1, at: 0, timer: 0, told: null, since: 0 }
  board.setAttribute("role", "group")

  const set = (index, on) => {
    if (state.on[index] === on) return
    state.on[index] = on
    state.cells[index].ariaPressed = String(on)
  }
  const hexed = (on) => {  // as `numpy.packbits` does it: the first patch is the highest bit
    let text = ""
    for (let start = 0; start < on.length; start += 8) {
      let byte = 0
      for (let bit = 0; bit < 8; bit++) byte = byte * 2 + (on[start + bit] ? 1 : 0)
      text += byte.toString(16).padStart(2, "0")
    }
    return text
  }
  const show = (found) => {
    if (!found) return
    if (found.url) image.src = found.url
    words.textContent = `\n${found.words}`
  }
  const look = async () => {
    if (!state.data.live) return
    try { show(await state.ask({ mask: hexed(state.on) })) } catch { /* the page itself tells, a moment later */ }
  }
  const send = (wait) => {
    clearTimeout(state.timer)
    state.timer = setTimeout(() => {
      state.timer = 0
      const text = hexed(state.on)
      if (text === state.given) return
      state.told = text
      state.since = Date.now()
      state.tell({ mask: text })
    }, wait)
  }
  const changed = (wait) => { look(); send(wait) }

  const under = (event) => {  // [row, column] that the pointer is over, also while it is held outside
    const { rows, columns } = state.data, place = board.getBoundingClientRect()
    const column = Math.floor(((event.clientX - place.left) / place.width) * columns)
    const row = Math.floor(((event.clientY - place.top) / place.height) * rows)
    return row >= 0 && row < rows && column >= 0 && column < columns ? [row, column] : null
  }
  const covered = ([row, column]) => {
    const { rows, columns } = state.data, found = [], size = Math.min(state.size, rows, columns)
    const top = Math.min(row, rows - size), left = Math.min(column, columns - size)
    for (let down = 0; down < size; down++) for (let right = 0; right < size; right++)
      found.push((top + down) * columns + left + right)
    return found
  }
  const near = (cell) => {
    board.querySelectorAll(".near").forEach((one) => one.classList.remove("near"))
    if (cell) for (const index of covered(cell)) state.cells[index].classList.add("near")
  }
  const stroke = (cell) => {  // all patches between the last one and this one, so that a fast drag leaves no gaps
    const from = state.last ?? cell, steps = Math.max(Math.abs(cell[0] - from[0]), Math.abs(cell[1] - from[1]), 1)
    for (let step = 0; step <= steps; step++) {
      const along = (axis) => Math.round(from[axis] + ((cell[axis] - from[axis]) * step) / steps)
      for (const index of covered([along(0), along(1)])) set(index, state.brush)
    }
    state.last = cell
  }
  board.onpointerdown = (event) => {
    const cell = under(event)
    if (!cell || event.button) return
    event.preventDefault()
    board.setPointerCapture?.(event.pointerId)
    clearTimeout(state.timer)
    state.timer = 0
    state.brush = !state.on[cell[0] * state.data.columns + cell[1]]
    state.last = null
    stroke(cell)
    look()
  }
  board.onpointermove = (event) => {
    const cell = under(event)
    if (event.pointerType !== "touch") near(cell)
    if (state.brush === null || !cell || (state.last && cell[0] === state.last[0] && cell[1] === state.last[1])) return
    stroke(cell)
    look()
  }
  board.onpointerleave = () => near(null)
  board.onpointerup = board.onpointercancel = () => {
    if (state.brush === null) return
    state.brush = null
    send(state.data.live ? 350 : 120)
  }
  board.onclick = (event) => {  // by the keyboard or a screen reader: no pointer was pressed
    const index = state.cells.indexOf(event.target)
    if (event.detail !== 0 || index < 0) return
    const on = !state.on[index], { columns } = state.data
    for (const one of covered([Math.floor(index / columns), index % columns])) set(one, on)
    changed(600)
  }
  board.onkeydown = (event) => {
    const { columns, rows } = state.data, at = state.at, column = at % columns
    const to = { ArrowLeft: column ? at - 1 : at, ArrowRight: column < columns - 1 ? at + 1 : at,
      ArrowUp: at - columns, ArrowDown: at + columns }[event.key]
    if (to === undefined) return
    event.preventDefault()
    if (to < 0 || to >= rows * columns) return
    state.cells[at].tabIndex = -1
    state.cells[to].tabIndex = 0
    state.cells[(state.at = to)].focus()
  }

  const tool = (text, about, act) => {
    const one = make("button", tools, { type: "button", textContent: text, title: about })
    one.onclick = () => act(one)
    return one
  }
  const all = (rule) => { state.on.forEach((on, index) => set(index, rule(on, index))); changed(0) }
  tool("Show all", "Nothing is hidden", () => all(() => false))
  tool("Invert", "Show what is hidden, and hide what is shown", () => all((on) => !on))
  const random = tool("", "Hide so many patches at random; go on painting from there", () => {
    const count = state.on.length, ranks = state.on.map((_, index) => [Math.random(), index]).sort((a, b) => a[0] - b[0])
    const hidden = Math.min(Math.max(Math.round((count * state.data.share) / 100), 1), count - 1)
    const chosen = new Set(ranks.slice(0, hidden).map(([, index]) => index))
    all((_, index) => chosen.has(index))
  })
  const brush = tool("Brush 2 × 2", "Paint four patches at once", (one) => {
    state.size = state.size === 1 ? 2 : 1
    one.ariaPressed = String(state.size === 2)
  })
  brush.ariaPressed = "false"

  state.update = () => {
    const { rows, columns, url, cells, alt, side, share, live: given } = state.data
    box.style.setProperty("--side", `${side}px`)
    board.style.gridTemplate = `repeat(${rows}, 1fr) / repeat(${columns}, 1fr)`
    board.style.aspectRatio = `${columns} / ${rows}`
    board.style.backgroundImage = `url(${url})`
    board.ariaLabel = alt
    random.textContent = `Random ${share} %`
    random.hidden = share === null
    random.style.display = share === null ? "none" : ""
    live.style.display = given ? "" : "none"
    if (state.cells.length !== rows * columns) {
      board.replaceChildren()
      state.cells = Array.from({ length: rows * columns }, (_, index) => make("button", board, { type: "button",
        tabIndex: index ? -1 : 0,
        ariaLabel: `Patch in row ${Math.floor(index / columns) + 1}, column ${(index % columns) + 1}` }))
      state.on = state.cells.map(() => null)
      state.at = 0
      state.told = null
    }
    // what is being painted stays, and what was told stays until the page has caught up with it
    const on = Array.from(cells, (one) => one === "1"), late = state.told !== null && Date.now() - state.since < 5000
    state.given = hexed(on)
    if (state.brush !== null || state.timer || (late && state.given !== state.told)) return
    state.told = null
    on.forEach((one, index) => set(index, one))
    if (!given) return
    title.textContent = image.alt = given.title
    show(given)
  }
  root.leave = () => clearTimeout(state.timer)
  return state
}
