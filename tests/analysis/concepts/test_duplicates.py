"""Copies are found however they were saved; images that are only alike are none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from explorer.analysis.concepts import duplicates
from explorer.datasets import load

SHOWN = 120


@pytest.fixture(scope="module")
def pictures():
    return load("shapes").read(np.arange(600))


def jpeg(pixels, quality=80):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def resized(pixels):
    small = Image.fromarray(pixels).resize((48, 48), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((64, 64), Image.Resampling.BICUBIC))


COPIES = {
    "the same": lambda one: one,
    "jpeg": jpeg,
    "lighter": lambda one: np.clip(one + 12.0, 0, 255).astype(np.uint8),
    "resized": resized,
    "moved": lambda one: np.pad(one, ((1, 0), (0, 0), (0, 0)), "edge")[:-1],
}


def found(queries, known):
    """(k, 2) pairs that are nearly the same."""
    looks = duplicates.looks(queries), None if known is None else duplicates.looks(known)
    pairs, moved = duplicates.screened(duplicates.candidates(*looks), *looks)
    partners = queries if known is None else known
    near = duplicates.differences(queries[pairs[:, 0]], partners[pairs[:, 1]], moved) <= duplicates.NEAR
    return pairs[near]


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_among_other_images(pictures, kind):
    copies = np.stack([COPIES[kind](one) for one in pictures[:SHOWN]])
    pairs = found(copies, pictures)
    hit = {int(row) for row, partner in pairs if row == partner}
    assert len(hit) >= 0.95 * SHOWN
    assert len(pairs) - len(hit) <= 1, "and hardly anything else"


@pytest.mark.parametrize("kind", COPIES)
def test_a_few_images_are_judged_as_many_are(pictures, kind):
    some = np.concatenate([pictures[:SHOWN], np.stack([COPIES[kind](one) for one in pictures[:SHOWN]])])
    looks = duplicates.looks(some)
    pairs, moved = duplicates.screened(duplicates.candidates(looks), looks)
    near = duplicates.differences(some[pairs[:, 0]], some[pairs[:, 1]], moved) <= duplicates.NEAR
    few = duplicates.differences_among(some, pairs, moved) <= duplicates.NEAR
    assert near.sum() >= 0.9 * SHOWN and (near != few).sum() <= 1


def test_different_images_of_the_same_kind_are_no_copies(pictures):
    assert len(found(pictures, None)) <= 1


def test_mirror_images_are_no_copies(pictures):
    pairs = found(pictures[:SHOWN, :, ::-1], pictures[SHOWN:])
    assert len(pairs) <= 1


def test_plain_and_dark_images_are_no_copies_of_one_another():
    noise = np.random.default_rng(0).normal(0, 2, (40, 32, 32, 3))
    dark = (20 + noise).clip(0, 255).astype(np.uint8)
    assert len(found(dark, None)) == 0


def test_another_colour_or_size_is_no_copy():
    def square(colour, side):
        pixels = np.full((64, 64, 3), 240, np.uint8)
        pixels[20 : 20 + side, 20 : 20 + side] = colour
        return pixels

    one = square((200, 30, 30), 20)
    others = np.stack([square((30, 30, 200), 20), square((200, 30, 30), 24), square((200, 30, 30), 20)])
    differences = duplicates.differences(np.stack([one] * 3), others, np.zeros((3, 2)))
    assert (differences[:2] > duplicates.NEAR).all() and differences[2] < 1e-3


@pytest.mark.parametrize(("count", "side"), [(1, 16), (2, 8), (3, 100)])
def test_few_images_of_any_size_are_no_error(count, side):
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    assert len(found(pixels, None)) == 0
    assert {tuple(pair) for pair in found(pixels, pixels).tolist()} == {(row, row) for row in range(count)}
