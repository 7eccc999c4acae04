// A map of many points: what one looks at, tools, what is pointed at and what is selected. `data` says where the columns
// lie; they are fetched once each. `tell(name, value)` sends a click or a selection, `ask` wants what a point is.
const SCATTER_ICONS = {
  lasso: "M4 10c0-4 4-6 8-6s8 2 8 6-4 6-8 6c-2 0-3 0-4-1M6 18a2 2 0 1 0 4 0 2 2 0 0 0-4 0M9 20c0 1-1 2-2 2",
  box: "M4 7V4h3M11 4h2M17 4h3v3M20 11v2M20 17v3h-3M13 20h-2M7 20H4v-3M4 13v-2",
  pan: "M12 3v18M3 12h18M12 3L9 6M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3",
  nearer: "M12 5v14M5 12h14", farther: "M5 12h14",
  whole: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5", none: "M6 6l12 12M18 6L6 18",
  tiles: "M4 4h7v7H4zM14 5h6v6h-6zM4 14h6v6H4zM13 14h7v6h-7z",
  picture: "M4 8h3l2-3h6l2 3h3v11H4zM12 10a3 3 0 1 0 0 6 3 3 0 1 0 0-6",
}

function scatterStyle() {
  return `
  .scatter { position: relative; color: var(--cx-text); font-size: 0.88rem; }
  .scatter .tools { display: flex; gap: 2px; flex-wrap: wrap; align-items: center; margin-bottom: 4px; }
  .scatter .tools button { all: unset; box-sizing: border-box; width: 32px; height: 32px; border-radius: 6px; padding: 5px;
    cursor: pointer; color: var(--cx-quiet); }
  .scatter .tools button:hover { background: color-mix(in srgb, var(--cx-text) 10%, transparent); color: var(--cx-text); }
  .scatter .tools button[aria-pressed=true] { color: var(--cx-accent);
    background: color-mix(in srgb, var(--cx-accent) 16%, transparent); }
  .scatter .tools button[disabled] { opacity: 0.35; pointer-events: none; }
  .scatter .tools button:focus-visible, .scatter .stage:focus-visible { outline: 2px solid var(--cx-accent);
    outline-offset: -2px; }
  .scatter .tools svg { width: 22px; height: 22px; display: block; fill: none; stroke: currentColor; stroke-width: 1.8;
    stroke-linecap: round; stroke-linejoin: round; }
  .scatter .tools i { width: 1px; height: 20px; background: var(--cx-line); margin: 0 4px; }
  .scatter .said { margin-left: auto; color: var(--cx-quiet); font-variant-numeric: tabular-nums; }
  .scatter .frame { display: grid; grid-template-columns: 1.3rem minmax(0, 1fr); }
  .scatter .axis { color: var(--cx-quiet); text-align: center; font-size: 0.82rem; overflow: hidden; white-space: nowrap;
    text-overflow: ellipsis; }
  .scatter .axis.y { writing-mode: vertical-rl; transform: rotate(180deg); }
  .scatter .axis.x { grid-column: 2; padding-top: 2px; }
  .scatter .stage { position: relative; overflow: hidden; border: 1px solid var(--cx-line); border-radius: 6px;
    user-select: none; -webkit-user-select: none; cursor: crosshair; -webkit-tap-highlight-color: transparent; }
  .scatter .stage canvas { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
  .scatter .wait { position: absolute; inset: 0; display: grid; place-items: center; color: var(--cx-quiet);
    pointer-events: none; text-align: center; padding: 16px; }
  .scatter .tip { position: absolute; z-index: 20; pointer-events: none; display: none; max-width: 230px;
    background: var(--cx-back); border: 1px solid var(--cx-line); border-radius: 8px; padding: 8px;
    box-shadow: 0 4px 14px #0004; font-size: 0.82rem; line-height: 1.35; overflow-wrap: anywhere; }
  .scatter .tip img { display: block; width: 112px; height: 112px; image-rendering: pixelated; border-radius: 4px;
    margin-bottom: 5px; background: #8883; object-fit: contain; }
  .scatter .tip div:first-of-type { font-weight: 600; }
  .scatter .legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin-top: 6px; align-items: center; max-height: 8.5em;
    overflow-y: auto; line-height: 1.5; }
  .scatter .legend b { font-weight: 600; }
  .scatter .legend button { all: unset; cursor: pointer; white-space: nowrap; border-radius: 4px; }
  .scatter .legend button:hover { text-decoration: underline; text-underline-offset: 3px; }
  .scatter .legend button:focus-visible { outline: 2px solid var(--cx-accent); outline-offset: 2px; }
  .scatter .legend u { text-decoration: none; color: var(--cx-quiet); font-variant-numeric: tabular-nums; margin-left: 4px; }
  .scatter .dot { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 5px; }
  .scatter .bar { flex: 1 1 180px; max-width: 340px; }
  .scatter .bar canvas { display: block; width: 100%; height: 10px; border-radius: 3px; }
  .scatter .bar div { display: flex; justify-content: space-between; color: var(--cx-quiet);
    font-variant-numeric: tabular-nums; }`
}

