"""Terms of changes that are asked for."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "asking for a change": Term(
        "Ask for a change",
        "A search swaps one code after another, decodes the picture each time, and keeps the swap that raises a score "
        "most: how much a frozen probe finds the picture to be what you asked for, or how near it is to another "
        "image. It swaps each cell once at most, tries a short list of codes that such images have more often, and "
        "may miss better ones. You take or leave each swap.",
    ),
    "probability of the value": Term(
        "Probability",
        "What a linear probe says of the decoded picture after it has been read again by the encoder: the means of its "
        "latents go into a logistic regression that was fitted on other images of this set, also decoded and read "
        "again, and then frozen. Stated as if half of all images had the value. The search raises this number, so by "
        "itself a high one proves nothing; see the probe of pixels.",
        "%",
    ),
    "log-odds": Term(
        "Log-odds",
        "ln(p / (1 − p)) of a probability p: 0 at 50 %, −6.9 at 0.1 %, 6.9 at 99.9 %. What a swap adds to it does not "
        "depend on how near to 0 % or 100 % the picture was before.",
    ),
    "probe of pixels": Term(
        "Probe of pixels",
        "A second probe that sees pixels and colours of the decoded picture and no latents (16 × 16 pixels and a "
        "histogram of 64 colours). The search never asks it. Where it agrees, the picture itself has changed; where it "
        "does not, the search has found codes that please the first probe and not the eye.",
        "%",
    ),
    "random swaps": Term(
        "Random swaps",
        "The yardstick: 24 sets of as many swaps, each at a random cell to a random other code that is in use. Any "
        "change moves a picture; only what goes beyond these is due to the search. Range: the lowest and the highest "
        "of the sets.",
    ),
    "swap alone": Term(
        "Alone",
        "The score after this swap without any of the others. Those below another swap in the list were found with it "
        "in place, and may do little by themselves.",
    ),
    "nearness to an image": Term(
        "Nearness",
        "Peak signal-to-noise ratio of the decoded picture against the image that it should look like: −10 log₁₀ of "
        "the mean squared error of pixels in [0, 1]. Higher is nearer; 3 dB more is half the squared error.",
        "dB",
    ),
    "probe held out": Term(
        "Probe on held-out images",
        "Balanced accuracy of the probe that scores the search, on images that it was not fitted on (½ by chance), and "
        "its 95 % interval. A probe near ½ cannot tell the value, and then proposals that please it mean nothing.",
    ),
}
