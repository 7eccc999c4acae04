"""How fast codes are drawn: with the caches, beside a plain loop that runs the whole network for every place.

    python -m tests.benchmarks.priors [--grid 16] [--batch 16] [--codes 1024] [--kinds pixelcnn,…] [--whole] [--json]

Both sides draw by the same rule from the same default network. The plain loop costs the same at every place, so eight
places stand for all, unless `--whole` is given. `cpu_seconds` are those of the one thread that computes with
OMP_NUM_THREADS=1, which other work on the machine disturbs less than it does `seconds`.
"""

from __future__ import annotations

import argparse
import time

import torch

from explorer.priors import PRIORS, Level, Prior, build
from tests.benchmarks.timing import machine, report

PLACES = 8  # of the plain loop that are timed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--grid", type=int, default=16)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--codes", type=int, default=1024)
    parser.add_argument("--kinds", default=",".join(PRIORS))
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    level = Level("code", (asked.grid, asked.grid), asked.codes)
    result = {"machine": machine(), "threads": torch.get_num_threads(), "kinds": {}}
    for kind in asked.kinds.split(","):
        torch.manual_seed(0)
        prior = build(kind, {}, (level,), 10).eval()
        classes = torch.arange(asked.batch) % 10
        with torch.inference_mode():
            cached(prior, classes, 3)
            result["kinds"][kind] = beside(prior, classes, level.places, level.places if asked.whole else PLACES)
    lines = [
        f"{kind:12} {one['parameters']:9,} parameters: {one['seconds']:6.2f} s with caches "
        f"({one['cpu_seconds']:.2f} of one CPU), {one['plain_seconds']:.1f} s without: {one['times_faster']:.1f} times "
        f"as fast ({one['cpu_times_faster']:.1f} in CPU time)"
        for kind, one in result["kinds"].items()
    ]
    report(result, lines, asked.json)


def beside(prior: Prior, classes: torch.Tensor, places: int, timed: int) -> dict[str, float]:
    """Both ways, one after the other; the plain one is timed at `timed` places."""
    start, cpu = time.perf_counter(), time.thread_time()
    cached(prior, classes, places)
    seconds, cpu_seconds = time.perf_counter() - start, time.thread_time() - cpu
    start, cpu = time.perf_counter(), time.thread_time()
    plain(prior, classes, timed)
    times = places / timed
    plain_seconds, plain_cpu = (time.perf_counter() - start) * times, (time.thread_time() - cpu) * times
    return {
        "parameters": sum(one.numel() for one in prior.parameters()),
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),
        "plain_seconds": round(plain_seconds, 2),
        "plain_cpu_seconds": round(plain_cpu, 2),
        "times_faster": round(plain_seconds / seconds, 1),
        "cpu_times_faster": round(plain_cpu / cpu_seconds, 1),
    }


def cached(prior: Prior, classes: torch.Tensor, places: int) -> None:
    """Draws the first `places` places with a cursor."""
    cursor, head, before = prior.begin("code", {}, classes), prior.head("code"), None
    for _ in range(places):
        before = head.draw(cursor.step(before), pick)


def plain(prior: Prior, classes: torch.Tensor, places: int) -> None:
    """Draws the first `places` places, and runs the whole network for each."""
    stage = prior.stage("code")
    codes = {"code": torch.zeros(len(classes), *stage.level.grid, dtype=torch.int64)}
    for place in range(places):
        features = stage.features(codes, classes).flatten(1, 2)
        codes["code"].flatten(1)[:, place] = stage.draw(features[:, place], pick)


def pick(logits: torch.Tensor) -> torch.Tensor:
    """One of each row, by the inverse of its cumulative chances."""
    chances = logits.softmax(1).cumsum(1)
    return torch.searchsorted(chances, torch.rand(len(logits), 1))[:, 0].clamp_(max=logits.shape[1] - 1)


if __name__ == "__main__":
    main()
