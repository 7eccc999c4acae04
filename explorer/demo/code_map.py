"""The tab Code map: which code stands where in a picture, what it means, and what changes when it changes."""

from __future__ import annotations

import gradio as gr
import numpy as np

from explorer.analysis import colours, interventions, patches
from explorer.demo import answers, markup, uploads
from explorer.demo.shared import QUIET, Shared
from explorer.sheets import drawing

NAME = "Code map"
SIDE, PATCHES = 512, 8
WHERE = {"this cell": "cell", "every cell with this code": "all"}
KMEANS = (
    "This layer is continuous: its {codes:,} codes are centres of k-means, fitted on training images; the model itself "
    "knows nothing of them."
)
HELP = {
    "map": "Each cell is one latent vector, its colour the code nearest to it. Codes with near vectors have near "
    "colours. All cells with the chosen code are outlined.",
    "tokens": "How often the code stands in a cell, over all held-out images.",
    "images": "Held-out images that have the code in at least one cell.",
    "rank": "1 is the code with the most tokens.",
    "distance": "Euclidean distance between the latent of this cell and the vector of its code, and of the cells of "
    "this picture the share that lie nearer to theirs.",
    "top": "The patches of held-out images whose latents are nearest to the code's vector, one of an image at most, "
    "outlined in their surroundings: what the code stands for.",
    "change": "What the decoder makes of the picture when cells get another code; all other cells and the layers "
    "before this one stay. Layers after it are left out of both pictures, because they would hide the change. The "
    "yardstick is the same change with random other codes.",
}


def build(shared: Shared) -> None:
    with gr.Tab(NAME) as tab:
        layer = gr.Radio([], label="Layer", visible=False)
        cell = gr.State(None)  # checkpoint, layer, row and column that were clicked
        with gr.Row():
            with gr.Column(scale=1, min_width=260):
                gr.HTML(markup.heading("Codes: click a cell", HELP["map"]), padding=False)
                shown = gr.Image(  # no label and no buttons, which would cover cells
                    label="Codes", show_label=False, interactive=False, format="png", buttons=[],
                    elem_classes="cx-sharp", elem_id="code-map", alt_text="Map of codes of the picture",
                )  # fmt: skip
                opacity = gr.Slider(0, 100, 100, step=10, label="Opacity of the codes (%)")
            with gr.Column(scale=2, min_width=300):
                facts = gr.HTML(padding=False)
        gr.HTML(markup.heading("Put another code in", HELP["change"]), padding=False)
        with gr.Row():
            other = gr.Number(0, precision=0, minimum=0, label="Code", min_width=110)
            where = gr.Radio(list(WHERE), value=next(iter(WHERE)), label="Where", min_width=220, scale=2)
            with gr.Column(min_width=150):
                near = gr.Button("Nearest other code", size="sm")
                anyone = gr.Button("Random other code", size="sm")
        changed = gr.HTML(padding=False)

    own = [layer, cell, opacity, other, where]
    shared.draw(tab, NAME, draw, own, [layer, shown, facts, where, other, changed], also=[cell.change, layer.input])
    inputs = [shared.checkpoint, shared.picture, shared.fit, *own]
    shown.select(clicked, [shared.checkpoint, layer], cell, **QUIET)
    gr.on([opacity.release], repainted, inputs, shown, **QUIET)
    gr.on([other.submit, other.blur, where.input], put_in, inputs, changed, **QUIET)
    near.click(nearest, inputs, [other, changed], **QUIET)
    anyone.click(random, inputs, [other, changed], **QUIET)


def clicked(name: str, layer: str, event: gr.SelectData) -> tuple[str, str, int, int] | None:
    """The cell that was clicked, with the checkpoint and layer that it belongs to."""
    shown = answers.opened(name)
    layer = answers.shown_layer(shown, layer)
    grid = shown.encoding.layer(layer).grid
    try:
        column, row = int(event.index[0]), int(event.index[1])
    except (TypeError, ValueError, LookupError, OverflowError):
        return None  # what a browser sends is not trusted to be a place
    row, column = row // _scale(grid), column // _scale(grid)
    if not (0 <= row < grid[0] and 0 <= column < grid[1]):
        return None
    return name, layer, row, column


