"""Terms of groups of codes."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "ways to group codes": Term(
        "Alike are codes that are",
        "Together: in the same images, and with the same other codes, more often than chance has it. Side by side: in "
        "neighbouring cells, more often than their usual places alone would bring. Near vectors: alike for the "
        "network, whatever the images. All three: the mean of these.",
        source="PMI: Church & Hanks 1990; normalized: Bouma 2009; rows of PPMI: Levy, Goldberg & Dagan 2015",
    ),
    "number of groups": Term(
        "How many groups",
        "Automatic: the most groups at which the agreement of two halves of the images, above shuffled ones, peaks "
        "nearly as high (nine tenths) as anywhere; by vectors alone the best silhouette. Fewer groups are coarser. The "
        "chart shows every number; click a point to have it.",
        source="Ben-Hur, Elisseeff & Guyon 2002",
    ),
    "codes left out": Term(
        "Codes in groups",
        "Dead codes stand nowhere; rare ones are in fewer than 5 images, too few to say what they come with. Of a very "
        "large codebook the 4,000 most used codes are grouped.",
    ),
    "halves agree": Term(
        "Halves agree",
        "Groups are found on two random halves of the images, which share none, and compared: 1 is the same groups, 0 "
        "what chance would give (adjusted mutual information). The least and the most of several halvings. Beside it: "
        "the same of images whose cells are shuffled, so that codes keep their usual places and share nothing else. "
        "Only what lies clearly above is there at all.",
        source="Vinh, Epps & Bailey 2010",
    ),
    "silhouette": Term(
        "Silhouette",
        "How much nearer a code is to its own group than to the next one, from -1 to 1. Near 0, groups run into one "
        "another, and where they are cut is a choice.",
        source="Rousseeuw 1987",
    ),
    "tree of groups": Term(
        "The groups",
        "Codes are joined two by two, the most alike first (Ward's method); cut at some height, the tree gives groups. "
        "Groups that join far to the right are nearly the same, those that join at the left have little in common. A "
        "row shows patches of a group's most used codes, its share of all tokens, and what it is tied to.",
        source="Ward 1963",
    ),
    "group of codes": Term(
        "Group of codes",
        "Codes that belong together. Its name is yours to give: it is kept for these codes, and is in every table.",
    ),
    "tied to": Term(
        "Tied to",
        "The value of a concept that is most surely more common in the images where the group has more cells than in "
        "the middle image. It is chosen on one half of the images; the numbers are of the other half. q is the share "
        "of false finds among all groups with this q or less.",
        source="Katz et al. 1978 for the ratio; Benjamini & Hochberg 1995",
    ),
    "groups hold concepts": Term(
        "Do groups hold concepts?",
        "Groups are made without any labels. What they still tell of each concept stands between what all codes tell "
        "and what random groups do, whose sizes and use are the same: groups that are no better than random ones have "
        "nothing to do with that concept.",
    ),
    "bag of codes, probed": Term(
        "Codes",
        "How well a simple reader (a linear probe) tells the concept from how often each code is in an image, on "
        "images that it was not fitted on: balanced accuracy, or R² of a number.",
    ),
    "bag of groups, probed": Term("Groups", "The same from how often each group is in an image."),
    "random groups": Term(
        "Random groups",
        "Groups of the same sizes, of codes that are about as often used, drawn at random: the mean of several.",
    ),
    "bits kept": Term(
        "Bits kept",
        "Of the bits that the code of one token tells of the concept, the share that its group still tells.",
    ),
    "groups in place of codes": Term(
        "Use the groups",
        "Groups can stand in for codes on every page: a code map by group, concept scores of groups, similar images by "
        "groups. The checkpoint in the sidebar is then the grouped one; choose the other one there to go back.",
    ),
}
