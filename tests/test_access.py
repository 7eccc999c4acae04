"""Where only some folders may be opened, nothing outside them is read or told of, whichever way it is named."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import access, checkpoints, datasets
from explorer.errors import BadInput

ROOT = Path(__file__).resolve().parents[1]
REFUSED = "is not among the folders that may be opened here"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder that may be opened and one that may not, each with pictures."""
    for name in ("open", "secret"):
        for number in range(12):
            place = tmp_path / name / f"{number}.png"
            place.parent.mkdir(exist_ok=True)
            Image.fromarray(np.full((16, 16, 3), number * 20, np.uint8)).save(place)
    monkeypatch.setenv("EXPLORER_ROOTS", str(tmp_path / "open"))
    return tmp_path


def ways(places):
    secret = places / "secret"
    (places / "open" / "door").symlink_to(secret)
    return [
        str(secret), f"{places}/open/../secret", f"{secret}/0.png", f"{secret}/nothing", "/etc", "/etc/shadow",
        "/no/such/place", "~", "~root", "/proc/self/root/etc", "/dev/zero", "/dev/fd/0", f"{places}/open/door",
        f"/proc/self/cwd/{secret}", f"{places}/{{open,secret}}/x.tar", f"{places}/secret/*.parquet",
    ]  # fmt: skip


def test_what_lies_outside_is_refused_in_the_same_words_whether_it_is_there_or_not(places):
    for way in ways(places):
        for opened in (datasets.load, datasets.native_size, datasets.version, checkpoints.resolve):
            with pytest.raises(BadInput) as told:
                opened(f"{way}@64" if opened is checkpoints.resolve and way.endswith("0.png") else way)
            said = str(told.value)
            assert REFUSED in said or ("stands for files" in said and "{" in way) or said.startswith("no checkpoint '~")


def test_what_lies_within_opens_and_a_link_out_of_it_is_left_out_and_named(places):
    (places / "open" / "linked.png").symlink_to(places / "secret" / "3.png")
    (places / "open" / "all").symlink_to(places / "secret")
    images = datasets.load(str(places / "open"), "all", 16)
    assert len(images) == 12
    assert sum("leads out of the folders that may be opened here" in note for note in images.notes) == 2


def test_shipped_checkpoints_named_datasets_and_the_cache_stay_open(places):
    assert checkpoints.describe(checkpoints.resolve("vqvae-digits")).family == "vqvae"
    assert len(datasets.load("digits", "test")) > 100


def test_a_checkpoint_whose_weights_are_a_link_out_of_its_folder_is_not_read(places):
    from safetensors.numpy import save_file

    save_file({"_encoder._conv_1.weight": np.zeros((2, 2), np.float32)}, places / "secret" / "w.safetensors")
    (places / "open" / "x.safetensors").symlink_to(places / "secret" / "w.safetensors")
    with pytest.raises(BadInput, match=REFUSED):
        checkpoints.describe(places / "open" / "x.safetensors")


COMMANDS = [
    ["inspect", "SECRET"],
    ["usage", "vqvae-digits", "--dataset", "SECRET"],
    ["usage", "SECRET", "--dataset", "digits"],
    ["encode", "vqvae-digits", "--dataset", "SECRET", "--out", "OUT.lance"],
    ["reconstruct", "vqvae-digits", "SECRET/0.png", "--out", "OUT"],
    ["train", "vqvae", "--dataset", "SECRET", "--out", "OUT", "--steps", "1"],
    ["decode", "vqvae-digits", "SECRET/codes.npy", "--out", "OUT"],
    [
        "report",
        "vqvae-digits",
        "--dataset",
        "digits",
        "--concepts",
        "SECRET/labels.csv",
        "--out",
        "OUT.html",
        "--quick",
    ],
    ["relations", "vqvae-digits", "--dataset", "digits", "--interactions", "SECRET/events.csv"],
    ["prior", "sample", "SECRET/prior", "--out", "OUT"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_no_command_opens_what_lies_outside(places, words):
    for name in ("secret", "absent"):
        asked = [
            word.replace("SECRET", str(places / name)).replace("OUT", str(places / "open" / "out")) for word in words
        ]
        program = "import sys; from explorer.commands import run; sys.exit(run(sys.argv[1:]))"
        ended = subprocess.run(
            [sys.executable, "-c", program, *asked], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        assert ended.returncode == 2 and REFUSED in ended.stderr, (name, ended.stderr)


def test_the_same_is_said_in_a_file_of_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CONFIG", str(tmp_path / "config.toml"))
    with pytest.raises(BadInput, match="there is no file"):
        access.roots()
    (tmp_path / "config.toml").write_text(f'roots = ["{tmp_path}"]\npublic = true\n')
    assert access.roots() == (tmp_path.resolve(),) and access.public()
    monkeypatch.setenv("EXPLORER_PUBLIC", "0")
    assert not access.public()
    for text, says in (
        ("roots = 3", "a list of folders"),
        ("root = []", "which is no setting"),
        ("{", "cannot be used"),
    ):
        (tmp_path / "config.toml").write_text(text)
        os.utime(tmp_path / "config.toml", ns=(1, hash(text) % 10**9))
        with pytest.raises(BadInput, match=says):
            access.roots()


def test_without_settings_everything_may_be_opened(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert access.roots() is None and access.within("/etc") and not access.public()
    monkeypatch.setenv("EXPLORER_PUBLIC", "1")
    assert access.roots() == () and not access.within("/etc")


def test_strangers_are_not_told_where_folders_lie(places, monkeypatch):
    monkeypatch.setenv("EXPLORER_PUBLIC", "1")
    with pytest.raises(BadInput) as told:
        access.check("/etc/passwd")
    assert str(places) not in str(told.value) and "choose from the list" in str(told.value)
