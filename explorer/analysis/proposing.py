"""Swaps that are proposed for an image, what each does, and as many random ones beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from explorer.analysis import suggesting
from explorer.analysis.concepts import pictures
from explorer.analysis.drafts import Drafts

SETS = 24  # of random swaps
LOOKS = ("lightness", "saturation", "hue")  # that are told of the picture before and after
PIXELS = 64  # of a side, of pictures of which as many are drawn as is asked for; of larger ones fewer
Tell = Callable[[int, int, str], None]  # pictures drawn, of how many, what for


@dataclass(frozen=True)
class Aim:
    """What is aimed at.

    Attributes:
        score: pictures (n, h, w, 3) uint8 -> (n,), larger is better. check: the same of what the search does not see.
        pairs: (P, 2) candidates. facts: what is told of it. enough: score at which the search ends.
    """

    score: Callable[[np.ndarray], np.ndarray]
    pairs: np.ndarray
    check: Callable[[np.ndarray], np.ndarray] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    enough: float = np.inf


def near(target: np.ndarray, codes: np.ndarray, start: np.ndarray) -> Aim:
    """Nearness to another image: its pixels (h, w, 3) uint8, its codes (H, W), and those of the image itself (C,)."""
    wanted = target.astype(np.float32) / 255

    def score(found: np.ndarray) -> np.ndarray:
        return -np.square(found.astype(np.float32) / 255 - wanted).mean((1, 2, 3), dtype=np.float64)

    return Aim(score, suggesting.towards(codes.astype(np.int64), start))


def affordable(most: int, fewest: int, image_size: int) -> int:
    """How many pictures are worth the time: `most` of 64 × 64 px, of larger ones fewer, at least `fewest`."""
    return int(np.clip(most * (PIXELS / max(image_size, 1)) ** 2, fewest, most))


def propose(drafts: Drafts, aim: Aim, used: np.ndarray, swaps: int, drawn: int, tell: Tell) -> dict[str, Any]:
    """Searches with about `drawn` pictures; see `results.suggestions` for what is told.

    Args:
        used: codes in use, of which random swaps are made.
    """
    plan = suggesting.Plan.of(drawn, swaps)
    total, done = plan.scan + plan.widen + swaps * plan.again + SETS * (swaps + 1), 0

    def score(codes: np.ndarray, said: str = "trying swaps") -> np.ndarray:
        nonlocal done
        size, parts = affordable(256, 16, drafts.model.image_size), []
        for at in range(0, len(codes), size):
            parts.append(aim.score(drafts.pictures(codes[at : at + size])))
            done = min(done + len(parts[-1]), total - 1)
            tell(done, total, said)
        return np.concatenate(parts) if parts else np.empty(0)

    found = suggesting.search(drafts.start, aim.pairs, swaps, score, plan, aim.enough)
    sets = suggesting.random_swaps(drafts.start, used, len(found.cells), SETS)
    random = _random(drafts, aim, sets, lambda codes: score(codes, "random swaps, to compare with"))
    told = {"asked": swaps, "tried": found.tried, "codes": len(np.unique(aim.pairs[:, 1]))}
    return told | _effects(drafts, aim, found) | {"random": random} | aim.facts


def _effects(drafts: Drafts, aim: Aim, found: suggesting.Found) -> dict[str, Any]:
    """The swaps and what they do."""
    pairs = list(zip(found.cells, found.codes, strict=True))
    pixels = drafts.pictures(suggesting.applied(drafts.start, np.array(pairs, np.int64).reshape(1, -1, 2))[0])
    checks = None if aim.check is None else aim.check(pixels).tolist()
    changed, looks = _changed(pixels[0], pixels), pictures.measure(pixels[[0, -1]])
    swaps = [
        {
            "cell": int(cell), "code_before": int(drafts.start[cell]), "code": int(code),
            "score": float(found.scores[place]), "alone": float(found.alone[place - 1]),
            "changed": float(changed[place]), "check": None if checks is None else checks[place],
        }
        for place, (cell, code) in enumerate(pairs, 1)
    ]  # fmt: skip
    kinds = {name: looks[name].astype(str if name == "hue" else float).tolist() for name in LOOKS}
    start = {"start": float(found.scores[0]), "start_check": None if checks is None else checks[0]}
    return {"swaps": swaps, **start, "looks": kinds}


def _random(drafts: Drafts, aim: Aim, sets: np.ndarray, score: suggesting.Score) -> dict[str, Any]:
    """The yardstick: as many random swaps."""
    steps = suggesting.applied(drafts.start, sets)  # (sets, swaps + 1, C)
    scores = score(steps.reshape(-1, steps.shape[-1])).reshape(steps.shape[:2]).tolist()
    last = drafts.pictures(steps[:, -1])
    order = np.argsort([one[-1] for one in scores], kind="stable")
    return {
        "sets": SETS, "scores": scores, "checks": [] if aim.check is None else aim.check(last).tolist(),
        "changed": _changed(drafts.pictures(drafts.start[None])[0], last).tolist(),
        "middle": sets[order[len(order) // 2]].tolist(),
    }  # fmt: skip


def _changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Mean absolute change of pictures (n, h, w, 3) uint8 against one, (n,) in [0, 1]."""
    return np.abs(after.astype(np.float32) - before.astype(np.float32)).mean((1, 2, 3)) / 255
