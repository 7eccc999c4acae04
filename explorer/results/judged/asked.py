"""What samples are judged by, and which prior that is; in a file of its own, because pages need no more of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.errors import BadInput
from explorer.options import number, text

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.results.subject import Subject

MOST = 4_000  # samples


@dataclass(frozen=True)
class Options:
    """What is drawn, and what it is held against."""

    prior: str = text("", "A prior, a name or a path.")
    n: int = number(500, "Samples, and as many held-out images; fewer where there are fewer.", low=2, high=MOST)
    encoder: str = text("", "Another checkpoint whose latents say what is alike. [the prior's own codes]")
    temperature: float = number(1.0, "Of the samples.", low=0.0, high=10.0)
    top_k: int = number(0, "Only so many of the likeliest codes; 0 for all.", low=0, high=2**31)
    top_p: float = number(1.0, "Only the fewest codes that together are so probable; 1 for all.", low=0.0, high=1.0)
    guidance: float = number(1.0, "How much the class counts: 1 as learned, 0 not at all.", low=0.0, high=20.0)
    seed: int = number(0, "Another seed, other samples.", low=0, high=2**32 - 1)

    def choices(self) -> dict[str, float | int]:
        """Those that are about drawing."""
        return {name: value for name, value in asdict(self).items() if name not in ("prior", "n", "encoder")}


def facts_of(subject: Subject, options: Options) -> Facts:
    """The prior that options name; BadInput where there is none, or it is over codes of another checkpoint."""
    from explorer.priors import folder

    facts = folder.describe(folder.resolve(options.prior))
    if facts.fingerprint != subject.fingerprint:
        raise BadInput(
            f"{facts.name} is over codes of {Path(facts.checkpoint).name}, and {subject.facts.name} is another one, or "
            "was trained again since; train the prior again"
        )
    return facts
