"""The network of VQGANs and KL autoencoders, by the names of diffusers and with the sizes that tensors have.

Those of taming-transformers, latent-diffusion, LlamaGen and VAR compute the same under other names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign.adapters import Adapter, ByAngle, Pixels, Tabled, square
from explorer.foreign.networks import KL, VQ

LEFT_OUT = (  # of training, and of the models that are trained on latents
    r"(loss|model_ema|bn)\..*|colorize|quantize\.(used|embed_prob|embedding\.(cluster_size|embed_avg))"
)
INSIDE = (  # a block of both, as diffusers names it
    (r"\.(down|up)sample\.conv\.", r".\1samplers.0.conv."),
    (r"\.nin_shortcut\.", ".conv_shortcut."),
    (r"\.norm_out\.", ".conv_norm_out."),
    (r"\.attn\.(\d+)\.", r".attentions.\1."),
    (r"(\.attentions\.\d+)\.norm\.", r"\1.group_norm."),
    (r"(\.attentions\.\d+)\.([qkv])\.", r"\1.to_\2."),
    (r"(\.attentions\.\d+)\.proj_out\.", r"\1.to_out.0."),
)
NAMES = (
    (r"^encoder\.down\.", "encoder.down_blocks."),
    (r"\.block\.(\d+)\.", r".resnets.\1."),
    (r"\.mid\.block_1\.", ".mid_block.resnets.0."),
    (r"\.mid\.block_2\.", ".mid_block.resnets.1."),
    (r"\.mid\.attn_1\.", ".mid_block.attentions.0."),
    (r"^quantize\.embed\.", "quantize.embedding."),
    (r"^(encoder|decoder)\.((post_)?quant_conv)\.", r"\2."),  # of Flux.2
    *INSIDE,
)


class Product(Tabled, VQ):
    """A `VQModel` whose code is the one of the largest score w·z + b, and no nearest vector; here w are its codes.

    One more coordinate makes the largest score the nearest vector (Bachrach et al. 2014, "Speeding up the Xbox
    recommender system using a Euclidean transformation for inner-product spaces"): of z' = (z, 0) and
    e' = (w, √(2C - 2b - |w|²)), |z' - e'|² is |z|² + 2C - 2(w·z + b), and C is as small as the roots allow. So latents
    and codebook are those of every other model, wherever codes are assigned, and the codes are the network's own.
    """

    @property
    def scores(self) -> tuple[Tensor, Tensor | float]:
        """w (K, D) and b (K,)."""
        return self.table.float(), 0.0

    @property
    def vectors(self) -> Tensor:
        weight, bias = self.scores
        height = weight.square().sum(1) + 2 * bias  # (K,), and 2C is the greatest of them
        return torch.cat([weight, (height.max() - height).sqrt()[:, None]], 1)

    def latents(self, images: Tensor) -> Tensor:
        return nn.functional.pad(super().latents(images), (0, 0, 0, 0, 0, 1))  # one more channel, of zeros

    @property
    def table(self) -> Tensor:
        return self.network.quantize.embedding.weight


class Gumbel(Product):
    """A `GumbelVQ`: `quantize.proj` has w and b, and the decoder gets what `quantize.embedding` has for a code."""

    @property
    def scores(self) -> tuple[Tensor, Tensor]:
        proj = self.network.quantize.proj
        return proj.weight.flatten(1).float(), proj.bias


class Angle(ByAngle, VQ):
    """A `VQModel` whose codes are compared by angle, as in CVQ-VAE."""

    @property
    def table(self) -> Tensor:
        return self.network.quantize.embedding.weight


def adapter(
    kind: str, shapes: Mapping[str, tuple[int, ...]], size: int, title: str, made: type | None = None
) -> Adapter:
    """The network of `kind` with the sizes of `shapes`, which go by the names of diffusers, behind an adapter."""
    try:
        sizes = _sizes(shapes)
        side = square(size, 2 ** (len(sizes["block_out_channels"]) - 1), title)
        network = _network(kind, shapes, sizes)
        dim = shapes.get("post_quant_conv.weight", shapes["decoder.conv_in.weight"])[1]
    except (KeyError, IndexError) as error:
        raise BadInput(f"this looks like {title}, but lacks {error}") from None
    channels = sizes["in_channels"]
    if channels not in (1, 3) or sizes["out_channels"] != channels:
        raise BadInput(
            f"this {title} takes images of {channels} channels and gives {sizes['out_channels']}; "
            "grey and RGB images can be shown"
        )
    made = made or {"VQModel": VQ, "GumbelVQ": Gumbel, "AutoencoderKL": KL}[kind]
    name, dim = ("latent" if made is KL else "code"), dim + issubclass(made, Product)
    return made(network, size, Layer(name, (side, side), dim), Pixels(channels=channels))


def renamed(name: str, patterns: Iterable[tuple[str, str]]) -> str:
    """A name after all patterns, one after another."""
    for pattern, into in patterns:
        name = re.sub(pattern, into, name)
    return name


def _network(kind: str, shapes: Mapping[str, tuple[int, ...]], sizes: dict[str, Any]) -> nn.Module:
    import diffusers
    from diffusers.models.resnet import ResnetBlock2D

    plain = kind == "AutoencoderKL" and "post_quant_conv.weight" not in shapes  # as in Flux.1 and Stable Diffusion 3
    wide, dim = (0, 0) if plain else shapes["post_quant_conv.weight"][:2]
    if plain:
        network = diffusers.AutoencoderKL(**sizes, use_quant_conv=False, use_post_quant_conv=False)
    elif kind == "AutoencoderKL":
        network = diffusers.AutoencoderKL(**sizes)
        # the library has one width for both sides of these
        network.quant_conv, network.post_quant_conv = nn.Conv2d(2 * wide, 2 * dim, 1), nn.Conv2d(dim, wide, 1)
    else:
        codes = shapes["quantize.embedding.weight"][0]
        network = diffusers.VQModel(**sizes, num_vq_embeddings=codes, vq_embed_dim=dim)
        if kind == "GumbelVQ":
            network.quantize.proj = nn.Conv2d(dim, codes, 1)
    first, second = shapes["encoder.conv_in.weight"][0], sizes["block_out_channels"][0]
    if first != second:  # `ch_mult` begins with another number than 1, which the library does not know
        network.encoder.conv_in = nn.Conv2d(sizes["in_channels"], first, 3, padding=1)
        block = ResnetBlock2D(in_channels=first, out_channels=second, temb_channels=None, groups=32, eps=1e-6)
        network.encoder.down_blocks[0].resnets[0] = block
    widths = _widths(shapes, "decoder.up_blocks.{}.")[::-1]
    if widths != sizes["block_out_channels"]:  # a decoder of other widths, which the library makes for Flux.2 alone
        network.decoder = _decoder(sizes, widths)
    return network


def _decoder(sizes: Mapping[str, Any], widths: tuple[int, ...]) -> nn.Module:
    from diffusers.models.autoencoders.vae import Decoder

    return Decoder(
        in_channels=sizes["latent_channels"],
        out_channels=sizes["out_channels"],
        up_block_types=sizes["up_block_types"],
        block_out_channels=widths,
        layers_per_block=sizes["layers_per_block"],
        mid_block_add_attention=sizes["mid_block_add_attention"],
    )


def _widths(shapes: Mapping[str, tuple[int, ...]], block: str) -> tuple[int, ...]:
    """Channels after each level, in the order of the blocks."""
    first = block + "resnets.0.conv1.weight"
    return tuple(shapes[first.format(level)][0] for level in range(count(shapes, first)))


def _sizes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Arguments of the networks of diffusers."""
    levels = range(count(shapes, "encoder.down_blocks.{}.resnets.0.conv1.weight"))
    down = [f"encoder.down_blocks.{index}." for index in levels]
    up = [f"decoder.up_blocks.{index}." for index in levels]

    def attends(block: str) -> bool:
        return any(name.startswith(f"{block}attentions.") for name in shapes)

    return {
        "in_channels": shapes["encoder.conv_in.weight"][1],
        "out_channels": shapes["decoder.conv_out.weight"][0],
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "block_out_channels": _widths(shapes, "encoder.down_blocks.{}."),
        "layers_per_block": count(shapes, "encoder.down_blocks.0.resnets.{}.conv1.weight"),
        "down_block_types": tuple(f"{'Attn' * attends(block)}DownEncoderBlock2D" for block in down),
        "up_block_types": tuple(f"{'Attn' * attends(block)}UpDecoderBlock2D" for block in up),
        "mid_block_add_attention": attends("encoder.mid_block."),
    }


def count(shapes: Mapping[str, tuple[int, ...]], pattern: str) -> int:
    count = 0
    while pattern.format(count) in shapes:
        count += 1
    if not count:
        raise BadInput(f"this looks like a VQGAN, but lacks {pattern.format(0)}")
    return count


def own(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The autoencoder's own tensors: without losses and averages."""
    return {name: value for name, value in tensors.items() if not re.fullmatch(LEFT_OUT, name)}


def rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By the names of diffusers, with attention as linear maps."""
    kept, found = own(tensors), {}
    ups = (re.match(r"decoder\.up\.(\d{1,4})\.", name) for name in kept)
    last = max((int(match[1]) for match in ups if match), default=0)
    for name, value in kept.items():
        name = re.sub(r"^decoder\.up\.(\d{1,4})\.", lambda match: f"decoder.up_blocks.{last - int(match[1])}.", name)
        name = renamed(name, NAMES)
        found[name] = linear(name, value)
    return found


def linear(name: str, value: Tensor) -> Tensor:
    """A 1 × 1 convolution of an attention as the matrix that it is."""
    return value.flatten(1) if ".attentions." in name and value.shape[2:] == (1, 1) else value
