"""What a file is, by its first bytes: its name may lack an ending, as in the cache of the Hub, or have a wrong one."""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path

from explorer.errors import BadInput
from explorer.foreign.pickles import CONVERT

SAFETENSORS, TORCH, KERAS, HDF5, TENSORFLOW = "safetensors", "torch", "Keras", "HDF5", "TensorFlow"
ENDINGS = (  # of files that are taken for weights where a folder is searched
    ".safetensors", ".sft", ".pt", ".pth", ".bin", ".ckpt", ".pth.tar", ".pt.tar", ".ckpt.tar", ".tar", ".keras", ".h5",
)  # fmt: skip
AGAIN = "save the model again with `model.save('model.keras')`"  # of Keras
UNPACK = "unpack it, and give what is inside"
OTHERS: tuple[tuple[re.Pattern[bytes], str], ...] = (  # what begins like this cannot be opened, and why
    (re.compile(rb"GGUF"), f"is a GGUF file, whose numbers are packed for llama.cpp; {CONVERT}"),
    (re.compile(rb"version https://git-lfs"), "is the pointer that Git LFS leaves, not the file; run `git lfs pull`"),
    (re.compile(rb"\s*<(!DOCTYPE|html|\?xml)", re.I), "is a web page, perhaps of a login; download the file itself"),
    (re.compile(rb"\x1f\x8b|BZh|\xfd7zXZ\x00|\x28\xb5\x2f\xfd|7z\xbc\xaf\x27\x1c|Rar!"), f"is compressed; {UNPACK}"),
    (re.compile(rb".{4}TFL3", re.S), f"is a model of TensorFlow Lite, a program that is not run; {CONVERT}"),
    (
        re.compile(rb"\x08[\x01-\x20](\x12.[A-Za-z]|:)", re.S),
        "is an ONNX model, a program that is not run; give the checkpoint that it was made of",
    ),
    (
        re.compile(rb"[\x81-\x8f\xde\xdf].{0,4}[\xa1-\xbf\xd9]", re.S),
        "looks like msgpack, as Flax saves weights; load it with `from_pretrained(..., from_flax=True)` and save that "
        "again with `save_pretrained`, as safetensors",
    ),
)  # fmt: skip


def is_weights(path: Path) -> bool:
    """Whether a file in a folder is taken for weights, by the end of its name."""
    return path.name.lower().endswith(ENDINGS) and path.is_file()


def kind(path: Path) -> str | None:
    """SAFETENSORS, TORCH, KERAS, HDF5 or TENSORFLOW; None of what is not known.

    Raises:
        BadInput: no file, one that cannot be read, or one that is known not to open, with what to do instead.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadInput(f"{path.name} is no file, but a pipe or device; give a file with weights")
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}") from None
    if re.match(rb".{5}\x00{3}\{", start, re.S):
        return SAFETENSORS
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        return HDF5
    if start.startswith(b"PK\x03\x04"):
        return _of_zip(path)
    if re.match(rb"\x80[\x02-\x05]", start):
        return TORCH
    if start[257:262] == b"ustar":
        raise BadInput(f"{path.name} is a tar archive of several files; {UNPACK}")
    if re.search(r"\.(index|data-\d{5}-of-\d{5})$", path.name):
        return TENSORFLOW
    for pattern, why in OTHERS:
        if pattern.match(start):
            raise BadInput(f"{path.name} {why}")
    return _by_name(path)


def _of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, UnicodeError):
        return _by_name(path) or TORCH
    if "model.weights.h5" in names:
        return KERAS
    inside = {name.partition("/")[2] for name in names}
    if "data.pkl" in inside:
        return TORCH
    if names and all(name.endswith(".npy") for name in names):
        raise BadInput(f"{path.name} is an archive of NumPy arrays, which are no known weights, and none of "
                       f"which is called 'codes'; {CONVERT}")  # fmt: skip
    if any(name.lower().endswith(ENDINGS) for name in names):
        raise BadInput(f"{path.name} is a zip archive with files of weights in it; {UNPACK}")
    return _by_name(path) or TORCH


def _by_name(path: Path) -> str | None:
    """What the end of its name promises, of a file whose first bytes say nothing: it is damaged, and its reader says
    how."""
    name = path.name.lower()
    if name.endswith((".safetensors", ".sft")):
        return SAFETENSORS
    if name.endswith(".keras"):
        return KERAS
    if name.endswith(".h5"):
        return HDF5
    return TORCH if name.endswith(ENDINGS) else None
