"""Encoding throughput, storage included, over the bare encoder.

    python tests/benchmarks/encode.py [--images 4000] [--json]

Ours is everything that `explorer encode` does once the images are decoded and the libraries loaded: reading, encoding,
nearest codes and distances, pooling, sampling, the Lance dataset and the inverted index, until the last file is
written; once without and once with reconstruction errors, which also need the decoder and SSIM. The bare encoder is
`model.encode` on float tensors that lie in memory, in the same batches; it runs before and after, the faster counts.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from timing import machine, report


def bare(model, images, batch: int) -> float:
    """Images per second of `model.encode` on resident tensors."""
    import torch

    pixels = torch.from_numpy(images.read(slice(None))).permute(0, 3, 1, 2)
    parts = [part.float().div(255).contiguous(memory_format=torch.channels_last) for part in pixels.split(batch)]
    with torch.inference_mode():
        model.encode(parts[0])
        started = time.perf_counter()
        for part in parts:
            model.encode(part)
    return len(images) / (time.perf_counter() - started)


def stored(model, images, batch: int, errors: int) -> tuple[float, int]:
    """Images per second of a whole encoding, and the bytes that it takes on disk."""
    from explorer.encodings.encoder import Settings, write
    from explorer.progress import Progress

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "test.lance"
        settings = Settings(errors=errors, batch=batch)
        started = time.perf_counter()
        progress = Progress(len(images), "images", quiet=True)
        write(model, images, out, key=f"{errors}", settings=settings, device="cpu", progress=progress)
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return len(images) / seconds, size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--family", default="vqvae", help="with default settings, untrained")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    here = machine()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["EXPLORER_CACHE"] = cache
        import torch

        from explorer import datasets
        from explorer.models import build

        images = datasets.load("shapes", "test", arguments.size, limit=arguments.images)
        few = datasets.load("shapes", "test", arguments.size, limit=2 * arguments.batch)
        torch.manual_seed(0)
        model = build(arguments.family, {}, arguments.size).eval().to(memory_format=torch.channels_last)
        stored(model, few, arguments.batch, 10_000)  # loads the libraries
        first = bare(model, images, arguments.batch)
        without, size = stored(model, images, arguments.batch, 0)
        with_errors, _ = stored(model, images, arguments.batch, arguments.images)
        second = bare(model, images, arguments.batch)
    encoder = max(first, second)
    result = {
        "machine": here,
        "network": f"{arguments.family}, default settings",
        "images": len(images),
        "image_size": arguments.size,
        "bare_images_per_second": [round(first, 1), round(second, 1)],
        "images_per_second": round(without, 1),
        "ratio": round(without / encoder, 3),
        "images_per_second_with_errors": round(with_errors, 1),
        "ratio_with_errors": round(with_errors / encoder, 3),
        "bytes_per_image": size // len(images),
    }
    lines = [
        f"{arguments.family} defaults, {len(images):,} images of {arguments.size} × {arguments.size}",
        f"bare encoder on resident tensors: {first:,.0f} images/s before, {second:,.0f} after",
        f"encode, stored, without errors:   {without:,.0f} images/s, {without / encoder:.2f} of the bare encoder",
        f"encode, stored, with errors:      {with_errors:,.0f} images/s, {with_errors / encoder:.2f} (decodes as well)",
        f"on disk: {size // len(images):,} bytes an image",
    ]
    report(result, lines, arguments.json)


if __name__ == "__main__":
    main()
