"""Similar images among 100,000 or a million: how long an index takes, how large it is, and how long a query takes.

    python tests/benchmarks/retrieval.py [--images 100000] [--codes 1024] [--dim 64] [--ways bag,place,zq,ze] [--json]

Simulated codes: an 8 × 8 grid, shares as Zipf has them, a third of an image's codes from the 16 of its cluster; latents
in 2,000 clusters. Every step runs in a process of its own, whose peak memory is told. A query is what the page asks:
the row of an image of the set, and its 20 nearest. The first one runs after the files were dropped from the system's
cache; importing libraries is not counted. Vectors are also asked for 100 latents that are in no set, beside looking at
all.
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
from typing import Any

from timing import machine, report

CLUSTERS, OWN, HELD = 2_000, 16, 100
BLOCK = 100_000
TOLD = {"cold": "cold", "warm": "warm", "slowest": "at most", "busy": "of a core"}
QUERY = """
import json, resource, sys, time
import numpy as np
from explorer.study import open_study, similar
from explorer.study.similar import By
path, way, held = sys.argv[1:]
study, by = open_study(path), By(way)
study.encoding, len(study.images), study.subject.encoding_key
import lance, scipy.sparse, explorer.encodings.rows, explorer.encodings.vector_index

def ask(row):
    started, busy = time.perf_counter(), time.process_time()
    similar.nearest(study, by, similar.represent(study, by, study.image(row)), 20, (row,))
    return time.perf_counter() - started, time.process_time() - busy

first, _ = ask(3)
rows = np.random.default_rng(5).integers(0, len(study.images), 40)
times, busy = zip(*(ask(int(row)) for row in rows))
told = {"cold": first, "warm": float(np.median(times)), "slowest": max(times), "busy": float(np.median(busy))}
index = similar.index_of(study, by)
told["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
if index is not None and index.facts["kind"] == "ivf_pq" and way == "ze":
    from explorer.analysis.retrieval import unit
    from dataclasses import replace
    queries = unit(np.load(held) - index.fitted[0]["mean"])
    every, hits = replace(index.searched, effort=None), 0
    for query in queries:
        hits += len(set(index.nearest(query[None], 10)[0]) & set(every.nearest(query[None], 10)[0]))
    told["recall_of_new"] = hits / (10 * len(queries))
print(json.dumps(told))
"""


def simulate(folder: Path, images: int, codes: int, dim: int) -> Path:
    """Writes a file of codes and latents, and `held.npy`, latents of no image."""
    import numpy as np

    generator = np.random.default_rng(0)
    shares = 1 / np.arange(1, codes + 1)
    edges = np.cumsum(shares / shares.sum())[:-1]
    sizes = 1 / np.sqrt(np.arange(1, CLUSTERS + 1))
    palettes = generator.integers(0, codes, (CLUSTERS, OWN))
    centres = generator.standard_normal((CLUSTERS, dim), np.float32)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        cluster = generator.choice(CLUSTERS, count, p=sizes / sizes.sum())
        everywhere = np.searchsorted(edges, generator.random((count, 64), np.float32))
        own = palettes[cluster[:, None], generator.integers(0, OWN, (count, 64))]
        found = np.where(generator.random((count, 64), np.float32) < 1 / 3, own, everywhere)
        return found.astype(np.uint16), centres[cluster] + 0.6 * generator.standard_normal((count, dim), np.float32)

    parts = [draw(min(BLOCK, images - start)) for start in range(0, images, BLOCK)]
    path = folder / "simulated.npz"
    book = generator.standard_normal((codes, dim), np.float32)
    whole = np.concatenate([part[0] for part in parts]).reshape(-1, 8, 8)
    np.savez(path, codes=whole, codebook=book, latents=np.concatenate([part[1] for part in parts]))
    np.save(folder / "held.npy", draw(HELD)[1])
    return path


def alone(*words: str) -> tuple[float, int, dict[str, Any]]:
    """Seconds, peak bytes and JSON of a command that runs by itself."""
    started = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    text = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words[:6])} ended with {status}")
    return time.perf_counter() - started, used.ru_maxrss * 1024, json.loads(text)


def forget(folder: Path) -> None:
    """Asks the system to drop the files from its cache."""
    for path in folder.rglob("*"):
        if path.is_file() and hasattr(os, "posix_fadvise"):
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(folder: Path, path: Path, ways: list[str]) -> dict[str, Any]:
    """Encoding, and of each way the index and its queries."""
    explorer = (sys.executable, "-m", "explorer")
    seconds, memory, told = alone(*explorer, "encode", str(path), "--json")
    encoding = Path(told["encoding"])
    found: dict[str, Any] = {"encoding": {"seconds": seconds, "memory": memory, "bytes": size(encoding)}, "ways": {}}
    for way in ways:
        seconds, memory, facts = alone(*explorer, "index", str(path), "--by", way, "--json")
        forget(Path(facts["index"]))
        forget(encoding)
        _, _, asked = alone(sys.executable, "-c", QUERY, str(path), way, str(folder / "held.npy"))
        kept = ("kind", "bytes", "recall", "effort", "clusters", "refused")
        found["ways"][way] = {
            "seconds": seconds, "build_memory": memory, **{name: facts[name] for name in kept if name in facts}, **asked
        }  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--codes", type=int, default=1024)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--ways", default="bag,place,zq,ze")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    here = machine()
    with tempfile.TemporaryDirectory(dir=os.environ.get("EXPLORER_CACHE")) as name:
        os.environ["EXPLORER_CACHE"] = str(Path(name) / "cache")
        path = simulate(Path(name), arguments.images, arguments.codes, arguments.dim)
        found = measure(Path(name), path, arguments.ways.split(","))
    encoding = found["encoding"]
    lines = [
        f"{arguments.images:,} images × 64 tokens, {arguments.codes} codes, {arguments.dim} numbers of latents",
        f"encoding: {encoding['seconds']:.0f} s, {encoding['bytes'] / 1e6:,.0f} MB, "
        f"peak {encoding['memory'] / 1e6:,.0f} MB",
    ]
    for way, one in found["ways"].items():
        recall = f", recall@10 {one['recall']:.3f} of the set" if "recall" in one else ", exact"
        recall += f" and {one['recall_of_new']:.3f} of new ones" if "recall_of_new" in one else ""
        query = [f"{1000 * one[name]:.1f} ms {said}" for name, said in TOLD.items()]
        lines.append(
            f"{way:<6} {one['kind']:<8} built in {one['seconds']:.0f} s (peak {one['build_memory'] / 1e6:,.0f} MB), "
            f"{one['bytes'] / 1e6:,.0f} MB; query {', '.join(query)} (peak {one['memory'] / 1e6:,.0f} MB){recall}"
        )
    report({"machine": here, "images": arguments.images, **found}, lines, arguments.json)


if __name__ == "__main__":
    main()
