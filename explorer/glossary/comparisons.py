"""Terms of two checkpoints on the same images."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "checkpoint b": Term(
        "Checkpoint B",
        "What the checkpoint of the sidebar (A) is compared with, on the same images; those that were trained on the "
        "same dataset come first. Or type a path.",
    ),
    "paired difference": Term(
        "Paired difference",
        "A minus B on the same images. The interval is of the difference: images that are hard for A are hard for B, "
        "too, so that the difference is known far better than either number, and two intervals that overlap say "
        "little. 95 %: Student's t over images; of perplexity and used codes, which belong to all images at once, "
        "the jackknife over groups of images. Training again would vary more than the interval says.",
    ),
    "images won": Term(
        "Images won",
        "Share of the images that A reconstructs better than B; ties count half. With Wilson's 95 % interval. Much "
        "more than half, and A is better nearly everywhere; about half with a large difference, and a few images "
        "decide.",
        "%",
        "Wilson, 1927",
    ),
    "ami of checkpoints": Term(
        "AMI of codes",
        "Adjusted mutual information of the two codes that stand at the same place of an image: 1 where the code of "
        "one checkpoint tells that of the other, about 0 for unrelated codes. Numbers of codes and how many there "
        "are do not matter. Where grids differ, each cell of the finer one goes with the cell that covers its "
        "centre. Chance: images shuffled between the two; what is left then is due to the place in the image alone.",
        "at most 1",
        "Vinh, Epps and Bailey, 2010",
    ),
    "cka": Term(
        "CKA of latents",
        "Whether images that are alike to one checkpoint are alike to the other: debiased linear CKA of the latents, "
        "the mean over the grid of each image. 1 for the same but for a turn and a scale, about 0 for unrelated "
        "ones. A few directions in which images differ most, such as brightness, can make it large; shared "
        "neighbours look at what is near.",
        "at most 1",
        "Kornblith et al., 2019; debiased after Song et al., 2012, and Nguyen et al., 2021",
    ),
    "shared neighbours": Term(
        "Shared neighbours",
        "Of the 10 images nearest to an image by cosine in the latents of A and of B, those that both have, over all "
        "that either has (Jaccard index), the mean over images: 1 for the same. Taken in the latents, not on a map, "
        "which moves neighbours by itself. Chance is about 5 over the number of images.",
        "0 to 1",
        "k-NN Jaccard similarity: Klabunde et al., 2023",
    ),
    "smaller size": Term(
        "At the smaller size",
        "The two take images of different sizes, and fine detail, which is hard, is in the larger image only: a "
        "decibel at 128 pixels is none at 64. So both decode the same images again, the larger reconstructions are "
        "reduced as the dataset's images are, and both are held against the smaller images.",
    ),
    "board": Term(
        "All checkpoints",
        "What each checkpoint scored on held-out images of its own dataset when training ended, with 95 % intervals. "
        "Only rows of the same dataset and image size compare; the column says which compare with A. Concepts "
        "captured are those of the verdicts on the Concepts page, where these are kept.",
    ),
    "verdicts of two": Term(
        "Concepts captured",
        "Of the concepts that both have verdicts on, how many the codes of some layer capture better than every "
        "null; see the Concepts page of each.",
        "concepts",
    ),
}
