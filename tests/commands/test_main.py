"""The command line as a script sees it: exit code, standard output, standard error."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.commands import run

ROOT = Path(__file__).resolve().parents[2]
TINY = [
    "precision=float32",
    "hidden=8",
    "residual_blocks=1",
    "residual_channels=8",
    "codes=16",
    "dim=4",
    "images=64",
    "batch_size=16",
    "compile=no",
]
SETTINGS = [part for pair in TINY for part in ("--set", pair)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of checkpoints with one tiny trained network, and a cache."""
    folder = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    patch.setenv("EXPLORER_CACHE", str(folder / "cache"))
    patch.setenv("EXPLORER_CHECKPOINTS", str(folder / "checkpoints"))
    arguments = ["train", "vqvae", "--dataset", "digits", "--out", str(folder / "checkpoints" / "tiny"), "--json"]
    out = os.dup(1)
    with (folder / "out").open("w") as file:
        os.dup2(file.fileno(), 1)
        code = run([*arguments, "--steps", "6", "--device", "cpu", *SETTINGS])
        os.dup2(out, 1)
    os.close(out)
    assert code == 0
    yield folder
    patch.undo()


def call(capfd, *arguments) -> dict:
    """Runs a command with --json, which must print one JSON object and nothing else."""
    capfd.readouterr()
    code = run([*map(str, arguments), "--json"])
    out, err = capfd.readouterr()
    assert code == 0, err
    assert out.count("\n") == 1, out
    return json.loads(out)


def refuse(capfd, *arguments) -> str:
    """Runs a command that must end with 2 and one line on standard error; returns the line."""
    capfd.readouterr()
    code = run([*map(str, arguments)])
    out, err = capfd.readouterr()
    assert code == 2 and out == "", (code, out, err)
    assert err.count("\n") == 1, err
    return err


