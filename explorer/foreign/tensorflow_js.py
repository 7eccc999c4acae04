"""Models of TensorFlow.js: a folder with `model.json` and the numbers in files beside it, quantized or not.

A layers model tells its layers as Keras does. A graph model tells operations, those of convolutional autoencoders are
read as the layers that they are; others are refused, and none is run.
Source: https://github.com/tensorflow/tfjs, tfjs-core/src/io
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.errors import BadInput
from explorer.foreign import reading
from explorer.foreign.keras_config import Model, Step, steps_of
from explorer.foreign.keras_layers import KINDS, variables

MARK = "model.json"
LARGEST, MOST = 64 * 1024 * 1024, 100_000
TYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint16": "<u2", "uint8": "|u1"}
ACTIVATIONS = {
    "Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "Elu": "elu", "Selu": "selu",
    "Softplus": "softplus",
}  # fmt: skip
NAMES = {"BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance")}
SHAPES = ("Shape", "StridedSlice", "Pack")  # say how large a transposed convolution is, which "same" does as well


def model(folder: Path) -> Model | None:
    """A folder with a `model.json` of TensorFlow.js; None of another.

    Raises:
        BadInput: files that are damaged or missing, or operations that are not known.
    """
    if not (folder / MARK).is_file():
        return None
    name, told = folder.name, _told(folder)
    if not isinstance(told, dict) or "modelTopology" not in told or "weightsManifest" not in told:
        return None
    arrays = _Arrays(folder, told["weightsManifest"])
    topology = told["modelTopology"]
    try:
        if told.get("format") == "graph-model" or "node" in topology:
            steps, side, channels = _graph_steps(topology["node"], name, arrays)
            read = partial(_of_graph, arrays, steps)
        else:
            steps, side, channels = steps_of(topology.get("model_config", topology), name)
            read = partial(_of_layers, arrays, steps)
    except BadInput:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise BadInput(f"{MARK} of {name} cannot be understood: {error or type(error).__name__}") from None
    return Model(name, (folder / MARK, *arrays.files), tuple(steps), side, channels, read)


def _told(folder: Path) -> Any:
    file = folder / MARK
    try:
        if file.stat().st_size > LARGEST:
            raise BadInput(f"{MARK} of {folder.name} is larger than {LARGEST:,} bytes")
        return json.loads(file.read_bytes())
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"{MARK} of {folder.name} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{MARK} of {folder.name} is damaged: it is no JSON; {reading.AGAIN}") from None


class _Arrays:
    """Where the arrays of a folder lie; raises BadInput if they claim more than its files hold."""

    def __init__(self, folder: Path, manifest: Any) -> None:
        self.name, self.files, self.places = folder.name, [], {}
        try:
            for group in manifest:
                files = [folder / str(path) for path in group["paths"]]
                if any(file.parent != folder for file in files):
                    raise BadInput(f"{MARK} of {self.name} names files outside its folder")
                if absent := [file.name for file in files if not file.is_file()]:
                    raise BadInput(f"{self.name} lacks {', '.join(absent[:3])}, which its {MARK} names")
                held, at = sum(file.stat().st_size for file in files), 0
                for entry in group["weights"]:
                    at = self._add(entry, files, at)
                if at != held:
                    raise BadInput(f"{self.name} is damaged: {held:,} bytes of weights, and {at:,} in its {MARK}")
                self.files += files
        except BadInput:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"the weightsManifest of {self.name} cannot be understood: {error}") from None

    def _add(self, entry: Mapping[str, Any], files: Sequence[Path], at: int) -> int:
        packed = entry.get("quantization") or {}
        kind, shape = packed.get("dtype", entry["dtype"]), tuple(entry["shape"])
        if kind not in TYPES:
            raise BadInput(f"{entry['name']} of {self.name} holds {kind}; choose from {', '.join(TYPES)}")
        if any(type(side) is not int or side < 0 for side in shape) or len(self.places) > MOST:
            raise ValueError(f"the shape of {entry['name']}")
        scale = (float(packed.get("scale", 1)), float(packed.get("min", 0))) if "scale" in packed else None
        self.places[str(entry["name"])] = (kind, shape, files, at, scale)
        return at + math.prod(shape) * np.dtype(TYPES[kind]).itemsize

    def tensor(self, name: str, data: bool) -> Tensor:
        """An array; quantized numbers are q · scale + min. Without `data` only its shape."""
        if name not in self.places:
            raise BadInput(f"{self.name} holds no weights of the name {name}")
        kind, shape, files, at, scale = self.places[name]
        if not data:
            return torch.empty(shape, device="meta")
        size = math.prod(shape) * np.dtype(TYPES[kind]).itemsize
        reading.fits_in_memory(self.name, 4 * math.prod(shape))
        held = b""
        for file in files:
            length = file.stat().st_size
            if at < length and len(held) < size:
                with file.open("rb") as opened:
                    opened.seek(at)
                    held += opened.read(size - len(held))
            at = max(at - length, 0)
        values = np.frombuffer(held, TYPES[kind]).astype(np.float32).reshape(shape)
        return torch.from_numpy(values * np.float32(scale[0]) + np.float32(scale[1]) if scale else values)


def _of_layers(arrays: _Arrays, steps: Sequence[Step], data: bool) -> dict[str, Tensor]:
    """Arrays of a layers model, `layer/kernel` or with the models around it before, by the places of their layers."""
    found, taken = {}, set()
    for step in steps:
        own, known = step.path[-1][0], NAMES.get(step.kind, ("kernel", "bias"))
        here = [one for one in arrays.places if f"/{one}".rpartition("/")[0].endswith(f"/{own}")]
        if step.kind in KINDS:
            wanted = {"weight": known[0], "bias": known[1], "mean": known[-2], "variance": known[-1]}
            names = [wanted[name] for name in variables(step.kind, step.config)]
        else:
            names = [one.rpartition("/")[2] for one in here]  # a quantizer has one table
        for index, name in enumerate(names):
            ends = [one for one in here if one.rpartition("/")[2] == name]
            if len(ends) > 1:
                raise BadInput(f"{arrays.name} has {len(ends)} layers of the name {own}; give each a name of its own")
            if ends:
                found[f"{step.place}/vars/{index}"] = arrays.tensor(ends[0], data)
                taken.add(ends[0])
    return found | {name: arrays.tensor(name, data) for name in arrays.places if name not in taken}


def _of_graph(arrays: _Arrays, steps: Sequence[Step], data: bool) -> dict[str, Tensor]:
    """Arrays of a graph model by the places of the layers that were read out of it; a bias has one side only."""
    found = {}
    for step in steps:
        names = [name for name in step.config.get("arrays", ()) if name]
        for index, name in enumerate(names):
            value = arrays.tensor(name, data)
            found[f"{step.place}/vars/{index}"] = value.flatten() if index else value
    return found


def _graph_steps(nodes: Sequence[Mapping[str, Any]], name: str, arrays: _Arrays) -> tuple[list[Step], int | None, int]:
    """Layers of a graph in order, its images' side and channels."""
    by_name = {str(node["name"]): node for node in nodes}
    inputs = [node for node in nodes if node["op"] == "Placeholder"]
    taken = {_bare(one) for node in nodes for one in node.get("input", ())}
    ends = [one for one in by_name if one not in taken and by_name[one]["op"] not in ("Const", "NoOp")]
    if len(inputs) != 1 or len(ends) != 1:
        raise BadInput(f"{name} has {len(inputs)} inputs and {len(ends)} outputs, and models of one each are supported")
    sides = [int(dim.get("size", -1)) for dim in inputs[0]["attr"]["shape"]["shape"]["dim"]]
    if len(sides) != 4 or sides[1] != sides[2]:
        raise BadInput(f"{name} takes arrays of {sides}; square images of known channels can be shown")
    steps: list[Step] = []
    for node in _chain(by_name, ends[0], name):
        _append(steps, node, by_name, arrays, name)
    return steps, sides[1] if sides[1] > 0 else None, sides[3]


