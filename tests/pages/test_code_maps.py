"""The Code maps page over every family, from the picker of images to the gallery of those that have a code."""

import numpy as np
import pytest

from explorer import checkpoints, encodings, results
from explorer.results.subject import Subject

PAGE = "code_maps"
FAMILIES = ("tiny-vqvae", "tiny-vae", "tiny-mae")


def opened(studio, name: str) -> encodings.Encoding:
    kmeans = 4 if name == "tiny-vqvae" else 64
    return results.obtain("encoding", Subject(checkpoints.resolve(name), str(studio.photos), kmeans=kmeans))[1]


def metrics(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def texts(app) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.info, app.header, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def problems(app) -> list[str]:
    return [element.value for element in [*app.error, *app.exception]]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_a_map_of_each_layer_and_the_facts_of_a_code(open_app, studio, name):
    app = open_app(PAGE, checkpoint=name, image="3")
    found = opened(studio, name)
    maps = 1 if len(found.layers) == 1 else 1 + len(found.layers) - (len(found.layers) == 2)
    galleries = 3  # patches, neighbours, images that have the code
    assert not problems(app) and len(app.get("bidi_component")) == maps + galleries
    layer, code = app.query_params["layer"], int(app.query_params["code"])
    counts = found.usage(layer)
    shown = metrics(app)
    assert shown["Tokens"] == f"{counts[code]:,}" and shown["Share of tokens"] == f"{counts[code] / counts.sum():.2%}"
    assert shown["Images with it"] == f"{len(found.images_with(layer, code)[0]):,}"
    rank = 1 + int((counts > counts[code]).sum() + (counts[:code] == counts[code]).sum())
    assert shown["Rank"] == f"{rank:,}"
    assert f"Images that have it: {len(found.images_with(layer, code)[0]):,} of 12" in texts(app)
    assert "Top patches" in texts(app) and any(label.startswith("Inside the") for label in shown)
    if found.codebook(layer).kind == "kmeans":
        assert "k-means, fitted on training images" in texts(app)
    assert ("single cell" in texts(app)) == (name == "tiny-vae")


def test_the_first_code_is_the_one_in_the_middle_of_the_image(open_app, studio):
    app = open_app(PAGE, image="5")
    codes = opened(studio, "tiny-vqvae").codes("code", [5])[0]
    assert app.query_params["code"] == str(codes[2, 2])


def test_previous_next_and_random_change_the_image_and_keep_the_code(open_app):
    app = open_app(PAGE, image="0", code="2", cell="1,1")
    app.button(key="next").click().run()
    assert app.query_params["image"] == "1" and app.query_params["code"] == "2" and "cell" not in app.query_params
    app.button(key="previous").click().run()
    app.button(key="previous").click().run()
    assert app.query_params["image"] == "11", "before the first comes the last"
    app.button(key="random").click().run()
    assert 0 <= int(app.query_params["image"]) < 12 and app.query_params["code"] == "2" and not problems(app)
    assert not app.warning


def test_a_code_that_is_not_in_the_image_says_so_quietly(open_app, studio):
    codes = opened(studio, "tiny-vqvae").codes("code", [0])[0]
    absent = next(code for code in range(8) if code not in codes)
    app = open_app(PAGE, image="0", code=str(absent))
    assert f"Code {absent} does not stand in this image." in texts(app) and not app.warning
    assert "Take it out" not in app.segmented_control(key="pick-change").options


def test_worst_and_best_first_go_by_psnr(open_app, studio):
    psnr = opened(studio, "tiny-vqvae").errors()["psnr"].to_numpy()
    app = open_app(PAGE)
    app.selectbox(key="pick-order").set_value("worst").run()
    assert app.query_params["image"] == str(psnr.argmin())
    app.button(key="next").click().run()
    assert app.query_params["image"] == str(np.argsort(psnr, kind="stable")[1])
    app.selectbox(key="pick-order").set_value("best").run()
    assert app.query_params["image"] == str(np.argsort(psnr, kind="stable")[-1])


@pytest.mark.parametrize(("name", "value"), [("code", "99"), ("image", "12"), ("layer", "top"), ("code", "-1")])
def test_an_unknown_name_in_the_url_is_one_sentence(open_app, name, value):
    app = open_app(PAGE, **{name: value})
    assert not problems(app) and len([w for w in app.warning if value in w.value.replace("\\", "")]) == 1
    assert "Put in or take out" in texts(app), "the page goes on"
    app.run()
    assert app.query_params.get(name) != value


def test_a_code_can_be_chosen_from_the_list(open_app, studio):
    app = open_app(PAGE)
    counts = opened(studio, "tiny-vqvae").usage("code")
    box = app.selectbox(key="pick-code")
    assert len(box.options) == 8 and box.options[0] == str(counts.argmax())
    box.set_value(int(counts.argsort()[-2])).run()
    assert app.query_params["code"] == str(counts.argsort()[-2])
    assert f"Code {counts.argsort()[-2]} of layer code" in texts(app)


def test_a_dead_code_says_so_and_can_still_be_put_in(open_app, studio):
    counts = opened(studio, "tiny-vqvae").usage("code")
    dead = np.flatnonzero(counts == 0)
    if not len(dead):
        pytest.skip("every code is in use")
    app = open_app(PAGE, code=str(dead[0]))
    assert metrics(app)["Tokens"] == "0" and "dead code" in texts(app) and not problems(app)
    assert "can be put in, but not taken out" in texts(app)
    assert "Top patches" not in texts(app) and "Images that have it" not in texts(app)


def change_of(app) -> float:
    return float(next(value for label, value in metrics(app).items() if label.startswith("Inside the")))


@pytest.mark.parametrize("name", FAMILIES)
def test_putting_another_code_in_changes_the_image_and_its_own_does_not(open_app, studio, name):
    found = opened(studio, name)
    layer = found.layers[-1].name
    codes, counts = found.codes(layer, [0])[0], found.usage(layer)
    here = int(codes.flat[0])
    other = next(int(code) for code in np.argsort(-counts) if code not in codes)
    app = open_app(PAGE, checkpoint=name, image="0", layer=layer, code=str(other))
    assert app.session_state["pick-change"] == "cell" and change_of(app) > 0
    if codes.size > 1:
        app.number_input(key="pick-row").set_value(0)
        app.number_input(key="pick-column").set_value(0).run()
        assert f"Code {here:,} in row 0, column 0 replaced by code {other:,}." in texts(app)
    assert change_of(app) > 0 and not problems(app)


def test_a_code_is_taken_out_in_words_that_say_what_replaced_it(open_app, studio):
    found = opened(studio, "tiny-vqvae")
    codes, vectors, counts = found.codes("code", [0])[0], found.codebook("code").vectors.numpy(), found.usage("code")
    here = int(np.bincount(codes.reshape(-1)).argmax())
    app = open_app(PAGE, image="0", code=str(here))
    mean = (vectors * counts[:, None]).sum(0) / counts.sum()
    others = np.flatnonzero((counts > 0) & (np.arange(8) != here))
    stand_in = others[((vectors[others] - mean) ** 2).sum(1).argmin()]
    assert f"replaced by the average latent, as its nearest code in use, {stand_in}." in texts(app)
    first = change_of(app)
    app.segmented_control(key="pick-instead").set_value("nearest").run()
    nearest = others[((vectors[others] - vectors[here]) ** 2).sum(1).argmin()]
    assert f"replaced by the nearest other code in use, {nearest}." in texts(app)
    many = int((codes == here).sum())
    assert f"Inside the {many} cell" + ("" if many == 1 else "s") in metrics(app) and (first > 0 or change_of(app) > 0)


def test_another_number_of_k_means_codes_is_another_encoding(open_app, studio):
    results.obtain("encoding", Subject(checkpoints.resolve("tiny-mae"), str(studio.photos), kmeans=16))
    app = open_app(PAGE, checkpoint="tiny-mae", code="40")
    assert {metric.label: metric.delta for metric in app.metric}["Rank"] == "of 64 codes"
    app.select_slider(key="pick-kmeans").set_value(16).run()
    assert {metric.label: metric.delta for metric in app.metric}["Rank"] == "of 16 codes"
    assert int(app.query_params["code"]) < 16 and not problems(app)


def test_pages_of_images_that_have_a_code(open_app, studio):
    found = opened(studio, "tiny-vqvae")
    code = next(code for code in range(8) if len(found.images_with("code", code)[0]) > 8)
    app = open_app(PAGE, code=str(code), leaf="2")
    assert app.query_params["leaf"] == "2" and not problems(app)
    app.selectbox(key="pick-code").set_value(int(found.usage("code").argmin())).run()
    assert app.query_params.get("leaf") in (None, "1"), "another code begins with its first images"


def test_a_code_gets_a_name_on_its_panel(open_app, studio):
    app = open_app(PAGE, code="3")
    app.text_input(key="name-code-3").set_value("  warm corner ").run()
    assert not app.exception and "Code 3 of layer code: warm corner" in headers(app)
    app = open_app("codebook", code="3")
    assert "warm corner" in app.dataframe[-1].value["name"].tolist()
    app = open_app(PAGE, code="3")
    app.text_input(key="name-code-3").set_value("").run()
    assert "Code 3 of layer code" in headers(app)


def headers(app) -> list[str]:
    return [one.value.replace("\\", "") for one in app.header]
