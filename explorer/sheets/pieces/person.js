// What a user looked at, the codes that this has in common, and what is near them. Pointing at one of them (or its
// focus, or a tap) marks the codes that bring it there on every picture, in the same colours; a click, Enter or a second
// tap leads to it.

const personColours = ["#ffc400", "#38c6ff", "#ff5fa2", "#58e07c", "#b48cff", "#ff8a3d", "#d8ff3e"]

const personStyle = `
  .person { container-type: inline-size; color: var(--cx-text, currentColor); }
  .person * { box-sizing: border-box; }
  .person > div { display: grid; grid-template-columns: minmax(230px, 300px) minmax(0, 1fr); gap: 16px 32px;
    align-items: start; }
  .person .side { position: sticky; top: calc(var(--cx-top, 0px) + 8px); background: var(--cx-back, transparent);
    z-index: 3; display: grid; gap: 6px; padding-bottom: 8px; min-height: 60px; }
  .person p { margin: 0; font-size: 0.9rem; line-height: 1.35; overflow-wrap: anywhere; }
  .person h4 { margin: 0 0 6px; font-size: 1rem; font-weight: 600; line-height: 1.3; }
  .person .quiet { color: var(--cx-quiet, currentColor); font-size: 0.85rem; font-weight: 400; }
  .person section { min-width: 0; margin-bottom: 18px; }
  .person .grid { display: grid; gap: 10px; grid-template-columns: repeat(auto-fill, minmax(72px, 1fr));
    align-items: start; }
  .person .grid.large { gap: 14px 12px; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); }
  .person canvas { display: block; width: 100%; aspect-ratio: 1; border-radius: 6px; }
  .person .hit { all: unset; box-sizing: border-box; display: block; cursor: pointer; border-radius: 8px; padding: 3px;
    min-width: 0; border: 2px solid transparent; -webkit-tap-highlight-color: transparent; }
  .person .hit.now { border-color: var(--cx-accent, currentColor); background: var(--cx-panel, #8881); }
  .person .hit.out canvas { opacity: 0.35; }
  .person .hit:focus-visible, .person .code:focus-visible { outline: 2px solid var(--cx-accent, currentColor);
    outline-offset: 2px; }
  .person .hit p { display: flex; justify-content: space-between; gap: 2px 8px; margin-top: 3px; font-size: 0.8rem;
    flex-wrap: wrap; }
  .person .large .hit p { display: block; }
  .person .large .hit p > * { display: block; }
  .person .small { display: flex; gap: 2px; margin-top: 4px; height: 20px; overflow: hidden; }
  .person .tile { display: block; background-color: #8883; background-repeat: no-repeat; image-rendering: pixelated;
    border-radius: 5px; border: 3px solid var(--colour, #8888); flex: none; }
  .person .codes { display: grid; gap: 5px; }
  .person .code { all: unset; box-sizing: border-box; display: grid; cursor: pointer; align-items: center; gap: 8px;
    grid-template-columns: 32px minmax(0, 1fr) auto; border-radius: 6px; font-size: 0.85rem; line-height: 1.25;
    -webkit-tap-highlight-color: transparent; padding: 1px; }
  .person .code:hover, .person .code.now { background: var(--cx-panel, #8882); }
  .person .bar { display: block; height: 4px; border-radius: 2px; margin-top: 3px; min-width: 2px; }
  @container (max-width: 620px) {
    .person > div { grid-template-columns: minmax(0, 1fr); }
    .person .side { border-bottom: 1px solid var(--cx-line, #8886); }
    .person .codes { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 4px 10px; }
    .person .code { grid-template-columns: 26px minmax(0, 1fr); }
    .person .code > .quiet { display: none; }
    .person .code:nth-child(n + 7) { display: none; }
    .person .grid { grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 6px; }
    .person .grid.large { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 8px 6px; }
  }`

function person(root, data, tell) {
  const state = (root.person ??= personStart(root)), content = JSON.stringify(data)
  Object.assign(state, { data, tell })
  if (content !== state.content) state.update()  // else what is pointed at stays
  state.content = content
}

