"""How fast priors are trained: images/s of a step of each kind, beside a plain loop that asks for one place at a time.

The plain loop trains on one place of every code map after another, as a network without causal masks would have to:
each place is a pass of its own. Run with `python -m tests.benchmarks.prior_training`.
"""

from __future__ import annotations

import time

import torch

from explorer.priors import PRIORS, Level, build

GRID, CODES, BATCH, PLACES = (8, 8), 512, 16, 4


def seconds(step, count: int = 3) -> float:
    """Of the fastest of some calls, after one that is not counted."""
    step()
    found = []
    for _ in range(count):
        begun = time.perf_counter()
        step()
        found.append(time.perf_counter() - begun)
    return min(found)


def main() -> None:
    """Prints a line a kind."""
    level = Level("code", GRID, CODES)
    codes = {"code": torch.randint(CODES, (BATCH, *GRID))}
    classes = torch.zeros(BATCH, dtype=torch.int64)
    for kind in PRIORS:
        torch.manual_seed(0)
        prior = build(kind, {}, (level,), 4)
        optimizer = torch.optim.AdamW(prior.parameters(), lr=1e-4)

        def learned(prior=prior, optimizer=optimizer) -> None:
            prior(codes, classes)["loss"].backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        def plain(prior=prior, optimizer=optimizer) -> None:
            for place in range(PLACES):  # of all; the others take as long
                stage = prior.stage("code")
                nats = stage.nats(codes, classes).flatten(1)[:, place]
                nats.mean().backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        ours, theirs = seconds(learned), seconds(plain, 1) * level.places / PLACES
        print(f"{kind}: {BATCH / ours:,.0f} images/s, {theirs / ours:.0f} × a loop over places")


if __name__ == "__main__":
    main()
