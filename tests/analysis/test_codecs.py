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
    assert [point["quality"] for point in codecs.curves(found)["JPEG"]] == list(codecs.QUALITIES["JPEG"])
    assert set(codecs.curves(found)) == {"JPEG", "WebP"}
    for points in codecs.curves(found).values():
        for point in points:
            for score in ("file", "payload", "psnr", "ssim"):
                assert point[score]["low"] <= point[score]["mean"] <= point[score]["high"] and point[score]["n"] == 3


@pytest.mark.parametrize("codec", ["JPEG", "WebP"])
def test_more_bits_give_better_pictures_and_the_payload_is_part_of_the_file(found, codec):
    points = codecs.curves(found)[codec]
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
    found = codecs.curves(codecs.measure(lambda rows: grey[rows], 2))
    for codec, points in found.items():
        assert all(point["psnr"]["mean"] > 35 for point in points), codec
        assert points[-1]["payload"]["mean"] < 0.2 < smooth_rate(codec)
    # 16 macroblocks of six blocks, each "no difference, end of block": 16 · (4 · 6 + 2 · 4) bits, and a byte or so
    assert found["JPEG"][5]["payload"]["mean"] * 64 * 64 / 8 == pytest.approx(64, abs=3)


def smooth_rate(codec: str) -> float:
    pixels = smooth()
    return codecs.curves(codecs.measure(lambda rows: pixels[rows], 3))[codec][-1]["payload"]["mean"]


def point(codec: str, rate: float, psnr: float) -> dict:
    score = {"mean": psnr, "low": psnr - 1, "high": psnr + 1, "n": 5}
    sizes = {name: {"mean": size, "low": size, "high": size, "n": 5} for name, size in (("payload", rate), ("file", 9))}
    return {"codec": codec, "quality": 1, "mse": 0.1, "psnr": score, "ssim": score, **sizes}


def test_between_two_points_a_score_is_linear_in_the_logarithm_of_the_rate():
    points = [point("JPEG", 0.25, 20), point("JPEG", 1.0, 30)]
    assert codecs.score_at(points, 0.5, "payload") == pytest.approx(25)
    assert codecs.score_at(points, 0.25, "payload") == pytest.approx(20)
    assert codecs.score_at(points, 0.2, "payload") is None and codecs.score_at(points, 1.1, "payload") is None
    assert codecs.rate_for(points, 25, "payload") == pytest.approx(0.5)
    assert codecs.rate_for(points, 19, "payload") is None and codecs.rate_for(points, 31, "payload") is None


def test_the_table_compares_at_the_same_bits():
    model = {
        "layers": ["code", "detail"], "bits": 2, "bits_per_pixel": 0.5, "entropy_bits_per_pixel": 0.25, "mse": 0.1,
        "positions": {"code": {"mean": 64.0}, "detail": {"mean": 0.0}},
        "psnr": {"mean": 27.0, "low": 26.0, "high": 28.0, "n": 5},
        "ssim": {"mean": 0.9, "low": None, "high": None, "n": 5},
    }  # fmt: skip
    bound = model | {"bits": None, "bits_per_pixel": None, "entropy_bits_per_pixel": None}
    found = {"points": [point("JPEG", 0.25, 20), point("JPEG", 1.0, 30), point("WebP", 0.6, 24), point("WebP", 1, 30)]}
    frame = codecs.table({"mine": {"points": [model, bound]}}, found, rate="bits_per_pixel", counted="payload")
    assert frame["of"].tolist() == ["mine", "mine", "JPEG", "JPEG", "WebP", "WebP"]
    assert frame["layers"][0] == "code", "nothing of the detail is sent"
    assert frame["over_jpeg"][0] == pytest.approx(2) and np.isnan(frame["over_jpeg"][1])
    assert np.isnan(frame["over_webp"][0]), "WebP does not reach that rate"
    assert frame["bits_per_pixel"].tolist()[2:] == [0.25, 1, 0.6, 1]
    by_entropy = codecs.table({"mine": {"points": [model]}}, found, rate="entropy_bits_per_pixel", counted="payload")
    assert by_entropy["over_jpeg"][0] == pytest.approx(7)
    assert codecs.table({"mine": {"points": [model]}}, None, rate="bits_per_pixel", counted="file").shape[0] == 1
