"""What every family × backbone × quantizer promises, on tiny networks, fresh and trained."""

from __future__ import annotations

import dataclasses
import math
from itertools import chain, combinations, product

import pytest
import torch

from explorer import checkpoints
from explorer.autoencoder import Autoencoder, Posteriors, Samples, Sends
from explorer.errors import BadInput
from explorer.models import MODELS, build
from explorer.models.backbones import BACKBONES
from explorer.models.vqvae import QUANTIZERS

CHOICES = {"quantizer": tuple(QUANTIZERS), "backbone": tuple(BACKBONES), "norm_pix_loss": (False, True)}


def offered():
    """(family, settings) of everything that the tables offer."""
    for family, entry in MODELS.items():
        fields = [field.name for field in dataclasses.fields(entry.config) if field.name in CHOICES]
        for values in product(*(CHOICES[name] for name in fields)):
            yield family, dict(zip(fields, values, strict=True))


OFFERED = list(offered())
FAMILIES = sorted(MODELS)


def name(combination):
    family, settings = combination
    return "-".join([family, *map(str, settings.values())])


@pytest.fixture(scope="module", params=OFFERED, ids=name)
def chosen(request):
    return request.param


@pytest.fixture(scope="module")
def fresh(chosen, make):
    return make(chosen[0], **chosen[1]).eval()


@pytest.fixture(scope="module")
def trained(chosen, make, fit, images):
    """The network after a few steps, and the losses of these."""
    model = make(chosen[0], **chosen[1])
    return model, fit(model, images, 12, 2e-2)


@pytest.fixture(scope="module", params=["fresh", "trained"])
def model(request, fresh, trained):
    return fresh if request.param == "fresh" else trained[0]


def save(path, family, model):
    checkpoints.save(path, model, family=family, dataset="shapes", training={}, metrics={}, card="")


@torch.inference_mode()
def test_encode_matches_the_layers(model, images):
    assert isinstance(model, Autoencoder)
    latents = model.encode(images)
    assert list(latents) == [layer.name for layer in model.layers]
    assert len(set(latents)) == len(latents)
    for layer in model.layers:
        assert latents[layer.name].shape == (len(images), *layer.grid, layer.dim)
        assert latents[layer.name].dtype == torch.float32
        assert latents[layer.name].isfinite().all()


@torch.inference_mode()
def test_codebooks_fit_their_layers(model, images):
    layers = {layer.name: layer for layer in model.layers}
    latents = model.encode(images)
    assert set(model.codebooks) <= set(layers)
    for layer, book in model.codebooks.items():
        assert book.vectors.shape == (len(book), layers[layer].dim)
        assert book.vectors.isfinite().all() and book.vectors.dtype == torch.float32
        distances = torch.cdist(latents[layer].flatten(0, 2), book.vectors)
        chosen = distances.gather(1, book.assign(latents[layer]).flatten()[:, None])
        torch.testing.assert_close(chosen[:, 0], distances.min(1).values, atol=1e-3, rtol=1e-3)


def test_codes_copy_the_gradient_of_what_is_decoded(trained, images):
    """As in training: what comes to the vectors of the codes comes to the latents."""
    model = trained[0].eval()
    with torch.no_grad():
        latents = model.encode(images[:1])
        plain = model.decode(latents)
    weights = torch.rand(plain.shape, generator=torch.Generator().manual_seed(0))
    for layer, book in model.codebooks.items():
        z = latents[layer].clone().requires_grad_()
        q = book.lookup(book.assign(latents[layer])).clone().requires_grad_()
        decoded = model.decode({**latents, layer: z})
        torch.testing.assert_close(decoded, plain, atol=1e-5, rtol=0)
        at_z = torch.autograd.grad((decoded * weights).sum(), z)[0]
        at_q = torch.autograd.grad((model.decode({**latents, layer: q}) * weights).sum(), q)[0]
        assert at_z.any()
        torch.testing.assert_close(at_z, at_q)


@torch.inference_mode()
def test_decode_is_an_image_in_the_unit_range(model, images):
    latents = model.encode(images)
    for factor in (1, 100):
        output = model.decode({name: factor * value for name, value in latents.items()})
        assert output.shape == images.shape and output.dtype == torch.float32
        assert output.min() >= 0 and output.max() <= 1  # also false for NaN


@torch.inference_mode()
def test_any_of_the_layers_decode(model, images):
    latents = model.encode(images)
    names = list(latents)
    for some in chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1)):
        for fill in ("mean", "zeros"):
            output = model.decode({name: latents[name] for name in some}, fill)
            assert output.shape == images.shape and output.isfinite().all(), (some, fill)


