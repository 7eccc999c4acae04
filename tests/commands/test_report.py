"""The command `report`: one HTML file that needs no network, or one JSON object."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from explorer.commands import run
from explorer.views import VIEWS

SHOWN = [name for name, view in VIEWS.items() if view.unasked]
ATTACK = "<script>alert(1)<script>"


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The report of a shipped checkpoint on its own images, without computing anything."""
    path = tmp_path_factory.mktemp("report") / "digits.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(path.parent / "cache"))
        assert run(["report", "vqvae-digits", "--dataset", "digits", "--quick", "--out", str(path)]) == 0
    return path


class Outline(HTMLParser):
    """Levels of headings, and everything that a browser would ask a server for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.levels, self.asked, self.targets, self.names = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag[0] == "h" and tag[1:].isdigit():
            self.levels.append(int(tag[1:]))
        given = dict(attributes)
        self.names.append(given.get("id"))
        self.asked += [given[name] for name in ("src", "href") if name in given and given[name][:5] != "data:"]
        self.targets += [given["href"][1:] for name in given if name == "href" and given[name].startswith("#")]


def test_the_file_asks_for_nothing_and_is_in_order(digits):
    found = Outline(digits.read_text())
    assert found.levels[0] == 1 and found.levels.count(1) == 1 and found.levels.count(2) == len(SHOWN)
    assert all(after <= before + 1 for before, after in zip(found.levels, found.levels[1:], strict=False))
    assert [f"#{one}" for one in found.targets] == found.asked, "nothing but its own parts is asked for"
    assert set(found.targets) >= set(SHOWN) and set(found.targets) <= set(found.names)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_browser_without_a_network_draws_every_chart(digits, browser, theme):
    context = browser.new_context(offline=True, color_scheme=theme, viewport={"width": 390, "height": 844})
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if request.url.startswith("http") else None)
    page.goto(digits.as_uri())
    charts = page.locator(".cx-chart:visible")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.cx-chart')].every((one) => !one.checkVisibility() || "
        "one.querySelector('.main-svg'))"
    )
    assert charts.count() >= 4
    colour = page.locator(".xtitle").first.evaluate("element => getComputedStyle(element).fill")
    light = np.mean([int(part) for part in colour.strip("rgb()").split(",")[:3]])
    assert light > 160 if theme == "dark" else light < 95
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1") and not problems
    context.close()


@pytest.fixture
def photos(tmp_path):
    """A dataset whose files and classes are called badly."""
    for number in range(6):
        folder = tmp_path / "photos" / f"class {number % 2} & <b>"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{ATTACK.replace('/', '')}{number}.png")
    return tmp_path / "photos"


def test_what_is_missing_is_said_with_quick_and_computed_without(photos, tmp_path, capfd):
    base = ["report", "vqvae-shapes", "--dataset", str(photos), "--split", "all", "--views", "codebook"]
    assert run([*base, "--quick", "--out", str(tmp_path / "quick.html")]) == 0
    quick = (tmp_path / "quick.html").read_text()
    assert (
        "It has not been computed; it is where --views names this view, without --quick." in quick
        and 'class="cx-card"' not in quick
    )
    assert run([*base, "--out", str(tmp_path / "whole.html")]) == 0
    whole = (tmp_path / "whole.html").read_text()
    assert "has not been computed" not in whole and 'class="cx-card"' in whole
    body = whole.partition("<main")[2].partition("</main>")[0]
    assert "<script" not in body and '<b>"' not in body and "class 0 & <b>" not in body.replace("&amp;", "&&")
    capfd.readouterr()


def test_json_is_one_object_with_the_numbers_of_every_view(capfd, tmp_path):
    names = ["codebook", "code_maps"]
    words = ["report", "vqvae-digits", "--dataset", "digits", "--views", ",".join(names), "--json"]
    assert run(words) == 0
    out, _ = capfd.readouterr()
    found = json.loads(out)
    assert out.count("\n") == 1 and list(found)[:4] == ["checkpoint", "dataset", "images", "views"]
    assert (found["checkpoint"], found["dataset"], list(found["views"])) == ("vqvae-digits", "digits", names)
    use = found["views"]["codebook"]["use"]
    assert use["used"] + use["dead"] == use["codes"] and use["images"] == found["images"]
    assert use["perplexity_low"] < use["perplexity_high"]
    assert run([*words, "--out", str(tmp_path / "both.html")]) == 0
    assert json.loads(capfd.readouterr().out)["report"] == str(tmp_path / "both.html")
    assert (tmp_path / "both.html").stat().st_size > 1_000_000


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--views", "codebook,maps"], "unknown view 'maps'; choose from reconstructions, "),
        (["--out", "report.pdf"], "report.pdf does not end in .html; choose a name such as report.html"),
        (["--dataset", "nowhere"], "nowhere"),
    ],
)
def test_wrong_words_end_with_one_sentence(capfd, more, says):
    assert run(["report", "vqvae-digits", "--dataset", "digits", *more]) == 2
    _, err = capfd.readouterr()
    assert says in err and err.count("\n") == 1


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Two classes of shades with copies between train and test, judged by a shipped checkpoint: the JSON."""
    folder = tmp_path_factory.mktemp("judged")
    table = ["file_name,same,own"]
    for split in ("train", "test"):
        for number in range(40):
            rng = np.random.default_rng([number, split == "test" and number >= 3])  # three are in both
            pixels = np.clip(rng.normal(70 + 110 * (number % 2), 30, (32, 32, 3)), 0, 255).astype(np.uint8)
            name = f"{split}/{('dark', 'light')[number % 2]}/{number}.png"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / name)
            table.append(f"{name},yes,{split}{number}")
    (folder / "metadata.csv").write_text("\n".join(table))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(folder / "cache"))
        yield folder


