"""What is shown of copies and of stability says each number with what it is read beside."""

from __future__ import annotations

import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from explorer.analysis.concepts import stability as compared
from explorer.sheets import Cards, Chart, Note, Table, walk
from explorer.views.scores import SHOWN

STUDY = SimpleNamespace(checkpoint=SimpleNamespace(name="tiny"))
OPTIONS = SimpleNamespace(layer="code", concept="", value="")
COPIES = {
    "exact": 1, "near": 2, "within": {"exact": 0, "near": 1}, "kept": False, "left_out": [3], "sentence": "4 of 50.",
    "train": {"images": 80, "sampled": False}, "share": {"mean": 0.08, "low": 0.03, "high": 0.19, "n": 50},
    "mirrored": {"mean": 0.0, "low": 0.0, "high": 0.07, "n": 50},
    "names": [{"name": "a.png", "partner": "b.png", "split": "training", "how": "near"}],
}  # fmt: skip


def said(blocks):
    return " ".join(
        " ".join([card.label, card.value, card.note]) for block in walk(blocks) if isinstance(block, Cards)
        for card in block.cards
    )  # fmt: skip


def test_copies_are_counted_and_named():
    blocks = SHOWN["leak"](STUDY, COPIES, OPTIONS)
    assert "8.00% of 50 images; 95 %: 3.00% – 19.00%" in said(blocks)
    assert "1 exact, 2 near 80 training images asked" in said(blocks)
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert table.frame["partner"].tolist() == ["b.png"]


def test_copies_that_stay_are_a_warning_and_what_was_not_asked_is_said():
    found = COPIES | {"kept": True, "names": [], "exact": None, "near": None, "train": {"missing": "No such split."}}
    notes = [block for block in SHOWN["leak"](STUDY, found, OPTIONS) if isinstance(block, Note)]
    assert notes[0].tone == "warning" and notes[1].text == "No such split."


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_stability_shows_every_number_with_its_interval_and_null(theme):
    codes = np.random.default_rng(0).integers(0, 9, (60, 4, 4))
    pair = {"other": "again", "layer": "code", "n": 60, "flags": ["Both began alike."]}
    pair |= json.loads(json.dumps(asdict(compared.compare(codes, 8 - codes))))
    found = {"pairs": [pair], "refused": {"third": "it takes other images"}, "found": True, "sentence": "All keep."}
    blocks = SHOWN["stability"](STUDY, found, OPTIONS)
    assert "Tokens that keep their code 100% 95 %: 100% – 100%; permuted images: 1" in said(blocks)
    (chart,) = (block for block in blocks if isinstance(block, Chart))
    figure = chart.figure(theme)
    assert len(figure.data) == 6 and figure.layout.xaxis.title.text and blocks[0].data() is not None
    notes = {block.text: block.tone for block in blocks if isinstance(block, Note)}
    assert notes["Both began alike."] == "warning" and "third: it takes other images." in notes


def test_nothing_to_compare_is_a_sentence():
    found = {"pairs": [], "refused": {"x": "no"}, "found": False, "sentence": "No other checkpoint."}
    assert not any(isinstance(block, Chart) for block in SHOWN["stability"](STUDY, found, OPTIONS))
