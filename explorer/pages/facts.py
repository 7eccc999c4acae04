"""The facts of a checkpoint, for the sidebar and the pages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from explorer.pages.state import called, plain

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint


def summary(checkpoint: Checkpoint) -> None:
    """The facts of a checkpoint in a few lines, with help."""
    size, bits, layers = checkpoint.image_size, bits_per_pixel(checkpoint), checkpoint.layers
    kinds = [checkpoint.family if checkpoint.format == "explorer" else checkpoint.format]
    # and what it is made of, where that is not the default
    kinds += [
        v for name in ("quantizer", "backbone") if (v := checkpoint.settings.get(name)) not in (None, "ema", "conv")
    ]
    told = f" · {_short(checkpoint.parameters)} parameters · {size} × {size} px"
    lines = [f"**{plain(' · '.join(map(str, kinds)))}**{' only, no network' if checkpoint.family == 'codes' else told}"]
    alike = len({(*layer["grid"], layer["dim"], layer.get("codes")) for layer in layers}) == 1
    for layer in layers[:1] if alike else layers:
        codes = f"{layer['codes']:,} codes" if layer.get("codes") else "continuous"
        name = f"{layer['name']} to {layers[-1]['name']}" if alike and len(layers) > 1 else layer["name"]
        lines.append(f"{plain(name)} · {layer['grid'][0]} × {layer['grid'][1]} grid · {codes} · {layer['dim']}-d")
    trained_on = f"trained on {plain(called(checkpoint.dataset))}" if checkpoint.dataset else ""
    psnr = checkpoint.metrics.get("psnr")
    if isinstance(psnr, dict) and all(isinstance(psnr.get(name), int | float) for name in ("mean", "n")):
        ends = [psnr.get(name) for name in ("low", "high")]
        between = " [{:.2f}, {:.2f}]".format(*ends) if all(isinstance(end, int | float) for end in ends) else ""
        images = f"{psnr['n']:,} held-out images" if psnr["n"] != 1 else "one held-out image"
        score = f"{psnr['mean']:.2f} dB{between} on {images}"
        lines.append(f"{trained_on}; {score} of it" if trained_on else score)
    elif trained_on:
        lines.append(trained_on)
    if bits is not None:
        numbers = checkpoint.metrics.get("numbers_per_pixel")
        more = f" in codes, and {numbers:.3g} continuous numbers" if isinstance(numbers, int | float) else ""
        lines.append(f"{bits:.3g} bits per pixel{more}")
    lines += map(plain, checkpoint.notes)
    st.caption(
        "  \n".join(lines),
        help="Each layer is a grid of latent vectors with so many numbers (d) each. The decibels are the mean PSNR on "
        "images that training never saw, with its 95 % interval, measured when training ended. Bits per pixel is what "
        "storing the codes costs without further compression: log₂(codes) for every cell; a photograph as PNG needs "
        "about 10 to 15.",
    )


def bits_per_pixel(checkpoint: Checkpoint) -> float | None:
    """Σ H·W·log₂ K over the layers with a codebook of their own, per pixel; None where there is no such layer."""
    sizes = [(layer["grid"][0] * layer["grid"][1], layer["codes"]) for layer in checkpoint.layers if layer.get("codes")]
    if not sizes or checkpoint.family == "codes":  # of whatever size the images were
        return None
    return sum(cells * math.log2(codes) for cells, codes in sizes) / checkpoint.image_size**2


def _short(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} k" if count >= 1e3 else str(count)
