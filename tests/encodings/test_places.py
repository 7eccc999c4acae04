"""Encodings in object storage, on a real server of S3's protocol: the gateway of JuiceFS, on files of this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pyarrow import fs

from explorer import places, results
from explorer.commands import run
from explorer.encodings import Encoding, columns, encoder
from explorer.errors import BadInput, Unanswered
from explorer.progress import Progress
from explorer.results.subject import Subject
from tests import object_store
from tests.encodings.test_encoding import N, Noise, Tiny, encoded, same, small_shards, write  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if object_store.PROGRAM is None:
        pytest.skip(object_store.ABSENT)
    with object_store.served(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def bucket(server, monkeypatch, tmp_path):
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    return f"s3://codes/{tmp_path.name}"


def another_machine(monkeypatch, tmp_path):
    """Nothing of what was written here is there."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "another"))


def test_what_is_written_there_is_the_same_and_is_read_by_another_machine(bucket, monkeypatch, tmp_path, encoded):  # noqa: F811
    place = f"{bucket}/x.lance"
    assert same(write(place), encoded)
    another_machine(monkeypatch, tmp_path)
    found = Encoding(place)
    assert same(found, encoded) and np.array_equal(found.codes("code"), encoded.codes("code"))
    for code in range(20):
        for mine, other in zip(found.top_patches("code", code, 5), encoded.top_patches("code", code, 5), strict=True):
            assert np.array_equal(mine, other)
        for mine, other in zip(found.images_with("code", code), encoded.images_with("code", code), strict=True):
            assert np.array_equal(mine, other)
    held = sum(path.stat().st_size for path in found.path.rglob("*") if path.is_file())
    assert held < 20_000 and not list(found.path.rglob("*.lance"))  # rows and tokens stayed there


def slowly(place):
    """What the process that is killed does: a quarter of a second for each batch."""

    class Slow(Tiny):
        def encode(self, images):
            time.sleep(0.25)
            return super().encode(images)

    columns.LARGEST_FRAGMENT = 96
    settings, quiet = encoder.Settings(kmeans=7, batch=40), Progress(0, "images", quiet=True)
    encoder.write(Slow(), Noise(), place, key="k", settings=settings, device="cpu", progress=quiet)


def test_after_a_kill_another_machine_goes_on(bucket, monkeypatch, tmp_path, encoded):  # noqa: F811
    place = f"{bucket}/x.lance"
    code = f"from tests.encodings.test_places import slowly; slowly({place!r})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    there = places.Remote(place, tmp_path)
    deadline = time.time() + 60
    while sum(name.endswith(".json") for name in there.sizes("unfinished")) < 2 and time.time() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(BadInput, match="not a complete encoding"):
        Encoding(place)
    another_machine(monkeypatch, tmp_path)
    model = Tiny()
    resumed = write(place, model)
    assert same(resumed, encoded) and model.images <= N - 96 and resumed.facts["resumed_at"] >= 96
    assert {name.partition("/")[0] for name in there.sizes()} <= {
        "data", "postings", "encoding.json", "codebooks.safetensors", "_versions", "_transactions",
    }  # fmt: skip


def test_a_fragment_that_is_gone_or_a_marker_that_lies_is_no_encoding(bucket, encoded):  # noqa: F811
    place = f"{bucket}/x.lance"
    write(place)
    there = places.Remote(place, places.local(place))
    there.remove(next(name for name in there.sizes("data")))
    with pytest.raises(BadInput, match="not a complete encoding"):
        Encoding(place)
    assert same(write(place), encoded)


def test_the_command_keeps_encodings_where_it_is_told(bucket, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("EXPLORER_ENCODINGS", bucket)
    asked = ["vqvae-digits", "--dataset", "digits", "--limit", "40"]
    assert run(["encode", *asked, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["encoding"].startswith(f"{bucket}/") and told["images"] == 40
    another_machine(monkeypatch, tmp_path)
    assert run(["usage", *asked, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["encoding"] == told["encoding"]
    assert not (tmp_path / "another" / "encodings").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "access is denied"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "it does not answer"),
        ({}, "there is no such bucket"),
    ],
)
def test_what_storage_refuses_is_one_sentence(bucket, monkeypatch, change, said):
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    places._opened.cache_clear()
    place, started = "s3://another/x.lance" if not change else f"{bucket}/x.lance", time.time()
    with pytest.raises(BadInput, match=said) as refused:
        write(place)
    places._opened.cache_clear()
    assert "\n" not in str(refused.value) and time.time() - started < 60


def test_a_server_that_stops_is_no_damage_and_nothing_is_made_anew(server, bucket, monkeypatch, tmp_path, encoded):  # noqa: F811
    place = f"{bucket}/x.lance"
    found = write(place)
    monkeypatch.setenv("EXPLORER_ENCODINGS", bucket)
    subject = Subject.of("vqvae-digits", dataset="digits", limit=10)
    assert results.find("encoding", subject) is None
    server.stop()
    try:
        for ask in (
            lambda: found.codes("code", [0]), lambda: found.top_patches("code", 3), lambda: Encoding(place),
            lambda: results.find("encoding", subject),
        ):  # fmt: skip
            with pytest.raises(Unanswered, match="does not answer"):
                ask()
    finally:
        server.start()
    assert same(Encoding(place), encoded) and found.codes("code", [0]).shape == (1, 4, 4)


def test_other_addresses_are_refused():
    with pytest.raises(BadInput, match="named as s3://"):
        Encoding("gs://bucket/x.lance")


def test_a_bucket_cannot_write_elsewhere_nor_fill_the_disk(bucket, monkeypatch, tmp_path):
    place = f"{bucket}/x.lance"
    write(place)
    there = places.Remote(place, places.local(place))
    named = [
        f"{there._path}/{name}" for name in ("../evil.safetensors", "a/../../evil.safetensors", "fine.safetensors")
    ]

    class Hostile:
        def get_file_info(self, _):
            return [fs.FileInfo(path=name, type=fs.FileType.File, size=3) for name in named]

    with monkeypatch.context() as patch:
        patch.setattr(places, "_system", Hostile)
        assert there.sizes() == {"fine.safetensors": 3}
    another_machine(monkeypatch, tmp_path)
    monkeypatch.setattr(places, "LARGEST", 10)
    with pytest.raises(BadInput, match="is larger than"):
        Encoding(place)
