"""Slow measurements over held-out images, kept as JSON: what layers add, and quality against bits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, read_json, write_json
from explorer.jobs.devices import choose
from explorer.options import choice, text

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from explorer.datasets import Images
    from explorer.progress import Progress
    from explorer.results.subject import Subject

FORMAT = 3  # of scores: of 8-bit pixels, and means over training that are weighted by use
AMONG = ", which is among what is measured"
IMAGES = {"layers": 1000, "rates": 500, "codecs": 500, "latents": 5000}  # held-out images that are measured, at most


@dataclass(frozen=True)
class Layers:
    """What each layer adds to a reconstruction."""

    fill: str = choice("mean", ("mean", "zeros", "other"), "What stands for the layers that are left out.")


@dataclass(frozen=True)
class Rates:
    """Quality against bits of a model."""


@dataclass(frozen=True)
class Codecs:
    """Quality against bits of JPEG and WebP; no model is asked."""


@dataclass(frozen=True)
class Latents:
    """What the units of a continuous layer do, and a mixture fitted to its latents."""

    layer: str = text("", "Which continuous layer; the first, unless one is named.")


def key(what: str, subject: Subject, options: Any) -> str:
    """Content key: the model, unless the images alone are measured, the images and the options."""
    model = None if what == "codecs" else subject.fingerprint
    options = complete(subject, options)
    images, count = subject.images, min(len(subject.images), IMAGES[what])
    return digest("measurement", FORMAT, what, model, images.fingerprint, images.split, count, asdict(options))


def complete(subject: Subject, options: Any) -> Any:
    """The options with the layer named that is meant.

    Raises:
        BadInput: no continuous layer, or none of that name.
    """
    if not isinstance(options, Latents):
        return options
    known = [layer["name"] for layer in subject.facts.layers if layer.get("codes") is None]
    if not known:
        raise BadInput(f"{subject.facts.name} has no continuous layer, so there are no units to measure")
    if options.layer and options.layer not in known:
        raise BadInput(f"{options.layer!r} is no continuous layer; choose from {', '.join(known)}")
    return Latents(options.layer or known[0])


def make(what: str, subject: Subject, options: Any, path: Path, progress: Progress) -> None:
    """Measures and writes `what, images, dataset, split, options` and the results."""
    import torch

    images, count, options = subject.images, min(len(subject.images), IMAGES[what]), complete(subject, options)

    def tell(done: int, total: int, message: str) -> None:
        progress.total = total
        progress.update(done, message)

    device = choose(subject.device)
    model = None if what == "codecs" else subject.network().to(device)
    with torch.inference_mode():
        found = _run(what, model, lambda: subject.load("train", None, progress), images, count, options, tell)
    facts = {"what": what, "dataset": subject.dataset, "split": images.split, "images": count}
    write_json(path, {**facts, "options": asdict(options), **found})


def read(what: str, path: Path) -> dict[str, Any]:
    """What `make` wrote; BadInput where it is damaged or something else."""
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} is no measurement or is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("what") != what:
        raise BadInput(f"{path.name} is not a measurement of {what}; delete it and measure again")
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """A measurement for people to read."""
    if found["what"] in ("layers", "latents"):
        return (_layer_lines if found["what"] == "layers" else _latent_lines)(found)
    from explorer.analysis import quality, rates

    rows = []
    for point in found["points"]:
        rate = point["bits_per_pixel"]
        name = " ".join(str(point[k]) for k in ("codec", "quality") if k in point) or "+".join(rates.needed(point))
        bits = f", {point['bits']} bits a number" if point.get("bits") else ""
        cost = "not quantized" if rate is None else f"{rate:.4f} bits per pixel"
        rows.append(f"{name}{bits}: {cost}, PSNR {quality.worded(point['psnr'], 2)} dB, {point['psnr']['n']:,} images")
    if found.get("train_images"):
        rows.append(f"levels of numbers are fitted on {found['train_images']:,} images of {found.get('fitted_on')}")
    return rows


def _layer_lines(found: dict[str, Any]) -> list[str]:
    from explorer.analysis import quality
    from explorer.analysis.layers import FILLS

    filled = f"layers left out are filled with {FILLS[found['fill']]}" if found["joint"] else "each layer alone"
    rows = [f"{filled}; {found['images']:,} images of {found['split']}, 95 % intervals"]
    if "nothing" in found:
        rows.append(f"no layer: PSNR {quality.worded(found['nothing']['psnr'], 2)} dB")
    for layer in found["layers"]:
        bits = layer.get("bits_per_pixel")
        cost = f"{bits:.4f} bits" if bits is not None else f"{layer['numbers_per_pixel']:.4f} numbers"
        name = f"up to {layer['name']}" if found["joint"] else layer["name"]
        rows.append(f"{name}: PSNR {quality.worded(layer['psnr'], 2)} dB; this layer costs {cost} per pixel")
    return rows


def _latent_lines(found: dict[str, Any]) -> list[str]:
    from explorer.analysis import posterior, quality

    units, samples = found["units"], found["samples"]
    rows = [f"layer {found['layer']}: {len(units['variance']):,} units, {found['images']:,} images of {found['split']}"]
    if found["posterior"]:
        count = int(posterior.dead(units["variance"]).sum())
        rows.append(f"KL {quality.worded(found['total'], 2)} nats an image; {count:,} units are dead")
    if samples:
        best = max(samples["tried"], key=lambda one: one["nats"])
        rows.append(f"mixture of {best['components']} with {best['covariance']} covariances")
        rows += [
            f"near a real latent: {name} {one['share']:.1%} of {one['n']:,}" for name, one in samples["near"].items()
        ]
    return rows


def _run(
    what: str, model, train: Callable[[], Images], images: Images, count: int, options: Any, tell
) -> dict[str, Any]:
    from explorer.analysis import codecs, layers, rates

    read = _sample(images, count)
    if what == "layers":
        return layers.measure(model, read, count, fill=options.fill, progress=tell)
    if what == "latents":
        return _latents(model, images, count, options.layer, tell)
    if what == "rates":
        try:
            known = train()
            fitted, fitted_on = _sample(known, min(len(known), rates.TRAIN_IMAGES)), "train"
        except BadInput:  # a set with one split
            fitted, fitted_on = read, images.split
        found = rates.measure(model, fitted, read, count, progress=tell)
        return {**found, "fitted_on": fitted_on + (AMONG if images.split == "all" and fitted_on == "train" else "")}
    return codecs.measure(read, count, progress=tell)


def _latents(model, images: Images, count: int, layer: str, tell) -> dict[str, Any]:
    from explorer.analysis import posterior

    grid = next(one.grid for one in model.layers if one.name == layer)
    count = posterior.wanted(grid, count)
    return posterior.measure(model, _sample(images, count), count, layer, progress=tell)


def _sample(images: Images, count: int) -> Callable[[slice], np.ndarray]:
    """Reads `count` images of the whole set, always the same ones."""
    rows = images.sample(count)
    return lambda part: images.read(rows[part])
