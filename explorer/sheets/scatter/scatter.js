function scatter(root, data, tell, ask) {
  const state = root.scatter ??= scatterBuilt(root)
  Object.assign(state, { data, tell, ask })
  state.update().catch((fault) => state.say(fault.message))
}

// The parts of the page, and what the user does with them; they outlive what is drawn.
function scatterBuilt(root) {
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    one.className = kind
    one.textContent = text
    return one
  }
  root.replaceChildren()
  make("style", root).textContent = scatterStyle()
  const box = make("div", root, "scatter"), tools = make("div", box, "tools"), buttons = {}
  const icon = (name, label, act) => {
    const button = make("button", tools), svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    svg.setAttribute("viewBox", "0 0 24 24")
    svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path")).setAttribute("d", SCATTER_ICONS[name])
    button.append(svg)
    button.type = "button"
    button.title = label
    button.setAttribute("aria-label", label)
    button.onclick = act
    buttons[name] = button
  }
  const choose = (tool) => {
    state.tool = tool
    for (const name of ["lasso", "box", "pan"]) buttons[name].setAttribute("aria-pressed", String(name === tool))
    stage.style.cursor = tool === "pan" ? "grab" : "crosshair"
    stage.style.touchAction = tool === "pan" ? "pan-x pan-y" : "none"
  }
  icon("lasso", "Lasso: draw around points (Shift adds, Alt takes away)", () => choose("lasso"))
  icon("box", "Box: draw a box around points (Shift adds, Alt takes away)", () => choose("box"))
  icon("pan", "Move the map: drag, or two fingers", () => choose("pan"))
  make("i", tools)
  icon("nearer", "Zoom in", () => state.zoom(1.5))
  icon("farther", "Zoom out", () => state.zoom(1 / 1.5))
  icon("whole", "The whole map", () => state.fit())
  icon("none", "Select nothing", () => state.select(null, []))
  icon("tiles", "Pictures on the map, where it is enlarged enough", () => {
    state.tiles = !state.tiles
    buttons.tiles.setAttribute("aria-pressed", String(state.tiles))
    state.pictured()
  })
  buttons.tiles.setAttribute("aria-pressed", "true")
  icon("picture", "Picture of what is shown (PNG)", () => state.save())
  const said = make("span", tools, "said")
  said.setAttribute("aria-live", "polite")
  const frame = make("div", box, "frame"), high = make("div", frame, "axis y"), stage = make("div", frame, "stage")
  const wide = make("div", frame, "axis x"), legend = make("div", box, "legend")
  const canvas = make("canvas", stage, "points"), over = make("canvas", stage, "over")
  const wait = make("div", stage, "wait", "Fetching the points …"), tip = make("div", box, "tip")
  stage.tabIndex = 0
  stage.setAttribute("role", "application")
  stage.setAttribute("aria-description",
    "Arrow keys move the map, plus and minus zoom, 0 shows the whole, Escape selects nothing.")
  const state = {
    root, box, stage, canvas, over, tip, said, legend, wait, buttons, axes: [wide, high], make,
    view: { x: 0.5, y: 0.5, k: 1 }, wide: 0, high: 0, seen: 1, size: 3, mask: null, drag: null, hovered: -1,
    known: new Map(), fetched: new Map(), pictures: new Map(), tiles: true, shown: [],
  }
  Object.assign(state, scatterLooks(state), scatterTells(state))
  scatterTouched(state)
  choose(matchMedia("(hover: none)").matches ? "pan" : "lasso")
  const watch = new ResizeObserver(() => state.sized())
  watch.observe(box)
  root.leave = () => { watch.disconnect(); state.renderer?.stop(); state.gone = true; delete root.scatter }
  return state
}

