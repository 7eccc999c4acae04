"""Parquet, Arrow and tables beside pictures, labels, looks of users."""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.hostile.case import USAGE, Case, bomb, one_file, one_folder, picture, sound_pictures, zipped

OWN_GROUPS = ("groups", "vqvae-digits", "--dataset", "digits", "--limit", "40", "--names", "{at}/{name}")
SIMILAR = ("similar", "vqvae-digits", "--query", "{at}/{name}", "--dataset", "digits", "--limit", "40")
RELATIONS = ("relations", "vqvae-digits", "--dataset", "digits", "--limit", "40", "--interactions", "{at}/{name}")


def parquet(columns: dict, **options: object) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), held, **options)
    return held.getvalue()


def arrow(columns: dict) -> bytes:
    import pyarrow as pa

    held, table = io.BytesIO(), pa.table(columns)
    with pa.ipc.new_file(held, table.schema) as file:
        file.write_table(table)
    return held.getvalue()


def pictures(count: int = 8) -> list[dict]:
    return [{"bytes": picture("PNG", number), "path": f"{number}.png"} for number in range(count)]


def _expands() -> bytes:
    """7 KB whose one column of pictures expands to 4 GB."""
    import pyarrow as pa

    cell = pa.array([bytes(1 << 22)] * 4, pa.binary())
    table = pa.Table.from_arrays([pa.chunked_array([cell] * 256)], ["image"])
    return parquet(table, compression="zstd", use_dictionary=True)


def _wide() -> bytes:
    return parquet({"image": pictures(2), **{f"c{number}": [1, 2] for number in range(3000)}}, write_statistics=False)


def _names(count: int) -> bytes:
    import pyarrow as pa

    feature = {
        "image": {"_type": "Image"},
        "label": {"_type": "ClassLabel", "names": [f"n{number}" for number in range(count)]},
    }
    table = pa.table({"image": pictures(), "label": list(range(8))})
    said = {"huggingface": json.dumps({"info": {"features": feature}})}
    return parquet(table.replace_schema_metadata(said))


def _said(said: bytes) -> bytes:
    import pyarrow as pa

    table = pa.table({"image": pictures(), "label": list(range(8))})
    return parquet(table.replace_schema_metadata({"huggingface": said}))


def _outside() -> bytes:
    paths = [
        "/etc/passwd",
        "../../../etc/passwd",
        "/dev/zero",
        "file:///etc/passwd",
        "https://evil.example/a.png",
        "\x1b[2J.png",
        "",
        "x" * 10**5,
    ]
    return parquet({"image": [{"bytes": None, "path": path} for path in paths]})


def _damaged(seed: int) -> Callable[[], bytes]:
    def made() -> bytes:
        dice, body = random.Random(seed), bytearray(parquet({"image": pictures(), "label": list(range(8))}))
        for _ in range(6):
            body[-dice.randrange(9, min(1500, len(body)))] ^= 1 << dice.randrange(8)
        return bytes(body)

    return made


