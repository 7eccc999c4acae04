// Whom a patch attends to: one large map, the mean of all heads, and a small one for each head, over the image. Pointing
// at a patch tells its weight in every map at once; a press, or Enter, makes it the patch that asks.

const attentionStyle = `
  .attention { display: flex; flex-wrap: wrap; gap: 14px 24px; align-items: flex-start; }
  .attention > div:first-child { flex: 0 0 min(100%, 340px); min-width: 0; }
  .attention > .heads { flex: 1 1 280px; min-width: 0; display: grid; gap: 10px;
    grid-template-columns: repeat(auto-fill, minmax(var(--head), 1fr)); max-width: 760px; }
  .attention figure { margin: 0; min-width: 0; }
  .attention canvas { display: block; width: 100%; border-radius: 6px; cursor: crosshair; touch-action: pan-y;
    image-rendering: pixelated; }
  .attention canvas:focus-visible { outline: 3px solid var(--cx-accent, currentColor); outline-offset: 2px; }
  .attention figcaption { font-size: 0.8125rem; line-height: 1.3; margin-top: 4px;
    font-variant-numeric: tabular-nums; }
  .attention .scale { display: flex; align-items: center; gap: 8px; font-size: 0.8125rem; margin-top: 6px; }
  .attention .scale i { flex: 1; height: 10px; border-radius: 5px; }
  .attention p { margin: 6px 0 0; font-size: 0.875rem; line-height: 1.35; min-height: 2.7em;
    font-variant-numeric: tabular-nums; }`
const attentionColours = [[0, 0, 4], [59, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]]

function attention(root, data, tell) {
  const state = (root.attention ??= attentionStart(root))
  Object.assign(state, { data, tell })
  state.update()
}

function attentionColour(share) {
  const steps = attentionColours.length - 1, at = Math.min(Math.max(share, 0), 1) * steps
  const low = Math.min(Math.floor(at), steps - 1), part = at - low
  return attentionColours[low].map((one, index) => Math.round(one + (attentionColours[low + 1][index] - one) * part))
}

function attentionStripes(pen, width) {  // of hidden patches, so that they are not taken for grey ones
  const tile = Object.assign(document.createElement("canvas"), { width: 4 * width, height: 4 * width })
  const brush = tile.getContext("2d")
  brush.fillStyle = "#8a8a8a"
  brush.fillRect(0, 0, tile.width, tile.height)
  brush.strokeStyle = "#767676"
  brush.lineWidth = width
  for (const start of [-2, 2, 6]) {
    brush.beginPath()
    brush.moveTo((start - 3) * width, tile.height + width)
    brush.lineTo((start + 3) * width, -width)
    brush.stroke()
  }
  return pen.createPattern(tile, "repeat")
}

