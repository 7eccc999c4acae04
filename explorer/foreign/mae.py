"""Masked autoencoders of transformers, facebookresearch/mae and timm; the network is transformers' ViT-MAE.

Its tensors have had three names: those of transformers today, those of its files, and the ones of facebookresearch/mae
and timm, where queries, keys and values are one tensor. A file without a decoder has an encoder only.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from explorer.autoencoder import Codebook, Fill
from explorer.errors import BadInput
from explorer.files import read_json
from explorer.foreign import reading
from explorer.foreign.adapters import Pixels, square
from explorer.foreign.recognition import WEIGHTS, Found, Place
from explorer.foreign.vit_names import (
    CLASSIFIER,
    OF_FACEBOOK,
    OF_TRANSFORMERS,
    inside,
    renamed,
    resized,
    without_class_token,
)
from explorer.lazy import cached_property
from explorer.models.masked import Masked, attention, begun, block_layers, blocks, by_layer, embed, visible

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # means and deviations, of all published MAEs
HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)  # of transformers' image processor for vision transformers
SIZE = 224
HEADS = {192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16, 1408: 16, 1664: 16}  # by width, where shapes do not say
DECODER_HEADS = {512: 16}
EPSILON = 1e-6  # of layer norms in facebookresearch/mae and timm; of patches' variances everywhere
MOST_BLOCKS = 256
FIELDS = {  # of transformers' config, with the defaults that its files may leave out
    "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "image_size": 224, "patch_size": 16, "num_channels": 3, "decoder_num_attention_heads": 16,
    "decoder_hidden_size": 512, "decoder_num_hidden_layers": 8, "decoder_intermediate_size": 2048,
}  # fmt: skip
OTHER_FIELDS = ("hidden_act", "layer_norm_eps", "qkv_bias", "norm_pix_loss")
NO_DECODER = (
    "This checkpoint holds an encoder of patches and no decoder, so there are no reconstructions; "
    "its layers can be looked at."
)
NORMALISED = (
    "This model predicts patches normalised by their own mean and deviation (norm_pix_loss); where patches are hidden, "
    "they are put back with those of the original, and decoded from latents alone they are shown around the mean "
    "colour, so that scores of those pictures say little."
)
CLASS_TOKENS = "Where it decodes from a layer, the class token, which no layer holds, is that of a mid-grey image."


class Decoding(Masked):
    """An encoder and a decoder."""

    def __init__(self, network: nn.Module, image_size: int, pixels: Pixels) -> None:
        super().__init__(network, image_size)
        self.pixels = pixels
        self.peeks = bool(network.config.norm_pix_loss)

    @cached_property
    def class_tokens(self) -> Tensor:
        """(L, D) those of a mid-grey image: the files hold no mean over training."""
        like = next(self.network.parameters())
        grey = like.new_full((1, 3, self.image_size, self.image_size), 0.5)
        return torch.stack([state[0, 0] for state in self._blocks(self._embed(grey))]).detach()

    def _into(self, images: Tensor) -> Tensor:
        return self.pixels.into(images)

    def _unpatchify(self, prediction: Tensor, images: Tensor | None = None) -> Tensor:
        prediction = prediction.float()
        if self.network.config.norm_pix_loss and images is not None:
            true = self.network.patchify(self._into(images))
            prediction = prediction * (true.var(2, keepdim=True) + EPSILON).sqrt() + true.mean(2, keepdim=True)
        return self.pixels.back(self.network.unpatchify(prediction))


class Encoding(nn.Module):
    """An encoder alone."""

    joint = False
    first_tokens = 1
    no_decoder = NO_DECODER

    def __init__(self, network: nn.Module, image_size: int, pixels: Pixels) -> None:
        super().__init__()
        self.network, self.image_size, self.pixels = network, image_size, pixels
        self.layers = block_layers(network)
        self.attention_blocks = len(self.layers)

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        return {}

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        return by_layer(self.layers, blocks(self.network, self._embed(images)))

    def attention(self, images: Tensor, mask: Tensor) -> Iterator[Tensor]:
        return attention(self.network.layers, self._begun(visible(self._embed(images), mask)))

    def _embed(self, images: Tensor) -> Tensor:
        return embed(self.network, self.pixels.into(images))

    def _begun(self, tokens: Tensor) -> Tensor:
        return begun(self.network, tokens)

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        raise BadInput(NO_DECODER)


class Headless(Encoding):
    """An encoder without a class token."""

    first_tokens = 0

    def _begun(self, tokens: Tensor) -> Tensor:
        return tokens

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        state, found = self._embed(images), {}
        for layer, block in zip(self.layers, self.network.layers, strict=True):
            state = block(state)
            found[layer.name] = state.unflatten(1, layer.grid).float()
        return found


@dataclass(frozen=True)
class Kind:
    """What a place turned out to be.

    Attributes:
        settings: of transformers' config.
        names: patterns of the file's names and what they become.
        said: what has to be told of it besides.
        first: whether it has a class token.
        ended: whether a norm follows its last block.
        placed: whether its positions are in the file.
    """

    title: str
    files: tuple[Path, ...]
    settings: dict[str, Any]
    decodes: bool
    pixels: Pixels
    names: tuple[tuple[str, str | Callable], ...]
    said: tuple[str, ...] = ()
    first: bool = True
    ended: bool = True
    placed: bool = True


def recognise(place: Place) -> Found | None:
    """A folder of transformers or timm, or a file with the keys of facebookresearch/mae or timm."""
    kind = _of_folder(place) if place.path.is_dir() else _of_file(place)
    if kind is None:
        return None
    config = kind.settings
    trained, patch = config["image_size"], config["patch_size"]
    size = place.size(trained)
    now = square(size, patch, f"this {kind.title}")
    before = trained // patch if kind.placed else now
    notes = [f"Images go in as {kind.pixels}."]
    if now != before:
        notes.append(
            f"It was made for images of {trained} pixels; its positions are interpolated from {before} × {before} to "
            f"{now} × {now} patches."
        )
    notes += [CLASS_TOKENS] if kind.decodes else [NO_DECODER]
    notes += [NORMALISED] if kind.decodes and config["norm_pix_loss"] else []

    def build() -> nn.Module:
        from transformers import ViTMAEConfig, ViTMAEForPreTraining, ViTMAEModel

        made = ViTMAEConfig(**{**config, "image_size": size})
        if kind.decodes:
            return Decoding(ViTMAEForPreTraining(made), size, kind.pixels)
        network = ViTMAEModel(made)
        if not kind.ended:
            network.layernorm = nn.Identity()
        return (Encoding if kind.first else Headless)(network, size, kind.pixels)

    def rename(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        own = {name: value for name, value in tensors.items() if not re.fullmatch(CLASSIFIER, name)}
        found = renamed(own, kind.names)
        found = found if kind.first else without_class_token(found, before)
        found = {name: resized(name, value, before, now) for name, value in found.items()}
        return {inside(name, kind.decodes): value for name, value in found.items()}

    title = kind.title if kind.decodes else f"{kind.title}, encoder"
    return Found(title, "mae", kind.files, size, build, rename, (*notes, *kind.said))


def _of_folder(place: Place) -> Kind | None:
    config = place.config
    if config.get("model_type") in ("vit_mae", "vit"):
        plain = config["model_type"] == "vit"
        if "auto_map" in config:
            raise BadInput(
                f"config.json of {place.path.name} wants to run code of its own (auto_map), which is not done"
            )
        files = reading.weights_of(place.path, WEIGHTS)
        names = [name for file in files for name in reading.read(file, data=False).tensors]
        settings = _settings(config, place.path.name)
        return Kind(
            "transformers ViT" if plain else "transformers ViT-MAE", files, settings,
            not plain and any(name.startswith("decoder.") for name in names),
            _processor(place.path, settings["num_channels"], HALF if plain else IMAGENET), OF_TRANSFORMERS,
            _left_out(names), ended=any(name.endswith("layernorm.weight") for name in names),
        )  # fmt: skip
    if not str(config.get("architecture", "")).startswith("vit_"):
        return None
    files = reading.weights_of(place.path, WEIGHTS)
    given = config.get("pretrained_cfg")
    given = given if isinstance(given, dict) else {}
    shapes = {name: tuple(value.shape) for name, value in reading.tensors(files, data=False).items()}
    pixels = _pixels(given.get("mean"), given.get("std"), 3, place.path.name)
    return _measured_kind("timm ViT", files, shapes, pixels, place)


def _measured_kind(
    title: str, files: tuple[Path, ...], shapes: Mapping[str, tuple[int, ...]], pixels: Pixels, place: Place
) -> Kind:
    """An encoder by the names of facebookresearch/mae and timm, maybe with a decoder."""
    decodes = any(name.startswith("decoder_") for name in shapes)
    first, placed = _begins(shapes, decodes)
    settings, said = _measured(shapes, place, first, placed), _left_out(shapes)
    if not placed:
        said += ("Its positions are computed, as its code does it: they are in no file.",)
    return Kind(
        title, files, settings, decodes, pixels, OF_FACEBOOK, (*_guessed(settings), *said),
        first, "norm.weight" in shapes or decodes, placed,
    )  # fmt: skip


def _begins(shapes: Mapping[str, tuple[int, ...]], decodes: bool) -> tuple[bool, bool]:
    """Whether there are a class token and positions; those of MAE-pytorch have neither, some of timm no token."""
    places = shapes.get("pos_embed", ())
    if decodes or "cls_token" in shapes:
        return True, True
    if len(places) == 3:
        return math.isqrt(max(places[1], 0)) ** 2 != places[1], True
    return ("blocks.0.attn.q_bias" not in shapes,) * 2


def _left_out(names: Iterable[str]) -> tuple[str, ...]:
    """What to say of the part of a classifier that no layer is made of."""
    left = sorted({match[2] for name in names if (match := re.fullmatch(CLASSIFIER, name))})
    return (f"It was trained to tell classes; what does that ({', '.join(left)}) is left out.",) if left else ()


def _of_file(place: Place) -> Kind | None:
    shapes = {name: tuple(value.shape) for name, value in place.weights.tensors.items()}
    if "patch_embed.proj.weight" not in shapes or "blocks.0.attn.qkv.weight" not in shapes:
        return None
    if "dist_token" in shapes:
        raise BadInput(f"{place.path.name} is a DeiT with a distillation token, which cannot be shown")
    decodes, own = any(name.startswith("decoder_") for name in shapes), "blocks.0.attn.q_bias" in shapes
    title = "facebookresearch/mae" if decodes else "facebookresearch/mae or timm ViT"
    title = "pengzhiliang/MAE-pytorch" if own and "cls_token" not in shapes else title
    kind = _measured_kind(title, (place.path,), shapes, Pixels(*IMAGENET), place)
    settings, said = kind.settings, kind.said
    if any(re.fullmatch(CLASSIFIER, name) for name in shapes):
        said += ("The file does not say how its images were normalised; the means of ImageNet are taken.",)
    if decodes:
        args = place.weights.rest.get("args")
        args = args if isinstance(args, Mapping) else getattr(args, "state", None)
        if isinstance(args, Mapping) and "norm_pix_loss" in args:
            settings["norm_pix_loss"] = bool(args["norm_pix_loss"])
        elif place.path.name.startswith("mae_pretrain"):
            settings["norm_pix_loss"] = True  # what the authors' recipe for these says
        else:
            said += (
                "The file does not say whether its patches are normalised (norm_pix_loss); they are shown as pixels, "
                "which is right for the authors' mae_visualize files.",
            )
    return replace(kind, said=said)


# ------------------------------------------------------------------------------------------------------------- sizes


def _settings(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The fields of transformers' config that describe the network, checked; whatever else it holds is left."""
    from transformers.activations import ACT2FN

    found: dict[str, Any] = {}
    for field, default in FIELDS.items():
        value = config.get(field, default)
        if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
            value = value[0]
        most = MOST_BLOCKS if "layers" in field else 2**20
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise BadInput(
                f"config.json of {name} has {field} {json.dumps(value)[:40]}; it is a whole number from 1 to {most:,}"
            )
        found[field] = value
    found |= {field: config[field] for field in OTHER_FIELDS if field in config}
    if str(found.get("hidden_act", "gelu")) not in ACT2FN:
        raise BadInput(f"config.json of {name} has an unknown hidden_act {str(found['hidden_act'])[:40]!r}")
    if not isinstance(found.get("layer_norm_eps", 0.0), float):
        raise BadInput(f"config.json of {name} has a layer_norm_eps that is no decimal number")
    for field in ("qkv_bias", "norm_pix_loss"):
        if not isinstance(found.get(field, True), bool):
            raise BadInput(f"config.json of {name} has a {field} that is neither true nor false")
    found.setdefault("norm_pix_loss", False)
    if found["num_channels"] not in (1, 3):
        raise BadInput(f"{name} takes images of {found['num_channels']} channels; grey and RGB images can be shown")
    return found


