"""What scores are asked of: a table, names of concepts and layers, checkpoints to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.options import choice


@dataclass(frozen=True)
class Options:
    """What scores are asked of; empty is everything that there is."""

    concepts: str = choice("", (), "A table of concepts beside the images: CSV or Parquet.")
    concept: str = choice("", (), "Names of concepts, with commas between. [all]")
    layer: str = choice("", (), "Names of layers, with commas between. [all]")
    ceiling: str = choice("", (), "A stronger encoder to compare with: a checkpoint's name or path.")
    others: str = choice("", (), "Checkpoints of the same config and other seeds, with commas between.")


def contents(options: Options) -> tuple[Any, ...]:
    """Content of the files and checkpoints that options name."""
    from explorer import checkpoints
    from explorer.results.scores import tables

    names = [name for name in (options.ceiling, *listed(options.others)) if name]
    named = [checkpoints.fingerprint(checkpoints.resolve(name)) for name in names]
    return (tables.digest_of(options.concepts), bool(options.ceiling), *named)


def listed(text: str) -> list[str]:
    """Names with commas between, or one a line where they may hold commas themselves."""
    return [part.strip() for part in text.split("\n" if "\n" in text else ",") if part.strip()]
