"""The demo's functions as endpoints: what a script gets by HTTP, gradio_client or MCP.

Docstrings here are what the API page and an MCP client read. Pictures come back as PNG files, in the network's size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypedDict

import gradio as gr
import numpy as np
from gradio.components.api_component import Api
from gradio_client.utils import python_type_to_json_schema

from explorer.analysis import colours
from explorer.analysis.comparison import random_masks
from explorer.checkpoints import Checkpoint
from explorer.demo import painting, sampling, searching, shipped
from explorer.errors import BadInput
from explorer.sheets import drawing
from explorer.study import Study, points
from explorer.views.use import measured

MOST_NEAREST, CELL = 100, 16


class Interval(TypedDict):
    """A mean over n images with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int


class LayerFacts(TypedDict):
    """A grid of latent vectors; codes is the size of its codebook, null where the layer is continuous."""

    name: str
    grid: list[int]
    dim: int
    codes: int | None


class CheckpointFacts(TypedDict):
    """A checkpoint; psnr (dB) and the baseline, answering with the mean training image, are on held-out images.

    bits_per_pixel are those of the codes; numbers_per_pixel are continuous ones that a hybrid's decoder needs beside.
    """

    name: str
    family: str
    dataset: str
    image_size: int
    parameters: int
    bits_per_pixel: float | None
    numbers_per_pixel: float | None
    layers: list[LayerFacts]
    psnr: Interval | None
    baseline_psnr: Interval | None


class Score(TypedDict):
    """Scores of a picture decoded from the layers up to and with this one."""

    layer: str
    mse: float
    psnr: float
    ssim: float


class Reconstruction(TypedDict):
    """Scores of one picture; hidden is the share of hidden patches, which mse and psnr are of where there are any.

    held_out_psnr is that of the checkpoint on held-out images, with held_out_hidden of the patches hidden.
    """

    checkpoint: str
    image_size: int
    hidden: float
    mse: float
    psnr: float
    ssim: float
    held_out_psnr: Interval | None
    held_out_hidden: float
    layers: list[Score]


class Codes(TypedDict):
    """Codes of one picture in one layer, row by row, with the distance of each latent to its code's vector."""

    checkpoint: str
    layer: str
    kind: str
    codebook_size: int
    grid: list[int]
    codes: list[list[int]]
    distances: list[list[float]]


class LayerUsage(TypedDict):
    """Use of one codebook over the held-out images; tokens_per_code lists all codes."""

    layer: str
    kind: str
    codes: int
    used: int
    dead: int
    images: int
    tokens: int
    entropy_bits: float
    perplexity: float
    perplexity_low: float | None
    perplexity_high: float | None
    seen_once: float
    enough_images: bool
    uniform_perplexity: float
    bits_per_pixel: float | None
    tokens_per_code: list[int]


class Usage(TypedDict):
    """Use of every codebook of a checkpoint."""

    checkpoint: str
    dataset: str
    layers: list[LayerUsage]


class Near(TypedDict):
    """A held-out image: its row, its name, the distance of its latent, and its concepts."""

    row: int
    name: str
    distance: float
    concepts: dict[str, Any]


class Nearest(TypedDict):
    """Nearest held-out images; unusual is the share of held-out images with a nearer nearest one of their own."""

    checkpoint: str
    layer: str
    searched: int
    unusual: float
    place: list[float]
    map: str
    trustworthiness: float
    images: list[Near]


def list_checkpoints() -> list[CheckpointFacts]:
    """Lists the checkpoints that the other functions know.

    Returns:
        Name, family, dataset, image size, layers and held-out scores of each.
    """
    return [_facts(checkpoint) for checkpoint in shipped.offered().values()]


