"""Ids of 100,000 images or a million: how long they take, how large the file is, and how soon a branch is shown.

    python tests/benchmarks/ids.py [--images 100000] [--codes 1024] [--dim 64] [--json]

Simulated codes and latents of `retrieval.py`. Every step runs in a process of its own, whose peak memory is told; the
page is opened once, and then 20 branches are asked for, as its tree asks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from retrieval import alone, simulate
from timing import machine, report

PAGE = """
import json, resource, sys, time
import numpy as np
from explorer.study import open_study
from explorer.views import VIEWS, fields
study = open_study(sys.argv[1])
study.encoding, len(study.images), study.subject.encoding_key
started = time.perf_counter()
options, _ = fields.settled(VIEWS["ids"].options, study, {})
sheet = VIEWS["ids"].sheet(study, options, study.image(3))
opened = time.perf_counter() - started
tree = next(block for block in sheet.blocks if type(block).__name__ == "Piece")
times = []
for branch in tree.data["here"]["branches"]:
    started = time.perf_counter()
    tree.answer({"prefix": branch["prefix"]})
    times.append(time.perf_counter() - started)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"opened": opened, "branch": float(np.median(times)), "slowest": max(times), "memory": memory}))
"""


def measure(path: Path) -> dict[str, Any]:
    """The encoding, the ids, and the page."""
    explorer = (sys.executable, "-m", "explorer")
    seconds, memory, _ = alone(*explorer, "encode", str(path), "--json")
    found = {"encoding": {"seconds": seconds, "memory": memory}}
    seconds, memory, told = alone(*explorer, "ids", str(path), "--json")
    found["ids"] = {"seconds": seconds, "memory": memory, "bytes": Path(told["ids"]).stat().st_size}
    found["ids"] |= {"prefixes": told["levels"][-1]["prefixes"], "recall": told["neighbours"]["recall"]}
    found["page"] = alone(sys.executable, "-c", PAGE, str(path))[2]
    return found


def lines(found: dict[str, Any]) -> list[str]:
    ids, page = found["ids"], found["page"]
    return [
        f"{found['images']:,} images of simulated codes",
        f"encoding: {found['encoding']['seconds']:.0f} s, peak memory {found['encoding']['memory'] / 2**30:.2f} GiB",
        f"ids: {ids['seconds']:.0f} s, peak memory {ids['memory'] / 2**30:.2f} GiB, {ids['bytes'] / 2**20:.1f} MiB, "
        f"{ids['prefixes']:,} different ones, recall@10 {ids['recall']['mean']:.3f} among the ranked",
        f"page: {page['opened']:.2f} s, a branch {page['branch']:.2f} s, the slowest {page['slowest']:.2f} s, peak "
        f"memory {page['memory'] / 2**30:.2f} GiB",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--codes", type=int, default=1024)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = simulate(Path(folder), asked.images, asked.codes, asked.dim)
        found = {"machine": machine(), "images": asked.images, **measure(path)}
    report(found, lines(found), asked.json)


if __name__ == "__main__":
    main()
