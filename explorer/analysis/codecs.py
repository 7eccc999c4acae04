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
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from explorer.analysis import quality
from explorer.analysis.rates import BATCH, Progress, Read, needed
from explorer.autoencoder import to_images

if TYPE_CHECKING:
    import pandas as pd

QUALITIES = {
    "JPEG": (1, 4, 8, 15, 25, 40, 55, 70, 85, 95),
    "WebP": (0, 5, 10, 20, 35, 50, 65, 80, 90, 100),
}


def measure(read: Read, count: int, progress: Progress | None = None) -> dict[str, Any]:
    """Rates and distortions of both codecs on images, as plain JSON values.

    Args:
        read: rows -> (n, h, w, 3) uint8. count: how many rows there are to measure.

    Returns:
        `images`, `pixels` of one image, and `points`: each with `codec` and `quality`; `file` and `payload`, bits per
        pixel {mean, low, high, n}; `bits_per_pixel`, the mean of `file`; `mse`, the mean; `psnr` and `ssim` {mean, low,
        high, n}. Intervals are those of means over images, with 95 % confidence.
    """
    sizes: dict[tuple[str, int], list[tuple[int, int]]] = {}
    scores: dict[tuple[str, int], list[dict[str, torch.Tensor]]] = {}
    pixels = 0
    for start in range(0, count, BATCH):
        if progress is not None:
            progress(start, count, "compressing images")
        originals = np.asarray(read(slice(start, min(start + BATCH, count))))
        pixels = originals.shape[1] * originals.shape[2]
        images = to_images(originals)
        for codec, encode in CODECS.items():
            for level in QUALITIES[codec]:
                sent = [encode(original, level) for original in originals]
                decoded = np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data, *_ in sent])
                sizes.setdefault((codec, level), []).extend((file, payload) for _, file, payload in sent)
                scores.setdefault((codec, level), []).append(quality.measure(images, to_images(decoded)))
    if progress is not None:
        progress(count, count, "compressing images")
    points = []
    for (codec, level), found in sizes.items():
        file, payload = (8 * np.array(found, np.float64) / pixels).T
        values = {name: torch.cat([part[name] for part in scores[codec, level]]) for name in ("mse", "psnr", "ssim")}
        points.append(
            {
                "codec": codec,
                "quality": level,
                "bits_per_pixel": float(file.mean()),
                "file": quality.interval(file),
                "payload": quality.interval(payload),
                "mse": float(values["mse"].double().mean()),
                "psnr": quality.interval(values["psnr"]),
                "ssim": quality.interval(values["ssim"]),
            }
        )
    points.sort(key=lambda point: list(CODECS).index(point["codec"]))
    return {"images": count, "pixels": pixels, "points": points}


def curves(measured: Mapping[str, Any] | None) -> dict[str, list[Mapping[str, Any]]]:
    """{codec: its points, the worst first} of what `measure` found; nothing of None."""
    points = measured["points"] if measured else ()
    return {codec: [point for point in points if point["codec"] == codec] for codec in CODECS if points}


def score_at(points: Sequence[Mapping[str, Any]], rate: float, counted: str, metric: str = "psnr") -> float | None:
    """Mean score of a codec at a rate, linear between its points over the logarithm of the rate; None beyond them.

    Args:
        points: of one codec. rate: bits per pixel. counted: "file" or "payload". metric: "psnr" or "ssim".
    """
    rates = np.log([point[counted]["mean"] for point in points])
    scores = [point[metric]["mean"] for point in points]
    return float(np.interp(np.log(rate), rates, scores)) if rates[0] <= np.log(rate) <= rates[-1] else None


def rate_for(points: Sequence[Mapping[str, Any]], score: float, counted: str, metric: str = "psnr") -> float | None:
    """Bits per pixel at which a codec has a mean score, in the same way; None where no point is as good, or as bad."""
    rates = np.log([point[counted]["mean"] for point in points])
    scores = np.maximum.accumulate([point[metric]["mean"] for point in points])
    return float(np.exp(np.interp(score, scores, rates))) if scores[0] <= score <= scores[-1] else None


def table(
    models: Mapping[str, Mapping[str, Any]], codecs: Mapping[str, Any] | None, *, rate: str, counted: str
) -> pd.DataFrame:
    """A row for each point of models (`rates.measure` by name) and codecs (`measure`).

    Args:
        rate: "bits_per_pixel" or "entropy_bits_per_pixel", at which models are compared with the codecs.
        counted: "file" or "payload" of the codecs.

    Returns:
        `of`, `layers` (those that cost anything), `bits` (of each continuous number), `quality` (of a codec),
        `bits_per_pixel` (of a codec: as counted), `entropy_bits_per_pixel`; `psnr` and `ssim`, each with `_low` and
        `_high`, `mse`, `images`; and `over_jpeg`, `over_webp`: mean PSNR in dB above that of the codec at the same
        bits, where it reaches them.
    """
    import pandas as pd

    rows = []
    for name, measured in models.items():
        for point in measured["points"]:
            facts = {key: point[key] for key in ("bits", "bits_per_pixel", "entropy_bits_per_pixel")}
            row = {"of": name, "layers": " + ".join(needed(point)), **facts, **_scores(point)}
            for codec, points in curves(codecs).items():
                theirs = None if point[rate] is None else score_at(points, point[rate], counted)
                row[f"over_{codec.lower()}"] = None if theirs is None else point["psnr"]["mean"] - theirs
            rows.append(row)
    for codec, points in curves(codecs).items():
        rows += [
            {"of": codec, "quality": point["quality"], "bits_per_pixel": point[counted]["mean"], **_scores(point)}
            for point in points
        ]
    columns = ["of", "layers", "bits", "quality", "bits_per_pixel", "entropy_bits_per_pixel"]
    columns += ["psnr", "psnr_low", "psnr_high", "ssim", "ssim_low", "ssim_high", "mse", "over_jpeg", "over_webp"]
    frame = pd.DataFrame(rows, columns=[*columns, "images"])
    return frame.astype({"bits": "Int64", "quality": "Int64", **dict.fromkeys(columns[4:], "float64")})


def _scores(point: Mapping[str, Any]) -> dict[str, Any]:
    found = {"mse": point["mse"], "images": point["psnr"]["n"]}
    for metric in ("psnr", "ssim"):
        found |= {metric: point[metric]["mean"]}
        found |= {f"{metric}_{end}": point[metric][end] for end in ("low", "high")}
    return found


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
