"""What codes tell of a concept is the same from counts as from all codes; of a token it is of a sample, and said so."""

import numpy as np
import pytest

import explorer.study as memory
from explorer.study import open_study, telling
from explorer.study.memory import Memory
from explorer.views import VIEWS, codebook, fields


@pytest.fixture(scope="module")
def labels():
    return open_study("vqvae-shapes").concepts()["shape"].astype(object).to_numpy()


def test_counts_tell_of_all_images_and_tokens_of_a_sample(monkeypatch, labels):
    study = open_study("vqvae-shapes")
    every = (*telling.codes(study, "code", labels), telling.tokens(study, "code", labels))
    monkeypatch.setattr(telling, "LARGE", 4000)
    monkeypatch.setattr(telling, "SOME", 1000)
    labels = labels.copy()
    use, presence = telling.codes(study, "code", labels)
    assert use.values == every[0].values and np.array_equal(use.counts, every[0].counts)
    assert np.array_equal(use.codes, every[0].codes) and np.array_equal(use.images, every[0].images)
    assert presence.bits == pytest.approx(every[1].bits, abs=1e-12) and np.array_equal(presence.codes, every[1].codes)
    assert np.mean((presence.p < 0.05) == (every[1].p < 0.05)) > 0.95
    labels[:500] = None
    tokens = telling.tokens(study, "code", labels)
    assert tokens.images == 1000 and tokens.bits > tokens.chance_high and tokens.chance > every[2].chance


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
