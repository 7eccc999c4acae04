"""Product ids: short words made of codes, coarse to fine, as a tree with pictures, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.results import id_choices
from explorer.results import ids as made
from explorer.sheets import (
    Block,
    Card,
    Cards,
    Choose,
    Controls,
    Download,
    Heading,
    Later,
    Missing,
    Note,
    Sheet,
)
from explorer.views import fields, id_tree, id_worth, words

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

ABOUT = (
    "An id is a short word made of codes, coarse to fine, such as 12-7-3. Images whose ids begin alike should be "
    "alike: then a recommender can learn to spell products, and knows something of one that nobody has bought yet."
)
OFS = {"zq": "Its codes", "ze": "Its latents"}
BOOKS = {"own": "The checkpoint's own", "fitted": "Fitted (k-means)"}
FIELDS = ("way", "books", "layer", "of", "levels", "branch")


def _layers(study: Study) -> list[dict[str, Any]]:
    return list(study.checkpoint.layers)


def _asked(options: Mapping[str, Any]) -> id_choices.Options:
    """Options of the result, of those of the page so far; what counts not is left to what suits."""
    given = {name: options[name] for name in FIELDS if options.get(name) not in (None, "")}
    if given.get("way") == "levels" or given.get("books") == "own":
        given.pop("layer", None)
    return id_choices.Options(**given)


def _settled(study: Study, options: Mapping[str, Any]) -> id_choices.Options:
    return id_choices.complete(_layers(study), study.checkpoint.name, _asked(options))


def _ways(study: Study, _: Any = None) -> dict[str, str]:
    return {way: name for way, name in id_choices.WAYS.items() if way != "levels" or id_choices.grids(_layers(study))}


def _books(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    own = options["way"] == "levels" or (options["way"] == "residual" and id_choices.chain(_layers(study)))
    return BOOKS if own else {"fitted": BOOKS["fitted"]}


def _start(name: str):
    """What suits the checkpoint and the choices before this one."""

    def start(study: Study, options: Mapping[str, Any]) -> Any:
        found = getattr(_settled(study, {key: value for key, value in options.items() if key in FIELDS}), name)
        return found or id_choices.main(_layers(study)) if name == "layer" else found

    return start


def _fitted(study: Study, options: Mapping[str, Any]) -> bool:
    return options["books"] == "fitted"


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    way: str = fields.option("", "Way", help_of("way of ids"), choices=_ways, start=_start("way"), yields=True)
    books: str = fields.option(
        "", "Codebooks", help_of("books of ids"), choices=_books, start=_start("books"), yields=True,
        when=lambda study, options: len(_books(study, options)) > 1,
    )  # fmt: skip
    layer: str = fields.option(
        "", "Layer", "Whose codes the ids are made of.", yields=True,
        choices=lambda study, _: {name: name for name in study.layer_names}, start=_start("layer"),
        when=lambda study, options: len(study.layer_names) > 1 and options["way"] != "levels"
        and options["books"] == "fitted",
    )  # fmt: skip
    of: str = fields.option("", "Made of", help_of("vector of ids"), choices=OFS, start=_start("of"), yields=True)
    levels: int = fields.option(
        3, "Levels", help_of("levels of ids"), choices={count: str(count) for count in range(1, 7)},
        when=lambda study, options: _fitted(study, options) and options["way"] != "levels",
    )  # fmt: skip
    branch: int = fields.option(
        16, "Codes a level", help_of("branches of ids"), choices={count: str(count) for count in (4, 8, 16, 32, 64)},
        when=_fitted,
    )  # fmt: skip
    prefix: str = fields.option("", "Prefix", "Where the tree is opened, such as 12-7.")


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """How ids are made, the tree of them with pictures, the id of an image, and what ids are worth."""
    asked = _settled(study, vars(options))
    opening: list[Block] = [Note(ABOUT, "plain", help_of("product id")), Controls(FIELDS), *_of_layer(study, asked)]
    if study.result("ids", asked) is None:
        title = f"Ids of {len(study.images):,} images of {study.images.name} by {study.checkpoint.name}"
        about = "Fits what is to be fitted, gives every image its id, and asks what ids that begin alike are worth."
        return Sheet([*opening, Missing("ids", asked, title, about, begin=True)], {"ids": None})
    found = study.remember(id_tree.opened, asked)
    facts = found.facts
    notes: list[Block] = [Note(facts["sentence"], "warning" if facts["collapsed"] else "plain", help_of("collisions"))]
    prefix, fault = _prefix(found, options.prefix)
    blocks: list[Block] = [
        *opening, *notes, _cards(facts), *([Note(fault, "warning")] if fault else []),
        Heading("The tree of ids", help_of("tied concept")), id_tree.piece(study, asked, prefix),
        Note(id_tree.HOW), Heading("The id of an image", help_of("product id")), Choose(),
        *id_tree.of_picture(study, asked, picture),
        *id_worth.levels(facts), Later(lambda: id_worth.neighbours(facts)), Later(lambda: id_worth.concepts(facts)),
        *_export(study, found),
    ]  # fmt: skip
    return Sheet(blocks, {**facts, "prefix": list(prefix)})


def _of_layer(study: Study, asked: id_choices.Options) -> list[Block]:
    """What the codes of a continuous layer are."""
    if not asked.layer or asked.of != "zq" or not study.encoded:
        return []
    return words.continuous(study, asked.layer)


def _prefix(found: made.Ids, text: str) -> tuple[tuple[int, ...], str]:
    """The prefix that the tree is opened at, and why another one cannot be had."""
    from explorer.analysis import id_branches, ids

    with suppress(ValueError, OverflowError):
        prefix = ids.parsed(text)
        if len(prefix) <= found.codes.shape[1] and len(id_branches.below(found.codes, prefix)):
            return prefix, ""
    return (), f"No image has an id that begins with “{text[:40]}”; the tree is opened at its root."


def _cards(facts: dict[str, Any]) -> Cards:
    from explorer.analysis import ids_scoring

    last, images, near = facts["levels"][-1], facts["images"], facts["neighbours"]
    most = ids_scoring.attainable(facts["levels"], images)
    shown = [
        Card("Ids", f"{last['prefixes']:,}", f"of {images:,} images", help_of("distinct ids")),
        Card(
            "Share their id", f"{last['collisions']:.1%}", f"even use: {last['collisions_even']:.1%}",
            help_of("collisions"),
        ),
        Card("Commonest id", f"{last['largest']:,}", words.many(last["largest"], "image"), help_of("largest id")),
        Card("Bits of an id", f"{last['prefix_bits']:.2f}", f"at most {most:.2f}", help_of("bits of ids")),
    ]  # fmt: skip
    if near is not None:
        shown.append(_recall(near))
    return Cards(shown)


def _recall(near: dict[str, Any]) -> Card:
    from explorer.analysis import quality

    name, best = id_worth.best(near)
    note = f"{quality.between(near['recall'], 3)}; {name}: {best['recall']['mean']:.3f}"
    return Card("Recall@10", f"{near['recall']['mean']:.3f}", note, help_of("recall of ids"))


def _export(study: Study, found: made.Ids) -> list[Block]:
    """The file for a recommender, and what is in it."""
    depth = found.codes.shape[1]
    columns = ", ".join(f"level_{level}" for level in range(depth + 1))
    said = (
        f"One row an image: image_id (its row in the split), name, id (list of whole numbers), {columns}, and text, "
        f"the id as a word. The last number, level_{depth}, tells images with the same codes apart: 0, 1, 2 … in the "
        "order of the dataset."
    )
    return [
        Heading("Take the ids home"),
        Note(said, "plain"),
        Download(
            "Ids (Parquet)", f"{study.checkpoint.name}-{study.images.name}-ids.parquet", found.path.read_bytes,
            "For a recommender: reads into pandas, polars and DuckDB. `explorer ids … --out FILE.parquet` writes the "
            "same.",
        ),
    ]  # fmt: skip
