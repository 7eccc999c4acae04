// Proposed swaps of codes, each to take or leave. What is taken is painted on the canvas of the same page, which tells
// what is painted on it and what came of it: a stroke made in between is kept, and nobody but the canvas asks.
function proposals(root, data, tell) {
  const STYLE = `
    .pp { color: var(--cx-text, currentColor); font-size: 14px; display: grid; gap: 10px; }
    .pp button { font: inherit; color: inherit; background: none; border: 1px solid var(--cx-line, #8886); height: 40px;
      border-radius: 8px; cursor: pointer; padding: 0 12px; white-space: nowrap; }
    .pp button:disabled { opacity: 0.4; cursor: default; }
    .pp button:focus-visible { outline: 3px solid var(--cx-accent, #2a628f); outline-offset: 1px; }
    .pp button[aria-pressed=true] { background: var(--cx-accent, #2a628f); border-color: var(--cx-accent, #2a628f);
      color: #fff; }
    .pp .top { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; }
    .pp .top p { margin: 0; }
    .pp .quiet { color: var(--cx-quiet, currentColor); font-size: 13px; }
    .pp .key { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 0; }
    .pp .key i { display: inline-block; width: 22px; height: 10px; margin-right: 6px; border-radius: 3px; }
    .pp ol { list-style: none; margin: 0; padding: 0; display: grid; gap: 8px; }
    .pp li { display: grid; grid-template-columns: 26px auto 64px minmax(160px, 1fr) auto; gap: 12px; align-items: center;
      border: 1px solid var(--cx-line, #8886); border-radius: 10px; padding: 8px 12px; }
    .pp li[data-taken] { border-color: var(--cx-accent, #2a628f); box-shadow: inset 3px 0 0 var(--cx-accent, #2a628f); }
    .pp .place { font-variant-numeric: tabular-nums; color: var(--cx-quiet, currentColor); }
    .pp .codes { display: flex; align-items: center; gap: 6px; }
    .pp .code { width: 52px; text-align: center; font-size: 12px; line-height: 1.3; }
    .pp .tile { display: block; width: 52px; height: 52px; border-radius: 5px; image-rendering: pixelated;
      background-color: #8883; background-origin: border-box; box-sizing: border-box; border-bottom: 5px solid; }
    .pp canvas { display: block; width: 64px; height: 64px; border-radius: 5px; image-rendering: pixelated; }
    .pp .said { font-variant-numeric: tabular-nums; }
    .pp .said b { font-weight: 600; }
    .pp .bar { position: relative; height: 16px; margin: 5px 0; border-radius: 4px; background: #8882; overflow: hidden; }
    .pp .bar i { position: absolute; top: 0; bottom: 0; border-radius: 3px; min-width: 2px; }
    .pp .chance { background: #8888; }
    .pp .gain { background: var(--cx-accent, #2a628f); top: 4px !important; bottom: 4px !important; }
    .pp summary { cursor: pointer; } .pp dl { margin: 6px 0 0; } .pp dt { font-weight: 600; }
    .pp dd { margin: 0 0 8px; line-height: 1.45; max-width: 75ch; }
    .pp .does { display: flex; gap: 8px; }
    .pp[data-narrow] li { grid-template-columns: 20px auto 64px; gap: 8px 12px; padding: 8px; }
    .pp[data-narrow] .effect, .pp[data-narrow] .does { grid-column: 1 / -1; }
    .pp[data-narrow] .does button { flex: 1; }
    `
  const make = (name, parent, more = {}) => {
    const made = Object.assign(document.createElement(name), more)
    parent.append(made)
    return made
  }
  const state = (root.proposals ??= build())
  state.data = data
  state.tell = tell
  state.left = new Set(data.left)
  state.list()
  state.painted()

  function build() {
    const state = {}
    root.replaceChildren()
    make("style", root, { textContent: STYLE })
    const box = make("div", root, { className: "pp" })
    const top = make("div", box, { className: "top" })
    const all = make("button", top, { type: "button", textContent: "Take all" })
    const back = make("button", top, { type: "button", textContent: "Show what was left" })
    const now = make("p", top, { className: "now" })
    now.setAttribute("aria-live", "polite")
    const key = make("p", box, { className: "key quiet" })
    const list = make("ol", box)
    const help = make("details", box, { className: "quiet" })
    make("summary", help, { textContent: "What the numbers mean" })
    const terms = make("dl", help)
    new ResizeObserver(([{ contentRect }]) => box.toggleAttribute("data-narrow", contentRect.width < 640)).observe(box)

    const open = () => state.data.rows.map((row, place) => [row, place]).filter(([, place]) => !state.left.has(place))
    const canvas = () => (window.explorerPainted?.key === state.data.key ? window.explorerPainted : null)
    const taken = (row) => canvas()?.codes(state.data.layer)?.[row.cell] === row.code
    const paint = (rows, code) => window.dispatchEvent(new CustomEvent("explorer-paint", { detail: {
      key: state.data.key, layer: state.data.layer, cells: rows.map((row) => row.cell), codes: rows.map(code),
    } }))
    const leave = (left) => {
      state.left = left
      state.list()
      state.painted()
      clearTimeout(state.waiting)  // several are left one after another: the page is drawn again once
      state.waiting = setTimeout(() => state.tell({ left: [...state.left].sort((a, b) => a - b).join() }), 600)
    }
    all.onclick = () => {
      const rows = open().map(([row]) => row)
      paint(rows, rows.every(taken) ? () => null : (row) => row.code)
    }
    back.onclick = () => leave(new Set())

    state.list = () => {
      const { data } = state
      all.disabled = !open().length
      back.hidden = !state.left.size
      key.replaceChildren()
      const sign = (kind, text, title) => {
        const one = make("span", key, { title })
        make("i", one, { className: kind, style: kind === "gain" ? "background: var(--cx-accent, #2a628f)" : "background: #8888" })
        one.append(text)
      }
      sign("gain", `${data.bar}, by this swap after those above it`, data.help.bar)
      sign("chance", `range of ${data.sets} sets of as many random swaps`, data.help.chance)
      terms.replaceChildren()
      const called = { bar: data.bar, alone: "alone", chance: "random", changed: "picture changed" }
      for (const [name, text] of Object.entries(called)) {
        make("dt", terms, { textContent: text })
        make("dd", terms, { textContent: data.help[name] })
      }
      list.replaceChildren(...open().map(([row, place]) => drawn(row, place)))
    }
    const drawn = (row, place) => {
      const one = document.createElement("li")
      one.dataset.place = place
      make("span", one, { className: "place", textContent: place + 1 })
      const codes = make("span", one, { className: "codes" })
      tile(codes, row.before)
      make("span", codes, { textContent: "→" })
      tile(codes, row.code)
      where(make("canvas", one), row)
      const effect = make("div", one, { className: "effect" })
      const said = make("div", effect, { className: "said" })
      make("b", said, { textContent: row.said })
      make("span", said, { className: "quiet", textContent: `  ${row.gain}`, title: state.data.help.bar })
      const bar = make("div", effect, { className: "bar" })
      bar.setAttribute("role", "img")
      bar.ariaLabel = `${row.said}; random swaps: ${row.chance}`
      const part = (kind, a, b) => make("i", bar, { className: kind,
        style: `left: ${100 * Math.min(a, b)}%; width: ${100 * Math.abs(b - a)}%` })
      part("chance", row.low, row.high)
      part("gain", row.from, row.to)
      const quiet = make("div", effect, { className: "quiet" })
      make("span", quiet, { textContent: `alone: ${row.alone}`, title: state.data.help.alone })
      quiet.append(" · ")
      make("span", quiet, { textContent: `random: ${row.chance}`, title: state.data.help.chance })
      quiet.append(` · picture changed by ${row.changed} so far`)
      const does = make("div", one, { className: "does" })
      const take = make("button", does, { type: "button", className: "take" })
      take.onclick = () => paint([row], () => (taken(row) ? null : row.code))
      const leaves = make("button", does, { type: "button", textContent: "Leave", ariaLabel: `Leave swap ${place + 1}` })
      leaves.className = "leave"
      leaves.onclick = () => leave(new Set([...state.left, place]))
      return one
    }
    const tile = (parent, code) => {
      const one = make("span", parent, { className: "code" }), patch = make("span", one, { className: "tile" })
      const { tiles, described, names } = state.data
      patch.style.borderBottomColor = described[code] ?? "#888888"
      const at = tiles?.codes.indexOf(code) ?? -1
      if (at >= 0) {
        const { across, codes } = tiles, down = Math.ceil(codes.length / across)
        const x = at % across, y = Math.floor(at / across)
        patch.style.backgroundImage = `url(${tiles.url})`
        patch.style.backgroundSize = `${across * 100}% ${down * 100}%`
        patch.style.backgroundPosition =
          `${across > 1 ? x / (across - 1) * 100 : 0}% ${down > 1 ? y / (down - 1) * 100 : 0}%`
      }
      make("span", one, { textContent: names[code] ?? code })
    }
    const where = (map, row) => {  // the picture, and the cell on it
      const [rows, columns] = state.data.grid, side = 128
      const r = Math.floor(row.cell / columns), c = row.cell % columns
      map.width = map.height = side
      map.setAttribute("role", "img")
      map.ariaLabel = `row ${r}, column ${c}`
      map.title = map.ariaLabel
      const pen = map.getContext("2d"), picture = new Image()
      picture.onload = () => {
        pen.imageSmoothingEnabled = false
        pen.globalAlpha = 0.65
        pen.drawImage(picture, 0, 0, side, side)
        pen.globalAlpha = 1
        const high = side / rows, wide = side / columns, grow = Math.max(0, 8 - wide) / 2
        for (const [style, width] of [["#000", 6], ["#fff", 3]]) {
          pen.strokeStyle = style
          pen.lineWidth = width
          pen.strokeRect(c * wide - grow, r * high - grow, wide + 2 * grow, high + 2 * grow)
        }
      }
      picture.src = state.data.picture
    }

    state.painted = () => {  // what the canvas says is painted
      const there = canvas()
      all.hidden = !there
      for (const one of list.children) {
        const place = Number(one.dataset.place), take = one.querySelector(".take"), has = taken(state.data.rows[place])
        take.hidden = !there
        take.textContent = has ? "Taken" : "Take"
        take.ariaLabel = `${has ? "Take back" : "Take"} swap ${place + 1}`
        take.setAttribute("aria-pressed", has)
        one.querySelector(".leave").disabled = has
        one.toggleAttribute("data-taken", has)
      }
      const rows = open().map(([row]) => row)
      all.textContent = rows.length && rows.every(taken) ? "Take all back" : "Take all"
      const found = there?.answer?.aimed
      if (!found) return
      const check = found.check ? ` (by the probe of pixels ${found.check})` : ""
      now.textContent = `What is painted now: ${state.data.axis.replace(" (dB)", "")} ${found.score}${check}.`
    }
    window.addEventListener("explorer-painted", () => { if (root.isConnected && state.data) state.painted() })
    return state
  }
}
