"""What a picture loses when one layer of its codes is damaged, while the others stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

DAMAGES = {
    "mean": "is its mean",
    "other": "is another image's",
    "shuffled": "is shuffled among positions",
}


def damaged(
    latents: Mapping[str, Tensor], layer: str, damage: str, others: Mapping[str, Tensor], generator: torch.Generator
) -> dict[str, Tensor]:
    """Latents {layer: (n, H, W, D)} in which `layer` is damaged; left out for "mean": the decoder fills it in.

    Args:
        others: latents of as many other images. generator: on the CPU, of the order of positions, one for each image.
    """
    if damage == "mean":
        return {name: z for name, z in latents.items() if name != layer}
    z = others[layer] if damage == "other" else shuffled(latents[layer], generator)
    return {**latents, layer: z}


def shuffled(latents: Tensor, generator: torch.Generator) -> Tensor:
    """The vectors of each image (n, H, W, D) at other positions of the same image, in an order of its own."""
    count, height, width, dim = latents.shape
    order = torch.rand(count, height * width, generator=generator).argsort(1).to(latents.device)
    flat = latents.reshape(count, height * width, dim)
    return flat.gather(1, order[..., None].expand(-1, -1, dim)).reshape(latents.shape)
