"""What is kept and damaged: jobs, the cache, results beside a checkpoint; and names that are no names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hostile.case import (
    LIST,
    RECONSTRUCT,
    TENSOR,
    USAGE,
    Case,
    one_file,
    picture,
    sound_pictures,
    tensors,
    torch_zip,
)

RECORD = {"title": "Train x", "arguments": ["train", "vqvae"], "target": None, "created": 1.0, "queued": 1.0, "pid": 1}
STATUS = {"state": "done", "done": 5, "total": 5, "unit": "steps"}
TRAIN = (
    "train",
    "vqvae",
    "--dataset",
    "digits",
    "--out",
    "{at}/out/t",
    "--steps",
    "1",
    *(
        word
        for one in (
            "hidden=8",
            "codes=8",
            "dim=4",
            "residual_blocks=1",
            "image_size=16",
            "images=64",
            "batch_size=8",
            "device=cpu",
        )
        for word in ("--set", one)
    ),
)
VALUES: dict[str, Any] = {
    "text": "x",
    "null": None,
    "a list": [1],
    "an object": {"a": 1},
    "-1": -1,
    "10^400": 10**400,
    "infinity": float("inf"),
    "NaN": float("nan"),
    "true": True,
    "terminal codes": "\x1b[2J\x1b]0;t\x07",
    "a million letters": "x" * 10**6,
}
FIELDS = {
    "status.json": ("state", "done", "total", "message", "heartbeat"),
    "job.json": ("pid", "created", "queued", "target", "arguments", "device"),
}
BODIES = {
    "nothing": b"",
    "noise": b"\xff\xfe{",
    "half": b'{"state": "do',
    "a list": b"[1]",
    "null": b"null",
    "50,000 deep": b"[" * 50_000 + b"]" * 50_000,
}
JOBS = ("jobs",)  # opened by a function of the lives, not by the command line


def job(file: str, body: bytes) -> Callable[[Path, Path], None]:
    """Two sound jobs, and between them one whose file is `body`."""

    def write(at: Path, canary: Path) -> None:
        for name in ("1-sound", "2-damaged", "3-sound"):
            folder = at / "cache" / "jobs" / name
            folder.mkdir(parents=True)
            (folder / "job.json").write_text(json.dumps(RECORD))
            (folder / "status.json").write_text(json.dumps(STATUS))
        (at / "cache" / "jobs" / "2-damaged" / file).write_bytes(body)

    return write


def changed(file: str, field: str, value: Any) -> bytes:
    return json.dumps((RECORD if file == "job.json" else STATUS) | {field: value}).encode()


def harmed(name: str, harm: Callable[[Path], None]) -> Callable[[Path, Path], None]:
    """A set that was decoded into the cache, of which one file is harmed."""

    def write(at: Path, canary: Path) -> None:
        from explorer.commands import run

        sound_pictures(at / "it")
        import os

        os.environ["EXPLORER_CACHE"] = str(at / "cache")
        run(Case("", "", write, "it", USAGE).words(at))
        for path in (at / "cache" / "images").glob(f"*/{name}"):
            harm(path)

    return write


def empty(path: Path) -> None:
    path.write_bytes(b"")


def half(path: Path) -> None:
    body = path.read_bytes()
    path.write_bytes(body[: len(body) // 2])


def null(path: Path) -> None:
    path.write_bytes(b"null")


def into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    for at in range(0, len(body), max(1, len(body) // 20)):
        body[at] ^= 0x55
    path.write_bytes(bytes(body))


HARMS: dict[str, Callable[[Path], None]] = {
    "gone": Path.unlink,
    "empty": empty,
    "half": half,
    "null": null,
    "a folder": into_a_folder,
    "damaged": flip,
}


def shipped(name: str, body: bytes) -> Callable[[Path, Path], None]:
    """A checkpoint of ours of which a result beside it is damaged."""

    def write(at: Path, canary: Path) -> None:
        from explorer.files import SHIPPED

        shutil.copytree(SHIPPED / "vqvae-digits", at / "it")
        for path in (at / "it").glob(name):
            if path.is_file():
                path.chmod(0o644)
                path.write_bytes(body)

    return write


RESULTS = ("metrics.json", "measurements/*", "scores/*", "maps/*", "pictures/*", "README.md", "metrics.jsonl")
NAMES = {
    "terminal codes": "red\x1b[31m\x1b]0;t\x07.pt",
    "line ends": "a\nb\r\nTraceback (most recent call last):\n.pt",
    "right to left": "\u202egnp.pt",
    "HTML": "<img src=x onerror=alert(1)>.pt",
    "a formula": "=cmd|calc!A0.pt",
    "250 letters": "x" * 247 + ".pt",
    "a percent and braces": "%s%n{0}{x!r}.pt",
    "an option": "--json.pt",
}


def named(name: str, body: bytes) -> Callable[[Path, Path], None]:
    return lambda at, canary: (at / name).write_bytes(body) and None


def classes(*names: str) -> Callable[[Path, Path], None]:
    """Folders of pictures whose names are classes."""

    def write(at: Path, canary: Path) -> None:
        for seed, name in enumerate(names):
            sound_pictures(at / "it" / name, 4)
            (at / "it" / name / "own.png").write_bytes(picture("PNG", 100 + seed))

    return write


CASES: list[Case] = [
    *[
        Case("job", f"{file}, {field} of {title}", job(file, changed(file, field, value)), "", JOBS, (0,), "2 sound")
        for file, fields in FIELDS.items()
        for field in fields
        for title, value in VALUES.items()
        if title in ("text", "null", "a list", "10^400", "infinity") or field in ("done", "pid")
    ],
    *[
        Case("job", f"{file} of {title}", job(file, body), "", JOBS, (0,), "2 sound")
        for file in FIELDS
        for title, body in BODIES.items()
    ],
    *[
        Case("job", f"{file} of {title}, and a new training", job(file, body), "", TRAIN, (0,), "")
        for file in FIELDS
        for title, body in list(BODIES.items())[:2]
    ],
    *[
        Case("cache", f"{name} {title}", harmed(name, harm), "it", USAGE, (0,) if title == "gone" else (0, 2))
        for name in ("pixels.npy", "index.parquet", "meta.json")
        for title, harm in HARMS.items()
    ],
    *[
        Case(
            "result beside a checkpoint",
            f"{name} of {title}",
            shipped(name, body),
            "it",
            ("usage", "{at}/it", "--dataset", "digits"),
            (0, 2),
        )
        for name in RESULTS
        for title, body in {"noise": b"\xff\xfe{" * 9, "nothing": b""}.items()
    ],
    *[Case("name", title, named(name, b"x"), name) for title, name in NAMES.items()],
    *[
        Case("name", f"{title}, of a picture", named(f"{name}.png", b"x"), f"{name}.png", RECONSTRUCT)
        for title, name in NAMES.items()
        if title != "250 letters"
    ],
    Case(
        "name",
        "classes of HTML, formulas and terminal codes",
        classes("<b>bold<b>", "=cmd|calc!A0", "www.evil.example", "\x1b[2J", "a\nb", "\u202ex"),
        "it",
        USAGE,
        (0,),
    ),
    *one_file(
        "name",
        "x.safetensors",
        {"a tensor of 100,000 letters and terminal codes": lambda: tensors({"\x1b[31m" * 20_000: TENSOR})},
    ),
    *one_file(
        "name",
        "x.pt",
        {"an entry of terminal codes": lambda: torch_zip(b"\x80\x02}.", **{"\x1b[2J\x1b]0;t\x07": b"x"})},
    ),
    Case(
        "name",
        "a checkpoint to list",
        lambda at, canary: _a_checkpoint(at / "it" / "red\x1b[31m\nx"),
        "it",
        LIST,
        (0,),
        "vqvae-digits",
        {"EXPLORER_CHECKPOINTS": "{at}/it"},
    ),
]


def _a_checkpoint(folder: Path) -> None:
    folder.mkdir(parents=True)
    config = {"format": 1, "family": "\x1b[2J" * 1000, "settings": {}, "image_size": 32, "layers": [], "parameters": 1}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(tensors({"a": TENSOR}))
