"""What is packed into a page comes back as it was, and what two figures share is there once."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import string

from explorer.sheets import html, packing

LETTERS = random.Random(0).choices(string.ascii_letters, k=90_000)
FIGURE = {"x": {"bdata": "".join(LETTERS)}, "title": "it's <b> & more"}


def unpacked(text: str):
    return json.loads(gzip.decompress(base64.b64decode(text)))


def page(**figures: dict) -> str:
    told = "".join(f" data-{theme}='{html.attribute(json.dumps(one))}'" for theme, one in figures.items())
    return f'<div class="cx-chart"{told} data-go="1"></div>'.replace('"bdata": ', '"bdata":')


def test_a_large_figure_comes_back_to_the_letter_and_the_rest_of_the_page_stays():
    left, large = packing.taken_out(page(light=FIGURE, dark=FIGURE | {"paper": "black"}))
    numbers, figures = unpacked(large)
    places = json.loads(re.search(r"data-packed='([^']*)'", left)[1])
    back = {
        theme: json.loads(re.sub(r'"bdata":"#(\d+)"', lambda one: f'"bdata":"{numbers[int(one[1])]}"', figures[at]))
        for theme, at in places.items()
    }
    assert back == {"light": FIGURE, "dark": FIGURE | {"paper": "black"}}
    assert len(numbers) == 1 and len(large) < 1.3 * 90_000, "numbers that both figures have are there once"
    assert left.startswith('<div class="cx-chart" data-packed=') and left.endswith(' data-go="1"></div>')


def test_a_small_page_stays_as_it_is():
    small = page(light={"x": 1})
    left, large = packing.taken_out(small)
    assert left == small and unpacked(large) == [[], []]
