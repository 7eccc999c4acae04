"""Terms of product ids."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "product id": Term(
        "Product id",
        "A short word made of codes, coarse to fine, such as 12-7-3: the first code sorts all images into a few large "
        "groups, each next code sorts within. A recommender that has learned to write such words can name a product "
        "it has never seen bought, because its neighbours' ids begin alike. Known as semantic ids.",
        "",
        "Rajput et al., TIGER, 2023, arXiv:2305.05065",
    ),
    "way of ids": Term(
        "How ids are made",
        "*Tree of k-means*: all images are sorted into groups, each group into smaller ones, and so on; any "
        "checkpoint can have one. *Coarse and fine grids*: one code of each grid of a network with several, such as "
        "VQ-VAE-2. *Residual codes*: each code stands for what those before it left over, as in a residual VQ.",
    ),
    "vector of ids": Term(
        "Made of",
        "What of an image the id is made of. *Its codes*: the vectors of its codes, averaged over the image, so that a "
        "codebook of which one code is used gives every image the same id. *Its latents*: what the encoder says before "
        "it is quantized, averaged; that can tell more than the codes keep.",
    ),
    "books of ids": Term(
        "Codebooks",
        "*The checkpoint's own*: nothing is fitted. They were learned for single cells; the mean of an image lies "
        "nearer to the middle than any cell, so that few of the codes may be used. *Fitted*: k-means of one half of "
        "the images; neighbours are then asked of the other half.",
    ),
    "levels of ids": Term("Levels", "How many codes an id has. More levels, finer groups, fewer images with one id."),
    "branches of ids": Term("Codes a level", "Into how many groups each group is sorted at the next level."),
    "distinct ids": Term(
        "Ids",
        "How many different ids there are, without the number that tells images with the same id apart. A recommender "
        "wants about as many as there are images, yet such that like images begin alike.",
        "ids",
    ),
    "collisions": Term(
        "Share their id",
        "Share of the images whose id another image has as well; those get a number more at the end, 0, 1, 2 …, so "
        "that each image has a name of its own. Even use: what the share would be if every code were as likely, by "
        "chance alone; far above it, the codes leave room unused.",
        "%",
        "Rajput et al., 2023, section 3.1",
    ),
    "largest id": Term(
        "Commonest id",
        "How many images have the id that most have. Ids are called collapsed where they hold less than a fifth of the "
        "bits that they could, or less than half while most images share one.",
    ),
    "bits of ids": Term(
        "Bits of an id",
        "Entropy of the whole id: how many yes-or-no questions it answers on average. At most as many as tell all "
        "images apart, log2 of their number, and no more than all its codes could hold.",
        "bits",
    ),
    "coverage of ids": Term("Codes used", "Codes of this level that occur, of all that there are.", "%"),
    "entropy of a level": Term(
        "Entropy of a level",
        "How evenly this level's codes are used, counted over images: log2 of the number of codes for even use, 0 "
        "where all images have the same one. In a tree the largest branch of each group is number 0, so that uneven "
        "branches show here.",
        "bits",
    ),
    "prefixes": Term("Prefixes", "How many different beginnings of ids there are up to and with this level."),
    "recall of ids": Term(
        "Recall@10",
        "Of the 10 images nearest to an image by its latents (cosine of their means, before quantization), how many "
        "are among the first 10 when all are sorted by how much of the id they share, the mean over images. Images "
        "that share as much stand in no order, so every order counts alike. 1: ids lose nothing. The interval is over "
        "the images asked. Latents are the checkpoint's own: it says how much of them the ids keep, not whether they "
        "are any good; concepts, below, say that.",
        "0 to 1",
    ),
    "ndcg of ids": Term(
        "nDCG@10",
        "The same, where a neighbour counts the more the further ahead it stands (1 / log2 of its place + 1), over "
        "what the best order would give; ties averaged.",
        "0 to 1",
        "Järvelin and Kekäläinen, 2002; McSherry and Najork, 2008",
    ),
    "baselines of ids": Term(
        "Beside",
        "Ids in the same way, with as many codes a level (256 at most), of what needs no training. *Pixels*: the image "
        "at 16 × 16. "
        "*Colours*: the share of each of 64 colours. *Untrained encoder*: the same network before it learned anything. "
        "*Random*: these very ids given to other images, so that groups are as large, and nothing is known.",
    ),
    "ami of ids": Term(
        "AMI of ids with a concept",
        "Whether the id up to this level tells a concept: adjusted mutual information, 1 where one tells the other, "
        "about 0 by chance, whatever number of groups there is. Groups that are finer than the values of a concept "
        "lower it, so it is highest at the level that is as fine as the concept. Numbers count as fifths.",
        "at most 1",
        "Vinh, Epps and Bailey, 2010",
    ),
    "tied concept": Term(
        "Goes with",
        "The value of a concept that the branch has most surely more of than the images above it: its share in the "
        "branch, and in all images, or below the first level in the branch that it is a part of. Taken by the lower "
        "end of the 95 % interval, so that a handful of images proves nothing; with many values and branches, a few "
        "will stand out by luck.",
        "%",
        "Wilson, 1927",
    ),
}
