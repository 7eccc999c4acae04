"""Which kind of prior learns most in the same time: bits a code of held-out images after as many CPU seconds.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.prior_kinds [CHECKPOINT COLUMN SECONDS]

Codes are those of the test images that ship with the checkpoint, 8 % of them held out; every kind has its defaults but
for dropout, which is 0, the same batches and the same schedule, which follows the seconds that are left.
"""

from __future__ import annotations

import math
import sys
import time

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import usage
from explorer.priors import PRIORS, Level, build
from explorer.study import open_study

HELD_OUT, BATCH, RATE, WARM = 0.08, 64, 2e-3, 20


def main(checkpoint: str, column: str, seconds: float) -> None:
    study = open_study(checkpoint)
    layers = [one.name for one in study.layers if study.book(one.name) is not None]
    codes = {name: torch.from_numpy(study.codes(name).astype(np.int64)) for name in layers}
    classes = torch.from_numpy(usage.levels(study.concepts()[column])[0].astype(np.int64))
    levels = tuple(Level(name, tuple(codes[name].shape[1:]), len(study.book(name))) for name in layers)
    for kind in PRIORS:
        raced(kind, levels, codes, classes, seconds)


def raced(kind: str, levels: tuple[Level, ...], codes: dict[str, Tensor], classes: Tensor, seconds: float) -> None:
    """Trains for so many CPU seconds of this thread, and prints bits at each third of them."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(classes), generator=generator)
    held_out = round(HELD_OUT * len(order))
    prior = build(kind, {"dropout": 0.0}, levels, int(classes.max()) + 1)
    optimizer = torch.optim.AdamW(prior.parameters(), RATE, weight_decay=0.0)
    spent, step, marks = 0.0, 0, [seconds / 3, 2 * seconds / 3, seconds]
    while marks:
        start = time.thread_time()
        rate = RATE * min(1, (step + 1) / WARM) * max(0.05, 1 - spent / seconds)
        optimizer.param_groups[0]["lr"] = rate
        rows = order[torch.randint(held_out, len(order), (BATCH,), generator=generator)]
        optimizer.zero_grad()
        prior({name: values[rows] for name, values in codes.items()}, classes[rows])["loss"].backward()
        torch.nn.utils.clip_grad_norm_(prior.parameters(), 1.0)
        optimizer.step()
        step, spent = step + 1, spent + time.thread_time() - start
        if spent >= marks[0]:
            aside = order[:held_out]
            nats = prior.eval().nats({name: values[aside] for name, values in codes.items()}, classes[aside])
            prior.train()
            bits = torch.cat([one.flatten() for one in nats.values()]).mean().item() / math.log(2)
            pace = step * BATCH / spent
            print(f"{kind:12} {marks.pop(0):5.0f} s {step:6} steps {pace:6.0f} images/s {bits:7.3f} bits", flush=True)


if __name__ == "__main__":
    asked = sys.argv[1:]
    main(*(asked[:2] or ["vqvae-shapes", "shape"]), float(asked[2]) if len(asked) > 2 else 60.0)
