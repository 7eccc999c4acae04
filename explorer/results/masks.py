"""The masks of one image that hurt most and least, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, read_json, write_json
from explorer.jobs.devices import choose
from explorer.options import number

if TYPE_CHECKING:
    import numpy as np

    from explorer.progress import Progress
    from explorer.results.subject import Subject

VERSION = 1  # counted up whenever the same search finds something else


@dataclass(frozen=True)
class Options:
    """Which image."""

    image: int = number(0, "Its number, in the order of the dataset.", low=0)


def key(subject: Subject, options: Options) -> str:
    """Content of the model and of the pixels, wherever they stand in whichever dataset."""
    pixels = pixels_of(subject, options)
    return digest("masks", VERSION, subject.fingerprint, pixels.shape, sha256(pixels.tobytes()).hexdigest())


def pixels_of(subject: Subject, options: Options) -> np.ndarray:
    """(h, w, 3) uint8 of the image; BadInput where there is none of this number."""
    images = subject.images
    if not getattr(images, "pictured", True):
        raise BadInput(f"{images.name} has codes and no pixels, so nothing can be hidden")
    if options.image >= len(images):
        raise BadInput(f"image {options.image:,} is out of range; choose from 0 to {len(images) - 1:,}")
    return images.read([options.image])[0]


def make(subject: Subject, options: Options, path: Path, progress: Progress) -> None:
    """Searches and writes; BadInput where the model cannot fill in hidden patches."""
    import torch

    from explorer.analysis import mask_search
    from explorer.autoencoder import Masks
    from explorer.precision import exact

    pixels, model = pixels_of(subject, options), subject.network()
    if not isinstance(model, Masks):
        raise BadInput(
            f"{subject.facts.name} cannot fill in hidden patches; a masked autoencoder such as mae-shapes can"
        )
    model = model.to(choose(subject.device))
    progress.unit = "masks"

    def tell(done: int, total: int) -> None:
        progress.total = total
        progress.update(done, "hiding one patch after another")

    with torch.inference_mode(), exact():
        write_json(path, {"what": "masks"} | mask_search.search(model, pixels, tell))


def read(path: Path, key: str = "") -> dict[str, Any]:
    """What `analysis.mask_search.search` found; BadInput where it is damaged or something else."""
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} is no search for masks or is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("what") != "masks" or not {"worst", "best", "random"} <= set(found):
        raise BadInput(f"{path.name} is no search for masks; delete it and search again")
    return found


def at(found: dict[str, Any], ratio: int) -> dict[str, Any]:
    """What a search found for the share of hidden patches, in %, that is nearest to `ratio` of those with random masks.

    Returns:
        `hidden` patches; of `worst` and `best` the `patches` (row, column), `mse` and `psnr` of hidden pixels; of
        `random` the number of masks, and `mean`, `min` and `max` of the mean squared error.
    """
    import numpy as np

    from explorer.analysis.masks import decibels

    rows, columns = found["grid"]
    sizes = np.array(found["random"]["hidden"])
    place = int(np.abs(sizes - ratio * rows * columns / 100).argmin())
    hidden, random = int(sizes[place]), np.array(found["random"]["mse"][place])
    told: dict[str, Any] = {"grid": [rows, columns], "hidden": hidden, "share": hidden / (rows * columns)}
    for name in ("worst", "best"):
        mse = found[name]["mse"][hidden - 1]
        patches = [[one // columns, one % columns] for one in sorted(found[name]["order"][:hidden])]
        told[name] = {"mse": mse, "psnr": decibels(mse), "patches": patches}
    ends = {"mean": random.mean(), "min": random.min(), "max": random.max()}
    told["random"] = {"masks": len(random), **{name: float(value) for name, value in ends.items()}}
    return told


def lines(told: dict[str, Any]) -> list[str]:
    """What `at` says, for people to read."""
    (rows, columns), random = told["grid"], told["random"]
    found = [f"{told['hidden']:,} of {rows * columns:,} patches hidden; mean squared error of hidden pixels"]
    for name in ("worst", "best"):
        found.append(f"{name}: {told[name]['mse']:.5f} ({told[name]['psnr']:.2f} dB), # is hidden")
        for row in range(rows):
            found.append("  " + "".join(".#"[[row, column] in told[name]["patches"]] for column in range(columns)))
    ends = f"from {random['min']:.5f} to {random['max']:.5f}"
    return [*found, f"{random['masks']} random masks: mean {random['mean']:.5f}, {ends}"]
