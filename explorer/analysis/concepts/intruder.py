"""The intruder test: can a person tell which of six patches has another code than the other five?

After the word intrusion of Chang et al., Reading tea leaves: how humans interpret topic models, 2009, with patches in
place of words, intruders of matched use, and trials of random codes mixed in blind, where only chance can be right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHOWN = 6  # patches of a trial; one of them is the intruder
NEAR = 10  # codes, at most, among which an intruder is drawn: those whose use is nearest to that of the code
CHANCE = 1 / SHOWN
ARMS = ("code", "random")


@dataclass(frozen=True)
class Trial:
    """Six patches of six images, in the order in which they are shown.

    Attributes:
        arm: `code`, where five have one code, or `random`, where all six have different ones.
        patches: (6,) of a list of patches. codes: (6,) of each. odd: 0 to 5, which one counts as the intruder.
    """

    arm: str
    patches: tuple[int, ...]
    codes: tuple[int, ...]
    odd: int


def plan(
    codes: np.ndarray, images: np.ndarray, count: int, seed: int, nearness: np.ndarray | None = None
) -> list[Trial]:
    """`count` trials of codes, each of another code while there are any, and half as many of random codes, shuffled.

    Codes are drawn from all that have five images among the patches, each as likely; the intruder's code is one of
    the NEAR codes that are used most nearly as often. All six patches are of different images.

    Args:
        codes, images: (M,) code and image of each patch. nearness: (M,) distance of each patch to its code's vector, to
            show the nearest; None shows patches drawn at random.

    Returns:
        None at all where fewer than two codes can be shown.
    """
    generator = np.random.default_rng([seed, 17])
    use = np.bincount(codes)
    members = _members(codes, images, nearness, generator)
    known = [code for code, patches in members.items() if len(patches) >= SHOWN - 1]
    trials: list[Trial] = []
    for code in _drawn(known, count, generator) if len(members) > 1 else []:
        trials += _of_code(code, members, images, use, generator)
    for _ in range(-(-count // 2) if trials else 0):
        trials += _at_random(members, images, generator)
    return [trials[at] for at in generator.permutation(len(trials))]


def _members(
    codes: np.ndarray, images: np.ndarray, nearness: np.ndarray | None, generator: np.random.Generator
) -> dict[int, np.ndarray]:
    """Patches of each code, one of an image, in the order in which they are taken."""
    if not len(codes):
        return {}
    order = generator.permutation(len(codes))
    if nearness is not None:
        order = np.argsort(nearness, kind="stable")
    _, first = np.unique(np.stack([codes[order], images[order]]), axis=1, return_index=True)
    order = order[np.sort(first)]  # of a code and an image the first alone
    order = order[np.argsort(codes[order], kind="stable")]
    found, starts = np.unique(codes[order], return_index=True)
    return dict(zip(found.tolist(), np.split(order, starts[1:]), strict=True))


def _drawn(known: Sequence[int], count: int, generator: np.random.Generator) -> list[int]:
    """`count` of the codes, none twice before all had their turn."""
    rounds = -(-count // max(len(known), 1))
    return [int(code) for _ in range(rounds) for code in generator.permutation(known)][:count] if known else []


def _of_code(code: int, members: dict, images: np.ndarray, use: np.ndarray, generator: np.random.Generator) -> list:
    five = members[code][: SHOWN - 1]
    others = np.array([other for other in members if other != code])
    near = others[np.argsort(np.abs(np.log(use[others] / use[code])), kind="stable")[:NEAR]]
    for other in generator.permutation(near):
        there = members[int(other)]
        free = there[~np.isin(images[there], images[five])]
        if len(free):
            chosen = [*((int(patch), code) for patch in five), (int(free[0]), int(other))]
            return [_shuffled("code", chosen, SHOWN - 1, generator)]
    return []  # all that other codes have is in the same five images


def _at_random(members: dict, images: np.ndarray, generator: np.random.Generator) -> list[Trial]:
    """Six patches of six codes, of so few codes of as many as there are; which one counts is drawn."""
    chosen: list[tuple[int, int]] = []
    codes = [int(code) for code in generator.permutation(list(members))]
    for code in codes * SHOWN:
        taken = images[[patch for patch, _ in chosen]]
        free = members[code][~np.isin(images[members[code]], taken)]
        if len(free):
            chosen.append((int(generator.choice(free)), code))
        if len(chosen) == SHOWN:
            break
    else:
        return []
    return [_shuffled("random", chosen, int(generator.integers(SHOWN)), generator)]


def _shuffled(arm: str, chosen: list[tuple[int, int]], odd: int, generator: np.random.Generator) -> Trial:
    order = generator.permutation(SHOWN)
    patches, codes = zip(*(chosen[at] for at in order), strict=True)
    return Trial(arm, patches, codes, int(np.flatnonzero(order == odd)[0]))


def oddest(features: np.ndarray) -> int:
    """What a machine says: which of the rows (6, F) is farthest from the mean of the five others."""
    features = np.asarray(features, np.float64)
    others = (features.sum(0) - features) / (len(features) - 1)
    return int(np.square(features - others).sum(1).argmax())


def share(found: int, n: int) -> dict[str, float | int]:
    """Share of trials in which the intruder was found, with Wilson's 95 % interval: `found, n, share, low, high`."""
    from explorer.analysis.points import wilson

    low, high = wilson(np.array([found]), n)
    return {
        "found": found,
        "n": n,
        "share": found / n if n else float("nan"),
        "low": float(low[0]),
        "high": float(high[0]),
    }


def score(arms: Sequence[str], odd: Sequence[int], answers: Sequence[int]) -> dict[str, dict[str, float | int]]:
    """Share found in each arm: arms, places of the intruders and answers, one for each trial."""
    right = np.asarray(answers) == np.asarray(odd)
    return {arm: share(int(right[of].sum()), int(of.sum())) for arm in ARMS for of in [np.asarray(arms) == arm]}
