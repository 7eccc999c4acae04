"""Scores of what codes have to do with concepts: each is one file here, one line in SCORES, and kept by content.

A file has a function `make(material) -> dict` of plain numbers, texts, lists and dicts. What cannot be had (no decoder,
no pictures, one checkpoint only) is `{"missing": "one sentence"}`; what cannot be had of one layer or concept is left
out and named in `refused`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, write_bytes
from explorer.options import choice
from explorer.results import pictures
from explorer.results.scores import asked

if TYPE_CHECKING:
    from types import ModuleType

    from explorer.progress import Progress
    from explorer.results.subject import Subject


LONGEST = 64 * 1024 * 1024  # bytes of a score, unpacked


@dataclass(frozen=True)
class Score:
    """One question that is asked of codes.

    Attributes:
        title: of it. about: what it tells, in a sentence.
        version: counted up whenever the same input gives other numbers.
        pictures: whether it is of the images alone, whichever checkpoint is asked.
    """

    title: str
    about: str
    version: int = 1
    pictures: bool = False


SCORES: dict[str, Score] = {  # what matters first; one is made after another
    "leak": Score(
        "Copies", "Whether images that are judged have copies that are fitted on.", pictures=True,
    ),
    "judgement": Score(
        "Verdicts", "How much of each concept each layer holds, beside every null.", version=3,
    ),
    "information": Score(
        "Bits", "How many bits a token tells of each concept, above chance, beyond its position and the colour.",
        version=3,
    ),
    "recoloured": Score(
        "Is it only colour?", "What codes still tell of pictures that are grey, or whose hues are turned.",
    ),
    "swaps": Score(
        "Codes put in each other's place",
        "Where a picture changes when a code becomes another one, and whether a frozen probe then says another value.",
        version=2,
    ),
    "invariance": Score(
        "Codes that stay",
        "How many tokens stay when a picture is shifted by a pixel, flipped, saved as JPEG, made brighter, decoded.",
    ),
    "hierarchy": Score(
        "What each layer is for",
        "What a picture loses when a layer is damaged, and what a layer's codes tell beyond those of the others.",
    ),
    "disentanglement": Score(
        "Factors", "Whether codes keep known factors apart: MIG, DCI, SAP, FactorVAE, modularity, InfoMEC.",
    ),
    "compositionality": Score(
        "Pairs", "Whether two codes beside one another tell more of a concept than either alone.", version=2,
    ),
    "dissection": Score(
        "Where codes lie", "How far the cells of codes overlap with the object, beside masks of other images.",
    ),
    "unseen": Score(
        "Dead, or unseen?", "How many dead codes are merely unseen, and what more images would show.", version=2,
    ),
    "stability": Score(
        "Stability", "Whether another training of the same config finds the same codes.",
    ),
    "human": Score(
        "Intruder test", "Whether people see which of six patches has another code.",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Options(asked.Options):
    """Which score of which layers and concepts."""

    score: str = choice("judgement", (), "Which score.")


def module(score: str) -> ModuleType:
    """The file of a score: its `make`, and for some `beside`, (subject, options) -> content of what it looks for.

    They are imported when the first of them is asked for: a command that needs none answers without NumPy.
    """
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
        recoloured,
        stability,
        swaps,
        unseen,
    )

    files = (
        *(leak, judgement, information, recoloured, swaps, invariance, hierarchy, disentanglement, compositionality),
        *(dissection, unseen, stability, human),
    )
    return {one.__name__.rpartition(".")[2]: one for one in files}[score]


def key(subject: Subject, options: Options) -> str:
    """Content of the encoding, of tables, sets and checkpoints beside it, the score and what is asked of it."""
    if options.score not in SCORES:
        raise BadInput(f"unknown score {options.score!r}; choose from {', '.join(SCORES)}")
    from explorer.notebook import sets

    score, images, beside = SCORES[options.score], subject.images, getattr(module(options.score), "beside", None)
    made = [score.version, SCORES["leak"].version, pictures.VERSION]
    found = None if beside is None else beside(subject, options)
    if score.pictures:
        return digest("score", made, images.fingerprint, images.split, options.score, found)
    words = asdict(options) | {"concepts": None, "ceiling": None, "others": None}
    gathered = sets.version(subject.images.fingerprint) if sets.PREFIX in (options.concept or sets.PREFIX) else None
    content = *asked.contents(options), *filter(None, [gathered])
    return digest("score", made, subject.encoding_key, words, found, *content)


def make(
    subject: Subject, options: Options, path: Path, progress: Progress, encoding: Any, obtain: Callable | None = None
) -> None:
    """Computes a score and writes `score, dataset, split, images` and what it found; `circular` where codes chose
    sets, `notes` on a table of concepts.

    Args:
        obtain: (kind, subject, options) -> (path, content) of another result, as `results.obtain`.
    """
    from explorer.notebook import sets
    from explorer.results.scores.material import Material

    of = Material(subject, options, encoding, progress, obtain)
    found = module(options.score).make(of)
    facts = {"score": options.score, "dataset": subject.dataset, "split": subject.split, "images": len(of.rows)}
    own = sets.chosen_by(subject.images.fingerprint, subject.fingerprint)
    of_concepts = not SCORES[options.score].pictures
    circular = {one.name: sets.CIRCULAR for one in (of.concepts if of_concepts else ()) if one.name in own}
    told = {"circular": circular, "notes": of.told if of_concepts else []}
    whole = facts | {name: what for name, what in told.items() if what} | found
    text = json.dumps(_rounded(whole), separators=(",", ":"), ensure_ascii=False)
    write_bytes(path, gzip.compress(text.encode(errors="backslashreplace"), mtime=0))  # the same bytes each time


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
        with gzip.open(path) as file:
            content = file.read(LONGEST + 1)
        found = json.loads(content) if len(content) <= LONGEST else None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadInput(f"{path.name} is no score or is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("score") not in SCORES:
        raise BadInput(f"{path.name} is not a score; delete it")
    return found
