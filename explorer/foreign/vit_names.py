"""Names of the tensors of vision transformers, in the libraries that write them, and as transformers has them today."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

CLASSIFIER = r"(vit\.)?(head|head_dist|classifier|fc_norm|pooler)\..*"  # what a label is read from
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


def renamed(tensors: Mapping[str, Tensor], names: tuple[tuple[str, str | Callable], ...]) -> dict[str, Tensor]:
    """Tensors by transformers' names of today, without the prefix of the encoder."""
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        for pattern, into in names:
            name = re.sub(rf"^{pattern}", into, name)
        if match := re.fullmatch(r"(.*layers\.\d+\.)attn\.([qv])_bias", name):  # of networks whose keys have none
            found[f"{match[1]}attention.{match[2]}_proj.bias"] = value
            found[f"{match[1]}attention.k_proj.bias"] = torch.zeros_like(value)
            continue
        match = re.fullmatch(r"(.*layers\.\d+\.)attn\.qkv\.(weight|bias)", name)
        if match is None or value.ndim == 0 or value.shape[0] % 3:
            found[name] = value
            continue
        for letter, part in zip("qkv", value.chunk(3), strict=True):
            found[f"{match[1]}attention.{letter}_proj.{match[2]}"] = part
    return found


def inside(name: str, decodes: bool) -> str:
    """The name in `ViTMAEForPreTraining`, or in `ViTMAEModel`."""
    return f"vit.{name}" if decodes and not name.startswith("decoder.") else name


def resized(name: str, value: Tensor, before: int, now: int) -> Tensor:
    """Positions (1, 1 + before², D) for another grid, as transformers' `interpolate_pos_encoding` makes them."""
    if before == now or not name.endswith(("position_embeddings", "pos_embed")):
        return value
    if value.ndim != 3 or value.shape[1] != 1 + before**2:
        return value
    grid = value[:, 1:].float().unflatten(1, (before, before)).movedim(3, 1)  # (1, D, H, W)
    grid = nn.functional.interpolate(grid, (now, now), mode="bicubic", align_corners=False)
    return torch.cat([value[:, :1].float(), grid.flatten(2).transpose(1, 2)], 1)


def without_class_token(found: dict[str, Tensor], side: int) -> dict[str, Tensor]:
    """Tensors of an encoder that has no class token, with one that is not used; positions of `side`² patches are
    computed where the file has none."""
    first = found["embeddings.patch_embeddings.projection.bias"]
    places = found.get("embeddings.position_embeddings")
    places = sinusoids(side**2, len(first)) if places is None else places
    empty = torch.zeros(1, 1, len(first), device=places.device, dtype=places.dtype)
    return found | {"embeddings.cls_token": empty, "embeddings.position_embeddings": torch.cat([empty, places], 1)}


def sinusoids(count: int, dim: int) -> Tensor:
    """(1, count, dim) fixed positions along one line, sines and cosines in turn (Vaswani et al. 2017, section 3.5)."""
    rates = 10000.0 ** (-(torch.arange(dim, dtype=torch.float64) // 2 * 2) / dim)
    angles = torch.arange(count, dtype=torch.float64)[:, None] * rates
    even = torch.arange(dim) % 2 == 0
    return torch.where(even, angles.sin(), angles.cos()).float()[None]
