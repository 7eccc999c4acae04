"""From a code to its images in an encoding of 100,000: the time of one cold look-up.

    python tests/benchmarks/postings.py [--images 100000] [--cells 64] [--codes 512] [--json]

Builds an index over synthetic codes with Zipf-like shares, then looks up the most frequent code, a rare one and a dead
one: the 24 nearest patches and all images that have it. Each look-up runs in a fresh process after the files were
dropped from the system's cache where it allows that; importing the libraries is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import machine, report

LAYER = "code"
LOOK_UP = """
import json, pathlib, sys, time
from explorer.encodings import postings
folder, layer, codes, images, cells, code = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
started = time.perf_counter()
index = postings.open_layer(pathlib.Path(folder), layer, codes, images, cells)
rows, positions, distances = index.top_patches(code, 24)
middle = time.perf_counter()
found, counts = index.images_with(code)
end = time.perf_counter()
print(json.dumps({"top_patches": middle - started, "images_with": end - middle, "patches": len(rows),
                  "images": len(found), "tokens": int(counts.sum())}))
"""


def synthetic(images: int, cells: int, codes: int):
    """(tokens (images · cells,) with code codes - 1 dead, distances (images · cells,) float32)."""
    import numpy as np

    generator = np.random.default_rng(0)
    shares = 1 / np.arange(1, codes)
    edges = np.cumsum(shares / shares.sum())
    tokens = np.searchsorted(edges[:-1], generator.random(images * cells, np.float32)).astype(np.uint16)
    return tokens, generator.random(images * cells, np.float32)


def forget(folder: Path) -> bool:
    """Asks the system to drop the files from its cache."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--cells", type=int, default=64)
    parser.add_argument("--codes", type=int, default=512)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    here = machine()
    from explorer.encodings import postings

    shape = (LAYER, arguments.codes, arguments.images, arguments.cells)
    tokens, distances = synthetic(arguments.images, arguments.cells, arguments.codes)
    chosen = {"most frequent": 0, "rare": arguments.codes - 2, "dead": arguments.codes - 1}
    with tempfile.TemporaryDirectory(dir=os.environ.get("EXPLORER_CACHE")) as name:
        folder = Path(name)
        step = 1_000_000 // arguments.cells * arguments.cells

        def batches():
            for start in range(0, len(tokens), step):
                yield tokens[start : start + step], distances[start : start + step]

        started = time.perf_counter()
        postings.build(folder, *shape, batches)
        built = time.perf_counter() - started
        found, dropped = {}, True
        for title, code in chosen.items():
            dropped = forget(folder)
            command = [sys.executable, "-c", LOOK_UP, str(folder), *map(str, (*shape, code))]
            found[title] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    result = {
        "machine": here,
        "images": arguments.images,
        "tokens": len(tokens),
        "codes": arguments.codes,
        "build_seconds": round(built, 2),
        "dropped_from_cache": dropped,
        "look_ups": found,
    }
    lines = [
        f"{arguments.images:,} images × {arguments.cells} tokens, {arguments.codes} codes: built in {built:.1f} s",
        "one look-up in a fresh process" + (", files dropped from the system's cache" if dropped else ""),
    ]
    lines += [
        f"{title + ' code:':<20} top patches {one['top_patches'] * 1000:6.1f} ms, all images "
        f"{one['images_with'] * 1000:6.1f} ms ({one['tokens']:,} tokens in {one['images']:,} images)"
        for title, one in found.items()
    ]
    report(result, lines, arguments.json)


if __name__ == "__main__":
    main()
