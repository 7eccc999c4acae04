"""Files that try to do more than hold weights: refused with one sentence, and nothing of them runs."""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import struct
import sys
import types
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from explorer import checkpoints
from explorer.errors import BadInput
from explorer.foreign import reading


@pytest.fixture
def trap(tmp_path):
    """An object that writes the file `harmed` when it is unpickled."""

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harmed"),)

    yield Trap()
    assert not (tmp_path / "harmed").exists(), "code of the file was run"


def refused(path, said):
    for read in (reading.read, checkpoints.describe, checkpoints.load):
        with pytest.raises(BadInput, match=said) as caught:
            read(path)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "before torch 1.6"])
def test_an_object_that_runs_code(trap, modern, tmp_path):
    path = tmp_path / "model.pt"
    torch.save({"weight": torch.ones(2), "more": trap}, path, _use_new_zipfile_serialization=modern)
    refused(path, "more than weights")


def test_a_plain_pickle(trap, tmp_path):
    for protocol in range(5):
        (tmp_path / "model.pth").write_bytes(pickle.dumps({"weight": trap}, protocol))
        refused(tmp_path / "model.pth", "no file of torch|more than weights")


def test_a_whole_module(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    refused(tmp_path / "module.pt", r"more than weights .*Linear.*save_file\(model\.state_dict\(\)")


def test_a_program(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "decoder.pt"))
    refused(tmp_path / "decoder.pt", "is a TorchScript program, which would run when opened")


def test_objects_of_a_training_framework_are_left_aside(tmp_path, monkeypatch):
    """As Lightning writes them; its classes are not imported, and need not be there."""
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")

    class ModelCheckpoint:
        pass

    ModelCheckpoint.__module__, ModelCheckpoint.__qualname__ = module.__name__, "ModelCheckpoint"
    module.ModelCheckpoint = ModelCheckpoint
    for name in ("pytorch_lightning", "pytorch_lightning.callbacks"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    path = tmp_path / "last.ckpt"
    torch.save(
        {
            "state_dict": {"a.weight": torch.arange(4.0)},
            "callbacks": {ModelCheckpoint: {"best": 1}},
            "args": argparse.Namespace(norm_pix_loss=True),
            "epoch": 3,
        },
        path,
    )
    for name in [name for name in sys.modules if name.startswith("pytorch_lightning")]:
        monkeypatch.delitem(sys.modules, name)
    found = reading.read(path)
    assert torch.equal(found.tensors["state_dict.a.weight"], torch.arange(4.0)) and found.rest["epoch"] == 3
    assert not any(name.startswith("pytorch_lightning") for name in sys.modules)


def test_without_data_nothing_is_allocated(tmp_path):
    save_file({"w": torch.ones(3, 4)}, tmp_path / "a.safetensors")
    torch.save({"w": torch.ones(3, 4)}, tmp_path / "a.pt")
    for name in ("a.safetensors", "a.pt"):
        found = reading.read(tmp_path / name, data=False).tensors["w"]
        assert found.shape == (3, 4) and found.device.type == "meta"
        assert torch.equal(reading.read(tmp_path / name).tensors["w"], torch.ones(3, 4))


def test_a_header_of_two_gigabytes(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 2**31) + b"{}")
    refused(tmp_path / "a.safetensors", "damaged: it does not begin like a safetensors file")


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4 * 10**18]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4000]},
        {"dtype": "F32", "shape": "many", "data_offsets": [0, 8]},
        {"dtype": "F32"},
        [],
    ],
)
def test_a_header_that_lies(entry, tmp_path):
    text = json.dumps({"quantize_t.embed": entry}).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    refused(tmp_path / "a.safetensors", "damaged")


def test_a_small_file_that_claims_a_large_tensor(tmp_path):
    """One number, seen as a trillion by a stride of 0."""
    torch.save({"quantize_t.embed": torch.ones(1).expand(10**6, 10**6)}, tmp_path / "a.pt")
    assert (tmp_path / "a.pt").stat().st_size < 10_000
    refused(tmp_path / "a.pt", "claims more numbers than the file holds")


def rezip(path, change):
    data = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(data, "w") as new:
        change(old, new)
    path.write_bytes(data.getvalue())


def test_compressed_parts(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"w": torch.zeros(100_000)}, path)

    def squeeze(old, new):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry), zipfile.ZIP_DEFLATED)

    rezip(path, squeeze)
    refused(path, "its parts are compressed")


def test_a_zip_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as file:
        file.writestr("../../outside.txt", "x")
    refused(tmp_path / "a.pt", "a zip file, but not one of torch")
    assert not (tmp_path.parent / "outside.txt").exists()


@pytest.mark.parametrize("content", [b"", b"\x80", b"\x80\x02garbage", b"PK\x03\x04", b"not weights at all"])
def test_garbage(content, tmp_path):
    for suffix in (".pt", ".safetensors"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        refused(path, "damaged|no file of torch|more than weights|zip file")


def test_a_cut_file(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"w": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:-600])
    refused(path, "damaged|no file of torch|zip file")


def test_a_file_larger_than_memory_is_told_before_it_is_read(tmp_path, monkeypatch):
    import psutil

    torch.save({"w": torch.zeros(1000)}, tmp_path / "a.pt")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(available=100))
    with pytest.raises(BadInput, match=r"a\.pt has 5\.\d kB, and 0\.1 kB of memory are free"):
        reading.read(tmp_path / "a.pt")


def test_single_files_are_listed_and_opened_by_the_same_endings():
    """Told twice, because a list of checkpoints must not wait for torch."""
    from explorer.foreign import kinds

    assert checkpoints.SINGLE == kinds.ENDINGS


def test_a_file_without_weights(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "a.pt")
    refused(tmp_path / "a.pt", "holds no weights by name")


@pytest.mark.parametrize("side", ["Infinity", "1e400", "-1", "4294967296", "true, 8589934592"])
def test_a_header_with_sizes_that_no_file_has_is_damaged(tmp_path, side):
    header = b'{"a":{"dtype":"F32","shape":[%s,%s],"data_offsets":[0,4]}}' % (side.encode(), side.encode())
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(BadInput, match="damaged"):
        reading.header(path)
