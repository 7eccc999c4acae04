"""Ten copies of a picture are one result, and two pictures that are only alike are two."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from explorer import datasets
from explorer.analysis.retrieval import copies
from explorer.study import distinct as distinct_images
from explorer.study import open_study, similar
from explorer.study.distinct import distinct
from explorer.study.picture import Picture
from explorer.study.similar import By

SIDE = 64


def scene(seed: int, hue: tuple[int, int, int] = (200, 120, 60)) -> Image.Image:
    """A sky above hills: the same colours and a like outline for every seed, and other hills."""
    generator = np.random.default_rng(seed)
    fine = generator.integers(0, 70, (96, 96, 3), dtype=np.uint8)
    blurred = np.asarray(Image.fromarray(fine).filter(ImageFilter.GaussianBlur(2))).astype(float)
    hills = 50 + 12 * np.sin(np.arange(96) / 9 + 6 * generator.random()) + 6 * np.sin(np.arange(96) / 4 + seed)
    ground = np.arange(96)[:, None] > hills
    pixels = np.where(ground[..., None], 0.3 * np.array(hue), np.array(hue)) + 2 * (blurred - blurred.mean())
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve scenes; of the first one ten copies of every kind."""
    found = tmp_path_factory.mktemp("photos")
    first = scene(0)
    for number in range(12):
        scene(number).save(found / f"scene {number:02}.png")
    for quality in (90, 75, 60):
        first.save(found / f"copy jpeg {quality}.jpg", quality=quality)
    for name in ("again", "once more", "and again"):
        first.save(found / f"copy {name}.png")
    for share in (1.05, 0.95):
        first.point([min(255, int(value * share)) for value in range(256)] * 3).save(found / f"copy {share}.png")
    first.resize((160, 160), Image.Resampling.BICUBIC).save(found / "copy larger.png")
    moved = np.roll(np.asarray(first), 1, 1).copy()
    moved[:, 0] = moved[:, 1]
    Image.fromarray(moved).save(found / "copy moved.png")
    return found


@pytest.fixture
def study(folder):
    study = open_study("vqvae-shapes", str(folder), split="all")
    study.make("encoding")
    return study


def row(study, name):
    return study.images.names.index(name)


@pytest.mark.parametrize("way", ["bag", "zq", "pixels", "colours"])
def test_ten_copies_are_one_result(study, way):
    by, asked = By(way), study.image(row(study, "scene 05.png"))
    query = similar.represent(study, by, asked)
    found = distinct(study, lambda k: similar.nearest(study, by, query, k, (asked.row,)), 20, asked)
    names = study.images.names
    assert len(found.rows) == 11 and not len(found.own), "every other scene once"
    grouped = {place: len(others) for place, others in enumerate(found.copies) if len(others)}
    (place, count), *more = grouped.items()
    assert count == 10 and not more
    group = {names[one] for one in [found.rows[place], *found.copies[place]]}
    assert group == {"scene 00.png"} | {name for name in names if name.startswith("copy")}
    assert (np.diff(found.scores) <= 0).all()


def test_copies_of_what_was_asked_for_stand_apart(study, folder):
    by, asked = By("bag"), study.image(row(study, "copy moved.png"))
    query = similar.represent(study, by, asked)
    found = distinct(study, lambda k: similar.nearest(study, by, query, k, (asked.row,)), 3, asked)
    assert len(found.own) == 10 and len(found.rows) == 3 and not set(found.own) & set(found.rows)
    pixels = datasets.load(str(folder), "all", SIDE).read([row(study, "scene 03.png")])[0]
    mine = Picture(pixels, "mine.png")  # brought along, it is itself its own copy
    query = similar.represent(study, by, mine)
    found = distinct(study, lambda k: similar.nearest(study, by, query, k), 3, mine)
    assert found.own.tolist() == [row(study, "scene 03.png")]


def test_more_is_searched_until_there_are_enough(study, monkeypatch):
    monkeypatch.setattr(distinct_images, "MORE", 0)
    names, asked = study.images.names, []
    order = np.argsort([not name.startswith("copy") for name in names], kind="stable")  # all copies come first

    def search(k):
        asked.append(k)
        return order[:k], np.linspace(1, 0, len(order))[:k]

    found = distinct(study, search, 3)
    assert asked == [3, 12, 48] and [names[row] for row in found.rows] == [
        "copy 0.95.png", "scene 01.png", "scene 02.png"
    ]  # fmt: skip
    assert distinct(study, lambda k: (np.empty(0, np.int64), np.empty(0)), 5).rows.shape == (0,)


def test_plain_pictures_and_two_of_a_kind_are_no_copies():
    pixels = np.stack([np.asarray(scene(seed).resize((SIDE, SIDE))) for seed in range(8)])
    assert copies.groups(pixels).tolist() == list(range(8))
    assert copies.groups(np.stack([pixels[0], pixels[1], pixels[0]])).tolist() == [0, 1, 0]
    assert copies.groups(pixels[:1]).tolist() == [0] and len(copies.groups(pixels[:0])) == 0


def test_without_pixels_equal_maps_are_copies_if_they_are_varied():
    varied, plain = np.arange(9) % 5, np.zeros(9, int)
    codes = np.stack([varied, plain, varied, plain, varied[::-1]])
    assert copies.same_codes(codes).tolist() == [0, 1, 0, 3, 4]
    assert copies.same_codes(codes[:1]).tolist() == [0]
