"""Training a prior: exact resume, the weights that are kept, honest numbers beside counting, and what goes wrong."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from explorer.autoencoder import Codebook, Layer
from explorer.errors import BadInput
from explorer.files import SHIPPED
from explorer.priors import folder
from explorer.progress import Progress
from explorer.training import STATE, prior_codes
from explorer.training.best import Best
from explorer.training.prior_codes import Part, Sources
from explorer.training.priors import Asked, PriorTraining, train_prior

SETTINGS = {"width": 16, "blocks": 1, "heads": 2, "dim": 8, "dropout": 0.1}
TRAINING = {"steps": 12, "batch_size": 8, "compile": "no", "device": "cpu", "learning_rate": 0.01}
ABOUT = {"checkpoint": "tiny", "fingerprint": "f", "dataset": "digits", "kmeans": 64}
ASKED = Asked("transformer", ("code",), None, ABOUT)


class Coded:
    """What training reads of an Encoding: `maps` {layer: (N, H, W)} of `codes` codes each."""

    def __init__(self, maps, codes=8, columns=None, kind="learned"):
        self.maps, self.columns, self.book = maps, columns, Codebook(torch.randn(codes, 2, generator=_seeded()), kind)
        self.layers = tuple(Layer(name, found.shape[1:], 2) for name, found in maps.items())

    def __len__(self):
        return len(next(iter(self.maps.values())))

    def codebook(self, layer):
        return self.book

    def codes(self, layer):
        return self.maps[layer].astype(np.uint8)

    def concepts(self):
        return pd.DataFrame({} if self.columns is None else self.columns)


def _seeded():
    return torch.Generator().manual_seed(3)


def sources(train, test, assigned=None):
    def decoder(books):
        return lambda codes: np.zeros((16, 4, 4, 3), np.uint8)

    return Sources({"train": train, "test": test}.get, assigned or (lambda books: pytest.fail("asked")), decoder)


def rows_of_one_code(count, seed, grid=(3, 4), codes=8):
    """Maps whose rows go up by one from a code that is drawn: 3 of 12 codes are news."""
    first = np.random.default_rng(seed).integers(0, codes, (count, grid[0], 1))
    return (first + np.arange(grid[1])) % codes


def classed(count, seed):
    """Maps that are their class everywhere."""
    shape = np.random.default_rng(seed).integers(0, 4, count)
    return Coded(
        {"code": np.broadcast_to(shape[:, None, None], (count, 2, 3)).copy()},
        columns={"shape": pd.Categorical.from_codes(shape, list("abcd"))},
    )


def run(out, found, asked=ASKED, progress=None, resume=False, **training):
    return train_prior(
        asked, found, out, settings={} if resume else SETTINGS, training={} if resume else TRAINING | training,
        resume=resume, progress=progress or Progress(0, "steps", quiet=True),
    )  # fmt: skip


class StopAfter(Progress):
    """A user who presses Stop once `steps` steps are done."""

    def __init__(self, steps):
        self.steps = steps
        super().__init__(0, "steps", quiet=True)

    def update(self, done, message="", **options):
        if message == "training" and done >= self.steps:
            self.cancel()
        super().update(done, message, **options)


@pytest.fixture
def found():
    return sources(Coded({"code": rows_of_one_code(80, 0)}), Coded({"code": rows_of_one_code(30, 1)}))


def log(out):
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "images_per_second"} for line in lines]


def test_a_run_that_was_stopped_and_resumed_ends_with_the_same_bits_as_one_in_one_go(tmp_path, found):
    whole = run(tmp_path / "whole", found)
    assert run(tmp_path / "parts", found, progress=StopAfter(5))["state"] == "stopped"
    assert (tmp_path / "parts" / STATE).is_file() and folder.describe(tmp_path / "parts").state == "stopped"
    assert run(tmp_path / "parts", found, progress=StopAfter(9), resume=True)["state"] == "stopped"
    parts = run(tmp_path / "parts", found, resume=True)
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert log(tmp_path / "whole") == log(tmp_path / "parts")
    told = (dict(made["metrics"], command="") for made in (whole, parts))
    assert next(told) == next(told)
    assert not list((tmp_path / "parts").glob("*best*")) and not (tmp_path / "parts" / STATE).exists()


def test_the_weights_with_the_fewest_bits_on_images_kept_aside_are_kept(tmp_path, found, monkeypatch):
    sane_until = 40
    wild = lambda step, _: torch.where(step < sane_until, 1.0, 100.0)  # noqa: E731
    monkeypatch.setattr("explorer.training.step.schedule", wild)
    made = run(tmp_path / "best", found, steps=60, learning_rate=0.005)
    lines = [line for line in log(tmp_path / "best") if "watched_bits" in line]
    least = min(lines, key=lambda line: line["watched_bits"])
    kept = made["metrics"]["kept"]
    assert (kept["step"], kept["bits"]) == (least["step"], least["watched_bits"])
    assert kept["step"] <= sane_until < 60 == lines[-1]["step"] and 2 <= kept["images"] < 20
    assert lines[-1]["watched_bits"] > kept["bits"] + 0.1
    assert made["metrics"]["bits_per_code"]["mean"] == pytest.approx(least["held_out_bits"], rel=1e-5)
    last = run(tmp_path / "last", found, keep="last")["metrics"]
    assert "kept" not in last and "watched_bits" not in log(tmp_path / "last")[-1]


def test_best_weights_of_steps_that_were_given_up_go(tmp_path):
    model = torch.nn.Linear(2, 1)
    Best(tmp_path, model).consider(7, 1.5)
    again = Best(tmp_path, model, step=7)
    assert (again.step, again.bits) == (7, 1.5)
    begun = Best(tmp_path, model, step=3)
    assert begun.restore() is None and not (tmp_path / "best.safetensors").exists()


def test_a_pipe_in_the_place_of_weights_is_refused(tmp_path):
    (tmp_path / "prior").mkdir()
    shutil.copy(SHIPPED / "vqvae-digits-prior" / "config.json", tmp_path / "prior")
    os.mkfifo(tmp_path / "prior" / "model.safetensors")
    for read in (folder.load, folder.fingerprint):
        with pytest.raises(BadInput, match=r"has no model\.safetensors"):
            read(tmp_path / "prior")


def test_numbers_are_bits_of_held_out_images_beside_models_that_count(tmp_path, found):
    made = run(tmp_path / "prior", found, steps=120)
    metrics = made["metrics"]
    saved = json.loads((tmp_path / "prior" / "metrics.json").read_text())
    assert metrics == {name: value for name, value in saved.items() if name not in ("command", "pictured")}
    assert metrics["uniform"] == 3 and metrics["images"] == 30 == metrics["bits_per_code"]["n"]
    assert metrics["unigram"]["mean"] == pytest.approx(3, abs=0.1)
    expected = 3 * 3 / 12  # one code of each row is news
    assert metrics["bigram"]["mean"] == pytest.approx(expected, abs=0.25)
    assert metrics["bits_per_code"]["mean"] < 2.5
    assert metrics["saved"]["mean"] == pytest.approx(metrics["bigram"]["mean"] - metrics["bits_per_code"]["mean"])
    assert metrics["causal"] is True and metrics["leak"] == 0
    loaded = folder.load(tmp_path / "prior")
    again = loaded.nats({"code": torch.from_numpy(rows_of_one_code(30, 1))})["code"].mean() / np.log(2)
    assert float(again) == pytest.approx(metrics["bits_per_code"]["mean"], rel=1e-5)
    last = log(tmp_path / "prior")[-1]
    assert {"train_bits", "held_out_bits", "watched_bits", "uniform", "unigram", "bigram"} <= set(last)
    card = (tmp_path / "prior" / "README.md").read_text()
    assert "explorer prior train tiny --dataset digits --kind transformer" in card and "bigram" in card
    assert (tmp_path / "prior" / "samples" / "last.png").is_file()


def test_classes_are_asked_for_and_what_they_are_worth_is_told(tmp_path):
    train = classed(100, 0)
    train.columns["shape"] = train.columns["shape"].set_categories(list("abc"))  # d: never seen with a name
    asked = replace(ASKED, condition="shape")
    metrics = run(tmp_path / "prior", sources(train, classed(60, 1)), asked, steps=150)["metrics"]
    told, condition = metrics["class"], metrics["condition"]
    assert [one["value"] for one in condition["values"]] == ["a", "b", "c"]
    assert condition["unknown"] == 60 - told["images"] > 0
    assert told["right"]["mean"] < told["none"]["mean"] < told["wrong"]["mean"]
    assert told["told"]["mean"] > 0.5 and 1.3 < told["most"] < np.log2(3)
    facts = folder.describe(tmp_path / "prior")
    assert facts.condition.values == ("a", "b", "c") and facts.classes == 3
    assert "**shape**" in (tmp_path / "prior" / "README.md").read_text()


def test_codes_that_are_all_the_same_cost_nothing_and_one_place_is_enough(tmp_path):
    same = sources(Coded({"code": np.full((40, 1, 1), 5)}), Coded({"code": np.full((5, 1, 1), 5)}))
    metrics = run(tmp_path / "same", same, steps=40)["metrics"]
    assert metrics["bits_per_code"]["mean"] < 0.2 and metrics["causal"]
    single = sources(Coded({"code": np.zeros((30, 2, 2), int)}, 1), Coded({"code": np.zeros((5, 2, 2), int)}, 1))
    assert run(tmp_path / "one", single)["metrics"]["bits_per_code"]["mean"] == pytest.approx(0, abs=1e-6)


def test_one_set_of_codes_is_divided_by_content(tmp_path):
    maps = np.repeat(rows_of_one_code(200, 0), 2, 0)  # each twice
    both = Coded({"code": maps})
    codes = prior_codes.gather(sources(both, both), ("code",))
    assert len(codes.train) + len(codes.held_out) == 400 and 40 <= len(codes.held_out) <= 130
    seen = {found.tobytes() for found in codes.train.codes["code"]}
    assert not [found for found in codes.held_out.codes["code"] if found.tobytes() in seen], "a copy is on both sides"
    assert "held out, by content" in codes.notes[0]
    assert codes.watched().any() and not codes.watched().all(), "some of the rest can say which weights are kept"
    both.columns = {"number": np.arange(400).astype(float)}
    fitted = prior_codes.gather(sources(both, both), ("code",), "number").condition
    assert sum(fitted.counts) == len(codes.train), "held-out images have no part in the ranges"
    shares = Part({"code": np.random.default_rng(0).integers(0, 8, (4000, 3, 3))}, np.zeros(4000)).shares()
    assert abs((shares < 0.1).mean() - 0.1) < 0.02


def test_codes_of_kmeans_are_those_of_the_encoding_that_is_looked_at(tmp_path):
    train = Coded({"code": rows_of_one_code(40, 0)}, kind="kmeans")
    test = Coded({"code": rows_of_one_code(9, 1)}, kind="kmeans")
    assert prior_codes.gather(sources(train, test), ("code",)).books["code"] is test.book
    test.book = Codebook(test.book.vectors + 1, "kmeans")  # fitted elsewhere, and rounded otherwise
    other = np.ones((40, 3, 4), int)
    found = prior_codes.gather(sources(train, test, lambda books: dict.fromkeys(books, other)), ("code",))
    assert (found.train.codes["code"] == 1).all()


def test_what_cannot_be_trained_is_one_sentence_and_leaves_nothing_behind(tmp_path, found):
    few = sources(Coded({"code": rows_of_one_code(40, 0)}), Coded({"code": rows_of_one_code(1, 1)}))
    with pytest.raises(BadInput, match="at least two held-out images, and there is one"):
        run(tmp_path / "few", few)
    with pytest.raises(BadInput, match="no column 'shape'; choose from there are none"):
        run(tmp_path / "column", found, replace(ASKED, condition="shape"))
    assert not list(tmp_path.iterdir())
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("")
    with pytest.raises(BadInput, match="there already exists; choose another name"):
        run(tmp_path / "there", found)
    run(tmp_path / "done", found, steps=2)
    with pytest.raises(BadInput, match="done is finished"):
        run(tmp_path / "done", found, resume=True)
    run(tmp_path / "stopped", found, progress=StopAfter(2))
    with pytest.raises(BadInput, match="over codes of another checkpoint"):
        run(tmp_path / "stopped", found, replace(ASKED, about=ABOUT | {"fingerprint": "g"}), resume=True)


def test_two_levels_are_told_apart(tmp_path):
    rng = np.random.default_rng(0)

    def made(count):
        top = rng.integers(0, 4, (count, 2, 2))
        return Coded({"top": top, "bottom": top.repeat(2, 1).repeat(2, 2)})

    asked = replace(ASKED, layers=("top", "bottom"))
    metrics = run(tmp_path / "prior", sources(made(120), made(30)), asked, steps=200, batch_size=32)["metrics"]
    top, bottom = metrics["levels"]["top"], metrics["levels"]["bottom"]
    assert top["bits_per_code"]["mean"] == pytest.approx(2, abs=0.3) and bottom["bits_per_code"]["mean"] < 0.5
    every = (4 * top["bits_per_code"]["mean"] + 16 * bottom["bits_per_code"]["mean"]) / 20
    assert metrics["bits_per_code"]["mean"] == pytest.approx(every)
    assert bottom["bigram"]["mean"] > bottom["bits_per_code"]["mean"], (
        "it sees the level above, which counting does not"
    )
    assert "| `top` | `bottom` |" in (tmp_path / "prior" / "README.md").read_text()


def test_defaults_are_told():
    assert PriorTraining().keep == "best"
