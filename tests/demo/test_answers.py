"""What the demo knows of the checkpoints that ship, and what they say about a picture."""

import numpy as np
import pytest

from explorer.demo import answers, network
from explorer.errors import BadInput

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


def held_out(name, row=7):
    return answers.opened(name).images.read([row])[0]


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


# ------------------------------------------------------------------------------------------------------- checkpoints


def test_those_that_ship_are_offered():
    assert list(answers.offered())[: len(SHIPPED)] == SHIPPED
    assert all(one.state == "done" and one.name == name for name, one in answers.offered().items())


@pytest.mark.parametrize(
    "name",
    ["vqvae", "", "VQVAE-SHAPES", "checkpoints/vqvae-shapes", "../checkpoints/vqvae-shapes", "vqvae-shapes/", None],
)
def test_nothing_else_is_opened_no_path_either(name):
    for ask in (answers.choose, answers.opened, answers.mask_grid, answers.examples):
        with pytest.raises(BadInput, match=r"unknown checkpoint .*; choose from vqvae-shapes, vqvae2-shapes") as told:
            ask(name)
        assert "\n" not in str(told.value) and all(one in str(told.value) for one in SHIPPED)


def test_an_absolute_path_of_what_is_offered_is_refused_and_long_names_are_cut():
    with pytest.raises(BadInput, match="unknown checkpoint"):
        answers.choose(str(answers.choose("vqvae-shapes").path))
    with pytest.raises(BadInput) as told:
        answers.choose("x" * 10_000 + "\n")
    assert len(str(told.value)) < 300 and "\n" not in str(told.value)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_one_comes_with_all_that_is_shown(name):
    shown = answers.opened(name)
    assert shown.encoding.images == len(shown.images) > 100
    assert shown.layers == [layer["name"] for layer in shown.checkpoint.layers]
    assert len(answers.concepts(name)) == len(shown.images)
    layer = LAST[name]
    colours = answers.colours(name, layer)
    assert colours.shape == (len(shown.encoding.codebook(layer)), 3) and colours.dtype == np.uint8
    assert len(np.unique(colours, axis=0)) > 0.3 * len(colours)
    known = answers.known(name, layer)
    assert known.method == "umap", "the map of this layer ships"
    assert known.places.shape == (len(known.rows), 2) and np.isfinite(known.places).all()
    assert known.gaps.shape == known.rows.shape and 0.8 < known.trust <= 1 and 0 <= known.missed < 0.1
    assert np.array_equal(known.vectors, shown.encoding.pooled(layer)[known.rows])


def test_a_layer_without_a_map_is_shown_by_its_main_directions():
    known, shown = answers.known("mae-shapes", "block1"), answers.opened("mae-shapes")
    assert known.method == "pca" and np.array_equal(known.rows, np.arange(len(shown.images)))
    assert known.places[:, 0].std() >= known.places[:, 1].std() > 0 and 0.5 < known.trust < 1


def test_layers_by_name():
    shown = answers.opened("mae-shapes")
    assert answers.layer_of(shown, None) == answers.layer_of(shown, "") == "block1"
    assert answers.layer_of(shown, "block3") == "block3"
    with pytest.raises(BadInput, match="block1, block2, block3, block4"):
        answers.layer_of(shown, "code")


@pytest.mark.parametrize("name", SHIPPED)
def test_examples_are_held_out_images_and_photographs(name):
    shown, found = answers.opened(name), answers.examples(name)
    pictures = [(title, picture) for title, picture in found if isinstance(picture, np.ndarray)]
    assert len(pictures) == answers.EXAMPLES and len({title for title, _ in found}) == len(found)
    for title, picture in pictures:
        assert np.array_equal(picture, shown.images.read([shown.images.names.index(title)])[0])
    assert [path.name for _, path in found[answers.EXAMPLES :]] == ["china.jpg", "flower.jpg"]
    assert all(path.is_file() for _, path in answers.photographs())


