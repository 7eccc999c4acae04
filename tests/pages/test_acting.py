"""Buttons of sheets, and files that are dropped on them."""

from streamlit.testing.v1 import AppTest

PAGE = """
from types import SimpleNamespace
import streamlit as st
from explorer.errors import BadInput
from explorer.pages import draw
from explorer.sheets import Act, Receive

def delete():
    if st.session_state.get("full"):
        raise BadInput("the disk is full; free some space")
    st.session_state["done"] = st.session_state.get("done", 0) + 1
    return "It is gone for good."

def take(name, data):
    if not data:
        raise BadInput(f"{name} is empty")
    st.session_state["read"] = st.session_state.get("read", 0) + 1
    return f"{len(data)} bytes of {name}."

shown = SimpleNamespace(name="view", study=None)
draw.blocks([Act("plain", "Try it", "play_arrow", delete), Act("asked", "Delete", "delete", delete, asks="Sure?"),
             Receive("file", "A table", ("csv",), take)], shown)
"""


def test_a_button_does_it_once_and_says_so():
    app = AppTest.from_string(PAGE).run()
    app.button(key="act-plain").click().run()
    assert (app.session_state["done"] == 1 and [one.value for one in app.success] == ["It is gone for good\\."]) or (
        "gone for good" in app.success[0].value
    )
    app.run()
    assert not app.success and app.session_state["done"] == 1


def test_what_asks_first_is_done_after_a_yes():
    app = AppTest.from_string(PAGE).run()
    assert [one.value for one in app.markdown if "Sure" in one.value]
    app.button(key="act-asked").click().run()
    assert app.session_state["done"] == 1


def test_what_goes_wrong_is_a_sentence():
    app = AppTest.from_string(PAGE)
    app.session_state["full"] = True
    app.run()
    app.button(key="act-plain").click().run()
    assert "the disk is full" in app.error[0].value and not app.exception


def test_a_file_is_taken_once_and_what_came_of_it_stays():
    app = AppTest.from_string(PAGE).run()
    app.file_uploader(key="receive-file").upload("users.csv", b"a,b", "text/csv").run()
    assert "3 bytes of users" in app.success[0].value
    app.run()
    assert app.session_state["read"] == 1 and "3 bytes" in app.success[0].value
    app.file_uploader(key="receive-file").upload("none.csv", b"", "text/csv").run()
    assert "none" in app.error[0].value and app.session_state["read"] == 1
