"""Numbers are those of float32, whatever a GPU, a training or a caller allows to be rounded on the way."""

import contextlib

import numpy as np
import pytest
import torch

from explorer.analysis import neighbours, quality
from explorer.autoencoder import Codebook
from explorer.models import build
from explorer.precision import exact
from explorer.training.scores import Layers, score

FAR = 1000.0  # of the origin


def ten_bits(x):
    """What TF32 keeps of a float32 operand."""
    if not isinstance(x, torch.Tensor) or x.dtype != torch.float32:
        return x
    return ((x.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)


@contextlib.contextmanager
def rounded_products(monkeypatch):
    """Every product of float32 matrices is taken as a GPU does that was allowed TF32."""
    with monkeypatch.context() as patch:
        products = {torch: ("matmul", "mm", "bmm", "einsum"), torch.Tensor: ("__matmul__", "matmul", "mm")}
        for owner, names in products.items():
            for name in names:
                real = getattr(owner, name)
                patch.setattr(owner, name, lambda *a, real=real, **k: real(*map(ten_bits, a), **k))
        addmm = torch.addmm
        patch.setattr(torch, "addmm", lambda c, a, b, **k: addmm(c, ten_bits(a), ten_bits(b), **k))
        yield


@contextlib.contextmanager
def medium(_):
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision("highest")


@contextlib.contextmanager
def half(_):
    with torch.autocast("cpu", torch.bfloat16):
        yield


ROUNDINGS = pytest.mark.parametrize("rounding", [rounded_products, medium, half])


def smooth(count=4, side=32):
    """Bright, nearly flat images, where a variance is a small difference of large numbers."""
    noise = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))
    return 0.9 + 0.02 * noise, 0.9 + 0.02 * noise + 0.005 * noise.flip(0)


@ROUNDINGS
def test_ssim_is_that_of_float32(rounding, monkeypatch):
    images, others = (x.clamp(0, 1) for x in smooth())
    right = quality.ssim(images.double(), others.double())
    with rounding(monkeypatch):
        found = quality.measure(images, others)
    assert found["ssim"].tolist() == pytest.approx(right.tolist(), abs=2e-5)


@ROUNDINGS
def test_codes_are_the_nearest_ones(rounding, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    vectors, latents = torch.randn(512, 16, generator=generator), torch.randn(2000, 16, generator=generator)
    right = torch.cdist(latents.double(), vectors.double()).argmin(1)
    with rounding(monkeypatch):
        assert torch.equal(Codebook(vectors).assign(latents), right)


@pytest.mark.parametrize("away", [FAR, 30 * FAR])
def test_codes_are_the_nearest_ones_far_from_the_origin(away):
    generator = torch.Generator().manual_seed(0)
    vectors, latents = (away + torch.randn(n, 16, generator=generator) for n in (512, 2000))
    right = (latents.double()[:, None] - vectors.double()).square().sum(-1)
    codes, distances = Codebook(vectors).nearest(latents)
    assert torch.equal(codes, right.argmin(1))
    assert distances.numpy() == pytest.approx(right.min(1).values.sqrt().numpy(), rel=1e-5)


@ROUNDINGS
def test_neighbours_are_the_nearest_ones_near_and_far(rounding, monkeypatch):
    points = FAR + np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
    away = np.linalg.norm(points[:, None].astype(np.float64) - points, axis=-1)
    np.fill_diagonal(away, np.inf)
    with rounding(monkeypatch):
        index, distances = neighbours.nearest(points, 5)
    assert np.array_equal(index, away.argsort(1)[:, :5])
    assert distances == pytest.approx(np.sort(away, 1)[:, :5], rel=1e-5)


def test_k_means_far_from_the_origin_is_the_one_near_it():
    from explorer.encodings.codebooks import fit

    groups = np.repeat(np.arange(4), 200)[:, None] * 3.0
    points = (groups + np.random.default_rng(0).normal(size=(800, 4)) * 0.1).astype(np.float32)
    near, far = (np.sort(fit(points + np.float32(away), 4, 0, "z").vectors[:, 0].numpy()) for away in (0, 100_000))
    assert far - 100_000 == pytest.approx(near, abs=0.05)
    assert near == pytest.approx([0, 3, 6, 9], abs=0.05)


@pytest.mark.parametrize("rounding", [medium, half])
def test_scores_and_use_are_the_same_inside_a_training_in_bf16(rounding):
    torch.manual_seed(0)
    model = build("vqvae", {"codes": 64, "dim": 8, "hidden": 16, "residual_channels": 8}, 16).eval()
    pixels = [np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), dtype=np.uint8)]
    use, used = Layers(model, "cpu"), Layers(model, "cpu")
    right = score(model, pixels, beside=[use])
    with rounding(None):
        found = score(model, pixels, beside=[used])
    assert used.metrics() == use.metrics()
    for name, values in right.items():
        assert np.array_equal(found[name], values, equal_nan=True), name


def test_what_was_allowed_is_allowed_again_after_the_last_has_left():
    torch.set_float32_matmul_precision("high")
    try:
        outer, inner = exact(), exact()
        outer.__enter__()
        inner.__enter__()
        outer.__exit__(None, None, None)  # threads leave in any order
        assert torch.get_float32_matmul_precision() == "highest" and not torch.backends.cudnn.allow_tf32
        inner.__exit__(None, None, None)
        assert torch.get_float32_matmul_precision() == "high" and torch.backends.cudnn.allow_tf32
    finally:
        torch.set_float32_matmul_precision("highest")
