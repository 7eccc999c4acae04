"""Datasets by their name on the Hub: what is fetched and said, against a server that answers as the Hub does."""

import hashlib
import http.server
import io
import json
import re
import threading
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from explorer import datasets
from explorer.datasets import hub
from explorer.errors import BadInput, Cancelled
from explorer.progress import Progress

COMMIT = "b" * 40


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers about and with files; `server.repos` is {(name, branch): {file: bytes}}."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        path = unquote(self.path.partition("?")[0])
        self.server.asked.append(path)
        for (name, branch), files in self.server.repos.items():
            if path == f"/api/datasets/{name}" + (f"/revision/{branch}" if branch else ""):
                facts = [{"rfilename": file, "size": len(data)} for file, data in files.items()]
                return self.send(200, json.dumps({"id": name, "sha": COMMIT, "siblings": facts}).encode(), body)
            held = re.fullmatch(rf"/datasets/{name}/resolve/{COMMIT}/(.*)", path)
            if held and held[1] in files:
                return self.send(200, files[held[1]], body)
        known = any(path.startswith(f"/api/datasets/{name}/revision") for name, _ in self.server.repos)
        return self.send(404, b"{}", body, error="RevisionNotFound" if known else "RepoNotFound")

    def send(self, code, data, body, error=None):
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_FENCE", "off")  # the patches are of this process
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub, "_failed", {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.repos, made.asked = {}, []
        threading.Thread(target=made.serve_forever, daemon=True).start()
        monkeypatch.setattr("explorer.hub.ENDPOINT", f"http://127.0.0.1:{made.server_port}")
        yield made
        made.shutdown()


def shard(values):
    file, rows = io.BytesIO(), []
    for value in values:
        held = io.BytesIO()
        Image.new("RGB", (12, 12), (value, 9, 9)).save(held, "PNG")
        rows.append({"bytes": held.getvalue(), "path": None})
    features = {
        "info": {"features": {"image": {"_type": "Image"}, "label": {"names": ["x", "y"], "_type": "ClassLabel"}}}
    }
    table = pa.table({"image": rows, "label": [value % 2 for value in values]})
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), file)
    return file.getvalue()


def reds(name, split):
    return datasets.load(name, split, 8).read(slice(None))[:, 0, 0, 0].tolist()


def fetched(server):
    return sorted({path.split(f"{COMMIT}/")[1] for path in server.asked if f"{COMMIT}/" in path})


def test_only_the_split_that_is_opened_is_fetched_and_it_is_found_again_without_a_network(server, tmp_path):
    server.repos["org/set", hub.CONVERTED] = {
        "default/train/0000.parquet": shard(range(4)),
        "default/train/0001.parquet": shard(range(4, 8)),
        "default/test/0000.parquet": shard(range(8, 11)),
    }
    assert datasets.split_names("org/set") == ("train", "test") and datasets.native_size("org/set") == 64
    assert not fetched(server) and not datasets.ready("org/set", "test", 8)
    progress = Progress(0, "images", status=tmp_path / "status.json", quiet=True)
    images = datasets.load("org/set", "test", 8, progress=progress)
    assert fetched(server) == ["default/test/0000.parquet"]
    assert images.read(slice(None))[:, 0, 0, 0].tolist() == [8, 9, 10]
    assert images.concepts["label"].tolist() == ["x", "y", "x"]
    assert reds("org/set", "train") == list(range(8))
    assert datasets.absolute("org/set") == "org/set" and datasets.absolute("no-set") != "no-set"
    server.shutdown()
    server.server_close()
    assert datasets.load("org/set", "test", 12).read([0]).shape == (1, 12, 12, 3)  # decoded anew


def test_what_comes_is_told_in_bytes_and_can_be_stopped(server, monkeypatch):
    server.repos["org/set", hub.CONVERTED] = {f"d/{split}/0.parquet": shard(range(200)) for split in ("train", "test")}
    said = []

    class Told(Progress):
        def update(self, done, message="", **more):
            said.append(message)
            super().update(done, message, **more)

    datasets.load("org/set", "test", 8, progress=Told(0, "images", quiet=True))
    size = len(server.repos["org/set", hub.CONVERTED]["d/test/0.parquet"]) / 1e6
    assert f"downloading org/set: 0.0 of {size:,.1f} MB, file 1 of 1" in said
    assert f"downloading org/set: {size:,.1f} of {size:,.1f} MB, file 1 of 1" in said
    progress = Progress(0, "images", quiet=True)
    progress.cancel()
    with pytest.raises(Cancelled):
        datasets.load("org/set", "train", 8, progress=progress)


def test_configurations_are_chosen_by_name(server):
    server.repos["org/set", hub.CONVERTED] = {
        f"{config}/{split}/0000.parquet": shard([start + n, start + n + 1])
        for start, config in enumerate(("big", "small"))
        for n, split in ((10, "train"), (20, "validation"))
    }
    with pytest.raises(BadInput, match="org/set: it has several; choose from org/set@big, org/set@small"):
        datasets.load("org/set")
    with pytest.raises(BadInput, match="it has no such configuration; choose from org/set@big, org/set@small"):
        datasets.load("org/set@huge")
    assert (reds("org/set@small", "train"), reds("org/set@small", "test")) == ([11, 12], [21, 22])
    assert all("small" in file for file in fetched(server))


def test_a_set_without_splits_or_conversion_and_a_part_of_one(server):
    server.repos["org/plain", ""] = {"data/train-00000.parquet": shard(range(40)), "README.md": b"", "x.py": b""}
    assert datasets.split_names("org/plain") == ("train", "test")
    assert sorted(reds("org/plain", "train") + reds("org/plain", "test")) == list(range(40))
    server.repos["org/part", hub.CONVERTED] = {
        "default/partial-train/0000.parquet": shard([1, 2]),
        "default/test/0000.parquet": shard([3]),
        "default/extra/0000.parquet": shard([4]),
    }
    images = datasets.load("org/part", "train", 8)
    assert images.read(slice(None))[:, 0, 0, 0].tolist() == [1, 2]
    assert images.notes == (
        "the Hub has converted only a part of the split train of org/part",
        "of org/part what is neither for training nor for testing is left out: extra",
    )


def test_what_cannot_be_had_is_one_sentence_that_is_not_asked_for_twice(server, monkeypatch, tmp_path):
    server.repos["org/texts", ""] = {"README.md": b"x"}
    for name, says in (("org/none", "there is no such name on the Hub"), ("org/texts", "has no Parquet files there")):
        with pytest.raises(BadInput, match=f"there is no folder '{name}', and as a name .* {says}") as told:
            datasets.load(name)
        assert "\n" not in str(told.value)
    count = len(server.asked)
    with pytest.raises(BadInput, match="there is no such name on the Hub"):
        datasets.load("org/none")
    assert len(server.asked) == count
    server.repos["org/big", hub.CONVERTED] = {f"d/{split}/0.parquet": shard([1]) for split in ("train", "test")}
    monkeypatch.setattr(hub, "RESERVE", 1 << 60)
    with pytest.raises(
        BadInput, match=r"its split test has 1 files of [\d.]+ kB, and .* has room for .* set HF_HUB_CACHE"
    ):
        datasets.load("org/big")
    server.shutdown()
    server.server_close()
    with pytest.raises(BadInput, match=r"the Hub cannot be reached .*without a network, give the path of a folder"):
        datasets.load("org/other")
