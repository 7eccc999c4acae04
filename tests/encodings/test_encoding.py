"""Encodings against the model that made them, with a tiny model and images that are plain classes."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from explorer.autoencoder import Codebook, Layer, to_images
from explorer.encodings import Encoding, codebooks, columns, encoder, fragments, layout, postings
from explorer.errors import BadInput, Cancelled
from explorer.progress import Progress

N, SIZE = 300, 8


class Tiny(nn.Module):
    """A quantized 4 × 4 grid (2 × 2 pixels a cell) above a continuous vector of the whole image."""

    image_size = SIZE
    layers = (Layer("whole", (1, 1), 3), Layer("code", (4, 4), 3))

    def __init__(self):
        super().__init__()
        self.vectors = nn.Parameter(torch.rand(20, 3, generator=torch.Generator().manual_seed(0)), requires_grad=False)
        self.calls = self.images = 0

    @property
    def codebooks(self):
        return {"code": Codebook(self.vectors)}

    def encode(self, images):
        self.calls += 1
        self.images += len(images)
        grid = nn.functional.avg_pool2d(images, 2).permute(0, 2, 3, 1)
        return {"whole": grid.mean((1, 2), keepdim=True), "code": grid}

    def decode(self, latents):
        book = self.codebooks["code"]
        grid = book.lookup(book.assign(latents["code"])).permute(0, 3, 1, 2)
        return nn.functional.interpolate(grid, scale_factor=2)


class Noise:
    """Random images with concepts of every kind, one of them named with a dot and with missing values."""

    name, split, size, fingerprint, skipped = "noise", "test", SIZE, "abc", ()

    def __init__(self, count=N, seed=0):
        rng = np.random.default_rng(seed)
        self.pixels = rng.integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)
        self.names = [f"noise {row}" for row in range(count)]
        shape = pd.Categorical(rng.choice(["square", "circle"], count), ["square", "circle", "star"])
        self.concepts = pd.DataFrame({"shape": shape, "x": rng.random(count), "file.kind": ["a", None] * (count // 2)})

    def __len__(self):
        return len(self.pixels)

    def read(self, rows):
        return self.pixels[rows]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(columns, "LARGEST_FRAGMENT", 96)  # 300 images are 4 shards


def write(folder, model=None, images=None, key="k", progress=None, **settings):
    settings = encoder.Settings(**{"kmeans": 7, "batch": 40, **settings})
    progress = progress or Progress(0, "images", quiet=True)
    images = Noise() if images is None else images
    encoder.write(model or Tiny(), images, folder, key=key, settings=settings, device="cpu", progress=progress)
    return Encoding(folder)


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(folder / "cache"))
        patch.setattr(columns, "LARGEST_FRAGMENT", 96)
        yield write(folder / "x.lance")


def latents():
    with torch.inference_mode():
        return Tiny().encode(to_images(Noise().pixels, torch.device("cpu")))


def test_every_row_holds_what_the_model_says(encoded):
    for name, z in latents().items():
        assert torch.allclose(torch.from_numpy(encoded.pooled(name)), z.mean((1, 2)), atol=1e-6)
        codes, distances = encoded.codebook(name).nearest(z)
        assert np.array_equal(encoded.codes(name), codes.numpy()) and encoded.codes(name).dtype == np.uint8
        assert np.allclose(encoded.distances(name), distances.numpy(), atol=1e-6)
        assert np.array_equal(encoded.usage(name), np.bincount(codes.flatten(), minlength=len(encoded.codebook(name))))
    assert torch.equal(encoded.codebook("code").vectors, Tiny().vectors)
    assert (encoded.images, encoded.layers) == (N, Tiny.layers)


def test_rows_come_in_the_order_asked_for(encoded):
    everything = encoded.codes("code")
    for rows in (slice(10, 200, 7), np.array([299, 0, 5, 5]), []):
        assert np.array_equal(encoded.codes("code", rows), everything[rows])
    assert encoded.names([3, 1]) == ["noise 3", "noise 1"]


def test_patches_are_latents_of_the_place_they_name(encoded):
    z = latents()["code"].flatten(1, 2).numpy()
    vectors, rows, positions = encoded.patches("code")
    assert len(vectors) == 2 * N and np.array_equal(np.bincount(rows), np.full(N, 2))
    assert np.array_equal(vectors, z[rows, positions]) and len(set(positions)) == 16
    some, rows, positions = encoded.patches("code", limit=50)
    assert np.array_equal(some, z[rows, positions]) and len(some) == 50
    assert len(encoded.patches("whole")[0]) == N  # a grid of one cell has one


def test_a_compact_encoding_says_the_same_in_less_space(tmp_path, encoded):
    small = write(tmp_path / "small.lance", compact=True)
    assert np.array_equal(small.codes("code"), encoded.codes("code"))
    for name in ("pooled", "distances"):
        exact, rounded = getattr(encoded, name)("code"), getattr(small, name)("code")
        assert rounded.dtype == np.float32
        np.testing.assert_allclose(rounded, exact, rtol=2e-3, atol=2e-3)
    assert not (small.path / "postings").exists()
    assert np.array_equal(small.usage("code"), encoded.usage("code"))

    def size(encoding):
        return sum(path.stat().st_size for path in (encoding.path / "data").glob("*.lance"))

    assert size(small) < 0.85 * size(encoded)  # names and concepts are a large part of these few images


def test_errors_are_those_of_the_reconstruction(encoded):
    images = to_images(Noise().pixels, torch.device("cpu"))
    model = Tiny()
    error = (model.decode(model.encode(images)) - images).square().mean((1, 2, 3)).numpy()
    found = encoded.errors()
    assert np.allclose(found["mse"], error, atol=1e-6)
    assert np.allclose(found["psnr"], -10 * np.log10(error), atol=1e-3)
    assert found["ssim"].between(-1, 1).all() and encoded.facts["errors_of"] == N


def test_errors_of_larger_sets_are_a_seeded_sample(tmp_path, encoded):
    found = write(tmp_path / "x.lance", errors=50)
    measured = found.errors()["mse"].notna()
    assert measured.sum() == 50 == found.facts["errors_of"]
    assert np.allclose(found.errors()["mse"][measured], encoded.errors()["mse"][measured])
    assert write(tmp_path / "y.lance", errors=0).errors().isna().all().all()


def test_concepts_come_back_as_they_were(encoded):
    expected = Noise().concepts
    found = encoded.concepts()
    assert list(found) == ["shape", "x", "file.kind"]
    assert list(found["shape"].cat.categories) == ["square", "circle", "star"]
    assert found["shape"].astype(str).tolist() == expected["shape"].astype(str).tolist()
    assert np.array_equal(found["x"], expected["x"])
    assert found["file.kind"].isna().sum() == N // 2 and found["file.kind"][0] == "a"


def test_top_patches_are_those_of_a_full_sort(encoded):
    codes, distances = encoded.codes("code").reshape(N, -1), encoded.distances("code").reshape(N, -1)
    for code in range(20):
        own = np.where(codes == code, distances, np.inf)
        nearest = own.min(1)
        expected = np.argsort(nearest, kind="stable")[:24]
        expected = expected[np.isfinite(nearest[expected])]
        rows, positions, found = encoded.top_patches("code", code)
        assert np.array_equal(rows, expected) and np.array_equal(positions, own.argmin(1)[expected])
        assert np.array_equal(found, nearest[expected])
        rows, counts = encoded.images_with("code", code)
        assert np.array_equal(np.sort(rows), np.flatnonzero((codes == code).any(1)))
        assert np.array_equal(counts, (codes[rows] == code).sum(1)) and (np.diff(counts) <= 0).all()


def test_pandas_polars_and_duckdb_read_it(encoded):
    import duckdb
    import lance
    import polars

    dataset = lance.dataset(str(encoded.path))
    frame = dataset.to_table().to_pandas()
    assert np.array_equal(np.stack(frame["codes_code"]), encoded.codes("code").reshape(N, -1))
    assert polars.from_arrow(dataset.to_table())["psnr"].mean() == pytest.approx(
        encoded.errors()["psnr"].mean(), rel=1e-5
    )
    lazy = polars.scan_pyarrow_dataset(dataset).filter(polars.col("concept_shape") == "circle").select("id").collect()
    circles = np.flatnonzero(encoded.concepts()["shape"] == "circle")
    assert np.array_equal(lazy["id"].sort().to_numpy(), circles)
    query = "select count(*), any_value(codes_code) from dataset where concept_shape = 'circle'"
    assert duckdb.sql(query).fetchall()[0][0] == len(circles)
    assert len(duckdb.sql("select * from dataset limit 3").fetchall()) == 3
    assert json.loads(dataset.schema.metadata[b"explorer"])["layers"][1]["codes"] == 20


def stop_after(done):
    class Stopping(Progress):
        def update(self, done_now, *args, **figures):
            if done_now >= done:
                self.cancelled = True
            super().update(done_now, *args, **figures)

    return Stopping(0, "images", quiet=True)


def same(first, second):
    return first.dataset.to_table().equals(second.dataset.to_table()) and all(
        np.array_equal(first.usage(layer.name), second.usage(layer.name)) for layer in first.layers
    )


def test_a_cancelled_run_goes_on_where_it_was(tmp_path, encoded):
    folder = tmp_path / "x.lance"
    with pytest.raises(Cancelled):
        write(folder, progress=stop_after(210))
    assert layout.complete(folder) is None
    with pytest.raises(BadInput, match="not a complete encoding"):
        Encoding(folder)
    model = Tiny()
    resumed = write(folder, model)
    assert model.images == N - 192  # two whole shards were there
    assert same(resumed, encoded) and resumed.facts["resumed_at"] == 192
    again = Tiny()
    write(folder, again)
    assert again.calls == 0


def test_a_killed_write_leaves_whole_shards(tmp_path, encoded, monkeypatch):
    folder, store = tmp_path / "x.lance", fragments.Unfinished.store

    def killed(self, index, table, **figures):
        if index == 1:
            (folder / "data" / "half.lance").write_bytes(b"LANC")
            raise KeyboardInterrupt
        store(self, index, table, **figures)

    monkeypatch.setattr(fragments.Unfinished, "store", killed)
    with pytest.raises(KeyboardInterrupt):
        write(folder)
    monkeypatch.undo()
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(columns, "LARGEST_FRAGMENT", 96)
    model = Tiny()
    assert same(write(folder, model), encoded) and model.images == N - 96
    assert not (folder / "data" / "half.lance").exists()


def test_a_second_writer_waits_and_finds_the_work_done(tmp_path, encoded):
    from explorer.jobs.locks import exclusive

    messages = []

    class Waiting(Progress):
        def update(self, done, message="", **figures):
            messages.append(message)
            self.cancelled = "waiting" in message
            super().update(done, message, **figures)

    with exclusive(tmp_path / "x.lance"), ThreadPoolExecutor(1) as other:
        second = other.submit(write, tmp_path / "x.lance", progress=Waiting(0, "images", quiet=True))
        with pytest.raises(Cancelled):
            second.result()
    assert "waiting" in messages[-1] and not (tmp_path / "x.lance").exists()
    assert same(write(tmp_path / "x.lance"), encoded)


def test_other_inputs_start_again(tmp_path, encoded):
    folder = tmp_path / "x.lance"
    with pytest.raises(Cancelled):
        write(folder, images=Noise(seed=1), key="other", progress=stop_after(210))
    assert same(write(folder), encoded)
    other = write(folder, images=Noise(seed=1), key="other")
    assert not np.array_equal(other.codes("code"), encoded.codes("code"))


@pytest.mark.parametrize("harm", ["data", "marker", "codebooks", "missing"])
def test_a_damaged_encoding_is_not_used_and_is_made_again(tmp_path, encoded, harm):
    folder = tmp_path / "x.lance"
    shutil.copytree(encoded.path, folder)
    victim = {"data": next((folder / "data").iterdir()), "marker": folder / layout.MARKER}.get(
        harm, folder / codebooks.FILE
    )
    if harm == "missing":
        shutil.rmtree(folder / "data")
    else:
        victim.write_bytes(victim.read_bytes()[:20])
    assert layout.complete(folder) is None
    assert same(write(folder), encoded)


@pytest.mark.parametrize("name", [codebooks.FILE, "postings/code.offsets.npy", "beside"])
def test_an_encoding_with_a_pipe_is_not_read(tmp_path, encoded, name):
    folder = tmp_path / "x.lance"
    shutil.copytree(encoded.path, folder)
    facts = json.loads((folder / layout.MARKER).read_text())
    facts["files"].pop(name, None)
    (folder / layout.MARKER).write_text(json.dumps(facts))
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(BadInput, match="is not a complete encoding"):
        Encoding(folder)


def test_what_lance_gives_up_on_is_told(tmp_path, encoded):
    folder = tmp_path / "x.lance"
    shutil.copytree(encoded.path, folder)
    for manifest in (folder / "_versions").glob("*.manifest"):
        manifest.write_bytes(manifest.read_bytes().replace(b"fixed_size_list", b"fixmd_size_list"))
    with pytest.raises(BadInput, match=r"is damaged .*delete it and encode again"):
        Encoding(folder).codes("code")


def test_the_index_is_made_again_where_it_is_missing(tmp_path, encoded):
    folder = tmp_path / "x.lance"
    shutil.copytree(encoded.path, folder)
    shutil.rmtree(folder / "postings")
    for mine, theirs in zip(Encoding(folder).top_patches("code", 3), encoded.top_patches("code", 3), strict=True):
        assert np.array_equal(mine, theirs)
    assert not (folder / "postings").exists()  # it may be read-only


def test_other_peoples_folders_are_left_alone(tmp_path):
    (tmp_path / "mine.lance").mkdir()
    (tmp_path / "mine.lance" / "thesis.txt").write_text("x")
    with pytest.raises(BadInput, match="is not an encoding"):
        write(tmp_path / "mine.lance")
    (tmp_path / "file.lance").write_text("x")
    with pytest.raises(BadInput, match="is not an encoding"):
        write(tmp_path / "file.lance")
    assert (tmp_path / "mine.lance" / "thesis.txt").read_text() == (tmp_path / "file.lance").read_text() == "x"


def test_kmeans_codes_are_fitted_on_training_images_only(tmp_path, encoded):
    colours = np.array([[10, 20, 30], [200, 100, 50], [90, 90, 250]], np.uint8)
    train = Noise(60)
    train.pixels = np.broadcast_to(colours[np.arange(60) % 3][:, None, None], (60, SIZE, SIZE, 3))
    quiet, settings = Progress(0, "images", quiet=True), encoder.Settings(kmeans=64)
    encoder.write(
        Tiny(), Noise(), tmp_path / "x.lance", key="k", train=lambda: train, settings=settings, progress=quiet
    )
    found = Encoding(tmp_path / "x.lance")
    facts = {layer["name"]: layer for layer in found.facts["layers"]}
    expected = {"codes": 3, "codes_asked": 64, "fitted_on": 60, "kind": "kmeans"}  # there are 3 different vectors
    assert facts["whole"] | expected == facts["whole"]
    assert facts["code"]["kind"] == "learned" and "fitted_on" not in facts["code"]
    centres = np.sort(found.codebook("whole").vectors.numpy() * 255, axis=0)
    assert np.allclose(centres, np.sort(colours, axis=0), atol=0.01)


def test_weights_with_nan_are_one_sentence(tmp_path):
    class Broken(Tiny):
        def encode(self, images):
            return {name: z * float("nan") for name, z in super().encode(images).items()}

    with pytest.raises(BadInput, match="not finite numbers in layer 'whole'"):
        write(tmp_path / "x.lance", Broken())


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path, encoded, monkeypatch):
    from lance.fragment import LanceFragment

    create = LanceFragment.create

    def full(folder, table, mode):
        if table["id"][0].as_py():
            raise OSError("LanceError(IO): No space left on device (os error 28)")
        return create(folder, table, mode=mode)

    with monkeypatch.context() as patch:
        patch.setattr(LanceFragment, "create", full)
        with pytest.raises(BadInput, match="is full; free some space"):
            write(tmp_path / "x.lance")
    model = Tiny()
    assert same(write(tmp_path / "x.lance", model), encoded) and model.images == N - 96
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6, 1000))
        with pytest.raises(BadInput, match="are free"):
            write(tmp_path / "y.lance")


def test_unknown_names_list_the_choices(encoded):
    with pytest.raises(BadInput, match="whole, code"):
        encoded.codes("top")
    with pytest.raises(BadInput, match="0 to 19"):
        encoded.top_patches("code", 20)


def test_unknown_devices_and_empty_sets_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"no device 'warp' here; choose from auto, .*cpu"):
        encoder.write(Tiny(), Noise(), tmp_path / "x.lance", key="k", device="warp")
    with pytest.raises(BadInput, match="no images"):
        write(tmp_path / "x.lance", images=Noise(0))


@pytest.fixture(params=["vqvae", "vae", "mae"])
def checkpoint(request, tmp_path):
    """An untrained checkpoint of each family, as small as they come."""
    from explorer import checkpoints, models

    settings = {
        "vqvae": {"hidden": 8, "residual_channels": 4, "codes": 32, "dim": 4},
        "vae": {"hidden": 8, "residual_channels": 4, "dim": 6, "width": 16},
        "mae": {"dim": 16, "blocks": 2, "heads": 2, "decoder_dim": 16, "decoder_blocks": 1, "decoder_heads": 2},
    }[request.param]
    torch.manual_seed(0)
    model = models.build(request.param, settings, 32).eval()
    options = {"family": request.param, "dataset": "shapes", "training": {}, "metrics": {}, "card": "# test"}
    checkpoints.save(tmp_path / "tiny", model, **options)
    return tmp_path / "tiny"


def test_a_checkpoint_and_a_dataset_by_name(checkpoint, tmp_path):
    from explorer import checkpoints, results
    from explorer.results.subject import Subject

    def find(kmeans: int = 5):
        return results.find("encoding", Subject(checkpoint, "shapes", limit=130, kmeans=kmeans))

    subject = Subject(checkpoint, "shapes", limit=130, kmeans=5, device="cpu")
    images = subject.images
    assert find() is None
    path, found = results.obtain("encoding", subject)
    assert find()[0] == path == found.path
    model = checkpoints.load(checkpoint)
    with torch.inference_mode():
        latents = model.encode(to_images(images.read(slice(None)), torch.device("cpu")))
    for layer in found.layers:
        z, book = latents[layer.name], found.codebook(layer.name)
        assert np.allclose(found.pooled(layer.name), z.mean((1, 2)), atol=1e-4)
        codes, distances = book.nearest(z)
        ties = np.abs(found.distances(layer.name) - distances.numpy()) < 1e-4  # another batch may round otherwise
        assert ties.all() and (found.codes(layer.name) == codes.numpy()).mean() > 0.99
    assert list(found.concepts()["shape"]) == list(images.concepts["shape"])
    assert found.errors().notna().all().all()

    _, other = results.obtain("encoding", subject, out=tmp_path / "out.lance")
    assert other.path == tmp_path / "out.lance" and same(other, found)
    shutil.copytree(found.path, checkpoint / "encodings" / found.path.name)
    assert find()[0].parent == checkpoint / "encodings"
    learned = all(layer["kind"] == "learned" for layer in found.facts["layers"])
    assert (find(6) is not None) == learned  # K counts for continuous layers only
    (checkpoint / "encodings" / found.path.name / layout.MARKER).write_text("{")
    assert find()[0] == found.path


def test_more_tokens_than_an_index_holds_are_refused_before_anything_is_encoded(tmp_path, monkeypatch):
    monkeypatch.setattr(postings, "LOW", np.uint64(N * 16 - 1))
    model = Tiny()
    with pytest.raises(BadInput, match=f"encode at most {N - 1} images at once"):
        write(tmp_path / "x.lance", model)
    assert model.calls == 0
