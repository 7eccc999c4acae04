"""The pictures of a comparison: one image in both checkpoints with linked code maps, and two maps with one selection.

The page Compare shows them; its options have the fields that are made here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.sheets import Block, Note
from explorer.views import fields, linked_maps, moved_maps

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

Second = Callable[["Study", Mapping[str, Any]], "Study | None"]  # the study of checkpoint B, once it is chosen


def layer_b(second: Second) -> Any:
    """The layer of B that stands beside that of A."""

    def names(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
        other = second(study, options)
        return {name: name for name in other.layer_names} if other is not None else {}

    def start(study: Study, options: Mapping[str, Any]) -> str:
        other = second(study, options)
        return other.main_layer if other is not None else ""

    return fields.option(
        "", "Layer of B", "Whose codes stand beside those of A.", choices=names, start=start, yields=True,
        when=lambda study, options: len(names(study, options)) > 1,
    )  # fmt: skip


def method(second: Second) -> Any:
    """How both maps are made; first by what both have."""

    def start(study: Study, options: Mapping[str, Any]) -> str:
        other = second(study, options)
        return moved_maps.kept(study, other, options["layer"], options["layer_b"]) if other is not None else "pca"

    return fields.option(
        "pca", "Maps", "UMAP keeps who is near whom, and bends space for it; PCA is a flat view, there at once.",
        choices={"umap": "UMAP", "pca": "PCA"}, start=start, yields=True,
    )  # fmt: skip


def colour(second: Second) -> Any:
    """What the points of both maps are coloured by."""

    def names(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
        return moved_maps.colours(study, options) if second(study, options) is not None else {}

    return fields.option(
        "", "Coloured by", "A concept of the images, or what is measured of them by A.", choices=names, widget="list",
        start=lambda study, options: next(iter(names(study, options)), ""), yields=True,
    )  # fmt: skip


def region() -> Any:
    """What is chosen on the maps; see `analysis.regions`."""
    return fields.option("", "Chosen images", "What was drawn on a map, as text.")


def blocks(study: Study, other: Study, options: Any, picture: Looked | None) -> list[Block]:
    """One image in both checkpoints, then all images on two maps; both studies have their encoding.

    Args:
        options: with `layer, layer_b, method, colour, region`.
    """
    found: list[Block] = []
    for heading, made in (
        (linked_maps.HEADING, lambda: linked_maps.blocks(study, other, options.layer, options.layer_b, picture)),
        (moved_maps.HEADING, lambda: moved_maps.blocks(study, other, options)),
    ):
        try:
            found += made()
        except BadInput as problem:  # what cannot be shown is one sentence among the rest
            text = str(problem)
            found += [heading, Note(f"{text[:1].upper()}{text[1:]}.", "info")]
    return found


def numbers(study: Study, other: Study, options: Any) -> dict[str, Any]:
    """The same for scripts: `map` with displacement and neighbours kept; null where there is none."""
    try:
        return {"map": moved_maps.numbers(study, other, options)}
    except BadInput:
        return {"map": None}
