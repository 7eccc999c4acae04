"""How alike two checkpoints are on the same images, kept as JSON: the same result whichever of the two is named first.

What `make` writes:
```
comparison: version   a, b: {name, key}   dataset, split, n (images that both have)
pairs: [{a: layer, b: layer,
         ami, cka, knn_jaccard: {value, low, high, null, null_high, n} or null}]
smaller: {size, psnr, ssim, mse: {a, b, difference, low, high, n}} or null   where image sizes differ
```
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import checkpoints
from explorer.errors import BadInput
from explorer.files import digest, read_json, write_bytes
from explorer.options import choice

if TYPE_CHECKING:
    import numpy as np

    from explorer.analysis.similarity import Latents
    from explorer.datasets import Images
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

VERSION = 1  # counted up whenever the same input gives other numbers
MOST = 10_000  # images that latents are compared on; of more a seeded sample
SMALLER = 500  # images that are decoded again where image sizes differ
BATCH = 50
LONGEST = 64 * 1024 * 1024  # bytes of a comparison
MEASURES = ("ami", "cka", "knn_jaccard")
SAME, EVERY = "same", "all"


@dataclass(frozen=True)
class Options:
    """What it is compared with."""

    other: str = choice("", (), "Another checkpoint, a name or a path.")
    of_other: str = choice(
        SAME, (), "How many images the encoding of the other checkpoint is of: same, all, or a number."
    )


def second(subject: Subject, options: Options) -> Subject:
    """The other checkpoint on the same part of the dataset, opened once; BadInput where there is none."""
    if not options.other:
        raise BadInput("name the other checkpoint; `explorer list` has those that are here")
    known = subject.__dict__.setdefault("seconds", {})  # as long as the images of this one are open
    if options not in known:
        limit = subject.limit
        if options.of_other != SAME:
            limit = None if options.of_other == EVERY else _count(options.of_other)
        known[options] = replace(subject, checkpoint=checkpoints.resolve(options.other), limit=limit)
    return known[options]


def _count(text: str) -> int:
    if not (text.isdecimal() and 0 < len(text) < 12):
        raise BadInput(f"of_other must be same, all or a number of images, not {text[:40]!r}")
    return int(text)


def matched(first: Images, others: Images) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n,) and (n,) of the images that two checkpoints both have, ascending in the first.

    Each has them at its own size, and may have skipped some, or left out those that it was trained on. They are matched
    by name; where no name is the same, by the content of their files. What is there twice is left out.

    Raises:
        BadInput: they have no image in common, or nothing tells which are the same.
    """
    import numpy as np

    if first.fingerprint == others.fingerprint:
        return np.arange(len(first)), np.arange(len(others))
    names = [list(one.names) for one in (first, others)]
    if names[0] == names[1]:  # in the same order, also where a name is there twice
        return np.arange(len(first)), np.arange(len(others))
    files = [[] if one.stamps is None else one.stamps[:, 0].tolist() for one in (first, others)]
    for ours, theirs in (names, files):
        at = _once(theirs)
        rows = [(row, at[name]) for name, row in _once(ours).items() if name in at]
        if rows:
            return tuple(np.array(sorted(rows), np.int64).T)
    raise BadInput(
        f"the two have no image of {first.name} in common, or neither names nor files tell which are the same"
    )


def _once(names: list) -> dict[Any, int]:
    """Rows of the names that are there once; 0 is the stamp of what is not known."""
    seen: dict[Any, int] = {}
    for row, name in enumerate(names):
        seen[name] = -1 if name in seen else row
    return {name: row for name, row in seen.items() if row >= 0 and name != 0}


def key(subject: Subject, options: Options) -> str:
    """Content of both encodings, whichever is named first."""
    return digest("comparison", VERSION, *sorted([subject.encoding_key, second(subject, options).encoding_key]))


def make(
    subject: Subject, options: Options, path: Path, progress: Progress, encoding: Encoding, obtain: Callable
) -> None:
    """Compares every layer of one with every layer of the other and writes what is above.

    Args:
        obtain: (kind, subject) -> (path, content) of another result, as `results.obtain`.
    """
    other = second(subject, options)
    sides = [(subject, encoding), (other, obtain("encoding", other)[1])]
    sides.sort(key=lambda side: side[0].encoding_key)
    rows = matched(*(side[0].images for side in sides))
    found = {
        "comparison": VERSION,
        **{name: {"name": of.facts.name, "key": of.encoding_key} for name, (of, _) in zip("ab", sides, strict=True)},
        "dataset": subject.dataset,
        "split": subject.split,
        "n": len(rows[0]),
        "pairs": list(_pairs([one for _, one in sides], rows, progress)),
        "smaller": _smaller([of for of, _ in sides], rows, progress),
    }
    write_bytes(path, json.dumps(_rounded(found), indent=1).encode())


