"""Copies of images where none may be: among those that are judged, and between them and the training split.

What `make` gives:
```
exact, near      judged images that are a copy of a training image, pixel for pixel or nearly; null where none is asked
within: {exact, near}      judged images that are a copy of one before them
images           judged images; left_out: [rows of the set]   kept: whether copies stay, as too few would be left
train: {images, sampled}   training images that were asked, and whether they are a sample; or {missing: sentence}
share: {mean, low, high, n}          of judged images that are copies, 95 % interval
mirrored: {mean, low, high, n}       the same of images left to right, which are no copies: what looks alike by chance
names: [{name, partner, split, how}]      the first 20; split: where the partner is; how: exact or near
sentence
```
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.datasets import hub
from explorer.errors import BadInput

if TYPE_CHECKING:
    from explorer.analysis.concepts.duplicates import Looks
    from explorer.datasets import Images
    from explorer.results.scores.material import Material
    from explorer.results.subject import Subject

TRAIN = 50_000  # training images that are asked, a seeded sample where there are more
NAMED = 20
MIRRORED = 1_000
BATCH = 512
NO_PIXELS = (
    "There are codes and no pixels here, so copies of images cannot be looked for. Where some are copies of others, "
    "frames of a film for instance, a probe may know their labels by heart."
)
APART = "Training and test images of shapes are drawn apart, so that none is in both."


@dataclass(frozen=True)
class _Set:
    """Some images, or their mirror images, and what they look like."""

    images: Images
    rows: np.ndarray
    mirrored: bool = False
    stamps: np.ndarray | None = None
    looks: Looks | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, positions: np.ndarray) -> np.ndarray:
        found = self.images.read(self.rows[positions])
        return found[:, :, ::-1] if self.mirrored else found

    def name(self, position: int) -> str:
        return self.images.names[int(self.rows[position])]


def make(material: Material) -> dict[str, Any]:
    """Counts and names copies; see above."""
    if not material.pictured:
        return {"missing": NO_PIXELS}
    judged = _looked(material, _Set(material.subject.images, material.sampled), "looking at the judged images")
    earlier, how = _within(material, judged)
    train = _train(material)
    among = None if isinstance(train, str) else _looked(material, train, "looking at the training images")
    twin, twin_how = _between(material, judged, among, how)
    count = len(judged)
    copies = (how != "") | (twin_how != "")
    left_out = judged.rows[copies]
    kept = 2 * (count - len(left_out)) < count
    within = {name: int((how == name).sum()) for name in ("exact", "near")}
    between = {name: None if among is None and train != APART else int((twin_how == name).sum()) for name in within}
    asked = {"missing": train} if among is None else {"images": len(among), "sampled": len(among) == TRAIN}
    found = {**between, "within": within, "left_out": [] if kept else left_out.tolist(), "kept": kept, "train": asked}
    found |= {"share": _share(int(copies.sum()), count), "mirrored": _mirrored(material, judged, among)}
    names = [_named(judged, among, row, twin, twin_how, "training") for row in np.flatnonzero(twin_how != "")]
    names += [
        _named(judged, judged, row, earlier, how, "judged") for row in np.flatnonzero((how != "") & (twin_how == ""))
    ]
    return found | {"names": names[:NAMED], "sentence": _sentence(found, count, int(copies.sum()))}


def earliest(material: Material) -> np.ndarray:
    """(n,) for each of the sampled rows that of the first one that it is a copy of, its own where it is none."""
    if not material.pictured:
        return material.sampled
    judged = _looked(material, _Set(material.subject.images, material.sampled), "looking for copies")
    return material.sampled[_within(material, judged)[0]]


def beside(subject: Subject, options: Any) -> bool:
    """Whether training images are asked only when they are here: part of the key."""
    return _elsewhere(subject)


def _elsewhere(subject: Subject) -> bool:
    """Whether the training split would have to be downloaded from the Hub, which may be very large."""
    from explorer import datasets

    if Path(subject.dataset).expanduser().exists() or not hub.NAME.fullmatch(subject.dataset):
        return False
    return not datasets.ready(subject.dataset, "train", subject.images.size, fit=subject.fit, limit=TRAIN)


def _looked(material: Material, some: _Set, said: str) -> _Set:
    """The same with what the images look like, read once."""
    from explorer.analysis.concepts import duplicates
    from explorer.datasets.stamps import pixel_stamp

    known, parts, stamps = some.images.stamps, [], []
    material.progress.total = len(some)
    for start in range(0, len(some), BATCH):
        material.progress.update(start, said)
        pixels = some.read(np.arange(start, min(start + BATCH, len(some))))
        parts.append(duplicates.looks(pixels))
        stamps += [] if known is not None else [pixel_stamp(one) for one in pixels]
    stamped = np.array(stamps, np.uint64) if known is None else known[some.rows, 1]
    return replace(some, stamps=stamped, looks=duplicates.joined(parts))


def _train(material: Material) -> _Set | str:
    """The training images to ask, or one sentence on why there are none."""
    from explorer import datasets

    subject, images = material.subject, material.subject.images
    if images.name == "shapes":
        return APART
    if images.split in ("train", "all"):
        return "The judged images are, or contain, the training split itself."
    if "train" not in datasets.split_names(subject.dataset):
        return f"{images.name} has no training split."
    if _elsewhere(subject):
        return f"The training split of {images.name} is not on this machine, and is not downloaded for this."
    try:
        found = subject.load("train", TRAIN, material.progress)
    except BadInput as error:
        return f"The training split cannot be opened: {error}"
    return _Set(found, np.arange(len(found)))


def _within(material: Material, judged: _Set) -> tuple[np.ndarray, np.ndarray]:
    """For each judged image the first one that it is a copy of (itself where it is none), and "exact", "near" or ""."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    count = len(judged)
    _, first, kind = np.unique(judged.stamps, return_index=True, return_inverse=True)
    same = first[kind.reshape(-1)]  # np.unique gives the first of equal ones
    alone = np.flatnonzero(same == np.arange(count))
    pairs = alone[_near(material, judged, None, alone)]
    edges = np.concatenate([pairs, np.stack([np.arange(count), same], 1)])
    graph = csr_array((np.ones(len(edges)), edges.T), shape=(count, count))
    group = connected_components(graph, directed=False)[1]
    earlier = np.unique(group, return_index=True)[1][group]
    how = np.where(same != np.arange(count), "exact", np.where(earlier != np.arange(count), "near", ""))
    return np.where(how == "exact", same, earlier), how


