"""Verdicts: six phrases, each a rule that a reader can see, with the numbers that decided."""

from __future__ import annotations

from dataclasses import dataclass, field

from explorer.analysis.concepts.scoring import NONE, Estimate

SINGLE, JOINT, PIXELS = "captured by single codes", "held jointly", "only what pixels hold anyway"
POSITION, CHANCE, FEW = "about position", "not above chance", "too few images to say"
HALF = 0.5  # of the way from the best null to a perfect score: what single codes must reach
PLACE = 0.8  # of what a layer tells above chance may be told by where its codes stand, and half of their bits by place
SEEN = 0.25  # of the way from chance to a perfect score: what must have been found if it is there
NAMED = 3  # values, at most, that a sentence lists
SHUFFLED, STANDING = "labels shuffled", "where codes stand"

RULES: dict[str, str] = {  # in the order in which they are asked
    SINGLE: "The best single code of each value, chosen on other images, ranks the value's images with an average "
    "precision whose interval lies above that of every null, and that goes at least half of the way from the best null "
    "to 1.",
    POSITION: "A probe that sees where in the image the codes are unusual, but not which codes they are, reaches 80 % "
    "of what the codes tell above chance, or is the null that they do not get past; or nothing is told above chance, "
    "and at least half of the bits of the codes are told by their place alone.",
    JOINT: "Single codes do not do that, but a linear probe on all codes of an image tells the concept better than "
    "every null: its interval lies above theirs.",
    PIXELS: "The codes tell the concept better than shuffled labels do, but some null tells it as well: an untrained "
    "network, a random codebook, patches or colours of the raw image, or computed properties of the picture.",
    FEW: "Nothing is told above chance, and with so few images even a quarter of the way from chance to a perfect "
    "score could have been missed (power 80 %).",
    CHANCE: "The interval of what the codes tell does not lie above that of shuffled labels; or only that of single "
    "codes does, above every null but less than half of the way to 1, and the sentence says so.",
}


@dataclass(frozen=True)
class Band:
    """What a null reaches, and its 95 % interval; of several seeds the mean, and the widest interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Scored:
    """A score beside its nulls.

    Attributes:
        metric: its name. estimate: with interval and n. chance: what knowing nothing reaches.
        nulls: {name: band}.
    """

    metric: str
    estimate: Estimate
    chance: float
    nulls: dict[str, Band] = field(default_factory=dict)

    @property
    def best(self) -> tuple[str, Band] | None:
        """The null that reaches highest, by the upper end of its interval."""
        there = {name: band for name, band in self.nulls.items() if band.high == band.high}
        if not there:
            return None
        name = max(there, key=lambda one: there[one].high)
        return name, there[name]

    @property
    def positive(self) -> bool:
        """Whether its interval lies above those of all nulls."""
        return self.estimate.n > 0 and self.best is not None and self.estimate.low > self.best[1].high

    @property
    def told(self) -> bool:
        """Whether its interval lies above that of shuffled labels."""
        band = self.nulls.get(SHUFFLED)
        return self.estimate.n > 0 and band is not None and self.estimate.low > band.high

    @property
    def way(self) -> float:
        """How much of the way from the best null to a perfect score it goes, at most 1; below 0 where it is worse."""
        floor = max(self.best[1].mean if self.best else self.chance, self.chance)
        return (self.estimate.score - floor) / (1 - floor) if floor < 1 else 0.0


def decide(single: Scored, joint: Scored, place_share: float, detectable: float) -> str:
    """The verdict, one of the keys of RULES.

    Args:
        single: average precision of single codes. joint: of a linear probe on all codes.
        place_share: share of the bits of the codes that their place tells, in [0, 1].
        detectable: how far above chance the probe's score had to be to be found with a power of 80 %.
    """
    if single.positive and single.way >= HALF:
        return SINGLE
    told = single.told or joint.told
    if told and _placed(joint):
        return POSITION
    if joint.positive:
        return JOINT
    if told and not weak(single, joint):
        return POSITION if joint.told and joint.best and joint.best[0] == STANDING else PIXELS
    if not told and place_share >= 0.5:
        return POSITION
    few = detectable != detectable or detectable > SEEN * (1 - joint.chance)
    return FEW if few or joint.estimate is NONE else CHANCE


def weak(single: Scored, joint: Scored) -> bool:
    """Whether single codes alone tell something, less than half of the way, and no null stands in between."""
    return single.positive and single.way < HALF and not joint.told


def in_part(held: list[str], values: int) -> str:
    """Which values single codes hold, where they hold some of them and not all; else nothing."""
    if not 0 < len(held) < values:
        return ""
    named = f": {', '.join(held)}" if len(held) <= NAMED else ""
    return f" Single codes hold {len(held)} of its {values} values{named}."


def in_between(single: Scored) -> str:
    """What single codes tell where it is not enough to be called captured."""
    one, best = single.estimate, single.best
    assert best is not None
    return (
        f" Single codes reach {single.metric} {one.score:.2f} [{one.low:.2f}, {one.high:.2f}], above the best null "
        f"({best[0]}: {best[1].mean:.2f} [{best[1].low:.2f}, {best[1].high:.2f}]), but less than half of the way to 1."
    )


def _placed(joint: Scored) -> bool:
    """Whether where codes stand tells nearly as much as which codes they are."""
    where = joint.nulls.get(STANDING)
    if where is None or not joint.told:
        return False
    above = joint.estimate.score - joint.chance
    return where.low > joint.nulls[SHUFFLED].high and where.mean - joint.chance >= PLACE * above


def sentence(name: str, verdict: str, scored: Scored, marks: str = "", few: str = "") -> str:
    """The verdict in words, with the numbers that decided.

    Args:
        name: of the concept, or of a value. few: what could be seen.
        marks: for single codes what the best one does; otherwise what else single codes tell, put at the end.
    """
    one, best = scored.estimate, scored.best
    if one.n == 0:
        return f"{name}: {verdict}. {few or 'There are not enough images of two values to score anything.'}"
    said = f"{scored.metric} {one.score:.2f} [{one.low:.2f}, {one.high:.2f}], n = {one.n:,}"
    null = "" if best is None else f"; best null, {best[0]}: {best[1].mean:.2f} [{best[1].low:.2f}, {best[1].high:.2f}]"
    lead = {
        SINGLE: f"held by single codes. {marks or f'{said}{null}.'}",
        JOINT: f"held jointly{'' if marks else ', by no single code'}. A probe on all codes reaches {said}{null}.",
        PIXELS: f"only what pixels hold anyway. A probe on the codes reaches {said}{null}.",
        POSITION: f"about position: the codes tell where something stands. They reach {said}{null}.",
        CHANCE: f"not above chance. A probe on the codes reaches {said}{null}.",
        FEW: f"too few images to say. A probe on the codes reaches {said}{null}. {few}".rstrip(),
    }[verdict]
    return f"{name}: {lead}{marks if verdict != SINGLE else ''}"