def reconstruct(image: str, checkpoint: str, fit: str, hidden: float, seed: int) -> tuple[Reconstruction, Any, Any]:
    """Sends a picture through an autoencoder and returns what comes back, with scores.

    Args:
        image: A JPEG, PNG, WebP, BMP, GIF or TIFF, up to 20 MB and 40 million pixels.
        checkpoint: A name from list_checkpoints.
        fit: crop to the centre square, or pad to a square with white.
        hidden: Share of the patches to hide, from 0 to 0.95; only a masked autoencoder takes more than 0.
        seed: Chooses the patches that are hidden.

    Returns:
        Scores, the reconstruction as PNG, and the absolute error of each pixel as PNG (dark is no error).
    """
    known = shipped.choose(checkpoint)
    picture = shipped.picture(checkpoint, image, fit)
    if not 0 <= hidden <= 0.95:
        raise BadInput(f"hidden {hidden:g} is out of range; choose from 0 to 0.95")
    if not 0 <= seed < 2**32:
        raise BadInput(f"seed {seed:g} is out of range; choose from 0 to {2**32 - 1}")
    passed = shipped.study(checkpoint).look(picture)
    found = list(passed.prefixes.values())[-1]
    if hidden:
        grid = shipped.study(checkpoint).abilities()["mask_grid"]
        if grid is None:
            raise BadInput(
                f"checkpoint {checkpoint} cannot fill in hidden patches; choose hidden 0 or a masked autoencoder"
            )
        mask = random_masks(1, grid, hidden, int(seed))
        if mask.all():
            raise BadInput("every patch is hidden, so there is nothing to go by; leave at least one visible")
        found = shipped.study(checkpoint).compare(picture.pixels[None], mask)
    scores: Reconstruction = {
        "checkpoint": checkpoint,
        "image_size": known.image_size,
        "hidden": float(hidden),
        "mse": float(found.mse[0]),
        "psnr": float(found.psnr[0]),
        "ssim": float(found.ssim[0]),
        "held_out_psnr": _interval((known.metrics.get("masked", {}) if hidden else known.metrics).get("psnr")),
        "held_out_hidden": float(known.metrics.get("masked", {}).get("ratio", 0)) if hidden else 0.0,
        "layers": [
            {"layer": name, "mse": float(one.mse[0]), "psnr": float(one.psnr[0]), "ssim": float(one.ssim[0])}
            for name, one in passed.prefixes.items()
        ],
    }
    top = drawing.error_top(found.errors)
    return scores, found.reconstructions[0], drawing.heat(found.errors[0], top)


def codes(image: str, checkpoint: str, layer: str, fit: str) -> tuple[Codes, Any]:
    """Tells which code stands where in a picture.

    Args:
        image: A JPEG, PNG, WebP, BMP, GIF or TIFF, up to 20 MB and 40 million pixels.
        checkpoint: A name from list_checkpoints.
        layer: Name of a layer; empty for the first.
        fit: crop to the centre square, or pad to a square with white.

    Returns:
        The codes row by row with their distances, and the map as PNG, in which near codes have near colours.
    """
    picture, study = shipped.picture(checkpoint, image, fit), shipped.study(checkpoint)
    layer = _layer(study, layer)
    found, distances = study.codes_of(picture, layer)
    book = study.book(layer)
    answer: Codes = {
        "checkpoint": checkpoint,
        "layer": layer,
        "kind": book.kind,
        "codebook_size": len(book),
        "grid": list(found.shape),
        "codes": found.tolist(),
        "distances": distances.tolist(),
    }
    return answer, colours.paint(found, study.colours(layer), CELL)


def usage(checkpoint: str, layer: str) -> Usage:
    """Tells how the codebooks of a checkpoint are used over its held-out images.

    Args:
        checkpoint: A name from list_checkpoints.
        layer: Name of a layer; empty for all of them.

    Returns:
        Used and dead codes, entropy, perplexity with its 95 % interval, and the tokens of each code.
    """
    study = shipped.study(checkpoint)
    names = [_layer(study, layer)] if layer else study.layer_names
    return {
        "checkpoint": checkpoint,
        "dataset": study.checkpoint.dataset or "",
        "layers": [_usage(study, name) for name in names],
    }


def nearest(image: str, checkpoint: str, layer: str, count: int, fit: str) -> tuple[Nearest, Any]:
    """Finds the held-out images whose latents are most like those of a picture.

    Args:
        image: A JPEG, PNG, WebP, BMP, GIF or TIFF, up to 20 MB and 40 million pixels.
        checkpoint: A name from list_checkpoints.
        layer: Name of a layer; empty for the first.
        count: How many images, from 1 to 100.
        fit: crop to the centre square, or pad to a square with white.

    Returns:
        The images by Euclidean distance of their latents (averaged over the grid), nearest first, where the picture
        lies on the map of latents, and the images side by side as PNG.
    """
    picture, study = shipped.picture(checkpoint, image, fit), shipped.study(checkpoint)
    if not 1 <= int(count) <= MOST_NEAREST:
        raise BadInput(f"count {int(count)} is out of range; choose from 1 to {MOST_NEAREST}")
    layer = _layer(study, layer)
    among = points.of_images(study, layer)
    found, place = points.near(study, among, picture, int(count))
    rows = among.rows[found.rows[: int(count)]]
    table = study.concepts().iloc[rows]
    answer: Nearest = {
        "checkpoint": checkpoint,
        "layer": layer,
        "searched": len(among.rows),
        "unusual": found.unusual,
        "place": place.tolist(),
        "map": among.options.method,
        "trustworthiness": among.facts["trustworthiness"],
        "images": [
            {
                "row": int(row),
                "name": study.images.names[int(row)],
                "distance": float(away),
                "concepts": {str(key): value if value == value else None for key, value in concepts.items()},
            }
            for row, away, concepts in zip(rows, found.distances, table.to_dict("records"), strict=False)
        ],
    }
    return answer, np.concatenate(list(study.images.read(rows)), axis=1)


