"""Terms of what happens when a code, a layer or a picture is changed."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "tokens that stay": Term(
        "Tokens that stay",
        "Share of the cells that keep their code when the picture is changed so little that a person would call it the "
        "same. A code that does not stay cannot stand for what has stayed.",
        "%",
    ),
    "unrelated picture": Term(
        "Unrelated picture",
        "The null: what another picture, changed likewise, shares at the same places. A few codes that stand "
        "everywhere make it large, and then much that stays says little.",
        "%",
    ),
    "swap": Term(
        "Swap",
        "All cells of a held-out image that have one code get another one, and the image is decoded. Codes are those "
        "whose presence marks a value best (average precision), chosen on other images; without concepts, those in "
        "most images. A code that is taken out becomes the code in use nearest to the mean of all.",
    ),
    "matched swaps": Term(
        "As far in the codebook",
        "The null: the same with codes whose vectors are as far from the replaced one (three of them, their mean). Any "
        "large change moves a picture; only what goes beyond these belongs to the code.",
    ),
    "turned": Term(
        "The probe turns",
        "Of the decoded pictures that the frozen probe gave the value of the replaced code, the share to which it "
        "gives the value of the other code afterwards; of a code taken out, any other value. Wilson's 95 % interval.",
        "%",
    ),
    "push": Term(
        "Push",
        "How far the frozen probe's score of the other value, less that of the code's own, rises by the swap, in "
        "standard deviations of having a value or not. It shows what is too little to turn the answer.",
        "standard deviations",
    ),
    "frozen probe": Term(
        "Frozen probe",
        "A linear reader (ridge regression on bags of codes) that is fitted once, on pictures decoded and read again, "
        "and never again: what it says of changed pictures is due to the change.",
    ),
    "footprint": Term(
        "Change inside the cell",
        "Share of the change of pixels that lies inside the pixels of the changed cells. A decoder that looks codes up "
        "reaches 100 %; one that mixes neighbours less.",
        "%",
    ),
    "radius of a change": Term(
        "Radius",
        "Distance from the changed cells within which 90 % of the change of pixels lies; 0 where it stays inside.",
        "px",
    ),
    "reencoded": Term(
        "Read again",
        "Share of the changed cells that the encoder reads as the code put there, from the decoded picture. Beside it: "
        "how many are read as their own code where nothing was changed. Few, where a code means something only among "
        "its neighbours.",
        "%",
    ),
    "recoloured": Term(
        "Without colour",
        "Balanced accuracy of a linear probe on bags of codes, fitted on ordinary pictures and asked of held-out ones: "
        "as they are, in grey, and with hues turned by 120° (red becomes green). A concept that falls to chance in "
        "grey is told by colour alone. A fall may also mean that the network never saw such pictures; the probe that "
        "is fitted on recoloured pictures tells what is still there for a reader who knows them.",
    ),
    "damaged layer": Term(
        "Damaged layer",
        "One layer is replaced while the others stay: by its mean, by that of another image, or by its own vectors at "
        "shuffled positions. What is lost is the intact value less the damaged one, of the same images.",
    ),
    "nested probes": Term(
        "Beyond the other layers",
        "Balanced accuracy of a probe on the codes of all layers less that of a probe on all but this one, on held-out "
        "images: what the layer tells of a concept that the others do not. Its 95 % interval is paired.",
    ),
    "concept lost": Term(
        "Concept lost",
        "A probe that was fitted on intact pictures, decoded and read again, is asked of the damaged ones: balanced "
        "accuracy before less after.",
    ),
    "palette": Term(
        "Codes to paint with",
        "*Of this image*: codes that stand in it, those with most cells first. *Near the chosen code*: by the distance "
        "of vectors in the codebook. *Of a concept*: codes that images with a value have more often than others "
        "(exact test by image, q < 0.05). *Search*: by number, or by a name that you gave a code.",
    ),
    "finer layers": Term(
        "Finer layers",
        "The decoder gets the codes of all layers. *Keep*: those finer than the painted layer stay as they are, "
        "and may hide what you paint. *Leave out*: their mean stands for them.",
    ),
    "copying cells": Term(
        "Copying cells",
        "Draw a rectangle on the other map: its cells become a stamp, which a click puts where you point.",
    ),
    "painted cells": Term("Painted cells", "Cells, of all layers, whose code is not the image's own any more."),
    "read back": Term(
        "Read back as painted",
        "The painted picture is sent through the encoder again. Counted are painted cells in which it finds the code "
        "that you painted; the others, marked with a cross, do not survive: to the encoder, that picture has other "
        "codes there.",
    ),
}
