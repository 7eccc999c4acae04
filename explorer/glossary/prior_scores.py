"""Terms of how good a prior is."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "bits of a prior": Term(
        "Bits per code",
        "What a code of a held-out image costs on average, where it is written as short as the prior allows: minus the "
        "binary logarithm of the probability that the prior gave it. The fewer, the more of the map the prior foresaw. "
        "Training has seen none of these images; the interval is over images.",
        "bits per code",
        "Shannon 1948",
    ),
    "training bits": Term(
        "On training images",
        "The same of as many images that the prior was trained on. Much fewer bits than on held-out images: it knows "
        "those images by heart, and its samples may be copies of them.",
        "bits per code",
    ),
    "uniform": Term(
        "Uniform",
        "What a code costs where nothing is known: log2 K, for K codes. A prior that costs more is "
        "surer than it should be.",
        "bits per code",
    ),
    "unigram": Term(
        "Unigram",
        "What a code costs where only the frequency of each code in training images is known, with half a token added "
        "to each, so that a code that was never seen is not impossible.",
        "bits per code",
    ),
    "bigram": Term(
        "Bigram",
        "What a code costs where the codes at the left and above are known, too, by counting in training images how "
        "often each code follows which. Pairs that are rare count less (weights by expectation–maximisation). What a "
        "prior saves against it is what it learned beyond its next neighbours.",
        "bits per code",
        "Jelinek and Mercer 1980",
    ),
    "codes of an image": Term(
        "Bits of an image",
        "All codes of an image together, beside their number × log2 K: what a file of fixed length would take.",
        "bits",
    ),
    "causal": Term(
        "Causal",
        "Whether the prior predicts each code without seeing it. Codes of real images are changed, one at a time: no "
        "prediction at that place or before it may change. One that sees what it is to predict has too few bits, and "
        "draws nonsense.",
    ),
    "told by the class": Term(
        "Told by the class",
        "Bits of an image that are saved where the prior knows its class, beside having none. The class itself takes "
        "its entropy, and a perfect prior cannot save more. One that saves more is worse without a class than it could "
        "be: it saw few images without one, so this is no amount of information.",
        "bits per image",
    ),
    "wrong class": Term(
        "With another class",
        "The same images with a class that is not theirs, drawn at random. Where that costs no more, the prior does "
        "not listen to the class, and samples of a class are samples of any.",
        "bits per code",
    ),
    "kept weights": Term(
        "Weights of step",
        "A tenth of the training images, chosen by their codes, is not trained on. The weights with the fewest bits on "
        "those are kept, since a prior of few images soon learns them by heart. Held-out images have no say in it.",
    ),
}
