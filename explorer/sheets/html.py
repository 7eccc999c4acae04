"""Draws the blocks of a sheet as HTML: one function a kind of block, and one table of them. All text is escaped here.

The look and the script that draws charts and follows clicks are in `sheets/browser.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from explorer.sheets import (
    Act,
    Block,
    Cards,
    Chart,
    Choose,
    CodeMap,
    Controls,
    Download,
    Drop,
    Gather,
    Go,
    Heading,
    Later,
    Link,
    Missing,
    More,
    Name,
    Note,
    Part,
    Picture,
    Pictures,
    Piece,
    Receive,
    Row,
    Scatter,
    Strip,
    Strips,
    Table,
    Theme,
    code_map,
    drawing,
)  # fmt: skip
from explorer.sheets.spreadsheet import csv_of

ROWS = 100  # of a table that are shown
LARGEST_FILE = 2_000_000  # bytes of a table inside a page; those of 131,072 codes made one of 92 MB
FORMATS = {"percent": ".1%", "localized": ",", "": ""}  # printf formats are read as they are


def _url(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def sprite(tiles: np.ndarray) -> dict[str, Any]:
    """Thumbnails (n, s, s, 3) uint8 as one picture, and how to find each on it."""
    sheet, across = drawing.sprite(tiles)
    return {"url": _url(sheet, "image/jpeg"), "side": tiles.shape[1], "across": across, "n": len(tiles)}


@dataclass(frozen=True)
class Paper:
    """What blocks are drawn on.

    Attributes:
        controls: the choices that stand here, as HTML.
        themes: those that charts are drawn for.
        leads: whether somebody listens to `data-go`.
        views: else those that are on the same page, which an anchor of their name reaches.
        takes: whether the data behind headings and downloads is put in.
        level: of headings.
        missing: a sentence on a result that is not there.
        largest: bytes of a file that is put in.
        sprite: thumbnails (n, s, s, 3) uint8 -> `url, side, across, n` of one picture of all of them.
    """

    controls: Callable[[Controls], str]
    themes: Sequence[Theme] = ("light", "dark")
    leads: bool = False
    views: Sequence[str] = ()
    takes: bool = True
    level: int = 3
    missing: str = "This has not been computed."
    largest: int = LARGEST_FILE
    sprite: Callable[[np.ndarray], dict[str, Any]] = sprite


def draw(blocks: Sequence[Block], paper: Paper) -> str:
    """Blocks one under another."""
    return "".join(DRAWN[type(block)](block, paper) for block in blocks)


def attribute(value: Any) -> str:
    """JSON for an attribute in single quotes, where its own double quotes stay as they are."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;")


def go(target: Go | None, paper: Paper, point: Any = "{point}") -> str:
    """The attribute that a click is told by; empty where nobody listens. The browser fills in what is still open."""
    if target is None or not paper.leads:
        return ""
    carried = {
        name: value.replace("{point}", str(point)) if isinstance(value, str) else value
        for name, value in target.carried.items()
    }
    return f" data-go='{attribute({'view': target.view, 'carried': carried})}'"


def help_mark(about: str) -> str:
    """A question mark that tells more when it is pointed at, tapped or focused."""
    if not about:
        return ""
    text = escape(about)
    return f'<span class="cx-help" tabindex="0" role="note" aria-label="{text}">?<span>{text}</span></span>'


def image(pixels: np.ndarray, alt: str) -> str:
    return f'<img src="{_url(drawing.png(pixels), "image/png")}" alt="{escape(alt)}">'


def _heading(block: Heading, paper: Paper) -> str:
    data = ""
    if block.data is not None and paper.takes:
        data = _file("CSV", f"{block.file}.csv", csv_of(block.data()), f"The numbers of “{block.text}”", paper.largest)
    level = min(paper.level + block.level - 2, 6)
    return f'<div class="cx-title"><h{level}>{escape(block.text)}</h{level}>{help_mark(block.help)}{data}</div>'


