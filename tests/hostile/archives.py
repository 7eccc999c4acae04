"""Zips, tars and arrays: bombs, names that lead out, entries without end."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tests.hostile.case import USAGE, Case, bomb, one_file, one_folder, picture, pixels, sound_pictures, zipped


def sound(count: int = 8) -> dict[str, bytes]:
    return {f"{number}.png": picture("PNG", number) for number in range(count)}


def lying(size: int) -> bytes:
    """A zip whose directory says another size than there is."""
    body = bytearray(zipped(sound()))
    at = body.index(b"PK\x01\x02")
    body[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(body)


def overlapping() -> bytes:
    """A zip of 2,000 names for one and the same bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.png", picture("PNG"))
        only = archive.filelist[0]
        for number in range(1, 2000):
            other = zipfile.ZipInfo(f"{number}.png")
            for name in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(other, name, getattr(only, name))
            archive.filelist.append(other)
        archive._didModify = True
    return held.getvalue()


def encrypted() -> bytes:
    body = bytearray(zipped(sound()))
    at = 0
    while (at := body.find(b"PK\x01\x02", at)) >= 0:
        body[at + 8] |= 1
        at += 4
    return bytes(body)


def packed_otherwise() -> bytes:
    body = bytearray(zipped(sound()))
    at = 0
    while (at := body.find(b"PK\x01\x02", at)) >= 0:
        body[at + 10 : at + 12] = struct.pack("<H", 99)
        at += 4
    return bytes(body)


def many(count: int) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, body in sound().items():
            archive.writestr(name, body)
        for number in range(count):
            archive.writestr(f"e/{number}.png", b"")
    return held.getvalue()


def links() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, body in sound().items():
            archive.writestr(name, body)
        one = zipfile.ZipInfo("link.png")
        one.external_attr = 0o120777 << 16
        archive.writestr(one, "/etc/passwd")
    return held.getvalue()


OUTWARD = {
    "../out.png": b"",
    "/etc/out.png": b"",
    "a/../../../out.png": b"",
    "C:\\out.png": b"",
    "..\\..\\out.png": b"",
}
ZIPS: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "a picture that unpacks to 4 GB": ((0, 2), lambda: bomb("bad.png", sound())),
    "a table that unpacks to 4 GB": ((0, 2), lambda: bomb("labels.csv", sound(), b"file_name,a\n", b",")),
    "a size of 4 GB that is not there": ((0, 2), lambda: lying(2**32 - 2)),
    "a size of 0 that is not so": ((0, 2), lambda: lying(0)),
    "2,000 names for the same bytes": ((0, 2), overlapping),
    "100,000 entries": ((0, 2), lambda: many(100_000)),
    "encrypted": ((2,), encrypted),
    "a packing of number 99": ((2,), packed_otherwise),
    "links": ((0, 2), links),
    "names that lead out": ((0, 2), lambda: zipped(sound() | {name: picture("PNG", 9) for name in OUTWARD})),
    "names of terminal codes": ((0,), lambda: zipped(sound() | {"\x1b[2J\x1b]0;t\x07.png": b"x"})),
    "names of 60,000 letters": ((0,), lambda: zipped(sound() | {"x" * 60_000 + ".png": b"x"})),
    "folders 10,000 deep": ((0,), lambda: zipped(sound() | {"d/" * 10_000 + "a.png": b"x"})),
    "the same name 100 times": ((0, 2), lambda: _twice()),
    "zips in zips": ((2,), lambda: zipped({"a.zip": zipped({"b.zip": zipped(sound())})})),
    "cut": ((2,), lambda: zipped(sound())[:-30]),
    "noise in the middle": ((0, 2), lambda: _noisy()),
    "no entries": ((2,), lambda: zipped({})),
    "empty": ((2,), b""),
    "an end that says 65,535 entries": ((2,), b"PK\x05\x06" + bytes(4) + b"\xff" * 8 + b"\xff" * 4 + bytes(6)),
    "an end of zip64 that is not there": ((2,), b"PK\x06\x07" + b"\xff" * 16 + b"PK\x05\x06" + b"\xff" * 16 + bytes(2)),
}


def _twice() -> bytes:
    import warnings

    held = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(held, "w") as archive:
        warnings.simplefilter("ignore")
        for number in range(100):
            archive.writestr("a.png", picture("PNG", number))
    return held.getvalue()


