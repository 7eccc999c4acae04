"""The sidebar and what it carries: wrong names, a checkpoint's own dataset, encoding on demand, a sample of images."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer import jobs, results
from explorer.progress import spoken
from explorer.results.subject import Subject

ROOT = Path(__file__).resolve().parents[2]
RECONSTRUCTIONS, CODEBOOK = "reconstructions", "codebook"


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """Arguments of the jobs that the app would have started."""
    found: list[list[str]] = []
    monkeypatch.setattr(jobs, "start", lambda arguments, *_, **__: found.append(list(arguments)))
    return found


def warnings(app) -> list[str]:
    return [warning.value.replace("\\", "") for warning in app.warning]


def typed(app, name: str, value: str) -> None:
    """By the address: AppTest cannot type what a box does not list."""
    app.query_params[name] = value
    app.run()


def button(app, label: str):
    return next(one for one in app.button if one.label.replace("\\", "") == label)


def captions(app) -> str:
    return " ".join(caption.value for caption in app.caption).replace("\\", "")


@pytest.mark.parametrize("name", ["bert-base", "/no/such/folder", "EMPTY", "~nobody-here/x", "x" * 900])
def test_a_wrong_checkpoint_keeps_the_last_one_its_dataset_and_the_text(open_app, studio, started, tmp_path, name):
    name = str(tmp_path) if name == "EMPTY" else name
    app = open_app(checkpoint="tiny-vae")
    scores = [metric.value for metric in app.metric]
    typed(app, "checkpoint", name)
    assert len(warnings(app)) == 1 and "The page shows tiny-vae." in warnings(app)[0] and not app.error
    assert app.selectbox(key="pick-checkpoint").value == name
    assert app.selectbox(key="pick-dataset").value == str(studio.photos) == app.query_params["dataset"]
    assert app.query_params["checkpoint"] == "tiny-vae" and [metric.value for metric in app.metric] == scores
    app.run()
    assert app.selectbox(key="pick-checkpoint").value == name, "it stays until something else is chosen"
    app.selectbox(key="pick-checkpoint").set_value("tiny-vqvae").run()
    assert not warnings(app) and app.query_params["checkpoint"] == "tiny-vqvae" and not started


def test_a_name_that_may_be_on_the_hub_is_offered_and_nothing_is_lost(open_app, studio, started):
    app = open_app()
    typed(app, "checkpoint", "models/nowhere")
    assert "models/nowhere is not on this machine. The page shows tiny-vqvae." in captions(app)
    assert app.metric and not app.error and not started
    assert app.query_params["dataset"] == str(studio.photos)


@pytest.mark.parametrize("name", ["nowhere", "/no/such/folder", "EMPTY"])
def test_a_wrong_dataset_keeps_the_last_one_and_the_text(open_app, studio, started, tmp_path, name):
    name = str(tmp_path) if name == "EMPTY" else name
    app = open_app()
    typed(app, "dataset", name)
    assert len(warnings(app)) == 1 and name in warnings(app)[0] and "The page shows" in warnings(app)[0]
    assert app.selectbox(key="pick-dataset").value == name and app.query_params["dataset"] == str(studio.photos)
    assert app.metric[3].value == "12" and not app.error and not started
    app.selectbox(key="pick-dataset").set_value(str(studio.photos)).run()
    assert not warnings(app)


def test_a_wrong_number_in_the_link_is_one_sentence_with_the_choices(open_app):
    app = open_app("code_maps", image="99999")
    assert "from 0 to 11" in warnings(app)[0] and app.query_params["image"] == "0" and not app.error


def test_a_checkpoint_comes_with_its_own_dataset_unless_another_was_chosen(open_app, studio):
    app = open_app("training", checkpoint="vqvae-shapes", dataset="shapes")
    assert "trained on shapes; 29.71 dB [29.64, 29.78] on 5,000 held-out images of it" in captions(app)
    app.selectbox(key="pick-checkpoint").set_value("vqvae-digits").run()
    assert app.query_params["dataset"] == "digits"
    typed(app, "dataset", str(studio.photos))
    app.selectbox(key="pick-checkpoint").set_value("vqvae-shapes").run()
    assert app.query_params["dataset"] == str(studio.photos)
    button(app, "Its own: shapes").click().run()
    assert app.query_params["dataset"] == "shapes" and not app.error


def test_nothing_is_encoded_before_it_is_asked_for_and_a_sample_is_offered(open_app, started):
    app = open_app(CODEBOOK, dataset="shapes")
    app.run()
    assert not started and any(words in captions(app) for words in ("on this CPU", "on this GPU"))
    assert button(app, "Encode all 5,000 images")
    button(app, "Only 500 images").click().run()
    assert [one[-4:] for one in started] == [["--limit", "500", "--kmeans", "64"]] and started[0][0] == "encode"
    assert app.query_params["limit"] == "500"
    app.run()
    assert len(started) == 1, "asked for once"
    assert button(app, "Encode 500 images")
    app.button(key="encode-all").click().run()
    assert "limit" not in app.query_params and "--limit" not in started[1]


def test_a_checkpoint_opens_on_as_many_images_as_it_ships_with_until_all_are_asked_for(open_app):
    app = open_app("training", checkpoint="mae-shapes", dataset="shapes")
    assert "Only 1,000 images" in captions(app) and app.query_params["limit"] == "1000"
    app.selectbox(key="pick-checkpoint").set_value("vqvae-shapes").run()
    assert "limit" not in app.query_params and "Only" not in captions(app)
    app.selectbox(key="pick-checkpoint").set_value("mae-shapes").run()
    app.button(key="all-images").click().run()
    assert app.query_params["limit"] == "all" and "Only" not in captions(app)
    again = open_app("training", checkpoint="mae-shapes", dataset="shapes", limit="all")
    assert "Only" not in captions(again), "a link says it as well"


def test_one_s_own_pictures_are_shown_with_the_checkpoint_for_photographs(visit, studio, tmp_path):
    """Unless another was chosen: by hand, or in the address."""
    from streamlit.testing.v1 import AppTest

    def opened(**names: str):
        return visit(AppTest.from_file(str(ROOT / "app.py"), default_timeout=60), "training", **names)

    app = opened()
    assert app.query_params["checkpoint"] == "vqvae-shapes"
    typed(app, "dataset", str(studio.photos))
    assert app.query_params["checkpoint"] == "vqvae-photos" and app.query_params["dataset"] == str(studio.photos)
    assert "trained on photographs" in app.toast[0].value
    chosen = opened(checkpoint="vqvae-shapes")
    typed(chosen, "dataset", str(studio.photos))
    assert chosen.query_params["checkpoint"] == "vqvae-shapes"


def test_a_sample_is_what_every_page_shows_until_all_are_asked_for(open_app, studio):
    results.obtain("encoding", Subject.of("tiny-vqvae", str(studio.photos), limit=5))
    app = open_app(CODEBOOK, limit="5")
    assert {metric.label: metric.value for metric in app.metric}["Tokens counted"] == f"{5 * 16}"
    assert "5 held-out images, a random sample" in captions(app)
    app.button(key="all-images").click().run()
    assert {metric.label: metric.value for metric in app.metric}["Tokens counted"] == f"{12 * 16}"
    assert "12 held-out images" in captions(app) and "limit" not in app.query_params


def test_another_image_keeps_the_code_and_says_where_it_is_not(open_app):
    app = open_app("code_maps", image="0", code="7")  # the dead one
    app.button(key="next").click().run()
    assert app.query_params["code"] == "7" and app.selectbox(key="pick-code").value == 7
    assert "Code 7 does not stand in this image" in captions(app) and not app.warning
    assert all(option.isdecimal() for option in app.selectbox(key="pick-code").options)


def test_every_page_shows_the_code_of_the_address(open_app, visit):
    app = visit(open_app("code_maps", code="3"), CODEBOOK)
    assert app.selectbox(key="pick-code").value == 3 and app.query_params["code"] in ("3", ["3"])


def test_an_upload_is_still_there_after_another_page(open_app, visit, studio):
    app = open_app(RECONSTRUCTIONS, show="own")
    photograph = next((studio.photos / "test" / "red").glob("*.png"))
    app.file_uploader(key="own").set_value([("mine.png", photograph.read_bytes(), "image/png")]).run()
    visit(visit(app, CODEBOOK), RECONSTRUCTIONS)
    assert app.segmented_control(key="pick-show").value == "own"
    assert any("mine" in element.value for element in app.markdown)
    app.button(key="remove-own").click().run()
    assert not any("mine" in element.value for element in app.markdown)


def test_another_checkpoint_does_not_open_an_empty_upload_box(open_app):
    app = open_app(RECONSTRUCTIONS, show="own")
    app.selectbox(key="pick-checkpoint").set_value("tiny-vae").run()
    assert app.segmented_control(key="pick-show").value == "random" and not app.error


def test_the_lead_stands_on_the_first_page_only_and_can_be_closed(open_app, visit):
    app = open_app()
    assert any("Do these codes capture concepts?" in element.value for element in app.markdown)
    visit(app, CODEBOOK)
    assert not any("Do these codes capture concepts?" in element.value for element in app.markdown)
    app = open_app()
    app.button(key="welcome-close").click().run()
    assert not any("Do these codes capture concepts?" in element.value for element in app.markdown)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "10 seconds"), (44, "40 seconds"), (58, "1 minute"), (130, "2 minutes"), (3500, "1 hour"), (9000, "2 hours")],
)
def test_a_span_of_time_in_words(seconds, words):
    assert spoken(seconds) == words


def test_arrays_tables_and_archives_are_dropped_in_like_a_zip(open_app, studio, started):
    import io
    import tarfile

    import numpy as np

    held = io.BytesIO()
    np.savez(held, images=np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8), labels=np.arange(5))
    app = open_app()
    app.sidebar.file_uploader(key="zip").upload("mine.npz", held.getvalue(), "application/octet-stream").run()
    assert not app.exception and not app.error and not warnings(app)
    assert "".join(app.query_params["dataset"]).endswith(".npz")
    assert any("mine.npz (uploaded)" in label for label in app.selectbox(key="pick-dataset").options)
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w:gz"):
        pass
    app.sidebar.file_uploader(key="zip").upload("none.tar.gz", empty.getvalue(), "application/gzip").run()
    assert "There is no image in" in warnings(app)[0] and not app.exception


def test_addresses_in_names_are_no_links_and_text_of_others_is_as_it_is():
    from explorer.pages.state import plain

    for name in ("https://evil.example/1", "www.evil.example", "a@evil.example"):
        shown = plain(name)
        assert shown.replace("\u2060", "").replace("\\", "") == name and "\u2060" in shown
    assert plain("a_b.png") == "a\\_b.png"
    assert plain("1. a\n2.5 b") == "1\\. a\n2.5 b"
    assert "\x1b" not in plain("\x1b[31ma") and "\u202e" not in plain("\u202egnp.exe")


def test_any_part_of_a_dataset_can_be_explored_and_training_images_are_said_to_be(open_app, visit, studio, started):
    app = open_app("codebook")
    part = app.segmented_control(key="pick-split")
    assert part.value == "test" and [str(one) for one in part.options] == ["Train", "Test"]
    assert "split" not in app.query_params, "what nobody chose is in no address"
    part.set_value("train").run()
    assert app.query_params["split"] == "train" and not app.exception
    told = " ".join(one.value.replace("\\", "") for one in app.caption)
    assert "12 training images" in told and "was trained on these" in told
    visit(app, "latent_map")
    assert app.segmented_control(key="pick-split").value == "train", "it goes with the user from page to page"
    app = open_app("codebook", split="dreams")
    assert any("There is no part 'dreams'" in one.value for one in app.warning) and not app.exception
    assert app.segmented_control(key="pick-split").value == "test"
