"""What is fitted on training images says so where these are measured, too."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from explorer import results
from explorer.study import open_study
from explorer.views import words
from tests.pages.conftest import built, studio  # noqa: F401


@pytest.mark.parametrize(("split", "told"), [("test", False), ("all", True)])
def test_k_means_codes_and_levels_tell_whether_they_are_measured_on_what_they_fit(
    studio,  # noqa: F811
    tmp_path,
    monkeypatch,
    split,
    told,
):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)):
        (tmp_path / "flat").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "flat" / f"{number}.png")
    study = open_study(studio.checkpoints / "tiny-vae", str(tmp_path / "flat"), split=split)
    results.obtain("encoding", study.subject)
    (note,) = words.continuous(study, study.layer_names[0])
    assert "fitted on training images" in note.text
    assert ("among those measured here" in note.text) == told
    _, rates = results.obtain("rates", study.subject)
    assert rates["fitted_on"].startswith("train") and ("among what is measured" in rates["fitted_on"]) == told
