"""Intervals of entropy and perplexity: by hand, how often they hold, and when there are too few images for one."""

import numpy as np
import pytest

from explorer.analysis import jackknife, usage


def test_by_hand():
    # 0 1 | 0 1 | 0 0: H(4, 2) = 0.9183; without an image H(3, 1) = 0.8113 twice, H(2, 2) = 1
    found = jackknife.entropy_interval(np.array([[[0, 1]], [[0, 1]], [[0, 0]]]), 2)
    left_out = np.array([0.811278, 0.811278, 1.0])
    middle = 3 * 0.918296 - 2 * left_out.mean()
    half = 4.302653 * np.sqrt(2 / 3 * np.square(left_out - left_out.mean()).sum())
    assert found.low == pytest.approx(max(middle - half, 0), abs=1e-4) and found.high == 1 and found.enough
    assert found.alone == 0


def test_the_share_of_tokens_that_one_image_alone_has_by_hand():
    codes = np.array([[[0, 0, 1]], [[0, 2, 2]], [[0, 0, 0]]])  # codes 1 and 2, three of nine tokens
    found = jackknife.entropy_interval(codes, 4)
    assert found.alone == pytest.approx(3 / 9) and not found.enough and np.isnan(found.high)
    assert found.low <= float(usage.entropy_bits(np.array([6, 1, 2]))), "at least, and never more than what was seen"


def draw(codes: np.ndarray, images: int, seed: int) -> np.ndarray:
    """Images with replacement."""
    return codes[np.random.default_rng(seed).integers(0, len(codes), images)]


@pytest.fixture(scope="module")
def world():
    """3,000 images of 16 tokens that come in pairs, with 256 codes of which few are common."""
    generator = np.random.default_rng(0)
    share = 1 / np.arange(1, 257)
    return np.repeat(generator.choice(256, (3000, 8), p=share / share.sum()), 2, axis=1).reshape(3000, 4, 4)


@pytest.mark.parametrize("images", [20, 60, 150, 500])
def test_an_interval_holds_95_times_of_100_or_says_that_there_are_too_few_images(world, images):
    truth = float(usage.entropy_bits(usage.count_tokens(world, 256)))
    found = [jackknife.entropy_interval(draw(world, images, seed), 256) for seed in range(200)]
    given = [one for one in found if one.enough]
    if given:
        assert 0.91 <= np.mean([one.low <= truth <= one.high for one in given]) <= 0.99
    assert all(np.isnan(one.high) for one in found if not one.enough)
    assert np.mean([one.low <= truth for one in found]) >= 0.94, "the lower end holds even then"
    assert (len(given) == 0) if images == 20 else True
    assert (len(given) == 200) if images == 500 else True


def test_tokens_that_come_in_pairs_are_not_taken_for_independent(world):
    codes = draw(world, 500, 0)
    of_images = jackknife.entropy_interval(codes, 256)
    of_tokens = jackknife.entropy_interval(codes.reshape(-1, 1, 1), 256)
    assert of_images.high - of_images.low > 1.2 * (of_tokens.high - of_tokens.low)


def test_more_images_than_groups_are_left_out_in_groups(world, monkeypatch):
    each = jackknife.entropy_interval(world[:600], 256)
    monkeypatch.setattr(jackknife, "GROUPS", 100)
    grouped = jackknife.entropy_interval(world[:600], 256)
    assert grouped == jackknife.entropy_interval(world[:600], 256), "always the same groups"
    assert (grouped.low, grouped.high) == pytest.approx((each.low, each.high), abs=0.02)


def test_ends_for_scripts_and_for_people():
    one = jackknife.perplexity_interval(np.zeros((1, 2, 2), int), 4)
    assert one.worded() == "one image, no interval" and one.ends("perplexity")["perplexity_low"] is None
    same = jackknife.perplexity_interval(np.zeros((5, 2, 2), int), 4)
    assert same.worded() == "95 %: 1.0 – 1.0"
    few = jackknife.perplexity_interval(np.arange(12).reshape(3, 2, 2), 16)
    assert few.worded() == f"at least {few.low:.1f}; too few images"
    assert few.ends("perplexity") == {
        "perplexity_low": few.low, "perplexity_high": None, "seen_once": 1.0, "enough_images": False,
    }  # fmt: skip


def test_what_it_is_at_least_is_never_more_than_what_was_seen():
    generator = np.random.default_rng(0)
    for _ in range(20):  # all codes about even and mostly seen once: what is corrected is far above
        codes = generator.permutation(4000)[:400].reshape(20, 4, 5)
        found = jackknife.entropy_interval(codes, 4000)
        assert not found.enough and found.low <= float(usage.entropy_bits(usage.count_tokens(codes, 4000)))
