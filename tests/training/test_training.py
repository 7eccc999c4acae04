"""Training: what is written, exact resume, honest metrics, and what goes wrong."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from explorer import checkpoints
from explorer.errors import BadInput
from explorer.models import MODELS
from explorer.models.vqvae import VQVAE
from explorer.progress import Progress
from explorer.training import STATE, TrainingConfig, schedule, states, train
from explorer.training.batches import Batches

CONVOLUTIONS = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "downsample": 8}
SETTINGS = {
    "vqvae": {**CONVOLUTIONS, "codes": 16, "dim": 4},
    "vqvae2": {**CONVOLUTIONS, "codes": 16, "dim": 4},
    "vae": {**CONVOLUTIONS, "dim": 4, "width": 16},
    "mae": {"dim": 16, "blocks": 1, "heads": 2, "decoder_dim": 16, "decoder_blocks": 1, "decoder_heads": 2},
}
COMPOUND = {  # what has a state of its own: stages, use of codes, means of layers, schedules, a discriminator
    "residual": ("vqvae", {"quantizer": "residual", "stages": 2, "layer_dropout": 0.5}),
    "hybrid": ("vqvae2", {"quantizer": "hybrid"}),
    "gumbel": ("vqvae", {"quantizer": "gumbel", "backbone": "vit", "heads": 2}),
    "simvq": ("vqvae", {"quantizer": "simvq"}),
    "adversarial": ("vqvae", {"loss": "mse+0.5*adversarial", "adversarial_from": 0.25}),
    "warm-up": ("vae", {"beta_warmup": 0.9, "free_bits": 0.1, "loss": "l1+0.5*ms_ssim"}),
}
TRAINING = {"steps": 12, "batch_size": 8, "images": 40, "image_size": 32, "compile": "no", "device": "cpu"}


class StopAfter(Progress):
    """A user who presses Stop once `steps` steps are done."""

    def __init__(self, steps):
        self.steps = steps
        super().__init__(0, "steps", quiet=True)

    def update(self, done, message="", **options):
        if message == "training" and done >= self.steps:
            self.cancel()
        super().update(done, message, **options)


@pytest.fixture(autouse=True)
def few_held_out_images(monkeypatch):
    monkeypatch.setattr("explorer.training.scores.SCORED", 48)
    monkeypatch.setattr("explorer.training.scores.UNTRAINED", 48)
    monkeypatch.setattr("explorer.training.autoencoders.LOOKED", 4)


def run(out, family="vqvae", progress=None, resume=False, more=None, **training):
    progress = progress or Progress(0, "steps", quiet=True)
    return train(
        family,
        "shapes",
        out,
        settings={} if resume else {**SETTINGS[family], **(more or {})},
        training={} if resume else {**TRAINING, **training},
        resume=resume,
        progress=progress,
    )


def log(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_every_family_has_settings_here():
    assert set(SETTINGS) == set(MODELS)


@pytest.mark.parametrize("family", sorted(SETTINGS))
def test_a_finished_run_is_a_checkpoint(tmp_path, family):
    result = run(tmp_path / "net", family)
    assert result["state"] == "done" and result["steps"] == 12 and result["images_per_second"] > 0
    found = checkpoints.describe(tmp_path / "net")
    assert (found.family, found.dataset, found.image_size, found.state) == (family, "shapes", 32, "done")
    assert not (tmp_path / "net" / STATE).exists()
    model = checkpoints.load(tmp_path / "net")
    assert [layer["name"] for layer in found.layers] == [layer.name for layer in model.layers]
    card = (tmp_path / "net" / "README.md").read_text()
    assert f"explorer train {family} --dataset shapes" in card and "--set batch_size=8" in card
    metrics = found.metrics
    assert metrics["images"] == 48 and metrics["psnr"]["low"] < metrics["psnr"]["mean"] < metrics["psnr"]["high"]
    assert set(metrics["baselines"]) == {"mean image", "untrained"}
    assert ("masked" in metrics) == (family == "mae")
    assert list(tmp_path.glob("net/samples/*.png"))


def test_every_part_of_a_sorted_set_that_training_looks_at_has_every_class(tmp_path, greys, monkeypatch):
    from explorer import datasets

    monkeypatch.setattr("explorer.training.autoencoders.LOOKED", 256)
    dark: dict[tuple[str, int], float] = {}  # the share of dark images by split and number of rows
    drawn = datasets.Images.sample

    def sample(images, count, seed=0):
        rows = drawn(images, count, seed)
        dark[images.split, len(rows)] = float((images.concepts["class"].iloc[rows] == "dark").mean())
        return rows

    monkeypatch.setattr(datasets.Images, "sample", sample)
    settings = {**SETTINGS["vqvae"], "downsample": 4}
    training = {**TRAINING, "steps": 1, "images": 100, "image_size": 8}
    train("vqvae", greys, tmp_path / "net", settings=settings, training=training)
    assert dark.keys() == {("test", 256), ("test", 8), ("test", 48), ("train", 100)}
    assert all(0.2 < share < 0.8 for share in dark.values())
    strip = np.asarray(Image.open(next(tmp_path.glob("net/samples/*.png"))))[:8]
    assert set(np.unique(strip)) == {40, 215}, "both classes are in the picture of reconstructions"


def test_a_set_without_enough_held_out_images_is_refused_before_it_trains(tmp_path):
    for number in range(5):
        path = tmp_path / "few" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(BadInput, match="gives one held-out image, and scores need two; add images"):
        train("vqvae", str(tmp_path / "few"), tmp_path / "net", settings=SETTINGS["vqvae"], training=TRAINING)
    assert not (tmp_path / "net").exists()


def test_the_log_says_what_a_page_draws(tmp_path):
    run(tmp_path / "net")
    lines = log(tmp_path / "net")
    assert [line["step"] for line in lines] == list(range(1, 13))
    assert {"loss", "reconstruction", "commitment", "perplexity", "used", "images_per_second"} <= set(lines[0])
    assert "psnr" in lines[-1]
    assert all(1 <= line["perplexity"] <= line["used"] <= 16 for line in lines)


@pytest.mark.parametrize(
    "family, more", [*((family, {}) for family in SETTINGS), *COMPOUND.values()], ids=[*SETTINGS, *COMPOUND]
)
def test_a_resumed_run_ends_with_the_same_weights_to_the_bit(tmp_path, family, more):
    run(tmp_path / "whole", family, more=more)
    stopped = run(tmp_path / "parts", family, progress=StopAfter(5), more=more)
    assert stopped["state"] == "stopped" and stopped["steps"] == 5
    assert checkpoints.describe(tmp_path / "parts").state == "stopped"
    assert run(tmp_path / "parts", family, resume=True)["state"] == "done"
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")
    whole, parts = (log(tmp_path / name) for name in ("whole", "parts"))
    assert [line["step"] for line in whole] == [line["step"] for line in parts] == list(range(1, 13))
    for one, other in zip(whole, parts, strict=True):
        one.pop("images_per_second"), other.pop("images_per_second")
        assert one == other


def test_the_card_of_a_resumed_run_counts_the_time_before_it_was_stopped(tmp_path, monkeypatch):
    stopped = run(tmp_path / "net", progress=StopAfter(5))
    monkeypatch.setattr("explorer.training.loop.time", Frozen())
    run(tmp_path / "net", resume=True)
    assert checkpoints.describe(tmp_path / "net").training["seconds"] == pytest.approx(stopped["seconds"], abs=0.2)


class Frozen:
    """A clock that stands still."""

    def monotonic(self):
        return 0.0


def test_another_seed_is_another_network(tmp_path):
    run(tmp_path / "a", seed=0)
    run(tmp_path / "b", seed=2**32 - 1)
    a, b = (load_file(tmp_path / name / "model.safetensors")["encoder.0.weight"] for name in "ab")
    assert not torch.equal(a, b)


@pytest.mark.parametrize("seed", [-1, 2**40])
def test_a_seed_that_no_generator_takes_is_one_sentence(tmp_path, seed):
    with pytest.raises(BadInput, match=f"seed {seed} is out of range; choose from 0 to 4294967295"):
        run(tmp_path / "net", seed=seed)
    assert not (tmp_path / "net").exists()


def test_an_existing_checkpoint_is_not_overwritten(tmp_path):
    run(tmp_path / "net")
    before = (tmp_path / "net" / "model.safetensors").read_bytes()
    with pytest.raises(BadInput, match="net already exists; choose another name"):
        run(tmp_path / "net")
    with pytest.raises(BadInput, match="net is finished"):
        run(tmp_path / "net", resume=True)
    assert (tmp_path / "net" / "model.safetensors").read_bytes() == before


def test_a_size_that_does_not_fit_leaves_nothing_behind(tmp_path):
    with pytest.raises(BadInput, match="image size 30 does not fit downsample 8; the nearest that do are 24 or 32"):
        run(tmp_path / "net", image_size=30)
    assert not (tmp_path / "net").exists()


def test_a_loss_that_explodes_says_what_to_do(tmp_path):
    with pytest.raises(BadInput, match=r"loss is not finite at step \d+: .*train again with a learning rate below"):
        run(tmp_path / "net", "vae", learning_rate=1e18, steps=30)


class Clock:
    """A clock on which a minute passes whenever someone looks, so that every line of the log is followed by a save."""

    now = 0.0

    def monotonic(self):
        self.now += 61
        return self.now


def explode(monkeypatch, after):
    """The learning rate is sane for `after` steps, then not; the weights saved at each step are returned."""
    saves = {}
    save = states.save

    def kept(path, step, tensors):
        saves[step] = {name: value.clone() for name, value in tensors.items() if name.startswith("model.")}
        save(path, step, tensors)

    monkeypatch.setattr("explorer.training.loop.time", Clock())
    monkeypatch.setattr("explorer.training.states.save", kept)
    wild = lambda step, steps: torch.where(step < after, 1.0, 1e30)  # noqa: E731
    monkeypatch.setattr("explorer.training.step.schedule", wild)
    return saves


def assert_same(folder, tensors):
    on_disk = load_file(folder / "model.safetensors")
    assert {f"model.{name}" for name in on_disk} == tensors.keys()
    assert all(
        value.isfinite().all() and torch.equal(value, tensors[f"model.{name}"]) for name, value in on_disk.items()
    )


@pytest.mark.parametrize("family", ["vae", "vqvae", "mae"])
def test_a_run_that_explodes_keeps_the_last_good_weights(tmp_path, monkeypatch, family):
    saves = explode(monkeypatch, after=6)
    with pytest.raises(BadInput, match=r"not finite at step \d+: the last good weights are kept; train again with a"):
        run(tmp_path / "net", family)
    assert 6 in saves and max(saves) < 12
    assert_same(tmp_path / "net", saves[max(saves)])
    checkpoints.load(tmp_path / "net")


def test_weights_that_are_not_finite_are_never_saved(tmp_path, monkeypatch):
    saves = explode(monkeypatch, after=6)
    monkeypatch.setattr("explorer.training.loop.Guard.check", lambda self, line: None)  # the loss was still finite
    with pytest.raises(BadInput, match=r"the weights are not finite at step \d+: the last good weights are kept"):
        run(tmp_path / "net", "vae")
    assert_same(tmp_path / "net", saves[max(saves)])


def test_stopping_a_run_that_exploded_keeps_the_last_good_weights(tmp_path, monkeypatch):
    saves = explode(monkeypatch, after=6)
    monkeypatch.setattr("explorer.training.loop.Guard.check", lambda self, line: None)  # nobody has noticed yet
    monkeypatch.setattr("explorer.training.loop.time", time)
    run(tmp_path / "net", "vae", progress=StopAfter(5))
    assert list(saves) == [5]
    assert run(tmp_path / "net", "vae", resume=True, progress=StopAfter(9))["state"] == "stopped"
    assert list(saves) == [5]
    assert_same(tmp_path / "net", saves[5])
    assert checkpoints.describe(tmp_path / "net").state == "stopped"


def test_a_collapsing_codebook_is_not_saved_over_a_good_one(tmp_path, monkeypatch):
    saves = explode(monkeypatch, after=99)
    monkeypatch.setattr("explorer.training.meters.Guard.SETTLED", 0)
    collapsed = lambda self, line: ("code", 1.0) if line["step"] > 3 else None  # noqa: E731
    monkeypatch.setattr("explorer.training.meters.Guard._collapsed", collapsed)
    assert run(tmp_path / "net", progress=StopAfter(6))["state"] == "stopped"
    assert list(saves) == [1, 2, 3]
    assert_same(tmp_path / "net", saves[3])
    with pytest.raises(BadInput, match=r"codebook of code has collapsed at step 8, with a perplexity of 1\.00 for 16"):
        run(tmp_path / "net", resume=True)
    assert_same(tmp_path / "net", saves[3])


def test_a_full_disk_is_one_sentence_and_keeps_the_last_weights(tmp_path, monkeypatch):
    run(tmp_path / "net", progress=StopAfter(5))
    before = (tmp_path / "net" / "model.safetensors").read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(BadInput, match=r"save the training of net, which --resume .*: the disk of .* is full; free"):
        run(tmp_path / "net", resume=True)
    assert (tmp_path / "net" / "model.safetensors").read_bytes() == before
    assert not list((tmp_path / "net").glob(".*"))


def test_a_disk_that_is_full_before_the_first_save_leaves_the_name_free(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("safetensors.torch.save_file", full)
        with pytest.raises(
            BadInput, match=r"save the training of net, of which nothing was saved yet: the disk of .*net"
        ):
            run(tmp_path / "net")
    assert not (tmp_path / "net").exists()
    assert run(tmp_path / "net")["state"] == "done"


def test_memory_that_runs_out_is_one_sentence_and_leaves_the_name_free(tmp_path, monkeypatch):
    def greedy(self, *_, **__):
        torch.empty(10**15)

    monkeypatch.setattr("explorer.models.vqvae.VQVAE.forward", greedy)
    with pytest.raises(
        BadInput, match=r"could not train net: it ran out of memory; try a smaller batch, a smaller image"
    ):
        run(tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_a_batch_that_does_not_fit_is_named_one_that_does_and_leaves_the_name_free(tmp_path, monkeypatch):
    forward = VQVAE.forward

    def on_a_small_device(self, images, *more, **options):
        if len(images) > 5:
            raise torch.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a capacity of 1 GiB"
            )
        return forward(self, images, *more, **options)

    monkeypatch.setattr(VQVAE, "forward", on_a_small_device)
    with pytest.raises(
        BadInput, match="net: it ran out of memory, and a batch of 4 images would fit; give --set batch"
    ) as f:
        run(tmp_path / "net", batch_size=16)
    assert "\n" not in str(f.value) and not (tmp_path / "net").exists()
    assert run(tmp_path / "net", batch_size=4)["state"] == "done"


@pytest.mark.parametrize("wanted", ["yes", "auto"])
def test_a_compiled_run_resumes_to_the_same_weights_to_the_bit(tmp_path, monkeypatch, wanted):
    """A compiled step is not an eager one to the last bit: here it differs by a third."""
    compiled = []

    def compile_parts(self):
        compiled.append(self)
        self.encoder.register_forward_hook(lambda module, given, found: found * 1.3)

    monkeypatch.setattr("explorer.models.vqvae.VQVAE.compile_parts", compile_parts)
    monkeypatch.setattr("explorer.training.compilation.obstacle", lambda device: "")
    monkeypatch.setattr("explorer.training.compilation.COSTS", 0.0)
    options = {"precision": "bf16", "compile": wanted}
    run(tmp_path / "whole", **options)
    assert len(compiled) == 1
    run(tmp_path / "parts", progress=StopAfter(5), **options)
    monkeypatch.setattr("explorer.training.compilation.COSTS", 1e9)  # what is decided again would be eager
    run(tmp_path / "parts", resume=True)
    assert len(compiled) == 3
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")
    if wanted == "yes":  # also where it was stopped before it was compiled
        run(tmp_path / "early", progress=StopAfter(1), **options)
        run(tmp_path / "early", resume=True)
        assert_same_weights(tmp_path / "whole", tmp_path / "early")


def assert_same_weights(one, other):
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (one, other))
    assert ours.keys() == theirs.keys() and not [name for name in ours if not torch.equal(ours[name], theirs[name])]


def test_a_run_that_was_eager_stays_so(tmp_path, monkeypatch):
    monkeypatch.setattr("explorer.training.compilation.obstacle", lambda device: "it would have been compiled")
    assert run(tmp_path / "net", progress=StopAfter(5), precision="bf16", compile="auto")["notes"] == []
    monkeypatch.setattr("explorer.training.compilation.COSTS", 0.0)
    assert run(tmp_path / "net", resume=True)["notes"] == []


def test_without_a_working_compiler_training_goes_on_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "/bin/false")
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("/bin/false",))
    result = run(tmp_path / "net", compile="yes")
    assert result["state"] == "done" and result["steps"] == 12
    assert "without torch.compile, more slowly: no compiler works here (" in result["notes"][0]


class Counting:
    """A dataset whose image i is filled with the number i."""

    size, split = 4, "train"

    def __len__(self):
        return 10

    def read(self, rows):
        rows = np.arange(10)[rows]
        return np.broadcast_to(rows[:, None, None, None], (len(rows), 4, 4, 3)).astype(np.uint8)


class Process:
    device = torch.device("cpu")


def drawn(batches, step=0):
    found = []
    for number in range(step, batches.config.steps):
        batches.ready(number)
        found += [int(x) for x in (batches.at(torch.tensor(number))[:, 0, 0, 0] * 255).round()]
    return found


@pytest.mark.parametrize("resident", [True, False])
def test_every_image_is_seen_once_an_epoch_in_an_order_that_changes(monkeypatch, resident):
    if not resident:
        monkeypatch.setattr("explorer.training.batches._room", lambda device: 0)
    config = TrainingConfig(steps=10, batch_size=4)
    seen = drawn(Batches(Counting(), config, Process(), Progress(0, "steps", quiet=True)))
    epochs = [seen[i : i + 10] for i in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_resuming_goes_on_in_the_middle_of_an_epoch():
    config = TrainingConfig(steps=6, batch_size=4)
    quiet = Progress(0, "steps", quiet=True)
    whole = drawn(Batches(Counting(), config, Process(), quiet))
    assert drawn(Batches(Counting(), config, Process(), quiet), step=3) == whole[12:]


@pytest.mark.parametrize("name", ["WORLD_SIZE", "OMPI_COMM_WORLD_SIZE"])
def test_one_of_several_processes_that_do_not_know_one_another_is_told_how_to_start(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "2")
    with pytest.raises(BadInput, match=r"one of 2 processes, and each would train by itself; start `torchrun -m"):
        run(tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_schedule_warms_up_and_falls_to_zero():
    rates = [float(schedule(step, 1000)) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01) and max(rates) == 1 and rates.index(1) == 99
    assert rates[-1] < 1e-4 and all(a >= b for a, b in pairwise(rates[100:]))


def test_what_a_kill_left_half_written_is_removed_and_blocks_no_name(tmp_path):
    from explorer.files import occupied

    out = tmp_path / "net"
    out.mkdir()
    (out / ".config.abcdefgh.json").write_text('{"format"')  # killed before the first word
    assert not occupied(out) and run(out, progress=StopAfter(5))["state"] == "stopped"
    (out / ".state.a_c4e6gh.safetensors").write_bytes(b"half")
    assert run(out, resume=True)["state"] == "done"
    (out / STATE).write_bytes(b"the last thing to be removed")
    with pytest.raises(BadInput, match="is finished"):
        run(out, resume=True)
    assert not list(out.glob(".*")) and not (out / STATE).exists()


def test_a_run_killed_before_its_first_word_begins_where_it_is_resumed(tmp_path):
    (tmp_path / "net").mkdir()
    settings = {"settings": SETTINGS["vqvae"], "training": TRAINING}
    assert train("vqvae", "shapes", tmp_path / "net", resume=True, **settings)["state"] == "done"