def _measured(shapes: Mapping[str, tuple[int, ...]], place: Place, first: bool, placed: bool) -> dict[str, Any]:
    """What the shapes of facebookresearch/mae or timm say, and what all of these have in common."""
    name = place.path.name
    try:
        dim, channels, patch, wide = shapes["patch_embed.proj.weight"]
        side = place.size(SIZE) // max(1, patch)
        patches = shapes["pos_embed"][1] - first if placed else side**2
        found: dict[str, Any] = {
            "num_channels": channels, "patch_size": patch, "image_size": math.isqrt(max(patches, 0)) * patch,
            "layer_norm_eps": EPSILON, "norm_pix_loss": False,
            "qkv_bias": any(key.endswith(("attn.qkv.bias", "attn.q_bias")) for key in shapes),
            **_stack(shapes, "", "blocks", dim),
        }  # fmt: skip
        if "decoder_embed.weight" in shapes:
            found |= _stack(shapes, "decoder_", "decoder_blocks", shapes["decoder_embed.weight"][0])
    except KeyError as error:
        raise BadInput(f"{name} looks like a masked autoencoder, but lacks {error.args[0]}") from None
    except (IndexError, ValueError):
        raise BadInput(f"{name} looks like a masked autoencoder, but has tensors of other shapes") from None
    if patch != wide or math.isqrt(patches) ** 2 != patches or channels != 3:
        raise BadInput(f"{name} is made for images that are not square or not RGB, which cannot be shown")
    return found


