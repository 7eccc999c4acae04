"""Names of codes: kept by the checkpoint's content, shown wherever the code is named."""

from __future__ import annotations

import pytest

from explorer.errors import BadInput
from explorer.notebook import names
from explorer.sheets import CodeMap, Heading, Table, walk
from explorer.study import open_study
from explorer.views import VIEWS, code_maps, codebook, fields


def test_a_name_is_kept_changed_and_taken_away():
    assert names.find("model", "code learned") == {}
    assert names.put("model", "code learned", 17, " round\tedge ") == "round edge"
    names.put("model", "code learned", 3, "sky")
    names.put("model", "other learned", 3, "sea")
    assert (
        names.find("model", "code learned") == {3: "sky", 17: "round edge"} and names.find("m2", "code learned") == {}
    )
    assert names.put("model", "code learned", 17, "") == "" and names.find("model", "code learned") == {3: "sky"}
    with pytest.raises(BadInput, match="61 letters"):
        names.put("model", "code learned", 3, "x" * 61)
    assert names.find("model", "code learned") == {3: "sky"}


def test_fitted_codes_of_other_images_have_other_names():
    assert names.of("latent") == "latent learned" and names.of("latent", "abc") == "latent abc"


def test_a_named_code_is_called_so_everywhere():
    study = open_study("vqvae-shapes")
    code = int(study.codes("code")[0, 4, 4])
    assert "name" not in study.table("code")
    study.name("code", code, "<b>edge")
    options, _ = fields.settled(code_maps.Options, study, {"code": code}, study.image(0))
    sheet = VIEWS["code_maps"].sheet(study, options, study.image(0))
    found = walk(sheet.blocks)
    assert f"Code {code:,} of layer code: <b>edge" in [one.text for one in found if isinstance(one, Heading)]
    drawn = next(one for one in found if isinstance(one, CodeMap) and one.name == "map")
    assert drawn.notes[4][4].startswith(f"code {code:,} “<b>edge”\n")
    assert sheet.told()["use"]["name"] == "<b>edge"
    options, _ = fields.settled(codebook.Options, study, {"code": code})
    sheet = codebook.sheet(study, options)
    found = walk(sheet.blocks)
    table = next(one for one in found if isinstance(one, Table) and one.name.startswith("codes-"))
    assert "name" in table.columns and table.frame.set_index("code")["name"][code] == "<b>edge"
    usage = next(one for one in found if getattr(one, "name", "") == "usage").figure("light").data[0]
    assert " &lt;b&gt;edge" in usage.hovertext and "%{hovertext}" in usage.hovertemplate
    assert sheet.told()["names"] == {code: "<b>edge"}
    study.name("code", code, "")
    assert "name" not in study.table("code")