// What is drawn, and where one looks. Places are u to the right and v up, the longer side of all of them being 1.
function scatterLooks(state) {
  const { stage, over } = state
  const fetched = async (url) => {
    if (!state.fetched.has(url)) {
      const base = location.pathname.replace(/\/[^/]*$/, "")  // also where a proxy serves the app below a path
      const answer = await fetch(new URL(base + url, location.origin))
      if (!answer.ok) throw new Error("The points could not be fetched; reload the page.")
      state.fetched.set(url, await answer.arrayBuffer())
    }
    return state.fetched.get(url)
  }
  const whole = () => Math.min((state.wide - 36) / state.spans[0], (state.high - 36) / state.spans[1])
  // A plain canvas draws at once; where a graphics card draws faster, another canvas takes its place.
  const upgrade = async () => {
    const forced = window.explorerScatter  // "canvas" or "webgl", for tests and measurements
    if (forced === "canvas") return
    const canvas = document.createElement("canvas"), base = location.pathname.replace(/\/[^/]*$/, "")
    canvas.className = "points"
    canvas.style.visibility = "hidden"
    stage.prepend(canvas)
    let found = null
    try {
      found = await scatterWebgl(canvas, new URL(base + state.data.library, location.origin).href, forced === "webgl")
      for (const most of new Set([Math.min(50000, state.count), state.count])) {  // few first: many may take seconds
        const some = most === state.count ? state : { ...state, count: most, seen: most, mask: null, size: sized(),
          xy: state.xy.subarray(0, 2 * most), kinds: state.kinds.subarray(0, most) }
        await found.fill(some)
        found.draw(some)
        const took = await found.took()
        stage.dataset.took = took.toFixed(1)
        if (took > 45 && forced !== "webgl") throw new Error("drawn faster without")
      }
      if (state.gone) throw new Error("nobody looks any more")
      found.lost(() => {  // the card was taken away
        if (state.gone) return
        const plain = document.createElement("canvas")
        plain.className = "points"
        state.canvas.replaceWith(plain)
        drawnBy(plain, scatterRaster(plain))
      })
      canvas.style.visibility = ""
      state.canvas.remove()
      drawnBy(canvas, found)
    } catch (fault) {
      found?.stop()
      canvas.remove()
    }
  }
  const drawnBy = (canvas, renderer) => {
    Object.assign(state, { canvas, renderer, took: null })
    stage.dataset.draws = renderer.name
    self.draw(false)
  }
  const sized = () => Math.min(8, Math.max(1.6, 0.75 * Math.sqrt(state.wide * state.high / Math.max(1, state.seen))))
  const counted = () => {  // how many points are in sight, by a sample
    const { xy, count, view, steps, wide, high } = state, stride = Math.max(1, Math.floor(count / 4000))
    let found = 0, asked = 0
    for (let i = 0; i < count; i += stride, asked++) {
      const x = (xy[2 * i] * steps[0] - view.x) * view.k, y = (xy[2 * i + 1] * steps[1] - view.y) * view.k
      if (Math.abs(x) < wide / 2 && Math.abs(y) < high / 2) found++
    }
    return Math.max(1, found / Math.max(1, asked) * count)
  }
  const self = {
    whole,
    at: (u, v) => [state.wide / 2 + (u - state.view.x) * state.view.k, state.high / 2 - (v - state.view.y) * state.view.k],
    place: (x, y) => [state.view.x + (x - state.wide / 2) / state.view.k, state.view.y - (y - state.high / 2) / state.view.k],
    say(text) { state.wait.textContent = text; state.wait.style.display = text ? "" : "none" },
    async update() {
      const { data } = state, turn = state.turn = (state.turn ?? 0) + 1
      stage.setAttribute("aria-label", data.alt)
      data.axes.forEach((text, i) => { state.axes[i].textContent = text; state.axes[i].title = text })
      const first = state.places !== data.places
      if (first) Object.assign(state, { mask: null, known: new Map(), pictures: new Map(), shown: [], grid: null, hovered: -1, chosen: null })
      self.sized(true)
      const [places, kinds] = await Promise.all([fetched(data.places), fetched(data.kinds)])
      if (state.turn !== turn || state.gone) return
      for (const url of state.fetched.keys()) if (url !== data.places && url !== data.kinds) state.fetched.delete(url)
      const begun = performance.now()
      if (first) Object.assign(state, {
        places: data.places, xy: new Uint16Array(places), count: data.count, spans: data.spans,
        steps: data.spans.map((span) => span / 65535),
      })
      if (state.coloured !== data.kinds) Object.assign(state, { coloured: data.kinds, kinds: new Uint8Array(kinds) })
      const palette = JSON.stringify(data.palette)
      if (state.paletted !== palette) Object.assign(state, { paletted: palette, palette: Uint8Array.from(data.palette) })
      state.rest = data.rest
      if ((data.chosen?.id ?? null) !== state.chosen) {
        await self.remembered(data.chosen)
        state.told = null
      }
      if (state.turn !== turn || state.gone) return
      if (first) self.fit(false)
      if (!state.renderer) drawnBy(state.canvas, scatterRaster(state.canvas))
      self.say("")
      const seen = JSON.stringify([data.places, data.kinds, palette, data.marks, data.legend])
      if (state.told !== seen) {
        state.told = seen
        state.explain()
        self.draw(false)
      }
      stage.dataset.drawn = `${data.count}`
      stage.dataset.made = (performance.now() - begun).toFixed(0)
      setTimeout(() => {
        if (state.gone) return
        state.pointing()
        state.making ??= upgrade()
      }, 50)
    },
    async remembered(chosen) {  // what was selected before this page was drawn
      state.chosen = chosen?.id ?? null
      state.mask = chosen ? scatterMask(new Uint8Array(await fetched(chosen.url)), state.count) : null
      if (chosen) state.fetched.delete(chosen.url)
      state.counts()
    },
    sized(quiet) {
      const wide = stage.clientWidth, aspect = state.data?.aspect ?? 1.5
      const high = Math.round(Math.min(Math.max(280, wide / aspect + 24), Math.max(0.66 * innerHeight, 280)))
      if (!wide || (wide === state.wide && high === state.high)) return
      const share = state.wide && state.xy ? state.view.k / whole() : 0
      Object.assign(state, { wide, high, tile: wide < 500 ? 32 : 44, ratio: Math.min(2, window.devicePixelRatio || 1) })
      stage.style.height = `${high}px`
      if (share) state.view.k = share * whole()
      if (!quiet && state.renderer) self.draw(false)
    },
    fit(draw = true) {
      state.view = { x: state.spans[0] / 2, y: state.spans[1] / 2, k: whole() }
      if (draw) self.draw(false)
    },
    zoom(factor, x = state.wide / 2, y = state.high / 2) {
      const [u, v] = self.place(x, y), least = whole(), k = Math.min(Math.max(state.view.k * factor, least / 2), least * 200)
      state.view = { k, x: u - (x - state.wide / 2) / k, y: v + (y - state.high / 2) / k }
      self.draw(true)
    },
    move(dx, dy) {
      state.view = { ...state.view, x: state.view.x - dx / state.view.k, y: state.view.y + dy / state.view.k }
      self.draw(true)
    },
    draw(moving) {  // a part of the points while the map moves, if all of them take too long; points are in no order
      clearTimeout(state.later)
      state.moving = moving
      if (moving) state.later = setTimeout(() => self.draw(false), 150)
      state.waiting ??= requestAnimationFrame(() => {
        state.waiting = null
        if (state.gone || !state.renderer || !state.wide) return
        const begun = performance.now(), all = state.count
        const most = state.moving ? Math.min(all, Math.max(20000, Math.floor(all * Math.min(1, 24 / (state.took ?? 24))))) : all
        state.seen = counted() * most / all
        state.size = sized()
        state.renderer.draw(state, most)
        const took = performance.now() - begun
        if (most === all) state.took = took
        stage.dataset.frame = took.toFixed(1)
        clearTimeout(state.picturing)
        if (state.moving) state.shown = []
        else state.picturing = setTimeout(() => self.pictured(), 120)
        self.above()
      })
    },
    apart(least, most) {  // points in sight whose pictures do not overlap; none where very many are in sight
      const { xy, count, steps, view, wide, high } = state, found = []
      if (state.seen > 4000) return found
      const taken = []
      let many = 0
      for (let i = 0; i < count; i++) {
        const x = (xy[2 * i] * steps[0] - view.x) * view.k, y = (xy[2 * i + 1] * steps[1] - view.y) * view.k
        if (Math.abs(x) > wide / 2 - least / 2 || Math.abs(y) > high / 2 - least / 2) continue
        if (++many > 1500) return []
        if (found.length < most && taken.every(([u, v]) => Math.abs(u - x) > least || Math.abs(v - y) > least)) {
          found.push(i)
          taken.push([x, y])
        }
      }
      return found
    },
    async pictured() {  // a picture of each of some points, where the map is enlarged
      const found = state.tiles && state.xy ? self.apart(state.tile + 8, 40) : [], of = state.pictures
      state.shown = found
      self.above()
      const missing = found.filter((i) => !of.has(i))
      if (!missing.length) return
      try {
        const told = await state.ask({ points: missing }), image = new Image()
        if (!told?.url) return
        image.src = told.url
        await image.decode()
        if (of.size > 4000) of.clear()
        missing.forEach((i, at) => of.set(i, { image, side: told.side, at, across: told.across }))
      } catch (fault) { return }  // then there are none; pointing at one says why
      if (!state.gone) self.above()
    },
    tiled(pen, back) {
      const side = state.tile
      pen.imageSmoothingEnabled = false
      for (const i of state.shown) {
        const one = state.pictures.get(i)
        if (!one) continue
        const [x, y] = state.spot(i), k = 3 * state.kinds[i], left = Math.round(x - side / 2), top = Math.round(y - side / 2)
        pen.globalAlpha = state.mask && !state.mask[i] ? 0.3 : 1
        pen.fillStyle = back
        pen.fillRect(left - 4, top - 4, side + 8, side + 8)
        pen.fillStyle = `rgb(${state.palette[k]},${state.palette[k + 1]},${state.palette[k + 2]})`
        pen.fillRect(left - 3, top - 3, side + 6, side + 6)
        pen.drawImage(one.image, one.at % one.across * one.side, Math.floor(one.at / one.across) * one.side, one.side, one.side,
          left, top, side, side)
      }
      pen.globalAlpha = 1
      stage.dataset.pictures = state.shown.filter((i) => state.pictures.has(i)).length
    },
    above() {  // what lies above the points: the outline being drawn, marks, and the one that is pointed at
      const pen = over.getContext("2d"), { wide, high, ratio, data } = state, look = getComputedStyle(stage)
      if (over.width !== Math.round(wide * ratio) || over.height !== Math.round(high * ratio))
        Object.assign(over, { width: Math.round(wide * ratio), height: Math.round(high * ratio) })
      pen.setTransform(ratio, 0, 0, ratio, 0, 0)
      pen.clearRect(0, 0, wide, high)
      const ink = look.color, accent = look.getPropertyValue("--cx-accent").trim() || ink
      const back = look.getPropertyValue("--cx-back").trim() || "#fff"
      const ring = (x, y, side, width) => {
        for (const [colour, more] of [[back, 2.5], [ink, 0]]) {
          pen.beginPath()
          pen.arc(x, y, side, 0, 7)
          Object.assign(pen, { strokeStyle: colour, lineWidth: width + more })
          pen.stroke()
        }
      }
      if (state.xy) self.tiled(pen, back)
      for (const mark of data.marks) {
        const [x, y] = self.at(mark.at[0] * state.spans[0], mark.at[1] * state.spans[1])
        ring(x, y, 8, 2)
        if (mark.label) {
          pen.font = `600 14px ${look.fontFamily}`
          const room = pen.measureText(mark.label).width + 12, left = Math.min(Math.max(4, x + 14), wide - room - 4)
          const top = y > 40 ? y - 34 : y + 14
          Object.assign(pen, { fillStyle: back, strokeStyle: accent, lineWidth: 1.5 })
          pen.beginPath()
          pen.roundRect(left, top, room, 22, 4)
          pen.fill()
          pen.stroke()
          pen.fillStyle = ink
          pen.fillText(mark.label, left + 6, top + 16)
        }
      }
      if (state.hovered >= 0) ring(...state.spot(state.hovered), Math.max(5, state.size), 1.5)
      const outline = state.drag?.outline
      if (!outline?.length) return
      pen.beginPath()
      for (let i = 0; i < outline.length; i += 2) pen.lineTo(outline[i], outline[i + 1])
      pen.closePath()
      Object.assign(pen, { fillStyle: accent, strokeStyle: accent, lineWidth: 1.5, globalAlpha: 0.12 })
      pen.fill()
      pen.globalAlpha = 1
      pen.setLineDash([5, 4])
      pen.stroke()
      pen.setLineDash([])
    },
    save() {
      const whole = document.createElement("canvas"), pen = whole.getContext("2d")
      Object.assign(whole, { width: state.canvas.width, height: state.canvas.height })
      pen.fillStyle = getComputedStyle(stage).getPropertyValue("--cx-back").trim() || "#fff"
      pen.fillRect(0, 0, whole.width, whole.height)
      pen.drawImage(state.canvas, 0, 0)
      whole.toBlob((blob) => {
        const link = document.createElement("a")
        Object.assign(link, { href: URL.createObjectURL(blob), download: "map.png" })
        link.click()
        setTimeout(() => URL.revokeObjectURL(link.href), 1000)
      })
    },
  }
  return self
}

