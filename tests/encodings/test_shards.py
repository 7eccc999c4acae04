"""Several processes make one Encoding: equal to that of one, a shard made again and no other, put together once."""

import json
import shutil
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.commands import run
from explorer.encodings import Encoding, codebooks, columns, encoder, fragments, layout
from explorer.encodings.fragments import Shard
from explorer.errors import BadInput
from explorer.jobs.locks import Claims
from explorer.progress import Progress
from tests.encodings.test_encoding import N, Noise, Tiny, encoded, same, small_shards, stop_after  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]


def part(folder, shard, model=None, images=None, key="k", helping=False, progress=None):
    return encoder.write_shard(
        model or Tiny(), images or Noise(), folder, Shard.of(shard), helping=helping, key=key, device="cpu",
        settings=encoder.Settings(kmeans=7, batch=40), progress=progress or Progress(0, "images", quiet=True),
    )  # fmt: skip


def equal(found, encoded):  # noqa: F811
    names = "postings/code.tokens.npy", "postings/whole.tokens.npy", "postings/code.offsets.npy"
    books = [codebooks.load(one.path / codebooks.FILE)[0] for one in (found, encoded)]
    return (
        same(found, encoded)
        and all((found.path / name).read_bytes() == (encoded.path / name).read_bytes() for name in names)
        and all(torch.equal(books[0][layer].vectors, book.vectors) for layer, book in books[1].items())
    )


@pytest.mark.parametrize("order", [("1/2", "2/2"), ("3/3", "1/3", "2/3"), tuple(f"{9 - i}/9" for i in range(9))])
def test_shards_in_any_order_are_the_encoding_of_one_process(tmp_path, encoded, order):  # noqa: F811
    folder, made = tmp_path / "x.lance", 0
    for shard in order:
        found = part(folder, shard)
        made += found.images
        assert (layout.complete(folder) is not None) == (found.facts is not None) == (made == N)
        assert found.total - found.there == N - made and bool(found.lacking) == (made < N)
    assert equal(Encoding(folder), encoded) and len(list((folder / "_versions").glob("*.manifest"))) == 1
    assert not (folder / layout.RECORDS).exists() and not (folder / layout.JOURNAL).exists()
    again = Tiny()
    assert part(folder, order[0], again).images == 0 == again.calls


def test_a_shard_that_was_killed_is_made_again_and_no_other(tmp_path, encoded, monkeypatch):  # noqa: F811
    folder, store = tmp_path / "x.lance", fragments.Unfinished.store
    assert part(folder, "2/2").images == N - 192
    kept = {path: path.stat().st_mtime_ns for path in (folder / "data").iterdir()}

    def killed(self, index, table, **figures):
        if index == 1:
            (folder / "data" / "half.lance").write_bytes(b"LANC")
            raise KeyboardInterrupt
        store(self, index, table, **figures)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fragments.Unfinished, "store", killed)
        part(folder, "1/2")
    model = Tiny()
    found = part(folder, "1/2", model)
    assert (found.images, model.images) == (96, 96) and found.facts["resumed_at"] == N - 96
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
    assert not (folder / "data" / "half.lance").exists()
    assert equal(Encoding(folder), encoded)


def test_the_whole_command_makes_what_shards_lack(tmp_path, encoded):  # noqa: F811
    folder, model = tmp_path / "x.lance", Tiny()
    part(folder, "2/4")
    settings = encoder.Settings(kmeans=7, batch=40)
    encoder.write(model, Noise(), folder, key="k", settings=settings, device="cpu", progress=stop_after(10**9))
    assert model.images == N - 96 and equal(Encoding(folder), encoded)


def test_one_that_helps_makes_what_nobody_else_does_and_waits_for_the_rest(tmp_path, encoded):  # noqa: F811
    folder, model = tmp_path / "x.lance", Tiny()
    part(folder, "4/4")
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder / layout.RECORDS / layout.CLAIMS), str(fragments.FIRST + 2)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout.readline() == "True\n"
    waited = threading.Event()

    class Waiting(Progress):
        def update(self, done, message="", **figures):
            if "other processes" in message and not waited.is_set():
                assert model.images == 192 == done - (N - 288)  # neither the third, nor the last, which is there
                waited.set()
                other.kill()
            super().update(done, message, **figures)

    found = part(folder, "1/4", model, helping=True, progress=Waiting(0, "images", quiet=True))
    other.wait()
    assert waited.is_set() and found.facts is not None and model.images == 288
    assert equal(Encoding(folder), encoded)


