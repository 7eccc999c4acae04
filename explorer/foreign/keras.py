"""VQ-VAEs of Keras and TensorFlow.js as in Keras' example "Vector-Quantized Variational Autoencoders".

One model with a quantizer between its layers, or a folder with an encoder, a decoder and the embeddings. The layers
are made anew in torch from what is said of them; Keras is not needed, and code in a file is not run.
Source: https://keras.io/examples/generative/vq_vae
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign import hdf5, keras2, keras_example, kinds, reading, tensorflow_js
from explorer.foreign.adapters import Adapter, Pixels
from explorer.foreign.keras_config import Model, Step, is_quantizer, refuse, steps_of
from explorer.foreign.keras_layers import KINDS, Graph, number, variables
from explorer.foreign.recognition import LARGEST, SMALLEST, Found, Place
from explorer.foreign.tensor_bundle import index_of

TITLE = "Keras VQ-VAE"
SIZE = 28  # pixels, where the file does not say
HALVES = ("encoder", "decoder")
EMBEDDINGS = (".npy", ".txt", ".h5", ".keras")
LARGEST_TEXT = 64 * 1024 * 1024
MOST_NUMBERS = 2**28  # numbers in what one layer gives for one image
BYTES = 50  # a scale of less than 1/50 is meant for values up to 255


class Network(nn.Module):
    """Encoder, codebook (K, D), decoder."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, codes: int, dim: int) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.codebook = nn.Parameter(torch.empty(codes, dim))


class Keras(Adapter):
    """One grid of codes; images go in with `pixels` and come out with `shown`."""

    shown: Pixels

    @property
    def vectors(self) -> Tensor:
        return self.network.codebook

    def latents(self, images: Tensor) -> Tensor:
        return self.network.encoder(images)

    def image(self, latents: Tensor) -> Tensor:
        made, into, shown = self.network.decoder(latents), self.pixels, self.shown
        return (made * shown.deviation + shown.mean - into.mean) / into.deviation


@dataclass(frozen=True)
class Parts:
    """What is found: the layers on both sides of the codes, the files, and the embeddings in them.

    Attributes:
        table: the name of the embeddings' array.
        shape: of the table, (D, K) or (K, D).
        beside: where everything lies that is not used but for the table.
        side: of the images in pixels, None where any will do.
    """

    encoder: tuple[Step, ...]
    decoder: tuple[Step, ...]
    files: tuple[Path, ...]
    table: str
    shape: tuple[int, ...]
    beside: str
    side: int | None
    channels: int
    read: Callable[[bool], dict[str, Tensor]]
    notes: tuple[str, ...] = ()


def recognise(place: Place) -> Found | None:
    """A model in one file or folder, or a folder with the two halves and the embeddings."""
    if place.path.is_dir() and (halves := [half for half in map(partial(_half, place.path), HALVES) if half]):
        if len(halves) != len(HALVES):
            return None
        parts = _folder(place.path, halves)
    elif model := _model(place.path, place.kind):
        parts = _single(model)
    else:
        return None
    name, size = place.path.name, place.size(parts.side or SIZE)
    if not SMALLEST <= size <= LARGEST:
        raise BadInput(f"{name} takes images of {size} pixels; those of {SMALLEST} to {LARGEST} can be shown")
    network = partial(_network, parts, size, name)
    try:
        into, shown = _pixels(parts)
    except ValueError as error:
        raise BadInput(f"a Rescaling of {name} cannot be used: {error}") from None
    layers = f"{into}" if into == shown else f"{into}, and {shown} come out"
    notes = (
        *parts.notes,
        f"Images go in with {layers}, as its layers and Keras' example have it; the file does not say.",
        "Of the quantizer's code only its table is used: the nearest code is the one at the least Euclidean distance.",
    )
    return Found(
        TITLE,
        "vqvae",
        parts.files,
        size,
        lambda: _adapter(parts, *network(), size),
        lambda tensors: _renamed(tensors, parts, network()[1].dim),
        notes,
        lambda files, *, data: parts.read(data),
    )


def _model(path: Path, kind: str | None) -> Model | None:
    """What Keras or TensorFlow.js saved as a file or folder, None of anything else."""
    if path.is_dir() or kind == kinds.TENSORFLOW:
        known = keras_example.of_bundle(path)
        if path.is_dir():
            known = tensorflow_js.model(path) or known or keras2.saved(path)
        if known is None and index_of(path) and not (path.is_dir() and any(map(kinds.is_weights, path.iterdir()))):
            raise BadInput(f"{path.name} is a checkpoint of TensorFlow, whose layers lie in code; {keras2.TO_KERAS}")
        return known
    if kind == kinds.HDF5:
        return keras_example.of_h5(path) or keras2.h5(path)
    if kind != kinds.KERAS:
        return None
    steps, side, channels = steps_of(hdf5.config(path), path.name)
    return Model(
        path.name, (path,), tuple(steps), side, channels, lambda data: _below(path, hdf5.read(path, data=data))
    )


