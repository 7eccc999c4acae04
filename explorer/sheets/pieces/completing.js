// A picture whose cells are taken away by brush, rectangle, preset or keyboard, and completions that a prior draws of
// it. Asks `{mask, have}` again and again until all are drawn; `{mask, have, one}` for the codes of one of them.
// The board is one canvas, so that a grid of any size has one tab stop; what the cursor is on is said.
function completing(root, data, tell, ask) {
  const STYLE = `
    .completing { color: var(--cx-text, currentColor); line-height: 1.35; font-size: 14px; }
    .completing .all { display: grid; gap: 18px 28px; grid-template-columns: minmax(0, var(--side)) minmax(0, 1fr);
      align-items: start; }
    .completing[data-narrow] .all { grid-template-columns: minmax(0, 1fr); }
    .completing .board { position: relative; touch-action: none; cursor: crosshair; border-radius: 6px; user-select: none;
      -webkit-user-select: none; background-size: 100% 100%; image-rendering: pixelated; overflow: hidden; }
    .completing .board canvas { display: block; width: 100%; height: 100%; }
    .completing .board:focus-visible { outline: 3px solid var(--cx-accent, #2a628f); outline-offset: 2px; }
    .completing .tools { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 8px; }
    .completing button { font: inherit; font-size: 0.85rem; color: inherit; cursor: pointer; min-height: 36px; margin: 0;
      padding: 0 10px; background: var(--cx-panel, #8881); border: 1px solid var(--cx-line, #8886); border-radius: 8px; }
    .completing button:hover { border-color: var(--cx-accent, currentColor); }
    .completing button[aria-pressed=true] { border-color: var(--cx-accent, currentColor);
      box-shadow: inset 0 0 0 1px var(--cx-accent, currentColor); }
    .completing button:focus-visible { outline: 2px solid var(--cx-accent, #2a628f); outline-offset: 2px; }
    .completing p { margin: 6px 0; }
    .completing .said { font-variant-numeric: tabular-nums; min-height: 1.35em; margin: 0 0 8px; }
    .completing .wrong { color: #c0392b; }
    .completing .quiet { color: var(--cx-quiet, currentColor); font-size: 0.82rem; }
    .completing progress { width: 100%; height: 6px; display: block; margin: 0 0 10px;
      accent-color: var(--cx-accent, #2a628f); }
    .completing .made { display: grid; gap: 12px 10px; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); }
    .completing[data-narrow] .made { grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); }
    .completing figure { margin: 0; min-width: 0; }
    .completing .picture { position: relative; aspect-ratio: 1; border-radius: 6px; overflow: hidden; }
    .completing .picture i { position: absolute; inset: 0; image-rendering: pixelated; background-repeat: no-repeat;
      background-size: 100% 100%; }
    .completing .picture canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
    .completing figcaption { font-size: 0.8rem; margin-top: 4px; font-variant-numeric: tabular-nums; }
    .completing figcaption b { font-weight: 600; display: block; }
    .completing .acts { display: flex; flex-wrap: wrap; gap: 4px 10px; }
    .completing .acts button { all: unset; cursor: pointer; font-size: 0.8rem; text-decoration: underline;
      text-underline-offset: 3px; color: var(--cx-accent, #2a628f); min-height: 24px; }
    .completing .acts button:focus-visible { outline: 2px solid var(--cx-accent, #2a628f); outline-offset: 2px; }`
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    if (kind) one.className = kind
    if (text) one.textContent = text
    return one
  }
  const state = (root.completing ??= {})
  if (!state.box) build()
  Object.assign(state, { data, tell, ask })
  update()

  function build() {
    root.replaceChildren()
    make("style", root).textContent = STYLE
    const box = (state.box = make("div", root, "completing")), all = make("div", box, "all")
    const left = make("div", all), right = make("div", all)
    state.board = make("div", left, "board")
    Object.assign(state.board, { tabIndex: 0 })
    state.board.setAttribute("role", "application")
    state.canvas = make("canvas", state.board)
    state.where = make("p", left, "quiet")
    state.where.setAttribute("aria-live", "polite")
    const tools = (parent) => make("div", parent, "tools")
    const tool = (parent, text, about, act) => {
      const one = make("button", parent, "", text)
      Object.assign(one, { type: "button", title: about, onclick: () => act(one) })
      return one
    }
    state.tool = "brush"
    const how = tools(left), tooled = {}
    const choose = (name) => {
      state.tool = name
      for (const [key, one] of Object.entries(tooled)) one.ariaPressed = String(key === name)
    }
    for (const [name, text, about] of [["brush", "Brush", "Drag to take cells away"],
      ["box", "Rectangle", "Drag from corner to corner to take cells away"], ["erase", "Put back", "Drag to put cells back"]])
      tooled[name] = tool(how, text, about, () => choose(name))
    choose("brush")
    const wide = tool(how, "Wide", "Three cells at once", (one) => {
      state.wide = !state.wide
      one.ariaPressed = String(state.wide)
    })
    wide.ariaPressed = "false"
    const see = tool(how, "Codes", "Show the codes on the board in place of the picture", (one) => {
      state.codes = !state.codes
      one.ariaPressed = String(state.codes)
      state.board.style.backgroundImage = `url("${state.codes ? state.data.codes : state.data.picture}")`
    })
    see.ariaPressed = "false"
    const what = tools(left)
    const preset = (text, about, rule) => tool(what, text, about, () => {
      const { rows, columns } = state.data
      state.on = state.on.map((on, at) => Boolean(rule(Math.floor(at / columns), at % columns, rows, columns, on)))
      paint()
      draw()
    })
    preset("Lower half", "Take the lower half away", (row, _, rows) => row >= Math.ceil(rows / 2) || rows === 1)
    preset("Right half", "Take the right half away", (_, column, __, columns) => column >= Math.ceil(columns / 2) || columns === 1)
    preset("Centre", "Take the middle away", (row, column, rows, columns) =>
      Math.abs(row - (rows - 1) / 2) < Math.max(rows / 4, 0.6) && Math.abs(column - (columns - 1) / 2) < Math.max(columns / 4, 0.6))
    preset("Random half", "Take about half of the cells away, at random", () => Math.random() < 0.5)
    preset("Invert", "Put back what is away, and take away the rest", (_, __, ___, ____, on) => !on)
    preset("All back", "Nothing is missing", () => false)
    state.original = make("div", left, "made")
    state.original.style.marginTop = "14px"
    state.said = make("p", right, "said")
    state.said.setAttribute("aria-live", "polite")
    state.bar = make("progress", right)
    state.made = make("div", right, "made")
    state.words = make("p", right)
    state.about = make("p", right, "quiet")
    state.outline = tool(make("div", right, "tools"), "Outline", "Mark the cells that were drawn", (one) => {
      state.marks = !state.marks
      one.ariaPressed = String(state.marks)
      over()
    })
    state.marks = true
    state.outline.ariaPressed = "true"
    new ResizeObserver(([{ contentRect }]) => box.toggleAttribute("data-narrow", contentRect.width < 700)).observe(box)
    state.at = 0
    pointers()
    root.leave = () => { state.run = null; clearTimeout(state.timer) }
  }

  function update() {
    const { data } = state, fresh = state.of !== data.of
    const size = data.rows * data.columns
    state.box.style.setProperty("--side", `${data.side}px`)
    state.board.style.aspectRatio = `${data.columns} / ${data.rows}`
    state.board.style.backgroundImage = `url("${state.codes ? data.codes : data.picture}")`
    state.board.setAttribute("aria-label", `${data.called}: cells to take away, ${data.rows} by ${data.columns}; arrows move, space takes away or puts back`)
    const given = Array.from(data.cells, (one) => one === "1")
    if (fresh || state.on?.length !== size || (state.given !== data.cells && hexed(given) !== state.told)) state.on = given
    state.given = data.cells
    if (fresh) {
      state.at = 0
      state.where.textContent = ""
      state.original.replaceChildren()
      for (const [url, title] of [[data.picture, data.called], [data.decoded, "Its codes decoded"]]) {
        const figure = make("figure", state.original), picture = make("div", figure, "picture"), inner = make("i", picture)
        inner.style.backgroundImage = `url("${url}")`
        inner.setAttribute("role", "img")
        inner.setAttribute("aria-label", title)
        make("figcaption", figure, "", title)
      }
    }
    state.of = data.of
    paint()
    if (state.key !== data.key || hexed(state.on) !== state.asked) {
      state.key = data.key
      draw()
    }
  }
  function hexed(on) {  // as `numpy.packbits` does it: the first cell is the highest bit
    let text = ""
    for (let start = 0; start < on.length; start += 8) {
      let byte = 0
      for (let bit = 0; bit < 8; bit++) byte = byte * 2 + (on[start + bit] ? 1 : 0)
      text += byte.toString(16).padStart(2, "0")
    }
    return text
  }
  function stripes(context, x, y, wide, high) {
    context.save()
    context.beginPath()
    context.rect(x, y, wide, high)
    context.clip()
    context.fillStyle = "#8a8a8a"
    context.fillRect(x, y, wide, high)
    context.strokeStyle = "#6c6c6c"
    context.lineWidth = 4
    context.beginPath()
    const step = 12, first = Math.floor((x + y) / step) * step
    for (let at = first; at < x + y + wide + high + step; at += step) {
      context.moveTo(at - y, y)
      context.lineTo(at - y - high, y + high)
    }
    context.stroke()
    context.restore()
  }
  function paint(box = null) {
    const { rows, columns } = state.data, cell = Math.max(4, Math.round(600 / Math.max(rows, columns)))
    const { canvas, on } = state, context = canvas.getContext("2d")
    canvas.width = columns * cell
    canvas.height = rows * cell
    for (let at = 0; at < on.length; at++) {
      const x = (at % columns) * cell, y = Math.floor(at / columns) * cell
      if (on[at]) stripes(context, x, y, cell, cell)
    }
    context.strokeStyle = "#8886"
    context.lineWidth = 1
    for (let row = 1; row < rows; row++) context.strokeRect(-1, row * cell, canvas.width + 2, 0)
    for (let column = 1; column < columns; column++) context.strokeRect(column * cell, -1, 0, canvas.height + 2)
    const mark = (top, left, bottom, right, colours) => colours.forEach((colour, inner) => {
      context.strokeStyle = colour
      context.lineWidth = 4
      const by = 2 + 4 * inner
      context.strokeRect(left * cell + by, top * cell + by, (right - left + 1) * cell - 2 * by, (bottom - top + 1) * cell - 2 * by)
    })
    if (box) mark(...box, ["#fff", "#000"])
    else if (state.keys) {
      const row = Math.floor(state.at / columns), column = state.at % columns
      mark(row, column, row, column, ["#fff", "#000"])
    }
    root.dataset.missing = on.filter(Boolean).length
  }
  function pointers() {
    const { board } = state
    const under = (event) => {
      const { rows, columns } = state.data, place = board.getBoundingClientRect()
      const along = (value, start, long, count) => Math.min(count - 1, Math.max(0, Math.floor(((value - start) / long) * count)))
      return [along(event.clientY, place.top, place.height, rows), along(event.clientX, place.left, place.width, columns)]
    }
    const set = (row, column, value) => {
      const { rows, columns } = state.data, wide = state.wide ? 1 : 0
      for (let down = -wide; down <= wide; down++) for (let right = -wide; right <= wide; right++) {
        const [r, c] = [row + down, column + right]
        if (r >= 0 && r < rows && c >= 0 && c < columns) state.on[r * columns + c] = value
      }
    }
    const stroke = (to) => {
      const from = state.last ?? to, steps = Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]), 1)
      for (let step = 0; step <= steps; step++)
        set(...[0, 1].map((axis) => Math.round(from[axis] + ((to[axis] - from[axis]) * step) / steps)), state.tool !== "erase")
      state.last = to
    }
    const corners = (to) => [Math.min(state.from[0], to[0]), Math.min(state.from[1], to[1]),
      Math.max(state.from[0], to[0]), Math.max(state.from[1], to[1])]
    board.onpointerdown = (event) => {
      if (event.button) return
      event.preventDefault()
      board.focus({ preventScroll: true })
      board.setPointerCapture?.(event.pointerId)
      state.keys = false
      state.from = under(event)
      state.last = null
      if (state.tool === "box") paint(corners(state.from)); else { stroke(state.from); paint() }
    }
    board.onpointermove = (event) => {
      if (!state.from) return
      const to = under(event)
      if (state.tool === "box") paint(corners(to)); else { stroke(to); paint() }
    }
    const end = (event) => {
      if (!state.from) return
      if (state.tool === "box" && event.type === "pointerup") {
        const [top, left, bottom, right] = corners(under(event))
        for (let row = top; row <= bottom; row++) for (let column = left; column <= right; column++)
          state.on[row * state.data.columns + column] = true
      }
      state.from = null
      paint()
      draw()
    }
    board.onpointerup = board.onpointercancel = end
    board.onkeydown = (event) => {
      const { rows, columns } = state.data, row = Math.floor(state.at / columns), column = state.at % columns
      const to = { ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column],
        ArrowDown: [row + 1, column] }[event.key]
      if (to) {
        if (to[0] >= 0 && to[0] < rows && to[1] >= 0 && to[1] < columns) state.at = to[0] * columns + to[1]
      } else if (event.key === " " || event.key === "Enter") {
        state.on[state.at] = !state.on[state.at]
        root.dataset.done = "false"
        clearTimeout(state.timer)
        state.timer = setTimeout(draw, 500)
      } else return
      event.preventDefault()
      state.keys = true
      paint()
      const at = [Math.floor(state.at / columns), state.at % columns]
      state.where.textContent = `Row ${at[0]}, column ${at[1]}: ${state.on[state.at] ? "missing" : "kept"}`
    }
    board.onblur = () => { state.keys = false; paint() }
  }
  function say(text, wrong = false) {
    state.said.textContent = text
    state.said.classList.toggle("wrong", wrong)
  }
  function places() {  // as many pictures as are drawn
    const { made, data } = state
    if (made.children.length === data.count && state.figures) return
    made.replaceChildren()
    state.figures = Array.from({ length: data.count }, (_, at) => {
      const figure = make("figure", made), picture = make("div", figure, "picture"), inner = make("i", picture)
      const canvas = make("canvas", picture), caption = make("figcaption", figure)
      const title = make("b", caption, "", `Completion ${at + 1}`), note = make("span", caption), acts = make("div", figure, "acts")
      inner.setAttribute("role", "img")
      inner.setAttribute("aria-label", title.textContent)
      const act = (text, about, kind) => {
        const one = make("button", acts, "", text)
        Object.assign(one, { type: "button", title: about, onclick: () => follow(kind, at) })
      }
      act("Go on from this", "Take its codes for the start, and take other cells away", "base")
      act("Paint on it", "Its codes on the page Edit", "edit")
      return { inner, canvas, note, acts }
    })
  }
  async function asked(message, wanted) {  // until it is answered, or no longer wanted; null is: another came between
    while (wanted()) {
      const found = await state.ask(message)
      if (found) return wanted() ? found : null
      await new Promise((done) => setTimeout(done, 80))  // two that ask at once would put each other off for ever
    }
    return null
  }
  async function draw() {
    clearTimeout(state.timer)
    const round = (state.run = {}), mask = (state.asked = state.told = hexed(state.on))
    places()
    state.found = null
    root.dataset.done = "false"
    for (const { note, acts } of state.figures) { note.textContent = ""; acts.style.visibility = "hidden" }
    state.words.textContent = state.about.textContent = ""
    blank()
    say("…")
    let have = 0
    try {
      while (true) {
        const found = await asked({ mask, have }, () => state.run === round)
        if (!found) return
        have = found.rows
        show(found)
        if (found.done) return
      }
    } catch (problem) {
      if (state.run === round) { say(problem.message, true); state.bar.style.visibility = "hidden" }
    }
  }
  function blank() {  // what is kept is there from the beginning
    for (const { inner } of state.figures) {
      inner.style.backgroundImage = `url("${state.data.decoded}")`
      inner.style.backgroundSize = "100% 100%"
      inner.style.backgroundPosition = "0 0"
    }
    state.reached = state.figures.map(() => 0)
    state.bar.value = 0
    state.bar.style.visibility = ""
    over()
  }
  function show(found) {
    state.bar.max = found.total
    state.bar.value = found.rows
    state.bar.style.visibility = found.done ? "hidden" : ""
    if (found.none) {
      state.reached = state.figures.map(() => state.data.rows)
      over()
      return say("Nothing is missing: take some cells away on the left.")
    }
    if (found.url) {
      const down = Math.ceil(found.n / found.across)
      state.figures.forEach(({ inner }, at) => {
        const column = at % found.across, row = Math.floor(at / found.across)
        inner.style.backgroundImage = `url("${found.url}")`
        inner.style.backgroundSize = `${found.across * 100}% ${down * 100}%`
        inner.style.backgroundPosition = `${found.across > 1 ? (100 * column) / (found.across - 1) : 0}% ${
          down > 1 ? (100 * row) / (down - 1) : 0}%`
      })
    }
    state.reached = found.reached
    over()
    if (!found.done) return say(!found.rows ? "Opening the prior …" : `Row ${Math.min(found.rows + 1, found.total)} of ${found.total} …`)
    root.dataset.done = "true"
    const count = state.figures.length, seconds = Math.max(found.seconds, 0.01)
    say(`${count} completions of ${found.cells} cell${found.cells > 1 ? "s" : ""}, drawn in ${seconds.toFixed(seconds < 1 ? 2 : 1)} s`)
    const share = (value) => `${Math.round(100 * value)} %`, what = state.data.called.toLowerCase()
    state.figures.forEach(({ note, acts }, at) => {
      note.textContent = `${share(found.same[at])} as in the ${what}`
      note.title = state.data.help["cells as before"]
      acts.style.visibility = ""
    })
    const mean = found.same.reduce((sum, one) => sum + one, 0) / count
    let words = `Of the ${found.cells} drawn cells, ${share(mean)} on average have the code that the ${what} has there`
    if (found.usual !== null) words += `; the likeliest code of each place, whatever the image, would be right in ${share(found.usual)}`
    words += state.data.class ? `. Drawn as ${state.data.class}.` : ". Drawn without a class."
    if (found.drafts) {
      const least = Math.min(...found.effective)
      words += ` Kept cells come after missing ones, so each is one of ${found.drafts} drafts, of which ${least.toFixed(1)} ` +
        `${count > 1 ? "or more " : ""}counted${least < 2 ? ": hardly any fitted what is kept, so take these with care" : ""}.`
    }
    state.words.textContent = words
    state.about.textContent = `${state.data.help["cells as before"]} ${found.drafts ? state.data.help["effective drafts"] : ""}`
  }
  function over() {  // stripes where nothing is drawn yet, and an outline around what was drawn
    const { rows, columns } = state.data, { on } = state, cell = Math.max(2, Math.round(256 / Math.max(rows, columns)))
    state.figures?.forEach(({ canvas }, at) => {
      const context = canvas.getContext("2d")
      canvas.width = columns * cell
      canvas.height = rows * cell
      const missing = (row, column) => row >= 0 && row < rows && column >= 0 && column < columns && on[row * columns + column]
      const edge = new Path2D(), line = (...ends) => { edge.moveTo(ends[0], ends[1]); edge.lineTo(ends[2], ends[3]) }
      for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
        if (!missing(row, column)) continue
        const x = column * cell, y = row * cell
        if (row >= state.reached[at]) stripes(context, x, y, cell, cell)
        if (!missing(row - 1, column)) line(x, y, x + cell, y)
        if (!missing(row + 1, column)) line(x, y + cell, x + cell, y + cell)
        if (!missing(row, column - 1)) line(x, y, x, y + cell)
        if (!missing(row, column + 1)) line(x + cell, y, x + cell, y + cell)
      }
      if (!state.marks) return
      for (const [colour, width] of [["#000a", 4], ["#fff", 2]]) {
        context.strokeStyle = colour
        context.lineWidth = width
        context.stroke(edge)
      }
    })
  }
  async function follow(kind, one) {
    const round = state.run, mask = state.asked
    try {
      const found = await asked({ mask, have: 0, one }, () => state.run === round)
      if (!found) return
      if (kind === "edit" && found.edit) state.tell({ to: "edit", image: found.edit.image, edit: found.edit.edit })
      else if (kind === "base" && found.base) state.tell({ to: "base", base: found.base, missing: mask })
      else say("That cannot be carried there: these codes are too many, or not those of the checkpoint alone.", true)
    } catch (problem) { say(problem.message, true) }
  }
}
