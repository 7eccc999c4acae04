"""The tab About: what the numbers mean, and where to go from here."""

from __future__ import annotations

import gradio as gr

from explorer.analysis import quality
from explorer.demo import shipped

NAME = "About"
TEXT = """
### What this is

An **autoencoder** squeezes a picture through a bottleneck and draws it again. A **VQ-VAE** squeezes it into *codes*,
numbers from a fixed list (the *codebook*), one for each cell of a grid; a **VAE** into one vector of real numbers; a
**masked autoencoder** (MAE) sees only some patches and fills in the rest. *Codebook Explorer* shows what they keep,
what the codes look like, and whether they mean something.

The checkpoints here are small. `vqvae-photos` and `vqvae2-photos` were trained on photographs of clothes; the others
on generated shapes or handwritten digits, so that everything about them can be checked. From those, your own
photographs come back as blocks: that is what being outside of the training data looks like, and the demo says when
they are.

### What the numbers mean

- **PSNR** (dB): log scale of the mean squared error, 10 dB is a factor of ten. **SSIM**: structural similarity, 1 for
  a copy. Beside them stands what the checkpoint reaches on *held-out* images, which training never saw, with a 95 %
  interval and the number of images, and a *baseline* that looks at nothing.
- **Used, dead codes**: those that occur at least once, or never, in the held-out images.
- **Perplexity**: 2 to the entropy of the code frequencies: this many equally frequent codes would have the same
  entropy. Beside it, what as many tokens would reach if all codes were drawn evenly.
- **Bits per pixel**: what the codes of a picture cost.
- **k-means codes**: a VAE or MAE has no codebook; its latents get the nearest of 64 centres, fitted on training
  images.
- **Changing a code**: how much the pixels change, inside and outside of the cells, beside the same change with random
  codes.
- **Nearest images**: by Euclidean distance between latents averaged over the grid. *Trustworthiness* of a map says
  how far neighbours on it are neighbours in truth: 1 is perfect, 0.5 is chance.

### The checkpoints

{table}

### Your pictures

They are scaled to the size of the network on this server, kept in a temporary folder for at most an hour so that the
page can show them, and then deleted. Nobody else sees them, nothing is trained on them.

### More

The whole program trains such models and explores your own checkpoints and datasets: `pip install -e . && streamlit
run app.py`. Every function here is an endpoint: see *Use via API* at the bottom of the page.
"""


def build() -> None:
    with gr.Tab(NAME):
        gr.Markdown(TEXT.format(table=_table()), elem_classes="cx-about")


def _table() -> str:
    lines = [
        "| checkpoint | family | trained on | layers | PSNR, held out (dB) | mean image (dB) |",
        "|---|---|---|---|---|---|",
    ]
    for checkpoint in shipped.offered().values():
        metrics = checkpoint.metrics
        layers = ", ".join(
            f"{layer['name']} {layer['grid'][0]} × {layer['grid'][1]}"
            + (f" of {layer['codes']:,}" if layer["codes"] else "")
            for layer in checkpoint.layers
        )
        psnr, base = metrics.get("psnr"), metrics.get("baselines", {}).get("mean image", {}).get("psnr")
        score = f"{quality.worded(psnr, 2)}, n = {psnr['n']:,}" if psnr else "–"
        lines.append(
            f"| `{checkpoint.name}` | {checkpoint.family} | {checkpoint.dataset} | {layers} | {score} | "
            + (f"{base['mean']:.2f} |" if base else "– |")
        )
    return "\n".join(lines)
