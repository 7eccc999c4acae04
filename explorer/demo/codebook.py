"""The tab Codebook: which codes are used, how often, and what the most used ones look like."""

from __future__ import annotations

import gradio as gr
import numpy as np

from explorer.demo import answers, markup, uploads
from explorer.demo.code_map import KMEANS
from explorer.demo.shared import Shared

NAME = "Codebook"
SHARES, SHOWN = (0.5, 0.9, 0.99), 24
TOOLS = ["zoom", "pan", "select", "lasso", "zoomin", "zoomout", "autoscale", "reset", "toimage"]  # would cover legends
HELP = {
    "used": "Codes that occur at least once in the held-out images, and what as many tokens drawn evenly would use.",
    "dead": "Codes that never occur in the held-out images. Few images leave rare codes unseen.",
    "perplexity": "2 to the entropy of the code frequencies: this many equally frequent codes would have the same "
    "entropy. The interval resamples images and corrects for the bias of few tokens.",
    "ceiling": "What as many tokens would reach if all codes were drawn evenly: the most that can be expected here.",
    "entropy": "Bits that one token carries, from how often each code occurs; at most log₂ of the number of codes.",
    "rate": "Tokens of an image times the entropy, over its pixels: what an ideal coder that knows only the "
    "frequencies of the codes would need.",
    "most": "The most used codes, each with the patch nearest to its vector among the held-out images and its share of "
    "all tokens.",
    "bars": "Each bar is a code, in the colour of the code map, most used first. The dashed line is even use.",
    "cumulative": "How few codes cover how much of all tokens. The dashed line is even use.",
}


def build(shared: Shared) -> None:
    with gr.Tab(NAME) as tab:
        layer = gr.Radio([], label="Layer", visible=False)
        facts = gr.HTML(padding=False)
        gr.HTML(markup.heading("Use of each code", HELP["bars"]), padding=False)
        with gr.Row():
            with gr.Column(min_width=320):
                bars = gr.Plot(show_label=False, container=False)
            with gr.Column(min_width=320):
                cumulative = gr.Plot(show_label=False, container=False)
    shared.draw(tab, NAME, draw, [layer], [layer, facts, bars, cumulative], also=[layer.input])


def draw(name: str, picture: str | None, fit: str, layer: str | None, theme: str) -> tuple:
    """Layers, the numbers and pictures of a codebook, and its two charts."""
    from explorer.analysis import usage
    from explorer.charts import code_plots

    shown = answers.opened(name)
    layer = answers.shown_layer(shown, layer)
    table = answers.code_table(name, layer)
    counts = table["tokens"].to_numpy()
    shares = usage.cumulative_share(counts)
    covering = dict(zip(SHARES, usage.codes_covering(counts, SHARES), strict=True))
    return (
        gr.update(choices=shown.layers, value=layer, visible=len(shown.layers) > 1),
        _facts(name, layer) + _yours(name, picture, fit, layer) + _most(name, layer),
        code_plots.usage_bars(table, answers.colours(name, layer), theme=theme).update_layout(modebar_remove=TOOLS),
        code_plots.cumulative(shares, covering, theme=theme).update_layout(modebar_remove=TOOLS),
    )


def _facts(name: str, layer: str) -> str:
    shown = answers.opened(name)
    found, (low, high), rate = answers.usage(name, layer)
    grid, book = shown.encoding.layer(layer).grid, shown.encoding.codebook(layer)
    facts = [
        ("Used codes", f"{found.used:,} of {found.codes:,}", f"even use: {found.uniform_used:,.0f}", HELP["used"]),
        ("Dead codes", f"{found.dead:,}", "never seen here", HELP["dead"]),
        ("Perplexity", f"{found.perplexity:.1f}", f"95 %, corrected: {low:.1f} – {high:.1f}", HELP["perplexity"]),
        ("Even use would reach", f"{found.uniform_perplexity:.1f}", "perplexity, at most", HELP["ceiling"]),
        ("Entropy", f"{found.entropy_bits:.2f} bits", f"at most {np.log2(found.codes):.2f}", HELP["entropy"]),
    ]
    if rate is not None:
        facts.append(("Bits per pixel", f"{rate:.3f}", "at this entropy", HELP["rate"]))
    counted = markup.note(
        f"{found.tokens:,} tokens counted: {found.images:,} held-out images × {grid[0]} × {grid[1]} cells."
    )
    kmeans = markup.note(KMEANS.format(codes=len(book))) if book.kind == "kmeans" else ""
    return markup.cards(facts) + counted + kmeans


def _yours(name: str, picture: str | None, fit: str, layer: str) -> str:
    """What the visitor's picture uses of the codebook."""
    if picture is None:
        return ""
    pixels = uploads.pixels(picture, answers.choose(name).image_size, fit)
    codes, _ = answers.codes(name, pixels, layer)
    table = answers.code_table(name, layer)
    used = np.unique(codes)
    share = table["share"].to_numpy()[used].sum()
    text = f"Your picture uses {len(used):,} of these codes; together they make up {share:.1%} of all held-out tokens."
    never = int((table["tokens"].to_numpy()[used] == 0).sum())
    if never:
        text += f" {never:,} of them occur in no held-out image."
    return markup.note(text)


def _most(name: str, layer: str) -> str:
    numbers, pictures = answers.most_used(name, layer, SHOWN)
    share = answers.code_table(name, layer)["share"].to_numpy()
    cells = (
        (picture, f"{number:,}", f"{share[number]:.2%}") for number, picture in zip(numbers, pictures, strict=True)
    )
    return markup.heading("Most used codes", HELP["most"]) + markup.figures(cells, 64)
