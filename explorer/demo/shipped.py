"""What the demo offers: the checkpoints that come with an encoding, and pictures to start from."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from explorer import checkpoints
from explorer.checkpoints import Checkpoint
from explorer.demo import keeping, uploads
from explorer.errors import BadInput
from explorer.sheets import drawing
from explorer.study import Picture, Study, open_study

EXAMPLES = 6  # held-out images that a visitor may start from


@functools.cache
def offered() -> dict[str, Checkpoint]:
    """The finished checkpoints that come with an encoding, by name: the one for photographs, then shipped ones."""
    found = [one for one in checkpoints.find() if one.state == "done" and list(one.path.glob("encodings/*.lance"))]
    found.sort(key=lambda one: one.name != checkpoints.FOR_PHOTOGRAPHS)
    return {checkpoint.name: checkpoint for checkpoint in found}


def choose(name: str) -> Checkpoint:
    """The checkpoint called `name`; BadInput that lists them, because nothing else is opened, no path for one."""
    known = offered()
    if name not in known:
        raise BadInput(f"unknown checkpoint {str(name)[:60]!r}; choose from {', '.join(known)}")
    return known[name]


def study(name: str) -> Study:
    """A checkpoint on the images that it opens on; BadInput where their encoding is not there."""
    return _study(choose(name).path)


@functools.lru_cache(maxsize=8)
def _study(path: Path) -> Study:
    found = open_study(path)
    if not found.encoded:
        raise BadInput(f"checkpoint {path.name} comes without an encoding of its held-out images; choose another one")
    return found


def picture(name: str, path: str | None, fit: str) -> Picture:
    """A visitor's picture at the size of a checkpoint."""
    size = choose(name).image_size
    return Picture(uploads.pixels(path, size, fit), Path(path).stem if path else "")


@functools.lru_cache(maxsize=8)
def examples(name: str) -> tuple[tuple[str, np.ndarray | Path], ...]:
    """Pictures to start from: images that it opens on as pixels, and scikit-learn's two photographs as files.

    The photographs come first where the network was trained on photographs, last elsewhere.
    """
    images, facts = study(name).images, choose(name)
    rows = np.random.default_rng(0).permutation(len(images))[:EXAMPLES]
    drawn = [(images.names[row], images.read([row])[0]) for row in rows.tolist()]
    known = facts.dataset == study(name).subject.dataset
    return (*drawn, *photographs()) if known else (*photographs(), *drawn)


def photographs() -> list[tuple[str, Path]]:
    """The photographs that come with scikit-learn, which is not imported for them."""
    import importlib.util

    package = importlib.util.find_spec("sklearn")
    folder = Path(package.origin).parent / "datasets" / "images" if package and package.origin else Path()
    named = {"photograph of a temple": "china.jpg", "photograph of a flower": "flower.jpg"}
    return [(title, folder / file) for title, file in named.items() if (folder / file).is_file()]


def file(title: str, shown: np.ndarray | Path) -> str:
    """A picture as a file among those of visitors."""
    if isinstance(shown, Path):
        return keeping.store(shown.read_bytes(), shown.name)
    return keeping.store(drawing.png(shown), f"{Path(title).stem}.png")
