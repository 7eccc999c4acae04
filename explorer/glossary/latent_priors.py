"""Terms of priors of what has no codes."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "latent prior": Term(
        "Prior of latents",
        "A distribution to draw latents from, so that the decoder makes new pictures. A VAE is trained towards "
        "independent standard normal numbers, but latents of images, all together (the aggregate posterior), are "
        "spread otherwise. Distributions that are fitted to them afterwards, on training images, come nearer; encoder "
        "and decoder stay as they are.",
        source="Tomczak and Welling, VAE with a VampPrior, 2018, arXiv:1705.07120",
    ),
    "rate under a prior": Term(
        "Rate",
        "What the latent of an image costs under a prior: the Kullback-Leibler divergence of the image's posterior "
        "from it, mean over held-out images. With the error of the reconstruction it makes up the bound that a VAE is "
        "trained on, so each bit saved here raises the bound by one bit, with the same pictures. The interval is of "
        "images, the fitted prior being given.",
        "bits an image",
        "Hoffman and Johnson, ELBO surgery, 2016",
    ),
    "bits of latents": Term(
        "Bits a unit",
        "Minus log₂ of the density at latents of held-out images, over the number of units: less is better. It is "
        "a density, so it depends on the scale of latents and may be negative; differences do not.",
        "bits",
    ),
    "bits saved": Term(
        "Bits saved",
        "How many bits an image costs less under one prior than under another, by image, with the 95 % interval of "
        "the mean difference. It is narrower than the intervals of both, because images that are costly under one are "
        "costly under the other.",
        "bits an image",
    ),
    "standard prior": Term(
        "Standard normal", "Independent numbers with mean 0 and variance 1: what the latents were trained towards."
    ),
    "gaussian prior": Term(
        "One Gaussian",
        "A mean and a covariance of all units, fitted to latents of training images; of each unit by itself where "
        "there are fewer than five images for a unit.",
    ),
    "mixture prior": Term(
        "Mixture",
        "Several Gaussians with weights. How many, up to 32, and whether with full covariances, is what makes a fifth "
        "of the training images likeliest; the images it is judged on chose nothing.",
    ),
    "flow prior": Term(
        "Flow",
        "A small network that bends Gaussian noise, one number after another, until it is spread as latents are "
        "(masked autoregressive flow; of one or two units one of splines). Its training stops where a fifth of the "
        "training images is likeliest.",
        source="Papamakarios, Pavlakou and Murray 2017, arXiv:1705.07057",
    ),
    "active units": Term(
        "Active units",
        "Units whose posterior mean moves with the image: its variance over images is above 0.01. To all others the "
        "encoder sends the standard normal, which is the right prior there, so nothing is fitted to them and they "
        "count the same under every prior.",
        source="Burda, Grosse and Salakhutdinov 2016, arXiv:1509.00519, section 5",
    ),
    "beside codes": Term(
        "Beside the codes",
        "Some models put continuous numbers beside each code: a projected VQ-VAE one number that the code's vector is "
        "multiplied by, a frequency VQ-VAE what rare codes leave over. A prior over codes cannot draw them. Here they "
        "are a Gaussian given the code, fitted to training images; of a rare code it is drawn toward that of all.",
    ),
    "bits the code tells": Term(
        "The code tells",
        "How many bits fewer the numbers at a position cost given the code beside them than without it, on held-out "
        "images: an estimate of what code and numbers share, from below. The interval is of images.",
        "bits a position",
    ),
    "explained by code": Term(
        "Explained by the code",
        "Share of the variance of the numbers that is gone once each code's mean is taken off, on held-out images, "
        "with the 95 % interval of a jackknife over images. 100 %: the code determines them. 0 %: the mean is the same "
        "for every code. Below 0: the codes' means are worse than one mean for all. Of a projected VQ-VAE it is near 0 "
        "by construction: the vector of a code is the mean of its latents, whose projections on it average to 1.",
        "%",
    ),
    "parts put back": Term(
        "PSNR with what beside the codes",
        "Held-out images decoded from their own codes, with other numbers beside them: the *true* ones; the *mean* "
        "given the code; *drawn* given the code; *drawn apart* from the code; and *left out*, which is what the model "
        "puts there itself, its mean over training. A draw can never be nearer to the truth than the mean is.",
        "dB",
    ),
}
