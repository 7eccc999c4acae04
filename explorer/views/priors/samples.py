"""Samples: code maps drawn from the prior, and the pictures that the decoder makes of them, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.files import digest
from explorer.glossary import help_of
from explorer.lazy import cached_property
from explorer.sheets import Block, Controls, Go, Missing, More, Note, Piece
from explorer.views import fields, words
from explorer.views.priors import drawn
from explorer.views.priors.made import Made

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.sampling import Drawing

MOST = 32  # samples at once
HELD_OUT = 256  # images that the bits of samples are set beside
SECONDS = 0.6  # that a question waits for the next row
FIRST = 0.2  # that the page waits for rows before it is shown
OPENING = "Opening the prior"
TRAINING = "The codes of the training images show which of them each sample is nearest to; kept for the next time."
ABOUT = (
    "The prior draws one code after another, row by row, each given those before it{levels}; the decoder makes a "
    "picture of the codes. Press a picture to see its codes."
)
LEVELS = ", first all of {first}, then {rest} given it"


def _values(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    known = drawn.values(study, options)
    return {drawn.EVERY: "Every value", **known, drawn.NONE: "No class"} if known else {drawn.NONE: "No class"}


def _shown(_: Study, options: Mapping[str, Any]) -> bool:
    return options["part"] == "samples"


@dataclass(frozen=True)
class Options(drawn.Options):
    """What samples can be asked for."""

    drawn_class: str = fields.option(
        drawn.EVERY, "Class", help_of("class of a sample"), choices=_values, widget="list",
        start=lambda study, options: next(iter(_values(study, options))),
        when=lambda study, options: _shown(study, options) and bool(drawn.values(study, options)),
    )  # fmt: skip
    samples: int = fields.option(
        MOST, "Samples", "At most so many are drawn; of every value equally many.",
        choices={n: str(n) for n in (4, 8, 16, MOST)}, widget="list", when=_shown,
    )  # fmt: skip


def blocks(study: Study, facts: Facts, options: Any, picture: Looked | None = None) -> Made:
    """The choices, the samples as they are drawn, and what is known of each."""
    board = Board(study, facts, options)
    several = facts.levels[1:]
    names = [one.name for one in facts.levels]
    levels = LEVELS.format(first=names[0], rest=" and ".join(names[1:])) if several else ""
    column = f" The class is {facts.condition.column}." if facts.condition else ""
    shown: list[Block] = [
        Controls(("drawn_class", "temperature", "guidance", "seed", "samples")),
        More("Which codes may be drawn", [Controls(("top_k", "top_p"))]),
        *words.no_decoder(study),
        board.piece(),
        Note(ABOUT.format(levels=levels) + column + board.left_out, help=help_of("prior")),
        *_training(study, facts),
    ]
    return Made(shown, {
        "classes": [drawn.called(facts, one) for one in board.classes], **asdict(drawn.choices(study, options)),
        "bits": board.bits, "held_out_bits": board.typical,
    })  # fmt: skip


def _training(study: Study, facts: Facts) -> list[Block]:
    """Offers to encode the training images, where they are not: samples are set beside those they are nearest to."""
    from explorer.study.copies import trained_on

    subject = trained_on(study, facts)
    if not study.images.pictured or study.beside(subject).encoded:
        return []
    return [Missing("encoding", None, "Are samples copied from training images?", TRAINING, subject=subject)]


@dataclass(frozen=True)
class Board:
    """Samples that are being drawn: what the piece is told, first and when it asks."""

    study: Study
    facts: Facts
    options: Any

    @cached_property
    def groups(self) -> list[tuple[int, int]]:
        """(class, how many of it), in the order in which they are drawn."""
        count, asked = self.options.samples, self.options.drawn_class
        if not self.facts.classes or asked == drawn.NONE:
            return [(-1, count)]
        if asked != drawn.EVERY:
            return [(self.facts.condition.index(asked), count)]
        known = self.facts.condition.counts or (0,) * self.facts.classes
        most = sorted(range(self.facts.classes), key=lambda one: -known[one])
        return [(one, max(1, count // self.facts.classes)) for one in sorted(most[:count])]

    @property
    def left_out(self) -> str:
        """Says that not every value has a sample, where there are more values than samples."""
        shown, every = len(self.groups), self.options.drawn_class == drawn.EVERY
        if not every or shown >= self.facts.classes:
            return ""
        return f" Of its {self.facts.classes:,} values, the {shown:,} with most training images are shown."

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """Class of each sample; −1 for none."""
        return tuple(one for one, many in self.groups for _ in range(many))

    @cached_property
    def drawing(self) -> Drawing:
        from explorer.study import sampling

        return sampling.drawing(self.study, self.facts, self.classes, drawn.choices(self.study, self.options))

    def piece(self) -> Piece:
        """Where samples appear."""
        state = self.state(self.drawing.wait(0, FIRST))
        groups, at = [], 0
        for one, many in self.groups:
            groups.append({"title": drawn.called(self.facts, one), "numbers": list(range(at, at + many))})
            at += many
        choices = asdict(drawn.choices(self.study, self.options))
        data = {
            "key": digest(self.study.key, self.facts.name, self.classes, choices)[:12],
            "groups": groups, "state": state, "next": (self.options.seed + 1) % 10_000,
            "file": f"{self.facts.name}-seed-{self.options.seed}", "size": self.study.checkpoint.image_size,
            "help": {name: help_of(term) for name, term in HELP.items()},
        }  # fmt: skip
        others = {
            "complete": Go(None, {"part": "complete", "base": "{base}", "as_class": "{of_class}", "missing": ""}),
            "edit": Go("edit", {"image": "{image}", "edit": "{edit}"}),
        }
        alt = f"{words.many(len(self.classes), 'sample')} of {self.facts.name}"
        return Piece("sampling", "sampling", data, alt, Go(None, {"seed": "{seed}"}), self.asked, others=others)

    def asked(self, message: Any) -> dict[str, Any]:
        """What the piece asks: `have`, for more rows; `about` and `near`, of all samples; `one`; `save`."""
        message = message if isinstance(message, dict) else {}
        have, one, save = message.get("have"), message.get("one"), message.get("save")
        if isinstance(have, int):
            return self.state(self.drawing.wait(have, SECONDS))
        if message.get("about"):
            return self.known()
        if message.get("near"):
            return {"near": self.near()}
        if isinstance(one, int) and 0 <= one < len(self.classes):
            return self.sample(one)
        if save in ("png", "npz"):
            return {"file": self.saved(save)}
        raise BadInput("the samples were asked for something that is not there; reload the page")

    def state(self, drawing: Drawing) -> dict[str, Any]:
        """How far the drawing is, and pictures of what there is."""
        codes, told = drawing.codes, {"rows": drawing.steps, "total": drawing.total, "done": drawing.done}
        if drawing.done:
            return told | drawn.sheet_of(self.pixels) | {"shown": 1.0, "seconds": drawing.seconds, "words": ""}
        rows = {name: int((one[0, :, -1] >= 0).sum()) for name, one in codes.items()}
        first = next(iter(codes))
        told |= {
            "shown": rows[first] / codes[first].shape[1],
            "seconds": 0.0,
            "words": _progress(codes, rows) if drawing.steps else OPENING,
        }
        return told | self._meanwhile(codes, rows)

    def _meanwhile(self, codes: Mapping[str, np.ndarray], rows: Mapping[str, int]) -> dict[str, Any]:
        """Pictures of rows that are drawn; below them, of the levels that are whole."""
        from explorer.study import priors

        begun = {name: drawn.filled(one) for name, one in codes.items() if rows[name]}
        if not begun:
            return {}
        pixels = priors.decoded(self.study, self.facts, begun)
        *above, last = begun
        if above and rows[last] < codes[last].shape[1]:
            blurred = priors.decoded(self.study, self.facts, {name: begun[name] for name in above})
            cut = pixels.shape[1] * rows[last] // codes[last].shape[1]
            pixels = np.concatenate([pixels[:, :cut], blurred[:, cut:]], 1)
        return drawn.sheet_of(pixels)

    @property
    def pixels(self) -> np.ndarray:
        """(n, h, w, 3) uint8 of all samples."""
        return drawn.decoded(self.study, self.facts, self.drawing.all())

    def known(self) -> dict[str, Any]:
        """What is known of all samples: bits per code, beside held-out images."""
        held = typical(self.study, self.facts)
        return {"bits": self.bits(), "held": None if held is None else np.sort(held).round(3).tolist()}

    def near(self) -> list[list[dict[str, str]]] | None:
        """The training images that each sample is nearest to; None where they are not encoded."""
        from explorer.sheets import drawing
        from explorer.study.copies import nearest_training

        found = nearest_training(self.study, self.facts, self.drawing.all(), self.pixels)
        if found is None or found.thumbnails is None:
            return None
        told = []
        for at, share in enumerate(found.shares.tolist()):
            by_codes = f"Training image {found.rows[at]:,}, nearest by codes: {share:.0%} of the cells are equal"
            told.append([{"url": drawing.url(found.thumbnails[at]), "words": by_codes, "share": f"{share:.0%}"}])
            if found.pixel_thumbnails is not None:
                by_pixels = f"Training image {found.pixel_rows[at]:,}, nearest by pixels: differs by "
                by_pixels += f"{found.distances[at]:.3f} of the range (root mean square)"
                told[-1].append({"url": drawing.url(found.pixel_thumbnails[at]), "words": by_pixels})
        return told

    def bits(self) -> list[float]:
        """Bits per code of each sample."""
        return drawn.bits(self.facts, self.drawing.all(), self.classes).round(3).tolist()

    def typical(self) -> dict[str, float] | None:
        """Mean bits per code of held-out images, and the middle nine tenths of them."""
        held = typical(self.study, self.facts)
        if held is None:
            return None
        low, high = np.quantile(held, (0.05, 0.95))
        return {"mean": float(held.mean()), "p5": float(low), "p95": float(high), "n": len(held)}

    def sample(self, number: int) -> dict[str, Any]:
        """One sample: its picture, its codes, and the way to the page Edit."""
        from explorer.sheets import drawing

        codes = {name: one[number] for name, one in self.drawing.all().items()}
        title = drawn.called(self.facts, self.classes[number])
        return {
            "url": drawing.url(self.pixels[number]), "maps": drawn.maps(self.study, self.facts, codes),
            "edit": drawn.edited(self.study, self.facts, codes), "title": title, "base": drawn.base_of(codes),
            "class": title or drawn.NONE,
        }  # fmt: skip

    def saved(self, kind: str) -> str:
        """All samples as a file: their codes, or their pictures."""
        if kind == "npz":
            return drawn.file(drawn.npz(self.drawing.all()), "application/octet-stream")
        return drawn.archive(self.pixels, [_name(drawn.called(self.facts, one)) for one in self.classes])


HELP = {"bits": "bits of a sample", "nearest": "nearest training image"}


def typical(study: Study, facts: Facts) -> np.ndarray | None:
    """(n,) bits per code of held-out images; None where their codes are not those that the prior is over."""
    from explorer.priors import folder

    return study.remember(_typical, facts.name, folder.fingerprint(facts.path))


def _typical(study: Study, name: str, _: str) -> np.ndarray | None:
    from explorer.priors import folder
    from explorer.study import priors

    facts = priors.facts_of(study, name)
    if not study.encoded or folder.books(facts.path) or not study.images.held_out:
        return None
    if any(one.name not in study.sizes or study.sizes[one.name] != one.codes for one in facts.levels):
        return None
    rows = np.sort(np.random.default_rng(0).permutation(len(study.images))[:HELD_OUT])
    codes = {one.name: study.some_codes(one.name, rows).astype(np.int64) for one in facts.levels}
    return drawn.bits(facts, codes, tuple(drawn.classes_of(study, facts, rows).tolist()))


def _progress(codes: Mapping[str, np.ndarray], rows: Mapping[str, int]) -> str:
    """Which row is drawn next, and of which level where there are several."""
    level = next((name for name in codes if rows[name] < codes[name].shape[1]), None)
    of = f" of {level}" if len(codes) > 1 else ""
    return "" if level is None else f"Row {rows[level] + 1} of {codes[level].shape[1]}{of}"


def _name(title: str) -> str:
    """A title as part of a file's name."""
    return "".join(one if one.isalnum() else "-" for one in title)[:40]