def build() -> None:
    """Adds the endpoints to the page that is being built; nothing of them is seen on it."""
    names = list(shipped.offered())

    def image() -> gr.Image:
        return gr.Image(label="image", type="filepath", image_mode=None, format="png")

    def checkpoint() -> gr.Dropdown:
        return gr.Dropdown(names, value=names[0], label="checkpoint")

    def layer() -> gr.Textbox:
        return gr.Textbox("", label="layer")

    def fit() -> gr.Dropdown:
        return gr.Dropdown(["crop", "pad"], value="crop", label="fit")

    def picture(label: str) -> gr.Image:
        return gr.Image(label=label, format="png")

    with gr.Column(visible=False):
        _endpoint(list_checkpoints, "checkpoints", [], [_typed(list[CheckpointFacts], "checkpoints")])
        hidden = gr.Number(0, label="hidden")
        seed = gr.Number(0, precision=0, label="seed")
        _endpoint(
            reconstruct,
            "reconstruct",
            [image(), checkpoint(), fit(), hidden, seed],
            [_typed(Reconstruction, "scores"), picture("reconstruction"), picture("error")],
        )
        _endpoint(codes, "codes", [image(), checkpoint(), layer(), fit()], [_typed(Codes, "codes"), picture("map")])
        _endpoint(usage, "usage", [checkpoint(), layer()], [_typed(Usage, "usage")])
        count = gr.Number(12, precision=0, label="count")
        _endpoint(
            nearest,
            "nearest",
            [image(), checkpoint(), layer(), count, fit()],
            [_typed(Nearest, "nearest"), picture("images")],
        )
        edit = gr.Textbox("", label="edit")
        _endpoint(
            painting.paint,
            "paint",
            [image(), checkpoint(), edit, fit()],
            [_typed(painting.Paint, "painted"), picture("picture"), picture("change")],
        )
        by, asked, near = gr.Textbox("bag", label="by"), gr.Textbox("", label="codes"), gr.Number(0, label="near")
        inputs = [image(), checkpoint(), by, layer(), asked, near, count, fit()]
        _endpoint(searching.similar, "similar", inputs, [_typed(searching.Similar, "similar"), picture("images")])
        outputs = [_typed(sampling.PriorSample, "samples"), picture("pictures")]
        _endpoint(sampling.prior_sample, "prior_sample", [checkpoint(), *sampling.inputs()], outputs)


def _endpoint(function: Callable, name: str, inputs: Sequence[gr.components.Component], outputs: Sequence) -> None:
    gr.Button().click(function, list(inputs), list(outputs), api_name=name, concurrency_id="compute")


def _typed(kind: Any, label: str) -> Api:
    """An output that the API page describes by its type."""
    return Api(None, python_type_to_json_schema(kind), label)


def _facts(checkpoint: Checkpoint) -> CheckpointFacts:
    metrics = checkpoint.metrics
    return {
        "name": checkpoint.name,
        "family": checkpoint.family,
        "dataset": checkpoint.dataset or "",
        "image_size": checkpoint.image_size,
        "parameters": checkpoint.parameters,
        "bits_per_pixel": metrics.get("bits_per_pixel"),
        "numbers_per_pixel": metrics.get("numbers_per_pixel"),
        "layers": [dict(layer) for layer in checkpoint.layers],
        "psnr": _interval(metrics.get("psnr")),
        "baseline_psnr": _interval(metrics.get("baselines", {}).get("mean image", {}).get("psnr")),
    }


def _interval(found: dict[str, Any] | None) -> Interval | None:
    return None if not found else {key: found[key] for key in ("mean", "low", "high", "n")}


def _layer(study: Study, layer: str | None) -> str:
    """The layer asked for, else the first; BadInput for an unknown one."""
    return study.layer(layer).name if layer else study.layer_names[0]


def _usage(study: Study, layer: str) -> LayerUsage:
    found, interval, _, rates = study.remember(measured, layer)
    facts = asdict(found)
    kept = ("codes", "used", "dead", "images", "tokens", "entropy_bits", "perplexity", "uniform_perplexity")
    return {
        "layer": layer,
        "kind": study.book(layer).kind,
        **{key: facts[key] for key in kept},
        **interval.ends("perplexity"),
        "bits_per_pixel": None if rates is None else rates[0],
        "tokens_per_code": study.usage(layer).tolist(),
    }
