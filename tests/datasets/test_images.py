"""What comes out of image files of every kind, and what is said of those that are none."""

import contextlib
import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from explorer import datasets
from explorer.datasets import images
from explorer.datasets.images import check, decode_image, stated_size
from explorer.errors import BadInput


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def quarters(width=64, height=64):
    """Red, green over blue, white."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 255)
    return pixels


def corners(image):
    """Names of the colours in the middle of the four quarters, row by row."""
    side = len(image)
    names = {(255, 0, 0): "red", (0, 255, 0): "green", (0, 0, 255): "blue", (255, 255, 255): "white"}
    spots = [image[y * side // 4, x * side // 4] for y in (1, 3) for x in (1, 3)]
    return [
        next((name for colour, name in names.items() if np.abs(spot.astype(int) - colour).max() < 40), str(spot))
        for spot in spots
    ]


def test_a_png_of_the_right_size_comes_back_to_the_bit():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert np.array_equal(decode_image(encoded(Image.fromarray(pixels)), 32), pixels)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, ["red", "green", "blue", "white"]),
        (2, ["green", "red", "white", "blue"]),
        (3, ["white", "blue", "green", "red"]),
        (4, ["blue", "white", "red", "green"]),
        (5, ["red", "blue", "green", "white"]),
        (6, ["blue", "red", "white", "green"]),  # stored lying on its side: turn clockwise
        (7, ["white", "green", "blue", "red"]),
        (8, ["green", "white", "red", "blue"]),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_rotation(kind, orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert corners(decode_image(encoded(Image.fromarray(quarters()), kind, exif=exif), 32)) == expected


def test_exif_rotation_comes_before_cropping_what_is_wide():
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = np.zeros((60, 120, 3), np.uint8)
    wide[:, :30] = (255, 0, 0)  # becomes the top quarter of a tall image
    padded = decode_image(encoded(Image.fromarray(wide), exif=exif), 64, "pad")
    assert padded[2, 32].tolist() == [255, 0, 0] and padded[32, 2].tolist() == [255, 255, 255]
    assert decode_image(encoded(Image.fromarray(wide), exif=exif), 64).max() < 10


def test_transparency_lies_on_white():
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[..., 0], pixels[:, 8:, 3] = 255, 128
    image = decode_image(encoded(Image.fromarray(pixels)), 16)
    assert image[0, 0].tolist() == [255, 255, 255]
    assert np.abs(image[0, 12].astype(int) - [255, 127, 127]).max() <= 1


def test_transparent_palettes_and_grey_with_alpha():
    palette = Image.fromarray(np.repeat([[0, 1]], 8, axis=0).repeat(4, axis=1).astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 0, 0, 200])
    image = decode_image(encoded(palette, transparency=0), 8)
    assert image[0, 0].tolist() == [255, 255, 255] and image[0, 7].tolist() == [0, 0, 200]
    grey = Image.merge("LA", [Image.new("L", (8, 8), 40), Image.new("L", (8, 8), 0)])
    assert decode_image(encoded(grey), 8).min() == 255


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_a_large_transparent_picture_is_put_on_white_in_parts_as_in_one(mode, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 255, (50, 40, 4), np.uint8)
    image = Image.fromarray(noise).convert("RGB" if mode == "P" else mode)
    options = {}
    if mode == "P":
        image, options = image.quantize(16), {"transparency": bytes(range(0, 256, 16))}
    elif mode in ("RGB", "L"):
        options = {"transparency": image.getpixel((3, 3))}
    content = encoded(image, **options)
    whole = images.squared(content, 40, "pad")
    monkeypatch.setattr(images, "STRIP", 130)  # three rows
    assert np.array_equal(images.squared(content, 40, "pad"), whole)
    loaded = Image.open(io.BytesIO(content)).convert("RGBA")
    white = Image.alpha_composite(Image.new("RGBA", loaded.size, "white"), loaded).convert("RGB")
    assert np.array_equal(whole, images.squared(np.asarray(white), 40, "pad"))


def test_threads_decode_so_many_pixels_at_once(monkeypatch):
    taken = []

    class Room(images._Room):
        def room(self, pixels):
            taken.append(pixels)
            return super().room(pixels)

    monkeypatch.setattr(images, "_LARGE", Room(100))
    images.squared(encoded(Image.new("RGB", (40, 30))), 16, "crop")
    assert taken == [1200]
    room, held, most = images._Room(100), [], []

    def decode(pixels):
        with room.room(pixels):
            held.append(pixels)
            most.append(sum(held))
            time.sleep(0.01)
            held.remove(pixels)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(decode, [40, 40, 40, 300, 10, 90, 40, 40, 40, 40] * 3))
    assert max(one for one in most if one != 300) <= 100 and 300 in most and 80 in most


def test_grey_one_bit_and_gif():
    assert (decode_image(encoded(Image.new("L", (9, 9), 77)), 8) == 77).all()
    assert (decode_image(encoded(Image.new("1", (9, 9), 1)), 8) == 255).all()
    assert corners(decode_image(encoded(Image.fromarray(quarters()), "GIF"), 16)) == ["red", "green", "blue", "white"]


def test_cmyk_jpeg():
    cmyk = Image.fromarray(quarters()).convert("CMYK")
    assert corners(decode_image(encoded(cmyk, "JPEG", quality=95), 32)) == ["red", "green", "blue", "white"]


def test_sixteen_bits_are_scaled_and_not_cut_off():
    ramp = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[None], 64, axis=0)
    for kind in ("PNG", "TIFF"):
        image = decode_image(encoded(Image.fromarray(ramp), kind), 64)
        assert np.abs(image[..., 0].astype(float) - ramp / 257).max() <= 1
    twelve = decode_image(encoded(Image.fromarray(ramp // 16)), 64)
    assert np.abs(twelve[..., 0].astype(float) - ramp / 257).max() <= 1, "12 bits in 16 are not black"


def test_sixteen_bit_colour_png():
    rows = b"".join(b"\0" + struct.pack(">3H", 65535, 32768, 257) * 8 for _ in range(8))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", 8, 8, 16, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert decode_image(png, 8)[0, 0].tolist() == [255, 128, 1]


def test_float_tiff():
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(64, axis=0)
    image = decode_image(encoded(Image.fromarray(ramp), "TIFF"), 64)
    assert np.abs(image[0, :, 0] - ramp[0] * 255).max() <= 1


def test_crop_keeps_the_middle_and_pad_keeps_everything():
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = (0, 255, 0)
    cropped = decode_image(encoded(Image.fromarray(wide)), 40)
    assert (cropped == (0, 255, 0)).all()
    padded = decode_image(encoded(Image.fromarray(wide)), 60, "pad")
    assert (padded[:20] == 255).all() and (padded[40:] == 255).all()
    assert padded[30, 5].tolist() == [0, 0, 0] and padded[30, 30].tolist() == [0, 255, 0]
    assert decode_image(encoded(Image.new("RGB", (3000, 1))), 16, "pad").shape == (16, 16, 3)


def test_shrinking_is_anti_aliased():
    board = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert np.abs(decode_image(encoded(Image.fromarray(board)), 32).astype(int) - 127).max() < 6


def test_a_large_photograph_is_the_same_with_and_without_the_shortcut():
    y, x = np.mgrid[0:1500, 0:2000] / 500
    photo = np.stack([np.sin(x * 3), np.cos(y * 4), np.sin(x * y)], axis=-1) * 120 + 128
    photo = Image.fromarray(photo.astype(np.uint8))
    short, full = (
        decode_image(encoded(photo, kind, **how), 64) for kind, how in (("JPEG", {"quality": 98}), ("PNG", {}))
    )
    assert np.abs(short.astype(int) - full).mean() < 2


def huge_png(side):
    header = struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header
    return start + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + struct.pack(">I", 0) + b"IDAT"


@pytest.mark.parametrize("side", [10_001, 30_000])
def test_too_many_pixels_are_refused_before_decoding(side):
    with pytest.raises(BadInput, match="million pixels"):
        decode_image(huge_png(side), 64)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the image is not an image that can be read"),
        (b"hello, I am a text file", "the image is not an image that can be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "the image is not an image that can be read"),
        (encoded(Image.fromarray(quarters()), "JPEG")[:500], "the image is a damaged image"),
        (encoded(Image.fromarray(quarters()))[:100], "the image is (a damaged|not an) image"),
    ],
)
def test_what_is_no_image_is_one_sentence(content, says):
    with pytest.raises(BadInput, match=says) as told:
        decode_image(content, 64)
    assert "\n" not in str(told.value)


def test_files_are_named(tmp_path):
    (tmp_path / "notes.jpg").write_text("not a photograph")
    with pytest.raises(BadInput, match=r"'notes\.jpg' is not an image"):
        decode_image(tmp_path / "notes.jpg", 64)
    with pytest.raises(BadInput, match=r"'gone\.jpg' does not exist"):
        decode_image(tmp_path / "gone.jpg", 64)


def test_impossible_options():
    with pytest.raises(BadInput, match="unknown fit 'stretch'; choose from crop, pad"):
        decode_image(b"", 64, "stretch")
    with pytest.raises(BadInput, match="image size 100000 is not possible; choose from 8 to 2048"):
        decode_image(b"", 100_000)


def test_random_damage_never_escapes(monkeypatch):
    monkeypatch.setenv("EXPLORER_FENCE", "off")  # which would hold whatever is raised
    generator = np.random.default_rng(0)
    originals = [encoded(Image.fromarray(quarters()), kind) for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP")]
    for original in originals:
        for _ in range(25):
            broken = np.frombuffer(original, np.uint8).copy()
            broken[generator.integers(0, len(broken), 8)] = generator.integers(0, 256, 8)
            with contextlib.suppress(BadInput):
                assert decode_image(broken.tobytes(), 16).shape == (16, 16, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
def test_check_tells_width_and_height_and_allows_exactly_the_limit(tmp_path, kind):
    file = tmp_path / "picture"
    file.write_bytes(encoded(Image.fromarray(quarters(60, 20)), kind))
    assert check(file, 60 * 20) == (60, 20)
    with pytest.raises(BadInput, match="'picture' is 60 × 20; an image may have 0 million pixels; make it smaller"):
        check(file, 60 * 20 - 1)


def test_check_reads_the_header_only(tmp_path):
    """A picture of which nothing but the header is there passes; one that states too many pixels does not."""
    (tmp_path / "header.png").write_bytes(huge_png(6_000))
    assert check(tmp_path / "header.png", 36_000_000) == (6_000, 6_000)
    with pytest.raises(BadInput, match=r"'header\.png' is 6,000 × 6,000; an image may have 35 million pixels"):
        check(tmp_path / "header.png", 35_999_999)
    with pytest.raises(BadInput, match="damaged"):
        decode_image(tmp_path / "header.png", 64)


def test_check_names_what_is_no_image(tmp_path):
    (tmp_path / "paper.png").write_bytes(b"%PDF-1.7\n1 0 obj\n")
    (tmp_path / "empty.png").touch()
    for name, says in (("paper.png", "is not an image"), ("empty.png", "is not an image"), ("gone", "does not exist")):
        with pytest.raises(BadInput, match=f"'{name}' {says}") as told:
            check(tmp_path / name, 1_000)
        assert "\n" not in str(told.value) and str(tmp_path) not in str(told.value)


def test_pictures_of_phones_are_read_upright(tmp_path):
    from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False)
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:32] = 255  # the upper half is white
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(pixels)))
    exif = turned.getexif()
    exif[0x0112] = 6  # turn it clockwise to look at it
    turned.save(tmp_path / "IMG_1.HEIC", "HEIF", exif=exif.tobytes(), quality=90)
    found = datasets.decode_image(tmp_path / "IMG_1.HEIC", 16)
    assert found[:7].min() > 220 and found[9:].max() < 35
    content = (tmp_path / "IMG_1.HEIC").read_bytes()
    for damaged in (content[: len(content) // 2], content[:24] + bytes(len(content) - 24)):
        with pytest.raises(BadInput, match=r"the image is (a damaged image|a HEIC picture that cannot be read)"):
            datasets.decode_image(damaged, 16)


def test_a_damaged_avif_is_damage(monkeypatch):
    monkeypatch.setenv("EXPLORER_FENCE", "off")  # which would hold whatever is raised
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)).save(file, "AVIF")
    whole, told = file.getvalue(), set()
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 255
        try:
            datasets.decode_image(bytes(damaged), 8)
        except BadInput as problem:
            told.add(str(problem))
    assert any("Failed to decode image" in one for one in told)  # a RuntimeError of Pillow's


@pytest.mark.parametrize("kind", ["text", "profile"])
def test_a_picture_with_much_text_or_a_large_profile_is_a_picture(tmp_path, kind):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    options = {"icc_profile": bytes(3_000_000)} if kind == "profile" else {}
    if kind == "text":
        info.add_text("workflow", "x" * 3_000_000, zip=True)
    path = tmp_path / "made.png"
    Image.new("RGB", (20, 10), (200, 10, 99)).save(path, pnginfo=info, **options)
    with pytest.raises(ValueError, match="too large"):
        Image.open(path).load()
    for source in (path, path.read_bytes()):
        assert datasets.decode_image(source, 8)[4, 4].tolist() == [200, 10, 99]
        assert stated_size(source) == (20, 10)


def test_the_first_frame_of_an_animation_is_taken_and_said_once_for_the_set(tmp_path):
    frames = [Image.new("RGB", (16, 16), (shade, 0, 0)) for shade in (255, 0, 0)]
    for number in range(5):
        frames[0].save(tmp_path / f"{number}.gif", save_all=True, append_images=frames[1:])
        frames[0].save(tmp_path / f"{number}.png")
    images = datasets.load(str(tmp_path), "all", 8)
    assert images.read(slice(None))[..., 0].min() == 255 and len(images) == 10
    assert images.notes == ("5 images have several frames or pages; the first of each is taken",)


def test_pictures_of_kinds_that_are_not_read_are_counted_with_a_way_to_convert_them(tmp_path):
    for name in ("a.svg", "b.SVG", "c.dcm", "d.nef", "notes.txt"):
        (tmp_path / name).write_bytes(b"?")
    with pytest.raises(BadInput, match=r"no image in .*; 4 pictures of kinds that are not read .*2 SVG, .*Inkscape"):
        datasets.load(str(tmp_path), "all", 8)
    for number in range(3):
        Image.new("RGB", (16, 16), (number, 0, 0)).save(tmp_path / f"{number}.png")
    (note,) = datasets.load(str(tmp_path), "all", 8).notes
    assert "4 pictures of kinds that are not read are left out (2 SVG, 1 DICOM, 1 camera raw; the first, a.svg)" in note
