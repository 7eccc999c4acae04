"""Terms of what samples of a prior are worth: copied or not, like images or not, of their class or not."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "copied samples": Term(
        "Is it copied?",
        "Each sample is held against every training image: how many of its codes stand in the same cells? The image "
        "that has most is its nearest. In a large set something is always near, so as many held-out images, which the "
        "prior cannot have copied, are asked the same, and so are maps whose codes were drawn for each cell apart.",
        "% of cells",
    ),
    "repeats half": Term(
        "Repeats half a training map",
        "Samples that have at least half of their codes in common with one training image, in the same cells. It says "
        "something only beside the same share of held-out images.",
        "% of samples",
    ),
    "nearer than held-out": Term(
        "Nearer than held-out",
        "Take a sample and a held-out image at random: how often is the sample nearer to its nearest training image? "
        "50 % if samples are as new as unseen images are, more if they are copied or plainer than images, less if they "
        "are unlike any.",
        "% of pairs",
        "Meehan, Chaudhuri and Dasgupta 2020; Mann and Whitney 1947",
    ),
    "precision of samples": Term(
        "Precision",
        "Do samples look like images? Each held-out image has a ball that reaches to its 5th nearest other one; the "
        "share of samples that lie in some ball. A single odd image has a wide ball, which flatters samples.",
        "0 to 1",
        "Kynkäänniemi et al. 2019, arXiv:1904.06991",
    ),
    "recall of samples": Term(
        "Recall",
        "Is every kind of image among the samples? Each sample has a ball that reaches to its 5th nearest other one; "
        "the share of held-out images that lie in some ball. Scattered samples have wide balls, so that recall can be "
        "high where all of them are bad: read it together with coverage.",
        "0 to 1",
        "Kynkäänniemi et al. 2019, arXiv:1904.06991",
    ),
    "density of samples": Term(
        "Density",
        "In how many balls of held-out images a sample lies, over 5: about 1 where samples are as dense as images. An "
        "odd image with a wide ball counts little. It may be above 1: samples that crowd where images are common.",
        source="Naeem et al. 2020, arXiv:2002.09797",
    ),
    "coverage of samples": Term(
        "Coverage",
        "The share of held-out images whose own ball, to their 5th nearest other one, holds a sample. Unlike recall it "
        "cannot be widened by scattered samples.",
        "0 to 1",
        "Naeem et al. 2020, arXiv:2002.09797",
    ),
    "frechet distance": Term(
        "Fréchet distance",
        "Distance of the mean and the covariance of samples from those of held-out images, in the space that is named; "
        "0 is the same. In the features of the Inception network it is the FID; here it is a number of its own, to be "
        "read beside that of real images, which is not 0 either, because there are only so many.",
        source="Heusel et al. 2017, arXiv:1706.08500",
    ),
    "what samples stand beside": Term(
        "What samples stand beside",
        "Other held-out or training images in the place of samples: the most that can be reached. Codes drawn by "
        "place: each cell gets a code that is common in that cell, whatever its neighbours have; and images whose "
        "codes were moved to other cells: what little a prior must do better.",
    ),
    "class read from samples": Term(
        "Class read from samples",
        "A probe, logistic regression on which codes there are and where, is fitted on real training images and reads "
        "the class of samples and of held-out images, which it has not seen either. Samples that are read better than "
        "held-out images are plainer than those. Decoded and encoded again: the same of the codes that the picture of "
        "a sample gets, since a picture is what one sees.",
        "% read as asked",
    ),
    "usage of samples": Term(
        "Usage of codes",
        "How far the usage of codes by samples is from that of all training images: Kullback–Leibler divergence, the "
        "bits a code that are lost if samples are coded as if they were training images. Corrected for the number of "
        "images, so that a value may be a little below 0; held-out images stand beside it.",
        "bits per code",
        "Kullback and Leibler 1951",
    ),
    "codes used unevenly": Term(
        "Codes used unevenly",
        "Codes that more, or fewer, samples have than held-out images, as far as that is not chance (false discovery "
        "rate below 5 %). Each image or sample counts once, however often it has the code.",
    ),
    "kept codes of samples": Term(
        "Codes kept",
        "A sample is decoded, and its picture is encoded again: the share of cells that have the same code as before. "
        "Of held-out maps it is how far the checkpoint agrees with itself; of samples less, where the decoder makes "
        "something of codes that never stood beside one another.",
        "% of cells",
    ),
}