def _bare(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]


def _chain(by_name: Mapping[str, Mapping[str, Any]], end: str, name: str) -> list[Mapping[str, Any]]:
    """The nodes from the image to the end, each of which takes the one before, and constants."""
    found, node = [], by_name[end]
    while node["op"] != "Placeholder":
        found.append(node)
        given = [by_name[_bare(one)] for one in node.get("input", ())]
        before = [one for one in given if one["op"] not in ("Const", *SHAPES)]
        if len(before) != 1 or len(found) > len(by_name):
            raise BadInput(f"{name} has an operation {node['op']} of {len(before)} inputs, and chains are supported")
        node = before[0]
    return found[::-1]


def _append(
    steps: list[Step], node: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]], arrays: _Arrays, name: str
) -> None:
    """One more layer, or what the last one does in addition."""
    op, attr = node["op"], node.get("attr", {})
    constants = [one for one in map(_bare, node.get("input", ())) if by_name[one]["op"] == "Const"]
    if op == "Identity":
        return
    if op in ("Conv2D", "_FusedConv2D", "Conv2DBackpropInput"):
        fused = [_text(one) for one in attr.get("fused_ops", {}).get("list", {}).get("s", [])]
        rest = [one for one in fused if one != "BiasAdd"]
        if len(rest) > 1 or any(one not in ACTIVATIONS for one in rest):
            raise BadInput(f"{name} has {' and '.join(fused)} in one operation, which is not supported")
        names = [one for one in constants if len(arrays.places.get(one, ("", ()))[1]) > 0][: 1 + ("BiasAdd" in fused)]
        steps.append(_convolution(steps, node, names, ACTIVATIONS[rest[0]] if rest else "linear", arrays))
    elif op in ("BiasAdd", "AddV2", "Add") and steps and len(constants) == 1:
        last = steps[-1]
        if last.config.get("use_bias") or last.config.get("activation") != "linear" or "arrays" not in last.config:
            raise BadInput(f"{name} adds {constants[0]} where no convolution ends, which is not supported")
        held = (*last.config["arrays"], constants[0])
        steps[-1] = Step(
            last.name, last.kind, {**last.config, "use_bias": True, "arrays": held}, last.place, last.inputs
        )
    elif op in ACTIVATIONS:
        steps.append(_step(steps, node, "Activation", {"activation": ACTIVATIONS[op]}, arrays))
    else:
        raise BadInput(
            f"{name} has an operation {op}, which is not supported; choose from Conv2D, {', '.join(ACTIVATIONS)}"
        )


