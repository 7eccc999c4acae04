"""The Layers page: pictures from some layers, what fills the others, contributions, and recombinations."""

from __future__ import annotations

import pytest

from explorer import results
from explorer.results.subject import Subject


@pytest.fixture
def measured(studio):
    """The contributions of the tiny VQ-VAE-2, as the background job would write them."""
    subject = Subject(studio.checkpoints / "tiny-vqvae2", str(studio.photos))
    return {fill: results.obtain("layers", subject, {"fill": fill})[1] for fill in ("mean", "zeros")}


def captions(app) -> str:
    return "\n".join(element.value for element in [*app.caption, *app.markdown])


def test_one_layer_has_nothing_to_take_apart(open_app):
    app = open_app("layers", checkpoint="tiny-vqvae")
    assert "one layer" in app.info[0].value
    app.button(key="link-tiny-vqvae2: 2 layers, same dataset").click().run()
    assert app.query_params["checkpoint"] == "tiny-vqvae2" and not app.info and not app.warning and not app.exception
    assert any("Recombine" in element.value for element in app.header)


def test_pictures_of_every_prefix_say_what_fills_the_rest(open_app, measured):
    app = open_app("layers", checkpoint="tiny-vqvae2")
    assert "mean over training stands for every layer left out" in captions(app)
    assert "**top**" in captions(app) and "bottom**" in captions(app) and " dB" in captions(app)
    app.segmented_control(key="pick-fill").set_value("zeros").run()
    assert "zeros stand for every layer left out" in captions(app)
    app.segmented_control(key="pick-parts").set_value("alone").run()
    assert "Each picture has one layer;" in captions(app) and not app.exception


def test_contributions_over_the_split(open_app, measured):
    app = open_app("layers", checkpoint="tiny-vqvae2")
    table = app.dataframe[0].value
    rows = measured["mean"]["layers"]
    assert table["layer"].tolist() == ["top", "bottom"]
    score = rows[0]["psnr"]
    assert table["PSNR (dB)"][0] == f"{score['mean']:.2f} [about {score['low']:.2f}, {score['high']:.2f}]"
    assert table["bits per pixel"].tolist() == pytest.approx([4 * 3 / 256, 16 * 3 / 256])  # 8 codes on 2 × 2, 4 × 4
    gains = [float(text.split()[0]) for text in table["gain (dB)"]]
    assert sum(gains) == pytest.approx(rows[-1]["psnr"]["mean"] - measured["mean"]["nothing"]["psnr"]["mean"], abs=0.01)
    assert all("[" in text for column in ("gain (dB)", "alone (dB)", "SSIM") for text in table[column])


def test_contributions_are_measured_beside_the_page(open_app, studio):
    app = open_app("layers", checkpoint="tiny-vqvae2")
    app.segmented_control(key="pick-fill").set_value("other").run()
    assert app.query_params["fill"] == "other"
    assert any("Decode 12 images from every prefix" in text for text in captions(app).splitlines())
    assert any(button.label == "Start" for button in app.button)


def test_recombination_names_its_layers(open_app, measured):
    app = open_app("layers", checkpoint="tiny-vqvae2")
    assert "**top of A**  \nbottom of B" in captions(app)
    app.button(key="link-Two others").click().run()
    one, other = (app.number_input(key=f"pick-{name}").value for name in ("image", "second"))
    assert one != other and (one, other) != (0, 1) and not app.exception
    app.number_input(key="pick-second").set_value(5).run()
    app.pills(key="pick-of_first").set_value(["top", "bottom"]).run()
    assert "**top, bottom of A**  \nnothing of B" in captions(app) and not app.exception
    assert app.query_params["second"] == "5" and app.query_params["of_first"] == "top,bottom"


def test_a_link_opens_what_was_chosen(open_app, measured):
    app = open_app("layers", checkpoint="tiny-vqvae2", of_first="bottom", image="3", second="8", parts="alone")
    assert "**bottom of A**  \ntop of B" in captions(app) and "Each picture has one layer;" in captions(app)
    assert not app.warning
    assert app.number_input(key="pick-second").value == 8 and app.pills(key="pick-of_first").value == ["bottom"]


def test_another_checkpoint_has_its_own_layers_to_recombine_without_a_warning(open_app, measured):
    app = open_app("layers", checkpoint="tiny-vqvae2", of_first="bottom")
    app.selectbox(key="pick-checkpoint").set_value("tiny-mae").run()
    assert not app.warning and not app.error


def test_a_mae_decodes_one_layer_at_a_time(open_app, studio):
    app = open_app("layers", checkpoint="tiny-mae")
    assert "decodes from one layer at a time" in app.info[0].value and not app.exception
    assert app.dataframe[0].value["layer"].tolist() == ["block1", "block2"]
    assert not app.dataframe[0].value.isna().any(axis=None) and not app.get("plotly_chart")
    assert not any("Recombine" in element.value for element in app.header)


def test_a_measurement_is_made_once_and_kept_by_content(studio, monkeypatch):
    subject = Subject(studio.checkpoints / "tiny-vqvae2", str(studio.photos))
    path, first = results.obtain("layers", subject)
    from explorer.analysis import layers

    with monkeypatch.context() as patch:
        patch.setattr(layers, "measure", lambda *_, **__: pytest.fail("measured again"))
        assert results.obtain("layers", subject)[1] == first
    path.write_text("{damaged")
    assert results.find("layers", subject) is None
