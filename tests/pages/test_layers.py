"""The Layers page: pictures from some layers, what fills the others, contributions, and recombinations."""

from __future__ import annotations

import pytest

from explorer import datasets
from explorer.results import measurements


@pytest.fixture
def measured(studio):
    """The contributions of the tiny VQ-VAE-2, as the background job would write them."""
    path = studio.checkpoints / "tiny-vqvae2"
    return {fill: measurements.make("layers", path, str(studio.photos), fill=fill) for fill in ("mean", "zeros")}


def captions(app) -> str:
    return "\n".join(element.value for element in [*app.caption, *app.markdown])


def test_one_layer_has_nothing_to_take_apart(open_app):
    app = open_app("layers", checkpoint="tiny-vqvae")
    assert "one layer" in app.info[0].value and "vqvae2-shapes" in app.info[0].value


def test_pictures_of_every_prefix_say_what_fills_the_rest(open_app, measured):
    app = open_app("layers", checkpoint="tiny-vqvae2")
    assert "mean over training stands for every layer left out" in captions(app)
    assert "**top**" in captions(app) and "bottom**" in captions(app) and " dB" in captions(app)
    app.segmented_control(key="fill").set_value("zeros").run()
    assert "zeros stand for every layer left out" in captions(app)
    app.segmented_control(key="layers-view").set_value("alone").run()
    assert "Each picture has one layer;" in captions(app) and not app.exception


def test_contributions_over_the_split(open_app, measured):
    app = open_app("layers", checkpoint="tiny-vqvae2")
    table = app.dataframe[0].value
    rows = measured["mean"]["layers"]
    assert table["layer"].tolist() == ["top", "bottom"]
    score = rows[0]["psnr"]
    assert table["PSNR (dB)"][0] == f"{score['mean']:.2f} [{score['low']:.2f}, {score['high']:.2f}]"
    assert table["bits per pixel"].tolist() == pytest.approx([4 * 3 / 256, 16 * 3 / 256])  # 8 codes on 2 × 2, 4 × 4
    gains = [float(text.split()[0]) for text in table["gain (dB)"]]
    assert sum(gains) == pytest.approx(rows[-1]["psnr"]["mean"] - measured["mean"]["nothing"]["psnr"]["mean"], abs=0.01)
    assert all("[" in text for column in ("gain (dB)", "alone (dB)", "SSIM") for text in table[column])


def test_contributions_are_measured_beside_the_page(open_app, studio):
    app = open_app("layers", checkpoint="tiny-vqvae2")
    app.segmented_control(key="fill").set_value("other").run()
    assert any("Decode 12 images from every prefix" in text for text in captions(app).splitlines())
    assert any(button.label == "Start" for button in app.button)


def test_recombination_names_its_layers(open_app, measured):
    app = open_app("layers", checkpoint="tiny-vqvae2")
    assert "**top of A**, bottom of B" in captions(app)
    app.number_input(key="pick-second").set_value(5).run()
    assert not app.exception
    app.button(key="mix-random").click().run()
    assert not app.exception


def test_a_mae_decodes_one_layer_at_a_time(open_app, studio):
    measurements.make("layers", studio.checkpoints / "tiny-mae", str(studio.photos))
    app = open_app("layers", checkpoint="tiny-mae")
    assert "decodes from one layer at a time" in captions(app) and not app.exception
    assert app.dataframe[0].value["layer"].tolist() == ["block1", "block2"]
    assert not any("Recombine" in element.value for element in app.header)


def test_a_measurement_is_made_once_and_kept_by_content(studio, monkeypatch):
    path = studio.checkpoints / "tiny-vqvae2"
    first = measurements.make("layers", path, str(studio.photos))
    from explorer.analysis import layers

    monkeypatch.setattr(layers, "measure", lambda *_, **__: pytest.fail("measured again"))
    assert measurements.make("layers", path, str(studio.photos)) == first
    images = datasets.load(str(studio.photos), "test", 16)
    assert measurements.locate("layers", path, images)["layers"] == first["layers"]
    file = measurements.default_path("layers", path, images)
    file.write_text("{damaged")
    assert measurements.locate("layers", path, images) is None