PARQUET: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "7 KB that expand to 4 GB": ((0, 2), _expands),
    "3,000 columns": ((0, 2), _wide),
    "200,000 names of classes": ((0, 2), lambda: _names(200_000)),
    "names that are numbers": (
        (0, 2),
        lambda: _said(b'{"info":{"features":{"label":{"_type":"ClassLabel","names":7}}}}'),
    ),
    "features 50,000 deep": ((0, 2), lambda: _said(b"[" * 50_000 + b"]" * 50_000)),
    "features of a list": ((0, 2), lambda: _said(b'{"info":{"features":[1,2]}}')),
    "paths out of the folder": ((0, 2), _outside),
    "pictures that are none": ((0, 2), lambda: parquet({"image": [{"bytes": b"x", "path": "a.png"}] * 8})),
    "no column of pictures": ((2,), lambda: parquet({"a": [1, 2]})),
    "0 rows": ((2,), lambda: parquet({"image": pictures(1)[:0] or [b""][:0]})),
    "names of columns of terminal codes": (
        (0, 2),
        lambda: parquet({"image": pictures(), "\x1b[2J\x1b]0;t\x07": list(range(8))}),
    ),
    "a name of a column of 1 MB": ((0, 2), lambda: parquet({"image": pictures(), "x" * 10**6: list(range(8))})),
    "a text of 50 MB in a cell": ((0, 2), lambda: parquet({"image": pictures(2), "t": ["x" * 50_000_000, "y"]})),
    "lists of 10^6 in a cell": ((0, 2), lambda: parquet({"image": pictures(2), "t": [list(range(10**6)), []]})),
    "structures 100 deep": ((0, 2), lambda: _structures()),
    "a footer of 2^31": ((2,), b"PAR1" + bytes(100) + b"\xff\xff\xff\x7f" + b"PAR1"),
    "a footer of 0": ((2,), b"PAR1" + bytes(100) + bytes(4) + b"PAR1"),
    "an encrypted footer": ((2,), b"PARE" + bytes(100) + b"\x10\0\0\0" + b"PARE"),
    "cut": ((2,), lambda: parquet({"image": pictures()})[:-100]),
    **{f"damaged, {seed}": ((0, 2), _damaged(seed)) for seed in range(10)},
}


def _structures() -> bytes:
    value: object = 1
    for _ in range(100):
        value = {"a": value}
    return parquet({"image": pictures(2), "t": [value, value]})


ARROW: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "a file that is cut": ((0, 2), lambda: arrow({"image": pictures()})[:-200]),
    "a footer of 2^31": ((2,), b"ARROW1\0\0" + bytes(100) + b"\xff\xff\xff\x7f" + b"ARROW1"),
    "a footer of -1": ((2,), b"ARROW1\0\0" + bytes(100) + b"\xff\xff\xff\xff" + b"ARROW1"),
    "noise": ((2,), lambda: b"ARROW1\0\0" + random.Random(0).randbytes(2000) + b"\x80\0\0\0ARROW1"),
    "a stream of 2^31": ((2,), b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(100)),
    **{f"damaged, {seed}": ((0, 2), lambda seed=seed: _broken(seed)) for seed in range(6)},
}


def _broken(seed: int) -> bytes:
    dice, body = random.Random(seed), bytearray(arrow({"image": pictures(), "label": list(range(8))}))
    for _ in range(8):
        body[-dice.randrange(10, min(1200, len(body)))] = dice.randrange(256)
    return bytes(body)


