"""The Rate–distortion page: its chart, its sentence and its table are those of the measurements."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import numpy as np
import pytest

from explorer import checkpoints, results
from explorer.analysis import codecs, rates
from explorer.results.subject import Subject

PAGE = "rate_distortion"


@pytest.fixture
def measured(studio) -> Callable:
    """`measured("rates", "tiny-vae")` is what the background job writes; all of it is gone after the test."""
    yield lambda what, name: results.obtain(what, Subject(studio.checkpoints / name, str(studio.photos)))[1]
    for file in (studio.cache / "measurements").glob("*.json"):
        file.unlink()


def traces(app) -> dict[str, dict]:
    """Traces of the chart by name; further parts of a line are called "name 1", …"""
    (figure,) = app.get("plotly_chart")
    found = {}
    for trace in json.loads(figure.proto.spec)["data"]:
        name = trace["name"]
        while name in found:
            name = f"{trace['name']} {1 + int(name.rpartition(' ')[2] if name != trace['name'] else 0)}"
        found[name] = trace
    return found


def numbers(values) -> list[float]:
    """Values of a trace, which travel as a list or as base64."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return [float(value) for value in values]


def texts(app) -> str:
    return "\n".join(str(element.value) for element in [*app.markdown, *app.caption]).replace("\\", "")


def test_a_plain_model_is_one_point_beside_both_codecs(open_app, measured):
    (point,) = measured("rates", "tiny-vqvae")["points"]
    jpeg = codecs.curves(measured("codecs", "tiny-vqvae"))["JPEG"]
    app = open_app(PAGE)
    assert not app.error
    shown = traces(app)
    assert set(shown) == {"tiny-vqvae", "JPEG, payload", "WebP, payload"}
    assert numbers(shown["tiny-vqvae"]["x"]) == [3 * 16 / 256], "8 codes on 4 × 4 cells of 16 × 16 pixels"
    assert numbers(shown["tiny-vqvae"]["y"]) == [point["psnr"]["mean"]]
    above = numbers(shown["tiny-vqvae"]["error_y"]["array"])
    assert above == pytest.approx([point["psnr"]["high"] - point["psnr"]["mean"]])
    assert numbers(shown["JPEG, payload"]["x"]) == [one["payload"]["mean"] for one in jpeg]
    metrics = {metric.label: metric for metric in app.metric}
    assert metrics["Bits per pixel"].value == "0.188" and metrics["PSNR at these bits"].delta.startswith("about 95 %")
    theirs = codecs.score_at(jpeg, 3 * 16 / 256, "payload")
    assert metrics["JPEG at these bits"].value == f"{theirs:.2f} dB"
    assert (
        metrics["JPEG at these bits"].delta.replace("\\", "")
        == f"{point['psnr']['mean'] - theirs:+.2f} dB by the model"
    )
    assert all(metric.help for metric in app.metric)
    said = f"On 12 held-out images tiny-vqvae reaches {point['psnr']['mean']:.2f} dB with 0.188 bits per pixel"
    assert said in texts(app)


def test_score_rate_and_what_is_counted_can_be_changed(open_app, measured):
    (point,) = measured("rates", "tiny-vqvae")["points"]
    jpeg = codecs.curves(measured("codecs", "tiny-vqvae"))["JPEG"]
    app = open_app(PAGE)
    for key, value in (("score", "ssim"), ("rate", "entropy_bits_per_pixel"), ("counted", "file")):
        app.segmented_control(key=f"pick-{key}").set_value(value).run()
    shown = traces(app)
    assert numbers(shown["tiny-vqvae"]["x"]) == [point["entropy_bits_per_pixel"]]
    assert numbers(shown["tiny-vqvae"]["y"]) == [point["ssim"]["mean"]]
    assert numbers(shown["JPEG, whole file"]["x"]) == [one["file"]["mean"] for one in jpeg]
    assert numbers(shown["JPEG, whole file"]["y"]) == [one["ssim"]["mean"] for one in jpeg]
    metrics = {metric.label: metric for metric in app.metric}
    assert metrics["JPEG at these bits"].value == "—", "headers alone are more"
    assert metrics["JPEG at these bits"].delta.startswith("starts at ")


