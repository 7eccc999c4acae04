"""What scores are made of."""

from __future__ import annotations

import numpy as np
import pytest

from explorer import results
from explorer.progress import Progress
from explorer.results import pictures
from explorer.results.scores import material
from explorer.results.subject import Subject
from tests.results.test_results import network  # noqa: F401


@pytest.fixture
def subject(network):  # noqa: F811
    return Subject(network / "network", str(network / "photos"))


def made(subject, obtain=results.obtain, **options):
    encoding = results.obtain("encoding", subject)[1]
    return material.Material(subject, material.Options(**options), encoding, Progress(0, "images", quiet=True), obtain)


def test_what_is_computed_from_pixels_comes_after_what_the_set_says(subject):
    of = made(subject)
    assert next(iter(of.table.columns)) == "class" and "hue" in of.computed and "class" not in of.computed
    assert {one.name: one.computed for one in of.concepts} == {"class": False, "hue": True} | {
        one.name: True for one in of.concepts if one.name not in ("class", "hue")
    }
    hue = next(one for one in of.concepts if one.name == "hue")
    assert set(hue.values) == {"red", "green"}, "the two classes of the pictures"
    assert of.pictures.shape == (12, 25) and np.isfinite(of.pictures).all()


def test_without_other_results_there_are_only_the_sets_own_concepts(subject):
    of = made(subject, obtain=None)
    assert not of.computed and of.pictures.shape == (12, 0) and len(of.rows) == 12


def test_a_column_of_ones_own_keeps_its_name(subject):
    found = results.obtain("pictures", subject)[1]
    assert list(pictures.concepts(found, ["hue"]).columns)[:2] == ["lightness", "hue (pixels)"]


def test_computed_once_for_all_checkpoints_of_an_image_set(subject):
    assert results.key("pictures", subject) == results.key("pictures", Subject(None, subject.dataset))


def test_of_a_large_set_a_sample_is_looked_at(subject, monkeypatch):
    monkeypatch.setattr(pictures, "MOST", 5)
    found = results.obtain("pictures", subject)[1]
    assert len(found) == 12 and found["lightness"].notna().sum() == 5 == found["hue"].notna().sum()
