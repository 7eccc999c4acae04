"""The command `prior sample`: code maps drawn from a prior, as PNG files and as a file of codes."""

from __future__ import annotations

import dataclasses
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.analysis.choices import Choices
from explorer.commands.command import Json, cancellable, command, emit, prior, tell
from explorer.commands.train import Device
from explorer.errors import explained
from explorer.files import atomic_path
from explorer.progress import Progress

if TYPE_CHECKING:
    import numpy as np

    from explorer.priors.folder import Facts
    from explorer.study import Study

MOST, BATCH = 10_000, 64  # samples; pictures in memory
ACROSS, SMALL = 8, 128  # pictures of the sheet that stand side by side; pixels that they are enlarged to

PriorName = Annotated[str, typer.Argument(metavar="PRIOR", help="A name under checkpoints/, or a path.")]


@command((Choices, [field.name for field in dataclasses.fields(Choices)]), name="sample", of=prior)
def sample_prior(
    name: PriorName,
    out: Annotated[Path, typer.Option(help="Folder for the pictures, their sheet, and codes.npz.")],
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=MOST, help="How many.")] = 16,
    value: Annotated[
        str | None, typer.Option(help="A value of the column that it was trained with. [as often as in training]")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
    **options: Any,
) -> None:
    """Draws new code maps from a prior and decodes them; sample 7 of a seed is the same however many are drawn."""
    from explorer.priors import folder
    from explorer.results.subject import Subject
    from explorer.study import Study
    from explorer.study.priors import classes_of

    facts, choices = folder.describe(folder.resolve(name)), Choices(**options)
    more = {} if facts.kmeans is None else {"kmeans": facts.kmeans}
    study = Study(Subject(folder.checkpoint_of(facts), facts.dataset, **more))
    classes = classes_of(facts, value, count, choices.seed)
    with explained("write the samples into --out", out):
        out.mkdir(parents=True, exist_ok=True)  # now, not after all are drawn
    codes, seconds = _drawn(facts, classes, choices, device)
    values = [facts.condition.values[one] if one >= 0 else None for one in classes]
    with explained("write the samples into --out", out):
        saved = _save_codes(study, facts, codes, out / "codes.npz")
        written, kept = _decoded(study, facts, codes, values, out)
    found = {
        "samples": written["samples"], "seconds": seconds, "codes": saved, "sheet": written["sheet"],
        "numbers": list(range(count)), "values": values,
        "condition": facts.condition.column if facts.condition else None,
        **kept, "prior": facts.path, **dataclasses.asdict(choices),
    }  # fmt: skip
    emit(found, as_json, _lines(found, facts, out))


def _drawn(facts: Facts, classes: np.ndarray, choices: Choices, device: str) -> tuple[dict[str, np.ndarray], float]:
    """Codes (n, H, W) of each level, and the seconds that it took to draw them, the network being open."""
    from explorer.jobs.devices import choose
    from explorer.priors import folder
    from explorer.priors.sampling import at_once, sample

    network = folder.load(facts.path).to(choose(device))
    rows = sum(level.grid[0] for level in facts.levels) * -(-len(classes) // at_once(network))
    with cancellable(Progress(rows, "rows")) as progress:
        done = iter(range(1, rows + 1))
        started = time.perf_counter()
        found = sample(
            network, classes, choices, told=lambda level, row, _: progress.update(next(done), f"row {row} of {level}")
        )
        seconds = time.perf_counter() - started
        progress.finish()
    return {level: one.cpu().numpy() for level, one in found.items()}, seconds


def _save_codes(study: Study, facts: Facts, codes: dict[str, np.ndarray], path: Path) -> Path:
    """`codes.npz`, which `explorer decode` reads: codes, and vectors of layers that have no codebook of their own."""
    import numpy as np

    from explorer.priors import folder

    own = {layer["name"] for layer in study.checkpoint.layers if layer.get("codes") is not None}
    books = {f"{name}.vectors": book.vectors.cpu().numpy() for name, book in folder.books(facts.path).items()}
    vectors = {name: one for name, one in books.items() if name.removesuffix(".vectors") not in own}
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **{name: one.astype(np.int32) for name, one in codes.items()}, **vectors)
    return path


def _decoded(
    study: Study, facts: Facts, codes: dict[str, np.ndarray], values: list[str | None], out: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Paths of the pictures, and how many of their codes an encoder finds again, beside held-out images."""
    import numpy as np

    from explorer.analysis.quality import interval
    from explorer.study import rereading
    from explorer.study.priors import decoded

    if why := study.checkpoint.no_decoder:
        tell(f"there are codes, and no pictures: {why}")
        return {"samples": [], "sheet": None}, {"kept": None, "held_out_kept": None}
    written, shares, first = [], [], None
    for start in range(0, len(values), BATCH):
        part = {name: one[start : start + BATCH] for name, one in codes.items()}
        pixels = decoded(study, facts, part)
        first = pixels if first is None else first
        shares.append(rereading.kept(study, facts, part, pixels))
        for number, picture in enumerate(pixels, start):
            written.append(_save(picture, out / f"{number:05d}{_named(values[number])}.png"))
    others = rereading.of_held_out(study, facts)
    kept = {"kept": interval(np.concatenate(shares)), "held_out_kept": None if others is None else interval(others)}
    return {"samples": written, "sheet": _save(_sheet(first), out / "samples.png")}, kept


def _named(value: str | None) -> str:
    """A value as the end of a file's name."""
    text = re.sub(r"[^\w.-]+", "-", value or "")[:40].strip("-.")
    return f"-{text}" if text else ""


def _sheet(pixels: np.ndarray) -> np.ndarray:
    """Pictures (n, h, w, 3) uint8 side by side with white between them, small ones enlarged."""
    import numpy as np

    scale = max(1, SMALL // pixels.shape[2])
    pixels = pixels.repeat(scale, 1).repeat(scale, 2)
    count, height, width, _ = pixels.shape
    across = min(ACROSS, count)
    whole = np.full((-(-count // across), across, height + 2, width + 2, 3), 255, np.uint8)
    for number, picture in enumerate(pixels):
        whole[number // across, number % across, 1:-1, 1:-1] = picture
    return whole.swapaxes(1, 2).reshape(len(whole) * (height + 2), -1, 3)


def _save(pixels: np.ndarray, path: Path) -> str:
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary)
    return str(path)


def _lines(found: dict[str, Any], facts: Facts, out: Path) -> list[str]:
    from explorer.analysis.quality import worded

    lines = [f"{len(found['values']):,} samples in {out}, drawn in {found['seconds']:.2f} s; codes in {found['codes']}"]
    if facts.condition:
        often = {one: found["values"].count(one) for one in facts.condition.values}
        told = ", ".join(f"{one} × {many}" for one, many in often.items() if many)
        lines.append(f"{facts.condition.column}: {told}")
    if found["kept"]:
        beside = f"; of held-out images {worded(found['held_out_kept'], 3)}" if found["held_out_kept"] else ""
        lines.append(f"share of codes that the encoder finds again: {worded(found['kept'], 3)}{beside}")
    return lines