def _convolution(
    steps: Sequence[Step], node: Mapping[str, Any], names: Sequence[str], activation: str, arrays: _Arrays
) -> Step:
    attr, up = node["attr"], node["op"] == "Conv2DBackpropInput"
    height, width, into, out = arrays.places[names[0]][1]
    if _text(attr["data_format"]["s"]) != "NHWC":
        raise ValueError("images of another order")
    config = {
        "filters": into if up else out,
        "kernel_size": [height, width],
        "strides": [int(one) for one in attr["strides"]["list"]["i"]][1:3],
        "dilation_rate": [int(one) for one in attr.get("dilations", {}).get("list", {}).get("i", [1, 1, 1, 1])][1:3],
        "padding": _text(attr["padding"]["s"]).lower(),
        "use_bias": len(names) > 1,
        "activation": activation,
        "arrays": tuple(names),
    }
    return _step(steps, node, "Conv2DTranspose" if up else "Conv2D", config, arrays)


def _step(
    steps: Sequence[Step], node: Mapping[str, Any], kind: str, config: Mapping[str, Any], arrays: _Arrays
) -> Step:
    full = f"{arrays.name}/{node['name']}".replace(".", "_")
    return Step(full, kind, config, full, (steps[-1].name if steps else "",))


def _text(encoded: str) -> str:
    """A text of a graph, which is written in base64."""
    return base64.b64decode(encoded).decode()
