"""How good a trained network is on held-out images: metrics with intervals and baselines, and a model card."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from explorer.analysis import quality, usage
from explorer.analysis.comparison import constant_psnr, mean_image
from explorer.autoencoder import Masks, Sends, to_images, to_pixels
from explorer.errors import BadInput
from explorer.precision import exact

SCORED, MEAN_OF, UNTRAINED = 5000, 2000, 1000  # images at most: held-out; of the mean image; for the untrained network
MASK_RATIO = 0.75


@exact()
@torch.inference_mode()
def score(model, batches: Iterable[np.ndarray], device: torch.device | str = "cpu") -> dict[str, np.ndarray]:
    """`quality.measure` of the reconstruction of each of N images, (n, h, w, 3) uint8 a batch -> arrays (N,)."""
    parts = []
    for pixels in batches:
        images = to_images(pixels, device)
        parts.append(quality.measure(images, model.decode(model.encode(images)).float()))
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}


@exact()
@torch.inference_mode()
def strip(model, pixels: np.ndarray, device: torch.device | str = "cpu") -> Image.Image:
    """Originals above, reconstructions below: (n, h, w, 3) uint8 -> an image of n · w by 2 · h pixels."""
    images = to_images(pixels, device)
    below = to_pixels(model.decode(model.encode(images)))
    return Image.fromarray(np.concatenate([np.concatenate(list(pixels), 1), np.concatenate(list(below), 1)], 0))


def check_held_out(images) -> None:
    """Raises BadInput where a set has too few held-out images for a score with an interval."""
    if len(images) < 2:
        raise BadInput(
            f"'{images.name}' gives {'one' if len(images) else 'no'} held-out image, and scores need two; add images, "
            "or sort them into folders named train and test"
        )


def held_out_metrics(
    model, train, held_out, device: torch.device | str, *, untrained: Callable[[], nn.Module]
) -> dict[str, Any]:
    """Metrics of a network on up to 5,000 held-out images, each with its interval, sample size and baselines.

    `percentile_1` of the PSNR is what all but the worst 1 % of the images reach: pictures below it are unlike them.

    Every sample is drawn from the whole set, and read in batches. Raises BadInput with fewer than 2 held-out images.

    Args:
        train: the training images; the mean image, a baseline, comes from up to 2,000 of them.
        held_out: images that training never saw.
        untrained: makes the network as it was before training, the other baseline.
    """
    check_held_out(held_out)
    rows = held_out.sample(SCORED)
    scores = score(model, held_out.batches(rows), device)
    fresh = score(untrained(), held_out.batches(held_out.sample(UNTRAINED)), device)
    mean = mean_image(train.batches(train.sample(MEAN_OF)))
    metrics: dict[str, Any] = {
        "split": held_out.split,
        "content": held_out.fingerprint,
        "images": len(rows),
        "psnr": quality.interval(scores["psnr"]) | {"percentile_1": float(np.percentile(scores["psnr"], 1))},
        "ssim": quality.interval(scores["ssim"]),
        **_cropped(scores["ssim_cropped"]),
        "baselines": {
            "mean image": {"psnr": quality.interval(constant_psnr(mean, held_out.batches(rows)))},
            "untrained": {"psnr": quality.interval(fresh["psnr"])},
        },
    }
    metrics["layers"], continuous = layer_metrics(model, held_out.batches(rows), device)
    if metrics["layers"]:  # bits of the codes alone
        metrics["bits_per_pixel"] = sum(layer["bits_per_pixel"] for layer in metrics["layers"].values())
    if metrics["layers"] and continuous:  # so what is continuous is no bits, but not free either
        metrics["numbers_per_pixel"] = sum(layer["numbers_per_pixel"] for layer in continuous.values())
        metrics["continuous"] = continuous
    if isinstance(model, Masks):
        metrics["masked"] = masked_metrics(model, held_out.batches(rows), device)
    return metrics


def _cropped(values: np.ndarray) -> dict[str, Any]:
    """SSIM without the pixels near the border, as in the original; images below 11 px have no others."""
    return {} if np.isnan(values).all() else {"ssim_cropped": quality.interval(values)}


@exact()
@torch.inference_mode()
def layer_metrics(
    model, batches: Iterable[np.ndarray], device: torch.device | str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the layers of a model with codebooks cost and use on images; nothing without codebooks.

    Args:
        batches: (n, h, w, 3) uint8 each.

    Returns:
        Codebook use of each discrete layer. Of each continuous layer `sent`, the share of positions at which the
        decoder needs it, and `numbers_per_pixel`, the numbers that takes.
    """
    books = model.codebooks
    counts = {name: np.zeros(len(book), np.int64) for name, book in books.items()}
    others = [layer for layer in model.layers if books and layer.name not in books]
    positions = dict.fromkeys((layer.name for layer in others), 0)
    seen = 0
    for pixels in batches if books else ():
        seen += len(pixels)
        latents = model.encode(to_images(pixels, device))
        for name, book in books.items():
            counts[name] += usage.count_tokens(book.assign(latents[name]).cpu().numpy(), len(book))
        masks = model.sent(latents) if isinstance(model, Sends) else {}
        for layer in others:
            H, W = layer.grid
            everywhere = len(latents[layer.name]) * H * W
            positions[layer.name] += int(masks[layer.name].sum()) if layer.name in masks else everywhere
    grids = {layer.name: layer.grid for layer in model.layers}
    discrete = {name: _use(count, seen, grids[name], model.image_size) for name, count in counts.items()}
    continuous = {}
    for layer in others:
        cells = layer.grid[0] * layer.grid[1]
        share = positions[layer.name] / (seen * cells)
        numbers = layer.dim * share * cells / model.image_size**2
        continuous[layer.name] = {"dim": layer.dim, "sent": share, "numbers_per_pixel": numbers}
    return discrete, continuous


