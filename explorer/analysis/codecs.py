"""JPEG and WebP on the same pixels as a model: bits per pixel against PSNR and SSIM.

Two rates, because at 64 pixels most of a file is headers. `file` is everything: JPEG with Huffman tables optimized for
the image, WebP in its container. `payload` is what depends on the image alone, as if the headers were known to both
sides like the weights of a network: of a JPEG with the standard Huffman tables the entropy-coded bytes between the SOS
header and EOI; of a WebP the VP8 frame without RIFF and chunk headers, frame tag, start code and size (its first
partition, with the quantizer and the probabilities, is counted, because it cannot be cut off at a byte). Pixels are the
same for both rates. Colour is subsampled 4:2:0 in both codecs, JPEG's default and all that lossy WebP has.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from PIL import Image

from explorer.analysis import quality
from explorer.analysis.rates import BATCH, Progress, Read, interval, to_tensor

QUALITIES = {
    "JPEG": (1, 4, 8, 15, 25, 40, 55, 70, 85, 95),
    "WebP": (0, 5, 10, 20, 35, 50, 65, 80, 90, 100),
}


def measure(read: Read, count: int, progress: Progress | None = None) -> dict[str, Any]:
    """Rates and distortions of both codecs on images, as plain JSON values.

    Args:
        read: rows -> (n, h, w, 3) uint8. count: how many rows there are to measure.

    Returns:
        `images`, `pixels` of one image, and `codecs` {"JPEG", "WebP"}: a point for each quality, with `quality`; `file`
        and `payload`, bits per pixel {mean, low, high, n}; `mse`, the mean; `psnr` and `ssim` {mean, low, high, n}.
        Intervals are those of means over images, with 95 % confidence.
    """
    sizes: dict[tuple[str, int], list[tuple[int, int]]] = {}
    scores: dict[tuple[str, int], list[dict[str, torch.Tensor]]] = {}
    pixels = 0
    for start in range(0, count, BATCH):
        if progress is not None:
            progress(start, count, "compressing images")
        originals = np.asarray(read(slice(start, min(start + BATCH, count))))
        pixels = originals.shape[1] * originals.shape[2]
        images = to_tensor(originals)
        for codec, encode in CODECS.items():
            for level in QUALITIES[codec]:
                sent = [encode(original, level) for original in originals]
                decoded = np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data, *_ in sent])
                sizes.setdefault((codec, level), []).extend((file, payload) for _, file, payload in sent)
                scores.setdefault((codec, level), []).append(quality.measure(images, to_tensor(decoded)))
    if progress is not None:
        progress(count, count, "compressing images")
    codecs: dict[str, list] = {codec: [] for codec in CODECS}
    for (codec, level), found in sizes.items():
        file, payload = (8 * np.array(found, np.float64) / pixels).T
        values = {name: torch.cat([part[name] for part in scores[codec, level]]) for name in ("mse", "psnr", "ssim")}
        codecs[codec].append(
            {
                "quality": level,
                "file": interval(file),
                "payload": interval(payload),
                "mse": float(values["mse"].double().mean()),
                "psnr": interval(values["psnr"]),
                "ssim": interval(values["ssim"]),
            }
        )
    return {"images": count, "pixels": pixels, "codecs": codecs}


def jpeg(pixels: np.ndarray, level: int) -> tuple[bytes, int, int]:
    """(h, w, 3) uint8 at quality 1 to 95 -> JPEG bytes, bytes of the smallest file, bytes of the payload."""
    data = _save(pixels, "JPEG", quality=level, subsampling="4:2:0")
    optimized = _save(pixels, "JPEG", quality=level, subsampling="4:2:0", optimize=True)
    return data, min(len(data), len(optimized)), jpeg_payload(data)


def webp(pixels: np.ndarray, level: int) -> tuple[bytes, int, int]:
    """(h, w, 3) uint8 at quality 0 to 100 -> WebP bytes, bytes of the file, bytes of the payload."""
    data = _save(pixels, "WEBP", quality=level, method=6)
    return data, len(data), webp_payload(data)


CODECS = {"JPEG": jpeg, "WebP": webp}


def jpeg_payload(data: bytes) -> int:
    """Bytes between the end of the SOS header and EOI in a JPEG of one scan (ITU-T T.81, annex B)."""
    at = 2  # after SOI
    while data[at + 1] != 0xDA:  # each segment: FF, marker, length that includes itself
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    start = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data.rindex(b"\xff\xd9") - start


def webp_payload(data: bytes) -> int:
    """Bytes of the VP8 key frame in a lossy WebP, less its ten bytes of tag, start code and size (RFC 6386, 9.1)."""
    at = 12  # after RIFF, size, WEBP
    while data[at : at + 4] != b"VP8 ":
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return int.from_bytes(data[at + 4 : at + 8], "little") - 10


def _save(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    into = io.BytesIO()
    Image.fromarray(pixels).save(into, kind, **options)
    return into.getvalue()
