"""The page Similar: what is found, how it can be asked for, and what a mistyped address leads to."""

import json

import numpy as np
import pytest

from explorer import checkpoints, encodings, results
from explorer.results.subject import Subject
from tests.pages.test_code_maps import metrics, problems, texts

PAGE = "similar"
FAMILIES = ("tiny-vqvae", "tiny-vqvae2", "tiny-vae", "tiny-mae")


def opened(studio, name: str) -> encodings.Encoding:
    kmeans = 4 if name == "tiny-vqvae" else 64
    return results.obtain("encoding", Subject(checkpoints.resolve(name), str(studio.photos), kmeans=kmeans))[1]


def test_the_page_is_there_for_every_family(open_app):
    for name in FAMILIES:
        app = open_app(PAGE, checkpoint=name, image="3")
        assert not problems(app) and not app.warning
        assert len(app.get("bidi_component")) == 1, "the query beside what was found"
        assert "Values in common" in texts(app)


def test_every_way_can_be_taken(open_app):
    app = open_app(PAGE, image="3")
    assert app.segmented_control(key="pick-way").value == "bag"
    for way in ("place", "zq", "ze", "pixels", "colours"):
        app.segmented_control(key="pick-way").set_value(way).run()
        assert not problems(app) and app.query_params["way"] == way
        assert ("they are no reason" in texts(app)) == (way not in ("bag", "place"))


def test_values_in_common_are_counted_beside_chance(open_app):
    """Six of the twelve photographs are red; of the eleven others five are."""
    app = open_app(PAGE, image="0", results="8")
    shown = metrics(app)
    label = next(name for name in shown if name.endswith(": green") or name.endswith(": red"))
    have, of = map(int, shown[label].split(" of "))
    assert 0 <= have <= min(5, of) and of <= 8


def test_another_checkpoint_decides_or_is_encoded_first(open_app):
    app = open_app(PAGE, image="3", way="encoder", encoder="tiny-vqvae2")
    assert not problems(app)
    assert "Another encoder decides who is here" in texts(app), "it is encoded already"


def test_codes_are_typed(open_app, studio):
    codes = opened(studio, "tiny-vqvae").codes("code")
    first, second = (int(one) for one in np.argsort(-np.bincount(codes.reshape(-1), minlength=8))[:2])
    app = open_app(PAGE, image="3", search="codes")
    assert not problems(app) and app.text_input(key="pick-wanted").value == ""
    app.text_input(key="pick-wanted").set_value(f"{first}, {second}").run()
    both = int(((codes == first).any((1, 2)) & (codes == second).any((1, 2))).sum())
    assert f"{both} images of 12 have what was asked for." in texts(app)
    app.text_input(key="pick-wanted").set_value(f"{first}, -{first}").run()
    assert not problems(app) and any("ruled out at once" in one.value for one in app.warning)


def test_nothing_that_fits_is_said(open_app, studio):
    usage = opened(studio, "tiny-vqvae").usage("code")
    app = open_app(PAGE, image="3", search="codes", wanted=str(int(usage.argmin())))
    if usage.min() == 0:
        assert "No image has all of these codes" in " ".join(one.value for one in app.info)
    assert not problems(app)


def test_a_patch_and_a_part_come_in_the_address(open_app):
    app = open_app(PAGE, image="3", search="patch", cell="1,2")
    assert not problems(app) and "have the code of this patch" in texts(app)
    app = open_app(PAGE, image="3", search="area", area="c000")
    assert not problems(app) and "only the codes in there count" in texts(app)
    assert "No part is chosen yet" not in texts(app)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("area", "zz", "not of a grid of 4 × 4"),
        ("way", "magic", None),
        ("results", "7", "7"),
        ("wanted", "4000", "no code 4,000"),
        ("near", "99", "99"),
        ("margin", "x", "x"),
        ("encoder", "nowhere", "nowhere"),
    ],
)
def test_what_is_wrong_in_an_address_is_a_sentence_and_the_page_goes_on(open_app, name, value, words):
    search = {"area": "area", "wanted": "codes", "near": "codes", "margin": "patch"}.get(name, "image")
    way = {"way": "encoder"} if name == "encoder" else {}
    app = open_app(PAGE, image="3", search=search, **way, **{name: value})
    assert not problems(app)
    said = " ".join(one.value.replace("\\", "") for one in app.warning)
    assert words is None or words in said
    assert len(app.get("bidi_component")) >= 1


def test_a_picture_of_ones_own_finds_itself_first(open_app, studio):
    app = open_app(PAGE, order="own", way="ze")
    path = studio.photos / "test" / "red" / "2.png"
    app.file_uploader(key="own").set_value([("mine.png", path.read_bytes(), "image/png")]).run()
    assert not problems(app) and app.query_params["image"] in ("own:mine.png", ["own:mine.png"])
    hits = found(app)
    assert hits[0]["name"].endswith("red/2.png") and hits[0]["score"] == "1.000"
    assert "Values in common" not in texts(app), "nobody knows the values of it"


def found(app) -> list:
    """What the piece was sent."""
    piece = next(one for one in app.get("bidi_component") if "alike" in one.proto.component_name)
    return json.loads(piece.proto.json)["data"]["hits"]
