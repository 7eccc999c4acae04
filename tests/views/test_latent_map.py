"""The Latent map as a sheet: what it says of the points, of what they are coloured by, and of one's own picture."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from explorer.analysis.patches import smaller
from explorer.errors import BadInput
from explorer.results import maps
from explorer.sheets import Cards, Chart, Missing, Note, Pictures, filled, walk
from explorer.study import Picture, _known, open_study
from explorer.study import points as mapped
from explorer.views import fields, latent_map, placing, selection


@pytest.fixture(scope="module")
def digits():
    return open_study("vqvae-digits")


def options_of(study, **asked):
    options, faults = fields.settled(latent_map.Options, study, asked)
    assert not faults, faults
    return options


def drawn(study, picture=None, **asked):
    """The sheet, and its blocks by kind."""
    found = latent_map.sheet(study, options_of(study, **asked), picture)
    blocks = walk(found.blocks)
    return found, lambda kind: [block for block in blocks if isinstance(block, kind)]


def cards(of) -> dict:
    return {card.label: card for block in of(Cards) for card in block.cards}


def test_the_shipped_map_is_there_and_says_how_far_to_trust_it(digits):
    found, of = drawn(digits)
    assert not of(Missing) and not found.numbers["stands in"]
    facts = digits.result("map", maps.Options("code")).facts
    assert found.numbers["trustworthiness"] == facts["trustworthiness"] and found.numbers["points"] == 355
    assert cards(of)["Trustworthiness"].value == f"{facts['trustworthiness']:.3f}"
    assert all(card.help for card in cards(of).values())
    json.dumps(found.numbers)


def test_neighbours_in_the_latents_are_told_beside_those_on_the_map_with_intervals(digits):
    found, of = drawn(digits)
    told = found.numbers["agreement"]
    assert 0.05 < told["chance"] < 0.15, "ten digits"
    for where in ("map", "latents"):
        share, low, high = told[where]
        assert told["chance"] < low < share < high < 1
    (note,) = [note.text for note in of(Note) if "share their digit" in note.text]
    assert all(f"{told[where][0]:.0%} (about 95 %" in note for where in ("map", "latents")), "355 images are few"
    assert f"{told['chance']:.0%} would by chance" in note and "355 points" in note


def test_colours_begin_with_what_neighbours_on_the_map_share_most_beyond_chance(digits, monkeypatch):
    table = digits.concepts()
    noise = np.random.default_rng(0).integers(0, 3, len(table)).astype(str)
    # by chance a third of neighbours share the noise, which is more than share the digit beyond chance
    mixed = table.assign(digit=noise).rename(columns={"digit": "noise"}).assign(digit=table["digit"], size=1.5)
    monkeypatch.setattr(type(digits), "concepts", lambda self: mixed)
    monkeypatch.setattr(type(digits), "known", _known)  # others may have asked before, and it is remembered
    points = mapped.find_pca(digits, maps.Options("code", points=354))  # a map that nothing was remembered of
    found = mapped.colourings(digits, points)
    assert found[:3] == ["digit", "noise", "size"] and found[-2:] == ["Error (PSNR)", "Code"]
    assert set(found[3:-2]) == set(digits.computed().columns), "what is computed from the pixels comes after"
    field = {field.name: field for field in dataclasses.fields(latent_map.Options)}["colour"]
    assert "share most beyond chance" in field.metadata["help"]


def test_pca_stands_in_for_a_map_that_is_not_there_and_says_so(digits):
    found, of = drawn(digits, dims=3)
    (missing,) = of(Missing)
    assert missing.begin and missing.options.dims == 3 and missing.options.method == "umap"
    assert any("Meanwhile" in note.text and "PCA" in note.text for note in of(Note))
    assert found.numbers["method"] == "pca" and found.numbers["stands in"]
    (chart,) = of(Chart)
    assert {trace.type for trace in chart.figure("light").data} == {"scatter3d"} and not chart.select
    _, of = drawn(digits, neighbours=30)
    assert not of(Missing)[0].begin, "unusual settings wait for a click"


def test_at_most_reaches_all_points(digits):
    choices = latent_map._sizes(digits, {"layer": "code", "what": "patches"})
    each = digits.encoding.facts["samples"]["code"]
    assert list(choices.values()) == ["500", f"all {355 * each:,}"]
    assert {len(mapped.find_pca(digits, maps.Options("code", "patches", points=n)).table) for n in choices} == {
        500, 355 * each,
    }  # fmt: skip
    assert latent_map._sizes(digits, {"layer": "code", "what": "codebook"}) == {5_000: "all 128"}


def test_a_few_more_than_the_largest_sample_are_all(digits, monkeypatch):
    def offered(count):
        monkeypatch.setattr(mapped, "available", lambda *_: count)
        return list(latent_map._sizes(digits, {"layer": "code", "what": "images"}).values())

    assert offered(5_200)[-2:] == ["5,000", "all 5,200"] and offered(11_000)[-2:] == ["10,000", "all 11,000"]
    assert offered(60_000)[-3:] == ["10,000", "25,000", "all 60,000"] and offered(1_000_000)[-1] == "all 1,000,000"


def test_what_is_shared_with_results_has_one_help():
    asked = {field.name: field.metadata for field in dataclasses.fields(latent_map.Options)}
    for field in dataclasses.fields(maps.Options):
        if field.name not in ("layer", "points"):
            assert asked[field.name]["help"] == field.metadata["help"]


def test_what_cannot_be_had_is_refused(digits):
    _, faults = fields.settled(latent_map.Options, digits, {"method": "tsne", "dims": "4", "neighbours": "1"})
    assert set(faults) == {"method", "dims", "neighbours"} and "choose from umap, pca" in faults["method"]
    with pytest.raises(BadInput, match="unknown what"):
        maps.Options("code", "cells")


def test_points_fill_the_chart(digits):
    _, of = drawn(digits)
    (chart,) = of(Chart)
    wide, high = np.ptp(mapped.of_images(digits, "code").places, axis=0)
    assert chart.aspect == pytest.approx(wide / high) and chart.select
    figure = chart.figure("dark")
    assert figure.layout.legend.orientation == "h", "below, where a phone has room for it"
    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data}
    assert len(looks) == len({trace.marker.color for trace in figure.data}) == 10, "a colour for each digit"


def test_few_points_have_large_thumbnails(digits):
    points = mapped.of_images(digits, "code")
    assert mapped.thumbnails(digits, points).shape == (355, 32, 32, 3), "as large as the images are"
    large = np.zeros((3, 128, 128, 3), np.uint8)
    large[:, ::2] = 200
    assert smaller(large, 64).shape == (3, 64, 64, 3) and (smaller(large, 64) == 100).all()


def test_a_click_leads_to_the_image_and_to_the_code_of_a_patch(digits):
    def rings(**asked):
        _, of = drawn(digits, **asked)
        return of(Chart)[0].figure("light").data[-1].customdata.tolist()

    _, of = drawn(digits)
    chart, points = of(Chart)[0], mapped.of_images(digits, "code")
    assert filled(chart.go, point=7) == {"image": "", "point": "7"} and list(chart.also) == ["image"]
    assert (chart.also["image"] == points.ids).all() and rings(point="7") == [7]
    _, of = drawn(digits, what="patches")
    image, code = (int(of(Chart)[0].also[name][7]) for name in ("image", "code"))
    patches = mapped.find(digits, maps.Options("code", "patches"))
    assert image == patches.ids[7] and code == digits.codes("code")[image].reshape(-1)[patches.table["position"][7]]
    assert rings(what="patches", image=str(image), point=7) == [7], "the very patch is marked"
    assert rings(what="patches", image=str(image)) == np.flatnonzero(patches.ids == image).tolist()
    assert rings(what="patches", image=str(image + 1), point=7) == np.flatnonzero(patches.ids == image + 1).tolist()
    assert rings(what="codebook", code=9) == [9]


@pytest.fixture
def turned(digits):
    """A picture that is none of the images, but like one of them."""
    pixels = digits.images.read([3])[0].astype(int)
    return Picture(
        np.clip(pixels + np.random.default_rng(0).integers(-9, 9, pixels.shape), 0, 255).astype(np.uint8), "x"
    )


def test_an_own_picture_has_its_place_and_its_neighbours(digits, turned):
    found, of = drawn(digits, turned)
    told, points = found.numbers["picture"], mapped.of_images(digits, "code")
    assert told["nearest"][0] == 3 and len(told["nearest"]) == 12 and told["distances"] == sorted(told["distances"])
    away = np.linalg.norm(points.places[points.ids == 3][0] - told["place"])
    assert away < 0.1 * np.linalg.norm(np.ptp(points.places, axis=0)), "near the image that it is like"
    (pin,) = of(Chart)[0].figure("light").layout.annotations
    assert "your picture" in pin.text and [pin.x, pin.y] == pytest.approx(told["place"])
    shared = cards(of)["digit"]
    label = digits.concepts()["digit"].iloc[told["nearest"]].value_counts()
    anyway = (digits.concepts()["digit"] == label.index[0]).mean()
    assert shared.value == str(label.index[0]) and shared.note == f"{label.iloc[0]} of 12; of all images {anyway:.0%}"
    assert cards(of)["Placing misses by"].value == f"{told['placing_error']:.2%}"
    (pictures,) = of(Pictures)
    assert pictures.pictures[0].go.carried == {"image": 3}


def test_a_known_image_and_one_unlike_all_are_said_to_be_so(digits):
    known = Picture(digits.images.read([5])[0], "5.png")
    found, of = drawn(digits, known)
    assert found.numbers["picture"]["known"] and any("is one of these images" in note.text for note in of(Note))
    assert of(Pictures)[0].pictures[0].note == "yours"
    strange = Picture(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8), "noise.png")
    _, of = drawn(digits, strange)
    assert any("lies outside" in note.text and note.tone == "warning" for note in of(Note))


def test_a_selection_is_told_beside_the_rest(digits):
    points = mapped.of_images(digits, "code")
    chosen = np.flatnonzero(mapped.labels(digits, "digit")[points.rows] == mapped.labels(digits, "digit")[0])
    blocks = walk(selection.beside_the_rest(digits, points, chosen))
    texts = [block.text for block in blocks if isinstance(block, Note)]
    assert any(f"{len(chosen)} selected images against {355 - len(chosen)} others" in text for text in texts)
    table = next(block for block in blocks if block.__class__.__name__ == "Table")
    assert list(table.columns)[:3] == ["patch", "code", "q"], "what decides stands beside the code"
    codes, first = digits.codes("code"), table.frame.iloc[0]
    has = (codes == first["code"]).any((1, 2))[points.rows]
    assert first["selected_with_it"] == has[chosen].sum() and first["q"] < 0.05
    beside = next(block for block in blocks if isinstance(block, Chart) and block.name == "beside-digit")
    inside = next(trace for trace in beside.figure("light").data if trace.name.startswith("selected"))
    assert sorted(inside.y)[-1] == 1 and sorted(inside.y)[-2] == 0, "all selected are the same digit"
    (note,) = selection.beside_the_rest(digits, points, np.arange(355))
    assert "no rest to compare" in note.text


def test_what_else_colours_a_map_is_no_concept_that_a_selection_is_compared_by(digits):
    points = mapped.find_pca(digits, maps.Options("code"))
    before = mapped.telling(digits, points)
    assert set(mapped.colourings(digits, points)) > set(before) == set(mapped.telling(digits, points))


def test_a_map_of_many_points_says_what_was_laid_out_and_how_far_to_trust_where_others_were_placed(digits, monkeypatch):
    monkeypatch.setattr(maps, "MANY", 200)
    study = open_study("vqvae-digits")
    study.make("map", maps.Options("code"))
    found, of = drawn(study)
    assert not of(Missing) and cards(of)["Laid out"].value == "200"
    told = cards(of)["Trust in the placed"]
    assert told.value == f"{found.numbers['trustworthiness_placed']['mean']:.3f}" and "at random" in told.note
    assert all(card.help for card in cards(of).values())
    assert (found.numbers["fitted"], found.numbers["placed"]) == (200, 155)
    assert 0.9 < found.numbers["trustworthiness_placed"]["mean"] <= 1
    assert found.numbers["agreement"]["points"] == 355, "all are asked, where there are so few"
    json.dumps(found.numbers)


def test_a_map_of_which_all_but_one_point_are_laid_out_is_shown(digits, monkeypatch):
    monkeypatch.setattr(maps, "MANY", 354)
    study = open_study("vqvae-digits")
    study.make("map", maps.Options("code"))
    found, of = drawn(study)
    assert (found.numbers["fitted"], found.numbers["placed"]) == (354, 1)
    assert "1 of the placed points asked (too few for an interval)" in cards(of)["Trust in the placed"].help


def test_an_image_of_a_selected_patch_is_no_other_image_because_another_of_its_patches_was_drawn(digits, monkeypatch):
    points = mapped.find_pca(digits, maps.Options("code", "patches", "pca", points=5_000))
    chosen, seen = np.flatnonzero(points.table["x"] > 0), []
    inside = np.isin(digits.concepts().index, points.rows[chosen])
    monkeypatch.setattr(selection, "MOST", 50)
    monkeypatch.setattr(selection, "_concept", lambda study, column, name, of: seen.append((column, of)) or [])
    selection.beside_the_rest(digits, points, chosen)
    for column, of in seen:
        assert (inside[column.index] == of).all() and of.sum() == 50 and (~of).sum() == min(50, (~inside).sum())
    assert seen


def test_no_more_points_are_offered_than_a_map_can_hold(digits, monkeypatch):
    asked = {"layer": "code", "what": "images"}
    monkeypatch.setattr(mapped, "available", lambda *_: 7_000_000)
    sizes = latent_map._sizes(digits, asked)
    assert max(sizes) == maps.LARGEST and sizes[maps.LARGEST] == "5,000,000"
    monkeypatch.setattr(mapped, "available", lambda *_: 1_000_000)
    assert latent_map._sizes(digits, asked)[1_000_000] == "all 1,000,000"
    with pytest.raises(BadInput, match="points"):
        maps.Options("code", points=maps.LARGEST + 1)


def test_where_a_map_holds_some_images_the_nearest_are_said_to_be_of_those(digits):
    strange = Picture(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8), "noise.png")
    for count, said in ((200, True), (355, False)):
        blocks, _ = placing.placed(digits, mapped.find_pca(digits, maps.Options("code", points=count)), strange)
        texts = [block.text for block in blocks if isinstance(block, Note)]
        assert any("among the 200 images of the map, of 355 in all" in text for text in texts) == said