# ------------------------------------------------------------------------------------------------------- one picture


@pytest.fixture
def passes(monkeypatch):
    """Shapes of the images that networks were asked about, from an empty memory on."""
    asked, look = [], network.look
    answers._look.cache_clear()
    monkeypatch.setattr(network, "look", lambda path, pixels: asked.append(pixels.shape) or look(path, pixels))
    yield asked
    answers._look.cache_clear()


def test_the_same_pixels_are_looked_at_once(passes, noise):
    first = answers.look("vqvae-shapes", noise)
    assert answers.look("vqvae-shapes", noise.copy()) is first and len(passes) == 1
    answers.codes("vqvae-shapes", noise, "code")
    answers.nearest("vqvae-shapes", noise, "code", 3)
    assert len(passes) == 1, "codes and neighbours come from the same look"
    other = noise.copy()
    other[0, 0, 0] ^= 1
    answers.look("vqvae-shapes", other)
    assert len(passes) == 2, "one bit makes another picture"
    answers.look("vae-shapes", noise)
    assert len(passes) == 3, "another checkpoint has to look itself"


def test_new_weights_look_again(passes, noise, monkeypatch):
    answers.look("vqvae-shapes", noise)
    monkeypatch.setattr(answers.checkpoints, "fingerprint", lambda path: "other weights")
    answers.look("vqvae-shapes", noise)
    assert len(passes) == 2


@pytest.mark.parametrize("name", SHIPPED)
def test_a_look_is_what_the_encoding_says_of_that_image(name):
    shown = answers.opened(name)
    found = answers.look(name, held_out(name))
    assert list(found.latents) == list(found.prefixes) == shown.layers
    for layer in shown.layers:
        grid = shown.encoding.layer(layer).grid
        assert found.latents[layer].shape[:2] == grid
        assert found.latents[layer].mean((0, 1)) == pytest.approx(shown.encoding.pooled(layer)[7], abs=0.02)
        codes, distances = answers.codes(name, held_out(name), layer)
        assert codes.shape == distances.shape == grid
        assert (codes == shown.encoding.codes(layer, [7])[0]).mean() > 0.9  # other batches round otherwise
    whole = list(found.prefixes.values())[-1]
    assert whole.psnr[0] == pytest.approx(shown.encoding.errors()["psnr"][7], abs=0.05)
    assert np.array_equal(whole.originals[0], held_out(name))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_held_out_image_is_nearest_to_itself(name):
    known = answers.known(name, LAST[name])
    for row in (7, 101):
        found, place = answers.nearest(name, held_out(name, row), LAST[name], 12)
        assert found.copy and known.rows[found.rows[0]] == row and len(found.rows) == 12
        assert (np.diff(found.distances) >= 0).all()
        at = np.flatnonzero(known.rows == row)[0]
        extent = np.linalg.norm(np.ptp(known.places, axis=0))
        assert np.linalg.norm(place - known.places[at]) < 0.02 * extent, "and it is shown where it is"
        assert 0 <= found.unusual <= 1


def test_noise_is_further_away_than_nearly_all_that_is_known(noise):
    found, place = answers.nearest("vae-shapes", noise, "latent", 1)
    assert not found.copy and found.unusual > 0.9
    assert len(found.rows) >= 5 and np.isfinite(place).all(), "a place is taken from five, however few are asked for"


# ------------------------------------------------------------------------------------------------------- filling in


def test_only_masked_autoencoders_have_a_grid_of_patches_to_hide():
    assert {name: answers.mask_grid(name) for name in SHIPPED} == dict.fromkeys(SHIPPED) | {"mae-shapes": (8, 8)}


