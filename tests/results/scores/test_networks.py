"""Scores that ask the network: every family, few images, one code, no labels; and what they say of a known decoder."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from explorer import checkpoints, models, results
from explorer.analysis.concepts import values
from explorer.analysis.concepts.folds import folds
from explorer.autoencoder import Codebook, Layer
from explorer.progress import Progress
from explorer.results.scores import module
from explorer.results.scores.material import Material
from explorer.results.subject import Subject
from explorer.sheets import Note, walk
from explorer.views.scores import SHOWN

NAMES = ("swaps", "invariance", "recoloured", "hierarchy")
OPTIONS = SimpleNamespace(layer="", concept="", value="")
SMALL = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
FAMILIES = {
    "vqvae2": SMALL,
    "vqvae": SMALL | {"quantizer": "projected"},
    "vae": {"hidden": 8, "width": 16, "dim": 4},
    "mae": {"dim": 24, "blocks": 2, "heads": 2, "decoder_dim": 16, "decoder_blocks": 1, "decoder_heads": 2},
}
PALETTE = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]])


class Lookup:
    """`code`: each code paints its 4 × 4 cell in one colour, and the encoder reads it. `idle` does nothing."""

    image_size, joint = 16, True
    layers = (Layer("idle", (1, 1), 3), Layer("code", (4, 4), 3))

    def __init__(self):
        self.codebooks = {"idle": Codebook(PALETTE[:1]), "code": Codebook(PALETTE)}

    def encode(self, images):
        cells = torch.nn.functional.avg_pool2d(images, 4).permute(0, 2, 3, 1)
        return {"idle": torch.zeros(len(images), 1, 1, 3), "code": cells}

    def decode(self, latents, fill="mean"):
        book = self.codebooks["code"]
        if "code" not in latents:
            return torch.full((len(latents["idle"]), 3, 16, 16), 0.5)
        painted = book.lookup(book.assign(latents["code"])).permute(0, 3, 1, 2)
        return painted.repeat_interleave(4, 2).repeat_interleave(4, 3)


class Known(Material):
    """400 pictures of four colours; one cell has the colour, all others are black."""

    def __init__(self, options=None):
        rng = np.random.default_rng(0)
        self.colour = rng.integers(0, 4, 400)
        self.all_codes = np.zeros((400, 4, 4), np.int64)
        where = rng.integers(0, 4, (2, 400))
        self.all_codes[np.arange(400), where[0], where[1]] = 1 + self.colour
        self.facts = SimpleNamespace(image_size=16, family="vqvae")
        super().__init__(
            SimpleNamespace(facts=self.facts), options or SimpleNamespace(layer="", concept=""), None,
            Progress(0, "images", quiet=True),
        )  # fmt: skip
        named = pd.Series(np.array(["red", "green", "blue", "yellow"])[self.colour])
        coin = pd.Series(np.array(["a", "b"])[rng.integers(0, 2, 400)])
        self.known_concepts = [values.prepared("colour", named), values.prepared("coin", coin)]
        self.net = Lookup()
        books, layers = self.net.codebooks, self.net.layers
        self.encoding = SimpleNamespace(codebook=lambda name: books[name], layers=layers)

    rows = property(lambda self: np.arange(400))
    folds = property(lambda self: folds(400))
    layers = property(lambda self: self.encoding.layers)
    concepts = property(lambda self: self.known_concepts)
    model = property(lambda self: self.net)
    pictured = property(lambda self: self.__dict__.get("seen", True))

    def codes(self, layer, rows=None):
        rows = self.rows if rows is None else rows
        return self.all_codes[rows] if layer == "code" else np.zeros((len(rows), 1, 1), np.int64)

    def pixels(self, positions):
        cells = (255 * PALETTE[torch.from_numpy(self.all_codes[positions])]).numpy().astype(np.uint8)
        return cells.repeat(4, 1).repeat(4, 2)


def row(rows, **wanted):
    return next(one for one in rows if all(one[key] == value for key, value in wanted.items()))


def test_swaps_of_a_decoder_that_looks_up_turn_the_probe_every_time():
    found = module("swaps").make(Known())
    layer = row(found["layers"], layer="code")
    assert row(layer["probe"], concept="colour")["score"] == 1 and layer["left_out"] == []
    told = [one for one in layer["pairs"] if one["concept"] == "colour"]
    swaps = [one for one in told if one["kind"] == "swap"]
    assert len(swaps) == 4
    for one in told:
        assert one["footprint"] == 1 and one["radius"] == 0 and one["reencoded"] == 1 and one["unchanged"] == 1
        assert one["push"] > 1
    for one in swaps:
        assert one["turned"] == 1 and one["turned_low"] > 0.7
        assert 5 <= one["images"] <= 32 and one["turned_of"] == one["images"]
        # of the three other codes black is one, which leaves nothing to see but the probe's prejudice
        assert one["null_turned"] < 0.34 and one["more_low"] > 0.2 and one["push_more_low"] > 0
        assert f"to “{one['to_value']}” in 100 %" in one["sentence"]
    assert layer["together"]["reencoded"]["mean"] == 1 and layer["together"]["footprint"]["mean"] == 1
    assert "one code" in found["refused"]["idle"]


def test_what_no_code_marks_is_not_turned():
    found = module("swaps").make(Known())
    layer = row(found["layers"], layer="code")
    assert "coin" in layer["untold"] and not [one for one in layer["pairs"] if one["concept"] == "coin"]


def test_swaps_without_labels_tell_what_is_read_again():
    material = Known()
    material.known_concepts = []
    pairs = row(module("swaps").make(material)["layers"], layer="code")["pairs"]
    assert pairs and all(one["concept"] is None and one["reencoded"] == 1 for one in pairs)
    assert all(np.isnan(one["turned"]) and "probe" not in one["sentence"] for one in pairs)


def test_codes_that_are_colours_stay_under_jpeg_and_go_in_grey():
    kept = row(module("invariance").make(Known())["layers"], layer="code")["changes"]
    assert all(row(kept, change=change)["kept"] == 1 for change in ("decoded", "flipped", "jpeg", "brighter"))
    assert all(one["null"] < 0.95 for one in kept if one["change"] != "right")
    found = module("recoloured").make(Known())
    told = row(row(found["layers"], layer="code")["concepts"], concept="colour")
    assert told["ordinary"]["score"] == 1 and told["told"] == "only with colour"
    assert told["hue"]["score"] < 0.1 and told["hue"]["refitted"] == 1, "turned hues are another colour each"
    assert told["sentence"].startswith("colour: 1.00 [")


def test_pictures_without_colour_say_so():
    material = Known()
    grey = material.pixels
    material.pixels = lambda positions: grey(positions)[..., :1].repeat(3, -1)
    found = module("recoloured").make(material)
    assert set(found["refused"]) == {"grey", "hue"} and "grey already" in found["refused"]["grey"]
    assert all(not layer["changes"] for layer in found["layers"])


def test_a_layer_that_does_all_loses_all_and_one_that_is_idle_nothing():
    found = module("hierarchy").make(Known())
    assert found["intact"]["ssim"] == pytest.approx(1) and not found["absent"]
    assert row(found["intact"]["concepts"], concept="colour")["score"] == 1
    for one in found["damages"]:
        lost = row(one["concepts"], concept="colour")
        if one["layer"] == "idle":
            assert one["lost"] == pytest.approx(0, abs=1e-6) and lost["lost"] == 0
        elif one["damage"] == "shuffled":
            assert one["lost_low"] > 0 and lost["lost"] == 0, "a bag does not know where its codes stand"
        else:
            assert one["lost_low"] > 0 and lost["lost_low"] > 0.5
    assert {(one["layer"], one["damage"]) for one in found["damages"]} >= {("code", "shuffled"), ("idle", "mean")}
    assert ("idle", "shuffled") not in {(one["layer"], one["damage"]) for one in found["damages"]}
    told = row(found["nested"], concept="colour")
    assert told["together"]["score"] == told["alone"]["code"]["score"] == 1
    assert told["adds"]["idle"]["score"] == 0 and told["adds"]["code"]["low"] > 0.5
    assert row(found["nested"], concept="coin")["adds"]["code"]["low"] < 0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures in two classes, a few pictures without any, and a tiny network of every family."""
    folder = tmp_path_factory.mktemp("networks")
    generator = np.random.default_rng(0)
    for part, names, each in (("photos", ("red", "green"), 12), ("few", ("",), 5)):
        for split in ("train", "test"):
            for channel, name in enumerate(names):
                (folder / part / split / name).mkdir(parents=True)
                for number in range(each):
                    pixels = generator.integers(0, 90, (16, 16, 3), dtype=np.uint8)
                    pixels[..., channel] += 150
                    Image.fromarray(pixels).save(folder / part / split / name / f"{number}.png")
    for family, settings in FAMILIES.items():
        torch.manual_seed(0)
        model = models.build(family, settings, 16).eval()
        facts = {"family": family, "dataset": "photos", "training": {}, "metrics": {}, "card": "# tiny"}
        (folder / family).mkdir()
        checkpoints.save(folder / family, model, **facts)
    return folder


@pytest.mark.parametrize("part", ["photos", "few"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_and_few_images_are_told_of(folder, family, part):
    subject = Subject(folder / family, str(folder / part), kmeans=4)
    for name in NAMES:
        _, found = results.obtain("score", subject, {"score": name})
        assert json.loads(json.dumps(found)).keys() == found.keys()
        if "missing" in found:
            assert name == "hierarchy" and family == "vae" and found["missing"].endswith(".")
            continue
        study = SimpleNamespace(checkpoint=SimpleNamespace(name=family))
        shown = walk(SHOWN[name](study, found, OPTIONS))
        assert shown and not any("nan" in block.text for block in shown if isinstance(block, Note))
        for block in shown:
            if hasattr(block, "figure"):
                assert block.figure("dark").layout.xaxis.title.text
            if hasattr(block, "data") and block.data is not None:
                block.data()


def test_codes_without_a_network_or_pictures_say_so():
    for change in ({"net": None}, {"seen": False}):
        material = Known()
        material.__dict__.update(change)
        for name in ("swaps", "invariance", "recoloured"):
            assert module(name).make(material)["missing"].endswith("."), name
        found = module("hierarchy").make(material)
        assert found["absent"]["damages"].endswith(".") and len(found["nested"]) == 2
