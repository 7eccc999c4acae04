"""Quantizers of several parts, and networks of several layers, by hand."""

from __future__ import annotations

import pytest
import torch

from explorer.chance import Chance
from explorer.models import build
from explorer.models.compound import Hybrid, Residual
from explorer.models.quantizers import VectorQuantizer


def latents(seed=0, dim=4):
    return torch.randn(6, 4, 4, dim, generator=torch.Generator().manual_seed(seed))


def learned(quantizer, steps=5):
    torch.manual_seed(0)
    quantizer.train()
    for step in range(steps):
        quantizer(latents(10 + step))  # codes are used more or less, never equally often
        quantizer.started()
    return quantizer.eval()


def test_residual_codes_decode_to_the_sum_of_their_stages():
    quantizer = learned(Residual(3, 8, 4, 0.25, 0.5))
    z = latents(1)
    parts = quantizer.split(z)
    books = quantizer.codebooks
    assert list(parts) == list(books) == ["0", "1", "2"]
    left, total = z, torch.zeros_like(z)
    for name, book in books.items():
        torch.testing.assert_close(parts[name], left)
        nearest = torch.cdist(left.flatten(0, 2), book.vectors).argmin(1).view(z.shape[:3])
        assert torch.equal(book.assign(parts[name]), nearest)
        total, left = total + book.vectors[nearest], left - book.vectors[nearest]
    torch.testing.assert_close(quantizer.join(parts, "mean", z.shape[:3]), total)
    torch.testing.assert_close(quantizer(z)[0], total)
    errors = [(z - sum(books[name].lookup(books[name].assign(parts[name])) for name in list(books)[:n])).square().mean()
              for n in (1, 2, 3)]  # fmt: skip
    assert errors[0] > errors[1] > errors[2]


def test_a_residual_network_gives_its_decoder_the_sum(make, fit, images):
    model = make("vqvae", quantizer="residual", stages=3)
    fit(model, images, 5)
    seen = []
    model.decoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        parts = model.encode(images)
        model.decode(parts)
        model.decode({"code.0": parts["code.0"]}, "zeros")
    books = model.codebooks
    vectors = {name: books[name].lookup(books[name].assign(value)) for name, value in parts.items()}
    torch.testing.assert_close(seen[0].permute(0, 2, 3, 1), sum(vectors.values()))
    torch.testing.assert_close(seen[1].permute(0, 2, 3, 1), vectors["code.0"])


def test_projection_by_hand():
    quantizer = learned(Hybrid("projected", 8, 4, 0.25, 0.5, None))
    z = latents(1)
    book, parts = quantizer.codebooks[""], quantizer.split(z)
    assert parts["scale"].shape == (6, 4, 4, 1)
    joined = quantizer.join(parts, "mean", z.shape[:3])
    for n, h, w in ((0, 0, 0), (3, 2, 1), (5, 3, 3)):
        z_here = z[n, h, w]
        e = book.vectors[(book.vectors - z_here).square().sum(1).argmin()]
        u = (z_here @ e) / (e @ e) * e
        torch.testing.assert_close(joined[n, h, w], u)
        assert (z_here - u) @ e == pytest.approx(0, abs=1e-5)  # what is left is at right angles to the code
    torch.testing.assert_close(quantizer(z)[0], joined)
    assert quantizer.sent(parts) == {}  # the scale is needed everywhere


def test_losses_of_a_projection_by_hand():
    quantizer = learned(Hybrid("projected", 8, 4, 0.25, 0.0, None)).eval()
    z = latents(1)
    values, codes, losses = quantizer(z)
    e = quantizer.codebooks[""].lookup(codes[""])
    torch.testing.assert_close(losses["commitment"], 0.25 * (z - e).square().mean())
    torch.testing.assert_close(losses["projection"], (values - e).square().mean())
    z = z.requires_grad_()
    quantizer(z)[2]["projection"].backward()
    assert z.grad.abs().sum() > 0


def test_a_code_near_zero_does_not_blow_up_the_scale():
    quantizer = learned(Hybrid("projected", 8, 4, 0.25, 0.0, None))
    with torch.no_grad():
        quantizer.book.table._codebook.embed[0, 0] = 1e-20
    parts = quantizer.split(1e-3 * latents(1))
    assert (quantizer.codebooks[""].assign(parts[""]) == 0).any()
    assert parts["scale"].abs().max() < 10 and quantizer.join(parts, "mean", (6, 4, 4)).abs().max() < 10


