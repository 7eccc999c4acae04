"""Which files of visitors stay, whose go first, and that they go without anybody asking for something."""

import os
import time
from pathlib import Path

import pytest

from explorer.demo import keeping


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where visitors' files lie."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    monkeypatch.setattr(keeping, "_owners", {})
    return tmp_path / "files"


def sent(*contents, who=keeping.NOBODY):
    """Files that a visitor sends one after the other."""
    token = keeping.visitor.set(who)
    found = []
    for content in contents:
        time.sleep(0.02)  # the clock of files has coarse ticks
        found.append(Path(keeping.store(content)))
    keeping.visitor.reset(token)
    return found


def there(files):
    return [one.exists() for one in files]


def test_the_same_content_is_kept_once():
    assert keeping.present() == frozenset()
    first, second = keeping.store(b"a"), keeping.store(b"a")
    assert first == second and Path(first).read_bytes() == b"a"
    assert keeping.present() == {Path(first).parent.name}


def test_the_oldest_go_first(monkeypatch):
    monkeypatch.setattr(keeping, "KEPT", 2)
    files = sent(b"a", b"b", b"c", b"d")
    assert keeping.sweep() == 2
    assert there(files) == [False, False, True, True] and len(keeping.present()) == 2
    assert keeping.sweep() == 0


def test_a_file_that_is_sent_again_counts_as_new(monkeypatch):
    monkeypatch.setattr(keeping, "KEPT", 1)
    first, second, _ = sent(b"a", b"b", b"a")
    keeping.sweep()
    assert first.exists() and not second.exists()


def test_files_of_the_page_itself_are_spared(monkeypatch):
    monkeypatch.setattr(keeping, "KEPT", 1)
    page = sent(b"page", b"another")
    kept = keeping.present()
    visitors = sent(b"a", b"b", b"c")
    assert keeping.sweep(kept) == 2
    assert there([*page, *visitors]) == [True, True, False, False, True]


def test_a_flood_of_one_visitor_removes_their_own(monkeypatch):
    monkeypatch.setattr(keeping, "KEPT", 4)
    first = sent(b"mine", b"mine too", who="a")
    flood = sent(b"1", b"2", b"3", b"4", b"5", who="b")
    keeping.sweep()
    assert there(first) == [True, True] and there(flood) == [False, False, False, True, True]
    monkeypatch.setattr(keeping, "KEPT_EACH", 1)
    keeping.sweep()
    assert there([*first, *flood[3:]]) == [False, True, False, True]


def test_bytes_are_counted_too(monkeypatch):
    monkeypatch.setattr(keeping, "BYTES", 100)
    first = sent(bytes(20), b"1" * 20, who="a")
    flood = sent(b"2" * 40, b"3" * 40, who="b")
    keeping.sweep()
    assert there([*first, *flood]) == [True, True, False, True]
    monkeypatch.setattr(keeping, "BYTES_EACH", 30)
    keeping.sweep()
    assert there([*first, *flood]) == [False, True, False, False]


def test_what_two_have_sent_stays_while_one_of_them_keeps_it(monkeypatch):
    monkeypatch.setattr(keeping, "KEPT_EACH", 1)
    shared, _ = sent(b"same", b"another", who="a")
    sent(b"same", who="b")
    keeping.sweep()
    assert shared.exists()


def test_many_names_of_one_content_are_many_files(folder, monkeypatch):
    monkeypatch.setattr(keeping, "KEPT_EACH", 2)
    files = [Path(keeping.store(b"same", f"{number}.png")) for number in range(5)]
    keeping.claim(files, "a")
    for file in files:
        keeping._owners[file].pop(keeping.NOBODY)
    assert keeping.sweep() == 3 and len(list(folder.rglob("*.png"))) == 2


def test_old_files_and_empty_folders_go(folder, monkeypatch):
    monkeypatch.setattr(keeping, "MINUTES", 0)
    files = sent(b"a")
    time.sleep(0.02)
    assert keeping.sweep() == 1 and not files[0].parent.exists()


def test_files_go_without_an_event(monkeypatch):
    monkeypatch.setattr(keeping, "EVERY", 0.01)
    monkeypatch.setattr(keeping, "KEPT", 1)
    files = sent(b"a", b"b")
    keeping.keep_sweeping(frozenset())
    until = time.monotonic() + 5
    while files[0].exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert there(files) == [False, True]
    monkeypatch.setattr(keeping, "EVERY", 3600)


def test_what_a_broken_upload_left_goes(folder):
    (kept,) = sent(b"a")
    (folder / "tmpabc").write_bytes(b"half")
    (folder / "stray").symlink_to(os.devnull)
    keeping.drop_loose()
    assert not (folder / "tmpabc").exists() and kept.exists() and (folder / "stray").is_symlink()


def test_nothing_to_sweep(folder, monkeypatch):
    monkeypatch.setattr(keeping, "KEPT", 0)
    assert keeping.sweep() == 0
    keeping.drop_loose()
    folder.mkdir()
    (folder / "stray").write_text("x")
    assert keeping.sweep() == 0 and (folder / "stray").exists()
