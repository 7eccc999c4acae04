"""Checkpoints: agree to the bit after saving and loading, and every broken one is one clear sentence."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer import checkpoints
from explorer.errors import BadInput
from explorer.models import MODELS, build

SMALL = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4}
TINY = {
    "vqvae": {**SMALL, "codes": 32, "dim": 8},
    "vqvae2": {**SMALL, "codes": 8, "dim": 4},
    "vae": {**SMALL, "dim": 4, "width": 16},
    "mae": {"patch": 8, "dim": 16, "blocks": 2, "heads": 2, "decoder_dim": 16, "decoder_blocks": 1, "decoder_heads": 2},
}


def save(path, family="vqvae"):
    torch.manual_seed(0)
    model = build(family, TINY[family], 32).eval()
    path.mkdir(parents=True, exist_ok=True)
    checkpoints.save(path, model, family=family, dataset="shapes", training={}, metrics={"images": 3}, card="# card")
    return model


@pytest.fixture
def saved(tmp_path):
    save(tmp_path / "net")
    return tmp_path / "net"


@pytest.mark.parametrize("family", sorted(MODELS))
def test_save_and_load_agree_to_the_bit(tmp_path, family):
    model = save(tmp_path / "net", family)
    loaded = checkpoints.load(tmp_path / "net")
    assert loaded.config == model.config and not loaded.training
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        for name, value in model.encode(images).items():
            assert torch.equal(value, loaded.encode(images)[name])


def test_describe_reads_no_weights(saved):
    (saved / "model.safetensors").unlink()
    found = checkpoints.describe(saved)
    assert found.layers == ({"name": "code", "grid": [8, 8], "dim": 8, "codes": 32},)
    assert found.metrics == {"images": 3} and found.parameters > 1000


def test_fingerprint_follows_the_content(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "copy")
    assert checkpoints.fingerprint(saved) == checkpoints.fingerprint(tmp_path / "copy")
    tensors = load_file(saved / "model.safetensors")
    tensors["to_code.bias"] += 1
    save_file(tensors, tmp_path / "copy" / "model.safetensors")
    assert checkpoints.fingerprint(saved) != checkpoints.fingerprint(tmp_path / "copy")


def test_find_lists_own_checkpoints_and_skips_other_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path))
    save(tmp_path / "mine")
    (tmp_path / "photos").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    for harm in (endless, nested, layers_of_nothing):
        save(tmp_path / harm.__name__)
        harm(tmp_path / harm.__name__)
    names = [found.name for found in checkpoints.find()]
    assert "mine" in names and not {"photos", "broken", "endless", "nested", "layers_of_nothing"} & set(names)
    assert checkpoints.resolve("mine") == tmp_path / "mine"


def test_an_unknown_name_lists_the_choices(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path))
    save(tmp_path / "mine")
    with pytest.raises(BadInput, match=r"no checkpoint 'yours'; choose from .*mine"):
        checkpoints.resolve("yours")


def truncate(path):
    file = path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def scramble(path):
    (path / "model.safetensors").write_bytes(b"\xff" * 1000)


def huge_header(path):
    (path / "model.safetensors").write_bytes((1 << 60).to_bytes(8, "little") + b"{}")


def wrong_shapes(path):
    config = json.loads((path / "config.json").read_text())
    config["settings"]["codes"] = 64
    (path / "config.json").write_text(json.dumps(config))


def enormous_config(path):
    config = json.loads((path / "config.json").read_text())
    config["settings"]["hidden"] = 10**9
    (path / "config.json").write_text(json.dumps(config))


def not_numbers(path):
    tensors = load_file(path / "model.safetensors")
    tensors["to_code.bias"][0] = float("nan")
    save_file(tensors, path / "model.safetensors")


def broken_json(path):
    (path / "config.json").write_text('{"format": 1,')


def a_list(path):
    (path / "config.json").write_text("[]")


def unknown_family(path):
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "family": "gan"}))


def text_for_a_number(path):
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "image_size": "large"}))


def endless(path):
    config = (path / "config.json").read_text()
    (path / "config.json").write_text(config.replace('"image_size": 32', '"image_size": Infinity'))


def nested(path):
    (path / "config.json").write_text("[" * 200_000)


def layers_of_nothing(path):
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "layers": [{}]}))


def other_layers(path):
    config = json.loads((path / "config.json").read_text())
    config["layers"][0]["grid"] = [3, 5]
    (path / "config.json").write_text(json.dumps(config))


def no_weights(path):
    (path / "model.safetensors").unlink()


def no_config(path):
    (path / "config.json").unlink()


BROKEN = {
    truncate: "damaged",
    scramble: "damaged",
    huge_header: "damaged",
    wrong_shapes: "disagree: .* should be .*64 .* and is .*32",
    enormous_config: "hidden 1000000000 is out of range",
    not_numbers: "not finite, first in to_code.bias",
    broken_json: "config.json of net cannot be read",
    a_list: "not of this program",
    unknown_family: "unknown family 'gan'; choose from mae, vae, vqvae",
    text_for_a_number: "image_size, which is a whole number",
    endless: "image_size, which is a whole number",
    nested: "nested too deeply",
    layers_of_nothing: "lacks or misstates 'grid'",
    other_layers: r"misstates its layers: .*\[3, 5\].* should be .*\[8, 8\]",
    no_weights: "has no model.safetensors",
    no_config: "has no config.json",
}


@pytest.mark.parametrize("harm", BROKEN, ids=lambda harm: harm.__name__)
def test_a_broken_checkpoint_is_one_sentence(saved, harm):
    harm(saved)
    with pytest.raises(BadInput, match=BROKEN[harm]) as caught:
        checkpoints.load(saved)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_pickle_is_refused_unopened(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harmed"), "w"))

    (tmp_path / "model.pt").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(BadInput, match=r"model\.pt (is no file of torch|holds more than weights)"):
        checkpoints.load(tmp_path / "model.pt")
    assert not (tmp_path / "harmed").exists()


def test_a_folder_of_photographs_is_no_checkpoint(tmp_path):
    with pytest.raises(BadInput, match=r"is not a checkpoint: it has no config\.json"):
        checkpoints.load(tmp_path)


def test_weights_that_took_the_place_of_others_are_not_taken_for_them(tmp_path):
    """Even of the same size, with the same time of change, as a backup that is put back."""
    import os
    import shutil

    import torch

    from explorer.models import build

    settings = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        (tmp_path / name).mkdir()
        network = build("vqvae", settings, 16).eval()
        checkpoints.save(
            tmp_path / name, network, family="vqvae", dataset="digits", training={}, metrics={}, card="# x"
        )
        os.utime(tmp_path / name / "model.safetensors", ns=(10**18, 10**18))
    known = checkpoints.fingerprint(tmp_path / "a")
    checkpoints.load_known(tmp_path / "a", known)
    shutil.copy2(tmp_path / "b" / "model.safetensors", tmp_path / "a" / "model.safetensors")
    assert checkpoints.fingerprint(tmp_path / "a") == checkpoints.fingerprint(tmp_path / "b") != known
    with pytest.raises(BadInput, match="a was replaced by another checkpoint meanwhile; reload the page"):
        checkpoints.load_known(tmp_path / "a", known)
