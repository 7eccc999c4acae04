"""Every term once: what it is called, its unit, what it means, and where it comes from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """What a number or a chart means.

    Attributes:
        label: what it is called. help: what it means, for a reader who meets it for the first time.
        unit: of its values. source: a paper, or an equation.
    """

    label: str
    help: str
    unit: str = ""
    source: str = ""


TERMS: dict[str, Term] = {
    "code": Term("Code", "A number from a fixed list (the codebook) that stands for a small patch of an image."),
    "token": Term("Token", "One cell of the grid of an image with its code: an 8 × 8 grid has 64 tokens."),
    "used": Term(
        "Used codes",
        "Codes that stand in at least one cell of these images. Below it: what as many tokens drawn evenly from all "
        "codes would use, the most that can be expected of so few tokens.",
    ),
    "dead": Term("Dead codes", "Codes that never occur in these images. With few images a rare code can look dead."),
    "perplexity": Term(
        "Perplexity",
        "2 to the power of the entropy: as many equally frequent codes would be as varied. Its 95 % interval comes "
        "from drawing images anew (bootstrap), because tokens of one image are not independent. With few tokens the "
        "estimate is too small; the interval corrects for that, and may then lie above it.",
    ),
    "ceiling": Term(
        "Even use would reach",
        "The perplexity that as many tokens drawn evenly from all codes would reach: the most that is possible here.",
    ),
    "entropy": Term(
        "Entropy",
        "How many bits one code carries on average if only the frequencies are known. At most log₂ of the number of "
        "codes. Corrected (Miller–Madow): counts of a sample make the entropy look too small; this adds what is "
        "missing on average.",
        "bits",
        "Miller 1955",
    ),
    "tokens counted": Term("Tokens counted", "Cells counted: images times cells of an image."),
    "rate of a layer": Term(
        "Bits per pixel",
        "What this layer costs an image if codes are stored by their frequency (entropy), and with log₂ of the "
        "codebook's size for each token (fixed length).",
        "bits per pixel",
    ),
    "cover": Term("Cover", "How few codes, the most used ones first, make up this share of all tokens."),
    "cumulative share": Term(
        "Cumulative share",
        "How much of all tokens the most used codes cover. The dashed line is even use; the further above it, the "
        "fewer codes do most of the work.",
    ),
    "histogram of codes": Term(
        "Use of each code",
        "A bar for each code, in the colour that it has on the code maps. By rank shows how uneven the use is; by code "
        "shows where in the codebook the used ones lie. On the logarithmic axis rare codes can be seen. Click a bar to "
        "select its code.",
    ),
    "concept heat map": Term(
        "Use by concept",
        "For the images of each value of a concept: how much of their tokens each code makes up. The ratio compares "
        "that with all images: 1 is twice as common, -1 half as common. Click a column to select its code.",
    ),
    "information": Term(
        "A token tells",
        "Mutual information: how many bits the code of one random token tells about the concept of its image. The "
        "estimate is too high with many codes and few images; shuffled labels show by how much.",
        "bits",
    ),
    "chance": Term(
        "By chance",
        "The same number when the labels are shuffled among the images, mean of 100 shuffles, and the value that 97.5 "
        "% of them stay below. Only what lies above it says anything.",
        "bits",
    ),
    "line of codes": Term(
        "Map of the codebook",
        "A code of this layer is one number, so there is nothing to project: to the right is the number, upwards the "
        "share of all tokens that have the code. Hollow dots are dead codes. Point at a dot for its best patch, click "
        "it to select it.",
    ),
    "map of codes": Term(
        "Map of the codebook",
        "Each dot is a code, the area its tokens, the colour that of the code maps; hollow dots are dead codes. Point "
        "at a dot for its best patch, click it to select it.",
    ),
    "near-duplicates": Term(
        "Near-duplicate codes",
        "Pairs of codes closer than a tenth of the usual distance to the nearest code (the median). They say nearly "
        "the same, and one of the two could go.",
    ),
    "table of codes": Term(
        "All codes", "Click a column's head to sort, and the box at the left of a row to select its code."
    ),
    "code map": Term(
        "Code map",
        "Each cell of the grid is one latent vector, and its colour the code it was given. Codes with near vectors "
        "have near colours (the codebook's three main directions become lightness, blue to yellow, and green to red).",
    ),
    "tokens of a code": Term("Tokens", "How often the code stands in a cell, over all images of this split."),
    "share of a code": Term(
        "Share of tokens", "Tokens of this code over all tokens. Even use would give every code the same share."
    ),
    "rank": Term("Rank", "1 is the code with the most tokens."),
    "images with a code": Term("Images with it", "Images of this split that have the code in at least one cell."),
    "top patches": Term(
        "Top patches",
        "The patches of all images whose latents are nearest to the code's vector, one of an image at most, with what "
        "surrounds them; the patch is outlined. Below each stand the number of its image, and the distance between "
        "its latent and the code's vector. A click shows that image.",
    ),
    "neighbours of a code": Term(
        "Neighbours in the codebook",
        "The codes with the nearest vectors by Euclidean distance, each with its best patch. The colour of a code on "
        "the maps comes from the same vectors. A click shows that code.",
    ),
    "usual distance": Term(
        "Usual distance", "The median over the codebook of the distance to the nearest other vector."
    ),
    "images that have it": Term(
        "Images that have it", "Those with most cells of the code first; its cells are outlined. A click shows it."
    ),
    "put in or take out": Term(
        "Put in or take out",
        "What the decoder makes of it when cells of this image get another code; all other cells, and the layers "
        "before this one, stay.",
    ),
    "left out": Term(
        "Layers left out",
        "They would know what was there before, and hide the change. A layer that is left out is filled with its mean "
        "over training, in a VQ-VAE, or computed anew, in a MAE.",
    ),
    "replaced by": Term(
        "Replaced by",
        "The average latent is the mean of all code vectors, weighted by use: what is left when nothing is known of "
        "the cell. The nearest other code is the smallest possible change.",
    ),
    "difference": Term(
        "Difference", "Absolute change of each pixel, mean of red, green and blue, from 0 to 1. Dark is no change."
    ),
    "mean absolute change": Term(
        "Mean absolute change",
        "Of pixel values from 0 to 1, so 0.1 is 26 of 255 levels; in the pixels of the cells that change, and outside.",
    ),
    "a random code": Term(
        "A random code",
        "How much random other codes in the same place change the inside, and where 90 % of them lie. The yardstick: "
        "so much does any change of these cells show.",
    ),
}


# field of a config, or config.field where it means something else there -> its name in the words of the papers
LABELS: dict[str, str] = {
    "adversarial_from": "Discriminator starts after (share)",
    "backbone": "Encoder and decoder",
    "batch_size": "Batch size (images)",
    "beta": "Commitment weight (β)",
    "VAEConfig.beta": "Weight of the divergence (β)",
    "beta_warmup": "Warm-up of β (share)",
    "blocks": "Transformer blocks",
    "codes": "Codebook size (K)",
    "compile": "Compile the network",
    "decoder_blocks": "Blocks of the decoder",
    "decoder_dim": "Token length in the decoder",
    "decoder_heads": "Attention heads of the decoder",
    "dim": "Dimensions of a code (D)",
    "VAEConfig.dim": "Dimensions of the latent (D)",
    "MAEConfig.dim": "Dimensions of a token (D)",
    "downsample": "Pixels per code, each side",
    "VAEConfig.downsample": "Downsampling, each side",
    "fit": "Images that are not square",
    "free_bits": "Free nats per dimension",
    "frequent": "Codes that stay discrete (S)",
    "heads": "Attention heads",
    "hidden": "Channels",
    "image_size": "Image size (pixels)",
    "images": "Training images",
    "layer_dropout": "Layer dropout (share)",
    "learning_rate": "Learning rate",
    "levels": "Levels of codes",
    "loss": "Reconstruction loss",
    "mask_ratio": "Hidden patches (share)",
    "norm_pix_loss": "Normalise each patch",
    "patch": "Patch size (pixels)",
    "precision": "Precision",
    "quantizer": "Quantizer",
    "residual_blocks": "Blocks on each side",
    "residual_channels": "Channels in a residual block",
    "revive_below": "Revive codes used less than",
    "seed": "Random seed",
    "stages": "Codes per position",
    "steps": "Steps",
    "visible_weight": "Weight of visible patches",
    "weight_decay": "Weight decay",
    "width": "Width of the dense layers",
}


def help_of(term: str) -> str:
    """What a term means."""
    return TERMS[term].help


def label(config: type, field: dataclasses.Field) -> str:
    """The name of a config's field for people; a field without one is called as in the code."""
    own = field.name.replace("_", " ").capitalize()
    return LABELS.get(f"{config.__name__}.{field.name}") or LABELS.get(field.name, own)
