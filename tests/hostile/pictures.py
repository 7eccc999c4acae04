"""Pictures of every format: damaged, cut, of absurd sizes, bombs; alone and among sound ones."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.hostile.case import RECONSTRUCT, USAGE, Case, one_file, picture, sound_pictures

FORMATS = {
    "PNG": "png",
    "JPEG": "jpg",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tif",
    "PPM": "ppm",
    "JPEG2000": "jp2",
    "AVIF": "avif",
}


def cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


def flipped(body: bytes, seed: int) -> bytes:
    dice, damaged = random.Random(seed), bytearray(body)
    for _ in range(max(1, len(body) // 100)):
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def zeros(body: bytes) -> bytes:
    return body[: len(body) // 3] + bytes(len(body) // 3) + body[2 * (len(body) // 3) :]


def runtime_error() -> bytes:
    """An AVIF whose damage Pillow tells by a RuntimeError."""
    sound, dice = picture("AVIF"), random.Random(0)
    for _ in range(5000):
        damaged = bytearray(sound)
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        try:
            Image.open(io.BytesIO(damaged)).load()
        except RuntimeError:
            return bytes(damaged)
        except Exception:
            continue
    return cut(sound)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, data: bytes = b"", depth: int = 8, colour: int = 2, *more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + b"".join(more)
        + chunk(b"IDAT", data or zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def solid(width: int, height: int, depth: int = 8, channels: int = 3, colour: int = 2) -> bytes:
    """A whole PNG of zeros, of any size, packed without being held."""
    packer, row = zlib.compressobj(1), bytes(1 + width * channels * depth // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, data, depth, colour)


def texts(kind: bytes) -> bytes:
    """A chunk of text that unpacks to 200 MB."""
    packed = zlib.compress(bytes(200_000_000), 1)
    body = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[kind] + packed
    return png(8, 8, b"", 8, 2, chunk(kind, body))


def tiff(width: int, height: int, bits: int = 8, samples: int = 3, strips: int = 1) -> bytes:
    """A TIFF that says any size, with a strip of 100 bytes."""
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, 2),
        (273, 4, 8),
        (277, 3, samples),
        (278, 4, height),
        (279, 4, 100),
    ]
    body = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, kind, strips, value) for tag, kind, value in tags
    )
    return b"II*\0" + struct.pack("<I", 108) + bytes(100) + body + bytes(4)


def tiff_circle() -> bytes:
    """Its second page is its first."""
    body = bytearray(tiff(8, 8))
    body[-4:] = struct.pack("<I", 108)
    return bytes(body)


def gif(width: int, height: int, frames: int = 1) -> bytes:
    one = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + one * frames + b";"


def ico() -> bytes:
    return b"\0\0\1\0" + struct.pack("<H", 60_000) + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, 2**31, 22) * 1000


def jpeg(width: int, height: int) -> bytes:
    """A JPEG that says another size than it has."""
    body = picture("JPEG")
    at = body.index(b"\xff\xc0")
    return body[: at + 5] + struct.pack(">HH", height, width) + body[at + 9 :]


def jpeg_scans() -> bytes:
    """A progressive JPEG of which a scan comes 3,000 times."""
    body = picture("JPEG", side=512, progressive=True)
    start = body.index(b"\xff\xda")
    end = body.index(b"\xff\xc4", start) if b"\xff\xc4" in body[start:] else body.index(b"\xff\xda", start + 2)
    return body[:start] + body[start:end] * 3000 + body[start:]


def exif_circle() -> bytes:
    """EXIF whose inner folder is itself, and an orientation that is none."""
    held = io.BytesIO()
    inner = (
        b"II*\0\x08\0\0\0"
        + struct.pack("<H", 2)
        + struct.pack("<HHII", 0x8769, 4, 1, 8)
        + struct.pack("<HHII", 0x112, 3, 1, 99)
        + bytes(4)
    )
    Image.new("RGB", (32, 32)).save(held, "JPEG", exif=b"Exif\0\0" + inner)
    return held.getvalue()


def animation() -> bytes:
    held = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), (number % 256, 0, 0)) for number in range(400)]
    frames[0].save(held, "WEBP", save_all=True, append_images=frames[1:])
    return held.getvalue()


def heic(box: int) -> bytes:
    """The start of a HEIC, and a box that says it is so long."""
    return struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + struct.pack(">I", box) + b"meta" + bytes(40)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "with flipped bits": lambda body: flipped(body, 1),
    "with flipped bits, again": lambda body: flipped(body, 2),
    "with zeros inside": zeros,
    "with 16 bytes of it": lambda body: body[:16],
}
ABSURD: dict[str, tuple[str, Callable[[], bytes] | bytes]] = {
    "PNG of 2^31 pixels a side": ("png", lambda: png(2**31 - 1, 2**31 - 1)),
    "PNG of 0 pixels": ("png", lambda: png(0, 0)),
    "PNG of 20,000 a side, whole": ("png", lambda: solid(20_000, 20_000)),
    "PNG of 200,000,000 times 1": ("png", lambda: png(200_000_000, 1)),
    "PNG of an unknown colour": ("png", lambda: png(8, 8, b"", 8, 7)),
    "PNG of a chunk of 2^31 bytes": (
        "png",
        lambda: b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**31 - 1) + b"IHDR" + bytes(30),
    ),
    "TIFF of 2^31 pixels a side": ("tif", lambda: tiff(2**31 - 1, 2**31 - 1)),
    "TIFF of 60,000 samples": ("tif", lambda: tiff(32, 32, 8, 60_000)),
    "TIFF of 2^31 strips": ("tif", lambda: tiff(32, 32, 8, 3, 2**31)),
    "TIFF of 64 bits": ("tif", lambda: tiff(32, 32, 64)),
    "TIFF of an end beyond the file": ("tif", b"II*\0\xff\xff\xff\xff"),
    "BigTIFF of nothing": ("tif", b"II+\0\x08\0\0\0" + b"\xff" * 8),
    "GIF of 65,535 a side": ("gif", lambda: gif(65_535, 65_535)),
    "GIF of 100,000 frames": ("gif", lambda: gif(8, 8, 100_000)),
    "BMP of a negative width": (
        "bmp",
        lambda: b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, -8, 8, 1, 24, 0, 0, 0, 0, 0, 0),
    ),
    "BMP of 2^30 a side": (
        "bmp",
        lambda: b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
    ),
    "PPM of 10^9 a side": ("ppm", b"P6 1000000000 1000000000 255\n" + bytes(100)),
    "PPM of a size of 10^6 digits": ("ppm", lambda: b"P6 " + b"9" * 10**6 + b" 1 255\n"),
    "PPM of a deepest value of 0": ("ppm", b"P6 8 8 0\n" + bytes(200)),
    "PPM of a comment without end": ("ppm", lambda: b"P6 #" + b"x" * 10**6),
    "PPM as text of 10^12 numbers": ("ppm", b"P3 1000000 1000000 255\n" + b"1 " * 1000),
    "PFM of a scale of infinity": ("ppm", b"Pf 8 8 inf\n" + bytes(256)),
    "ICO of 60,000 pictures": ("ico", ico),
    "JPEG of 65,500 a side": ("jpg", lambda: jpeg(65_500, 65_500)),
    "JPEG of 0 rows": ("jpg", lambda: jpeg(32, 0)),
    "JPEG of 60,000 empty segments": ("jpg", lambda: b"\xff\xd8" + b"\xff\xe1\0\x02" * 60_000),
    "JPEG2000 of 2^31 a side": ("jp2", lambda: _jp2()),
    "WebP of 16,383 a side": (
        "webp",
        lambda: (
            b"RIFF"
            + struct.pack("<I", 30)
            + b"WEBPVP8 "
            + struct.pack("<I", 18)
            + b"\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f"
            + bytes(8)
        ),
    ),
    "AVIF that Pillow calls a RuntimeError": ("avif", runtime_error),
    "HEIC of a box of 2^31 bytes": ("heic", lambda: heic(2**31)),
    "HEIC of a box of 0 bytes": ("heic", lambda: heic(0)),
    "an empty file": ("png", b""),
    "text": ("png", b"hello"),
    "SVG with an entity": ("svg", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>'),
    "SVG by the name PNG": ("png", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
    "EPS, a program": ("png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n(/tmp/x) (w) file\n"),
    "PDF": ("png", b"%PDF-1.4\n1 0 obj\n"),
    "FITS, IM and the like": ("png", b"Image type: L\r\nName: x\r\nImage size (x*y): 100000*100000\r\n\x1a"),
}
TAKEN: dict[str, tuple[str, Callable[[], bytes] | bytes]] = {
    "PNG of 16 bit and 99 million pixels": ("png", lambda: solid(9_900, 10_000, 16, 1, 0)),
    "PNG of 16-bit colour and 90 million pixels": ("png", lambda: solid(9_000, 10_000, 16, 3, 2)),
    "WebP of 400 frames": ("webp", animation),
    "JPEG of EXIF in a circle": ("jpg", exif_circle),
    "PNG of packed text, 200 MB": ("png", lambda: texts(b"zTXt")),
    "PNG of packed international text, 200 MB": ("png", lambda: texts(b"iTXt")),
    "PNG of a packed profile, 200 MB": ("png", lambda: texts(b"iCCP")),
    "TIFF whose second page is its first": ("tif", tiff_circle),
    "JPEG of 3,000 scans": ("jpg", jpeg_scans),
    "PNG of 100,000 times 1": ("png", lambda: solid(100_000, 1)),
}


def _jp2() -> bytes:
    body = picture("JPEG2000")
    at = body.index(b"\xff\x51")
    return body[: at + 6] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + body[at + 14 :]


def among(ending: str, body: Callable[[], bytes] | bytes) -> Callable[[Path, Path], None]:
    """One bad picture among eight sound ones."""

    def write(at: Path, canary: Path) -> None:
        (sound_pictures(at / "it") / f"bad.{ending}").write_bytes(body() if callable(body) else body)

    return write


DAMAGED = {
    f"{kind} {title}": (ending, lambda kind=kind, damage=damage: damage(picture(kind, 3)))
    for kind, ending in FORMATS.items()
    for title, damage in DAMAGES.items()
}
CASES: list[Case] = [
    *[
        case
        for title, (ending, body) in ABSURD.items()
        for case in one_file("picture", f"x.{ending}", {title: body}, opened=RECONSTRUCT)
    ],
    *[
        case
        for title, (ending, body) in (TAKEN | DAMAGED).items()
        for case in one_file("picture", f"x.{ending}", {title: body}, opened=RECONSTRUCT, ends=(0, 2))
    ],
    *[
        Case(
            "picture among sound ones", title, among(ending, body), "it", USAGE, (0,), "bad." if ending != "ico" else ""
        )
        for title, (ending, body) in ABSURD.items()
        if title.partition(" ")[0] in ("PNG", "TIFF", "AVIF", "JPEG2000", "HEIC", "BMP", "an")
    ],
    *[
        Case("picture among sound ones", title, among(ending, body), "it", USAGE, (0,))
        for title, (ending, body) in (TAKEN | DAMAGED).items()
        if title in TAKEN or title.endswith(("bits", "cut"))
    ],
]
