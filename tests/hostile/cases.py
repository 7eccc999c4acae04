"""All hostile cases, by kind, and those of them that every run of the tests opens."""

from __future__ import annotations

from tests.hostile import archives, configs, kept, pickles, pictures, places, tables, weights
from tests.hostile.case import Case

CASES: list[Case] = [
    case for module in (pickles, weights, configs, places, pictures, archives, tables, kept) for case in module.CASES
]
ALWAYS = {
    "picture among sound ones: AVIF that Pillow calls a RuntimeError",
    "picture: PNG of 16 bit and 99 million pixels",
    "special file: a pipe as config.json of a listed checkpoint",
    "special file: a link to /dev/zero as config.json of a listed checkpoint",
    "special file: a pipe as x.png",
}
FIRST, MOST = 6, 12  # of each kind: the first ones, and at most so many


def chosen() -> list[Case]:
    """About 330 cases: of each kind the first ones, and others of it at equal distances."""
    kinds: dict[str, list[Case]] = {}
    for case in CASES:
        kinds.setdefault(case.kind, []).append(case)
    found: list[Case] = []
    for cases in kinds.values():
        rest = cases[FIRST:]
        step = max(1.0, len(rest) / (MOST - FIRST))
        found += cases[:FIRST] + [rest[int(step * at)] for at in range(min(len(rest), MOST - FIRST))]
    return found + [case for case in CASES if case.id in ALWAYS and case not in found]
