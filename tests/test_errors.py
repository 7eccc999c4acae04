"""What the machine refuses is one sentence with a remedy; a bug stays a bug."""

import errno
import json
from pathlib import Path

import pytest
import torch

from explorer.errors import BadInput, Cancelled, escaped, explained, one_line, printable

FULL = "could not save it: the disk of '/there' is full; free some space and try again"
MEMORY = "could not save it: it ran out of memory; try a smaller batch, .* or another device"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), FULL),
        (OSError("LanceError(IO): write failed (os error 28)"), FULL),
        (Exception("I/O error: No space left on device"), FULL),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "could not save it: '/there': Permission denied; choose ano",
        ),
        (OSError(errno.EROFS, "Read-only file system"), "'/there': Read-only file system; choose another place, or"),
        (
            Exception("Error while serializing: I/O error: Permission denied (os error 13)"),
            "'/there': Permission denied; ch",
        ),
        (MemoryError(), MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), MEMORY),
        (ImportError("lance.abi3.so: failed to map segment from shared object"), MEMORY),
        (RuntimeError("can't start new thread"), MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), MEMORY),
    ],
)
def test_a_full_disk_a_refused_place_and_no_memory_are_one_sentence(error, sentence):
    with pytest.raises(BadInput, match=sentence), explained("save it", Path("/there")):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file"),
        KeyError("x"),
        Cancelled("out of memory"),
        BadInput("disk is full"),
    ],
)
def test_anything_else_passes_through(error):
    with pytest.raises(type(error)) as raised, explained("save it", Path("/there")):
        raise error
    assert raised.value is error


def test_without_a_place_the_file_of_the_error_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match=r"could not write: '.*file/x': Not a directory"), explained("write"):
        (tmp_path / "file" / "x").write_text("y")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("red\x1b[31m.pt", r"red\x1b[31m.pt"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J\x7f", r"\x9b2J\x7f"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("f\udce9te.png", r"f\udce9te.png"),  # Latin-1, as Python reads it from a folder
        ("Füße 日本 🧩 \u00a0.png", "Füße 日本 🧩 \u00a0.png"),
    ],
)
def test_codes_in_names_are_written_out(name, shown):
    assert printable(name) == shown
    assert str(BadInput(f"{name} cannot be read")) == f"{shown} cannot be read"
    shown.encode("utf-8")
    text = json.dumps({name: name}, ensure_ascii=False)
    assert json.loads(escaped(text)) == {name: name} and escaped(text) == printable(escaped(text))


def test_messages_are_one_line_of_a_length_that_can_be_read():
    assert one_line("two\nlines\tof  text") == "two lines of  text"
    said = str(BadInput(f"unknown family {'x' * 10**6!r}; choose from mae, vae"))
    assert len(said) < 400 and said.endswith("; choose from mae, vae")
    said = str(BadInput(f"a tensor of {', '.join('1' * 100_000)} axes; save it again"))
    assert len(said) < 1300 and said.startswith("a tensor of 1, 1") and said.endswith("; save it again")
    path = "/home/someone/" + "a/long/path/" * 15 + "photo.png"
    assert path in str(BadInput(f"{path} cannot be read")), "what one may want to copy is whole"