def _stack(shapes: Mapping[str, tuple[int, ...]], prefix: str, stack: str, dim: int) -> dict[str, int]:
    """Sizes of the transformer whose blocks are called `stack`."""
    # counted, not the largest number: a name costs nothing, a block does
    count = len({match[1] for key in shapes if (match := re.match(rf"{stack}\.(\d+)\.", key))})
    heads = DECODER_HEADS.get(dim, max(1, dim // 32)) if prefix else HEADS.get(dim, max(1, dim // 64))
    return {
        f"{prefix}hidden_size": dim,
        f"{prefix}num_hidden_layers": min(count, MOST_BLOCKS),
        f"{prefix}num_attention_heads": heads,
        f"{prefix}intermediate_size": shapes[f"{stack}.0.mlp.fc1.weight"][0],
    }


def _guessed(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What to say where the number of attention heads is a guess, which decides what the network computes."""
    heads = {"encoder": settings["num_attention_heads"]} if settings["hidden_size"] not in HEADS else {}
    if settings.get("decoder_hidden_size", 512) not in DECODER_HEADS:
        heads["decoder"] = settings["decoder_num_attention_heads"]
    which = " and ".join(f"{count} of the {part}" for part, count in heads.items())
    return (f"The file does not say how many attention heads there are; {which} are taken.",) if heads else ()


def _processor(folder: Path, channels: int, default: tuple[Sequence[float], Sequence[float]]) -> Pixels:
    """What `preprocessor_config.json` says; `default` where there is none."""
    file = folder / "preprocessor_config.json"
    try:
        found = read_json(file) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise BadInput(f"{file.name} of {folder.name} cannot be read: {error}") from None
    found = found if isinstance(found, dict) else {}
    if found.get("do_normalize") is False:
        return Pixels(0.0, 1.0, channels)
    mean, deviation = found.get("image_mean"), found.get("image_std")
    if mean is None and deviation is None and channels == 3:
        return Pixels(*default)
    return _pixels(mean, deviation, channels, folder.name)


def _pixels(mean: object, deviation: object, channels: int, name: str) -> Pixels:
    if mean is None and deviation is None:
        return Pixels(*IMAGENET) if channels == 3 else Pixels(0.5, 0.5, 1)
    sides = []
    for value, least in ((mean, -math.inf), (deviation, 0)):
        values = value if isinstance(value, list) else [value] * channels
        if len(values) != channels or not all(type(v) in (int, float) and least < v < math.inf for v in values):
            raise BadInput(f"{name} gives means and deviations of its pixels that cannot be used; give {channels} each")
        sides.append(tuple(map(float, values)) if channels == 3 else float(values[0]))
    return Pixels(sides[0], sides[1], channels)
