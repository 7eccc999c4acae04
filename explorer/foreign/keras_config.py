"""What Keras says of a model as a list of layers, models inside models laid open; nothing of it is built."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from explorer.errors import BadInput
from explorer.foreign import kinds
from explorer.foreign.keras_layers import KINDS

MODELS = ("Functional", "Model", "Sequential")
QUANTIZER = re.compile(r"quanti[sz]|codebook|^vq", re.IGNORECASE)
DEEPEST = 8  # models inside models


@dataclass(frozen=True)
class Step:
    """One layer: its name, its class in Keras, where its arrays lie, and whose outputs it takes.

    Attributes:
        path: name and number of the models that it lies in, and its own at the end.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    place: str
    inputs: tuple[str, ...]
    path: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Model:
    """A model out of its files: layers in order, the side of its images where it is known, and their channels.

    Attributes:
        read: arrays by the place of their layer, `vars` and their number; without `data` only their shapes.
        notes: what a user should know of them.
    """

    name: str
    files: tuple[Path, ...]
    steps: tuple[Step, ...]
    side: int | None
    channels: int
    read: Callable[[bool], dict[str, Tensor]]
    notes: tuple[str, ...] = ()


class Spot(NamedTuple):
    """Where a model lies: the place of its arrays, and its path as that of a `Step`."""

    place: str
    path: tuple[tuple[str, int], ...]


def steps_of(config: Mapping[str, Any], name: str) -> tuple[list[Step], int | None, int]:
    """Layers of a file in order, models inside models laid open; the side of its images and their channels.

    Args:
        config: what the file says of its model. name: of the file.
    """
    try:
        if config.get("class_name") not in MODELS or not isinstance(config["config"].get("layers"), list):
            raise BadInput(
                f"{name} is a {config.get('class_name')}, whose layers lie in code that is not in the file; save "
                f"the Functional model inside it, such as trainer.vqvae, instead"
            )
        steps, shapes = [], []
        end = _lay_open(config, Spot(name, ()), str(config["config"].get("name")), "", steps, shapes)
        if not steps or end != steps[-1].name:
            raise BadInput(f"{name} does not end with its last layer, which is not supported")
        side, width, channels = shapes[0][1:] if shapes else (None, None, None)
        if side != width or type(channels) is not int or not (side is None or type(side) is int):
            raise BadInput(f"{name} takes {side} × {width} × {channels}; square images of known channels can be shown")
        return steps, side, channels
    except BadInput:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise BadInput(f"the config of {name} cannot be understood: {why}; {kinds.AGAIN}") from None


def _lay_open(model: Mapping[str, Any], spot: Spot, name: str, source: str, steps: list[Step], shapes: list) -> str:
    """Appends the layers of a model whose input is `source`; gives the name of its last output."""
    if name.count("/") > DEEPEST:
        raise ValueError("models are nested too deeply")
    chain, outputs, seen, entered = model["class_name"] == "Sequential", {}, Counter(), 0
    for index, layer in enumerate(model["config"]["layers"]):
        kind, config = str(layer["class_name"]), layer["config"]
        if not isinstance(config, dict):
            raise ValueError(f"the config of a {kind}")
        own = str(layer.get("name") or config["name"])
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", re.sub(r"\W", "", kind)).lower()
        number = index - entered * chain  # a Sequential does not count where images come in
        there = Spot(
            f"{spot.place}/layers/{snake}" + (f"_{seen[snake]}" if seen[snake] else ""), (*spot.path, (own, number))
        )
        seen[snake] += 1
        if kind == "InputLayer":
            entered += 1
            shapes.append(config.get("batch_shape") or config["batch_input_shape"])
            outputs[own] = source
            continue
        taken = (source,) if chain else tuple(outputs[one] for one in _sources(layer, own))
        full = f"{name}/{own}".replace(".", "_")
        if kind in MODELS:
            if len(taken) != 1:
                raise BadInput(f"{full} takes {len(taken)} inputs, and models of one are supported")
            source = outputs[own] = _lay_open(layer, there, full, taken[0], steps, shapes)
        else:
            steps.append(Step(full, kind, config, there.place, taken, there.path))
            source = outputs[own] = full
    if not chain:
        last = model["config"]["output_layers"]
        ends = last if isinstance(last[0], list) else [last]
        if len(ends) != 1 or entered != 1:
            raise BadInput(f"{name} has {entered} inputs and {len(ends)} outputs, and models of one each are supported")
        source = outputs[ends[0][0]]
    return source


def _sources(layer: Mapping[str, Any], name: str) -> list[str]:
    """Names of the layers that one takes the outputs of, as Keras 2 and 3 write them."""
    calls = layer["inbound_nodes"]
    if len(calls) != 1:
        raise BadInput(f"layer {name} is used {len(calls)} times, which is not supported; only layers used once are")
    found, left = [], [calls[0]["args"] if isinstance(calls[0], dict) else calls[0]]
    while left:
        one = left.pop(0)
        if isinstance(one, dict) and one.get("class_name") == "__keras_tensor__":
            found.append(str(one["config"]["keras_history"][0]))
        elif isinstance(one, list) and len(one) == 4 and isinstance(one[0], str):
            found.append(one[0])
        elif isinstance(one, list):
            left = one + left
    if not found:
        raise ValueError(f"layer {name} takes nothing")
    return found


def is_quantizer(step: Step) -> bool:
    """Whether a layer that is not Keras' own looks up codes, by its names."""
    return step.kind not in (*KINDS, "Lambda") and bool(
        QUANTIZER.search(step.kind) or QUANTIZER.search(step.name.rpartition("/")[2])
    )


def refuse(steps: Sequence[Step], what: str) -> None:
    """Raises BadInput that names the first layer that is not known here."""
    for step in steps:
        if step.kind == "Lambda":
            raise BadInput(
                f"{what} has a Lambda layer ({step.name}), which holds code that is not run; use layers of Keras"
            )
        if step.kind not in KINDS:
            raise BadInput(
                f"{what} has a layer of class {step.kind} ({step.name}), which is not supported; choose from "
                f"{', '.join(KINDS)}"
            )