def _note(block: Note, paper: Paper) -> str:
    return f'<p class="cx-note cx-{block.tone}">{escape(block.text)}{help_mark(block.help)}</p>'


def _cards(block: Cards, paper: Paper) -> str:
    cells = (
        f'<div class="cx-card"><span class="cx-label">{escape(card.label)}{help_mark(card.help)}</span>'
        f"<b>{escape(card.value)}</b><small>{escape(card.note)}</small></div>"
        for card in block.cards
    )
    return f'<div class="cx-cards" style="--columns:{int(block.columns)}">{"".join(cells)}</div>'


def _pictures(block: Pictures, paper: Paper) -> str:
    cells = "".join(_picture(picture, paper) for picture in block.pictures)
    kept = " cx-kept" if not block.grow else ""
    return (
        f'<div class="cx-figures{kept}" data-name="{escape(block.name)}" style="--cell:{int(block.width)}px">'
        f"{cells}</div>{_archive(block) if paper.takes and block.archive else ''}"
    )


def _picture(picture: Picture, paper: Paper) -> str:
    leads = go(picture.go, paper)
    about = "" if leads else help_mark(picture.help)  # what leads on says it when it is pointed at
    title = f"<b>{escape(picture.title)}{about}</b>" if picture.title else ""
    note = f"<span>{escape(picture.note)}</span>" if picture.note else ""
    shown = image(picture.pixels, picture.alt or picture.title or picture.note)
    if leads:
        shown = f'<button type="button" class="cx-go" title="{escape(picture.help)}"{leads}>{shown}</button>'
    return f"<figure>{shown}<figcaption>{title}{note}</figcaption></figure>"


def _archive(block: Pictures) -> str:
    return _zip(block.archive, {f"{i}-{one.title or one.note}": one.pixels for i, one in enumerate(block.pictures)})


def _zip(name: str, kept: Mapping[str, np.ndarray]) -> str:
    return _file("Pictures (zip of PNG)", f"{name}.zip", drawing.archive(kept), "In the model's resolution")


def _strips(block: Strips, paper: Paper) -> str:
    kept = ""
    if paper.takes and block.archive:
        named = ((f"{i:02d}-{one.title.lower()}", one) for i, each in enumerate(block.strips) for one in each.pictures)
        kept = _zip(block.archive, {name: one.pixels for name, one in named})
    strips = "".join(_strip(strip, paper) for strip in block.strips)
    box = f'class="cx-strips" data-name="{escape(block.name)}" style="--part:{int(block.width)}px"'
    return f"<div {box}>{strips}</div>{kept}"


def _strip(strip: Strip, paper: Paper) -> str:
    pictures = "".join(_picture(picture, paper) for picture in strip.pictures)
    links = "".join(_link(link, paper) for link in strip.links)
    return (
        f'<figure class="cx-strip"><div>{pictures}</div><figcaption><b>{escape(strip.title)}</b>'
        f"<span>{escape(strip.note)}</span>{links}</figcaption></figure>"
    )


def _nothing(block: Drop | Choose | Gather | Name | Act | Receive, paper: Paper) -> str:
    return ""


def _code_map(block: CodeMap, paper: Paper) -> str:
    title = f"<figcaption>{escape(block.title)}</figcaption>" if block.title else ""
    return (
        f'<figure class="cx-map" style="max-width:{int(block.width)}px"><div data-name="{escape(block.name)}" '
        f"data-map='{attribute(code_map.sent(block))}'{go(block.go, paper)} style=\"aspect-ratio:"
        f'{block.codes.shape[1]}/{block.codes.shape[0]}"></div>{title}</figure>'
    )