def test_frequency_with_all_codes_frequent_is_plain_and_with_none_keeps_the_latents():
    z = latents(1)
    plain = learned(VectorQuantizer("ema", 8, 4, 0.25, 0.5))
    nothing = learned(Hybrid("frequency", 8, 4, 0.25, 0.5, 8))
    parts = nothing.split(z)
    assert not parts["detail"].any() and not nothing.sent(parts)["detail"].any()
    torch.testing.assert_close(nothing.join(parts, "mean", (6, 4, 4)), plain.join({"": z}, "mean", (6, 4, 4)))
    torch.testing.assert_close(nothing(z)[0], plain(z)[0])
    everything = learned(Hybrid("frequency", 8, 4, 0.25, 0.5, 0))
    parts = everything.split(z)
    torch.testing.assert_close(everything.join(parts, "mean", (6, 4, 4)), z)
    torch.testing.assert_close(everything(z)[0], z)
    assert everything.sent(parts)["detail"].all()


@pytest.mark.parametrize("kind", ["frequency", "hybrid"])
def test_only_rare_codes_bring_something_continuous(kind):
    quantizer = learned(Hybrid(kind, 8, 4, 0.25, 0.5, 5), 20)
    z = latents(1)
    book, parts = quantizer.codebooks[""], quantizer.split(z)
    codes = book.assign(z)
    often = quantizer.book.table._codebook.cluster_size[0].argsort(descending=True)[:5]
    rare = ~torch.isin(codes, often)
    assert rare.any() and not rare.all()
    assert torch.equal(quantizer.sent(parts)[quantizer.second], rare)
    joined, e = quantizer.join(parts, "mean", (6, 4, 4)), book.lookup(codes)
    torch.testing.assert_close(joined[~rare], e[~rare])
    scale = (z * e).sum(-1, keepdim=True) / e.square().sum(-1, keepdim=True)
    torch.testing.assert_close(joined[rare], (z if kind == "frequency" else scale * e)[rare])


def test_hybrid_with_all_codes_frequent_is_plain_and_with_none_is_projected():
    z = latents(1)
    plain = learned(VectorQuantizer("ema", 8, 4, 0.25, 0.5))
    projected = learned(Hybrid("projected", 8, 4, 0.25, 0.5, None))
    torch.testing.assert_close(learned(Hybrid("hybrid", 8, 4, 0.25, 0.5, 8))(z)[0], plain(z)[0])
    torch.testing.assert_close(learned(Hybrid("hybrid", 8, 4, 0.25, 0.5, 0))(z)[0], projected(z)[0])


# -- layers that are left out


def test_means_follow_the_contributions_in_training_only():
    quantizer = Residual(2, 8, 4, 0.25, 0.0)
    quantizer.follow_means()
    torch.manual_seed(0)
    quantizer.train()(latents())
    first = quantizer.learn(latents(), Chance()).contributions
    for index, contribution in enumerate(first):  # the first batch sets them
        torch.testing.assert_close(quantizer.mean(index), contribution.mean((0, 1, 2)), atol=0.1, rtol=0.1)
    quantizer.started()
    before = [quantizer.mean(index).clone() for index in range(2)]
    quantizer.eval()(latents() + 5)
    assert all(torch.equal(quantizer.mean(index), before[index]) for index in range(2))
    quantizer.train()
    for _ in range(300):
        quantizer(latents() + 5)
    total = quantizer.mean(0) + quantizer.mean(1)
    torch.testing.assert_close(total, latents().mean((0, 1, 2)) + 5, atol=0.2, rtol=0)


def test_a_mean_takes_a_fiftieth_of_each_batch():
    quantizer = Residual(1, 8, 4, 0.25, 0.0)
    quantizer.follow_means()
    torch.manual_seed(0)
    quantizer.train()(latents())
    quantizer.started()
    before = quantizer.mean(0).clone()
    values, _, _ = quantizer(latents() + 5)
    torch.testing.assert_close(quantizer.mean(0), 0.98 * before + 0.02 * values.detach().mean((0, 1, 2)))


