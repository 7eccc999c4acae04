"""How codes are chosen from what a prior says."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.options import number

LONGEST = 2**32 - 1  # of seeds


@dataclass(frozen=True)
class Choices:
    """What stands between the logits of a prior and a code. Where codes have two factors, it is done to each."""

    temperature: float = number(
        1.0, "Logits are divided by it; 0 takes the likeliest code.", low=0.0, high=10.0, label="Temperature"
    )
    top_k: int = number(0, "Only so many of the likeliest codes; 0 for all.", low=0, high=2**31, label="Top-k")
    top_p: float = number(
        1.0, "Only the fewest codes that together are so probable; 1 for all.", low=0.0, high=1.0, label="Top-p"
    )
    guidance: float = number(
        1.0, "How much the class counts: 1 as learned, 0 not at all.", low=0.0, high=20.0, label="Guidance"
    )
    seed: int = number(0, "Another seed, other samples.", low=0, high=LONGEST, label="Seed")
