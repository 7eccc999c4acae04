// Where an image surprises a prior: the picture, its codes and the bits of every cell side by side, one pointer in all.
// Pointing at a cell tells its code, its probability, and what was expected there; a press, or Enter, keeps it.

const surpriseStyle = `
  .surprise { font-variant-numeric: tabular-nums; }
  .surprise .maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(150px, 44%), 1fr)); gap: 14px;
    max-width: 1180px; }
  .surprise figure { margin: 0; min-width: 0; max-width: 300px; }
  .surprise canvas { display: block; width: 100%; border-radius: 6px; cursor: crosshair; touch-action: pan-y;
    image-rendering: pixelated; }
  .surprise canvas:focus-visible { outline: 3px solid var(--cx-accent, currentColor); outline-offset: 2px; }
  .surprise figcaption { font-size: 0.8125rem; line-height: 1.35; margin-top: 5px; }
  .surprise .scale { display: grid; grid-template-columns: auto 1fr auto; align-items: center; gap: 8px;
    font-size: 0.75rem; margin-top: 4px; }
  .surprise .scale i { height: 9px; border-radius: 5px; min-width: 30px; }
  .surprise .told { margin-top: 12px; min-height: 8.2em; max-width: 900px; }
  .surprise .told p { margin: 0 0 8px; font-size: 0.9375rem; line-height: 1.45; }
  .surprise .likely { display: flex; flex-wrap: wrap; gap: 10px 16px; align-items: flex-start; }
  .surprise .likely > div { display: flex; gap: 8px; align-items: center; font-size: 0.8125rem; line-height: 1.3; }
  .surprise .likely canvas { width: 40px; height: 40px; border-radius: 4px; cursor: default; flex: none; }
  .surprise .likely .own { font-weight: 600; }
  .surprise button { font: inherit; font-size: 0.875rem; color: inherit; background: none; cursor: pointer;
    border: 1px solid currentColor; border-radius: 6px; padding: 4px 10px; min-height: 32px; }
  .surprise button:focus-visible { outline: 3px solid var(--cx-accent, currentColor); outline-offset: 2px; }`

function surprise(root, data, tell) {
  const state = (root.surprise ??= surpriseStart(root))
  Object.assign(state, { data, tell })
  state.update()
}

