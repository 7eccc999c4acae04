"""The command `reconstruct`: image files in, their reconstructions as PNG files out, with the scores of each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer import access
from explorer.commands.command import Json, cancellable, command, emit, tell
from explorer.commands.results import CheckpointName
from explorer.errors import BadInput, explained
from explorer.files import atomic_path
from explorer.progress import Progress
from explorer.results.subject import Subject

if TYPE_CHECKING:
    import numpy as np

    from explorer.analysis.comparison import Comparison


@command((Subject, ("fit", "device")))
def reconstruct(
    checkpoint: CheckpointName,
    image: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="Image files.")],
    out: Annotated[Path, typer.Option(help="Folder for the PNG files.")],
    fill: Annotated[
        str, typer.Option(help="What fills the layers left out: mean, zeros, or other (those of the image before).")
    ] = "mean",
    as_json: Json = False,
    **options,
) -> None:
    """Writes originals, reconstructions, and for several layers each prefix of them and each layer alone."""
    from explorer import checkpoints
    from explorer.analysis import layers

    path = checkpoints.resolve(checkpoint)
    checkpoints.describe(path)
    with cancellable(Progress(len(image), "images", quiet=not sys.stderr.isatty())) as progress:
        written, skipped = write(path, image, out, fill=fill, progress=progress, **options)
        progress.finish()
    for entry in skipped:
        tell(f"skipped {entry['path']}: {entry['reason']}")
    lines = [f"{entry['reconstruction']}: PSNR {entry['psnr']:.2f} dB, SSIM {entry['ssim']:.3f}" for entry in written]
    if any(entry["layers"] for entry in written):
        lines.append(f"layers left out are filled with {layers.FILLS[fill]}")
    emit({"images": written, "skipped": skipped, "fill": fill}, as_json, lines)


def write(
    checkpoint: Path,
    sources: list[Path],
    out: Path,
    *,
    fill: str = "mean",
    fit: str = "crop",
    device: str = "auto",
    progress: Progress | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Writes `NAME-original.png`, `NAME-reconstruction.png` and, for several layers, `NAME-upto-LAYER.png` into `out`.

    That one is decoded from the layers up to LAYER, coarse to fine; `NAME-only-LAYER.png` from that layer alone, where
    the model puts layers together. `fill` says what stands for the layers left out, see `analysis.layers.FILLS`; the
    other of an image is the one before it, and of the first one the last.

    Returns:
        `{path, original, reconstruction, layers, mse, psnr, ssim, ssim_cropped}` of each image that could be read, PSNR
        in dB, SSIM with reflected borders and without what is near them (null below 11 px), with
        `{name, image, alone, psnr, ssim, ssim_cropped}` of each layer's prefix, and `{path, reason}` of each that could
        not.

    Raises:
        BadInput: no image could be read, `out` cannot be written, an unknown `fill`, or one image with `other`.
    """
    import torch

    from explorer import checkpoints
    from explorer.analysis import layers
    from explorer.jobs.devices import choose

    if fill not in layers.FILLS:
        raise BadInput(f"unknown fill {fill!r}; choose from {', '.join(layers.FILLS)}")
    target = choose(device)
    model = checkpoints.load(checkpoint).to(target)
    several = len(model.layers) > 1
    pictures, skipped = _read(sources, model.image_size, fit)
    if fill == "other" and several and len(pictures) < 2:
        raise BadInput("fill 'other' takes the layers of another image; give two images, or choose mean or zeros")
    written: list[dict[str, Any]] = []
    taken: set[str] = set()
    before = pictures[-1][1]
    for index, (source, pixels) in enumerate(pictures):
        if progress is not None:
            progress.update(index, source.name)
        arguments = (model, pixels[None], fill, before[None])
        with torch.inference_mode():
            upto = layers.prefixes(*arguments)
            alone = layers.alone(*arguments) if several and model.joint else {}
        before, whole = pixels, list(upto.values())[-1]
        name = _unused(source.stem, taken)
        entry: dict[str, Any] = {"path": str(source)}
        entry["original"] = _save(pixels, out / f"{name}-original.png")
        entry["reconstruction"] = _save(whole.reconstructions[0], out / f"{name}-reconstruction.png")
        entry["layers"] = []
        for layer, found in upto.items() if several else ():
            one = {"name": layer, "image": _save(found.reconstructions[0], out / f"{name}-upto-{layer}.png")}
            if layer in alone:
                one["alone"] = _save(alone[layer].reconstructions[0], out / f"{name}-only-{layer}.png")
            entry["layers"].append(one | _scores(found, "psnr", "ssim", "ssim_cropped"))
        written.append(entry | _scores(whole, "mse", "psnr", "ssim", "ssim_cropped"))
    return written, skipped


def _read(sources: list[Path], size: int, fit: str) -> tuple[list[tuple[Path, np.ndarray]], list[dict[str, str]]]:
    """Pixels (size, size, 3) uint8 of each image that can be read, and why the others cannot."""
    from explorer.datasets import decode_image

    pictures, skipped = [], []
    for source in sources:
        try:
            pictures.append((source, decode_image(access.check(source), size, fit)))
        except (BadInput, OSError) as error:
            skipped.append({"path": str(source), "reason": str(error)})
    if not pictures:
        reasons = "; ".join(entry["reason"] for entry in skipped[:3])
        raise BadInput(f"none of the {len(sources)} images can be read: {reasons}")
    return pictures, skipped


def _scores(found: Comparison, *names: str) -> dict[str, float]:
    return {name: float(getattr(found, name)[0]) for name in names}


def _unused(stem: str, taken: set[str]) -> str:
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name)
    return name


def _save(pixels: np.ndarray, path: Path) -> str:
    """(h, w, 3) uint8 -> PNG; the path as text."""
    from PIL import Image

    with explained("write a picture into --out", path), atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary)
    return str(path)
