"""Passes through networks: the one door to a model, on the GPU where there is one.

What goes in and comes out is names and arrays, since ZeroGPU runs a decorated function in a process of its own. A
network is opened once, in evaluation mode, and used by one thread at a time, in float32, and without gradients but in
the one pass that is about them (`study/gradients.py`).
"""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.util
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.analysis.comparison import Comparison
    from explorer.analysis.interventions import Change
    from explorer.analysis.painting import Painted, Stroke
    from explorer.autoencoder import Autoencoder, Codebook

SECONDS = 15  # of a GPU that one pass may take
OPENING = threading.Lock()  # two threads that import transformers for the first time would break each other

# Hugging Face installs this package on its machines; nowhere else is it needed
spaces = importlib.import_module("spaces") if importlib.util.find_spec("spaces") else None


def network(path: Path, fingerprint: str) -> tuple[Autoencoder, threading.Lock]:
    """The network of a checkpoint, opened once, and the lock of whoever uses it."""
    with OPENING:
        return _network(path, fingerprint)


@functools.lru_cache(maxsize=8)
def _network(path: Path, fingerprint: str) -> tuple[Autoencoder, threading.Lock]:
    from explorer import checkpoints
    from explorer.jobs.devices import choose

    model = checkpoints.load_known(path, fingerprint)
    # Streamlit collects garbage after every run; a library that came with the network stays, so it need not be searched
    gc.collect()
    gc.freeze()
    try:
        return model.to(choose("auto")), threading.Lock()
    except RuntimeError:  # the GPU is full of somebody's training; the CPU always has room
        return checkpoints.load_known(path, fingerprint), threading.Lock()


def through(function: Callable, *, gradients: bool = False) -> Callable:
    """Makes `function(model, …)` a pass `(path, fingerprint, …)`; with `gradients` it may ask for some."""

    @functools.wraps(function)
    def passed(path: Path, fingerprint: str, *arguments, **options):
        import torch

        from explorer.precision import exact

        model, lock = network(path, fingerprint)
        with lock, exact(), torch.enable_grad() if gradients else torch.inference_mode():
            return function(model, *arguments, **options)

    return spaces.GPU(duration=SECONDS)(passed) if spaces else passed


@dataclass(frozen=True)
class Passed:
    """What a network makes of one image.

    Attributes:
        latents: (H, W, D) float32 of each layer, before quantization.
        needed: (H, W) bool of the layers that the decoder does not need everywhere: where it does.
        prefixes: the image decoded from the layers up to and with each, coarse to fine; the last is the whole. Empty
            for a model without a decoder.
    """

    latents: dict[str, np.ndarray]
    needed: dict[str, np.ndarray]
    prefixes: dict[str, Comparison]


@through
def look(model: Autoencoder, pixels: np.ndarray) -> Passed:
    """Encodes and decodes an image (h, w, 3) uint8."""
    from explorer.analysis import interventions, layers
    from explorer.autoencoder import Sends, no_decoder

    latents = interventions.encode(model, pixels)
    sent = model.sent(latents) if isinstance(model, Sends) else {}
    return Passed(
        {name: found[0].float().cpu().numpy() for name, found in latents.items()},
        {name: mask[0].cpu().numpy() for name, mask in sent.items()},
        {} if no_decoder(model) else layers.prefixes(model, pixels[None]),
    )


@through
def compare(
    model: Autoencoder, pixels: np.ndarray, mask: np.ndarray | None = None, sample_seed: int | None = None
) -> Comparison:
    """Images (N, h, w, 3) uint8 beside what comes back, with hidden patches or drawn latents if asked for."""
    from explorer.analysis import comparison

    return comparison.compare(model, pixels, mask=mask, sample_seed=sample_seed)


@through
def decode_some(
    model: Autoencoder, pixels: np.ndarray, view: str, fill: str, others: np.ndarray | None = None
) -> dict[str, Comparison]:
    """Images decoded from the layers up to each (`prefix`) or from each `alone`; `fill` stands for the others."""
    from explorer.analysis import layers

    decode = layers.alone if view == "alone" else layers.prefixes
    return decode(model, pixels, fill, others)


@through
def recombine(model: Autoencoder, first: np.ndarray, second: np.ndarray, of_first: Sequence[str]) -> np.ndarray:
    """An image (h, w, 3) uint8 decoded from some layers of one image and the others of another."""
    from explorer.analysis import layers

    return layers.recombine(model, first, second, of_first)


@through
def change(
    model: Autoencoder, pixels: np.ndarray, layer: str, where: np.ndarray, vector: np.ndarray, random: np.ndarray
) -> Change:
    """Puts a vector (D,) into the cells `where` (H, W) of a layer and decodes; see `interventions.replace`."""
    from explorer.analysis import interventions

    return interventions.replace(model, interventions.encode(model, pixels), layer, where, vector, random=random)


@through
def abilities(model: Autoencoder) -> dict[str, object]:
    """What a model can do: `joint`, `samples`, `posterior`, how many blocks `attends`, `mask_grid` if it fills in."""
    from explorer.autoencoder import Attends, AttendsWhenDecoding, Masks, Posteriors, Samples

    kinds = {"samples": isinstance(model, Samples), "posterior": isinstance(model, Posteriors)}
    attends = model.attention_blocks if isinstance(model, Attends) else 0
    grid = tuple(model.mask_grid) if isinstance(model, Masks) else None
    kinds["decoder_attends"] = model.decoder_blocks if isinstance(model, AttendsWhenDecoding) else 0
    kinds |= {"peeks": bool(getattr(model, "peeks", False)), "class_token": bool(attends and model.first_tokens)}
    return {"joint": bool(model.joint), "attends": attends, "mask_grid": grid, **kinds}


@through
def paint(
    model: Autoencoder,
    latents: Mapping[str, np.ndarray],
    strokes: Mapping[str, Stroke],
    books: Mapping[str, Codebook],
) -> Painted:
    """An image decoded with codes painted over its own; see `analysis.painting`."""
    from explorer.analysis import painting

    return painting.paint(model, latents, strokes, books)
