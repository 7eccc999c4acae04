"""The scores of concepts that are not there yet, made as one work beside the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer import results
from explorer.options import flags
from explorer.pages.work import background
from explorer.results.scores import SCORES

if TYPE_CHECKING:
    from explorer.results.subject import Subject
    from explorer.sheets import Missing


def every(missing: Missing, subject: Subject) -> None:
    """Offers or shows the work that makes all scores; the page is drawn again when one more of them is there."""
    words = ["scores", str(subject.checkpoint), *flags(subject, results.RESULTS["score"].counts)]
    parts = [results.path("score", subject, {"score": name}) for name in missing.options]
    last = results.path("score", subject, {"score": list(SCORES)[-1]})
    background(
        words, last.with_name(f"all-{last.name}"), title=missing.title, about=missing.about, begin=missing.begin,
        parts=parts,
    )  # fmt: skip
