"""The tab Reconstruct: what comes back of a picture, what is lost, and what each layer adds."""

from __future__ import annotations

import gradio as gr
import numpy as np

from explorer.analysis.comparison import Comparison, random_masks
from explorer.demo import answers, markup, uploads
from explorer.demo.network import Passed
from explorer.demo.shared import QUIET, Shared
from explorer.errors import BadInput
from explorer.sheets import drawing

NAME = "Reconstruct"
BRUSH = uploads.CANVAS // 8  # pixels: one patch of the shipped masked autoencoder
HELP = {
    "psnr": "Peak signal-to-noise ratio of this picture: 10 · log₁₀(1 / mean squared error), pixel values from 0 to 1. "
    "20 dB is a mean squared error of 0.01; 6 dB more halves a pixel's typical error.",
    "hidden": "PSNR over the pixels of the hidden patches only; what was visible is not counted.",
    "ssim": "Structural similarity: compares means, contrasts and patterns in a sliding window. 1 is a perfect copy.",
    "held": "Mean over images of the same kind that training never saw, with its 95 % interval: what this checkpoint "
    "reaches on the pictures that it was made for.",
    "base": "What answering every image with the average training image would reach. Above it the codes say something.",
    "rate": "What storing the codes of a picture costs, without further compression: log₂(codes) for each cell. "
    "Continuous numbers that the decoder needs beside the codes are not counted in the bits.",
    "layers": "The picture decoded from the layers up to this one; the finer ones are left out.",
    "filling": "What filling the hidden patches with the mean colour of the visible ones reaches, on held-out images.",
}


def build(shared: Shared) -> None:
    with gr.Tab(NAME) as tab:
        with gr.Group(visible=False) as masking:
            ratio = gr.Slider(
                0, 95, 75, step=5, label="Hidden patches (%)", info="Hidden at random; the model fills them in."
            )
            again = gr.Button("Hide other patches", size="sm")
        seed = gr.State(0)
        with gr.Accordion("Hide patches by hand", open=False, visible=False) as by_hand:
            painter = gr.ImageEditor(
                label="Paint over what the model must not see", sources=(), transforms=(), layers=False, buttons=[],
                brush=gr.Brush(BRUSH, colors=["#808080"], color_mode="fixed"), eraser=gr.Eraser(BRUSH), format="png",
                canvas_size=(uploads.CANVAS, uploads.CANVAS), fixed_canvas=True, height=uploads.CANVAS + 130,
            )  # fmt: skip
            paint = gr.Button("Fill in what I painted over", variant="primary", size="sm")
        html = gr.HTML(padding=False, label="Reconstruction")

    shared.draw(
        tab, NAME, draw, [ratio, seed], [html, masking, by_hand, painter], first=True, also=[ratio.release, seed.change]
    )
    gr.on([again.click], lambda number: number + 1, seed, seed, api_visibility="private", queue=False)
    inputs = [shared.checkpoint, shared.picture, shared.fit, painter]
    paint.click(painted, inputs, html, **QUIET)


def draw(name: str, picture: str | None, fit: str, ratio: float, seed: int, theme: str) -> tuple:
    """The tab for a picture: HTML, and whether and with what patches can be hidden."""
    grid = answers.mask_grid(name)
    shows = gr.update(visible=grid is not None)
    if picture is None:
        return markup.note("Drop a picture on the left, or choose one of the examples."), shows, shows, gr.skip()
    pixels = uploads.pixels(picture, answers.choose(name).image_size, fit)
    canvas = uploads.canvas(pixels) if grid else gr.skip()
    if grid and ratio:
        mask = random_masks(1, grid, ratio / 100, int(seed))[0]
        return filled(name, pixels, mask), shows, shows, canvas
    return whole(name, pixels), shows, shows, canvas


def painted(name: str, picture: str | None, fit: str, painting: dict | None) -> str:
    """The picture with the patches filled in that were painted over by hand."""
    grid = answers.mask_grid(name)
    if grid is None:
        raise BadInput(f"checkpoint {name} cannot fill in hidden patches; choose a masked autoencoder")
    pixels = uploads.pixels(picture, answers.choose(name).image_size, fit)
    mask = uploads.painted(painting, grid)
    if not mask.any():
        raise BadInput("nothing is painted over yet; draw on the picture first")
    return filled(name, pixels, mask)