def _piece(block: Piece, paper: Paper) -> str:
    """Its script draws it; `asks` where somebody answers."""
    asks = ' data-asks="yes"' if block.answer is not None and paper.leads else ""
    others = {name: {"view": target.view, "carried": dict(target.carried)} for name, target in block.others.items()}
    asks += f" data-others='{attribute(others)}'" if others and paper.leads else ""
    return (
        f'<div class="cx-piece" role="group" aria-label="{escape(block.alt)}" data-name="{escape(block.name)}" '
        f"data-script=\"{escape(block.script)}\" data-piece='{attribute(block.data)}'{go(block.go, paper)}{asks}></div>"
    )


def _chart(block: Chart, paper: Paper) -> str:
    figures = {theme: block.drawn(theme) for theme in paper.themes}
    height = next(iter(figures.values())).layout.height or 400
    width = f"max-width:{int(block.width)}px;" if isinstance(block.width, int) else ""
    drawn = "".join(f" data-{theme}='{attribute(figure.to_json())}'" for theme, figure in figures.items())
    tiles = ""
    if block.tiles is not None:
        tiles = f" data-tiles='{attribute(paper.sprite(block.tiles()))}'"
    leads = f" data-go='{attribute({'chart': block.name})}'" if callable(block.go) and paper.leads else ""
    leads = leads or ("" if callable(block.go) else go(block.go, paper))
    shape, height = (f' data-aspect="{block.aspect:.3f}"', 320) if block.aspect else ("", height)
    return (
        f'<div class="cx-chart" role="img" aria-label="{escape(block.alt)}" data-name="{escape(block.name)}"'
        f'{drawn}{tiles}{shape}{leads} style="{width}min-height:{int(height)}px"></div>'
    )


