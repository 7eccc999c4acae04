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
}
