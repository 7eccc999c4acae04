"""Makes anew what ships beside the checkpoints: encodings, maps and measurements, so that no first look waits.

    python tests/benchmarks/shipped.py [NAME …]

What lay there before goes. Only names under `checkpoints/` are taken; the sets that they open on need no network.
"""

from __future__ import annotations

import shutil
import sys

from explorer import checkpoints, results
from explorer.files import SHIPPED
from explorer.progress import Progress
from explorer.results import RESULTS, maps
from explorer.results.subject import Subject

MAPS = {  # layers and what is mapped of each, UMAP in two dimensions; of the others the last layer's images
    "vqvae-shapes": {"code": maps.WHAT},
    "vqvae2-shapes": {"top": maps.WHAT, "bottom": maps.WHAT},
    "projected-shapes": {"code": maps.WHAT},
    "vqvae-digits": {"code": maps.WHAT},
    "vqvae-photos": {"code": maps.WHAT},
    "vqvae2-photos": {"top": ("images",), "bottom": ("images",)},
}


WHOLE = ("vqvae-digits",)  # small enough for numbers in full precision, and an index


def make(name: str) -> None:
    """All that ships beside one checkpoint, on the images that it opens on."""
    facts = checkpoints.describe(SHIPPED / name)
    dataset = facts.opening[0] if facts.opening else facts.dataset
    subject = Subject(facts.path, dataset, limit=facts.limit_on(dataset))
    for folder in {kind.folder for kind in RESULTS.values()}:
        shutil.rmtree(facts.path / folder, ignore_errors=True)
    last = facts.layers[-1]["name"]
    asked = [("encoding", {"compact": name not in WHOLE})]
    asked += [
        ("map", {"layer": layer, "what": what})
        for layer, some in MAPS.get(name, {last: ("images",)}).items()
        for what in some
    ]
    asked += [("layers", {})] if len(facts.layers) > 1 else []
    asked += [("rates", {}), ("codecs", {})]
    for kind, options in asked:
        if kind == "codecs" and results.find(kind, subject, options):
            continue  # beside another checkpoint: it is of the images alone
        entry = RESULTS[kind]
        target = facts.path / entry.folder / f"{results.key(kind, subject, options)}{entry.suffix}"
        results.obtain(kind, subject, options, out=target, progress=Progress(0, f"{name} {kind}", quiet=True))
        print(
            f"{target.relative_to(SHIPPED)}  {sum(one.stat().st_size for one in _files(target)) / 1e6:.2f} MB",
            flush=True,
        )


def _files(path):
    return [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]


if __name__ == "__main__":
    for one in sys.argv[1:] or checkpoints.SHIPPED_ORDER:
        make(one)