function personStart(root) {
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    one.className = kind
    one.textContent = text
    return one
  }
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0))
  const percent = (share) => `${share >= 0.0995 ? Math.round(100 * share) : (100 * share).toFixed(1)} %`
  root.replaceChildren()
  make("style", root).textContent = personStyle
  const outer = make("div", root, "person"), box = make("div", outer), side = make("div", box, "side")
  const right = make("div", box)
  side.setAttribute("aria-live", "polite")
  const state = { cards: [], now: null, tapped: null, touched: false }

  // ---- drawing

  const sized = (canvas) => {
    const ratio = window.devicePixelRatio || 1, wide = Math.round(canvas.clientWidth * ratio)
    if (!wide) return null
    if (canvas.width !== wide) Object.assign(canvas, { width: wide, height: wide })
    const pen = canvas.getContext("2d")
    pen.setTransform(1, 0, 0, 1, 0, 0)
    pen.imageSmoothingEnabled = false
    pen.clearRect(0, 0, wide, wide)
    return Object.assign(pen, { wide, ratio })
  }
  const mark = (pen, cells, codes) => {  // codes: [code, slot of its colour]
    const { rows, columns, of } = state.data, places = codes.map(([code]) => of.indexOf(code) + 1)
    const scale = [pen.wide / columns, pen.wide / rows], wide = pen.ratio * Math.min(2.5, pen.wide / columns / 6 + 1)
    pen.setTransform(scale[0], 0, 0, scale[1], 0, 0)
    pen.fillStyle = "#0009"
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns;) {
      let to = column
      while (to < columns && !places.includes(cells[row * columns + to])) to++
      if (to > column) pen.fillRect(column, row, to - column, 1)
      column = to + 1
    }
    codes.forEach(([, slot], at) => {
      const path = new Path2D(), has = (row, column) => row >= 0 && column >= 0 && row < rows && column < columns &&
        cells[row * columns + column] === places[at]
      for (let row = 0; row <= rows; row++) for (let column = 0; column <= columns; column++) {
        const here = has(row, column)
        if (here !== has(row - 1, column)) { path.moveTo(column, row); path.lineTo(column + 1, row) }
        if (here !== has(row, column - 1)) { path.moveTo(column, row); path.lineTo(column, row + 1) }
      }
      for (const [ink, width] of [["#000c", wide + 2 * pen.ratio], [personColours[slot], wide]]) {
        pen.strokeStyle = ink
        pen.lineWidth = width / Math.max(...scale)
        pen.stroke(path)
      }
    })
  }
  const has = (one, codes) => codes.some(([code]) => one.cells?.includes(state.data.of.indexOf(code) + 1))
  const marked = () => {  // the codes that are marked, and on which pictures
    const now = state.now
    if (!now) return { codes: [], on: () => false }
    if (now.code !== undefined) return { codes: [[now.code, now.slot]], on: () => true }
    if (now.near) return { codes: now.because.map(([code, , slot]) => [code, slot]), on: (one) => one === now || !one.near }
    const own = state.data.codes.map((one) => [one.code, one.slot]).filter((one) => has(now, [one])).slice(0, 6)
    return { codes: own, on: (one) => one === now }
  }
  const draw = () => {
    const { codes, on } = marked()
    for (const one of state.cards) {
      const pen = sized(one.canvas), { sheet, from } = one
      if (!pen || !sheet.image.complete) continue
      const x = (from % sheet.across) * sheet.side, y = Math.floor(from / sheet.across) * sheet.side
      pen.drawImage(sheet.image, x, y, sheet.side, sheet.side, 0, 0, pen.wide, pen.wide)
      const stands = codes.length > 0 && on(one) && has(one, codes)
      if (stands && state.data.placed) mark(pen, one.cells, codes)
      one.card.classList.toggle("out", codes.length > 0 && on(one) && !stands && one !== state.now)
    }
  }
  state.draw = () => { state.waiting ??= requestAnimationFrame(() => { state.waiting = null; draw() }) }

  // ---- codes beside the pictures

  const tile = (parent, code, slot, size) => {
    const { tiles, of } = state.data, one = make("i", parent, "tile"), at = of.indexOf(code), inner = size - 6
    one.style.cssText = `width: ${size}px; height: ${size}px; --colour: ${personColours[slot]}`
    if (!tiles || at < 0) return
    const x = at % tiles.across, y = Math.floor(at / tiles.across)
    one.style.background =
      `url(${tiles.url}) -${x * inner}px -${y * inner}px / ${tiles.across * inner}px auto padding-box`
  }
  const called = (code) => {
    const name = state.data.names[code]
    return `Code ${code.toLocaleString("en-US")}${name ? ` “${name}”` : ""}`
  }
  const list = (rows) => {  // [code, slot, share of the largest, text, title]
    const codes = make("div", side, "codes")
    for (const [code, slot, share, text, title] of rows) {
      const one = make("button", codes, "code")
      one.type = "button"
      one.dataset.code = code
      one.title = title
      tile(one, code, slot, outer.clientWidth < 620 ? 26 : 32)
      const said = make("span", one)
      make("span", said, "", called(code))
      const bar = make("i", said, "bar")
      bar.style.cssText = `width: ${Math.max(0, 100 * share)}%; background: ${personColours[slot]}`
      make("span", one, "quiet", text)
      one.onclick = () => state.tell({ to: "code", code })
      one.onpointerenter = (event) => {
        if (event.pointerType !== "touch" && !state.now?.near) point(state.data.codes.find((own) => own.code === code))
      }
    }
  }
  const reasons = () => {
    side.replaceChildren()
    const { now } = state
    if (now?.near) {
      const head = make("p", side)
      make("b", head, "", now.title)
      head.append(` · fits ${now.score}`)
      make("p", side, "quiet", now.because.length ? "because of these codes, marked on what the user looked at, too"
        : "No code of it is more common here than elsewhere.")
      const most = Math.max(...now.because.map(([, share]) => share), 1e-9)
      list(now.because.map(([code, share, slot]) =>
        [code, slot, share / most, percent(share), `${percent(share)} of why it fits; a click tells all about the code`]))
      return
    }
    make("h4", side, "", now && now.code === undefined ? now.title : "Codes of this user")
    make("p", side, "quiet", state.data.about)
    const most = Math.max(...state.data.codes.map((one) => one.weight), 1e-9)
    list(state.data.codes.map((one) => [one.code, one.slot, one.weight / most, one.times, one.title]))
  }
  const point = (one) => {
    if (one === state.now) return
    state.now?.card?.classList.remove("now")
    state.now = one ?? null
    one?.card?.classList.add("now")
    root.dataset.at = one ? String(one.row ?? `code ${one.code}`) : ""
    if (!one || one.code === undefined) reasons()
    state.draw()
  }

  // ---- pictures

  const grid = (title, about, of, near) => {
    const section = make("section", right), head = make("h4", section, "", title), { sheet, items } = of
    make("span", head, "quiet", ` ${about}`)
    const box = make("div", section, near ? "grid large" : "grid"), image = new Image()
    image.onload = () => state.draw()
    if (sheet) image.src = sheet.url
    items.forEach((item, from) => {
      const card = make("button", box, "hit"), canvas = make("canvas", card)
      const one = { ...item, near, from, card, canvas, sheet: { ...sheet, image }, cells: item.cells && bytes(item.cells) }
      card.type = "button"
      card.dataset.row = item.row
      const line = make("p", card)
      if (near) {
        make("b", line, "", item.score)
        make("span", line, "quiet", item.said)
        const small = make("div", card, "small")
        for (const [code, , slot] of item.because.slice(0, 4)) tile(small, code, slot, 20)
      } else make("span", line, "quiet", item.said)
      card.title = item.name
      card.setAttribute("aria-label", `${item.title}, ${item.name}, ${item.said}` +
        (near && item.because.length ? `, because of codes ${item.because.map(([code]) => code).join(", ")}` : ""))
      card.onpointerenter = (event) => { if (event.pointerType !== "touch") point(one) }
      card.onpointerdown = (event) => { state.touched = event.pointerType === "touch" }
      card.onfocus = () => { if (!state.touched) point(one) }
      card.onclick = (event) => {
        const again = !state.touched || state.tapped === one || event.detail === 0
        Object.assign(state, { touched: false, tapped: one })
        point(one)
        if (again) state.tell({ to: "product", image: item.row })
      }
      state.cards.push(one)
    })
  }
  box.onpointerleave = (event) => { if (event.pointerType !== "touch") point(null) }
  state.update = () => {
    right.replaceChildren()
    Object.assign(state, { cards: [], now: null, tapped: null })
    const { looked, near } = state.data
    grid(looked.title, looked.about, looked, false)
    grid(near.title, near.about, near, true)
    root.dataset.at = ""
    reasons()
    state.draw()
  }
  const watch = new ResizeObserver(() => state.draw())
  watch.observe(outer)
  root.leave = () => watch.disconnect()
  return state
}
