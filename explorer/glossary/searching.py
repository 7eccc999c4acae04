"""Terms of searching by codes."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "similarity": Term(
        "Similarity",
        "The cosine of what the way makes of both images: 1 where that is the same, 0 where codes or colours have "
        "nothing in common. Latents and pixels are held against the mean of the set, so they can be opposite, −1. "
        "Numbers of two ways are not comparable.",
    ),
    "because of codes": Term(
        "Because of these codes",
        "The similarity of two bags of codes is a sum over the codes that both have: a code adds the more the rarer it "
        "is (tf–idf). The share of a code is its part of that sum; those with most of it are shown, and their cells "
        "marked on both pictures.",
        "",
        "Salton & Buckley 1988",
    ),
    "search by": Term(
        "Search by",
        "Bag of codes: the same codes, wherever they stand. Codes at places: the same codes in the same cells. Mean of "
        "z_q: the vectors of the codes, averaged. Mean of z_e: what the encoder says before it is quantized, averaged. "
        "Pixels and colours need no network: they are what a search by codes must beat. Another encoder: the mean "
        "latents of another checkpoint.",
    ),
    "what is searched for": Term(
        "Looked for",
        "The whole image; a part of it, whose codes alone count; one patch with what is around it, wherever that "
        "stands in other images; or codes that you name: “17, 203, -9” has 17 and 203, and not 9.",
    ),
    "near codes": Term(
        "Cells apart",
        "The codes that are asked for stand so near that one cell of each fits into a square of that many rows and "
        "columns more than one: no two are further apart, in rows or in columns.",
    ),
    "score of named codes": Term(
        "Score of named codes",
        "The cosine of the image's bag of codes with the codes that are asked for (tf–idf), times 1 − cells apart ÷ "
        "side of the grid where they are to stand near one another.",
    ),
    "score of a patch": Term(
        "Score of a patch",
        "Of the cells around the patch, the share that has the same code at the same distance in the other image; rare "
        "codes count more. The patch's own code has to be there.",
    ),
    "values in common": Term(
        "Values in common",
        "How many of the images that were found have the same value of a concept as the image that was asked about, "
        "and how many would by chance: the share of all others with that value.",
    ),
}
