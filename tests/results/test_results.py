"""Every kind of result is kept, found, made again and asked for in one way."""

from __future__ import annotations

import gzip
import os
import shutil
import threading

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import checkpoints, models, results
from explorer.commands import run
from explorer.errors import BadInput
from explorer.progress import Progress
from explorer.results import RESULTS, maps
from explorer.results.subject import Subject
from tests.priors.folders import keep

OPTIONS = {"encoding": None, "map": {"method": "pca"}, "layers": {"fill": "zeros"}, "rates": None, "codecs": None}
OPTIONS |= {"pictures": None, "score": {"score": "leak"}, "comparison": {}, "retrieval": None}
OPTIONS |= {"suggestions": {"image": 1, "towards": 2, "swaps": 2, "layer": "bottom"}}
OPTIONS |= {"index": {"by": "ze", "exact": 0}}
OPTIONS |= {"groups": {"layer": "block2"}}
OPTIONS |= {"ids": None}  # a code of each grid
OPTIONS |= {"masks": {"image": 1}, "latents": {"layer": "block2"}}
OPTIONS |= {"relations": {}, "surprisal": {}, "judged": {"n": 6}, "continuous": None}
FILLING = ("masks", "latents", "groups")  # of a network with continuous layers, of which every code is used
SCALED = ("continuous",)  # of one with numbers beside its codes


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A tiny network and a folder of twelve pictures in two classes."""
    folder = tmp_path_factory.mktemp("tiny")
    generator = np.random.default_rng(0)
    for split in ("train", "test"):
        for name, channel in (("red", 0), ("green", 1)):
            (folder / "photos" / split / name).mkdir(parents=True)
            for number in range(6):
                pixels = generator.integers(0, 90, (16, 16, 3), dtype=np.uint8)
                pixels[..., channel] += 150
                Image.fromarray(pixels).save(folder / "photos" / split / name / f"{number}.png")
    torch.manual_seed(0)
    settings = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
    model = models.build("vqvae2", settings, 16).eval()
    facts = {"family": "vqvae2", "dataset": "photos", "training": {}, "metrics": {}, "card": "# tiny"}
    (folder / "network").mkdir()
    checkpoints.save(folder / "network", model, **facts)
    sizes = {"patch": 4, "dim": 16, "blocks": 2, "heads": 2, "decoder_dim": 16, "decoder_blocks": 1, "decoder_heads": 2}
    (folder / "filling").mkdir()
    filling = models.build("mae", sizes, 16).eval()
    checkpoints.save(folder / "filling", filling, **facts | {"family": "mae"})
    (folder / "scaled").mkdir()
    scaled = models.build("vqvae", settings | {"quantizer": "projected", "downsample": 4}, 16).eval()
    checkpoints.save(folder / "scaled", scaled, **facts | {"family": "vqvae"})
    OPTIONS["comparison"]["other"] = str(folder / "network")  # with itself
    rows = [f"{user},{(5 * user + item) % 12}" for user in range(6) for item in range(4)]
    (folder / "looked.csv").write_text("\n".join(["user_id,image_id", *rows]))
    OPTIONS["relations"]["interactions"] = str(folder / "looked.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(folder / "cache"))
        prior = str(keep(folder / "prior", folder / "network", str(folder / "photos")))
    OPTIONS["surprisal"]["prior"] = OPTIONS["judged"]["prior"] = prior
    return folder


@pytest.fixture
def subject(network, request):
    kind = getattr(request.node, "callspec", None) and request.node.callspec.params.get("kind")
    name = "filling" if kind in FILLING else "scaled" if kind in SCALED else "network"
    return Subject(network / name, str(network / "photos"))


def test_every_kind_has_options(network):
    assert OPTIONS.keys() == RESULTS.keys()


@pytest.mark.parametrize("kind", RESULTS)
def test_made_once_then_found(subject, kind):
    assert results.find(kind, subject, OPTIONS[kind]) is None
    made, content = results.obtain(kind, subject, OPTIONS[kind])
    written = made.stat().st_mtime_ns
    again, same = results.obtain(kind, subject, OPTIONS[kind])
    assert made == again == results.find(kind, subject, OPTIONS[kind])[0] == results.path(kind, subject, OPTIONS[kind])
    assert made.stat().st_mtime_ns == written and type(same) is type(content)


@pytest.mark.parametrize("kind", RESULTS)
def test_what_is_damaged_is_made_again(subject, kind):
    made, _ = results.obtain(kind, subject, OPTIONS[kind])
    broken = next(made.glob("*.json")) if made.is_dir() else made
    broken.write_bytes(broken.read_bytes()[:20])
    assert results.find(kind, subject, OPTIONS[kind]) is None
    assert results.obtain(kind, subject, OPTIONS[kind])[0] == made
    assert results.find(kind, subject, OPTIONS[kind]) is not None


@pytest.mark.parametrize("kind", RESULTS)
def test_however_it_is_damaged_it_is_made_again(subject, kind):
    """Each file that the result is known by: empty, zeros, noise, of other content, gone, or a folder in its place."""
    made, _ = results.obtain(kind, subject, OPTIONS[kind])
    marker = next(made.glob("*.json")) if made.is_dir() else made
    whole = marker.read_bytes()
    noise = np.random.default_rng(0).bytes(len(whole))
    for body in (b"", bytes(len(whole)), noise, b"null", b"[1]", b"{}", b"[" * 50_000):
        marker.write_bytes(body)
        assert results.find(kind, subject, OPTIONS[kind]) is None, body[:20]
    if made.suffix == ".gz":
        marker.write_bytes(gzip.compress(b"[" * 50_000))
        assert results.find(kind, subject, OPTIONS[kind]) is None
    marker.unlink()
    assert results.find(kind, subject, OPTIONS[kind]) is None
    os.mkfifo(marker)
    assert results.find(kind, subject, OPTIONS[kind]) is None
    marker.unlink()
    marker.mkdir()
    (marker / "something").write_text("of another program")
    assert results.find(kind, subject, OPTIONS[kind]) is None
    assert results.obtain(kind, subject, OPTIONS[kind])[0] == made
    assert results.find(kind, subject, OPTIONS[kind]) is not None
    if made.is_dir():
        shutil.rmtree(made)
        os.mkfifo(made)
        assert results.find(kind, subject, OPTIONS[kind]) is None
        made.unlink()
        made.write_text("a file where a folder belongs")
        assert results.obtain(kind, subject, OPTIONS[kind])[0] == made and made.is_dir()


@pytest.mark.parametrize("kind", RESULTS)
def test_its_command_makes_it(subject, kind):
    assert run(results.command(kind, subject, OPTIONS[kind])) == 0
    assert results.find(kind, subject, OPTIONS[kind])[0] == results.path(kind, subject, OPTIONS[kind])


def test_what_travels_with_a_checkpoint_is_found_first(subject):
    made, _ = results.obtain("map", subject, OPTIONS["map"])
    beside = subject.checkpoint / "maps" / made.name
    beside.parent.mkdir()
    try:
        beside.write_bytes(made.read_bytes())
        assert results.find("map", subject, OPTIONS["map"])[0] == beside
        beside.write_text("cut off")
        assert results.find("map", subject, OPTIONS["map"])[0] == made
    finally:
        beside.unlink()
        beside.parent.rmdir()


def test_other_options_are_other_results(subject):
    usual = results.key("map", subject, maps.Options("top"))
    assert results.key("map", subject, {}) == usual, "the first layer is the default"
    assert results.key("map", subject, {"seed": 1}) != usual
    flat = results.key("map", subject, maps.Options("top", method="pca"))
    assert results.key("map", subject, maps.Options("top", method="pca", neighbours=99)) == flat
    assert results.key("layers", subject, {}) == results.key("layers", subject, {"fill": "mean"})
    assert results.key("layers", subject, {"fill": "zeros"}) != results.key("layers", subject, {})


def test_one_writer_at_a_time(subject, monkeypatch):
    made = []

    def slow(*arguments, **options):
        made.append(threading.get_ident())
        return make(*arguments, **options)

    kind = RESULTS["codecs"]
    make = kind.make
    monkeypatch.setitem(RESULTS, "codecs", type(kind)(**{**kind.__dict__, "make": slow}))
    threads = [threading.Thread(target=results.obtain, args=("codecs", subject)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_an_output_of_ones_own(subject, tmp_path):
    path, _ = results.obtain("codecs", subject, out=tmp_path / "mine.json")
    assert path == tmp_path / "mine.json" and results.find("codecs", subject) is None
    results.obtain("codecs", subject)
    copy, _ = results.obtain("codecs", subject, out=tmp_path / "copy.json")
    assert copy.read_bytes() == results.path("codecs", subject).read_bytes()
    for kind, name in (("codecs", "x.txt"), ("map", "x.csv"), ("encoding", "x.zip")):
        with pytest.raises(BadInput, match=rf"x\{RESULTS[kind].suffix}"):
            results.obtain(kind, subject, out=tmp_path / name)


def test_wrong_options_are_said_before_any_work(subject):
    for kind, options, words in (
        ("dreams", None, "encoding, map"),
        ("map", {"method": "tsne"}, "umap, pca"),
        ("layers", {"fill": "noise"}, "mean, zeros, other"),
        ("map", {"colour": "red"}, "layer, what"),
    ):
        with pytest.raises(BadInput, match=words):
            results.obtain(kind, subject, options, progress=Progress(0, "x", quiet=True))
