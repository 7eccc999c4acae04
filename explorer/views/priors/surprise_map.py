"""Where one image surprises a prior: picture, codes and bits side by side, and what was expected in each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Go, Heading, Note, Piece, drawing

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.results.surprisal.kept import Surprisal
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.expecting import Expected

SIDE = 128  # pixels of a picture of cells, at least
PATCHES = 600  # codes whose patches are sent at most
TILE = 32  # pixels of a patch
WORDS = "Point at a cell for its code and what the prior expected there; press it, or Enter, to keep it."
UNKNOWN = (
    "The class of this picture is not known, so the prior is asked without one; images of the dataset have a class."
)
NEVER_HIDDEN = "This prior was always told the class in training, so that what it says without one means little."


def expected(study: Study, facts: Facts, picture: Looked, level: str, told: bool) -> Expected:
    """What the prior expected of a picture in a level, with its class (`told`) or without; kept."""
    return study.remember(_expected, facts, _Asked(picture, facts), level, told)


class _Asked:
    """A picture and a prior as one argument that is kept by content."""

    def __init__(self, picture: Looked, facts: Facts) -> None:
        from explorer.priors import folder

        self.picture, self.key = picture, f"{picture.key} {folder.fingerprint(facts.path)}"


def _expected(study: Study, facts: Facts, asked: _Asked, level: str, told: bool) -> Expected:
    from explorer.study import expecting

    codes = expecting.codes_of(study, facts, asked.picture)
    known = expecting.class_of(study, facts, asked.picture) if told else -1
    return expecting.expect(facts, codes, known, level)


def blocks(
    study: Study, facts: Facts, level: str, picture: Looked, kept: Surprisal | None
) -> tuple[list[Block], dict[str, Any]]:
    """The maps of a picture, one pointer in all, and its bits as numbers."""
    from explorer.study import expecting

    given = expected(study, facts, picture, level, True)
    known = expecting.class_of(study, facts, picture)
    bare = expected(study, facts, picture, level, False) if known >= 0 else None
    called = f"image {picture.row:,}" if picture.row is not None else picture.name
    value = None if known < 0 else facts.condition.values[known]
    notes: list[Block] = []
    if facts.classes and known < 0:
        notes.append(Note(UNKNOWN))
    if bare is not None and not facts.settings.get("class_dropout"):
        notes.append(Note(NEVER_HIDDEN))
    piece = Piece(
        "surprise", "surprise", _data(study, facts, level, picture, (given, bare), kept),
        f"Surprisal of the codes of {called} in bits: {given.bits.mean():.2f} a code on average, at most "
        f"{given.bits.max():.1f}.",
        go=Go("code_maps", {"image": picture.address, "layer": level, "code": "{code}", "cell": "{row},{column}"}),
    )  # fmt: skip
    numbers = {
        "image": picture.row, "name": picture.name, "level": level, "class": value,
        "bits": given.bits.round(3).tolist(), "ranks": given.rank.tolist(), "codes": given.codes.tolist(),
    }  # fmt: skip
    if bare is not None:
        numbers["bits_without_class"] = bare.bits.round(3).tolist()
    return [Heading("Where this image surprises", help_of("surprisal")), piece, *notes], numbers


def top(kept: Surprisal | None, level: str, bits: np.ndarray) -> float:
    """Where the colours end: one scale for all images where all are known, else that of this one."""
    from explorer.analysis import surprisal

    return surprisal.top([kept.maps[level]] if kept is not None else [bits])


def _data(
    study: Study, facts: Facts, level: str, picture: Looked, found: tuple[Expected, Expected | None],
    kept: Surprisal | None,
) -> dict[str, Any]:  # fmt: skip
    from explorer.study import expecting

    given, bare = found
    end = top(kept, level, given.bits)
    agrees = expecting.agrees(study, facts, level)
    rows, columns = given.codes.shape
    of = next(one for one in facts.levels if one.name == level)
    scale = {"ends": ["0 bits", f"{end:.0f}"], "colours": _ramp(drawing.heat)}
    mean = f"{given.bits.mean():.2f} a code"
    maps = [
        {"title": "The image", "url": drawing.url(picture.pixels, SIDE)},
        {"title": f"Its codes, {level}", "url": drawing.url(_colours(study, level, given.codes, agrees), SIDE)},
        scale | _heat("with its class" if bare else "bits", f"Bits with its class, {mean}" if bare else f"Bits, {mean}",
                      given.bits, drawing.heat(given.bits, end)),
    ]  # fmt: skip
    if bare is not None:
        change, most = given.bits - bare.bits, max(end / 2, 1.0)
        signed = {"signed": True, "ends": [f"−{most:.0f}", f"+{most:.0f}"], "colours": _ramp(drawing.signed)}
        rest = f"Without it, {bare.bits.mean():.2f} a code"
        maps += [
            scale | _heat("without", rest, bare.bits, drawing.heat(bare.bits, end)),
            signed | _heat("difference", f"What the class changes, {_turned(change.mean())} a code", change,
                           drawing.signed(change, most)),
        ]  # fmt: skip
    flat = zip(
        given.codes.reshape(-1).tolist(), given.bits.reshape(-1).tolist(), given.rank.reshape(-1).tolist(),
        given.likeliest.reshape(rows * columns, -1).tolist(), given.chances.reshape(rows * columns, -1).tolist(),
        strict=True,
    )  # fmt: skip
    cells = [
        {"code": code, "bits": round(bits, 3), "rank": rank,
         "likely": [[one, round(p, 5)] for one, p in zip(likely, chances, strict=True)]}
        for code, bits, rank, likely, chances in flat
    ]  # fmt: skip
    return {
        "key": f"{picture.key} {level} {facts.name}", "rows": rows, "columns": columns, "size": of.codes, "maps": maps,
        "cells": cells, "words": WORDS, "alt": "Arrow keys move from cell to cell.", "begin": int(given.bits.argmax()),
        "tiles": _tiles(study, level, given) if agrees else None, "leads": agrees,
    }  # fmt: skip


def _turned(value: float) -> str:
    """With its sign, and a minus that is one."""
    return f"{value:+.2f}".replace("-", "−")


def _heat(name: str, title: str, values: np.ndarray, pixels: np.ndarray) -> dict[str, Any]:
    """A map of numbers (H, W) in colours, with its numbers."""
    short = [round(float(one), 2) for one in values.reshape(-1)]
    return {"name": name, "title": title, "values": short, "url": drawing.url(pixels, SIDE)}


def _ramp(colour: Any) -> list[str]:
    """The colours of a scale, for its legend."""
    steps = np.linspace(-1, 1, 9) if colour is drawing.signed else np.linspace(0, 1, 9)
    return [f"rgb({r},{g},{b})" for r, g, b in colour(steps, 1.0).tolist()]


def _colours(study: Study, level: str, codes: np.ndarray, agrees: bool) -> np.ndarray:
    """(H, W, 3) uint8: near codes look alike where other pages show the same codes."""
    if agrees:
        return study.colours(level)[codes]
    hues = np.random.default_rng(0).integers(40, 230, (int(codes.max()) + 1, 3))
    return hues.astype(np.uint8)[codes]


def _tiles(study: Study, level: str, found: Expected) -> dict[str, Any] | None:
    """Patches of the codes that stand here or were expected, in one picture."""
    codes = np.unique(np.concatenate([found.codes.reshape(-1), found.likeliest[..., :3].reshape(-1)]))
    if len(codes) > PATCHES:
        codes = np.unique(found.codes)[:PATCHES]
    data, across = drawing.sprite(study.tiles(level, codes))
    return {"url": drawing.jpeg_url(data), "across": across, "side": TILE, "codes": codes.tolist()}