def test_help_needs_nothing_heavy():
    heavy = "{'torch', 'streamlit', 'pandas', 'pyarrow', 'plotly', 'PIL', 'sklearn', 'numpy'}"
    code = f"import sys, explorer.__main__; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "[]\n"
    text = subprocess.run([sys.executable, "-m", "explorer", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert text.returncode == 0
    for command in ("list", "inspect", "train", "encode", "reconstruct", "usage", "measure", "project"):
        assert command in text.stdout


def test_train_says_what_it_made(home):
    result = json.loads((home / "out").read_text())
    assert result["checkpoint"] == str(home / "checkpoints" / "tiny")
    assert result["steps"] == 6 and result["state"] == "done" and result["seconds"] > 0
    assert result["images_per_second"] > 0 and result["metrics"]["psnr"]["n"] > 100


def test_list(home, capfd):
    found = {entry["name"]: entry for entry in call(capfd, "list")["checkpoints"]}
    assert found["tiny"]["family"] == "vqvae" and found["tiny"]["dataset"] == "digits"
    assert found["tiny"]["layers"][0]["codes"] == 16 and found["tiny"]["parameters"] > 1000
    assert run(["list"]) == 0 and "tiny" in capfd.readouterr().out


def test_inspect(home, capfd):
    facts = call(capfd, "inspect", home / "checkpoints" / "tiny")
    assert (facts["format"], facts["family"], facts["image_size"]) == ("explorer", "vqvae", 32)
    assert facts["layers"] == [{"name": "code", "grid": [8, 8], "dim": 4, "codes": 16}]


def test_inspect_tells_broken_weights(home, tmp_path, capfd):
    shutil.copytree(home / "checkpoints" / "tiny", tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert run(["inspect", str(tmp_path / "cut")]) == 2
    assert capfd.readouterr().err.startswith("explorer: model.safetensors of cut is damaged")


def test_encode_and_usage_agree(home, capfd):
    encoded = call(capfd, "encode", "tiny", "--dataset", "digits", "--limit", 50)
    assert encoded["images"] == 50 and Path(encoded["encoding"]).is_dir() and encoded["images_per_second"] > 0
    usage = call(capfd, "usage", "tiny", "--dataset", "digits", "--limit", 50)
    (layer,) = usage["layers"]
    assert usage["encoding"] == encoded["encoding"], "the encoding was made twice"
    assert layer["codes"] == 16 and layer["tokens"] == 50 * 64 and layer["used"] + layer["dead"] == 16
    assert 1 <= layer["perplexity"] <= 16 and layer["entropy_bits"] == pytest.approx(np.log2(layer["perplexity"]))


def test_a_limit_leaves_every_class_of_a_folder_that_is_sorted_by_class(home, capfd, greys):
    from explorer.encodings import Encoding

    encoded = call(capfd, "encode", "tiny", "--dataset", greys, "--limit", 100)
    shares = Encoding(Path(encoded["encoding"])).concepts()["class"].value_counts(normalize=True)
    assert encoded["images"] == 100 and 0.35 < shares["dark"] < 0.65


def test_project_writes_the_map(home, capfd, tmp_path):
    import pyarrow.parquet as parquet

    out = tmp_path / "map.parquet"
    limits = ["--limit", 50, "--points", 30, "--method", "pca", "--dims", 3]
    result = call(capfd, "project", "tiny", "--dataset", "digits", *limits, "--out", out)
    assert result["map"] == str(out) and result["points"] == 30 and 0.5 < result["trustworthiness"] <= 1
    assert parquet.read_table(out).column_names == ["id", "x", "y", "z"] and result["seconds"] > 0
    assert result["layer"] == "code", "without --layer the first is taken"


def test_encode_writes_where_it_is_told(home, capfd, tmp_path):
    made = call(capfd, "encode", "tiny", "--dataset", "digits", "--limit", 20, "--out", tmp_path / "mine.lance")
    assert made["encoding"] == str(tmp_path / "mine.lance") and (tmp_path / "mine.lance").is_dir()


def test_reconstruct_names_a_broken_image_and_goes_on(home, capfd, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "text.jpg").write_text("no image at all")
    sources = [tmp_path / "a.png", tmp_path / "text.jpg", tmp_path / "b.png"]
    result = call(capfd, "reconstruct", "tiny", *sources, "--out", tmp_path / "out")
    assert [Path(entry["path"]).name for entry in result["images"]] == ["a.png", "b.png"]
    assert [Path(entry["path"]).name for entry in result["skipped"]] == ["text.jpg"]
    for entry in result["images"]:
        original, copy = (np.asarray(Image.open(entry[key])) / 255 for key in ("original", "reconstruction"))
        assert original.shape == copy.shape == (32, 32, 3)
        assert entry["psnr"] == pytest.approx(-10 * np.log10(((original - copy) ** 2).mean()), abs=0.01)
    assert "text.jpg" in refuse(capfd, "reconstruct", "tiny", tmp_path / "text.jpg", "--out", tmp_path / "out")


def test_reconstruct_writes_every_prefix_and_says_what_fills_the_rest(home, capfd, tmp_path):
    rng = np.random.default_rng(0)
    sources = [tmp_path / "a.png", tmp_path / "b.png"]
    for source in sources:
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(source)
    pictures = {}
    for fill in ("mean", "zeros", "other"):
        out = tmp_path / fill
        result = call(capfd, "reconstruct", "vqvae2-shapes", *sources, "--out", out, "--fill", fill)
        assert result["fill"] == fill
        layers = result["images"][0]["layers"]
        assert [layer["name"] for layer in layers] == ["top", "bottom"]
        assert layers[1]["psnr"] == pytest.approx(result["images"][0]["psnr"])
        pictures[fill] = {
            (layer["name"], key): np.asarray(Image.open(layer[key])) for layer in layers for key in ("image", "alone")
        }
        assert np.array_equal(pictures[fill]["bottom", "image"], Image.open(result["images"][0]["reconstruction"]))
    for one, other in (("mean", "zeros"), ("zeros", "other")):
        assert np.array_equal(pictures[one]["bottom", "image"], pictures[other]["bottom", "image"])
        assert not np.array_equal(pictures[one]["bottom", "alone"], pictures[other]["bottom", "alone"])
    text = refuse(capfd, "reconstruct", "vqvae2-shapes", sources[0], "--out", tmp_path / "one", "--fill", "other")
    assert "two images" in text and "zeros" in text


def test_measure_says_what_each_layer_adds_and_what_quality_costs(home, capfd, tmp_path):
    out = tmp_path / "rates.json"
    rates = call(capfd, "measure", "rates", "tiny", "--dataset", "digits", "--limit", "40", "--out", out)
    assert json.loads(out.read_text()) == rates
    (point,) = rates["points"]  # a plain VQ-VAE has one rate
    assert point["bits_per_pixel"] == pytest.approx(64 * 4 / 32**2) and point["psnr"]["n"] == 40
    layers = call(capfd, "measure", "layers", "tiny", "--dataset", "digits", "--limit", "40")["layers"]
    assert layers[0]["psnr"]["mean"] == pytest.approx(point["psnr"]["mean"], abs=1e-3)
    codecs = call(capfd, "measure", "codecs", "tiny", "--dataset", "digits", "--limit", "40")
    assert {one["codec"] for one in codecs["points"]} == {"JPEG", "WebP"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["measure", "colour", "tiny", "--dataset", "digits"], ["colour", "layers", "rates", "codecs"]),
        (["measure", "layers", "tiny", "--dataset", "digits", "--fill", "red"], ["red", "mean", "zeros", "other"]),
        (["measure", "rates", "tiny", "--dataset", "digits", "--fill", "mean"], ["fill"]),
        (["train", "vqvae2", "--dataset", "digits", "--set", "levels=4"], ["levels", "4", "2, 3"]),
        (["train", "vqvae", "--dataset", "digits", "--set", "loss=mse+magic"], ["magic", "perceptual"]),
        (["train", "vqvae", "--dataset", "digits", "--set", "loss=mse+peco(none)"], ["none", "mae-shapes"]),
        (["train", "vqvea", "--dataset", "digits"], ["vqvea", "vqvae", "mae"]),
        (["train", "vqvae", "--dataset", "digits", "--set", "coeds=3"], ["coeds", "codes", "batch_size"]),
        (["train", "vqvae", "--dataset", "digits", "--set", "codes=abc"], ["codes", "whole number", "abc"]),
        (["train", "vqvae", "--dataset", "digits", "--set", "codes"], ["--set codes=VALUE"]),
        (["train", "vqvae", "--dataset", "digits", "--set", "quantizer=magic"], ["magic", "ema"]),
        (["train", "vqvae", "--dataset", "digits", "--set", "image_size=33"], ["33", "32", "36"]),
        (["train", "vqvae", "--dataset", "nowhere"], ["nowhere", "shapes"]),
        (["train", "vqvae"], ["--dataset"]),
        (["paint"], ["paint"]),
        (["inspect", "nothing"], ["nothing", "tiny"]),
        (["encode", "nothing", "--dataset", "digits"], ["nothing", "tiny"]),
        (["encode", "tiny", "--dataset", "nowhere"], ["nowhere", "shapes"]),
        (["usage", "tiny", "--dataset", "digits", "--limit", "0"], ["--limit"]),
        (["project", "tiny", "--dataset", "digits", "--method", "magic"], ["magic", "umap", "pca"]),
        (["project", "tiny", "--dataset", "digits", "--out", "map.csv"], ["map.csv", ".parquet"]),
    ],
)
def test_bad_input_is_one_line_that_names_value_and_choices(home, capfd, arguments, words):
    line = refuse(capfd, *arguments)
    assert all(word in line for word in words), line


def test_an_existing_checkpoint_is_not_overwritten(home, capfd):
    out = home / "checkpoints" / "tiny"
    before = (out / "model.safetensors").read_bytes()
    run(["train", "vqvae", "--dataset", "digits", "--out", str(out), "--steps", "1", *SETTINGS])
    assert "already exists" in capfd.readouterr().err
    assert (out / "model.safetensors").read_bytes() == before


def test_sigterm_saves_and_resume_goes_on(home, capfd, tmp_path):
    out = tmp_path / "run"
    arguments = ["train", "vqvae", "--dataset", "digits", "--out", str(out), *SETTINGS, "--device", "cpu", "--json"]
    child = subprocess.Popen(
        [sys.executable, "-m", "explorer", *arguments, "--steps", "3000"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        end = time.monotonic() + 90
        while not (out / "metrics.jsonl").exists():
            assert time.monotonic() < end and child.poll() is None
            time.sleep(0.1)
        child.send_signal(signal.SIGTERM)
        printed, _ = child.communicate(timeout=60)
    finally:
        child.kill()
    stopped = json.loads(printed)
    assert child.returncode == 130 and stopped["state"] == "stopped" and 0 < stopped["steps"] < 3000
    total = stopped["steps"] + 2
    resumed = call(capfd, *arguments[:-1], "--steps", total, "--resume")
    assert resumed["state"] == "done" and resumed["steps"] == total


def test_codes_in_the_names_of_files_do_not_reach_the_terminal(home, tmp_path, capfd):
    good, bad = tmp_path / "good\x1b[2J.png", tmp_path / "red\x1b[31m.png"
    Image.new("RGB", (32, 32)).save(good)
    bad.write_bytes(b"no picture")
    capfd.readouterr()
    assert run(["reconstruct", "tiny", str(good), str(bad), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    out, err = capfd.readouterr()
    assert "\x1b" not in out + err
    assert r"good\x1b[2J-reconstruction.png" in out and r"skipped" in err and r"red\x1b[31m.png" in err
    assert run(["inspect", str(bad)]) == 2
    out, err = capfd.readouterr()
    assert "\x1b" not in out + err and r"red\x1b[31m.png" in err


def test_status_and_log_of_a_job_hold_no_codes(tmp_path):
    from explorer.progress import Progress

    progress = Progress(1, "images", status=tmp_path / "status.json", quiet=True)
    progress.update(0, "decoding red\x1b[31m.png", force=True)
    assert json.loads((tmp_path / "status.json").read_text())["message"] == r"decoding red\x1b[31m.png"


def test_names_in_what_is_printed_are_cut_and_hold_no_codes(home, tmp_path, capfd):
    long = tmp_path / "checkpoints" / "long"
    shutil.copytree(home / "checkpoints" / "tiny", long)
    config = json.loads((long / "config.json").read_text())
    name = "\x9b2J\u202e" + "x" * 10**6
    (long / "config.json").write_text(json.dumps(config | {"dataset": name}))
    capfd.readouterr()
    assert run(["inspect", str(long)]) == 0
    out = capfd.readouterr().out
    assert r"dataset: \x9b2J\u202exxx" in out and max(map(len, out.splitlines())) < 1300
    assert run(["inspect", str(long), "--json"]) == 0
    out = capfd.readouterr().out
    assert out.strip().isprintable() and json.loads(out)["dataset"] == name


LOUD = """
import logging, sys, warnings
from explorer import checkpoints, commands
from explorer.errors import BadInput

def describe(path):
    warnings.warn("a library's warning")
    logging.getLogger("PIL.Image").warning("a library's line")
    raise BadInput("the sentence")

checkpoints.describe = describe
sys.exit(commands.run(["inspect", "vqvae-digits"]))
"""


@pytest.mark.parametrize(("switch", "said"), [([], []), (["-W", "default"], ["a library's warning"])])
def test_lines_of_libraries_do_not_come_before_the_sentence(switch, said):
    ended = subprocess.run([sys.executable, *switch, "-c", LOUD], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2 and ended.stderr.splitlines()[-1] == "explorer: the sentence"
    assert [one in ended.stderr for one in said] == [True] * len(said)
    assert said or ended.stderr.count("\n") == 1


def test_masks_tells_the_worst_and_the_best_of_a_ratio(home, capfd):
    import torch

    from explorer import checkpoints
    from explorer.models import build
    from tests.pages.conftest import SETTINGS as TINY_ONES

    torch.manual_seed(0)
    path = home / "checkpoints" / "filling"
    path.mkdir()
    network = build("mae", {**TINY_ONES["mae"], "patch": 8}, 32).eval()
    checkpoints.save(path, network, family="mae", dataset="digits", training={}, metrics={}, card="# tiny")
    told = call(capfd, "masks", "filling", "--dataset", "digits", "--image", 3, "--ratio", 25)
    assert told["hidden"] == 4 and told["grid"] == [4, 4] and told["image"] == 3 and told["random"]["masks"] == 20
    assert told["best"]["mse"] <= told["random"]["mean"] <= told["worst"]["mse"] and len(told["worst"]["patches"]) == 4
    again = call(capfd, "masks", "filling", "--dataset", "digits", "--image", 3)
    assert again["masks"] == told["masks"] and again["hidden"] == 12, "one search serves every ratio"
    assert run(["masks", "tiny", "--dataset", "digits", "--image", "3"]) == 2
    assert "cannot fill in hidden patches" in capfd.readouterr().err
