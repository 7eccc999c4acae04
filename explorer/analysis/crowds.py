"""What a simulation of users can be asked for, apart from what draws them, so that help needs nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.options import number, text


@dataclass(frozen=True)
class Settings:
    """How many users are simulated, and how."""

    users: int = number(500, "How many users.", low=1, high=1_000_000)
    each: int = number(20, "Images that a user looks at, on average: half to one and a half times as many.", low=2,
                       high=10_000)  # fmt: skip
    likes: int = number(2, "Values of concepts that each user likes.", low=0, high=10)
    dislikes: int = number(1, "Values of concepts that each user dislikes.", low=0, high=10)
    strength: float = number(
        4.0, "How much taste counts: an image with a liked value is e^strength times as likely; 0 is no taste.",
        low=0.0, high=50.0,
    )  # fmt: skip
    noise: float = number(0.1, "Share of what is looked at whatever the taste, from 0 to 1.", low=0.0, high=1.0)
    popularity: float = number(
        0.5, "How unequal images are to all: ∝ rank^-popularity; 0 makes all equal.", low=0.0, high=3.0
    )
    like: str = text(
        "", "Tastes in place of drawn ones, such as 'colour=red, texture!=stripes; colour=blue': each user has one."
    )
    concepts: str = text("", "Names of concepts that tastes are about, with commas between. [those with values]")
    seed: int = number(0, "Another seed, other users.", low=0)
