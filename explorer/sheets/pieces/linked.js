// Two code maps of one image. Pointing at a cell of one outlines it, every cell with its code, and what the other map
// has in the same place; arrow keys move on; a click, Enter, or a second tap tells which code was chosen.
function linked(root, data, tell, ask) {
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer
  const ints = (text) => new Int32Array(bytes(text))
  const floats = (text) => new Float32Array(bytes(text))
  const counted = (number) => number.toLocaleString("en-US")
  const many = (number, one) => `${counted(number)} ${one}${number === 1 ? "" : "s"}`
  const times = (ratio) => ratio >= 10 ? counted(Math.round(ratio)) : ratio.toFixed(ratio < 1 ? 2 : 1)
  const percent = (share) => `${share === 1 ? 100 : (100 * share).toPrecision(share >= 0.0995 ? 2 : 1)} %`
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    one.className = kind
    one.textContent = text
    return one
  }
  const state = root.linked ??= { at: null, tapped: null, seen: null }

  if (!state.box) {
    root.replaceChildren()
    make("style", root).textContent = `
      .linked { container-type: inline-size; color: var(--cx-text, currentColor); }
      .linked .maps { display: grid; grid-template-columns: repeat(2, minmax(0, 340px)); gap: 6px 20px; }
      .linked .maps p { margin: 0 0 2px; font-size: 0.9rem; line-height: 1.3; overflow-wrap: anywhere; }
      .linked .quiet { color: var(--cx-quiet, currentColor); font-size: 0.85rem; }
      .linked canvas { display: block; width: 100%; cursor: crosshair; touch-action: manipulation; border-radius: 4px;
        -webkit-tap-highlight-color: transparent; }
      .linked canvas:focus-visible { outline: 3px solid var(--cx-accent, #2a628f); outline-offset: -3px; }
      .linked .panel { display: grid; grid-template-columns: repeat(2, minmax(0, 340px)); gap: 10px 20px;
        margin-top: 10px; min-height: 150px; font-size: 0.9rem; line-height: 1.4; align-content: start; }
      .linked .one { display: flex; gap: 10px; align-items: flex-start; margin-bottom: 8px; }
      .linked .one > i { flex: none; width: 48px; height: 48px; border-radius: 5px; background-color: #8883;
        image-rendering: pixelated; border: 1px solid var(--cx-line, #8886); }
      .linked .swatch { display: inline-block; width: 0.7em; height: 0.7em; margin-right: 0.4em; border-radius: 2px;
        border: 1px solid #8888; }
      .linked .said { min-width: 0; overflow-wrap: anywhere; }
      .linked b { font-weight: 600; }
      .linked button { all: unset; cursor: pointer; color: var(--cx-accent, #2a628f); text-decoration: underline;
        text-underline-offset: 3px; }
      .linked .tools { display: flex; gap: 8px; margin-bottom: 8px; }
      .linked button.way { padding: 3px 10px; border-radius: 6px; border: 1px solid var(--cx-line, #8886);
        color: inherit; text-decoration: none; font-size: 0.85rem; }
      .linked button.way[aria-pressed=true] { background: var(--cx-accent, #2a628f); color: var(--cx-back, #fff);
        border-color: var(--cx-accent, #2a628f); }
      .linked button:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; border-radius: 3px; }
      @container (max-width: 560px) { .linked .maps, .linked .panel { gap: 6px 10px } .linked .one > i { width: 32px;
        height: 32px } .linked .one { gap: 6px } .linked .panel { grid-template-columns: minmax(0, 1fr) } }`
    state.box = make("div", root, "linked")
    const tools = make("div", state.box, "tools")
    state.ways = ["Codes", "Over the image"].map((name, at) => {
      const button = make("button", tools, "way", name)
      button.type = "button"
      button.onclick = () => { state.over = at === 1; state.pressed(); state.draw() }
      return button
    })
    state.pressed = () => state.ways.forEach((button, at) =>
      button.setAttribute("aria-pressed", String(Boolean(state.over) === (at === 1))))
    state.pressed()
    const maps = make("div", state.box, "maps")
    state.heads = [0, 1].map(() => make("p", maps))
    state.canvases = [0, 1].map((side) => {
      const canvas = make("canvas", maps)
      canvas.tabIndex = 0
      canvas.setAttribute("role", "img")
      return canvas
    })
    state.panel = make("div", state.box, "panel")
    state.panel.setAttribute("aria-live", "polite")
    state.watch = new ResizeObserver(() => state.draw?.())
    root.leave = () => state.watch.disconnect()
    state.canvases.forEach((canvas, side) => {
      const cell = (event) => {
        const box = canvas.getBoundingClientRect(), { rows, columns, count } = state.sides[side]
        const row = Math.floor((event.clientY - box.top) / box.height * rows)
        const column = Math.floor((event.clientX - box.left) / box.width * columns), index = row * columns + column
        return row >= 0 && column >= 0 && row < rows && column < columns && index < count ? index : -1
      }
      canvas.addEventListener("pointermove", (event) => {
        const index = cell(event)
        if (event.pointerType !== "touch" && index >= 0) state.point(side, index)
      })
      canvas.addEventListener("pointerdown", (event) => { state.touched = event.pointerType === "touch" })
      canvas.addEventListener("click", (event) => {
        const index = cell(event), now = `${side} ${index}`
        if (index < 0) return
        const again = !state.touched || state.tapped === now
        state.point(side, index)
        state.tapped = now
        if (again) state.lead(side, index)
      })
      canvas.addEventListener("focus", () => {
        if (state.at?.[0] !== side) state.point(side, state.sides[side].middle)
      })
      canvas.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key]
        const [of, index] = state.at, { rows, columns, count } = state.sides[side]
        if (of !== side) return
        if (event.key === "Enter") state.lead(side, index)
        if (!step) return
        event.preventDefault()
        const row = Math.floor(index / columns) + step[0], column = index % columns + step[1]
        const to = row * columns + column
        if (row >= 0 && column >= 0 && row < rows && column < columns && to < count) state.point(side, to)
      })
    })
  }

  state.sides = data.sides.map((side, index) => ({
    ...side, codes: ints(side.codes), distances: floats(side.distances), of: ints(side.of),
    best: ints(side.best), bestOf: ints(side.best_of), count: ints(side.codes).length,
    middle: Math.min(Math.floor(side.rows / 2) * side.columns + Math.floor(side.columns / 2), side.cells - 1),
    letter: "AB"[index],
  }))
  state.patches = new Map()
  const pairs = new Map(), flat = ints(data.pairs)
  for (let i = 0; i < flat.length; i += 3) pairs.set(`${flat[i]} ${flat[i + 1]}`, flat[i + 2])

  const places = (side, index) => {  // cells of the other map which cover the same place
    const other = state.sides[1 - side], { rows, columns } = state.sides[side].spans
    if (data.all) return Array.from({ length: other.count }, (_, at) => at)
    const found = [], [top, bottom] = rows[Math.floor(index / state.sides[side].columns)]
    const [left, right] = columns[index % state.sides[side].columns]
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) found.push(row * other.columns + column)
    return found
  }
  const border = (side, inside) => {  // the line around cells, in units of a cell
    const { rows, columns } = state.sides[side], path = new Path2D()
    const has = (row, column) => row >= 0 && column >= 0 && row < rows && column < columns &&
      inside[row * columns + column] === 1
    for (let row = 0; row <= rows; row++) for (let column = 0; column <= columns; column++) {
      const here = has(row, column)
      if (here !== has(row - 1, column)) { path.moveTo(column, row); path.lineTo(column + 1, row) }
      if (here !== has(row, column - 1)) { path.moveTo(column, row); path.lineTo(column, row + 1) }
    }
    return path
  }
  const masked = (side, cells) => {
    const inside = new Uint8Array(state.sides[side].rows * state.sides[side].columns)
    for (const cell of cells) inside[cell] = 1
    return inside
  }
  const stroke = (pen, path, lines) => {
    for (const [colour, width, dash] of lines) {
      pen.strokeStyle = colour
      pen.lineWidth = width / pen.unit
      pen.setLineDash((dash ?? []).map((one) => one / pen.unit))
      pen.stroke(path)
    }
  }
  const paint = (side) => {
    const canvas = state.canvases[side], { behind, rows, columns, picture, codes, placed } = state.sides[side]
    const ratio = window.devicePixelRatio || 1, wide = Math.round(canvas.clientWidth * ratio)
    const high = Math.round(wide * rows / columns)
    if (!wide || !picture?.complete) return
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high })
    const pen = canvas.getContext("2d")
    pen.setTransform(1, 0, 0, 1, 0, 0)
    pen.imageSmoothingEnabled = false
    pen.clearRect(0, 0, wide, high)
    const through = state.over && behind?.complete && placed
    if (through) pen.drawImage(behind, 0, 0, wide, high)
    pen.globalAlpha = through ? 0.4 : 1
    pen.drawImage(picture, 0, 0, wide, high)
    pen.globalAlpha = 1
    if (!state.at) return
    pen.scale(wide / columns, high / rows)
    pen.unit = wide / columns / ratio
    pen.lineJoin = "round"
    const [of, index] = state.at
    if (of === side) {
      const same = codes.reduce((found, code, at) => { if (code === codes[index]) found.push(at); return found }, [])
      stroke(pen, border(side, masked(side, same)), [["#000", 3.5], ["#fff", 1.5]])
      stroke(pen, border(side, masked(side, [index])), [["#000", 6], ["#fff", 3.5]])
    } else stroke(pen, border(side, masked(side, state.there)), [["#000", 6], ["#ffd21f", 3.5]])
  }
  state.draw = () => {
    state.waiting ??= requestAnimationFrame(() => { state.waiting = null; paint(0); paint(1) })
  }

  const patch = (parent, side, code) => {
    const { sprite, numbers } = state.sides[side], tile = make("i", parent)
    if (code >= sprite.n) {
      const show = (url) => { tile.style.background = `url(${url}) 0 0 / 100%` }, key = `${side} ${code}`
      if (state.patches.has(key)) return show(state.patches.get(key))
      const of = state.patches
      ask({ side, code: numbers[code] }).then((told) => {
        if (told) of.set(key, told.url)
        if (told) show(told.url)
      }, () => {})
      return
    }
    const wide = tile.clientWidth || 48, x = code % sprite.across, y = Math.floor(code / sprite.across)
    tile.style.background = `url(${sprite.url}) -${x * wide}px -${y * wide}px / ${sprite.across * wide}px auto`
  }
  const named = (side, code) => {
    const { numbers, names } = state.sides[side]
    return `Code ${counted(numbers[code])}${names[code] ? ` “${names[code]}”` : ""}`
  }
  const link = (parent, side, code, index, text) => {
    make("button", parent, "", text).onclick = () => state.lead(side, index, code)
  }
  const about = (side, index, box) => {  // the cell that is pointed at
    const { codes, columns, distances, shares, letter, rows } = state.sides[side], code = codes[index]
    const one = make("div", box, "one")
    patch(one, side, code)
    const said = make("div", one, "said"), here = codes.reduce((sum, other) => sum + (other === code), 0)
    make("b", said, "", `${letter}: ${named(side, code)}`)
    const where = state.sides[side].placed
      ? `row ${Math.floor(index / columns)}, column ${index % columns}` : `token ${index}`
    const away = distances[index] === distances[index] ? `, distance ${distances[index].toPrecision(3)}` : ""
    make("div", said, "quiet", `${where}${away}`)
    make("div", said, "quiet", `${many(here, "cell")} here, ${percent(shares[code])} of all tokens`)
    link(said, side, code, index, "On its code maps →")
  }
  const across = (side, box) => {  // what the other has there
    const to = 1 - side, [, index] = state.at, mine = state.sides[side], other = state.sides[to]
    const code = mine.codes[index], found = new Map()
    for (const cell of state.there) found.set(other.codes[cell], [...(found.get(other.codes[cell]) ?? []), cell])
    const order = [...found].sort((one, two) => two[1].length - one[1].length)
    for (const [there, cells] of order.slice(0, 4)) {
      const one = make("div", box, "one")
      patch(one, to, there)
      const said = make("div", one, "said")
      make("b", said, "", `${other.letter}: ${named(to, there)}`)
      const all = state.there.length
      if (all > 1) make("div", said, "quiet", `${counted(cells.length)} of ${many(all, "cell")} there`)
      const both = pairs.get(side ? `${there} ${code}` : `${code} ${there}`) ?? 0
      if (data.counts && mine.of[code] && other.of[there]) {
        const share = both / mine.of[code], chance = other.of[there] / data.places
        make("div", said, "quiet", both
          ? `on ${percent(share)} of the places with this code of ${mine.letter}, ${times(share / chance)} × chance`
          : `never on a place with this code of ${mine.letter} in these images`)
      }
      link(said, to, there, cells[0], "On its code maps →")
    }
    if (order.length > 4) make("div", box, "quiet", `and ${many(order.length - 4, "more code")} there`)
    if (!data.counts || !mine.of[code]) return
    const most = percent(mine.bestOf[code] / mine.of[code])
    make("div", box, "quiet", `Over ${counted(data.images)} images, ${mine.letter} has this code on ` +
      `${many(mine.of[code], "place")}; there ${other.letter} most often has code ` +
      `${counted(mine.best[code])} (${most}).`)
  }
  state.point = (side, index) => {
    if (state.at?.[0] === side && state.at[1] === index && state.shown === data) return
    state.at = [side, index]
    state.shown = data
    state.there = places(side, index)
    const boxes = [make("div", state.panel), make("div", state.panel)]
    about(side, index, boxes[side])
    across(side, boxes[1 - side])
    while (state.panel.children.length > 2) state.panel.firstChild.remove()
    state.high = Math.max(state.high ?? 0, state.panel.offsetHeight)  // so that what is below does not jump
    state.panel.style.minHeight = `${state.high}px`
    const mine = state.sides[side]
    Object.assign(root.dataset, { side: mine.letter, cell: String(index), code: String(mine.numbers[mine.codes[index]]),
      there: state.there.slice(0, 4096).join(",") })
    state.draw()
  }
  state.lead = (side, index, code) => {
    const { codes, numbers, columns, checkpoint, image, layer, limit, placed } = state.sides[side]
    tell({ checkpoint, limit, layer, image, code: numbers[code ?? codes[index]],
      cell: placed ? `${Math.floor(index / columns)},${index % columns}` : `0,${index}` })
  }

  data.sides.forEach((side, index) => {
    const head = state.heads[index], canvas = state.canvases[index]
    head.replaceChildren()
    make("b", head, "", `${"AB"[index]} · ${side.called}`)
    make("div", head, "quiet", side.title)
    canvas.setAttribute("aria-label", side.alt)
    state.watch.observe(canvas)
    canvas.style.aspectRatio = `${side.columns} / ${side.rows}`
    for (const [name, url] of [["picture", side.url], ["behind", side.behind]]) {
      const picture = new Image()
      picture.onload = () => state.draw()
      picture.src = url
      state.sides[index][name] = picture
    }
  })
  const [side, index] = state.at ?? [0, state.sides[0].middle]
  state.shown = null
  state.point(side, index < state.sides[side].count ? index : state.sides[side].middle)
}
