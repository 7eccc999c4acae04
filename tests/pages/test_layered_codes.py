"""The pages about codes over models of several layers: residual stages, and a code with its scale or detail."""

from __future__ import annotations

import json

import numpy as np
import pytest

MAPS, BOOK, LATENTS = (name for name in ("code_maps", "codebook", "latent_map"))
TINY = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
MODELS = {
    "residual": {"quantizer": "residual", "stages": 13},
    "projected": {"quantizer": "projected"},
    "frequency": {"quantizer": "frequency", "frequent": 2},
}


@pytest.fixture(scope="module")
def layered(built, tmp_path_factory):
    """A folder of checkpoints of MODELS, and a cache with their encodings."""
    import torch

    from explorer import checkpoints, datasets, results
    from explorer.models import build
    from explorer.results.subject import Subject

    home, cache = tmp_path_factory.mktemp("layered"), tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(cache))
        patch.setenv("EXPLORER_CHECKPOINTS", str(home))
        pixels = datasets.load(str(built.photos), "train", 16).read(slice(None))
        for name, settings in MODELS.items():
            torch.manual_seed(0)
            network = build("vqvae", TINY | settings, 16).eval()
            with torch.no_grad():
                for weights in network.parameters():
                    weights.mul_(2)  # so that the decoder's answer depends on the latents before any training
                for layer, book in network.codebooks.items():  # codes among the latents, one stage after the other
                    latents = network.encode(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
                    vectors = latents[layer].flatten(0, 2)
                    ranks = torch.linspace(0, len(vectors) - 1, len(book)).long()
                    book.vectors.copy_(vectors[vectors[:, 0].argsort()][ranks])
            path = home / name
            path.mkdir()
            facts = {"family": "vqvae", "dataset": str(built.photos), "training": {}, "metrics": {}, "card": "# tiny"}
            checkpoints.save(path, network, **facts)
            results.obtain("encoding", Subject(path, str(built.photos), kmeans=64))
    return home, cache


@pytest.fixture
def open_layers(open_app, layered, monkeypatch):
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(layered[0]))
    monkeypatch.setenv("EXPLORER_CACHE", str(layered[1]))

    def opened(page: str, name: str, **names: str):
        app = open_app(page, checkpoint=name, **names)
        assert not [one.value for one in [*app.error, *app.exception, *app.warning]]
        return app

    return opened


def texts(app) -> str:
    kinds = (app.markdown, app.caption, app.info, app.header, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def axes(app, index: int) -> tuple[str, str]:
    layout = json.loads(app.get("plotly_chart")[index].proto.spec)["layout"]
    return layout["xaxis"]["title"]["text"], layout["yaxis"]["title"]["text"]


def test_many_stages_are_a_list_that_starts_with_the_first(open_layers):
    app = open_layers(MAPS, "residual")
    box = app.selectbox(key="pick-layer")
    assert box.options == [f"code.{index}" for index in range(13)] and app.query_params["layer"] == "code.0"
    assert len(app.get("bidi_component")) == 13 + 1 + 3, "a small map of each, the chosen one in large, three galleries"
    assert "decoded without code.1 to code.12" in texts(app)
    box.set_value("code.11").run()
    assert "of layer code.11" in texts(app) and "decoded without code.12." in texts(app) and not app.error


def test_a_link_opens_a_layer_with_a_dot(open_layers):
    app = open_layers(MAPS, "residual", layer="code.12", code="2", image="1")
    assert "Code 2 of layer code.12" in texts(app) and "decoded without" not in texts(app)


def test_what_a_scale_is_worth_is_shown_on_every_page(open_layers):
    app = open_layers(MAPS, "projected")
    assert app.query_params["layer"] == "code", "the layer with codes of its own, not the k-means one"
    app = open_layers(MAPS, "projected", layer="scale")
    assert (
        "centres of k-means" in texts(app)
        and any("Inside the" in one.label for one in app.metric)
        and "The decoder needs" not in texts(app)
    )
    app = open_layers(BOOK, "projected", layer="scale")
    assert axes(app, -1) == ("scale: the only number of a code", "share of all tokens (%)")
    assert "Bits per pixel" not in {metric.label for metric in app.metric}
    app = open_layers(BOOK, "projected", layer="code")
    (rate,) = (metric for metric in app.metric if metric.label == "Bits per pixel")
    assert "continuous numbers of scale are not counted" in rate.help


@pytest.mark.parametrize("what", ["images", "patches", "codebook"])
def test_latents_of_one_number_are_stacked_dots(open_layers, what):
    app = open_layers(LATENTS, "projected", layer="scale", what=what)
    assert not app.error and not [one for one in app.segmented_control if one.label in ("Method", "Axes")]
    assert {metric.label for metric in app.metric} == {"Points"}, "nothing was projected that could be trusted or not"
    assert axes(app, 0)[0] == "scale, less its mean" and axes(app, 0)[1].endswith("stacked")
    heights = np.concatenate(
        [decoded(trace["y"]) for trace in json.loads(app.get("plotly_chart")[0].proto.spec)["data"]]
    )
    assert heights.min() == 1 and (heights == heights.round()).all() and len(heights) >= 8


def decoded(values) -> np.ndarray:
    import base64

    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]) if isinstance(values, dict) else values


def test_a_layer_that_is_needed_here_and_there_says_where(open_layers, layered):
    from explorer import checkpoints, datasets
    from explorer.analysis import interventions

    app = open_layers(MAPS, "frequency", layer="detail", image="0")
    model = checkpoints.load(layered[0] / "frequency")
    pixels = datasets.load(app.query_params["dataset"], "test", 16).read([0])[0]
    needed = int(model.sent(interventions.encode(model, pixels))["detail"].sum())
    assert f"needs this layer in {needed} of the 16 cells" in texts(app)
    assert open_layers(LATENTS, "frequency", layer="detail", method="pca").get("plotly_chart")


def test_every_stage_adds_a_picture_and_any_of_them_can_be_recombined(open_layers):
    app = open_layers("layers", "residual", images="2")
    labels = [one.value.split("  \n")[0].replace("\\", "").strip("*") for one in app.caption if " dB" in one.value]
    assert labels == ["code.0", *(f"+ code.{index}" for index in range(1, 13))] * 2
    (box,) = app.multiselect if app.multiselect else [app.pills(key="pick-of_first")]
    box.set_value(["code.3", "code.11"]).run()
    assert "**code.3, code.11 of A**" in texts(app) and not app.exception


def test_a_scale_is_a_layer_that_can_be_left_out(open_layers):
    app = open_layers("layers", "projected", parts="alone")
    shown = texts(app)
    assert "**code**" in shown and "**scale**" in shown and "**code of A**" in shown
