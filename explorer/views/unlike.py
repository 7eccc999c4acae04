"""Pictures that are unlike those that a checkpoint was trained on: said before anyone reads much into them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from explorer.errors import BadInput
from explorer.sheets import Block, Note

if TYPE_CHECKING:
    from explorer.study import Picture, Study

UNUSUAL = 0.99  # farther away than so many of the known images from one another
LOOKED = 8  # pictures that are looked at for being unusual
LONGEST = 40  # letters of a name in a sentence
GREY = 2.0  # mean difference of the largest and the smallest channel below which a picture counts as grey


def reference(study: Study, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Pooled latents (N, D) of all images, and how far each is from its nearest other (N,)."""
    from explorer.analysis import placing

    pooled = study.encoding.pooled(layer)
    return pooled, placing.gaps(pooled)


def _home(study: Study) -> Study | None:
    """The checkpoint on held-out images of what it was trained on, if they are at hand."""
    from explorer import datasets

    own, subject = study.checkpoint.dataset, study.subject
    if own is None or own == subject.dataset:
        return None if own is None else study
    try:
        if own != "digits" and not datasets.ready(own, "test", study.checkpoint.image_size, fit=subject.fit):
            return None
        return type(study)(dataclasses.replace(subject, dataset=own, split="test", limit=None))
    except BadInput:
        return None  # its images are elsewhere


def notes(study: Study, shown: Sequence[Picture]) -> list[Block]:
    """Warnings about pictures that are unlike those that the checkpoint was trained on; none where that is unknown."""
    home = _home(study)
    new = [one for one in shown if one.row is None or home is not study]
    if not new:
        return []
    trained = f"the images that {study.checkpoint.name} was trained on ({study.checkpoint.dataset})"
    found = [] if home is None else _colours(home, new, trained)
    known, these = (home, trained) if home and home.encoded else (study, f"the images here ({study.images.name})")
    if known.encoded:
        layer, some = known.main_layer, [one for one in new[:LOOKED] if one.row is None or known is not study]
        far = [one for one in some if _unusual(study, known, layer, one)]
        if far:
            found.append(
                f"{_names(far, len(some))} unlike {these}: the nearest of {known.encoding.images:,} of them is farther "
                f"away than {UNUSUAL:.0%} of them are from their own nearest. Expect a worse reconstruction."
            )
    return [Note(text, "warning") for text in found]


def _colours(home: Study, new: Sequence[Picture], trained: str) -> list[str]:
    """Grey pictures for a checkpoint that knows colours, or the other way about."""
    grey = _grey(home.images.read(np.random.default_rng(0).permutation(len(home.images))[:32]))
    other = [one for one in new if _grey(one.pixels) != grey]
    if not other:
        return []
    if grey:
        return [f"{_names(other, len(new))} in colour, but {trained} are grey. Expect grey reconstructions."]
    return [f"{_names(other, len(new))} grey, but {trained} are in colour. Expect odd colours."]


def _unusual(study: Study, known: Study, layer: str, picture: Picture) -> bool:
    from explorer.analysis import placing

    latent = study.look(picture).latents[layer].mean((0, 1))
    found = placing.find(latent, *known.remember(reference, layer), 1)
    return not found.copy and found.unusual >= UNUSUAL


def _grey(pixels: np.ndarray) -> bool:
    return bool(np.ptp(pixels.astype(np.int16), -1).mean() < GREY)


def _names(found: Sequence[Picture], of: int) -> str:
    """ "a.jpg is", "Your picture is" where its name is long, "6 of these 8 pictures are"."""
    if of == 1:
        return f"{found[0].name if len(found[0].name) <= LONGEST else 'Your picture'} is"
    return f"{len(found)} of these {of} pictures {'is' if len(found) == 1 else 'are'}"
