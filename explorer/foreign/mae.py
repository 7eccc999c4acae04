"""Masked autoencoders of transformers, facebookresearch/mae and timm; the network is transformers' ViT-MAE.

Its tensors have had three names: those of transformers today, those of its files, and the ones of facebookresearch/mae
and timm, where queries, keys and values are one tensor. A file without a decoder has an encoder only.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from explorer.models.masked import Masked, block_layers, blocks, by_layer, embed

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # means and deviations, of all published MAEs
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
OF_TRANSFORMERS = (
    (r"vit\.", ""),
    (r"encoder\.layer\.", "layers."),
    (r"decoder\.decoder_encoder\.layer\.", "decoder.decoder_layers."),
    (r"(.*layers\.\d+\.)attention\.attention\.(query|key|value)\.", lambda at: f"{at[1]}attention.{at[2][0]}_proj."),
    (r"(.*layers\.\d+\.)attention\.output\.dense\.", r"\1attention.o_proj."),
    (r"(.*layers\.\d+\.)intermediate\.dense\.", r"\1mlp.fc1."),
    (r"(.*layers\.\d+\.)output\.dense\.", r"\1mlp.fc2."),
)
OF_FACEBOOK = (
    (r"patch_embed\.proj\.", "embeddings.patch_embeddings.projection."),
    (r"pos_embed$", "embeddings.position_embeddings"),
    (r"cls_token$", "embeddings.cls_token"),
    (r"blocks\.", "layers."),
    (r"norm\.", "layernorm."),
    (r"decoder_blocks\.", "decoder.decoder_layers."),
    (r"(decoder_(?:embed|norm|pred)\.|decoder_pos_embed$|mask_token$)", r"decoder.\1"),
    (r"(.*layers\.\d+\.)norm1\.", r"\1layernorm_before."),
    (r"(.*layers\.\d+\.)norm2\.", r"\1layernorm_after."),
    (r"(.*layers\.\d+\.)attn\.proj\.", r"\1attention.o_proj."),
)
NO_DECODER = (
    "This checkpoint holds the encoder of a masked autoencoder and no decoder, so there are no reconstructions; "
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

    @functools.cached_property
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
    no_decoder = NO_DECODER

    def __init__(self, network: nn.Module, image_size: int, pixels: Pixels) -> None:
        super().__init__()
        self.network, self.image_size, self.pixels = network, image_size, pixels
        self.layers = block_layers(network)

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        return {}

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        return by_layer(self.layers, blocks(self.network, embed(self.network, self.pixels.into(images))))

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        raise BadInput(NO_DECODER)


@dataclass(frozen=True)
class Kind:
    """What a place turned out to be.

    Attributes:
        settings: of transformers' config.
        names: patterns of the file's names and what they become.
        said: what has to be told of it besides.
    """

    title: str
    files: tuple[Path, ...]
    settings: dict[str, Any]
    decodes: bool
    pixels: Pixels
    names: tuple[tuple[str, str | Callable], ...]
    said: tuple[str, ...] = ()


def recognise(place: Place) -> Found | None:
    """A folder of transformers or timm, or a file with the keys of facebookresearch/mae or timm."""
    kind = _of_folder(place) if place.path.is_dir() else _of_file(place)
    if kind is None:
        return None
    config = kind.settings
    trained, patch = config["image_size"], config["patch_size"]
    size = place.size(trained)
    before, now = trained // patch, square(size, patch, f"this {kind.title}")
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
        return Encoding(ViTMAEModel(made), size, kind.pixels)

    def rename(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        found = {name: _resized(name, value, before, now) for name, value in _renamed(tensors, kind.names).items()}
        return {_inside(name, kind.decodes): value for name, value in found.items()}

    title = kind.title if kind.decodes else f"{kind.title}, encoder"
    return Found(title, "mae", kind.files, size, build, rename, (*notes, *kind.said))


def _of_folder(place: Place) -> Kind | None:
    config = place.config
    if config.get("model_type") == "vit_mae":
        if "auto_map" in config:
            raise BadInput(
                f"config.json of {place.path.name} wants to run code of its own (auto_map), which is not done"
            )
        files = reading.weights_of(place.path, WEIGHTS)
        names = [name for file in files for name in reading.read(file, data=False).tensors]
        settings = _settings(config, place.path.name)
        return Kind(
            "transformers ViT-MAE", files, settings, any(name.startswith("decoder.") for name in names),
            _processor(place.path, settings["num_channels"]), OF_TRANSFORMERS,
        )  # fmt: skip
    if not str(config.get("architecture", "")).startswith("vit_"):
        return None
    files = reading.weights_of(place.path, WEIGHTS)
    given = config.get("pretrained_cfg")
    given = given if isinstance(given, dict) else {}
    tensors = {name: value for file in files for name, value in reading.read(file, data=False).tensors.items()}
    settings = _measured({name: tuple(value.shape) for name, value in tensors.items()}, place.path.name)
    pixels = _pixels(given.get("mean"), given.get("std"), 3, place.path.name)
    return Kind("timm ViT", files, settings, False, pixels, OF_FACEBOOK, _guessed(settings))


def _of_file(place: Place) -> Kind | None:
    shapes = {name: tuple(value.shape) for name, value in place.weights.tensors.items()}
    if "patch_embed.proj.weight" not in shapes or "blocks.0.attn.qkv.weight" not in shapes:
        return None
    decodes = any(name.startswith("decoder_") for name in shapes)
    title = "facebookresearch/mae" if decodes else "facebookresearch/mae or timm ViT"
    settings = _measured(shapes, place.path.name)
    said = _guessed(settings)
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
    files = (Path(place.path),)
    return Kind(title, files, settings, decodes, Pixels(*IMAGENET), OF_FACEBOOK, said)


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


def _measured(shapes: Mapping[str, tuple[int, ...]], name: str) -> dict[str, Any]:
    """What the shapes of facebookresearch/mae or timm say, and what all of these have in common."""
    try:
        dim, channels, patch, wide = shapes["patch_embed.proj.weight"]
        patches = shapes["pos_embed"][1] - 1
        found: dict[str, Any] = {
            "num_channels": channels, "patch_size": patch, "image_size": math.isqrt(max(patches, 0)) * patch,
            "layer_norm_eps": EPSILON, "norm_pix_loss": False,
            "qkv_bias": any(key.endswith("attn.qkv.bias") for key in shapes),
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


def _processor(folder: Path, channels: int) -> Pixels:
    """What `preprocessor_config.json` says; the means and deviations of ImageNet where there is none."""
    file = folder / "preprocessor_config.json"
    try:
        found = read_json(file) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise BadInput(f"{file.name} of {folder.name} cannot be read: {error}") from None
    found = found if isinstance(found, dict) else {}
    if found.get("do_normalize") is False:
        return Pixels(0.0, 1.0, channels)
    return _pixels(found.get("image_mean"), found.get("image_std"), channels, folder.name)


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


# ------------------------------------------------------------------------------------------------------------- names


def _renamed(tensors: Mapping[str, Tensor], names: tuple[tuple[str, str | Callable], ...]) -> dict[str, Tensor]:
    """Tensors by transformers' names of today, without the prefix of the encoder."""
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        for pattern, into in names:
            name = re.sub(rf"^{pattern}", into, name)
        match = re.fullmatch(r"(.*layers\.\d+\.)attn\.qkv\.(weight|bias)", name)
        if match is None or value.ndim == 0 or value.shape[0] % 3:
            found[name] = value
            continue
        for letter, part in zip("qkv", value.chunk(3), strict=True):
            found[f"{match[1]}attention.{letter}_proj.{match[2]}"] = part
    return found


def _inside(name: str, decodes: bool) -> str:
    """The name in `ViTMAEForPreTraining`, or in `ViTMAEModel`."""
    return f"vit.{name}" if decodes and not name.startswith("decoder.") else name


def _resized(name: str, value: Tensor, before: int, now: int) -> Tensor:
    """Positions (1, 1 + before², D) for another grid, as transformers' `interpolate_pos_encoding` makes them."""
    if before == now or not name.endswith(("position_embeddings", "pos_embed")):
        return value
    if value.ndim != 3 or value.shape[1] != 1 + before**2:
        return value
    grid = value[:, 1:].float().unflatten(1, (before, before)).movedim(3, 1)  # (1, D, H, W)
    grid = nn.functional.interpolate(grid, (now, now), mode="bicubic", align_corners=False)
    return torch.cat([value[:, :1].float(), grid.flatten(2).transpose(1, 2)], 1)
