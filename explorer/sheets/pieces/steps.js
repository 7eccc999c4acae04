// The six steps of a VQ layer: a diagram with a real image in it, and a card for each step. Pointing at one highlights
// it in the other; a press on a cell tells which.
function steps(root, data, tell) {
  const [H, W] = data.grid
  const STEP = {  // the parts that belong to each step; the first is the one that leads to it
    1: ["arrow1", "z", "rows"], 2: ["arrow2", "rows", "book", "distances"], 3: ["arrow3", "distances", "codes"],
    4: ["arrow4", "codes", "book", "values"], 5: ["arrow5", "values", "q"], 6: ["copy", "z", "q", "decoder", "out"] }
  const OWN = { z: 1, rows: 1, book: 2, distances: 2, codes: 3, values: 4, q: 5 }
  const CELLS = ["image", "z", "q", "out"]  // pictures on which a cell can be pressed
  const ORDER = ["image", "encoder", "z", "arrow1", "rows", "arrow2", "book", "distances", "arrow3", "codes", "arrow4",
    "values", "arrow5", "q", "decoder", "out"]
  const BELOW = ["image", "encoder", "z", "arrow1", "card1", "rows", "book", "arrow2", "card2", "distances", "arrow3",
    "card3", "codes", "arrow4", "card4", "values", "arrow5", "card5", "q", "card6", "decoder", "out"]  // on a phone
  const holder = root.closest(".cx-piece"), leads = !holder || "go" in holder.dataset  // a report: no
  const state = root.steps ??= { pinned: null, timer: 0 }, calm = matchMedia("(prefers-reduced-motion: reduce)").matches
  state.cell = data.cell
  const make = (tag, name, parent, text) => {
    const made = document.createElement(tag)
    if (name) made.className = name
    if (text !== undefined) made.textContent = text
    parent?.append(made)
    return made
  }
  const draw = (tag, facts, parent) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag)
    for (const [name, value] of Object.entries(facts)) made.setAttribute(name, value)
    parent?.append(made)
    return made
  }
  const kept = root.getRootNode().activeElement?.dataset?.stop
  root.replaceChildren()
  make("style", "", root, stepsStyle)
  const box = make("div", "steps-box", root), all = make("div", "steps-all", box)
  const flow = make("div", "steps-flow", all), parts = {}
  const outlines = []
  const place = () => outlines.forEach((mark) => Object.assign(mark.style, {
    left: `${(100 * state.cell[1]) / W}%`, top: `${(100 * state.cell[0]) / H}%`, width: `${100 / W}%`,
    height: `${100 / H}%` }))
  const part = (name) => {
    const given = data.parts[name]
    if (!given) return
    const figure = parts[name] = make("figure", `part ${name}`, flow)
    const picture = make(name === "z" && leads ? "button" : "div", "picture", figure)
    if (!given.url) {
      make("span", "", picture, given.says)
      return
    }
    const image = make("img", "", picture)
    image.src = given.url
    image.alt = ""
    image.draggable = false
    if (given.row !== undefined) make("i", "row", picture).style.top = `${100 * given.row}%`
    if (given.column !== undefined) make("i", "column", picture).style.left = `${100 * given.column}%`
    if (CELLS.includes(name)) {
      if (name === "z" || name === "q") picture.style.aspectRatio = `${W} / ${H}`
      if (data.placed || name === "z" || name === "q") {
        outlines.push(make("i", "cell", picture))
        if (!leads) return caption(figure, given)
        picture.classList.add("cells")
        picture.addEventListener("click", (event) => {
          if (event.detail === 0) return  // by the keyboard
          const at = picture.getBoundingClientRect(), share = (from, by) => Math.min(0.999, Math.max(0, from / by))
          choose(Math.floor(H * share(event.clientY - at.top, at.height)),
            Math.floor(W * share(event.clientX - at.left, at.width)), 0)
        })
      }
    }
    if (name === "z") {
      picture.type = "button"
      picture.dataset.stop = "z"
      picture.setAttribute("aria-label", `Row ${data.cell[0]}, column ${data.cell[1]}; arrow keys choose another cell`)
      picture.addEventListener("keydown", (event) => {
        const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key]
        if (!by) return
        event.preventDefault()
        const row = state.cell[0] + by[0], column = state.cell[1] + by[1]
        if (row >= 0 && row < H && column >= 0 && column < W) choose(row, column, 400)
      })
    }
    caption(figure, given)
  }
  const caption = (figure, given) => {
    const said = make("figcaption", "", figure, given.says)
    if (given.shape) make("small", "", said, given.shape)
  }
  const arrow = (step) => {
    const made = make("div", `part arrow arrow${step}`, flow)
    number(make("button", "badge", made), step)
    make("b", "", made, data.cards[step - 1].title.toLowerCase())
    parts[`arrow${step}`] = made
  }
  const number = (button, step) => {
    button.type = "button"
    button.textContent = step
    button.dataset.stop = `badge${step}`
    button.setAttribute("aria-label", `Step ${step}: ${data.cards[step - 1].title}`)
    button.addEventListener("click", (event) => {
      event.stopPropagation()
      pin(step)
      cards[step - 1].scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" })
    })
  }
  for (const name of ORDER) {
    if (name.startsWith("arrow")) arrow(Number(name.slice(5))); else part(name)
  }
  const copy = parts.copy = make("div", `part copy${data.cards[5].bars ? "" : " none"}`, flow)
  const label = make("span", "", copy)
  number(make("button", "badge", label), 6)
  make("b", "", label, data.cards[5].bars ? "straight-through copy of the gradient" : "no gradient here")
  make("small", "", label, data.parts.copy ?? "")

  // ---- the cards
  const list = make("div", "steps-cards", all)
  const cards = data.cards.map((given, at) => {
    const step = at + 1, card = make("section", `card card${step}`, list)
    card.tabIndex = 0
    card.dataset.stop = `card${step}`
    const title = make("h4", "", card)
    make("span", "badge", title, step)
    make("span", "", title, given.title)
    title.id = `steps-title-${step}`
    card.setAttribute("aria-labelledby", title.id)
    const split = step === 6 && given.bars
    if (split) card.classList.add("copied")
    const left = split ? make("div", "half", card) : card
    make("p", "", left, given.say)
    const shape = make("p", "shape", left)
    make("code", "", shape, given.letters)
    make("code", "", shape, given.shape)
    const right = split ? make("div", "half", card) : card
    if (given.losses) losses(given.losses, right)
    if (given.bars) bars(given.bars, right)
    if (given.curve) curve(given.curve, card)
    if (given.call) call(given.call, card)
    if (given.pair) pair(card)
    for (const fact of given.facts ?? []) make("p", "fact", right, fact)
    if (given.note) make("p", "quiet", left, given.note)
    card.addEventListener("click", (event) => {
      if (!event.target.closest("button, select")) pin(state.pinned === step ? null : step)
    })
    card.addEventListener("focus", () => show(step))
    card.addEventListener("blur", () => show(state.pinned))
    return card
  })

  function losses(choices, card) {
    if (!leads) return
    const field = make("label", "loss", card)
    make("span", "", field, "Loss")
    const select = make("select", "", field)
    select.dataset.stop = "loss"
    for (const { value, called } of choices) {
      const choice = make("option", "", select, called)
      choice.value = value
      choice.selected = value === data.loss
    }
    select.addEventListener("change", () => {
      pin(6)
      tell({ cell: state.cell.join(","), loss: select.value })
    })
  }

  function bars({ series }, card) {
    const count = series[0].values.length, all = series.flatMap((one) => one.values)
    const top = Math.max(...all.map(Math.abs)) || 1, wide = 10, high = 40
    const figure = make("div", "plot", card)
    const most = Number(top.toPrecision(3))
    make("small", "axis", figure, all.some((one) => one) ? `from −${most} to ${most}` : "all are 0")
    const picture = draw("svg", { viewBox: `0 0 ${count * wide} ${2 * high}`, preserveAspectRatio: "none",
      role: "img" }, figure)
    draw("title", {}, picture).textContent = `${series.map((one) => one.name).join(" and ")}, a bar for each number`
    draw("line", { x1: 0, x2: count * wide, y1: high, y2: high, class: "zero" }, picture)
    const each = (wide - 2) / series.length
    series.forEach(({ values }, turn) => values.forEach((value, index) => {
      const tall = Math.max((high * Math.abs(value)) / top, value ? 0.4 : 0)
      draw("rect", { x: index * wide + 1 + turn * each, y: value > 0 ? high - tall : high, width: each, height: tall,
        class: `series${turn}` }, picture)
    }))
    const legend = make("div", "legend", figure)
    series.forEach(({ name }, turn) => {
      const one = make("span", "", legend)
      make("i", `series${turn}`, one)
      one.append(name)
    })
  }

  function curve({ points, names, codes, log }, card) {
    const figure = make("div", "plot", card), top = Math.max(...points.map((one) => one[1])) || 1
    const x = (rank) => 4 + 292 * (codes < 2 ? 0.5 : log ? Math.log(rank) / Math.log(codes) : (rank - 1) / (codes - 1))
    const y = (away) => 78 - (70 * away) / top
    make("small", "axis", figure, `distance, up to ${Number(top.toPrecision(3))}`)
    const picture = draw("svg", { viewBox: "0 0 300 84", preserveAspectRatio: "none", role: "img" }, figure)
    draw("title", {}, picture).textContent = "Distances to all codes, nearest first"
    draw("line", { x1: 0, x2: 300, y1: 78, y2: 78, class: "zero" }, picture)
    const places = points.map(([rank, away]) => `${x(rank)},${y(away)}`)
    draw("polyline", { points: places.join(" "), class: "curve" }, picture)
    const field = make("div", "field", figure)  // dots that are round however wide the card is
    field.append(picture)
    for (const at of [1, 0]) {
      if (names[at] === null || !points[at]) continue
      const [rank, away] = points[at]
      Object.assign(make("i", `dot series${at}`, field).style, { left: `${x(rank) / 3}%`, top: `${y(away) / 0.84}%` })
    }
    const below = make("div", "legend", figure)
    for (const at of [0, 1]) {
      if (names[at] === null) continue
      const one = make("span", "", below)
      make("i", `series${at}`, one)
      one.append(`code ${names[at]}: ${points[at][1]}`)
    }
    make("small", "axis", figure, `${codes} code${codes === 1 ? "" : "s"}, nearest first${log ? ", logarithmic" : ""}`)
  }

  function call({ codes, says }, card) {
    const row = make("div", "call", card)
    for (const { called, role, distance, url } of codes) {
      const one = make("figure", role === "winner" ? "won" : "", row)
      const image = make("img", "", one)
      image.src = url
      image.alt = image.title = `The patch of all images that is nearest to ${called}`
      const said = make("figcaption", "", one)
      make("b", "", said, role)
      make("span", "", said, called)
      make("small", "", said, distance)
    }
    make("p", "fact", card, says)
  }

  function pair(card) {
    const row = make("div", "call", card)
    for (const [name, called] of [["z", "z, what the encoder gave"], ["q", "q, the codes' vectors"]]) {
      const one = make("figure", "tall", row), image = make("img", "", one)
      image.src = data.parts[name].url
      image.alt = ""
      image.style.aspectRatio = `${W} / ${H}`
      make("figcaption", "", one, called)
    }
  }

  const line = (element, name) => element.style.setProperty("--row", BELOW.indexOf(name) + 1)
  for (const [name, element] of Object.entries(parts)) line(element, name)
  cards.forEach((card, at) => line(card, `card${at + 1}`))

  // ---- what is touched
  function choose(row, column, wait) {
    state.cell = [row, column]
    place()
    clearTimeout(state.timer)
    if (row === data.cell[0] && column === data.cell[1]) return
    state.timer = setTimeout(() => {
      list.classList.add("late")
      tell({ cell: `${row},${column}`, loss: data.loss })
    }, wait)
  }
  function show(step) {
    const on = step ? STEP[step] : []
    if (step) flow.dataset.on = step; else delete flow.dataset.on
    for (const [name, element] of Object.entries(parts)) element.classList.toggle("on", on.includes(name))
    cards.forEach((card, at) => card.classList.toggle("on", at + 1 === step))
  }
  function pin(step) { show((state.pinned = step)) }
  const stepOf = (element) => {
    const card = element.closest?.(".card"), found = element.closest?.(".part")
    if (card) return cards.indexOf(card) + 1
    const name = Object.keys(parts).find((one) => parts[one] === found)
    return !name ? null : name === "copy" ? 6 : name.startsWith("arrow") ? Number(name.slice(5)) : OWN[name] ?? null
  }
  box.onpointerover = (event) => { if (event.pointerType !== "touch") show(stepOf(event.target) ?? state.pinned) }
  box.onpointerleave = () => show(state.pinned)
  box.onkeydown = (event) => { if (event.key === "Escape") pin(null) }
  flow.addEventListener("click", (event) => {
    if (event.target.closest(".card, .cells, .badge")) return
    const step = stepOf(event.target)
    pin(step === state.pinned ? null : step)
  })
  root.leave = () => clearTimeout(state.timer)
  place()
  show(state.pinned)
  if (kept) box.querySelector(`[data-stop="${kept}"]`)?.focus({ preventScroll: true })
}

