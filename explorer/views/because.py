"""A query beside the images that were found, and the codes that are the reason, marked on both."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.grids import placed
from explorer.analysis.retrieval.reasons import slots as colours
from explorer.sheets import Go, Piece, drawing
from explorer.sheets.cells import hexed
from explorer.views import words

if TYPE_CHECKING:
    from explorer.analysis.retrieval.reasons import Reason
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.queries import Found, Hit

SHOWN = 6  # codes that are named as the reason
COLOURS = 7  # that mark cells; `alike.js` has as many
SIDES = {16: 128, 64: 96}  # pixels of a picture, where no more than so many are found
LARGEST = 320  # pixels of the picture that is asked about
MAPS = 65_536  # cells of found images whose codes are sent, so that pointing at one finds it everywhere
COPIES = 12  # of a picture that can be opened
VALUES, LETTERS = 4, 24  # concepts named below a picture, and how long a value may be there


@dataclass(frozen=True)
class Asked:
    """What the piece shows beside what was found.

    Attributes:
        search: image, area, patch or codes. layer: whose codes are marked.
        cells: (H, W) bool, those that are asked about; None for all. cell: of a patch.
        wanted, unwanted: codes that are asked for, or ruled out.
    """

    study: Study
    search: str
    layer: str
    picture: Looked
    cells: np.ndarray | None = None
    cell: tuple[int, int] | None = None
    wanted: tuple[int, ...] = ()
    unwanted: tuple[int, ...] = ()


def piece(asked: Asked, found: Found) -> Piece:
    """The query and the images that were found; a click on one asks about it, a click on a code tells all about it."""
    image = {"image": "{image}"}
    layer = {"layer": asked.layer}
    return Piece(
        "alike", "alike", data(asked, found),
        f"{len(found.hits)} images found for {asked.picture.name}; pointing at one marks the codes that both have",
        Go(None, image | {"search": "image"}),
        others={
            "maps": Go("code_maps", image | layer | {"code": "{code}"}),
            "code": Go("codebook", layer | {"code": "{code}"}),
            "area": Go(None, {"area": "{area}"}),
            "cell": Go(None, {"cell": "{cell}"}),
            "codes": Go(None, {"wanted": "{wanted}"}),
        },
    )  # fmt: skip


def data(asked: Asked, found: Found) -> dict[str, Any]:
    """All that the script draws, as JSON."""
    study, layer = asked.study, asked.layer
    grid = study.layer(layer).grid
    why = [hit.because[:SHOWN] for hit in found.hits]
    codes = sorted({one.code for reasons in why for one in reasons} | {*asked.wanted, *asked.unwanted})
    here = study.codes_of(asked.picture, layer)[0]
    slots = colours([list(asked.wanted), *([one.code for one in reasons] for reasons in why)], COLOURS)
    names = study.names(layer)
    return {
        "search": asked.search, "exact": found.exact, "rows": grid[0], "columns": grid[1], "placed": placed(grid),
        "query": _query(asked, here) | {"slots": slots[0]},
        "tiles": _sprite(study.tiles(layer, np.array(codes, np.int64))) | {"of": codes} if codes else None,
        "names": {str(code): names[code] for code in {*codes, *here.reshape(-1).tolist()} if code in names},
        "pictures": _pictures(study, found.hits), "hits": _hits(asked, found, why, slots[1:]),
    }  # fmt: skip


def _query(asked: Asked, codes: np.ndarray) -> dict[str, Any]:
    from explorer.analysis.patches import smaller

    picture = asked.picture
    pixels = smaller(picture.pixels[None], LARGEST)[0]
    return {
        "title": "Your picture" if picture.row is None else f"Image {picture.row:,}", "name": picture.name,
        "url": drawing.url(pixels), "codes": _packed(codes, np.uint32),
        "area": None if asked.cells is None else hexed(asked.cells),
        "cell": None if asked.cell is None else list(asked.cell),
        "wanted": list(asked.wanted), "unwanted": list(asked.unwanted),
    }  # fmt: skip


def _hits(
    asked: Asked, found: Found, why: Sequence[Sequence[Reason]], slots: Sequence[Sequence[int]]
) -> list[dict[str, Any]]:
    study, grid = asked.study, asked.study.layer(asked.layer).grid
    cells = grid[0] * grid[1]
    maps = None
    if found.hits and len(found.hits) * cells <= MAPS:
        maps = study.encoding.codes(asked.layer, [hit.row for hit in found.hits])
    told = []
    for at, (hit, reasons) in enumerate(zip(found.hits, why, strict=True)):
        told.append({
            "row": hit.row, "name": study.images.names[hit.row], "score": f"{hit.score:.3f}".replace("-", "−"),
            "apart": "" if hit.apart is None else f"{words.many(hit.apart, 'cell')} apart",
            "values": values(study, asked.picture, hit.row),
            "because": [[one.code, round(one.share, 4), slot] for one, slot in zip(reasons, slots[at], strict=True)],
            "more": len(hit.because) - len(reasons),
            "here": _marked([one.here for one in reasons], cells),
            "there": _marked([one.there for one in reasons], cells),
            "codes": None if maps is None else _packed(maps[at], np.uint32),
            "copies": list(hit.copies[:COPIES]), "times": len(hit.copies) + 1,
        })  # fmt: skip
    return told


def _marked(places: Sequence[np.ndarray], cells: int) -> str:
    """Cells with the number of the reason that they belong to, 0 for none, as base64 of bytes."""
    found = np.zeros(cells, np.uint8)
    for number, where in enumerate(places, 1):
        found[where] = number
    return _packed(found, np.uint8)


def values(study: Study, picture: Looked, row: int) -> list[list[Any]]:
    """Discrete values of an image, [name, value, whether the picture has it, too]; None where that is not known."""
    table = study.concepts()
    told: list[list[Any]] = []
    for name in study.remember(_discrete)[:VALUES]:
        value = table[name].iat[row]
        if value is None or value != value:
            continue
        own = None if picture.row is None else bool(table[name].iat[picture.row] == value)
        told.append([str(name), str(value)[:LETTERS], own])
    return told


def _discrete(study: Study) -> list[str]:
    from explorer.datasets import discrete

    return discrete(study.concepts())


def _pictures(study: Study, hits: Sequence[Hit]) -> dict[str, Any] | None:
    from explorer.analysis.patches import smaller

    if not hits:
        return None
    side = next((side for most, side in SIDES.items() if len(hits) <= most), min(SIDES.values()))
    return _sprite(smaller(study.shown.read([hit.row for hit in hits]), side))


def _sprite(tiles: np.ndarray) -> dict[str, Any]:
    sheet, across = drawing.sprite(tiles)
    return {"url": drawing.jpeg_url(sheet), "side": tiles.shape[1], "across": across}


def _packed(numbers: Any, kind: Any) -> str:
    """Numbers as base64 of their bytes, little-endian."""
    array = np.ascontiguousarray(np.asarray(numbers).reshape(-1), np.dtype(kind).newbyteorder("<"))
    return base64.b64encode(array.tobytes()).decode()
