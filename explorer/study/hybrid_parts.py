"""What stands beside codes that a prior drew: numbers of a hybrid model, drawn from a Gaussian of each code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.study.passes import through

if TYPE_CHECKING:
    from explorer.autoencoder import Autoencoder
    from explorer.results.continuous import Continuous
    from explorer.study import Study

WAYS = ("true", "mean", "drawn", "without")  # as they are; the mean given the code; drawn; what the model puts there


def known(study: Study) -> Continuous | None:
    """What is kept of the continuous part of the checkpoint on these images."""
    return study.result("continuous")


def complete(
    study: Study, codes: Mapping[str, np.ndarray], how: str = "drawn", seed: int = 0
) -> dict[str, np.ndarray]:  # fmt: skip
    """Numbers (N, H, W, D) float32 of the layers that stand beside `codes` {layer: (N, H, W)}.

    `how` is drawn, or mean. Empty where the model is no hybrid, nothing is fitted yet, or `how` is without: the model
    puts its own mean there.
    """
    found = known(study)
    if found is None or how not in ("drawn", "mean"):
        return {}
    generator = np.random.default_rng([seed, 7])
    filled = {}
    for name, book in found.facts.get("beside", {}).items():
        if book in codes:
            one = found.beside[name]
            filled[name] = one.mean_of(codes[book]) if how == "mean" else one.draw(codes[book], generator)
    return filled


def decoded(study: Study, codes: Mapping[str, np.ndarray], numbers: Mapping[str, np.ndarray]) -> np.ndarray:
    """Pictures (N, h, w, 3) uint8 of codes (N, H, W) of layers, and of numbers (N, H, W, D) of others."""
    return study.through(_decoded, dict(codes), dict(numbers))


def seen(study: Study, rows: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Codes (N, H, W), and numbers (N, H, W, D) of what stands beside them, of some images."""
    return study.through(_seen, study.images.read(rows), dict(known(study).facts["beside"]))


@through
def _seen(model: Autoencoder, pixels: np.ndarray, beside: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    from explorer.autoencoder import device_of, to_images

    latents = model.encode(to_images(pixels, device_of(model)))
    codes = {book: model.codebooks[book].assign(latents[book]).cpu().numpy() for book in model.codebooks}
    return codes, {name: latents[name].float().cpu().numpy() for name in beside}


@through
def _decoded(model: Autoencoder, codes: Mapping[str, np.ndarray], numbers: Mapping[str, np.ndarray]) -> np.ndarray:
    import torch

    from explorer.analysis import traversal
    from explorer.autoencoder import device_of, to_pixels

    device, books = device_of(model), model.codebooks
    latents = {name: torch.from_numpy(np.array(z, np.float32)).to(device) for name, z in numbers.items()}
    for name, some in codes.items():
        rows = torch.from_numpy(np.asarray(some).astype(np.int64))
        latents[name] = books[name].lookup(rows.to(books[name].vectors.device)).to(device)
    return to_pixels(traversal.decode(model, latents))
