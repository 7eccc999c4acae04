"""Charts carry their data, axis titles and counts, in both themes."""

import numpy as np
import pytest

from explorer.analysis import quality, selection
from explorer.charts import code_plots, map_plots, plots


@pytest.fixture(params=["light", "dark"])
def theme(request):
    return request.param


def looks_right(figure, theme):
    layout = figure.layout
    assert layout.font.color == plots.THEMES[theme]["text"]
    assert layout.paper_bgcolor == layout.plot_bgcolor == plots.CLEAR
    assert layout.uirevision
    titles = [axis.title.text for axis in [*figure.select_xaxes(), *figure.select_yaxes()]]
    assert titles and all(titles)
    assert len(figure.to_json()) < 100_000


def test_quality_histogram_counts_every_image(theme):
    values = np.random.default_rng(0).normal(27, 2, 500)
    figure = plots.quality_histogram(
        values, quality.summary(values), "PSNR of one image (dB)", baseline=14.2, theme=theme
    )
    looks_right(figure, theme)
    assert figure.data[0].y.sum() == 500
    notes = [note.text for note in figure.layout.annotations]
    assert notes[0].startswith(f"mean {values.mean():.4g} ±") and notes[1] == "mean training image 14.2"
    assert "(dB)" in figure.layout.xaxis.title.text and "500" in figure.layout.yaxis.title.text
    interval = next(shape for shape in figure.layout.shapes if shape.type == "rect")
    assert interval.x0 < values.mean() < interval.x1


@pytest.mark.parametrize("values", [np.ones(4), np.array([3.0])])
def test_quality_histogram_of_equal_scores(values):
    figure = plots.quality_histogram(values, quality.summary(values), "SSIM of one image")
    assert figure.data[0].y.sum() == len(values)


def test_empty_charts_say_so():
    nothing = plots.quality_histogram(np.empty(0), quality.summary([]), "PSNR (dB)")
    assert "no image" in nothing.layout.annotations[0].text
    assert "no points" in plots.latent_map(np.empty((0, 2))).layout.annotations[0].text


def test_map_by_concept_keeps_rows(theme):
    places = np.random.default_rng(0).normal(size=(60, 2))
    values = np.array(["a"] * 30 + ["b"] * 20 + [None] * 10, object)
    rows = np.arange(60) + 1000
    figure = plots.latent_map(places, values, title="shape", rows=rows, theme=theme)
    looks_right(figure, theme)
    traces = {trace.name: trace for trace in figure.data}
    assert [trace.name for trace in figure.data] == ["no value", "a", "b"]
    assert traces["b"].customdata.tolist() == list(range(1030, 1050))
    assert traces["b"].x == pytest.approx(places[30:50, 0]) and traces["b"].x.dtype == np.float32
    assert traces["a"].marker.color != traces["b"].marker.color
    assert figure.layout.yaxis.scaleanchor == "x" and figure.layout.legend.title.text == "shape"


def test_map_with_many_values_keeps_all_points():
    values = np.arange(200) % 40
    figure = plots.latent_map(np.zeros((200, 2)), values, title="class")
    assert sum(len(trace.x) for trace in figure.data) == 200
    assert figure.data[0].name == "other (21 values)" and len(figure.data) == 20
    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data}
    assert len(looks) == 20
    assert len({trace.marker.color for trace in figure.data[1:11]}) == 10, "ten classes can be told apart by colour"


def test_map_by_a_number_and_by_code(theme):
    places = np.random.default_rng(0).normal(size=(50, 2))
    figure = plots.latent_map(places, np.arange(50.0), kind="continuous", title="PSNR (dB)", theme=theme)
    looks_right(figure, theme)
    assert figure.data[0].marker.color == pytest.approx(np.arange(50)) and figure.data[0].marker.showscale
    assert figure.data[0].marker.colorbar.title.text == "PSNR (dB)"

    colours = np.arange(30, dtype=np.uint8).reshape(10, 3)
    codes = np.array([7, 2, 7] + [9] * 47)
    figure = plots.latent_map(places, codes, kind="code", colours=colours, theme=theme)
    marker = figure.data[0].marker
    scale = [colour for _, colour in marker.colorscale]
    assert [scale[int(i)] for i in marker.color[:4]] == [
        "rgb(21,22,23)",
        "rgb(6,7,8)",
        "rgb(21,22,23)",
        "rgb(27,28,29)",
    ]
    assert marker.cmin == 0 and marker.cmax == 2
    plots.latent_map(places, np.zeros(50, int), kind="code", colours=colours)  # one code only


def test_map_in_three_dimensions(theme):
    places = np.random.default_rng(0).normal(size=(20, 3))
    figure = plots.latent_map(places, np.arange(20) % 2, title="class", axes=("PC 1", "PC 2", "PC 3"), theme=theme)
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    scene = figure.layout.scene
    assert [axis.title.text for axis in (scene.xaxis, scene.yaxis, scene.zaxis)] == ["PC 1", "PC 2", "PC 3"]
    assert sum(len(trace.z) for trace in figure.data) == 20


