"""Terms of how well a search finds what is alike."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "which way": Term(
        "Which way to take",
        "Every way to search is tried on the same images: an image is searched for, all others are put in order, and "
        "what counts is how many of the first 10 have the same value of the concept, and how early they come. Copies "
        "of images are left out before, and an image never finds itself.",
    ),
    "map at k": Term(
        "mAP@10",
        "Mean average precision of the first 10 images. At every place where a relevant image stands, the share of "
        "relevant ones up to there; their mean, over as many as could be found (10, or all relevant ones where there "
        "are fewer), is the AP of one search, and mAP is the mean over searches. 1: the first 10 are all relevant; "
        "early hits count more than late ones. Images that are equally alike are taken in every order, so that nothing "
        "is won by how files are sorted. The interval (95 %) is of other images of the same kind: each is left out in "
        "turn, as one that is searched for and as one that is found.",
        "0 to 1",
        "Manning, Raghavan and Schütze, 2008, section 8.4; ties: McSherry and Najork, 2008; interval: Efron and Stein, "
        "1981",
    ),
    "precision at k": Term(
        "Precision@10",
        "The share of the first 10 images that have the same value, the mean over searches. Where a value has fewer "
        "than 10 other images, 1 cannot be reached.",
        "0 to 1",
    ),
    "macro average": Term(
        "Each value alike",
        "The mean of the values' own mAP, so that a rare value counts as much as a common one. Much lower than the "
        "mean over searches: rare values are found badly.",
        "0 to 1",
    ),
    "best of a checkpoint": Term(
        "Best way here",
        "The best of the checkpoint's codes and latents in any layer. The best of many looks better than it is on the "
        "searches that it was chosen by, so it is chosen on one half of them, and this is what it reaches on the "
        "other half.",
        "0 to 1",
    ),
    "needs no training": Term(
        "Best without training",
        "What codes must beat to be worth anything: raw pixels, a histogram of 64 colours, and the same network with "
        "fresh random weights, its latents and a codebook drawn from them. The best of them is chosen on one half of "
        "the searches, too, and scored on the other.",
        "0 to 1",
    ),
    "gain of a way": Term(
        "Difference",
        "The first minus the second on the same searches, with the interval of the difference. Where it holds 0, "
        "these searches do not tell which of the two is better.",
    ),
    "random order": Term(
        "A random order",
        "What an order that knows nothing reaches on average, computed exactly from how many images have each value. "
        "Codes of another image, which are the codes given to images at random, must come out the same.",
        "0 to 1",
    ),
    "ways by layers": Term(
        "Ways and layers",
        "mAP@10 of each way in each layer, coarse to fine. “all” puts the layers side by side, each counting as much "
        "as another. Of untrained: the same network with random weights, the mean of two.",
        "0 to 1",
    ),
    "concepts by ways": Term(
        "Which way for which concept",
        "mAP@10 of each way at its best layer, for every concept; the best of a row is bold. Of a quantity, such as a "
        "place or a lightness, images of the same fifth are relevant. Compare along a row: concepts with few values "
        "are easier to hit by chance.",
        "0 to 1",
    ),
}
