"""The Reconstructions page and the frame around it, without a browser."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image


def texts(app, kind="markdown"):
    return " ".join(str(element.value) for element in getattr(app, kind))


def names_shown(app):
    return [text.value.split("gray[")[1].rstrip("]") for text in app.markdown if "gray[" in text.value]


def test_the_first_screen_shows_scores_with_interval_sample_size_and_baseline(open_app):
    app = open_app()
    metrics = {metric.label: metric for metric in app.metric}
    assert set(metrics) == {"Mean PSNR", "Mean SSIM", "Baseline PSNR", "Images"}
    assert metrics["Images"].value == "12"
    low, high = map(float, metrics["Mean PSNR"].delta.replace("\\", "").removeprefix("about 95 %: ").split(" – "))
    assert low <= float(metrics["Mean PSNR"].value.removesuffix(" dB")) <= high
    assert "by the model" in metrics["Baseline PSNR"].delta
    assert all(metric.help for metric in metrics.values())
    assert len(names_shown(app)) == 8 and not app.error


def test_the_baseline_of_a_folder_sorted_by_class_is_that_of_all_its_classes(open_app, studio, greys):
    from explorer import results
    from explorer.results.subject import Subject

    results.obtain("encoding", Subject.of(studio.checkpoints / "tiny-vqvae", greys, kmeans=4))
    baseline = {metric.label: metric for metric in open_app(dataset=greys).metric}["Baseline PSNR"]
    assert float(baseline.value.removesuffix(" dB")) == pytest.approx(9.29, abs=0.05)
    assert "200 training images, on 1,200 images" in baseline.help


def test_best_and_worst_are_sorted_by_the_scores_on_disk(open_app, studio):
    from explorer.study import open_study

    study = open_study(studio.checkpoints / "tiny-vqvae", str(studio.photos))
    worst = [study.images.names[row] for row in study.errors()["psnr"].argsort(kind="stable")]
    app = open_app(show="worst")
    assert [name.replace("\\", "") for name in names_shown(app)] == worst[:8]
    app = open_app(show="best")
    assert [name.replace("\\", "") for name in names_shown(app)] == worst[::-1][:8]


def test_another_seed_shows_other_images(open_app):
    app = open_app()
    before = names_shown(app)
    app.number_input(key="pick-seed").set_value(3).run()
    assert names_shown(app) != before
    app.number_input(key="pick-seed").set_value(0).run()
    assert names_shown(app) == before


def test_one_concept_value_shows_only_its_images(open_app):
    app = open_app(show="concept")
    app.segmented_control(key="pick-value").set_value("red").run()
    assert len(names_shown(app)) == 6
    assert all("red" in name for name in names_shown(app))


def test_a_model_that_masks_offers_ratio_and_shows_what_it_saw(open_app):
    app = open_app(checkpoint="tiny-mae")
    assert "on hidden patches" in texts(app)
    app.slider(key="pick-ratio").set_value(0).run()
    assert "on hidden patches" not in texts(app) and not app.error


def test_a_model_that_samples_gives_another_reconstruction_for_each_seed(open_app):
    app = open_app(checkpoint="tiny-vae")
    mean = texts(app)
    app.segmented_control(key="pick-latents").set_value("sample").run()
    drawn = texts(app)
    app.number_input(key="pick-sample_seed").set_value(1).run()
    assert len({mean, drawn, texts(app)}) == 3


def test_unknown_names_in_the_link_give_one_sentence_each_and_the_page_goes_on(open_app):
    app = open_app(checkpoint="no-such", dataset="nowhere", fit="stretch")
    warnings = [warning.value.replace("\\", "") for warning in app.warning]
    assert len(warnings) == 3
    assert "no-such" in warnings[0] and "nowhere" in warnings[1] and "stretch" in warnings[2]
    assert (
        app.selectbox(key="pick-checkpoint").value == "no-such" and app.selectbox(key="pick-dataset").value == "nowhere"
    )
    assert not app.error
    assert app.query_params["checkpoint"] in warnings[0] and app.query_params["dataset"] in warnings[1]


def test_a_folder_without_splits_is_shown_whole_and_a_quoted_path_is_understood(open_app, tmp_path):
    for number in range(10):
        pixels = np.full((20, 20, 3), 20 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    app = open_app(dataset=f' "{tmp_path}" ')
    assert not app.error
    said = [warning.value.replace("\\", "") for warning in app.warning]
    assert len(said) == 2 and "are grey" in said[0] and "unlike the images that tiny-vqvae was trained on" in said[1]
    app.selectbox(key="pick-count").set_value(16).run()
    assert len(names_shown(app)) == 10
    assert app.query_params["dataset"] == str(tmp_path)


def test_skipped_images_are_said_and_a_folder_that_changed_inside_is_read_again(open_app, tmp_path):
    def add(place):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(len(place)).integers(0, 256, (20, 20, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / place)

    add("a/1.png")
    add("b/22.png")
    (tmp_path / "b" / "broken.png").write_bytes(b"no picture")
    app = open_app(dataset=str(tmp_path))
    head = app.caption[0].value.replace("\\", "")
    assert "2 images" in head and "1 of 3 images was skipped: b/broken.png is not an image" in head
    assert "may contain training images" in head and "held-out" not in head
    add("b/333.png")  # the folder above keeps its time of change
    app.run()
    assert not app.exception and "3 images" in app.caption[0].value


def test_the_link_carries_what_the_sidebar_says(open_app, studio):
    app = open_app()
    app.selectbox(key="pick-checkpoint").set_value("tiny-mae").run()
    assert app.query_params["checkpoint"] == "tiny-mae"
    assert app.query_params["dataset"] == str(studio.photos)


def test_a_checkpoint_that_appears_is_offered_and_one_that_goes_away_is_said_so(open_app, studio):
    app = open_app()
    added = studio.checkpoints / "tiny-added"
    shutil.copytree(studio.checkpoints / "tiny-vqvae", added)
    try:
        app.run()
        app.selectbox(key="pick-checkpoint").set_value("tiny-added").run()
        assert app.metric and not app.warning
    finally:
        shutil.rmtree(added)
    app.run()
    assert "tiny-added" in app.warning[0].value.replace("\\", "")
    assert not app.error and len(names_shown(app)) > 0


@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_damaged_weights_are_one_sentence_and_the_sidebar_stays(open_app, studio, damage):
    broken = studio.checkpoints / "tiny-broken"
    shutil.copytree(studio.checkpoints / "tiny-vqvae", broken)
    weights = broken / "model.safetensors"
    try:
        if damage == "missing":
            weights.unlink()
        else:
            weights.write_bytes(weights.read_bytes()[:-100])
        app = open_app(checkpoint="tiny-broken")
        assert len(app.error) == 1 and "tiny" in app.error[0].value
        app.selectbox(key="pick-checkpoint").set_value("tiny-vqvae").run()
        assert app.metric and not app.error
    finally:
        shutil.rmtree(broken)


def test_a_bug_is_one_calm_sentence_with_the_details_in_the_log(open_app, monkeypatch, caplog):
    from explorer.study import Study

    def broken(self):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(Study, "errors", broken)
    app = open_app()
    assert len(app.error) == 1 and "secret" not in app.error[0].value
    assert "secret detail" in caplog.text


def drop(app, *files):
    app.file_uploader(key="own").set_value([(name, data, "image/png") for name, data in files]).run()
    return app


@pytest.fixture
def photograph(studio):
    return next((studio.photos / "test" / "red").glob("*.png")).read_bytes()


def test_ones_own_images_are_shown_and_a_broken_one_is_named(open_app, photograph):
    app = drop(open_app(show="own"), ("mine.png", photograph), ("*notes*.jpg", b"just some text"))
    assert names_shown(app) == ["mine.png"]
    assert len(app.error) == 1 and "notes" in app.error[0].value


def test_ones_own_images_outlive_their_page_and_reach_another_view(open_app, visit, photograph):
    app = drop(open_app(show="own"), ("mine.png", photograph))
    visit(visit(app, "layers"), "codebook")
    assert any("Your picture uses" in caption.value for caption in app.caption) and not app.error
    visit(app, "reconstructions")
    assert names_shown(app) == ["mine.png"]
    drop(app, ("mine.png", b"GIF89a, or so"), ("other.png", photograph))
    assert names_shown(app) == ["mine.png", "other.png"], "others come beside them"
    assert "mine.png (2)" in app.error[0].value.replace("\\", ""), "no two have the same name"
    visit(app, "codebook")
    visit(app, "reconstructions").button(key="remove-own").click().run()
    assert names_shown(app) == [] and not app.error


def test_a_painted_mask_is_read_from_the_address_and_taken_back_by_a_link(open_app):
    app = open_app(checkpoint="tiny-mae", hide="painted", mask="c000")
    assert "2 patches of 16 hidden" in texts(app, "caption") and "on hidden patches" in texts(app)
    app = open_app(checkpoint="tiny-mae", hide="painted")
    assert "0 patches of 16 hidden" in texts(app, "caption") and "on hidden patches" not in texts(app)


def test_the_scale_of_errors_stays_until_its_own_is_asked_for(open_app):
    def end(app):
        return next(caption.value for caption in app.caption if caption.value.endswith("and more"))

    app = open_app(show="best", count="4")
    assert end(app) == end(open_app(show="worst", count="4"))
    app.segmented_control(key="pick-scale").set_value("own").run()
    assert end(app) != end(open_app(show="worst", count="4", scale="own"))
    assert app.query_params["scale"] in ("own", ["own"])