const stepsStyle = `
  .steps-box { container-type: inline-size; color: var(--cx-text, currentColor); font-size: 14px; line-height: 1.4;
    --one: #2a8c6e; --two: #d2691e; --three: #4a90c4; --line: var(--cx-line, #8886); --accent: var(--cx-accent,
    #2a628f); --quiet: var(--cx-quiet, currentColor) } .steps-box :is(figure, p, h4) { margin: 0 }
  .steps-box button { font: inherit; color: inherit }
  .steps-flow { display: grid; column-gap: 5px; grid-template-rows: auto auto auto auto auto; grid-template-columns:
    minmax(0, 1.25fr) minmax(0, 0.5fr) minmax(0, 1.25fr) minmax(0, 0.75fr) minmax(0, 0.8fr) minmax(0, 0.78fr) minmax(0,
    1.2fr) minmax(0, 0.75fr) minmax(0, 0.42fr) minmax(0, 0.75fr) minmax(0, 0.8fr) minmax(0, 0.75fr) minmax(0, 1.25fr)
    minmax(0, 0.5fr) minmax(0, 1.25fr) } .part { transition: opacity 0.15s; min-width: 0 }
  .steps-flow > figure { grid-row: 2 / span 2; display: grid; grid-template-rows: subgrid; align-items: center }
  .steps-flow figcaption { align-self: start; text-align: center; font-size: 12px; line-height: 1.25; padding-top: 5px;
    overflow-wrap: anywhere }
  .steps-flow figcaption small { display: block; color: var(--quiet); font-size: 11px; white-space: normal }
  .picture { all: unset; position: relative; display: block; width: 100%; box-sizing: border-box; line-height: 0 }
  .picture img { width: 100%; height: 100%; display: block; image-rendering: pixelated; border-radius: 3px; margin: 0;
    object-fit: fill } .cells { cursor: crosshair; touch-action: manipulation; min-height: 12px }
  .picture:focus-visible, .steps-box .badge:focus-visible, .card:focus-visible, .steps-box select:focus-visible {
    outline: 3px solid var(--accent); outline-offset: 2px }
  .picture > i { position: absolute; box-sizing: border-box; pointer-events: none }
  .picture > .cell { border: 2px solid #fff; outline: 2px solid #000; min-width: 6px; min-height: 6px; z-index: 1 }
  .picture > .row { left: -3px; right: -3px; height: 5px; transform: translateY(-50%); border: 1.5px solid #000;
    box-shadow: 0 0 0 1px #fff; border-radius: 2px }
  .picture > .column { top: -3px; bottom: -3px; width: 5px; transform: translateX(-50%); border: 1.5px solid #000;
    box-shadow: 0 0 0 1px #fff; border-radius: 2px }
  .part:is(.rows, .values, .distances, .codes) .picture { height: 132px }
  .encoder .picture, .decoder .picture { height: 104px; display: grid; background: color-mix(in srgb, currentColor 14%,
    transparent); place-items: center; line-height: 1; font-size: 13px; color: var(--cx-text, currentColor); clip-path:
    polygon(0 0, 100% 22%, 100% 78%, 0 100%) }
  .decoder .picture { clip-path: polygon(0 22%, 100% 0, 100% 100%, 0 78%) }
  .encoder span, .decoder span { writing-mode: vertical-rl; transform: rotate(180deg) }
  .part.codes figcaption { margin: 0 -20px }
  .arrow { grid-row: 2; align-self: center; display: flex; flex-direction: column; align-items: center; gap: 2px;
    font-size: 12px; line-height: 1.1; text-align: center; cursor: pointer } .arrow b, .copy b { font-weight: 600 }
  .arrow::after { content: ""; width: 100%; height: 9px; margin-top: 3px; background: currentColor; opacity: 0.75;
    clip-path: polygon(0 35%, calc(100% - 8px) 35%, calc(100% - 8px) 0, 100% 50%, calc(100% - 8px) 100%, calc(100% -
    8px) 65%, 0 65%) }
  .steps-box .badge { all: unset; box-sizing: border-box; flex: none; width: 24px; height: 24px; border-radius: 50%;
    background: var(--accent); color: var(--cx-back, #fff); font-weight: 700; font-size: 13px; line-height: 24px;
    text-align: center } .steps-box button.badge { cursor: pointer }
  .book { grid-column: 6 / 11; grid-row: 1 !important; display: flex !important; flex-direction: column-reverse;
    align-items: center; padding-bottom: 12px; position: relative }
  .book figcaption { align-self: center !important; padding: 0 0 3px !important }
  .book .picture { width: 62%; height: 46px }
  .book::before, .book::after { content: ""; position: absolute; bottom: -22px; left: 10%; width: 8%; height: 56px;
    border: solid; border-width: 2px 0 0 2px; border-radius: 8px 0 0; opacity: 0.5; box-sizing: border-box }
  .book::after { left: auto; right: 10%; border-width: 2px 2px 0 0; border-radius: 0 8px 0 0 }
  .copy { grid-row: 4; grid-column: 3 / 14; margin: 6px 4.2% 0; height: 34px; border: 2px dashed var(--two);
    border-top: 0; border-radius: 0 0 14px 14px; position: relative; display: flex; justify-content: center;
    align-items: end; cursor: pointer }
  .copy::before { content: ""; position: absolute; left: -7px; top: -8px; border: 6px solid transparent; border-top: 0;
    border-bottom: 10px solid var(--two) } .copy.none { border-color: var(--line) }
  .copy.none::before { border-bottom-color: var(--line) }
  .copy > span { display: flex; gap: 8px; align-items: center; background: var(--cx-back, Canvas); padding: 0 10px;
    transform: translateY(50%); font-size: 13px }
  .copy .badge, .card6 .badge { background: #a8501a !important; color: #fff !important }
  .steps-flow[data-on] .part:not(.on) { opacity: 0.18 }
  .steps-flow { margin: 0 -4px; padding: 2px 4px 26px; background: var(--cx-back, Canvas) }
  @media (min-height: 820px) { .steps-flow { position: sticky; top: 0; z-index: 2 } .card { scroll-margin-top: 350px } }
  .steps-cards { display: grid; gap: 12px; padding-top: 6px; transition: opacity 0.15s; grid-template-columns:
    repeat(6, minmax(0, 1fr)) } .steps-cards.late { opacity: 0.5 }
  .card { grid-column: span 2; border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; display: flex;
    flex-direction: column; gap: 8px; min-width: 0; transition: border-color 0.15s, box-shadow 0.15s }
  .card:is(.card4, .card5) { grid-column: span 3 } .card6 { grid-column: 1 / -1 }
  .card6.copied { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); gap: 8px 28px }
  .card6.copied > h4 { grid-column: 1 / -1 }
  .card .half { display: flex; flex-direction: column; gap: 8px; min-width: 0 }
  .card.on { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent) }
  .steps-box h4 { display: flex; gap: 8px; align-items: center; font-size: 16px; font-weight: 600; padding: 0 }
  .shape { display: flex; flex-direction: column; gap: 1px }
  .steps-box code { font: 12.5px/1.45 ui-monospace, monospace; background: none; color: inherit; padding: 0;
    overflow-wrap: anywhere } .steps-box code:first-child, .quiet, .axis { color: var(--quiet) }
  .quiet, .fact { font-size: 13px } .axis { font-size: 11.5px; display: block }
  .plot svg { width: 100%; height: 84px; display: block; overflow: visible } .plot .field { position: relative }
  .plot .dot { position: absolute; width: 11px; height: 11px; border-radius: 50%; transform: translate(-50%, -50%) }
  .plot .dot.series0, .legend i.series0 { background: var(--one) }
  .plot .dot.series1, .legend i.series1 { background: var(--two) } .legend i.series2 { background: var(--three) }
  .plot .zero { stroke: currentColor; stroke-opacity: 0.4; vector-effect: non-scaling-stroke }
  .plot .curve { fill: none; stroke: currentColor; stroke-opacity: 0.65; stroke-width: 1.5; vector-effect:
    non-scaling-stroke } .plot rect.series0 { fill: var(--one) } .plot rect.series1 { fill: var(--two) }
  .plot rect.series2 { fill: var(--three) } .legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 12px }
  .legend span { display: inline-flex; gap: 5px; align-items: center }
  .legend i { width: 10px; height: 10px; border-radius: 2px; flex: none }
  .call { display: flex; gap: 16px; flex-wrap: wrap }
  .call figure { display: flex; gap: 8px; align-items: center; opacity: 0.85 } .call figure.won { opacity: 1 }
  .steps-box .call img { width: 56px; height: 56px; image-rendering: pixelated; border-radius: 4px; margin: 0 }
  .call .won img { outline: 2px solid var(--one); outline-offset: 1px }
  .call .tall { flex-direction: column; align-items: start; opacity: 1 }
  .steps-box .call .tall img { width: 96px; height: auto; min-height: 8px }
  .card figcaption { display: flex; flex-direction: column; text-align: left; padding: 0 }
  .loss { display: flex; gap: 8px; align-items: center; font-size: 13px }
  .steps-box select { font: inherit; padding: 5px 8px; border-radius: 6px; border: 1px solid var(--line); background:
    var(--cx-back, Canvas); color: inherit; max-width: 100% }
  @container (max-width: 900px) {
    .card, .card4.card4 { grid-column: span 3 } .card5.card5, .card6 { grid-column: 1 / -1 }
    .steps-all { display: grid; grid-template-columns: 34px minmax(0, 1fr); column-gap: 5px; row-gap: 10px }
    .steps-flow > figure, .steps-flow > .arrow, .card.card.card { grid-column: 2; grid-row: var(--row) !important }
    .steps-flow > figure { display: flex !important; flex-direction: row !important; gap: 14px; align-items: center;
      padding: 0 } .steps-flow > figure .picture { width: 132px; flex: none }
    .steps-flow > figure figcaption { text-align: left; font-size: 14px; padding: 0 }
    .steps-flow > figure figcaption small { font-size: 13px }
    .encoder .picture, .decoder .picture { height: 40px; clip-path: polygon(0 0, 100% 0, 78% 100%, 22% 100%) }
    .decoder .picture { clip-path: polygon(22% 0, 78% 0, 100% 100%, 0 100%) }
    .encoder span, .decoder span { writing-mode: horizontal-tb; transform: none }
    .part:is(.rows, .values, .distances) .picture { height: 110px }
    .part.rows .picture, .part.values .picture { width: 90px } .part.codes .picture { width: 30px; height: 110px }
    .book .picture { width: 180px !important } .book::before, .book::after { display: none }
    .part.codes figcaption { margin: 0 }
    .arrow { flex-direction: row !important; font-size: 16px; gap: 10px; align-self: start; padding-top: 6px }
    .arrow::after { width: 9px; height: 22px; margin: 0 0 0 2px; clip-path: polygon(35% 0, 35% calc(100% - 8px), 0
      calc(100% - 8px), 50% 100%, 100% calc(100% - 8px), 65% calc(100% - 8px), 65% 0) }
    .steps-flow, .steps-cards { display: contents } .card h4 { display: none } .card6 h4 { display: flex }
    .card6.copied { display: flex }
    .copy { grid-column: 1; grid-row: 3 / 20; height: auto; margin: 0 0 0 6px; border: 2px dashed var(--two);
      border-right: 0; border-radius: 14px 0 0 14px }
    .copy::before { left: auto; right: -2px; top: -7px; border: 6px solid transparent; border-right: 0; border-left:
      10px solid var(--two) } .copy > span { display: none }
  }
`