def test_a_continuous_model_has_a_point_for_each_number_of_bits_and_a_bound(open_app, measured, studio):
    found = measured("rates", "tiny-vae")
    known = codecs.curves(measured("codecs", "tiny-vae"))
    app = open_app(PAGE, checkpoint="tiny-vae")
    shown = traces(app)
    (layer,) = checkpoints.describe(studio.checkpoints / "tiny-vae").layers
    expected = [bits * layer["dim"] / 256 for bits in rates.BITS]
    assert numbers(shown["tiny-vae"]["x"]) == pytest.approx(expected)
    assert numbers(shown["not quantized"]["y"]) == [found["points"][-1]["psnr"]["mean"]] * 2
    point = rates.working_point(found)
    assert f"Its continuous numbers have {point['bits']} bit" in texts(app)
    assert "fitted on 12 training images" in texts(app)
    table = app.dataframe[0].value
    assert len(table) == 9 + sum(map(len, known.values()))
    assert table["psnr"][:9].tolist() == [one["psnr"]["mean"] for one in found["points"]]
    assert table["sent"][:2].tolist() == ["latent, 1 bit", "latent, 2 bits"]
    row = table[(table["of"] == "tiny-vae") & table["over_jpeg"].notna()].iloc[0]
    theirs = codecs.score_at(known["JPEG"], row["bits_per_pixel"], "payload")
    assert row["over_jpeg"] == pytest.approx(row["psnr"] - theirs)


def test_measured_checkpoints_stand_beside_it_and_others_are_offered(open_app, measured):
    measured("codecs", "tiny-vqvae")
    for name in ("tiny-vqvae", "tiny-vqvae2"):
        measured("rates", name)
    app = open_app(PAGE)
    (beside,) = app.multiselect
    assert beside.value == ["tiny-vqvae2"] and len(beside.options) == 3
    assert "tiny-mae (not measured yet)" in beside.options
    shown = traces(app)
    assert numbers(shown["tiny-vqvae2"]["x"]) == pytest.approx([3 * 4 / 256, 3 * (4 + 16) / 256]), "top; all"
    beside.set_value(["tiny-mae"]).run()
    assert app.query_params["beside"] == "tiny-mae"
    assert "tiny-vqvae2" not in traces(app)
    assert "Measuring bits and quality of tiny-mae on 12 images" in texts(app)
    assert [button.label for button in app.button if button.label == "Start"] == ["Start"]


def test_what_is_missing_is_measured_beside_the_page(open_app, click_on, studio, monkeypatch):
    from explorer import jobs

    started = []
    monkeypatch.setattr(jobs, "start", lambda arguments, target, **_: started.append((arguments, target)))
    app = open_app(PAGE)
    assert not app.get("plotly_chart") and not app.error and not started
    click_on(app)
    assert [arguments[:2] for arguments, _ in started] == [["measure", "rates"], ["measure", "codecs"]]
    for arguments, target in started:
        assert arguments[3:] == ["--dataset", str(studio.photos), "--split", "test", "--fit", "crop"]
        assert target.parent == studio.cache / "measurements"


def test_points_are_joined_where_they_differ_in_one_thing():
    """Discrete prefixes are one line; a prefix with continuous layers is a line over the bits of its numbers."""
    from explorer.charts import rate_plots

    def point(layers: str, bits: int | None, rate: float | None) -> dict:
        score = {"mean": 20.0, "low": None, "high": None, "n": 1}
        return {
            "layers": layers.split(), "bits": bits, "bits_per_pixel": rate, "entropy_bits_per_pixel": rate,
            "positions": {name: {"mean": 4.0} for name in layers.split()}, "psnr": score, "ssim": score, "mse": 0.01,
        }  # fmt: skip

    points = [point("top", None, 0.1)]
    for layers, rate in (("top top.scale bottom", 0.2), ("top top.scale bottom bottom.scale", 0.3)):
        points += [point(layers, bits, rate * bits) for bits in (1, 2)] + [point(layers, None, None)]
    figure = rate_plots.rate_distortion({"mine": {"points": points}})
    lines = [(trace.name, list(trace.x), trace.showlegend) for trace in figure.data]
    assert lines[:3] == [("mine", [0.1], True), ("mine", [0.2, 0.4], False), ("mine", [0.3, 0.6], False)]
    assert lines[3][0] == "not quantized" and len(lines) == 4
    assert "top + top.scale + bottom, 1 bit a number<br>20.00 dB, 1 images" in figure.data[1].text[0]
    assert figure.layout.xaxis.ticktext and figure.layout.xaxis.type == "log"
