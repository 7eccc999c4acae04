"""Masks: what a network fills in where patches are hidden, which patches it needs, and whom its patches attend to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import (
    Block,
    Card,
    Cards,
    Column,
    Controls,
    Go,
    Later,
    Link,
    Note,
    Part,
    Picture,
    Pictures,
    Row,
    Sheet,
    Table,
    drawing,
)  # fmt: skip
from explorer.study import mask_passes
from explorer.views import attending, fields, hardest, mask_board, unlike, words

if TYPE_CHECKING:
    from explorer.analysis.masks import Answer, Filled
    from explorer.study import Picture as Looked
    from explorer.study import Study

FOUND, HARDEST, ATTENTION = "masks-found", "masks-hardest", "masks-attention"
NOT_HERE = (
    "{name} cannot fill in hidden patches: it encodes a whole image. A masked autoencoder sees some patches and draws "
    "the others."
)
NO_PIXELS = "These images are known by their codes alone; there are no pixels to hide."
ABOUT = (
    "The network sees the patches that are not striped, and draws those that are. Hide more of them, or the ones that "
    "you think it needs most."
)
UNSEEN = "The encoder sees the patches that are not striped."
BASELINES = {"mean colour": "Mean colour", "smooth": "Smooth fill"}


def _last_block(study: Study, options: Any) -> int:
    return max(1, attending.blocks_of(study, options["part"] == "decoder"))


def _several_blocks(study: Study, options: Any) -> bool:
    return _last_block(study, options) > 1


def _both_parts(study: Study, _: Any = None) -> bool:
    return attending.blocks_of(study, decoder=True) > 0


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    share: int = fields.option(
        75, "Hidden (%)", "The share of patches that are hidden at random. What was painted goes.", min=5, max=95,
        step=5, widget="slider",
    )  # fmt: skip
    draw: int = fields.option(0, "Mask seed", "Another seed, other patches at random.", min=0, max=9999)
    mask: str = fields.option("", "Hidden patches, as text", when=lambda *_: False)
    part: str = fields.option(
        "encoder", "Attention of the", help_of("attention of the decoder"), choices=attending.PARTS, when=_both_parts,
        yields=True,
    )  # fmt: skip
    block: int = fields.option(
        1, "Block", "The first one sees what goes in, the last one what all before it made of it.",
        min=1, max=_last_block, start=_last_block, widget="slider", step=1, when=_several_blocks, yields=True,
    )  # fmt: skip
    asks: str = fields.option("", "The patch that asks", when=lambda *_: False)
    ready: int = fields.option(0, "A search that ended", when=lambda *_: False, min=0, max=9999, yields=True)


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """One image with hidden patches: what comes back, the masks that hurt most and least, and attention."""
    if picture is None:
        return Sheet([Note("Choose an image, or give one of your own, to hide patches of it.", "info")])
    absent = _absent(study)
    if absent:
        alone = study.images.pictured and attending.blocks_of(study)
        return _attention_alone(study, options, picture, absent) if alone else Sheet(absent)
    mask, said = _mask(study, options)
    found = study.remember(_filled, picture, mask)
    hidden = int(mask.sum())
    blocks = [
        Controls(("share", "draw")), *said, *unlike.notes(study, [picture]),
        _board(study, options, picture, mask, found),
        *mask_board.peeks(study),
        Part(FOUND, [_cards(mask, found), *_pictures(study, mask, found)]),
        Part(HARDEST, [Later(partial(hardest.blocks, study, picture, mask, found))]),
        Part(ATTENTION, [Later(partial(attending.blocks, study, options, picture, mask))]),
    ]  # fmt: skip
    numbers = {
        "image": picture.row, "name": picture.name, "grid": list(mask.shape), "hidden": hidden,
        "share": hidden / mask.size, "mask": mask_board.text_of(mask), **_told(found),
        "hardest": partial(hardest.numbers, study, picture, mask),
        "attention": partial(attending.numbers, study, options, picture, mask),
    }  # fmt: skip
    return Sheet(blocks, numbers)


def _absent(study: Study) -> list[Block]:
    """Why nothing can be hidden, and where it can; nothing where it can be here."""
    if study.checkpoint.no_decoder:
        said = words.no_decoder(study)
    elif not study.images.pictured:
        said = [Note(NO_PIXELS, "info")]
    elif study.abilities()["mask_grid"] is None:
        said = [Note(NOT_HERE.format(name=study.checkpoint.name), "info")]
    else:
        return []
    return [*said, Link("Open mae-shapes", "deblur", Go(None, {"checkpoint": "mae-shapes", "dataset": "shapes"}))]


def _attention_alone(study: Study, options: Options, picture: Looked, said: list[Block]) -> Sheet:
    """An encoder that tells whom its patches attend to, and draws nothing."""
    grid = tuple(study.checkpoint.layers[-1]["grid"])
    mask, wrong = mask_board.painted(options.mask, grid)
    mask = np.zeros(grid, bool) if mask is None else mask
    alt = f"Patches of {picture.name}: press one to hide or show it"
    board = mask_board.board("mask-board", picture.pixels, mask, alt, share=options.share, waits=(ATTENTION,))
    attention = Part(ATTENTION, attending.blocks(study, options, picture, mask))
    told = {"image": picture.row, "name": picture.name, "grid": list(grid), "hidden": int(mask.sum())}
    told["attention"] = attending.numbers(study, options, picture, mask)
    return Sheet([*said, *wrong, Row([[board], [Note(f"{UNSEEN} {mask_board.HOW}")]], 260), attention], told)


def _mask(study: Study, options: Options) -> tuple[np.ndarray, list[Block]]:
    """The patches (H, W) to hide: painted ones, or random ones; and what is wrong with the address."""
    from explorer.analysis.comparison import random_masks

    grid = study.abilities()["mask_grid"]
    cells, said = mask_board.painted(options.mask, grid) if options.mask else (None, [])
    if cells is None and grid[0] * grid[1] > 1:
        cells = random_masks(1, grid, options.share / 100, options.draw)[0]
    return np.zeros(grid, bool) if cells is None else cells, said


def _filled(study: Study, picture: Looked, mask: np.ndarray) -> Filled:
    return study.through(mask_passes.fill, picture.pixels, mask)


def _board(study: Study, options: Options, picture: Looked, mask: np.ndarray, found: Filled) -> Block:
    def shown(cells: np.ndarray, one: Filled) -> dict[str, str]:
        return {
            "title": "What comes back", "url": drawing.url(one.model.pixels),
            "words": f"{_many(cells)} hidden · {_decibels(one.model.psnr)} inside, SSIM {one.model.ssim:.3f}",
        }  # fmt: skip

    def answer(cells: np.ndarray) -> dict[str, str]:
        return shown(cells, study.through(mask_passes.fill, picture.pixels, cells, baselines=False))

    board = mask_board.board(
        "mask-board", picture.pixels, mask, f"Patches of {picture.name}: press one to hide or show it",
        share=options.share, live=shown(mask, found), answer=answer, waits=(FOUND, HARDEST, ATTENTION),
    )  # fmt: skip
    several = Go("reconstructions", {"hide": "painted", "mask": mask_board.text_of(mask)})
    return Row([
        [board],
        [Note(ABOUT, "plain"), Note(mask_board.HOW), Link("The same patches of several images", "compare", several)],
    ], 260, shares=(7, 3))  # fmt: skip


def _cards(mask: np.ndarray, found: Filled) -> Cards:
    best = max(found.baselines.values(), key=lambda one: one.psnr) if mask.any() else None
    gain = "" if best is None else f"{found.model.psnr - best.psnr:+.2f} dB".replace("-", "−")
    name = next((name for name, one in found.baselines.items() if one is best), "")
    return Cards([
        Card(
            "Hidden patches", f"{int(mask.sum()):,} of {mask.size:,}", f"{mask.mean():.0%} of the image",
            help_of("hidden patches"),
        ),
        Card("Error inside", _decibels(found.model.psnr), _mse(found.model.mse), help_of("inside")),
        Card("Error outside", _decibels(found.outside_psnr), _mse(found.outside), help_of("outside")),
        Card("SSIM", f"{found.model.ssim:.3f}", "prediction pasted in", help_of("masked ssim")),
        Card(
            "Against baseline", gain or "–",
            "nothing is hidden" if best is None else f"{BASELINES[name].lower()}: {_decibels(best.psnr)}",
            f"{help_of('mean colour')} {help_of('smooth fill')}",
        ),
    ])  # fmt: skip


def _pictures(study: Study, mask: np.ndarray, found: Filled) -> list[Block]:
    """Original, what is seen, what comes back, all that is predicted, where it errs, and the baselines."""
    top = study.error_top(hidden=True)
    shown = [
        Picture(found.original, "Original", "hidden patches included"),
        Picture(found.seen, "Seen", "what the network gets"),
        Picture(found.model.pixels, "What comes back", f"{_decibels(found.model.psnr)} inside"),
        Picture(found.predicted, "All predicted", f"{_decibels(found.outside_psnr)} outside", help=help_of("outside")),
        Picture(drawing.heat(found.errors, top), "Error", f"0 to {top:.2f}", help=help_of("error map")),
        *(
            Picture(one.pixels, BASELINES[name], f"{_decibels(one.psnr)} inside", help=help_of(TERM[name]))
            for name, one in found.baselines.items()
        ),
    ]  # fmt: skip
    return [Pictures("masked", shown, 120, archive="masked"), *_table(mask, found)]


TERM = {"mean colour": "mean colour", "smooth": "smooth fill"}
COLUMNS = {
    "filled by": Column("Filled in by", "The network, or a rule without one.", pinned=True),
    "PSNR (dB)": Column("PSNR inside (dB)", help_of("inside"), "%.2f"),
    "MSE": Column("MSE inside", "Mean squared error of hidden pixels, values from 0 to 1.", "%.5f"),
    "SSIM": Column("SSIM", help_of("masked ssim"), "%.3f"),
}


def _table(mask: np.ndarray, found: Filled) -> list[Block]:
    """The same in numbers; nothing where nothing is hidden."""
    import pandas as pd

    if not mask.any():
        return [Note("Nothing is hidden, so nothing is filled in; paint a patch.")]
    answers = {"the network": found.model} | {BASELINES[name]: one for name, one in found.baselines.items()}
    rows = [(name, one.psnr, one.mse, one.ssim) for name, one in answers.items()]
    return [Table("masked-table", pd.DataFrame(rows, columns=list(COLUMNS)), COLUMNS)]


def _told(found: Filled) -> dict[str, Any]:
    def told(one: Answer) -> dict[str, float | None]:
        return {"mse": _finite(one.mse), "psnr": _finite(one.psnr), "ssim": one.ssim}

    return {
        "inside": told(found.model), "outside": {"mse": _finite(found.outside), "psnr": _finite(found.outside_psnr)},
        "psnr": _finite(found.model.psnr), "ssim": found.model.ssim,
        "baselines": {name: told(one) for name, one in found.baselines.items()},
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _many(mask: np.ndarray) -> str:
    return f"{int(mask.sum()):,} of {words.many(mask.size, 'patch', 'patches')}"


def _decibels(value: float) -> str:
    return f"{value:.2f} dB" if np.isfinite(value) else "–"


def _mse(value: float) -> str:
    return f"MSE {value:.4f}" if np.isfinite(value) else "there are none"