def _noisy() -> bytes:
    body = bytearray(zipped(sound()))
    body[len(body) // 4 : len(body) // 4 + 2000] = np.random.default_rng(0).bytes(2000)
    return bytes(body)


def tar(entries: Mapping[str, bytes], *others: tarfile.TarInfo) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, body in entries.items():
            one = tarfile.TarInfo(name)
            one.size = len(body)
            archive.addfile(one, io.BytesIO(body))
        for one in others:
            archive.addfile(one)
    return held.getvalue()


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    one = tarfile.TarInfo("bad.png")
    one.type, one.linkname = kind, target
    return one


def _negative() -> bytes:
    """A tar whose second entry says a size of -1, or of 2^60."""
    body = bytearray(tar(sound(2)))
    head = bytearray(body[:512])
    head[124:136] = b"\x80\0\0\0" + struct.pack(">Q", 2**60)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(body[:-1024]) + bytes(head) + bytes(1024)


def _packed(size: int = 1 << 30) -> bytes:
    held = io.BytesIO()
    with gzip.GzipFile(fileobj=held, mode="w", compresslevel=1) as file:
        file.write(tar(sound())[:-1024])
        one = tarfile.TarInfo("bad.png")
        one.size = size
        file.write(one.tobuf())
        for _ in range(size >> 24):
            file.write(bytes(1 << 24))
    return held.getvalue()


TARS: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "links out": (
        (0, 2),
        lambda: tar(sound(), special(tarfile.SYMTYPE, "/etc/passwd"), special(tarfile.LNKTYPE, "/etc/shadow")),
    ),
    "a pipe and devices": (
        (0, 2),
        lambda: tar(sound(), special(tarfile.FIFOTYPE), special(tarfile.CHRTYPE), special(tarfile.BLKTYPE)),
    ),
    "names that lead out": ((0, 2), lambda: tar(sound() | {name: picture("PNG", 9) for name in OUTWARD})),
    "a size of 2^60": ((0, 2), _negative),
    "a name of 1 MB": ((0, 2), lambda: tar(sound() | {"x" * 10**6 + ".png": b"x"})),
    "30,000 entries": ((0, 2), lambda: tar(sound() | {f"{number}.cls": b"1" for number in range(30_000)})),
    "JSON 50,000 deep beside a picture": ((0, 2), lambda: tar(sound() | {"0.json": b"[" * 50_000 + b"]" * 50_000})),
    "JSON of 10^5 fields beside a picture": (
        (0, 2),
        lambda: tar(sound() | {"0.json": b"{" + b",".join(b'"%d":1' % n for n in range(10**5)) + b"}"}),
    ),
    "a text of 10 MB beside a picture": ((0, 2), lambda: tar(sound() | {"0.txt": b"x" * 10**7})),
    "a pax header of 2^40": ((0, 2), lambda: tar({"PaxHeaders/0": b""})[:124] + b"77777777777\0" + tar(sound())[136:]),
    "cut": ((0, 2), lambda: tar(sound())[:1500]),
    "empty": ((2,), b""),
    "zeros": ((2,), bytes(10240)),
}


def array(values: np.ndarray) -> bytes:
    held = io.BytesIO()
    np.save(held, values, allow_pickle=False)
    return held.getvalue()


def headed(header: str | bytes, data: bytes = bytes(64), version: bytes = b"\1\0") -> bytes:
    """A .npy file of any header."""
    text = header if isinstance(header, bytes) else header.encode()
    size = struct.pack("<H" if version == b"\1\0" else "<I", len(text) + 1)
    return b"\x93NUMPY" + version + size + text + b"\n" + data


def npy(shape: str, kind: str = "'|u1'") -> bytes:
    return headed(f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}")


ARRAYS: dict[str, Callable[[], bytes] | bytes] = {
    "a shape of 10^15": lambda: npy("(1000000, 1000, 1000)"),
    "a shape that overflows": lambda: npy("(4294967296, 4294967296, 4294967296)"),
    "a negative shape": lambda: npy("(-8, 32, 32)"),
    "a shape of true": lambda: npy("(True, 32, 32)"),
    "a shape of text": lambda: npy("('8', 32, 32)"),
    "a shape of 1e3": lambda: npy("(1e3, 32, 32)"),
    "a shape of 10,000 axes": lambda: npy("(" + "1," * 10_000 + ")", "'|u1'"),
    "objects": lambda: npy("(8,)", "'|O'"),
    "records": lambda: npy("(8, 32, 32)", "[('a', '<f8'), ('b', '|O')]"),
    "an unknown type": lambda: npy("(8, 32, 32)", "'<q9'"),
    "a type of 2^31 letters": lambda: npy("(8, 32, 32)", "'<U536870911'"),
    "a header that calls": lambda: headed(
        "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (8,)}"
    ),
    "a header 10^4 deep": lambda: headed("(" * 10_000 + ")" * 10_000),
    "a header of 100 MB that is not there": lambda: b"\x93NUMPY\2\0" + struct.pack("<I", 10**8) + b"{",
    "a header of 30 MB": lambda: headed(b"{" + b" " * 30_000_000 + b"}", version=b"\2\0"),
    "a header that is no text": lambda: headed(b"\xff\xfe{"),
    "version 9": lambda: headed("{}", version=b"\x09\0"),
    "no end": b"\x93NUMPY\1\0",
    "0 images": lambda: array(np.zeros((0, 32, 32, 3), np.uint8)),
    "images of 0 pixels": lambda: array(np.zeros((8, 0, 0, 3), np.uint8)),
    "dates in place of pixels": lambda: array(np.zeros((8, 32, 32), "M8[s]")),
}


