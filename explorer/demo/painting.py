"""The endpoint that paints codes: what a script gets by HTTP, gradio_client or MCP."""

from __future__ import annotations

from typing import Any, TypedDict

from explorer.analysis import edits
from explorer.demo import shipped
from explorer.errors import BadInput
from explorer.sheets import drawing
from explorer.views import edit as view
from explorer.views import fields

LETTERS = 100_000  # of an edit


class Paint(TypedDict):
    """What painting did: mean absolute change of pixels (0 to 1) inside and outside the painted cells.

    read_back counts the painted cells in which the encoder finds the painted code again in the new picture; lost names
    the others by layer.
    """

    checkpoint: str
    edit: str
    cells: int
    inside: float | None
    outside: float | None
    read_back: int
    lost: dict[str, list[int]]


def paint(image: str, checkpoint: str, edit: str, fit: str) -> tuple[Paint, Any, Any]:
    """Puts codes into cells of a picture and decodes it.

    Args:
        image: A JPEG, PNG, WebP, BMP, GIF or TIFF, up to 20 MB and 40 million pixels.
        checkpoint: A name from list_checkpoints.
        edit: Cells, counted row by row, and the codes that they get, by layer, such as code:12-15=345,28=7;top:0=3.
        fit: crop to the centre square, or pad to a square with white.

    Returns:
        What changed, the painted picture as PNG, and the change of each pixel as PNG (dark is none, light is 0.5).
    """
    if len(edit) > LETTERS:
        raise BadInput(f"the edit has {len(edit):,} letters; {LETTERS:,} can be read")
    study, picture = shipped.study(checkpoint), shipped.picture(checkpoint, image, fit)
    if study.checkpoint.no_decoder:
        raise BadInput(study.checkpoint.no_decoder.rstrip("."))
    layer = edit.rpartition(";")[2].rpartition(":")[0]  # where one layer alone is decoded, the last that is painted
    asked = {"layer": layer} if layer in study.layer_names else {}
    options, _ = fields.settled(view.Options, study, asked, picture)
    easel = view.Easel(study, options, picture)
    codes = edits.read(edit, easel.codes, easel.sizes)
    found, told = easel.painted(codes), easel.answer(edit)
    answer: Paint = {
        "checkpoint": checkpoint, "edit": told["text"], "cells": told["cells"], "inside": told["inside"],
        "outside": told["outside"], "read_back": told["read"], "lost": told["lost"],
    }  # fmt: skip
    return answer, found.after, drawing.heat(found.difference, view.SCALE)
