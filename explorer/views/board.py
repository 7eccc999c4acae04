"""The board: every checkpoint that is here, with what it scored on its own dataset, and which of them compare."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.sheets import Block, Column, Go, Heading, Note, Table
from explorer.views.differences import bits_per_pixel, captured
from explorer.views.ways import known

if TYPE_CHECKING:
    import pandas as pd

    from explorer.checkpoints import Checkpoint
    from explorer.study import Study

COMPARES = {"this": "is A", "yes": "yes", "size": "other image size", "data": "other dataset", "unknown": "not known"}
COLUMNS = {
    "name": Column("Checkpoint", "A click takes it as B.", pinned=True),
    "compares": Column("Compares with A", "Whether its scores are of the same dataset at the same image size."),
    "family": Column("Family"),
    "dataset": Column("Trained on"),
    "size": Column("Image size (px)", "Side of the images.", "%d"),
    "parameters": Column("Parameters", "Numbers that training set.", "localized"),
    "bits": Column("Bits per pixel", help_of("bits spent"), "%.3f"),
    "psnr": Column("PSNR (dB)", help_of("psnr"), "%.2f"),
    "psnr_between": Column("95 %", "Interval of the mean PSNR."),
    "ssim": Column("SSIM", help_of("ssim"), "%.3f"),
    "ssim_between": Column("95 %", "Interval of the mean SSIM."),
    "perplexity": Column("Perplexity", help_of("perplexity"), "%.1f"),
    "concepts": Column("Concepts captured", help_of("verdicts of two"), "%d"),
    "images": Column("Images", "Held-out images that the scores are of.", "localized"),
}  # fmt: skip


def blocks(study: Study) -> list[Block]:
    """The table of all checkpoints; a click takes one as B."""
    from explorer import checkpoints

    found = [one for one in checkpoints.find(study.checkpoint) if one.state != "training"]
    data = study.remember(table, found)
    shown = data.assign(dataset=[_short(name) for name in data["dataset"]])
    return [
        Heading("All checkpoints", help_of("board"), lambda: data.drop(columns="row"), "checkpoints"),
        Table("board", shown, COLUMNS, go=lambda row: Go(None, {"against": known(found[row])}), by="row"),
        Note(
            "Scores are those of each checkpoint's own held-out images, measured when training ended; only rows that "
            "compare with A are of the same images. A click takes a checkpoint as B, and the page compares the two "
            "image by image. A column's head sorts."
        ),
    ]  # fmt: skip


def table(study: Study, found: list[Checkpoint]) -> pd.DataFrame:
    """A row a checkpoint, those that compare with this one first."""
    import pandas as pd

    rows = []
    for at, one in enumerate(found):
        psnr, ssim = one.metrics.get("psnr") or {}, one.metrics.get("ssim") or {}
        rows.append({
            "row": at, "name": one.name, "compares": COMPARES[compares(study.checkpoint, one)], "family": one.family,
            "dataset": one.dataset or "", "size": one.image_size, "parameters": one.parameters,
            "bits": bits_per_pixel(one), "psnr": psnr.get("mean"), "psnr_between": _between(psnr, 2),
            "ssim": ssim.get("mean"), "ssim_between": _between(ssim, 3), "perplexity": _perplexity(one),
            "concepts": _captured(study, one), "images": psnr.get("n"),
        })  # fmt: skip
    frame = pd.DataFrame(rows)
    for name in ("bits", "psnr", "ssim", "perplexity", "concepts", "images"):
        frame[name] = frame[name].astype("float64")  # also where none has one
    order = [COMPARES["this"], COMPARES["yes"], COMPARES["size"], COMPARES["data"], COMPARES["unknown"]]
    return frame.sort_values("compares", key=lambda names: names.map(order.index), kind="stable", ignore_index=True)


def compares(here: Checkpoint, other: Checkpoint) -> str:
    """One of COMPARES: whether the stored scores of another checkpoint are of what those of this one are."""
    if other.path.resolve() == here.path.resolve():
        return "this"
    if not here.dataset or not other.dataset:
        return "unknown"
    if not other.trained_on(here.dataset):
        return "data"
    return "yes" if other.image_size == here.image_size else "size"


def _between(score: dict[str, Any], digits: int) -> str:
    low, high = score.get("low"), score.get("high")
    return "" if low is None or high is None else f"{low:.{digits}f} – {high:.{digits}f}"


def _perplexity(one: Checkpoint) -> float | None:
    """Of the layer to begin with, where it has codes of its own."""
    own = [layer for layer in one.layers if layer.get("codes")]
    main = max(own, key=lambda layer: layer["grid"][0])["name"] if own else ""
    return (one.metrics.get("layers") or {}).get(main, {}).get("perplexity")


def _captured(study: Study, one: Checkpoint) -> int | None:
    """How many concepts of its own dataset are captured, where the verdicts are kept and the images are at hand."""
    from explorer import datasets
    from explorer.results.subject import Subject

    if one.dataset not in datasets.DATASETS or (one.opening and one.opening[0] != one.dataset):
        return None
    with suppress(BadInput):
        if datasets.ready(one.dataset, "test", one.image_size):
            found = captured(study.beside(Subject(one.path, one.dataset, limit=one.limit_on(one.dataset))))
            return None if found is None else sum(found.values())
    return None


def _short(dataset: str) -> str:
    return "/".join(dataset.rstrip("/").split("/")[-2:]) if dataset.count("/") > 2 else dataset
