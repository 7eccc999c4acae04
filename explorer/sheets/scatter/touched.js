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
