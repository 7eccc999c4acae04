"""How long a checkpoint will take to encode images on this machine, in words, from a look at a few."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.files import walk
from explorer.progress import spoken
from explorer.study import passes
from explorer.study.memory import MEMORY

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint

TRIED = 8  # images
SLOW = 2.0  # seconds for the first image; then fewer are tried
START = 8.0  # seconds until a process of its own has read the weights


def promise(checkpoint: Checkpoint, images: int | None) -> str:
    """What encoding does, and about how long it takes on this machine."""
    if checkpoint.family == "codes":
        return "The codes are read from their file once, and kept. That takes seconds."
    what = "The codes, latents and errors of every image are computed once, beside this page, and kept"
    if images is None:
        return f"{what}: for 1,000 images, {words(checkpoint, 1000)}, besides reading them."
    return f"{what}. That takes {words(checkpoint, images)}."


def words(checkpoint: Checkpoint, images: int) -> str:
    """`about 2 minutes on this CPU`, for encoding so many images."""
    import torch

    each = MEMORY.get(f"seconds an image {checkpoint.path} {checkpoint.name}", lambda: _seconds(checkpoint))
    span = spoken(START + each * images)
    return f"at most {span} on this GPU" if torch.cuda.is_available() else f"about {span} on this CPU"


def _seconds(checkpoint: Checkpoint) -> float:
    """Seconds per image of encoding and decoding; what the images show does not matter."""
    from explorer import checkpoints

    size = checkpoint.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (TRIED, size, size, 3), dtype=np.uint8)
    place = checkpoint.path, checkpoints.fingerprint(checkpoint.path)

    def once(count: int) -> float:
        began = time.perf_counter()
        if checkpoint.no_decoder:
            for image in pixels[:count]:
                passes.look(*place, image)
        else:
            passes.compare(*place, pixels[:count])
        return (time.perf_counter() - began) / count

    quick = once(1) < SLOW
    count, times = (TRIED, 4) if quick else (2, 1)
    # the first prepares memory and kernels; what else the machine does meanwhile makes others slower
    return min(once(count) for _ in range(times))


def counted(path: Path, most: int) -> int:
    """How many files are in and below a folder; `most` if there are more."""
    files = (folder / name for folder, _, names in walk(path) for name in names)
    return sum(1 for _ in islice((file for file in files if file.is_file()), most))