HOLDS = """
import sys
from pathlib import Path
from explorer.jobs.locks import Claims
claims = Claims(Path(sys.argv[1]))
print(claims.take(int(sys.argv[2])), flush=True)
sys.stdin.read()
"""


def test_claims_are_those_of_a_process_and_end_with_it(tmp_path):
    words = [sys.executable, "-c", HOLDS, str(tmp_path / "claims"), "7"]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "True\n"
        claims = Claims(tmp_path / "claims")
        assert not claims.take(7) and not claims.take(0, 100) and claims.take(8)
        other.kill()
        other.wait()
        assert claims.take(7) and claims.current()
    (tmp_path / "claims").unlink()
    assert not claims.current()
    claims.close()


def test_other_inputs_never_mix(tmp_path, encoded, monkeypatch):  # noqa: F811
    folder = tmp_path / "x.lance"
    part(folder, "1/2", images=Noise(seed=1), key="other")
    words = [sys.executable, "-c", HOLDS, str(folder / layout.RECORDS / layout.CLAIMS), str(fragments.PRESENT)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "True\n"
        with pytest.raises(BadInput, match="encoding something else"):
            part(folder, "1/2")
        other.kill()
    assert part(folder, "1/2").images == 192  # nobody writes the other one any more
    assert part(folder, "2/2").images == N - 192 and equal(Encoding(folder), encoded)


@pytest.mark.parametrize("harm", ["data", "codebooks"])
def test_what_was_damaged_while_unfinished_is_made_again(tmp_path, encoded, harm):  # noqa: F811
    folder, model = tmp_path / "x.lance", Tiny()
    part(folder, "1/2")
    victim = folder / codebooks.FILE if harm == "codebooks" else sorted((folder / "data").iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:50])
    part(folder, "1/2", model)
    assert model.images == {"data": 96, "codebooks": 192 + 300}[harm]  # k-means looks at all, too
    part(folder, "2/2")
    assert equal(Encoding(folder), encoded)


def test_codebooks_that_two_fitted_at_once_are_those_of_one(tmp_path, encoded):  # noqa: F811
    """As where there are no locks: a shard was made with codebooks that another process has replaced since."""
    folder, model = tmp_path / "x.lance", Tiny()
    part(folder, "1/2")
    record = folder / layout.RECORDS / "0000000.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"codebooks": "of another fit"}))
    found = part(folder, "2/2", model)
    assert found.facts is None and found.lacking == (0,)
    assert part(folder, "1/2", model).facts is not None
    assert model.images == N - 192 + 96 and equal(Encoding(folder), encoded)


def test_a_folder_that_is_removed_meanwhile_is_one_sentence(tmp_path, encoded):  # noqa: F811
    folder = tmp_path / "x.lance"

    class Removing(Progress):
        def update(self, done, message="", **figures):
            if done == 40:
                shutil.rmtree(folder)
            super().update(done, message, **figures)

    with pytest.raises(BadInput, match="was removed while it was being written; encode again"):
        part(folder, "1/1", progress=Removing(0, "images", quiet=True))
    assert part(folder, "1/1").facts is not None and equal(Encoding(folder), encoded)


def test_an_index_that_is_there_is_not_built_again(tmp_path, encoded, monkeypatch):  # noqa: F811
    folder, built = tmp_path / "x.lance", []
    build = encoder.build_postings

    def killed(folder, layer, codes, images):
        if built:
            raise KeyboardInterrupt
        built.append(layer.name)
        build(folder, layer, codes, images)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(encoder, "build_postings", killed)
        part(folder, "1/1")
    with monkeypatch.context() as patch:
        patch.setattr(encoder, "build_postings", lambda *asked: (built.append(asked[1].name), build(*asked)))
        model = Tiny()
        assert part(folder, "1/1", model).images == 0 == model.calls
    assert built == ["whole", "code"] and equal(Encoding(folder), encoded)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3"])
def test_shards_are_counted_from_one(text):
    with pytest.raises(BadInput, match="i from 1 to n"):
        Shard.of(text)


