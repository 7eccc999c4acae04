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
