"""What the page Prior says about a prior: its numbers beside counting, its curve, its class, or that there are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explorer.priors import Level
from explorer.priors.conditions import Condition
from explorer.priors.folder import Facts
from explorer.sheets import Card, Cards, Chart, Note, Table, walk
from explorer.views.priors import PARTS


def interval(mean, n=355):
    return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1, "n": n}


ONE = (Level("code", (8, 8), 128),)
LEVEL = {"uniform": 7.0, "grid": [8, 8], "codes": 128}
LEVEL |= {
    "bits_per_code": interval(3.9),
    "train_bits": interval(3.5),
    "bigram": interval(4.5),
    "unigram": interval(6.8),
}
METRICS = {
    **LEVEL, "images": 355, "saved": interval(0.6), "bits_per_image": interval(249.6), "fixed_bits_per_image": 448.0,
    "levels": {"code": LEVEL}, "causal": True, "leak": 0.0, "kept": {"step": 1200, "bits": 3.95, "images": 148},
    "condition": {"column": "digit", "values": [{"value": "0", "train": 143, "held_out": 35}], "unknown": 3},
    "class": {"images": 352, "right": interval(3.9), "wrong": interval(4.4), "none": interval(3.95),
              "told": interval(3.2), "most": 3.32},
    "command": "explorer prior train vqvae-digits --dataset digits",
}  # fmt: skip


@pytest.fixture
def about(tmp_path):
    def made(metrics, levels=ONE):
        facts = Facts(
            tmp_path, "digits-prior", "transformer", {}, levels, Condition("digit", ("0",), (), (143,)), "vqvae-digits",
            "f", "digits", None, 480_000, {"steps": 3000, "step": 3000, "seconds": 300.0, "images_per_second": 400.0,
                                           "device": "cpu"}, metrics, "done",
        )  # fmt: skip
        return PARTS["about"].blocks(None, facts, None)

    return made


def cards(made):
    return {card.label: card for block in made.blocks if isinstance(block, Cards) for card in block.cards}


def test_its_bits_stand_beside_counting_and_its_class(about, tmp_path):
    lines = [{"step": step, "loss": 1.0, "train_bits": 4.0, "held_out_bits": 4.1, "bigram": 4.5} for step in (50, 100)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    made = about(METRICS)
    shown = cards(made)
    assert shown["Bits per code"] == Card("Bits per code", "3.900", "95 %: 3.800 – 4.000", shown["Bits per code"].help)
    assert shown["Causal"].value == "yes" and shown["Weights of step"].note == "of 3,000"
    assert shown["Told by the class"].value == "3.20 bits" and "takes 3.32" in shown["Told by the class"].note
    assert all(card.help for card in shown.values() if card.label != "With none")
    charts = {block.name: block for block in walk(made.blocks) if isinstance(block, Chart)}
    figure = charts["prior-bits"].figure("dark")
    assert list(figure.data[0].x) == [3.9, 3.5, 4.5, 6.8, 7.0]
    assert figure.layout.yaxis.ticktext[0] == "this prior" and "bits per code" in figure.layout.xaxis.title.text
    curve = charts["prior-curve"].figure("light")
    assert {trace.name for trace in curve.data} == {"training images", "held-out images"}
    assert [one.text for one in curve.layout.annotations] == ["bigram 4.50"]
    (table,) = [block for block in walk(made.blocks) if isinstance(block, Table)]
    assert table.frame.to_dict("records") == METRICS["condition"]["values"]
    assert made.numbers["bits_per_code"] == METRICS["bits_per_code"]


def test_several_levels_have_a_colour_each(about):
    levels = {"top": LEVEL, "bottom": LEVEL | {"bits_per_code": interval(2.0)}}
    made = about(METRICS | {"levels": levels}, (Level("top", (4, 4), 128), Level("bottom", (8, 8), 128)))
    chart = next(block for block in made.blocks if isinstance(block, Chart))
    figure = chart.figure("light")
    assert [trace.name for trace in figure.data] == ["all codes", "top", "bottom"]
    assert len({trace.error_x.color for trace in figure.data}) == 3


def test_a_leak_is_a_warning_and_no_scores_are_a_sentence(about):
    leaking = about(METRICS | {"causal": False, "leak": 0.4})
    assert any(isinstance(block, Note) and block.tone == "warning" for block in leaking.blocks)
    assert cards(leaking)["Causal"].value == "no"
    without = about({})
    assert "keeps no scores" in without.blocks[-1].text and not cards(without)
    assert Path(without.numbers["prior"]).name == "digits-prior"
