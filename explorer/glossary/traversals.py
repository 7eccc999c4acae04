"""Terms of latents that are moved, mixed, added and drawn at random."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "traverse": Term(
        "Move",
        "*Units*: one number of the latent after the other, to see what each stands for. *Image to image*: in equal "
        "steps from one image to another. *a − b + c*: latents are added and subtracted, as in: this image, less grey, "
        "plus blue. *Samples*: latents drawn at random.",
    ),
    "traversal": Term(
        "Latent traversal",
        "A unit is one of the numbers of a latent (on a grid: one channel). In each row one unit is moved and all "
        "others stay, so what changes along the row is what the decoder takes it for. The unit is moved by up to "
        "three standard deviations, which is about as far as it ever is in an image.",
        "standard deviations",
        "Higgins et al., β-VAE, 2017",
    ),
    "row of a unit": Term(
        "What stands above a row",
        "*KL*: how much the unit tells of an image. *Changes*: how far the pictures of the row differ from the one "
        "with nothing moved, mean over all pixels; 100 % would be black become white. *Here*: where the unit is in "
        "this image, in standard deviations from its mean over images. Then the known concept that goes with it most. "
        "A star marks a picture for which the unit is moved further than in any image.",
    ),
    "dead unit": Term(
        "Dead unit",
        "A unit whose posterior mean hardly depends on the image: its variance over images is 0.01 or less (Burda, "
        "Grosse and Salakhutdinov 2016). The encoder sends the prior there, and the decoder has learnt to ignore it. "
        "Without a posterior, a unit that never moves.",
        "",
        "Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders, 2016, section 5",
    ),
    "measured images": Term(
        "Measured on",
        "Images that the units are measured on: up to 5,000, and up to 256 where the latents are a grid, drawn at "
        "random from all that are open here.",
    ),
    "kl of a unit": Term(
        "KL of a unit",
        "How much the unit tells of an image: the Kullback-Leibler divergence of its posterior from the prior N(0, 1), "
        "mean over images, with a 95 % interval. 0 nats: nothing; 1 nat is 1.44 bits. On a grid it is summed over the "
        "cells.",
        "nats",
        "Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix B",
    ),
    "concept of a unit": Term(
        "Goes with",
        "The known concept that explains most of the unit's variance, chosen on half of the images and measured on the "
        "other half. Of a quantity Pearson's correlation r with its 95 % interval; of classes the share of the unit's "
        "variance that lies between them, less what chance would give (ε²).",
    ),
    "interpolation": Term(
        "Interpolation",
        "The latents of two images are mixed in equal steps, and each mixture is decoded. If latents hold properties "
        "of what is seen, things in between look like images: they move, turn and change colour. Mixing pixels instead "
        "fades one picture out and the other in.",
    ),
    "spherical path": Term(
        "Path",
        "*Straight*: each number in equal steps. *Around*: the direction turns and the length changes in equal steps "
        "(spherical interpolation). With many numbers, latents lie near a sphere, whose inside the decoder has never "
        "seen, and a straight way cuts through it. *What suits* goes around where a latent has at least 8 numbers and "
        "the deviation of the norms is at most a quarter of their mean.",
        "",
        "White, Sampling Generative Networks, 2016",
    ),
    "norm halfway": Term(
        "Norm halfway",
        "Length of the latent in the middle of the way, beside the lengths of latents of images. One that is shorter "
        "than nearly all lies where the decoder has seen little.",
    ),
    "latent arithmetic": Term(
        "Latent arithmetic",
        "Latents are added and subtracted like vectors of words: an image, less the mean of its class, plus the mean "
        "of another class. If a property is a direction, the result is the same image with the property changed.",
        "",
        "Radford, Metz and Chintala, 2016; Mikolov et al., 2013",
    ),
    "operand": Term(
        "Operand",
        "The image at the top of the page, another image by its number, or the mean latent of all images with a value "
        "of the concept.",
    ),
    "nearest to a sum": Term(
        "Nearest images",
        "Images whose latents are nearest to the result. The images of the sum themselves are left out: the nearest of "
        "all is nearly always a itself, which would look like success.",
    ),
    "analogy": Term(
        "Become",
        "Means are taken of half of the images. Each image of the other half with the first value is moved by the "
        "difference of the two means; the number is the share whose nearest other image then has the second value. "
        "Beside it the same before the move, and how common the value is anyway.",
        "%",
    ),
    "samples": Term(
        "Samples",
        "Random latents, decoded. What looks like the images tells that the decoder knows that part of the space. "
        "A decoder is trained on latents of images, all of which together (the aggregate posterior) are seldom as "
        "spread as the prior says.",
    ),
    "real samples": Term(
        "Images",
        "The yardstick: latents of images, held against those of other images, and what they decode to. No sample can "
        "be expected to do better.",
    ),
    "mixture samples": Term(
        "Mixture of Gaussians",
        "Gaussians that were fitted to latents of images, drawn by their weights: an estimate of where latents of "
        "images really lie.",
        "",
        "Ghosh et al., From Variational to Deterministic Autoencoders, 2020",
    ),
    "prior samples": Term(
        "Prior",
        "Independent standard normal numbers, the distribution that the latents of a VAE are trained towards.",
    ),
    "near real latents": Term(
        "Near real latents",
        "The share of samples that are at least as near to some real latent as its third nearest other real latent is "
        "(improved precision, here of latents). The same of real latents of other images is what a perfect sampler "
        "would get. They are held against images that the mixture was not fitted to. The interval counts the samples; "
        "other real latents would move all three by a few per cent. Units that are dead are left out.",
        "%",
        "Kynkäänniemi et al., 2019, equation 1",
    ),
    "mixture": Term(
        "Components",
        "Mixtures of 1 to 32 Gaussians are fitted to latents of half of the images, with full covariances where there "
        "are at least five latents for each dimension and component, and with diagonal ones. The one under which the "
        "latents of the other images are most likely is taken.",
        "nats",
    ),
}
