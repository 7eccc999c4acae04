"""Terms of what codes are built like: where they lie, how they combine, and what factors they separate."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "dissection": Term(
        "Overlap with the object (IoU)",
        "All cells that have a code, over all images, as an area of the pictures: what it shares with the object, over "
        "what either covers. 1 is exactly the object, 0 never on it. A code that few images have cannot be large here; "
        "how much of its own area is on the object tells more of it. Codes are chosen on some images, and scored on "
        "others.",
        "0 to 1",
        "Bau et al., Network Dissection, 2017",
    ),
    "codes of the object": Term(
        "Codes of the object together",
        "The set of codes whose cells, taken together, overlap most with the object on the images that codes are "
        "chosen on; its overlap on other images. A large one says that codes tell object from background.",
        "0 to 1",
    ),
    "share on the object": Term(
        "On the object", "How much of the area of a code's cells, or of these codes' cells, is on the object.", "%"
    ),
    "cover of the object": Term("Of the object covered", "How much of the object's area has these codes.", "%"),
    "null of dissection": Term(
        "Chance",
        "The same with the masks of other images (of the same value, where it is of a value): where objects usually "
        "are stays, where this one is does not. The bar reaches to the 97.5th percentile. q is the share of false "
        "finds among all that are listed with this q or less (Benjamini and Hochberg).",
    ),
    "overlap within": Term(
        "Overlap within its images",
        "The same overlap over the images that have the code alone: of a code that is rare and yet marks the object, "
        "the overlap over all images is small and this one large.",
        "0 to 1",
    ),
    "best value": Term(
        "Most with",
        "The value among whose images the code overlaps most with the object, of the images that codes are chosen on.",
    ),
    "dissection of values": Term(
        "The object of each value",
        "Among the images of a value alone: the code that overlaps most with their objects, chosen on other images of "
        "the value. A code for red would overlap much with red objects.",
        "0 to 1",
    ),
    "pairs of codes": Term(
        "Pairs that tell more",
        "Two codes at an offset, such as one right of the other, whose standing together anywhere in an image tells "
        "more of the concept than the presence of either code (the interval of its gain lies above 0), and more than "
        "by chance (q < 0.05). Codes that mean "
        "something only together are a language of parts; codes that mean the same alone are a list of wholes. Pairs "
        "are made of the 64 most used codes, the 20 that gain most are chosen on some images and scored on others.",
        "bits",
        "After interaction information, McGill 1954",
    ),
    "gain of a pair": Term(
        "Gain",
        "Bits that the presence of the pair tells, less what the better one of its codes tells; 95 % interval from "
        "drawing images with replacement (1.96 standard errors). Negative where a code alone does as well.",
        "bits",
    ),
    "null of pairs": Term(
        "Chance",
        "The bits of the pair where another image of the same value supplies its second code: what each code has to do "
        "with the concept and with the position stays, only that they stand together is broken. q is the share of "
        "false finds among all pairs of this concept and layer with this q or less (Benjamini and Hochberg).",
        "bits",
    ),
    "control of pairs": Term(
        "Found by chance",
        "How many of the same pairs are found where other images of the same value supply every second code, so that "
        "there is nothing to find.",
    ),
    "latents of codes": Term(
        "Latents",
        "Scores of factors ask for latents, one number or name each. Here: counts, how many cells have each of the 64 "
        "most used codes; positions, the code of each cell as a name (at most 36 cells, the 15 most used codes and one "
        "for the rest); vectors, the numbers of the mean vector of an image, where a layer is continuous.",
    ),
    "dependence of factors": Term(
        "Dependent factors",
        "These scores are made for factors that are independent of one another. Shown is the pair that is most "
        "dependent: Cramér's V less its bias (0 independent, 1 the same) and their mutual information over the "
        "smaller entropy. Where factors depend on one another, what is told of one may be told of the other.",
        "0 to 1",
        "Bergsma 2013",
    ),
    "MIG": Term(
        "MIG",
        "How many more bits the best latent of a factor tells than the second, over the factor's entropy; mean over "
        "factors. 1: one latent holds each factor and no other does. Codes that share the work score low.",
        "0 to 1",
        "Chen et al. 2018",
    ),
    "DCI D": Term(
        "DCI disentanglement",
        "How far each latent matters to one factor only, by the importances of a random forest that names the factor, "
        "fitted on some of the images. Refitting is too slow for an interval.",
        "0 to 1",
        "Eastwood and Williams 2018",
    ),
    "DCI C": Term(
        "DCI completeness",
        "How far each factor needs one latent only, by the same importances. No interval, as for D.",
        "0 to 1",
        "Eastwood and Williams 2018",
    ),
    "DCI I": Term(
        "DCI informativeness",
        "How often the forest names the value of a factor of other images than it was fitted on; mean over factors.",
        "0 to 1",
        "Eastwood and Williams 2018",
    ),
    "SAP": Term(
        "SAP",
        "How much better the best single latent tells a factor of other images than the second: accuracy of a linear "
        "SVM, R² of a line for numbers. Mean over factors. No interval, as for DCI.",
        "0 to 1",
        "Kumar et al. 2018",
    ),
    "FactorVAE": Term(
        "FactorVAE score",
        "Among images that share one value of a factor, one latent varies least: how often that latent says which "
        "factor it was, in other images than the rule was made on. By chance 1 over the number of factors, or a little "
        "more. Of nominal latents, varying is how often two images differ.",
        "0 to 1",
        "Kim and Mnih 2018",
    ),
    "modularity": Term(
        "Modularity",
        "How far each latent tells of one factor only, by squared bits; mean over latents.",
        "0 to 1",
        "Ridgeway and Mozer 2018",
    ),
    "InfoM": Term(
        "InfoM",
        "Modularity of InfoMEC, made for quantized latents: how much of what a latent tells (bits over the factor's "
        "entropy) is of one factor. Bits as counted, as in the paper: few images make it look a little lower.",
        "0 to 1",
        "Hsu et al. 2023",
    ),
    "InfoC": Term(
        "InfoC",
        "Compactness of InfoMEC: how much of what latents tell of a factor one latent tells.",
        "0 to 1",
        "Hsu et al. 2023",
    ),
    "InfoE": Term(
        "InfoE",
        "Explicitness of InfoMEC: how much less surprised a logistic regression is by a factor than a guess; here "
        "scored on other images than it was fitted on, so that it can be below 0.",
        "at most 1",
        "Hsu et al. 2023",
    ),
    "shuffled factors": Term(
        "Shuffled",
        "The same score where each image has the latents of another one: what knowing nothing of the factors gives. "
        "Scores of latents alone, such as modularity, are not 0 then, so read every score beside it.",
    ),
}
