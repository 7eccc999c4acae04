"""Which images two checkpoints both have, and that a comparison is one result whichever is named first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from explorer.errors import BadInput
from explorer.results import comparison


@dataclass(frozen=True)
class Set:
    """What tells images of a set from one another."""

    names: tuple[str, ...]
    stamps: np.ndarray | None = None
    name: str = "set"

    @property
    def fingerprint(self) -> str:
        return repr(self)

    def __len__(self) -> int:
        return len(self.names)


def images(*names: str, files: list[int] | None = None) -> Set:
    """A set with the stamps of files, and those of pixels, which say nothing at another size."""
    stamps = None if files is None else np.column_stack([files, np.arange(len(names))]).astype(np.uint64)
    return Set(names, stamps)


def rows(first, others) -> list[list[int]]:
    return [part.tolist() for part in comparison.matched(first, others)]


def test_images_are_matched_by_name_whatever_each_has_left_out():
    assert rows(images("a", "b", "c"), images("a", "b", "c")) == [[0, 1, 2], [0, 1, 2]]
    assert rows(images("a", "b", "c", "d"), images("d", "b")) == [[1, 3], [1, 0]]
    assert rows(images("a", "a", "b"), images("b", "a")) == [[2], [0]], "a name that is there twice says nothing"
    assert rows(images("a", "a", "b"), images("a", "a", "b", files=[1, 2, 3])) == [[0, 1, 2], [0, 1, 2]]


def test_where_no_name_is_the_same_files_are():
    ours, theirs = images("a", "b", "c", files=[7, 8, 0]), images("x", "y", "z", files=[0, 8, 9])
    assert rows(ours, theirs) == [[1], [1]], "0 is a file that is not known"
    with pytest.raises(BadInput, match="no image of set in common"):
        comparison.matched(images("a", "b"), images("x", "y"))
    with pytest.raises(BadInput, match="neither names nor files"):
        comparison.matched(images("a", files=[1]), images("b", files=[2]))


def test_seen_from_the_other_side_only_signs_and_sides_change():
    one = {"a": 3.0, "b": 1.0, "difference": 2.0, "low": 1.5, "high": 2.5, "n": 9}
    pairs = [{"a": a, "b": b, "ami": {"value": place}} for place, (a, b) in enumerate(("1x", "1y", "2x", "2y"))]
    found = {"a": {"key": "p"}, "b": {"key": "q"}, "pairs": pairs, "smaller": {"size": 64, "psnr": one}}
    assert comparison.seen_from(found, "p") is found
    turned = comparison.seen_from(found, "q")
    assert turned["smaller"]["psnr"] == {"a": 1.0, "b": 3.0, "difference": -2.0, "low": -2.5, "high": -1.5, "n": 9}
    told = [(pair["a"], pair["b"], pair["ami"]["value"]) for pair in turned["pairs"]]
    assert told == [("x", "1", 0), ("x", "2", 2), ("y", "1", 1), ("y", "2", 3)]
    assert comparison.seen_from(turned, "p") == found
