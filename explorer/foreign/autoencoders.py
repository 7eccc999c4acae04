"""Autoencoders of diffusers, also inside the folder of a pipeline: `vqvae/`, `movq/`, `vae/`.

The network is the library's own, made from `config.json`; the tensors are put in here, so that nothing is missing
unnoticed, and nothing is copied.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign import reading
from explorer.foreign.adapters import Adapter, Pixels, square
from explorer.foreign.networks import KL, VQ, Continuous, Frame
from explorer.foreign.recognition import Found, Place

CLASSES = {  # family of each
    "VQModel": "vqvae",
    "AutoencoderKL": "vae",
    "AutoencoderKLFlux2": "vae",
    "AutoencoderKLHunyuanImage": "vae",
    "AutoencoderKLHunyuanImageRefiner": "vae",
    "AutoencoderKLKVAE": "vae",
    "AutoencoderKLQwenImage": "vae",
    "AutoencoderTiny": "vae",
    "AutoencoderDC": "vae",
    "AutoencoderRAE": "vae",
    "AsymmetricAutoencoderKL": "vae",
}
FRAMES = ("AutoencoderKLHunyuanImageRefiner", "AutoencoderKLQwenImage")  # an image is one
VIDEO = re.compile(
    r"AutoencoderKL(Allegro|CogVideoX|Cosmos|HunyuanVideo\w*|KVAEVideo|LTX2?Video|Magvit|MiniMaxH3|Mochi|TemporalDecoder|"
    r"Wan)|AutoencoderVidTok|Kandinsky6SRVAE|LTX2VideoDiffusionDecoderModel"
)
SOUND = re.compile(r"\w*(Audio|Vocoder)\w*|AutoencoderOobleck|AutoencoderSAME")
PARTS = ("vqvae", "movq", "vae")  # of a pipeline
WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}  # before diffusers 0.12
DEFAULT = 256
LARGEST, MOST_LAYERS, MOST_BLOCKS, MOST_VALUES = 2**20, 128, 16, 1024  # numbers, layers in a block, blocks, lists
MOST_PLACES = 2**26  # numbers of the positions that are made here
PIXELS = {"AutoencoderRAE": Pixels(0.0, 1.0)}  # where not from -1 to 1
UNSCALED = "its latents are shown as the network makes them, not multiplied by the scaling factor of diffusion models"


def recognise(place: Place) -> Found | None:
    """A folder with the `config.json` of one of CLASSES; of a pipeline, the part that is an autoencoder."""
    if not place.path.is_dir():
        return None
    if (place.path / "model_index.json").is_file():
        inside = (recognise(Place(place.path / part, place.image_size)) for part in PARTS)
        return next((found for found in inside if found), None)
    kind = place.config.get("_class_name")
    if not isinstance(kind, str) or kind not in CLASSES:
        if place.config.get("_diffusers_version"):
            raise BadInput(f"{place.path.name} is a {_called(str(kind)[:80])}")
        return None
    if "auto_map" in place.config:
        raise BadInput(f"config.json of {place.path.name} wants to run code of its own (auto_map), which is not done")
    check(place.config, place.path.name)
    files = reading.weights_of(place.path, WEIGHTS)
    size = place.size(_sample_size(kind, place.config))
    notes = [f"Images go in with {PIXELS.get(kind, Pixels())}."]
    if variant := re.fullmatch(r"diffusion_pytorch_model\.([\w-]+?)(-\d+-of-\d+)?\.\w+", files[0].name):
        notes.append(f"Its weights are those of the variant {variant[1]}; there are no others in its folder.")
    if CLASSES[kind] == "vae" and place.config.get("scaling_factor"):
        notes.append(f"{UNSCALED[0].upper()}{UNSCALED[1:]} ({place.config['scaling_factor']:g}).")
    return Found(
        f"diffusers {kind}",
        CLASSES[kind],
        files,
        size,
        lambda: _adapter(kind, place.config, size),
        lambda tensors: _renamed(tensors, kind),
        tuple(notes),
    )


def _called(kind: str) -> str:
    """What a class of diffusers is that cannot be opened."""
    if VIDEO.fullmatch(kind):
        return f"{kind} of diffusers, an autoencoder of videos; those of images can be shown"
    if SOUND.fullmatch(kind):
        return f"{kind} of diffusers, an autoencoder of sound; those of images can be shown"
    if kind == "ConsistencyDecoderVAE":
        return f"{kind} of diffusers, whose decoder draws images from noise, another each time"
    if kind == "AutoencoderKLQwenImage21":
        return f"{kind} of diffusers, which takes images with a fourth channel; grey and RGB images can be shown"
    if kind.startswith("Flax"):
        return f"{kind} of diffusers in JAX; load it with `from_pretrained(..., from_flax=True)` and save that again"
    if kind.startswith(("Auto", "VQ")) or kind.endswith(("VAE", "Vae")):
        return f"{kind} of diffusers, an autoencoder that is not known here; choose from {', '.join(CLASSES)}"
    return f"{kind} of diffusers, not an autoencoder; choose from {', '.join(CLASSES)}"


def check(config: Mapping[str, Any], name: str) -> None:
    """Raises BadInput for numbers that no network has: its blocks are made one by one before shapes are compared."""
    for field, value in config.items():
        most = MOST_LAYERS if re.search(r"layer|num_\w*block|depth", field) else LARGEST
        longest = MOST_BLOCKS if re.search(r"layer|block|depth|mult|downsample", field) else MOST_VALUES
        _check(value, f"config.json of {name} has", field, most, longest)


def _check(value: Any, what: str, field: str, most: int, longest: int) -> None:
    if isinstance(value, list):
        if len(value) > longest:
            raise BadInput(f"{what} {len(value):,} {field}; up to {longest} can be opened")
        for one in value:
            _check(one, what, field, most, longest)
    elif isinstance(value, int) and not -most <= value <= most:
        raise BadInput(f"{what} {field} {str(value)[:20]}; it is a whole number to {most:,}")


def _sample_size(kind: str, config: Mapping[str, Any]) -> int:
    """What the config says, where that is the size of an image; some say the size of the latents."""
    if kind == "AutoencoderRAE":
        return config.get("image_size") or _patched(config)
    size = config.get("sample_size")
    size = size[0] if isinstance(size, list) and size else size
    return size if isinstance(size, int) and 64 <= size <= 1024 else DEFAULT


def _patched(config: Mapping[str, Any]) -> int:
    """The side of the images that a decoder of patches gives."""
    side, patch = config.get("encoder_input_size", 224), config.get("encoder_patch_size", 14)
    return side // max(1, patch) * config.get("patch_size", 16)


def _adapter(kind: str, config: Mapping[str, Any], size: int) -> Adapter:
    import diffusers

    made = getattr(diffusers, kind)
    known = {name: value for name, value in config.items() if not name.startswith("_")}
    network: nn.Module = made.from_config(known)
    channels = int(config.get("in_channels", config.get("input_channels", config.get("num_channels", 3))))
    if channels not in (1, 3):
        raise BadInput(f"this {kind} takes images of {channels} channels; grey and RGB images can be shown")
    factor, dim = _geometry(kind, network)
    if kind == "AutoencoderRAE" and size != network.decoder_image_size:
        raise BadInput(f"this {kind} gives images of {network.decoder_image_size} pixels and no others, not {size}")
    if kind == "AutoencoderRAE":
        _place(network.decoder)
    side = square(size, factor, f"this {kind}")
    layer = Layer("code" if kind == "VQModel" else "latent", (side, side), dim)
    return _behind(kind)(network, size, layer, PIXELS.get(kind, Pixels(channels=channels)))


def _place(decoder: nn.Module) -> None:
    """Fills in the fixed positions of a decoder of patches, which are in no file."""
    from diffusers.models.embeddings import get_2d_sincos_pos_embed

    _, count, dim = decoder.decoder_pos_embed.shape
    if count * dim > MOST_PLACES:
        raise BadInput(f"its positions are {count:,} × {dim:,} numbers, which is more than can be opened")
    with torch.device("cpu"):
        made = get_2d_sincos_pos_embed(dim, math.isqrt(count - 1), cls_token=True, extra_tokens=1, output_type="pt")
    decoder.register_buffer("decoder_pos_embed", made[None].float(), persistent=False)


def _behind(kind: str) -> type[Adapter]:
    if kind in ("AutoencoderTiny", "AutoencoderDC", "AutoencoderRAE"):
        return Continuous
    return VQ if kind == "VQModel" else Frame if kind in FRAMES else KL


def _geometry(kind: str, network: nn.Module) -> tuple[int, int]:
    """Pixels per cell along each side, and D."""
    config = network.config
    if kind == "VQModel":
        return 2 ** (len(config.block_out_channels) - 1), config.vq_embed_dim or config.latent_channels
    if kind == "AsymmetricAutoencoderKL":
        return 2 ** (len(config.down_block_out_channels) - 1), config.latent_channels
    if kind == "AutoencoderTiny":
        return 2 ** (len(config.encoder_block_out_channels) - 1), config.latent_channels
    if kind in ("AutoencoderDC", "AutoencoderKLHunyuanImageRefiner"):
        return network.spatial_compression_ratio, config.latent_channels
    if kind == "AutoencoderKLHunyuanImage":
        return config.spatial_compression_ratio, config.latent_channels
    if kind == "AutoencoderKLQwenImage":
        return network.spatial_compression_ratio, config.z_dim
    if kind == "AutoencoderKLKVAE":
        return 2 ** (len(config.ch_mult) - 1), config.z_channels
    if kind == "AutoencoderRAE":
        return config.patch_size, config.encoder_hidden_size
    return 2 ** (len(config.block_out_channels) - 1), config.latent_channels


def _renamed(tensors: dict[str, Tensor], kind: str) -> dict[str, Tensor]:
    """Names of today: attention had others before diffusers 0.12."""
    found = {}
    for name, value in tensors.items():
        head, _, tail = name.rpartition(".")
        block, _, part = head.rpartition(".")
        if part in OLD_ATTENTION and "attentions" in block:
            name = f"{block}.{OLD_ATTENTION[part]}.{tail}"
            value = value.flatten(1) if value.ndim == 4 else value  # 1 × 1 convolutions before they were linear
        found[name] = value
    return found
