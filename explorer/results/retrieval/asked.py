"""What searches are judged by; in a file of its own, because pages need no more of it."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.options import choice, number


@dataclass(frozen=True)
class Options:
    """What searches are judged by."""

    concept: str = choice(
        "", (), "Names of concepts, with commas between. [all of the dataset; sets that you gathered are named]"
    )
    concepts: str = choice("", (), "A table of concepts beside the images: CSV or Parquet.")
    encoder: str = choice("", (), "Another checkpoint to search by, a name or a path.")
    k: int = number(10, "How many images of each search are looked at.", low=1, high=50)
