"""Which picture a page looks at: an image of the dataset by its number, or one of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.pages import session

if TYPE_CHECKING:
    from explorer.study import Picture, Study


def choose(study: Study) -> Picture:
    """The picture that the address or the session names, with the widgets that change it."""
    count = len(study.images)
    about = f"From 0 to {count - 1:,}, in the order of the dataset."
    return study.image(session.number("image", "Image", count, width=150, help=about))
