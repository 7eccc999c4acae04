"""Passes through the networks: the only code of the demo that touches a model, on ZeroGPU's GPU where there is one.

What goes in and comes out is names and arrays, since ZeroGPU runs a decorated function in a process of its own.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.analysis.comparison import Comparison
    from explorer.analysis.interventions import Change
    from explorer.autoencoder import Autoencoder

SECONDS = 15  # of a GPU that one pass may take

# Hugging Face installs this package on its machines; nowhere else is it needed
spaces = importlib.import_module("spaces") if importlib.util.find_spec("spaces") else None
on_gpu = spaces.GPU(duration=SECONDS) if spaces else lambda function: function


@dataclass(frozen=True)
class Passed:
    """What a network makes of one image.

    Attributes:
        latents: (H, W, D) float32 of each layer, before quantization.
        prefixes: the image decoded from the layers up to and with each, coarse to fine; the last is the whole.
    """

    latents: dict[str, np.ndarray]
    prefixes: dict[str, Comparison]


@functools.lru_cache(maxsize=8)
def network(path: Path) -> tuple[Autoencoder, threading.Lock]:
    """The network of a checkpoint, and the lock of whoever uses it."""
    from explorer import checkpoints
    from explorer.jobs.devices import choose

    return checkpoints.load(path).to(choose()), threading.Lock()


@on_gpu
def look(path: Path, pixels: np.ndarray) -> Passed:
    """Encodes and decodes an image (h, w, 3) uint8."""
    import torch

    from explorer.analysis import interventions, layers

    model, lock = network(path)
    with lock, torch.inference_mode():
        latents = {name: found[0].float().cpu().numpy() for name, found in interventions.encode(model, pixels).items()}
        return Passed(latents, layers.prefixes(model, pixels[None]))


@on_gpu
def fill(path: Path, pixels: np.ndarray, mask: np.ndarray) -> Comparison:
    """Fills in the hidden patches, (H, W) bool, of an image, for a model that can."""
    import torch

    from explorer.analysis.comparison import compare

    model, lock = network(path)
    with lock, torch.inference_mode():
        return compare(model, pixels[None], mask=mask[None])


@on_gpu
def change(
    path: Path, pixels: np.ndarray, layer: str, where: np.ndarray, vector: np.ndarray, random: np.ndarray
) -> Change:
    """Puts a vector (D,) into the cells `where` (H, W) of a layer and decodes; see `interventions.replace`."""
    import torch

    from explorer.analysis import interventions

    model, lock = network(path)
    with lock, torch.inference_mode():
        latents = interventions.encode(model, pixels)
        return interventions.replace(model, latents, layer, where, vector, random=random)