// Corners (x, y, x, y, …) and columns (x, y, x, y, …) of the same numbers -> which points lie within, by the even-odd
// rule in the same arithmetic as `analysis/regions.py`. Edges are sorted into bands, so that each point meets a few.
function scatterInside(corners, xy) {
  const count = xy.length / 2, found = new Uint8Array(count), sides = corners.length / 2, bands = 1024
  let low = Infinity, high = -Infinity, left = Infinity, right = -Infinity
  for (let i = 0; i < sides; i++) {
    left = Math.min(left, corners[2 * i]); right = Math.max(right, corners[2 * i])
    low = Math.min(low, corners[2 * i + 1]); high = Math.max(high, corners[2 * i + 1])
  }
  const scale = bands / Math.max(high - low, 1e-9), band = (y) => Math.min(bands - 1, Math.max(0, Math.floor((y - low) * scale)))
  const edges = Array.from({ length: bands }, () => [])
  for (let i = 0, j = sides - 1; i < sides; j = i++) {
    const yi = corners[2 * i + 1], yj = corners[2 * j + 1]
    if (yi === yj) continue
    for (let at = band(Math.min(yi, yj)), to = band(Math.max(yi, yj)); at <= to; at++)
      edges[at].push(corners[2 * i], yi, corners[2 * j], yj)
  }
  for (let i = 0; i < count; i++) {
    const x = xy[2 * i], y = xy[2 * i + 1]
    if (x < left || x > right || y < low || y > high) continue
    const near = edges[band(y)]
    let within = 0
    for (let k = 0; k < near.length; k += 4) {
      const xi = near[k], yi = near[k + 1], xj = near[k + 2], yj = near[k + 3]
      if ((yi > y) !== (yj > y) && x < (xj - xi) * (y - yi) / (yj - yi) + xi) within ^= 1
    }
    found[i] = within
  }
  return found
}

// Which point is nearest to a place, by cells of a grid: `near(x, y, reach)` in the numbers of the columns, -1 for none.
function scatterGrid(xy, stretch) {
  const count = xy.length / 2, side = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(count / 4)))), step = 65536 / side
  const starts = new Uint32Array(side * side + 1), items = new Uint32Array(count)
  const cell = (i) => Math.floor(xy[2 * i + 1] / step) * side + Math.floor(xy[2 * i] / step)
  for (let i = 0; i < count; i++) starts[cell(i) + 1]++
  for (let i = 0; i < side * side; i++) starts[i + 1] += starts[i]
  const next = starts.slice()
  for (let i = 0; i < count; i++) items[next[cell(i)]++] = i
  return (x, y, reach) => {
    const at = (value) => Math.min(side - 1, Math.max(0, Math.floor(value / step)))
    const wide = reach / stretch[0], high = reach / stretch[1]
    let best = -1, least = reach * reach
    for (let row = at(y - high); row <= at(y + high); row++) for (let column = at(x - wide); column <= at(x + wide); column++)
      for (let k = starts[row * side + column]; k < starts[row * side + column + 1]; k++) {
        const i = items[k], away = ((xy[2 * i] - x) * stretch[0]) ** 2 + ((xy[2 * i + 1] - y) * stretch[1]) ** 2
        if (away < least) { least = away; best = i }
      }
    return best
  }
}

function scatterBits(mask) {  // eight points a byte, the first in the lowest bit, as text
  const bytes = new Uint8Array(Math.ceil(mask.length / 8))
  for (let i = 0; i < mask.length; i++) if (mask[i]) bytes[i >> 3] |= 1 << (i & 7)
  let text = ""
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode.apply(null, bytes.subarray(i, i + 32768))
  return btoa(text)
}

function scatterMask(bytes, count) {
  const mask = new Uint8Array(count)
  for (let i = 0; i < count; i++) mask[i] = bytes[i >> 3] >> (i & 7) & 1
  return mask
}
