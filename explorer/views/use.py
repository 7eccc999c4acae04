"""How much of a codebook is used, as cards: for the page of the codebook and whoever else tells of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Note
from explorer.views import words

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

SHARES = (0.5, 0.9, 0.99)


def measured(study: Study, layer: str) -> tuple:
    """Use of a codebook, the interval of its perplexity, codes that cover SHARES, bits per pixel (entropy, fixed).

    Bits are None for a codebook that the model does not decode from, and where codes tell of no size of an image.
    """
    from explorer.analysis import usage

    counts, grid, size = study.usage(layer), study.layer(layer).grid, study.checkpoint.image_size
    found = usage.measure(counts, study.encoding.images)
    rates = None
    if study.book(layer).kind != "kmeans" and study.checkpoint.family != "codes":
        rates = tuple(usage.bits_per_pixel(grid, len(counts), size, bits) for bits in (found.entropy_bits, None))
    return (
        found,
        study.tally(layer).interval().perplexity(),
        usage.codes_covering(counts, SHARES),
        rates,
    )


def cards(study: Study, layer: str) -> tuple[Cards, dict[str, Any]]:
    """The use of a layer's codebook as cards, and the same as plain numbers."""
    found, interval, covering, rates = study.remember(measured, layer)
    grid = study.layer(layer).grid
    shown = [
        Card(
            "Used codes", f"{found.used:,} of {found.codes:,}", f"even use: {found.uniform_used:,.0f} on average",
            help_of("used"),
        ),
        Card("Dead codes", f"{found.dead:,}", "never seen here", help_of("dead")),
        Card("Perplexity", f"{found.perplexity:.1f}", interval.worded(), help_of("perplexity")),
        Card("Even use would reach", f"{found.uniform_perplexity:.1f}", "perplexity, on average", help_of("ceiling")),
        Card(
            "Entropy", f"{found.entropy_bits:.2f} bits", f"at most {np.log2(found.codes):.2f}",
            f"{help_of('entropy')} Here: {found.entropy_corrected:.3f} bits.",
        ),
        Card(
            "Tokens counted", f"{found.tokens:,}", f"{found.images:,} images × {grid[0]} × {grid[1]} cells",
            help_of("tokens counted"),
        ),
        *(
            Card(f"Cover {share:.0%}", words.many(codes, "code"), "of all tokens", help_of("cover"))
            for share, codes in zip(SHARES, covering, strict=True)
        ),
    ]  # fmt: skip
    numbers = dataclasses.asdict(found) | interval.ends("perplexity")
    if rates is not None:
        beside = [one.name for one in study.layers if study.book(one.name).kind == "kmeans"]
        more = f" The continuous numbers of {' and '.join(beside)} are not counted." if beside else ""
        note = f"fixed length: {rates[1]:.3f}"
        shown.append(Card("Bits per pixel", f"{rates[0]:.3f}", note, help_of("rate of a layer") + more))
        numbers |= {"bits_per_pixel": rates[0]}
    return Cards(shown), numbers


def yours(study: Study, layer: str, picture: Looked | None) -> list[Block]:
    """What a picture of one's own uses of the codebook."""
    if picture is None or picture.row is not None:
        return []
    codes, table = study.codes_of(picture, layer)[0], study.table(layer)
    used = np.unique(codes)
    share = table["share"].to_numpy()[used].sum()
    text = f"Your picture uses {len(used):,} of these codes; together they make up {share:.1%} of all tokens here."
    never = int((table["tokens"].to_numpy()[used] == 0).sum())
    return [Note(text + (f" {never:,} of them occur in none of these images." if never else ""))]
