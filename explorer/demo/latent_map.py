"""The tab Latent map: the picture among the held-out images, and those most like it."""

from __future__ import annotations

import gradio as gr
import numpy as np

from explorer.demo import answers, markup, uploads
from explorer.demo.shared import QUIET, Shared

NAME = "Latent map"
NEAREST = 12
PSNR = "reconstruction quality"
HELP = {
    "gap": "Euclidean distance between the latents, averaged over the grid, of your picture and of the held-out image "
    "most like it, and how many held-out images have a nearer nearest one.",
    "trust": "Trustworthiness (Venna and Kaski 2001): are neighbours on the map neighbours in truth? 1 is perfect, 0.5 "
    "is chance. Distances between clusters mean little.",
    "placed": "New pictures are placed at the mean of their five nearest images' places, weighted by one over the "
    "distance. For the held-out images themselves this misses the true place by so much of the map's diagonal "
    "(median). The map was made with those images in it, so a new picture may be missed by more.",
    "nearest": "Held-out images with the nearest latents, averaged over the grid, nearest first. Click one to go on "
    "from there.",
}


def build(shared: Shared) -> None:
    with gr.Tab(NAME) as tab:
        with gr.Row():
            layer = gr.Radio([], label="Layer", visible=False, scale=2)
            by = gr.Dropdown([], label="Coloured by", scale=1, min_width=180)
        facts = gr.HTML(padding=False)
        chart = gr.Plot(show_label=False, container=False, elem_id="latent-map")
        about = gr.HTML(padding=False)
        gr.HTML(markup.heading("Most like your picture", HELP["nearest"]), padding=False)
        gallery = gr.Gallery(
            show_label=False, columns=6, height="auto", format="png", allow_preview=False, interactive=False,
            buttons=[], elem_classes="cx-sharp", elem_id="nearest",
        )  # fmt: skip
    rows = gr.State([])
    shared.draw(
        tab, NAME, draw, [layer, by], [layer, by, facts, chart, about, gallery, rows], also=[layer.input, by.input]
    )
    gallery.select(take, [shared.checkpoint, rows], shared.picture, **QUIET)


def take(name: str, rows: list[int], event: gr.SelectData) -> str:
    """The held-out image that was clicked becomes the picture."""
    images = answers.opened(name).images
    row = int(rows[int(event.index)])
    return uploads.store(markup.png(images.read([row])[0]), f"{images.names[row]}.png")


def draw(name: str, picture: str | None, fit: str, layer: str | None, by: str | None, theme: str) -> tuple:
    """Layers, colourings, facts, the map, how far to trust it, and the nearest images with their rows."""
    from explorer import map_plots, plots

    shown = answers.opened(name)
    layer = layer if layer in shown.layers else shown.layers[-1]
    columns = [*map(str, answers.concepts(name).columns), PSNR]
    by = by if by in columns else columns[0]
    known = answers.known(name, layer)
    axes = ("UMAP 1 (no unit)", "UMAP 2 (no unit)") if known.method == "umap" else ("direction 1", "direction 2")
    values, kind, title = _values(name, by)
    figure = plots.latent_map(
        known.places, values[known.rows], kind=kind, title=title, rows=known.rows, axes=axes, theme=theme
    )
    figure.update_layout(height=520, dragmode="pan", legend={"orientation": "h", "y": -0.08})
    facts, gallery, rows = "", [], []
    if picture is not None:
        pixels = uploads.pixels(picture, shown.checkpoint.image_size, fit)
        found, place = answers.nearest(name, pixels, layer, NEAREST)
        map_plots.pin(figure, place, "your picture", theme=theme)
        facts, gallery, rows = _facts(found), *_gallery(name, known, found)
    return (
        gr.update(choices=shown.layers, value=layer, visible=len(shown.layers) > 1),
        gr.update(choices=columns, value=by),
        facts,
        figure,
        _about(known, layer),
        gallery,
        rows,
    )


def _values(name: str, by: str) -> tuple[np.ndarray, str, str]:
    """Values of all held-out images to colour by, their kind, and what they are called."""
    if by == PSNR:
        return answers.opened(name).encoding.errors()["psnr"].to_numpy(), "continuous", "PSNR (dB)"
    column = answers.concepts(name)[by]
    if str(column.dtype).startswith("float"):
        return column.to_numpy(), "continuous", by
    return column.astype(object).where(column.notna(), None).to_numpy(), "discrete", by


def _facts(found) -> str:
    nearest = float(found.distances[1 if found.copy and len(found.distances) > 1 else 0])
    parts = [markup.cards([("Nearest image", f"{nearest:.3g}", _usual(found.unusual), HELP["gap"])])]
    if found.copy:
        parts.append(markup.note("Your picture is one of the held-out images; distances are to the others."))
    elif found.unusual >= 0.99:
        parts.append(
            markup.note(
                "Your picture lies outside of what the held-out images cover, so its place on the map and its "
                "neighbours say little.",
                warning=True,
            )
        )
    return "".join(parts)


def _usual(unusual: float) -> str:
    return f"{unusual:.1%} of held-out images have a nearer one"


def _gallery(name: str, known: answers.Known, found) -> tuple[list, list[int]]:
    """Pictures with captions, and the rows of their images."""
    images, concepts = answers.opened(name).images, answers.concepts(name)
    rows = known.rows[found.rows[:NEAREST]]
    described = [
        " · ".join(str(value)[:16] for value in concepts.iloc[row] if isinstance(value, str))[:60] for row in rows
    ]
    captions = [f"{away:.3g} · {text}" for away, text in zip(found.distances, described, strict=False)]
    return list(zip(images.read(rows), captions, strict=True)), rows.tolist()


def _about(known: answers.Known, layer: str) -> str:
    method = "UMAP" if known.method == "umap" else "The two main directions (PCA; no UMAP ships for this layer)"
    return markup.cards(
        [
            ("Images on the map", f"{len(known.rows):,}", f"{method} of layer {layer}", ""),
            ("Trustworthiness", f"{known.trust:.3f}", "1 is best, 0.5 is chance", HELP["trust"]),
            ("Placing misses by", f"{known.missed:.2%}", "of the map's diagonal (median)", HELP["placed"]),
        ]
    )
