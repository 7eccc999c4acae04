"""What a study says about a picture: its codes, its neighbours, and what changes when a code changes."""

import threading

import numpy as np
import pytest

from explorer.study import Picture, open_study, passes, points
from explorer.study.memory import Memory

LAST = {  # the layer whose map ships
    "vqvae-shapes": "code",
    "vqvae2-shapes": "bottom",
    "projected-shapes": "code",
    "vae-shapes": "latent",
    "mae-shapes": "block4",
    "vqvae-digits": "code",
}
SHIPPED = list(LAST)
QUANTIZED = ["vqvae-shapes", "vqvae2-shapes", "projected-shapes", "vqvae-digits"]


def own(study, row=7):
    """An image of the set as if somebody had sent it."""
    return Picture(study.images.read([row])[0], "mine")


@pytest.fixture
def asked(monkeypatch):
    """Shapes of the images that networks were asked about, from an empty memory on."""
    found, look = [], passes.look
    monkeypatch.setattr("explorer.study.MEMORY", Memory())
    monkeypatch.setattr(passes, "look", lambda *given: found.append(given[-1].shape) or look(*given))
    return found


def test_the_same_pixels_are_looked_at_once(asked):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    study = open_study("vqvae-shapes")
    first = study.look(Picture(noise, "a"))
    assert open_study("vqvae-shapes").look(Picture(noise.copy(), "b")) is first and len(asked) == 1
    study.codes_of(Picture(noise, "a"), "code")
    points.near(study, points.of_images(study, "code"), Picture(noise, "a"), 3)
    assert len(asked) == 1, "codes and neighbours come from the same look"
    other = noise.copy()
    other[0, 0, 0] ^= 1
    study.look(Picture(other, "a"))
    assert len(asked) == 2, "one bit makes another picture"
    open_study("vae-shapes").look(Picture(noise, "a"))
    assert len(asked) == 3, "another checkpoint has to look itself"


def test_a_network_that_many_ask_for_at_once_is_opened_once(monkeypatch):
    from explorer import checkpoints

    opened, within, load = [], [], checkpoints.load

    def slow(path):
        opened.append(path)
        within.append(path)
        assert len(within) == 1, "two networks are opened at the same time"
        found = load(path)
        within.pop()
        return found

    monkeypatch.setattr(checkpoints, "load", slow)
    subjects = [open_study(name).subject for name in ("vae-shapes", "vqvae-digits")]
    passes._network.cache_clear()
    asking = [
        threading.Thread(target=passes.network, args=(subject.checkpoint, subject.fingerprint))
        for subject in subjects * 3
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(opened) == 2 and not within


@pytest.mark.parametrize("name", SHIPPED)
def test_a_look_is_what_the_encoding_says_of_that_image(name):
    study = open_study(name)
    picture, found = own(study), study.look(own(study))
    assert list(found.latents) == list(found.prefixes) == study.layer_names
    for layer in study.layer_names:
        grid = study.layer(layer).grid
        assert found.latents[layer].shape[:2] == grid
        assert found.latents[layer].mean((0, 1)) == pytest.approx(study.encoding.pooled(layer)[7], abs=0.02)
        codes, distances = study.codes_of(picture, layer)
        assert codes.shape == distances.shape == grid
        assert (codes == study.codes_of(study.image(7), layer)[0]).mean() > 0.9  # other batches round otherwise
    whole = list(found.prefixes.values())[-1]
    assert whole.psnr[0] == pytest.approx(study.errors()["psnr"][7], abs=0.05)
    assert np.array_equal(whole.originals[0], picture.pixels)


@pytest.mark.parametrize("name", SHIPPED)
def test_an_image_is_nearest_to_itself_on_the_map_that_ships(name):
    study = open_study(name)
    known = points.of_images(study, LAST[name])
    trust = known.facts["trustworthiness"]
    assert known.options.method == "umap" and known.places.shape == (len(known.rows), 2) and 0.8 < trust <= 1
    vectors = study.remember(points.latents, known)
    assert np.array_equal(vectors, study.encoding.pooled(LAST[name])[known.rows])
    for row in (7, 101):
        found, place = points.near(study, known, own(study, row), 12)
        assert found.copy and known.rows[found.rows[0]] == row and len(found.rows) == 12
        assert (np.diff(found.distances) >= 0).all() and 0 <= found.unusual <= 1
        at = np.flatnonzero(known.rows == row)[0]
        extent = np.linalg.norm(np.ptp(known.places, axis=0))
        assert np.linalg.norm(place - known.places[at]) < 0.02 * extent, "and it is shown where it is"


def test_a_layer_without_a_map_is_shown_by_its_main_directions():
    study = open_study("mae-shapes")
    known = points.of_images(study, "block1")
    assert known.options.method == "pca" and np.array_equal(known.rows, np.arange(len(study.images)))
    assert known.places[:, 0].std() >= known.places[:, 1].std() > 0 and 0.5 < known.facts["trustworthiness"] < 1


def test_noise_is_further_away_than_nearly_all_that_is_known():
    noise = Picture(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), "noise")
    study = open_study("vae-shapes")
    found, place = points.near(study, points.of_images(study, "latent"), noise, 1)
    assert not found.copy and found.unusual > 0.9
    assert len(found.rows) >= 5 and np.isfinite(place).all(), "a place is taken from five, however few are asked for"


@pytest.mark.parametrize("name", QUANTIZED)
def test_the_code_that_stands_there_already_changes_nothing_and_another_one_its_place(name):
    study, layer = open_study(name), LAST[name]
    picture = own(study)
    codes, _ = study.codes_of(picture, layer)
    code = int(codes[3, 4])
    same = study.change(picture, layer, codes == code, study.vectors(layer)[code], (code,))
    assert same.cells == (codes == code).sum() > 0
    assert same.inside == pytest.approx(0, abs=1e-5) and np.abs(same.difference).max() < 1e-4
    assert len(same.random) == 16 and np.mean(same.random) > 0, "random others do change it"
    used = np.flatnonzero(study.usage(layer))
    away = np.linalg.norm(study.vectors(layer)[used] - study.vectors(layer)[code], axis=1)
    where = np.zeros(codes.shape, bool)
    where[3, 4] = True
    far = int(used[away.argmax()])
    change = study.change(picture, layer, where, study.vectors(layer)[far], (far,))
    assert change.cells == 1 and change.inside > change.outside and change.inside > 0.005
    assert not np.array_equal(change.before, change.after)