// What the user is told, and what the server is: legend, tips, selections.
function scatterTells(state) {
  const { stage, tip, make } = state
  const counted = (number) => number.toLocaleString("en-US")
  const hide = () => { state.hovered = -1; tip.style.display = "none" }
  const beside = (i) => {
    const [x, y] = state.spot(i), left = stage.offsetLeft + x, top = stage.offsetTop + y
    tip.style.display = "block"
    const wide = tip.offsetWidth, high = tip.offsetHeight
    tip.style.left = `${Math.max(2, left + 14 + wide > state.box.clientWidth ? left - wide - 14 : left + 14)}px`
    tip.style.top = `${Math.max(0, top + 14 + high > stage.offsetTop + state.high ? top - high - 10 : top + 14)}px`
  }
  const show = (i) => {
    const told = state.known.get(i)
    tip.replaceChildren()
    if (told?.picture) make("img", tip).src = told.picture
    for (const line of told?.lines ?? ["…"]) make("div", tip, "", line)
    tip.dataset.point = i
    beside(i)
  }
  const self = {
    spot: (i) => state.at(state.xy[2 * i] * state.steps[0], state.xy[2 * i + 1] * state.steps[1]),
    pointing() {
      state.grid ??= scatterGrid(state.xy, state.steps)
      return state.grid
    },
    under(x, y) {
      if (!state.xy || !state.renderer) return -1
      const [u, v] = state.place(x, y)
      return self.pointing()(u / state.steps[0], v / state.steps[1], Math.max(6, state.size) / state.view.k)
    },
    hide() { hide(); clearTimeout(state.asking); state.above() },
    point(x, y) {
      const i = self.under(x, y)
      if (i === state.hovered) return
      clearTimeout(state.asking)
      if (i < 0) { hide(); state.above(); return }
      state.hovered = i
      state.above()
      show(i)
      if (state.known.has(i)) return
      const known = state.known
      state.asking = setTimeout(async () => {
        try {
          const told = await state.ask({ point: i })
          if (told) known.set(i, told)
        } catch (fault) { known.set(i, { lines: [fault.message] }) }
        if (known.size > 2000) known.delete(known.keys().next().value)
        if (state.hovered === i && known.has(i)) show(i)
      }, 70)
    },
    counts() {
      const found = state.mask?.reduce((sum, one) => sum + one, 0) ?? 0
      state.said.textContent = found ? `${counted(found)} selected` : `${counted(state.data.count)} points`
      state.buttons.none.disabled = !found
      stage.dataset.selected = found
      return found
    },
    select(mask, outline, how = "") {
      if (mask && state.mask && how === "add") mask = mask.map((one, i) => one | state.mask[i])
      if (mask && how === "less") mask = (state.mask ?? new Uint8Array(mask.length)).map((one, i) => one & ~mask[i])
      if (!mask && !state.mask) return
      state.mask = mask
      if (!self.counts()) state.mask = null
      state.chosen = `${Date.now()}-${Math.floor(Math.random() * 1e9)}`
      state.outline = outline
      stage.dataset.outline = JSON.stringify(outline)
      state.tell("selected", { id: state.chosen, bits: state.mask ? scatterBits(state.mask) : "" })
      state.draw(false)
    },
    within(pixels, how) {  // pixels of the corners -> what lies within
      const corners = pixels.map((one, i) => i % 2
        ? state.place(0, one)[1] / state.steps[1] : state.place(one, 0)[0] / state.steps[0])
      self.select(scatterInside(corners, state.xy), corners, how)
    },
    explain() {
      const { legend, data: { legend: what } } = state
      legend.replaceChildren()
      self.counts()
      if (!what) return
      const titled = what.names || what.ends  // else the title is a sentence
      if (what.title) make(titled ? "b" : "span", legend, "", what.title).style.whiteSpace = titled ? "" : "normal"
      if (what.ends) {
        const bar = make("div", legend, "bar"), canvas = make("canvas", bar), pen = canvas.getContext("2d")
        Object.assign(canvas, { width: 256, height: 1 })
        for (let i = 0; i < 256; i++) {
          const k = 3 * Math.round(i / 255 * (what.steps - 1))
          pen.fillStyle = `rgb(${state.palette[k]},${state.palette[k + 1]},${state.palette[k + 2]})`
          pen.fillRect(i, 0, 1, 1)
        }
        const ends = make("div", bar)
        for (const text of what.ends) make("span", ends, "", text)
      }
      for (const [kind, name, count] of what.names ?? []) {
        const one = make("button", legend), k = 3 * kind
        one.type = "button"
        one.title = `Select all of “${name}” (Shift adds, Alt takes away)`
        one.onclick = (event) => self.select(state.kinds.map((other) => Number(other === kind)), [],
          event.shiftKey ? "add" : event.altKey ? "less" : "")
        make("span", one, "dot").style.background = `rgb(${state.palette[k]},${state.palette[k + 1]},${state.palette[k + 2]})`
        one.append(name)
        make("u", one, "", counted(count))
      }
    },
  }
  return self
}