def _half(folder: Path, name: str) -> Path | None:
    """The file or folder of an encoder or decoder inside a folder."""
    files = (folder / f"{name}{ending}" for ending in (".keras", ".h5", ".hdf5"))
    inside = (folder / name / mark for mark in (tensorflow_js.MARK, keras2.MARK))
    return next((file for file in files if file.is_file()), None) or next(
        (mark.parent for mark in inside if mark.is_file()), None
    )


def _single(model: Model) -> Parts:
    """One model: what lies before its quantizer, and what lies behind."""
    steps, name = model.steps, model.name
    cuts = [step for step in steps if is_quantizer(step)]
    refuse([step for step in steps if step not in cuts], name)
    apart = "make a folder of its halves instead: encoder.keras, decoder.keras and embeddings.npy"
    if len(cuts) != 1:
        raise BadInput(f"{name} has {len(cuts) or 'no'} layers that quantize, and one is needed; {apart}")
    at = steps.index(cuts[0])
    before, after = steps[:at], tuple(_rewired(step, {cuts[0].name: "", "": "the image"}) for step in steps[at + 1 :])
    if not before or not after or cuts[0].inputs != (before[-1].name,):
        raise BadInput(f"{name} has {cuts[0].name} not between an encoder and a decoder, which is needed; {apart}")
    table, shape = _table(model.read(False), f"{cuts[0].place}/", apart)
    return Parts(
        before, after, model.files, table, shape, cuts[0].place, model.side, model.channels, model.read, model.notes
    )


def _folder(folder: Path, halves: Sequence[Path]) -> Parts:
    """Two models, and the embeddings in a file beside them."""
    encoder, decoder = (_model(half, None if half.is_dir() else kinds.kind(half)) for half in halves)
    for model, half in ((encoder, halves[0]), (decoder, halves[1])):
        if model is None:
            raise BadInput(f"{half.name} of {folder.name} holds no model of Keras; {kinds.AGAIN}")
        refuse(model.steps, half.name)
    others = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in EMBEDDINGS and file.is_file() and file not in halves
    ]
    if len(others) != 1:
        named = f" ({', '.join(file.name for file in others[:3])})" if others else ""
        raise BadInput(
            f"{folder.name} has {len(others) or 'no'} files that could be the embeddings{named}, and one is needed; "
            "save them as embeddings.npy"
        )
    file = others[0]

    def read(data: bool) -> dict[str, Tensor]:
        return encoder.read(data) | decoder.read(data) | _embeddings(file, data)

    table, shape = _table(_embeddings(file, False), f"{file.name}/", "save the embeddings as embeddings.npy")
    files, steps = (*encoder.files, *decoder.files, file), (encoder.steps, decoder.steps)
    return Parts(*steps, files, table, shape, file.name, encoder.side, encoder.channels, read)


def _table(arrays: Mapping[str, Tensor], prefix: str, remedy: str) -> tuple[str, tuple[int, ...]]:
    """Name and shape of the only table below `prefix`."""
    found = {name: tuple(value.shape) for name, value in arrays.items() if name.startswith(prefix) and value.ndim == 2}
    if len(found) != 1:
        raise BadInput(
            f"{prefix.rstrip('/')} holds {len(found) or 'no'} tables of embeddings, and one is needed; {remedy}"
        )
    return next(iter(found.items()))


def _rewired(step: Step, names: Mapping[str, str]) -> Step:
    return replace(step, inputs=tuple(names.get(one, one) for one in step.inputs))


def _network(parts: Parts, size: int, what: str) -> tuple[Network, Layer]:
    """The network, and its grid: found by sending an image without data through it."""
    with torch.device("meta"):
        encoder, code = _graph(parts.encoder, torch.empty(1, parts.channels, size, size), what)
        dim, height, width = code.shape[1:]
        decoder, image = _graph(parts.decoder, code, what)
        if height != width or image.shape[1:] != (parts.channels, size, size) or parts.channels not in (1, 3):
            made = " × ".join(map(str, image.shape[2:]))
            raise BadInput(
                f"{what} makes {made} pixels of {image.shape[1]} channels out of {size} × "
                f"{size} of {parts.channels}; images must be square, grey or RGB, and come out as they go in"
            )
        if dim not in parts.shape:
            raise BadInput(
                f"{what} has embeddings of {parts.shape[0]} × {parts.shape[1]}, but latents of {dim} numbers"
            )
        codes = parts.shape[1] if parts.shape[0] == dim else parts.shape[0]
        return Network(encoder, decoder, codes, dim), Layer("code", (height, width), dim)


