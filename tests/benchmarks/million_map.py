"""A map of very many points beside one of the sample that it is laid out from: seconds, memory, trustworthiness.

    python tests/benchmarks/million_map.py [--points 1000000] [--dim 16] [--transform] [--checkpoint NAME] [--json]

The latents are made up (clusters of very unequal size, each bent along three directions), or are those of `shapes` by a
checkpoint, which are encoded first if they are not. CPU seconds are of this process on all its cores, since other work
on the machine makes wall seconds longer. With `--transform` umap-learn's own transform places 100,000 of the points,
too, from the same layout. On two quiet cores a million points take about a minute, 100,000 half of one.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from timing import machine, report

TRANSFORMED, ASKED, SEARCHED, K = 100_000, 1_000, 1_000, 15


def latents(points: int, dim: int) -> np.ndarray:
    """(points, dim) float32: 200 clusters whose sizes follow a power law, each bent along three directions."""
    generator = np.random.default_rng(0)
    shares = 1 / np.arange(1, 201) ** 1.2
    label = generator.choice(200, points, p=shares / shares.sum())
    along = generator.normal(size=(points, 3)).astype(np.float32)
    bent = np.concatenate([along, along**2, along[:, :1] * along[:, 1:]], 1)
    turned = generator.normal(size=(200, bent.shape[1], dim)).astype(np.float32) / 3
    found = np.empty((points, dim), np.float32)
    for one in range(200):
        found[label == one] = bent[label == one] @ turned[one] + 4 * generator.normal(size=dim)
    return found + 0.05 * generator.normal(size=(points, dim)).astype(np.float32)


def of_checkpoint(checkpoint: str, points: int) -> np.ndarray:
    from explorer import results
    from explorer.results.subject import Subject

    found = results.obtain("encoding", Subject.of(checkpoint, "shapes", limit=points))[1]
    return found.pooled(found.layers[-1].name)


class Parts:
    """CPU and wall seconds of each part, by what the map says that it does."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.part, self.cpu, self.wall = "start", time.process_time(), time.perf_counter()

    def __call__(self, share: float, message: str) -> None:
        now, wall = time.process_time(), time.perf_counter()
        spent = self.seconds.setdefault(self.part, [0.0, 0.0])
        spent[0] += now - self.cpu
        spent[1] += wall - self.wall
        self.part, self.cpu, self.wall = message, now, wall


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def recall_at(vectors: np.ndarray, fitted: int) -> tuple[float, int, int]:
    """Share of the true five nearest of a random sample that the search in cells finds; cells looked into, of how many.

    Asked of other points than those that the search itself tries.
    """
    from explorer.analysis import cells, sketch

    known = vectors[sketch.draw(vectors, fitted).rows].astype(np.float64)
    rows = np.random.default_rng(1).choice(len(vectors), SEARCHED)
    near = cells.nearest(vectors[rows], known, 5)
    away = np.stack([np.linalg.norm(known - vectors[row], axis=1) for row in rows])
    limit = np.partition(away, 4, axis=1)[:, 4:5] * (1 + 1e-5)
    return float((np.take_along_axis(away, near.rows.astype(np.int64), 1) <= limit).mean()), near.probed, near.cells


def transformed(vectors: np.ndarray, fitted: int) -> dict[str, float]:
    """Trustworthiness and CPU seconds of umap-learn's own transform, and of ours, for 100,000 of the points."""
    from umap import UMAP

    from explorer.analysis import cells, placing, projection, sketch, trust

    vectors = vectors[np.sort(np.random.default_rng(2).permutation(len(vectors))[:TRANSFORMED])]
    drawn = sketch.draw(vectors, fitted)
    known, others = vectors[drawn.rows], np.setdiff1d(np.arange(len(vectors)), drawn.rows)
    queries = np.sort(np.random.default_rng(3).choice(others, ASKED, replace=False))
    layout = UMAP(init=projection._start(projection.pca_map(known), np.random.default_rng(0)), random_state=0, n_jobs=1)
    places = np.empty((len(vectors), 2), np.float32)
    places[drawn.rows] = layout.fit_transform(known)
    found = {}
    for name in ("transform", "placed"):
        started = time.process_time()
        if name == "transform":
            places[others] = layout.transform(vectors[others])
        else:
            near = cells.nearest(vectors[others], known, placing.K)
            places[others] = placing.place(near.distances, places[drawn.rows][near.rows])
        found[f"{name} seconds"] = time.process_time() - started
        found[name] = float(trust.scores(vectors, queries, trust.on_map(places, queries, K)).mean())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=16)
    parser.add_argument("--checkpoint", help="latents of shapes by this checkpoint, in place of made-up ones")
    parser.add_argument(
        "--transform", action="store_true", help="umap-learn's own transform beside, for 100,000 points"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    here = machine()

    from explorer.analysis import large_map
    from explorer.results.maps import MANY

    vectors = of_checkpoint(arguments.checkpoint, arguments.points) if arguments.checkpoint else None
    vectors = latents(arguments.points, arguments.dim) if vectors is None else vectors
    fitted, before, parts = min(MANY, len(vectors) // 5), memory(), Parts()
    facts = large_map.umap(vectors, 2, fitted, K, 0, parts, neighbours=15, min_dist=0.1)[1]
    parts(1.0, "end")
    seconds = {name: [round(value, 2) for value in spent] for name, spent in parts.seconds.items()}
    cpu, wall = (sum(spent[place] for spent in seconds.values()) for place in (0, 1))
    bare = sum(seconds.get(name, [0, 0])[0] for name in ("searching neighbours", "preparing the layout", "laying out"))
    recall, probed, count = recall_at(vectors, fitted)
    result = {
        "machine": here, "points": len(vectors), "dim": vectors.shape[1], "fitted": fitted, "seconds": seconds,
        "cpu_seconds": cpu, "wall_seconds": wall, "ratio_to_layout": cpu / bare, "recall": recall,
        "peak_mb": memory(), "peak_mb_before": before, "facts": facts,
    }  # fmt: skip
    lines = [f"{len(vectors):,} points of {vectors.shape[1]} numbers, of which {fitted:,} are laid out"]
    lines += [f"{name:<34}{spent[0]:8.1f} s of CPU{spent[1]:8.1f} s" for name, spent in seconds.items()]
    lines.append(f"{'in all':<34}{cpu:8.1f} s of CPU{wall:8.1f} s; {cpu / bare:.1f} × the bare layout of the sample")
    lines.append(f"peak memory {memory():,.0f} MB, before the map {before:,.0f} MB")
    lines.append(f"recall of the search at k = 5: {recall:.4f} of {SEARCHED:,} points, in {probed} of {count} cells")
    for of in ("fitted", "placed", "pca", "random"):
        told = facts[f"trustworthiness_{of}"]
        ends = f"{told['low']:.4f} to {told['high']:.4f}, {told['n']:,} points"
        lines.append(f"trustworthiness, {of + ':':<8} {told['mean']:.4f} ({ends})")
    if arguments.transform:
        beside = result["transform"] = transformed(vectors, fitted)
        lines += [f"{name} on 100,000 points: {beside[name]:.4f}, {beside[f'{name} seconds']:.1f} s of CPU"
                  for name in ("transform", "placed")]  # fmt: skip
    report(result, lines, arguments.json)


if __name__ == "__main__":
    main()
