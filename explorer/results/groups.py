"""The result `groups`: the tree of the codes of a layer, and whether halves of the images agree on its groups."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, write_bytes
from explorer.options import choice, number, text

if TYPE_CHECKING:
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

VERSION = 1  # counted up whenever the same codes give other groups
IMAGES = 50_000  # that are counted, a seeded sample where there are more
LONGEST = 16 * 1024 * 1024  # bytes, unpacked
BY = ("together", "beside", "vectors", "mixed")


@dataclass(frozen=True)
class Options:
    """Which codes are grouped, and by what."""

    layer: str = text("", "Whose codes. [the finest with codes of its own]")
    by: str = choice(
        "", ("", *BY),
        "together: codes that come together in an image, with the same others; beside: in neighbouring cells; vectors: "
        "codes whose vectors are near; mixed: all of these. [together; vectors where one code makes an image]",
    )  # fmt: skip
    count: int = number(0, "Groups. 0: as many as halves of the images agree on.", low=0, high=4_000)


def key(subject: Subject, options: Options) -> str:
    """Content of the encoding, the layer and the way; the number of groups only where it is an unusual one."""
    found = complete(subject, options)
    return digest("groups", VERSION, subject.encoding_key, asdict(found))


def complete(subject: Subject, options: Options) -> Options:
    """The same with the layer's name, and without a number of groups that is looked at anyway."""
    from explorer.analysis.grouping import COUNTS

    names = {layer["name"]: layer for layer in subject.facts.layers}
    if options.layer and options.layer not in names:
        raise BadInput(f"unknown layer {options.layer!r}; choose from {', '.join(names)}")
    own = [layer for layer in subject.facts.layers if layer.get("codes")]
    first = max(own, key=lambda one: one["grid"][0])["name"] if own else list(names)[-1]
    count = 0 if options.count in COUNTS else options.count
    layer = options.layer or first
    alone = list(names[layer]["grid"]) == [1, 1]  # one code for an image never comes together with another
    return replace(options, layer=layer, by=options.by or ("vectors" if alone else "together"), count=count)


def make(subject: Subject, options: Options, path: Path, progress: Progress, found: Encoding) -> None:
    """Groups the codes and writes what `read` gives; BadInput where there are too few codes, or no such way."""
    import numpy as np

    from explorer.analysis import grouping
    from explorer.analysis.usage import occurrences
    from explorer.datasets.sources import sample

    started, options = time.perf_counter(), complete(subject, options)
    layer = found.layer(options.layer)
    if options.by not in grouping.ways(layer.grid):
        allowed = ", ".join(grouping.ways(layer.grid))
        raise BadInput(f"codes of layer '{layer.name}' cannot be grouped by {options.by!r}; choose from {allowed}")
    progress.total, progress.unit = 2 * grouping.HALVINGS + 2, "steps"
    progress.update(0, "counting which codes come together", force=True)
    rows = sample(found.images, IMAGES)
    codes = found.codes(layer.name, None if len(rows) == found.images else rows).astype(np.int64)
    vectors = found.codebook(layer.name).vectors.detach().cpu().numpy()
    tokens = np.bincount(codes.reshape(-1), minlength=len(vectors))
    images = np.bincount(occurrences(codes, len(vectors)).indices, minlength=len(vectors))
    kept = grouping.kept(images, tokens)
    if len(kept) < grouping.SMALLEST:
        raise BadInput(
            f"layer '{layer.name}' has {len(kept)} codes in at least {grouping.FEWEST} of {len(codes):,} images; "
            f"groups need {grouping.SMALLEST}: take more images"
        )
    squared = grouping.apart(options.by, codes, kept, vectors)
    merges = grouping.tree(squared)
    counts = grouping.several(len(kept), [options.count])
    divided = zip(counts, grouping.cuts(merges, counts), strict=True)
    distances = np.sqrt(squared)
    silhouettes = {count: grouping.silhouette(distances, groups) for count, groups in divided}
    del distances, squared
    progress.update(1, "grouping the codes")
    stable = None
    if options.by != "vectors" and len(codes) >= 4 * grouping.FEWEST:

        def said(done: int, of: int) -> None:
            progress.total = of + 2
            progress.update(done + 1, "grouping halves of the images")

        stable = grouping.stability(options.by, codes, kept, vectors, counts, said)
    usual = [count for count in counts if count != options.count]
    automatic = (
        grouping.most_agreed(stable) if stable else grouping.best_shaped({one: silhouettes[one] for one in usual})
    )
    used = tokens > 0
    whole = {
        "what": "groups", "layer": layer.name, "by": options.by, "codes": len(vectors), "images": found.images,
        "counted": len(codes), "kept": kept.tolist(), "automatic": automatic,
        "left_out": {
            "dead": int((~used).sum()), "rare": int((used & (images < grouping.FEWEST)).sum()),
            "beyond": int((images >= grouping.FEWEST).sum() - len(kept)),
        },
        "merges": [[int(a), int(b), float(f"{height:.5g}"), int(n)] for a, b, height, n in merges],
        "silhouette": {str(count): round(value, 5) for count, value in silhouettes.items()},
        "stability": {} if stable is None else {str(count): stable.at(count) for count in counts},
        "seconds": time.perf_counter() - started,
    }  # fmt: skip
    text = json.dumps(whole, separators=(",", ":"))
    write_bytes(path, gzip.compress(text.encode(), mtime=0))
    progress.finish("done", "the groups are ready")


def read(path: Path, key: str = "") -> dict[str, Any]:
    """What `make` wrote; BadInput where it is damaged or something else.

    `layer, by, codes` K, `images`, `counted` of them, `kept` codes (U,), `left_out: {dead, rare, beyond}`, `merges`
    (U - 1, 4) as scipy has them, `silhouette` and `stability` by number of groups, `automatic`, `seconds`.
    """
    try:
        with gzip.open(path) as file:
            text = file.read(LONGEST + 1)
        found = json.loads(text) if len(text) <= LONGEST else None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadInput(f"{path.name} is no tree of groups or is damaged: {str(error)[:80]}") from None
    if (
        not isinstance(found, dict)
        or found.get("what") != "groups"
        or not {"kept", "merges", "stability"} <= set(found)
    ):
        raise BadInput(f"{path.name} is no tree of groups; delete it")
    if len(found["merges"]) != len(found["kept"]) - 1:
        raise BadInput(f"{path.name} has a tree of other codes; delete it")
    return found
