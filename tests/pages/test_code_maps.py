"""The Code maps page over every family, from the picker of images to the gallery of those that have a code."""

import numpy as np
import pytest

from explorer import checkpoints, datasets, encodings

PAGE = "code_maps"
FAMILIES = ("tiny-vqvae", "tiny-vae", "tiny-mae")


def opened(studio, name: str) -> encodings.Encoding:
    path = checkpoints.resolve(name)
    images = datasets.load(str(studio.photos), "test", 16)
    return encodings.Encoding(encodings.locate(path, images))


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
    assert not problems(app) and len(app.get("plotly_chart")) == len(found.layers)
    layer, code = app.query_params["layer"], int(app.query_params["code"])
    counts = found.usage(layer)
    shown = metrics(app)
    assert shown["Tokens"] == f"{counts[code]:,}" and shown["Share of tokens"] == f"{counts[code] / counts.sum():.2%}"
    assert shown["Images with it"] == f"{len(found.images_with(layer, code)[0]):,}"
    rank = 1 + int((counts > counts[code]).sum() + (counts[:code] == counts[code]).sum())
    assert shown["Rank"] == f"{rank:,}"
    assert f"Images that have it: {len(found.images_with(layer, code)[0]):,} of 12" in texts(app)
    assert "Top patches" in texts(app) and "inside the" in texts(app)
    if found.codebook(layer).kind == "kmeans":
        assert "k-means, fitted on training images" in texts(app)
    assert ("single cell" in texts(app)) == (name == "tiny-vae")


def test_the_first_code_is_the_one_in_the_middle_of_the_image(open_app, studio):
    app = open_app(PAGE, image="5")
    codes = opened(studio, "tiny-vqvae").codes("code", [5])[0]
    assert app.query_params["code"] == str(codes[2, 2])


def test_previous_next_and_random_change_the_image_and_keep_the_code(open_app):
    app = open_app(PAGE, image="0", code="2")
    app.button(key="next").click().run()
    assert app.query_params["image"] == "1" and app.query_params["code"] == "2"
    app.button(key="previous").click().run()
    app.button(key="previous").click().run()
    assert app.query_params["image"] == "11", "before the first comes the last"
    app.button(key="random").click().run()
    assert 0 <= int(app.query_params["image"]) < 12 and not problems(app)


def test_worst_and_best_first_go_by_psnr(open_app, studio):
    psnr = opened(studio, "tiny-vqvae").errors()["psnr"].to_numpy()
    app = open_app(PAGE)
    app.selectbox(key="order").set_value("worst").run()
    assert app.query_params["image"] == str(psnr.argmin())
    app.button(key="next").click().run()
    assert app.query_params["image"] == str(np.argsort(psnr, kind="stable")[1])
    app.selectbox(key="order").set_value("best").run()
    assert app.query_params["image"] == str(np.argsort(psnr, kind="stable")[-1])


@pytest.mark.parametrize(("name", "value"), [("code", "99"), ("image", "12"), ("layer", "top"), ("code", "-1")])
def test_an_unknown_name_in_the_url_is_one_sentence(open_app, name, value):
    app = open_app(PAGE, **{name: value})
    assert not problems(app) and len([w for w in app.warning if value in w.value.replace("\\", "")]) == 1
    assert "Put in or take out" in texts(app), "the page goes on"
    app.run()
    assert app.query_params[name] != value


def test_a_code_can_be_chosen_from_the_list(open_app, studio):
    app = open_app(PAGE)
    counts = opened(studio, "tiny-vqvae").usage("code")
    box = app.selectbox(key="pick-code")
    assert len(box.options) == 8 and box.options[0] == str(counts.argmax())
    box.set_value(str(counts.argsort()[-2])).run()
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
    line = next(element.value for element in app.markdown if "inside the" in element.value)
    return float(line.split("**")[1])


@pytest.mark.parametrize("name", FAMILIES)
def test_putting_another_code_in_changes_the_image_and_its_own_does_not(open_app, studio, name):
    found = opened(studio, name)
    layer = found.layers[-1].name
    codes, counts = found.codes(layer, [0])[0], found.usage(layer)
    here = int(codes.flat[0])
    other = next(int(code) for code in np.argsort(-counts) if code not in codes)
    app = open_app(PAGE, checkpoint=name, image="0", layer=layer, code=str(other))
    assert "cell" in app.session_state["change-absent"] and change_of(app) > 0
    if codes.size > 1:
        app.number_input(key=f"row-0-{layer}-{other}-None").set_value(0)
        app.number_input(key=f"column-0-{layer}-{other}-None").set_value(0).run()
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
    app.session_state["instead"] = "nearest"
    app.run()
    nearest = others[((vectors[others] - vectors[here]) ** 2).sum(1).argmin()]
    assert f"replaced by the nearest other code in use, {nearest}." in texts(app)
    assert f"inside the {int((codes == here).sum())} cell" in texts(app) and (first > 0 or change_of(app) > 0)


def test_another_number_of_k_means_codes_is_another_encoding(open_app, studio):
    encodings.encode(checkpoints.resolve("tiny-mae"), str(studio.photos), kmeans=16)
    app = open_app(PAGE, checkpoint="tiny-mae", code="40")
    assert {metric.label: metric.delta for metric in app.metric}["Rank"] == "of 64 codes"
    app.select_slider(key="kmeans").set_value(16).run()
    assert {metric.label: metric.delta for metric in app.metric}["Rank"] == "of 16 codes"
    assert int(app.query_params["code"]) < 16 and not app.warning and not problems(app)


def test_a_page_of_the_gallery_opens_an_image(open_app, studio):
    app = open_app(PAGE, image="0", code="0")
    found = opened(studio, "tiny-vqvae")
    code = int(found.usage("code").argmax())
    app.selectbox(key="pick-code").set_value(str(code)).run()
    rows, tokens = found.images_with("code", code)
    button = app.button(key="all-0")
    assert button.label.startswith(f"{rows[0]:,} ") and f"{tokens[0]:,} cell" in button.label
    button.click().run()
    assert app.query_params["image"] == str(rows[0]) and app.query_params["code"] == str(code)
    top = found.top_patches("code", code, 12)
    assert app.button(key="top-0").label == f"{top[0][0]:,} :gray[· {top[2][0]:.3g}]"


def test_a_neighbour_can_be_followed(open_app, studio):
    app = open_app(PAGE, code="0")
    vectors = opened(studio, "tiny-vqvae").codebook("code").vectors.numpy()
    away = ((vectors - vectors[0]) ** 2).sum(1)
    nearest = int(np.argsort(away)[1])
    app.button(key=f"neighbour-{nearest}").click().run()
    assert app.query_params["code"] == str(nearest)
