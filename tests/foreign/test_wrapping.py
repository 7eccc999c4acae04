"""Weights below whatever training put around them: wrappers, prefixes, averages, and objects that lie beside them."""

from __future__ import annotations

import argparse
import collections
import datetime
import decimal
import enum
import pathlib
import sys
import types

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from explorer import checkpoints
from explorer.errors import BadInput
from explorer.foreign import wrapping
from tests.foreign.test_vqvae import zalando

TITLE = "zalandoresearch/pytorch-vq-vae"


def other():
    """The same network with other numbers."""
    return {name: value + 1 for name, value in zalando().items()}


def same(path, state):
    """Whether a checkpoint opens with the codebook of `state`."""
    found = checkpoints.load(path).codebooks["code"].vectors
    return torch.equal(found, state["_vq_vae._embedding.weight"])


def prefixed(prefix, state):
    return {f"{prefix}{name}": value for name, value in state.items()}


PREFIXES = (
    "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.", "model.vqvae.", "first_stage_model.",
    "generator.", "model._orig_mod.vae.module.", "anything.at_all.",
)  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefixes_in_any_order(prefix, tmp_path):
    torch.save(prefixed(prefix, zalando()), tmp_path / "a.pt")
    save_file(prefixed(prefix, zalando()), tmp_path / "a.safetensors")
    for name in ("a.pt", "a.safetensors"):
        assert checkpoints.describe(tmp_path / name).format == TITLE and same(tmp_path / name, zalando())


WRAPPERS = (
    "state_dict", "model", "weights", "params", "generator", "model_state", "model_state_dict", "net", "vae",
    "autoencoder_weights_of_mine",
)  # fmt: skip


