"""The Latent map page, without a browser."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from explorer import jobs, results
from explorer.pages import bridge as bridging
from explorer.pages import draw, map_by_hand, scatter
from explorer.results import maps
from explorer.results.subject import Subject
from explorer.sheets import scatter as scattered
from explorer.views import many_points, selection

PAGE = "latent_map"


def texts(app):
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def charts(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def titles(app):
    figure = charts(app)[0]
    axes = figure["layout"]["scene"] if figure["data"][0]["type"] == "scatter3d" else figure["layout"]
    return [axes[axis]["title"]["text"] for axis in ("xaxis", "yaxis", "zaxis") if axis in axes]


@pytest.fixture
def point_out(monkeypatch):
    """`point_out(selected=[…], click=3)` stands for what the browser sends from the next run on."""
    sent = {"selected": [], "click": None}

    def bridge(chart_key, thumbnails=None, **options):
        sent["thumbnails"], sent["options"] = thumbnails, options
        clicked, sent["click"] = sent["click"], None
        click = None if clicked is None else bridging.Click(0, clicked, 0.0, 0.0, None, clicked)
        return bridging.Event(click)

    monkeypatch.setattr(draw, "bridge", bridge)
    for module in (draw, map_by_hand):
        monkeypatch.setattr(module, "selected", lambda chart_key: np.array(sent["selected"], np.int32))

    def point(selected=(), click=None):
        sent.update(selected=list(selected), click=click)
        return sent

    return point


@pytest.fixture
def open_map(open_app):
    """The page with a PCA map, which needs no waiting; names go to the URL."""

    def opened(**names):
        app = open_app(PAGE, method="pca", **names)
        assert not app.error, app.error[0].value
        return app

    return opened


def subject_of(studio, family):
    """Of what the page shows: `all` images of a folder with no split of its own, or its test images."""
    kmeans = 4 if family == "vqvae" else 64
    return Subject(studio.checkpoints / f"tiny-{family}", str(studio.photos), kmeans=kmeans)


def found_encoding(studio, family):
    return results.find("encoding", subject_of(studio, family))[1]


def found_map(studio, family, *options, **more):
    return results.find("map", subject_of(studio, family), maps.Options(*options, **more))[1]


@pytest.mark.parametrize("family", ["vqvae", "vae", "mae"])
def test_the_map_says_its_points_its_trustworthiness_and_what_its_axes_hold(open_map, studio, family, point_out):
    sent = point_out()
    app = open_map(checkpoint=f"tiny-{family}")
    found = found_encoding(studio, family)
    layer = found.layers[-1].name
    facts = found_map(studio, family, layer, method="pca").facts
    metrics = {metric.label: metric for metric in app.metric}
    assert metrics["Points"].value == "12" and "12 images" in metrics["Points"].delta
    assert metrics["Trustworthiness"].value == f"{facts['trustworthiness']:.3f}"
    assert "k = 5" in metrics["Trustworthiness"].delta and "12 points" in metrics["Trustworthiness"].delta
    assert all(metric.help for metric in metrics.values())
    assert f"{facts['explained_variance'][0]:.1%} of the variance" in titles(app)[0]
    assert sent["thumbnails"].count == 12
    hover = [text for trace in charts(app)[0]["data"] for text in trace["hovertext"]]
    assert len(hover) == 12 and all("class: " in text and "PSNR" in text and "code: " in text for text in hover)
    assert {trace["name"] for trace in charts(app)[0]["data"]} == {"red", "green"}
    assert app.query_params["layer"] == layer
    said = texts(app)
    assert "of neighbours on this map share their class; among the latents themselves" in said
    assert "45% would by chance" in said  # 2 · 6 · 5 / (12 · 11)


def test_points_can_be_images_patches_or_codes_in_two_or_three_dimensions(open_map, point_out):
    sent = point_out()
    app = open_map()
    app.segmented_control(key="pick-what").set_value("patches").run()
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Points"] == "24" and sent["thumbnails"].count == 24, "two patches of each image"
    app.segmented_control(key="pick-what").set_value("codebook").run()
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Points"] == "8" and sent["thumbnails"].count == 8 and sent["options"]["select"]
    app.segmented_control(key="pick-dims").set_value(3).run()
    assert not app.error and charts(app)[0]["data"][0]["type"] == "scatter3d" and len(titles(app)) == 3
    assert "no lasso" in texts(app) and not sent["options"]["select"]


def test_a_vector_layer_has_no_patches(open_map):
    app = open_map(checkpoint="tiny-vae")
    assert set(app.segmented_control(key="pick-what").options) == {"Images", "Codes"}


def test_colours_by_concept_error_or_code(open_map, point_out):
    point_out()
    app = open_map()
    box = app.selectbox(key="pick-colour")
    assert list(box.options) == ["class", "Error (PSNR)", "Code"]
    box.set_value("Error (PSNR)").run()
    (trace,) = charts(app)[0]["data"]
    assert trace["marker"]["colorbar"]["title"]["text"] == "PSNR (dB)"
    app.selectbox(key="pick-colour").set_value("Code").run()
    assert not app.error and charts(app)[0]["layout"]["legend"]["title"]["text"] == "code"
    app.segmented_control(key="pick-what").set_value("codebook").run()
    for by in ("Tokens", "class", "Error (PSNR)"):
        app.selectbox(key="pick-colour").set_value(by).run()
        assert not app.error, by


def test_a_selection_shows_its_images_its_codes_and_its_concepts(open_map, studio, point_out):
    concepts = found_encoding(studio, "vqvae").concepts()
    red = np.flatnonzero(concepts["class"] == "red")
    point_out(selected=red[:5])
    app = open_map()
    assert "**5 images selected**" in texts(app)
    assert "5 selected images against 7 others" in texts(app)
    assert len(charts(app)) == 3, "the map, the codes, one concept"
    table = next(frame.value for frame in app.dataframe if "log_odds" in frame.value)
    codes = found_encoding(studio, "vqvae").codes("code").reshape(12, -1)
    for _, row in table.iterrows():
        has = (codes == row["code"]).any(1)
        assert row["selected_with_it"] == has[red[:5]].sum()
        assert row["others_with_it"] == has.sum() - row["selected_with_it"]
    selected = next(trace for trace in charts(app)[2]["data"] if trace["name"] == "selected (5)")
    assert selected["text"][0] in ("red", "green") and {trace["name"] for trace in charts(app)[2]["data"]} == {
        "selected (5)",
        "rest (7)",
    }


def test_what_is_selected_stands_out_and_the_marked_image_does_not_fade(open_map, point_out):
    point_out(selected=range(3))
    *traces, ring = charts(open_map(image="7"))[0]["data"]
    assert all("selectedpoints" in trace and trace["unselected"]["marker"]["opacity"] < 0.1 for trace in traces)
    assert "selectedpoints" not in ring


def test_patches_and_codes_can_be_selected_too(open_map, point_out):
    point_out(selected=[0, 1, 5])
    app = open_map()
    app.segmented_control(key="pick-what").set_value("patches").run()
    assert "**3 patches selected**" in texts(app) and "from 2 images" in texts(app)
    assert "3 selected patches against 21 others" in texts(app) and not app.error
    app.segmented_control(key="pick-what").set_value("codebook").run()
    assert "**3 codes selected**" in texts(app) and "of all tokens" in texts(app) and not app.error


def test_what_the_lasso_holds_is_kept_as_a_concept(open_map, point_out, studio):
    from explorer.notebook import sets
    from explorer.study import open_study

    point_out(selected=[0, 1, 5])
    app = open_map()
    app.text_input(key="name-of-map-images").set_value("drawn").run()
    app.button(key="keep-map-images").click().run()
    assert not app.exception and not app.error
    study = open_study(app.query_params["checkpoint"], str(studio.photos))
    kept = sets.find(study.images.fingerprint)["drawn"]
    sets.delete(study.images.fingerprint, "drawn")
    assert len(kept.rows) == 3 and kept.model == study.subject.fingerprint, "chosen by its own latents"


def test_nothing_and_everything_selected_say_what_to_do(open_map, point_out):
    point_out()
    app = open_map()
    assert "Draw a lasso" in texts(app)
    point_out(selected=range(12))
    app.run()
    assert "no rest to compare" in texts(app) and not app.error


def test_what_a_browser_sends_beyond_the_map_is_left_out(open_map, point_out):
    point_out(selected=[2, 2, 999_999])
    app = open_map()
    assert "**1 image selected**" in texts(app) and not app.error
    point_out(click=10**9)
    app.run()
    assert not app.error and "image" not in app.query_params


def test_a_click_goes_to_the_url_and_is_marked_on_the_map(open_map, point_out):
    point_out(click=7)
    app = open_map()
    assert app.query_params["image"] == "7" and "Image 7 ·" in texts(app)
    ring = charts(app)[0]["data"][-1]
    place = int(np.frombuffer(base64.b64decode(ring["customdata"]["bdata"]), "<i4")[0])
    assert ring["marker"]["symbol"] == "circle-open" and place == 7
    links = [link.label for link in app.get("page_link")]
    assert {"Its codes", "Reconstructions"} <= set(links)


@pytest.fixture
def no_umap(monkeypatch):
    """UMAP that takes no time, and jobs that do nothing; the jobs that there were before."""
    from explorer.analysis import projection

    monkeypatch.setattr(jobs, "COMMAND", ("true",))
    monkeypatch.setattr(projection, "umap_map", lambda vectors, dims, **options: projection.pca_map(vectors, dims))
    before = {job.id for job in jobs.all_jobs()}
    yield before
    for job in jobs.all_jobs():
        if job.id not in before:
            jobs.delete(job)


def test_a_umap_is_made_beside_the_page_and_found_at_once_afterwards(open_app, click_on, studio, no_umap, point_out):
    point_out()
    app = open_app(PAGE)
    assert not [job for job in jobs.all_jobs() if job.arguments[0] == "project" and job.id not in no_umap]
    click_on(app)
    (job,) = [job for job in jobs.all_jobs() if job.arguments[0] == "project" and job.id not in no_umap]
    asked = dict(zip(job.arguments[2::2], job.arguments[3::2], strict=True))
    assert asked["--layer"] == "code" and asked["--what"] == "images" and asked["--min-dist"] == "0.1"
    assert "2-D UMAP of images" in texts(app) and "Meanwhile" in texts(app)
    assert "main direction 1" in titles(app)[0], "the PCA stands in"
    path, _ = results.obtain("map", subject_of(studio, "vqvae"), maps.Options("code"))
    try:
        assert path == job.target, "the page waits for the file that the command line writes"
        app.run()
        metrics = {metric.label: metric.value for metric in app.metric}
        assert metrics["Trustworthiness"] == metrics["PCA would reach"], "the baseline is PCA of the same points"
        assert titles(app) == ["UMAP 1 (no unit)", "UMAP 2 (no unit)"] and not app.error
        assert "Meanwhile" not in texts(app)
        app = open_app(PAGE, neighbours="30")
        assert any(button.label == "Start" for button in app.button), "unusual settings wait for a click"
        assert app.query_params["neighbours"] == "30" and "Meanwhile" in texts(app)
    finally:
        path.unlink()


def test_a_broken_map_is_made_again(open_app, click_on, studio, no_umap, point_out):
    point_out()
    path = results.path("map", subject_of(studio, "mae"), maps.Options("block2"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not parquet")
    try:
        app = click_on(open_app(PAGE, checkpoint="tiny-mae", layer="block2"))
        assert any(job.target == path for job in jobs.all_jobs())
        assert "main direction 1" in titles(app)[0]
    finally:
        path.unlink()


def test_a_picture_of_ones_own_has_its_place_on_the_map(open_map, studio, point_out):
    point_out()
    app = open_map()
    assert not charts(app)[0]["layout"].get("annotations") and "Most like your picture" not in str(app.header)
    file = studio.photos / "test" / "red" / "0.png"
    app.file_uploader(key="own").set_value([(file.name, file.read_bytes(), "image/png")]).run()
    (pin,) = charts(app)[0]["layout"]["annotations"]
    assert "your picture" in pin["text"] and not app.error
    assert "Most like your picture" in [header.value for header in app.header]
    assert any("is one of these images" in info.value for info in app.info)
    shared = {metric.label: metric for metric in app.metric}["class"]
    assert "of all images 50%" in shared.delta


def test_many_points_are_columns_and_what_is_selected_among_them_is_compared(open_map, studio, monkeypatch):
    monkeypatch.setattr(many_points, "FEW", 11)
    monkeypatch.setattr(selection, "MOST", 4)
    app = open_map()
    assert not charts(app) and "Draw a lasso" in texts(app) and not app.error
    assert [box.key for box in app.segmented_control if box.key == "pick-dims"] == [], "a flat map only"
    key = maps.key(subject_of(studio, "vqvae"), maps.Options("code", method="pca"))
    red = found_encoding(studio, "vqvae").concepts()["class"].to_numpy() == "red"
    app.session_state[f"selected-many-{key}"] = {"id": "1", "bits": np.packbits(red), "count": 12}
    app.run()
    said = texts(app)
    assert "**6 images selected**" in said and "Compared are 4 of the 6 selected and 4 of the 6 others" in said
    assert "4 selected images against 4 others" in said and not app.error
    app.query_params["image"] = "7"
    app.run()
    assert "Image 7 ·" in texts(app) and not app.error


def test_what_a_browser_says_is_selected_is_checked(monkeypatch):
    state = {}
    monkeypatch.setattr(scatter.st, "session_state", state)
    packed = scattered.pack(np.random.default_rng(0).random((20, 2), np.float32))
    block = scattered.Scatter("map", packed, ("x", "y"), None, "", None)
    mask = np.arange(20) % 3 == 0
    good = {"id": "a", "bits": base64.b64encode(scattered.bits(mask, packed.order)).decode()}
    scatter.keep(block, good)
    assert scatter.selected("map").tolist() == np.flatnonzero(mask).tolist()
    short = {"id": "b", "bits": base64.b64encode(b"\xff").decode()}
    for sent in (None, 7, {}, {"bits": good["bits"]}, good | {"bits": "!"}, good | {"bits": 3}):
        scatter.keep(block, sent)
        assert scatter.selected("map").tolist() == np.flatnonzero(mask).tolist(), "what says nothing changes nothing"
    scatter.keep(block, short)
    assert not len(scatter.selected("map"))
    scatter.keep(block, good)
    scatter.keep(block, {"id": "c", "bits": ""})
    assert not len(scatter.selected("map"))
    for asked in ({"point": 20}, "x", {"points": []}, {"points": [1, -1]}, {"points": [0] * 65}, {"points": 3}):
        assert scatter._told(block, asked) == {"lines": ["There is no such point."]}
