// A picture that is asked about beside the images that were found. Pointing at one (or its focus, or a tap) marks the
// cells of the codes that both have, in the same colours; a click, Enter or a second tap asks about it. On the asked
// picture a part is dragged, a patch is pressed, or codes are chosen, as `data.search` says; else a cell that is pointed
// at shows where its code stands in all of them.

const alikeColours = ["#ffc400", "#38c6ff", "#ff5fa2", "#58e07c", "#b48cff", "#ff8a3d", "#d8ff3e"]

const alikeStyle = `
  .alike { container-type: inline-size; color: var(--cx-text, currentColor); }
  .alike * { box-sizing: border-box; }
  .alike > div { display: grid; grid-template-columns: minmax(220px, 300px) minmax(0, 1fr); gap: 12px 28px;
    align-items: start; }
  .alike .asked { position: sticky; top: calc(var(--cx-top, 0px) + 8px); background: var(--cx-back, transparent);
    z-index: 3; display: grid; grid-template-columns: minmax(0, 1fr); gap: 10px; padding-bottom: 8px; }
  .alike p { margin: 0; font-size: 0.9rem; line-height: 1.3; overflow-wrap: anywhere; }
  .alike .quiet { color: var(--cx-quiet, currentColor); font-size: 0.85rem; }
  .alike b { font-weight: 600; }
  .alike canvas { display: block; width: 100%; aspect-ratio: 1; border-radius: 6px; }
  .alike .board { width: 100%; cursor: default; -webkit-tap-highlight-color: transparent; margin-bottom: 4px; }
  .alike .board.touchable { cursor: crosshair; }
  .alike .board.dragged { touch-action: none; }
  .alike .board:focus-visible { outline: 3px solid var(--cx-accent, #2a628f); outline-offset: 2px; }
  .alike .tools { display: flex; flex-wrap: wrap; gap: 6px; }
  .alike .tools:empty { display: none; }
  .alike .tool { font: inherit; font-size: 0.85rem; line-height: 1.2; color: inherit; cursor: pointer;
    background: var(--cx-panel, #8881); border: 1px solid var(--cx-line, #8886); border-radius: 8px; padding: 0 10px;
    min-height: 34px; margin: 0; }
  .alike .tool[aria-pressed=true] { border-color: var(--cx-accent, currentColor);
    box-shadow: inset 0 0 0 1px var(--cx-accent, currentColor); }
  .alike .tool:hover { border-color: var(--cx-accent, currentColor); }
  .alike .tool:focus-visible, .alike .code:focus-visible { outline: 2px solid var(--cx-accent, currentColor);
    outline-offset: 2px; }
  .alike .why { display: grid; gap: 6px; }
  .alike .codes { display: grid; gap: 4px; }
  .alike .code { all: unset; box-sizing: border-box; display: grid; cursor: pointer; align-items: center; gap: 8px;
    grid-template-columns: 34px minmax(0, 1fr) auto; border-radius: 6px; font-size: 0.875rem; line-height: 1.25; }
  .alike .code:hover { background: var(--cx-panel, #8882); }
  .alike .bar { display: block; height: 4px; border-radius: 2px; margin-top: 3px; min-width: 2px; }
  .alike .tile { display: block; background-color: #8883; background-repeat: no-repeat; image-rendering: pixelated;
    border-radius: 5px; border: 3px solid var(--colour, #8888); flex: none; }
  .alike .found { display: grid; gap: 14px 12px; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr));
    align-items: start; }
  .alike .hit { all: unset; box-sizing: border-box; display: block; cursor: pointer; border-radius: 8px; padding: 4px;
    min-width: 0; border: 2px solid transparent; -webkit-tap-highlight-color: transparent; }
  .alike .hit.now { border-color: var(--cx-accent, currentColor); background: var(--cx-panel, #8881); }
  .alike .hit:focus-visible { outline: 2px solid var(--cx-accent, currentColor); outline-offset: 2px; }
  .alike .hit p { display: flex; justify-content: space-between; gap: 4px 8px; margin-top: 4px; font-size: 0.85rem; }
  .alike .hit .name { display: block; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; margin: 0; }
  .alike .small { display: flex; gap: 2px; margin-top: 4px; height: 22px; overflow: hidden; }
  .alike .values { display: flex; flex-wrap: wrap; gap: 2px 6px; margin-top: 4px; font-size: 0.78rem;
    line-height: 1.3; color: var(--cx-quiet, currentColor); }
  .alike .values .same { color: var(--cx-text, currentColor); font-weight: 600; }
  .alike .none { font-size: 0.9rem; color: var(--cx-quiet, currentColor); }
  @container (max-width: 620px) {
    .alike > div { grid-template-columns: minmax(0, 1fr); }
    .alike .asked { grid-template-columns: 128px minmax(0, 1fr); gap: 4px 12px; border-bottom: 1px solid
      var(--cx-line, #8886); }
    .alike .wide .asked { grid-template-columns: minmax(0, 1fr); position: static; }
    .alike .wide .left { max-width: 340px; }
    .alike .found { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px 6px; }
    .alike .asked .code { grid-template-columns: 24px minmax(0, 1fr) auto; gap: 6px; font-size: 0.8rem; }
    .alike .asked p { font-size: 0.8rem; }
    .alike .tool { font-size: 0.8rem; padding: 0 8px; }
  }`

