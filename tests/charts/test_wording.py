import numpy as np

from explorer.analysis.usage import by_concept
from explorer.charts import code_plots, plots, wording

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
