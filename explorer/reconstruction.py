"""Reconstructions of image files as PNG files, with the scores of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explorer.errors import BadInput
from explorer.files import atomic_path
from explorer.progress import Progress


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
    from explorer.analysis import quality
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
        image = torch.tensor(pixels).permute(2, 0, 1)[None].float().to(target) / 255  # (1, 3, h, w)
        with torch.inference_mode():
            latents = model.encode(image)
            names = [layer.name for layer in model.layers]
            prefixes = [{name: latents[name] for name in names[: end + 1]} for end in range(len(names))]
            decoded = [model.decode(prefix) for prefix in (prefixes if len(names) > 1 else [latents])]
            scores = quality.measure(image.cpu(), decoded[-1].cpu())
        name = _unused(source.stem, taken)
        entry: dict[str, Any] = {"path": str(source)}
        entry["original"] = _save(image, out / f"{name}-original.png")
        entry["reconstruction"] = _save(decoded[-1], out / f"{name}-reconstruction.png")
        entry["layers"] = [
            {"name": layer, "image": _save(pixels, out / f"{name}-upto-{layer}.png")}
            for layer, pixels in zip(names, decoded, strict=True)
            if len(names) > 1
        ]
        written.append(entry | {key: float(value[0]) for key, value in scores.items()})
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


def _save(image, path: Path) -> str:
    """(1, 3, h, w) in [0, 1] -> PNG; the path as text."""
    from PIL import Image

    pixels = (image[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    try:
        with atomic_path(path) as temporary:
            Image.fromarray(pixels).save(temporary)
    except OSError as error:
        raise BadInput(f"'{path}' cannot be written: {error.strerror or error}; choose another --out") from None
    return str(path)
