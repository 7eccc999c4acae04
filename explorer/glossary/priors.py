"""Terms of priors: what is learned about codes beside one another, and what is drawn from it."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "prior": Term(
        "Prior",
        "A network that learned which codes stand beside which. It goes through the grid row by row, and says for each "
        "cell how probable every code is, given the codes before it. Draw a code from that, go on to the next cell, "
        "and there is a code map that no image had; the decoder makes a picture of it. The checkpoint itself only "
        "learned what a code looks like.",
        source="van den Oord et al. 2017, arXiv:1711.00937, section 3.3",
    ),
    "class of a sample": Term(
        "Class",
        "The prior was trained with this column of the dataset beside the codes, so that one of its values can be "
        "asked for. “No class” leaves the choice to the prior.",
    ),
    "temperature": Term(
        "Temperature",
        "Logits are divided by it before a code is drawn. At 1 codes are drawn as probable as the prior finds them; "
        "below 1 likely codes are taken more often, so pictures are cleaner and more alike; above 1 rare codes are "
        "taken more often. At 0 the likeliest code is always taken, and all samples of a class are one.",
    ),
    "top-k": Term(
        "Top-k",
        "Only the k likeliest codes of each cell may be drawn; 0 allows all of them. Each "
        "improbable code is rare, but there are many of them, so now and then one is drawn; this cuts them off.",
        source="Fan et al. 2018, arXiv:1805.04833",
    ),
    "top-p": Term(
        "Top-p",
        "Of each cell, only the fewest codes that are drawn with a probability of p together may be drawn; 1 allows "
        "all. Where the prior is sure that is one code, where it is not there are many.",
        source="Holtzman et al. 2020, arXiv:1904.09751",
    ),
    "guidance": Term(
        "Guidance",
        "How much more the class counts than the prior learned: logits of no class + g × (logits of the class − logits "
        "of no class). 1 is the prior itself, more makes the class plainer and samples more alike, 0 ignores the "
        "class. It needs a prior that was trained with the class hidden from some images.",
        source="Ho and Salimans 2022, arXiv:2207.12598",
    ),
    "sample seed": Term(
        "Seed",
        "Another seed, other samples. The same seed draws the same ones; each sample has noise of its own, so that it "
        "does not matter how many are drawn at once.",
    ),
    "bits of a sample": Term(
        "Bits per code",
        "Minus the binary logarithm of the probability of the whole code map under the prior and its class, over the "
        "number of codes: how surprised the prior is. Samples at a temperature of 1 from a good prior are as "
        "surprising as held-out images. Fewer bits: they are plainer than real ones; more: the prior draws what it "
        "would not find in an image.",
        "bits per code",
    ),
    "nearest training image": Term(
        "Nearest training image",
        "By codes: the training image that has most of the same codes in the same cells. By pixels: the one with the "
        "least squared difference from the picture. Much the same picture is a sign that the prior copies; held-out "
        "images tell how near two images are anyway.",
    ),
    "completion": Term(
        "Completion",
        "Cells that are marked as missing are drawn anew from the prior, and all others keep their codes. The prior "
        "goes row by row and sees only what is before a cell; where kept cells come after missing ones, many drafts "
        "are drawn, and those are kept which make the kept cells probable.",
    ),
    "effective drafts": Term(
        "Effective drafts",
        "How many of the drafts count: (sum of weights)² / sum of squared weights. A draft weighs as much as the kept "
        "cells after it are probable. Near 1 a single draft was the only one that fitted, and more drafts may find "
        "better ones; where no kept cell comes after a missing one every draft counts.",
        source="Kong, Liu and Wong 1994",
    ),
    "cells as before": Term(
        "As in the image",
        "Of the cells that were drawn, how many got the code that the image has there. The likeliest code of the "
        "dataset at each place, whatever the image, is the yardstick. A completion may be good and share few codes: "
        "there are many ways to go on.",
        "%",
    ),
}
