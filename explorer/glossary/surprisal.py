"""Terms of surprisal: how many bits a prior needs for a code, and what that says of an image or of a set."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "surprisal": Term(
        "Surprisal",
        "How unexpected a code is where it stands: −log2 of the probability that the prior gave it, having seen all "
        "codes before it, row by row from the top left. 0 bits: it was certain. 1 bit: a coin toss. Each bit more "
        "halves the probability. A cell can be surprising because the image is odd there, or because a new thing "
        "begins there, which no look at what stands before it can tell.",
        "bits",
        "Shannon 1948",
    ),
    "bits of an image": Term(
        "Bits per code of an image",
        "The surprisal of all its codes, divided by their number: what a perfect packer with this prior would need for "
        "each code. Fewer is better for the prior, and says that the image is usual. The interval is of the mean over "
        "images like these.",
        "bits per code",
    ),
    "class known": Term(
        "With and without its class",
        "This prior can be told the class of an image. Cells that cost fewer bits with it (blue) are those that tell "
        "the class; where knowing it makes a code more surprising (orange), the cell is not typical of its class.",
    ),
    "surprising images": Term(
        "Images that surprise most",
        "Of the whole set those with the most (or fewest) bits a code. Copies of one image are shown once. Bits are "
        "about codes: what the codebook cannot say, no prior is surprised by.",
    ),
    "surprising cells": Term(
        "Cells that surprise most",
        "Of the whole set the single most surprising cell of an image, one an image, outlined in its surroundings.",
    ),
    "predictable": Term(
        "How much is predictable",
        "Bits that a code still costs when more and more of its surroundings is known. Nothing known: log2 of the "
        "number of codes. Then how frequent each code is; how frequent at its place; the codes at the left and above, "
        "as counted in training images; all codes before it, as the prior has learned; and the class. Each is measured "
        "on images that the model was not fitted on, so it is never too low by chance, but may be too high where "
        "there were few training images. Counting pairs on the same images would make the neighbours look better "
        "than they are.",
        "bits per code",
    ),
    "share predictable": Term(
        "Predictable",
        "The share of bits that the prior saves over how frequent codes are. 0 %: the surroundings of a code tell "
        "nothing about it. 100 %: the whole map follows from them.",
        "%",
    ),
    "entropy of codes": Term(
        "Entropy of the codes",
        "What the frequencies of the codes of these very images leave, without a model that was fitted elsewhere. The "
        "entropy of counts is too low, the more so the fewer images; leaving out one image at a time tells by how "
        "much, and it is corrected for that (jackknife over images).",
        "bits",
        "Efron and Stein 1981; Zahl 1977",
    ),
    "surprisal of codes": Term(
        "Surprisal of each code",
        "Mean bits of a code over all places where it stands, against how often it occurs. On the line a code costs "
        "what its frequency alone would cost; below it, its surroundings foretell it; above it, it comes where it is "
        "not expected. Intervals count images, not cells. A code that few images have is marked as rare: its mean is "
        "mostly chance, and so is the end of any list that is sorted by it.",
        "bits",
    ),
    "surprisal of values": Term(
        "Surprisal of each value",
        "Mean bits a code of the images that have a value, with the 95 % interval over images. The bar is the mean of "
        "all images. Filled dots differ from the images with another value (Welch's t, q < 0.05 after Benjamini and "
        "Hochberg over all values of all concepts). More bits do not mean that a prior is bad at a value: a value "
        "whose images vary more costs more.",
        "bits per code",
    ),
    "unlike set": Term(
        "Another set of images",
        "Can the bits tell another set from this one? AUROC: how often a random image of the other set has more bits "
        "than one of this set. 1: always; 0.5: a coin toss; 0: always fewer bits, so that the prior finds the other "
        "set more likely than its own. Beside it stand scores that need no prior. The interval counts copies as one "
        "image. No class is told to the prior, since the other images have none.",
        source="DeLong et al. 1988; Obuchowski 1997",
    ),
    "simple scores": Term(
        "Scores without a prior",
        "PSNR: badly reconstructed images count as unusual. Compressed size: bytes of the picture as PNG, more count "
        "as unusual. Frequency: bits under how often each code occurs, whatever stands beside it. Where one of them "
        "does as well, the prior was not needed for this.",
    ),
    "corrected score": Term(
        "Less complexity",
        "Simple images cost any prior few bits, known or not. So their compressed size is taken off: bits − size of "
        "the picture as PNG in bits, as in the paper; and bits − size of the packed code map, which is what the "
        "prior's bits are about.",
        source="Serrà et al. 2020, arXiv:1909.11480; Nalisnick et al. 2019, arXiv:1810.09136",
    ),
}
