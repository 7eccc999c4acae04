"""Terms of what codes have to do with concepts."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "concept": Term(
        "Concept",
        "Anything known of each image: its class folder, a column of a table beside the images, a factor, a set of "
        "images that you gathered, or something computed from the pixels, such as lightness.",
    ),
}
