"""What is computed from the pixels is offered where concepts are, once it is there."""

from __future__ import annotations

import pytest

from explorer import results
from explorer.results import maps
from explorer.results.subject import Subject
from explorer.study import Study, points
from explorer.views import codebook, fields, reconstructions
from tests.results.test_results import network  # noqa: F401


@pytest.fixture
def study(network):  # noqa: F811
    subject = Subject(network / "network", str(network / "photos"))
    results.obtain("encoding", subject)
    return Study(subject)


def choices(view, study, name="concept"):
    field = next(field for field in view.Options.__dataclass_fields__.values() if field.name == name)
    return list(fields.choices_of(field, study, {}))


def test_nothing_is_offered_before_it_is_computed(study):
    assert study.computed() is None and list(study.known().columns) == ["class"]
    assert choices(codebook, study) == choices(reconstructions, study) == ["class"]


def test_it_is_offered_after_the_sets_own_concepts(study):
    results.obtain("pictures", study.subject)
    assert choices(codebook, study)[:3] == ["class", "lightness", "hue"]
    assert choices(reconstructions, study) == ["class", "hue", "background hue"]
    found = points.find_pca(study, maps.Options("top"))
    assert {"hue", "lightness"} <= set(points.colourings(study, found))
    values, kind, title = points.colouring(study, found, "hue")
    assert set(values) == {"red", "green"} and kind == "discrete" and title == "hue"
    assert (
        points.colouring(study, found, "lightness")[1] == "continuous" and points.agreement(study, found, "hue") is None
    )
    usage = codebook.compared(study, "bottom", "hue").usage
    assert usage.values == ["green", "red"] and usage.images.sum() == 12
