"""The demo's tab Prior: a shipped prior draws and completes for a visitor, by questions as the page asks them."""

from __future__ import annotations

import json

import pytest

from explorer import checkpoints
from explorer.files import SHIPPED


@pytest.mark.skipif(not (SHIPPED / "vqvae-digits-prior").exists(), reason="no prior is shipped")
@pytest.mark.parametrize("part", ["samples", "complete"])
def test_a_visitor_sees_what_a_shipped_prior_draws(tmp_path, monkeypatch, part):
    pytest.importorskip("gradio")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path))
    from explorer.demo import shipped, tabs

    name = "vqvae-digits"
    assert checkpoints.resolve(name)
    picture = shipped.file(*shipped.examples(name)[0])
    given = name, picture, "crop", {"of": name, "values": {"part": part, "samples": "4"}}
    assert "data-piece" in tabs.draw("prior", *given, "light")
    piece = {"samples": "sampling", "complete": "completing"}[part]
    event, have, found = type("Event", (), {}), 0, {"done": False}
    while not found["done"]:
        event._data = {"name": piece, "number": 7, "message": {"have": have, "mask": "00000000000000ff"}}
        told = json.loads(tabs.answer("prior", *given, event))
        found = told["value"]
        have = found["rows"]
    assert told["number"] == 7 and found["n"] == 4 and found["url"].startswith("data:image/png")
