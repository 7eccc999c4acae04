// Points drawn by regl-scatterplot on a graphics card. It only draws: where one looks, what is pointed at and what is
// selected are the same with and without WebGL, and are found in `points.js`.
async function scatterWebgl(canvas, address, forced) {
  const probe = document.createElement("canvas").getContext("webgl", { failIfMajorPerformanceCaveat: !forced })
  const able = probe && ["OES_texture_float", "OES_element_index_uint"].every((name) => probe.getExtension(name))
  const known = probe?.getExtension("WEBGL_debug_renderer_info")
  const driver = known ? probe.getParameter(known.UNMASKED_RENDERER_WEBGL) : ""
  if (!able || (!forced && /swiftshader|llvmpipe|software|basic render/i.test(driver)))
    throw new Error("no WebGL that is fast")
  probe.getExtension("WEBGL_lose_context")?.loseContext()
  const { createRenderer, createScatterplot, createSpatialIndex } = await import(address)
  const renderer = createRenderer({ canvas: document.createElement("canvas") })  // else as large as the window
  const plot = createScatterplot({
    renderer, canvas, width: Math.max(1, canvas.clientWidth), height: Math.max(1, canvas.clientHeight), cameraIsFixed: true,
    pointScaleMode: "constant", pointSizeSelected: 0, pointOutlineWidth: 0, opacityInactiveMax: 0.08, showReticle: false,
    colorBy: "valueA", mouseMode: "panZoom", deselectOnDblClick: false, deselectOnEscape: false, lassoInitiator: false,
  })
  const nothing = await createSpatialIndex([[0, 0]], false)  // it would index all points a second time
  let rows = null, of = {}
  const hex = (palette) => Array.from({ length: palette.length / 3 }, (_, i) =>
    "#" + [0, 1, 2].map((c) => palette[3 * i + c].toString(16).padStart(2, "0")).join(""))
  const placed = async (state) => {
    const { xy, kinds, count, spans } = state
    if (rows?.length !== count || of.xy !== xy)
      rows = Array.from({ length: count }, (_, i) => [
        (2 * xy[2 * i] / 65535 - 1) * spans[0], (2 * xy[2 * i + 1] / 65535 - 1) * spans[1], kinds[i]])
    else for (let i = 0; i < count; i++) rows[i][2] = kinds[i]
    const colours = hex(state.palette)
    if (colours.length < 2) colours.push(colours[0])
    await plot.set({ pointColor: colours, pointColorActive: colours, pointColorHover: colours })
    await plot.draw(rows, { spatialIndex: nothing, zDataType: "categorical" })
  }
  const chosen = (mask) => {
    const found = []
    for (let i = 0; i < mask.length; i++) if (mask[i]) found.push(i)
    return found
  }
  const looked = ({ view, high, spans }) => {
    const k = view.k / high, back = 2 * view.k / high
    return new Float32Array([k, 0, 0, 0, 0, k, 0, 0, 0, 0, 1, 0,
      (spans[0] / 2 - view.x) * back, (spans[1] / 2 - view.y) * back, 0, 1])
  }
  const self = {
    name: "webgl",
    stop() { plot.destroy(); renderer.destroy() },
    lost(act) { renderer.canvas.addEventListener("webglcontextlost", act) },
    busy: null,
    async fill(state) {  // what is new since the last time
      const { xy, kinds, palette, mask } = state
      if (of.xy !== xy || of.kinds !== kinds || of.palette !== palette) {
        const again = of.mask
        of = { xy, kinds, palette, mask: null }
        await placed(state)
        if (again) plot.deselect({ preventEvent: true })
      }
      if (of.mask !== mask) {
        of.mask = mask
        if (mask) plot.select(chosen(mask), { preventEvent: true }); else plot.deselect({ preventEvent: true })
      }
    },
    draw(state) {
      if (of.wide !== state.wide || of.high !== state.high) {
        of.wide = state.wide
        of.high = state.high
        plot.set({ width: state.wide, height: state.high })
        renderer.resize(canvas.width / window.devicePixelRatio, canvas.height / window.devicePixelRatio)
      }
      if (of.size !== state.size) {
        of.size = state.size
        plot.set({ pointSize: state.size, opacity: Math.min(0.85, Math.max(0.35, 200 / Math.sqrt(state.seen))) })
      }
      plot.view(looked(state), { preventEvent: true })
      const late = ["xy", "kinds", "palette", "mask"].some((name) => of[name] !== state[name])
      if (late) self.busy = (self.busy ?? Promise.resolve()).then(() => self.fill(state)).catch(() => {})
    },
    async took() {  // milliseconds of a frame, the second of two
      let took = 0
      for (let i = 0; i < 2; i++) {
        const start = performance.now(), pixel = new Uint8Array(4)
        const drawn = new Promise((done) => plot.subscribe("draw", done, 1))
        plot.redraw()
        await drawn
        const gl = plot.get("regl")._gl
        gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel)
        took = performance.now() - start
      }
      return took
    },
  }
  return self
}
