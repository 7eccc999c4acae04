"""What codes tell of a concept is the same from counts as from all codes; of a token it is of a sample, and said so."""

import numpy as np
import pandas as pd
import pytest

import explorer.study as memory
from explorer.errors import BadInput
from explorer.study import open_study, telling
from explorer.study.memory import Memory
from explorer.views import VIEWS, codebook, fields


def test_counts_tell_of_all_images_and_tokens_of_a_sample(monkeypatch):
    study = open_study("vqvae-shapes")
    column = study.concepts()["shape"].copy()
    every = telling.told(study, "code", column)
    assert telling.tokens(study, "code", column).bits == every.tokens.bits
    monkeypatch.setattr(telling, "LARGE", 4000)
    monkeypatch.setattr(telling, "SOME", 1000)
    found = telling.told(study, "code", column)
    assert found.usage.values == every.usage.values and np.array_equal(found.usage.counts, every.usage.counts)
    assert np.array_equal(found.usage.codes, every.usage.codes)
    assert np.array_equal(found.usage.images, every.usage.images)
    assert found.presence.bits == pytest.approx(every.presence.bits, abs=1e-12)
    assert np.array_equal(found.presence.codes, every.presence.codes)
    assert np.mean((found.presence.p < 0.05) == (every.presence.p < 0.05)) > 0.95
    column[:500] = None
    tokens = telling.tokens(study, "code", column)
    assert tokens.images == 1000 and tokens.bits > tokens.chance_high and tokens.chance > every.tokens.chance
    column[:] = None
    assert telling.told(study, "code", column) is None and telling.tokens(study, "code", column) is None


def test_a_concept_of_too_many_values_is_one_sentence(monkeypatch):
    study = open_study("vqvae-shapes")
    monkeypatch.setattr(telling, "LARGE", 4000)
    with pytest.raises(BadInput, match="file has 5,000 values; at most 1,000 are counted in 5,000 images"):
        telling.told(study, "code", pd.Series([f"{row}.png" for row in range(5000)], name="file"))


def test_the_page_of_a_large_set_reads_no_code_of_all_and_says_what_is_of_a_sample(monkeypatch):
    monkeypatch.setattr(telling, "LARGE", 4000)
    monkeypatch.setattr(telling, "SOME", 900)
    study = open_study("vqvae-shapes")
    monkeypatch.setattr(type(study), "codes", lambda *_: pytest.fail("all codes are read at once"))
    monkeypatch.setattr(memory, "MEMORY", Memory())
    options, faults = fields.settled(VIEWS["codebook"].options, study, {})
    sheet = codebook.sheet(study, options)
    said = [block.text for block in sheet.blocks if hasattr(block, "text")]
    assert not faults and any("is of 900 of these images, drawn at random" in text for text in said)
    picture = study.image(3)
    options, _ = fields.settled(VIEWS["code_maps"].options, study, {}, picture)
    assert VIEWS["code_maps"].sheet(study, options, picture).told()["images"]["concepts"]
