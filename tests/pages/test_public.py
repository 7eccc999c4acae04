"""The app for strangers: they look, start a little and leave nothing; and no address starts work."""

import time

import pytest

from explorer import access, jobs
from explorer.errors import BadInput
from explorer.files import cache_folder
from explorer.pages import visitors


@pytest.fixture
def public(monkeypatch):
    monkeypatch.setenv("EXPLORER_PUBLIC", "1")


@pytest.fixture
def started(monkeypatch):
    found = []
    monkeypatch.setattr(jobs, "start", lambda arguments, *_, **__: found.append(list(arguments)))
    return found


def words(app):
    return " ".join(one.value.replace("\\", "") for one in (*app.warning, *app.caption, *app.error))


def test_strangers_are_told_what_is_offered_and_train_and_upload_no_weights(open_app, studio, public):
    app = open_app(checkpoint="tiny-vqvae")
    assert not app.exception and "A shared server" in words(app)
    labels = [one.label for one in app.expander]
    assert "Train a checkpoint or a prior" not in labels and "Your own checkpoint" not in labels
    assert not any(one.label.startswith("Gather") for one in app.button)


@pytest.mark.parametrize("name", ["dataset", "checkpoint"])
def test_a_link_to_a_path_is_refused_like_any_that_is_not_offered(open_app, studio, public, started, tmp_path, name):
    (tmp_path / "there").mkdir()
    said = set()
    for place in (tmp_path / "there", tmp_path / "absent", cache_folder(), "/etc/passwd", "org/name"):
        app = open_app(checkpoint="tiny-vqvae", dataset="digits", limit="20")
        app.query_params[name] = str(place)
        app.run()
        found = [one.value.replace("\\", "").replace(str(place), "X") for one in app.warning]
        said |= {found[0]}
        assert str(studio.photos) not in found[0]
    assert len(said) == 1 and "is not among the folders that may be opened here" in said.pop() and not started


def test_a_visitor_starts_a_work_at_a_time_and_so_many_an_hour(public, monkeypatch, tmp_path):
    visit = visitors.Visit()
    monkeypatch.setattr(visitors, "_visit", lambda: visit)
    visit.works = {tmp_path / str(number): time.time() - 600 for number in range(visitors.WORKS)}
    with pytest.raises(BadInput, match=r"12 works an hour can be started here; the next in 50 minutes"):
        visitors.refuse_work()
    visit.works.popitem()
    visitors.refuse_work()
    monkeypatch.setattr(visitors, "_active", lambda _, place: True)
    with pytest.raises(BadInput, match="one work of yours is under way"):
        visitors.refuse_work()


def test_a_visitor_sends_so_many_files_and_so_much(public, monkeypatch, tmp_path):
    visit = visitors.Visit()
    monkeypatch.setattr(visitors, "_visit", lambda: visit)
    for number in range(visitors.FILES):
        visitors.receive(tmp_path / str(number), 10)
    visitors.receive(tmp_path / "0", 10)  # again
    with pytest.raises(BadInput, match="30 files of 200 MB in all"):
        visitors.receive(tmp_path / "more", 10)
    visit.files.clear()
    with pytest.raises(BadInput, match="200 MB in all"):
        visitors.receive(tmp_path / "large", visitors.BYTES + 1)


def test_what_a_visitor_sent_goes_when_they_go_and_nobody_elses(public, monkeypatch):
    sent = {}
    for name in ("gone", "here"):
        path = visitors.folder() / f"{name}.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        decoded = cache_folder() / "images" / name
        decoded.mkdir(parents=True)
        (decoded / "meta.json").write_text(f'{{"name": "{path}"}}')
        encoded = cache_folder() / "encodings" / f"{name}.lance"
        encoded.mkdir(parents=True)
        (encoded / "encoding.json").write_text(f'{{"dataset": "{path}"}}')
        sent[name] = (path, decoded, encoded)
    monkeypatch.setattr(
        visitors, "_visits", {name: visitors.Visit(files={path: 1}) for name, (path, *_) in sent.items()}
    )
    visitors.sweep(lambda session: session == "here")
    assert not any(one.exists() for one in sent["gone"]) and all(one.exists() for one in sent["here"])


def test_files_of_visitors_may_be_opened_and_the_rest_of_the_cache_not(public):
    assert access.within(visitors.folder() / "0123.zip")
    for place in (visitors.folder(), cache_folder(), cache_folder() / "uploads", cache_folder() / "jobs" / "1"):
        assert not access.within(place)


def test_an_address_starts_no_work_and_a_click_does(open_app, studio, started, monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))  # so that nothing is known yet
    app = open_app("ids", checkpoint="tiny-vqvae")
    assert not started and any(one.key and one.key.startswith("start-") for one in app.button)
    next(one for one in app.button if one.key and one.key.startswith("start-")).click().run()
    assert len(started) == 1


def test_what_cannot_be_had_is_said_under_the_title(open_app, studio):
    app = open_app(checkpoint="no-such-checkpoint")
    assert [one.value for one in app.main.warning if "such" in one.value] and not app.sidebar.warning
