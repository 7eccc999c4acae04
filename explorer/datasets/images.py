"""One image file, of any common kind and from anywhere, as square uint8 pixels."""

from __future__ import annotations

import io
import re
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explorer import fence
from explorer.datasets.ranges import Range, find
from explorer.errors import BadInput

MAX_PIXELS = 100_000_000  # of one image, checked in its header before anything is decoded
AT_ONCE = 50_000_000  # pixels that threads decode at once: a picture takes up to 20 bytes for each meanwhile
STRIP = 4_000_000  # pixels that are put on white at once
SECONDS = 20.0  # that one picture may take
MAX_BYTES = 256 * 1024 * 1024  # of one encoded image
SIZES = (8, 2048)
FITS = ("crop", "pad")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpx", ".avif", ".heic", ".heif", ".hif"),
)

warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is checked here instead
# Only these: Pillow also opens formats that call other programs, such as PostScript.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
_DAMAGE = (
    *(OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, OverflowError, struct.error, zlib.error),
    RuntimeError,  # of the decoders of AVIF and HEIC
)
_PNG = b"\x89PNG\r\n\x1a\n"
_SAID = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")  # chunks of a PNG that say something about the picture
_TURNS = {  # EXIF orientation -> what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode_image(source: bytes | Path, size: int, fit: str = "crop") -> np.ndarray:
    """Decodes an image file to `size` × `size` pixels.

    Handled: EXIF rotation, transparency (on white), grey, palette, CMYK, and 16-bit, integer and float channels, whose
    range is one of 8 to 16 bits, 0 to 1 or such that the picture's values fill an eighth of, else theirs.
    Resampling is bicubic with anti-aliasing. Colour profiles are not applied.

    Args:
        source: the encoded bytes of an image, or the path of its file.
        fit: "crop" keeps the largest centred square; "pad" keeps everything and adds white borders.

    Returns: (size, size, 3) uint8. Raises BadInput, in one sentence, on anything that is not an image, is damaged, or
    has more than 100 million pixels.
    """
    check_options(size, fit)
    name = "the image" if isinstance(source, bytes | bytearray | memoryview) else f"'{Path(source).name}'"
    if not isinstance(source, Path):
        source = bytes(source)
    return _named(name, squared, source, size, fit)


def _named(name: str, read: Callable, *arguments: Any) -> Any:
    """What is read of a picture behind the fence, with the name of the picture before what is wrong with it."""
    try:
        return fence.ask(read, *arguments, what=name, seconds=SECONDS)
    except fence.Fault:
        raise
    except BadInput as problem:
        raise BadInput(f"{name} {problem}") from None


def check_options(size: int, fit: str) -> None:
    """Raises BadInput unless images can be decoded at `size` pixels with `fit`."""
    if fit not in FITS:
        raise BadInput(f"unknown fit '{fit}'; choose from {', '.join(FITS)}")
    if not SIZES[0] <= size <= SIZES[1]:
        raise BadInput(f"image size {size} is not possible; choose from {SIZES[0]} to {SIZES[1]} pixels")


class _Room:
    """So many pixels that threads may have decoded at once; a picture that has more waits until it is alone."""

    def __init__(self, most: int) -> None:
        self.most, self.held, self.free = most, 0, threading.Condition()

    @contextmanager
    def room(self, pixels: int) -> Iterator[None]:
        with self.free:
            self.free.wait_for(lambda: not self.held or self.held + pixels <= self.most)
            self.held += pixels
        try:
            yield
        finally:
            with self.free:
                self.held -= pixels
                self.free.notify_all()


_LARGE = _Room(AT_ONCE)


class _LongText(BadInput):
    """Text or a colour profile in a picture is longer than Pillow reads."""


def squared(
    source: bytes | Path | np.ndarray,
    size: int,
    fit: str,
    rules: Mapping[str, Range] | None = None,
    moving: list | None = None,
) -> np.ndarray:
    """As `decode_image`, also for (h, w) or (h, w, 3) uint8 pixels; its BadInput says only what is wrong.

    Args:
        rules: of the set that the picture is of, from `depths.rules`; by default its own values tell their range.
        moving: gets an element more where the picture has several frames or pages, of which the first is decoded.
    """
    if isinstance(source, np.ndarray):
        return _fitted(Image.fromarray(np.ascontiguousarray(source)).convert("RGB"), size, fit)
    try:
        with _opened(source, MAX_PIXELS) as image:
            return _decoded(image, size, fit, rules, moving)
    except _LongText:
        with _opened(_unsaid(source), MAX_PIXELS) as image:
            return _decoded(image, size, fit, rules, moving)


def _unsaid(source: bytes | Path) -> bytes:
    """A PNG without its texts and its colour profile, which are not used."""
    content = bytes(source) if not isinstance(source, Path) else source.read_bytes()
    kept, at = [content[:8]], 8
    while content.startswith(_PNG) and at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big") + 12
        if content[at + 4 : at + 8] not in _SAID:
            kept.append(content[at : at + length])
        at += length
    return b"".join(kept)


def check(file: Path, most: int) -> tuple[int, int]:
    """Width and height that the header of an image file states; as little as possible of the file is read.

    Raises:
        BadInput: in one sentence, for a file that is no image or has more than `most` pixels.
    """
    return _named(f"'{file.name}'", _checked, file, most)


def _checked(file: Path, most: int) -> tuple[int, int]:
    try:
        with _opened(file, most) as image:
            return image.size
    except _LongText:
        with _opened(_unsaid(file), most) as image:
            return image.size


def depth(source: bytes | Path | np.ndarray) -> str:
    """What kind of rule the pixels of a picture need, by its header: integers, floats, bytes or ""."""
    if not isinstance(source, np.ndarray):
        with suppress(BadInput), _opened(source, MAX_PIXELS) as image:
            return _depth(image)
    return ""


def numbers(source: bytes | Path) -> tuple[str, np.ndarray]:
    """The kind of rule that a picture needs, and its pixels as they are stored, (h, w) or (h, w, 3)."""
    with _opened(source, MAX_PIXELS) as image:
        kind = _depth(image)
        return kind, np.asarray(image) if kind else np.empty(0)


def stated_size(source: bytes | Path | np.ndarray | BadInput) -> tuple[int, int] | None:
    """Width and height of a picture by its header; None of what is no picture."""
    if isinstance(source, np.ndarray):
        return source.shape[1], source.shape[0]
    if isinstance(source, BadInput):
        return None
    try:
        with _opened(source, MAX_PIXELS) as image:
            return image.size
    except _LongText:
        return stated_size(_unsaid(source))
    except BadInput:
        return None


@contextmanager
def _opened(source: bytes | Path, most: int) -> Iterator[Image.Image]:
    """An image of which the header was read; BadInput says only what is wrong, here and in the block inside."""
    try:
        if isinstance(source, bytes | bytearray | memoryview):
            length, file = len(source), io.BytesIO(source)
        else:
            facts = Path(source).stat()
            if not stat.S_ISREG(facts.st_mode):  # a pipe would wait, and a device has no end
                raise BadInput("is no file, but a folder, a pipe or a device")
            length, file = facts.st_size, source
        if length > MAX_BYTES:
            raise BadInput(f"has {length:,} bytes; an image may have {MAX_BYTES:,}")
        _prepare(source)
        with Image.open(file, formats=(*_FORMATS, *({"HEIF"} & Image.OPEN.keys()))) as image:
            width, height = image.size
            if width * height > most:
                limit = f"an image may have {most // 10**6} million pixels"
                raise BadInput(f"is {width:,} × {height:,}; {limit}; make it smaller first")
            yield image
    except BadInput:
        raise
    except Image.DecompressionBombError:
        raise BadInput(f"has more than {most // 10**6} million pixels; make it smaller first") from None
    except FileNotFoundError:
        raise BadInput("does not exist") from None
    except PermissionError:
        raise BadInput("may not be read: permission denied") from None
    except Image.UnidentifiedImageError:
        if _head(source)[4:8] == b"ftyp":
            raise BadInput("is a HEIC picture that cannot be read; convert it to JPEG, as heif-convert does") from None
        raise BadInput("is not an image that can be read (JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, HEIC)") from None
    except _DAMAGE as error:
        if re.search("MAX_TEXT_CHUNK|used in text chunks", str(error)):
            raise _LongText("has more text in it than can be read") from None
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise BadInput(f"is a damaged image ({why})") from None


def _prepare(source: bytes | Path) -> None:
    """Makes Pillow know HEIC when the first one comes."""
    head = _head(source)
    if head[4:8] != b"ftyp" or head[8:11] == b"avi" or "HEIF" in Image.OPEN:
        return
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise BadInput("is HEIC: pip install pillow-heif to read it, or convert it to JPEG") from None
    register_heif_opener(thumbnails=False)


def _head(source: bytes | Path) -> bytes:
    if not isinstance(source, Path):
        return bytes(source[:12])
    with source.open("rb") as file:
        return file.read(12)


def _decoded(
    image: Image.Image, size: int, fit: str, rules: Mapping[str, Range] | None, moving: list | None
) -> np.ndarray:
    if moving is not None and image.format != "MPO" and getattr(image, "is_animated", False):
        moving.append(image.format)
    image.draft(None, (2 * size, 2 * size))  # a large JPEG is decoded at 1/2, 1/4 or 1/8, never below this
    with _LARGE.room(image.width * image.height):
        image.load()
        orientation = _orientation(image)
        pixels = _fitted(_shown(image, rules), size, fit)
    if orientation in _TURNS:  # afterwards: a centred square turns into itself, and it is small
        pixels = np.ascontiguousarray(Image.fromarray(pixels).transpose(_TURNS[orientation]))
    return pixels


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except _DAMAGE:  # a damaged EXIF block says nothing about the pixels
        return 1


def _shown(image: Image.Image, rules: Mapping[str, Range] | None) -> Image.Image:
    """A picture in 8 bits, in colour or grey, on white where it is transparent."""
    kind = _depth(image)
    if kind in ("integers", "floats") or (rules and kind in rules):
        values = np.asarray(image)
        return Image.fromarray((rules[kind] if rules else _own(values)).pixels(values))  # grey until it is small
    if image.has_transparency_data:
        return _on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """A picture in RGB on white, some rows at a time: a large one is not held four times."""
    found, rows = Image.new("RGB", image.size), max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        part = image.crop((0, top, image.width, min(top + rows, image.height))).convert("RGBA")
        white = Image.new("RGBA", part.size, (255, 255, 255, 255))
        found.paste(Image.alpha_composite(white, part).convert("RGB"), (0, top))
    return found


def _depth(image: Image.Image) -> str:
    """What the pixels are: integers or floats of more than 8 bits, or bytes that may be the upper half of 16 bits."""
    if image.mode == "F":
        return "floats"
    if image.mode.startswith("I"):
        return "integers"
    raw = str(image.tile[0][3]) if getattr(image, "tile", None) else ""  # as it lies in the file
    return "bytes" if image.mode == "L" or (image.mode == "RGB" and ";16" in raw) else ""


def _own(values: np.ndarray) -> Range:
    """The range of a picture that is of no set."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return find(low, high, values.dtype, 1)


def _fitted(image: Image.Image, size: int, fit: str) -> np.ndarray:
    width, height = image.size
    if fit == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return np.asarray(_resized(image, (size, size), (left, top, left + side, top + side)).convert("RGB"))
    scale = size / max(width, height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = Image.new("RGB", (size, size), (255, 255, 255))
    small = _resized(image, inner, (0, 0, width, height))
    canvas.paste(small, ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return np.asarray(canvas)


def _resized(image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    if image.size == size and box == (0, 0, *size):
        return image
    return image.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