def test_shards_are_neighbours_and_lack_nothing():
    for total in (1, 3, 10, 245):
        for count in (1, 2, 3, 7, 300):
            parts = [Shard(number + 1, count).fragments(total) for number in range(count)]
            assert [index for one in parts for index in one] == list(range(total))
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_batch_that_a_gpu_does_not_hold_is_made_in_halves(tmp_path, encoded):  # noqa: F811
    class Small(Tiny):
        def encode(self, images):
            if len(images) > 12:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return super().encode(images)

    part(tmp_path / "x.lance", "1/4")  # fits k-means codes, in whole batches
    part(tmp_path / "x.lance", "1/1", Small())
    assert equal(Encoding(tmp_path / "x.lance"), encoded)


def test_memory_holds_a_few_fragments_however_many_there_are(tmp_path):
    def peak(count):
        images = Noise(count)
        tracemalloc.start()
        part(tmp_path / f"{count}.lance", "1/1", images=images)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most, sum(path.stat().st_size for path in (tmp_path / f"{count}.lance" / "data").iterdir())

    peak(96)  # libraries are loaded
    (few, small), (many, large) = peak(10 * 96), peak(40 * 96)
    assert many - few < (large - small) / 2


def test_seconds_count_once_however_many_worked():
    def record(began, ended):
        return {"began": began, "ended": ended}

    assert fragments.busy([record(0, 2), record(2, 3)]) == 3
    assert fragments.busy([record(1, 4), record(0, 2), record(10, 11)]) == 5  # two at once, then a pause
    assert fragments.busy([record(5, 3)]) == 0  # the clock was set back


def test_the_command_tells_what_a_shard_made_and_what_is_missing(tmp_path, capfd, monkeypatch):
    words = ["encode", "vqvae-digits", "--dataset", "digits", "--limit", "250", "--device", "cpu", "--json"]
    monkeypatch.setattr(columns, "LARGEST_FRAGMENT", 64)
    told = []
    for shard in ("2/3", "1/3", "3/3", "1/3"):
        assert run([*words, "--out", str(tmp_path / "x.lance"), "--shard", shard]) == 0
        told.append(json.loads(capfd.readouterr().out))
    assert [one["images"] for one in told] == [64, 64, 122, 0]
    assert [one["missing"] for one in told] == [186, 122, 0, 0] and [one["of"] for one in told] == [250] * 4
    assert [one["missing_shards"] for one in told] == [["1/3", "3/3"], ["3/3"], [], []]
    assert [one["complete"] for one in told] == [False, False, True, True]
    assert run([*words, "--shard", "4/3"]) == 2 and "i from 1 to n" in capfd.readouterr().err
    assert run([*words, "--out", str(tmp_path / "y.lance")]) == 0
    assert same(Encoding(tmp_path / "x.lance"), Encoding(tmp_path / "y.lance"))


def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(tmp_path):
    words = ["tests/benchmarks/encode_kills.py", "--kills", "4", "--images", "600", "--fragment", "96", "--json"]
    found = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["kills"] >= 4 and json.loads(found.stdout)["different"] == 0


def test_a_launcher_s_processes_are_one_encoding(tmp_path, capfd, monkeypatch):
    """As under torchrun, whose own processes are left out: the first is another process, the second is this one."""
    words = "import sys; from explorer.encodings import columns; columns.LARGEST_FRAGMENT = 64; "
    words += "from explorer.commands import run; sys.exit(run(sys.argv[1:]))"
    asked = ["encode", "vqvae-digits", "--dataset", "digits", "--limit", "250", "--device", "cpu", "--json"]
    asked += ["--out", str(tmp_path / "x.lance")]
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(columns, "LARGEST_FRAGMENT", 64)
    with subprocess.Popen([sys.executable, "-c", words, *asked], cwd=ROOT, stdout=subprocess.PIPE, text=True) as first:
        monkeypatch.setenv("RANK", "1")
        assert run(asked) == 0 and capfd.readouterr().out == ""
        told = json.loads(first.communicate(timeout=120)[0])
    assert first.returncode == 0
    assert set(told) >= {"encoding", "images", "seconds", "images_per_second"} and told["images"] == 250
    ids = Encoding(tmp_path / "x.lance").dataset.to_table(["id"]).column(0)
    assert np.array_equal(ids.to_numpy(), np.arange(250))
