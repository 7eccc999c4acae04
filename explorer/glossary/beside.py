"""Terms of two checkpoints that stand side by side."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "linked code maps": Term(
        "One image, two code maps",
        "Each colour is a code, and near codes of one checkpoint look alike. Colours and numbers of the two have "
        "nothing to do with one another: code 5 of A is not code 5 of B. What can be compared is where a code stands, "
        "and what stands in the same place.",
    ),
    "codes on one place": Term(
        "On the same place",
        "Over all images: of the places where this checkpoint has the code, the share where the other one has that "
        "code, and how many times more that is than if the two had nothing to do with one another. A place is a cell "
        "of the finer grid; where the grids differ, the coarser cell that covers its middle counts. Both checkpoints "
        "can follow the same background: a large share says that codes agree, not why.",
        "%",
    ),
    "k-means codes": Term(
        "Codes of a continuous layer",
        "The layer has no codebook. So that it has a map, its latents are grouped into centres by k-means, and each "
        "cell shows the centre nearest to it.",
    ),
    "two maps": Term(
        "Two maps of the same images",
        "Each point is an image, at its place on the map of A and on that of B. A map may be turned, mirrored, shifted "
        "and scaled without saying anything else, so B's is first brought onto A's as well as it can be (Procrustes). "
        "What is left is the displacement. A map flattens many dimensions into two and may tear apart what is near: "
        "that a point moved is a reason to look, and no evidence. The neighbours it keeps in the latents are.",
        source="Gower 1975; Verboon and Heiser 1992",
    ),
    "displacement": Term(
        "Displacement",
        "How far a point of map B lies from the same image on map A, once B was turned, mirrored, shifted and scaled "
        "onto A. In spreads: 1 is the root mean square distance of A's points from their centre. By chance: the same "
        "where each image is given the place of another one.",
        "spreads",
        "Verboon and Heiser, Resistant orthogonal Procrustes analysis, 1992",
    ),
    "neighbours kept": Term(
        "Neighbours kept",
        "Of the 10 images nearest to an image in the latents of A (by cosine, averaged over the grid), how many are "
        "among the 10 nearest in B, too. Asked among the images on the map; fewer where there are fewer. It needs no "
        "map, so it is what counts. By chance means two checkpoints whose latents have nothing to do with one another.",
        "of 10",
    ),
    "chosen images": Term(
        "What the chosen share",
        "Values of concepts that are more frequent among the chosen images than among all others on the map. They were "
        "chosen by their place on a map of latents, so that they differ is no discovery; how they differ may be.",
    ),
}
