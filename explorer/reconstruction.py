"""Reconstructions of image files as PNG files, with the scores of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import atomic_path
from explorer.progress import Progress

if TYPE_CHECKING:
    import numpy as np


def write(
    checkpoint: Path,
    sources: list[Path],
    out: Path,
    *,
    fit: str = "crop",
    device: str = "auto",
    progress: Progress | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Writes `NAME-original.png`, `NAME-reconstruction.png` and, for several layers, `NAME-upto-LAYER.png` into `out`.

    The image of a layer prefix is decoded from the layers up to that one, coarse to fine.

    Returns:
        `{path, original, reconstruction, layers, mse, psnr, ssim}` of each image that could be read, PSNR in dB, and
        `{path, reason}` of each that could not.

    Raises:
        BadInput: no image could be read, or `out` cannot be written.
    """
    import torch

    from explorer import checkpoints
    from explorer.analysis.comparison import prefixes
    from explorer.datasets import decode_image
    from explorer.devices import choose

    target = choose(device)
    model = checkpoints.load(checkpoint).to(target)
    written, skipped, taken = [], [], set()
    for index, source in enumerate(sources):
        if progress is not None:
            progress.update(index, source.name)
        try:
            pixels = decode_image(Path(source), model.image_size, fit)
        except (BadInput, OSError) as error:
            skipped.append({"path": str(source), "reason": str(error)})
            continue
        with torch.inference_mode():
            layers = prefixes(model, pixels[None])
        whole = list(layers.values())[-1]
        name = _unused(source.stem, taken)
        entry: dict[str, Any] = {"path": str(source)}
        entry["original"] = _save(pixels, out / f"{name}-original.png")
        entry["reconstruction"] = _save(whole.reconstructions[0], out / f"{name}-reconstruction.png")
        entry["layers"] = [
            {"name": layer, "image": _save(found.reconstructions[0], out / f"{name}-upto-{layer}.png")}
            for layer, found in layers.items()
            if len(layers) > 1
        ]
        written.append(entry | {key: float(getattr(whole, key)[0]) for key in ("mse", "psnr", "ssim")})
    if not written:
        reasons = "; ".join(entry["reason"] for entry in skipped[:3])
        raise BadInput(f"none of the {len(sources)} images can be read: {reasons}")
    return written, skipped


def _unused(stem: str, taken: set[str]) -> str:
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name)
    return name


def _save(pixels: np.ndarray, path: Path) -> str:
    """(h, w, 3) uint8 -> PNG; the path as text."""
    from PIL import Image

    try:
        with atomic_path(path) as temporary:
            Image.fromarray(pixels).save(temporary)
    except OSError as error:
        raise BadInput(f"'{path}' cannot be written: {error.strerror or error}; choose another --out") from None
    return str(path)
