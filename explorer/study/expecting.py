"""What a prior expected of an image: bits and rank of each code that stands there, and the codes it found likeliest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.study import priors

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.priors.prior import Prior
    from explorer.study import Picture, Study

LIKELIEST = 4  # codes of each cell that are told
LOGITS = 2**22  # that are held at once
MOST = 2**26  # of a whole image; beyond, codes are not ranked, which would take long
LN2 = float(np.log(2))


@dataclass(frozen=True)
class Expected:
    """Of one level of one image.

    Attributes:
        codes: (H, W) that stand there. bits: (H, W) float32, −log2 of their probability. rank: (H, W) how many codes
            were at least as likely, 1 for the likeliest; 0 where they are not ranked, and then n is 0.
        likeliest: (H, W, n) codes, the likeliest first. chances: (H, W, n) their probabilities.
    """

    codes: np.ndarray
    bits: np.ndarray
    rank: np.ndarray
    likeliest: np.ndarray
    chances: np.ndarray


def codes_of(study: Study, facts: Facts, picture: Picture) -> dict[str, np.ndarray]:
    """Codes (H, W) int64 of a picture in each level, by the codebooks that the prior was trained on."""
    from explorer.priors import folder

    books, found = folder.books(facts.path), {}
    for level in facts.levels:
        book = books.get(level.name)
        if book is None or _same(book.vectors, study.book(level.name).vectors):
            found[level.name] = study.codes_of(picture, level.name)[0].astype(np.int64)
        else:
            import torch

            latents = torch.from_numpy(study.look(picture).latents[level.name])
            found[level.name] = book.assign(latents).cpu().numpy()
    return found


def _same(first: object, second: object) -> bool:
    return first.shape == second.shape and bool((first.cpu() - second.cpu()).abs().max() < 1e-6)


def agrees(study: Study, facts: Facts, level: str) -> bool:
    """Whether the codes of a level are those that the other pages show, so that they have patches and colours."""
    from explorer.priors import folder

    book = folder.books(facts.path).get(level)
    return level in study.layer_names and (book is None or _same(book.vectors, study.book(level).vectors))


def class_of(study: Study, facts: Facts, picture: Picture) -> int:
    """The class of a picture; −1 where it is not known, or the prior has none."""
    if facts.condition is None or picture.row is None or facts.condition.column not in study.images.concepts:
        return -1
    return int(facts.condition.classes(study.images.concepts[facts.condition.column].iloc[[picture.row]])[0])


def expect(facts: Facts, codes: Mapping[str, np.ndarray], known: int, level: str) -> Expected:
    """What the prior expected in a level, given the codes (H, W) before each, of the levels above, and the class."""
    return priors.ask(_expect, facts, dict(codes), known, level)


@priors.through_prior
def _expect(prior: Prior, codes: Mapping[str, np.ndarray], known: int, level: str) -> Expected:
    import torch

    device = next(prior.parameters()).device
    given = {name: torch.from_numpy(one.astype(np.int64))[None].to(device) for name, one in codes.items()}
    stage, own = prior.stage(level), given[level]
    if own.numel() * stage.level.codes > MOST:
        bits = prior.nats(given, torch.tensor([known], device=device))[level][0].cpu().numpy() / LN2
        nothing = np.zeros((*own.shape[1:], 0), np.float32)
        return Expected(codes[level], bits, np.zeros(own.shape[1:], np.int64), nothing.astype(np.int64), nothing)
    features = stage.features(given, torch.tensor([known], device=device))[0].flatten(0, 1)  # (T, C)
    flat, found = own.reshape(-1), []
    for part in range(0, len(flat), step := max(1, LOGITS // stage.level.codes)):
        chances = stage.logits(features[part : part + step]).float().log_softmax(-1)
        here = chances.gather(1, flat[part : part + step, None])
        best = chances.topk(min(LIKELIEST, stage.level.codes), 1)
        found.append((here[:, 0], (chances > here).sum(1) + 1, best.indices, best.values.exp()))
    bits, rank, likeliest, likely = (torch.cat(one).cpu().numpy() for one in zip(*found, strict=True))
    grid = own.shape[1:]
    return Expected(
        codes[level], np.maximum(-bits / LN2, 0).reshape(grid), rank.reshape(grid), likeliest.reshape(*grid, -1),
        likely.reshape(*grid, -1),
    )  # fmt: skip
