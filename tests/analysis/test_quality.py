"""Reconstruction quality: perfect, useless and hand-computed cases."""

import numpy as np
import pytest
import torch

from explorer.analysis import quality


@pytest.fixture
def images():
    return torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_a_copy_is_perfect(images):
    found = quality.measure(images, images.clone())
    assert found["mse"].tolist() == [0] * 5
    assert found["psnr"].tolist() == [100] * 5
    assert found["ssim"].tolist() == pytest.approx([1] * 5)
    assert quality.error_map(images, images).max() == 0


def test_noise_is_useless(images):
    other = torch.rand(images.shape, generator=torch.Generator().manual_seed(1))
    found = quality.measure(images, other)
    assert found["psnr"].max() < 9
    assert found["ssim"].abs().max() < 0.25


def test_by_hand():
    black = torch.zeros(2, 3, 12, 12)
    grey = torch.stack([torch.full((3, 12, 12), 0.1), torch.full((3, 12, 12), 0.5)])
    found = quality.measure(black, grey)
    assert found["mse"].tolist() == pytest.approx([0.01, 0.25])
    assert found["psnr"].tolist() == pytest.approx([20, 6.0206], abs=1e-4)
    # constant images: SSIM = (2ab + C1) / (a² + b² + C1), C1 = 0.0001
    assert found["ssim"].tolist() == pytest.approx([1e-4 / (0.01 + 1e-4), 1e-4 / (0.25 + 1e-4)], rel=1e-3)
    assert quality.psnr_of_mean(found["mse"]) == pytest.approx(-10 * np.log10(0.13), abs=1e-5)
    assert quality.psnr_of_mean(found["mse"]) < float(found["psnr"].mean())


def test_each_image_is_scored_alone(images):
    broken = images.clone()
    broken[3] = 0
    found = quality.measure(images, broken)
    assert (found["psnr"][[0, 1, 2, 4]] == 100).all() and found["psnr"][3] < 10
    one = quality.ssim(images[3:4], broken[3:4])
    assert one.shape == (1,) and one[0] == pytest.approx(float(found["ssim"][3]), abs=1e-6)


def test_ssim_agrees_with_torchmetrics(images):
    from torchmetrics.functional.image import structural_similarity_index_measure

    for side in (8, 16):
        a = images[..., :side, :side]
        b = (a * 0.8 + 0.2 * torch.rand(a.shape, generator=torch.Generator().manual_seed(2))).clamp(0, 1)
        sigma = 1.5 * min(1, side / 11)
        expected = structural_similarity_index_measure(a, b, sigma=sigma, data_range=1.0, reduction="none")
        assert quality.ssim(a, b).tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_cropped_ssim_is_that_of_the_paper(images):
    from scipy.signal import convolve2d

    other = (images * 0.8 + 0.2 * torch.rand(images.shape, generator=torch.Generator().manual_seed(2))).clamp(0, 1)
    line = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = np.outer(line, line) / line.sum() ** 2

    def by_hand(a, b):
        mean_a, mean_b, aa, bb, ab = (convolve2d(x, window, "valid") for x in (a, b, a * a, b * b, a * b))
        means = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
        return means * (2 * (ab - mean_a * mean_b) + 9e-4) / (aa - mean_a**2 + bb - mean_b**2 + 9e-4)

    pairs = zip(images.double().numpy(), other.double().numpy(), strict=True)
    expected = [np.mean([by_hand(*channels) for channels in zip(a, b, strict=True)]) for a, b in pairs]
    found = quality.measure(images, other)
    assert found["ssim_cropped"].tolist() == pytest.approx(expected, abs=1e-5)
    assert (found["ssim_cropped"] - found["ssim"]).abs().max() > 1e-3
    assert quality.measure(images[..., :10], other[..., :10])["ssim_cropped"].isnan().all()


@pytest.mark.parametrize("side", [1, 5, 8, 10, 28])
def test_small_images_have_an_ssim(side):
    images = torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(0))
    assert quality.ssim(images, images).tolist() == pytest.approx([1] * 3)
    assert quality.ssim(images, 1 - images).max() < 0.9


def test_error_map_by_hand():
    image = torch.zeros(1, 3, 2, 2)
    image[0, :, 0, 1] = torch.tensor([0.3, 0.0, 0.6])
    assert quality.error_map(image, torch.zeros_like(image))[0].flatten().tolist() == pytest.approx([0, 0.3, 0, 0])


def test_shapes_must_agree(images):
    with pytest.raises(ValueError, match="must both be"):
        quality.mse(images, images[:3])


def test_summary_by_hand():
    # mean 2, standard error 1 / sqrt(3), t(0.975, 2) = 4.3027
    found = quality.summary(np.array([1.0, 2.0, 3.0]))
    assert (found.mean, found.median, found.n) == (2, 2, 3)
    assert found.low == pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-3)
    assert found.high == pytest.approx(2 + 4.3027 / 3**0.5, abs=1e-3)


def test_summary_of_one_none_and_equal_scores():
    assert quality.summary(torch.tensor([4.0, 4.0])).low == 4
    one = quality.summary([4.0])
    assert one.mean == 4 and np.isnan(one.low) and one.n == 1
    assert quality.summary([]).n == 0 and np.isnan(quality.summary([]).mean)
    with pytest.raises(ValueError, match="1 of 2 scores"):
        quality.summary([1.0, np.nan])


def test_summary_covers_the_truth():
    drawn = np.random.default_rng(0).normal(5, 2, (300, 10))
    hits = sum(found.low <= 5 <= found.high for found in map(quality.summary, drawn))
    assert 270 <= hits <= 297


def test_the_interval_of_few_images_is_called_rough_and_one_image_has_none():
    scores = np.linspace(20, 30, 30)
    assert quality.between(quality.interval(scores), 1).startswith("95 %: ")
    assert quality.between(quality.interval(scores[:5]), 1).startswith("about 95 %: ")
    assert "[about " in quality.worded(quality.interval(scores[:5]), 1)
    assert quality.between(quality.interval(scores[:1]), 1) == "one image, no interval"
