// Samples that appear row by row while the server draws them, in groups of one class each. Asks `{have}` for more rows
// until all are drawn, then `{about}` for what is known of all; a pressed picture asks `{one}` for its codes.
function sampling(root, data, tell, ask) {
  const STYLE = `
    .sampling { color: var(--cx-text, currentColor); line-height: 1.35; font-size: 14px; container-type: inline-size; }
    .sampling .top { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; margin-bottom: 12px; }
    .sampling .said { margin: 0; flex: 1 1 200px; font-variant-numeric: tabular-nums; min-height: 1.35em; }
    .sampling .said.wrong { color: #c0392b; }
    .sampling progress { width: 100%; height: 6px; display: block; margin: 0 0 12px;
      accent-color: var(--cx-accent, #2a628f); }
    .sampling .act { font: inherit; color: inherit; cursor: pointer; min-height: 38px; padding: 0 14px; margin: 0;
      background: var(--cx-panel, #8881); border: 1px solid var(--cx-line, #8886); border-radius: 8px; }
    .sampling .act:hover { border-color: var(--cx-accent, currentColor); }
    .sampling .act.first { background: var(--cx-accent, #2a628f); border-color: var(--cx-accent, #2a628f); color: #fff; }
    .sampling .act:disabled { opacity: 0.45; cursor: default; }
    .sampling :is(.act, .one):focus-visible { outline: 3px solid var(--cx-accent, #2a628f); outline-offset: 2px; }
    .sampling .groups { display: grid; gap: 14px 20px; align-items: start;
      grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--group)), 1fr)); }
    .sampling .group { min-width: 0; }
    .sampling .group h4 { margin: 0 0 4px; font-size: 0.9rem; font-weight: 600; overflow-wrap: anywhere; padding: 0; }
    .sampling .cells { display: grid; gap: 6px; grid-template-columns: repeat(var(--fill), minmax(var(--cell), 1fr)); }
    .sampling .one { all: unset; box-sizing: border-box; cursor: pointer; min-width: 0; display: block; }
    .sampling .frame { display: block; position: relative; aspect-ratio: 1; border-radius: 6px; overflow: hidden;
      background: repeating-linear-gradient(135deg, #8883 0 6px, #8881 6px 12px); }
    .sampling .frame i { position: absolute; inset: 0; image-rendering: pixelated; background-repeat: no-repeat; }
    .sampling .one.on .frame { box-shadow: 0 0 0 3px var(--cx-accent, #2a628f); overflow: visible; }
    .sampling .one.near .frame { box-shadow: 0 0 0 2px var(--cx-accent, #2a628f); }
    .sampling .note { display: block; font-size: 0.75rem; color: var(--cx-quiet, currentColor); margin-top: 3px;
      font-variant-numeric: tabular-nums; min-height: 1.35em; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
    .sampling .twins { display: grid; grid-template-columns: 1fr 1fr; gap: 3px; margin-top: 2px; }
    .sampling .twins img { display: block; width: 100%; image-rendering: pixelated; border-radius: 3px; margin: 0;
      opacity: 0.9; }
    .sampling .panel { border: 1px solid var(--cx-line, #8886); border-radius: 10px; padding: 14px; margin-top: 14px;
      display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: flex-start; }
    .sampling .panel figure { margin: 0; flex: 0 1 200px; min-width: 120px; }
    .sampling .panel img { display: block; width: 100%; image-rendering: pixelated; border-radius: 6px; margin: 0; }
    .sampling .panel figcaption { font-size: 0.8rem; margin-top: 4px; overflow-wrap: anywhere; }
    .sampling .panel .words { flex: 1 1 220px; display: grid; gap: 8px; justify-items: start; }
    .sampling .panel p { margin: 0; }
    .sampling .quiet { color: var(--cx-quiet, currentColor); font-size: 0.8rem; }
    .sampling .bits { margin: 18px 0 0; }
    .sampling .bits figcaption { font-size: 0.85rem; font-weight: 600; margin-bottom: 2px; }
    .sampling .bits svg { display: block; width: 100%; height: auto; overflow: visible; }
    .sampling .bits text { fill: var(--cx-quiet, currentColor); font-size: 12px; font-family: inherit; }
    .sampling .bits .bar { fill: currentColor; opacity: 0.28; }
    .sampling .bits .dot { fill: var(--cx-accent, #2a628f); cursor: pointer; }
    .sampling .bits .axis { stroke: currentColor; opacity: 0.4; }`
  const NS = "http://www.w3.org/2000/svg"
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    if (kind) one.className = kind
    if (text) one.textContent = text
    return one
  }
  const draw = (name, parent, more = {}) => {
    const one = parent.appendChild(document.createElementNS(NS, name))
    for (const [key, value] of Object.entries(more)) one.setAttribute(key, value)
    return one
  }
  const state = (root.sampling ??= {})
  if (!state.box) build()
  Object.assign(state, { data, tell, ask })
  if (state.key !== data.key) begin()
  else if (!state.running && !state.done) run()

  function build() {
    root.replaceChildren()
    make("style", root).textContent = STYLE
    const box = (state.box = make("div", root, "sampling")), top = make("div", box, "top")
    state.said = make("p", top, "said")
    state.said.setAttribute("aria-live", "polite")
    const button = (text, about, act, kind = "") => {
      const one = make("button", top, `act ${kind}`, text)
      Object.assign(one, { type: "button", title: about, onclick: act })
      return one
    }
    state.others = button("Draw others", "The next seed, other samples", () => state.tell({ seed: state.data.next }), "first")
    state.saves = [
      button("Pictures", "Each sample as a PNG, in a zip", () => save("png", "zip")),
      button("Codes", "codes.npz, which “explorer decode” reads", () => save("npz", "npz")),
    ]
    state.bar = make("progress", box)
    state.groups = make("div", box, "groups")
    state.legend = make("p", box, "quiet legend")
    state.panel = make("div", box, "panel")
    state.bits = make("figure", box, "bits")
    root.leave = () => { state.run = null; state.running = false }
  }
  function say(text, wrong = false) {
    state.said.textContent = text
    state.said.classList.toggle("wrong", wrong)
  }
  function begin() {  // other samples
    const { groups, size } = data
    Object.assign(state, { key: data.key, done: false, known: null, on: null, have: 0, cells: [], running: false })
    const most = Math.max(...groups.map((one) => one.numbers.length))
    const alone = groups.length < 2, cell = alone ? 104 : size > 96 ? 92 : 76
    state.groups.style.setProperty("--group", alone ? "100%" : `${Math.min(most, 4) * (cell + 6) - 6}px`)
    state.groups.style.setProperty("--fill", alone ? "auto-fill" : "auto-fit")
    state.groups.style.setProperty("--cell", `${cell}px`)
    state.groups.replaceChildren()
    for (const { title, numbers } of groups) {
      const group = make("div", state.groups, "group")
      if (title) make("h4", group, "", title)
      const cells = make("div", group, "cells")
      for (const number of numbers) {
        const one = make("button", cells, "one")
        one.type = "button"
        one.setAttribute("aria-label", `Sample ${number + 1}${title ? `, ${title}` : ""}: show its codes`)
        const frame = make("span", one, "frame"), picture = make("i", frame), note = make("span", one, "note")
        const twins = make("span", one, "twins")
        one.onclick = () => open(number)
        one.onpointerenter = () => mark(number, true)
        one.onpointerleave = () => mark(number, false)
        state.cells[number] = { one, picture, note, twins }
      }
    }
    state.panel.style.display = "none"
    state.legend.textContent = ""
    state.bits.replaceChildren()
    show(data.state)
    run()
  }
  function show(found) {
    state.have = found.rows
    state.done = found.done
    state.bar.max = found.total
    state.bar.value = found.rows
    state.bar.style.visibility = found.done ? "hidden" : ""
    for (const one of state.saves) one.disabled = !found.done
    root.dataset.rows = found.rows
    root.dataset.done = found.done
    const count = state.cells.length
    say(found.done ? `${count} sample${count > 1 ? "s" : ""}, drawn in ${told(found.seconds)}` : `${found.words} …`)
    if (!found.url) return
    const down = Math.ceil(found.n / found.across)
    state.cells.forEach(({ picture }, at) => {
      const place = picture.style, column = at % found.across, row = Math.floor(at / found.across)
      place.backgroundImage = `url("${found.url}")`
      place.backgroundSize = `${found.across * 100}% ${down * 100}%`
      place.backgroundPosition = `${found.across > 1 ? (100 * column) / (found.across - 1) : 0}% ${
        down > 1 ? (100 * row) / (down - 1) : 0}%`
      place.clipPath = found.shown < 1 ? `inset(0 0 ${100 * (1 - found.shown)}% 0)` : ""
    })
  }
  function told(seconds) {
    return seconds < 0.95 ? `${Math.max(seconds, 0.01).toFixed(2)} s` : `${seconds.toFixed(1)} s`
  }
  function failed({ message }) {
    if (message.startsWith("Nobody answers") && state.done) return
    say(message, true)
    state.bar.style.visibility = "hidden"
  }
  async function asked(message, wanted) {  // until it is answered, or no longer wanted; null is: another came between
    while (wanted()) {
      const found = await state.ask(message)
      if (found) return wanted() ? found : null
      await new Promise((done) => setTimeout(done, 80))  // two that ask at once would put each other off for ever
    }
    return null
  }
  async function run() {
    const round = (state.run = {}), here = () => state.run === round
    state.running = true
    try {
      while (!state.done) {
        const found = await asked({ have: state.have }, here)
        if (!found) return
        show(found)
      }
      const known = await asked({ about: true }, here)
      if (!known) return
      state.known = known
      describe()
      const near = await asked({ near: true }, here)
      if (!near) return
      state.known.near = near.near
      root.dataset.known = "true"
      describe()
    } catch (problem) {
      if (state.run === round) failed(problem)
    } finally {
      if (state.run === round) state.running = false
    }
  }
  function describe() {
    const { bits, near } = state.known
    state.cells.forEach(({ note, twins, one }, at) => {
      note.textContent = `${bits[at].toFixed(2)} bits`
      one.title = `Sample ${at + 1}: ${bits[at].toFixed(2)} bits per code. ${state.data.help.bits}`
      if (!near) return
      note.textContent += ` · ${near[at][0].share}`
      twins.replaceChildren()
      for (const twin of near[at]) Object.assign(make("img", twins), { src: twin.url, alt: twin.words, title: twin.words })
    })
    if (near) state.legend.textContent = "Below each: bits per code; the share of its codes that stand in the same cells of the " +
      `nearest training image; that image by codes, and by pixels. ${state.data.help.nearest}`
    plot()
    if (state.on !== null) open(state.on)
  }
  function mark(number, on) {
    state.cells[number]?.one.classList.toggle("near", on)
    state.dots?.[number]?.setAttribute("r", on ? 8 : 5)
  }
  function plot() {  // bits of samples on those of held-out images
    const { bits, held } = state.known, all = [...bits, ...(held ?? [])]
    state.bits.replaceChildren()
    state.dots = []
    if (all.length < 2) return
    const low = Math.min(...all), high = Math.max(...all), span = Math.max(high - low, 1e-3)
    const wide = Math.max(Math.min(state.box.clientWidth || 700, 820), 300), left = 8, right = wide - 8, tall = held ? 132 : 70
    const x = (value) => left + ((value - low) / span) * (right - left)
    const ground = held ? 84 : 22
    make("figcaption", state.bits, "", held ? `Bits per code: samples (dots) and ${held.length} held-out images (bars)`
      : "Bits per code of the samples")
    const svg = draw("svg", state.bits, { viewBox: `0 0 ${wide} ${tall}`, role: "img" })
    svg.setAttribute("aria-label", verdict(bits, held))
    if (held) {
      const bins = 36, counts = Array(bins).fill(0)
      for (const one of held) counts[Math.min(bins - 1, Math.floor(((one - low) / span) * bins))]++
      const most = Math.max(...counts)
      counts.forEach((count, at) => count && draw("rect", svg, { class: "bar", x: left + ((right - left) * at) / bins + 0.5,
        width: (right - left) / bins - 1, y: ground - (70 * count) / most, height: (70 * count) / most }))
    }
    draw("line", svg, { class: "axis", x1: left, x2: right, y1: ground, y2: ground })
    bits.forEach((one, at) => {
      const dot = draw("circle", svg, { class: "dot", cx: x(one), cy: ground + 13, r: 5, "fill-opacity": 0.75 })
      draw("title", dot).textContent = `Sample ${at + 1}: ${one.toFixed(2)} bits per code`
      dot.onclick = () => open(at)
      dot.onpointerenter = () => mark(at, true)
      dot.onpointerleave = () => mark(at, false)
      state.dots[at] = dot
    })
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle"
      draw("text", svg, { x: left + share * (right - left), y: ground + 38, "text-anchor": anchor })
        .textContent = (low + share * span).toFixed(2)
    }
    make("p", state.bits, "quiet", `${verdict(bits, held)} ${state.data.help.bits}`)
  }
  function verdict(bits, held) {
    const mean = (list) => list.reduce((sum, one) => sum + one, 0) / list.length
    if (!held) return `Samples have ${mean(bits).toFixed(2)} bits per code on average.`
    const low = held[Math.floor(0.05 * (held.length - 1))], high = held[Math.ceil(0.95 * (held.length - 1))]
    const within = bits.filter((one) => one >= low && one <= high).length
    return `Samples have ${mean(bits).toFixed(2)} bits per code on average, held-out images ${mean(held).toFixed(2)}; ` +
      `${within} of ${bits.length} samples lie where nine tenths of held-out images do (${low.toFixed(2)} to ${high.toFixed(2)}).`
  }
  async function open(number) {
    if (!state.done) return
    state.on = number
    state.cells.forEach(({ one }, at) => one.classList.toggle("on", at === number))
    const opening = (state.opening = {})
    let found = null
    try { found = await asked({ one: number }, () => state.opening === opening && state.on === number) } catch (problem) {
      return failed(problem)
    }
    if (!found) return
    const { panel } = state
    panel.replaceChildren()
    panel.style.display = ""
    panel.dataset.number = number
    const picture = (url, title) => {
      const figure = make("figure", panel), image = make("img", figure)
      Object.assign(image, { src: url, alt: title })
      make("figcaption", figure, "", title)
      return image
    }
    picture(found.url, `Sample ${number + 1}${found.title ? `, ${found.title}` : ""}`)
    for (const { layer, grid, codes, url } of found.maps) {
      const image = picture(url, `Codes of ${layer}, ${grid[0]} × ${grid[1]}`), said = image.nextSibling
      image.onpointermove = (event) => {
        const box = image.getBoundingClientRect()
        const row = Math.min(grid[0] - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * grid[0])))
        const column = Math.min(grid[1] - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * grid[1])))
        said.textContent = `Row ${row}, column ${column}: code ${codes[row * grid[1] + column].toLocaleString("en")}`
      }
    }
    for (const twin of state.known?.near?.[number] ?? []) picture(twin.url, twin.words)
    const words = make("div", panel, "words")
    const { bits, held } = state.known ?? {}
    if (bits) {
      const more = held ? held.filter((one) => one > bits[number]).length / held.length : null
      make("p", words, "", `${bits[number].toFixed(2)} bits per code${more === null ? "" :
        `; ${Math.round(100 * more)} % of ${held.length} held-out images surprise the prior more`}.`)
    }
    const act = (text, about, where) => {
      const one = make("button", words, "act", text)
      Object.assign(one, { type: "button", title: about, onclick: () => state.tell(where) })
    }
    if (found.base) act("Complete this one", "Take away some of its cells, and draw them again",
      { to: "complete", base: found.base, of_class: found.class })
    if (found.edit) act("Change its codes", `On the page Edit, painted on held-out image ${found.edit.image}, which has most of its codes`,
      { to: "edit", image: found.edit.image, edit: found.edit.edit })
    const close = make("button", words, "act", "Close")
    Object.assign(close, { type: "button", onclick: () => {
      state.on = null
      panel.style.display = "none"
      state.cells[number].one.classList.remove("on")
      state.cells[number].one.focus()
    } })
  }
  async function save(kind, ending) {
    let found = null
    try { found = await asked({ save: kind }, () => true) } catch (problem) { return failed(problem) }
    const link = Object.assign(document.createElement("a"), { href: found.file, download: `${state.data.file}.${ending}` })
    link.click()
  }
}