def _between(material: Material, judged: _Set, train: _Set | None, how: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each judged image the training image that it is a copy of, -1 for none, and "exact", "near" or ""."""
    twin, found = np.full(len(judged), -1), np.full(len(judged), "", "<U5")
    if train is None or not len(train):
        return twin, found
    order = np.argsort(train.stamps, kind="stable")
    place = np.minimum(np.searchsorted(train.stamps[order], judged.stamps), len(order) - 1)
    equal = train.stamps[order[place]] == judged.stamps
    twin[equal], found[equal] = order[place][equal], "exact"
    rest = np.flatnonzero(~equal & (how != "exact"))
    pairs = _near(material, judged, train, rest)
    twin[rest[pairs[:, 0]]], found[rest[pairs[:, 0]]] = pairs[:, 1], "near"
    return twin, found


def _near(material: Material, judged: _Set, known: _Set | None, some: np.ndarray) -> np.ndarray:
    """Pairs (k, 2) of nearly equal images: positions in `some` of the judged, and in `known`, or twice in `some`."""
    from explorer.analysis.concepts import duplicates

    material.say("looking for copies")
    queries = judged.looks.of(some)
    among = None if known is None else known.looks
    pairs, moved = duplicates.screened(duplicates.candidates(queries, among), queries, among)
    near = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), BATCH):
        part = slice(start, start + BATCH)
        ours, theirs = pairs[part].T
        second = judged.read(some[theirs]) if known is None else known.read(theirs)
        near[part] = duplicates.differences(judged.read(some[ours]), second, moved[part]) <= duplicates.NEAR
        material.progress.update(0, f"comparing {start + BATCH:,} of {len(pairs):,} pairs of images that look alike")
    return pairs[near]


def _mirrored(material: Material, judged: _Set, train: _Set | None) -> dict[str, Any]:
    """How many mirror images look like a copy of another image."""
    from explorer.datasets.sources import sample

    some = sample(len(judged), MIRRORED)
    flipped = _looked(material, _Set(judged.images, judged.rows[some], True), "looking at mirror images")
    pairs = _near(material, flipped, judged if train is None else train, np.arange(len(some)))
    other = pairs if train is not None else pairs[some[pairs[:, 0]] != pairs[:, 1]]
    return _share(len(np.unique(other[:, 0])), len(some))


def _share(count: int, total: int) -> dict[str, Any]:
    from explorer.analysis.points import wilson

    low, high = wilson(np.array([count]), total)
    return {"mean": count / max(total, 1), "low": float(low[0]), "high": float(high[0]), "n": total}


def _named(judged: _Set, partners: _Set, row: int, twin: np.ndarray, how: np.ndarray, split: str) -> dict[str, str]:
    partner = partners.name(int(twin[row]))
    return {"name": judged.name(int(row)), "partner": partner, "split": split, "how": str(how[row])}


def _sentence(found: dict[str, Any], count: int, copies: int) -> str:
    """What was found, in words."""
    if not copies:
        return f"None of the {count:,} judged images is a copy of another one."
    within = sum(found["within"].values())
    between = (found["exact"] or 0) + (found["near"] or 0)
    of = [f"{between:,} of a training image"] * (between > 0) + [f"{within:,} of another judged one"] * (within > 0)
    said = f"{copies:,} of {count:,} judged images are copies, {' and '.join(of)}"
    if found["kept"]:
        return f"{said}: fewer than half would be left without them, so they stay, and scores of new images are lower."
    return f"{said}; they are left out."
