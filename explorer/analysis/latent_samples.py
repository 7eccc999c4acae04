"""Whether pictures drawn from priors of a latent look like images, and like all of them, in the model's own latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from explorer.analysis import aggregate, sample_quality, traversal
from explorer.analysis.aggregate import Fitted, Latents
from explorer.autoencoder import Autoencoder, device_of, to_images, to_pixels
from explorer.precision import exact

if TYPE_CHECKING:
    from explorer.analysis.continuous import Tell

MOST, FEWEST = 1000, 20  # images and samples


@exact()
def judge(
    model: Autoencoder, fitted: Fitted, held: Latents, layer: str, *, seed: int = 0, tell: Tell | None = None
) -> dict[str, Any]:
    """Precision, recall, density and coverage of samples of each prior, against held-out images.

    Samples are decoded and encoded again, so that it is pictures that are judged, not what was drawn; `back` is the
    same of other held-out images, which no sampler can be expected to beat.

    Returns:
        `images` and as many samples; `scores`, {prior or `back`: {metric: {mean, low, high, n}}}. Empty where there
        are fewer than 40 images.
    """
    count = min(MOST, len(held) // 2)
    if count < FEWEST:
        return {}
    order = np.random.default_rng([seed, 11]).permutation(len(held))  # images may be sorted by class
    real, others = held.means[order[:count]], held.means[order[count : 2 * count]]
    among, scores = None, {}
    for place, name in enumerate(("back", *fitted.densities)):
        if tell is not None:
            tell(place, len(fitted.densities) + 1, "judging pictures of samples")
        points = others if name == "back" else aggregate.drawn(fitted, name, count, seed)
        found = sample_quality.distances(real, _seen(model, points, layer), among)
        among, scores[name] = found.real, sample_quality.measure(found, seed=seed)
    return {"images": count, "scores": scores}


def _seen(model: Autoencoder, points: np.ndarray, layer: str) -> np.ndarray:
    """Latents (n, D) of the pictures, of 8 bits, that latents (n, D) decode to."""
    found, device, some = [], device_of(model), traversal.at_once(model)
    for start in range(0, len(points), some):
        part = torch.from_numpy(np.array(points[start : start + some], np.float32))[:, None, None].to(device)
        pixels = to_pixels(model.decode({layer: part}).float())
        found.append(model.encode(to_images(pixels, device))[layer].flatten(1).float().cpu().numpy())
    return np.concatenate(found)
