"""Weights of networks that are no autoencoders: what they are, and what to give instead."""

from __future__ import annotations

import re
from collections.abc import Iterable

OF_DIFFUSION = r"(input|output|double|single|joint|transformer|double_stream)_blocks\.\d|time_embed(ding)?\."
KINDS: tuple[tuple[str, str], ...] = (  # how a name begins that only such a file has, and what to say of it
    (
        r"(.*[._])?(lora_(up|down|A|B|unet|te\w*)|hada_w1_a|lokr_w1)([._]|$)",
        "holds a LoRA, changes to the weights of another model; give the autoencoder of that model",
    ),
    (r"control_model\.|controlnet_|control_add_embedding", "is a ControlNet; give the `vae` of its model"),
    (
        rf"(model\.diffusion_model\.|{OF_DIFFUSION})",
        "is the network of a diffusion model that takes noise away (UNet or transformer), without its autoencoder; "
        "give the folder or file `vae` of the same model",
    ),
    (
        r"(encoder\.down_blocks|decoder\.up_blocks|decoder\.layers)\.\d+\.|(vit\.)?embeddings\.patch_embeddings\.",
        "holds weights of diffusers or transformers, which belong with their config.json; put that beside it, or give "
        "the folder that has both",
    ),
    (
        r"(transformer\.)?text_model\.|(encoder|decoder)\.block\.0\.layer\.0\.SelfAttention",
        "is a text encoder; give an image autoencoder",
    ),
    (
        r"lm_head\.|(language_)?model\.layers\.0\.self_attn\.|(transformer\.)?h\.0\.attn",
        "is a language model; give an image autoencoder",
    ),
)


def explain(names: Iterable[str]) -> str:
    """What a file with tensors of these names is, as the rest of a sentence that begins with its name; or how they are
    called. Empty where there are none."""
    names = sorted(names)
    for pattern, what in KINDS:
        if any(re.match(pattern, one) for one in names):
            return what
    few = ", ".join(one[:60] for one in names[:3])
    return f"holds {len(names):,} tensors of no network that is known here, such as {few}" if names else ""
