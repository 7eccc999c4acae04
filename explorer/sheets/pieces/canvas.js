// A map of codes to paint on. What is painted is asked about after each stroke, and the last answer is shown.
function canvas(root, data, tell, ask) {
  const STEPS = 50
  const TOOLS = {  // name: [lines of its sign on 24 × 24, what it does, key]
    brush: ["M4 20c0-4 3-4 4-3s1 3-4 3zM9 16 19 5l1 1L10 17", "Brush: paint cells", "b"],
    line: ["M5 19 19 5", "Line: drag from cell to cell", "l"],
    rectangle: ["M4 6h16v12H4z", "Rectangle: drag from corner to corner", "r"],
    fill: ["M5 12 12 5l7 7-7 7zM12 5 9 2M5 12h14M21 16c1 2 1 4 0 4s-1-2 0-4z", "Fill: all joined cells with one code", "f"],
    pick: ["M4 20l1-4 8-8 3 3-8 8zM12 7l5 5M15 9l3-4 2 2-4 3", "Pick: take the code of a cell", "i"],
    erase: ["M4 15 13 6l6 6-7 7H8zM9 10l6 6M12 19h8", "Erase: back to the image's own code", "e"],
    stamp: ["M4 4h11v11H4zM9 9h11v11H9z", "Stamp: put what was copied", "s"],
  }
  const STYLE = `
    .cv { display: grid; gap: 12px; color: var(--cx-text, currentColor); font-size: 14px; }
    .cv button { font: inherit; color: inherit; background: none; border: 1px solid var(--cx-line, #8886); min-width: 0;
      border-radius: 8px; cursor: pointer; padding: 0; }
    .cv button:disabled { opacity: 0.35; cursor: default; }
    .cv :is(button, canvas, input):focus-visible { outline: 3px solid var(--cx-accent, #2a628f); outline-offset: 1px; }
    .cv .bar { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
    .cv .bar button { height: 40px; min-width: 40px; padding: 0 9px; line-height: 1; }
    .cv .bar svg { display: block; width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.8;
      stroke-linejoin: round; stroke-linecap: round; }
    .cv button[aria-pressed=true] { background: var(--cx-accent, #2a628f); border-color: var(--cx-accent, #2a628f);
      color: #fff; }
    .cv .gap { width: 8px; }
    .cv label { display: flex; align-items: center; gap: 6px; font-size: 13px; }
    .cv label input { width: 90px; accent-color: var(--cx-accent, #2a628f); }
    .cv .work { display: grid; gap: 10px 18px; grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); align-items: start;
      grid-template-areas: "board views" "board cards" "board codes" "from from"; grid-template-rows: auto auto 1fr; }
    .cv .board { grid-area: board; max-width: 560px; } .cv .views { grid-area: views; } .cv .cards { grid-area: cards; }
    .cv .codes { grid-area: codes; } .cv .from { grid-area: from; }
    .cv canvas { display: block; width: 100%; touch-action: none; cursor: crosshair; border-radius: 6px;
      user-select: none; -webkit-user-select: none; }
    .cv .said { min-height: 2.7em; margin: 6px 0 0; font-size: 13px; color: var(--cx-quiet, currentColor); }
    .cv .said.wrong { color: #c0392b; }
    .cv .views { display: grid; gap: 10px; grid-template-columns: repeat(4, minmax(0, 1fr)); }
    .cv figure { margin: 0; min-width: 0; }
    .cv figure img { display: block; width: 100%; aspect-ratio: 1; border-radius: 6px; image-rendering: pixelated;
      background: #8882; }
    .cv figcaption { font-size: 13px; padding-top: 4px; line-height: 1.3; }
    .cv small, .cv .quiet { color: var(--cx-quiet, currentColor); font-size: 13px; }
    .cv .cards { display: grid; gap: 8px; grid-template-columns: repeat(4, minmax(0, 1fr)); }
    .cv .card { border: 1px solid var(--cx-line, #8886); border-radius: 8px; padding: 7px 10px; }
    .cv .card b { display: block; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; }
    .cv .card summary { list-style: none; cursor: help; font-size: 13px; line-height: 1.3; }
    .cv .card summary > span, .cv .card small { color: var(--cx-quiet, currentColor); }
    .cv .card summary > span::after { content: "?"; display: inline-block; margin-left: 5px; width: 14px; height: 14px;
      font-size: 10px; line-height: 14px; text-align: center; border: 1px solid; border-radius: 50%; }
    .cv .card p { margin: 6px 0 0; font-size: 13px; line-height: 1.4; }
    .cv .now { display: flex; gap: 10px; align-items: center; }
    .cv .now > span:first-child { flex: none; width: 44px; height: 44px; border-radius: 8px; border: 3px solid; }
    .cv .palette { display: grid; gap: 6px; grid-template-columns: repeat(auto-fill, minmax(58px, 1fr)); max-height: 250px;
      overflow-y: auto; padding: 3px; }
    .cv .palette button { border: 3px solid transparent; background: none !important; color: inherit !important;
      font-size: 12px; line-height: 1.25; padding: 2px; overflow: hidden; }
    .cv .palette button[aria-pressed=true] { border-color: var(--cx-accent, #2a628f); }
    .cv .tile { display: block; width: 100%; aspect-ratio: 1; border-radius: 4px; image-rendering: pixelated;
      border-bottom: 6px solid; box-sizing: border-box; background-origin: border-box; }
    .cv .from { display: grid; gap: 8px; } .cv .from canvas { max-width: 260px; } .cv .from p { margin: 0; }
    .cv[data-narrow] .work { grid-template-columns: minmax(0, 1fr); grid-template-rows: none;
      grid-template-areas: "board" "codes" "views" "cards" "from"; }
    .cv[data-narrow] .palette { max-height: 190px; } .cv[data-narrow] .cards { grid-template-columns: 1fr 1fr; }
    .cv[data-narrow] .views figcaption small { display: none; }
    `
  const html = (name, parent, more = {}) => {
    const { dataset, ...rest } = more
    const made = Object.assign(document.createElement(name), rest)
    Object.assign(made.dataset, dataset ?? {})
    parent.append(made)
    return made
  }
  const state = (root.canvas ??= build())
  state.data = data
  state.ask = ask
  state.take()

  function build() {
    const state = { tool: "brush", size: 1, clear: 60, at: [0, 0], key: null, stamp: null, layers: {} }
    root.replaceChildren()
    html("style", root, { textContent: STYLE })
    const box = html("div", root, { className: "cv" })
    const bar = html("div", box, { className: "bar", role: "toolbar", ariaLabel: "Tools to paint with" })
    const tools = Object.fromEntries(Object.entries(TOOLS).map(([name, [sign, about, key]]) => {
      const one = html("button", bar, { type: "button", title: `${about} (${key})`, ariaLabel: about, dataset: { tool: name } })
      const drawing = (kind, parent) => parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", kind))
      const icon = drawing("svg", one)
      icon.setAttribute("viewBox", "0 0 24 24")
      drawing("path", icon).setAttribute("d", sign)
      one.onclick = () => { state.tool = name; marked() }
      return [name, one]
    }))
    const size = html("button", bar, { type: "button", title: "Width of the brush, in cells", dataset: { does: "size" } })
    size.onclick = () => { state.size = state.size % 3 + 1; marked() }
    html("span", bar, { className: "gap" })
    const act = (name, text, about, does) => {
      const one = html("button", bar, { type: "button", textContent: text, title: about, dataset: { does: name } })
      one.onclick = does
      return one
    }
    const undo = act("undo", "↶ Undo", "Take back the last stroke (Ctrl+Z)", () => back(state.past, state.future, "before"))
    const redo = act("redo", "↷ Redo", "Paint it again (Ctrl+Y)", () => back(state.future, state.past, "after"))
    const clear = act("clear", "Clear", "Back to the image's own codes, in all layers", wipe)
    const save = act("save", "Save codes", "What is painted as codes.npz, for “explorer decode”", () => keep("npz"))
    const print = act("print", "Save picture", "The painted picture as PNG", () => keep("png"))
    const through = html("label", bar, { textContent: "Codes over the picture" })
    const range = html("input", through, { type: "range", min: 0, max: 100, step: 5, value: state.clear,
      ariaLabel: "How much of the codes is seen over the picture, in percent" })
    range.oninput = () => { state.clear = Number(range.value); draw() }

    const now = html("div", box, { className: "now" })
    const swatch = html("span", now), called = html("span", now)
    const work = html("div", box, { className: "work" })
    const left = html("div", work, { className: "board" })
    const board = html("canvas", left, { tabIndex: 0 })
    board.setAttribute("role", "application")
    const said = html("p", left, { className: "said" })
    said.setAttribute("aria-live", "polite")
    said.textContent = "Choose a code, then paint on the map: the picture follows the brush."
    const views = html("div", work, { className: "views" })
    const view = (title, about) => {
      const figure = html("figure", views), image = html("img", figure, { alt: title })
      const caption = html("figcaption", figure, { textContent: title })
      if (about) { html("br", caption); html("small", caption, { textContent: about }) }
      return { figure, image, caption }
    }
    const painted = view("Painted", "decoded"), before = view("Unpainted", "decoded")
    const difference = view("Difference"), original = view("Original")
    const cards = html("div", work, { className: "cards" })
    const card = (name) => {
      const one = html("details", cards, { className: "card" })
      const label = html("summary", one)
      html("span", label, { textContent: name })
      return { one, value: html("b", label), note: html("small", label), help: html("p", one) }
    }
    const count = card("Painted cells"), inside = card("Change inside"), outside = card("Change outside")
    const read = card("Read back as painted")
    const palette = html("div", work, { className: "codes" })
    const told = html("p", palette, { className: "quiet" }), codes = html("div", palette, { className: "palette" })
    codes.setAttribute("role", "group")
    codes.ariaLabel = "Codes to paint with"
    const from = html("div", work, { className: "from" })
    const sourceSaid = html("p", from, { className: "quiet" }), source = html("canvas", from)

    new ResizeObserver(([{ contentRect }]) => {
      box.toggleAttribute("data-narrow", contentRect.width < 640)
      draw()
    }).observe(box)
    const layer = () => state.layers[state.data.layer]
    const shape = () => layer().grid
    const colour = (code) => state.colours[code] ?? "#888888"

    // ---- what is painted

    // other pieces of the page are told what is painted, and may paint: swaps that were proposed, say
    window.addEventListener("explorer-paint", ({ detail }) => {
      const one = root.isConnected && detail.key === state.key && state.layers[detail.layer]
      if (!one) return
      record(() => detail.cells.forEach((cell, at) => { one.codes[cell] = detail.codes[at] ?? one.own[cell] }))
      changed()
    })
    const publish = () => {
      window.explorerPainted = { key: state.key, answer: state.answer, codes: (name) => state.layers[name]?.codes }
      window.dispatchEvent(new CustomEvent("explorer-painted"))
    }
    state.take = () => {
      const { data } = state
      const fresh = state.key !== data.key
      if (fresh) {
        state.key = data.key
        state.past = []
        state.future = []
        state.asked = state.given = null
        state.colours = {}
        state.names = {}
        state.tiles = {}
      }
      if (fresh || Object.keys(state.layers).join() !== Object.keys(data.layers).join()) {
        state.layers = Object.fromEntries(Object.entries(data.layers).map(([name, { grid, codes, size }]) =>
          [name, { grid, size, own: Int32Array.from(codes), codes: Int32Array.from(codes) }]))
      }
      if (state.shown !== data.layer) { state.colours = {}; state.names = {}; state.tiles = {}; state.at = [0, 0] }
      // an edit that comes from elsewhere, such as an address or a proposal that was taken, takes the place of ours
      if (fresh || (data.text !== state.given && data.text !== state.asked)) {
        if (!fresh) record(() => apply(data.text)); else apply(data.text)
        state.asked = data.text
      }
      state.given = data.text
      state.shown = data.layer
      Object.assign(state.colours, data.colours)
      learn(data)
      if (fresh || data.code !== state.offered) state.code = state.offered = data.code
      for (const [name, one] of Object.entries({ "painted cells": count, "read back": read })) one.help.textContent = data.help[name]
      for (const one of [inside, outside]) one.help.textContent = data.help["mean absolute change"]
      original.image.src = data.picture
      original.figure.hidden = difference.figure.hidden = painted.figure.hidden = before.figure.hidden = !data.answer.after
      inside.one.hidden = outside.one.hidden = read.one.hidden = print.hidden = !data.answer.after
      original.figure.hidden = false
      answered(data.answer)
      offer()
      copied()
      marked()
      board.ariaLabel = `${data.layer}: ${shape()[0]} × ${shape()[1]} cells to paint on. Arrows move, space paints.`
      if (text() !== data.answer.text) {  // a face that does not know what is painted here
        state.asked = null
        changed()
      }
    }
    const learn = (described) => {
      Object.assign(state.colours, described.described ?? {})
      Object.assign(state.names, described.names ?? {})
      const { tiles } = described
      tiles?.codes.forEach((code, at) => { state.tiles[code] = { url: tiles.url, across: tiles.across, at, n: tiles.codes.length } })
    }
    const apply = (text) => {  // as `analysis/edits.py` writes it
      for (const one of Object.values(state.layers)) one.codes.set(one.own)
      for (const part of text.split(";").filter(Boolean)) {
        const cut = part.lastIndexOf(":"), one = state.layers[part.slice(0, cut)]
        if (!one) continue
        for (const run of part.slice(cut + 1).split(",")) {
          const [cells, code] = run.split("="), [first, last = first] = cells.split("-")
          one.codes.fill(Number(code), Number(first), Number(last) + 1)
        }
      }
    }
    const text = () => Object.entries(state.layers).map(([name, { own, codes }]) => {
      const runs = []
      for (let cell = 0; cell < codes.length; cell++) {
        if (codes[cell] === own[cell]) continue
        const run = runs.at(-1)
        if (run && run[1] === cell - 1 && run[2] === codes[cell]) run[1] = cell
        else runs.push([cell, cell, codes[cell]])
      }
      return runs.length ? `${name}:${runs.map(([a, b, code]) => `${b > a ? `${a}-${b}` : a}=${code}`).join()}` : ""
    }).filter(Boolean).join(";")
    const copies = () => Object.fromEntries(Object.entries(state.layers).map(([name, one]) => [name, one.codes.slice()]))
    const record = (does, from = copies()) => {  // a step that can be taken back
      does?.()
      const changes = []
      for (const [name, before] of Object.entries(from)) {
        const after = state.layers[name].codes, cells = []
        for (let cell = 0; cell < after.length; cell++) if (after[cell] !== before[cell]) cells.push(cell)
        if (cells.length) changes.push({ name, cells, before: cells.map((c) => before[c]), after: cells.map((c) => after[c]) })
      }
      if (!changes.length) return
      state.past.push(changes)
      if (state.past.length > STEPS) state.past.shift()
      state.future = []
    }
    const back = (here, there, which) => {
      const changes = here.pop()
      if (!changes) return
      for (const { name, cells, [which]: codes } of changes) cells.forEach((cell, i) => { state.layers[name].codes[cell] = codes[i] })
      there.push(changes)
      changed()
    }
    function wipe() {
      record(() => { for (const one of Object.values(state.layers)) one.codes.set(one.own) })
      changed()
    }
    const changed = () => {
      draw()
      marked()
      const wanted = text()
      if (wanted === state.asked) return
      state.asked = wanted
      const begun = performance.now()
      said.classList.remove("wrong")
      state.ask({ edit: wanted }).then(async (answer) => {
        if (!answer) return  // another stroke has overtaken it
        answered(answer)
        await painted.image.decode?.().catch(() => {})
        root.dataset.latency = (performance.now() - begun).toFixed(0)
        root.dataset.answers = Number(root.dataset.answers ?? 0) + 1
      }, (problem) => { said.textContent = problem.message; said.classList.add("wrong") })
    }
    const answered = (answer) => {
      state.answer = answer
      root.dataset.text = answer.text
      const shown = (value) => (value === null || value === undefined ? "–" : value.toFixed(4))
      if (answer.after) {
        painted.image.src = answer.after
        before.image.src = answer.before
        difference.image.src = answer.difference
        difference.caption.textContent = "Difference"
        html("br", difference.caption)
        html("small", difference.caption, { textContent: `0 to ${state.data.scale} and more` })
        const back = new Image()
        back.onload = () => { state.behind = back; draw() }
        back.src = answer.after
      }
      count.value.textContent = answer.cells.toLocaleString("en")
      count.note.textContent = `of ${Object.values(state.layers).reduce((sum, one) => sum + one.own.length, 0).toLocaleString("en")}`
      inside.value.textContent = shown(answer.inside)
      inside.note.textContent = "mean of the painted pixels"
      outside.value.textContent = shown(answer.outside)
      outside.note.textContent = "mean of all others"
      read.value.textContent = answer.cells ? `${answer.read} of ${answer.cells}` : "–"
      read.note.textContent = answer.cells && answer.read < answer.cells ? "the others have a cross" : ""
      draw()
      publish()
    }
    async function keep(what) {
      const name = state.data.name
      try {
        const address = what === "png" ? state.answer.after : (await state.ask({ save: text() }))?.file
        if (address) Object.assign(document.createElement("a"), { href: address, download: what === "png" ? `${name}.png` : "codes.npz" }).click()
      } catch (problem) { said.textContent = problem.message; said.classList.add("wrong") }
    }

    // ---- drawing

    const fit = (canvas, [rows, columns]) => {
      const scale = Math.max(1, Math.round(Math.min(2, devicePixelRatio || 1) * 480 / Math.max(rows, columns)))
      const wide = Math.min(columns * scale, 1024), side = wide / columns
      if (canvas.width !== wide || canvas.height !== Math.round(rows * side)) {
        canvas.width = wide
        canvas.height = Math.round(rows * side)
      }
      return side
    }
    const paintMap = (canvas, grid, codes, picture, alpha) => {
      const side = fit(canvas, grid), pen = canvas.getContext("2d"), [, columns] = grid
      pen.globalAlpha = 1
      pen.clearRect(0, 0, canvas.width, canvas.height)
      pen.imageSmoothingEnabled = false
      if (picture && alpha < 1) pen.drawImage(picture, 0, 0, canvas.width, canvas.height)
      pen.globalAlpha = picture ? alpha : 1
      codes.forEach((code, cell) => {
        pen.fillStyle = colour(code)
        const x = Math.round((cell % columns) * side), y = Math.round(Math.floor(cell / columns) * side)
        pen.fillRect(x, y, Math.round((cell % columns + 1) * side) - x, Math.round((Math.floor(cell / columns) + 1) * side) - y)
      })
      pen.globalAlpha = 1
      return [pen, side]
    }
    const draw = () => {
      state.frame ??= requestAnimationFrame(() => {
        state.frame = null
        const { own, codes, grid } = layer(), [rows, columns] = grid
        const [pen, side] = paintMap(board, grid, codes, state.behind, state.clear / 100)
        const square = (cell, inset, style, width) => {
          pen.strokeStyle = style
          pen.lineWidth = width
          pen.strokeRect((cell % columns) * side + inset, Math.floor(cell / columns) * side + inset, side - 2 * inset, side - 2 * inset)
        }
        const lost = new Set(state.asked === state.answer?.text ? state.answer?.lost?.[state.data.layer] ?? [] : [])
        const thin = Math.max(1, side / 30)
        codes.forEach((code, cell) => {
          if (code === own[cell]) return
          if (side > 5) { square(cell, thin, "#000", 2 * thin); square(cell, thin, "#fff", thin) }
          if (!lost.has(cell)) return
          const x = (cell % columns) * side, y = Math.floor(cell / columns) * side
          for (const [style, width] of [["#000", 3 * thin], ["#fff", 1.4 * thin]]) {
            pen.strokeStyle = style
            pen.lineWidth = width
            pen.beginPath()
            pen.moveTo(x + side * 0.3, y + side * 0.3); pen.lineTo(x + side * 0.7, y + side * 0.7)
            pen.moveTo(x + side * 0.7, y + side * 0.3); pen.lineTo(x + side * 0.3, y + side * 0.7)
            pen.stroke()
          }
        })
        if (state.over || document.activeElement === board || root.getRootNode().activeElement === board) {
          const cell = state.at[0] * columns + state.at[1]
          const cells = state.tool === "stamp" && state.stamp ? under(state.at).map(([at]) => at)
            : state.tool === "brush" || state.tool === "erase" ? brushed(state.at) : [cell]
          for (const one of cells) { square(one, 0, "#000", 3 * thin); square(one, 0, colour(state.code), 1.5 * thin) }
        }
      })
    }
    const marked = () => {
      for (const [name, one] of Object.entries(tools)) one.setAttribute("aria-pressed", name === state.tool)
      tools.stamp.disabled = !state.stamp
      size.textContent = `${state.size} × ${state.size}`
      size.ariaLabel = `Width of the brush: ${state.size} cells`
      undo.disabled = !state.past?.length
      redo.disabled = !state.future?.length
      clear.disabled = !text()
      look(swatch, state.code)
      swatch.style.borderColor = colour(state.code)
      const name = state.names[state.code]
      called.textContent = `Painting with code ${state.code.toLocaleString("en")}${name ? ` “${name}”` : ""}`
      for (const one of codes.children) one.setAttribute("aria-pressed", Number(one.dataset.code) === state.code)
      publish()
    }
    const look = (place, code) => {  // its patch as a background, its colour where there is none
      const tile = state.tiles[code]
      place.style.backgroundColor = colour(code)
      place.style.backgroundImage = tile ? `url(${tile.url})` : ""
      if (!tile) return
      const down = Math.ceil(tile.n / tile.across), x = tile.at % tile.across, y = Math.floor(tile.at / tile.across)
      place.style.backgroundSize = `${tile.across * 100}% ${down * 100}%`
      place.style.backgroundPosition = `${tile.across > 1 ? x / (tile.across - 1) * 100 : 0}% ${down > 1 ? y / (down - 1) * 100 : 0}%`
    }
    const offer = () => {
      const { palette } = state.data
      told.textContent = palette.said
      codes.replaceChildren(...palette.codes.map((code, at) => {
        const one = document.createElement("button")
        Object.assign(one, { type: "button", title: `Code ${code}: ${palette.notes[at]}` })
        one.dataset.code = code
        const tile = html("span", one, { className: "tile" })
        look(tile, code)
        tile.style.borderBottomColor = colour(code)
        html("span", one, { textContent: state.names[code] ?? code })
        one.onclick = () => choose(code)
        return one
      }))
    }
    const choose = (code) => {
      state.code = code
      if (["pick", "erase", "stamp"].includes(state.tool)) state.tool = "brush"
      marked()
      draw()
      if (!state.tiles[code]) state.ask({ code }).then((found) => { if (found) { learn(found); marked() } }, () => {})
    }

    // ---- the brush

    const brushed = ([row, column]) => {
      const [rows, columns] = shape(), low = -Math.floor((state.size - 1) / 2), cells = []
      for (let r = row + low; r < row + low + state.size; r++) for (let c = column + low; c < column + low + state.size; c++)
        if (r >= 0 && r < rows && c >= 0 && c < columns) cells.push(r * columns + c)
      return cells
    }
    const between = ([r0, c0], [r1, c1]) => {  // cells of a line
      const steps = Math.max(Math.abs(r1 - r0), Math.abs(c1 - c0), 1)
      return Array.from({ length: steps + 1 }, (_, i) => [Math.round(r0 + (r1 - r0) * i / steps), Math.round(c0 + (c1 - c0) * i / steps)])
    }
    const put = (cells, code) => { for (const cell of cells) layer().codes[cell] = code ?? layer().own[cell] }
    const under = ([row, column]) => {  // [cell, code] where the stamp would go, its corner at the pointer
      const [rows, columns] = shape()
      return state.stamp.flatMap(([r, c, code]) => row + r < rows && column + c < columns ? [[(row + r) * columns + column + c, code]] : [])
    }
    const flood = ([row, column]) => {
      const [rows, columns] = shape(), { codes } = layer(), from = row * columns + column, old = codes[from]
      const found = new Set([from]), next = [from]
      while (next.length) {
        const cell = next.pop(), r = Math.floor(cell / columns), c = cell % columns
        for (const [y, x] of [[r - 1, c], [r + 1, c], [r, c - 1], [r, c + 1]]) {
          const at = y * columns + x
          if (y < 0 || y >= rows || x < 0 || x >= columns || found.has(at) || codes[at] !== old) continue
          found.add(at)
          next.push(at)
        }
      }
      return found
    }
    const begin = (at) => {
      const cell = at[0] * shape()[1] + at[1]
      if (state.tool === "pick") return choose(layer().codes[cell])
      state.stroke = { from: at, last: at, copies: copies() }
      go(at)
    }
    const go = (at) => {
      const { stroke, tool } = state
      if (!stroke) return
      const code = tool === "erase" ? null : state.code
      if (tool === "line" || tool === "rectangle") {
        layer().codes.set(stroke.copies[state.data.layer])
        const cells = tool === "line" ? between(stroke.from, at).flatMap(brushed) : boxed(stroke.from, at)
        put(cells, code)
      } else if (tool === "fill") put(flood(at), code)
      else if (tool === "stamp" && state.stamp) for (const [cell, one] of under(at)) layer().codes[cell] = one
      else put(between(stroke.last, at).flatMap(brushed), code)
      stroke.last = at
      changed()
    }
    const boxed = ([r0, c0], [r1, c1], columns = shape()[1]) => {
      const cells = []
      for (let r = Math.min(r0, r1); r <= Math.max(r0, r1); r++) for (let c = Math.min(c0, c1); c <= Math.max(c0, c1); c++) cells.push(r * columns + c)
      return cells
    }
    const end = () => {
      if (!state.stroke) return
      record(null, state.stroke.copies)
      state.stroke = null
      marked()
      draw()
    }
    const cellOf = (canvas, [rows, columns], event) => {
      const box = canvas.getBoundingClientRect()
      const part = (value, from, size, count) => Math.max(0, Math.min(count - 1, Math.floor((value - from) / size * count)))
      return [part(event.clientY, box.top, box.height, rows), part(event.clientX, box.left, box.width, columns)]
    }
    const describe = () => {
      const [row, column] = state.at, { own, codes } = layer(), cell = row * shape()[1] + column, code = codes[cell]
      const was = code === own[cell] ? "" : `, painted over ${own[cell]}`
      const name = state.names[code] ? ` “${state.names[code]}”` : ""
      said.textContent = `Row ${row}, column ${column}: code ${code}${name}${was}`
    }
    board.onpointerdown = (event) => {
      if (event.button > 0) return
      try { board.setPointerCapture(event.pointerId) } catch { /* made by a script */ }
      event.preventDefault()
      board.focus({ preventScroll: true })
      begin((state.at = cellOf(board, shape(), event)))
      describe()
    }
    board.onpointermove = (event) => {
      const at = cellOf(board, shape(), event)
      state.over = true
      if (at[0] === state.at[0] && at[1] === state.at[1]) return draw()
      state.at = at
      describe()
      if (state.stroke && state.tool !== "fill") go(at); else draw()
    }
    board.onpointerup = board.onpointercancel = end
    board.onpointerleave = () => { state.over = false; draw() }
    board.onfocus = board.onblur = draw
    board.onkeydown = (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key]
      if (step) {
        const [rows, columns] = shape()
        state.at = [Math.max(0, Math.min(rows - 1, state.at[0] + step[0])), Math.max(0, Math.min(columns - 1, state.at[1] + step[1]))]
        describe()
        draw()
      } else if (event.key === " " || event.key === "Enter") {
        const shaped = state.tool === "line" || state.tool === "rectangle"
        if (shaped && !state.stroke) begin(state.at)  // the first press is where it begins, the second where it ends
        else if (shaped) { go(state.at); end() } else { begin(state.at); end() }
        describe()
      } else return
      event.preventDefault()
    }
    box.onkeydown = (event) => {
      const control = event.ctrlKey || event.metaKey, key = event.key.toLowerCase()
      if (control && key === "z" && !event.shiftKey) undo.click()
      else if (control && (key === "y" || key === "z")) redo.click()
      else {
        const tool = Object.keys(TOOLS).find((name) => TOOLS[name][2] === key)
        if (control || event.altKey || !tool || tools[tool].disabled || event.target.matches("input")) return
        tools[tool].click()
      }
      event.preventDefault()
      event.stopPropagation()
    }

    // ---- what is copied

    const copied = () => {
      const found = state.data.source
      from.hidden = from.style.display = ""
      if (!found) { from.hidden = true; from.style.display = "none"; return }
      source.style.display = found.codes.length ? "" : "none"
      const [rows, columns] = found.grid
      const hint = found.codes.length ? "Drag over its cells: they become the stamp." : ""
      sourceSaid.textContent = [found.title, hint, found.note].filter(Boolean).join(" · ")
      if (!found.codes.length) return
      const picture = new Image()
      const show = (cells = []) => {
        const [pen, side] = paintMap(source, found.grid, found.codes, picture, 0.55)
        for (const cell of cells) {
          pen.strokeStyle = "#fff"
          pen.lineWidth = 2
          pen.strokeRect((cell % columns) * side + 1, Math.floor(cell / columns) * side + 1, side - 2, side - 2)
        }
      }
      picture.onload = () => show()
      picture.src = found.picture
      source.ariaLabel = `Map to copy from: ${found.title}`
      let first = null
      const take = (at) => {
        const [r, c] = [Math.min(first[0], at[0]), Math.min(first[1], at[1])], cells = boxed(first, at, columns)
        state.stamp = cells.map((cell) => [Math.floor(cell / columns) - r, cell % columns - c, found.codes[cell]])
        show(cells)
        return cells.length
      }
      source.onpointerdown = (event) => {
        try { source.setPointerCapture(event.pointerId) } catch { /* made by a script */ }
        event.preventDefault()
        take((first = cellOf(source, found.grid, event)))
      }
      source.onpointermove = (event) => { if (first) take(cellOf(source, found.grid, event)) }
      source.onpointerup = source.onpointercancel = (event) => {
        if (!first) return
        const cells = take(cellOf(source, found.grid, event))
        first = null
        state.tool = "stamp"
        marked()
        said.textContent = `${cells} cells copied; click on the large map to put them there.`
      }
    }
    return state
  }
}
