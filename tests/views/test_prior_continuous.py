"""Continuous: what latents and the numbers beside codes can be drawn from, and where there is nothing to draw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import checkpoints, models, results
from explorer.analysis import flows
from explorer.commands import run
from explorer.results import continuous
from explorer.sheets import Cards, Heading, Link, Missing, Note, Pictures, Strips, walk
from explorer.study import hybrid_parts, open_study
from explorer.views import VIEWS, fields
from tests.priors.folders import keep

SMALL = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 6, "dim": 4, "downsample": 4}
FAMILIES = {
    "vae": ("vae", {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "dim": 3, "width": 16, "downsample": 4}),
    "projected": ("vqvae", SMALL | {"quantizer": "projected"}),
    "frequency": ("vqvae", SMALL | {"quantizer": "frequency"}),
    "levels": ("vqvae2", SMALL | {"quantizer": "hybrid"}),
    "plain": ("vqvae", SMALL),
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Forty pictures of each split: a light square somewhere on a dark ground."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for split in ("train", "test"):
        (folder / split).mkdir()
        for number in range(40):
            pixels = generator.integers(0, 60, (16, 16, 3), dtype=np.uint8)
            x, y = generator.integers(0, 10, 2)
            pixels[y : y + 6, x : x + 6] = generator.integers(120, 255, 3)
            Image.fromarray(pixels).save(folder / split / f"{number}.png")
    return folder


@pytest.fixture
def opened(photos, tmp_path, monkeypatch):
    """`opened(name)`: the study of a network that was never trained."""
    monkeypatch.setattr(flows, "STEPS", 100)
    monkeypatch.setattr(flows, "FEWEST", 20)

    def made(name: str):
        family, settings = FAMILIES[name]
        torch.manual_seed(0)
        model = models.build(family, settings, 16).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(2)
        (tmp_path / name).mkdir(exist_ok=True)
        facts = {"family": family, "dataset": "photos", "training": {}, "metrics": {}, "card": "# tiny"}
        checkpoints.save(tmp_path / name, model, **facts)
        return open_study(tmp_path / name, str(photos))

    return made


def shown(study, **asked):
    view = VIEWS["prior"]
    options, faults = fields.settled(view.options, study, {"part": "continuous", **asked})
    assert not faults
    return view.sheet(study, options, None)


def kinds(sheet, kind):
    return [one for one in walk(sheet.blocks) if isinstance(one, kind)]


def test_a_vae_has_rates_samples_of_each_prior_and_what_is_saved(opened):
    study = opened("vae")
    assert len(kinds(shown(study), Missing)) == 1, "a button, and no wait"
    study.make("continuous")
    sheet = shown(study, drawn=4)
    numbers = sheet.told()
    assert list(numbers["priors"]) == ["standard", "gaussian", "mixture", "flow"] and numbers["images"] == 40
    pictures = {one.name: one.pictures for one in kinds(sheet, Pictures)}
    assert len(numbers["quality"]["scores"]) == 5 and numbers["quality"]["images"] == 20
    assert len(pictures) == 5 and all(len(some) == 4 for some in pictures.values())
    assert not np.array_equal(pictures["latents-standard"][0].pixels, pictures["latents-gaussian"][0].pixels)
    cards = kinds(sheet, Cards)[0].cards
    assert [one.label for one in cards] == ["Standard normal", "One Gaussian", "Mixture", "Flow"]
    assert float(cards[0].value) == pytest.approx(numbers["priors"]["standard"]["rate"]["mean"], abs=0.06)
    assert numbers["saved"]["gaussian"]["standard"]["low"] is not None


def test_the_rate_of_the_standard_normal_is_what_the_model_itself_pays(opened):
    study = opened("vae")
    found = study.make("continuous")
    from explorer.autoencoder import to_images

    mean, variance = study.subject.network().posterior(to_images(study.images.read(slice(None))))["latent"]
    divergence = 0.5 * (mean**2 + variance - 1 - variance.log()).sum((1, 2, 3)).mean() / np.log(2)
    rate = found.facts["priors"]["standard"]["rate"]
    assert rate["mean"] == pytest.approx(float(divergence), rel=0.1, abs=0.2)


@pytest.mark.parametrize("name, layers", [("projected", 1), ("frequency", 1), ("levels", 2)])
def test_a_hybrid_has_numbers_drawn_given_its_codes(opened, name, layers):
    study = opened(name)
    found = study.make("continuous")
    assert len(found.beside) == layers
    sheet = shown(study, drawn=4)
    numbers = sheet.told()
    strips = kinds(sheet, Strips)[0].strips
    assert len(strips) == 4 and [one.title for one in strips[0].pictures] == [
        "image", "true", "mean of the code", "drawn", "left out",
    ]  # fmt: skip
    assert numbers["psnr"]["true"]["mean"] >= numbers["psnr"]["drawn"]["mean"] - 0.5
    codes, true = hybrid_parts.seen(study, np.arange(3))
    drawn = hybrid_parts.complete(study, codes, "drawn", 0)
    assert {layer: some.shape for layer, some in drawn.items()} == {layer: some.shape for layer, some in true.items()}
    again = hybrid_parts.complete(study, codes, "drawn", 0)
    assert all(np.array_equal(drawn[layer], again[layer]) for layer in drawn)
    assert hybrid_parts.complete(study, codes, "without") == {}
    whole = hybrid_parts.decoded(study, codes, true)
    assert np.abs(whole.astype(int) - study.compare(study.images.read([0, 1, 2])).reconstructions).max() <= 1


def test_codes_that_a_prior_draws_are_shown_with_numbers_drawn_beside_them(opened, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path))
    study = opened("projected")
    study.make("continuous")
    assert len(kinds(shown(study), Strips)) == 1, "no prior, no samples of it"
    keep(tmp_path / "projected-prior", study.subject.checkpoint, str(photos))
    strips = kinds(shown(study, drawn=4), Strips)[1].strips
    assert len(strips) == 4 and [one.title for one in strips[0].pictures] == ["mean of the code", "drawn", "left out"]
    codes = hybrid_parts.seen(study, np.arange(2))[0]
    mean, drawn = (hybrid_parts.complete(study, codes, way)["scale"] for way in ("mean", "drawn"))
    assert not np.array_equal(mean, drawn) and mean.shape == drawn.shape


def test_what_is_kept_reads_as_it_was_written(opened):
    for name in ("vae", "frequency"):
        study = opened(name)
        made = study.make("continuous")
        path, again = results.find("continuous", study.subject)
        assert again.facts == made.facts and path.stat().st_size < 200_000
        if made.fitted is not None:
            from explorer.analysis import aggregate

            drawn = [aggregate.drawn(one.fitted, "flow", 3, 0) for one in (made, again)]
            assert np.array_equal(*drawn)


def test_a_checkpoint_without_a_continuous_part_is_a_sentence_and_two_links(opened, photos, capsys):
    study = opened("plain")
    sheet = shown(study)
    assert "nothing continuous" in kinds(sheet, Note)[0].text and sheet.told() == {"continuous": None}
    assert [one.go.carried["checkpoint"] for one in kinds(sheet, Link)] == ["vae-shapes", "projected-shapes"]
    assert not kinds(sheet, Heading)
    assert run(["prior", "continuous", str(study.subject.checkpoint), "--dataset", str(photos)]) == 2
    assert "has codes and nothing continuous" in capsys.readouterr().err


def test_one_image_is_a_sentence(opened, tmp_path):
    (tmp_path / "one").mkdir()
    Image.new("RGB", (16, 16), (200, 40, 40)).save(tmp_path / "one" / "a.png")
    path = opened("vae").subject.checkpoint
    study = open_study(path, str(tmp_path / "one"), split="all")
    study.make("continuous")
    sheet = shown(study)
    assert "needs at least" in kinds(sheet, Note)[0].text and not kinds(sheet, Cards)
    scaled = open_study(opened("projected").subject.checkpoint, str(tmp_path / "one"), split="all")
    scaled.make("continuous")
    assert kinds(shown(scaled), Cards), "one image, no interval, no fault"


def test_the_page_of_a_vae_begins_here(opened):
    options, _ = fields.settled(VIEWS["prior"].options, opened("vae"), {})
    assert options.part == "continuous"
    options, _ = fields.settled(VIEWS["prior"].options, opened("plain"), {})
    assert options.part == "samples"


def test_what_is_damaged_is_said(tmp_path):
    (tmp_path / "x.safetensors.gz").write_bytes(b"\x1f\x8b nothing")
    with pytest.raises(continuous.BadInput, match="damaged"):
        continuous.read(tmp_path / "x.safetensors.gz")
