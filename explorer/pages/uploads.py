"""Uploaded files that are still there when the user comes back to a page."""

from __future__ import annotations

import streamlit as st

from explorer.pages.state import shared


def kept_files(label: str, key: str, **arguments) -> list[tuple[str, bytes]]:
    """A place to drop files; (name, content) of each. They stay in this session until others come or they are removed.

    Streamlit forgets an upload when its page is left.
    """
    kept = shared()["uploads"]

    def changed() -> None:
        kept[key] = [(file.name, file.getvalue()) for file in st.session_state[key]]

    given = st.file_uploader(label, accept_multiple_files=True, key=key, on_change=changed, **arguments)
    found = kept.get(key, [])
    if found and not given:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"{len(found):,} from before", width="content")
            st.button("Remove", type="tertiary", key=f"remove-{key}", on_click=kept.pop, args=(key, None))
    return found
