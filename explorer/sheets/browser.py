"""What a sheet drawn as HTML needs beside its blocks: its look, and the script that draws charts and follows clicks.

The page that takes it defines the colours `--cx-text, --cx-quiet, --cx-line, --cx-back, --cx-panel, --cx-accent`.
"""

from explorer.sheets import code_map, pieces

STYLE = """
.cx-sheet { color: var(--cx-text); line-height: 1.45; }
.cx-sheet > * + * { margin-top: 10px; }
.cx-title { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; margin: 22px 0 8px; }
.cx-sheet .cx-title :is(h2, h3, h4) { margin: 0; font-size: 1.12rem; font-weight: 600; }
.cx-file { margin-left: auto; font-size: 0.85rem; }
.cx-sheet a, .cx-link { color: var(--cx-accent); }
.cx-figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(var(--cell), 30%), 1fr)); gap: 12px; }
.cx-figures figure { margin: 0; max-width: calc(var(--cell) * 2); }
.cx-figures.cx-kept { grid-template-columns: repeat(auto-fill, var(--cell)); gap: 6px; }
.cx-row .cx-figures.cx-kept { display: flex; flex-wrap: wrap; }
.cx-row .cx-figures.cx-kept figure { width: var(--cell); }
.cx-sheet img { width: 100%; display: block; border-radius: 5px; image-rendering: pixelated; margin: 0; }
.cx-sheet figcaption { padding-top: 4px; line-height: 1.3; font-size: 0.85rem; overflow-wrap: anywhere;
  display: flex; flex-direction: column; }
.cx-sheet figcaption span { color: var(--cx-quiet); }
.cx-cards { display: grid; gap: 10px; margin: 6px 0; grid-template-columns:
  repeat(auto-fill, minmax(max(min(140px, 44%), calc(100% / var(--columns) - 10px)), 1fr)); }
.cx-card { border: 1px solid var(--cx-line); border-radius: 8px; padding: 8px 12px; min-width: 0;
  display: flex; flex-direction: column; gap: 2px; }
.cx-card b { font-size: 1.35rem; font-weight: 600; line-height: 1.25; overflow-wrap: anywhere; }
.cx-card small, .cx-label { color: var(--cx-quiet); font-size: 0.84rem; line-height: 1.3; }
.cx-note { margin: 8px 0; max-width: 80ch; font-size: 0.92rem; }
.cx-note.cx-quiet { color: var(--cx-quiet); font-size: 0.88rem; }
.cx-note.cx-info, .cx-note.cx-warning { border-left: 3px solid var(--cx-accent); padding: 6px 12px;
  background: var(--cx-panel); border-radius: 0 6px 6px 0; }
.cx-note.cx-warning { border-left-color: #d2691e; }
.cx-even { display: grid; gap: 4px 24px; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(var(--part), 100%), 1fr)); }
.cx-even > div { min-width: 0; }
.cx-row { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; margin: 10px 0; }
.cx-row > div { max-width: 100%; }
.cx-row .cx-title, .cx-shares > div > .cx-title:first-child, .cx-shares .cx-row:first-child { margin-top: 0; }
.cx-shares { display: grid; gap: 16px 28px; grid-template-columns: var(--shares); align-items: start; }
.cx-shares > div { min-width: 0; }
.cx-strips { display: grid; gap: 12px; grid-template-columns:
  repeat(auto-fill, minmax(min(var(--part), 100%), 1fr)); }
.cx-strip { margin: 0; border: 1px solid var(--cx-line); border-radius: 8px; padding: 10px; max-width: 760px; }
.cx-strip > div { display: flex; gap: 8px; }
.cx-strip figure { flex: 1 1 0; margin: 0; min-width: 0; }
.cx-strip > figcaption { flex-flow: row wrap; gap: 2px 14px; align-items: baseline; }
.cx-boxed > div { border: 1px solid var(--cx-line); border-radius: 8px; padding: 8px 12px; }
.cx-chart { width: 100%; overflow: hidden; }
.cx-chart[data-go] .nsewdrag { cursor: pointer; }
.cx-map { margin: 0; }
.cx-piece { min-width: 0; }
.cx-map > div { width: 100%; }
.cx-tip { position: fixed; z-index: 10000; pointer-events: none; padding: 4px 8px; border-radius: 6px; max-width: 260px;
  white-space: pre-line; font: 13px/1.4 system-ui, sans-serif; color: #fff; background: #1c2430;
  box-shadow: 0 4px 14px #0005; }
.cx-tip.cx-tile { padding: 0; image-rendering: pixelated; border: 1px solid #8888; }
.cx-table { overflow: auto; border: 1px solid var(--cx-line); border-radius: 8px; }
.cx-table table { border-collapse: collapse; width: 100%; font-size: 0.88rem; margin: 0; }
.cx-table th { position: sticky; top: 0; background: var(--cx-panel); font-weight: 600; z-index: 1; }
.cx-table :is(th, td) { padding: 4px 10px; text-align: left; border-bottom: 1px solid var(--cx-line);
  white-space: nowrap; }
.cx-table .cx-number.cx-number { text-align: right; font-variant-numeric: tabular-nums; }
.cx-table img { width: 32px; height: 32px; }
.cx-go, .cx-link { all: unset; cursor: pointer; max-width: 100%; }
.cx-go { display: inline-block; }
.cx-figures .cx-go { display: block; width: 100%; }
.cx-link, td .cx-go { text-decoration: underline; text-underline-offset: 3px; color: var(--cx-accent); }
:is(.cx-go, .cx-link, .cx-grid, .cx-table):focus-visible { outline: 2px solid var(--cx-accent); outline-offset: 2px; }
.cx-sheet details { border: 1px solid var(--cx-line); border-radius: 8px; padding: 8px 12px; margin: 12px 0; }
.cx-sheet summary { cursor: pointer; font-weight: 600; }
.cx-help { position: relative; display: inline-block; width: 16px; height: 16px; margin-left: 6px; border-radius: 50%;
  border: 1px solid currentColor; font-size: 11px; line-height: 14px; text-align: center; cursor: help;
  font-weight: 400; flex: none; color: var(--cx-quiet); box-sizing: border-box; }
.cx-help > span { display: none; position: absolute; z-index: 50; left: -60px; top: 20px; width: 260px;
  text-align: left; padding: 8px 10px; border-radius: 6px; font-size: 0.85rem; line-height: 1.4; white-space: normal;
  background: var(--cx-back); color: var(--cx-text); border: 1px solid var(--cx-line);
  box-shadow: 0 4px 14px rgb(0 0 0 / 0.25); }
.cx-help:hover > span, .cx-help:focus > span { display: block; }
.cx-help.cx-left > span { left: auto; right: -20px; }
@media (max-width: 760px) {
  .cx-shares { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 640px) {
  .cx-help > span { position: fixed; left: 16px; right: 16px; top: auto; bottom: 16px; width: auto; }
}
"""

