"""A file is what its first bytes say, whatever it is called; what cannot be opened says what it is instead."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from explorer import checkpoints
from explorer.errors import BadInput
from explorer.foreign import kinds
from tests.foreign.test_mae import published
from tests.foreign.test_vqvae import zalando

TITLE = "zalandoresearch/pytorch-vq-vae"


@pytest.mark.parametrize("name", ["a.pth.tar", "A.PT", "a.ckpt", "a.bin", "a.tar", "a", "a.weights", "a.safetensors"])
def test_any_ending(name, tmp_path):
    torch.save(zalando(), tmp_path / name)
    assert checkpoints.describe(tmp_path / name).format == TITLE
    save_file(zalando(), tmp_path / f"s-{name}.sft")
    os.rename(tmp_path / f"s-{name}.sft", tmp_path / f"s-{name}")
    assert checkpoints.load(tmp_path / f"s-{name}").layers[0].dim == 8


def test_a_link_to_a_file_without_an_ending(tmp_path):
    """As the Hub's cache has it: the name of the link counts, not that of the file."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    torch.save({"model": published()}, tmp_path / "blobs/ab12")
    save_file(zalando(), tmp_path / "blobs/cd34")
    for blob, name in {"ab12": "mae_pretrain_x.pth", "cd34": "vq.safetensors"}.items():
        (tmp_path / "snapshot" / name).symlink_to(f"../blobs/{blob}")
    found = checkpoints.describe(tmp_path / "snapshot/mae_pretrain_x.pth")
    assert found.name == "mae_pretrain_x.pth" and any("norm_pix_loss" in note for note in found.notes)
    assert checkpoints.describe(tmp_path / "snapshot/vq.safetensors").format == TITLE
    assert checkpoints.describe(tmp_path / "blobs/cd34").format == TITLE


def packed():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.pt"), io.BytesIO())
    return data.getvalue()


def arrays():
    data = io.BytesIO()
    np.savez(data, a=np.ones(3))
    return data.getvalue()


def zipped():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("model.safetensors", "x")
    return data.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GGUF\x03\x00\x00\x00", "is a GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "run `git lfs pull`"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (gzip.compress(b"x" * 99, mtime=0), "is compressed; unpack it"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(9), "TensorFlow Lite"),
        (b"\x08\x07\x12\x07pytorch\x1a\x05", "is an ONNX model"),
        (b"\x82\xa6params\x81\xa3foo", "looks like msgpack, as Flax saves weights"),
        (packed(), "is a tar archive of several files; unpack it"),
        (arrays(), "is an archive of NumPy arrays"),
        (zipped(), "is a zip archive with files of weights in it; unpack it"),
        (pickle.dumps({"a": np.ones(3)}), "is a pickle, and not as torch.save writes it; save its weights with"),
    ],
)
def test_other_kinds_are_called_what_they_are(content, said, tmp_path):
    for name in ("model.pt", "model.pkl", "model"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput) as caught:
            checkpoints.describe(tmp_path / name)
        assert said in str(caught.value) and name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        (["lora_unet_down_blocks_0.lora_down.weight"], "holds a LoRA"),
        (["unet.down_blocks.0.lora_A.weight"], "holds a LoRA"),
        (
            ["model.diffusion_model.input_blocks.0.0.weight"],
            "is the network of a diffusion model that takes noise away",
        ),
        (["double_blocks.0.img_attn.qkv.weight", "img_in.weight"], "is the network of a diffusion model"),
        (["text_model.encoder.layers.0.mlp.fc1.weight"], "is a text encoder"),
        (["control_model.input_blocks.0.0.weight"], "is a ControlNet"),
        (["lm_head.weight", "model.layers.0.self_attn.q_proj.weight"], "is a language model"),
        (["encoder.down_blocks.0.resnets.0.conv1.weight"], "belong with their config.json"),
        (["something.weight", "else.bias"], "holds 2 tensors of no network that is known here, such as else.bias"),
    ],
)
def test_weights_of_other_networks_are_called_what_they_are(tensors, said, tmp_path):
    save_file({name: torch.ones(2) for name in tensors}, tmp_path / "a.safetensors")
    with pytest.raises(BadInput, match=said):
        checkpoints.describe(tmp_path / "a.safetensors")


def test_files_without_weights_say_what_they_hold(tmp_path):
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    for held, said in {
        "optimizer": (optimizer.state_dict(), "the state of an optimizer and no weights"),
        "beside": ({"optimizer": optimizer.state_dict(), "epoch": 1}, "the state of an optimizer and no weights"),
        "module": ({"model": network}, r"no weights by name, but model \(torch.nn.modules.linear.Linear\)"),
        "both": ({"model": network, "optimizer": optimizer.state_dict()}, r"but model \(torch.nn.modules.linear"),
        "tensor": (torch.ones(2), "holds one tensor, no weights by name"),
        "numbers": ([1, 2], "holds a list, no weights by name"),
    }.values():
        torch.save(held, tmp_path / "a.pt")
        with pytest.raises(BadInput, match=said):
            checkpoints.describe(tmp_path / "a.pt")


def test_weights_of_a_folder_of_this_program_belong_to_it(tmp_path):
    (tmp_path / "config.json").write_text('{"format": 1}')
    save_file({"encoder.a.weight": torch.ones(2)}, tmp_path / "model.safetensors")
    with pytest.raises(BadInput, match=f"is a part of the checkpoint {tmp_path.name}; give that folder"):
        checkpoints.describe(tmp_path / "model.safetensors")


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "a.pt")
    with pytest.raises(BadInput, match=r"a\.pt is no file, but a pipe or device"):
        checkpoints.describe(tmp_path / "a.pt")
    assert not kinds.is_weights(tmp_path / "a.pt")
