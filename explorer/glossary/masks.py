"""Terms of hidden patches: what comes back, which masks hurt, and what attends to what."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "inside": Term(
        "Hidden patches",
        "PSNR of the hidden pixels alone: 10 · log₁₀(1 / mean squared error, MSE), pixel values from 0 to 1. This is "
        "what the model had to guess. Higher is better; 6 dB more halves a pixel's typical error.",
        "dB",
        "He et al., Masked autoencoders are scalable vision learners, 2022",
    ),
    "outside": Term(
        "Visible patches",
        "The same of the visible pixels: the model's own prediction there, before the original is pasted over it. Many "
        "masked autoencoders were never asked to get these right, so a low number is no fault; it says how much of a "
        "pasted picture the model could not have drawn itself.",
        "dB",
    ),
    "masked ssim": Term(
        "SSIM",
        "Structural similarity of the whole picture with the prediction pasted into the hidden patches; 1 is a perfect "
        "copy. Visible patches are copies, so it rises when fewer are hidden, whatever the model does: compare it with "
        "the baselines, which are pasted likewise.",
        "",
        "Wang et al. 2004, equation 13",
    ),
    "mean colour": Term(
        "Mean colour",
        "Baseline without a network: every hidden pixel gets the mean colour of the visible pixels of this image.",
    ),
    "smooth fill": Term(
        "Smooth fill",
        "Baseline without a network: colours flow from the visible pixels into the hidden ones, each of which is the "
        "mean of its four neighbours (harmonic inpainting). It is good at flat colour and draws no edge that it does "
        "not see; a model that fills in shapes does better.",
        "",
        "Chan and Shen, Mathematical models for local nontexture inpaintings, 2002",
    ),
    "worst mask": Term(
        "Masks that hurt most and least",
        "Beginning with nothing hidden, the patch that raises (lowers) the mean squared error of all hidden pixels "
        "most is hidden, too, again and again. Every hidden pixel counts the same, so masks of one size can be "
        "compared. On "
        "grids of more than 65 patches several are hidden in a step, and a random sample is tried. A greedy search: "
        "there may be worse masks and better ones.",
    ),
    "random masks": Term(
        "Random masks",
        "The yardstick: 20 random masks with as many hidden patches. Where the worst mask is far outside of their "
        "range, it matters which patches are hidden, not only how many.",
    ),
    "attention": Term(
        "Attention",
        "How much the patch that asks takes over from each visible patch in one head of one block; with the class "
        "token the weights add up to 100 %. Hidden patches are not there for the encoder, and get none. Attention says "
        "where a head looks, not what it does with what it finds there.",
        "%",
    ),
    "attention of the decoder": Term(
        "Attention of the decoder",
        "The encoder sees the visible patches alone. In the decoder every patch is there: hidden ones as empty tokens "
        "that know their place, and a hidden patch that asks shows from where it is filled in.",
        "%",
    ),
    "class token": Term(
        "Class token",
        "A token without a place in the image, which attends and is attended to like a patch.",
    ),
    "attention entropy": Term(
        "Entropy",
        "How widely the weights are spread, in bits: 0 where all goes to one token; the most is where all tokens get "
        "the same. Of the patch that asks.",
        "bits",
    ),
    "attention distance": Term(
        "Distance",
        "Mean attention distance: how far away the patches are that are attended to, centre to centre, weighted by "
        "attention, the class token left out. The line for even weights is what a head would have that attends to all "
        "visible patches alike. First blocks often have near and far heads, last ones mostly far ones.",
        "patches",
        "Dosovitskiy et al., An image is worth 16 × 16 words, 2021, figure 7",
    ),
}
