"""JPEG and WebP as yardsticks: what is counted, and that quality and rate go together."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from explorer.analysis import codecs


def smooth(count: int = 3, side: int = 64) -> np.ndarray:
    """Soft random pictures (count, side, side, 3) uint8."""
    small = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)) for one in small])


@pytest.fixture(scope="module")
def found():
    pixels = smooth()
    return codecs.measure(lambda rows: pixels[rows], 3)


def test_the_numbers_are_plain_json_with_every_quality(found):
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["images"] == 3 and found["pixels"] == 64 * 64
    assert [point["quality"] for point in found["codecs"]["JPEG"]] == list(codecs.QUALITIES["JPEG"])
    assert set(found["codecs"]) == {"JPEG", "WebP"}
    for points in found["codecs"].values():
        for point in points:
            for score in ("file", "payload", "psnr", "ssim"):
                assert point[score]["low"] <= point[score]["mean"] <= point[score]["high"] and point[score]["n"] == 3


@pytest.mark.parametrize("codec", ["JPEG", "WebP"])
def test_more_bits_give_better_pictures_and_the_payload_is_part_of_the_file(found, codec):
    points = found["codecs"][codec]
    for name in ("file", "payload", "psnr"):
        values = [point[name]["mean"] for point in points]
        assert values == sorted(values) and values[0] < values[-1], name
    assert all(0 < point["payload"]["mean"] < point["file"]["mean"] for point in points)


def test_the_jpeg_payload_is_what_lies_between_the_scan_header_and_the_end():
    pixels = smooth(1)[0]
    data, file, payload = codecs.jpeg(pixels, 60)
    scan = data.index(b"\xff\xda")
    header = 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")
    assert payload == len(data) - scan - header - 2 and data.endswith(b"\xff\xd9")
    assert file < len(data), "tables of the image's own are smaller than the standard ones"
    assert len(data) - payload > 500, "at 64 pixels headers and tables are most of a file"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)  # the same header before more bytes
    longer, _, more = codecs.jpeg(noise, 60)
    assert len(longer) - more == len(data) - payload


def test_the_optimized_jpeg_shows_the_same_pixels():
    def pixels(**options):
        into = io.BytesIO()
        Image.fromarray(smooth(1)[0]).save(into, "JPEG", quality=40, subsampling="4:2:0", **options)
        return np.asarray(Image.open(into))

    np.testing.assert_array_equal(pixels(), pixels(optimize=True))


def test_the_webp_payload_is_the_file_less_thirty_bytes():
    data, file, payload = codecs.webp(smooth(1)[0], 50)
    assert data[:4] == b"RIFF" and data[12:16] == b"VP8 " and data[23:26] == b"\x9d\x01\x2a", "start code"
    padding = (payload + 10) % 2
    assert file == len(data) == payload + 12 + 8 + 10 + padding


def test_a_flat_picture_costs_next_to_nothing():
    grey = np.full((2, 64, 64, 3), 128, np.uint8)
    found = codecs.measure(lambda rows: grey[rows], 2)["codecs"]
    for codec, points in found.items():
        assert all(point["psnr"]["mean"] > 35 for point in points), codec
        assert points[-1]["payload"]["mean"] < 0.2 < smooth_rate(codec)
    # 16 macroblocks of six blocks, each "no difference, end of block": 16 · (4 · 6 + 2 · 4) bits, and a byte or so
    assert found["JPEG"][5]["payload"]["mean"] * 64 * 64 / 8 == pytest.approx(64, abs=3)


def smooth_rate(codec: str) -> float:
    pixels = smooth()
    return codecs.measure(lambda rows: pixels[rows], 3)["codecs"][codec][-1]["payload"]["mean"]