def _use(count: np.ndarray, images: int, grid: tuple[int, int], image_size: int) -> dict[str, Any]:
    found = usage.measure(count, images)
    return {
        "codes": found.codes,
        "used": found.used,
        "dead": found.dead,
        "perplexity": found.perplexity,
        "entropy_bits": found.entropy_bits,
        "tokens": found.tokens,
        "bits_per_pixel": usage.bits_per_pixel(grid, found.codes, image_size),
    }


@exact()
@torch.inference_mode()
def masked_metrics(
    model: Masks, batches: Iterable[np.ndarray], device: torch.device | str, seed: int = 0
) -> dict[str, Any]:
    """PSNR of hidden patches alone, beside filling each with the mean colour of the visible patches of its image."""
    H, W = model.mask_grid
    generator = torch.Generator().manual_seed(seed)
    hidden = round(H * W * MASK_RATIO)
    ours, baseline = [], []
    for pixels in batches:
        images = to_images(pixels, device)
        order = torch.rand(len(images), H * W, generator=generator).argsort(1).argsort(1)
        mask = (order < hidden).view(-1, H, W).to(device)
        cover = mask.repeat_interleave(model.patch_size, 1).repeat_interleave(model.patch_size, 2)[
            :, None
        ]  # (n, 1, h, w)
        visible = (~cover).float()
        mean = (images * visible).sum((2, 3), keepdim=True) / visible.sum((2, 3), keepdim=True)  # (n, 3, 1, 1)
        for guess, into in ((model.reconstruct_masked(images, mask), ours), (mean.expand_as(images), baseline)):
            error = ((guess - images).square() * cover).flatten(1).sum(1) / (3 * cover.flatten(1).sum(1))
            into.append(quality.psnr(error).cpu())
    ours_psnr, baseline_psnr = torch.cat(ours).numpy(), torch.cat(baseline).numpy()
    return {
        "ratio": MASK_RATIO,
        "psnr": quality.interval(ours_psnr),
        "baselines": {"mean of visible patches": {"psnr": quality.interval(baseline_psnr)}},
        "gain": quality.interval(ours_psnr - baseline_psnr),
    }
