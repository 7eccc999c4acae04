// Work that is done in small parts, one question after another, with how far it is; it stops where nobody asks on.
// An answer is { done, total }. When all is done, `tell({ ready })` draws the page again, with a number that is new.

function searching(root, data, tell, ask) {
  const STYLE = `
    .searching { border: 1px solid var(--cx-line, #8886); border-radius: 8px; padding: 12px 16px; max-width: 640px; }
    .searching b { font-weight: 600; }
    .searching p { margin: 4px 0 8px; font-size: 0.875rem; line-height: 1.35; min-height: 1.35em;
      font-variant-numeric: tabular-nums; }
    .searching progress { display: block; width: 100%; height: 10px; margin: 0 0 10px;
      accent-color: var(--cx-accent, #2a628f); }
    .searching button { font: inherit; font-size: 0.9rem; color: inherit; cursor: pointer; min-height: 38px;
      padding: 0 14px; background: var(--cx-panel, #8881); border: 1px solid var(--cx-line, #8886);
      border-radius: 8px; }
    .searching button:hover { border-color: var(--cx-accent, currentColor); }
    .searching button:focus-visible { outline: 2px solid var(--cx-accent, currentColor); outline-offset: 2px; }`
  const make = (name, parent) => parent.appendChild(document.createElement(name))
  if (!root.searching) {
    root.replaceChildren()
    make("style", root).textContent = STYLE
    const box = make("div", root)
    box.className = "searching"
    const state = { title: make("b", box), said: make("p", box), bar: make("progress", box), button: make("button", box) }
    state.button.type = "button"
    state.said.setAttribute("aria-live", "polite")
    root.searching = Object.assign(state, { going: false, of: null })
    root.leave = () => { state.going = false }
  }
  const state = root.searching
  if (state.of !== data.of) Object.assign(state, { going: false, of: data.of })  // another picture
  const show = (done, total, text) => {
    state.bar.max = total
    state.bar.value = done
    state.bar.style.display = done || state.going ? "" : "none"
    state.said.textContent = text
    state.button.textContent = state.going ? data.stop : done ? data.again : data.start
  }
  const run = async () => {
    const begun = Date.now(), of = data.of
    let first = null
    state.going = true
    show(data.done, data.total, "…")
    while (state.going && state.of === of) {
      let answer
      try { answer = await ask({ go: true }) } catch (error) {
        state.going = false
        show(0, data.total, error.message)
        return
      }
      if (!answer || state.of !== of) continue
      first ??= answer.done
      data.done = answer.done
      const left = ((Date.now() - begun) / Math.max(answer.done - first, 1)) * (answer.total - answer.done) / 1000
      const time = answer.done > first ? ` · about ${Math.max(1, Math.round(left))} s left` : ""
      const { done, total } = answer
      if (done >= total) state.going = false
      show(done, total, `${done.toLocaleString("en")} of ${total.toLocaleString("en")} ${data.unit}${time}`)
      if (done >= total) { tell({ ready: 1 + Math.floor(Math.random() * 9998) }); return }
    }
    show(data.done, data.total, data.about)
  }
  state.title.textContent = data.title
  state.button.onclick = () => { if (state.going) state.going = false; else run() }
  if (!state.going) show(data.done, data.total, data.about)
}
