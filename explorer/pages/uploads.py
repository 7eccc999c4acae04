"""The user's own pictures: dropped once, kept in the session, and seen by every view."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import streamlit as st

from explorer.errors import BadInput
from explorer.files import digest
from explorer.options import FITS
from explorer.pages import sidebar
from explorer.pages.controls import take
from explorer.pages.state import bound, get, plain, shared
from explorer.study.picture import OWN, Picture

if TYPE_CHECKING:
    from explorer.study import Study

FILES, MEGABYTES = 24, 50  # at once; of each


@dataclass(frozen=True)
class Upload:
    """One file: its name, which no other has in this session, its bytes, and a digest of both."""

    name: str
    data: bytes
    key: str


def yours(study: Study) -> list[Picture]:
    """The uploaded pictures at the checkpoint's size; files that are no pictures are left to `box` to name."""
    return [one for one in _opened(study) if isinstance(one, Picture)]


def box(study: Study) -> None:
    """Where pictures are dropped, how those that are not square are fitted, and which files could not be read.

    Streamlit forgets an upload when its page is left; these stay until they are removed, and others come beside them.
    """
    if shared().pop("new pictures", False):
        sidebar.for_photographs(study.checkpoint)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        given = st.file_uploader(
            "Drop images here", accept_multiple_files=True, key="own", on_change=_changed, args=(study,),
            max_upload_size=MEGABYTES, width=420,
            help=f"Photographs, drawings, scans: JPEG, PNG, WebP, TIFF and more, up to {FILES} files of {MEGABYTES} MB "
            "each. Every view can look at them; they stay in this session and are not kept beyond it.",
        )  # fmt: skip
        bound(
            "own_fit", _fit(),
            lambda key, changed: st.radio(
                "Images that are not square", list(FITS), format_func=FITS.get, key=key, on_change=changed
            ),
        )  # fmt: skip
    kept = shared()["uploads"]
    if not given:
        kept["before"] = list(kept.get("own", ()))
    if kept.get("before"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"{len(kept['before']):,} from before", width="content")
            st.button("Remove", type="tertiary", key="remove-own", on_click=_remove, args=(study,))
    for fault in _opened(study):
        if isinstance(fault, str):
            st.error(plain(fault), icon=":material/broken_image:")
    if len(kept.get("own", ())) > FILES:
        st.warning(f"{len(kept['own'])} files were given; the first {FILES} are shown.", icon=":material/filter_list:")


def _fit() -> str:
    return get("own_fit") if get("own_fit") in FITS else "crop"


def _opened(study: Study) -> list[Picture | str]:
    return [study.remember(_decoded, one, _fit()) for one in shared()["uploads"].get("own", ())[:FILES]]


def _decoded(study: Study, upload: Upload, fit: str) -> Picture | str:
    """The picture, or what is wrong with the file."""
    from explorer.datasets import decode_image

    try:
        return Picture(decode_image(upload.data, study.checkpoint.image_size, fit), upload.name)
    except BadInput as fault:
        return f"{upload.name} {str(fault).removeprefix('the image ')}"


def _changed(study: Study) -> None:
    kept = shared()["uploads"]
    found = {(one.data, one.name): one for one in kept.get("before", ())}
    for file in st.session_state["own"]:
        data, name = file.getvalue(), file.name.strip()[:200]
        taken = {one.name for one in found.values() if one.data != data}
        number = next(n for n in range(1, 1000) if (name if n == 1 else f"{name} ({n})") not in taken)
        name = name if number == 1 else f"{name} ({number})"
        found.setdefault((data, name), Upload(name, data, digest(name, sha256(data).hexdigest())))
    _keep(study, list(found.values()))


def _remove(study: Study) -> None:
    kept = shared()["uploads"]
    _keep(study, [one for one in kept.get("own", ()) if one not in kept["before"]])
    kept["before"] = []


def _keep(study: Study, own: list[Upload]) -> None:
    """Keeps these uploads; a picture that is new is the one that is looked at from now on, one that went is not."""
    known = {one.address for one in yours(study)}
    shared()["uploads"]["own"] = own
    there = [one.address for one in yours(study)]
    new, asked = [address for address in there if address not in known], get("image") or ""
    shared()["new pictures"] = bool(new)
    if new or (asked.startswith(OWN) and asked not in there):
        take("image", new[0] if new else None)
