"""The Train form: from every page to the Training page, presets, and what a training will cost."""

from __future__ import annotations

import dataclasses
import json

import pytest

from explorer import glossary, jobs
from explorer.errors import BadInput
from explorer.models import MODELS
from explorer.pages import train_form
from explorer.pages.state import CARRIED
from explorer.training import config as settings
from explorer.training import estimates
from explorer.training.config import TrainingConfig
from explorer.training.presets import PRESETS

CHOSEN = [  # page, checkpoint, options in its address; none is the default
    ("reconstructions", "tiny-vqvae", {"show": "own"}),
    ("reconstructions", "tiny-vqvae", {"show": "worst", "count": "16"}),
    ("reconstructions", "tiny-mae", {"seed": "3", "ratio": "50", "mask_seed": "2"}),
    ("reconstructions", "tiny-vae", {"latents": "sample"}),
    ("code_maps", "tiny-vqvae2", {"order": "worst", "view": "over", "opacity": "70"}),
    ("code_maps", "tiny-mae", {"kmeans": "32"}),
    ("codebook", "tiny-vqvae", {"by": "code", "axis": "log", "method": "umap"}),
    ("latent_map", "tiny-vqvae", {"what": "patches", "method": "pca", "dims": "3"}),
    ("layers", "tiny-vqvae2", {"parts": "alone", "fill": "zeros", "images": "8"}),
    ("rate_distortion", "tiny-vqvae", {"score": "ssim", "rate": "entropy_bits_per_pixel", "counted": "file"}),
    ("training", "tiny-vqvae", {}),
]


@pytest.fixture
def no_process(studio, monkeypatch):
    """Runs that end at once and write nothing; forgotten after the test, for the studio is shared."""
    monkeypatch.setattr(jobs, "COMMAND", ("true",))
    before = {job.id for job in jobs.all_jobs()}
    yield
    for job in jobs.all_jobs():
        if job.id not in before:
            jobs.delete(job)


def trainings() -> list[jobs.Job]:
    return [job for job in jobs.all_jobs() if job.arguments[0] == "train"]


def texts(app) -> str:
    return "\n".join(str(one.value) for kind in (app.caption, app.error, app.warning) for one in kind).replace("\\", "")


def opened(open_app, page="training", checkpoint="tiny-vqvae", **values):
    """The app on a page, with these values of its widgets, its form open and the digits chosen for training."""
    app = open_app(page, checkpoint=checkpoint, **values)
    app.session_state["train-open"], app.session_state["train-dataset"] = True, "digits"
    app.run()
    assert not app.exception
    return app


@pytest.mark.parametrize(("page", "checkpoint", "values"), CHOSEN)
def test_start_goes_to_the_training_page_from_everywhere(open_app, no_process, page, checkpoint, values):
    app = opened(open_app, page, checkpoint, **values)
    assert set(values) <= set(app.query_params) and not app.warning, "the options took their values from the address"
    app.button(key="train-start").click().run()
    assert app.title[0].value == "Training" and not app.exception
    assert "could not be drawn" not in texts(app) and len(trainings()) == 1
    kept = set(app.query_params)
    assert kept >= {"checkpoint", "dataset"} and not kept & (set(values) - set(CARRIED)), "they are of their page only"


def test_a_second_click_starts_no_second_run(open_app, no_process):
    app = opened(open_app)
    app.button(key="train-start").click().run()
    app.button(key="train-start").click().run()
    assert app.title[0].value == "Training" and len(trainings()) == 1 and not texts(app).count("already exists")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_trained(name):
    preset = PRESETS[name]
    for dataset in ("shapes", "CIFAR10"):
        size, parameters = settings.check(preset.family, dataset, dict(preset.model), dict(preset.training))
        assert size in (32, 64) and parameters > 10_000
    assert preset.about.endswith(".")


def test_a_preset_fills_the_form_and_what_is_changed_counts(open_app, no_process):
    app = opened(open_app)
    app.selectbox(key="train-preset").set_value("Sharp, with two levels").run()
    assert app.selectbox(key="train-family").value == "vqvae2" and app.number_input(key="train-steps").value == 20_000
    assert app.text_input(key="train-vqvae2-loss").value == "l1+0.2*ms_ssim"
    app.number_input(key="train-steps").set_value(7).run()
    app.button(key="train-start").click().run()
    arguments = " ".join(trainings()[0].arguments)
    assert "train vqvae2 --dataset digits" in arguments and "--steps 7 " in arguments
    assert "--set loss=l1+0.2*ms_ssim" in arguments and "--set batch_size=64" in arguments
    app.selectbox(key="train-preset").set_value("Sizes of the VQ-VAE paper").run()
    assert app.selectbox(key="train-family").value == "vqvae"
    values = {name: app.number_input(key=f"train-vqvae-{name}").value for name in ("codes", "hidden", "dim")}
    assert values == {"codes": 512, "hidden": 128, "dim": 64} and app.number_input(key="train-steps").value == 5000
    assert not app.warning, "a widget with two defaults"