def _graph(steps: Sequence[Step], x: Tensor, what: str) -> tuple[Graph, Tensor]:
    """The layers, made one after another, because each must know the channels that come in; and what comes of `x`."""
    layers, values = {}, {"": x}
    for step in steps:
        if step.name in layers:
            raise BadInput(f"{what} has two layers with the name {step.name}")
        if strange := [one for one in step.inputs if one not in values]:
            raise BadInput(f"{what} cannot be read: {step.name} takes {strange[0]}, which lies beyond the codes")
        given = [values[one] for one in step.inputs]
        try:
            layers[step.name] = KINDS[step.kind](given[0].shape[1], step.config)
            made = values[step.name] = layers[step.name](*given)
        except (RuntimeError, TypeError, ValueError, KeyError, IndexError, OverflowError, AttributeError) as error:
            why = (str(error).splitlines() or ["its config is damaged"])[0]
            raise BadInput(f"layer {step.name} of {what} cannot be made: {why}") from None
        if made.numel() > MOST_NUMBERS:
            raise BadInput(f"layer {step.name} of {what} would make {made.numel():,} numbers of one image")
    return Graph(layers, {step.name: step.inputs for step in steps}), values[steps[-1].name if steps else ""]


def _adapter(parts: Parts, network: Network, layer: Layer, size: int) -> Keras:
    into, shown = _pixels(parts)
    adapter = Keras(network, size, layer, into)
    adapter.shown = shown
    return adapter


def _pixels(parts: Parts) -> tuple[Pixels, Pixels]:
    """How images go in and come out: by the layers at both ends, else from -0.5 to 0.5 as in the example."""
    first, last = parts.encoder[0], parts.decoder[-1]
    into = shown = Pixels(0.5, 1.0, parts.channels)
    if first.kind == "Rescaling" and 0 < (scale := 255 * number(first.config, "scale", 1)) < 255 / BYTES:
        into, offset = Pixels(0.0, 1 / 255, parts.channels), number(first.config, "offset", 0)
        shown = Pixels(-offset / scale, 1 / scale, parts.channels)
    activation = last.config.get("activation")
    if last.kind == "Rescaling" and number(last.config, "scale", 1) > BYTES:
        shown = Pixels(0.0, 1 / 255, parts.channels)
    elif activation in ("sigmoid", "tanh"):
        shown = Pixels(0.0, 1.0, parts.channels) if activation == "sigmoid" else Pixels(0.5, 0.5, parts.channels)
        into = into if first.kind == "Rescaling" else shown
    return into, shown


def _renamed(tensors: dict[str, Tensor], parts: Parts, dim: int) -> dict[str, Tensor]:
    """Arrays by the names of `Network`, their axes in torch's order, the codebook as (K, D)."""
    names = {}
    for half, steps in (("encoder", parts.encoder), ("decoder", parts.decoder)):
        for step in steps:
            for index, name in enumerate(variables(step.kind, step.config)):
                names[f"{step.place}/vars/{index}"] = f"{half}.layers.{step.name}.{name}"
    found = {}
    for name, value in tensors.items():
        if name == parts.table:
            found["codebook"] = (value.T if parts.shape[0] == dim else value).contiguous()
        elif not name.startswith(f"{parts.beside}/"):
            value = value.permute(3, 2, 0, 1).contiguous() if value.ndim == 4 else value
            found[names.get(name, name)] = value
    return found


def _below(file: Path, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{file.name}/{name}": value for name, value in arrays.items()}


def _embeddings(file: Path, data: bool) -> dict[str, Tensor]:
    """All arrays of the file that stands beside two halves."""
    plain = file.suffix.lower() in (".npy", ".txt")
    return _below(file, _text_or_npy(file, data) if plain else hdf5.read(file, data=data))


def _text_or_npy(file: Path, data: bool) -> dict[str, Tensor]:
    reading.fits_in_memory(file.name, file.stat().st_size)
    try:
        if file.suffix.lower() == ".npy":
            table = np.load(file, mmap_mode="r", allow_pickle=False)  # a map cannot be larger than the file
        elif file.stat().st_size > LARGEST_TEXT:
            raise BadInput(f"{file.name} is larger than {LARGEST_TEXT:,} bytes; save the embeddings as embeddings.npy")
        else:
            table = np.loadtxt(file, dtype=np.float32, ndmin=2)
    except BadInput:
        raise
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{file.name} cannot be read as a table of numbers: {str(error).splitlines()[0]}") from None
    if table.dtype.kind not in "fiu":
        raise BadInput(f"{file.name} holds no numbers; save the embeddings as embeddings.npy")
    if not data:
        return {"table": torch.empty(table.shape, device="meta")}
    return {"table": torch.from_numpy(np.array(table, dtype=np.float32))}
