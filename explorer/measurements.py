"""Measurements over held-out images that take a while: made once, kept as JSON, found again by the content of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.files import cache_folder, digest, read_json, write_json

if TYPE_CHECKING:
    from explorer.datasets import Images
    from explorer.progress import Progress

FORMAT = 2


@dataclass(frozen=True)
class Measurement:
    """What can be measured.

    Attributes:
        images: held-out images that are measured, at most.
        options: choices by name, the first of each is the default.
        of_model: False where the images alone are measured.
        about: one line for the command line.
    """

    images: int
    options: dict[str, tuple[str, ...]]
    of_model: bool
    about: str


MEASUREMENTS: dict[str, Measurement] = {
    "layers": Measurement(1000, {"fill": ("mean", "zeros", "other")}, True, "what each layer adds to a reconstruction"),
    "rates": Measurement(500, {}, True, "quality against bits, with continuous layers quantized to 1 to 8 bits"),
    "codecs": Measurement(500, {}, False, "quality against bits of JPEG and WebP on the same images"),
}


def key(what: str, checkpoint: Path | None, images: Images, **options: str) -> str:
    """Content key: the model, the images and the options."""
    from explorer import checkpoints

    chosen = complete_options(what, options)
    model = checkpoints.fingerprint(checkpoint) if MEASUREMENTS[what].of_model else None
    count = min(len(images), MEASUREMENTS[what].images)
    return digest("measurement", FORMAT, what, model, images.fingerprint, images.split, count, chosen)


def default_path(what: str, checkpoint: Path | None, images: Images, **options: str) -> Path:
    """Where `make` writes; a page can watch for it."""
    return cache_folder() / "measurements" / f"{key(what, checkpoint, images, **options)}.json"


def locate(what: str, checkpoint: Path | None, images: Images, **options: str) -> dict[str, Any] | None:
    """The measurement, shipped with a checkpoint or made before; None if there is none."""
    from explorer.checkpoints import SHIPPED

    path = default_path(what, checkpoint, images, **options)
    places = [path, *SHIPPED.glob(f"*/measurements/{path.name}")]  # the name says what it is of
    if checkpoint is not None:
        places.append(Path(checkpoint) / "measurements" / path.name)
    for place in places:
        try:
            found = read_json(place)
        except (OSError, ValueError):
            continue  # not there, or damaged: measured again when somebody asks
        if isinstance(found, dict) and found.get("what") == what:
            return found
    return None


def make(
    what: str,
    checkpoint: Path | None,
    dataset: str,
    *,
    split: str = "test",
    fit: str = "crop",
    limit: int | None = None,
    device: str = "auto",
    out: Path | None = None,
    progress: Progress | None = None,
    **options: str,
) -> dict[str, Any]:
    """Measures, unless it is known; returns what is kept: `what, images, dataset, split, options` and the results.

    Raises:
        BadInput: an unknown measurement or option, a dataset that cannot be read.
        Cancelled: through `progress`.
    """
    import torch

    from explorer import checkpoints, datasets
    from explorer.devices import choose

    chosen = complete_options(what, options)
    size = None if checkpoint is None else checkpoints.describe(checkpoint).image_size
    read = {"fit": fit, "progress": progress}
    images = datasets.load(dataset, split, size, limit=limit, **read)
    known = locate(what, checkpoint, images, **chosen)
    if known is None:
        count = min(len(images), MEASUREMENTS[what].images)

        def tell(done: int, total: int, message: str) -> None:
            if progress is not None:
                progress.total = total
                progress.update(done, message)

        def train() -> Images:
            return datasets.load(dataset, "train", size, **read)

        model = checkpoints.load(checkpoint).to(choose(device)) if MEASUREMENTS[what].of_model else None
        with torch.inference_mode():
            found = _run(what, model, train, images, count, chosen, tell)
        known = {"what": what, "dataset": dataset, "split": images.split, "images": count, "options": chosen, **found}
        write_json(default_path(what, checkpoint, images, **chosen), known)
    if out is not None:
        write_json(out, known)
    return known


def lines(found: dict[str, Any]) -> list[str]:
    """A measurement for people to read."""
    if found["what"] == "layers":
        return _layer_lines(found)
    from explorer.analysis import quality, rates

    rows = []
    for point in found["points"]:
        rate = point["bits_per_pixel"]
        name = " ".join(str(point[k]) for k in ("codec", "quality") if k in point) or "+".join(rates.needed(point))
        bits = f", {point['bits']} bits a number" if point.get("bits") else ""
        cost = "not quantized" if rate is None else f"{rate:.4f} bits per pixel"
        rows.append(f"{name}{bits}: {cost}, PSNR {quality.worded(point['psnr'], 2)} dB, {point['psnr']['n']:,} images")
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


def _run(
    what: str, model, train: Callable[[], Images], images: Images, count: int, options: dict[str, str], tell
) -> dict[str, Any]:
    from explorer.analysis import codecs, layers, rates

    read = _sample(images, count)
    if what == "layers":
        return layers.measure(model, read, count, fill=options["fill"], progress=tell)
    if what == "rates":
        try:
            known = train()
            fitted, fitted_on = _sample(known, min(len(known), rates.TRAIN_IMAGES)), "train"
        except BadInput:  # a set with one split
            fitted, fitted_on = read, images.split
        return {**rates.measure(model, fitted, read, count, progress=tell), "fitted_on": fitted_on}
    return codecs.measure(read, count, progress=tell)


def _sample(images: Images, count: int) -> Callable[[slice], np.ndarray]:
    """Reads `count` images of the whole set, always the same ones."""
    rows = images.sample(count)
    return lambda part: images.read(rows[part])


def complete_options(what: str, options: dict[str, str]) -> dict[str, str]:
    """All options of a measurement; raises BadInput that names the choices for what is not known."""
    if what not in MEASUREMENTS:
        raise BadInput(f"unknown measurement {what!r}; choose from {', '.join(MEASUREMENTS)}")
    known = MEASUREMENTS[what].options
    for name, value in options.items():
        if name not in known:
            choices = f"choose from {', '.join(known)}" if known else "it has none"
            raise BadInput(f"{what} has no option {name!r}; {choices}")
        if value not in known[name]:
            raise BadInput(f"unknown {name} {value!r}; choose from {', '.join(known[name])}")
    return {name: options.get(name, choices[0]) for name, choices in known.items()}
