"""Pictures that a checkpoint was not made for: said before anyone reads much into them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from explorer.errors import BadInput
from explorer.sheets import Block, Note

if TYPE_CHECKING:
    from explorer.study import Picture, Study

LEAST = 1  # percent of the held-out images that come back worse than a picture that counts as like them
LONGEST = 40  # letters of a name in a sentence
GREY = 2.0  # mean difference of the largest and the smallest channel below which a picture counts as grey


def _home(study: Study) -> Study | None:
    """The checkpoint on held-out images of what it was trained on, if they are at hand."""
    from explorer import datasets

    own, subject = study.checkpoint.dataset, study.subject
    if own is None or own == subject.dataset:
        return None if own is None else study
    try:
        if own != "digits" and not datasets.ready(own, "test", study.checkpoint.image_size, fit=subject.fit):
            return None
        return type(study)(
            dataclasses.replace(subject, dataset=own, split="test", limit=study.checkpoint.limit_on(own))
        )
    except BadInput:
        return None  # its images are elsewhere


def notes(study: Study, shown: Sequence[Picture]) -> list[Block]:
    """Warnings about pictures that come back worse than what the checkpoint was trained for, or in other colours.

    Judged by the reconstruction: the PSNR of the picture, against that of the held-out images of the set that the
    checkpoint was trained on. Nothing is said where that is unknown, or where there are no reconstructions.
    """
    home = _home(study)
    new = [one for one in shown if one.row is None or home is not study]
    if not new or study.checkpoint.no_decoder:
        return []
    name, trained = study.checkpoint.name, study.checkpoint.dataset
    found = [] if home is None else _colours(home, new, f"the images that {name} was trained on ({trained})")
    usual = _usual(study, home)
    if usual is not None:
        psnr = study.compare(np.stack([one.pixels for one in new])).psnr
        far = [one for one, value in zip(new, psnr, strict=True) if value < usual]
        if far:
            come = "it comes" if len(far) == 1 else "they come"
            reached = f"{psnr[psnr < usual].max():.1f} dB{' or less' if len(far) > 1 else ''}"
            found.append(
                f"{_names(far, len(new))} unlike the images that {name} was trained on ({trained}): {come} back with a "
                f"PSNR of {reached}, and {100 - LEAST}% of the held-out ones with {usual:.1f} dB or more."
            )
    return [Note(text, "warning") for text in found]


def _usual(study: Study, home: Study | None) -> float | None:
    """The PSNR in dB that all but the worst 1 % of the held-out images reach; None where nobody measured it."""
    if home is not None and home.encoded:
        psnr = home.errors()["psnr"].dropna()
        return float(np.percentile(psnr, LEAST)) if len(psnr) else None
    found = (study.checkpoint.metrics.get("psnr") or {}).get("percentile_1")
    return found if isinstance(found, float) else None


def _colours(home: Study, new: Sequence[Picture], trained: str) -> list[str]:
    """Grey pictures for a checkpoint that knows colours, or the other way about."""
    grey = _grey(home.images.read(np.random.default_rng(0).permutation(len(home.images))[:32]))
    other = [one for one in new if _grey(one.pixels) != grey]
    if not other:
        return []
    if grey:
        return [f"{_names(other, len(new))} in colour, but {trained} are grey. Expect grey reconstructions."]
    return [f"{_names(other, len(new))} grey, but {trained} are in colour. Expect odd colours."]


def _grey(pixels: np.ndarray) -> bool:
    return bool(np.ptp(pixels.astype(np.int16), -1).mean() < GREY)


def _names(found: Sequence[Picture], of: int) -> str:
    """ "a.jpg is", "Your picture is" where its name is long, "6 of these 8 pictures are"."""
    if of == 1:
        return f"{found[0].name if len(found[0].name) <= LONGEST else 'Your picture'} is"
    return f"{len(found)} of these {of} pictures {'is' if len(found) == 1 else 'are'}"