def _scatter(block: Scatter, paper: Paper) -> str:
    """A picture of it, and a sentence that says where it can be touched."""
    from explorer.sheets.scatter import picture

    colouring = block.colours("light")
    shade = [f"rgb({r},{g},{b})" for r, g, b in colouring.palette.tolist()]
    named = [f'<b style="color:{shade[at]}">●</b> {escape(name)} ({count:,})' for at, name, count in colouring.names]
    if colouring.ends:
        scale = ", ".join(shade[at * (colouring.steps - 1) // 8] for at in range(9))
        bar = f'<b style="padding:0 40px;border-radius:3px;background:linear-gradient(90deg,{scale})"></b>'
        named.insert(0, f"{escape(colouring.ends[0])} {bar} {escape(colouring.ends[-1])}")
    legend = f"{escape(colouring.title)}{': ' if named else ''}{', '.join(named)}"
    url = drawing.url(picture.drawn(block.packed, colouring))
    note = f"{len(block.packed.order):,} points. Open the app to point at them, to zoom and to select."
    return (
        f'<figure class="cx-map"><img alt="{escape(block.alt)}" src="{url}">'
        f"<figcaption><div>{legend}</div><span>{note}</span></figcaption></figure>"
    )


def _table(block: Table, paper: Paper) -> str:
    shown = block.frame.head(ROWS)
    pictures = {name: drawing.urls(of(shown)) for name, of in block.pictures.items()}
    head = "".join(
        f'<th scope="col"{_aligned(name not in pictures and shown[name].dtype.kind in "iuf")}>{escape(column.label)}'
        f"{help_mark(column.help)}</th>"
        for name, column in block.columns.items()
    )
    cells, leads = [], _leads(block, shown, paper)  # of each column
    first = block.by if block.by in block.columns else next(iter(block.columns), "")
    for name, column in block.columns.items():
        if name in pictures:
            cells.append([f'<td><img src="{url}" alt="{escape(column.label)}"></td>' for url in pictures[name]])
        else:
            each = leads if name == first else [""] * len(shown)
            cells.append([_cell(one, column.format, at) for one, at in zip(shown[name], each, strict=True)])
    rows = [f"<tr>{''.join(row)}</tr>" for row in zip(*cells, strict=True)]
    more = len(block.frame) - len(shown)
    said = f'<p class="cx-note cx-quiet">The first {ROWS:,} of {len(block.frame):,} rows.</p>' if more > 0 else ""
    height = f"max-height:{block.height}px" if block.height else ""
    return (
        f'<div class="cx-table" tabindex="0" role="region" aria-label="{escape(block.name)}" style="{height}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{said}"
    )


def _leads(block: Table, shown: Any, paper: Paper) -> list[str]:
    """Where a click on each row leads."""
    if block.go is None:
        return [""] * len(shown)
    points = shown[block.by].tolist()
    return [go(block.go(int(one)) if callable(block.go) else block.go, paper, point=one) for one in points]


def _cell(value: Any, form: str, leads: str) -> str:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if value is None or value != value:
        text = "–"
    elif not number:
        text = str(value)
    else:
        text = form % value if "%" in form else format(value, FORMATS.get(form, ""))
    shown = escape(text)
    if leads:
        shown = f'<button type="button" class="cx-go"{leads}>{shown}</button>'
    return f"<td{_aligned(number)}>{shown}</td>"


def _aligned(number: bool) -> str:
    return ' class="cx-number"' if number else ""


def _link(block: Link, paper: Paper) -> str:
    if paper.leads:
        return f'<button type="button" class="cx-link"{go(block.go, paper)}>{escape(block.label)} →</button>'
    there = block.go.view in paper.views
    return f'<a class="cx-link" href="#{escape(block.go.view)}">{escape(block.label)} →</a>' if there else ""


def _download(block: Download, paper: Paper) -> str:
    return _file(block.label, block.file, block.data(), block.help, paper.largest) if paper.takes else ""


def _file(label: str, name: str, content: bytes | str, about: str, largest: int = LARGEST_FILE) -> str:
    content = content.encode() if isinstance(content, str) else content
    if len(content) > largest:
        size = f"{len(content) / 1e6:,.0f} MB" if len(content) >= 1e6 else f"{len(content) / 1e3:,.0f} kB"
        return f'<span class="cx-file" title="{escape(about)}">{escape(label)}: {size}, only in the app</span>'
    address = _url(content, "application/octet-stream")
    return (
        f'<a class="cx-file" download="{escape(name)}" title="{escape(about)}" href="{address}">{escape(label)} ↓</a>'
    )


def _controls(block: Controls, paper: Paper) -> str:
    return paper.controls(block)


def _missing(block: Missing, paper: Paper) -> str:
    about = f" {block.about}" if block.about else ""
    return f'<p class="cx-note cx-info"><b>{escape(block.title)}.</b>{escape(about)} {escape(paper.missing)}</p>'


def _row(block: Row, paper: Paper) -> str:
    boxed = " cx-boxed" if block.boxed else ""
    kind = "cx-shares" if block.shares else "cx-even" if block.even else "cx-row"
    shares = f";--shares:{' '.join(f'minmax(0,{share:g}fr)' for share in block.shares)}" if block.shares else ""
    parts = "".join(f"<div>{draw(part, paper)}</div>" for part in block.parts)
    return f'<div class="{kind}{boxed}" style="--part:{int(block.width)}px{shares}">{parts}</div>'


def _more(block: More, paper: Paper) -> str:
    return f"<details><summary>{escape(block.title)}</summary>{draw(block.blocks, paper)}</details>"


def _part(block: Part, paper: Paper) -> str:
    return draw(block.blocks, paper)


def _later(block: Later, paper: Paper) -> str:
    return draw(block.make(), paper)


DRAWN: Mapping[type, Callable[[Any, Paper], str]] = {
    Heading: _heading,
    Note: _note,
    Cards: _cards,
    Pictures: _pictures,
    Strips: _strips,
    Drop: _nothing,
    Choose: _nothing,
    Gather: _nothing,
    Name: _nothing,
    Act: _nothing,
    Receive: _nothing,
    CodeMap: _code_map,
    Piece: _piece,
    Chart: _chart,
    Table: _table,
    Link: _link,
    Download: _download,
    Controls: _controls,
    Missing: _missing,
    Row: _row,
    More: _more,
    Part: _part,
    Later: _later,
    Scatter: _scatter,
}