// Pointers, wheels, fingers and keys.
function scatterTouched(state) {
  const { stage } = state
  const at = (event) => {
    const box = stage.getBoundingClientRect()
    return [event.clientX - box.left, event.clientY - box.top]
  }
  const cut = () => { state.drag = null; stage.style.cursor = state.tool === "pan" ? "grab" : "crosshair"; state.above() }
  stage.addEventListener("pointerdown", (event) => {
    if (event.button > 1 || !state.xy || state.fingers) return
    const tool = event.button === 1 ? "pan" : state.tool, [x, y] = at(event)
    state.drag = { tool, x, y, from: [x, y], touch: event.pointerType === "touch" }
    if (tool === "pan" && state.drag.touch) return
    stage.setPointerCapture(event.pointerId)
    if (tool === "pan") stage.style.cursor = "grabbing"
    else state.drag.outline = [x, y]
    if (event.button === 1) event.preventDefault()
  })
  stage.addEventListener("pointermove", (event) => {
    const [x, y] = at(event), drag = state.drag
    if (!drag) {
      if (event.pointerType !== "touch") state.point(x, y)
      return
    }
    if (Math.hypot(x - drag.from[0], y - drag.from[1]) > 4) { drag.moved = true; state.hide() }
    if (drag.tool === "pan") {
      if (!drag.touch && drag.moved) state.move(x - drag.x, y - drag.y)
    } else if (drag.tool === "box") {
      const [a, b] = drag.from
      drag.outline = [a, b, x, b, x, y, a, y]
      state.above()
    } else if (Math.hypot(x - drag.outline.at(-2), y - drag.outline.at(-1)) >= 3 && drag.outline.length < 4000) {
      drag.outline.push(x, y)
      state.above()
    }
    Object.assign(drag, { x, y })
  })
  stage.addEventListener("pointerup", (event) => {
    const drag = state.drag
    if (!drag) return
    const how = event.shiftKey ? "add" : event.altKey ? "less" : ""
    cut()
    if (!drag.moved && event.button === 0) {
      const i = state.under(...at(event))
      if (i >= 0) state.tell("click", { point: i })
    } else if (drag.outline?.length >= 6) state.within(drag.outline, how)
  })
  stage.addEventListener("pointercancel", cut)
  stage.addEventListener("pointerleave", () => { if (!state.drag) state.hide() })
  stage.addEventListener("dblclick", () => { if (state.mask) state.select(null, []); else state.fit() })
  stage.addEventListener("wheel", (event) => {
    if (!state.xy) return
    event.preventDefault()
    state.hide()
    state.zoom(Math.exp(-Math.max(-120, Math.min(120, event.deltaY)) * 0.003), ...at(event))
  }, { passive: false })
  const spread = (touches) => {
    const [a, b] = [...touches].map(at)
    return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, gap: Math.hypot(a[0] - b[0], a[1] - b[1]) || 1 }
  }
  const fingers = (event) => {
    if (event.touches.length < 2) { state.fingers = null; return }
    event.preventDefault()
    const now = spread(event.touches), before = state.fingers
    if (before && event.type === "touchmove") {
      state.move(now.x - before.x, now.y - before.y)
      state.zoom(now.gap / before.gap, now.x, now.y)
    } else cut()
    state.fingers = now
  }
  for (const name of ["touchstart", "touchmove"]) stage.addEventListener(name, fingers, { passive: false })
  stage.addEventListener("touchend", fingers)
  stage.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key]
    if (!state.xy || event.ctrlKey || event.metaKey) return
    if (step) state.move(...step)
    else if (event.key === "+" || event.key === "=") state.zoom(1.3)
    else if (event.key === "-") state.zoom(1 / 1.3)
    else if (event.key === "0" || event.key === "Home") state.fit()
    else if (event.key === "Escape") state.select(null, [])
    else return
    event.preventDefault()
  })
}