function alike(root, data, tell) {
  const state = (root.alike ??= alikeStart(root))
  Object.assign(state, { data, tell })
  state.update()
}

function alikeStart(root) {
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    one.className = kind
    one.textContent = text
    return one
  }
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0))
  const ints = (text) => text ? new Uint32Array(bytes(text).buffer) : null
  const percent = (share) => `${share >= 0.0995 ? Math.round(100 * share) : (100 * share).toFixed(1)} %`
  root.replaceChildren()
  make("style", root).textContent = alikeStyle
  const outer = make("div", root, "alike"), box = make("div", outer), asked = make("div", box, "asked")
  const left = make("div", asked, "left"), head = make("p", left), board = make("canvas", left, "board")
  const tools = make("div", left, "tools"), why = make("div", asked, "why"), found = make("div", box, "found")
  why.setAttribute("aria-live", "polite")
  board.setAttribute("role", "img")
  const state = { at: 0, cell: null, area: null, drag: null, tapped: null, hits: [], timer: 0, brush: false }

  // ---- drawing

  const border = (inside) => {  // the line around cells, in units of a cell
    const { rows, columns } = state.data, path = new Path2D()
    const has = (row, column) => row >= 0 && column >= 0 && row < rows && column < columns &&
      inside(row * columns + column)
    for (let row = 0; row <= rows; row++) for (let column = 0; column <= columns; column++) {
      const here = has(row, column)
      if (here !== has(row - 1, column)) { path.moveTo(column, row); path.lineTo(column + 1, row) }
      if (here !== has(row, column - 1)) { path.moveTo(column, row); path.lineTo(column, row + 1) }
    }
    return path
  }
  const dim = (pen, inside, shade) => {  // whole pixels, so that no lines show between cells
    const { rows, columns } = state.data, at = (place, of) => Math.round((place * pen.wide) / of)
    pen.setTransform(1, 0, 0, 1, 0, 0)
    pen.fillStyle = shade
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns;) {
        let to = column
        while (to < columns && !inside(row * columns + to)) to++
        if (to > column) pen.fillRect(at(column, columns), at(row, rows), at(to, columns) - at(column, columns),
          at(row + 1, rows) - at(row, rows))
        column = to + 1
      }
    }
    pen.grid()
  }
  const outline = (pen, inside, colour, wide = 2.5) => {
    const path = border(inside)
    for (const [ink, width] of [["#000c", wide + 2], [colour, wide]]) {
      pen.strokeStyle = ink
      pen.lineWidth = width / pen.unit
      pen.stroke(path)
    }
  }
  const sized = (canvas) => {
    const ratio = window.devicePixelRatio || 1, wide = Math.round(canvas.clientWidth * ratio)
    if (!wide) return null
    if (canvas.width !== wide || canvas.height !== wide) Object.assign(canvas, { width: wide, height: wide })
    const pen = canvas.getContext("2d"), { rows, columns } = state.data
    pen.setTransform(1, 0, 0, 1, 0, 0)
    pen.imageSmoothingEnabled = false
    pen.clearRect(0, 0, wide, wide)
    pen.grid = () => {
      pen.setTransform(wide / columns, 0, 0, wide / rows, 0, 0)
      pen.unit = wide / Math.max(columns, rows) / ratio
      pen.lineJoin = "round"
    }
    pen.wide = wide
    return pen
  }
  const marks = (pen, mask, because) => {  // a number in each cell: which reason it belongs to
    if (!state.data.placed || mask.length < 2) return
    pen.grid()
    if (mask.some(Boolean)) dim(pen, (cell) => mask[cell] > 0, "#0009")
    because.forEach(([, , slot], at) => outline(pen, (cell) => mask[cell] === at + 1, alikeColours[slot]))
  }
  const same = (pen, codes, code) => {
    if (!codes || !state.data.placed) return
    pen.grid()
    dim(pen, (cell) => codes[cell] === code, "#0009")
    outline(pen, (cell) => codes[cell] === code, "#fff")
  }
  const pointed = () => state.cell === null || !state.query ? null : state.query[state.cell]

  const drawHit = (at) => {
    const hit = state.hits[at], pen = hit && sized(hit.canvas), { pictures } = state.data
    if (!pen || !state.sprite?.complete) return
    const x = (at % pictures.across) * pictures.side, y = Math.floor(at / pictures.across) * pictures.side
    pen.drawImage(state.sprite, x, y, pictures.side, pictures.side, 0, 0, pen.wide, pen.wide)
    if (pointed() !== null) same(pen, hit.codes, pointed())
    else if (at === state.at) marks(pen, hit.there, hit.because)
  }
  const drawBoard = () => {
    const pen = sized(board), hit = state.hits[state.at], { search, rows, columns } = state.data
    if (!pen || !state.picture?.complete) return
    pen.drawImage(state.picture, 0, 0, pen.wide, pen.wide)
    if (!state.data.placed) return
    if (pointed() !== null) same(pen, state.query, pointed())
    else if (search === "codes") chosen(pen)
    else if (hit && !state.drag) marks(pen, hit.here, hit.because)
    pen.grid()
    if (search === "area" && state.area) {
      if (state.drag) dim(pen, (cell) => state.area[cell], "#0009")
      outline(pen, (cell) => state.area[cell], "#fff", 2)
    }
    if (search === "patch" && state.data.query.cell) {
      const [row, column] = state.data.query.cell
      outline(pen, (cell) => cell === row * columns + column, "#fff", 3)
    }
    if (document.activeElement === board || root.getRootNode().activeElement === board)
      if (state.cursor !== undefined && state.cursor < rows * columns && state.keys)
        outline(pen, (cell) => cell === state.cursor, "#fff", 2)
  }
  const chosen = (pen) => {  // codes that are asked for in their colours, ruled out ones crossed out
    const { wanted, unwanted, slots } = state.data.query, { rows, columns } = state.data
    pen.grid()
    if (state.query.some((code) => wanted.includes(code) || unwanted.includes(code)))
      dim(pen, (cell) => wanted.includes(state.query[cell]) || unwanted.includes(state.query[cell]), "#0009")
    wanted.forEach((code, at) => outline(pen, (cell) => state.query[cell] === code, alikeColours[slots[at]]))
    for (const code of unwanted) {
      outline(pen, (cell) => state.query[cell] === code, "#fff", 1.5)
      pen.beginPath()
      for (let cell = 0; cell < rows * columns; cell++) if (state.query[cell] === code) {
        const row = Math.floor(cell / columns), column = cell % columns
        pen.moveTo(column, row); pen.lineTo(column + 1, row + 1)
        pen.moveTo(column + 1, row); pen.lineTo(column, row + 1)
      }
      pen.strokeStyle = "#fff"
      pen.lineWidth = 1.5 / pen.unit
      pen.stroke()
    }
  }
  state.draw = () => {
    state.waiting ??= requestAnimationFrame(() => {
      state.waiting = null
      drawBoard()
      state.hits.forEach((_, at) => drawHit(at))
    })
  }

  // ---- the reasons of the image that is pointed at

  const tile = (parent, code, slot, side) => {
    const { tiles } = state.data, one = make("i", parent, "tile")
    one.style.cssText = `width: ${side}px; height: ${side}px; --colour: ${alikeColours[slot]}`
    const at = tiles ? tiles.of.indexOf(code) : -1
    if (at < 0) return
    const inner = side - 6, x = at % tiles.across, y = Math.floor(at / tiles.across)
    one.style.background =
      `url(${tiles.url}) -${x * inner}px -${y * inner}px / ${tiles.across * inner}px auto padding-box`
  }
  const called = (code) => {
    const name = state.data.names[code]
    return `Code ${code.toLocaleString("en-US")}${name ? ` “${name}”` : ""}`
  }
  const reasons = () => {
    const hit = state.hits[state.at], code = pointed()
    why.replaceChildren()
    if (code !== null) {
      const have = state.hits.filter((one) => one.codes?.includes(code)).length
      make("b", make("p", why), "", called(code))
      if (state.hits.some((one) => one.codes))
        make("p", why, "quiet", `stands in ${have} of these ${state.hits.length} images, where it is outlined`)
      return
    }
    if (!hit) return
    const line = make("p", why)
    make("b", line, "", `Image ${hit.row.toLocaleString("en-US")}`)
    line.append(` · ${hit.score}${hit.apart ? ` · ${hit.apart}` : ""}`)
    make("p", why, "quiet", !hit.because.length ? "The two have no code in common."
      : state.data.exact ? "because of these codes" : "codes that both have (no reason)")
    const list = make("div", why, "codes"), narrow = outer.clientWidth <= 620, room = narrow ? 4 : hit.because.length
    for (const [code, share, slot] of hit.because.slice(0, room)) {
      const one = make("button", list, "code")
      one.type = "button"
      one.title = `All about code ${code}`
      tile(one, code, slot, narrow ? 24 : 34)
      const said = make("span", one)
      make("span", said, "", called(code))
      const bar = make("i", said, "bar")
      bar.style.cssText = `width: ${100 * share}%; background: ${alikeColours[slot]}`
      make("span", one, "quiet", percent(share))
      one.onclick = () => state.tell({ to: "code", code })
    }
    const more = hit.more + Math.max(0, hit.because.length - room)
    if (more > 0) make("p", why, "quiet", `and ${more} more`)
    const ways = make("div", why, "tools")
    const link = (text, where) => {
      const one = make("button", ways, "tool", text)
      one.type = "button"
      one.onclick = () => state.tell(where)
    }
    link("Search from here", { image: hit.row })
    for (const row of hit.copies) link(`Copy: image ${row.toLocaleString("en-US")}`, { image: row })
    if (hit.because.length) link("Its code maps", { to: "maps", image: hit.row, code: hit.because[0][0] })
  }
  const point = (at) => {
    if (at === state.at && state.cell === null) return
    state.hits[state.at]?.card.classList.remove("now")
    state.at = at
    state.cell = null
    state.hits[at]?.card.classList.add("now")
    state.hits.forEach(({ card }, other) => { card.tabIndex = other === at ? 0 : -1 })
    root.dataset.at = String(state.hits[at]?.row ?? "")
    reasons()
    state.draw()
  }

  // ---- the picture that is asked about

  const under = (event) => {
    const { rows, columns } = state.data, place = board.getBoundingClientRect()
    const column = Math.floor(((event.clientX - place.left) / place.width) * columns)
    const row = Math.floor(((event.clientY - place.top) / place.height) * rows)
    return row >= 0 && row < rows && column >= 0 && column < columns ? row * columns + column : null
  }
  const hexed = (on) => {  // as `numpy.packbits` does it: the first cell is the highest bit
    let text = ""
    for (let start = 0; start < on.length; start += 8) {
      let byte = 0
      for (let bit = 0; bit < 8; bit++) byte = byte * 2 + (on[start + bit] ? 1 : 0)
      text += byte.toString(16).padStart(2, "0")
    }
    return text
  }
  const unhexed = (text) => {
    const { rows, columns } = state.data, on = new Uint8Array(rows * columns)
    for (let cell = 0; cell < on.length; cell++)
      on[cell] = (parseInt(text.slice(2 * (cell >> 3), 2 * (cell >> 3) + 2), 16) >> (7 - (cell & 7))) & 1
    return on
  }
  const send = (wait = 250) => {
    clearTimeout(state.timer)
    state.timer = setTimeout(() => {
      state.timer = 0
      state.tell({ to: "area", area: state.area?.some(Boolean) ? hexed(state.area) : "" })
    }, wait)
  }
  const boxed = (from, to) => {
    const { rows, columns } = state.data, at = (cell) => [Math.floor(cell / columns), cell % columns]
    const [[top, left], [bottom, right]] = [at(from), at(to)], on = new Uint8Array(rows * columns)
    for (let row = Math.min(top, bottom); row <= Math.max(top, bottom); row++)
      for (let column = Math.min(left, right); column <= Math.max(left, right); column++) on[row * columns + column] = 1
    return on
  }
  const choose = (cell) => {  // what a press on a cell does
    const { search, columns, query } = state.data, code = state.query[cell]
    if (search === "patch") state.tell({ to: "cell", cell: `${Math.floor(cell / columns)},${cell % columns}` })
    if (search === "codes") {
      const wanted = query.wanted.filter((one) => one !== code), unwanted = query.unwanted.filter((one) => one !== code)
      if (query.wanted.includes(code)) unwanted.push(code)
      else if (!query.unwanted.includes(code)) wanted.push(code)
      state.tell({ to: "codes", wanted: [...wanted, ...unwanted.map((one) => `-${one}`)].join(", ") })
    }
    if (search === "area") {
      state.area = state.area ?? new Uint8Array(state.query.length)
      state.area[cell] = state.area[cell] ? 0 : 1
      send(600)
    }
    state.draw()
  }
  board.onpointerdown = (event) => {
    const cell = under(event)
    state.keys = false
    if (cell === null || event.button || state.data.search !== "area") return
    event.preventDefault()
    board.focus({ preventScroll: true })
    board.setPointerCapture?.(event.pointerId)
    const before = state.area ? Uint8Array.from(state.area) : new Uint8Array(state.query.length)
    state.drag = { from: cell, on: !before[cell], before }
    state.area = state.brush ? before : boxed(cell, cell)
    if (state.brush) state.area[cell] = Number(state.drag.on)
    state.draw()
  }
  board.onpointermove = (event) => {
    const cell = under(event)
    if (state.drag && cell !== null) {
      if (state.brush) state.area[cell] = Number(state.drag.on)
      else state.area = boxed(state.drag.from, cell)
      return state.draw()
    }
    if (event.pointerType === "touch" || state.data.search === "area") return
    if (cell === null ? state.cell === null : state.cell !== null && state.query[cell] === state.query[state.cell]) return
    state.cell = cell
    reasons()
    state.draw()
  }
  board.onpointerleave = () => {
    if (state.cell === null) return
    state.cell = null
    reasons()
    state.draw()
  }
  board.onpointerup = board.onpointercancel = () => {
    if (!state.drag) return
    state.drag = null
    send()
    state.draw()
  }
  board.onclick = (event) => {
    const cell = under(event)
    if (cell !== null && state.data.search !== "area") choose(cell)
  }
  board.onkeydown = (event) => {
    const { rows, columns } = state.data, step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns,
      ArrowDown: columns }[event.key]
    state.cursor ??= Math.floor(rows / 2) * columns + Math.floor(columns / 2)
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); return choose(state.cursor) }
    if (step === undefined) return
    event.preventDefault()
    const to = state.cursor + step
    if (to < 0 || to >= rows * columns) return
    if (Math.abs(step) === 1 && Math.floor(to / columns) !== Math.floor(state.cursor / columns)) return
    state.cursor = to
    state.keys = true
    if (state.data.search !== "area") { state.cell = to; reasons() }
    board.setAttribute("aria-label", `${called(state.query[to])}, row ${Math.floor(to / columns)}, column ${to % columns}`)
    state.draw()
  }
  board.onblur = () => { state.keys = false; state.cell = null; reasons(); state.draw() }

  // ---- what was found

  const card = (hit, at) => {
    const one = make("button", found, "hit"), canvas = make("canvas", one)
    one.type = "button"
    one.tabIndex = at ? -1 : 0
    const line = make("p", one)
    make("b", line, "", hit.score)
    make("span", line, "quiet", hit.times > 1 ? `× ${hit.times} copies`
      : hit.apart || `image ${hit.row.toLocaleString("en-US")}`)
    const name = make("span", one, "quiet name", hit.name)
    name.title = hit.name
    const small = make("div", one, "small")
    for (const [code, , slot] of hit.because.slice(0, 5)) tile(small, code, slot, 22)
    const told = make("div", one, "values")
    for (const [concept, value, agrees] of hit.values) {
      const said = make("span", told, agrees ? "same" : "", value)
      said.title = `${concept}: ${value}${agrees ? ", as in the picture" : ""}`
    }
    one.setAttribute("aria-label", `Image ${hit.row}, similarity ${hit.score}` +
      (hit.because.length ? `, codes ${hit.because.map(([code]) => code).join(", ")}` : "") +
      (hit.values.length ? `, ${hit.values.map(([concept, value]) => `${concept} ${value}`).join(", ")}` : ""))
    one.onpointerenter = (event) => { if (event.pointerType !== "touch") point(at) }
    one.onpointerdown = (event) => { state.touched = event.pointerType === "touch" }
    one.onfocus = () => { if (!state.touched) point(at) }
    one.onclick = (event) => {
      const again = !state.touched || state.tapped === at || event.detail === 0
      state.touched = false
      state.tapped = at
      point(at)
      if (again) state.tell({ image: hit.row })
    }
    one.onkeydown = (event) => {
      const across = getComputedStyle(found).gridTemplateColumns.split(" ").length
      const to = at + ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key] ?? 0)
      if (to === at || !state.hits[to]) return
      event.preventDefault()
      state.hits[to].card.focus()
    }
    return { ...hit, card: one, canvas, here: bytes(hit.here), there: bytes(hit.there), codes: ints(hit.codes) }
  }
  const tool = (text, about, act) => {
    const one = make("button", tools, "tool", text)
    Object.assign(one, { type: "button", title: about, onclick: () => act(one) })
    return one
  }
  const buttons = () => {
    tools.replaceChildren()
    if (state.data.search === "area") {
      const brush = tool("Brush", "Paint cells one by one, in place of a box", (one) => {
        state.brush = !state.brush
        one.ariaPressed = String(state.brush)
      })
      brush.ariaPressed = String(state.brush)
      tool("Whole image", "No part is chosen", () => { state.area = null; send(0); state.draw() })
    }
    if (state.data.search === "codes" && state.data.query.wanted.length + state.data.query.unwanted.length)
      tool("Clear", "No code is asked for", () => state.tell({ to: "codes", wanted: "" }))
  }
  const picture = (url) => {
    const one = new Image()
    one.onload = () => state.draw()
    one.src = url
    return one
  }
  state.update = () => {
    const { query, pictures, hits, search, placed } = state.data
    Object.assign(state, { cell: null, tapped: null, at: 0, query: ints(query.codes) })
    if (!state.timer && !state.drag) state.area = query.area ? unhexed(query.area) : null
    box.className = search === "area" || search === "patch" || search === "codes" ? "wide" : ""
    board.className = `board${search !== "image" && placed ? " touchable" : ""}${search === "area" ? " dragged" : ""}`
    board.tabIndex = placed ? 0 : -1
    board.setAttribute("aria-label", `${query.title}, ${query.name}; arrow keys move from cell to cell`)
    head.replaceChildren()
    make("b", head, "", query.title)
    make("span", head, "quiet", ` ${query.name}`)
    state.picture = picture(query.url)
    state.sprite = pictures ? picture(pictures.url) : null
    found.replaceChildren()
    state.hits = []
    state.hits = hits.map(card)
    state.hits[0]?.card.classList.add("now")
    root.dataset.at = String(state.hits[0]?.row ?? "")
    buttons()
    reasons()
    state.draw()
  }
  const watch = new ResizeObserver(() => state.draw())
  watch.observe(outer)
  root.leave = () => { watch.disconnect(); clearTimeout(state.timer) }
  return state
}