def test_what_is_left_out_is_filled_as_asked():
    quantizer = Residual(2, 8, 4, 0.25, 0.0)
    quantizer.follow_means()
    learned(quantizer)
    z = latents(1)
    parts, books = quantizer.split(z), quantizer.codebooks
    first = books["0"].lookup(books["0"].assign(parts["0"]))
    torch.testing.assert_close(quantizer.join({"0": parts["0"]}, "zeros", (6, 4, 4)), first)
    torch.testing.assert_close(quantizer.join({"0": parts["0"]}, "mean", (6, 4, 4)), first + quantizer.mean(1))
    torch.testing.assert_close(
        quantizer.join({}, "mean", (6, 4, 4)), (quantizer.mean(0) + quantizer.mean(1)).expand(6, 4, 4, 4)
    )


def test_kept_parts_alone_reach_the_decoder():
    quantizer = Residual(3, 8, 4, 0.25, 0.0)
    quantizer.follow_means()
    learned(quantizer)
    z = latents(1).requires_grad_()
    parts = quantizer.split(z.detach())
    values, _, _ = quantizer(z, torch.tensor([0, 1, 2, 3, 3, 0]))
    for row, count in enumerate([0, 1, 2, 3, 3, 0]):
        given = {name: parts[name][row : row + 1] for name in list(parts)[:count]}
        torch.testing.assert_close(values[row : row + 1].detach(), quantizer.join(given, "mean", (1, 4, 4)))
    values.sum().backward()
    reached = z.grad.abs().flatten(1).sum(1) > 0
    assert reached.tolist() == [False, True, True, True, True, False]


def test_layers_left_out_in_training_make_prefixes_mean_something(make, fit, images):
    errors = {}
    for share in (0.0, 0.5):
        model = make("vqvae2", layer_dropout=share, hidden=16)
        fit(model, images, 100, 1e-2)
        with torch.inference_mode():
            latents = model.encode(images)
            errors[share] = float((model.decode({"top": latents["top"]}) - images).square().mean())
    assert errors[0.5] < 0.8 * errors[0.0]


# -- grids


def test_sizes_of_the_paper():
    with torch.device("meta"):
        model = build("vqvae2", {}, 256)
        deep = build("vqvae2", {"levels": 3}, 256)
    assert [(layer.name, layer.grid, layer.dim) for layer in model.layers] == [
        ("top", (32, 32), 64),
        ("bottom", (64, 64), 64),
    ]
    assert [(layer.name, layer.grid) for layer in deep.layers] == [
        ("top", (16, 16)),
        ("middle", (32, 32)),
        ("bottom", (64, 64)),
    ]


@pytest.mark.parametrize(
    "family, settings, names",
    [
        ("vqvae", {}, ["code"]),
        ("vqvae", {"quantizer": "residual"}, ["code.0", "code.1"]),
        ("vqvae", {"quantizer": "projected"}, ["code", "scale"]),
        ("vqvae", {"quantizer": "frequency"}, ["code", "detail"]),
        ("vqvae2", {"levels": 3}, ["top", "middle", "bottom"]),
        ("vqvae2", {"quantizer": "hybrid"}, ["top", "top.scale", "bottom", "bottom.scale"]),
        ("vqvae2", {"quantizer": "residual"}, ["top.0", "top.1", "bottom.0", "bottom.1"]),
    ],
)
def test_names_of_layers(make, family, settings, names):
    assert [layer.name for layer in make(family, **settings).layers] == names


@pytest.mark.parametrize("quantizer", ["ema", "residual", "hybrid"])
def test_three_levels_train_and_decode(make, fit, captured, images, quantizer):
    model = make("vqvae2", levels=3, downsample=2, quantizer=quantizer)
    losses = fit(model, images, 15, 1e-2)
    assert losses[-1] < losses[0]
    with torch.inference_mode():
        output, _ = captured(model, images)
        torch.testing.assert_close(output, model.decode(model.encode(images)), atol=1e-4, rtol=1e-4)


def test_the_lower_encoder_sees_the_quantized_upper_grid(make, fit, images):
    model = make("vqvae2")
    fit(model, images, 3)
    with torch.inference_mode():
        before = model.encode(images)
        model.upper[0].quantizer.table._codebook.embed.add_(1.0)  # other codes, same latents
        after = model.encode(images)
    torch.testing.assert_close(after["top"], before["top"])
    assert (after["bottom"] - before["bottom"]).abs().max() > 1e-3
