"""Scores of what codes have to do with concepts: each is one file here, one line in SCORES, and kept by content.

A score is a function `make(material) -> dict` of plain numbers, texts, lists and dicts. What cannot be had (no decoder,
no pictures, one checkpoint only) is `{"missing": "one sentence"}`; what cannot be had of one layer or concept is left
out and named in `refused`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, read_json, write_bytes
from explorer.notebook import sets
from explorer.options import choice
from explorer.results import pictures
from explorer.results.scores import (
    compositionality,
    disentanglement,
    dissection,
    hierarchy,
    human,
    information,
    invariance,
    judgement,
    leak,
    material,
    recoloured,
    stability,
    swaps,
    unseen,
)
from explorer.results.scores.material import Material

if TYPE_CHECKING:
    from explorer.progress import Progress
    from explorer.results.subject import Subject


@dataclass(frozen=True)
class Score:
    """One question that is asked of codes.

    Attributes:
        title: of it. about: what it tells, in a sentence.
        make: see above. version: counted up whenever the same input gives other numbers.
        pictures: whether it is of the images alone, whichever checkpoint is asked.
        beside: (subject, options) -> content of what it looks for by itself, as part of its key.
    """

    title: str
    about: str
    make: Callable[[Material], dict[str, Any]]
    version: int = 1
    pictures: bool = False
    beside: Callable[[Subject, Any], Any] | None = None


SCORES: dict[str, Score] = {
    "judgement": Score(
        "Verdicts", "How much of each concept each layer holds, beside every null.", judgement.make, 2,
    ),
    "information": Score(
        "Bits", "How many bits a token tells of each concept, above chance, beyond its position and the colour.",
        information.make, version=3,
    ),
    "human": Score(
        "Intruder test", "Whether people see which of six patches has another code.", human.make, beside=human.beside,
    ),
    "leak": Score(
        "Copies", "Whether images that are judged have copies that are fitted on.", leak.make, pictures=True,
        beside=leak.beside,
    ),
    "stability": Score(
        "Stability", "Whether another training of the same config finds the same codes.", stability.make,
        beside=stability.beside,
    ),
    "unseen": Score(
        "Dead, or unseen?", "How many dead codes are merely unseen, and what more images would show.", unseen.make, 2,
    ),
    "dissection": Score(
        "Where codes lie", "How far the cells of codes overlap with the object, beside masks of other images.",
        dissection.make,
    ),
    "compositionality": Score(
        "Pairs", "Whether two codes beside one another tell more of a concept than either alone.",
        compositionality.make, version=2,
    ),
    "swaps": Score(
        "Codes put in each other's place",
        "Where a picture changes when a code becomes another one, and whether a frozen probe then says another value.",
        swaps.make, version=2,
    ),
    "invariance": Score(
        "Codes that stay",
        "How many tokens stay when a picture is shifted by a pixel, flipped, saved as JPEG, made brighter, decoded.",
        invariance.make,
    ),
    "recoloured": Score(
        "Is it only colour?",
        "What codes still tell of pictures that are grey, or whose hues are turned.",
        recoloured.make,
    ),
    "hierarchy": Score(
        "What each layer is for",
        "What a picture loses when a layer is damaged, and what a layer's codes tell beyond those of the others.",
        hierarchy.make,
    ),
    "disentanglement": Score(
        "Factors", "Whether codes keep known factors apart: MIG, DCI, SAP, FactorVAE, modularity, InfoMEC.",
        disentanglement.make,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Options(material.Options):
    """Which score of which layers and concepts."""

    score: str = choice("judgement", (), "Which score.")


def key(subject: Subject, options: Options) -> str:
    """Content of the encoding, of tables, sets and checkpoints beside it, the score and what is asked of it."""
    if options.score not in SCORES:
        raise BadInput(f"unknown score {options.score!r}; choose from {', '.join(SCORES)}")
    score, images = SCORES[options.score], subject.images
    made = [score.version, SCORES["leak"].version, pictures.VERSION]
    found = None if score.beside is None else score.beside(subject, options)
    if score.pictures:
        return digest("score", made, images.fingerprint, images.split, options.score, found)
    asked = asdict(options) | {"concepts": None, "ceiling": None, "others": None}
    gathered = sets.version(subject.images.fingerprint) if sets.PREFIX in (options.concept or sets.PREFIX) else None
    content = *material.contents(options), *filter(None, [gathered])
    return digest("score", made, subject.encoding_key, asked, found, *content)


def make(
    subject: Subject, options: Options, path: Path, progress: Progress, encoding: Any, obtain: Callable | None = None
) -> None:
    """Computes a score and writes `score, dataset, split, images` and what it found; `circular` where codes chose
    sets, `notes` on a table of concepts.

    Args:
        obtain: (kind, subject, options) -> (path, content) of another result, as `results.obtain`.
    """
    of = Material(subject, options, encoding, progress, obtain)
    found = SCORES[options.score].make(of)
    facts = {"score": options.score, "dataset": subject.dataset, "split": subject.split, "images": len(of.rows)}
    own = sets.chosen_by(subject.images.fingerprint, subject.fingerprint)
    of_concepts = not SCORES[options.score].pictures
    circular = {one.name: sets.CIRCULAR for one in (of.concepts if of_concepts else ()) if one.name in own}
    told = {"circular": circular, "notes": of.told if of_concepts else []}
    whole = facts | {name: what for name, what in told.items() if what} | found
    write_bytes(path, json.dumps(_rounded(whole), separators=(",", ":")).encode())


def _rounded(value: Any) -> Any:
    """Numbers to six digits: far finer than any interval here, and a third of the length."""
    if isinstance(value, dict):
        return {str(key): _rounded(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    return float(f"{value:.6g}") if isinstance(value, float) else value


def read(path: Path, key: str) -> dict[str, Any]:
    """What `make` wrote; BadInput where it is damaged or something else."""
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} is no score or is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("score") not in SCORES:
        raise BadInput(f"{path.name} is not a score; delete it")
    return found
