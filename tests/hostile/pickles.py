"""Pickles: what a file of PyTorch may ask its reader to do."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.hostile.case import Case, bomb, one_file, torch_old, torch_zip

PROTO, STOP = b"\x80\x02", b"."


def nested_key(depth: int = 60) -> bytes:
    """A tuple as a key that holds itself twice, so often: hashing it takes 2 ** depth steps."""
    body = b"\x80\x02X\x01\x00\x00\x00a\x85q\x00"
    for i in range(depth):
        body += b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1])
    return body + b"}h" + bytes([depth]) + b"K\x01s."


def nested_frozenset(depth: int = 60) -> bytes:
    body = b"\x80\x04(\x8c\x01a\x91\x94"
    for i in range(depth):
        body += b"(h" + bytes([i]) + b"h" + bytes([i]) + b"K" + bytes([i]) + b"\x91\x94"
    return body + b"}h" + bytes([depth]) + b"K\x01s."


def calls(module: str, name: str, arguments: bytes) -> bytes:
    """A pickle that calls a global."""
    return PROTO + f"c{module}\n{name}\n".encode() + arguments + b"R."


def number(value: int) -> bytes:
    body = value.to_bytes(9, "little", signed=True)
    return b"\x8a\x09" + body


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def storage(count: int, kind: str = "FloatStorage", key: str = "0") -> bytes:
    """The persistent id of a storage, as `torch.save` writes it."""
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(shape: tuple[int, ...], stride: tuple[int, ...], count: int, offset: int = 0, **more: str) -> bytes:
    """A state dict of one tensor with any shape, stride and offset."""
    of = lambda values: b"(" + b"".join(number(value) for value in values) + b"t"  # noqa: E731
    rebuilt = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(count, **more) + number(offset) + of(shape) + of(stride)
    return PROTO + b"}" + text("_encoder._conv_1.weight") + rebuilt + b"\x89}tRs."


def harmful(module: str, name: str, arguments: Callable[[Path], bytes]) -> Callable[[Path, Path], None]:
    def write(at: Path, canary: Path) -> None:
        (at / "x.pt").write_bytes(torch_zip(calls(module, name, arguments(canary))))

    return write


def _touch(canary: Path) -> bytes:
    return text(f"touch {canary}") + b"\x85"


def _python(canary: Path) -> bytes:
    return text(f"open({str(canary)!r}, 'w')") + b"\x85"


def _opened(canary: Path) -> bytes:
    return text(str(canary)) + text("w") + b"\x86"


GLOBALS = {
    "os.system": ("os", "system", _touch),
    "posix.system": ("posix", "system", _touch),
    "subprocess.getoutput": ("subprocess", "getoutput", _touch),
    "builtins.eval": ("builtins", "eval", _python),
    "builtins.exec": ("__builtin__", "execfile", _python),
    "builtins.open": ("io", "open", _opened),
    "pathlib.Path.touch": ("pathlib", "Path.touch", _opened),
    "torch.load": ("torch", "load", _opened),
    "torch.hub.load": ("torch.hub", "load", _opened),
    "numpy.save": ("numpy", "save", _opened),
    "shutil.rmtree": ("shutil", "rmtree", _opened),
    "webbrowser.open": ("webbrowser", "open", _opened),
    "explorer's own": ("explorer.files", "write_json", _opened),
    "runpy.run_path": ("runpy", "run_path", _opened),
    "timeit.timeit": ("timeit", "timeit", _python),
    "builtins.__import__": ("builtins", "__import__", lambda _: text("antigravity") + b"\x85"),
}
BODIES: dict[str, Callable[[], bytes] | bytes] = {
    "a key that is hashed 2^60 times": nested_key,
    "a frozenset that is hashed 2^60 times": nested_frozenset,
    "bytearray of 10 GB": lambda: calls(
        "__builtin__", "bytearray", b"\x8a\x05" + (10**10).to_bytes(5, "little") + b"\x85"
    ),
    "bytearray of 2^62 bytes": lambda: calls("builtins", "bytearray", number(2**62) + b"\x85"),
    "list of range(10^12)": lambda: calls("builtins", "list", b"cbuiltins\nrange\n" + number(10**12) + b"\x85R\x85"),
    "set of bytes by range": lambda: calls("builtins", "set", b"cbuiltins\nrange\n" + number(10**10) + b"\x85R\x85"),
    "bytes of 10 GB": lambda: calls("builtins", "bytes", number(10**10) + b"\x85"),
    "OrderedDict of itself": lambda: PROTO + b"ccollections\nOrderedDict\n)Rq\x00h\x00h\x00h\x00s.",
    "Counter with elements": lambda: calls(
        "collections", "Counter.elements", b"}" + text("a") + number(10**12) + b"s\x85"
    ),
    "lists in lists, 10^6 deep": lambda: PROTO + b"]" * 10**6 + b"a" * (10**6 - 1) + STOP,
    "tuples in tuples, 10^6 deep": lambda: PROTO + b")" + b"\x85" * 10**6 + STOP,
    "dicts in dicts, 10^5 deep": lambda: PROTO + b"}" + b"X\x01\x00\x00\x00a}" * 10**5 + b"s" * 10**5 + STOP,
    "10^6 marks": lambda: PROTO + b"(" * 10**6 + STOP,
    "stack of 10^7 values": lambda: PROTO + b"(" + b"K\x01" * 10**7 + b"t.",
    "a memo of number 2^32 - 1": lambda: PROTO + b"}r\xff\xff\xff\xff.",
    "a memo as text of 10^9": lambda: PROTO + b"}p1000000000\n.",
    "memo asked for that is not there": PROTO + b"h\x09.",
    "lists that double, 2^40": lambda: (
        PROTO
        + b"]q\x00"
        + b"".join(b"](h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) for i in range(40))
        + STOP
    ),
    "a long number of 10^5 bytes": lambda: PROTO + b"}K\x01\x8b" + struct.pack("<i", 10**5) + b"\x7f" * 10**5 + b"s.",
    "a long number of negative length": PROTO + b"\x8b\xff\xff\xff\xff.",
    "a number as text of 10^6 digits": lambda: PROTO + b"}K\x01L" + b"9" * 10**6 + b"L\ns.",
    "text that says 4 GB": PROTO + b"X\xff\xff\xff\xffabc.",
    "text that says 2^63 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 2**63 - 1) + b"abc.",
    "bytes that say 2^62": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",
    "bytearray8 that says 2^40": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"abc.",
    "a frame that says 2^62": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"}.",
    "an extension's code": PROTO + b"\x82\x01.",
    "a buffer outside": b"\x80\x05\x97.",
    "protocol 200": b"\x80\xc8}.",
    "nothing on the stack": PROTO + STOP,
    "no end": PROTO + b"}" * 1000,
    "an unknown opcode": PROTO + b"\xfe.",
    "a build of a number": PROTO + b"K\x01}b.",
    "items of a number": PROTO + b"K\x01(K\x01K\x02u.",
    "a state dict of numbers": pickle.dumps({str(i): i for i in range(1000)}, 2),
    "text alone": pickle.dumps("x" * 10**6, 2),
    "names with terminal codes": pickle.dumps({"\x1b[2J\x1b]0;title\x07": 1}, 2),
    "a class with terminal codes": PROTO + b"c\x1b[2J\nx\x1b]0;t\x07\n)R.",
    "a class of a name of 1 MB": lambda: PROTO + b"cmodels." + b"x" * 10**6 + b"\nNet\n)R.",
    "surrogates as a key": PROTO + b"}X\x03\x00\x00\x00\xed\xa0\x80K\x01s.",
    "a whole module": PROTO + b"cmodels.vqvae\nVQVAE\n)\x81}b.",
}
TENSORS = {
    "a shape of 10^12": lambda: tensor((10**6, 10**6), (10**6, 1), 10**12),
    "a stride of 0 over 10^12": lambda: tensor((10**6, 10**6), (0, 0), 1),
    "a negative stride": lambda: tensor((4, 4), (-4, 1), 16),
    "a negative shape": lambda: tensor((-1, 4), (4, 1), 16),
    "a shape that overflows": lambda: tensor((2**33, 2**33), (2**33, 1), 16),
    "an offset of 2^60": lambda: tensor((4, 4), (4, 1), 16, 2**60),
    "a negative offset": lambda: tensor((4, 4), (4, 1), 16, -4),
    "a storage that is not there": lambda: tensor((4, 4), (4, 1), 16, key="7"),
    "a storage outside the archive": lambda: tensor((4, 4), (4, 1), 16, key="../../../etc/passwd"),
    "a storage that is shorter than it says": lambda: tensor((64, 64), (64, 1), 4096),
    "a storage of an unknown kind": lambda: tensor((4, 4), (4, 1), 16, kind="HugeStorage"),
    "no axes of 2 times nothing": lambda: tensor((0, 2**40), (2**40, 1), 0),
    "20,000 axes": lambda: tensor((1,) * 20_000, (1,) * 20_000, 16),
}


def _entries() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        for number_ in range(30_000):
            archive.writestr(f"archive/data/{number_}", b"")
    return held.getvalue()


FILES: dict[str, Callable[[], bytes] | bytes] = {
    "data.pkl that unpacks to 4 GB": lambda: bomb("archive/data.pkl", {"archive/version": b"3\n"}, PROTO),
    "30,000 entries": _entries,
    "TorchScript": lambda: torch_zip(
        pickle.dumps({}, 2), **{"code/__torch__.py": b"def f(): pass", "constants.pkl": b"x"}
    ),
    "no data.pkl": lambda: torch_zip(b"")[:-40],
    "an empty data.pkl": lambda: torch_zip(b""),
    "an empty file": b"",
    "a byte": b"\x80",
    "zeros": bytes(10**6),
    "the end of a zip alone": b"PK\x05\x06" + bytes(18),
    "the start of a zip alone": b"PK\x03\x04" + bytes(60),
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "a web page": b"<!DOCTYPE html><script>alert(1)</script>",
    "an old file of 2^60 keys": lambda: torch_old(nested_key()),
    "an old file of a bytearray": lambda: torch_old(calls("builtins", "bytearray", number(10**10) + b"\x85")),
    "an old file that is cut": lambda: torch_old(tensor((4, 4), (4, 1), 16))[:-30],
    "an old file without storages": lambda: torch_old(tensor((4, 4), (4, 1), 16)),
    "a tar of torch 0.1": lambda: b"storages".ljust(257, b"\0") + b"ustar" + bytes(800),
}
CASES = [
    *one_file(
        "pickle",
        "x.pt",
        {title: (lambda body=body: torch_zip(body() if callable(body) else body)) for title, body in BODIES.items()},
    ),
    *one_file(
        "pickle", "x.pt", {title: (lambda body=body: torch_zip(body(), [bytes(64)])) for title, body in TENSORS.items()}
    ),
    *one_file("pickle", "x.ckpt", FILES),
    *[Case("harmful pickle", title, harmful(*what), "x.pt") for title, what in GLOBALS.items()],
    *one_file(
        "pickle in a table of arrays",
        "x.npy",
        {"an array of objects": lambda: _objects()},
        opened="usage",
    ),
]


def _objects() -> bytes:
    import numpy as np

    held = io.BytesIO()
    np.save(held, np.array([{"a": 1}], object), allow_pickle=True)
    return held.getvalue()
