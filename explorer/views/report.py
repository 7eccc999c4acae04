"""What the views show of a study, as one HTML file that needs no network, and as numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.sheets import Block, Controls, Missing, Note, browser, drawing, html, packing, walk
from explorer.views import VIEWS, fields

if TYPE_CHECKING:
    from explorer.study import Picture, Study

MANY = 1_500  # thumbnails of a chart; of more each has half the pixels
FILE = 150_000  # bytes of a table inside the report
ROUNDS = 4  # of making what is missing: a result may show that another one is wanted
MISSING = "It has not been computed; it is where --views names this view, without --quick."


@dataclass(frozen=True)
class Section:
    """One view with its options as they start and its picture: blocks and numbers, `{}` where there are none yet."""

    name: str
    options: Any
    picture: Picture | None
    blocks: Sequence[Block]
    numbers: dict[str, Any]


def section(study: Study, name: str, make: Callable[[Missing], bool] | None) -> Section:
    """Draws a view; what is missing is made first by `make`, which says whether it did, or is said to be missing."""
    view = VIEWS[name]
    if view.encoded and not study.encoded:
        codes = Missing("encoding", None, "The codes of all images")
        if make is None:
            return Section(name, None, None, [codes], {})
        make(codes)
    picture = study.image(int(np.random.default_rng(0).integers(len(study.images)))) if view.pictured else None
    options = None
    try:
        options, _ = fields.settled(view.options, study, {}, picture)
        for _ in range(ROUNDS):
            sheet = view.sheet(study, options, picture)
            missing = [block for block in walk(sheet.blocks) if isinstance(block, Missing)]
            if make is None or not sum(map(make, missing)):
                break
    except BadInput as problem:  # no decoder, too few images for a map …; the other views still tell something
        text = str(problem)
        return Section(name, options, picture, [Note(f"{text[:1].upper()}{text[1:]}.", "info")], {})
    more = () if view.printed is None else view.printed(study, options)
    return Section(name, options, picture, [*sheet.blocks, *more], sheet.told())


def document(study: Study, sections: Sequence[Section], facts: dict[str, str]) -> str:
    """One HTML file with plotly inside, light or dark as the reader's system is.

    Args:
        facts: what stands below the title, {name: value}.
    """
    from plotly.offline import get_plotlyjs

    title = f"{study.checkpoint.name} on {study.images.name}"
    links = "".join(f'<li><a href="#{one.name}">{escape(VIEWS[one.name].title)}</a></li>' for one in sections)
    told = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    names = [one.name for one in sections]
    main, large = packing.taken_out("".join(_section(study, one, names) for one in sections))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{escape(title)}</title>
<link rel="icon" href="data:,"><style>{LOOK}{browser.STYLE}</style></head><body>
<header><h1><svg width="32" height="32" viewBox="0 0 32 32" aria-hidden="true">{drawing.MARK_CELLS}</svg>
{escape(title)}</h1><dl>{told}</dl><nav aria-label="Contents"><ul>{links}</ul></nav></header>
<main class="cx-sheet">{main}</main>
<script id="plotly" type="text/plain">{packing.packed(get_plotlyjs())}</script>
<script id="large" type="text/plain">{large}</script>
<script>{browser.SCRIPT}{packing.SCRIPT}{START}</script></body></html>
"""


def _sprite(tiles: np.ndarray) -> dict[str, Any]:
    """Thumbnails as one picture; of very many each has half the pixels, so that the file stays small."""
    return html.sprite(tiles[:, ::2, ::2] if len(tiles) > MANY else tiles)


def _section(study: Study, one: Section, views: Sequence[str]) -> str:
    view = VIEWS[one.name]
    paper = html.Paper(partial(_chosen, study, one), views=views, missing=MISSING, sprite=_sprite, largest=FILE)
    return (
        f'<section id="{one.name}" aria-labelledby="{one.name}-title"><h2 id="{one.name}-title">{escape(view.title)}'
        f'</h2><p class="cx-note cx-quiet">{escape(view.about)}</p>{html.draw(one.blocks, paper)}</section>'
    )


