"""What is no regular file: pipes, sockets, devices, links in circles; and folders that have no end."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from tests.hostile.case import LIST, RECONSTRUCT, USAGE, Case, picture, sound_pictures


def pipe(path: Path) -> None:
    os.mkfifo(path)


def zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def linked_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("a-pipe"))
    path.symlink_to("a-pipe")


def listening(path: Path) -> None:
    before = os.getcwd()
    os.chdir(path.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


def a_folder(path: Path) -> None:
    path.mkdir()


SPECIAL: dict[str, Callable[[Path], None]] = {
    "a pipe": pipe,
    "a link to a pipe": linked_pipe,
    "a link to /dev/zero": zero,
    "a socket": listening,
    "a link to itself": circle,
    "a link to nothing": nowhere,
    "a folder": a_folder,
}
OPENED = {
    "x.pt": "inspect",
    "x.safetensors": "inspect",
    "x.keras": "inspect",
    "x.h5": "inspect",
    "x.npz": "inspect",
    "x.png": RECONSTRUCT,
    "x.zip": USAGE,
    "x.parquet": USAGE,
    "x.npy": USAGE,
    "x.tar": USAGE,
    "x.csv": USAGE,
    "x.arrow": USAGE,
}
DATA = ("x.zip", "x.parquet", "x.npy", "x.tar")
FEW = ("a pipe", "a link to /dev/zero")
INNER = ("config.json", "model.safetensors", "metrics.json", "README.md", "training_images.npy")


def made(make: Callable[[Path], None], name: str) -> Callable[[Path, Path], None]:
    return lambda at, canary: make(at / name)


def inside(make: Callable[[Path], None], name: str) -> Callable[[Path, Path], None]:
    """A checkpoint folder `it/bad`, sound but for one file."""

    def write(at: Path, canary: Path) -> None:
        from explorer.files import SHIPPED

        folder = at / "it" / "bad"
        folder.mkdir(parents=True)
        for file in ("config.json", "model.safetensors", "metrics.json"):
            if file != name:
                shutil.copy(SHIPPED / "vqvae-digits" / file, folder)
        make(folder / name)

    return write


def among_pictures(make: Callable[[Path], None], name: str) -> Callable[[Path, Path], None]:
    return lambda at, canary: make(sound_pictures(at / "it") / name)


def _deep(levels: int) -> Callable[[Path, Path], None]:
    def write(at: Path, canary: Path) -> None:
        sound_pictures(at / "it")
        before = os.open(".", os.O_RDONLY)
        try:
            os.chdir(at / "it")
            for _ in range(levels):
                os.mkdir("d")
                os.chdir("d")
            Path("last.png").write_bytes(picture("PNG", 99))
        finally:
            os.chdir(before)
            os.close(before)

    return write


def _circles(at: Path, canary: Path) -> None:
    sound_pictures(at / "it")
    (at / "it" / "again").symlink_to(".")
    (at / "it" / "up").symlink_to("..")


def _everything(at: Path, canary: Path) -> None:
    (sound_pictures(at / "it") / "root").symlink_to("/")


def _no_text(at: Path, canary: Path) -> None:
    folder = sound_pictures(at / "it")
    for name in (b"\xff\xfe.png", b"caf\xe9.png", b"\xed\xa0\x80.png", b"\x1b[2J.png", b"a\nb.png", b"-rf.png"):
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:
            file.write(picture("PNG", 7))


def _many_empty(at: Path, canary: Path) -> None:
    sound_pictures(at / "it")
    for number in range(3000):
        (at / "it" / f"{number}").mkdir()


def _closed(at: Path, canary: Path) -> None:
    folder = sound_pictures(at / "it") / "closed"
    folder.mkdir(mode=0)


CASES: list[Case] = [
    *[
        Case("special file", f"{title} as {name}", made(SPECIAL[title], name), name, opened)
        for name, opened in OPENED.items()
        for title in (SPECIAL if name in ("x.pt", "x.png", "x.zip") else FEW)
        if not (title == "a folder" and name == "x.zip")
    ],
    *[
        Case("special file", f"{title} as {name}, inspected", made(SPECIAL[title], name), name)
        for name in DATA
        for title in FEW
    ],
    *[
        Case(
            "special file",
            f"{title} as {name} of a listed checkpoint",
            inside(SPECIAL[title], name),
            "it",
            LIST,
            (0,),
            "vqvae-digits",
            {"EXPLORER_CHECKPOINTS": "{at}/it"},
        )
        for name in INNER
        for title in ("a pipe", "a link to /dev/zero", "a link to itself")
    ],
    *[
        Case(
            "special file",
            f"{title} as {name} of an inspected checkpoint",
            inside(SPECIAL[title], name),
            "it/bad",
            ends=(2,) if name in INNER[:2] else (0, 2),
        )
        for name in INNER
        for title in FEW
    ],
    *[
        Case(
            "special file",
            f"{title} as {name} of a checkpoint that encodes",
            inside(SPECIAL[title], name),
            "it/bad",
            ("usage", "{at}/{name}", "--dataset", "digits", "--limit", "40"),
            (2,) if name in INNER[:2] else (0,),
        )
        for name in INNER
        for title in FEW
    ],
    *[
        Case(
            "special file",
            f"{title} as {name} among pictures",
            among_pictures(SPECIAL[title], name),
            "it",
            USAGE,
            (0, 2),
        )
        for name in ("x.png", "labels.csv", "x.parquet", "metadata.jsonl")
        for title in FEW
    ],
    Case("folder", "300 deep", _deep(300), "it", USAGE, (0, 2)),
    Case("folder", "3,000 deep", _deep(3000), "it", USAGE, (0, 2)),
    Case("folder", "3,000 deep, inspected", _deep(3000), "it"),
    Case("folder", "links in circles", _circles, "it", USAGE, (0,)),
    Case("folder", "a link to the root of the disk", _everything, "it", USAGE, (0, 2)),
    Case("folder", "names that are no text", _no_text, "it", USAGE, (0,)),
    Case("folder", "3,000 empty ones", _many_empty, "it", USAGE, (0,)),
    Case("folder", "one that may not be read", _closed, "it", USAGE, (0, 2)),
]
