"""The tab Compare of the demo: shipped checkpoints on the same images, and nothing else."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio", reason="gradio is not installed")


def sheet(checkpoint: str, **values) -> tuple:
    from explorer.demo import tabs

    _, options, _, found = tabs._sheet("compare", checkpoint, None, "crop", {"of": checkpoint, "values": values})
    return options, found.told()


def test_shipped_comparisons_are_there_at_once():
    options, found = sheet("mae-shapes", against="vqvae2-shapes", method="pca")
    assert found["b"] == options.against == "vqvae2-shapes" and found["n"] == 1000
    assert found["metrics"][0]["low"] < found["metrics"][0]["high"] < 0
    assert len(found["pairs"]) == 8 and 0.1 < found["codes"]["ami"]["value"] < 0.2


@pytest.mark.parametrize("asked", ["/etc/passwd", "../checkpoints/vae-shapes", "nothing"])
def test_a_visitor_opens_no_path(asked):
    options, found = sheet("vqvae-shapes", against=asked, method="pca")
    assert options.against == found["b"] == "vqvae2-shapes"
