"""The result `encoding`: codes, latents, errors and concepts of every image, as a Lance dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject


@dataclass(frozen=True)
class Options:
    """How an encoding is stored; what it says is the same."""

    compact: bool = field(default=False, metadata={"help": "Half precision and no index: a third of the size."})


def key(subject: Subject, options: Options | None = None) -> str:
    """Content key; how an encoding is stored does not count."""
    return subject.encoding_key


def make(subject: Subject, options: Options, path: Path, progress: Progress) -> None:
    """Encodes all images; an earlier run that was stopped is continued. Codes without a network are read."""
    if subject.facts.family == "codes":
        from explorer.datasets import codes
        from explorer.encodings import given

        found = codes.open_file(subject.checkpoint)
        given.write(found, subject.images, path, key=subject.encoding_key, compact=options.compact, progress=progress)
        return
    from explorer.encodings import codebooks
    from explorer.encodings.encoder import Settings, write

    write(
        subject.network(),
        subject.images,
        path,
        key=subject.encoding_key,
        train=lambda: subject.load("train", codebooks.IMAGES, progress),
        settings=Settings(kmeans=subject.kmeans, compact=options.compact),
        device=subject.device,
        progress=progress,
    )


def read(path: Path, key: str) -> Encoding:
    """The Encoding; BadInput where it is cut off, damaged, or of other inputs."""
    from explorer.encodings import Encoding

    return Encoding(path, key)
