"""What Keras 2 saves: `.h5` files, and SavedModel folders with `keras_metadata.pb`; nothing of a graph is run.

Of a folder the layers are those that `keras_metadata.pb` tells, and the numbers lie in a tensor bundle, whose graph of
objects says which are whose. Where the model that was saved holds the autoencoder in code of its own, as the trainer
of Keras' example does, the model inside it that quantizes is taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from explorer.errors import BadInput
from explorer.foreign import hdf5, protobuf
from explorer.foreign.keras_config import Model, Step, is_quantizer, steps_of
from explorer.foreign.keras_layers import KINDS, variables
from explorer.foreign.tensor_bundle import VALUE, Bundle, Object

MARK, METADATA, INDEX = "saved_model.pb", "keras_metadata.pb", "variables/variables.index"
LARGEST = 64 * 1024 * 1024
NETWORKS = ("_tf_keras_network", "_tf_keras_sequential", "_tf_keras_model")
NAMES = {  # of arrays in Keras, by the class of their layer and the name here
    "BatchNormalization": {"weight": "gamma", "bias": "beta", "mean": "moving_mean", "variance": "moving_variance"},
}
KERNEL = {"weight": "kernel", "bias": "bias"}
TO_KERAS = "load it in Keras 2 and save it with `model.save('model.keras')`"


def h5(path: Path) -> Model | None:
    """An `.h5` file with a whole model; None of HDF5 that is not from Keras.

    Raises:
        BadInput: a file that is damaged, or holds weights without the layers they are of.
    """
    config, weights_only = hdf5.legacy(path)
    if config is None and not weights_only:
        return None
    if config is None:
        raise BadInput(f"{path.name} holds weights without the layers that they are of; {TO_KERAS}")
    steps, side, channels = steps_of(config, path.name)
    return Model(path.name, (path,), tuple(steps), side, channels, partial(_of_h5, path, steps))


def saved(folder: Path) -> Model | None:
    """A SavedModel folder that Keras 2 wrote; None of a folder that is none.

    Raises:
        BadInput: files that are damaged, or a folder that tells no layers.
    """
    if not (folder / MARK).is_file():
        return None
    name = folder.name
    if not (folder / METADATA).is_file():
        raise BadInput(f"{name} is a SavedModel that holds a program and not the layers ({METADATA}); {TO_KERAS}")
    if not (folder / INDEX).is_file():
        raise BadInput(f"{name} has no {INDEX}; copy the whole folder, with what is in variables")
    path, config = _network(_models(folder / METADATA, name), name)
    steps, side, channels = steps_of(config, name)
    bundle = Bundle(folder / INDEX)
    files = (folder / METADATA, folder / INDEX, *bundle.files)
    return Model(name, files, tuple(steps), side, channels, partial(_of_bundle, bundle, path, steps))


def _models(file: Path, name: str) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """Path from the root, and config, of all models that the metadata tells of."""
    try:
        if file.stat().st_size > LARGEST:
            raise BadInput(f"{METADATA} of {name} is larger than {LARGEST:,} bytes")
        found = []
        for node in map(protobuf.fields, protobuf.fields(file.read_bytes()).get(1, [])):
            if node.get(4, [b""])[-1].decode() in NETWORKS:
                told = json.loads(node.get(5, [b"{}"])[-1], object_hook=_plain)
                config = {"class_name": told.get("class_name"), "config": told.get("config")}
                config = config if isinstance(config["config"], dict) else told.get("model_config", config)
                found.append((tuple(node.get(3, [b"root"])[-1].decode().split(".")[1:]), config))
        return found
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"{METADATA} of {name} cannot be read: {error.strerror or error}") from None
    except (ValueError, IndexError, TypeError, AttributeError, KeyError, RecursionError):
        raise BadInput(f"{METADATA} of {name} is damaged; {TO_KERAS}") from None


def _plain(found: dict[str, Any]) -> Any:
    """A value of JSON, tuples as lists."""
    return found["items"] if found.get("class_name") == "__tuple__" and "items" in found else found


def _network(
    models: Sequence[tuple[tuple[str, ...], dict[str, Any]]], name: str
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The model to take: the outermost with layers, one with a quantizer before others."""
    whole = [
        (path, config)
        for path, config in models
        if isinstance(config.get("config"), dict) and isinstance(config["config"].get("layers"), list)
    ]
    if not whole:
        raise BadInput(f"{name} tells of no model whose layers are known, only of code; {TO_KERAS}")
    for path, config in whole:
        try:
            steps = steps_of(config, name)[0]
        except BadInput:
            continue
        if any(is_quantizer(step) for step in steps):
            return path, config
    return whole[0]


def _of_h5(path: Path, steps: Sequence[Step], data: bool) -> dict[str, Tensor]:
    """Arrays of an `.h5` file by the places of their layers."""
    arrays = {name: value for name, value in hdf5.read(path, data=data).items() if name.startswith("model_weights/")}
    found: dict[str, Tensor] = {}
    for step in steps:
        top, own = step.path[0][0], step.path[-1][0]
        here = {
            name: value
            for name, value in arrays.items()
            if (parts := name.split("/"))[1] == top and own in (parts[-2], *parts[1:2])
        }
        found |= _numbered(
            step, {name.rpartition("/")[2].partition(":")[0]: (name, here[name]) for name in here}, arrays
        )
    return found | arrays  # what no layer took


def _of_bundle(bundle: Bundle, path: Sequence[str], steps: Sequence[Step], data: bool) -> dict[str, Tensor]:
    """Arrays of a tensor bundle by the places of their layers."""
    objects = bundle.objects()
    if not objects:
        raise BadInput(f"{bundle.name} does not say whose its numbers are; {TO_KERAS}")
    root, found = _follow(objects, objects[0], path, bundle.name), {}
    for step in steps:
        layer = _follow(objects, root, [f"layer-{index}" for _, index in step.path], bundle.name)
        own = {
            name: objects[child].values[VALUE]
            for name, child in layer.children.items()
            if VALUE in objects[child].values
        }
        held = {name: (name, bundle.tensor(key, data=data)) for name, key in own.items()}
        found |= _numbered(step, held, {})
    return found


def _follow(objects: Sequence[Object], start: Object, path: Sequence[str], name: str) -> Object:
    for one in path:
        if one not in start.children:
            raise BadInput(f"{name} has no numbers of {'.'.join(path)}, of which the metadata tell; {TO_KERAS}")
        start = objects[start.children[one]]
    return start


def _numbered(step: Step, held: Mapping[str, tuple[str, Tensor]], left: dict[str, Tensor]) -> dict[str, Tensor]:
    """Arrays of a layer, by its place and their numbers as in Keras 3; takes them out of `left`."""
    if step.kind not in KINDS:  # a quantizer has one table
        names = list(held)
    else:
        known = NAMES.get(step.kind, KERNEL)
        names = [known[name] for name in variables(step.kind, step.config)]
    found = {}
    for index, name in enumerate(names):
        if name in held:
            found[f"{step.place}/vars/{index}"] = held[name][1]
            left.pop(held[name][0], None)
    return found
