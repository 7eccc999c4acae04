"""What the points of a map are coloured by, in few bytes."""

from __future__ import annotations

import numpy as np

from explorer.study.colouring import _categories


def test_more_values_than_two_bytes_count_keep_apart_and_apart_from_those_without_one():
    many = 2**16 + 10
    said = np.array([*(f"{number:06d}" for number in range(many)), "000007", None], object)
    found = _categories(said, "name")
    assert found.names[0] == "000007" and len(found.names) == many and found.values[-1] == many
    assert [found.names[place] for place in found.values[:-1]] == said[:-1].tolist()


def test_few_values_take_a_byte_each():
    found = _categories(np.array(["b", "a", None, "b"], object), "shape")
    assert found.names == ("b", "a") and found.values.tolist() == [0, 1, 2, 0] and found.values.dtype == np.uint8
