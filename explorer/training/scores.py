"""How good a trained network is on held-out images: metrics with intervals and baselines, and a model card."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from explorer.analysis import quality, usage
from explorer.analysis.comparison import mean_image
from explorer.autoencoder import Masks, Sends, to_images, to_pixels
from explorer.errors import BadInput
from explorer.precision import exact

SCORED, MEAN_OF, UNTRAINED = 5000, 2000, 1000  # images at most: held-out; of the mean image; for the untrained network
MASK_RATIO = 0.75


@exact()
@torch.inference_mode()
def score(
    model, batches: Iterable[np.ndarray], device: torch.device | str = "cpu", *, beside: Sequence[Beside] = ()
) -> dict[str, np.ndarray]:
    """`quality.measure` of the reconstruction of each of N images, (n, h, w, 3) uint8 a batch -> arrays (N,).

    `beside` is shown the images and latents of each batch on the way: one pass is enough for everything.
    """
    parts = []
    for pixels in batches:
        images = to_images(pixels, device)
        latents = model.encode(images)
        parts.append(quality.measure(images, model.decode(latents).float()))
        for one in beside:
            one.add(images, latents)
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}


class Beside(Protocol):
    """What is measured beside reconstructions."""

    def add(self, images: Tensor, latents: Mapping[str, Tensor]) -> None:
        """Takes a batch: images (n, 3, h, w), and their latents."""


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
    rows, size = held_out.sample(SCORED), batch_of(held_out.size, device)
    mean = Answer(mean_image(train.batches(train.sample(MEAN_OF))).to(device))
    layers = Layers(model, device)
    masked = [Hidden(model, device)] if isinstance(model, Masks) else []
    scores = score(model, held_out.batches(rows, size), device, beside=(mean, layers, *masked))
    fresh = score(untrained(), held_out.batches(held_out.sample(UNTRAINED), size), device)
    metrics: dict[str, Any] = {
        "split": held_out.split,
        "content": held_out.fingerprint,
        "images": len(rows),
        "psnr": quality.interval(scores["psnr"]) | {"percentile_1": float(np.percentile(scores["psnr"], 1))},
        "ssim": quality.interval(scores["ssim"]),
        **_cropped(scores["ssim_cropped"]),
        "baselines": {
            "mean image": {"psnr": quality.interval(mean.psnr())},
            "untrained": {"psnr": quality.interval(fresh["psnr"])},
        },
    }
    metrics["layers"], continuous = layers.metrics()
    if metrics["layers"]:  # bits of the codes alone
        metrics["bits_per_pixel"] = sum(layer["bits_per_pixel"] for layer in metrics["layers"].values())
    if metrics["layers"] and continuous:  # so what is continuous is no bits, but not free either
        metrics["numbers_per_pixel"] = sum(layer["numbers_per_pixel"] for layer in continuous.values())
        metrics["continuous"] = continuous
    for one in masked:
        metrics["masked"] = one.metrics()
    return metrics


def batch_of(size: int, device: torch.device | str) -> int:
    """Images that are scored at once: on a GPU as many as keep it busy, elsewhere as few as caches like."""
    return max(128, min(1024, 2**22 // size**2)) if torch.device(device).type == "cuda" else 128


class Answer:
    """PSNR of answering every image with one (1, 3, h, w)."""

    def __init__(self, answer: Tensor) -> None:
        self.answer, self.parts = answer, []

    def add(self, images: Tensor, latents: Mapping[str, Tensor]) -> None:
        self.parts.append(quality.psnr(quality.mse(images, self.answer.expand_as(images))))

    def psnr(self) -> np.ndarray:
        """dB (N,)."""
        return torch.cat(self.parts).cpu().numpy()


def _cropped(values: np.ndarray) -> dict[str, Any]:
    """SSIM without the pixels near the border, as in the original; images below 11 px have no others."""
    return {} if np.isnan(values).all() else {"ssim_cropped": quality.interval(values)}


class Layers:
    """What the layers of a model with codebooks cost and use on images; nothing without codebooks."""

    def __init__(self, model, device: torch.device | str) -> None:
        self.model, self.seen, self.books = model, 0, model.codebooks
        options = {"dtype": torch.int64, "device": device}
        self.counts = {name: torch.zeros(len(book), **options) for name, book in self.books.items()}
        self.others = [layer for layer in model.layers if self.books and layer.name not in self.books]
        self.positions = {layer.name: torch.zeros((), **options) for layer in self.others}

    def add(self, images: Tensor, latents: Mapping[str, Tensor]) -> None:
        self.seen += len(images)
        for name, book in self.books.items():
            codes = book.assign(latents[name]).flatten()
            self.counts[name].index_add_(0, codes, torch.ones_like(codes))
        masks = self.model.sent(latents) if self.others and isinstance(self.model, Sends) else {}
        for layer in self.others:
            H, W = layer.grid
            everywhere = len(images) * H * W
            self.positions[layer.name] += masks[layer.name].sum() if layer.name in masks else everywhere

    def metrics(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Codebook use of each discrete layer. Of each continuous layer `sent`, the share of positions at which the
        decoder needs it, and `numbers_per_pixel`, the numbers that takes."""
        grids, size = {layer.name: layer.grid for layer in self.model.layers}, self.model.image_size
        discrete = {
            name: _use(count.cpu().numpy(), self.seen, grids[name], size) for name, count in self.counts.items()
        }
        continuous = {}
        for layer in self.others:
            cells = layer.grid[0] * layer.grid[1]
            share = int(self.positions[layer.name]) / (self.seen * cells)
            numbers = layer.dim * share * cells / size**2
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


class Hidden:
    """PSNR of hidden patches alone, beside filling each with the mean colour of the visible patches of its image."""

    def __init__(self, model: Masks, device: torch.device | str, seed: int = 0) -> None:
        self.model, self.device, self.generator = model, device, torch.Generator().manual_seed(seed)
        self.ours: list[Tensor] = []
        self.baseline: list[Tensor] = []

    def add(self, images: Tensor, latents: Mapping[str, Tensor]) -> None:
        H, W = self.model.mask_grid
        hidden, patch = round(H * W * MASK_RATIO), self.model.patch_size
        order = torch.rand(len(images), H * W, generator=self.generator).argsort(1).argsort(1)
        mask = (order < hidden).view(-1, H, W).to(self.device)
        cover = mask.repeat_interleave(patch, 1).repeat_interleave(patch, 2)[:, None]  # (n, 1, h, w)
        visible = (~cover).float()
        mean = (images * visible).sum((2, 3), keepdim=True) / visible.sum((2, 3), keepdim=True)  # (n, 3, 1, 1)
        filled = self.model.reconstruct_masked(images, mask)
        for guess, into in ((filled, self.ours), (mean.expand_as(images), self.baseline)):
            error = ((guess - images).square() * cover).flatten(1).sum(1) / (3 * cover.flatten(1).sum(1))
            into.append(quality.psnr(error))

    def metrics(self) -> dict[str, Any]:
        """Both, and what ours is better by."""
        ours, baseline = (torch.cat(parts).cpu().numpy() for parts in (self.ours, self.baseline))
        return {
            "ratio": MASK_RATIO,
            "psnr": quality.interval(ours),
            "baselines": {"mean of visible patches": {"psnr": quality.interval(baseline)}},
            "gain": quality.interval(ours - baseline),
        }
