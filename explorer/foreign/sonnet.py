"""The VQ-VAE of Sonnet's example, out of checkpoints of TensorFlow: `tf.train.Checkpoint(module=model)`, or SavedModel.

The modules are found by their names in the example, wherever in a checkpoint they lie; sizes are read from the arrays,
and the layers made anew in torch. The codebook is (D, K) there, a code a column.
Source: https://github.com/google-deepmind/sonnet, examples/vqvae_example.ipynb
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign.adapters import Adapter, Pixels, square
from explorer.foreign.keras_layers import Convolve, Spread
from explorer.foreign.recognition import Found, Place
from explorer.foreign.tensor_bundle import VALUE, Bundle, Object, index_of

TITLE = "Sonnet VQ-VAE"
PARTS = {"_encoder", "_decoder", "_vqvae", "_pre_vq_conv1"}
SIZE, FACTOR, MOST = 32, 4, 64  # pixels of its CIFAR-10, pixels per cell, residual layers
TABLE = "_vqvae/embeddings"
KERAS = "keras_metadata.pb"  # of folders that Keras wrote


class Block(nn.Module):
    """x + f(x), beginning with a ReLU."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList([first, second])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers[1](torch.relu(self.layers[0](torch.relu(x))))


class Network(nn.Module):
    """By the names of the example; shapes are those of its arrays, kernels (h, w, in, out)."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__()

        def layer(name: str, stride: int, activation: str = "linear", kind: type[nn.Module] = Convolve) -> nn.Module:
            height, width, into, out = shapes[f"{name}/w"]
            if kind is Spread:
                into, out = out, into
            config: dict[str, Any] = {
                "filters": out, "kernel_size": [height, width], "strides": stride, "padding": "same",
                "activation": activation,
            }  # fmt: skip
            return kind(into, config)

        def stack(half: str) -> list[nn.Module]:
            at = f"{half}/_residual_stack/_layers"
            count = next(i for i in range(MOST + 1) if f"{at}/{i}/0/w" not in shapes)
            return [*(Block(layer(f"{at}/{i}/0", 1), layer(f"{at}/{i}/1", 1)) for i in range(count)), nn.ReLU()]

        self.encoder = nn.Sequential(
            layer("_encoder/_enc_1", 2, "relu"), layer("_encoder/_enc_2", 2, "relu"),
            layer("_encoder/_enc_3", 1, "relu"), *stack("_encoder"), layer("_pre_vq_conv1", 1),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            layer("_decoder/_dec_1", 1), *stack("_decoder"), layer("_decoder/_dec_2", 2, "relu", Spread),
            layer("_decoder/_dec_3", 2, kind=Spread),
        )  # fmt: skip
        dim, codes = shapes[TABLE]
        self.codebook = nn.Parameter(torch.empty(codes, dim))


class VQVAE(Adapter):
    """One grid of codes."""

    @property
    def vectors(self) -> Tensor:
        return self.network.codebook

    def latents(self, images: Tensor) -> Tensor:
        return self.network.encoder(images)

    def image(self, latents: Tensor) -> Tensor:
        return self.network.decoder(latents)


def recognise(place: Place) -> Found | None:
    """A checkpoint that holds the modules of the example."""
    index = None if (place.path / KERAS).exists() else index_of(place.path)
    if index is None:
        return None
    bundle = Bundle(index)
    keys = _keys(bundle.objects())
    if not keys:
        return None
    name, shapes = (
        place.path.name,
        {one: bundle.entries[key].shape for one, key in keys.items() if key in bundle.entries},
    )
    try:
        channels, dim = shapes["_encoder/_enc_1/w"][2], shapes[TABLE][0]
    except (KeyError, IndexError):
        raise BadInput(f"{name} has modules of Sonnet's VQ-VAE without their numbers; save all of them") from None
    size, pixels = place.size(SIZE), Pixels(0.5, 1.0, channels)
    grid = square(size, FACTOR, TITLE)

    def build() -> VQVAE:
        try:
            return VQVAE(Network(shapes), size, Layer("code", (grid, grid), dim), pixels)
        except (KeyError, StopIteration, ValueError) as error:
            raise BadInput(f"{name} looks like Sonnet's VQ-VAE, but lacks {error}") from None

    def read(_: Sequence[Path], *, data: bool) -> dict[str, Tensor]:
        return {one: bundle.tensor(key, data=data) for one, key in keys.items()}

    notes = (
        f"Images go in with {pixels}, as Sonnet's example has it; the file does not say.",
        f"Its arrays leave open how large images are: {SIZE} pixels in the example.",
    )
    return Found(TITLE, "vqvae", (index, *bundle.files), size, build, _renamed, notes, read)


def _keys(objects: Sequence[Object]) -> dict[str, str]:
    """Keys of the arrays by the path of their modules, of the only object that has PARTS; nothing without one."""
    roots = [one for one in objects if one.children.keys() >= PARTS]
    if len(roots) != 1:
        return {}
    found: dict[str, str] = {}
    seen = 0

    def walk(one: Object, prefix: str) -> None:
        nonlocal seen
        for name, child in one.children.items():
            if (seen := seen + 1) > 100 * MOST:
                return  # a graph that is no network's
            if VALUE in objects[child].values and name in ("w", "b", "embeddings"):
                found[f"{prefix}{name}"] = objects[child].values[VALUE]
            elif prefix.count("/") < 5 and (prefix or name in PARTS) and len(found) < 16 * MOST:
                walk(objects[child], f"{prefix}{name}/")

    walk(roots[0], "")
    return found


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays by the names of `Network`, their axes in torch's order, the codebook as (K, D)."""
    stacks = {half: len({name.split("/")[3] for name in tensors if name.startswith(f"{half}/_residual")})
              for half in ("_encoder", "_decoder")}  # fmt: skip
    found = {}
    for name, value in tensors.items():
        if name == TABLE:
            found["codebook"] = value.T.contiguous()
            continue
        head, _, kind = name.rpartition("/")
        kind = {"w": "weight", "b": "bias"}.get(kind, kind)
        value = value.permute(3, 2, 0, 1).contiguous() if value.ndim == 4 else value
        half, *rest = head.split("/")
        if half == "_pre_vq_conv1":
            spot = f"encoder.{4 + stacks['_encoder']}"
        elif rest and rest[0] == "_residual_stack" and len(rest) == 4:
            spot = f"{half[1:]}.{int(half == '_encoder') * 2 + 1 + int(rest[2])}.layers.{rest[3]}"
        else:
            numbers = {"_enc_1": 0, "_enc_2": 1, "_enc_3": 2, "_dec_1": 0}
            numbers |= {"_dec_2": 2 + stacks["_decoder"], "_dec_3": 3 + stacks["_decoder"]}
            spot = f"{half[1:]}.{numbers.get(rest[0] if rest else '', head)}"
        found[f"{spot}.{kind}"] = value
    return found
