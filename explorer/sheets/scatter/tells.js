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
