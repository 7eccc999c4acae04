"""What explains a number or a chart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """What a number or a chart means.

    Attributes:
        label: what it is called. help: what it means, for a reader who meets it for the first time.
        unit: of its values. source: a paper, or an equation.
    """

    label: str
    help: str
    unit: str = ""
    source: str = ""