def test_ten_thousand_points_stay_small():
    figure = plots.latent_map(np.zeros((10_000, 2)), np.arange(10_000) % 5, title="class")
    assert len(figure.to_json()) < 250_000


def test_map_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="places"):
        plots.latent_map(np.zeros((5, 4)))
    with pytest.raises(ValueError, match="5 points but 3 values"):
        plots.latent_map(np.zeros((5, 2)), np.zeros(3))


def test_log_odds_shows_intervals_and_certainty(theme):
    codes = np.zeros((100, 1, 2), int)
    codes[:30, 0, 1] = 5
    codes[::2, 0, 0] = 3
    found = selection.compare_codes(codes, np.arange(30), 8)
    figure = plots.log_odds(found, theme=theme)
    looks_right(figure, theme)
    trace = figure.data[0]
    assert trace.y[0] == "code 5" and len(trace.y) == 3
    assert trace.x == pytest.approx(found.log_odds, rel=1e-5)
    assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(found.low[0], rel=1e-4)
    assert trace.marker.symbol[0] == "circle" and "circle-open" in trace.marker.symbol
    assert "30 selected against 70 others" in figure.layout.xaxis.title.text
    assert len(plots.log_odds(found, limit=1).data[0].y) == 1


def test_a_pin_points_at_its_place_and_leaves_the_map_as_it_is(theme):
    places = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    figure = plots.latent_map(places, np.arange(20) % 2, title="class", theme=theme)
    before = [trace.to_plotly_json() for trace in figure.data]
    pinned = map_plots.pin(figure, np.float32([1.5, -2]), "your picture", theme=theme)
    assert pinned is figure and len(figure.data) == len(before)
    assert all(np.array_equal(trace.x, old["x"]) for trace, old in zip(figure.data, before, strict=True))
    (note,) = figure.layout.annotations
    assert (note.x, note.y) == (1.5, -2) and "your picture" in note.text
    assert note.showarrow is not False and note.ax and note.ay, "the name stands beside the place, an arrow between"
    assert note.xref in (None, "x") and note.yref in (None, "y"), "the place is one of the map, it moves with it"
    assert note.font.color == plots.THEMES[theme]["text"] and note.bgcolor == plots.THEMES[theme]["hover"]
    figure.to_json()
    assert len(map_plots.pin(figure, places[3], "another").layout.annotations) == 2


def test_cumulative_use_marks_its_shares_on_the_curve(theme):
    tokens = np.sort(np.random.default_rng(0).pareto(1, 40))[::-1]
    shares = np.cumsum(tokens) / tokens.sum()
    covering = {share: int(np.searchsorted(shares, share)) + 1 for share in (0.5, 0.9, 0.99)}
    figure = code_plots.cumulative(shares, covering, theme=theme)
    looks_right(figure, theme)
    even, curve, marks = figure.data
    assert list(even.x) == [0, 40] and list(even.y) == [0, 1]
    assert curve.y[0] == 0 and curve.y[1:] == pytest.approx(shares) and list(curve.x) == list(range(41))
    assert list(marks.x) == list(covering.values()) and list(marks.y) == [0.5, 0.9, 0.99]
    assert list(marks.text) == [f"{codes} codes: {100 * share:.0f}%" for share, codes in covering.items()]


def test_labels_of_cumulative_use_stay_beside_the_curve_and_inside_the_chart():
    shares = np.linspace(0.01, 1, 100)
    marks = code_plots.cumulative(shares, {0.5: 34, 0.9: 35, 0.99: 100}).data[2]
    assert list(marks.textposition) == ["bottom right", "top left", "top left"], "to the left where the right is near"
    steep = code_plots.cumulative(np.array([0.98, *[1.0] * 99]), {0.5: 1, 0.9: 1, 0.99: 2}).data[2]
    assert set(steep.textposition) == {"bottom right"}


def test_cumulative_use_of_a_codebook_that_is_never_used_has_no_marks():
    marks = code_plots.cumulative(np.zeros(8), {0.5: 0, 0.9: 0}).data[2]
    assert not list(marks.x) and not list(marks.text)


def test_scores_of_some_images_stand_beside_those_of_all_as_shares():
    values, some = np.arange(20.0), np.array([3.0, 5.0])
    figure = plots.quality_histogram(
        values, quality.summary(values), "PSNR", part=("dress", some, quality.summary(some))
    )
    bars, steps = figure.data
    assert sum(bars.y) == pytest.approx(100) and sum(steps.y) == pytest.approx(100)
    assert "dress, n = 2, mean 4" in steps.name and "n = 20" in bars.name
