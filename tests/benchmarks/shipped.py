"""Makes anew what ships beside the checkpoints: encodings, maps and measurements, so that no first look waits.

    python tests/benchmarks/shipped.py [--scores] [NAME …]

What lay there before goes; with `--scores` only what is made of concepts is made anew. Only names under `checkpoints/`
are taken; the sets that they open on need no network.
"""

from __future__ import annotations

import shutil
import sys
import time

from explorer import checkpoints, results
from explorer.files import SHIPPED
from explorer.progress import Progress
from explorer.results import RESULTS, maps
from explorer.results.scores import SCORES
from explorer.results.subject import Subject

MAPS = {  # layers and what is mapped of each, UMAP in two dimensions; of the others the last layer's images
    "vqvae-shapes": {"code": maps.WHAT},
    "vqvae2-shapes": {"top": maps.WHAT, "bottom": maps.WHAT},
    "projected-shapes": {"code": maps.WHAT},
    "vqvae-digits": {"code": maps.WHAT},
    "vqvae-photos": {"code": maps.WHAT},
    "vqvae2-photos": {"top": ("images",), "bottom": ("images",)},
}


SCORED = ("scores", "pictures")  # folders of what is made of concepts
OWN = ("human", "stability")  # scores of what else lies on a machine
WHOLE = ("vqvae-digits",)  # small enough for numbers in full precision, and an index


def make(name: str, only_scores: bool = False) -> None:
    """All that ships beside one checkpoint, on the images that it opens on."""
    facts = checkpoints.describe(SHIPPED / name)
    dataset = facts.opening[0] if facts.opening else facts.dataset
    subject = Subject(facts.path, dataset, limit=facts.limit_on(dataset))
    for folder in SCORED if only_scores else {kind.folder for kind in RESULTS.values()}:
        shutil.rmtree(facts.path / folder, ignore_errors=True)
    if not only_scores:
        measure(name, subject)
    keep(subject, "pictures", None)
    for score in SCORES:
        if score not in OWN:
            keep(subject, "score", {"score": score})


def measure(name: str, subject: Subject) -> None:
    """The encoding, maps, and measurements of layers and rates."""
    facts = subject.facts
    last = facts.layers[-1]["name"]
    asked = [("encoding", {"compact": name not in WHOLE})]
    asked += [
        ("map", {"layer": layer, "what": what})
        for layer, some in MAPS.get(name, {last: ("images",)}).items()
        for what in some
    ]
    asked += [("layers", {})] if len(facts.layers) > 1 else []
    asked += [("rates", {}), ("codecs", {})]
    asked += [("masks", {})] if name == "mae-shapes" else []  # of the image that the page begins with
    for kind, options in asked:
        keep(subject, kind, options)


def keep(subject: Subject, kind: str, options: dict | None) -> None:
    """Makes one result beside its checkpoint, unless it is of the images alone and lies beside another one."""
    place, entry = subject.facts.path, RESULTS[kind]
    target, started = place / entry.folder / f"{results.key(kind, subject, options)}{entry.suffix}", time.perf_counter()
    of_images = kind in ("codecs", "pictures") or (options or {}).get("score") == "leak"
    if of_images and any(SHIPPED.glob(f"*/{entry.folder}/{target.name}")):
        return
    results.obtain(kind, subject, options, out=target, progress=Progress(0, f"{place.name} {kind}", quiet=True))
    size, seconds = sum(one.stat().st_size for one in _files(target)) / 1e6, time.perf_counter() - started
    print(f"{target.relative_to(SHIPPED)}  {options or ''}  {size:.2f} MB  {seconds:.0f} s", flush=True)


def _files(path):
    return [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]


if __name__ == "__main__":
    asked = [one for one in sys.argv[1:] if one != "--scores"]
    for one in asked or checkpoints.SHIPPED_ORDER:
        make(one, "--scores" in sys.argv)
