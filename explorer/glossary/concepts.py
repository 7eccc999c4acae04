"""Terms of what codes have to do with concepts."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "concept": Term(
        "Concept",
        "Anything known of each image: its class folder, a column of a table beside the images, a factor, a set of "
        "images that you gathered, or something computed from the pixels, such as lightness.",
    ),
    "classes of a code": Term(
        "Classes of its images",
        "Of the images that have the code, how many have each value of a concept; and how many times as common that is "
        "as among the images without the code, with a 95 % interval in which every image counts once, however many of "
        "its tokens have the code. Shown is the value that is most surely more common, where q < 0.05 (exact test; "
        "Benjamini and Hochberg over all values of all concepts of this code). Strong finds are a little flattered: "
        "they are the strongest of many. A code that all images have can stand out in nothing.",
        source="Katz et al., Obtaining confidence intervals for the risk ratio in cohort studies, 1978",
    ),
    "place of a code": Term(
        "Where it stands",
        "The share of the code's tokens in the third of the image, or the crossing of two thirds, that holds most more "
        "than its share of the cells; even spread would give just that share. The 95 % interval counts images, not "
        "tokens, and is widened for looking at all fifteen regions. The picture has the number of tokens in each cell, "
        "from dark (none) to light (most).",
        source="Wilson, 1927; effective number of images: Kish, Survey Sampling, 1965",
    ),
}