def test_filling_in_leaves_the_rest_as_it_was():
    pixels, mask = held_out("mae-shapes"), np.zeros((8, 8), bool)
    mask[3:5, 3:5] = True
    found = answers.fill("mae-shapes", pixels, mask)
    hidden = mask.repeat(8, 0).repeat(8, 1)
    assert (np.abs(found.reconstructions[0].astype(int) - pixels)[~hidden] <= 1).all()
    assert (found.seen[0][hidden] == 128).all() and found.errors[0][hidden].max() > 0
    changed = pixels.copy()
    changed[hidden] = 255 - changed[hidden]
    other = answers.fill("mae-shapes", changed, mask)
    assert np.array_equal(other.reconstructions[0][hidden], found.reconstructions[0][hidden]), "hidden is hidden"
    assert answers.fill("mae-shapes", pixels.copy(), mask.copy()) is found


def test_hiding_everything_is_refused():
    with pytest.raises(BadInput, match=r"every patch is hidden, .*; leave at least one visible"):
        answers.fill("mae-shapes", held_out("mae-shapes"), np.ones((8, 8), bool))


# ------------------------------------------------------------------------------------------------------- codes


@pytest.mark.parametrize("name", QUANTIZED)
def test_the_code_that_stands_there_already_changes_nothing(name):
    pixels = held_out(name)
    codes, _ = answers.codes(name, pixels, LAST[name])
    code = int(codes[3, 4])
    change = answers.change(name, pixels, LAST[name], codes == code, code)
    assert change.cells == (codes == code).sum() > 0
    assert change.inside == pytest.approx(0, abs=1e-5) and np.abs(change.difference).max() < 1e-4
    assert np.abs(change.after.astype(int) - change.before).max() <= 1
    assert len(change.random) == answers.OTHERS and np.mean(change.random) > 0, "random others do change it"


@pytest.mark.parametrize("name", QUANTIZED)
def test_another_code_changes_the_place_more_than_the_rest(name):
    pixels = held_out(name)
    codes, _ = answers.codes(name, pixels, LAST[name])
    vectors = answers.vectors_of(answers.opened(name), LAST[name])
    used = np.flatnonzero(answers.opened(name).encoding.usage(LAST[name]))
    far = int(used[np.linalg.norm(vectors[used] - vectors[codes[3, 4]], axis=1).argmax()])
    where = np.zeros(codes.shape, bool)
    where[3, 4] = True
    change = answers.change(name, pixels, LAST[name], where, far)
    assert change.cells == 1 and change.inside > change.outside and change.inside > 0.005
    assert not np.array_equal(change.before, change.after)


@pytest.mark.parametrize("name", SHIPPED)
def test_use_of_the_codebook(name):
    shown, layer = answers.opened(name), LAST[name]
    tokens, (found, (low, high), rate) = shown.encoding.usage(layer), answers.usage(name, layer)
    assert (found.codes, found.used, found.tokens) == (len(tokens), (tokens > 0).sum(), tokens.sum())
    assert 1 <= low <= found.perplexity <= high * 1.001 and high <= len(tokens)
    assert (rate is None) == (name not in QUANTIZED), "only what is decoded from codes has a rate"
    table = answers.code_table(name, layer)
    assert table["tokens"].sum() == tokens.sum() and len(table) == len(tokens)


def test_the_most_used_codes_and_their_patches():
    name, tokens = "vqvae-digits", answers.opened("vqvae-digits").encoding.usage("code")
    codes, pictures = answers.most_used(name, "code", 10)
    assert tokens[codes].tolist() == sorted(tokens.tolist(), reverse=True)[:10] and pictures.shape == (10, 64, 64, 3)
    crops, rows = answers.patches_of(name, "code", int(codes[0]), 5)
    assert len(crops) == len(rows) == len(set(rows.tolist())) == 5
    assert (answers.opened(name).encoding.codes("code", rows) == codes[0]).any((1, 2)).all()
    everything, _ = answers.most_used(name, "code", 10_000)
    assert len(everything) == (tokens > 0).sum(), "dead codes are none of the most used"
