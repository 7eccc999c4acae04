"""The endpoint that finds similar images: what a script gets by HTTP, gradio_client or MCP."""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np

from explorer.analysis.retrieval import wanted
from explorer.demo import shipped
from explorer.errors import BadInput
from explorer.study import queries
from explorer.study import similar as searches
from explorer.views import because
from explorer.views import similar as view

MOST = 100  # images
NONE = np.full((32, 32, 3), 128, np.uint8)  # where nothing was found


class Alike(TypedDict):
    """A held-out image: because names the codes that it shares with the picture, and shares their parts of the score.

    cells are those of the image where these codes stand, counted row by row; copies are rows of the same picture.
    """

    id: int
    name: str
    score: float
    because: list[int]
    shares: list[float]
    cells: list[list[int]]
    copies: list[int]


class Similar(TypedDict):
    """Similar images, the most alike first, of n that were searched.

    exact is false where vectors, pixels or colours decide: then the codes are only what both have.
    """

    checkpoint: str
    layer: str
    by: str
    n: int
    exact: bool
    neighbours: list[Alike]


def similar(
    image: str, checkpoint: str, by: str, layer: str, codes: str, near: int, count: int, fit: str
) -> tuple[Similar, Any]:
    """Finds the held-out images most like a picture, or those that have some codes, and says because of which codes.

    Args:
        image: A JPEG, PNG, WebP, BMP, GIF or TIFF, up to 20 MB and 40 million pixels.
        checkpoint: A name from list_checkpoints.
        by: bag (the same codes, rare ones count more), place (in the same cells), zq or ze (mean latents), pixels or
            colours (no network).
        layer: Name of a layer; empty for the finest with codes.
        codes: Empty, or codes to look for in place of the picture, such as 17,203,-9: with 17 and 203, without 9.
        near: At most so many cells apart stand these codes; 0 for anywhere.
        count: How many images, from 1 to 100.
        fit: crop to the centre square, or pad to a square with white.

    Returns:
        The images with the codes that are the reason, and the images side by side as PNG.
    """
    study, picture = shipped.study(checkpoint), shipped.picture(checkpoint, image, fit)
    if not 1 <= int(count) <= MOST:
        raise BadInput(f"count {int(count)} is out of range; choose from 1 to {MOST}")
    if not 0 <= int(near) <= view.FARTHEST:
        raise BadInput(f"near {int(near)} is out of range; choose from 0 to {view.FARTHEST}")
    layer = study.layer(layer).name if layer else study.main_layer
    if codes.strip():
        asked = wanted.read(codes, len(study.book(layer)))
        found = queries.holding(study, layer, asked, view.within(study, layer, asked, int(near)), int(count))
        by = "codes"
    else:
        if by not in (choices := [name for name in searches.WAYS if name != "encoder"]):
            raise BadInput(f"unknown way {str(by)[:60]!r}; choose from {', '.join(choices)}")
        found = queries.like(study, searches.By(by, layer), picture, None, int(count), layer)
    answer: Similar = {
        "checkpoint": checkpoint, "layer": layer, "by": by, "n": found.of, "exact": found.exact,
        "neighbours": [
            {
                "id": hit.row, "name": study.images.names[hit.row], "score": hit.score,
                "because": [one.code for one in hit.because[: because.SHOWN]],
                "shares": [one.share for one in hit.because[: because.SHOWN]],
                "cells": [one.there.tolist() for one in hit.because[: because.SHOWN]], "copies": list(hit.copies),
            }
            for hit in found.hits
        ],
    }  # fmt: skip
    rows = [hit.row for hit in found.hits]
    return answer, np.concatenate(list(study.images.read(rows)), axis=1) if rows else NONE
