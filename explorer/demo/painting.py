"""Hiding patches by hand, for checkpoints that fill them in: what no choice of a view can say."""

from __future__ import annotations

import gradio as gr
import numpy as np

from explorer.demo import shipped, uploads
from explorer.demo.shared import QUIET, Shared
from explorer.errors import BadInput
from explorer.sheets import Card, Cards, Heading, Picture, Pictures, drawing, html

BRUSH = uploads.CANVAS // 8  # pixels: one patch of the shipped masked autoencoder


def build(shared: Shared, tab: gr.Tab, title: str) -> None:
    """A canvas below the sheet; it is there where patches can be hidden."""
    with gr.Accordion("Hide patches by hand", open=False, visible=False) as box:
        painter = gr.ImageEditor(
            label="Paint over what the model must not see", sources=(), transforms=(), layers=False, buttons=[],
            brush=gr.Brush(BRUSH, colors=["#808080"], color_mode="fixed"), eraser=gr.Eraser(BRUSH), format="png",
            canvas_size=(uploads.CANVAS, uploads.CANVAS), fixed_canvas=True, height=uploads.CANVAS + 130,
        )  # fmt: skip
        paint = gr.Button("Fill in what I painted over", variant="primary", size="sm")
        page = gr.HTML(apply_default_css=False)
    shared.draw(tab, title, canvas, [box, painter], first=True)
    paint.click(painted, [shared.checkpoint, shared.picture, shared.fit, painter], page, **QUIET)


def canvas(name: str, picture: str | None, fit: str, carried: dict, theme: str) -> tuple:
    """Whether patches can be hidden, and the picture to paint on."""
    there = picture is not None and shipped.study(name).abilities()["mask_grid"] is not None
    return gr.update(visible=there), uploads.canvas(shipped.picture(name, picture, fit).pixels) if there else gr.skip()


def painted(name: str, picture: str | None, fit: str, painting: dict | None) -> str:
    """The picture with the patches filled in that were painted over by hand."""
    mask = uploads.painted(painting, mask_grid(name))
    if not mask.any():
        raise BadInput("nothing is painted over yet; draw on the picture first")
    found = fill(name, shipped.picture(name, picture, fit).pixels, mask)
    top = drawing.error_top(found.errors)
    blocks = [
        Heading(f"Filled in, {mask.mean():.0%} of the patches hidden"),
        Pictures("painted", [
            Picture(found.originals[0], "Your picture"),
            Picture(found.seen[0], "What the model saw", "hidden patches are grey"),
            Picture(found.reconstructions[0], "Reconstruction", "visible patches pasted back"),
            Picture(drawing.heat(found.errors[0], top), "Error", f"dark 0, light {top:.2f} and more"),
        ], 200),
        Cards([
            Card("PSNR of hidden patches", f"{found.psnr[0]:.1f} dB", "of this picture"),
            Card("SSIM", f"{found.ssim[0]:.3f}", "of this picture; 1 is a copy"),
        ]),
    ]  # fmt: skip
    return f'<div class="cx-sheet">{html.draw(blocks, html.Paper(lambda _: "", level=2))}</div>'


def mask_grid(name: str) -> tuple[int, int]:
    """The grid of patches that can be hidden; BadInput for a model that cannot fill them in."""
    grid = shipped.study(name).abilities()["mask_grid"]
    if grid is None:
        raise BadInput(f"checkpoint {name} cannot fill in hidden patches; choose hidden 0 or a masked autoencoder")
    return grid


def fill(name: str, pixels: np.ndarray, mask: np.ndarray):
    """A picture (h, w, 3) uint8 with its hidden patches (H, W) bool filled in by a masked autoencoder."""
    if mask.all():
        raise BadInput("every patch is hidden, so there is nothing to go by; leave at least one visible")
    return shipped.study(name).compare(pixels[None], mask=mask[None])
