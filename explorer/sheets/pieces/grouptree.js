// Groups of codes as rows, with the tree that joins them at the left. Pointing at a branch or a row lights what belongs
// together; a click, Enter or a tap chooses a group.
function grouptree(root, data, tell, ask) {
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    one.className = kind
    one.textContent = text
    return one
  }
  const svg = (name, parent, attributes) => {
    const one = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name))
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value)
    return one
  }
  const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`
  const state = root.grouptree ??= {}
  const ROW = 54, count = data.groups.length

  const held = root.contains(root.getRootNode().activeElement) ? state.at : undefined  // the focus outlives what is drawn
  root.replaceChildren()
  make("style", root).textContent = `
    .grouptree { container-type: inline-size; color: var(--cx-text, currentColor); }
    .grouptree .all { display: grid; grid-template-columns: ${data.tree.length ? "minmax(56px, 16%)" : ""} minmax(0, 1fr);
      max-height: 620px; overflow-y: auto; overscroll-behavior: auto; border: 1px solid var(--cx-line, #8886);
      border-radius: 8px; padding: 6px; }
    .grouptree svg { display: block; width: 100%; overflow: visible; color: var(--cx-quiet, currentColor); }
    .grouptree svg path { fill: none; stroke: currentColor; stroke-width: 1.4; vector-effect: non-scaling-stroke;
      pointer-events: none; }
    .grouptree svg path.hit { stroke: transparent; stroke-width: 14; pointer-events: stroke; cursor: pointer; }
    .grouptree svg g.on path.line { stroke: var(--cx-accent, #2a628f); stroke-width: 3; }
    .grouptree button { all: unset; box-sizing: border-box; display: grid; height: ${ROW}px; width: 100%;
      grid-template-columns: 12px auto minmax(0, 1fr) auto; gap: 10px; align-items: center; padding: 2px 8px;
      cursor: pointer; border-radius: 6px; touch-action: manipulation; }
    .grouptree button:hover, .grouptree button.on { background: color-mix(in srgb, currentColor 9%, transparent); }
    .grouptree button[aria-pressed=true] { box-shadow: inset 0 0 0 2px var(--cx-accent, #2a628f); }
    .grouptree button:focus-visible { outline: 2px solid var(--cx-accent, #2a628f); outline-offset: -2px; }
    .grouptree .swatch { width: 12px; height: 34px; border-radius: 3px; }
    .grouptree .tiles { display: flex; gap: 2px; }
    .grouptree .tiles i { flex: none; width: 32px; height: 32px; border-radius: 3px; image-rendering: pixelated;
      background-color: #8883; }
    .grouptree .said { min-width: 0; line-height: 1.25; }
    .grouptree .said b, .grouptree .said span { display: block; overflow: hidden; text-overflow: ellipsis;
      white-space: nowrap; }
    .grouptree .said b { font-weight: 600; font-size: 0.95rem; }
    .grouptree .said span { font-size: 0.82rem; color: var(--cx-quiet, currentColor); }
    .grouptree .much { text-align: right; font-variant-numeric: tabular-nums; font-size: 0.9rem; line-height: 1.25; }
    .grouptree .much small { display: block; font-size: 0.78rem; color: var(--cx-quiet, currentColor); }
    @container (max-width: 620px) { .grouptree .tiles i:nth-child(n + 4) { display: none }
      .grouptree .all { grid-template-columns: ${data.tree.length ? "44px" : ""} minmax(0, 1fr); max-height: 480px }
      .grouptree button { gap: 6px; padding: 2px 4px; grid-template-columns: 8px auto minmax(0, 1fr) auto }
      .grouptree .tiles i { width: 26px; height: 26px; background-size: calc(26px * var(--across)) auto !important }
      .grouptree .swatch { width: 8px } }
    @container (max-width: 400px) { .grouptree .tiles i:nth-child(n + 3) { display: none } }`
  const box = make("div", root, "grouptree"), all = make("div", box, "all")
  all.tabIndex = -1
  const rows = []
  const light = (groups) => rows.forEach((row, at) => row.classList.toggle("on", groups.has(at)))
  const branches = new Map()

  if (data.tree.length) {
    const drawn = svg("svg", all, { viewBox: `0 0 100 ${ROW * count}`, preserveAspectRatio: "none", height: ROW * count,
      "aria-hidden": "true" })
    const nodes = data.groups.map((_, at) => ({ x: 100, y: ROW * (at + 0.5), under: [at], parts: [] }))
    data.tree.forEach(([one, other, height]) => {
      const a = nodes[one], b = nodes[other], x = 98 - 94 * height
      const group = svg("g", drawn, {}), line = `M${a.x} ${a.y}H${x}V${b.y}H${b.x}`
      svg("path", group, { d: line, class: "line" })
      const hit = svg("path", group, { d: line, class: "hit" })
      const node = { x, y: (a.y + b.y) / 2, under: [...a.under, ...b.under], parts: [group, ...a.parts, ...b.parts] }
      const share = node.under.reduce((sum, at) => sum + data.groups[at].share, 0)
      const title = svg("title", hit, {})
      title.textContent = `${node.under.length} groups, ${percent(share)} of the tokens`
      const on = (lit) => { node.parts.forEach((one) => one.classList.toggle("on", lit)); light(new Set(lit ? node.under : [])) }
      hit.addEventListener("pointerenter", () => on(true))
      hit.addEventListener("pointerleave", () => on(false))
      hit.addEventListener("click", () => { on(true); rows[Math.min(...node.under)].scrollIntoView({ block: "nearest" }) })
      nodes.push(node)
    })
    const top = nodes[nodes.length - 1]
    svg("path", drawn, { d: `M${top.x} ${top.y}H0`, class: "line" })
  }

  const list = make("div", all, "list")
  list.setAttribute("role", "group")
  const across = data.sprite.across
  data.groups.forEach((group, at) => {
    const row = make("button", list)
    row.type = "button"
    row.setAttribute("aria-pressed", String(group.id === data.chosen))
    row.setAttribute("aria-label", `${group.name}, ${group.codes}, ${percent(group.share)} of the tokens` +
      (group.tied ? `, tied to ${group.tied}` : ""))
    make("i", row, "swatch").style.background = group.colour
    const tiles = make("div", row, "tiles")
    for (let number = group.first; number < group.first + group.tiles; number++) {
      const tile = make("i", tiles), size = 32
      tile.style.setProperty("--across", across)
      tile.style.backgroundImage = `url(${data.sprite.url})`
      tile.style.backgroundSize = `${size * across}px auto`
      const column = number % across, line = Math.floor(number / across)
      const part = (place, of) => of > 1 ? `${100 * place / (of - 1)}%` : "0"
      tile.style.backgroundPosition = `${part(column, across)} ${part(line, data.sprite.rows)}`
    }
    const said = make("div", row, "said")
    make("b", said, "", group.name)
    make("span", said, "", group.tied || "tied to nothing for sure")
    const much = make("div", row, "much", percent(group.share))
    make("small", much, "", group.codes)
    row.onclick = () => {
      rows.forEach((one) => one.setAttribute("aria-pressed", String(one === row)))
      tell({ group: group.id })
    }
    row.onfocus = () => { state.at = at }
    row.onkeydown = (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
      if (!step || !rows[at + step]) return
      event.preventDefault()
      rows[at + step].focus()
    }
    rows.push(row)
  })
  const chosen = rows[data.groups.findIndex((group) => group.id === data.chosen)]
  if (state.top !== undefined) all.scrollTop = state.top
  else if (chosen && ROW * count > 620) all.scrollTop = Math.max(chosen.offsetTop - all.offsetTop - 200, 0)
  rows[held]?.focus({ preventScroll: true })
  all.onscroll = () => { state.top = all.scrollTop }
}
