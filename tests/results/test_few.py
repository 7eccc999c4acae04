"""Very few pictures, and pictures that are all the same: a finite result or one sentence, never a NaN."""

import numpy as np
import pytest
from PIL import Image

from explorer.errors import BadInput
from explorer.results import maps, obtain
from explorer.results.subject import Subject
from explorer.sheets import Cards, walk
from explorer.study import open_study
from explorer.views import VIEWS, fields


@pytest.fixture
def pictures(tmp_path):
    def fill(count, same=False):
        folder = tmp_path / f"{count}-{same}"
        folder.mkdir()
        for number in range(count):
            pixels = np.random.default_rng(0 if same else number).integers(0, 256, (64, 64, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
        return str(folder)

    return fill


@pytest.mark.parametrize(
    ("count", "same", "says"),
    [(12, True, "all 12 points of layer 'code' are equal, so there is no map"), (1, False, "one point makes no map")],
)
def test_no_map_is_one_sentence(pictures, count, same, says):
    subject = Subject.of("vqvae-shapes", pictures(count, same), split="all")
    with pytest.raises(BadInput, match=says):
        obtain("map", subject, maps.Options(method="pca"))


def test_one_image_has_no_interval(pictures):
    study = open_study("vqvae-shapes", pictures(1), split="all")
    study.make("encoding")
    for name in ("reconstructions", "codebook"):
        options, faults = fields.settled(VIEWS[name].options, study, {})
        sheet = VIEWS[name].sheet(study, options, None)
        cards = [card for block in walk(sheet.blocks) if isinstance(block, Cards) for card in block.cards]
        assert not faults and any(card.note == "one image, no interval" for card in cards)
        assert not any("nan" in f"{card.value} {card.note}" for card in cards)


def test_a_report_of_one_image_says_what_there_is_too_little_for(pictures):
    from explorer.views import report

    study = open_study("vqvae-shapes", pictures(1), split="all")
    made = report.section(study, "latent_map", lambda missing: study.make(missing.kind, missing.options))
    assert [block.text for block in made.blocks] == ["One point makes no map; choose at least 4."]
