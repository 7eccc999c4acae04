"""Rates that add up by hand, scalar quantizers with known answers, and what is fitted on which images."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from explorer.analysis import quality, rates
from explorer.autoencoder import to_images
from explorer.models import build

TINY = {"hidden": 16, "residual_blocks": 1, "residual_channels": 8, "downsample": 4, "codes": 8, "dim": 4}
MAE = {"patch": 8, "dim": 8, "blocks": 3, "heads": 2, "decoder_dim": 8, "decoder_blocks": 1, "decoder_heads": 2}
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3), np.uint8)


def make(family: str = "vqvae", images: np.ndarray = PIXELS, **settings):
    """A random network whose codebooks are latents of these images."""
    torch.manual_seed(0)
    model = build(family, {**(MAE if family == "mae" else TINY), **settings}, 32).eval()
    with torch.no_grad():
        for book in model.codebooks:
            latents = model.encode(to_images(images))[book].flatten(0, 2)
            vectors = model.codebooks[book].vectors  # the table itself
            vectors.copy_(latents[torch.randperm(len(latents))[: len(vectors)]])
    return model


def measure(model, count: int = 20, **options):
    found = rates.measure(model, lambda rows: PIXELS[rows], lambda rows: PIXELS[10:][rows], count, **options)
    assert json.loads(json.dumps(found, allow_nan=False)) == found, "plain JSON"
    return found


def by(found, *layers, bits=None):
    return next(point for point in found["points"] if point["layers"] == list(layers) and point["bits"] == bits)


def test_uniform_values_get_even_levels():
    values = torch.rand(50_000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 4.0])
    levels = rates.lloyd_max(values, 3).levels
    torch.testing.assert_close(levels[0], (torch.arange(8) + 0.5) / 8, atol=0.02, rtol=0)
    torch.testing.assert_close(levels[1], (torch.arange(8) + 0.5) / 2, atol=0.08, rtol=0)


@pytest.mark.parametrize(("bits", "error"), [(1, 0.3634), (2, 0.1175), (3, 0.03454), (4, 0.009497)])
def test_gaussian_values_reach_the_errors_that_max_published(bits, error):
    values = torch.randn(200_000, 1, generator=torch.Generator().manual_seed(0))
    scalar = rates.lloyd_max(values, bits)
    back = scalar.lookup(scalar.assign(values))
    assert float((values - back).square().mean()) == pytest.approx(error, rel=0.02)
    if bits == 1:
        torch.testing.assert_close(scalar.levels[0], torch.tensor([-0.7979, 0.7979]), atol=0.02, rtol=0)


def test_more_bits_never_make_it_worse_and_few_values_come_back_exactly():
    values = torch.randn(3000, 3, generator=torch.Generator().manual_seed(1)).exp()
    errors = []
    for bits in rates.BITS:
        scalar = rates.lloyd_max(values, bits)
        assert (scalar.levels.diff(dim=1) >= 0).all()
        errors.append(float((values - scalar.lookup(scalar.assign(values))).square().mean()))
    assert errors == sorted(errors, reverse=True)
    few = torch.tensor([[1.0], [1.0], [2.0], [2.0]])
    scalar = rates.lloyd_max(few, 2)
    torch.testing.assert_close(scalar.lookup(scalar.assign(few)), few)
    constant = torch.full((5, 2), 3.0)
    scalar = rates.lloyd_max(constant, 8)
    torch.testing.assert_close(scalar.lookup(scalar.assign(constant)), constant)
    with pytest.raises(ValueError, match="at least one row"):
        rates.lloyd_max(torch.empty(0, 3), 2)


def test_residual_stages_add_up_by_hand_and_each_prefix_is_what_its_layers_decode_to():
    model = make(quantizer="residual", stages=3)
    found = measure(model)
    names = ["code.0", "code.1", "code.2"]
    assert [point["layers"] for point in found["points"]] == [names[:1], names[:2], names]
    assert [point["bits_per_pixel"] for point in found["points"]] == pytest.approx(
        [stages * math.log2(8) * 64 / 1024 for stages in (1, 2, 3)]
    )
    assert found["train_images"] == 0, "nothing to fit"
    images = to_images(PIXELS[10:])
    with torch.inference_mode():
        latents = model.encode(images)
        output = model.decode({name: latents[name] for name in names[:2]})
    scores = quality.measure(images, output)
    assert found["points"][1]["psnr"]["mean"] == pytest.approx(float(scores["psnr"].mean()), abs=1e-4)
    assert found["points"][1]["ssim"]["mean"] == pytest.approx(float(scores["ssim"].mean()), abs=1e-4)
    assert found["points"][1]["mse"] == pytest.approx(float(scores["mse"].mean()), rel=1e-4)
    assert found["points"][1]["psnr"]["n"] == 20


def test_the_entropy_rate_is_that_of_the_codes_seen():
    model = make(codes=16)
    found = measure(model)
    with torch.inference_mode():
        codes = model.codebooks["code"].assign(model.encode(to_images(PIXELS[10:]))["code"])
    shares = np.bincount(codes.flatten().numpy()) / codes.numel()
    entropy = -sum(share * math.log2(share) for share in shares if share)
    (point,) = found["points"]
    assert point["entropy_bits_per_pixel"] == pytest.approx(entropy * 64 / 1024)
    assert point["entropy_bits_per_pixel"] < point["bits_per_pixel"] == pytest.approx(4 * 64 / 1024)
    assert point["symbols"] == {"code": 20 * 64}


def test_a_projected_model_pays_for_its_scale():
    found = measure(make(quantizer="projected", codes=512, images=np.tile(PIXELS, (2, 1, 1, 1))))
    assert by(found, "code")["bits_per_pixel"] == pytest.approx(9 * 64 / 1024), "the scale is left out"
    for bits in rates.BITS:
        point = by(found, "code", "scale", bits=bits)
        assert point["bits_per_pixel"] == pytest.approx((9 + bits) * 64 / 1024)
        assert point["entropy_bits_per_pixel"] < point["bits_per_pixel"]
        assert point["symbols"] == {"code": 20 * 64, "scale": 20 * 64}
    bound = by(found, "code", "scale")
    assert bound["bits_per_pixel"] is None and bound["entropy_bits_per_pixel"] is None
    fine = by(found, "code", "scale", bits=8)
    assert fine["mse"] == pytest.approx(bound["mse"], rel=0.01), "256 levels are nearly all there is"
    assert by(found, "code", "scale", bits=1)["mse"] != pytest.approx(bound["mse"], rel=1e-6)
    assert found["train_images"] == 30


@pytest.mark.parametrize("quantizer", ["frequency", "hybrid"])
def test_only_rare_positions_pay_and_the_others_stay_as_they_are(quantizer):
    model = make(quantizer=quantizer, codes=8, frequent=6)
    book = model.quantizer.book.table._codebook
    book.cluster_size.copy_(torch.arange(8.0)[None])  # so codes 0 and 1 are the rare ones
    second = model.layers[1]
    with torch.inference_mode():
        latents = model.encode(to_images(PIXELS[10:]))
        share = float((model.codebooks["code"].assign(latents["code"]) < 2).float().mean())
    assert 0.02 < share < 0.98
    found = measure(model)
    point = by(found, "code", second.name, bits=3)
    assert point["bits_per_pixel"] == pytest.approx((3 + share * 3 * second.dim) * 64 / 1024)
    sent = point["positions"][second.name]
    assert sent["mean"] == pytest.approx(64 * share) and sent["low"] < sent["mean"] < sent["high"]
    plain = by(found, "code", second.name, bits=8)
    assert plain["mse"] == pytest.approx(by(found, "code", second.name)["mse"], rel=0.02)


def test_a_hybrid_without_rare_codes_costs_what_the_plain_model_does():
    model = make(quantizer="frequency", frequent=8)
    found = measure(model)
    for bits in rates.BITS:
        assert by(found, "code", "detail", bits=bits)["bits_per_pixel"] == pytest.approx(3 * 64 / 1024)


def test_an_mae_sends_its_deepest_layer_alone():
    model = make("mae")
    found = measure(model)
    assert [point["bits"] for point in found["points"]] == [*rates.BITS, None]
    for point in found["points"][:-1]:
        assert point["bits_per_pixel"] == pytest.approx(point["bits"] * 8 * 16 / 1024)
        assert rates.needed(point) == ["block3"]
        assert point["positions"]["block1"]["mean"] == 0 and point["positions"]["block3"]["mean"] == 16
    errors = [point["mse"] for point in found["points"]]
    assert errors[-2] == pytest.approx(errors[-1], rel=0.01)


def test_levels_of_a_vqvae2_with_scales_have_a_point_each():
    model = make("vqvae2", quantizer="projected", levels=2)
    found = measure(model, 4)
    points = {(*point["layers"], point["bits"]): point["bits_per_pixel"] for point in found["points"]}
    assert len(points) == 1 + 9 + 9
    top, bottom = 16, 64  # positions
    assert points["top", None] == pytest.approx(3 * top / 1024)
    assert points["top", "top.scale", "bottom", 2] == pytest.approx((3 * top + 2 * top + 3 * bottom) / 1024)
    everything = ("top", "top.scale", "bottom", "bottom.scale")
    assert points[(*everything, 2)] == pytest.approx(5 * (top + bottom) / 1024)
    assert points[(*everything, None)] is None


def test_quantizers_are_fitted_on_training_images_and_on_nothing_else():
    """The scales of black images are not those of noise: a quantizer that has only seen them is far off."""
    model = make(quantizer="projected")
    held_out = lambda rows: PIXELS[10:][rows]  # noqa: E731
    own = rates.measure(model, held_out, held_out, 20)
    off = rates.measure(model, lambda rows: np.zeros((70, 32, 32, 3), np.uint8)[rows], held_out, 20)
    assert off["train_images"] == 70
    assert by(own, "code", "scale") == by(off, "code", "scale")
    assert by(own, "code", "scale", bits=8)["psnr"] != by(off, "code", "scale", bits=8)["psnr"]
    with pytest.raises(ValueError, match="training images"):
        rates.measure(model, lambda rows: PIXELS[:0], held_out, 20)


def test_the_point_that_stands_for_a_model_has_as_few_bits_as_it_can():
    def at(bits, psnr, layers=("code", "scale")):
        return {"layers": list(layers), "bits": bits, "bits_per_pixel": bits, "psnr": {"mean": psnr}}

    points = [at(None, 20, ["code"]) | {"bits_per_pixel": 9}, at(1, 24), at(2, 29.95), at(3, 29.99), at(None, 30)]
    assert rates.working_point({"points": points})["bits"] == 2
    assert rates.working_point({"points": points}, within=0.02)["bits"] == 3
    assert rates.working_point({"points": points}, within=0.001)["bits"] == 3, "none is near enough"
    assert rates.working_point({"points": points[:1]}) is points[0]


def test_progress_counts_images_and_one_image_has_no_interval():
    told = []
    found = measure(make(), 1, progress=lambda *facts: told.append(facts[:2]))
    assert told == [(0, 1), (0, 1), (1, 1)]
    assert found["points"][0]["psnr"]["low"] is None and found["points"][0]["psnr"]["n"] == 1


def test_what_a_model_decodes_is_scored_on_eight_bits_like_a_codec(monkeypatch):
    seen, real = [], quality.measure
    monkeypatch.setattr(quality, "measure", lambda a, b: seen.append(b) or real(a, b))
    measure(make(), 5)
    assert all(torch.equal((one * 255).round() / 255, one) for one in seen)


def test_the_entropy_of_a_continuous_layer_is_that_of_all_its_channels():
    scores = {name: torch.tensor([0.1, 0.2]) for name in ("mse", "psnr", "ssim")}
    counts = {"z": torch.tensor([[8, 0], [4, 4], [6, 2]])}  # 0, 1 and 0.8113 bits
    point = rates._Point(("z",), 1, {"z": [torch.tensor([4, 4])]}, counts, [scores])
    found = rates._summary(point, {}, 16)
    assert found["entropy_bits_per_pixel"] == pytest.approx(4 * 1.811278 / 16)
    assert found["bits_per_pixel"] == pytest.approx(4 * 3 / 16)
