"""What a prior would be, and what it would take, before anything is read or allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.checkpoints import Checkpoint
from explorer.errors import BadInput
from explorer.options import configure
from explorer.priors import Level, build
from explorer.priors.heads import WHOLE
from explorer.training.priors import PriorTraining

COPIES = 5  # of each weight: itself, its gradient, two moments, and the best so far
SOFTMAX, FEATURES = 3, 48  # copies of each logit; and of each channel of a place in each block
FLOAT = 4


@dataclass(frozen=True)
class Plan:
    """What would be trained: `levels` coarse to fine, `parameters`, and about how many `bytes` of memory it takes."""

    levels: tuple[Level, ...]
    parameters: int
    bytes: int


def layers_of(facts: Checkpoint, layers: Sequence[str] = ()) -> tuple[str, ...]:
    """The layers that a prior is over: `layers`, else all with codes of their own, else the last one.

    Raises:
        BadInput: there is no such layer; lists those there are.
    """
    names = [layer["name"] for layer in facts.layers]
    for layer in layers:
        if layer not in names:
            raise BadInput(f"{facts.name} has no layer '{layer[:100]}'; choose from {', '.join(names)}")
    own = [layer["name"] for layer in facts.layers if layer.get("codes")]
    wanted = list(layers) or own or names[-1:]
    return tuple(name for name in names if name in wanted)


def plan(
    kind: str,
    facts: Checkpoint,
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    *,
    layers: Sequence[str] = (),
    kmeans: int,
    classes: int = 0,
) -> Plan:
    """What these settings make; nothing is allocated.

    Args:
        kmeans: codes of a layer without its own. classes: values of the condition.

    Raises:
        BadInput: unknown names, or settings that do not fit together.
    """
    import torch

    config: PriorTraining = configure(PriorTraining, dict(training))
    wanted = layers_of(facts, layers)
    levels = tuple(
        Level(one["name"], tuple(one["grid"]), one.get("codes") or kmeans)
        for one in facts.layers
        if one["name"] in wanted
    )
    with torch.device("meta"):
        prior = build(kind, settings, levels, classes)
    parameters = sum(weights.numel() for weights in prior.parameters())
    numbers = COPIES * parameters
    for level in levels:
        wide = level.codes if level.codes <= WHOLE else 2 * int(level.codes**0.5 + 1)
        numbers += config.batch_size * level.places * wide * SOFTMAX
        numbers += config.batch_size * level.places * prior.config.width * prior.config.blocks * FEATURES
    return Plan(levels, parameters, FLOAT * numbers)


def check_room(made: Plan, batch: int, device: str) -> None:
    """Raises BadInput where a plan takes more memory than is free where it would be trained."""
    free = _free(device)
    if made.bytes <= free:
        return
    places, codes = sum(one.places for one in made.levels), max(one.codes for one in made.levels)
    fixed = FLOAT * COPIES * made.parameters  # whatever the batch
    fits = int(batch * (free - fixed) / (made.bytes - fixed)) if free > fixed else 0
    smaller = f"take --set batch_size={fits}, a smaller width" if 1 <= fits < batch else "take a smaller width"
    raise BadInput(
        f"a prior over {places:,} places of {codes:,} codes takes about {_told(made.bytes)} of memory with batches of "
        f"{batch:,} images, and {_told(free)} are free: {smaller}, or a coarser layer"
    )


def _free(device: str) -> int:
    """Bytes of memory that are free on a device; asking a GPU takes a moment, and some of it."""
    import psutil
    import torch

    from explorer.jobs.devices import choose

    chosen = choose(device)
    if chosen.startswith("cuda"):
        return torch.cuda.mem_get_info(chosen)[0]
    return psutil.virtual_memory().available


def _told(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
