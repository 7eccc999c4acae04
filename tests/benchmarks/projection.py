"""A cold map of 10,000 latents: this project's UMAP over umap-learn with its defaults.

    python tests/benchmarks/projection.py [--points 10000] [--checkpoint vqvae-shapes] [--first] [--json]

Each map is made in a fresh process, from its start to its end: imports, compilation, neighbours, layout. Code that the
libraries keep compiled on disk is there for both from an uncounted small map, as on any day but the first; with
`--first` each starts with an empty folder, as after installation. Medians over the rounds. Trustworthiness is measured
the same way for both: k = 15, 2,000 points asked.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import machine, report

WORKERS = {
    "ours": "from explorer.analysis.projection import umap_map; places = umap_map(vectors)",
    "umap-learn": "import umap; places = umap.UMAP().fit_transform(vectors)",
}


def cold(worker: str, source: Path, out: Path, compiled: Path) -> float:
    """Seconds of a process that loads `source`, makes a map of it and stores the places."""
    code = f"import sys, numpy; vectors = numpy.load(sys.argv[1]); {WORKERS[worker]}; numpy.save(sys.argv[2], places)"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(compiled)}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(source), str(out)], check=True, env=environment,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - started


def latents(points: int, checkpoint: str | None):
    """(vectors (M, D) float32, what they are)."""
    if checkpoint is None:
        import numpy as np

        from explorer.datasets import shapes

        images = shapes.images(np.arange(points), "test", size=8)
        return images.reshape(points, -1).astype(np.float32) / 255, "pixels of shapes at 8 × 8"
    from explorer import results
    from explorer.results.subject import Subject

    found = results.obtain("encoding", Subject.of(checkpoint, "shapes", limit=points))[1]
    layer = found.layers[-1].name
    return found.pooled(layer), f"pooled latents of {checkpoint}, layer {layer}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--checkpoint", help="map the pooled latents of shapes by this checkpoint; else small images")
    parser.add_argument("--first", action="store_true", help="nothing is compiled yet, as after installation")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    here = machine()
    vectors, what = latents(arguments.points, arguments.checkpoint)

    import numpy as np

    from explorer.analysis.projection import trustworthiness

    seconds = {name: [] for name in WORKERS}
    trust = {}
    with tempfile.TemporaryDirectory() as folder:
        source, few, out = (Path(folder) / f"{name}.npy" for name in ("vectors", "few", "places"))
        np.save(source, vectors)
        np.save(few, vectors[:300])
        for name in WORKERS:  # also reads the libraries from disk, which whoever comes first would pay for
            cold(name, few, out, Path(folder) / "compiled")
        for number in range(arguments.rounds):
            for name in WORKERS:
                compiled = f"{name}-{number}" if arguments.first else "compiled"
                seconds[name].append(cold(name, source, out, Path(folder) / compiled))
                trust[name] = trustworthiness(vectors, np.load(out))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = medians["ours"] / medians["umap-learn"]
    result = {
        "machine": here,
        "compiled_before": not arguments.first,
        "points": len(vectors),
        "dim": vectors.shape[1],
        "what": what,
        "seconds": {name: [round(value, 2) for value in values] for name, values in seconds.items()},
        "trustworthiness": {name: round(value, 4) for name, value in trust.items()},
        "ratio": round(ratio, 3),
        "trustworthiness_difference": round(trust["ours"] - trust["umap-learn"], 4),
    }
    lines = [f"{len(vectors):,} points of {vectors.shape[1]} numbers ({what}); each map in a fresh process"]
    lines += [f"{name + ':':<12} {medians[name]:6.1f} s, trustworthiness {trust[name]:.4f}" for name in WORKERS]
    lines.append(f"ours takes {ratio:.2f} of umap-learn's time")
    report(result, lines, arguments.json)


if __name__ == "__main__":
    main()
