"""Complete: cells of a code map are taken away by hand, and the prior draws what could stand there, several times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.files import digest
from explorer.glossary import help_of
from explorer.lazy import cached_property
from explorer.sheets import Block, Choose, Controls, Go, Link, More, Note, Piece, drawing
from explorer.sheets.cells import hexed, unhexed
from explorer.views import fields, unlike, words
from explorer.views.priors import drawn
from explorer.views.priors.made import Made

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.sampling import Drawing

SECONDS = 0.6  # that a question waits for the next row
OF_IMAGE = "as the image"
ABOUT = (
    "Striped cells are drawn anew by the prior, the others keep their codes. Drag to take cells away, or choose a "
    "part; with the keyboard, arrows move and space takes a cell away or puts it back."
)
OF_SAMPLE = "These are the codes of a picture that the prior drew, not of an image."
WRONG_GRID = "The missing cells in the address are not those of a grid of {0} × {1}; the lower half is missing instead."
WRONG_BASE = "The codes in the address are not those of a sample of this prior; the image is completed instead."


def _shown(_: Study, options: Mapping[str, Any]) -> bool:
    return options["part"] == "complete"


def _classes(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    known = drawn.values(study, options)
    return {OF_IMAGE: "That of the image", **known, drawn.NONE: "No class"}


def _several(study: Study, options: Mapping[str, Any]) -> bool:
    facts = drawn.chosen(study, options)
    return _shown(study, options) and facts is not None and len(facts.levels) > 1


@dataclass(frozen=True)
class Options:
    """What completions can be asked for."""

    as_class: str = fields.option(
        OF_IMAGE, "Class", help_of("class of a sample"), choices=_classes, widget="list", yields=True,
        when=lambda study, options: _shown(study, options) and bool(drawn.values(study, options)),
    )  # fmt: skip
    upper: str = fields.option(
        "redraw", "Coarser levels", "Whether cells of coarser grids that lie over a missing one are drawn anew, too.",
        choices={"redraw": "Draw anew", "keep": "Keep"}, when=_several,
    )  # fmt: skip
    completions: int = fields.option(
        4, "Completions", "How many are drawn.", choices={n: str(n) for n in (4, 8, 12)}, widget="list", when=_shown,
    )  # fmt: skip
    missing: str = fields.option("", "Missing cells, as text", when=lambda *_: False)
    base: str = fields.option("", "Codes that are completed", when=lambda *_: False)


def blocks(study: Study, facts: Facts, options: Any, picture: Looked | None = None) -> Made:
    """The board with the missing cells, and the completions as they are drawn."""
    if picture is None:
        return Made([Note("Choose an image, or give one of your own, to take some of its cells away.", "info")])
    said: list[Block] = list(unlike.notes(study, [picture]))
    codes = None
    if options.base:
        try:
            codes = drawn.based(facts, options.base)
            said += [Note(OF_SAMPLE), Link("Complete the image instead", "image", Go(None, {"base": ""}))]
        except BadInput:
            said += [Note(WRONG_BASE, "warning")]
    board = Board(study, facts, options, picture, codes)
    if unhexed(options.missing, board.grid) is None:
        said.append(Note(WRONG_GRID.format(*board.grid), "warning"))
    named = ("as_class", "upper", "temperature", "guidance", "seed", "completions")
    shown = [
        Choose(), *said, Controls(named), More("Which codes may be drawn", [Controls(("top_k", "top_p"))]),
        *words.no_decoder(study), board.piece(), Note(ABOUT, help=help_of("completion")),
    ]  # fmt: skip
    return Made(shown, {
        "image": picture.row, "name": picture.name, "class": drawn.called(facts, board.of_class),
        "grid": list(board.grid), "missing": hexed(board.missing), "completed": lambda: board.told(board.missing),
    })  # fmt: skip


@dataclass(frozen=True)
class Board:
    """A code map of which cells are missing: what the piece is told, first and when it asks.

    Args:
        sampled: codes {level: (H, W)} of a sample, which are completed in place of the picture's.
    """

    study: Study
    facts: Facts
    options: Any
    picture: Looked
    sampled: dict[str, np.ndarray] | None = None

    @property
    def grid(self) -> tuple[int, int]:
        """The grid that is painted on: the finest."""
        return self.facts.levels[-1].grid

    @cached_property
    def codes(self) -> dict[str, np.ndarray]:
        """(H, W) codes of each level that are completed."""
        return self.sampled or drawn.codes_of(self.study, self.facts, self.picture)

    @cached_property
    def of_class(self) -> int:
        """The class that completions are drawn with; −1 for none."""
        asked, known = self.options.as_class, self.facts.condition
        if known is None or asked == drawn.NONE:
            return -1
        if asked == OF_IMAGE:
            return -1 if self.sampled else drawn.class_of(self.study, self.facts, self.picture)
        return known.index(asked)

    @cached_property
    def missing(self) -> np.ndarray:
        """(H, W) bool of the finest grid: what the address says, or the lower half."""
        from explorer.analysis.completion import lower

        found = unhexed(self.options.missing, self.grid) if self.options.missing else None
        if found is not None:
            return found
        found = ~lower(self.grid)
        return found if found.any() else np.ones(self.grid, bool)

    def keep(self, missing: np.ndarray) -> dict[str, np.ndarray]:
        """(H, W) bool of each level: what stays."""
        from explorer.analysis.completion import raised

        *upper, last = self.facts.levels
        kept = self.options.upper == "keep"
        found = {one.name: np.ones(one.grid, bool) if kept else raised(~missing, one.grid) for one in upper}
        return found | {last.name: ~missing}

    def drawing(self, missing: np.ndarray) -> Drawing:
        """Completions with these cells missing."""
        from explorer.study import sampling

        classes = (self.of_class,) * self.options.completions
        choices = drawn.choices(self.study, self.options)
        return sampling.completing(self.study, self.facts, classes, choices, self.codes, self.keep(missing))

    def piece(self) -> Piece:
        """The board, and where completions appear."""
        original, again = self.pictures
        choices, (rows, columns) = drawn.choices(self.study, self.options), self.grid
        level, of = self.facts.levels[-1], (self.study.key, self.facts.name, self.picture.key)
        data = {
            "key": digest(*of, repr(replace(self.options, missing="")), repr(choices))[:12],
            "of": digest(*of, self.options.base)[:12],
            "rows": rows, "columns": columns, "count": self.options.completions, "side": 300,
            "cells": "".join("01"[int(one)] for one in self.missing.reshape(-1)),
            "picture": drawing.url(original), "decoded": drawing.url(again),
            "codes": drawing.url(drawn.colours(self.study, level)[self.codes[level.name]]),
            "called": "Sample" if self.sampled else "Image", "level": level.name,
            "help": {name: help_of(name) for name in ("cells as before", "effective drafts", "completion")},
            "class": drawn.called(self.facts, self.of_class),
        }  # fmt: skip
        others = {
            "base": Go(None, {"base": "{base}", "missing": "{missing}"}),
            "edit": Go("edit", {"image": "{image}", "edit": "{edit}"}),
        }
        alt = f"{self.picture.name}: cells to take away, and {words.many(self.options.completions, 'completion')}"
        go = Go(None, {"missing": "{missing}"})
        return Piece("completing", "completing", data, alt, go, self.asked, others=others)

    @property
    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """What is completed, and its codes decoded: (h, w, 3) uint8 each."""
        from explorer.study import priors

        again = priors.decoded(self.study, self.facts, {name: one[None] for name, one in self.codes.items()})[0]
        return (again if self.sampled else self.picture.pixels), again

    def asked(self, message: Any) -> dict[str, Any]:
        """What the piece asks: `mask` and `have`, for more rows; `one` of them, to go on from."""
        message = message if isinstance(message, dict) else {}
        mask, have, one = message.get("mask"), message.get("have"), message.get("one")
        missing = unhexed(mask, self.grid) if isinstance(mask, str) and mask else None
        if missing is None or not isinstance(have, int):
            raise BadInput("the board asked for something that is not there; reload the page")
        carried = {"carried": {"missing": mask}}
        if not missing.any():
            return carried | {"done": True, "rows": 0, "total": 1, "none": True}
        made = self.drawing(missing).wait(have, SECONDS)
        if isinstance(one, int) and 0 <= one < self.options.completions:
            codes = {name: maps[one] for name, maps in made.all().items()}
            return {"base": drawn.base_of(codes), "edit": drawn.edited(self.study, self.facts, codes)}
        return carried | self.state(made, missing)

    def state(self, made: Drawing, missing: np.ndarray) -> dict[str, Any]:
        """How far it is, the pictures, and for each how many rows of the board are there."""
        from explorer.study import priors

        codes, told = made.codes, {"rows": made.steps, "total": made.total, "done": made.done}
        if made.done:
            return told | drawn.sheet_of(self._decoded(made)) | self._summary(made, missing)
        last = codes[self.facts.levels[-1].name]
        there = ((last >= 0) | ~missing).all(2)  # (n, H)
        reached = np.where(there.all(1), there.shape[1], there.argmin(1))
        if not any(missing[:row].any() for row in reached.tolist()):  # nothing of the finest level is drawn yet
            return told | {"reached": reached.tolist()}
        pixels = priors.decoded(self.study, self.facts, {name: drawn.filled(one) for name, one in codes.items()})
        return told | drawn.sheet_of(pixels) | {"reached": reached.tolist()}

    def told(self, missing: np.ndarray) -> dict[str, Any]:
        """The same in numbers."""
        if not missing.any():
            return {"cells": 0}
        made = self.drawing(missing)
        made.all()
        return {name: value for name, value in self._summary(made, missing).items() if name != "reached"}

    def _decoded(self, made: Drawing) -> np.ndarray:
        return drawn.decoded(self.study, self.facts, made.codes)

    def _summary(self, made: Drawing, missing: np.ndarray) -> dict[str, Any]:
        """Of the cells that were drawn, how many are as before; and how many drafts counted."""
        drawn_cells = {name: ~one for name, one in self.keep(missing).items()}
        cells = sum(int(one.sum()) for one in drawn_cells.values())
        same = sum((made.codes[name] == self.codes[name])[:, one].sum(1) for name, one in drawn_cells.items())
        usual = self._usual(drawn_cells)
        found: dict[str, Any] = {
            "cells": cells, "same": (same / cells).tolist(), "usual": usual, "seconds": made.seconds,
            "reached": [self.grid[0]] * self.options.completions,
        }  # fmt: skip
        if made.effective is not None:
            counted, drafts = made.effective
            found |= {"drafts": int(drafts), "effective": np.asarray(counted, float).round(2).tolist()}
        return found

    def _usual(self, cells: Mapping[str, np.ndarray]) -> float | None:
        """Share of the cells whose code is the one that most other images have there; None where that is not known."""
        names = tuple(cells)
        row = None if self.sampled else self.picture.row
        flat = tuple(np.flatnonzero(one) for one in cells.values())
        codes = tuple(self.codes[name] for name in names)
        return self.study.remember(_usual, self.facts.name, names, flat, codes, row)


def _usual(
    study: Study, name: str, names: tuple[str, ...], cells: tuple, codes: tuple, row: int | None
) -> float | None:
    from explorer.priors import folder
    from explorer.study import priors

    if folder.books(priors.facts_of(study, name).path):
        return None  # the codes of the page may be others
    right = count = 0
    for layer, where, own in zip(names, cells, codes, strict=True):
        every = study.codes(layer).reshape(len(study.images), -1)
        others = np.arange(len(every)) != (-1 if row is None else row)  # the image itself is no baseline
        for cell in where.tolist():
            column = every[others, cell]
            right += int(len(column) > 0 and np.bincount(column).argmax() == own.reshape(-1)[cell])
            count += 1
    return right / max(count, 1)