# `sheet(element, dark, plotly, go)` returns the function that draws what came new into the element.
#   dark() -> is the page dark?  plotly() -> a promise of Plotly.  go({view, carried}) is called for a click.
#   ask(name, message) -> a promise of what the piece of that name answers; none where nobody does.
# A chart stays in a child of its own, so that it outlives a sheet that is drawn again around it.
SCRIPT = (
    code_map.SCRIPT
    + "".join(pieces.SCRIPTS.values())
    + f"\nconst pieces = {{ {', '.join(pieces.SCRIPTS)} }};\n"
    + """
function sheet(element, dark, plotly, go, ask) {
  const kept = new Map(), open = new Set();
  let tip = null;
  const hide = () => { tip?.remove(); tip = null; };
  const show = (x, y) => {
    hide();
    tip = document.body.appendChild(document.createElement('div'));
    tip.className = 'cx-tip';
    requestAnimationFrame(() => { if (tip) place(x, y); });
    return tip;
  };
  const place = (x, y) => {
    const wide = tip.offsetWidth, tall = tip.offsetHeight;
    tip.style.left = `${x + 16 + wide > innerWidth ? Math.max(4, x - wide - 12) : x + 16}px`;
    tip.style.top = `${y + 16 + tall > innerHeight ? Math.max(4, y - tall - 12) : y + 16}px`;
  };
  const filled = (target, where) => ({...target, ...where, carried: Object.fromEntries(
    Object.entries(target.carried ?? {}).map(([name, value]) =>
      [name, typeof value === 'string' ? value.replace(/{(\\w+)}/g, (all, key) => where[key] ?? all)
        : value]))});
  const lead = (holder, where = {}) => {
    const other = where.to && JSON.parse(holder?.dataset.others ?? '{}')[where.to];
    if (other || holder?.dataset.go) go(filled(other || JSON.parse(holder.dataset.go), where));
  };

  const number = (point) => Array.isArray(point.customdata) ? point.customdata[0] : point.customdata;
  const listen = (plot, holder) => {
    plot.on('plotly_click', (event) => {
      const point = number(event.points[0] ?? {});
      if (typeof point === 'number' && point >= 0) lead(holder(), {point});
    });
    plot.on('plotly_hover', (event) => {
      const tiles = holder()?.dataset.tiles && JSON.parse(holder().dataset.tiles), at = number(event.points[0] ?? {});
      if (!tiles || !Number.isInteger(at) || at < 0 || at >= tiles.n || !event.event) return;
      const side = tiles.side * Math.max(1, Math.floor(96 / tiles.side));
      const label = plot.querySelector('.hoverlayer .hovertext')?.getBoundingClientRect();
      Object.assign(show(event.event.clientX, (label?.bottom ?? event.event.clientY) - 10).style, {
        width: `${side}px`, height: `${side}px`, backgroundImage: `url(${tiles.url})`,
        backgroundSize: `${tiles.across * side}px auto`,
        backgroundPosition: `-${(at % tiles.across) * side}px -${Math.floor(at / tiles.across) * side}px`});
      tip.classList.add('cx-tile');
    });
    plot.on('plotly_unhover', hide);
    plot.addEventListener('pointerleave', hide);
  };
  const chart = async (holder) => {
    const theme = dark() && holder.dataset.dark ? 'dark' : holder.dataset.light ? 'light' : 'dark';
    const text = holder.dataset[theme], key = `${holder.dataset.name} ${text}`;
    if (holder.drawn === key && holder.firstChild) return;
    holder.drawn = key;
    const Plotly = await plotly();
    if (holder.drawn !== key) return;
    if (!kept.has(key)) {
      const plot = document.createElement('div'), figure = JSON.parse(text), aspect = Number(holder.dataset.aspect);
      if (aspect) figure.layout.height =
        Math.max(320, Math.min(holder.clientWidth / aspect + 90, 0.72 * Math.max(innerHeight, 600)));
      holder.replaceChildren(plot);
      const tools = matchMedia('(hover: hover)').matches ? 'hover' : false;  // on a phone they would cover legends
      await Plotly.newPlot(plot, figure.data, figure.layout,
        {displaylogo: false, responsive: true, displayModeBar: tools});
      listen(plot, () => plot.parentElement);
      kept.set(key, plot);
      if (kept.size > 24) {
        const [old, gone] = kept.entries().next().value;
        kept.delete(old);
        if (!gone.isConnected && gone._fullLayout) Plotly.purge(gone);
      }
    } else if (holder.firstChild !== kept.get(key)) {
      holder.replaceChildren(kept.get(key));
      Plotly.Plots.resize(kept.get(key));
    }
  };
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) chart(entry.target);
  }, {rootMargin: '100000px'});
  const draw = () => {
    for (const details of element.querySelectorAll('details'))
      if (open.has(details.firstChild.textContent)) details.open = true;
    for (const holder of element.querySelectorAll('.cx-chart')) { seen.unobserve(holder); seen.observe(holder); }
    for (const holder of element.querySelectorAll('[data-map]')) map(holder);
    for (const holder of element.querySelectorAll('[data-piece]')) piece(holder);
    for (const choice of element.querySelectorAll('[data-value]')) choice.value = choice.dataset.value;
    for (const choice of element.querySelectorAll('[data-checked]')) choice.checked = choice.dataset.checked === 'yes';
  };

  const map = (holder) => {
    const name = `map ${holder.dataset.name}`, root = kept.get(name) ?? document.createElement('div');
    kept.set(name, root);
    if (holder.firstChild !== root) holder.replaceChildren(root);
    codeMap(root, JSON.parse(holder.dataset.map),
      (row, column, point) => lead(root.parentElement, {row, column, point}));
  };
  const piece = (holder) => {
    const name = holder.dataset.name, root = kept.get(`piece ${name}`) ?? document.createElement('div');
    kept.set(`piece ${name}`, root);
    if (holder.firstChild !== root) holder.replaceChildren(root);
    root.dataset.name = name;
    if (root.drawn === holder.dataset.piece) return;
    root.drawn = holder.dataset.piece;
    pieces[holder.dataset.script](root, JSON.parse(root.drawn), (where) => lead(root.parentElement, where),
      (message) => holder.dataset.asks && ask ? ask(name, message)
        : Promise.reject(new Error('Nobody answers here; open the app for that.')));
  };
  element.addEventListener('click', (event) => {
    lead(event.target.closest?.('button[data-go]'));
  });
  element.addEventListener('pointerover', (event) => {  // help at the right edge opens to the left
    const mark = event.target.closest?.('.cx-help');
    mark?.classList.toggle('cx-left', mark.getBoundingClientRect().left > innerWidth - 240);
  });
  element.addEventListener('toggle', (event) => {
    const title = event.target.firstChild?.textContent;
    if (event.target.open) open.add(title); else open.delete(title);
  }, true);
  element.addEventListener('change', (event) => {
    const choice = event.target.closest?.('[data-choice]'), box = event.target.type === 'checkbox';
    const many = choice?.matches('fieldset') && box;  // several at once, with commas between
    const value = many ? [...choice.querySelectorAll(':checked')].map((one) => one.value).join(',')
      : box ? event.target.checked : event.target.value;
    if (choice) go({view: null, carried: {[choice.dataset.choice]: value}});
  });
  element.addEventListener('input', (event) => {
    const told = event.target.type === 'range' && event.target.nextElementSibling;
    if (told) told.value = event.target.value;
  });
  return draw;
}
"""
)
