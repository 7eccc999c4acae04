"""Traverse: what the numbers of a continuous layer do when they are moved, mixed, added and drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Controls, Note, Sheet
from explorer.views import fields, layers, words
from explorer.views.traversals import layer as known
from explorer.views.traversals import samples, sums, units, ways

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

DO = {
    "units": "Units", "ways": "Image to image", "sums": "a − b + c", "samples": "Samples",
}  # fmt: skip
DISCRETE = (
    "{name} has codes and no continuous layer, so there is no unit to move, nothing to add, and no prior to draw from. "
    "A way from one image to another there is: the vectors are mixed, and the decoder gets the codes nearest to them."
)
ONE_AT_A_TIME = (
    "This model decodes from one layer at a time, and its {dim:,} numbers a patch have no meaning one by one: nothing "
    "in its training asks a unit to stand for something or to follow a distribution, and what is moved in one block "
    "goes through all that follow. So there are no units to move and no samples; a way from one image to another there "
    "is."
)


def _ways(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    """What can be done with this checkpoint."""
    return DO if known.continuous(study, options["picture"]) else {"ways": DO["ways"]}


def _does(what: str) -> Any:
    return lambda _, options: options["do"] == what


def _row(_: Study, options: Mapping[str, Any]) -> int:
    picture = options["picture"]
    return 0 if picture is None or picture.row is None else picture.row


def _last(study: Study, _: Any) -> int:
    return len(study.images) - 1


def _cell(axis: int, label: str, about: str) -> Any:
    return fields.option(
        0, label, about, min=0, yields=True, max=lambda study, options: study.layer(options["layer"]).grid[axis] - 1,
        start=lambda study, options: study.layer(options["layer"]).grid[axis] // 2,
        when=lambda _, options: options["do"] == "units" and options["where"] == "cell",
    )  # fmt: skip


def _operand(label: str, start: Any) -> Any:
    return fields.option(
        "picture", label, help_of("operand"), choices=sums.operands, start=start, yields=True, widget="list",
        when=_does("sums"),
    )  # fmt: skip


def _operand_row(name: str) -> Any:
    return fields.option(
        0, f"Image {name}", "Its number, in the order of the dataset.", min=0, max=_last, yields=True,
        start=lambda study, options: layers.second(study, {"image": _row(study, options)}),
        when=lambda _, options: options["do"] == "sums" and options[name] == "image",
    )  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    do: str = fields.option(
        "units", "Move", help_of("traverse"), choices=_ways, yields=True,
        start=lambda study, options: next(iter(_ways(study, options))),
        when=lambda study, options: len(_ways(study, options)) > 1,
    )  # fmt: skip
    layer: str = fields.option(
        "", "Layer", "Whose latents are moved.", choices=known.offered, start=known.start, yields=True,
        when=lambda study, options: len(known.offered(study, options)) > 1,
    )  # fmt: skip
    around: str = fields.option(
        "image", "Around", "What all other units keep: the latent of this image, or the mean latent of many images.",
        choices={"image": "This image", "mean": "The mean image"}, when=_does("units"),
    )  # fmt: skip
    steps: int = fields.option(
        7, "Steps", "Pictures in a row, from −3 to +3 standard deviations.", choices={n: str(n) for n in (5, 7, 9, 13)},
        when=_does("units"),
    )  # fmt: skip
    where: str = fields.option(
        "all", "Where", "A unit is moved in all cells of the grid, or in one.",
        choices={"all": "All cells", "cell": "One cell"},
        when=lambda study, options: options["do"] == "units" and not known.is_vector(study, options["layer"]),
    )  # fmt: skip
    row: int = _cell(0, "Row", "Of the grid, 0 at the top.")
    column: int = _cell(1, "Column", "Of the grid, 0 at the left.")
    units: int = fields.option(
        1, "Units", min=1, widget="pages", yields=True, when=_does("units"), max=lambda study, o: units.pages(study, o),
    )  # fmt: skip
    moved: str = fields.option("", "What is moved", when=lambda *_: False)
    second: int = fields.option(
        0, "Image B", "Its number; until you choose one, an image of another class where classes are known.",
        min=0, max=_last, when=_does("ways"),
        start=lambda study, options: layers.second(study, {"image": _row(study, options)}),
    )  # fmt: skip
    along: int = fields.option(
        9, "Pictures", "From the first image to the second one.", choices={n: str(n) for n in (8, 9, 10, 11, 12)},
        widget="list", when=_does("ways"),
    )  # fmt: skip
    path: str = fields.option(
        "auto", "Path", help_of("spherical path"), choices=ways.PATHS,
        when=lambda study, options: options["do"] == "ways" and bool(ways.can_turn(study, options)),
    )  # fmt: skip
    concept: str = fields.option(
        "", "Means by", "The concept whose values have mean latents.", choices=sums.concepts, yields=True,
        when=_does("sums"),
        start=lambda study, options: sums.telling(study) if options["do"] == "sums" else "",
    )  # fmt: skip
    a: str = _operand("a", lambda *_: "picture")
    a_row: int = _operand_row("a")
    b: str = _operand("− b", sums.value_of_picture)
    b_row: int = _operand_row("b")
    c: str = _operand("+ c", sums.other_value)
    c_row: int = _operand_row("c")
    draws: int = fields.option(
        8,
        "Samples",
        "Pictures of each kind.",
        choices={n: str(n) for n in (4, 8, 16, 32)},
        when=_does("samples"),
        start=lambda study, options: 4 if options["do"] == "samples" and known.slow(study, options["layer"]) else 8,
    )
    seed: int = fields.option(0, "Seed", "Another seed, other samples.", min=0, max=9999, when=_does("samples"))


PARTS = {"units": units.blocks, "ways": ways.blocks, "sums": sums.blocks, "samples": samples.blocks}


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """What was asked for, or why there is nothing of it, and where there is."""
    if blocks := words.no_decoder(study):
        return Sheet([*blocks, known.ELSEWHERE])
    if picture is None:
        return Sheet([Note("Choose an image, or give one of your own, to move its latents.", "info")])
    before: list[Block] = []
    if not known.continuous(study, picture):
        said = DISCRETE.format(name=study.checkpoint.name)
        if not study.abilities()["joint"]:
            said = ONE_AT_A_TIME.format(dim=study.layer(options.layer).dim)
        before = [Note(said, "info"), known.ELSEWHERE]
    shown, numbers = PARTS[options.do](study, options, picture)
    told = {"do": options.do, "layer": options.layer, "image": picture.row, "name": picture.name}
    return Sheet([*before, Controls(("do", "layer")), *shown], told | numbers)
