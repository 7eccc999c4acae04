"""Whether a codebook goes to waste while it is trained, and what to try instead: known from the log of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SETTLED = 200  # steps, the warm-up of the learning rate: before them few codes are in use in every run
LINES = 3  # of the log in a row, so that one odd batch is no alarm
IDLE = 1 / 8  # of the codes that could have occurred: runs below it lose 2 dB (REPRODUCTIONS.md, quantizers)


@dataclass(frozen=True)
class Collapse:
    """A codebook of `codes` of which `used` occurred in the last `steps` steps, with that perplexity."""

    layer: str
    codes: int
    used: int
    perplexity: float
    steps: int


def find(lines: Sequence[Mapping[str, Any]], sizes: Mapping[str, int], latents: Mapping[str, int]) -> list[Collapse]:
    """The codebooks that the last lines of a log all show as collapsed.

    Args:
        lines: of `metrics.jsonl`, oldest first.
        sizes: {layer: codes}.
        latents: {layer: latents that a step brings}; fewer latents than codes cannot use them all.
    """
    if len(lines) <= LINES or lines[-LINES]["step"] < SETTLED:
        return []
    found = [_state(lines, layer, codes, latents.get(layer, codes), len(sizes)) for layer, codes in sizes.items()]
    return [one for one in found if one is not None]


def _state(lines: Sequence, layer: str, codes: int, latents: int, layers: int) -> Collapse | None:
    suffix = "" if layers == 1 else f".{layer}"
    for before, line in zip(lines[-LINES - 1 : -1], lines[-LINES:], strict=True):
        used, perplexity = line.get(f"used{suffix}"), line.get(f"perplexity{suffix}")
        if used is None or perplexity is None:
            return None
        steps = line["step"] - before["step"]
        alone = perplexity < min(2.0, 1 + 0.1 * (codes - 1))  # what ends a training when it lasts
        if not alone and used >= IDLE * min(codes, latents * steps):
            return None
    return Collapse(layer, codes, int(used), float(perplexity), steps)


def advice(settings: Mapping[str, Any], learning_rate: float | None) -> list[str]:
    """What to change for the next run, the most likely remedy first, in Markdown."""
    quantizer, below = settings.get("quantizer"), settings.get("revive_below", 0.0)
    if quantizer in ("fsq", "lfq"):
        tips = ["a smaller **Codebook size**", "the **Quantizer** `ema`, whose codes follow the latents"]
    elif quantizer in ("vq", "simvq", "gumbel"):
        tips = ["the **Quantizer** `ema` or `rotation`, which revive dead codes", "a smaller **Codebook size**"]
    elif below:
        tips = [f"**Revive codes used less than** above {below:g}", "a smaller **Codebook size**"]
    else:
        tips = ["**Revive codes used less than** 0.5, for it is switched off", "a smaller **Codebook size**"]
    return [*tips, f"a **Learning rate** below {learning_rate:g}"] if learning_rate else tips
