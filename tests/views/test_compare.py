"""What the view Compare says, read from its sheet, without a page."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer import checkpoints, datasets, results
from explorer.errors import BadInput
from explorer.results.subject import Subject
from explorer.sheets import Card, Cards, Chart, Link, Missing, Note, Strips, Table, walk
from explorer.study import open_study, pair
from explorer.views import VIEWS, board, compare, fields
from tests.pages.conftest import SETTINGS, built, spread_codes, studio  # noqa: F401

VIEW = VIEWS["compare"]


@pytest.fixture
def drawn(studio):  # noqa: F811
    """`drawn("tiny-vqvae", "tiny-vae", made=True)` -> the study, the blocks of the sheet, and its numbers."""

    def made(first: str = "tiny-vqvae", second: str = "tiny-vqvae2", *, made: bool = True, **asked):
        study = open_study(studio.checkpoints / first, str(studio.photos))
        against = str(studio.checkpoints / second) if "/" not in second else second
        if made:
            results.obtain("comparison", study.subject, pair.options_of(study, checkpoints.describe(against)))
        options, faults = fields.settled(VIEW.options, study, {"against": against, "method": "pca", **asked})
        assert not faults
        sheet = VIEW.sheet(study, options, study.image(3))
        numbers = json.loads(json.dumps(sheet.told(), default=float))
        return study, walk(sheet.blocks), numbers

    return made


def of(kind, blocks) -> list:
    return [block for block in blocks if isinstance(block, kind)]


def notes(blocks) -> str:
    return "\n".join(block.text for block in of(Note, blocks))


def metrics(numbers) -> dict:
    return {row["metric"]: row for row in numbers["metrics"]}


def cards(blocks) -> dict[str, Card]:
    return {card.label: card for block in of(Cards, blocks) for card in block.cards}


def test_the_same_checkpoint_twice_differs_by_nothing_and_agrees_in_all(drawn):
    _, blocks, numbers = drawn("tiny-vqvae", "tiny-vqvae")
    for row in numbers["metrics"]:
        assert [row[name] for name in ("difference", "low", "high")] == [0, 0, 0], row
    assert {"psnr", "ssim", "mse", "perplexity", "used", "bits_per_pixel"} <= metrics(numbers).keys()
    assert (numbers["wins"]["ties"], numbers["n"]) == (12, 12)
    measured = [numbers["codes"]["ami"], *numbers["latents"].values()]
    assert [one["value"] for one in measured] == [1, 1, 1] and all(one["low"] == one["high"] == 1 for one in measured)
    assert "are the same checkpoint" in notes(blocks) and "same PSNR on all 12 images" in notes(blocks)
    assert of(Table, blocks)[0].frame.set_index("metric")["better"]["PSNR (dB)"] == "the same"


def test_codes_in_another_order_are_the_same_codes(drawn, studio, tmp_path):  # noqa: F811
    network = checkpoints.load(studio.checkpoints / "tiny-vqvae")
    vectors = network.codebooks["code"].vectors
    vectors.data[:] = vectors.data[np.random.default_rng(0).permutation(8)].clone()
    path = tmp_path / "permuted"
    path.mkdir()
    facts = {"family": "vqvae", "dataset": str(studio.photos), "training": {}, "metrics": {}, "card": "# permuted"}
    checkpoints.save(path, network, **facts)
    results.obtain("encoding", Subject(path, str(studio.photos)))
    _, blocks, numbers = drawn("tiny-vqvae", str(path))
    assert numbers["codes"]["ami"]["value"] == numbers["codes"]["ami"]["low"] == 1
    assert metrics(numbers)["psnr"]["difference"] == pytest.approx(0, abs=1e-4)
    assert "The codes say the same: one tells the other" in notes(blocks)


def test_metrics_are_paired_by_image(drawn):
    study, blocks, numbers = drawn()
    other = open_study(study.subject.checkpoint.parent / "tiny-vqvae2", study.subject.dataset)
    gap = (study.errors()["psnr"] - other.errors()["psnr"]).to_numpy(float)
    row = metrics(numbers)["psnr"]
    assert row["difference"] == pytest.approx(gap.mean(), abs=1e-5) and row["n"] == 12
    half = 2.200985 * gap.std(ddof=1) / np.sqrt(12)  # t of eleven degrees of freedom
    assert [row["low"], row["high"]] == pytest.approx([gap.mean() - half, gap.mean() + half], abs=1e-4)
    assert numbers["wins"]["a"] == (gap > 0).sum() and numbers["wins"]["b"] == (gap < 0).sum()
    assert metrics(numbers)["bits_per_pixel"]["a"] == 16 * 3 / 256
    assert metrics(numbers)["bits_per_pixel"]["b"] == (4 + 16) * 3 / 256
    assert cards(blocks)["PSNR, A − B"].value.startswith("+" if gap.mean() > 0 else "−")


def test_who_is_a_only_changes_signs(drawn):
    _, _, there = drawn("tiny-vqvae", "tiny-vae")
    _, _, back = drawn("tiny-vae", "tiny-vqvae", layer_b="code")
    one, other = metrics(there)["psnr"], metrics(back)["psnr"]
    assert (one["a"], one["difference"], one["low"]) == pytest.approx(
        (other["b"], -other["difference"], -other["high"])
    )
    assert there["latents"] == back["latents"] and there["codes"] == back["codes"]
    assert (there["wins"]["a"], there["wins"]["b"]) == (back["wins"]["b"], back["wins"]["a"])


def test_strips_show_who_wins_most_on_one_scale_and_lead_to_both(drawn):
    study, blocks, numbers = drawn()
    strips = {block.name: block.strips for block in of(Strips, blocks) if block.name.startswith("won-")}
    assert sum(map(len, strips.values())) == 8 or 0 in (numbers["wins"]["a"], numbers["wins"]["b"])
    for name, some in strips.items():
        gains = [float(strip.title.split()[0].replace("−", "-")) for strip in some]
        assert gains == sorted(gains, reverse=True) and all(
            strip.title.endswith(f"for {name[-1].upper()}") for strip in some
        )
        for strip in some:
            assert [one.title for one in strip.pictures] == ["Original", "A", "B", "Error of A", "Error of B"]
            assert np.array_equal(strip.pictures[0].pixels, study.image(strip.row).pixels)
            first, second = (link.go.carried for link in strip.links)
            assert first == {"image": strip.row} and second == {"image": strip.row, "checkpoint": "tiny-vqvae2"}


def test_continuous_layers_have_no_use_of_codes_to_compare(drawn):
    _, blocks, numbers = drawn("tiny-vqvae", "tiny-vae")
    assert metrics(numbers).keys() == {"psnr", "ssim", "mse"}
    assert "tiny-vae has no codes of its own there" in notes(blocks)
    assert numbers["codes"]["ami"]["n"] == 12


def test_layers_of_both_are_a_table_and_a_click_on_the_chart_takes_a_pair(drawn):
    _, blocks, numbers = drawn("tiny-mae", "tiny-vqvae2", measure="cka")
    assert [(one["a"], one["b"]) for one in numbers["pairs"]] == [
        (a, b) for a in ("block1", "block2") for b in ("top", "bottom")
    ]
    chart = next(one for one in of(Chart, blocks) if one.name == "layers")
    assert chart.go(1).carried == {"layer": "block1", "layer_b": "bottom"}
    table = next(one for one in of(Table, blocks) if one.name == "pairs")
    assert len(table.frame) == 4 and not table.frame.isna().any(axis=None)
    shown = json.loads(chart.figure("light").to_json())["data"][0]
    assert shown["text"][0][1] == f"{numbers['pairs'][1]['cka']['value']:.2f}"


def test_what_is_not_made_yet_is_made_beside_the_page(drawn, monkeypatch, tmp_path):
    study, blocks, numbers = drawn("tiny-vae", "tiny-mae", made=False)
    missing = next(one for one in of(Missing, blocks) if one.kind == "comparison")
    assert missing.begin and numbers["codes"] is None and metrics(numbers)["psnr"]["n"] == 12
    words = results.command("comparison", study.subject, missing.options)
    assert words[0] == "compare" and words[2].endswith("tiny-mae")


def test_one_that_is_not_encoded_is_offered_and_nothing_is_encoded_unasked(drawn, studio, tmp_path):  # noqa: F811
    from explorer.models import build

    path = tmp_path / "fresh"
    path.mkdir()
    facts = {"family": "vae", "dataset": str(studio.photos), "training": {}, "metrics": {}, "card": "# fresh"}
    checkpoints.save(path, build("vae", SETTINGS["vae"], 16).eval(), **facts)
    _, blocks, _ = drawn("tiny-vqvae", str(path), made=False)
    (missing,) = of(Missing, blocks)
    assert (missing.kind, missing.begin, missing.subject.checkpoint) == ("encoding", False, path)
    assert of(Table, blocks)[-1].name == "board"


def test_other_image_sizes_are_compared_at_the_smaller_one(drawn, studio, tmp_path):  # noqa: F811
    from explorer.models import build

    path = tmp_path / "large"
    path.mkdir()
    facts = {"family": "vqvae", "dataset": str(studio.photos), "training": {}, "metrics": {}, "card": "# large"}
    network = build("vqvae", SETTINGS["vqvae"], 32).eval()
    spread_codes(network, datasets.load(str(studio.photos), "train", 32).read(slice(None)))
    checkpoints.save(path, network, **facts)
    results.obtain("encoding", Subject(path, str(studio.photos)))
    study, blocks, before = drawn("tiny-vqvae", str(path), made=False)
    assert "psnr" not in metrics(before) and "a decibel at one size is none at the other" in notes(blocks)
    _, blocks, numbers = drawn("tiny-vqvae", str(path))
    row = metrics(numbers)["psnr"]
    assert (row["size"], row["n"]) == (16, 12) and row["low"] < row["difference"] < row["high"]
    assert row["a"] == pytest.approx(study.errors()["psnr"].mean(), abs=0.05), "of 8-bit pixels"
    assert "held against the images at 16 pixels" in notes(blocks)
    assert numbers["codes"]["ami"]["n"] == 12, "codes on 4 × 4 and on 8 × 8 cells"


def test_images_that_one_of_them_lacks_are_left_out(studio, drawn):  # noqa: F811
    study = open_study(studio.checkpoints / "tiny-vqvae", str(studio.photos), limit=7)
    study.make("encoding")
    other = checkpoints.describe(studio.checkpoints / "tiny-vae")
    found = pair.open_pair(study, other)
    assert found.options.of_other == "all" and len(found.rows[0]) == 7
    names = [study.images.names[row] for row in found.rows[0]]
    assert names == [found.b.images.names[row] for row in found.rows[1]]
    whole = open_study(other.path, str(studio.photos)).errors()["psnr"].to_numpy(float)
    assert found.scores("psnr")[1] == pytest.approx(whole[found.rows[1]])


def test_those_of_the_same_dataset_come_first_and_a_wrong_path_is_one_sentence(studio):  # noqa: F811
    study = open_study(studio.checkpoints / "tiny-vqvae", str(studio.photos))
    names = list(compare.offers(study))
    assert names[:3] == sorted(names[:3], key=names.index) and set(names[:3]) == {"tiny-vae", "tiny-vqvae2", "tiny-mae"}
    options, faults = fields.settled(VIEW.options, study, {"against": "/no/such/place"})
    assert options.against == names[0] and "/no/such/place" in faults["against"]
    with pytest.raises(BadInput, match="vqvae-shapes"):
        compare.described("nothing")
    assert not fields.offered(VIEW.options, study, "against", "/etc") and fields.offered(
        VIEW.options, study, "metric", "x"
    )


def test_the_board_says_what_compares_and_takes_one_as_b(drawn):
    _, blocks, _ = drawn()
    table = of(Table, blocks)[-1]
    rows = table.frame.set_index("name")
    assert rows["compares"]["tiny-vqvae"] == "is A" and rows["compares"]["tiny-vae"] == "yes"
    assert rows["compares"]["vqvae-shapes"] == "other dataset" and rows["size"]["vqvae-photos"] == 128
    stored = checkpoints.describe(checkpoints.resolve("vqvae2-shapes"))
    assert rows["psnr"]["vqvae2-shapes"] == pytest.approx(stored.metrics["psnr"]["mean"])
    assert rows["bits"]["vqvae2-shapes"] == pytest.approx(stored.metrics["bits_per_pixel"])
    assert table.go(int(rows["row"]["tiny-mae"])).carried == {"against": "tiny-mae"}
    assert list(table.frame["compares"])[:4] == ["is A", "yes", "yes", "yes"]


def test_what_compares_on_the_board():
    one = checkpoints.describe(checkpoints.resolve("vqvae-shapes"))
    kinds = {
        name: board.compares(one, checkpoints.describe(checkpoints.resolve(name))) for name in checkpoints.SHIPPED_ORDER
    }
    assert kinds["vqvae-shapes"] == "this" and kinds["mae-shapes"] == "yes" and kinds["vqvae-digits"] == "data"


def test_b_is_swapped_with_a(drawn):
    _, blocks, _ = drawn()
    link = next(one for one in of(Link, blocks) if one.label == "Swap A and B")
    assert link.go.carried["checkpoint"] == "tiny-vqvae2" and link.go.carried["against"] == "tiny-vqvae"
