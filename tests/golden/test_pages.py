"""What each page of the app shows for the checkpoints that ship: headings, numbers, what can be chosen, tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from explorer import jobs

ROOT = Path(__file__).resolve().parents[2]
SHOWN = [
    ("reconstructions", "vqvae-shapes"),
    ("code_maps", "vqvae-shapes"),
    ("codebook", "vqvae-shapes"),
    ("latent_map", "vqvae-shapes"),
    ("layers", "vqvae-shapes"),
    ("rate_distortion", "vqvae-shapes"),
    ("training", "vqvae-shapes"),
    ("layers", "vqvae2-shapes"),
    ("reconstructions", "mae-shapes"),
    ("masks", "mae-shapes"),
]
HEADINGS = ("title", "header", "subheader")
CHARTS = ("plotly_chart", "bidi_component")  # the second one is our own: hover thumbnails, clickable maps
SILENT = (
    "caption",
    "info",
    "warning",
    "code",
    "metric",
    "markdown",
    "image",
    "imgs",
    "dataframe",
    *HEADINGS,
    *CHARTS,
    "html",
    "empty",
)


@pytest.fixture(autouse=True)
def no_work(monkeypatch):
    """What ships is found; were it not, the page would begin to make it beside this test."""
    monkeypatch.setattr(jobs, "start", lambda *_, **__: None)


def elements(block) -> Iterator:
    """All elements below a block, in the order of the page, and the blocks that have a label."""
    for child in block.children.values():
        if hasattr(child, "children"):
            if getattr(child, "label", None):
                yield child
            yield from elements(child)
        else:
            yield child


def summary(app: AppTest) -> dict:
    shown = list(elements(app._tree))
    headings = [one.value for one in shown if one.type in HEADINGS]
    headings += [one.value for one in shown if one.type == "markdown" and one.value.startswith("#")]
    return {
        "headings": headings,
        "metrics": [[one.label, one.value] for one in shown if one.type == "metric"],
        "widgets": [f"{one.type}: {getattr(one, 'label', '')}" for one in shown if one.type not in SILENT],
        "tables": [list(one.value.columns) for one in shown if one.type == "dataframe"],
        "pictures": sum(one.type in ("image", "imgs") for one in shown),
        "charts": sum(one.type in CHARTS for one in shown),
    }


@pytest.mark.parametrize(("page", "checkpoint"), SHOWN)
def test_a_page_shows_what_it_showed(page, checkpoint, golden):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["checkpoint"] = checkpoint
    app.run()
    app._page_hash = calc_hash(page)  # views are pages without a file, which AppTest has no way to name
    app.run()
    assert not app.exception and not app.error
    golden(f"page-{page}-{checkpoint}", summary(app))
