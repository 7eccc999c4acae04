"""Weights without their layers that have the shapes of Keras' example: its layers are taken, and that is told.

`save_weights`, as `.weights.h5`, `.h5` or checkpoint of TensorFlow, and SavedModel folders without metadata keep
numbers alone. What they are of can only be said of a network that is known: two convolutions that halve and one to the
codes; two transposed ones that double, and one to the image, with ReLUs between them.
Source: https://keras.io/examples/generative/vq_vae
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from torch import Tensor

from explorer.foreign import hdf5
from explorer.foreign.keras_config import Model, Step
from explorer.foreign.tensor_bundle import VALUE, Bundle, Object, index_of

METADATA = "keras_metadata.pb"  # tells the layers of a SavedModel
KERNELS = ((3, 3, 1), (3, 3, 3))  # sides of the encoder's and decoder's kernels
STRIDES, ACTIVATIONS = (2, 2, 1), ("relu", "relu", "linear")
NOTE = "The file holds weights without layers; they are taken for those of Keras' example, whose shapes they have."
Pair = tuple[str, str]  # names of a kernel and a bias


def of_bundle(path: Path) -> Model | None:
    """The model in a checkpoint of TensorFlow, a file or folder; None of other networks, and where layers are told."""
    index = None if (path / METADATA).exists() else index_of(path)
    if index is None:
        return None
    bundle = Bundle(index)
    objects = bundle.objects()
    unique = {keys[2]: keys for keys in (_of_object(objects, one) for one in objects) if keys}
    if len(unique) != 1:
        return None
    return _model(path.name, (index, *bundle.files), next(iter(unique.values())), bundle.tensor)


def _of_object(objects: Sequence[Object], one: Object) -> tuple[tuple[Pair, ...], tuple[Pair, ...], str] | None:
    """Names of the arrays of encoder, decoder and table below an object that is a model of three layers."""

    def below(owner: Object, *path: str) -> Object | None:
        for name in path:
            if name not in owner.children:
                return None
            owner = objects[owner.children[name]]
        return owner

    def key(*path: str) -> str:
        there = below(one, *path)
        return there.values.get(VALUE, "") if there else ""

    table = key("layer-2", "embeddings")
    if not table or below(one, "layer-4"):
        return None
    pairs = [
        tuple((key(half, f"layer-{i}", "kernel"), key(half, f"layer-{i}", "bias")) for i in (1, 2, 3))
        for half in ("layer-1", "layer-3")
    ]
    return (*pairs, table) if all(all(pair) for half in pairs for pair in half) else None


def of_h5(path: Path) -> Model | None:
    """The model in an `.h5` file of weights alone, in the layout of Keras 2 or 3; None of other networks."""
    if hdf5.legacy(path) != (None, True):
        return None
    shapes = hdf5.read(path, data=False)
    halves: tuple[list[Pair], list[Pair]] = ([], [])
    for name in sorted(shapes, key=_natural):
        bias = re.sub(r"(vars/)0$|kernel(:0)?$", lambda m: f"{m[1]}1" if m[1] else f"bias{m[2] or ''}", name)
        if shapes[name].ndim == 4 and bias in shapes:
            halves["conv2d_transpose" in name].append((name, bias))
    tables = [name for name, value in shapes.items() if value.ndim == 2]
    if len(tables) != 1 or any(len(half) != len(STRIDES) for half in halves):
        return None

    def tensor(key: str, *, data: bool) -> Tensor:
        return (hdf5.read(path, data=True) if data else shapes)[key]

    return _model(path.name, (path,), (tuple(halves[0]), tuple(halves[1]), tables[0]), tensor)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts `conv2d_9` before `conv2d_10`, and `conv2d` first."""
    return [(int(one), "") if one.isdigit() else (-1, one) for one in re.split(r"(\d+)", name)]


def _model(
    name: str,
    files: tuple[Path, ...],
    keys: tuple[tuple[Pair, ...], tuple[Pair, ...], str],
    tensor: Callable[..., Tensor],
) -> Model | None:
    """The example's layers with the sizes of its arrays, None where these are of another network."""
    shapes = [[tuple(tensor(kernel, data=False).shape) for kernel, _ in half] for half in keys[:2]]
    if any(len(shape) != 4 for half in shapes for shape in half):
        return None
    sides = tuple(tuple(shape[0] if shape[0] == shape[1] else 0 for shape in half) for half in shapes)
    channels, made = shapes[0][0][2], shapes[1][-1][2]
    if sides != KERNELS or channels != made:
        return None
    steps, arrays, source = [], {}, ""
    for index, (half, kind) in enumerate((("encoder", "Conv2D"), ("decoder", "Conv2DTranspose"))):
        for i, (pair, shape) in enumerate(zip(keys[index], shapes[index], strict=True)):
            config = {
                "filters": shape[2 if index else 3], "kernel_size": list(shape[:2]), "strides": [STRIDES[i]] * 2,
                "padding": "same", "activation": ACTIVATIONS[i],
            }  # fmt: skip
            step = Step(f"{half}/{i}", kind, config, f"{name}/{half}/{i}", (source,))
            arrays |= {f"{step.place}/vars/{number}": key for number, key in enumerate(pair)}
            steps.append(step)
            source = step.name
        if not index:
            table = Step("vector_quantizer", "VectorQuantizer", {}, f"{name}/vector_quantizer", (source,))
            arrays[f"{table.place}/vars/0"] = keys[2]
            steps.append(table)
            source = table.name
    return Model(name, files, tuple(steps), None, channels, partial(_read, arrays, tensor), (NOTE,))


def _read(arrays: Mapping[str, str], tensor: Callable[..., Tensor], data: bool) -> dict[str, Tensor]:
    return {place: tensor(key, data=data) for place, key in arrays.items()}