def _pairs(
    encodings: list[Encoding], rows: tuple[np.ndarray, np.ndarray], progress: Progress
) -> Iterator[dict[str, Any]]:
    """Each layer of one beside each of the other, coarse to fine."""
    from explorer.analysis import agreement, similarity

    names = [[layer.name for layer in encoding.layers] for encoding in encodings]
    progress.total, progress.unit, done = len(names[0]) * len(names[1]), "pairs of layers", 0
    ready = [
        {layer: _latents(encoding, layer, some, progress) for layer in own}
        for encoding, own, some in zip(encodings, names, rows, strict=True)
    ]
    for first in names[0]:
        codes = encodings[0].codes(first)[rows[0]]
        for other in names[1]:
            progress.update(done, f"comparing {first} with {other}")
            latents = ready[0][first], ready[1][other]
            known = None not in latents
            found = {
                "ami": agreement.ami(codes, encodings[1].codes(other)[rows[1]]),
                "cka": similarity.cka(*latents) if known else None,
                "knn_jaccard": similarity.shared_neighbours(*latents) if known else None,
            }
            done += 1
            yield {"a": first, "b": other} | {n: None if one is None else asdict(one) for n, one in found.items()}


def _latents(encoding: Encoding, layer: str, rows: np.ndarray, progress: Progress) -> Latents | None:
    """Latents of the matched images, ready to be compared; None where they are not finite, as of codes alone."""
    import numpy as np

    from explorer.analysis import similarity
    from explorer.datasets.sources import sample

    progress.update(0, f"looking for neighbours in {layer}")
    vectors = encoding.pooled(layer)[rows[sample(len(rows), MOST)]]
    return similarity.prepare(vectors) if np.isfinite(vectors).all() else None


def _smaller(subjects: list[Subject], rows: tuple[np.ndarray, np.ndarray], progress: Progress) -> dict[str, Any] | None:
    """Errors of both at the smaller image size, where sizes differ.

    A decibel at 128 pixels is none at 64: fine detail is hard, and only the larger image has it. So the larger
    reconstruction is reduced as images of the dataset are, and both are held against the smaller image.
    """
    from explorer.datasets.sources import sample

    sizes = [of.facts.image_size for of in subjects]
    if sizes[0] == sizes[1] or any(of.facts.no_decoder for of in subjects):
        return None
    chosen = sample(len(rows[0]), SMALLER)
    truth = subjects[sizes.index(min(sizes))].images
    kept = rows[sizes.index(min(sizes))][chosen]
    progress.total, progress.unit = 2 * len(chosen), "images"
    scores = []
    for side, of in enumerate(subjects):
        scores.append(_scores(of, rows[side][chosen], truth, kept, lambda at: progress.update(at, "decoding again")))
    from explorer.analysis import pairs

    differences = {name: pairs.difference(scores[0][name], scores[1][name]) for name in ("psnr", "ssim", "mse")}
    return {"size": min(sizes)} | differences


def _scores(
    of: Subject, rows: np.ndarray, truth: Images, kept: np.ndarray, tell: Callable[[int], object]
) -> dict[str, np.ndarray]:
    """Scores (n,) of the reconstructions of `rows`, brought to the size of `truth`, against the images `kept` of it."""
    import numpy as np
    import torch

    from explorer.analysis import comparison, quality
    from explorer.autoencoder import to_images
    from explorer.datasets.images import squared
    from explorer.jobs.devices import choose

    network, found = of.network().to(choose(of.device)), []
    for start in range(0, len(rows), BATCH):
        tell(start)
        part = slice(start, start + BATCH)
        with torch.inference_mode():
            back = comparison.compare(network, of.images.read(rows[part])).reconstructions
            small = np.stack([squared(one, truth.size, "crop") for one in back])
            found.append(quality.measure(to_images(truth.read(kept[part])), to_images(small)))
    return {name: torch.cat([one[name] for one in found]).numpy() for name in ("psnr", "ssim", "mse")}


def read(path: Path, key: str = "") -> dict[str, Any]:
    """What `make` wrote; BadInput where it is damaged or something else."""
    try:
        found = read_json(path, limit=LONGEST)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} is no comparison or is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("comparison") != VERSION or "pairs" not in found:
        raise BadInput(f"{path.name} is not a comparison; delete it")
    return found


def seen_from(found: dict[str, Any], key: str) -> dict[str, Any]:
    """The same with the checkpoint whose encoding has `key` as a."""
    if found["a"]["key"] == key:
        return found
    pairs = [pair | {"a": pair["b"], "b": pair["a"]} for pair in found["pairs"]]
    order = list(dict.fromkeys(pair["a"] for pair in pairs))
    pairs.sort(key=lambda pair: order.index(pair["a"]))  # those of one layer of a beside one another
    smaller = found["smaller"] and {
        name: one if name == "size" else turned(one) for name, one in found["smaller"].items()
    }
    return found | {"a": found["b"], "b": found["a"], "pairs": pairs, "smaller": smaller}


def turned(one: dict[str, Any]) -> dict[str, Any]:
    """A difference a - b as b - a."""
    low, high = one["high"], one["low"]
    ends = {"low": None if low is None else -low, "high": None if high is None else -high}
    return one | {"a": one["b"], "b": one["a"], "difference": -one["difference"], **ends}


def _rounded(value: Any) -> Any:
    """Numbers to six digits: far finer than any interval here."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
