"""Autoencoders of diffusers, also inside the folder of a pipeline: `vqvae/`, `movq/`, `vae/`.

The network is the library's own, made from `config.json`; the tensors are put in here, so that nothing is missing
unnoticed, and nothing is copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign import reading
from explorer.foreign.adapters import Adapter, Pixels, square
from explorer.foreign.networks import KL, VQ, Continuous
from explorer.foreign.recognition import Found, Place

CLASSES = {  # family of each
    "VQModel": "vqvae",
    "AutoencoderKL": "vae",
    "AutoencoderTiny": "vae",
    "AutoencoderDC": "vae",
    "AsymmetricAutoencoderKL": "vae",
}
PARTS = ("vqvae", "movq", "vae")  # of a pipeline
WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}  # before diffusers 0.12
DEFAULT = 256
UNSCALED = "its latents are shown as the network makes them, not multiplied by the scaling factor of diffusion models"


def recognise(place: Place) -> Found | None:
    """A folder with the `config.json` of one of CLASSES; of a pipeline, the part that is an autoencoder."""
    if not place.path.is_dir():
        return None
    if (place.path / "model_index.json").is_file():
        inside = (recognise(Place(place.path / part, place.image_size)) for part in PARTS)
        return next((found for found in inside if found), None)
    kind = place.config.get("_class_name")
    if kind not in CLASSES:
        if place.config.get("_diffusers_version"):
            raise BadInput(
                f"{place.path.name} is a {kind} of diffusers, not an autoencoder; choose from {', '.join(CLASSES)}"
            )
        return None
    if "auto_map" in place.config:
        raise BadInput(f"config.json of {place.path.name} wants to run code of its own (auto_map), which is not done")
    size = place.size(_sample_size(place.config))
    notes = [f"Images go in with {Pixels()}."]
    if CLASSES[kind] == "vae" and place.config.get("scaling_factor"):
        notes.append(f"{UNSCALED[0].upper()}{UNSCALED[1:]} ({place.config['scaling_factor']:g}).")
    return Found(
        f"diffusers {kind}",
        CLASSES[kind],
        reading.weights_of(place.path, WEIGHTS),
        size,
        lambda: _adapter(kind, place.config, size),
        lambda tensors: _renamed(tensors, kind),
        tuple(notes),
    )


def _sample_size(config: Mapping[str, Any]) -> int:
    """What the config says, where that is the size of an image; some say the size of the latents."""
    size = config.get("sample_size")
    size = size[0] if isinstance(size, list) and size else size
    return size if isinstance(size, int) and 64 <= size <= 1024 else DEFAULT


def _adapter(kind: str, config: Mapping[str, Any], size: int) -> Adapter:
    import diffusers

    made = getattr(diffusers, kind)
    known = {name: value for name, value in config.items() if not name.startswith("_")}
    network: nn.Module = made.from_config(known)
    channels = int(config.get("in_channels", 3))
    if channels not in (1, 3):
        raise BadInput(f"this {kind} takes images of {channels} channels; grey and RGB images can be shown")
    factor, dim = _geometry(kind, network)
    side = square(size, factor, f"this {kind}")
    layer = Layer("code" if kind == "VQModel" else "latent", (side, side), dim)
    adapter = {"VQModel": VQ, "AutoencoderKL": KL, "AsymmetricAutoencoderKL": KL}.get(kind, Continuous)
    return adapter(network, size, layer, Pixels(channels=channels))


def _geometry(kind: str, network: nn.Module) -> tuple[int, int]:
    """Pixels per cell along each side, and D."""
    config = network.config
    if kind == "VQModel":
        return 2 ** (len(config.block_out_channels) - 1), config.vq_embed_dim or config.latent_channels
    if kind == "AsymmetricAutoencoderKL":
        return 2 ** (len(config.down_block_out_channels) - 1), config.latent_channels
    if kind == "AutoencoderTiny":
        return 2 ** (len(config.encoder_block_out_channels) - 1), config.latent_channels
    if kind == "AutoencoderDC":
        return network.spatial_compression_ratio, config.latent_channels
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
