"""The image tokenizer of Emu3, `Emu3VisionVQ`, alone or inside a model; the network is that of transformers.

A video tokenizer that takes one image as frames that are all alike, and of the frames that it gives, the first is the
image. So the layers that see one frame at a time are run once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign import reading
from explorer.foreign.adapters import Adapter, Pixels, square
from explorer.foreign.recognition import WEIGHTS, Found, Place
from explorer.foreign.vqgan import renamed

TITLE = "Emu3 VisionTokenizer"
KIND = "Emu3VisionVQ"  # the `model_type` of its own folder
WHOLES = (("model.vqmodel.", "emu3"), ("vqmodel.", "emu3"))  # prefix and `model_type` of models that have it inside
MARKS = ("encoder.time_res_stack.", "decoder.time_res_stack.", "quantize.embedding.weight")
DEFAULT = 512  # the least that its image processor makes of an image
NAMES = (
    (r"^encoder\.down\.", "encoder.down_block.down."),
    (r"^decoder\.up\.", "decoder.up_block.up."),
    (r"\.attn\.(\d+)\.norm\.", r".attn_norms.\1."),
    (r"\.mid\.attn_1\.norm\.", ".mid.attn_norm."),
    (r"\.(attn\.\d+|attn_1)\.([qkv])\.", r".\1.\2_proj."),
    (r"\.(attn\.\d+|attn_1)\.proj_out\.", r".\1.out_proj."),
    (r"\.mid\.", ".middle_block."),
)


class Emu3(Adapter):
    """One grid of codes; the network is an `Emu3VQVAE` of transformers."""

    @property
    def vectors(self) -> Tensor:
        return self.network.quantize.embedding.weight

    def latents(self, images: Tensor) -> Tensor:
        network, encoder = self.network, self.network.encoder
        x = encoder.middle_block(encoder.down_block(encoder.conv_in(images)))
        x = encoder.conv_out(functional.silu(encoder.norm_out(x)))
        frames = 2 ** len(encoder.time_conv)
        x = x[:, :, None].expand(-1, -1, frames, -1, -1)  # (N, C, T, H, W)
        for conv in encoder.time_conv:
            x = functional.silu(conv(x))
        for block in encoder.time_res_stack:
            x = block(x)
        return network.quant_conv(x)[:, :, 0]

    def image(self, latents: Tensor) -> Tensor:
        network, decoder = self.network, self.network.decoder
        codes = latents[:, :, None]
        both = torch.cat([network.post_quant_conv(codes), codes])
        for block in decoder.time_res_stack:
            both = block(both)
        for conv in decoder.time_conv:
            both = functional.silu(conv(both))
        x, codes = both[:, :, 0].chunk(2)
        x = decoder.up_block(decoder.middle_block(decoder.conv_in(x), codes), codes)
        return decoder.conv_out(functional.silu(decoder.norm_out(x, codes)))


def recognise(place: Place) -> Found | None:
    """A folder or file of the tokenizer, or of a model that has it inside."""
    prefix, files, tensors = _part(place)
    if not all(any(name.startswith(mark) for name in tensors) for mark in MARKS):
        return None
    shapes = {name: tuple(value.shape) for name, value in _rename(tensors).items()}
    size = place.size(DEFAULT)

    def build() -> Emu3:
        try:
            return _adapter(shapes, size)
        except (KeyError, IndexError) as error:
            raise BadInput(f"{place.path.name} looks like {TITLE}, but lacks {error}") from None

    notes = [f"Images go in with {Pixels()}, as frames that are all alike; the first frame that comes out is shown."]
    if prefix:
        notes.append("The image tokenizer of a larger model; nothing else of its files is read.")
    return Found(TITLE, "vqvae", files, size, build, _rename, tuple(notes), prefix=prefix)


def _part(place: Place) -> tuple[str, tuple[Any, ...], dict[str, Tensor]]:
    """Prefix, files and tensors without data."""
    for prefix, kind in WHOLES:
        files, tensors = place.inside(prefix, kind)
        if tensors:
            return prefix, files, tensors
    if not place.path.is_dir():
        return "", (place.path,), place.weights.tensors
    if place.config.get("model_type") not in (KIND, "emu3_vqgan"):
        return "", (), {}
    files = reading.weights_of(place.path, WEIGHTS)
    return "", files, reading.tensors(files, data=False)


def _adapter(shapes: Mapping[str, tuple[int, ...]], size: int) -> Emu3:
    from transformers import Emu3VQVAEConfig
    from transformers.models.emu3.modeling_emu3 import Emu3VQVAE

    def count(pattern: str) -> int:
        found = 0
        while pattern.format(found) in shapes:
            found += 1
        return found

    levels = range(count("encoder.down_block.down.{}.block.0.conv1.weight"))
    base, channels = shapes["encoder.conv_in.weight"][:2]
    widths = [shapes[f"encoder.down_block.down.{level}.block.0.conv1.weight"][0] for level in levels]
    codes, dim = shapes["quantize.embedding.weight"]
    latent = shapes["post_quant_conv.conv.weight"][0]
    config = Emu3VQVAEConfig(
        codebook_size=codes,
        embed_dim=dim,
        latent_channels=latent,
        double_latent=shapes["encoder.conv_out.weight"][0] == 2 * latent,
        in_channels=channels,
        out_channels=shapes["decoder.conv_out.weight"][0],
        temporal_downsample_factor=2 ** count("encoder.time_conv.{}.conv.conv.weight"),
        base_channels=base,
        channel_multiplier=[width // base for width in widths],
        num_res_blocks=count("encoder.down_block.down.0.block.{}.conv1.weight"),
        attn_resolutions=[
            level for level in levels if f"encoder.down_block.down.{level}.attn.0.q_proj.weight" in shapes
        ],
        hidden_size=widths[-1],
        num_attention_heads=1,
    )
    if channels != 3 or config.out_channels != 3:
        raise BadInput(f"this {TITLE} takes images of {channels} channels; RGB images can be shown")
    side = square(size, 2 ** (len(widths) - 1), TITLE)
    return Emu3(Emu3VQVAE(config), size, Layer("code", (side, side), dim), Pixels())


def _rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By the names of transformers, with attention as linear maps."""
    found = {}
    for name, value in tensors.items():
        name = renamed(name, NAMES)
        found[name] = value.flatten(1) if "_proj." in name and value.ndim == 4 else value
    return found
