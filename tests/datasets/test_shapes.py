import hashlib

import numpy as np
import pytest

from explorer.datasets import shapes
from explorer.errors import BadInput


def plain(**changes):
    """Factors of one plain red circle in the middle of a white image."""
    base = {"shape": "circle", "colour": "red", "size": "medium", "texture": "plain", "background": "white"}
    base |= {"x": 0.5, "y": 0.5, "angle": 0.0}
    return {name: np.array([value]) for name, value in (base | changes).items()}


def hashes(images):
    return {hashlib.sha1(image.tobytes()).digest() for image in images}


def test_an_image_depends_on_seed_split_and_row_only():
    rows = np.array([5, 0, 123_456_789_012])
    once = shapes.images(rows, "test")
    assert np.array_equal(once[::-1], shapes.images(rows[::-1], "test"))
    assert np.array_equal(once[1:2], shapes.images(np.arange(300), "test")[:1])
    assert not np.array_equal(once, shapes.images(rows, "train"))
    assert not np.array_equal(once, shapes.images(rows, "test", seed=1))


def test_images_are_the_same_on_every_machine():
    # A change here changes every checkpoint's data: then raise shapes.VERSION and train again.
    found = shapes.factors(np.array([0, 1, 999]), "test")
    names = [[shapes.FACTORS[name][value] for value in found[name]] for name in shapes.FACTORS]
    assert names == [
        ["star", "cross", "square"],
        ["green", "cyan", "orange"],
        ["large", "large", "small"],
        ["stripes", "dots", "checks"],
        ["sunset", "night", "field"],
    ]
    assert np.allclose([found[name][0] for name in ("x", "y", "angle")], [0.541992, 0.626953, 58.79469], atol=1e-4)


def test_train_and_test_share_no_image():
    train = hashes(shapes.images(np.arange(10_000), "train", size=32))
    test = hashes(shapes.images(np.arange(4_000), "test", size=32))
    assert len(train) > 9_990
    assert len(test) > 3_995
    assert not train & test
    places = [shapes.factors(np.arange(50_000), split) for split in shapes.SPLITS]
    parities = [{int(p) % 2 for p in np.rint((found["x"] + found["y"]) * 1024)} for found in places]
    assert parities == [{0}, {1}]


def test_the_smallest_step_between_train_and_test_is_visible():
    for size in (32, 64):
        here = shapes.render(plain(size="small", x=512 / 1024), size)
        beside = shapes.render(plain(size="small", x=513 / 1024), size)
        assert (here != beside).any()


def test_factors_are_balanced_and_independent():
    found = shapes.factors(np.arange(60_000), "train")
    for name, values in shapes.FACTORS.items():
        counts = np.bincount(found[name], minlength=len(values))
        expected = 60_000 / len(values)
        freedom = len(values) - 1
        assert ((counts - expected) ** 2 / expected).sum() < freedom + 6 * np.sqrt(2 * freedom), name
    columns = np.array([np.asarray(values, float) for values in found.values()])
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlation).max() < 0.025  # 6 standard errors
    for name in ("x", "y"):
        middle, reach = 0.5, np.ptp(found[name])
        assert abs(found[name].mean() - middle) < 0.01
        assert np.histogram(found[name], 8)[0].min() > 0.9 * 60_000 / 8
        assert reach > 0.3
    assert found["angle"].min() >= 0 and found["angle"].max() < 360 and np.ptp(found["angle"]) > 359


@pytest.mark.parametrize("name", [*shapes.FACTORS, "x", "y", "angle"])
def test_every_factor_changes_the_pixels(name):
    base = plain(shape="heart", texture="stripes")
    if name in shapes.FACTORS:
        drawn = [shapes.render(base | {name: np.array([value])}) for value in shapes.FACTORS[name]]
    else:
        values = (0.0, 90.0) if name == "angle" else (0.4, 0.6)
        drawn = [shapes.render(base | {name: np.array([value])}) for value in values]
    assert len(hashes(drawn)) == len(drawn)
    for image in drawn[1:]:
        assert (np.abs(image.astype(int) - drawn[0]).max(axis=-1) > 20).mean() > 0.005


def test_a_circle_is_where_and_what_the_factors_say():
    (image,) = shapes.render(plain(size="large", x=0.4, y=0.6), 256)
    red = (np.abs(image.astype(int) - shapes.COLOURS["red"]).max(axis=-1) < 2).astype(float)
    line, column = np.nonzero(red)
    assert np.allclose([column.mean() + 0.5, line.mean() + 0.5], [0.4 * 256, 0.6 * 256], atol=0.3)
    radius = np.sqrt(red.sum() / np.pi)
    assert abs(radius - 0.93 * shapes.RADII["large"] * 4) < 1.0
    assert tuple(image[0, 0]) == (250, 250, 248)


