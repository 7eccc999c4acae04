import html
import json
import re

import numpy as np
import pytest

from explorer.analysis.usage import by_concept
from explorer.charts import (
    causal_plots,
    code_plots,
    comparison_plots,
    concept_plots,
    curves,
    information_plots,
    plots,
    sample_plots,
    stability_plots,
    wording,
)
from explorer.errors import printable
from explorer.sheets import Chart

EVIL = '<a href="http://evil.example">x</a>'


def test_long_names_are_cut_and_told_in_full():
    long = "bilateral patchy opacities " * 40
    assert len(wording.cut(long)) <= wording.LONG and wording.cut(long).endswith("…")
    lines = wording.whole(long).split("<br>")
    assert len(lines) > 5 and max(map(len, lines)) <= 60 and lines[0].startswith("bilateral patchy")
    assert wording.cut("ü <b>") == "ü &lt;b&gt;" and "<a" not in wording.whole(EVIL)


def test_names_that_are_cut_alike_stay_two():
    ticks = wording.ticks([f"a rather long name of species {n}" for n in range(3)])
    assert ticks["tickvals"] == [0, 1, 2] and len(set(ticks["ticktext"])) == 1


def test_values_on_a_map_are_text_and_short():
    values = np.array([EVIL, "<b>bold</b>", "word " * 100] * 4, object)
    figure = plots.latent_map(np.random.default_rng(0).normal(size=(12, 2)), values, title=EVIL + "%{x}")
    for trace in figure.data:
        assert (
            "<" not in trace.name
            and len(trace.name) < 3 * wording.LONG
            and "<a" not in trace.meta + trace.hovertemplate
        )
    assert "<" not in figure.layout.legend.title.text and figure.layout.legend.maxheight <= 0.3
    assert any(trace.meta.count("word") == 100 for trace in figure.data), "all of it where it is pointed at"


def test_rows_of_a_heat_map_are_text_and_short():
    codes = np.arange(24).reshape(12, 2, 1) % 4
    names = [EVIL, "note " * 60]
    usage = by_concept(codes, np.array([names[n % 2] for n in range(12)], object), 4)
    figure = code_plots.concept_heatmap(usage, usage.share, np.arange(len(usage.codes)), signed=False)
    shown = figure.layout.yaxis.ticktext
    assert len(shown) == 2 and not any("<" in name for name in shown) and max(map(len, shown)) < 40
    assert any(row[0][2].count("note") == 60 for row in figure.data[0].customdata)


# ------------------------------------------------------------------------------- names as files of strangers have them

NAMES = [
    EVIL, "<b>bold<b>", "<span style='x'>", "&amp; &lt;b&gt;", "$x^2$", "%{x} %{customdata[0]}", "a\nb\tc",
    "\u202egnp.exe", "\x1b[31mred", "letters " * 1250, "=cmd|calc!A0", "<br>", "</extra>x",
]  # fmt: skip


def seen(text):
    """What plotly shows of a text: its tags are gone, its entities are letters."""
    return html.unescape(re.sub(r"<[^<>]*>", "", text.replace("<br>", " ")))


def texts(value):
    """All strings of a figure's JSON that may be shown."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (one for key, each in value.items() if key != "uirevision" for one in texts(each))
    elif isinstance(value, list):
        yield from (one for each in value for one in texts(each))


def pairs(name):
    cell = {"value": 0.5, "low": 0.4, "high": 0.6, "null": 0.1}
    return comparison_plots.layers([{"a": name, "b": name, "cka": cell}], "cka", (name, name), (name, name))


def judged(name):
    row = {"concept": name, "layer": name, "above": 1, "score": 1.0, "word": "w", "said": name, "verdict": name}
    return concept_plots.verdicts([row], {}, (name, name))


def told(name):
    row = {"bits": 1, "low": 0, "high": 2, "chance": 0, "chance_high": 1, "n": 9, "q": 0.01, "layer": name, "by": name}
    return information_plots.bits([row], title="bits", by="by")


def agreed(name):
    one = {"mean": 0.5, "low": 0.4, "high": 0.6, "null": 0.1}
    return stability_plots.agreement([{"layer": name, "other": name, **dict.fromkeys(stability_plots.METRICS, one)}])


def listed(name):
    row = {"label": name, "mean": 1, "low": 0, "high": 2, "null": 0, "null_low": 0, "null_high": 1}
    return causal_plots.beside_null([row], "x")


def read_as(name):
    return sample_plots.read_as({"a": [[1]]}, [name], name)


def mapped(name):
    return plots.latent_map(np.zeros((3, 2)), np.array([name] * 3, object), title=name)


def trained(name):
    lines = [
        {"step": n, **{f"{kind}.{one}": 1.0 for kind in ("perplexity", "used") for one in (name, "b")}} for n in (1, 2)
    ]
    return curves.figures(lines)[curves.CODES]


DRAWN = [pairs, judged, told, agreed, listed, read_as, mapped, trained]


@pytest.mark.parametrize("drawn", DRAWN)
def test_what_a_chart_shows_of_a_name_is_the_name(drawn):
    for name in NAMES:
        figure = Chart("c", lambda theme, name=name: drawn(name), "").drawn("light")
        found = list(texts(json.loads(figure.to_json())))
        shown = [seen(one) for one in found]
        start = printable(" ".join(name.split()))[:10].split("{")[0].rstrip()
        assert any(start in one for one in shown), (name[:20], shown)
        for one in found:
            assert not re.search(r"<(?!/?(b|br|extra)>)[a-z/]", one) and "<b>bold" not in one, one[:200]
            assert "$" not in one and "\x1b" not in one and "\u202e" not in one and len(one) <= 5_000, one[:200]


def test_templates_of_charts_stay_as_they_are():
    figure = plots.latent_map(np.zeros((3, 2)), np.array([1.0, 2, 3]), kind="continuous", title="PSNR (dB)")
    before = json.loads(figure.to_json())
    assert json.loads(Chart("c", lambda theme: figure, "").drawn("light").to_json()) == before
