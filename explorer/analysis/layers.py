"""What each layer of a model adds: reconstructions from some layers, the others filled; and recombinations.

A picture from some layers says as much about what fills the others as about them, so the filling is always named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import quality, usage
from explorer.analysis.comparison import Comparison, beside
from explorer.autoencoder import Autoencoder, Sends, device_of, to_images, to_pixels
from explorer.precision import exact

FILLS = {  # what stands for the layers that are left out
    "mean": "their mean over training (of codes whose use is not stored, the mean of the codebook)",
    "zeros": "zeros",
    "other": "those of another image",
}
Filling = Literal["mean", "zeros", "other"]
BATCH = 64


@exact()
def prefixes(
    model: Autoencoder, pixels: np.ndarray, fill: Filling = "mean", others: np.ndarray | None = None
) -> dict[str, Comparison]:
    """Images (N, h, w, 3) uint8 decoded from the layers up to and with each, coarse to fine, by the last one's name.

    Args:
        others: (N, h, w, 3) uint8, whose layers fill the missing ones where `fill` is `other`.
    """
    names = [layer.name for layer in model.layers]
    return _subsets(model, pixels, {name: names[: end + 1] for end, name in enumerate(names)}, fill, others)


@exact()
def alone(
    model: Autoencoder, pixels: np.ndarray, fill: Filling = "mean", others: np.ndarray | None = None
) -> dict[str, Comparison]:
    """The same images decoded from each layer alone."""
    return _subsets(model, pixels, {layer.name: [layer.name] for layer in model.layers}, fill, others)


def recombine(model: Autoencoder, first: np.ndarray, second: np.ndarray, of_first: Sequence[str]) -> np.ndarray:
    """An image decoded from the layers `of_first` of `first` and the others of `second`, all (h, w, 3) uint8."""
    latents = model.encode(to_images(np.stack([first, second]), device_of(model)))
    mixed = {name: z[:1] if name in of_first else z[1:] for name, z in latents.items()}
    return to_pixels(model.decode(mixed).float().cpu())[0]


@exact()
def measure(
    model: Autoencoder,
    read: Callable[[slice], np.ndarray],
    count: int,
    *,
    fill: Filling = "mean",
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """PSNR, SSIM and bits of every layer prefix and of each layer alone, over `count` images.

    Args:
        read: rows -> (n, h, w, 3) uint8.
        fill: what stands for missing layers; `other` takes those of the image before.

    Returns:
        `fill`, `joint`, and `layers`, coarse to fine: {`name`, `psnr`, `ssim` (of the prefix that ends there, a summary
        {mean, low, high, n} each), `alone` {psnr, ssim}, `gain` {psnr, ssim} (paired differences from the prefix
        before, for the first layer from `nothing`), `bits_per_pixel`, `entropy_bits_per_pixel`, `numbers_per_pixel`}.
        `nothing` is the score of a decode in which every layer is filled. Bits are those of codes, at log2 K and at the
        measured (plug-in) entropy; continuous layers count as numbers instead. PSNR in dB.
    """
    names = [layer.name for layer in model.layers]
    together = model.joint
    wanted = {("prefix", name): names[: end + 1] for end, name in enumerate(names)}
    wanted |= {("alone", name): [name] for name in names} if together else {}
    wanted |= {("nothing", ""): []} if together else {}
    scores: dict[tuple[str, str], dict[str, list[np.ndarray]]] = {k: {"psnr": [], "ssim": []} for k in wanted}
    counts = {name: np.zeros(len(book), np.int64) for name, book in model.codebooks.items()}
    sent = {layer.name: 0.0 for layer in model.layers}
    last: dict[str, Tensor] = {}  # of the batch before
    for start in range(0, count, BATCH):
        if progress is not None:
            progress(start, count, "decoding from every prefix of layers")
        rows = slice(start, min(start + BATCH, count))
        images = to_images(read(rows), device_of(model))
        latents = model.encode(images)
        # the other of an image is the one before it; the first one's is the last of its batch
        others = {name: torch.cat([last.get(name, z)[-1:], z[:-1]]) for name, z in latents.items()}
        last = latents
        for what, kept in wanted.items():
            found = quality.measure(images, _decode(model, latents, kept, fill, others))
            for name, parts in scores[what].items():
                parts.append(found[name].cpu().numpy())
        for name, book in model.codebooks.items():
            counts[name] += usage.count_tokens(book.assign(latents[name]).cpu().numpy(), len(book))
        masks = model.sent(latents) if together and isinstance(model, Sends) else {}
        for layer in model.layers:
            share = float(masks[layer.name].float().mean()) if layer.name in masks else 1.0
            sent[layer.name] += share * layer.grid[0] * layer.grid[1] * len(images)
    return {"fill": fill, "joint": together, **_report(model, scores, counts, sent, count)}


def _report(model, scores, counts: dict, sent: dict, count: int) -> dict[str, Any]:
    values = {k: {name: np.concatenate(parts) for name, parts in found.items()} for k, found in scores.items()}
    nothing, pixels, rows = values.get(("nothing", "")), model.image_size**2, []
    before = nothing
    for layer in model.layers:
        here, cells = values["prefix", layer.name], layer.grid[0] * layer.grid[1]
        row: dict[str, Any] = {"name": layer.name, **_intervals(here)}
        if ("alone", layer.name) in values:
            row["alone"] = _intervals(values["alone", layer.name])
        if before is not None:
            row["gain"] = _intervals({name: here[name] - before[name] for name in here})
        if layer.name in counts:
            row["bits_per_pixel"] = cells * math.log2(len(counts[layer.name])) / pixels
            row["entropy_bits_per_pixel"] = cells * float(usage.entropy_bits(counts[layer.name])) / pixels
        else:
            row["numbers_per_pixel"] = layer.dim * sent[layer.name] / count / pixels
        rows.append(row)
        before = here
    return {"layers": rows} | ({"nothing": _intervals(nothing)} if nothing else {})


def _intervals(values: Mapping[str, np.ndarray]) -> dict[str, dict[str, float | int | None]]:
    return {name: quality.interval(one) for name, one in values.items()}


def _subsets(
    model: Autoencoder,
    pixels: np.ndarray,
    wanted: Mapping[str, Sequence[str]],
    fill: Filling,
    others: np.ndarray | None,
) -> dict[str, Comparison]:
    images = to_images(pixels, device_of(model))
    latents = model.encode(images)
    foreign = model.encode(to_images(others, device_of(model))) if fill == "other" and others is not None else latents
    return {name: beside(pixels, images, _decode(model, latents, kept, fill, foreign)) for name, kept in wanted.items()}


def _decode(
    model: Autoencoder,
    latents: Mapping[str, Tensor],
    kept: Sequence[str],
    fill: Filling,
    others: Mapping[str, Tensor],
) -> Tensor:
    """Images decoded from the layers `kept`: (N, 3, h, w)."""
    first = next(iter(latents.values()))
    if not model.joint:
        return model.decode({name: latents[name] for name in kept})
    if fill == "other":
        return model.decode({name: latents[name] if name in kept else others[name] for name in latents})
    if kept:
        return model.decode({name: latents[name] for name in kept}, fill)
    return model.decode({}, fill).expand(len(first), -1, -1, -1)  # one image for all
