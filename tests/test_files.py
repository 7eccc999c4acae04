"""Where files live: a cache that can be written, or one sentence that says how to name one."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from explorer import checkpoints
from explorer.charts import curves
from explorer.datasets import decode_image
from explorer.errors import BadInput, explained
from explorer.files import LIBRARY_CACHES, cache_folder, file_digest, place_library_caches, read_json, sized, write_json


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder; the variables that name caches are unset."""
    for name in ("EXPLORER_CACHE", "XDG_CACHE_HOME", *LIBRARY_CACHES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_a_home_that_can_be_written_has_the_cache_and_libraries_keep_theirs(home, monkeypatch):
    assert cache_folder() == home / ".cache" / "codebook-explorer"
    monkeypatch.setenv("EXPLORER_CACHE", str(home / "own"))
    place_library_caches()
    assert cache_folder() == home / "own" and not set(LIBRARY_CACHES) & set(os.environ)


@pytest.mark.parametrize("broken", ["read-only", "no home"])
def test_a_user_who_owns_nothing_is_told_to_name_a_cache(home, monkeypatch, broken):
    if broken == "no home":
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home directory")))
    else:
        monkeypatch.setattr(os, "access", lambda path, mode: False)  # the tests may run as root, who may do all
    with pytest.raises(BadInput, match=r"no folder for a cache: .* set EXPLORER_CACHE to a folder that can"):
        cache_folder()
    place_library_caches()
    assert not set(LIBRARY_CACHES) & set(os.environ)
    monkeypatch.setenv("EXPLORER_CACHE", str(home / "own"))
    monkeypatch.setenv("HF_HOME", "/elsewhere")
    for name in LIBRARY_CACHES:
        monkeypatch.setenv(name, os.environ.get(name, ""))
        if name != "HF_HOME":
            monkeypatch.delenv(name)
    place_library_caches()
    assert os.environ["NUMBA_CACHE_DIR"] == str(home / "own" / "libraries" / "numba")
    assert os.environ["HF_HOME"] == "/elsewhere"


@pytest.mark.parametrize("what", ["pipe", "device", "folder"])
def test_what_is_no_file_is_neither_waited_for_nor_read_to_its_end(tmp_path, what):
    path = tmp_path / "net" / "config.json"
    path.parent.mkdir()
    {"pipe": os.mkfifo, "device": lambda path: path.symlink_to("/dev/zero"), "folder": Path.mkdir}[what](path)
    for read in (read_json, file_digest):
        with pytest.raises(OSError, match="is no file, but a folder, a pipe or a device"):
            read(path)
    with pytest.raises(BadInput, match=r"'config\.json' is no file, but a folder, a pipe or a device"):
        decode_image(path, 8)
    with pytest.raises(BadInput, match=r"config\.json of net cannot be read: .*is no file"):
        checkpoints.describe(path.parent)
    assert curves.read(path) == []


def test_a_file_that_grows_while_it_is_looked_at_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "big.json"
    path.write_text('"' + "x" * 100 + '"')
    with pytest.raises(ValueError, match=r"big\.json is larger than 50 bytes"):
        read_json(path, limit=50)


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0.0 kB"), (600, "0.6 kB"), (12_500_000, "12.5 MB"), (3e9, "3.0 GB"), (2.5e12, "2,500.0 GB")],
)
def test_sizes_are_in_the_unit_that_suits_them(count, said):
    assert sized(count) == said


def test_what_a_killed_writer_left_goes_with_the_next_one_and_nothing_else_does(tmp_path):
    """A day old, of the same file; not a living writer's, not what the user called alike, not of another file."""
    old = time.time() - 86_400
    names = (".notes.ab12_x9z.json", ".notes.settings.toml", ".notes.LONGNAME.json", ".other.ab12_x9z.json")
    for name in names:
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (old, old))
    (tmp_path / ".notes.living00.json").write_text("half")
    write_json(tmp_path / "notes.json", {})
    assert {path.name for path in tmp_path.iterdir()} == {"notes.json", ".notes.living00.json", *names[1:]}


def test_a_full_disk_names_the_file_and_keeps_what_was_there(tmp_path, monkeypatch):
    write_json(tmp_path / "state.json", {"step": 1})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for way in (Path, "write_bytes"), (os, "fsync"), (os, "replace"):
        with monkeypatch.context() as patch, pytest.raises(BadInput) as raised, explained("save it"):
            patch.setattr(*way, full)
            write_json(tmp_path / "state.json", {"step": 2})
        place = str(tmp_path / "state.json")
        assert str(raised.value) == f"could not save it: the disk of {place!r} is full; free some space and try again"
        assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
        assert read_json(tmp_path / "state.json") == {"step": 1}
