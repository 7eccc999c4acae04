// A tree of ids, one place of it at a time: the way to it, its branches as boxes with pictures, and the images below.
// A box opens its branch, the way leads back up; what is below a place is asked for once.
function prefixes(root, data, tell, ask) {
  const FEW = 24  // branches that are shown at once
  const STYLE = `
    .pt { container-type: inline-size; color: var(--cx-text, currentColor); font-size: 14px; line-height: 1.4; }
    .pt button { all: unset; box-sizing: border-box; cursor: pointer; }
    .pt button:focus-visible { outline: 3px solid var(--cx-accent, #2a628f); outline-offset: 1px; }
    .pt .way { display: flex; flex-wrap: wrap; gap: 4px 6px; align-items: center; margin-bottom: 8px; min-height: 34px; }
    .pt .way button { padding: 5px 10px; border-radius: 7px; border: 1px solid var(--cx-line, #8886);
      font-variant-numeric: tabular-nums; }
    .pt .way button[aria-current] { background: var(--cx-accent, #2a628f); border-color: var(--cx-accent, #2a628f);
      color: var(--cx-back, #fff); cursor: default; }
    .pt .quiet { color: var(--cx-quiet, currentColor); font-size: 13px; }
    .pt .about { margin: 0 0 10px; }
    .pt .boxes { display: grid; grid-template-columns: repeat(auto-fill, minmax(212px, 1fr)); gap: 10px; }
    .pt .box { display: grid; grid-template-rows: auto auto auto 1fr; gap: 6px; padding: 9px 10px; border-radius: 10px;
      border: 1px solid var(--cx-line, #8886); min-width: 0; }
    .pt .box:hover { border-color: var(--cx-accent, #2a628f); }
    .pt .box b { font-variant-numeric: tabular-nums; font-size: 15px; }
    .pt .head { display: flex; justify-content: space-between; gap: 8px; align-items: baseline; }
    .pt .four { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 3px; }
    .pt img { display: block; width: 100%; aspect-ratio: 1; border-radius: 4px; image-rendering: pixelated;
      background: #8883; }
    .pt .bar { height: 5px; border-radius: 3px; background: #8883; overflow: hidden; }
    .pt .bar i { display: block; height: 100%; min-width: 2px; background: var(--cx-accent, #2a628f); }
    .pt .tied { overflow-wrap: anywhere; }
    .pt .images { display: grid; grid-template-columns: repeat(auto-fill, minmax(72px, 1fr)); gap: 8px; margin-top: 4px; }
    .pt .images button { min-width: 0; font-size: 12px; font-variant-numeric: tabular-nums; text-align: center;
      overflow-wrap: anywhere; }
    .pt .images img { margin-bottom: 2px; }
    .pt .more { margin-top: 10px; padding: 5px 12px; border-radius: 7px; border: 1px solid var(--cx-line, #8886); }
    .pt [hidden] { display: none; }
    .pt h4 { margin: 14px 0 6px; font-size: 14px; font-weight: 600; }
    .pt[aria-busy=true] .boxes { opacity: 0.5; }
    @container (max-width: 480px) { .pt .boxes { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px }
      .pt .box { padding: 7px } .pt .head { flex-direction: column; gap: 0 }
      .pt .images { grid-template-columns: repeat(auto-fill, minmax(60px, 1fr)) } }`
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    one.className = kind
    one.textContent = text
    return one
  }
  const counted = (number) => number.toLocaleString("en-US")
  const many = (number, one, more) => `${counted(number)} ${number === 1 ? one : more}`
  const percent = (share) => {
    const text = (100 * share).toFixed(share < 0.0995 ? 1 : 0)
    return share > 0 && Number(text) === 0 ? "< 0.1 %" : `${text} %`
  }
  const state = (root.prefixes ??= build())
  state.tell = tell
  state.ask = ask
  if (state.key !== data.key || state.opened !== data.here.text) {  // other ids, or an address that names a place
    if (state.key !== data.key) state.known = new Map()
    state.key = data.key
    state.opened = data.here.text
    state.known.set(data.here.text, data.here)
    state.show(data.here)
  }

  function build() {
    const state = { known: new Map() }
    root.replaceChildren()
    make("style", root).textContent = STYLE
    const box = make("div", root, "pt")
    const way = make("nav", box, "way")
    way.setAttribute("aria-label", "The way to this branch")
    const about = make("p", box, "about quiet")
    about.setAttribute("aria-live", "polite")
    const boxes = make("div", box, "boxes")
    const more = make("button", box, "more")
    more.type = "button"
    const title = make("h4", box)
    const images = make("div", box, "images")

    const picture = (parent, one) => {
      const image = make("img", parent)
      image.src = one.url
      image.alt = one.name
      image.title = `${one.name}, id ${one.text}`
    }
    const open = async (prefix) => {
      const text = prefix.join("-")
      state.wanted = text
      if (!state.known.has(text)) {
        box.setAttribute("aria-busy", "true")
        try {
          const found = await state.ask({ prefix })
          if (found) state.known.set(text, found)
        } catch (problem) {
          about.textContent = problem.message
        }
        box.removeAttribute("aria-busy")
      }
      if (state.wanted === text && state.known.has(text)) {
        state.show(state.known.get(text))
        way.querySelector("[aria-current]")?.focus({ preventScroll: true })
      }
    }
    state.show = (here) => {
      state.here = here
      way.replaceChildren()
      for (let level = 0; level <= here.prefix.length; level++) {
        if (level) make("span", way, "quiet", "›")
        const one = make("button", way, "", level ? here.prefix.slice(0, level).join("-") : `All ${counted(here.all)}`)
        one.type = "button"
        if (level === here.prefix.length) one.setAttribute("aria-current", "true")
        else one.onclick = () => open(here.prefix.slice(0, level))
      }
      const shown = here.branches.length, all = shown + here.more, said = []
      said.push(here.prefix.length ? `${many(here.count, "image", "images")}, ${percent(here.count / here.all)} of all` : "")
      if (here.tied) said.push(here.tied)
      if (shown) said.push(`${many(all, "branch", "branches")} at level ${here.prefix.length + 1} of ${here.depth}` +
        (here.more ? `, the ${shown} largest are here` : ""))
      else said.push("a whole id: these images differ only in the number at the end")
      about.textContent = said.filter(Boolean).join(" · ")
      boxes.replaceChildren()
      const few = state.every === here.text ? here.branches : here.branches.slice(0, FEW)
      for (const branch of few) {
        const one = make("button", boxes, "box")
        one.type = "button"
        one.setAttribute("aria-label", `Open ${branch.text}: ${many(branch.count, "image", "images")}` +
          (branch.tied ? `, ${branch.tied}` : ""))
        const head = make("span", one, "head")
        make("b", head, "", branch.text)
        make("span", head, "quiet", `${many(branch.count, "image", "images")} · ${percent(branch.share)}`)
        make("i", make("span", one, "bar")).style.width = `${100 * branch.share}%`
        const four = make("span", one, "four")
        for (const image of branch.images) picture(four, image)
        make("span", one, "tied quiet", branch.tied || (here.prefix.length ? "no concept stands out within" : "no concept stands out"))
        one.onclick = () => open(branch.prefix)
      }
      more.hidden = few.length === here.branches.length
      more.textContent = `Show ${here.branches.length - FEW} more`
      more.onclick = () => {
        state.every = here.text
        state.show(here)
        boxes.children[FEW]?.focus({ preventScroll: true })
      }
      title.textContent = here.prefix.length ? "Nearest to the middle of this branch" : ""
      title.hidden = images.hidden = !here.prefix.length
      images.replaceChildren()
      if (here.prefix.length) for (const image of here.images) {
        const one = make("button", images)
        one.type = "button"
        one.setAttribute("aria-label", `Look at ${image.name}, id ${image.text}`)
        picture(one, image)
        make("span", one, "", image.text)
        one.onclick = () => { state.opened = here.text; state.tell({ image: String(image.row), prefix: here.text }) }
      }
    }
    return state
  }
}
