"""Where notes lie: not in a cache that may be deleted, and those of earlier versions are brought along."""

from __future__ import annotations

import shutil

from explorer.files import cache_folder, notebook_folder
from explorer.notebook import sets


def test_notes_outlive_the_cache_and_those_in_it_are_brought_along(monkeypatch, tmp_path):
    sets.keep("photos", "round", [1])  # where the cache was moved, notes are in it
    assert notebook_folder().parent == cache_folder()
    monkeypatch.delenv("EXPLORER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shutil.copytree(tmp_path / "cache", cache_folder())
    assert list(sets.find("photos")) == ["round"]
    sets.keep("photos", "red", [0])
    shutil.rmtree(cache_folder())
    assert sorted(sets.find("photos")) == ["red", "round"]
    assert notebook_folder() == tmp_path / "data" / "codebook-explorer" / "notebook"


def test_notes_lie_where_they_are_told_to(monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_NOTEBOOK", str(tmp_path / "notes"))
    sets.keep("photos", "round", [1])
    assert list((tmp_path / "notes").rglob("*.json")) and not (cache_folder() / "notebook").exists()
