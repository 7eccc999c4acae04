"""The Codebook page over every family: its numbers are those of the encoding."""

import io

import numpy as np
import pandas as pd
import pytest

from explorer import checkpoints, results
from explorer.analysis import usage
from explorer.results.subject import Subject

PAGE = "codebook"


def opened(studio, name: str):
    path = checkpoints.resolve(name)
    return results.find("encoding", Subject(path, str(studio.photos)))[1]


def texts(app) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.info, app.header, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def problems(app) -> list[str]:
    return [element.value for element in [*app.error, *app.exception]]


@pytest.mark.parametrize("name", ["tiny-vqvae", "tiny-vae", "tiny-mae"])
def test_the_numbers_are_those_of_the_encoding(open_app, studio, name):
    app = open_app(PAGE, checkpoint=name)
    assert not problems(app)
    found = opened(studio, name)
    layer = app.query_params["layer"]
    counts = found.usage(layer)
    facts = usage.measure(counts, 12)
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Used codes"] == f"{facts.used:,} of {len(counts):,}" and shown["Dead codes"] == f"{facts.dead:,}"
    assert shown["Perplexity"] == f"{facts.perplexity:.1f}" and shown["Entropy"] == f"{facts.entropy_bits:.2f} bits"
    assert shown["Even use would reach"] == f"{facts.uniform_perplexity:.1f}"
    assert shown["Tokens counted"] == f"{counts.sum():,}"
    half = usage.codes_covering(counts, (0.5,))[0]
    assert shown["Cover 50%"].startswith(f"{half} code")
    assert ("Bits per pixel" in shown) == (name == "tiny-vqvae")
    assert len(app.get("plotly_chart")) == 4, "use, cumulative share, concepts, geometry"
    assert all(metric.help for metric in app.metric), "every term has help"
    if name != "tiny-vqvae":
        assert "k-means, fitted on training images" in texts(app)


def test_the_table_has_every_code_with_a_picture(open_app, studio):
    app = open_app(PAGE)
    table = app.dataframe[-1].value
    counts = opened(studio, "tiny-vqvae").usage("code")
    assert table["tokens"].tolist() == sorted(counts.tolist(), reverse=True)
    assert (counts[table["code"]] == table["tokens"]).all() and table["patch"].str.startswith("data:image/jpeg").all()
    assert table["share"].sum() == pytest.approx(1)


def test_the_order_and_the_axis_of_the_bars_can_be_changed(open_app):
    import json

    app = open_app(PAGE)
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert chart["layout"]["xaxis"]["title"]["text"].startswith("rank") and chart["layout"]["yaxis"]["type"] == "linear"
    app.segmented_control(key="pick-by").set_value("code").run()
    app.segmented_control(key="pick-axis").set_value("log").run()
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert chart["layout"]["xaxis"]["title"]["text"] == "code" and chart["layout"]["yaxis"]["type"] == "log"


def test_a_concept_that_the_codes_know_is_told_from_chance(open_app):
    """Red and green photographs differ in every cell."""
    app = open_app(PAGE, checkpoint="tiny-mae")
    shown = {metric.label: metric for metric in app.metric}
    told, chance = (float(shown[label].value.split()[0]) for label in ("A token tells", "By chance"))
    assert told > chance and shown["A token tells"].delta == "of 1.00 bits" and shown["Images"].value == "12"


def test_an_unknown_code_in_the_url_is_one_sentence(open_app):
    app = open_app(PAGE, code="4711")
    assert [w.value for w in app.warning if "4711" in w.value] and not problems(app)
    assert "All 8 codes" in texts(app)


def test_the_code_selected_here_is_carried_in_the_url(open_app, studio):
    app = open_app(PAGE)
    counts = opened(studio, "tiny-vqvae").usage("code")
    assert app.query_params["code"] == str(counts.argmax()), "the most used one, if none was named"
    app.selectbox(key="pick-code").set_value("3").run()
    assert app.query_params["code"] == "3" and f"{counts[3]:,} tokens" in texts(app)


def test_another_layer_has_another_codebook(open_app, studio):
    app = open_app(PAGE, checkpoint="tiny-mae", layer="block1", code="1")
    tokens = opened(studio, "tiny-mae").usage("block1")
    facts = usage.measure(tokens, 12)
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Perplexity"] == f"{facts.perplexity:.1f}"


def test_the_downloads_hold_the_whole_table(studio):
    """What the buttons give is made when they are clicked, so it is made here in the same way."""
    from explorer.analysis import codes

    found = opened(studio, "tiny-vqvae")
    table = codes.table(found.codes("code"), found.codebook("code").vectors.numpy())
    again = pd.read_parquet(io.BytesIO(table.to_parquet(index=False)))
    pd.testing.assert_frame_equal(again, table)
    assert again["tokens"].sum() == 12 * 16 and np.isfinite(again["distance"]).all()


def test_of_a_large_codebook_the_codes_with_most_tokens_are_drawn_and_the_numbers_are_of_all(open_app, monkeypatch):
    from explorer.views import codebook

    before = open_app("codebook")
    monkeypatch.setattr(codebook, "LARGE", 4)
    app = open_app("codebook")
    said = " ".join(one.value for one in (*app.markdown, *app.caption))
    assert "show the 4 codes with most tokens of 8" in said
    assert [metric.value for metric in app.metric] == [metric.value for metric in before.metric]
    shown, whole = app.dataframe[-1].value, before.dataframe[-1].value
    assert shown["code"].tolist() == whole["code"].tolist()[:4], "the first by rank"