function attentionStart(root) {
  const make = (name, parent, more = {}) => Object.assign(parent.appendChild(document.createElement(name)), more)
  root.replaceChildren()
  make("style", root, { textContent: attentionStyle })
  const box = make("div", root, { className: "attention" }), left = make("div", box)
  const large = make("figure", left), scale = make("div", left, { className: "scale" })
  const said = make("p", left), heads = make("div", box, { className: "heads" })
  const ramp = attentionColours.map((one) => `rgb(${one.join(",")})`).join(",")
  make("span", scale, { textContent: "0 %" })
  make("i", scale).style.background = `linear-gradient(90deg, ${ramp})`
  const end = make("span", scale)
  said.setAttribute("aria-live", "polite")
  const state = { maps: [], at: null, picture: new Image() }

  const percent = (value) => `${(100 * value).toFixed(value < 0.0995 ? 2 : 1)} %`
  const map = (figure, tab) => {
    const canvas = make("canvas", figure), caption = make("figcaption", figure), one = { canvas, caption, weights: [] }
    canvas.setAttribute("role", "img")
    if (tab) canvas.tabIndex = 0
    const under = (event) => {
      const { rows, columns } = state.data, place = canvas.getBoundingClientRect()
      const row = Math.floor(((event.clientY - place.top) / place.height) * rows)
      const column = Math.floor(((event.clientX - place.left) / place.width) * columns)
      return row >= 0 && row < rows && column >= 0 && column < columns ? row * columns + column : null
    }
    canvas.onpointermove = canvas.onpointerdown = (event) => point(under(event))
    canvas.onpointerleave = (event) => { if (event.pointerType === "mouse") point(null) }
    canvas.onclick = (event) => choose(under(event))
    canvas.onkeydown = (event) => {
      const { rows, columns } = state.data, at = state.at ?? state.data.query ?? 0
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key]
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); return choose(at) }
      if (!step) return
      event.preventDefault()
      const row = Math.floor(at / columns) + step[0], column = (at % columns) + step[1]
      if (row >= 0 && row < rows && column >= 0 && column < columns) point(row * columns + column)
    }
    return one
  }
  const choose = (index) => {
    if (index === null) return
    const { columns, hidden } = state.data
    point(index)
    if (hidden[index] === "1" || index === state.data.query) return
    state.data = { ...state.data, query: index }  // outlined at once, before anybody answers
    state.maps.forEach(draw)
    state.tell({ row: Math.floor(index / columns), column: index % columns })
  }
  const point = (index) => {
    if (index === state.at) return
    state.at = index
    state.maps.forEach(draw)
    tellWeights()
  }
  const tellWeights = () => {
    const { columns, hidden, words, names } = state.data, at = state.at
    const where = at === null ? "" : `Row ${Math.floor(at / columns)}, column ${at % columns}: `
    const weight = at === null ? "" : hidden[at] === "1" ? "hidden, so the encoder never sees it"
      : `${percent(state.maps[0].weights[at])} of the attention, mean of the heads`
    said.textContent = at === null ? words : where + weight
    state.maps.forEach((one, index) => {
      const known = at !== null && hidden[at] !== "1"
      one.caption.textContent = names[index] + (known ? ` · ${percent(one.weights[at])}` : "")
    })
  }
  const draw = (one) => {
    const { rows, columns, hidden, crossed, query } = state.data, { canvas, weights, top } = one
    const wide = (canvas.width = Math.max(1, Math.round((canvas.clientWidth || 92) * (window.devicePixelRatio || 1))))
    const tall = (canvas.height = Math.round((wide * rows) / columns)), pen = canvas.getContext("2d")
    const cell = (index) => {  // whole pixels, so that no seams show
      const row = Math.floor(index / columns), column = index % columns
      const [x, y] = [Math.round((column * wide) / columns), Math.round((row * tall) / rows)]
      return [x, y, Math.round(((column + 1) * wide) / columns) - x, Math.round(((row + 1) * tall) / rows) - y]
    }
    pen.imageSmoothingEnabled = false
    if (state.picture.complete && state.picture.naturalWidth) pen.drawImage(state.picture, 0, 0, wide, tall)
    const stripes = attentionStripes(pen, Math.max(2, Math.round(wide / 90)))
    for (let index = 0; index < rows * columns; index++) {
      const colour = attentionColour(top ? weights[index] / top : 0)
      pen.fillStyle = hidden[index] === "1" ? stripes : `rgba(${colour.join(",")},0.74)`
      pen.fillRect(...cell(index))
      if (crossed[index] !== "1") continue
      const [x, y, w, h] = cell(index)
      pen.strokeStyle = "rgba(255,255,255,0.45)"
      pen.lineWidth = Math.max(1, wide / 400)
      pen.beginPath()
      pen.moveTo(x, y + h)
      pen.lineTo(x + w, y)
      pen.stroke()
    }
    const frame = (index, width, colours) => {
      if (index === null || index === undefined) return
      const [x, y, w, h] = cell(index)
      colours.forEach((colour, step) => {
        const inset = (step + 0.5) * width
        pen.strokeStyle = colour
        pen.lineWidth = width
        pen.strokeRect(x + inset, y + inset, Math.max(w - 2 * inset, 1), Math.max(h - 2 * inset, 1))
      })
    }
    const width = Math.max(1, Math.round(wide / 160))
    frame(query, width, ["#000", "#39d353"])
    frame(state.at, width, ["#fff", "#000"])
  }
  state.update = () => {
    const { url, mean, heads: each, names, tops, alt } = state.data
    if (!state.maps.length) state.maps.push(map(large, true))
    while (state.maps.length < each.length + 1) state.maps.push(map(make("figure", heads), false))
    while (state.maps.length > each.length + 1) state.maps.pop().canvas.parentElement.remove()
    heads.style.setProperty("--head", each.length > 12 ? "76px" : each.length > 6 ? "100px" : "136px")
    state.maps.forEach((one, index) => {
      one.weights = index ? each[index - 1] : mean
      one.top = index ? tops[1] : tops[0]
      one.canvas.ariaLabel = `${names[index]}: ${alt}`
    })
    end.textContent = `${percent(tops[0])} and more; heads: ${percent(tops[1])}`
    if (state.picture.src !== url) {
      state.picture.onload = () => state.maps.forEach(draw)
      state.picture.src = url
    }
    state.maps.forEach(draw)
    tellWeights()
  }
  const watch = new ResizeObserver(() => state.maps.forEach(draw))
  watch.observe(box)
  root.leave = () => watch.disconnect()
  return state
}
