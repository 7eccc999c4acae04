"""The tab Latent map: the picture among the held-out images, and those most like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr
import numpy as np

from explorer.demo import answers, markup, uploads
from explorer.demo.shared import QUIET, Shared

if TYPE_CHECKING:
    from explorer.analysis.placing import Neighbours

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
    "alike": "Of each concept the value that most of the nearest images have, how many of them have it, and how common "
    "it is among all held-out images: what by chance would be expected.",
    "nearest": "Held-out images with the nearest latents, averaged over the grid, nearest first. Click one to go on "
    "from there.",
}


def build(shared: Shared) -> None:
    with gr.Tab(NAME) as tab:
        rows = gr.State([])  # of the images in the gallery; inside, because Gradio counts it as a tab otherwise
        with gr.Row():
            layer = gr.Radio([], label="Layer", visible=False, scale=2)
            by = gr.Dropdown(
                [], label="Coloured by", info="First what near images share most beyond chance", scale=1, min_width=180
            )
        facts = gr.HTML(padding=False)
        chart = gr.Plot(show_label=False, container=False, elem_id="latent-map")
        gr.HTML(markup.heading("Most like your picture", HELP["nearest"]), padding=False)
        gallery = gr.Gallery(
            show_label=False, columns=6, height="auto", format="png", allow_preview=False, interactive=False,
            buttons=[], elem_classes="cx-sharp", elem_id="nearest",
        )  # fmt: skip
        alike = gr.HTML(padding=False)
    shared.draw(
        tab, NAME, draw, [layer, by], [layer, by, facts, chart, alike, gallery, rows], also=[layer.input, by.input]
    )
    gallery.select(take, [shared.checkpoint, rows], [shared.upload, shared.picture], **QUIET)


def take(name: str, rows: list[int], event: gr.SelectData) -> tuple[str, str]:
    """The held-out image that was clicked becomes the picture."""
    images = answers.opened(name).images
    row = int(rows[int(event.index)])
    path = uploads.store(markup.png(images.read([row])[0]), f"{images.names[row]}.png")
    return path, path


def draw(name: str, picture: str | None, fit: str, layer: str | None, by: str | None, theme: str) -> tuple:
    """Layers, colourings, facts, the map, how far to trust it, and the nearest images with their rows."""
    from explorer.charts import map_plots, plots

    shown = answers.opened(name)
    mapped = answers.mapped_layers(shown)
    layer = answers.shown_layer(shown, layer if layer in mapped else None)
    told = answers.telling(name, layer)
    columns = [*told, *(str(one) for one in answers.concepts(name).columns if one not in told), PSNR]
    by = by if by in columns else columns[0]
    known = answers.known(name, layer)
    axes = ("UMAP 1 (no unit)", "UMAP 2 (no unit)") if known.method == "umap" else ("direction 1", "direction 2")
    values, kind, title = _values(name, by)
    figure = plots.latent_map(
        known.places, values[known.rows], kind=kind, title=title, rows=known.rows, axes=axes, theme=theme
    )
    figure.update_layout(
        height=520, dragmode="pan", legend={"orientation": "h", "y": -0.12}, modebar_remove=["select", "lasso"]
    )
    facts, gallery, rows, notes, alike = [], [], [], "", ""
    if picture is not None:
        pixels = uploads.pixels(picture, shown.checkpoint.image_size, fit)
        found, place = answers.nearest(name, pixels, layer, NEAREST)
        map_plots.pin(figure, place, "your picture", theme=theme)
        facts, notes, (gallery, rows) = _facts(found, len(known.rows)), _notes(found), _gallery(name, known, found)
        alike = _alike(name, layer, known, found)
    return (
        gr.update(choices=mapped, value=layer, visible=len(mapped) > 1),
        gr.update(choices=columns, value=by),
        markup.cards([*facts, *_about(known, layer)]) + notes,
        figure,
        alike,
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


def _facts(found: Neighbours, count: int) -> list[tuple[str, str, str, str]]:
    nearest = float(found.distances[1 if found.copy and len(found.distances) > 1 else 0])
    others = f"{markup.share(found.unusual, count)} held-out images have a nearer one"
    return [("Nearest image", f"{nearest:.3g}", others, HELP["gap"])]


def _about(known: answers.Known, layer: str) -> list[tuple[str, str, str, str]]:
    method = "UMAP" if known.method == "umap" else "PCA (no UMAP ships for it)"
    return [
        ("Images on the map", f"{len(known.rows):,}", f"{method} of layer {layer}", ""),
        ("Trustworthiness", f"{known.trust:.3f}", "1 is best, 0.5 is chance", HELP["trust"]),
        ("Placing misses by", f"{known.missed:.2%}", "of the map's diagonal (median)", HELP["placed"]),
    ]


def _notes(found: Neighbours) -> str:
    if found.copy:
        return markup.note("Your picture is one of the held-out images; the nearest image is another one.")
    if found.unusual >= 0.99:
        return markup.note(
            "Your picture lies outside of what the held-out images cover, so its place on the map and its neighbours "
            "say little.",
            warning=True,
        )
    return ""


def _gallery(name: str, known: answers.Known, found: Neighbours) -> tuple[list, list[int]]:
    """Pictures with their distances, and the rows of their images."""
    images = answers.opened(name).images
    rows = known.rows[found.rows[:NEAREST]]
    captions = [f"{away:.3g}" for away in found.distances[: len(rows)]]
    if found.copy:
        captions[0] = "yours"
    return list(zip(images.read(rows), captions, strict=True)), rows.tolist()


def _alike(name: str, layer: str, known: answers.Known, found: Neighbours) -> str:
    """What the nearest images have in common: the value that most of them have, beside how common it is anyway."""
    table = answers.concepts(name)
    rows = known.rows[found.rows[1 if found.copy else 0 : NEAREST]]
    shared = []
    for concept in answers.telling(name, layer):
        column = table[concept]
        counts = column.iloc[rows].value_counts()
        if not counts.iloc[0]:
            continue  # none of them has a value
        value, anyway = counts.index[0], float((column == counts.index[0]).mean())
        shared.append((f"{concept}", f"{value}", f"{counts.iloc[0]} of {len(rows)}; of all images {anyway:.0%}", ""))
    if not shared:
        return ""
    return markup.heading("What the nearest images share", HELP["alike"]) + markup.cards(shared)
