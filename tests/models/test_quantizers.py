"""Quantizers with one codebook, against the papers' equations and the library."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from explorer.autoencoder import Codebook
from explorer.models import implicit, tables
from explorer.models.implicit import FSQ, LFQ
from explorer.models.quantizers import Gumbel, SimVQ, VectorQuantizer
from explorer.models.vqvae import QUANTIZERS, VQVAEConfig


def book(quantizer):
    return quantizer.codebooks[""]


def test_nearest_agrees_with_a_hand_computed_case():
    book = Codebook(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
    codes, distances = book.nearest(torch.tensor([[[0.0, 1.0], [3.0, 3.0]]]))
    assert codes.tolist() == [[0, 1]]
    assert distances.tolist() == [[1.0, 1.0]]
    assert book.lookup(codes).tolist() == [[[0.0, 0.0], [3.0, 4.0]]]


def test_nearest_in_many_blocks_is_the_nearest():
    book = Codebook(torch.randn(4096, 8))
    latents = torch.randn(3, 40, 10, 8)
    codes, distances = book.nearest(latents)
    expected = torch.cdist(latents.flatten(0, 2), book.vectors).min(1)
    assert codes.flatten().tolist() == expected.indices.tolist()
    torch.testing.assert_close(distances.flatten(), expected.values, atol=1e-3, rtol=1e-3)


def test_moving_average_follows_the_latents_in_training_only():
    torch.manual_seed(0)
    quantizer = VectorQuantizer("ema", 4, 2, 0.25, 0.0)
    quantizer.train()(torch.randn(8, 4, 4, 2))  # k-means initialisation
    before = book(quantizer).vectors.clone()
    quantizer.eval()(torch.randn(8, 4, 4, 2) + 5)
    torch.testing.assert_close(book(quantizer).vectors, before)
    for _ in range(50):
        quantizer.train()(torch.randn(8, 4, 4, 2) + 5)
    assert (book(quantizer).vectors - before).norm() > 1


def test_gradient_passes_straight_through():
    quantizer = VectorQuantizer("ema", 8, 4, 0.0, 0.0).train()
    latents = torch.randn(2, 3, 3, 4, requires_grad=True)
    quantized, _, _ = quantizer(latents)
    weights = torch.randn_like(quantized)
    (quantized * weights).sum().backward()
    torch.testing.assert_close(latents.grad, weights)


def test_rotated_gradients_keep_their_angle_to_the_vector():
    """Fifty et al. 2024, section 4.2: the angle between gradient and latent is that between gradient and code."""
    torch.manual_seed(0)
    quantizer = VectorQuantizer("rotation", 8, 4, 0.0, 0.0).train()
    latents = torch.randn(2, 3, 3, 4, requires_grad=True)
    quantized, _, _ = quantizer(latents)
    weights = torch.randn_like(quantized)
    (quantized * weights).sum().backward()
    before = torch.cosine_similarity(quantized.detach(), weights, dim=-1)
    after = torch.cosine_similarity(latents.detach(), latents.grad, dim=-1)
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)
    assert (latents.grad - weights).abs().max() > 1e-2  # which passing straight through would not do


def test_losses_are_those_of_the_paper():
    torch.manual_seed(0)
    quantizer = VectorQuantizer("vq", 8, 4, 0.25, 0.0).train()
    latents = torch.randn(2, 3, 3, 4)
    _, codes, losses = quantizer(latents)
    distance = (latents - book(quantizer).lookup(codes[""])).square().mean()
    torch.testing.assert_close(losses["codebook"], distance)
    torch.testing.assert_close(losses["commitment"], 0.25 * distance)


@pytest.mark.parametrize("kind", ["vq", "ema", "cosine", "rotation"])
def test_codes_that_the_first_batch_has_no_latents_for_get_those_of_the_next(kind):
    torch.manual_seed(0)
    quantizer = VectorQuantizer(kind, 40, 4, 0.25, 0.0).train()
    batches = [3 + torch.randn(1, 4, 4, 4) for _ in range(4)]
    for batch in batches:  # 16 latents for 40 codes
        quantizer(batch)
        quantizer.started()
    vectors = book(quantizer).vectors
    assert vectors.norm(dim=1).min() > 0.5, "none is left at the origin"
    assert len(vectors.unique(dim=0)) == 40, "and none is another one's double"
    if kind == "vq":  # which stay where they are put: the others move on with their latents
        latents = torch.cat(batches).flatten(0, 2)
        assert torch.cdist(vectors, latents).min(1).values.lt(1e-5).sum() >= 16
        assert len(book(quantizer).assign(latents).unique()) == 40


def test_codes_that_are_placed_stay_where_training_took_them():
    torch.manual_seed(0)
    quantizer = VectorQuantizer("vq", 8, 4, 0.25, 0.0).train()
    quantizer(torch.randn(4, 4, 4, 4))
    quantizer.started()
    before = book(quantizer).vectors.clone()
    for _ in range(3):
        quantizer(100 + torch.randn(1, 4, 4, 4))  # what only one code is near to
    assert torch.equal(book(quantizer).vectors, before)


@pytest.mark.parametrize("kind", ["ema", "vq", "cosine", "rotation", "simvq", "lfq", "residual", "projected"])
def test_commitment_pulls_latents_to_their_codes_and_the_codebook_loss_moves_codes_alone(kind):
    torch.manual_seed(0)
    quantizer = QUANTIZERS[kind](VQVAEConfig(codes=16, dim=4, revive_below=0.0, stages=2))
    z = torch.randn(4, 4, 4, quantizer.dim)
    quantizer.train()(z + 0.5 * torch.randn_like(z))  # places the codes, but not where these latents want them
    latents = z.clone().requires_grad_()
    _, codes, losses = quantizer(latents)
    (pull,) = torch.autograd.grad(losses["commitment"], latents, retain_graph=True)
    toward = {part: one.lookup(codes[part]) for part, one in quantizer.codebooks.items()}
    target = torch.stack(list(toward.values())).sum(0) if kind == "residual" else next(iter(toward.values()))
    start = torch.nn.functional.normalize(z, dim=-1) if kind == "cosine" else z
    step = -pull.flatten(1)
    assert torch.cosine_similarity(step, (target - start).flatten(1)).min() > 0.5, "a step down nears the codes"
    if "codebook" in losses:
        pulled = torch.autograd.grad(losses["codebook"], latents, retain_graph=True, allow_unused=True)[0]
        assert pulled is None or not pulled.any()
        before = book(quantizer).lookup(codes[""]) - z
        torch.optim.SGD(quantizer.parameters(), lr=0.1).zero_grad()
        losses["codebook"].backward()
        torch.optim.SGD(quantizer.parameters(), lr=0.1).step()
        assert (book(quantizer).lookup(codes[""]) - z).square().mean() < before.square().mean()


def test_dead_codes_come_back():
    torch.manual_seed(0)
    latents = torch.randn(32, 4, 4, 2)
    used = {}
    for revive in (0.0, 0.5):
        quantizer = VectorQuantizer("ema", 32, 2, 0.25, revive).train()
        quantizer(1e-3 * torch.randn(32, 4, 4, 2))  # all codes in one place
        for _ in range(500):
            _, codes, _ = quantizer(latents)
        used[revive] = len(codes[""].unique())
    assert used[0.5] > 28 > used[0.0]


def test_frequent_codes_are_those_used_most():
    torch.manual_seed(0)
    quantizer = VectorQuantizer("ema", 4, 1, 0.25, 0.0).train()
    latents = torch.tensor([0.0] * 8 + [10.0] * 4 + [20.0] * 3 + [30.0]).view(1, 4, 4, 1)
    for _ in range(20):
        quantizer(latents + 0.01 * torch.randn_like(latents))
    codes = book(quantizer).assign(torch.tensor([[0.0], [10.0], [20.0], [30.0]])).tolist()
    if len(set(codes)) == 4:  # k-means found all four
        for count in range(5):
            assert quantizer.frequent(count).nonzero()[:, 0].tolist() == sorted(codes[:count])
    assert quantizer.frequent(0).sum() == 0 and quantizer.frequent(4).all()


def test_cosine_codes_are_unit_vectors_and_nearest_by_angle():
    torch.manual_seed(0)
    quantizer = VectorQuantizer("cosine", 8, 4, 0.25, 0.5).train()
    latents = 5 * torch.randn(4, 4, 4, 4)
    for _ in range(20):
        values, codes, _ = quantizer(latents)
    vectors = book(quantizer).vectors
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(8))
    values, codes, _ = quantizer.eval()(latents)
    angles = torch.cosine_similarity(latents[..., None, :], vectors, dim=-1)
    assert torch.equal(codes[""], angles.argmax(-1))
    torch.testing.assert_close(values, vectors[codes[""]])
    torch.testing.assert_close(quantizer.split(latents)[""].norm(dim=-1), torch.ones(4, 4, 4))


def test_simvq_codes_are_a_linear_map_of_frozen_ones():
    torch.manual_seed(0)
    quantizer = SimVQ(16, 4, 0.25).train()
    latents = torch.randn(2, 3, 3, 4, requires_grad=True)
    _, codes, losses = quantizer(latents)
    distance = (latents - book(quantizer).lookup(codes[""])).square().mean()
    torch.testing.assert_close(losses["codebook"], distance)
    torch.testing.assert_close(losses["commitment"], 0.25 * distance)
    sum(losses.values()).backward()
    table = quantizer.table
    assert (latents.grad * (latents - book(quantizer).lookup(codes[""]))).sum() > 0, "less of it is nearer to the code"
    torch.testing.assert_close(book(quantizer).vectors, table.frozen_codebook @ table.code_transform.weight.T)
    assert table.code_transform.weight.grad.abs().sum() > 0 and not table.frozen_codebook.requires_grad
    names = dict(quantizer.named_parameters())
    assert list(names) == ["table.code_transform.weight"]


def test_gumbel_draws_in_training_and_takes_the_nearest_otherwise():
    torch.manual_seed(0)
    quantizer = Gumbel(16, 4)
    latents = torch.randn(2, 3, 3, 4)
    quantizer.anneal(0.0)
    assert quantizer.temperature == 1
    mixed, codes, losses = quantizer.train()(latents)
    nearest = book(quantizer).lookup(book(quantizer).assign(latents))
    assert torch.equal(codes[""], book(quantizer).assign(latents))
    assert (mixed - nearest).abs().max() > 0.01
    assert losses["divergence"] >= 0
    torch.testing.assert_close(quantizer.eval()(latents)[0], nearest)
    quantizer.anneal(1.0)
    assert quantizer.temperature == pytest.approx(1 / 16)


def test_what_is_drawn_reaches_the_decoder_where_layers_are_left_out():
    """With `layer_dropout` an image of which all layers are kept is decoded as without it."""
    torch.manual_seed(0)
    quantizer = Gumbel(16, 4)
    quantizer.follow_means()
    quantizer.train().anneal(0.0)
    latents = torch.randn(3, 3, 3, 4)
    torch.manual_seed(1)
    drawn, _, _ = quantizer(latents)
    torch.manual_seed(1)
    values, _, _ = quantizer(latents, torch.tensor([1, 0, 1]))
    assert torch.equal(values[::2], drawn[::2])
    nearest = book(quantizer).lookup(book(quantizer).assign(latents))
    assert (values[::2] - nearest[::2]).abs().max() > 0.01
    torch.testing.assert_close(values[1], quantizer.mean(0).expand(3, 3, 4))


def test_divergence_of_evenly_likely_codes_is_zero():
    quantizer = Gumbel(16, 4).train()
    with torch.no_grad():
        quantizer.vectors.copy_(torch.nn.functional.one_hot(torch.arange(16) % 4, 4))
    even, sure = torch.zeros(1, 2, 2, 4), 100 * torch.ones(1, 2, 2, 4) * torch.tensor([1.0, 0, 0, 0])
    assert float(quantizer(even)[2]["divergence"].detach()) == pytest.approx(0, abs=1e-6)
    # sure of one of four places, at each of which four codes are: log 16 - log 4 nats
    expected = quantizer.WEIGHT * torch.tensor(4.0).log()
    assert float(quantizer(sure)[2]["divergence"].detach()) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("codes", implicit.LEVELS)
def test_finite_scalars_are_those_of_the_library(codes):
    from vector_quantize_pytorch import FSQ as Library

    quantizer, library = FSQ(codes), Library(list(implicit.LEVELS[codes]))
    latents = 2 * torch.randn(4, 3, 3, quantizer.dim, generator=torch.Generator().manual_seed(0))
    values, expected = library(latents.flatten(1, 2))
    assert torch.equal(book(quantizer).assign(quantizer.split(latents)[""]).flatten(1), expected.long())
    ours, found, losses = quantizer.train()(latents)
    assert torch.equal(found[""].flatten(1), expected.long()) and not losses
    torch.testing.assert_close(ours.flatten(1, 2), values)
    torch.testing.assert_close(book(quantizer).vectors, library.implicit_codebook)
    assert book(quantizer).kind == "implicit"


def test_sizes_of_finite_scalars_are_near_what_was_asked_for():
    for codes, levels in implicit.LEVELS.items():
        assert len(book(FSQ(codes))) == torch.tensor(levels).prod() == pytest.approx(codes, rel=0.07)


@pytest.mark.parametrize("codes", [2, 16, 512])
def test_signs_are_in_the_order_of_the_library(codes):
    from vector_quantize_pytorch import LFQ as Library

    quantizer, library = LFQ(codes, 0.25), Library(codebook_size=codes).eval()
    latents = torch.randn(4, 3, 3, quantizer.dim, generator=torch.Generator().manual_seed(0))
    values, expected, _ = library(latents.flatten(1, 2))
    assert torch.equal(book(quantizer).assign(latents).flatten(1), expected)
    assert torch.equal(book(quantizer).lookup(expected), values)
    torch.testing.assert_close(values, latents.flatten(1, 2).sign())
    ours, found, losses = quantizer.train()(latents)
    torch.testing.assert_close(ours.flatten(1, 2), values)
    assert torch.equal(found[""].flatten(1), expected) and set(losses) == {"entropy", "commitment"}
    torch.testing.assert_close(book(quantizer).vectors, library.codebook)
    torch.testing.assert_close(losses["commitment"], 0.25 * (latents - latents.sign()).square().mean())
    whole = Library(codebook_size=codes, entropy_loss_weight=0.1, commitment_loss_weight=0.25)
    torch.testing.assert_close(sum(losses.values()), whole.train()(latents.flatten(1, 2)).entropy_aux_loss)


def test_latents_at_the_corners_evenly_used_have_the_lowest_entropy_term():
    quantizer = LFQ(16, 0.25).train()
    even = book(quantizer).vectors.view(1, 4, 4, 4)
    found = {name: quantizer(z)[2] for name, z in (("even", even), ("one", even[:, :1, :1].expand(1, 4, 4, 4)))}
    assert float(found["even"]["entropy"]) == pytest.approx(-0.1 * math.log(16), rel=1e-3)  # nats
    assert float(found["one"]["entropy"]) == pytest.approx(0, abs=1e-4)
    assert float(found["even"]["commitment"]) == 0


@pytest.mark.parametrize("kind", QUANTIZERS)
def test_codes_are_the_nearest_in_a_training_of_half_precision_too(kind):
    torch.manual_seed(0)
    quantizer = QUANTIZERS[kind](VQVAEConfig(codes=256, dim=16))
    latents = 3 * torch.randn(4, 8, 8, quantizer.dim)
    quantizer.train()(latents)
    found = []
    for half in (False, True):
        same = copy.deepcopy(quantizer)
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found.append(same(latents))
    (values, codes, losses), (others, other_codes, other_losses) = found
    assert all(torch.equal(codes[part], other_codes[part]) for part in codes)
    torch.testing.assert_close(values, others)
    torch.testing.assert_close(losses, other_losses)


def test_what_stands_for_the_only_layer_is_the_mean_of_its_codes_by_their_use(make):
    model = make("vqvae", codes=4, dim=2, quantizer="ema")
    table = model.quantizer.table._codebook
    table.embed.copy_(torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]]))
    table.cluster_size.copy_(torch.tensor([[6.0, 3.0, 1.0, 0.0]]))
    assert model.quantizer.mean(0).tolist() == pytest.approx([0.3, 0.1])
    learned = make("vqvae", codes=4, dim=2, quantizer="vq").quantizer
    assert learned.use is None and torch.equal(learned.mean(0), learned.codebooks[""].vectors.mean(0))


LIBRARY = {  # options of its VectorQuantize
    "ema": {"ema_update": True, "decay": 0.99, "rotation_trick": False},
    "vq": {"learnable_codebook": True, "ema_update": False, "rotation_trick": False},
    "cosine": {"ema_update": True, "decay": 0.99, "rotation_trick": False, "use_cosine_sim": True},
    "rotation": {"ema_update": True, "decay": 0.99, "rotation_trick": True},
}


@pytest.mark.parametrize("kind", LIBRARY)
def test_steps_of_a_codebook_are_those_of_the_library(kind):
    """Values, codes, gradients and the moving averages, from the same codes on."""
    from vector_quantize_pytorch import VectorQuantize

    torch.manual_seed(0)
    quantizer = VectorQuantizer(kind, 16, 4, 0.25, 0.0).train()
    quantizer(2 * torch.randn(8, 4, 4, 4))  # places the codes
    library = VectorQuantize(dim=4, codebook_size=16, commitment_weight=0.0, **LIBRARY[kind]).train()
    library._codebook.load_state_dict(quantizer.table._codebook.state_dict())
    for _ in range(5):
        latents = (2 * torch.randn(8, 4, 4, 4)).requires_grad_()
        values, codes, losses = quantizer(latents)
        expected, expected_codes, _ = library(quantizer.split(latents)[""].flatten(1, 2))
        assert torch.equal(codes[""].flatten(1), expected_codes)
        torch.testing.assert_close(values.flatten(1, 2), expected)
        weights = torch.randn_like(values)
        pulled = [
            torch.autograd.grad((found.view(values.shape) * weights).sum(), latents, retain_graph=True)[0]
            for found in (values, expected)
        ]
        torch.testing.assert_close(*pulled, atol=1e-5, rtol=1e-4)
        for name, buffer in library._codebook.named_buffers():
            torch.testing.assert_close(quantizer.table._codebook.get_buffer(name), buffer, atol=1e-5, rtol=1e-4)
        if kind == "vq":
            theirs = torch.nn.functional.mse_loss(library.codebook[expected_codes].view_as(latents), latents.detach())
            of = [
                torch.autograd.grad(loss, network.parameters())[0]
                for loss, network in ((losses["codebook"], quantizer), (theirs, library))
            ]
            torch.testing.assert_close(*of)


def test_rotated_gradients_of_a_linear_codebook_are_those_of_the_library():
    from vector_quantize_pytorch import SimVQ as Library

    torch.manual_seed(0)
    quantizer, library = SimVQ(16, 4, 0.25).train(), Library(4, 16).train()
    library.load_state_dict(quantizer.table.state_dict())
    latents = torch.randn(3, 4, 4, 4, requires_grad=True)
    values, codes, _ = quantizer(latents)
    expected, expected_codes, _ = library(latents)
    assert torch.equal(codes[""], expected_codes)
    torch.testing.assert_close(values, expected)
    ours, theirs = (torch.autograd.grad(found.pow(3).sum(), latents)[0] for found in (values, expected))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_sums_by_a_product_are_those_by_index():
    """What a GPU does, where adding by index has no order."""
    z, codes = torch.randn(1000, 8), torch.randint(0, 20, (1000,))
    sizes, sums = tables.summed(z, codes, 32)
    fake = z.clone()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "BLOCK", 32 * 100)  # ten parts
        patched.setattr(tables, "adds_in_order", lambda z: False)
        found = tables.summed(fake, codes, 32)
    torch.testing.assert_close(found, (sizes, sums), atol=1e-4, rtol=1e-5)
    assert sizes.sum() == 1000 and not sizes[20:].any()
