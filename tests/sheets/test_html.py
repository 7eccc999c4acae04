"""Sheets as HTML: whatever is said in them stays text, everything has words, headings follow in order."""

from __future__ import annotations

import base64
import io
import json
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from PIL import Image

from explorer import sheets
from explorer.sheets import html, scatter

ATTACK = "<script>alert(1)</script> & \"quoted\" 'too' {{ x }} ${y} onerror=x.png"
VOID = {"img", "input", "br"}


class Parsed(HTMLParser):
    """What a browser would make of it: tags, attributes and texts in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, "something is not closed"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


PIXELS = np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)
FRAME = pd.DataFrame({"code": [3, 1, 2], "share": [0.5, 0.25, np.nan], "name": [ATTACK, "b", None]})
COLUMNS = {
    "patch": sheets.Column(ATTACK, ATTACK), "code": sheets.Column("Code"),
    "share": sheets.Column("Share", "", "percent"), "name": sheets.Column("Name"),
}  # fmt: skip
TO = sheets.Go(carried={"code": "{point}"})


def figure(theme):
    return go.Figure(go.Scatter(x=[1, 2], y=[1, 2], text=[ATTACK, theme]))


def grid(code=None, opacity=1.0):
    notes = [[ATTACK, "b"], ["c", "d"]]
    colours = np.array([[255, 0, 0], [0, 255, 0]], np.uint8)
    codes = np.array([[0, 1], [1, 0]])
    lead = sheets.Go(carried={"code": "{point}", "cell": "{row},{column}"})
    return sheets.CodeMap("map", codes, colours, notes, ATTACK, ATTACK, code, go=lead, opacity=opacity, behind=PIXELS)


BLOCKS = {
    "heading": sheets.Heading(ATTACK, ATTACK, lambda: FRAME, ATTACK),
    "note": sheets.Note(ATTACK, "warning", ATTACK),
    "cards": sheets.Cards([sheets.Card(ATTACK, ATTACK, ATTACK, ATTACK)]),
    "pictures": sheets.Pictures(ATTACK, [sheets.Picture(PIXELS, ATTACK, ATTACK, ATTACK, ATTACK, TO)], archive=ATTACK),
    "code map": grid(),
    "piece": sheets.Piece("piece", "canvas", {"said": ATTACK}, ATTACK, TO, lambda message: message),
    "chart": sheets.Chart(ATTACK, figure, ATTACK, TO),
    "table": sheets.Table(
        ATTACK, FRAME, COLUMNS, {"patch": lambda shown: np.zeros((len(shown), 4, 4, 3), np.uint8)}, TO, "code"
    ),
    "link": sheets.Link(ATTACK, ATTACK, sheets.Go("codebook", {"concept": ATTACK})),
    "download": sheets.Download(ATTACK, ATTACK, lambda: ATTACK, ATTACK),
    "missing": sheets.Missing("map", None, ATTACK, ATTACK),
    "row": sheets.Row([[sheets.Note(ATTACK)], [sheets.Note("b")]]),
    "part": sheets.Part(ATTACK, [sheets.Note(ATTACK)]),
    "later": sheets.Later(lambda: [sheets.Note(ATTACK)]),
    "drop": sheets.Drop(),
    "choose": sheets.Choose(),
    "name": sheets.Name("code", 7),
    "act": sheets.Act("act", ATTACK, "delete", lambda: ATTACK, ATTACK, ATTACK),
    "receive": sheets.Receive("receive", ATTACK, ("csv",), lambda name, data: ATTACK, ATTACK),
    "gather": sheets.Gather("these", np.arange(3)),
    "more": sheets.More(ATTACK, [sheets.Note(ATTACK)]),
}  # fmt: skip
BLOCKS["scatter"] = scatter.Scatter(
    ATTACK, scatter.pack(np.array([[0, 0], [1, 2], [3, 1]], np.float32)), (ATTACK, ATTACK),
    lambda theme: scatter.Colouring(np.array([0, 0, 1], np.uint8), PIXELS[0][:2], ATTACK, [(0, ATTACK, 2)]),
    ATTACK, lambda point: [ATTACK], go=TO,
)  # fmt: skip
BLOCKS["strips"] = sheets.Strips(
    ATTACK, [sheets.Strip([sheets.Picture(PIXELS, ATTACK, alt=ATTACK)], ATTACK, ATTACK, [BLOCKS["link"]])]
)


def drawn(*blocks, **paper):
    return html.draw(blocks, html.Paper(lambda block: "", **paper))


@pytest.mark.parametrize("leads", [True, False])
@pytest.mark.parametrize("name", BLOCKS)
def test_all_text_is_escaped_and_reads_as_it_was_written(name, leads):
    text = drawn(BLOCKS[name], leads=leads, views=("codebook",))
    found = Parsed(text)
    assert "<script" not in text and not found.all("script")
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    if name not in ("act", "chart", "choose", "drop", "gather", "name", "receive"):
        assert any(ATTACK in one for one in [*found.texts, *(value for _, at in found.tags for value in at.values())])


def test_every_kind_of_block_is_drawn():
    kinds = {type(block) for block in BLOCKS.values()} | {sheets.Controls}
    assert kinds == set(html.DRAWN) == set(sheets.Block.__args__)


def test_pictures_come_back_to_the_bit_with_words_for_those_who_cannot_see_them():
    pictures = [sheets.Picture(PIXELS, "Original", "64 px"), sheets.Picture(PIXELS, alt="a")]
    found = Parsed(drawn(sheets.Pictures("p", pictures)))
    data = found.all("img")[0]["src"].partition(",")[2]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")), PIXELS)
    assert [one["alt"] for one in found.all("img")] == ["Original", "a"] and found.texts == ["Original", "64 px"]


def test_headings_follow_in_order_and_help_is_no_part_of_them():
    text = drawn(sheets.Heading("Use", "what it is"), sheets.Row([[sheets.Heading("Inner")]]), level=2)
    found = Parsed(text)
    assert [tag for tag, _ in found.tags if tag[0] == "h"] == ["h2", "h2"]
    assert text.index("</h2>") < text.index("what it is")
    assert [one["aria-label"] for one in found.all("span") if one.get("class") == "cx-help"] == ["what it is"]


def test_a_click_tells_what_it_carries_only_where_somebody_listens():
    table, silent = Parsed(drawn(BLOCKS["table"], leads=True)), Parsed(drawn(*BLOCKS.values()))
    told = [json.loads(one["data-go"]) for one in table.all("button")]
    assert told == [{"view": None, "carried": {"code": str(code)}} for code in (3, 1, 2)]
    assert not [attributes for _, attributes in silent.tags if "data-go" in attributes]
    assert not silent.all("a") or all(not one["href"].startswith("#") for one in silent.all("a")), "nowhere to go"
    assert Parsed(drawn(BLOCKS["link"], views=("codebook",))).all("a")[0]["href"] == "#codebook"
    cells = Parsed(drawn(grid(1), leads=True)).all("div")[0]
    carried = json.loads(cells["data-go"])["carried"]
    assert carried == {"code": "{point}", "cell": "{row},{column}"}, "filled in where the click was"
    sent = json.loads(cells["data-map"])
    assert (sent["codes"], sent["notes"], sent["code"]) == ([[0, 1], [1, 0]], [[ATTACK, "b"], ["c", "d"]], 1)
    leads = sheets.Chart("c", figure, "", lambda point: TO)
    assert json.loads(Parsed(drawn(leads, leads=True)).all("div")[0]["data-go"]) == {"chart": "c"}
    assert "data-go" not in drawn(leads)


def test_a_chart_is_there_for_each_theme_that_is_asked_for():
    both, dark = Parsed(drawn(BLOCKS["chart"])).all("div")[0], Parsed(drawn(BLOCKS["chart"], themes=("dark",)))
    for theme in ("light", "dark"):
        text = json.loads(both[f"data-{theme}"])["data"][0]["text"]
        assert "<" not in text[0] and [unescape(one) for one in text] == [ATTACK, theme], "as plotly shows it"
    assert "data-light" not in dark.all("div")[0] and both["role"] == "img" and both["aria-label"] == ATTACK


def test_a_table_says_its_numbers_as_its_columns_ask_and_how_many_rows_are_left_out():
    found = Parsed(drawn(BLOCKS["table"]))
    told = [text for text in found.texts if text[:1].isdigit() or text == "–"]
    assert told == ["3", "50.0%", "1", "25.0%", "2", "–", "–"], "what is not known is a dash"
    long = pd.DataFrame({"code": np.arange(1234)})
    text = drawn(sheets.Table("t", long, {"code": sheets.Column("Code", "", "localized")}))
    assert "The first 100 of 1,234 rows." in text and text.count("<tr>") == 101


def test_a_table_too_large_for_a_page_is_named_with_its_size_and_left_out():
    small, large = (sheets.Download("CSV", "a.csv", lambda n=n: b"0" * n, "All.") for n in (1_000, 3_000_000))
    assert Parsed(drawn(small)).all("a")[0]["download"] == "a.csv"
    text = drawn(large)
    assert len(text) < 1_000 and "CSV: 3 MB, only in the app" in text and not Parsed(text).all("a")
