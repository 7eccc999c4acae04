"""Terms of the steps of a VQ layer."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "vq layer": Term(
        "VQ layer",
        "Vector quantization: every vector that the encoder gives is replaced by the nearest of K vectors, the "
        "codebook. In the shapes n counts images (here one), h and w are the height and width of the grid, d is the "
        "length of a vector, and K the number of codes.",
        source="van den Oord et al. 2017, arXiv:1711.00937",
    ),
    "distance to a code": Term(
        "Distance",
        "The Euclidean distance ‖z − e‖ between the encoder's vector and a vector of the codebook: the root of the sum "
        "of squared differences of their numbers. Networks compare its square, which has the same order.",
    ),
    "margin of a code": Term(
        "Margin",
        "The distance to the second nearest code less that to the nearest. With a small one a slightly different image "
        "gets the other code in this cell.",
    ),
    "closer calls": Term(
        "Closer calls",
        "Cells of this image whose margin is smaller than that of the chosen one. None: this is the closest call of "
        "the image. Where cells and codes are very many, a sample of the cells is looked at.",
    ),
    "nearest codes of a vector": Term(
        "Nearest codes",
        "The codes whose vectors lie nearest to that of the chosen cell, each as the patch of all images that is "
        "nearest to it, grey for a code that occurs nowhere; below it the distance.",
    ),
    "gradient": Term(
        "Gradient",
        "How the loss changes when a number changes by a little; training moves numbers against it. Its length tells "
        "how much the loss cares. Here: of the decoder's input, the vector q of the chosen cell.",
    ),
    "straight-through copy": Term(
        "Straight-through copy",
        "Which code is nearest does not change when a vector changes by a little, so the true gradient of the "
        "encoder's vector is zero, and the encoder would learn nothing. In training the gradient at the decoder's "
        "input is copied to it: z + sg(q − z), where sg stops gradients. It is wrong by what is between z and q.",
        source="Bengio et al. 2013, arXiv:1308.3432; van den Oord et al. 2017, section 3.2",
    ),
    "cosine of gradients": Term(
        "Cosine",
        "Of the angle between the gradients at both ends of the copy: 1 is the same direction, 0 a right angle. None "
        "where one of them is zero.",
    ),
    "gradient of a codebook": Term(
        "At the codebook",
        "The gradient of the code's own vector, summed over all cells of the image that have it. Of a loss on images "
        "it is zero, because the copy leads around the codebook. Its vectors learn by the codebook loss, or as a "
        "moving average of the latents that choose them (EMA).",
    ),
    "quantizers": Term(
        "Quantizers",
        "Other ways from vectors to codes. Which one this layer has is read from its numbers: what its vectors are "
        "like, and how its layers follow from one another.",
    ),
    "loss of a gradient": Term(
        "Loss",
        "What the gradient is of. Mean squared and mean absolute error: of the decoded image, pixels from 0 to 1. "
        "Commitment: mean of (z − sg(e))², which keeps the encoder near its codes. Codebook: mean of (sg(z) − e)², "
        "which moves codes to the encoder. Mean lightness: of the decoded image, no loss of a training, to see what a "
        "cell has to do with it. Weights of the training are left out. Pixels that are cut off at black or white have "
        "no gradient.",
    ),
}