@pytest.mark.parametrize("word", WRAPPERS)
def test_wrappers(word, tmp_path):
    torch.save(
        {word: zalando(), "epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}, tmp_path / "a.pt"
    )
    assert same(tmp_path / "a.pt", zalando())
    assert not any("left out" in note or "Shown" in note for note in checkpoints.describe(tmp_path / "a.pt").notes)


def test_wrappers_in_wrappers_with_prefixes(tmp_path):
    torch.save({"checkpoint": {"state_dict": prefixed("module.model.", zalando())}}, tmp_path / "a.pt")
    assert same(tmp_path / "a.pt", zalando())


def test_submodules_that_were_compiled_or_spread(tmp_path):
    state = {}
    for name, value in zalando().items():
        first, rest = name.split(".", 1)
        state[f"{first}._orig_mod.{rest}" if first == "_encoder" else f"{first}.module.{rest}"] = value
    torch.save(state, tmp_path / "a.pt")
    assert same(tmp_path / "a.pt", zalando())


def test_parts_of_a_network_in_dicts_of_their_own(tmp_path):
    parts: dict[str, dict] = {}
    for name, value in zalando().items():
        first, rest = name.split(".", 1)
        parts.setdefault(first, {})[rest] = value
    torch.save(parts, tmp_path / "a.pt")
    assert same(tmp_path / "a.pt", zalando())


def test_a_prefix_before_half_of_the_names_is_refused_with_the_names(tmp_path):
    mixed = {("_orig_mod." if i % 2 else "") + name: value for i, (name, value) in enumerate(zalando().items())}
    torch.save(mixed, tmp_path / "a.pt")
    with pytest.raises(BadInput, match=r"has _orig_mod\. before some of its names only"):
        checkpoints.load(tmp_path / "a.pt")


def test_what_is_beside_the_weights_is_told(tmp_path):
    torch.save({**prefixed("vqvae.", zalando()), "clip.visual.proj": torch.ones(2)}, tmp_path / "a.pt")
    assert same(tmp_path / "a.pt", zalando())
    (said,) = (note for note in checkpoints.describe(tmp_path / "a.pt").notes if "left out" in note)
    assert said.startswith("Only what is below vqvae is read; 1 other tensors of the file, such as clip.visual.proj")


@pytest.mark.parametrize(
    ("average", "last"),
    [
        ("ema", "model"),
        ("params_ema", "params"),
        ("g_ema", "g"),
        ("model_ema", "model"),
        ("state_dict_ema", "state_dict"),
    ],
)
def test_averages_are_preferred_and_the_others_can_be_had(average, last, tmp_path):
    path = tmp_path / "a.pt"
    torch.save({last: zalando(), average: other(), "step": 5}, path)
    assert same(path, other()) and same(f"{path}@,weights={last}", zalando())
    (said,) = (note for note in checkpoints.describe(path).notes if "Shown" in note)
    assert f"({average})" in said and f"`@,weights={last}`" in said and "averages" in said
    keys = {checkpoints.fingerprint(f"{path}{choice}") for choice in ("", f"@,weights={last}", f"@,weights={average}")}
    assert len(keys) >= 2, "results of the one are not those of the other"
    with pytest.raises(BadInput, match=rf"below wrong; it has .*{average}"):
        checkpoints.describe(f"{path}@,weights=wrong")


def test_below_a_word_that_nobody_knows_beside_other_networks(tmp_path):
    torch.save({**prefixed("my_own.codec.", zalando()), "critic.weight": torch.ones(2)}, tmp_path / "a.pt")
    assert same(tmp_path / "a.pt", zalando())
    assert any("critic.weight, are left out" in note for note in checkpoints.describe(tmp_path / "a.pt").notes)


def test_averages_of_a_part_only_are_not_taken(tmp_path):
    half = dict(list(other().items())[:8])
    torch.save({"model": zalando(), "ema": half}, tmp_path / "a.pt")
    assert same(tmp_path / "a.pt", zalando())


def test_averages_without_dots_as_latent_diffusion_keeps_them(tmp_path):
    averages = {f"model_ema.{name.replace('.', '')}": value for name, value in other().items() if "_ema_" not in name}
    torch.save({"state_dict": zalando() | averages | {"model_ema.decay": torch.tensor(0.9)}}, tmp_path / "a.ckpt")
    lacking = {name for name in zalando() if "_ema_" in name}
    assert lacking, "what the network does not need may be missing from its averages"
    assert same(tmp_path / "a.ckpt", other())
    assert same(f"{tmp_path / 'a.ckpt'}@,weights=state_dict.model_ema", other())
    assert same(f"{tmp_path / 'a.ckpt'}@,weights=state_dict", zalando())


class Kind(enum.Enum):
    A = 1


def test_objects_beside_the_weights_are_left_aside(tmp_path, monkeypatch):
    module = types.ModuleType("nobody_has_this")
    made = type("Config", (dict,), {"__module__": module.__name__, "__qualname__": "Config"})
    module.Config = made
    monkeypatch.setitem(sys.modules, module.__name__, module)
    config = made(a=1)
    config.extra = [1]
    beside = {
        "numpy": np.float64(1), "array": np.arange(6.0).reshape(2, 3), "list": [np.float32(0.1)], "config": config,
        "args": argparse.Namespace(lr=1.0), "path": pathlib.PurePosixPath("/x"), "when": datetime.datetime(2024, 1, 1),
        "counter": collections.Counter("aab"), "default": collections.defaultdict(list, {"a": [1]}),
        "deque": collections.deque([1, 2]), "set": {1, 2}, "kind": Kind.A, "size": torch.Size([2]),
        "type": torch.float16,        "device": torch.device("cpu"), "decimal": decimal.Decimal("1.5"),
        "callbacks": {made: {"best": torch.ones(1)}},
        "slice": slice(1, 2), "complex": 1j, "loss": torch.nn.MSELoss(), "generator": torch.Generator().get_state(),
    }  # fmt: skip
    for modern in (True, False):
        for protocol in (2, 4):
            path = tmp_path / f"{modern}{protocol}.pt"
            torch.save(
                {"model": zalando(), **beside}, path, _use_new_zipfile_serialization=modern, pickle_protocol=protocol
            )
    monkeypatch.delitem(sys.modules, module.__name__)
    for path in tmp_path.iterdir():
        assert same(path, zalando()), path.name
    assert module.__name__ not in sys.modules


def test_tensors_are_those_that_were_saved(tmp_path):
    """Of every type and layout: views, shared storages, parameters, transposed, half precision, empty."""
    from explorer.foreign import reading

    whole = torch.arange(24.0).reshape(4, 6)
    saved = {
        "whole": whole, "view": whole[1:3, ::2], "turned": whole.T, "parameter": torch.nn.Parameter(whole[0].clone()),
        "half": whole.half(), "brain": whole.bfloat16(), "long": torch.arange(3), "flag": torch.tensor([True, False]),
        "number": torch.tensor(3.0), "empty": torch.zeros(0, 3), "double": whole.double(),
        "byte": torch.tensor([7]).byte(),        "small": whole.to(torch.float8_e4m3fn),
    }  # fmt: skip
    for modern in (True, False):
        if not modern:
            saved.pop("small")
        torch.save(saved, tmp_path / "a.pt", _use_new_zipfile_serialization=modern)
        found = reading.read(tmp_path / "a.pt").tensors
        bare = reading.read(tmp_path / "a.pt", data=False).tensors
        assert found.keys() == saved.keys() == bare.keys()
        for name, value in saved.items():
            assert found[name].dtype == bare[name].dtype == value.dtype and bare[name].shape == value.shape
            assert torch.equal(found[name].float(), value.detach().float()), name
        found["whole"].add_(1)  # what is read may be written into, and the file stays as it is
        assert torch.equal(reading.read(tmp_path / "a.pt").tensors["whole"], whole)


def test_numbers_of_eight_bits_are_read_as_what_they_are(tmp_path):
    state = {name: value.to(torch.float8_e4m3fn) for name, value in zalando().items()}
    save_file(state, tmp_path / "a.safetensors")
    assert same(tmp_path / "a.safetensors", {name: value.float() for name, value in state.items()})


def test_names_that_no_network_has(tmp_path):
    torch.save({"module." * 50_000 + "x": torch.ones(1)}, tmp_path / "a.pt")
    save_file({"module." * 50_000 + "x": torch.ones(1)}, tmp_path / "a.safetensors")
    for name in ("a.pt", "a.safetensors"):
        with pytest.raises(BadInput, match="a tensor has a name of 350,001 letters"):
            checkpoints.describe(tmp_path / name)


def test_dicts_that_hold_one_another_come_to_an_end(tmp_path):
    own: dict = {"a": torch.ones(1)}
    own["b"] = own
    wide: dict = {"x": torch.ones(1)}
    for _ in range(8):
        wide = {str(number): wide for number in range(20)}
    for held in (own, wide):
        torch.save(held, tmp_path / "a.pt")
        with pytest.raises(BadInput):
            checkpoints.describe(tmp_path / "a.pt")


def test_many_names_are_quick_and_few_are_tried():
    names = {f"model.blocks.{i}.weight.{j}.x" for i in range(400) for j in range(10)}
    assert len(wrapping.prefixes(names)) <= wrapping.MOST