def test_objects_turn_clockwise_and_take_their_texture_along():
    base = plain(shape="heart", texture="checks", size="large")
    upright, turned = (shapes.render(base | {"angle": np.array([angle])})[0].astype(int) for angle in (0.0, 90.0))
    flat = plain()
    for image in (upright, turned):  # without the background's gradient
        image[np.abs(image - shapes.render(flat | {"x": np.array([0.5])})[0][:, :1]).max(axis=-1) < 3] = 0
    assert np.abs(np.rot90(upright, -1) - turned).mean() < 2.0
    assert np.abs(upright - turned).mean() > 5.0


def test_edges_are_anti_aliased():
    (image,) = shapes.render(plain(shape="triangle", background="night", angle=17.0))
    fine = shapes.render(plain(shape="triangle", background="night", angle=17.0), 512)[0].astype(float)
    averaged = fine.reshape(64, 8, 64, 8, 3).mean(axis=(1, 3))
    assert np.abs(image - averaged).mean() < 0.35
    assert np.abs(image - averaged).max() < 45  # a hard edge would be off by 100


def column_of(background):
    """(64, 1, 3): the colour of every line of a background."""
    return shapes.render(plain(background=background, size="small", x=0.9))[0][:, :1].astype(np.int16)


def test_no_object_is_cut_off_by_the_border():
    rows = np.arange(2_000)
    images = shapes.images(rows, "test").astype(np.int16)
    border = np.ones((64, 64), bool)
    border[1:-1, 1:-1] = False
    behind = np.array([column_of(name) for name in shapes.FACTORS["background"]])
    seen = np.abs(images - behind[shapes.factors(rows, "test")["background"]]).max(axis=-1)
    assert seen[:, border].max() < 10  # the faded end of a tip at most
    assert (seen.max(axis=(1, 2)) > 40).all()


def lab(colour):
    """CIE L*a*b* of sRGB in 0..255, D65."""
    rgb = np.asarray(colour, float) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    scaled = xyz / np.array([0.9505, 1.0, 1.089])
    cubed = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    light, red, blue = cubed[..., 0], cubed[..., 1], cubed[..., 2]
    return np.stack([116 * red - 16, 500 * (light - red), 200 * (red - blue)], -1)


def test_every_colour_shows_on_every_background_and_beside_every_other():
    colours = lab(list(shapes.COLOURS.values()))
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=-1) + 1e9 * np.eye(len(colours))
    assert apart.min() > 25
    for background in shapes.FACTORS["background"]:
        lines = column_of(background)[12:52, 0]
        nearest = np.linalg.norm(colours[:, None] - lab(lines)[None], axis=-1).min(axis=1)
        assert nearest.min() > 18, (background, shapes.FACTORS["colour"][nearest.argmin()], nearest.min())


@pytest.mark.parametrize("size", [16, 48, 64, 224])
def test_any_size_shows_the_same_scene(size):
    rows = np.arange(4)
    small = shapes.images(rows, "test", size=size)
    assert small.shape == (4, size, size, 3) and small.dtype == np.uint8
    large = shapes.images(rows, "test", size=size * 4).astype(float)
    averaged = large.reshape(4, size, 4, size, 4, 3).mean(axis=(2, 4))
    assert np.abs(small - averaged).mean() < 2.0


def test_no_rows_give_no_images():
    assert shapes.images(np.arange(0), "test").shape == (0, 64, 64, 3)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: shapes.factors(np.arange(2), "tset"), "unknown split 'tset' of shapes; choose from train, test"),
        (lambda: shapes.factors(np.array([-1]), "test"), "rows of shapes start at 0, not -1"),
        (lambda: shapes.render(plain(colour="mauve")), "unknown colour 'mauve'; choose from red,"),
        (lambda: shapes.render(plain(shape=99)), "shape is a position from 0 to 7"),
        (lambda: shapes.render(plain(), 4), "shapes can be drawn at 8 to 4096 pixels, not 4"),
    ],
)
def test_bad_input_is_one_sentence(call, says):
    with pytest.raises(BadInput, match=says):
        call()


def test_the_mask_is_where_the_object_changes_the_picture():
    found = shapes.factors(np.arange(400), "test") | {"texture": np.zeros(400, np.int8)}
    other = found | {"colour": (found["colour"] + 3) % 8}
    tones = np.array(list(shapes.COLOURS.values()))
    most = np.abs(tones[found["colour"]] - tones[other["colour"]]).sum(1)[:, None, None]
    for size in (32, 64):
        masks = shapes.masks(found, size)
        pictures = (shapes.render(one, size).astype(np.int64) for one in (found, other))
        changed = np.abs(np.subtract(*pictures)).sum(-1) / most
        assert masks.shape == (400, size, size) and masks.dtype == bool and masks.any((1, 2)).all()
        assert masks[changed > 0.55].all() and not masks[changed < 0.45].any()
        rows = np.argsort(found["size"], kind="stable")
        assert np.array_equal(shapes.masks({name: one[rows] for name, one in found.items()}, size), masks[rows])


def test_the_mask_of_a_circle_has_its_area():
    area = shapes.masks(plain(), 64).sum()
    assert abs(area - np.pi * (0.93 * 13) ** 2) < 12
    with pytest.raises(BadInput, match="8 to 4096"):
        shapes.masks(plain(), 4)
