"""Everything about one code: classes of its images, its patches, neighbours and use, the image decoded with it put in
or taken out, and the images that have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.lazy import cached_property
from explorer.notebook.sets import REST
from explorer.sheets import (
    Block,
    Card,
    Cards,
    Controls,
    Download,
    Gather,
    Go,
    Heading,
    Later,
    Link,
    Name,
    Note,
    Picture,
    Pictures,
    Row,
    drawing,
)  # fmt: skip
from explorer.views import code_concepts, words

if TYPE_CHECKING:
    from explorer.analysis.interventions import Change
    from explorer.study import Picture as Looked
    from explorer.study import Study

PATCHES, NEIGHBOURS, PAGE = 12, 6, 8
TILE, IMAGE = 84, 108  # pixels of a patch in a gallery, and of an image
INSTEAD = {"mean": "the average latent", "nearest": "the nearest other code"}
SCOPES = {"all": "All its cells", "cell": "The chosen cell"}
DEAD = "This code stands nowhere in these {images:,} images: a dead code, as far as they show."


@dataclass(frozen=True)
class Seen:
    """A picture in one layer: codes (H, W), distances (H, W) to their vectors, and a text (H, W) for each cell."""

    codes: np.ndarray
    distances: np.ndarray
    notes: list[list[str]]


def seen(study: Study, picture: Looked, layer: str) -> Seen:
    """The codes of a picture in a layer."""
    return study.remember(_seen, picture, layer, tuple(study.names(layer).items()))


def _seen(study: Study, picture: Looked, layer: str, names: tuple[tuple[int, str], ...]) -> Seen:
    named = dict(names)
    codes, distances = study.codes_of(picture, layer)
    shares = study.table(layer)["share"].to_numpy()
    notes = [
        [
            f"{words.called(named, code)}\n{100 * shares[code]:.3g} % of all tokens\ndistance {away:.4g}\n"
            f"row {row}, column {column}"
            for column, (code, away) in enumerate(zip(*line, strict=True))
        ]
        for row, line in enumerate(zip(codes.tolist(), distances.tolist(), strict=True))
    ]
    return Seen(codes.astype(np.int64), distances, notes)


def cell_of(text: str, grid: tuple[int, ...]) -> tuple[int, int] | None:
    """ "2,3" -> (2, 3), if there is such a cell."""
    row, _, column = text.partition(",")
    if not (row.isdecimal() and column.isdecimal() and len(text) < 12):
        return None
    return (int(row), int(column)) if int(row) < grid[0] and int(column) < grid[1] else None


def concepts_of(study: Study, row: int | None) -> str:
    """What is known of an image of the dataset, in a few words."""
    if row is None:
        return ""
    values = {name: column.iat[row] for name, column in study.concepts().items()}
    told = {name: value for name, value in values.items() if isinstance(value, str) and value != REST}
    return " · ".join([f"{name}: {value[:24]}" for name, value in told.items()][:6])


@dataclass(frozen=True)
class Shown:
    """What the panel speaks of: a code of a layer, and the codes (H, W) of the picture beside it."""

    study: Study
    options: Any
    picture: Looked
    here: np.ndarray
    cell: tuple[int, int] | None

    @property
    def code(self) -> int:
        return self.options.code

    @property
    def layer(self) -> str:
        return self.options.layer

    @cached_property
    def facts(self) -> dict[str, Any]:
        return self.study.table(self.layer).iloc[[self.code]].to_dict("records")[0]

    @cached_property
    def swap(self) -> tuple[np.ndarray, np.ndarray | None, str]:
        """The cells (H, W) that change, the vector (D,) that they get, if there is one, and that in words."""
        return {"out": _out, "cell": _into_cell, "code": _for_code}[self.options.change](self)

    def changed(self) -> Change | None:
        where, vector, _ = self.swap
        if vector is None or self.study.checkpoint.no_decoder:
            return None
        # neither the code in question nor what stands there, which would change nothing
        but = tuple(sorted({self.code, *self.here[where].tolist()}))
        return self.study.change(self.picture, self.layer, where, vector, but)

    @property
    def file(self) -> str:
        image = "own" if self.picture.row is None else self.picture.row
        return f"{self.study.checkpoint.name}-{self.layer}-code-{self.code}-image-{image}"


def beside(shown: Shown) -> list[Block]:
    """What a click on a cell asks for first: what the code looks like, what is near, how much it is used."""
    colour = np.broadcast_to(shown.study.colours(shown.layer)[shown.code], (28, 28, 3)).copy()
    here = int((shown.here == shown.code).sum())
    stands = f"stands in {words.many(here, 'cell')} of" if here else "does not stand in"
    return [
        Row([
            [Pictures("swatch", [Picture(colour, alt="Colour of the code on the maps")], 28, grow=False)],
            [Heading(_titled(shown))], [Name(shown.layer, shown.code)],
            [Link("All codes", "bar_chart", Go("codebook", {"layer": shown.layer, "code": shown.code}))],
            *_steps(shown),
        ], 28, even=False),
        Note(f"Code {shown.code:,} {stands} this image."),
        *code_concepts.blocks(shown.study, shown.layer, shown.code),
        *_top(shown), Later(lambda: [*_neighbours(shown), _use(shown)]),
    ]  # fmt: skip


def _steps(shown: Shown) -> list[list[Block]]:
    """The way to how the chosen cell came by its code; there is none in a file of codes."""
    if shown.cell is None or shown.here[shown.cell] != shown.code or shown.study.checkpoint.format == "codes":
        return []
    image = {"image": shown.picture.address} | ({"order": "own"} if shown.picture.row is None else {})
    cell = "{},{}".format(*shown.cell)
    return [[Link("Six steps to it", "conversion_path", Go("steps", {**image, "layer": shown.layer, "cell": cell}))]]


def _titled(shown: Shown) -> str:
    name = shown.study.names(shown.layer).get(shown.code)
    return f"Code {shown.code:,} of layer {shown.layer}" + (f": {name}" if name else "")


def below(shown: Shown) -> list[Block]:
    """What takes a moment: the image decoded with the code put in or taken out, and the images that have it."""
    return [*_intervene(shown), Later(lambda: _everywhere(shown))]


def numbers(shown: Shown) -> dict[str, Any]:
    """Use of the code, and what its change does."""
    use = {name: value for name, value in shown.facts.items() if name not in ("x", "y")}

    def change() -> dict[str, Any] | None:
        found = shown.changed()
        if found is None:
            return None
        random = {"mean": float(found.random.mean()), "n": len(found.random)} if len(found.random) else None
        told = {name: getattr(found, name) for name in ("cells", "inside", "outside")}
        return {"what": shown.swap[2], **told, "random": random}

    return {"use": use, "change": change, "images": lambda: code_concepts.numbers(shown.study, shown.layer, shown.code)}


def _top(shown: Shown) -> list[Block]:
    study = shown.study
    if not shown.facts["tokens"]:
        return [Note(DEAD.format(images=study.encoding.images), "info")]
    crops, rows, positions, distances = study.top_patches(shown.layer, shown.code, PATCHES)
    columns = study.layer(shown.layer).grid[1]
    pictures = [
        _of_image(
            shown,
            crop,
            int(row),
            divmod(int(position), columns),
            f"distance {distance:.3g}" if distance == distance else "",
        )
        for crop, row, position, distance in zip(crops, rows, positions, distances, strict=True)
    ]
    return [Heading("Top patches", help_of("top patches"), level=3), Pictures("top", pictures, TILE)]


def _of_image(shown: Shown, pixels: np.ndarray, row: int, cell: tuple[int, int], note: str) -> Picture:
    """A picture that opens its image, at a cell."""
    name, known = shown.study.images.names[row], concepts_of(shown.study, row)
    return Picture(
        pixels, f"image {row:,}", note, f"Image {row:,}, {note}", " · ".join(filter(None, (name, known))),
        Go(carried={"image": row, "cell": f"{cell[0]},{cell[1]}"}), row,
    )  # fmt: skip


def _neighbours(shown: Shown) -> list[Block]:
    study, table = shown.study, shown.study.table(shown.layer)
    heading = Heading("Neighbours in the codebook", help_of("neighbours of a code"), level=3)
    codes, distances = study.nearest_codes(shown.layer, shown.code, NEIGHBOURS)
    if not len(codes):
        return [heading, Note("This codebook has one vector only.")]
    pictures, names = [], study.names(shown.layer)
    for code, distance in zip(map(int, codes), distances, strict=True):
        crops = study.top_patches(shown.layer, code, 1)[0]
        share = table["share"].iloc[code]
        use = f"{share:.2%} of all tokens" if share else "never used here"
        pictures.append(Picture(
            crops[0] if len(crops) else np.full((16, 16, 3), 128, np.uint8), words.called(names, code),
            f"distance {distance:.3g}" + ("" if share else ", dead"), f"Code {code:,}", f"Code {code:,}: {use}",
            Go(carried={"code": code}),
        ))  # fmt: skip
    usual = f"Half of the codes have a neighbour nearer than {np.nanmedian(table['distance']):.3g}."
    return [heading, Pictures("neighbours", pictures, TILE), Note(usual, help=help_of("usual distance"))]


def _use(shown: Shown) -> Cards:
    facts, table, images = shown.facts, shown.study.table(shown.layer), shown.study.encoding.images
    share, even = f"{facts['share']:.2%}", f"{facts['times_even']:.2g} × even use"
    return Cards([
        Card("Tokens", f"{int(facts['tokens']):,}", f"of {int(table['tokens'].sum()):,}", help_of("tokens of a code")),
        Card("Share of tokens", share, even, help_of("share of a code")),
        Card("Rank", f"{int(facts['rank']):,}", f"of {len(table):,} codes", help_of("rank")),
        Card(
            "Images with it", f"{int(facts['images']):,}", f"{facts['image_share']:.1%} of {images:,}",
            help_of("images with a code"),
        ),
    ], 2)  # fmt: skip


def _intervene(shown: Shown) -> list[Block]:
    """The image decoded with the code put in or taken out, beside the decode without that."""
    heading = Heading("Put in or take out", help_of("put in or take out"), level=3)
    if shown.study.checkpoint.no_decoder:
        return [heading, *words.no_decoder(shown.study)]
    blocks: list[Block] = [heading, Controls(("change", "instead", "scope", "row", "column", "other"))]
    names = [layer.name for layer in shown.study.layers]
    after = names[names.index(shown.layer) + 1 :]
    if after:
        which = after[0] if len(after) == 1 else f"{after[0]} to {after[-1]}"
        blocks.append(Note(f"Both pictures are decoded without {which}.", help=help_of("left out")))
    if not (shown.here == shown.code).any():
        blocks.append(Note("This image does not have this code, so it can be put in, but not taken out."))
    return [*blocks, Later(lambda: _pictures(shown))]


def _out(shown: Shown) -> tuple:
    from explorer.analysis import interventions

    study, instead, where = shown.study, shown.options.instead, shown.here == shown.code
    if shown.options.scope == "cell" and shown.cell is not None and where[shown.cell]:
        where = np.zeros_like(where)
        where[shown.cell] = True
    vectors, counts = study.vectors(shown.layer), study.usage(shown.layer)
    mean = interventions.mean_vector(vectors, counts)
    point = mean if instead == "mean" else vectors[shown.code]
    other = interventions.nearest_used(vectors, counts, point, but=shown.code)
    if other is None:
        return where, None, "No other code is in use; there is nothing to put in its place"
    said = f"code {shown.code:,} replaced by {INSTEAD[instead]}"
    if instead == "mean" and study.book(shown.layer).kind == "kmeans":
        return where, mean, said
    if instead == "mean":  # a model with a codebook of its own can only decode codes
        return where, vectors[other], f"{said}, as its nearest code in use, {other:,}"
    return where, vectors[other], f"{said} in use, {other:,}"


def _into_cell(shown: Shown) -> tuple:
    row, column = shown.options.row, shown.options.column
    where = np.zeros(shown.here.shape, bool)
    where[row, column] = True
    said = f"code {shown.here[row, column]:,} in row {row}, column {column} replaced by code {shown.code:,}"
    return where, shown.study.vectors(shown.layer)[shown.code], said


def _for_code(shown: Shown) -> tuple:
    other = shown.options.other
    if other is None:
        return np.zeros_like(shown.here, bool), None, "This image has no other code in this layer"
    said = f"code {other:,} replaced by code {shown.code:,} wherever it stands"
    return shown.here == other, shown.study.vectors(shown.layer)[shown.code], said


def _pictures(shown: Shown) -> list[Block]:
    from explorer.analysis.grids import cover
    from explorer.analysis.patches import mark

    where, _, said = shown.swap
    said = f"{said[0].upper()}{said[1:]}."
    change = shown.changed()
    if change is None:
        return [Note(said)]
    # the scale is that of the cells that changed: of all pixels, it ends below their mean
    top = drawing.error_top(change.difference[cover(where, change.difference.shape)])
    heat = drawing.heat(change.difference, top)
    pictures = [
        Picture(mark(change.before, where, 440), "Unmodified", "its cells outlined", f"Unmodified: {said}"),
        Picture(change.after, "Changed", "", f"Changed: {said}"),
        Picture(heat, "Difference", f"0 to {top:.2f}", f"Difference: {said}", help_of("difference")),
    ]
    outside = "" if np.isnan(change.outside) else f"{change.outside:.4f} outside"
    many = words.many(change.cells, "cell")
    cards = [Card(f"Inside the {many}", f"{change.inside:.4f}", outside, help_of("mean absolute change"))]
    if len(change.random):
        low, high = np.quantile(change.random, [0.05, 0.95])
        note = f"90 %: {low:.4f} to {high:.4f}"
        about = f"{help_of('a random code')} Mean of {len(change.random)} codes."
        cards.append(Card("A random code", f"{change.random.mean():.4f}", note, about))
    kept = {"unmodified": change.before, "changed": change.after, "difference": heat}
    file = Download("Pictures (zip of PNG)", f"{shown.file}-change.zip", lambda: drawing.archive(kept))
    return [Row([[Pictures("change", pictures, 100)], [Note(said), Cards(cards, 2), file]], shares=(9, 10))]


def _everywhere(shown: Shown) -> list[Block]:
    """Every image that has the code, a page at a time, with its cells outlined."""
    if not shown.facts["tokens"]:
        return []
    rows = shown.study.standing(shown.layer, shown.code)[0]
    source = f"images with code {shown.code} of layer {shown.layer}, {shown.study.checkpoint.name}"
    title = f"Images that have it: {len(rows):,} of {shown.study.encoding.images:,}"
    pictures = [
        _of_image(shown, pixels, row, cell, words.many(tokens, "cell"))
        for pixels, row, cell, tokens in shown.study.remember(_marked, shown.layer, shown.code, shown.options.leaf)
    ]
    return [
        Heading(title, help_of("images that have it"), level=3),
        Controls(("leaf",)),
        Pictures("all", pictures, IMAGE),
        Gather("with-code", rows, source, shown.study.subject.fingerprint),
    ]


def _marked(study: Study, layer: str, code: int, page: int) -> list[tuple]:
    """A page of images that have a code: pixels with its cells outlined, row, the first such cell, and how many."""
    from explorer.analysis.patches import mark

    rows, tokens = (found[(page - 1) * PAGE : page * PAGE] for found in study.standing(layer, code)[:2])
    where, pixels = study.encoding.codes(layer, rows) == code, study.shown.read(rows)
    return [
        (mark(image, cells, 128), int(row), tuple(map(int, np.argwhere(cells)[0])), int(count))
        for image, cells, row, count in zip(pixels, where, rows, tokens, strict=True)
    ]
