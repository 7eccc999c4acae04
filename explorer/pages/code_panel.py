"""Everything about one code: use, decode with it put in or taken out, top patches, neighbours, images that have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer.pages import code_data, session
from explorer.sheets import drawing

PATCHES, NEIGHBOURS, PAGE = 12, 6, 12
MODES = {"out": "Take it out", "cell": "Put it into one cell", "code": "Put it in for another code"}
INSTEAD = {"mean": "the average latent", "nearest": "the nearest other code"}
HELP = {
    "tokens": "How often the code stands in a cell, over all images of this split.",
    "share": "Tokens of this code over all tokens. Even use would give every code the same share.",
    "rank": "1 is the code with the most tokens.",
    "images": "Images of this split that have the code in at least one cell.",
    "distance": "Euclidean distance between this code's vector and the nearest other vector of the codebook.",
    "change": "What the decoder makes of it when cells of this image get another code; all other cells, and the layers "
    "before this one, stay.",
    "left out": "They would know what was there before, and hide the change. A layer that is left out is filled with "
    "its mean over training, in a VQ-VAE, or computed anew, in a MAE.",
    "instead": "The average latent is the mean of all code vectors, weighted by use: what is left when nothing is "
    "known of the cell. The nearest other code is the smallest possible change.",
    "difference": "Absolute change of each pixel, mean of red, green and blue, from 0 to 1. Dark is no change.",
}


@dataclass(frozen=True)
class Shown:
    """What the panel speaks of: a code of a layer, and the image beside it, maybe with the cell that was clicked."""

    selection: session.Selection
    encoding: object
    images: object
    row: int
    layer: str
    code: int
    cell: tuple[int, int] | None

    @property
    def file(self) -> str:
        return f"{self.selection.checkpoint.name}-{self.layer}-code-{self.code}-image-{self.row}"


def draw(selection, encoding, images, row: int, layer: str, code: int, cell: tuple[int, int] | None) -> None:
    shown = Shown(selection, encoding, images, row, layer, code, cell)
    facts = code_data.table(encoding, layer).iloc[code]
    _heading(shown)
    _use(shown, facts)
    _intervene(shown)
    if not facts["tokens"]:
        st.info(code_data.DEAD.format(images=encoding.images), icon=":material/visibility_off:")
    else:
        _top(shown)
    _neighbours(shown)
    if facts["tokens"]:
        _everywhere(shown)


def _heading(shown: Shown) -> None:
    colour = code_data.colours(shown.encoding, shown.layer)[shown.code]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="code-heading"):
        swatch = np.broadcast_to(colour, (28, 28, 3)).copy()
        st.image(drawing.png(swatch), width=28, alt="Colour of the code on the maps")
        st.header(f"Code {shown.code:,} of layer {session.plain(shown.layer)}", width="content", anchor=False)
        session.link("codebook", "All codes", ":material/bar_chart:", layer=shown.layer, code=shown.code)


def _use(shown: Shown, facts) -> None:
    table, images = code_data.table(shown.encoding, shown.layer), shown.encoding.images
    codes, total = len(table), int(table["tokens"].sum())
    distance = f"{facts['distance']:.3g}" if np.isfinite(facts["distance"]) else "–"
    cells = (
        ("Tokens", f"{int(facts['tokens']):,}", f"of {total:,}", HELP["tokens"]),
        ("Share of tokens", f"{facts['share']:.2%}", f"{facts['times_even']:.2g} × even use", HELP["share"]),
        ("Rank", f"{int(facts['rank']):,}", f"of {codes:,} codes", HELP["rank"]),
        ("Images with it", f"{int(facts['images']):,}", f"{facts['image_share']:.1%} of {images:,}", HELP["images"]),
        ("Nearest code", distance, f"code {int(facts['neighbour']):,}", HELP["distance"]),
    )  # fmt: skip
    with st.grid(5, min_column_width=140):
        for label, value, note, about in cells:
            st.metric(
                label, value, note, delta_color="off", delta_arrow="off", help=about, border=True, height="stretch"
            )


def _intervene(shown: Shown) -> None:
    """The image decoded with the code put in or taken out, beside the decode without that."""
    st.subheader("Put in or take out", help=HELP["change"], anchor=False)
    if session.lacks_decoder(shown.selection):
        return
    here = shown.encoding.codes(shown.layer, [shown.row])[0].astype(np.int64)
    present = bool((here == shown.code).any())
    modes = [mode for mode in MODES if mode != "out" or present]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        mode = st.segmented_control(
            "Change", modes, format_func=MODES.get, default=modes[0], required=True,
            key="change-here" if present else "change-absent",
        )  # fmt: skip
        where, vector, words = {"out": _out, "cell": _into_cell, "code": _for_code}[mode](shown, here)
    names = [layer.name for layer in shown.encoding.layers]
    after = names[names.index(shown.layer) + 1 :]
    if after:
        which = after[0] if len(after) == 1 else f"{after[0]} to {after[-1]}"
        st.caption(f"Both pictures are decoded without {session.plain(which)}.", help=HELP["left out"])
    if not present:
        st.caption(f"Image {shown.row:,} does not have this code, so it can be put in, but not taken out.")
    if vector is None:
        st.caption(words)
        return
    change = _change(shown.encoding.facts["key"], shown.row, shown.layer, shown.code, where, vector, shown)
    _pictures(shown, change, where, words)


def _out(shown: Shown, here: np.ndarray) -> tuple:
    from explorer.analysis import interventions

    instead = st.segmented_control(
        "Replaced by", list(INSTEAD), format_func=INSTEAD.get, default="mean", key="instead", persist_state="session",
        required=True, help=HELP["instead"],
    )  # fmt: skip
    where = here == shown.code
    if shown.cell is not None and where[shown.cell] and where.sum() > 1:
        scope = st.segmented_control(
            "Where", ["all", "cell"], default="all", key="scope", persist_state="session", required=True,
            format_func={"all": f"All {int(where.sum())} cells", "cell": "The clicked cell"}.get,
        )  # fmt: skip
        if scope == "cell":
            where = np.zeros_like(where)
            where[shown.cell] = True
    vectors, counts = code_data.vectors(shown.encoding, shown.layer), shown.encoding.usage(shown.layer)
    mean = interventions.mean_vector(vectors, counts)
    point = mean if instead == "mean" else vectors[shown.code]
    other = interventions.nearest_used(vectors, counts, point, but=shown.code)
    if other is None:
        return where, None, "No other code is in use; there is nothing to put in its place."
    words = f"code {shown.code:,} replaced by {INSTEAD[instead]}"
    if instead == "mean" and shown.encoding.codebook(shown.layer).kind == "kmeans":
        return where, mean, words
    if instead == "mean":  # a model with a codebook of its own can only decode codes
        return where, vectors[other], f"{words}, as its nearest code in use, {other:,}"
    return where, vectors[other], f"{words} in use, {other:,}"


def _into_cell(shown: Shown, here: np.ndarray) -> tuple:
    from explorer.analysis.interventions import default_cell

    clicked = shown.cell if shown.cell is not None and here[shown.cell] != shown.code else None
    row, column = clicked or default_cell(here, shown.code)
    suffix = f"{shown.row}-{shown.layer}-{shown.code}-{clicked}"
    if here.size > 1:
        row = st.number_input(
            "Row", 0, here.shape[0] - 1, row, key=f"row-{suffix}", width=130, help="Of the map, 0 at the top."
        )
        column = st.number_input(
            "Column", 0, here.shape[1] - 1, column, key=f"column-{suffix}", width=130,
            help="Of the map, 0 at the left.",
        )  # fmt: skip
    where = np.zeros(here.shape, bool)
    where[row, column] = True
    words = f"code {here[row, column]:,} in row {row}, column {column} replaced by code {shown.code:,}"
    return where, code_data.vectors(shown.encoding, shown.layer)[shown.code], words


def _for_code(shown: Shown, here: np.ndarray) -> tuple:
    others, cells = np.unique(here[here != shown.code], return_counts=True)
    if not len(others):
        return np.zeros_like(here, bool), None, "This image has no other code in this layer."
    order = np.argsort(-cells, kind="stable")
    known = {int(others[i]): int(cells[i]) for i in order}
    other = st.selectbox(
        "Wherever this code stands", list(known), width=260, key=f"other-{shown.row}-{shown.layer}-{shown.code}",
        format_func=lambda number: f"{number} · {known[number]} cell{'s' if known[number] > 1 else ''} here",
        help="Codes of this image, those with most cells first.",
    )  # fmt: skip
    words = f"code {other:,} replaced by code {shown.code:,} wherever it stands"
    return here == other, code_data.vectors(shown.encoding, shown.layer)[shown.code], words


@st.cache_data(max_entries=128, show_spinner="Decoding …")
def _change(key: str, row: int, layer: str, code: int, where: np.ndarray, vector: np.ndarray, _shown: Shown):
    from explorer.analysis import interventions

    vectors, counts = code_data.vectors(_shown.encoding, layer), _shown.encoding.usage(layer)
    random = interventions.other_vectors(vectors, counts, code)
    with session.model(_shown.selection.checkpoint) as model:
        latents = interventions.encode(model, _shown.images.read([row])[0])
        return interventions.replace(model, latents, layer, where, vector, random=random)


def _pictures(shown: Shown, change, where: np.ndarray, words: str) -> None:
    from explorer.analysis.patches import mark

    top = drawing.error_top(change.difference)
    pictures = {
        "Unmodified, cells marked": mark(change.before, where, 512),
        "Changed": change.after,
        f"Difference, 0 to {top:.2f}": drawing.heat(change.difference, top),
    }
    with st.container(horizontal=True, key="change"):
        for title, picture in pictures.items():
            with st.container(width=220, gap="xsmall"):
                st.caption(f"**{title}**", help=HELP["difference"] if title.startswith("Diff") else None)
                st.image(drawing.png(picture, 440), width=220, alt=f"{title}: {words}")
        with st.container(width=220, gap="xsmall"):
            st.caption("**Mean absolute change**", help="Of pixel values from 0 to 1, so 0.1 is 26 of 255 levels.")
            outside = "" if np.isnan(change.outside) else f"**{change.outside:.4f}** outside"
            many = f"{change.cells:,} cell" + ("s" if change.cells > 1 else "")
            st.markdown(f"**{change.inside:.4f}** inside the {many}  \n{outside}")
            if len(change.random):
                low, high = np.quantile(change.random, [0.05, 0.95])
                st.caption(
                    f"A random other code in the same place changes the inside by {change.random.mean():.4f} "
                    f"(mean of {len(change.random)} codes; 90 % of them from {low:.4f} to {high:.4f}).",
                    help="The yardstick: how much any change of these cells shows.",
                )
            st.caption(words[0].upper() + words[1:] + ".")
            kept = {"unmodified": change.before, "changed": change.after, "difference": pictures[list(pictures)[-1]]}
            st.download_button(
                "Pictures (zip of PNG)", lambda: drawing.archive(kept), f"{shown.file}-change.zip",
                icon=":material/download:", on_click="ignore", type="tertiary", key="change-zip",
            )  # fmt: skip


def _top(shown: Shown) -> None:
    st.subheader(
        "Top patches",
        help="The patches of all images whose latents are nearest to the code's vector, one of an image at most, with "
        "what surrounds them; the patch is outlined. Below each the number of its image, and the distance between its "
        "latent and the code's vector.",
        anchor=False,
    )
    pictures, rows, positions, distances = code_data.top_patches(
        shown.encoding, shown.images, shown.layer, shown.code, PATCHES
    )
    grid = shown.encoding.layer(shown.layer).grid
    cells = [divmod(int(position), grid[1]) for position in positions]
    notes = [f"{distance:.3g}" for distance in distances]
    _gallery(shown, "top", pictures, rows, cells, notes)


def _everywhere(shown: Shown) -> None:
    """Every image that has the code, a page at a time, with its cells outlined."""
    from explorer.analysis.patches import mark

    rows, tokens = shown.encoding.images_with(shown.layer, shown.code)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(
            f"Images that have it: {len(rows):,} of {shown.encoding.images:,}",
            help="Those with most cells of the code first; its cells are outlined.",
            width="content",
            anchor=False,
        )
        pages = -(-len(rows) // PAGE)
        page = st.pagination(pages, key=f"page-{shown.layer}-{shown.code}") if pages > 1 else 1
    start = (min(page, pages) - 1) * PAGE
    rows, tokens = rows[start : start + PAGE], tokens[start : start + PAGE]
    codes, pixels = shown.encoding.codes(shown.layer, rows), shown.images.read(rows)
    pictures = [drawing.png(mark(image, where, 128)) for image, where in zip(pixels, codes == shown.code, strict=True)]
    cells = [tuple(map(int, np.argwhere(where)[0])) for where in codes == shown.code]
    notes = [f"{count:,} cell" + ("s" if count > 1 else "") for count in tokens]
    _gallery(shown, "all", pictures, rows, cells, notes)


def _gallery(shown: Shown, name: str, pictures: list, rows, cells: list, notes: list) -> None:
    """Pictures with a button each that opens the image on this page."""

    def go(row: int, cell: tuple[int, int]) -> None:
        session.put("image", row)
        st.session_state["cell"] = (row, shown.layer, *cell)

    with st.grid("auto", min_column_width=130, gap="small", key=f"gallery-{name}"):
        for index, (picture, row, cell, note) in enumerate(zip(pictures, map(int, rows), cells, notes, strict=True)):
            with st.container(gap="xsmall"):
                st.image(picture, width="stretch", alt=f"Image {row}, {note}")
                st.button(
                    f"{row:,} :gray[· {note}]", key=f"{name}-{index}", on_click=go, args=(row, cell), type="tertiary",
                    help=f"Show image {row:,} above: {session.plain(shown.images.names[row])}",
                )  # fmt: skip


def _neighbours(shown: Shown) -> None:
    st.subheader(
        "Neighbours in the codebook",
        help="The codes with the nearest vectors by Euclidean distance, each with its best patch, its number and the "
        "distance. The colour of a code on the maps comes from the same vectors.",
        anchor=False,
    )
    index, distances = _nearest(shown.encoding.facts["key"], shown.layer, shown.code, shown.encoding)
    if not len(index):
        st.caption("This codebook has one vector only.")
        return
    table = code_data.table(shown.encoding, shown.layer)
    with st.grid("auto", min_column_width=130, gap="small", key="gallery-neighbours"):
        for number, distance in zip(map(int, index), distances, strict=True):
            with st.container(gap="xsmall"):
                picture = code_data.top_patches(shown.encoding, shown.images, shown.layer, number, 1)[0]
                if picture:
                    st.image(picture[0], width="stretch", alt=f"Best patch of code {number}")
                else:
                    st.image(drawing.png(np.full((16, 16, 3), 128, np.uint8), 128), width="stretch", alt="A dead code")
                share = table["share"].iloc[number]
                use = f"{share:.2%} of all tokens" if share else "never used"
                st.button(
                    f"{number:,} :gray[· {distance:.3g}]" + ("" if share else " :gray[· dead]"), type="tertiary",
                    key=f"neighbour-{number}", on_click=session.put, args=("code", number),
                    help=f"Show code {number:,} instead: {use}",
                )  # fmt: skip
    st.caption(
        f"Half of the codes have a neighbour nearer than {np.nanmedian(table['distance']):.3g}.",
        help="The median over the codebook of the distance to the nearest other vector.",
    )


@st.cache_data(max_entries=512, show_spinner=False)
def _nearest(key: str, layer: str, code: int, _encoding) -> tuple[np.ndarray, np.ndarray]:
    from explorer.analysis.neighbours import nearest

    index, distances = nearest(code_data.vectors(_encoding, layer), NEIGHBOURS, queries=np.array([code]))
    return index[0], distances[0]
