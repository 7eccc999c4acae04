"""Colours of very many points: at most 256, the palette and the scale of the other maps, and a legend that adds up."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.charts.plots import PALETTES, THEMES
from explorer.charts.scatter_colours import NAMED, colouring


def rgb(text):
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_most_frequent_values_have_the_first_colours_and_the_rest_are_grey(theme):
    values = np.array([0, 1, 0, 3, 0, 1, 2], np.uint8)
    found = colouring(values, "discrete", "shape", ("b", "a", "c"), theme=theme)
    assert found.names == [(0, "b", 3), (1, "a", 2), (2, "c", 1), (4, "no value", 1)]
    assert found.kinds.tolist() == [0, 1, 0, 4, 0, 1, 2] and found.kinds.dtype == np.uint8
    assert found.palette[:3].tolist() == [rgb(one) for one in PALETTES[theme][:3]]
    assert found.palette[4].tolist() == rgb(THEMES[theme]["rest"]) and not found.ends


def test_of_many_values_the_rare_ones_are_told_together():
    values = np.array([number for number in range(500) for _ in range(500 - number)], np.uint16)
    found = colouring(values, "discrete", "class", [str(number) for number in range(500)])
    assert len(found.names) == NAMED and found.names[0] == (0, "0", 500)
    assert found.names[-1][1] == f"other ({500 - NAMED + 1} values)"
    assert sum(count for *_, count in found.names) == len(values)
    own = [tuple(one) for one in found.palette[: NAMED - 1].tolist()]
    assert len(set(own)) == NAMED - 1 and tuple(rgb(THEMES["light"]["rest"])) not in own


def test_numbers_run_from_dark_to_light_and_unknown_ones_are_grey():
    found = colouring(np.array([1.0, 3.0, 2.0, np.nan]), "continuous", "PSNR (dB)")
    assert found.kinds.tolist() == [0, 254, 127, 255] and list(found.ends) == ["1", "2", "3"] and found.steps == 255
    assert found.names == [(255, "no value", 1)]
    light = found.palette[:255].astype(int) @ [2, 5, 1]
    assert (np.diff(light) >= -4).all() and light[-1] > 4 * light[0], "lighter and lighter"
    assert len(found.palette) == 256
    assert colouring(np.full(3, 5.0), "continuous", "x").kinds.tolist() == [0, 0, 0]


@pytest.mark.parametrize("codes", [256, 5_000])
def test_codes_have_their_own_colours_or_nearly(codes):
    generator = np.random.default_rng(0)
    colours, values = generator.integers(0, 256, (codes, 3)).astype(np.uint8), generator.integers(0, codes, 20_000)
    found = colouring(values, "code", "code", colours=colours)
    assert len(found.palette) <= 256
    away = np.abs(found.palette[found.kinds].astype(int) - colours[values]).max(1)
    assert away.max() == 0 if codes == 256 else away.max() < 44
