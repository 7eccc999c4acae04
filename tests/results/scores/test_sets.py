"""Sets that the user gathered are concepts of every score, and part of its key."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from explorer import results
from explorer.notebook import sets
from explorer.results import scores
from explorer.results.scores import Score
from tests.results.scores.test_material import made, subject  # noqa: F401
from tests.results.test_results import network  # noqa: F401


@pytest.fixture
def score(monkeypatch):
    file, found = SimpleNamespace(make=lambda of: {"names": [c.name for c in of.concepts]}), scores.module
    monkeypatch.setitem(scores.SCORES, "named", Score("t", "a"))
    monkeypatch.setattr(scores, "module", lambda name: file if name == "named" else found(name))
    return {"score": "named"}


def test_a_set_is_a_concept_and_another_key(subject, score):  # noqa: F811
    plain, one = results.key("score", subject, score), results.key("score", subject, {**score, "concept": "class"})
    images = subject.images.fingerprint
    sets.keep(images, "some", range(5), model=subject.fingerprint)
    found = {one.name: one for one in made(subject).concepts}["set: some"]
    assert found.values == ("in", "rest") and (found.index == 0).nonzero()[0].tolist() == [0, 1, 2, 3, 4]
    assert not found.computed
    gathered = results.key("score", subject, score)
    assert gathered != plain and results.key("score", subject, {**score, "concept": "class"}) == one
    _, content = results.obtain("score", subject, score)
    assert "set: some" in content["names"] and list(content["circular"]) == ["set: some"]
    sets.add(images, "some", [6])
    assert results.key("score", subject, score) not in (plain, gathered)
    sets.delete(images, "some")
    assert results.key("score", subject, score) == plain
