"""Edit: codes are painted onto the map of an image, and the decoded picture follows the brush."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import edits
from explorer.analysis.painting import Stroke
from explorer.errors import BadInput
from explorer.files import digest
from explorer.glossary import help_of
from explorer.lazy import cached_property
from explorer.sheets import Block, Controls, Go, Link, Note, Piece, Row, Sheet, drawing
from explorer.views import fields, palettes, suggestions, words

if TYPE_CHECKING:
    from explorer.analysis.painting import Painted
    from explorer.study import Picture as Looked
    from explorer.study import Study

SCALE = 0.5  # where the colours of a difference end, the same for every stroke
LARGEST = 2_000_000  # letters of an edit that a browser may send
KEPT = "Cells that you do not paint keep their own latents; painted ones get the centre of the code."
ALONE = "This network decodes from one layer alone, so only what is painted on layer {layer} counts."
UNDECODED = "These codes came without a model, so nothing can be decoded: painting shows the map only."
OTHER = (
    "The edit in the address was painted on another image or another version of this checkpoint; its codes are put "
    "into the same cells here."
)


def _several(study: Study, _: Mapping[str, Any]) -> bool:
    return len(study.layer_names) > 1


def _finer(study: Study, options: Mapping[str, Any]) -> bool:
    """Whether layers after the painted one can be left out."""
    return _joint(study) and options["layer"] != study.layer_names[-1]


def _joint(study: Study) -> bool:
    return bool(study.checkpoint.no_decoder) or study.abilities()["joint"]


def _first(study: Study, options: Mapping[str, Any]) -> int:
    """The code in the middle of the picture."""
    picture = options["picture"]
    if picture is None:
        return fields.most_used(study, options)
    codes = study.codes_of(picture, options["layer"])[0]
    return int(codes[codes.shape[0] // 2, codes.shape[1] // 2])


@dataclass(frozen=True)
class Options(palettes.Options, suggestions.Options):
    """What the view can be asked for."""

    layer: str = fields.layer()
    code: int | None = fields.code(start=_first)
    finer: str = fields.option(
        "keep", "Finer layers", help_of("finer layers"), choices={"keep": "Keep", "drop": "Leave out"}, when=_finer
    )  # fmt: skip
    copy: bool = fields.option(False, "Copy from another image", help_of("copying cells"))
    from_image: int = fields.option(
        0, "From image", "Its number, in the order of the dataset.", min=0, when=lambda _, options: options["copy"],
        max=lambda study, _: len(study.images) - 1,
    )  # fmt: skip
    from_layer: str = fields.option(
        "", "From layer", "Cells of another layer are copied by the nearest vector, where both have as many numbers.",
        choices=lambda study, _: {name: name for name in study.layer_names}, start=lambda _, options: options["layer"],
        when=lambda study, options: options["copy"] and _several(study, options),
    )  # fmt: skip
    edit: str = fields.option("", "What is painted", when=lambda *_: False)
    painted: str = fields.option("", "What it was painted on", when=lambda *_: False)


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """The canvas, its palette, and what painting does."""
    if picture is None:
        return Sheet([Note("Choose an image, or give one of your own, to paint on its codes.", "info")])
    easel = Easel(study, options, picture)
    edit, notes = easel.start()
    answer = easel.answer(edits.written(edit, easel.codes))
    blocks: list[Block] = [
        Controls(("layer", "finer")), *notes,
        Row([[Controls(("palette", "concept", "value", "find"))], [Controls(("copy", "from_image", "from_layer"))]]),
        Piece(
            "canvas", "canvas", easel.data(edit, answer), f"Codes of {picture.name}, to paint on",
            answer=easel.asked,
        ),
        Link("All about these codes", "grid_on", Go("code_maps", {"image": picture.address, "layer": options.layer})),
        *suggestions.blocks(study, options, picture, edit, easel.proposal),
    ]  # fmt: skip
    asked = {"suggestions": None if easel.proposal is None else easel.proposal.kept}
    told = {name: answer.get(name) for name in ("cells", "inside", "outside", "read", "text")}
    return Sheet(blocks, {"image": picture.row, "name": picture.name, "layer": options.layer, **told} | asked)


@dataclass(frozen=True)
class Easel:
    """A picture whose codes are painted on: what the canvas is told, first and after each stroke."""

    study: Study
    options: Options
    picture: Looked

    @cached_property
    def codes(self) -> dict[str, np.ndarray]:
        """(H, W) codes of the picture in each layer."""
        return self.study.every_code(self.picture)

    @property
    def sizes(self) -> dict[str, int]:
        return self.study.sizes

    @cached_property
    def proposal(self) -> suggestions.Proposal | None:
        """What was found for the change that is asked for."""
        return suggestions.proposal(self.study, self.options, self.picture)

    @property
    def mark(self) -> str:
        """Tells the checkpoint and the picture that an edit belongs to from others."""
        return digest(self.study.subject.fingerprint, self.study.subject.kmeans, self.picture.key)[:6]

    @property
    def layers(self) -> list[str]:
        """Layers that the decoder gets."""
        names, layer = self.study.layer_names, self.options.layer
        if not _joint(self.study):
            return [layer]
        return names[: names.index(layer) + 1] if self.options.finer == "drop" else names

    def start(self) -> tuple[dict[str, np.ndarray], list[Block]]:
        """What the address says is painted, nothing where that cannot be, and what to know."""
        notes: list[Block] = list(words.continuous(self.study, self.options.layer))
        if self.study.checkpoint.no_decoder:
            notes.append(Note(UNDECODED, "info"))
        elif self.study.book(self.options.layer).kind == "kmeans":
            notes.append(Note(KEPT))
        if not _joint(self.study) and _several(self.study, {}):
            notes.append(Note(ALONE.format(layer=self.options.layer)))
        try:
            edit = edits.read(self.options.edit, self.codes, self.sizes)
        except BadInput as problem:
            text = str(problem)
            return self.codes, [*notes, Note(f"{text[:1].upper()}{text[1:]}. Nothing is painted.", "warning")]
        if self.options.edit and self.options.painted not in ("", self.mark):
            notes.append(Note(OTHER, "warning"))
        return edit, notes

    def asked(self, message: Any) -> dict[str, Any]:
        """What the canvas asks: `edit`, what a stroke does; `save`, codes as a file; `code`, what one looks like."""
        message = message if isinstance(message, dict) else {}
        text = message.get("edit", message.get("save"))
        if isinstance(text, str) and len(text) <= LARGEST:
            return self.file(text) if "save" in message else self.answer(text)
        code = message.get("code")
        if isinstance(code, int) and 0 <= code < self.sizes[self.options.layer]:
            return palettes.described(self.study, self.options.layer, [code])
        raise BadInput("the canvas asked for something that is not there; reload the page")

    def answer(self, text: str) -> dict[str, Any]:
        """What a painted edit looks like and does."""
        edit = edits.read(text, self.codes, self.sizes)
        text = edits.written(edit, self.codes)
        strokes = self.strokes(edit)
        cells = {name: np.flatnonzero(stroke.where) for name, stroke in strokes.items()}
        answer: dict[str, Any] = {
            "text": text, "cells": sum(map(len, cells.values())),
            "carried": {"edit": text or None, "painted": self.mark if text else None},
        }  # fmt: skip
        if self.study.checkpoint.no_decoder:
            return answer
        found = self.painted(edit)
        read = {name: found.read[name] == stroke.codes for name, stroke in strokes.items()}
        return answer | {
            "before": drawing.url(found.before), "after": drawing.url(found.after),
            "difference": drawing.url(drawing.heat(found.difference, SCALE)), **_ends(found),
            "read": sum(int(same.sum()) for same in read.values()),
            "lost": {name: cells[name][~same].tolist() for name, same in read.items()},
            "aimed": None if self.proposal is None else self.proposal.scored(found.after),
        }  # fmt: skip

    def painted(self, edit: Mapping[str, np.ndarray]) -> Painted:
        """The picture decoded with painted codes."""
        return self.study.paint(self.picture, self.strokes(edit), self.layers)

    def strokes(self, edit: Mapping[str, np.ndarray]) -> dict[str, Stroke]:
        """What differs from the picture's own codes, in the layers that the decoder gets."""
        found = {}
        for name in self.layers:
            where = edit[name] != self.codes[name]
            if where.any():
                codes = edit[name][where]
                vectors = self.study.book(name).vectors[codes].cpu().numpy()
                found[name] = Stroke(where, codes, vectors)
        return found

    def file(self, text: str) -> dict[str, Any]:
        """Painted codes as `codes.npz`, which `explorer decode` takes: (1, H, W) of each layer, by its name.

        A layer without codes of its own has its latents beside them, (1, H, W, D).
        """
        edit, kept = edits.read(text, self.codes, self.sizes), {}
        strokes = replace(self, options=replace(self.options, finer="keep")).strokes(edit)
        for name, painted in edit.items():
            kept[name] = painted[None].astype(np.int32)
            if self.study.book(name).kind == "kmeans" and not self.study.checkpoint.no_decoder:
                latents = np.array(self.study.look(self.picture).latents[name])
                if name in strokes:
                    latents[strokes[name].where] = strokes[name].vectors
                kept[f"{name}.latents"] = latents[None]
        data = io.BytesIO()
        np.savez_compressed(data, **kept)
        return {"file": "data:application/octet-stream;base64," + base64.b64encode(data.getvalue()).decode()}

    def data(self, edit: Mapping[str, np.ndarray], answer: Mapping[str, Any]) -> dict[str, Any]:
        """What the canvas draws before the first stroke."""
        study, layer = self.study, self.options.layer
        palette = palettes.chosen(study, self.options, self.picture)
        source = self._source() if self.options.copy else None
        shown = [*palette.codes, *np.unique(self.codes[layer]), *np.unique(edit[layer]), self.options.code]
        shown += [] if source is None else source["codes"]
        return {
            "key": self.mark, "layer": layer, "text": answer["text"],
            "layers": {name: {"grid": list(codes.shape), "codes": codes.reshape(-1).tolist(), "size": self.sizes[name]}
                       for name, codes in self.codes.items()},
            "code": self.options.code, "colours": palettes.colours(study, layer, shown),
            "palette": palette.told, "source": source, "answer": dict(answer), "scale": SCALE,
            "picture": drawing.url(self.picture.pixels), "name": f"{study.checkpoint.name}-{self._file}",
            "help": {name: help_of(name) for name in ("painted cells", "mean absolute change", "read back")},
        } | palettes.described(study, layer, palette.codes)  # fmt: skip

    @property
    def _file(self) -> str:
        return "own" if self.picture.row is None else f"image-{self.picture.row}"

    def _source(self) -> dict[str, Any]:
        """The map that cells are copied from, in codes of the painted layer."""
        options, study = self.options, self.study
        other = study.image(options.from_image)
        codes = study.codes_of(other, options.from_layer)[0]
        title = f"Image {options.from_image:,}, layer {options.from_layer}"
        found, note = palettes.translated(study, codes, options.from_layer, options.layer)
        return {
            "title": title, "note": note, "grid": list(codes.shape), "picture": drawing.url(other.pixels),
            "codes": [] if found is None else found.reshape(-1).tolist(),
        }  # fmt: skip


def _ends(found: Painted) -> dict[str, float | None]:
    """JSON knows no NaN."""
    return {
        name: None if np.isnan(value) else float(value)
        for name, value in (("inside", found.inside), ("outside", found.outside))
    }