@torch.inference_mode()
def test_decoding_the_codes_is_decoding_the_latents(model, images):
    latents = model.encode(images)
    whole = model.decode(latents)
    for layers in [*([name] for name in model.codebooks), list(model.codebooks)]:
        coded = {name: model.codebooks[name].lookup(model.codebooks[name].assign(latents[name])) for name in layers}
        torch.testing.assert_close(model.decode({**latents, **coded}), whole, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_what_is_not_sent_is_not_needed(model, images):
    if not isinstance(model, Sends):
        return
    latents = model.encode(images)
    sent = model.sent(latents)
    assert set(sent) <= set(latents)
    for layer, needed in sent.items():
        assert needed.shape == latents[layer].shape[:3] and needed.dtype == torch.bool
    known = {}  # any one vector where none was sent
    for layer, value in latents.items():
        unsent = ~sent[layer] if layer in sent else torch.zeros(value.shape[:3], dtype=torch.bool)
        known[layer] = torch.where(unsent[..., None], value[unsent][:1].sum(0), value)
    torch.testing.assert_close(model.decode(known), model.decode(latents))


@torch.inference_mode()
def test_a_posterior_has_the_mean_of_encode_and_the_variance_of_samples(model, images):
    assert isinstance(model, Posteriors) == isinstance(model, Samples)
    if not isinstance(model, Posteriors):
        return
    latents, found = model.encode(images), model.posterior(images)
    draws = model.sample(images[:1].repeat(2000, 1, 1, 1), torch.Generator().manual_seed(0))
    for layer, (mean, variance) in found.items():
        torch.testing.assert_close(mean, latents[layer])
        assert variance.shape == mean.shape and (variance > 0).all()
        drawn = draws[layer].var(0, unbiased=True)
        torch.testing.assert_close(drawn, variance[0], rtol=0.2, atol=0)  # six deviations of a variance of 2,000


@torch.inference_mode()
def test_the_forward_pass_reconstructs_what_encode_and_decode_do(trained, captured, images):
    model, _ = trained
    if "objective" not in model.forward.__code__.co_varnames:
        pytest.skip("reconstructs from a part of the image in training")
    output, losses = captured(model, images, torch.Generator().manual_seed(3))
    latents = model.encode(images)
    if isinstance(model, Samples):
        again = model.decode(model.sample(images, torch.Generator().manual_seed(3)))
    else:
        again = model.decode(latents)
    torch.testing.assert_close(output, again, atol=1e-4, rtol=1e-4)
    codes = {name.removeprefix("codes."): value for name, value in losses.items() if name.startswith("codes.")}
    assert codes.keys() == model.codebooks.keys()
    for layer, book in model.codebooks.items():
        assert torch.equal(codes[layer], book.assign(latents[layer]))


@torch.inference_mode()
def test_images_are_treated_apart(trained, images):
    model, _ = trained
    together, alone = model.encode(images), model.encode(images[2:3])
    for layer in together:
        torch.testing.assert_close(together[layer][2:3], alone[layer], atol=1e-4, rtol=1e-4)


def test_training_lowers_the_loss(trained):
    _, losses = trained
    assert all(math.isfinite(loss) for loss in losses)
    assert sum(losses[-3:]) < 0.97 * sum(losses[:3])


@pytest.mark.parametrize("state", ["fresh", "trained"])
def test_a_saved_network_is_the_same_to_the_bit(chosen, fresh, trained, state, images, tmp_path):
    model = fresh if state == "fresh" else trained[0]
    save(tmp_path / "net", chosen[0], model)
    again = checkpoints.load(tmp_path / "net")
    with torch.inference_mode():
        for one, other in zip(model.encode(images).values(), again.encode(images).values(), strict=True):
            assert torch.equal(one, other)
        assert torch.equal(model.decode(model.encode(images)), again.decode(again.encode(images)))
    assert model.codebooks.keys() == again.codebooks.keys()
    said = [(layer["name"], layer["codes"]) for layer in checkpoints.describe(tmp_path / "net").layers]
    books = model.codebooks
    assert said == [(layer.name, len(books[layer.name]) if layer.name in books else None) for layer in model.layers]


def test_parameters_get_gradients(chosen, make, images):
    model = make(chosen[0], **chosen[1]).train()
    model(images)["loss"].backward()
    assert not [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]


# -- settings


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


def test_a_size_that_does_not_fit_names_the_nearest_that_do(family, make):
    with pytest.raises(BadInput, match=r"image size 30 .* (28 or 32|24 or 32)"):
        make(family, image_size=30)


def test_unknown_or_unfit_settings_are_refused_with_the_choices(family, make):
    with pytest.raises(BadInput, match=r"unknown setting 'depth'; choose from .*dim"):
        make(family, depth=3)
    with pytest.raises(BadInput, match="dim must be an int, not 'many'"):
        make(family, dim="many")
    with pytest.raises(BadInput, match="out of range"):
        make(family, dim=0)


def test_an_unknown_family_lists_the_choices():
    with pytest.raises(BadInput, match="unknown family 'vqvea'; choose from mae, vae, vqvae"):
        build("vqvea", {}, 64)
