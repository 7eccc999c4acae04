"""A selection on a map as text."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import regions


def test_a_square_holds_what_lies_in_it():
    side, corners = regions.outlined("b:250,250;750,250;750,750;250,750")
    places = np.array([[0.5, 0.5], [0.26, 0.74], [0.2, 0.5], [0.5, 0.8]], np.float32)
    assert side == 1 and regions.inside(corners, places).tolist() == [True, True, False, False]


def test_a_notch_is_outside():
    _, corners = regions.outlined("a:0,0;1000,0;1000,1000;500,100;0,1000")
    places = np.array([[0.5, 0.05], [0.5, 0.5], [0.9, 0.5], [0.1, 0.5]])
    assert regions.inside(corners, places).tolist() == [True, False, True, True]


@pytest.mark.parametrize("text", ["", "a:", "a:1,2;3,4", "c:1,2;3,4;5,6", "a:1,2;3,4;x,6", "a:1,2,3;3,4;5,6",
                                  "a:1,2;3,4;99999999999999999999,1", "a:" + "1,2;" * 200 + "1,2", "i:3"])  # fmt: skip
def test_what_is_no_outline_is_none(text):
    assert regions.outlined(text) is None


def test_images_and_values():
    assert regions.listed("i:17;33").tolist() == [17, 33] and regions.listed("i:17;-3") is None
    assert regions.listed("i:") is None and regions.listed("a:1,2;3,4;5,6") is None
    assert regions.valued("v:shape=a=b") == ("shape", "a=b") and regions.valued("v:shape") is None
