"""The masks of an image that hurt most and least, beside random ones of the same size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.results import masks
from explorer.sheets import Block, Chart, Go, Heading, Missing, Note, Picture, Pictures, Piece
from explorer.study import mask_passes
from explorer.views import mask_board, words

if TYPE_CHECKING:
    from explorer.analysis.masks import Filled
    from explorer.study import Picture as Looked
    from explorer.study import Study

NAMES = {"worst": "Hurts most", "best": "Hurts least"}
TITLE = "Which patches it needs"
SEARCH = "Search for the masks that hurt most and least"
SECONDS = 0.4  # of a search for a picture of one's own between two answers


class Search:
    """How far a search for a picture of one's own is: it is done here, in parts, and is not written down."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found


def blocks(study: Study, picture: Looked, mask: np.ndarray, found: Filled) -> list[Block]:
    """What a search found, at as many hidden patches as the mask (H, W) has; or the offer to search."""
    heading = Heading(TITLE, help_of("worst mask"))
    if mask.size < 2:
        return [heading, Note("The image is one patch: there is nothing to choose.")]
    searched = _searched(study, picture, mask.shape)
    if searched is None:
        return [heading, _missing(picture, mask) if picture.row is not None else _here(study, picture, mask)]
    hidden = int(mask.sum())
    if not 0 < hidden < mask.size:
        return [heading, Note("Hide some of the patches, and leave some, to compare masks of that size.")]
    told = numbers(study, picture, mask)
    return [heading, _sentence(told, hidden, found), *_pictures(study, picture, told), _chart(searched, told, found)]


def _missing(picture: Looked, mask: np.ndarray) -> Missing:
    from explorer.analysis.mask_search import passes

    return Missing(
        "masks", masks.Options(picture.row), SEARCH,
        f"Hides one patch after another, {passes(mask.size):,} masks of this image in all; kept for the next time.",
    )  # fmt: skip


def _here(study: Study, picture: Looked, mask: np.ndarray) -> Piece:
    """The same for a picture of one's own, done while the page waits for it."""
    search = study.remember(_search, picture, mask.shape)

    def answer(message: Any) -> dict[str, int]:
        search.found = study.through(mask_passes.search, picture.pixels, search.found, SECONDS)
        return {"done": search.found["done"], "total": search.found["passes"]}

    about = f"{search.found['passes']:,} masks of this picture are looked at, here and now; nothing is written down."
    data = {
        "title": SEARCH, "about": about, "start": "Start", "stop": "Stop", "again": "Go on", "unit": "masks",
        "done": search.found["done"], "total": search.found["passes"], "of": picture.key,
    }  # fmt: skip
    return Piece("mask-searching", "searching", data, SEARCH, Go(None, {"ready": "{ready}"}), answer)


def _search(study: Study, picture: Looked, grid: tuple[int, int]) -> Search:
    from explorer.analysis.mask_search import begun

    return Search(begun(grid))


def _searched(study: Study, picture: Looked, grid: tuple[int, int]) -> dict[str, Any] | None:
    """What a search found; None where there is none, or it is not done yet."""
    if picture.row is not None:
        return study.result("masks", masks.Options(picture.row))
    found = study.remember(_search, picture, grid).found
    return found if found["done"] >= found["passes"] else None


def numbers(study: Study, picture: Looked, mask: np.ndarray) -> dict[str, Any] | None:
    """The worst and the best mask as large as this one (H, W), and random ones; None where nobody searched."""
    from explorer.analysis.mask_search import mask_of
    from explorer.analysis.masks import decibels

    hidden, grid = int(mask.sum()), mask.shape
    searched = _searched(study, picture, grid) if 0 < hidden < mask.size else None
    if searched is None:
        return None
    sizes = searched["random"]["hidden"]  # the same masks that the chart shows, where it has some of this size
    known = hidden in sizes
    random = (
        np.array(searched["random"]["mse"][sizes.index(hidden)]) if known else study.remember(_random, picture, hidden)
    )
    told: dict[str, Any] = {"hidden": hidden, "step": searched["step"]}
    for name in NAMES:
        mse = searched[name]["mse"][hidden - 1]
        cells = mask_board.text_of(mask_of(searched[name]["order"], hidden, grid))
        told[name] = {"mask": cells, "mse": mse, "psnr": decibels(mse)}
    ends = {"mean": random.mean(), "min": random.min(), "max": random.max()}
    return told | {"random": {"masks": len(random), **{name: float(value) for name, value in ends.items()}}}


def _random(study: Study, picture: Looked, hidden: int) -> np.ndarray:
    return study.through(mask_passes.random_errors, picture.pixels, hidden)


def _sentence(told: dict[str, Any], hidden: int, found: Filled) -> Note:
    random, step = told["random"], told["step"]
    steps = f" {step} patches are hidden in a step." if step > 1 else ""
    times = told["worst"]["mse"] / max(random["mean"], 1e-12)
    return Note(
        f"With {words.many(hidden, 'patch', 'patches')} hidden, the worst mask that was found has {times:.1f} × the "
        f"mean squared error of {random['masks']} random ones: {told['worst']['mse']:.4f} against "
        f"{random['mean']:.4f} ({random['min']:.4f} to {random['max']:.4f}); the best has {told['best']['mse']:.4f}, "
        f"yours {found.model.mse:.4f}. Every hidden pixel counts the same.{steps}",
        "plain", help_of("random masks"),
    )  # fmt: skip


def _pictures(study: Study, picture: Looked, told: dict[str, Any]) -> list[Block]:
    """What is seen and what comes back under each of the two; a click takes that mask."""
    shown = []
    for name, called in NAMES.items():
        cells = mask_board.painted(told[name]["mask"], study.abilities()["mask_grid"])[0]
        found = study.remember(_filled, picture, cells)
        go, note = Go(None, {"mask": told[name]["mask"]}), f"{told[name]['psnr']:.2f} dB inside"
        shown += [
            Picture(found.seen, called, "take this mask", f"{called}: the patches that are seen", go=go),
            Picture(found.model.pixels, "Comes back", note, f"{called}: what comes back", go=go),
        ]
    return [Pictures("hardest", shown, 130, columns=4)]


def _filled(study: Study, picture: Looked, mask: np.ndarray) -> Filled:
    return study.through(mask_passes.fill, picture.pixels, mask, baselines=False)


def _chart(searched: dict[str, Any], told: dict[str, Any], found: Filled) -> Block:
    from explorer.charts import mask_plots

    return Chart(
        "mask-search", lambda theme: mask_plots.search(searched, told["hidden"], found.model.mse, theme),
        f"Error of hidden pixels over the number of hidden patches, of the worst, the best and random masks; "
        f"{told['hidden']} are hidden now",
    )  # fmt: skip
