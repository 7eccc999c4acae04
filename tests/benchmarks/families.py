"""Training throughput of every family, quantizer and backbone, relative to the plain VQ-VAE.

    python tests/benchmarks/families.py [--steps 12] [--rounds 3] [--size 64] [--hidden 64] [--batch 32] [--json]

One step is what `explorer train` does on the CPU without torch.compile: forward, backward, clipping, AdamW, the meter;
channels last, float32. Batches are random pixels, made before: reading images is not part of it. Each contender takes
turns with the plain VQ-VAE (`ema`, `conv`), `--rounds` times; the ratio is of the fastest turns of both, because other
work on the machine only ever slows a turn down. VAE and MAE keep their own defaults in everything but their width.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from timing import machine, report

PLAIN = ("vqvae", {"quantizer": "ema", "backbone": "conv"})


def contenders() -> Iterator[tuple[str, dict[str, str]]]:
    """(family, settings): every quantizer and loss on the plain network, every backbone of each family."""
    from explorer.models import MODELS
    from explorer.models.backbones import BACKBONES
    from explorer.models.vqvae import QUANTIZERS

    yield PLAIN
    for quantizer in QUANTIZERS:
        if quantizer != "ema":
            yield "vqvae", {"quantizer": quantizer}
    for loss in ("l1", "ms_ssim", "mse+0.1*adversarial"):
        yield "vqvae", {"loss": loss}
    for family, entry in MODELS.items():
        fields = {field.name for field in dataclasses.fields(entry.config)}
        for backbone in BACKBONES if "backbone" in fields else (None,):
            settings = {"backbone": backbone} if backbone else {}
            if (family, settings) != ("vqvae", {"backbone": "conv"}):
                yield family, settings


def steps(family: str, settings: dict[str, Any], size: int, batch: int, warmup: int = 3) -> Callable[[int], float]:
    """A network that is warm: what is returned trains it for so many steps and gives images per second."""
    import torch

    from explorer.models import build
    from explorer.training.meters import Meter
    from explorer.training.objectives import Objective

    torch.manual_seed(0)
    model = build(family, settings, size).to(memory_format=torch.channels_last).train()
    loss = getattr(model.config, "loss", None)
    objective = Objective(loss, size) if loss else None
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3, fused=True)
    meter = Meter(model, torch.device("cpu"))
    batches = [torch.rand(batch, 3, size, size).to(memory_format=torch.channels_last) for _ in range(4)]

    def train(count: int) -> float:
        started = time.perf_counter()
        for step in range(count):
            for part in (model, objective):
                if hasattr(part, "anneal"):
                    part.anneal(1.0)
            losses = model(batches[step % len(batches)], **({"objective": objective} if objective else {}))
            losses["loss"].backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            meter.add({**losses, **(objective.learn() if objective else {})})
        return count * batch / (time.perf_counter() - started)

    train(1)  # k-means initialisation, imports
    if hasattr(model, "started"):
        model.started()
    train(warmup)
    return train


def compare(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Images per second of each contender and its ratio to the plain VQ-VAE that took turns with it."""
    from explorer.models import MODELS

    plain, rows = None, []
    for family, chosen in contenders():
        fields = {field.name for field in dataclasses.fields(MODELS[family].config)}
        settings = {**({"hidden": arguments.hidden} if "hidden" in fields else {}), **chosen}
        train = steps(family, settings, arguments.size, arguments.batch)
        plain = plain or train
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            theirs.append(plain(arguments.steps))
            ours.append(train(arguments.steps))
        pairs = [one / other for one, other in zip(ours, theirs, strict=True)]
        rows.append(
            {
                "family": family,
                "settings": chosen,
                "images_per_second": round(max(ours), 1),
                "plain_images_per_second": round(max(theirs), 1),
                "ratio": round(max(ours) / max(theirs), 3),
                "ratio_of_turns": [round(min(pairs), 3), round(statistics.median(pairs), 3), round(max(pairs), 3)],
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=12, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels")
    parser.add_argument("--hidden", type=int, default=64, help="width of the networks")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    here = machine()
    rows = compare(arguments)
    result = {"machine": here, **{k: v for k, v in vars(arguments).items() if k != "json"}, "contenders": rows}
    lines = [
        f"{arguments.size} × {arguments.size} RGB, batch {arguments.batch}, hidden {arguments.hidden}, float32, eager; "
        f"{arguments.rounds} turns of {arguments.steps} steps each, in turns with the plain VQ-VAE",
        f"{'family':<8} {'differs in':<36} {'images/s':>9} {'to plain':>9}   slowest to fastest turn",
    ]
    for row in rows:
        differs = " ".join(f"{key}={value}" for key, value in row["settings"].items()) or "-"
        low, _, high = row["ratio_of_turns"]
        lines.append(
            f"{row['family']:<8} {differs:<36} {row['images_per_second']:>9,.0f} {row['ratio']:>8.2f}×"
            f"   {low:.2f} to {high:.2f}"
        )
    report(result, lines, arguments.json)


if __name__ == "__main__":
    main()
