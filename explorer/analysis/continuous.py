"""The continuous part of a checkpoint over images: latents of one vector, and numbers that stand beside codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import code_gaussians, pairs, quality
from explorer.analysis.aggregate import LN2, Latents
from explorer.analysis.code_gaussians import CodeGaussians
from explorer.autoencoder import Autoencoder, Posteriors, Sends, device_of, to_images
from explorer.precision import exact

BATCH, PIXELS = 128, 128 * 64 * 64  # images at once, and pixels
WAYS = ("true", "mean", "drawn", "apart", "without")  # what stands beside the codes when images are decoded

Read = Callable[[slice], np.ndarray]
Tell = Callable[[int, int, str], None]


@exact()
def latents(model: Autoencoder, read: Read, count: int, layer: str, tell: Tell | None = None) -> Latents:
    """Latents of a layer whose grid is 1 × 1, with the posterior's variances where the model tells them."""
    means, variances = [], []
    for images in _batches(model, read, count, tell, "latents of images"):
        told = model.posterior(images) if isinstance(model, Posteriors) else {}
        mean, variance = told[layer] if layer in told else (model.encode(images)[layer], None)
        means.append(mean.flatten(1).float().cpu().numpy())
        if variance is not None:
            variances.append(variance.flatten(1).float().cpu().numpy())
    return Latents(np.concatenate(means), np.concatenate(variances) if variances else None)


@exact()
def gaussians(
    model: Autoencoder, read: Read, count: int, beside: Mapping[str, str], *, seed: int = 0, tell: Tell | None = None
) -> dict[str, CodeGaussians]:
    """A Gaussian for each code of each pair {continuous layer: the layer of codes beside it}, fitted to images."""
    codes: dict[str, list[np.ndarray]] = {name: [] for name in beside}
    values, needed = {name: [] for name in beside}, {name: [] for name in beside}
    for images in _batches(model, read, count, tell, "codes and what stands beside them"):
        found, masks = _of(model, images, beside)
        for name, (some, numbers) in found.items():
            codes[name].append(some.cpu().numpy())
            values[name].append(numbers.float().cpu().numpy())
            needed[name].append(masks[name].cpu().numpy())
    fitted = {}
    for name, book in beside.items():
        some, size = np.concatenate(codes[name]), len(model.codebooks[book])
        fitted[name] = code_gaussians.fit(
            some, np.concatenate(values[name]), size, _needed(some, np.concatenate(needed[name]), size), seed=seed
        )
    return fitted


