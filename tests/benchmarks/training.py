"""Training throughput: this project's loop over a plain one with the same network.

    python tests/benchmarks/training.py [--steps 200] [--json]

Ours is `explorer.training.train` as a user runs it (batches from the dataset, meter, log, bf16 where the processor is
fast at it, channels last, torch.compile); its rate is the steady one that it reports itself: start-up, compilation and
looks at held-out images are left out. Plain is the same network in float32, eager, contiguous, with AdamW, on a
resident float tensor and with nothing measured per step. Plain runs before and after ours; the faster one counts.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from timing import machine, report

SIZE, BATCH = 32, 256


def plain(steps: int, warmup: int = 3) -> float:
    """Images per second of the plain loop."""
    import torch

    from explorer import datasets
    from explorer.models import build

    torch.manual_seed(0)
    images = datasets.load("shapes", "train", SIZE, limit=4096).read(slice(None))
    images = torch.from_numpy(images).permute(0, 3, 1, 2).float().div(255).contiguous()
    model = build("vqvae", {}, SIZE).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step in range(steps + warmup):
        if step == warmup:
            started = time.perf_counter()
        loss = model(images[torch.randint(len(images), (BATCH,))])["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return steps * BATCH / (time.perf_counter() - started)


def ours(steps: int, compile_: str) -> dict:
    """What `train` returns."""
    from explorer.progress import Progress
    from explorer.training import train

    options = {"steps": steps, "batch_size": BATCH, "image_size": SIZE, "images": 4096, "compile": compile_}
    with tempfile.TemporaryDirectory() as folder:
        return train(
            "vqvae", "shapes", Path(folder) / "run", training={**options, "device": "cpu"},
            progress=Progress(steps, "steps", quiet=True),
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200, help="of our loop; the plain one makes a quarter, twice")
    parser.add_argument("--compile", choices=("yes", "no"), default="yes", help="torch.compile in our loop")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    here = machine()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["EXPLORER_CACHE"] = cache
        before = plain(max(1, arguments.steps // 4))
        trained = ours(arguments.steps, arguments.compile)
        after = plain(max(1, arguments.steps // 4))
    ratio = trained["images_per_second"] / max(before, after)
    result = {
        "machine": here,
        "network": "vqvae, default settings",
        "image_size": SIZE,
        "batch_size": BATCH,
        "steps": arguments.steps,
        "plain_images_per_second": [round(before, 1), round(after, 1)],
        "images_per_second": round(trained["images_per_second"], 1),
        "ratio": round(ratio, 2),
        "seconds_with_start_compilation_and_scores": round(trained["seconds"], 1),
    }
    lines = [
        f"vqvae defaults, {SIZE} × {SIZE} RGB, batch {BATCH}, {arguments.steps} steps, compiled: {arguments.compile}",
        f"plain float32 eager contiguous loop: {before:,.0f} images/s before, {after:,.0f} after",
        f"explorer train:                      {trained['images_per_second']:,.0f} images/s once warm",
        f"ratio to the faster plain run:       {ratio:.2f}",
        f"(the whole run with start, compilation and held-out scores took {trained['seconds']:.0f} s)",
    ]
    report(result, lines, arguments.json)


if __name__ == "__main__":
    main()