def draw(
    name: str, picture: str | None, fit: str, layer: str | None, cell: tuple | None, opacity: float, other: int,
    where: str, theme: str,
) -> tuple:  # fmt: skip
    """The whole tab: layers, map, facts of the code, another code to put in, and what that does."""
    shown = answers.opened(name)
    layer = answers.shown_layer(shown, layer)
    layers = gr.update(choices=shown.layers, value=layer, visible=len(shown.layers) > 1)
    if picture is None:
        empty = markup.note("Drop a picture on the left, or choose one of the examples.")
        return layers, None, empty, gr.skip(), gr.skip(), ""
    pixels = uploads.pixels(picture, shown.checkpoint.image_size, fit)
    codes, distances = answers.codes(name, pixels, layer)
    row, column = _cell(name, layer, codes, cell)
    code = int(codes[row, column])
    suggested = _nearest(name, layer, code)
    return (
        layers,
        _painted(name, layer, pixels, codes, code, opacity),
        _facts(name, layer, codes, distances, (row, column)),
        gr.update(visible=codes.size > 1),
        gr.update(value=suggested, maximum=len(shown.encoding.codebook(layer)) - 1),
        _change(name, pixels, layer, codes, (row, column), suggested, where),
    )


def repainted(name, picture, fit, layer, cell, opacity, other, where) -> np.ndarray | None:
    """The map alone, for another opacity."""
    if picture is None:
        return None
    pixels, layer, codes, place = _here(name, picture, fit, layer, cell)
    return _painted(name, layer, pixels, codes, int(codes[place]), opacity)


def put_in(name, picture, fit, layer, cell, opacity, other, where) -> str:
    """The picture with the code that was typed."""
    if picture is None:
        return ""
    pixels, layer, codes, place = _here(name, picture, fit, layer, cell)
    return _change(name, pixels, layer, codes, place, other, where)


def nearest(name, picture, fit, layer, cell, opacity, other, where) -> tuple:
    """The picture with the code in use that is nearest to the one that stands there."""
    if picture is None:
        return gr.skip(), ""
    pixels, layer, codes, place = _here(name, picture, fit, layer, cell)
    code = _nearest(name, layer, int(codes[place]))
    return code, _change(name, pixels, layer, codes, place, code, where)


def random(name, picture, fit, layer, cell, opacity, other, where) -> tuple:
    """The picture with a random other code in use."""
    if picture is None:
        return gr.skip(), ""
    pixels, layer, codes, place = _here(name, picture, fit, layer, cell)
    used = np.flatnonzero(answers.opened(name).encoding.usage(layer))
    used = used[used != codes[place]]
    another = used[used != other]  # a second click shows something new
    used = another if len(another) else used
    code = int(np.random.default_rng().choice(used)) if len(used) else int(codes[place])
    return code, _change(name, pixels, layer, codes, place, code, where)


def _here(name: str, picture: str, fit: str, layer: str | None, cell: tuple | None) -> tuple:
    """Pixels, layer, codes and the chosen cell of the picture."""
    shown = answers.opened(name)
    layer = answers.shown_layer(shown, layer)
    pixels = uploads.pixels(picture, shown.checkpoint.image_size, fit)
    codes, _ = answers.codes(name, pixels, layer)
    return pixels, layer, codes, _cell(name, layer, codes, cell)


def _cell(name: str, layer: str, codes: np.ndarray, cell: tuple | None) -> tuple[int, int]:
    """The clicked cell, if it was clicked in this layer of this checkpoint; else the middle."""
    if cell is not None and tuple(cell[:2]) == (name, layer):
        return int(cell[2]), int(cell[3])
    return codes.shape[0] // 2, codes.shape[1] // 2


def _nearest(name: str, layer: str, code: int) -> int:
    shown = answers.opened(name)
    vectors = answers.vectors_of(shown, layer)
    found = interventions.nearest_used(vectors, shown.encoding.usage(layer), vectors[code], but=code)
    return code if found is None else found