def test_fields_are_named_in_words_and_keep_the_option_in_their_help(open_app):
    app = opened(open_app)
    fields = {str(one.key): one for kind in (app.number_input, app.selectbox) for one in kind}
    for key, label in (
        ("train-vqvae-codes", "Codebook size (K)"),
        ("train-vqvae-dim", "Dimensions of a code (D)"),
        ("train-vqvae-beta", "Commitment weight (β)"),
        ("train-vqvae-revive_below", "Revive codes used less than"),
    ):
        assert fields[key].label == label and f"`{key.rpartition('-')[2]}`" in fields[key].help
    for config in (*(entry.config for entry in MODELS.values()), TrainingConfig):
        names = [glossary.label(config, field) for field in dataclasses.fields(config)]
        assert len(set(names)) == len(names)
        assert all(known in glossary.LABELS or known == "device" for known in config.__dataclass_fields__)


def test_the_size_of_the_network_is_said_before_the_start(open_app):
    from explorer.models import build

    app = opened(open_app)
    network = build("vqvae", dict(PRESETS["Quick look"].model), 32)
    expected = sum(weights.numel() for weights in network.parameters())
    assert f"{expected:,} parameters · 32 × 32 pixels" in texts(app)
    app.number_input(key="train-image_size").set_value(33).run()
    assert "nearest that do are 32 or 36" in texts(app) and app.button(key="train-start")


def test_the_time_is_estimated_on_a_click_and_scales_with_the_steps(open_app, monkeypatch):
    asked = []
    monkeypatch.setattr(estimates, "per_step", lambda *given: asked.append(given) or 0.9)
    app = opened(open_app)
    assert "About" not in texts(app) and not asked
    app.button(key="train-estimate").click().run()
    assert "About **8 minutes** on CPU" in texts(app) and asked[0][1]["codes"] == 128
    app.number_input(key="train-steps").set_value(50_000).run()
    assert "About **13 hours**" in texts(app) and len(asked) == 1, "no step is timed twice"
    app.number_input(key="train-vqvae-hidden").set_value(64).run()
    assert "About" not in texts(app) and app.button(key="train-estimate")


def test_a_failed_estimate_leaves_the_start_button(open_app, monkeypatch):
    def failing(*given):
        raise BadInput("a first step could not be made: no memory")

    monkeypatch.setattr(estimates, "per_step", failing)
    app = opened(open_app)
    app.button(key="train-estimate").click().run()
    assert "no memory" in texts(app) and app.button(key="train-start")


def test_a_long_step_is_timed_on_a_part_of_its_batch():
    made = []

    def step(count: int) -> float:
        made.append(count)
        return 0.1 * count

    assert estimates.timed(step, 128) == pytest.approx(12.8) and max(made) < 16
    made.clear()
    assert estimates.timed(step, 8) == pytest.approx(0.8) and max(made) == 8


@pytest.mark.parametrize("family", MODELS)
def test_steps_of_every_family_are_timed(family):
    small = {"mae": {"dim": 16, "blocks": 1, "heads": 2, "decoder_dim": 16, "decoder_blocks": 1, "decoder_heads": 2}}
    given = small.get(family, {"hidden": 8, "loss": "mse+0.1*adversarial"})
    assert 0 < estimates.measure(family, given, {"device": "cpu", "batch_size": 4}, 32) < 600


def test_a_step_is_timed_in_a_process_of_its_own():
    tiny = {"hidden": 8, "residual_channels": 4, "codes": 8, "dim": 4}
    assert estimates.per_step("vqvae", tiny, {"device": "cpu", "batch_size": 2}, 16) > 0
    with pytest.raises(BadInput, match="30 does not fit downsample 4"):
        estimates.per_step("vqvae", tiny, {"device": "cpu"}, 30)


def test_seconds_count_the_looks_at_held_out_images():
    assert estimates.seconds(0.3, 100, 256) == pytest.approx(0.3 * 100 + 20 * 0.1)


def test_what_is_asked_of_a_training_is_what_the_form_shows(open_app, no_process):
    """Settings that a preset leaves alone are those of the config."""
    app = opened(open_app)
    app.button(key="train-start").click().run()
    (job,) = trainings()
    given = [value for key, value in zip(job.arguments, job.arguments[1:], strict=False) if key == "--set"]
    assert sorted(given) == ["batch_size=32", "codes=128", "compile=no", "dim=16", "hidden=32"], json.dumps(given)
    assert train_form.AGAIN < 60