def report(folder, capfd, *more):
    words = ["report", "vqvae-digits", "--dataset", str(folder), "--only", "judgement,leak", *more, "--json"]
    assert run(words) == 0
    return json.loads(capfd.readouterr().out)


def test_json_holds_a_verdict_on_every_concept_with_what_decided(judged, capfd, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(judged / "cache"))
    found = report(judged, capfd)
    row = next(row for row in found["concepts"] if row["concept"] == "class")
    asked = "concept layer n metric score low high baselines best_null verdict sentence codes"
    assert set(asked.split()) <= row.keys() and row["layer"] == "code"
    assert row["low"] <= row["score"] <= row["high"] and 0 < row["n"] <= 37
    assert all(set(band) == {"mean", "low", "high"} for band in row["baselines"].values())
    assert {"name", "mean", "low", "high"} == set(row["best_null"]) and row["best_null"]["name"] in row["baselines"]
    assert all({"code", "value", "ap", "low", "high"} <= set(code) for code in row["codes"])
    assert found["leak"]["exact"] == 3 and {"judgement", "leak"} == found["scores"].keys()
    assert {"same", "own"} <= found["refused"].keys()


def test_concepts_and_layers_are_chosen_by_name(judged, capfd, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(judged / "cache"))
    found = report(judged, capfd, "--concept", "class", "--concept", "lightness", "--layer", "code")
    assert [row["concept"] for row in found["concepts"]] == ["class", "lightness"]
    base = ["report", "vqvae-digits", "--dataset", str(judged)]
    for more, says in (
        (["--concept", "colour"], "unknown concept 'colour'; choose from class"),
        (["--layer", "top"], "unknown layer 'top'; choose from code"),
        (["--only", "magic"], "unknown score 'magic'; choose from leak, judgement"),
        (["--only", "judgement", "--ceiling", "nowhere"], "no checkpoint 'nowhere'; choose from "),
        (["--only", "stability", "--others", "nowhere"], "no checkpoint 'nowhere'; choose from "),
    ):
        assert run([*base, *more, "--json"]) == 2
        assert says in capfd.readouterr().err


def test_labels_that_match_no_image_are_one_sentence_and_the_rest_is_judged(judged, capfd, monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_CACHE", str(judged / "cache"))
    (tmp_path / "other.csv").write_text("file_name,kind\n" + "".join(f"none{one}.png,{one % 2}\n" for one in range(9)))
    found = report(judged, capfd, "--concepts", str(tmp_path / "other.csv"))
    assert "the table is not used" in found["refused"]["other.csv"]
    assert any(row["concept"] == "class" for row in found["concepts"])
    words = ["report", "vqvae-digits", "--dataset", str(judged), "--concepts", str(tmp_path / "gone.csv"), "--json"]
    assert run(words) == 2 and "there is no table" in capfd.readouterr().err


def test_quick_says_which_scores_are_not_made(judged, capfd, monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))
    found = report(judged, capfd, "--quick")
    assert found["concepts"] == [] and found["leak"] == {"exact": None, "near": None}
    assert {name: one["missing"] for name, one in found["scores"].items()} == dict.fromkeys(
        ["leak", "judgement"], "It has not been made; it is without --quick."
    )
