"""Small pieces of HTML: pictures side by side, numbers with their explanation, notes. All text is escaped here."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from PIL import Image

from explorer.sheets import drawing

MARK = '<svg xmlns="http://www.w3.org/2000/svg" width="36" height="36" viewBox="0 0 32 32" aria-hidden="true">'
MARK += drawing.MARK_CELLS + "</svg>"


def figures(pictures: Iterable[tuple[np.ndarray, str, str]], width: int = 180, *, named: str = "") -> str:
    """Pictures side by side, hard-edged at any size: (pixels (h, w, 3) uint8, title, note) each.

    Args:
        width: least width of each in pixels of the screen; they grow to fill the row.
        named: a class of the grid, for tests and styles.
    """
    cells = (
        f'<figure><img src="{url(pixels)}" alt="{escape(title or note)}">'
        f"<figcaption>{f'<b>{escape(title)}</b>' if title else ''}{f'<span>{escape(note)}</span>' if note else ''}"
        "</figcaption></figure>"
        for pixels, title, note in pictures
    )
    return f'<div class="cx-figures {escape(named)}" style="--cell:{int(width)}px">{"".join(cells)}</div>'


def cards(facts: Sequence[tuple[str, str, str, str]]) -> str:
    """Numbers side by side: (label, value, note, help) each."""
    cells = (
        f'<div class="cx-card"><span class="cx-label">{escape(label)}{_help(about)}</span>'
        f"<b>{escape(value)}</b><small>{escape(note)}</small></div>"
        for label, value, note, about in facts
    )
    return f'<div class="cx-cards">{"".join(cells)}</div>'


def heading(text: str, about: str = "") -> str:
    """A heading with its help."""
    return f'<h3 class="cx-heading">{escape(text)}{_help(about)}</h3>'


def note(text: str, *, warning: bool = False) -> str:
    """A sentence below a chart, or one that should not be missed."""
    return f'<p class="cx-note{" cx-warning" if warning else ""}">{escape(text)}</p>'


def share(part: float, of: int) -> str:
    """A share in words that are true at both ends: "all 5,000", "99.8% of the 5,000", "none of the 5,000"."""
    return f"all {of:,}" if part >= 1 else f"none of the {of:,}" if part <= 0 else f"{part:.1%} of the {of:,}"


def swatch(colour: np.ndarray) -> str:
    """A square in the colour (3,) uint8 of a code."""
    return f'<i class="cx-swatch" style="background:#{bytes(colour.tolist()).hex()}"></i>'


def url(pixels: np.ndarray) -> str:
    """Data URL of a PNG of (h, w, 3) uint8, in its own size."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def png(pixels: np.ndarray) -> bytes:
    """PNG of (h, w, 3) uint8, in its own size."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", compress_level=3)
    return data.getvalue()


def _help(about: str) -> str:
    """A question mark that tells more when it is pointed at, tapped or focused."""
    if not about:
        return ""
    text = escape(about)
    return f'<span class="cx-help" tabindex="0" role="note" aria-label="{text}">?<span>{text}</span></span>'


STYLE = """
.cx-head { display: flex; gap: 12px; align-items: center; flex-wrap: wrap; margin: 4px 0 2px; }
.cx-head svg { flex: none; }
.cx-head h1 { margin: 0 !important; font-size: 1.5rem !important; }
.cx-head p { margin: 0 !important; color: var(--body-text-color-subdued); flex: 1 1 320px; }
.cx-figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(var(--cell), 30%), 1fr)); gap: 12px; }
.cx-figures figure { margin: 0; max-width: calc(var(--cell) * 1.6); }
.cx-figures img { width: 100%; display: block; border-radius: 6px; image-rendering: pixelated;
  background: var(--background-fill-secondary); }
.cx-figures figcaption { padding-top: 4px; line-height: 1.3; font-size: 0.85rem;
  display: flex; flex-direction: column; }
.cx-figures figcaption span { color: var(--body-text-color-subdued); }
.cx-cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(128px, 44%), 1fr)); gap: 10px;
  margin: 4px 0; }
.cx-card { border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 8px 12px;
  display: flex; flex-direction: column; gap: 2px; }
.cx-card b { font-size: 1.35rem; font-weight: 600; line-height: 1.25; }
.cx-card small, .cx-label { color: var(--body-text-color-subdued); font-size: 0.82rem; line-height: 1.3; }
.cx-heading { margin: 18px 0 6px !important; font-size: 1.05rem !important; font-weight: 600 !important; }
.cx-note { margin: 6px 0 !important; color: var(--body-text-color-subdued); font-size: 0.88rem; max-width: 75ch; }
.cx-warning { border-left: 3px solid #d2691e; padding: 4px 10px; color: var(--body-text-color); }
.cx-swatch { display: inline-block; width: 0.95em; height: 0.95em; border-radius: 3px; margin-right: 6px;
  vertical-align: -0.1em; border: 1px solid var(--border-color-primary); }
.cx-help { position: relative; display: inline-block; width: 15px; height: 15px; margin-left: 6px; border-radius: 50%;
  border: 1px solid currentColor; font-size: 10px; line-height: 13px; text-align: center; cursor: help;
  font-weight: 400; opacity: 0.75; }
.cx-help > span { display: none; position: absolute; z-index: 50; left: -60px; top: 20px; width: 240px;
  text-align: left; padding: 8px 10px; border-radius: 6px; font-size: 0.82rem; line-height: 1.4;
  background: var(--body-background-fill); color: var(--body-text-color);
  border: 1px solid var(--border-color-primary); box-shadow: 0 4px 14px rgb(0 0 0 / 0.2); }
.cx-help:hover, .cx-help:focus { opacity: 1; outline: none; }
.cx-help:hover > span, .cx-help:focus > span { display: block; }
.cx-sharp img { image-rendering: pixelated; }
#code-map img { width: 100%; }
#picture .image-frame img { width: 100%; height: 100%; object-fit: contain; }
#examples .grid-wrap, #nearest .grid-wrap { min-height: 0 !important; height: auto !important; max-height: none; }
#examples .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr)) !important; margin: 0;
  gap: 6px; grid-template-rows: none !important; grid-auto-rows: auto !important; }
#nearest .grid-container { grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)) !important; margin: 0;
  grid-template-rows: none !important; grid-auto-rows: auto !important; }
#examples .gallery-item, #examples button, #nearest .gallery-item, #nearest button { width: 100% !important;
  height: auto !important; aspect-ratio: 1; }
#nearest .caption-label { font-size: 0.75rem; }
.gradio-container main.app { max-width: 1480px; margin: 0 auto; }
.cx-about p, .cx-about li { max-width: 80ch; }
.cx-about table { display: block; overflow-x: auto; word-break: normal; white-space: nowrap; border: 0; }
.html-container { padding: 0 !important; }
@media (max-width: 640px) {
  .cx-help > span { position: fixed; left: 16px; right: 16px; top: auto; bottom: 16px; width: auto; }
  .gradio-container main.app, .gradio-container > main { padding: 8px !important; }
  .tab-container button { padding: 0 5px !important; font-size: 13px !important; }
}
"""
