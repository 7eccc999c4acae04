"""VQGANs and KL autoencoders as taming-transformers and latent-diffusion save them: `.ckpt` files of Lightning.

Their networks are the ancestors of those of diffusers, which compute the same under other names: attention is a matrix
there and a 1 × 1 convolution here, and blocks of the decoder are counted from the other end. All sizes are read from
the tensors; the YAML file of a run says what tensors cannot: the size of the images, and which class it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from explorer.errors import BadInput
from explorer.foreign import runs, vqgan
from explorer.foreign.adapters import COMPARED, WAYS, Adapter, Pixels
from explorer.foreign.recognition import Found, Place

TITLES = {
    "VQModel": "taming-transformers VQModel",
    "GumbelVQ": "taming-transformers GumbelVQ",
    "AutoencoderKL": "latent-diffusion AutoencoderKL",
}
MARKS = ("encoder.down.0.block.", "decoder.up.0.block.")
DEFAULT = 256
BLOCKS_OF_IBQ = 4  # residual blocks a level, where VQGANs of taming-transformers have two
PRODUCT = (
    "Its code is the one of the largest product with a latent, as in IBQ; `@,compare=distance` behind the path takes "
    "the nearest."
)
MADE = {"angle": vqgan.Angle, "product": vqgan.Product}
USAGE = "quantize.embed_prob"  # of CVQ-VAE (Zheng and Vedaldi 2023): how often each code was used in training


def recognise(place: Place) -> Found | None:
    """A file with the keys of these networks, alone, or in the folder of a run with its YAML file."""
    own = vqgan.own(place.weights.tensors)
    if not all(any(name.startswith(mark) for name in own) for mark in MARKS):
        return None
    name = place.path.name
    kind = _kind(name, own)
    shapes = {name: tuple(value.shape) for name, value in vqgan.rename(own).items()}
    config, said = runs.config(place.path, kind, given=place.given)
    factor = 2 ** (vqgan.count(shapes, "encoder.down_blocks.{}.resnets.0.conv1.weight") - 1)
    size = place.size(runs.image_size(config, factor) or DEFAULT)
    bounded = bool(runs.inside(runs.autoencoder(config), "params", "ddconfig", "tanh_out"))
    compared = _compared(place, config, shapes, kind)
    # parts of the format, as the same weights give other images and codes
    title = TITLES[kind] + " with tanh_out" * bounded + (f", codes by {compared}" if compared else "")
    title = "SEED-Voken IBQ" if compared == "product" else title

    def build() -> Adapter:
        model = vqgan.adapter(kind, shapes, size, title, MADE.get(compared))
        if bounded:
            model.network.decoder.register_forward_hook(_tanh)
        return model

    family = "vae" if kind == "AutoencoderKL" else "vqvae"
    notes = [*_notes(place.weights.tensors, kind), *said]
    if compared in WAYS:
        notes.append(COMPARED.format(compared, *(way for way in WAYS if way != compared)))
    elif compared:
        notes.append(PRODUCT)
    return Found(title, family, (place.path,), size, build, vqgan.rename, tuple(notes))


def _compared(place: Place, config: dict[str, Any], shapes: Mapping[str, tuple[int, ...]], kind: str) -> str | None:
    """How codes are compared, where it is not by distance as ever: as was asked for, as the YAML file says, or as the
    code of CVQ-VAE and IBQ does."""
    if USAGE in place.weights.tensors:
        said = set(runs.values(runs.autoencoder(config), "distance"))
        told = next((way for way, word in WAYS.items() if word in said), "angle")
        return place.choice("compare", tuple(WAYS)) or told
    if kind != "VQModel":
        return None
    name = runs.inside(config, "model", "class_path")
    if isinstance(name, str):
        product = name.endswith(".IBQ")
    else:  # Emu3.5 has the settings of its IBQ at the top of the file
        blocks = vqgan.count(shapes, "encoder.down_blocks.0.resnets.{}.conv1.weight")
        product = "ddconfig" in config or (not config and blocks == BLOCKS_OF_IBQ)
    asked = place.choice("compare", ("product", "distance"))
    return "product" if (asked == "product" if asked else product) else None


def _kind(name: str, own: Mapping[str, Tensor]) -> str:
    if any(".to_qkv." in key for key in own):
        raise BadInput(f"{name} has linear attention, which cannot be opened; those with attn_type vanilla or none can")
    if any(key.startswith(("quantize.proj.", "quantize.embed.")) for key in own):
        return "GumbelVQ"
    own = {re.sub(r"^(en|de)coder\.((post_)?quant_conv)\.", r"\2.", key): value for key, value in own.items()}
    before, after = own.get("quant_conv.weight"), own.get("post_quant_conv.weight")
    if before is None and after is None and not any(key.startswith("quantize.") for key in own):
        return "AutoencoderKL"  # of Flux.1 and Stable Diffusion 3
    if before is None or after is None or before.ndim < 2 or after.ndim < 2:
        raise BadInput(f"{name} looks like a VQGAN, but lacks quant_conv.weight or post_quant_conv.weight")
    coded = any(key.startswith("quantize.") for key in own)
    return "AutoencoderKL" if not coded and before.shape[0] == 2 * after.shape[1] else "VQModel"


def _notes(tensors: Mapping[str, Tensor], kind: str) -> tuple[str, ...]:
    notes = [f"Images go in with {Pixels()}."]
    if kind == "GumbelVQ":
        notes.append("A code is the likeliest one; its training drew codes at random.")
    if "bn.running_mean" in tensors:
        notes.append("Latents are those before Flux.2 normalises them (bn), each of the image's own grid.")
    elif kind == "AutoencoderKL" and "quant_conv.weight" not in tensors:
        notes.append("Latents are as the network makes them, without the shift and scale of its diffusion model.")
    if "quantize.used" in tensors:
        if kind == "GumbelVQ":
            raise BadInput(
                "this GumbelVQ chooses among some of its codes only (remap, quantize.used), which cannot be shown; "
                "keep the rows of quantize.proj and quantize.embed that are used, and drop the table"
            )
        notes.append("Codes are numbered as in its codebook, not as in its table of used ones (remap).")
    return tuple(notes)


def _tanh(module: nn.Module, given: Any, output: Tensor) -> Tensor:
    return output.tanh()
