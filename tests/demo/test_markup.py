"""Pieces of HTML: whatever is said in them stays text, and pictures stay what they are."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from explorer.demo import markup

ATTACK = "<script>alert(1)</script> & \"quoted\" 'too' onerror=x"
COLOUR = np.array([255, 0, 16], np.uint8)


class Parsed(HTMLParser):
    """What a browser would make of it: tags, attributes and texts in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append(dict(attributes))
        if tag not in ("img", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)


def decoded(url):
    kind, _, data = url.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data, validate=True))))


@pytest.mark.parametrize(
    "html",
    [
        markup.figures([(np.zeros((2, 2, 3), np.uint8), ATTACK, ATTACK)], named=ATTACK),
        markup.figures([(np.zeros((2, 2, 3), np.uint8), "", ATTACK)]),
        markup.cards([(ATTACK, ATTACK, ATTACK, ATTACK)]),
        markup.heading(ATTACK, ATTACK),
        markup.note(ATTACK),
        markup.note(ATTACK, warning=True),
    ],
    ids=["figures", "figures without a title", "cards", "heading", "note", "warning"],
)
def test_all_text_is_escaped(html):
    found = Parsed(html)
    assert "<script" not in html and "script" not in found.tags and not found.open
    assert ATTACK in found.texts, "it reads as it was written"
    assert set().union(*found.attributes) <= {"class", "style", "src", "alt", "tabindex", "role", "aria-label"}


def test_figures_show_the_pictures_with_their_words(image):
    found = Parsed(markup.figures([(image, "Original", "64 px"), (255 - image, "", "note")], 96, named="mine"))
    pictures = [values for tag, values in zip(found.tags, found.attributes, strict=True) if tag == "img"]
    assert np.array_equal(decoded(pictures[0]["src"]), image) and np.array_equal(
        decoded(pictures[1]["src"]), 255 - image
    )
    assert [one["alt"] for one in pictures] == ["Original", "note"], (
        "every picture has words for those who cannot see it"
    )
    assert found.texts == ["Original", "64 px", "note"] and found.tags.count("b") == 1
    assert found.attributes[0] == {"class": "cx-figures mine", "style": "--cell:96px"}
    assert Parsed(markup.figures([])).tags == ["div"]


def test_cards_carry_their_help_only_where_there_is_one():
    found = Parsed(markup.cards([("PSNR", "27.1 dB", "n = 5", "higher is better"), ("Codes", "12", "", "")]))
    assert found.texts == ["PSNR", "?", "higher is better", "27.1 dB", "n = 5", "Codes", "12"]
    helps = [one for one in found.attributes if one.get("class") == "cx-help"]
    assert len(helps) == 1 and helps[0]["aria-label"] == "higher is better" and helps[0]["tabindex"] == "0"
    assert "cx-help" not in markup.heading("Codes") and "cx-help" in markup.heading("Codes", "what they are")


def test_a_warning_looks_different():
    assert "cx-warning" in markup.note("careful", warning=True) and "cx-warning" not in markup.note("careful")


@pytest.mark.parametrize(
    ("part", "of", "says"),
    [
        (1, 5000, "all 5,000"),
        (0, 5000, "none of the 5,000"),
        (0.998, 5000, "99.8% of the 5,000"),
        (0.5, 10, "50.0% of the 10"),
        (0.25, 1, "25.0% of the 1"),
    ],
)
def test_shares_in_words(part, of, says):
    assert markup.share(part, of) == says


def test_a_swatch_has_the_colour_of_its_code():
    assert "background:#ff0010" in markup.swatch(COLOUR) and Parsed(markup.swatch(COLOUR)).open == []


@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (64, 64)])
def test_pictures_come_back_to_the_bit(shape):
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    assert np.array_equal(decoded(markup.url(image)), image)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(markup.png(image)))), image)
    assert np.array_equal(decoded(markup.url(image[::-1, ::-1])), image[::-1, ::-1]), "also where it is a view"


def test_the_mark_is_a_picture_without_words():
    found = Parsed(markup.MARK)
    assert found.tags[0] == "svg" and found.tags.count("rect") == 9 and not found.texts and not found.open