def _filled(value: float) -> bytes:
    return array(np.full((8, 32, 32), value, np.float32))


def npz(arrays: Mapping[str, bytes]) -> bytes:
    return zipped({f"{name}.npy": body for name, body in arrays.items()})


def images(count: int = 8) -> bytes:
    return array(np.stack([pixels(number) for number in range(count)]))


SETS: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "an array that unpacks to 4 GB": ((0, 2), lambda: bomb("images.npy", {}, npy("(4177920, 32, 32)")[:-64])),
    "labels of objects": ((0, 2), lambda: npz({"images": images(), "labels": npy("(8,)", "'|O'")})),
    "labels of 10^12 rows": ((0, 2), lambda: npz({"images": images(), "labels": npy("(1000000000000,)")})),
    "labels of negative rows": ((0, 2), lambda: npz({"images": images(), "labels": npy("(-8,)")})),
    "20,000 arrays": ((0, 2), lambda: npz({"images": images(), **{f"a{number}": b"" for number in range(20_000)}})),
    "names of terminal codes": ((0, 2), lambda: npz({"images": images(), "\x1b[2J": array(np.arange(8))})),
    "a metadata of a pickle": ((0, 2), lambda: npz({"imgs": images(), "metadata": npy("()", "'|O'")})),
    "no arrays": ((2,), lambda: zipped({"a.txt": b"x"})),
    "an array that is cut": ((2,), lambda: npz({"images": images()[:4000]})),
    "codes of 2^62": ((0, 2), lambda: npz({"codes": array(np.full((8, 4, 4), 2**62)), "images": images()})),
}
CODES: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "negative codes": ((2,), lambda: npz({"codes": array(np.full((8, 4, 4), -1))})),
    "codes of 2^62": ((2,), lambda: npz({"codes": array(np.full((8, 4, 4), 2**62))})),
    "codes that are text": ((2,), lambda: npz({"codes": array(np.full((8, 4, 4), "a"))})),
    "codes of infinity": ((2,), lambda: npz({"codes": array(np.full((8, 4, 4), np.inf))})),
    "codes of a shape of 10^15": ((2,), lambda: npz({"codes": npy("(1000000, 1000000, 1000)")})),
    "codes that unpack to 4 GB": ((0, 2), lambda: bomb("codes.npy", {}, npy("(4177920, 32, 32)")[:-64])),
    "codes beyond the codebook": (
        (0, 2),
        lambda: npz({"codes": array(np.full((8, 4, 4), 99)), "codebook": array(np.zeros((4, 2), np.float32))}),
    ),
    "a codebook of NaN": (
        (0, 2),
        lambda: npz(
            {"codes": array(np.zeros((8, 4, 4), np.int64)), "codebook": array(np.full((4, 2), np.nan, np.float32))}
        ),
    ),
    "a codebook of 10^12": (
        (2,),
        lambda: npz({"codes": array(np.zeros((8, 4, 4), np.int64)), "codebook": npy("(1000000, 1000000)", "'<f4'")}),
    ),
    "0 rows": ((2,), lambda: npz({"codes": array(np.zeros((0, 4, 4), np.int64))})),
    "8 axes": ((2,), lambda: npz({"codes": array(np.zeros((8, 1, 1, 1, 1, 1, 1, 1), np.int64))})),
}


def _nested(folder: Path) -> None:
    (sound_pictures(folder) / "inner.zip").write_bytes(bomb("a.png", {}))


def files(
    kind: str, name: str, made: Mapping[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]], **more: object
) -> list[Case]:
    return [
        case for title, (ends, body) in made.items() for case in one_file(kind, name, {title: body}, ends=ends, **more)
    ]


CASES: list[Case] = [
    *files("zip", "x.zip", ZIPS, opened=USAGE),
    *files("tar", "x.tar", TARS, opened=USAGE),
    *one_file("tar", "x.tar.gz", {"an entry that unpacks to 1 GB": _packed}, opened=USAGE, ends=(0, 2)),
    *one_file("tar", "x.tar.xz", {"noise": b"\xfd7zXZ\0" + bytes(1000)}, opened=USAGE),
    *one_file("array", "x.npy", ARRAYS, opened=USAGE),
    *one_file(
        "array",
        "x.npy",
        {f"{value} in place of pixels": lambda value=value: _filled(value) for value in (float("nan"), float("inf"))},
        opened=USAGE,
        ends=(0, 2),
    ),
    *files("arrays", "x.npz", SETS, opened=USAGE),
    *files("file of codes", "x.npz", CODES),
    *one_folder("zip", {"a zip beside pictures": _nested}, opened=USAGE, ends=(0,)),
]