function surpriseStart(root) {
  const make = (name, parent, more = {}) => Object.assign(parent.appendChild(document.createElement(name)), more)
  root.replaceChildren()
  make("style", root, { textContent: surpriseStyle })
  const box = make("div", root, { className: "surprise" }), grid = make("div", box, { className: "maps" })
  const told = make("div", box, { className: "told" })
  told.setAttribute("aria-live", "polite")
  const state = { maps: [], at: null, kept: null, tiles: new Image() }
  const percent = (p) => p >= 0.0995 ? `${Math.round(100 * p)} %` : p >= 0.00095 ? `${(100 * p).toFixed(1)} %`
    : p > 0 ? `${(100 * p).toPrecision(1)} %` : "0 %"
  const bits = (value) => `${value.toFixed(value < 9.95 ? 1 : 0)} ${value.toFixed(1) === "1.0" ? "bit" : "bits"}`
  const shown = () => state.at ?? state.kept

  const add = () => {
    const figure = make("figure", grid), canvas = make("canvas", figure), caption = make("figcaption", figure)
    const scale = make("div", figure, { className: "scale" })
    const low = make("span", scale), ramp = make("i", scale), high = make("span", scale)
    const one = { figure, canvas, caption, scale, low, ramp, high, picture: new Image() }
    one.picture.onload = () => draw(one)
    canvas.setAttribute("role", "img")
    canvas.tabIndex = state.maps.length ? -1 : 0
    const under = (event) => {
      const { rows, columns } = state.data, place = canvas.getBoundingClientRect()
      const row = Math.floor(((event.clientY - place.top) / place.height) * rows)
      const column = Math.floor(((event.clientX - place.left) / place.width) * columns)
      return row >= 0 && row < rows && column >= 0 && column < columns ? row * columns + column : null
    }
    canvas.onpointermove = (event) => point(under(event))
    canvas.onpointerleave = (event) => { if (event.pointerType === "mouse") point(null) }
    canvas.onclick = (event) => keep(under(event))
    canvas.onkeydown = (event) => {
      const { rows, columns } = state.data, at = shown() ?? 0
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key]
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); return keep(at) }
      if (!step) return
      event.preventDefault()
      const row = Math.floor(at / columns) + step[0], column = (at % columns) + step[1]
      if (row >= 0 && row < rows && column >= 0 && column < columns) keep(row * columns + column)
    }
    state.maps.push(one)
  }
  const point = (index) => {
    if (index === state.at) return
    state.at = index
    refresh()
  }
  const keep = (index) => {
    if (index === null) return
    state.kept = index
    state.at = null
    refresh()
  }
  const refresh = () => { state.maps.forEach(draw); say() }

  const draw = (one) => {
    const { rows, columns } = state.data, { canvas, picture } = one
    const wide = (canvas.width = Math.max(1, Math.round((canvas.clientWidth || 200) * (window.devicePixelRatio || 1))))
    const tall = (canvas.height = Math.max(1, Math.round((wide * rows) / columns))), pen = canvas.getContext("2d")
    pen.imageSmoothingEnabled = false
    if (picture.complete && picture.naturalWidth) pen.drawImage(picture, 0, 0, wide, tall)
    const frame = (index, colours) => {
      if (index === null) return
      const row = Math.floor(index / columns), column = index % columns, line = Math.max(1, Math.round(wide / 130))
      const [x, y] = [Math.round((column * wide) / columns), Math.round((row * tall) / rows)]
      const [w, h] = [Math.round(((column + 1) * wide) / columns) - x, Math.round(((row + 1) * tall) / rows) - y]
      colours.forEach((colour, step) => {
        const inset = (step + 0.5) * line
        pen.strokeStyle = colour
        pen.lineWidth = line
        pen.strokeRect(x + inset, y + inset, Math.max(w - 2 * inset, 1), Math.max(h - 2 * inset, 1))
      })
    }
    frame(state.kept, ["#000", "#39d353"])
    if (state.at !== null && state.at !== state.kept) frame(state.at, ["#000", "#fff"])
  }
  const tile = (code, parent) => {
    const at = state.data.tiles?.codes.indexOf(code) ?? -1
    if (at < 0) return
    const { side, across } = state.data.tiles
    const canvas = make("canvas", parent, { width: side, height: side })
    canvas.setAttribute("aria-hidden", "true")
    const paint = () => canvas.getContext("2d").drawImage(
      state.tiles, (at % across) * side, Math.floor(at / across) * side, side, side, 0, 0, side, side)
    if (state.tiles.complete && state.tiles.naturalWidth) paint()
    else state.tiles.addEventListener("load", paint, { once: true })
  }
  const say = () => {
    const at = shown(), { columns, words, size } = state.data
    const focused = told.contains(document.activeElement)
    told.replaceChildren()
    if (at === null) return void make("p", told, { textContent: words })
    const cell = state.data.cells[at], chance = 2 ** -cell.bits
    const rank = cell.rank === 0 ? "" : "; it was "
      + (cell.rank === 1 ? "the likeliest" : `number ${cell.rank.toLocaleString("en")} by likelihood`)
      + ` of ${size.toLocaleString("en")} codes`
    const bare = state.data.maps.find((one) => one.name === "without")
    make("p", told, { textContent: `Row ${Math.floor(at / columns)}, column ${at % columns}: code ${cell.code} stands `
      + `here. The prior gave it ${percent(chance)}, so it costs ${bits(cell.bits)}${rank}.`
      + (bare ? ` Without the class it would cost ${bits(bare.values[at])}.` : "") })
    const list = make("div", told, { className: "likely" })
    const entry = (code, text, own) => {
      const one = make("div", list, { className: own ? "own" : "" })
      tile(code, one)
      make("span", one, { textContent: text })
    }
    if (!cell.likely.some(([code]) => code === cell.code)) entry(cell.code, `here: ${cell.code}, ${percent(chance)}`, true)
    cell.likely.forEach(([code, p], index) => entry(code,
      `${index ? "" : "expected: "}${code}, ${percent(p)}${code === cell.code ? " – here" : ""}`, code === cell.code))
    if (state.data.leads) {
      const button = make("button", list, { type: "button", textContent: `All about code ${cell.code}` })
      button.onclick = () => state.tell({ row: Math.floor(at / columns), column: at % columns, code: cell.code })
      if (focused) button.focus()
    }
  }
  state.update = () => {
    const { maps, key, tiles, alt, begin } = state.data
    while (state.maps.length < maps.length) add()
    while (state.maps.length > maps.length) state.maps.pop().figure.remove()
    if (state.key !== key) {
      state.key = key
      state.kept = begin
      state.at = null
    }
    if (tiles && state.tiles.src !== tiles.url) {
      state.tiles = new Image()
      state.tiles.src = tiles.url
    }
    maps.forEach((of, index) => {
      const one = state.maps[index]
      one.caption.textContent = of.title
      one.canvas.setAttribute("aria-label", `${of.title}. ${alt}`)
      one.scale.style.display = of.ends ? "" : "none"
      if (of.ends) {
        one.low.textContent = of.ends[0]
        one.high.textContent = of.ends[1]
        one.ramp.style.background = `linear-gradient(90deg, ${of.colours.join(",")})`
      }
      if (one.picture.src !== of.url) one.picture.src = of.url
    })
    refresh()
  }
  const watch = new ResizeObserver(() => state.maps.forEach(draw))
  watch.observe(box)
  root.leave = () => watch.disconnect()
  return state
}
