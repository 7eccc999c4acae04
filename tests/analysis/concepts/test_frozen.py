"""A probe that is fitted once."""

import numpy as np
import pytest

from explorer.analysis.concepts import frozen
from explorer.analysis.concepts.values import Concept

INDEX = np.random.default_rng(0).integers(0, 3, 90)
COLOUR = Concept("colour", INDEX, ("red", "green", "blue"))


def test_a_bag_has_length_1_and_forgets_places():
    bags = frozen.bags(np.array([[[0, 1], [1, 1]], [[1, 1], [1, 0]]]), 4)
    np.testing.assert_allclose(bags.toarray(), [[0.5, 0.75**0.5, 0, 0]] * 2)


def test_codes_that_tell_are_told_on_other_images():
    codes = np.stack([INDEX, np.full(90, 5)], 1)[:, None]
    probe = frozen.fit(frozen.bags(codes[:60], 8), [COLOUR.of(np.arange(60))])
    assert (probe.values(frozen.bags(codes[60:], 8))[0] == INDEX[60:]).all()


def test_codes_that_say_nothing_are_chance():
    rng = np.random.default_rng(1)
    index = rng.integers(0, 2, 2_000)
    codes = rng.integers(0, 8, (2_000, 1, 4))
    probe = frozen.fit(frozen.bags(codes[:500], 8), [Concept("coin", index[:500], ("a", "b"))])
    right = (probe.values(frozen.bags(codes[500:], 8))[0] == index[500:]).mean()
    assert right == pytest.approx(0.5, abs=0.05)


def test_a_concept_that_some_images_lack_does_not_disturb_the_others():
    codes = INDEX[:, None, None]
    partly = Concept("colour", np.where(np.arange(90) < 30, -1, INDEX), COLOUR.values)
    never = Concept("nothing", np.full(90, -1), ("a", "b"))
    probe = frozen.fit(frozen.bags(codes, 3), [partly, never, COLOUR])
    first, nothing, last = probe.values(frozen.bags(codes, 3))
    assert (first == INDEX).all() and (last == INDEX).all() and (nothing == 0).all()


def test_a_value_that_no_fitted_image_has_is_never_said():
    codes = INDEX[:, None, None]
    two = INDEX < 2
    probe = frozen.fit(frozen.bags(codes[two], 3), [COLOUR.of(np.flatnonzero(two))])
    assert set(probe.values(frozen.bags(codes, 3))[0]) == {0, 1}
