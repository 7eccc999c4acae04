"""Swaps of codes of one image that make it more of a concept, or more like another image, beside random swaps.

What `make` gives:
```
image, name, layer, layers, begin, finer   the image, whose codes, of which layers it is decoded, the edit at the start
aim: {concept, value, towards}             either a concept and its value, or the number of another image
swaps: [{cell, code_before, code, score, alone, changed, check}]    in the order in which they were found
start, start_check                         scores before any swap
random: {sets, scores: [[…]], checks, changed, middle: [[cell, code]]}    scores: sets × (swaps + 1), checks of the last
probes: {read, seen: {weights, offset, held_out: {score, low, high, n}}}, fitted, held    of a concept
looks: {lightness, saturation, hue: [before, after]}    computed from the pixels
tried, codes, asked, seconds
```
Scores are log-odds of a frozen probe of the decoded picture, read again; towards an image the negative mean squared
error of the decoded picture, in [0, 1]². `check` is what a probe of the pixels says, which the search does not see.
`changed` is the mean absolute change of the decoded picture, all swaps up to this one together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, read_json, write_json
from explorer.options import choice, number, text
from explorer.results import pictures

if TYPE_CHECKING:
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

VERSION = 1  # counted up whenever the same input gives other numbers


@dataclass(frozen=True)
class Options:
    """What an image should become."""

    image: int = number(0, "The image whose codes are swapped, by its number.", low=0)
    layer: str = text("", "Whose codes; the main one, unless one is named.")
    concept: str = text("", "A concept of the images, of which there should be more.")
    value: str = text("", "The value of the concept.")
    towards: int | None = number(None, "Another image that it should look like, by its number.", low=0)
    swaps: int = number(8, "Cells that are swapped, at most.", low=1, high=16)
    finer: str = choice("keep", ("keep", "drop"), "keep or drop the layers finer than this one.")
    begin: str = text("", "An edit that comes first, such as code:12-15=345.")


def key(subject: Subject, options: Options) -> str:
    """Content of the encoding, what is asked, and the sets that the user gathered where one is asked for."""
    from explorer.notebook import sets

    gathered = sets.version(subject.images.fingerprint) if options.concept.startswith(sets.PREFIX) else None
    asked = asdict(complete(subject, options))
    return digest("suggestions", VERSION, pictures.VERSION, subject.encoding_key, asked, gathered)


def complete(subject: Subject, options: Options) -> Options:
    """The options with the layer named that is meant."""
    from explorer.results.subject import main_layer

    return options if options.layer else replace(options, layer=main_layer(subject.facts))


def make(
    subject: Subject, options: Options, path: Path, progress: Progress, encoding: Encoding, obtain: Callable
) -> None:
    """Searches and writes what is above; BadInput where nothing can be asked."""
    import torch

    from explorer.precision import exact
    from explorer.results.suggestions.question import Question

    started = time.perf_counter()
    with torch.inference_mode(), exact():
        found = Question(subject, complete(subject, options), encoding, progress, obtain).found()
    write_json(path, {"what": "suggestions", **found, "seconds": time.perf_counter() - started})


def read(path: Path, key: str = "") -> dict[str, Any]:
    """What `make` wrote; BadInput where it is damaged."""
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} holds no suggestions or is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("what") != "suggestions":
        raise BadInput(f"{path.name} holds no suggestions; delete it")
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """The suggestions for people to read."""
    import numpy as np

    from explorer.analysis.concepts.one_value import share

    aim, random = found["aim"], [scores[-1] for scores in found["random"]["scores"]]
    concept = aim["towards"] is None
    what = f"{aim['concept']} = {aim['value']}" if concept else f"image {aim['towards']:,}"

    def said(score: float) -> str:
        return f"{share(score):.1%}" if concept else f"{-10 * np.log10(max(-score, 1e-12)):.2f} dB"

    rows = [f"image {found['image']:,}, {found['layer']}: {'more of' if concept else 'towards'} {what}"]
    rows += [
        f"{place}. cell {one['cell']}: code {one['code_before']} → {one['code']}, {said(one['score'])}"
        for place, one in enumerate(found["swaps"], 1)
    ]
    rows.append(f"{said(found['start'])} before; {said(float(np.median(random)))} after as many random swaps (median)")
    return rows