def _scale(grid: tuple[int, int]) -> int:
    """Pixels of the map that each side of a cell takes."""
    return max(1, -(-SIDE // grid[1]))


def _painted(name: str, layer: str, pixels: np.ndarray, codes: np.ndarray, code: int, opacity: float) -> np.ndarray:
    """The map as pixels, each cell a whole number of them wide, cells of the chosen code outlined."""
    painted = colours.paint(codes, answers.colours(name, layer), _scale(codes.shape))
    if opacity < 100:
        down, across = (np.arange(length) * len(pixels) // length for length in painted.shape[:2])
        painted = colours.blend(pixels[down[:, None], across], painted, opacity / 100)
    return patches.outline(painted, interventions.cover(codes == code, painted.shape[:2]))


def _facts(name: str, layer: str, codes: np.ndarray, distances: np.ndarray, place: tuple[int, int]) -> str:
    """Everything about the code that stands in a cell."""
    shown = answers.opened(name)
    code, away = int(codes[place]), float(distances[place])
    row = answers.code_table(name, layer).iloc[code]
    book = shown.encoding.codebook(layer)
    nearer = f"{(distances < away).mean():.0%} of its cells are nearer" if codes.size > 1 else "to the code's vector"
    title = f"Code {code:,}, row {place[0]}, column {place[1]}" if codes.size > 1 else f"Code {code:,}"
    cards = markup.cards(
        [
            ("Tokens", f"{int(row['tokens']):,}", f"{row['times_even']:.2g} × even use", HELP["tokens"]),
            ("Rank", f"{int(row['rank']):,}", f"of {len(book):,} codes", HELP["rank"]),
            ("In images", f"{row['image_share']:.1%}", f"of {shown.encoding.images:,} held-out", HELP["images"]),
            ("Distance", f"{away:.3g}", nearer, HELP["distance"]),
        ]
    )
    pictures, rows = answers.patches_of(name, layer, code, PATCHES)
    parts = [
        f'<h3 class="cx-heading">{markup.swatch(answers.colours(name, layer)[code])}{title}</h3>',
        markup.note(_kinds(codes)),
        cards,
    ]
    if book.kind == "kmeans":
        parts.append(markup.note(KMEANS.format(codes=len(book))))
    parts.append(markup.heading("What it stands for", HELP["top"]))
    if len(pictures):
        parts.append(
            markup.figures(
                ((picture, "", shown.images.names[int(row)]) for picture, row in zip(pictures, rows, strict=True)), 96
            )
        )
    else:
        parts.append(markup.note("A dead code: it stands in none of the held-out images."))
    return "".join(parts)


def _kinds(codes: np.ndarray) -> str:
    if codes.size == 1:
        return "One vector describes the whole picture here, so a code is a kind of picture, not of patch."
    different = len(np.unique(codes))
    return f"{different:,} different code{'s' if different > 1 else ''} in {codes.size:,} cells of this picture."


def _change(
    name: str,
    pixels: np.ndarray,
    layer: str,
    codes: np.ndarray,
    place: tuple[int, int],
    other: float | None,
    where: str,
) -> str:
    """The picture decoded before and after another code is put in, and how much that changes."""
    size = len(answers.opened(name).encoding.codebook(layer))
    if other is None or not 0 <= int(other) < size:
        return markup.note(f"Code {other} is not in this codebook; choose from 0 to {size - 1:,}.", warning=True)
    code, other = int(codes[place]), int(other)
    cells = codes == code if WHERE.get(where) == "all" else np.zeros(codes.shape, bool)
    cells[place] = True
    change = answers.change(name, pixels, layer, cells, other)
    top = drawing.error_top(change.difference)
    many = f"{change.cells:,} cell" + ("s" if change.cells > 1 else "")
    pictures = markup.figures(
        [
            (change.before, "Unchanged", f"as decoded; code {code:,} stands there"),
            (change.after, f"With code {other:,}", f"put into {many}"),
            (drawing.heat(change.difference, top), "Difference", f"dark 0, light {top:.2f} and more"),
        ],
        170,
        named="cx-change",
    )
    outside = "" if np.isnan(change.outside) else f", those outside by {change.outside:.4f}"
    text = f"Pixels inside the {many} change by {change.inside:.4f} on average (values from 0 to 1){outside}."
    layers = answers.opened(name).layers
    after = layers[layers.index(layer) + 1 :]
    if after:
        text = f"Both are decoded without {after[0] if len(after) == 1 else f'{after[0]} to {after[-1]}'}. {text}"
    if len(change.random):
        low, high = np.quantile(change.random, [0.05, 0.95])
        text += (
            f" A random other code changes the inside by {change.random.mean():.4f} (mean of {len(change.random)} "
            f"codes; 90 % of them from {low:.4f} to {high:.4f})."
        )
    return pictures + markup.note(text)
