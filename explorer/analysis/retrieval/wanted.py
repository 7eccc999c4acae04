"""What codes an image should have, as text: "17, 203 near each other, -9"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from explorer.errors import BadInput

MOST = 16  # codes in one question
PARTS = re.compile(r"[-−–!]?\s*\d+|[^\W\d]+|[^\s,;]")  # a minus that was copied from a page is one, too
SILENT = {"and", "with", "each", "other", "has", "have", "code", "codes", "to", "one", "another", "but", "of", "them"}
NOT, NEAR = {"not", "without", "no"}, {"near", "beside", "close", "together"}


@dataclass(frozen=True)
class Wanted:
    """Codes that an image should have, those it should not, and whether the text says that they stand near."""

    codes: tuple[int, ...]
    unwanted: tuple[int, ...] = ()
    near: bool = False


def read(text: str, size: int) -> Wanted:
    """Reads "17, 203 near each other, -9": numbers are wanted, those after a minus or "not" are not.

    Raises:
        BadInput: something else stands there, a code is not in [0, size), or is both wanted and not, none is wanted.
    """
    found: dict[bool, dict[int, None]] = {True: {}, False: {}}
    near = negative = False
    for part in PARTS.findall(text):
        word = part.casefold().strip()
        if word[-1].isdecimal():
            number = int(re.sub(r"\D", "", word)[:18])  # no code is longer, and Python reads no number of 5,000 digits
            if number >= size:
                raise BadInput(f"there is no code {number:,} here; choose from 0 to {size - 1:,}")
            found[not negative and word[0].isdecimal()][number] = None
            negative = False
        elif word in NOT:
            negative = True
        elif word in NEAR:
            near = True
        elif word not in SILENT:
            raise BadInput(f"{part[:40]!r} is no code; write numbers with commas, such as 17, 203, -9")
    wanted, unwanted = found[True], found[False]
    if both := [code for code in wanted if code in unwanted]:
        raise BadInput(f"code {both[0]:,} is asked for and ruled out at once; leave out one of the two")
    if not wanted:
        raise BadInput("name at least one code that the images should have, such as 17, 203, -9")
    if len(wanted) + len(unwanted) > MOST:
        raise BadInput(f"{len(wanted) + len(unwanted)} codes are too many for one question; name at most {MOST}")
    return Wanted(tuple(wanted), tuple(unwanted), near)


def written(wanted: Wanted) -> str:
    """The text that `read` reads."""
    said = ", ".join([*map(str, wanted.codes), *(f"-{code}" for code in wanted.unwanted)])
    return f"{said} near each other" if wanted.near else said