def whole(name: str, pixels: np.ndarray) -> str:
    """Original, reconstruction and error, with scores, and the prefixes of layers."""
    passed = answers.look(name, pixels)
    found = list(passed.prefixes.values())[-1]
    parts = [_pictures(found), _scores(name, found), _outside(name, pixels)]
    return "".join(parts) + (_layers("What each layer adds", passed) if len(passed.prefixes) > 1 else "")


def filled(name: str, pixels: np.ndarray, mask: np.ndarray) -> str:
    """What a masked autoencoder fills in, then the picture without anything hidden."""
    found = answers.fill(name, pixels, mask)
    parts = [_pictures(found), _scores(name, found, masked=True), _outside(name, pixels)]
    heading = markup.heading(f"Filled in, {mask.mean():.0%} of the patches hidden", HELP["hidden"])
    return heading + "".join(parts) + _layers("Decoded from each layer, nothing hidden", answers.look(name, pixels))


def _layers(title: str, passed: Passed) -> str:
    """The picture decoded from the layers up to each, with its scores."""
    pictures = (
        (one.reconstructions[0], f"up to {layer}", f"{one.psnr[0]:.1f} dB · SSIM {one.ssim[0]:.3f}")
        for layer, one in passed.prefixes.items()
    )
    return markup.heading(title, HELP["layers"]) + markup.figures(pictures)


def _pictures(found: Comparison) -> str:
    top = drawing.error_top(found.errors)
    pictures = [(found.originals[0], "Your picture", f"{len(found.originals[0])} px, as the model gets it")]
    if found.seen is not None:
        pictures.append((found.seen[0], "What the model saw", "hidden patches are grey"))
    source = "from the latents alone" if found.seen is None else "visible patches pasted back"
    pictures.append((found.reconstructions[0], "Reconstruction", source))
    pictures.append((drawing.heat(found.errors[0], top), "Error", f"dark 0, light {top:.2f} and more"))
    return markup.figures(pictures, 200, named="cx-main")


def _scores(name: str, found: Comparison, *, masked: bool = False) -> str:
    metrics = answers.choose(name).metrics
    known = metrics.get("masked", {}) if masked else metrics
    filling, which = ("mean of visible patches", "filling") if masked else ("mean image", "base")
    hidden = f", {known['ratio']:.0%} hidden" if known and masked else ""
    facts = [
        (
            "PSNR of hidden patches" if masked else "PSNR",
            f"{found.psnr[0]:.1f} dB",
            "of this picture",
            HELP["hidden" if masked else "psnr"],
        ),
        ("SSIM", f"{found.ssim[0]:.3f}", "of this picture; 1 is a copy", HELP["ssim"]),
    ]
    for title, score, about in (
        ("Held-out images", known.get("psnr"), "held"),
        (f"Baseline: {filling}", known.get("baselines", {}).get(filling, {}).get("psnr"), which),
    ):
        if score:
            interval = f"95 %: {score['low']:.2f} – {score['high']:.2f}, n = {score['n']:,}{hidden}"
            facts.append((title, f"{score['mean']:.1f} dB", interval, HELP[about]))
    rate = metrics.get("bits_per_pixel")
    if rate and not masked:
        numbers = metrics.get("numbers_per_pixel")
        note = f"of codes, and {numbers:.3g} continuous numbers" if numbers else "a PNG photograph needs 10 to 15"
        facts.append(("Bits per pixel", f"{rate:.3f}", note, HELP["rate"]))
    return markup.cards(facts)


def _outside(name: str, pixels: np.ndarray) -> str:
    """A warning for a picture that is unlike everything the checkpoint was measured on."""
    layer = answers.shown_layer(answers.opened(name), None)
    found, _ = answers.nearest(name, pixels, layer, 1)
    if found.copy or found.unusual < 0.99:
        return ""
    dataset, held_out = answers.choose(name).dataset, answers.opened(name).encoding.images
    return markup.note(
        f"This picture is unlike the images that {name} was trained on ({dataset}): its nearest held-out image is "
        f"farther away than for {markup.share(found.unusual, held_out)} of them. Expect a worse reconstruction.",
        warning=True,
    )
