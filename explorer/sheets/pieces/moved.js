// Two maps of the same images with one selection: a box or a lasso on either, a tap on a point, or a value of the
// legend chooses images on both, and lines show where they are on the other one.
function moved(root, data, tell, ask) {
  const FEWEST = 6, CORNERS = 60, LINES = 1500, NEAR = 14, NEAR_TOUCH = 24  // NEAR: pixels from a point
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0))
  const floats = (text) => new Float32Array(bytes(text).buffer)
  const counted = (number) => number.toLocaleString("en-US")
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    one.className = kind
    one.textContent = text
    return one
  }
  const button = (parent, text, click) =>
    Object.assign(make("button", parent, "", text), { type: "button", onclick: click })
  const state = root.moved ??= { near: -1, drag: null, mask: null, told: null }

  if (!state.box) {
    root.replaceChildren()
    make("style", root).textContent = `
      .moved { container-type: inline-size; color: var(--cx-text, currentColor); position: relative; }
      .moved .tools, .moved .legend { display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: center;
        margin: 0 0 8px; font-size: 0.85rem; }
      .moved .legend { margin: 8px 0 0; max-height: 7.5em; overflow: auto; }
      .moved button { all: unset; cursor: pointer; padding: 3px 10px; border-radius: 6px; font-size: 0.85rem;
        border: 1px solid var(--cx-line, #8886); line-height: 1.4; }
      .moved button[aria-pressed=true] { background: var(--cx-accent, #2a628f); color: var(--cx-back, #fff);
        border-color: var(--cx-accent, #2a628f); }
      .moved button:focus-visible { outline: 2px solid var(--cx-accent, #2a628f); outline-offset: 2px; }
      .moved button[disabled] { opacity: 0.45; cursor: default; }
      .moved .legend button { border: 0; padding: 1px 6px; max-width: 16em; overflow: hidden; text-overflow: ellipsis;
        white-space: nowrap; }
      .moved .legend i { display: inline-block; width: 0.75em; height: 0.75em; border-radius: 50%; margin-right: 0.4em }
      .moved .legend .scale { width: 160px; height: 10px; border-radius: 3px; }
      .moved .maps { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px 18px; }
      .moved .map { position: relative; min-width: 0; }
      .moved p { margin: 0 0 4px; font-size: 0.9rem; overflow-wrap: anywhere; line-height: 1.3; }
      .moved .quiet { color: var(--cx-quiet, currentColor); font-size: 0.85rem; }
      .moved canvas { display: block; width: 100%; aspect-ratio: 1; touch-action: pan-y; cursor: crosshair;
        border: 1px solid var(--cx-line, #8886); border-radius: 8px; user-select: none; -webkit-user-select: none;
        -webkit-tap-highlight-color: transparent; }
      .moved canvas:focus-visible { outline: 3px solid var(--cx-accent, #2a628f); outline-offset: -3px; }
      .moved .tip { position: absolute; z-index: 5; pointer-events: none; display: none; padding: 5px; max-width: 190px;
        border-radius: 6px; background: #11151b; color: #fff; font-size: 12px; line-height: 1.35;
        box-shadow: 0 2px 8px #0006; border: 1px solid #8886;
        white-space: pre-line; overflow-wrap: anywhere; }
      .moved .tip i { display: block; border-radius: 4px; image-rendering: pixelated; }
      .moved .said { margin-top: 8px; font-size: 0.95rem; min-height: 1.5em; }
      @container (max-width: 620px) { .moved .maps { grid-template-columns: minmax(0, 1fr) } }`
    state.box = make("div", root, "moved")
    const tools = make("div", state.box, "tools")
    make("span", tools, "quiet", "Choose with")
    const ways = ["Lasso", "Box"].map((way) => button(tools, way, () => {
      state.way = way
      ways.forEach((one) => one.setAttribute("aria-pressed", String(one.textContent === way)))
    }))
    ways[0].click()
    state.clear = button(tools, "Clear", () => state.choose(""))
    const maps = make("div", state.box, "maps")
    state.maps = ["A", "B"].map((letter) => {
      const box = make("div", maps, "map"), head = make("p", box), canvas = make("canvas", box)
      const tip = make("div", box, "tip"), tile = make("i", tip), text = make("span", tip)
      Object.assign(canvas, { tabIndex: 0, role: "img" })
      const [ground, front] = [0, 1].map(() => document.createElement("canvas"))
      return { letter, box, head, canvas, tip, tile, text, ground, front }
    })
    state.legend = make("div", state.box, "legend")
    state.said = make("div", state.box, "said")
    state.said.setAttribute("aria-live", "polite")
    state.watch = new ResizeObserver(() => state.redraw?.())
    root.leave = () => state.watch.disconnect()
    state.maps.forEach((map, side) => listen(map, side))
  }

  function listen(map, side) {
    const { canvas } = map
    const place = (event) => {
      const box = canvas.getBoundingClientRect()
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
    }
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return
      state.drag = { side, from: place(event), path: [place(event)], touch: event.pointerType === "touch", far: false,
        id: event.pointerId }
      if (!state.drag.touch) canvas.setPointerCapture(event.pointerId)
    })
    canvas.addEventListener("pointermove", (event) => {
      const at = place(event), drag = state.drag
      if (!drag || drag.side !== side || drag.id !== event.pointerId) {
        if (event.pointerType !== "touch") state.hover(side, state.nearest(side, at, NEAR))
        return
      }
      const wide = canvas.clientWidth
      drag.far ||= Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) * wide >= FEWEST
      if (!drag.far) return
      event.preventDefault()
      state.hover(side, -1)
      if (state.way === "Box" || drag.touch) {
        const [x, y] = drag.from
        drag.path = [[x, y], [at[0], y], at, [x, at[1]]]
      } else drag.path.push(at)
      state.preview(drag)
    })
    const lift = (event) => {
      const drag = state.drag
      if (!drag || drag.side !== side || drag.id !== event.pointerId) return
      state.drag = null
      if (drag.far) return state.choose(state.region(drag))
      const near = state.nearest(side, place(event), drag.touch ? NEAR_TOUCH : NEAR)
      canvas.style.touchAction = drag.touch ? "none" : ""  // a drag that follows a tap is a box in any direction
      clearTimeout(state.timer)
      state.timer = setTimeout(() => { canvas.style.touchAction = "" }, 700)
      state.hover(side, near)
      state.choose(near < 0 ? "" : `i:${state.rows[near]}`)
    }
    canvas.addEventListener("pointerup", lift)
    canvas.addEventListener("pointercancel", () => { state.drag = null; state.restore() })
    canvas.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") state.hover(side, -1) })
    canvas.addEventListener("blur", () => state.hover(side, -1))
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
      const enter = ["Enter", " "].includes(event.key) && state.near >= 0
      if (step || enter) event.preventDefault()
      if (event.key === "Escape") state.choose("")
      if (enter) state.choose(`i:${state.rows[state.near]}`)
      if (step) state.hover(side, state.next(side, step))
    })
  }

  // what came new: (x, y) from the top left, the same numbers as Python has
  const places = [floats(data.a), floats(data.b)], count = places[0].length / 2
  state.rows = new Int32Array(bytes(data.rows).buffer)
  const away = floats(data.moved), kept = bytes(data.kept), { colour } = data
  const values = bytes(colour.values)
  const xy = (side, at) => [places[side][2 * at], 1 - places[side][2 * at + 1]]
  const MARGIN = 0.03, put = (one) => MARGIN + (1 - 2 * MARGIN) * one, take = (one) => (one - MARGIN) / (1 - 2 * MARGIN)

  state.nearest = (side, [x, y], within) => {
    let best = -1, least = (within / state.maps[side].canvas.clientWidth) ** 2
    for (let at = 0; at < count; at++) {
      const [left, top] = xy(side, at), far = (put(left) - x) ** 2 + (put(top) - y) ** 2
      if (far < least) { least = far; best = at }
    }
    return best
  }
  state.next = (side, [right, down]) => {  // the next point in a direction, seen from the one that is pointed at
    if (state.near < 0) return state.nearest(side, [0.5, 0.5], 1e6)
    const [x, y] = xy(side, state.near)
    let best = state.near, least = Infinity
    for (let at = 0; at < count; at++) {
      const [left, top] = xy(side, at), ahead = (left - x) * right + (top - y) * down
      const aside = Math.abs((left - x) * down) + Math.abs((top - y) * right)
      if (ahead <= 1e-6 || ahead < aside) continue
      if (ahead + 2 * aside < least) { least = ahead + 2 * aside; best = at }
    }
    return best
  }
  state.region = ({ side, path }) => {  // corners in thousandths, y upwards
    const step = Math.max(1, path.length / CORNERS), some = []
    for (let at = 0; at < path.length; at += step) some.push(path[Math.floor(at)])
    const whole = some.map(([x, y]) => [Math.round(1000 * take(x)), Math.round(1000 * (1 - take(y)))])
    return `${"ab"[side]}:${whole.map((corner) => corner.join(",")).join(";")}`
  }
  state.inside = (region) => {
    const [kind, text] = [region.slice(0, 1), region.slice(2)], mask = new Uint8Array(count)
    if (kind === "i") {
      const rows = new Set(text.split(";").map(Number))
      for (let at = 0; at < count; at++) if (rows.has(state.rows[at])) mask[at] = 1
    } else if (kind === "v") {
      const wanted = colour.labels.findIndex((label) => `${colour.concept}=${label}` === text)
      for (let at = 0; at < count; at++) if (wanted >= 0 && values[at] === wanted) mask[at] = 1
    } else if (kind === "a" || kind === "b") {
      const corners = text.split(";").map((corner) => corner.split(",").map((one) => Number(one) / 1000))
      const side = kind === "a" ? 0 : 1
      for (let at = 0; at < count; at++) {
        const x = places[side][2 * at], y = places[side][2 * at + 1]
        let within = false
        for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
          const [xi, yi] = corners[i], [xj, yj] = corners[j]
          if ((yi > y) !== (yj > y) && x < (xj - xi) * (y - yi) / (yj - yi) + xi) within = !within
        }
        if (within) mask[at] = 1
      }
    }
    return mask
  }
  const chosen = () => state.mask?.reduce((sum, one) => sum + one, 0) ?? 0
  const say = () => {
    const n = chosen(), far = []
    let keep = 0, all = 0
    for (let at = 0; at < count; at++) {
      all += kept[at]
      if (state.mask?.[at]) { keep += kept[at]; far.push(away[at]) }
    }
    far.sort((one, other) => one - other)
    const hint = matchMedia("(pointer: coarse)").matches ? `tap one. ${data.hint}` : "click one."
    const median = n && (far[(n - 1) >> 1] + far[n >> 1]) / 2
    root.dataset.selected = String(n)
    state.said.textContent = !n ? `Nothing is chosen: draw around points, or ${hint}`
      : `${counted(n)} of ${counted(count)} images chosen. ${n === 1 ? "It keeps" : "They keep"} ` +
        `${n === 1 ? keep : (keep / n).toFixed(1)} of ${data.k} neighbours in the latents (all: ` +
        `${(all / count).toFixed(1)}), and moved ${median.toFixed(2)} spreads${n === 1 ? "" : " (median)"}.`
  }
  const set = (region) => {
    const mask = state.inside(region), list = []
    state.mask = mask.some(Boolean) ? mask : null
    for (let at = 0; at < count && list.length < 200; at++) if (state.mask?.[at]) list.push(state.rows[at])
    Object.assign(root.dataset, { rows: list.join(","), region })
    state.clear.disabled = !state.mask
    say()
    for (const one of state.legend.querySelectorAll("button"))
      one.setAttribute("aria-pressed", String(region === one.region))
    state.redraw()
  }
  state.restore = () => set(root.dataset.region ?? "")
  state.choose = (region) => {
    set(region)
    if (!state.mask) region = ""
    if (region === state.told) return
    state.told = region
    tell({ region })
  }
  state.preview = (drag) => {
    state.waiting ??= requestAnimationFrame(() => {
      state.waiting = null
      if (state.drag !== drag) return
      const mask = state.inside(state.region(drag))
      state.mask = mask.some(Boolean) ? mask : null
      say()
      state.redraw(true)
    })
  }

  const dark = () => {  // text is light there; colours are told from 0 to 255, or from 0 to 1
    const text = (getComputedStyle(state.box).color.match(/[\d.]+/g) ?? [0]).slice(0, 3).map(Number)
    return Math.max(...text) > (text.every((one) => one <= 1) ? 0.5 : 128)
  }
  const shade = (at, palette) => palette[values[at]] ?? palette[palette.length - 1]
  const dots = (pen, side, wide, which, size, opacity) => {  // colour by colour
    const palette = state.dark ? colour.dark : colour.light, groups = new Map()
    for (let at = 0; at < count; at++) {
      if (!which(at)) continue
      const key = shade(at, palette), group = groups.get(key) ?? groups.set(key, []).get(key), [x, y] = xy(side, at)
      group.push(put(x) * wide, put(y) * wide)
    }
    pen.globalAlpha = opacity
    for (const [key, group] of groups) {
      pen.fillStyle = key
      if (state.drag) {  // squares keep up with the pointer; they become circles when it lets go
        const wide = 2 * size
        for (let at = 0; at < group.length; at += 2) pen.fillRect(group[at] - size, group[at + 1] - size, wide, wide)
        continue
      }
      pen.beginPath()
      for (let at = 0; at < group.length; at += 2) {
        pen.moveTo(group[at] + size, group[at + 1])
        pen.arc(group[at], group[at + 1], size, 0, 7)
      }
      pen.fill()
    }
    pen.globalAlpha = 1
  }
  const radius = (wide) => wide / 500 * (count < 300 ? 5 : count < 1500 ? 3.6 : 2.6) + 0.6
  const ground = (map, side, wide) => {  // what does not change while the pointer moves
    const drawn = `${wide} ${state.dark} ${!!state.mask}`
    if (map.drawn === drawn && map.of === data) return
    Object.assign(map, { drawn, of: data })
    Object.assign(map.ground, { width: wide, height: wide })
    dots(map.ground.getContext("2d"), side, wide, () => true, radius(wide), state.mask ? 0.12 : 0.85)
  }
  const front = (pen, side, wide, ratio, ink) => {  // the chosen points, and lines to where they are on the other map
    pen.beginPath()
    for (let at = 0, lines = 0; at < count && lines < (state.drag ? LINES / 8 : LINES); at++) {
      if (!state.mask[at]) continue
      lines++
      const [x, y] = xy(0, at), [right, down] = xy(1, at)
      pen.moveTo(put(x) * wide, put(y) * wide)
      pen.lineTo(put(right) * wide, put(down) * wide)
    }
    const faint = Math.max(0.06, Math.min(0.45, 40 / chosen()))
    Object.assign(pen, { strokeStyle: ink, lineWidth: 0.8 * ratio, globalAlpha: faint })
    pen.stroke()
    dots(pen, side, wide, (at) => state.mask[at], radius(wide) * 1.25, 1)
  }
  const paint = (map, side) => {
    const ratio = window.devicePixelRatio || 1, wide = Math.round(map.canvas.clientWidth * ratio)
    if (!wide) return
    if (map.canvas.width !== wide) Object.assign(map.canvas, { width: wide, height: wide })
    ground(map, side, wide)
    const pen = map.canvas.getContext("2d"), ink = state.dark ? "#ffffff" : "#000000"
    pen.clearRect(0, 0, wide, wide)
    pen.drawImage(map.ground, 0, 0)
    if (state.mask && state.drag) front(pen, side, wide, ratio, ink)
    else if (state.mask) {
      if (map.mask !== state.mask || map.front.width !== wide || map.ink !== ink + map.drawn) {
        Object.assign(map, { mask: state.mask, ink: ink + map.drawn })
        Object.assign(map.front, { width: wide, height: wide })
        front(map.front.getContext("2d"), side, wide, ratio, ink)
      }
      pen.drawImage(map.front, 0, 0)
    }
    if (state.near >= 0) {
      const [x, y] = xy(side, state.near)
      Object.assign(pen, { strokeStyle: ink, lineWidth: 2.5 * ratio })
      pen.beginPath()
      pen.arc(put(x) * wide, put(y) * wide, radius(wide) + 4 * ratio, 0, 7)
      pen.stroke()
      const [from, to] = [xy(0, state.near), xy(1, state.near)].map((one) => one.map((at) => put(at) * wide))
      pen.beginPath()
      pen.moveTo(...from)
      pen.lineTo(...to)
      pen.lineWidth = 1.2 * ratio
      pen.stroke()
    }
    if (state.drag?.far && state.drag.side === side) {
      pen.beginPath()
      state.drag.path.forEach(([x, y], at) => pen[at ? "lineTo" : "moveTo"](x * wide, y * wide))
      pen.closePath()
      Object.assign(pen, { fillStyle: ink + "14", strokeStyle: ink, lineWidth: 1.5 * ratio })
      pen.fill()
      pen.stroke()
    }
  }
  state.redraw = (now) => {
    const draw = () => { Object.assign(state, { drawing: null, dark: dark() }); state.maps.forEach(paint) }
    if (now) draw(); else state.drawing ??= requestAnimationFrame(draw)
  }

  state.hover = (side, near) => {
    if (state.near === near && state.over === side) return
    Object.assign(state, { near, over: side })
    root.dataset.near = near < 0 ? "" : String(state.rows[near])
    state.maps.forEach((map, which) => {
      map.tip.style.display = near < 0 ? "none" : "block"
      if (near < 0) return
      const { sprite } = data, large = which === side ? 96 : 72, sharp = state.sharp.get(near)
      const x = near % sprite.across, y = Math.floor(near / sprite.across)
      map.tile.style.cssText = `width:${large}px;height:${large}px;background:` + (sharp
        ? `url(${sharp[which]}) 0 0 / 100%`
        : `url(${sprite.url}) -${x * large}px -${y * large}px / ${sprite.across * large}px auto`)
      map.text.textContent = which === side
        ? `image ${counted(state.rows[near])}\n${colour.said(near)}moved ${away[near].toFixed(2)} spreads\n` +
          `keeps ${kept[near]} of ${data.k} neighbours` : ""
      const [left, top] = xy(which, near), { canvas, tip } = map, wide = canvas.clientWidth
      const at = [canvas.offsetLeft + put(left) * wide, canvas.offsetTop + put(top) * wide]
      const room = tip.offsetWidth + 14
      tip.style.left = `${at[0] + room < canvas.offsetLeft + wide ? at[0] + 14 : Math.max(0, at[0] - room)}px`
      tip.style.top = `${put(top) < 0.55 ? at[1] + 12 : at[1] - tip.offsetHeight - 12}px`
    })
    state.redraw()
    if (near >= 0 && !state.sharp.has(near)) sharpen(side, near, state.sharp)
  }
  const sharpen = (side, near, kept) => {  // once the pointer rests; where nobody answers the small one stays
    clearTimeout(state.rest)
    state.rest = setTimeout(() => state.near === near && ask({ row: state.rows[near] }).then((told) => {
      if (told) kept.set(near, told.urls)
      if (told && state.near === near) { state.near = -1; state.hover(side, near) }
    }, () => {}), 120)
  }
  colour.said = (at) => {
    if (!colour.title) return ""
    return `${colour.title}: ${colour.kind === "discrete" ? colour.labels[values[at]] ?? "other" : colour.texts[at]}\n`
  }

  const legend = () => {
    state.legend.replaceChildren()
    if (!colour.title) return
    make("span", state.legend, "quiet", `${colour.title}:`)
    if (colour.kind !== "discrete") {
      make("span", state.legend, "", colour.low)
      const shades = colour.light.slice(0, -1).join(",")
      make("span", state.legend, "scale").style.background = `linear-gradient(90deg, ${shades})`
      make("span", state.legend, "", colour.high)
      return
    }
    colour.labels.forEach((label, at) => {
      const region = `v:${colour.concept}=${label}`
      const one = button(state.legend, "", () => state.choose(root.dataset.region === region ? "" : region))
      make("i", one).style.background = (state.dark ? colour.dark : colour.light)[at]
      make("span", one, "", `${label} (${counted(colour.counts[at])})`)
      Object.assign(one, { region, title: `Choose all images with ${colour.title} ${label}` })
    })
    if (colour.rest) make("span", state.legend, "quiet", `grey: ${colour.rest} (${counted(colour.others)})`)
  }
  state.maps.forEach((map, side) => {
    map.head.replaceChildren()
    state.watch.observe(map.canvas)
    make("b", map.head, "", `${map.letter} · ${data.called[side]}`)
    make("div", map.head, "quiet", data.titles[side])
    map.canvas.setAttribute("aria-label",
      `Map of ${counted(count)} images by ${data.called[side]}; arrow keys move from point to point, Enter chooses one`)
  })
  const near = state.of === data.key ? state.near : -1  // what was tapped stays in sight
  if (state.of !== data.key) state.sharp = new Map()
  Object.assign(state, { of: data.key, near: -2, dark: dark(), told: data.region })
  legend()
  if (!state.drag) set(data.region)
  state.hover(state.over, near)
}