def _long(name: str) -> bytes:
    """A few MB whose column of 10^8 equal numbers has 0.8 GB."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    held, rows = io.BytesIO(), pa.array(np.zeros(10**7, np.int64))
    with pq.ParquetWriter(held, pa.schema({name: pa.int64(), "image_id": pa.int64()}), compression="zstd") as file:
        for _ in range(10):
            file.write_table(pa.Table.from_arrays([rows, rows], [name, "image_id"]))
    return held.getvalue()


def _shaken(seed: int) -> bytes:
    dice = random.Random(seed)
    body = bytearray(parquet({"user_id": [f"u{n % 5}" for n in range(100)], "image_id": [n % 40 for n in range(100)]}))
    for _ in range(6):
        body[-dice.randrange(9, len(body))] ^= 1 << dice.randrange(8)
    return bytes(body)


def beside(name: str, body: Callable[[], bytes] | bytes) -> Callable[[Path], None]:
    """A table beside eight sound pictures."""
    return lambda folder: (sound_pictures(folder) / name).write_bytes(body() if callable(body) else body) and None


def _new(path: Path) -> Path:
    path.touch()
    return path


def rows(*lines: str, head: str = "file_name,a") -> bytes:
    return "\n".join([head, *lines]).encode()


def _sheet(entries: dict[str, bytes]) -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>"} | entries)


LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY a0 "ha">'
    + b"".join(b'<!ENTITY a%d "&a%d;&a%d;">' % (n + 1, n, n) for n in range(40))
    + b"]><workbook>&a40;</workbook>"
)
TABLES: dict[str, tuple[str, Callable[[], bytes] | bytes]] = {
    "CSV of 10^6 columns": (
        "labels.csv",
        lambda: b"file_name," + b",".join(b"c%d" % n for n in range(10**6)) + b"\n0.png",
    ),
    "CSV of one line of 50 MB": ("labels.csv", lambda: b"file_name,a\n0.png," + b"x" * 50_000_000),
    "CSV of a quote without end": ("labels.csv", lambda: b'file_name,a\n0.png,"' + b"x\n" * 10**6),
    "CSV of 2 million rows of nothing": ("labels.csv", lambda: b"file_name,a\n" + b",\n" * 2_000_000),
    "CSV of numbers without end": ("labels.csv", lambda: rows(*[f"{n}.png,{'9' * 10_000}" for n in range(8)])),
    "CSV of infinities": (
        "labels.csv",
        lambda: rows(*[f"{n}.png,{('inf', '-inf', 'nan', '1e999')[n % 4]}" for n in range(8)]),
    ),
    "CSV of 1e308 and -1e308": ("labels.csv", lambda: rows(*[f"{n}.png,{'-' * (n % 2)}1.7e308" for n in range(8)])),
    "CSV of formulas": ("labels.csv", lambda: rows(*[f'{n}.png,"=cmd|calc!A{n % 2}"' for n in range(8)])),
    "CSV of HTML": ("labels.csv", lambda: rows(*[f"{n}.png,<img src=x onerror=alert({n % 2})>" for n in range(8)])),
    "CSV of terminal codes": (
        "labels.csv",
        lambda: rows(*[f"{n}.png,\x1b[2J{n % 2}" for n in range(8)], head="file_name,\x1b]0;t\x07"),
    ),
    "CSV of zeros": ("labels.csv", bytes(10**6)),
    "CSV of noise": ("labels.csv", lambda: random.Random(0).randbytes(10**5)),
    "CSV of UTF-16 that is cut": ("labels.csv", lambda: rows("0.png,1").decode().encode("utf-16")[:-1]),
    "CSV of the same column 1,000 times": (
        "labels.csv",
        lambda: b"file_name," + b"a," * 1000 + b"\n0.png" + b",1" * 1000,
    ),
    "CSV of dates of the year 0 and 9999": (
        "labels.csv",
        lambda: rows(*[f"{n}.png,{('0000-01-01', '9999-12-31', '2020-02-31')[n % 3]}" for n in range(8)]),
    ),
    "CSV of paths out of the folder": (
        "labels.csv",
        lambda: rows("/etc/passwd,1", "../../0.png,2", "\\\\host\\0.png,3"),
    ),
    "JSON lines 50,000 deep": (
        "metadata.jsonl",
        lambda: b'{"file_name":"0.png","a":' + b"[" * 50_000 + b"]" * 50_000 + b"}\n",
    ),
    "JSON lines of 10^5 fields": (
        "metadata.jsonl",
        lambda: b"{" + b",".join(b'"%d":1' % n for n in range(10**5)) + b',"file_name":"0.png"}\n',
    ),
    "JSON lines of other fields each": (
        "metadata.jsonl",
        lambda: b"\n".join(b'{"file_name":"%d.png","f%d":1}' % (n % 8, n) for n in range(20_000)),
    ),
    "JSON lines of numbers": ("metadata.jsonl", b"1\n2\nnull\n[]\n"),
    "JSON lines of a number of 10^6 digits": (
        "metadata.jsonl",
        lambda: b'{"file_name":"0.png","a":' + b"9" * 10**6 + b"}\n",
    ),
    "JSON lines of NaN": ("metadata.jsonl", b'{"file_name":"0.png","a":NaN}\n{"file_name":"1.png","a":Infinity}\n'),
    "Parquet of 10^6 rows of nothing": (
        "labels.parquet",
        lambda: parquet({"file_name": [""] * 10**6, "a": [0] * 10**6}),
    ),
    "Parquet that is cut": ("labels.parquet", lambda: parquet({"file_name": ["0.png"], "a": [0]})[:-20]),
    "Excel that unpacks to 4 GB": ("labels.xlsx", lambda: bomb("xl/worksheets/sheet1.xml", {}, b"<a>", b" ")),
    "Excel of entities": ("labels.xlsx", lambda: _sheet({"xl/workbook.xml": LAUGHS})),
    "Excel of an entity of a file": (
        "labels.xlsx",
        lambda: _sheet(
            {"xl/workbook.xml": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><workbook>&b;</workbook>'}
        ),
    ),
    "Excel that is none": ("labels.xlsx", b"x" * 1000),
    "a table of pictures' addresses": (
        "labels.csv",
        lambda: rows(*[f"https://evil.example/{n}.png,{n % 2}" for n in range(8)]),
    ),
}
LOOKS: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "negative rows": ((2,), b"user_id,image_id\na,-1\nb,-5\n"),
    "rows of 10^30": ((2,), b"user_id,image_id\na,1000000000000000000000000000000\n"),
    "rows of infinity": ((2,), b"user_id,image_id\na,inf\nb,nan\n"),
    "weights of infinity": (
        (0, 2),
        b"user_id,image_id,weight\n" + b"".join(b"u%d,%d,inf\n" % (n % 5, n % 40) for n in range(100)),
    ),
    "negative weights": (
        (0, 2),
        b"user_id,image_id,weight\n" + b"".join(b"u%d,%d,-1\n" % (n % 5, n % 40) for n in range(100)),
    ),
    "times of 1e300": (
        (0, 2),
        b"user_id,image_id,time\n" + b"".join(b"u%d,%d,1e300\n" % (n % 5, n % 40) for n in range(100)),
    ),
    "10^5 users": ((0, 2), lambda: b"user_id,image_id\n" + b"".join(b"u%d,%d\n" % (n, n % 40) for n in range(10**5))),
    "terminal codes as users": (
        (0, 2),
        b"user_id,image_id\n" + b"".join(b"\x1b[2J%d,%d\n" % (n % 5, n % 40) for n in range(100)),
    ),
    "a line of 20 MB": ((0, 2), lambda: b"user_id,image_id\na," + b"1" * 20_000_000),
    "10^5 columns": ((0, 2), lambda: b"user_id,image_id," + b"c," * 10**5 + b"\na,1\n"),
    "rows longer than the first": (
        (0, 2),
        b"user_id,image_id\n" + b"".join(b"u%d,%d,x\n" % (n % 5, n % 40) for n in range(100)),
    ),
    "no rows": ((2,), b"user_id,image_id\n"),
    "noise": ((2,), lambda: random.Random(0).randbytes(10_000)),
    "empty": ((2,), b""),
}
PACKED: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "numbers that expand to 1.6 GB": ((2,), lambda: _long("user_id")),
    "a cell of 250 MB, packed": ((0, 2), lambda: parquet({"user_id": ["u" * 250_000_000], "image_id": [0]})),
    "rows of 100 columns": (
        (0, 2),
        lambda: parquet({"user_id": ["u"], "image_id": [0]} | {str(n): [1] for n in range(100)}),
    ),
    "users that are lists": ((0, 2), lambda: parquet({"user_id": [["u"], ["v"]], "image_id": [0, 1]})),
    "a footer of 2^31": ((2,), b"PAR1" + bytes(100) + b"\xff\xff\xff\x7f" + b"PAR1"),
    "cut": ((2,), lambda: parquet({"user_id": ["u"], "image_id": [0]})[:-20]),
    **{f"damaged, {seed}": ((0, 2), lambda seed=seed: _shaken(seed)) for seed in range(6)},
}
LINES: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "50,000 deep": ((0, 2), lambda: b'{"user_id":"a","image_id":0,"b":' + b"[" * 50_000 + b"]" * 50_000 + b"}\n"),
    "lists of 10^7": ((0, 2), lambda: b'{"user_id":"a","image_id":0,"b":[' + b"1," * 10**7 + b"1]}\n"),
    "other fields each": (
        (0, 2),
        lambda: b"\n".join(b'{"user_id":"a","image_id":%d,"f%d":1}' % (n % 40, n) for n in range(50_000)),
    ),
}
GROUPS: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "codes of 10^30": ((2,), b"code,group\n1000000000000000000000000000000,0\n"),
    "10^5 groups": ((2,), lambda: b"code,group\n" + b"".join(b"%d,g%d\n" % (n % 64, n) for n in range(10**5))),
    "terminal codes as names": ((0, 2), b"code,group,name\n1,a,\x1b[2J\n2,b,<b>x</b>\n"),
    "10^5 columns": ((2,), lambda: b"code,group," + b"c," * 10**5 + b"\n1,0\n"),
    "noise": ((2,), lambda: random.Random(0).randbytes(10_000)),
    "empty": ((2,), b""),
}
CODES: dict[str, tuple[tuple[int, ...], Callable[[], bytes] | bytes]] = {
    "codes of other lengths": ((2,), lambda: parquet({"codes": [[1, 2], [1]]})),
    "negative codes": ((2,), lambda: parquet({"codes": [[-1, 2], [1, 2]]})),
    "codes that are text": ((2,), lambda: parquet({"codes": [["a"], ["b"]]})),
    "codes of nothing": ((2,), lambda: parquet({"codes": [None, None]})),
    "codes of 10^6 each": ((0, 2), lambda: parquet({"codes": [np.zeros(10**6, np.int32)] * 4})),
    "codes of 2^40": ((2,), lambda: parquet({"codes": [[2**40, 1], [1, 2]]})),
}


def _classes(count: int) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        body = picture("PNG")
        for number in range(count):
            (folder / f"class {number}").mkdir()
            (folder / f"class {number}" / "a.png").write_bytes(body)

    return fill


def made(kind: str, name: str, table: dict, **more: object) -> list[Case]:
    return [
        case for title, (ends, body) in table.items() for case in one_file(kind, name, {title: body}, ends=ends, **more)
    ]


CASES: list[Case] = [
    *made("Parquet", "x.parquet", PARQUET, opened=USAGE),
    *made("Arrow", "x.arrow", ARROW, opened=USAGE),
    *one_folder(
        "table beside pictures", {title: beside(*what) for title, what in TABLES.items()}, opened=USAGE, ends=(0,)
    ),
    *one_folder("labels", {"1,000 classes": _classes(1000)}, opened=USAGE, ends=(0,)),
    *made("looks of users", "x.csv", LOOKS, opened=RELATIONS),
    *made("looks of users, Parquet", "x.parquet", PACKED, opened=RELATIONS),
    *made("looks of users, JSON lines", "x.jsonl", LINES, opened=RELATIONS),
    *made("groups of codes", "x.csv", GROUPS, opened=OWN_GROUPS),
    Case("groups of codes", "a pipe", lambda at, _: os.mkfifo(at / "x.csv"), "x.csv", OWN_GROUPS),
    Case(
        "groups of codes", "1 TB of nothing", lambda at, _: os.truncate(_new(at / "x.csv"), 2**40), "x.csv", OWN_GROUPS
    ),
    Case(
        "asked for",
        "a picture of 1 TB of nothing",
        lambda at, _: os.truncate(_new(at / "x.png"), 2**40),
        "x.png",
        SIMILAR,
    ),
    *made("table of codes", "x.parquet", CODES),
]
