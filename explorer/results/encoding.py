"""The result `encoding`: codes, latents, errors and concepts of every image, as a Lance dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput

if TYPE_CHECKING:
    from explorer.encodings import Encoding
    from explorer.encodings.encoder import Written
    from explorer.encodings.fragments import Shard
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
    from explorer.encodings import Encoding, counts

    if subject.facts.family == "codes":
        from explorer.datasets import codes
        from explorer.encodings import given

        found = codes.open_file(subject.checkpoint)
        given.write(found, subject.images, path, key=subject.encoding_key, compact=options.compact, progress=progress)
    else:
        from explorer.encodings.encoder import write

        write(subject.network(), subject.images, path, **_how(subject, options, progress))
    counts.prepare(Encoding(path))


def make_shard(
    subject: Subject, options: Options, path: Path, progress: Progress, shard: Shard, helping: bool
) -> Written:
    """One shard beside other processes; BadInput where codes are read from a file, which one process does at once."""
    from explorer.encodings import Encoding, counts
    from explorer.encodings.encoder import write_shard

    if subject.facts.family == "codes":
        raise BadInput(f"{subject.facts.name} is a file of codes, which one process reads at once; leave out --shard")
    how = _how(subject, options, progress)
    written = write_shard(subject.network(), subject.images, path, shard, helping=helping, **how)
    if written.last:
        counts.prepare(Encoding(path))
    return written


def _how(subject: Subject, options: Options, progress: Progress) -> dict[str, Any]:
    from explorer.encodings import codebooks
    from explorer.encodings.encoder import Settings

    return {
        "key": subject.encoding_key,
        "train": lambda: subject.load("train", codebooks.IMAGES, progress),
        "settings": Settings(kmeans=subject.kmeans, compact=options.compact),
        "device": subject.device,
        "progress": progress,
    }


def read(path: Path, key: str) -> Encoding:
    """The Encoding; BadInput where it is cut off, damaged, or of other inputs."""
    from explorer.encodings import Encoding

    return Encoding(path, key)
