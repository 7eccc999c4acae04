"""Which picture a page looks at: an image of the dataset by its number, or one of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.errors import BadInput
from explorer.pages import session
from explorer.pages.state import shared
from explorer.pages.uploads import kept_files

if TYPE_CHECKING:
    from explorer.study import Picture, Study


def choose(study: Study) -> Picture:
    """The picture that the address or the session names, with the widgets that change it."""
    count = len(study.images)
    about = f"From 0 to {count - 1:,}, in the order of the dataset."
    return study.image(session.number("image", "Image", count, width=150, help=about))


def own(study: Study) -> Picture | None:
    """The picture of the user's own that this session has; None where there is none, or none that can be read."""
    for name, data in shared()["uploads"].get("own", ())[:1]:
        return study.remember(_decoded, name, data)
    return None


def drop() -> None:
    """Where a picture of one's own is dropped; every page that can say something about it does."""
    kept_files("Your own picture", "own", max_upload_size=50, help="It is shown its place among these images.")


def _decoded(study: Study, name: str, data: bytes) -> Picture | None:
    from explorer.datasets import decode_image
    from explorer.study import Picture

    try:
        return Picture(decode_image(data, study.checkpoint.image_size, study.subject.fit), name)
    except BadInput:
        return None
