// Rows of pictures along a way through latents, each with a slider: where it stands, the large picture is decoded anew.
// Of rows that are `linked` one value moves all; else every row has its own, and what they do adds up. Pictures of a row
// without a strip are asked for one after the other: this network takes long for each.
function walk(root, data, tell, ask) {
  const WAIT = 30  // milliseconds before a slider that moves is asked about
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    if (kind) one.className = kind
    if (text) one.textContent = text
    return one
  }
  const picture = (place, url, at = 0, count = 1) => {  // the picture `at` of `count` in one strip
    place.style.backgroundImage = `url("${url}")`
    place.style.backgroundSize = `${count * 100}% 100%`
    place.style.backgroundPosition = `${count > 1 ? (100 * at) / (count - 1) : 0}% 0`
  }
  const told = (value) => {
    if (data.suffix === "%") return `${Math.round(100 * value)} %`
    return `${value > 0 && data.values[0] < 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(1)}${data.suffix}`
  }
  const nearest = (value) => data.values.reduce((best, one, at) =>
    (Math.abs(one - value) < Math.abs(data.values[best] - value) ? at : best), 0)
  const state = root.walk ??= { values: {}, rows: [], timer: 0 }

  if (!state.box) {
    root.replaceChildren()
    make("style", root).textContent = `
      .walk { container-type: inline-size; color: var(--cx-text, currentColor); line-height: 1.35; }
      .walk .all { display: grid; gap: 12px 28px; grid-template-columns: minmax(0, 1fr); align-items: start; }
      .walk .views { display: grid; gap: 8px; grid-template-columns: repeat(auto-fit, minmax(64px, 1fr));
        position: sticky; top: var(--cx-top, 0px); z-index: 2; background: var(--cx-back, Canvas); padding: 8px 0; }
      .walk .views figure { margin: 0; max-width: 190px; min-width: 0; }
      .walk .large, .walk .cell { aspect-ratio: 1; image-rendering: pixelated; background-repeat: no-repeat; }
      .walk .large { border-radius: 6px; }
      .walk .live .large { box-shadow: 0 0 0 2px var(--cx-accent, #2a628f); }
      .walk figcaption { font-size: 0.8rem; margin-top: 4px; font-weight: 600; overflow-wrap: anywhere; }
      .walk .said { grid-column: 1 / -1; font-size: 0.85rem; margin: 0; min-height: 1.4em; }
      .walk .said.wrong { color: #c0392b; }
      .walk .back { all: unset; justify-self: start; grid-column: 1 / -1; cursor: pointer; padding: 4px 12px;
        border: 1px solid var(--cx-line, #8886); border-radius: 8px; font-size: 0.85rem; }
      .walk .back[disabled] { opacity: 0.45; cursor: default; }
      .walk .rows { display: grid; gap: 16px 24px; grid-template-columns: minmax(0, 1fr); }
      .walk .row { min-width: 0; border-top: 1px solid var(--cx-line, #8886); padding-top: 8px; }
      .walk .head { display: flex; justify-content: space-between; gap: 8px; font-size: 0.9rem; font-weight: 600; }
      .walk .head output { font-variant-numeric: tabular-nums; color: var(--cx-accent, #2a628f); }
      .walk .note { font-size: 0.8rem; color: var(--cx-quiet, currentColor); margin: 0 0 5px; }
      .walk .cells { display: grid; gap: 3px; grid-template-columns: repeat(var(--count), minmax(0, 1fr)); }
      .walk .cell { border-radius: 4px; cursor: pointer; }
      .walk .cell.waits { background: var(--cx-line, #8884); opacity: 0.5; }
      .walk .cell.on { outline: 2px solid var(--cx-accent, #2a628f); outline-offset: 1px; }
      .walk .ticks span { font-size: 0.7rem; text-align: center; white-space: nowrap; color: var(--cx-quiet, currentColor);
        overflow: visible; display: flex; justify-content: center; }
      .walk input { display: block; box-sizing: border-box; height: 28px; cursor: pointer;
        width: calc(100% - 100% / var(--count) + 18px); margin: 0 calc(50% / var(--count) - 9px);
        accent-color: var(--cx-accent, #2a628f); touch-action: pan-y; }
      .walk :is(input, .back):focus-visible { outline: 2px solid var(--cx-accent, #2a628f); outline-offset: 2px; }
      @container (min-width: 640px) {
        .walk .all:not(.wide) { grid-template-columns: 180px minmax(0, 1fr); }
        .walk .all:not(.wide) .views { grid-template-columns: minmax(0, 1fr); }
        .walk .views { grid-template-columns: repeat(auto-fit, minmax(64px, 150px)); }
      }
      @container (min-width: 860px) {
        .walk .all:not(.wide) .rows { grid-template-columns: repeat(2, minmax(0, 1fr)); }
      }
    `
    state.box = make("div", make("div", root, "walk"), "all")
    state.views = make("div", state.box, "views")
    state.list = make("div", state.box, "rows")
  }

  const live = () => data.views.filter((one) => one.live)
  const show = (views) => {
    for (const [id, url] of Object.entries(views)) if (state.places[id]) picture(state.places[id], url)
  }
  const say = (text, wrong = false) => {
    state.said.textContent = text
    state.said.classList.toggle("wrong", wrong)
  }
  const failed = ({ message }) => {
    const silent = message.startsWith("Nobody answers")  // a report, which has its rows
    say(silent ? data.silent : message, !silent)
  }
  const near = (place, row, value) => {  // the picture of a row that is nearest to a value, where it is there
    const at = nearest(value), own = state.made[row.id]?.[at]
    if (own) picture(place, own)
    else if (row.sprite) picture(place, row.sprite, at, data.values.length)
  }
  const preview = (changed) => {  // at once, from the row, where it holds what is asked for
    if (data.linked) {
      data.rows.forEach((row, at) => live()[at] && near(state.places[live()[at].id], row, state.values[row.id]))
    } else {
      const moved = data.rows.filter((row) => state.values[row.id])
      const others = Object.keys(state.values).filter((id) => state.values[id] && !data.rows.some((row) => row.id === id))
      if (moved.length > 1 || others.length) return
      const row = moved[0] ?? changed
      if (row) near(state.places[live()[0].id], row, state.values[row.id] ?? 0)
    }
  }
  const mark = () => {
    for (const { row, output, input, cells } of state.rows) {
      const value = state.values[row.id] ?? data.rest
      output.textContent = told(value)
      input.value = value
      input.setAttribute("aria-valuetext", told(value))
      cells.forEach((cell, at) => cell.classList.toggle("on", Math.abs(data.values[at] - value) < 1e-6))
    }
    state.back.disabled = Object.values(state.values).every((value) => value === data.rest)
  }
  const question = async () => {
    const begun = performance.now()
    try {
      const answer = await ask({ values: state.values })
      if (!answer) return  // another move has overtaken it
      show(answer.views)
      say(answer.said)
      root.dataset.latency = (performance.now() - begun).toFixed(0)
      root.dataset.answers = Number(root.dataset.answers ?? 0) + 1
    } catch (problem) {
      failed(problem)
    }
  }
  const move = (row, value) => {
    for (const one of data.linked ? data.rows : [row]) state.values[one.id] = value
    mark()
    preview(row)
    clearTimeout(state.timer)
    state.timer = setTimeout(question, WAIT)
  }
  root.leave = () => { clearTimeout(state.timer); state.round = null }
  const fill = async () => {  // what is not there yet; a slider that is moved meanwhile comes first
    const round = state.round = {}
    for (const { row, cells } of unmade()) {
      for (let at = 0; at < cells.length; at++) {
        const made = state.made[row.id] ??= []
        while (!made[at]) {
          if (state.round !== round) return
          let answer = null
          try {
            answer = await ask({ row: row.id, at })
          } catch (problem) {
            return failed(problem)
          }
          if (answer) made[at] = answer.picture
        }
        cells[at].classList.remove("waits")
        picture(cells[at], made[at])
      }
    }
  }
  const unmade = () => state.rows.filter(({ row }) => !row.sprite)

  // ---- what came new
  clearTimeout(state.timer)
  if (state.key !== data.key) state.values = { ...data.start }
  if (state.key !== data.key || state.ticks !== data.ticks.join()) state.made = {}
  state.ticks = data.ticks.join()
  state.key = data.key
  state.box.classList.toggle("wide", data.linked || data.rows.length < 3)  // the large pictures stand above the rows
  state.views.replaceChildren()
  state.places = {}
  for (const one of data.views) {
    const figure = make("figure", state.views, one.live ? "live" : "")
    const place = state.places[one.id] = make("div", figure, "large")
    place.setAttribute("role", "img")
    place.setAttribute("aria-label", one.title)
    picture(place, one.url)
    make("figcaption", figure, "", one.title)
  }
  state.said = make("p", state.views, "said")
  state.said.setAttribute("aria-live", "polite")
  state.back = make("button", state.views, "back", data.back)
  state.back.type = "button"
  state.back.onclick = () => {
    for (const id of Object.keys(state.values)) state.values[id] = data.rest
    if (data.linked) return move(data.rows[0], data.rest)
    mark()
    preview(data.rows[0])
    question()
  }
  state.list.replaceChildren()
  state.list.style.setProperty("--count", data.values.length)
  state.rows = data.rows.map((row) => {
    const box = make("div", state.list, "row"), head = make("div", box, "head")
    make("span", head, "", row.title)
    const output = make("output", head)
    make("p", box, "note", row.note)
    const strip = make("div", box, "cells")
    const cells = data.values.map((value, at) => {
      const cell = make("div", strip, "cell")
      if (row.sprite) picture(cell, row.sprite, at, data.values.length)
      else cell.classList.add("waits")
      cell.title = `${row.title}: ${data.ticks[at]}`
      cell.onclick = () => move(row, value)
      return cell
    })
    const ticks = make("div", box, "cells ticks"), every = data.values.length > 9 ? 3 : 1
    data.ticks.forEach((text, at) => make("span", ticks, "", at % every ? "" : text + (row.far?.[at] ? "*" : "")))
    const input = make("input", box)
    Object.assign(input, { type: "range", min: data.values[0], max: data.values.at(-1), step: data.step })
    input.setAttribute("aria-label", row.title)
    input.oninput = () => move(row, Number(input.value))
    return { row, output, input, cells }
  })
  mark()
  say(data.said)
  fill()
}
