"""Kinds of pictures that are not read: they are counted, and it is said how to convert them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

_RAW = "camera raw", "darktable-cli or your camera's program"
_DICOM = "DICOM", "dcm2pnm of DCMTK, or a DICOM viewer"
KINDS = {  # ending -> what it is, and what makes PNG or JPEG of it
    ".jxl": ("JPEG XL", "djxl of libjxl"),
    ".svg": ("SVG", "rsvg-convert or Inkscape"),
    ".svgz": ("SVG", "rsvg-convert or Inkscape"),
    ".dcm": _DICOM,
    ".dicom": _DICOM,
    ".nii": ("NIfTI", "med2image, or nibabel to .npy"),
    ".psd": ("Photoshop", "Photoshop, GIMP or ImageMagick"),
    ".psb": ("Photoshop", "Photoshop or ImageMagick"),
    ".xcf": ("GIMP", "GIMP"),
    ".kra": ("Krita", "Krita"),
    ".exr": ("OpenEXR", "ImageMagick, or OpenCV"),
    ".hdr": ("Radiance", "ImageMagick, or OpenCV"),
    ".tga": ("TGA", "ImageMagick"),
    ".dds": ("DDS", "ImageMagick"),
    ".ico": ("icon", "ImageMagick"),
    ".pcx": ("PCX", "ImageMagick"),
    ".qoi": ("QOI", "ImageMagick"),
    ".jls": ("JPEG-LS", "ffmpeg or GDAL"),
    ".jxr": ("JPEG XR", "JxrDecApp"),
    ".wdp": ("JPEG XR", "JxrDecApp"),
    ".bpg": ("BPG", "bpgdec"),
    ".eps": ("PostScript", "Ghostscript"),
    ".ai": ("Illustrator", "Illustrator or Inkscape"),
    ".fits": ("FITS", "astropy to .npy"),
    ".czi": ("Zeiss microscopy", "Fiji, as TIFF"),
    ".svs": ("whole-slide image", "openslide, as tiles"),
    ".ndpi": ("whole-slide image", "openslide, as tiles"),
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".raf", ".orf", ".rw2"), _RAW),
    **dict.fromkeys((".pef", ".srw", ".3fr", ".iiq", ".x3f", ".raw", ".kdc", ".mrw", ".erf"), _RAW),
}


def kind(name: str) -> str:
    """The ending by which a file is a picture that is not read; empty for anything else."""
    ending = PurePosixPath(name).suffix.lower()
    return ending if ending in KINDS else ""


def told(names: Sequence[str]) -> tuple[str, ...]:
    """One sentence on pictures that are not read, with what converts them; none where there are none."""
    if not names:
        return ()
    counts = Counter(KINDS[kind(name)] for name in names)
    listed = ", ".join(f"{count:,} {what}" for (what, _), count in counts.most_common())
    how = "; ".join(f"{what} with {program}" for what, program in list(dict(counts.most_common(3))))
    one = len(names) == 1
    return (
        f"{len(names):,} picture{'' if one else 's'} of kinds that are not read {'is' if one else 'are'} left out "
        f"({listed}; the first, {names[0]}): convert to PNG, {how}",
    )
