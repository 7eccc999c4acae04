"""Sentences that several views say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from explorer.sheets import Block, Note

if TYPE_CHECKING:
    from explorer.study import Study

NO_CONCEPTS = "This dataset has no concepts. Put images into a folder for each class, or a metadata.csv beside them."
KMEANS = (
    "This layer is continuous: its codes are the {codes:,} centres of k-means, fitted on training images{among}. Each "
    "latent counts as the centre nearest to it; the model itself knows nothing of them."
)
AMONG = ", which are among those measured here: they fit these better than others"
CONSTANT = (
    "This layer is continuous, but it had one value on all training images; that value is its only code, and there is "
    "nothing to compare it with."
)
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
GIVEN = {  # kinds of codebooks of codes without a network
    "placed": "No codebook was given; codes are placed by the images that they share, so that distances between codes "
    "tell how far they occur in other images, and nothing of what the tokenizer holds for alike.",
    "means": "No codebook was given; each code stands at the mean of the latents of its tokens.",
}


def continuous(study: Study, layer: str) -> list[Block]:
    """What the codes of a continuous layer are, or where vectors that no codebook gave come from; else nothing."""
    book = study.book(layer)
    if book.kind != "kmeans":
        return given(study, layer)
    return [Note(KMEANS.format(codes=len(book), among=among(study)) if len(book) > 1 else CONSTANT)]


def given(study: Study, layer: str) -> list[Block]:
    """Where vectors come from that no codebook gave; nothing for any other layer."""
    kind = study.book(layer).kind
    return [Note(GIVEN[kind])] if kind in GIVEN else []


def among(study: Study) -> str:
    """Says that what is fitted on training images is measured on them, too; empty for held-out images."""
    return AMONG if study.images.split in ("all", "train") else ""


def no_decoder(study: Study) -> list[Block]:
    """Why there is nothing decoded; nothing for a model with a decoder."""
    return [Note(study.checkpoint.no_decoder, "info")] if study.checkpoint.no_decoder else []


def called(names: Mapping[int, str], code: int) -> str:
    """ "code 17", or "code 17 “round edge”" where the user named it (`Study.names`)."""
    name = names.get(code)
    return f"code {code:,}" + (f" “{name}”" if name else "")


def many(count: int, one: str, more: str = "") -> str:
    """ "1 code", "2 codes"; `more` where that is no s."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {more or one + 's'}"


def tiny(value: float) -> str:
    """ "0.0123", "4.47 · 10⁻⁵": three digits, without an e."""
    digits, _, power = f"{value:.3g}".partition("e")
    return f"{digits} · 10{str(int(power)).translate(RAISED)}" if power else digits
