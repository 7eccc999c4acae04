"""A large set is offered an index, with what that costs, and says what the index finds."""

from __future__ import annotations

import pytest

from explorer.results import index
from explorer.sheets import Missing
from explorer.study import open_study, similar
from explorer.study.similar import By
from explorer.views import indexing


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    return open_study("vqvae-digits")


def test_a_small_set_needs_none(study):
    assert indexing.missing(study, By("bag"), By("ze")) == [] == indexing.found(study, By("bag"))


def test_a_large_set_is_offered_one_index_after_another(study, monkeypatch):
    monkeypatch.setattr(index, "EXACT", 100)
    ways = By("zq"), By("bag")
    (block,) = indexing.missing(study, *ways)
    assert isinstance(block, Missing) and block.kind == "index" and "Mean of z_q" in block.title
    assert (
        f"{len(study.images):,} images" in block.title and "seconds" in block.about and "B in the cache" in block.about
    )
    assert indexing.found(study, ways[0]) == []
    study.make(block.kind, block.options)
    (block,) = indexing.missing(study, *ways)
    assert "Bag of codes" in block.title
    study.make(block.kind, block.options)
    assert indexing.missing(study, *ways) == []
    assert "nothing is left out" in indexing.found(study, By("bag"))[0].text and indexing.found(study, By("zq"))[0].help
    assert similar.nearest(study, By("bag"), similar.represent(study, By("bag"), study.image(3)), 1)[0].tolist() == [3]


def test_another_encoder_is_searched_as_it_is(study, monkeypatch):
    monkeypatch.setattr(index, "EXACT", 100)
    assert indexing.missing(study, By("encoder", encoder="vae-shapes")) == []


def test_what_it_costs_grows_with_the_set(study):
    seconds, size = index.cost(study.encoding, index.Options("ze", study.main_layer))
    more, larger = index.cost(study.encoding, index.Options("pixels"))
    assert 0 < seconds < more and 0 < size < larger
