"""The intruder test: which of six patches has another code? Blind, and nothing is told before the last trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.notebook import answers
from explorer.pages import draw, session
from explorer.pages.state import guard, pick, plain, shared
from explorer.sheets import drawing
from explorer.sheets.spreadsheet import csv_of
from explorer.study import intruders
from explorer.views.scores import human

if TYPE_CHECKING:
    from explorer.study import Study

COUNTS = (10, 20, 40)
ABOUT = (
    "Six patches at a time: five have the same code, one has another. If the code stands for something that people "
    "see, the intruder stands out. Among the trials are some of six random codes, where only luck finds what counts "
    "as the intruder; you are not told which. How many trials there are is chosen before the first."
)


def show() -> None:
    """The whole page."""
    study = session.study(session.selection())
    if not getattr(study.images, "pictured", True):
        st.info("There are no pictures of these codes, so nobody can be asked what is seen.", icon=":material/info:")
        return
    layer = study.main_layer
    if len(study.layers) > 1:
        layer = pick("layer", "Layer", [one.name for one in study.layers], layer)
    _page(study, layer)


@st.fragment
@guard()
def _page(study: Study, layer: str) -> None:
    tests = answers.find(study.subject.fingerprint, study.images.fingerprint)
    running = _running(study, layer, tests)
    if running is not None:
        _trial(study, running, tests[running])
        return
    st.caption(ABOUT)
    _begin(study, layer, tests)
    told = answers.together(tests, layer)
    if told is not None:
        _results(study, told, tests)


def _running(study: Study, layer: str, tests: dict[str, Any]) -> str | None:
    """The test of the layer that this session is in."""
    name = shared().get("test", {}).get((study.key, layer))
    return name if name in tests and not answers.done(tests[name]) else None


def _begin(study: Study, layer: str, tests: dict[str, Any]) -> None:
    left = {name: one for name, one in tests.items() if one["layer"] == layer and not answers.done(one)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = st.segmented_control(
            "Trials of codes", COUNTS, default=COUNTS[0], required=True, key="test-count",
            help="Half as many of random codes come among them.",
        )  # fmt: skip
        patches = st.segmented_control(
            "Shown are", list(intruders.PATCHES), format_func=intruders.PATCHES.get, default="random", required=True,
            key="test-patches", help="Nearest to the code's vector: the best that it has; at random: what it has.",
        )  # fmt: skip
        st.button(
            "Begin", type="primary", icon=":material/play_arrow:", key="test-begin", on_click=_started,
            args=(study, layer, count, patches),
        )  # fmt: skip
        for name, one in list(left.items())[-1:]:
            st.button(
                f"Go on with test {name}", key="test-go-on", on_click=_enter, args=(study, layer, name),
                help=f"{len(one['answers'])} of {len(one['trials'])} trials are answered.",
            )  # fmt: skip


def _started(study: Study, layer: str, count: int, patches: str) -> None:
    try:
        name = intruders.begin(study, layer, count, patches, int(np.random.default_rng().integers(2**31)))
    except BadInput as fault:
        st.toast(plain(str(fault)), icon=":material/error:")
        return
    _enter(study, layer, name)


def _enter(study: Study, layer: str, name: str | None) -> None:
    shared().setdefault("test", {})[study.key, layer] = name


def _trial(study: Study, name: str, test: dict[str, Any]) -> None:
    at, count = len(test["answers"]), len(test["trials"])
    st.progress(at / count, f"Trial {at + 1} of {count}")
    st.markdown(
        "**Which patch does not belong to the others?** Click the button below it, or press its number, 1 to 6."
    )
    with st.grid(6, min_column_width=100, gap="small", key="trial"):
        for place, pixels in enumerate(intruders.shown(study, test["layer"], test["trials"][at])):
            with st.container(gap="xsmall"):
                st.image(drawing.png(pixels, 220), width="stretch", alt=f"Patch {place + 1}")
                st.button(
                    "This one", key=f"choice-{place}", shortcut=str(place + 1), width="stretch",
                    on_click=answers.answer,
                    args=(study.subject.fingerprint, study.images.fingerprint, name, at, place),
                )  # fmt: skip
    st.caption("Answers cannot be taken back, and what you leave is kept as begun.")
    st.button("Leave", type="tertiary", key="test-leave", on_click=_enter, args=(study, test["layer"], None))


def _results(study: Study, told: dict[str, Any], tests: dict[str, Any]) -> None:
    st.header(f"What was found in layer {plain(told['layer'])}", help=help_of("intruder test"), anchor=False)
    draw.blocks(human.shares(told), None)
    st.download_button(
        "Answers (CSV)", lambda: csv_of(intruders.table(tests, study.images.names)),
        f"{study.checkpoint.name}-intruders.csv", "text/csv", icon=":material/download:", type="tertiary",
        on_click="ignore", key="test-csv", help="A row for each trial of the tests that are done.",
    )  # fmt: skip


show()
