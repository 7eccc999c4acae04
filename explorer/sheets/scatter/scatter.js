function scatter(root, data, tell, ask) {
  const state = root.scatter ??= scatterBuilt(root)
  Object.assign(state, { data, tell, ask })
  state.update().catch((fault) => state.say(fault.message))
}

// The parts of the page, and what the user does with them; they outlive what is drawn.
function scatterBuilt(root) {
  const make = (name, parent, kind = "", text = "") => {
    const one = parent.appendChild(document.createElement(name))
    one.className = kind
    one.textContent = text
    return one
  }
  root.replaceChildren()
  make("style", root).textContent = scatterStyle()
  const box = make("div", root, "scatter"), tools = make("div", box, "tools"), buttons = {}
  const icon = (name, label, act) => {
    const button = make("button", tools), svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    svg.setAttribute("viewBox", "0 0 24 24")
    svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path")).setAttribute("d", SCATTER_ICONS[name])
    button.append(svg)
    button.type = "button"
    button.title = label
    button.setAttribute("aria-label", label)
    button.onclick = act
    buttons[name] = button
  }
  const choose = (tool) => {
    state.tool = tool
    for (const name of ["lasso", "box", "pan"]) buttons[name].setAttribute("aria-pressed", String(name === tool))
    stage.style.cursor = tool === "pan" ? "grab" : "crosshair"
    stage.style.touchAction = tool === "pan" ? "pan-x pan-y" : "none"
  }
  icon("lasso", "Lasso: draw around points (Shift adds, Alt takes away)", () => choose("lasso"))
  icon("box", "Box: draw a box around points (Shift adds, Alt takes away)", () => choose("box"))
  icon("pan", "Move the map: drag, or two fingers", () => choose("pan"))
  make("i", tools)
  icon("nearer", "Zoom in", () => state.zoom(1.5))
  icon("farther", "Zoom out", () => state.zoom(1 / 1.5))
  icon("whole", "The whole map", () => state.fit())
  icon("none", "Select nothing", () => state.select(null, []))
  icon("tiles", "Pictures on the map, where it is enlarged enough", () => {
    state.tiles = !state.tiles
    buttons.tiles.setAttribute("aria-pressed", String(state.tiles))
    state.pictured()
  })
  buttons.tiles.setAttribute("aria-pressed", "true")
  icon("picture", "Picture of what is shown (PNG)", () => state.save())
  const said = make("span", tools, "said")
  said.setAttribute("aria-live", "polite")
  const frame = make("div", box, "frame"), high = make("div", frame, "axis y"), stage = make("div", frame, "stage")
  const wide = make("div", frame, "axis x"), legend = make("div", box, "legend")
  const canvas = make("canvas", stage, "points"), over = make("canvas", stage, "over")
  const wait = make("div", stage, "wait", "Fetching the points …"), tip = make("div", box, "tip")
  stage.tabIndex = 0
  stage.setAttribute("role", "application")
  stage.setAttribute("aria-description",
    "Arrow keys move the map, plus and minus zoom, 0 shows the whole, Escape selects nothing.")
  const state = {
    root, box, stage, canvas, over, tip, said, legend, wait, buttons, axes: [wide, high], make,
    view: { x: 0.5, y: 0.5, k: 1 }, wide: 0, high: 0, seen: 1, size: 3, mask: null, drag: null, hovered: -1,
    known: new Map(), fetched: new Map(), pictures: new Map(), tiles: true, shown: [],
  }
  Object.assign(state, scatterLooks(state), scatterTells(state))
  scatterTouched(state)
  choose(matchMedia("(hover: none)").matches ? "pan" : "lasso")
  const watch = new ResizeObserver(() => state.sized())
  watch.observe(box)
  root.leave = () => { watch.disconnect(); state.renderer?.stop(); state.gone = true; delete root.scatter }
  return state
}
