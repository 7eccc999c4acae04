"""How a surprisal is made: codes of the images, what the prior says of them, and what counting says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.results.surprisal import passes
from explorer.results.surprisal.kept import FITTED, VERSION, Surprisal, elsewhere

if TYPE_CHECKING:
    from explorer.datasets import Images
    from explorer.encodings import Encoding
    from explorer.priors.folder import Facts
    from explorer.progress import Progress
    from explorer.results.subject import Subject

OTHER_HALF = "images: each half is counted for the other half"


def ask(subject: Subject, facts: Facts, encoding: Encoding, progress: Progress) -> Surprisal:
    """What `Surprisal` holds but scores of another set; `facts` are those of the prior."""
    opened = passes.Opened(subject, facts, progress)
    own = opened.codes_of(subject.images, encoding)
    column = facts.condition.column if facts.condition else None
    classes = _classes(facts, subject.images)
    maps, bits = opened.bits(own, classes, "asking the prior")
    bare, steps = {}, {"prior": bits}
    if column:
        bare, without = opened.bits(own, np.full(len(classes), -1), "asking the prior without class")
        steps = {"prior": without, "class": bits}
    progress.update(len(classes), "counting codes beside one another")
    train = _training(opened)
    counted, tables = _counted(own, None if train is None else opened.codes_of(train), facts)
    told = {
        "version": VERSION, "prior": facts.name, "dataset": subject.dataset, "split": subject.images.split,
        "images": len(classes), "column": column, "classed": int((classes >= 0).sum()), "hidden": passes.hidden(facts),
        "levels": [{"name": one.name, "grid": list(one.grid), "codes": one.codes} for one in facts.levels],
        "fitted": {
            "images": len(classes) // 2 if train is None else len(train),
            "how": OTHER_HALF if train is None else "training images",
        },
        "other": None,
    }  # fmt: skip
    small = {name: one.astype(np.min_scalar_type(int(one.max(initial=0)))) for name, one in own.items()}
    return Surprisal(told, small, maps, bare, steps | counted, tables, {}, None, None)


def _classes(facts: Facts, images: Images) -> np.ndarray:
    """(N,) class of each image; −1 where the prior has none, or the images lack its column."""
    if facts.condition is None or facts.condition.column not in images.concepts:
        return np.full(len(images), -1, np.int64)
    return facts.condition.classes(images.concepts[facts.condition.column])


def _training(opened: passes.Opened) -> Images | None:
    """Training images of the same dataset; None where there are none apart from those that are measured."""
    from explorer import datasets

    subject = opened.subject
    if subject.facts.family == "codes" or subject.images.split in ("train", "all"):
        return None
    if "train" not in datasets.split_names(subject.dataset) or elsewhere(subject):
        return None
    found = subject.load("train", FITTED, opened.progress)
    return found if len(found) > 1 else None


def _counted(
    own: dict[str, np.ndarray], train: dict[str, np.ndarray] | None, facts: Facts
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """{step: {level: (N,) bits}} of models that count, and the bits (K,) of each code by its frequency."""
    from explorer.analysis import code_models, surroundings

    models = {"unigram": code_models.unigram, "place": surroundings.by_place, "neighbours": code_models.bigram}
    steps: dict[str, dict[str, np.ndarray]] = {step: {} for step in models}
    tables = {}
    for level in facts.levels:
        held = own[level.name]
        fitted = held if train is None else train[level.name]
        for step, model in models.items():
            values = _crossed(model, held, level.codes) if train is None else model(fitted, held, level.codes)
            steps[step][level.name] = values.astype(np.float32)
        every = np.arange(level.codes).reshape(-1, 1, 1)
        tables[level.name] = code_models.unigram(fitted, every, level.codes).astype(np.float32)
    return steps, tables


def _crossed(model: Any, codes: np.ndarray, size: int) -> np.ndarray:
    """Bits (N,) of each half of the images by what was counted in the other half."""
    order = np.random.default_rng(6).permutation(len(codes))
    halves = order[: len(codes) // 2], order[len(codes) // 2 :]
    if not len(halves[0]):
        return np.full(len(codes), codes[0].size * np.log2(size))
    found = np.empty(len(codes))
    for held, fitted in (halves, halves[::-1]):
        found[held] = model(codes[fitted], codes[held], size)
    return found
