// Points drawn on a plain canvas, where there is no WebGL or it is computed by the processor: what lies on one pixel is
// averaged, and a pixel is the more opaque the more points lie on it. A million points take about 50 ms.
function scatterRaster(canvas) {
  const pen = canvas.getContext("2d")
  let image = null, weight, red, green, blue, below
  const sized = (wide, high) => {
    if (image?.width === wide && image.height === high) {
      for (const one of [weight, red, green, blue, below]) one.fill(0)
      return
    }
    canvas.width = wide
    canvas.height = high
    image = pen.createImageData(wide, high)
    const room = wide * high;
    [weight, red, green, blue] = Array.from({ length: 4 }, () => new Float32Array(room))
    below = new Uint8Array(room)
  }
  const disc = (side) => {  // (dx, dy) of the pixels of a point
    const found = [], middle = (side - 1) / 2, reach = side < 4 ? Infinity : (side / 2) ** 2
    for (let dy = 0; dy < side; dy++) for (let dx = 0; dx < side; dx++)
      if ((dx - middle) ** 2 + (dy - middle) ** 2 <= reach) found.push(dx, dy)
    return found
  }
  const gather = (state, most) => {
    const { xy, kinds, palette, mask, view, ratio } = state, { width: wide, height: high } = image
    const side = Math.max(1, Math.round(state.size * ratio)), spots = disc(side), offsets = new Int32Array(spots.length / 2)
    for (let i = 0; i < offsets.length; i++) offsets[i] = spots[2 * i + 1] * wide + spots[2 * i]
    const [ax, ay] = state.steps.map((step) => step * view.k * ratio), back = side / 2
    const bx = wide / 2 - view.x * view.k * ratio - back, by = high / 2 + view.y * view.k * ratio - back
    const right = wide - side, bottom = high - side, many = offsets.length
    for (let i = 0; i < most; i++) {
      const x = Math.round(bx + ax * xy[2 * i]), y = Math.round(by - ay * xy[2 * i + 1])
      if (x < 0 || y < 0 || x > right || y > bottom) continue
      const at = y * wide + x
      if (mask && !mask[i]) {
        for (let j = 0; j < many; j++) below[at + offsets[j]] = 1
        continue
      }
      const k = 3 * kinds[i], r = palette[k], g = palette[k + 1], b = palette[k + 2]
      for (let j = 0; j < many; j++) {
        const to = at + offsets[j]
        weight[to]++
        red[to] += r
        green[to] += g
        blue[to] += b
      }
    }
  }
  const shade = (state) => {
    const pixels = image.data, room = weight.length, [r, g, b] = state.rest
    let covered = 0, all = 0
    for (let at = 0; at < room; at++) if (weight[at]) { covered++; all += weight[at] }
    const top = Math.log1p(covered ? 4 * all / covered : 1), low = all > 2 * covered ? 0.5 : 0.85
    const scale = (1 - low) / top
    for (let at = 0, to = 0; at < room; at++, to += 4) {
      const n = weight[at]
      if (n) {
        pixels[to] = red[at] / n
        pixels[to + 1] = green[at] / n
        pixels[to + 2] = blue[at] / n
        pixels[to + 3] = 255 * Math.min(1, low + scale * Math.log(n))
      } else if (below[at]) {
        pixels[to] = r
        pixels[to + 1] = g
        pixels[to + 2] = b
        pixels[to + 3] = 60
      } else pixels[to + 3] = 0
    }
  }
  return {
    name: "canvas",
    stop() {},
    draw(state, most) {
      sized(Math.max(1, Math.round(state.wide * state.ratio)), Math.max(1, Math.round(state.high * state.ratio)))
      gather(state, most)
      shade(state)
      pen.putImageData(image, 0, 0)
    },
  }
}