def _chosen(study: Study, one: Section, block: Controls) -> str:
    """What the choices that stand here are set to, in words."""
    values = dataclasses.asdict(one.options) | {"picture": one.picture}
    known, said = {field.name: field for field in dataclasses.fields(one.options)}, []
    for field in (known[name] for name in block.names if fields.counts(known[name], study, values)):
        value, choices = values[field.name], fields.choices_of(field, study, values)
        parts = fields.listed(value) if field.metadata.get("widget") in fields.MANY else [value]
        called = [choices.get(part, ("no", "yes")[part] if isinstance(part, bool) else part) for part in parts]
        label = escape(field.metadata.get("label", field.name))
        said.append(f"{label}: <b>{escape(', '.join(map(str, called)) or 'none')}</b>")
    return f'<p class="cx-note cx-quiet">{" · ".join(said)}</p>' if said else ""


LOOK = """
:root { color-scheme: light dark; --cx-text: #1c2430; --cx-quiet: #51606f; --cx-line: #d5dbe3; --cx-back: #fff;
  --cx-panel: #f3f6f9; --cx-accent: #1d5f94; }
@media (prefers-color-scheme: dark) { :root { --cx-text: #e6eaf0; --cx-quiet: #a9b5c3; --cx-line: #333d49;
  --cx-back: #11151b; --cx-panel: #1a212a; --cx-accent: #7fbbe6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 16px clamp(12px, 3vw, 32px) 64px; background: var(--cx-back);
  color: var(--cx-text); font: 16px/1.45 system-ui, sans-serif; }
h1 { display: flex; gap: 12px; align-items: center; font-size: 1.6rem; margin: 8px 0; overflow-wrap: anywhere; }
h1 svg { flex: none; }
dl { display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 8px 0; }
dt { color: var(--cx-quiet); font-size: 0.85rem; }
dd { margin: 0; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; padding: 10px 0; margin: 12px 0;
  border-block: 1px solid var(--cx-line); }
a { color: var(--cx-accent); }
h2 { font-size: 1.4rem; margin: 40px 0 0; }
@media print {
  :root { color-scheme: light; --cx-text: #1c2430; --cx-quiet: #51606f; --cx-line: #d5dbe3; --cx-back: #fff;
    --cx-panel: #f3f6f9; --cx-accent: #1d5f94; }
  nav, .cx-file, .cx-help, .modebar { display: none !important; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  .cx-table { max-height: none !important; overflow: visible; }
  .cx-table :is(th, td) { white-space: normal; overflow-wrap: anywhere; padding: 2px 5px; font-size: 8pt; }
  .cx-table th { position: static; }
  .cx-chart, .cx-card, .cx-strip, .cx-figures figure, tr { break-inside: avoid; }
  h2, .cx-title { break-after: avoid; }
}
"""
START = """
const night = matchMedia('(prefers-color-scheme: dark)'), PAPER = 690;  // pixels of A4 between its margins
let printing = false;
const plotly = (async () => {
  const script = document.createElement('script');
  script.textContent = await unpacked('plotly');
  document.head.append(script);
  return Plotly;
})();
const draw = sheet(document.querySelector('main'), () => night.matches && !printing, () => plotly, () => {});
night.addEventListener('change', draw);
const fit = (width) => {
  for (const plot of document.querySelectorAll('.js-plotly-plot'))
    if (plot.clientWidth) Plotly.relayout(plot, width ? {width: Math.min(width, plot.clientWidth)}
      : {width: null, autosize: true});
};
addEventListener('beforeprint', () => { printing = true; draw(); fit(PAPER); });
addEventListener('afterprint', () => { printing = false; draw(); fit(0); });
unpack().then(draw);
"""