def _needed(codes: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """(K,) codes whose numbers the decoder needs; those never seen count as needed."""
    seen, wanted = (np.bincount(some, minlength=size) for some in (codes.reshape(-1), codes[mask]))
    return (wanted > 0) | (seen == 0)


@exact()
def judge(
    model: Autoencoder, read: Read, count: int, beside: Mapping[str, str], found: Mapping[str, CodeGaussians],
    *, seed: int = 0, tell: Tell | None = None,
) -> dict[str, Any]:  # fmt: skip
    """How much codes tell of what stands beside them, over held-out images, the image being the sampling unit.

    Returns:
        `images`; `layers`, {name: {`codes`, `dim`, `positions` that are needed, `alone`, `given`: bits a position, the
        density turned round, of both {mean, low, high, n}, `gain`: {`bits`, `low`, `high`, `n`} that the code saves,
        `explained`: {`share`, `low`, `high`} of the variance, or None where there is none}};
        `psnr`, {way: {mean, low, high, n}} of WAYS that decode: with the `true` numbers, with their `mean` given the
        code, `drawn` given the code, drawn `apart` from the code, and `without`: what the model puts in their place;
        and `differences`, {way: {against: {`difference`, `low`, `high`, `n`}}} in dB, by image.
    """
    generator = np.random.default_rng([seed, 5])
    nats = {name: {"alone": [], "given": []} for name in beside}
    squares = {name: ([], []) for name in beside}
    positions, scores = dict.fromkeys(beside, 0), {way: [] for way in WAYS}
    for images in _batches(model, read, count, tell, "decoding with and without what stands beside codes"):
        parts, masks = _of(model, images, beside)
        for name, (some, numbers) in parts.items():
            codes, values, mask = some.cpu().numpy(), numbers.double().cpu().numpy(), masks[name].cpu().numpy()
            one = found[name]
            nats[name]["given"].append(code_gaussians.by_image(one.nats(codes[mask], values[mask]), mask))
            nats[name]["alone"].append(code_gaussians.by_image(one.overall(values[mask]), mask))
            for kept, sums in zip(squares[name], code_gaussians.explained(codes, values, one), strict=True):
                kept.append(sums)
            positions[name] += int(mask.sum())
        for way, decoded in decode(model, parts, beside, found, generator).items():
            scores[way].append(quality.psnr(quality.mse(images, decoded)).double().cpu().numpy())
    layers = {}
    for name, book in beside.items():
        alone, given = (np.concatenate(nats[name][way]) for way in ("alone", "given"))
        there = np.isfinite(alone)
        layers[name] = {
            "codes": book, "dim": len(found[name].mean), "positions": positions[name],
            "alone": quality.interval(-alone[there] / LN2), "given": quality.interval(-given[there] / LN2),
            "gain": _difference(given / LN2, alone / LN2, "bits"), "strength": list(found[name].strength),
            "seen": int((found[name].counts > 0).sum()), "size": len(found[name].counts),
            "explained": share(*(np.concatenate(some) for some in squares[name])),
        }  # fmt: skip
    whole = {way: np.concatenate(some) for way, some in scores.items()}
    differences = {
        way: {other: _difference(whole[way], whole[other], "difference") for other in WAYS[place + 1 :]}
        for place, way in enumerate(WAYS)
    }
    psnr = {way: quality.interval(some) for way, some in whole.items()}
    return {"images": count, "layers": layers, "psnr": psnr, "differences": differences}


def share(given: np.ndarray, alone: np.ndarray) -> dict[str, float | None] | None:
    """One less the quotient of two sums over images (N,), with the 95 % interval of a jackknife; None without variance.

    The share of the variance that codes explain; below zero where their means are worse than one for all.
    """
    total = alone.sum()
    if total <= 0:
        return None
    found = 1 - given.sum() / total
    if len(given) < 2:
        return {"share": float(found), "low": None, "high": None, "n": len(given)}
    left = total - alone
    each = 1 - (given.sum() - given) / np.where(left > 0, left, total)
    n = len(each)
    error = float(np.sqrt((n - 1) / n * ((each - each.mean()) ** 2).sum()))
    return {"share": float(found), "low": float(found - 1.96 * error), "high": float(found + 1.96 * error), "n": n}


def decode(
    model: Autoencoder, parts: Mapping[str, tuple[Tensor, Tensor]], beside: Mapping[str, str],
    found: Mapping[str, CodeGaussians], generator: np.random.Generator,
) -> dict[str, Tensor]:  # fmt: skip
    """Images (N, 3, h, w) decoded in each of WAYS, of {continuous layer: codes (N, H, W), numbers (N, H, W, D)}."""
    books = model.codebooks
    base = {beside[name]: books[beside[name]].lookup(codes) for name, (codes, _) in parts.items()}
    filled: dict[str, dict[str, Tensor]] = {way: {} for way in WAYS}
    for name, (codes, numbers) in parts.items():
        flat, one = codes.cpu().numpy(), found[name]
        filled["true"][name] = numbers
        for way, made in (
            ("mean", one.mean_of(flat)),
            ("drawn", one.draw(flat, generator)),
            ("apart", one.draw(flat, generator, given=False)),
        ):
            filled[way][name] = torch.from_numpy(made).to(numbers)
    return {way: model.decode({**base, **some}).float() for way, some in filled.items()}


def _of(
    model: Autoencoder, images: Tensor, beside: Mapping[str, str]
) -> tuple[dict[str, tuple[Tensor, Tensor]], dict[str, Tensor]]:
    """{continuous layer: (codes (N, H, W), numbers (N, H, W, D))}, and where they are needed, (N, H, W) bool."""
    found = model.encode(images)
    parts = {name: (model.codebooks[book].assign(found[book]), found[name]) for name, book in beside.items()}
    sent = model.sent(found) if isinstance(model, Sends) else {}
    whole = {name: torch.ones_like(codes, dtype=torch.bool) for name, (codes, _) in parts.items()}
    return parts, {name: sent.get(name, mask) for name, mask in whole.items()}


def _difference(first: np.ndarray, second: np.ndarray, name: str) -> dict[str, Any]:
    found = pairs.difference(first, second)
    return {name: found["difference"], **{end: found[end] for end in ("low", "high", "n")}}


def _batches(model: Autoencoder, read: Read, count: int, tell: Tell | None, what: str):
    """Images (n, 3, h, w) where the network is, a few at a time."""
    some = max(1, min(BATCH, PIXELS // model.image_size**2))
    for start in range(0, count, some):
        if tell is not None:
            tell(start, count, what)
        yield to_images(read(slice(start, min(start + some, count))), device_of(model))
