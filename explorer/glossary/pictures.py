"""Terms of what pixels say by themselves, of copies of images, and of other trainings."""

from __future__ import annotations

from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    "computed concepts": Term(
        "Computed concepts",
        "Lightness, hue, saturation, edges and background of each image, computed from its pixels. They come with "
        "every dataset; a code that tells a concept only as far as these do has found colour or light, not the "
        "concept.",
    ),
    "lightness": Term("Lightness", "Mean luma of the pixels: 0 is black, 1 white.", "0 to 1", "Rec. 709"),
    "saturation": Term(
        "Saturation",
        "Mean over pixels of the largest less the smallest of red, green and blue: 0 is grey, 1 a pure colour.",
        "0 to 1",
    ),
    "hue": Term(
        "Hue",
        "The named hue that most colour of an image is of, each pixel counting by its saturation; grey where the mean "
        "saturation is below 0.04.",
    ),
    "edges": Term(
        "Edges",
        "Share of pairs of neighbouring pixels whose lightness differs by more than a tenth; large images are reduced "
        "to 64 to 127 pixels first.",
        "share of pairs",
    ),
    "background share": Term(
        "Background share",
        "Share of pixels that look like the border of the image at an end of their row or column, so that a gradient "
        "counts as one background.",
        "share of pixels",
    ),
    "background lightness": Term("Background lightness", "Mean luma of the border of the image.", "0 to 1"),
    "background hue": Term("Background hue", "The named hue that most colour of the border is of, or grey."),
    "copies": Term(
        "Copies",
        "Judged images that are the same picture as a training image, or as another judged image. A probe that is "
        "fitted on a picture and scored on its copy looks better than it is, so copies are left out before anything is "
        "scored.",
        "images",
    ),
    "near copies": Term(
        "Near copies",
        "Exact: every pixel is the same. Near: saved anew as JPEG, a little lighter, resized, or moved by a pixel. "
        "Lightness, contrast and a small shift are made equal first; then no patch of 8 × 8 pixels may differ by more "
        "than 0.03 (RMS, of 1). Copies that were turned, mirrored or cropped are not found.",
        source="Lucas and Kanade, An iterative image registration technique, 1981",
    ),
    "mirrored copies": Term(
        "Mirror images",
        "What looks alike by chance: the same search with images mirrored left to right, which are no copies. What is "
        "symmetrical, or was mirrored on purpose, is found here, too.",
        "share of images",
    ),
    "stability": Term(
        "Stability over seeds",
        "Whether another training with the same config and another seed finds the same codes. Numbers of codes mean "
        "nothing; codes are matched by the tokens that they own. Seeds must differ, or both start alike: then "
        "agreement says little.",
        source="arXiv 2606.02061, for what a shared start does",
    ),
    "matched tokens": Term(
        "Tokens that keep their code",
        "Share of tokens, at the same place of the same image, whose two codes are partners. Partners are found on one "
        "half of the images and scored on the other. Permuted: each image beside the codes of another one.",
        "share of tokens",
        "Kuhn, The Hungarian method for the assignment problem, 1955",
    ),
    "matched iou": Term(
        "IoU of matched codes",
        "Of a code and its partner: tokens that both own over tokens that either owns; the mean over codes, 0 for one "
        "without a partner. 1 is the same codes. Rare codes count as much as frequent ones.",
        "0 to 1",
    ),
    "adjusted mutual information": Term(
        "Adjusted mutual information",
        "How much the code of one network tells of the code of the other, less what chance brings: 1 where one tells "
        "the other, about 0 for unrelated codes. It asks for no partners, so it also counts codes that were split or "
        "merged.",
        "at most 1",
        "Vinh, Epps and Bailey, Information theoretic measures for clusterings comparison, 2010",
    ),
    "matched codes": Term(
        "Codes with a partner",
        "Codes that share a token with their partner. By chance one or two have the number of their partner; many say "
        "that both trainings began with the same codebook.",
        "codes",
    ),
    "index of images": Term(
        "Index of images",
        "Of more than 50,000 images the similar ones are looked up, as in a book. For codes the index lists the images "
        "of each code, and the answer is the exact one. Vectors are sorted into clusters, of which a query visits a "
        "few (IVF-PQ), so that a near image can be missed: when the index is built, the ten nearest of 200 images are "
        "looked up and searched for among all, and clusters are added until 95 % are found; else all are looked at.",
        source="Jégou et al., Product Quantization for Nearest Neighbor Search, 2011",
    ),
    "copies of a result": Term(
        "Copies",
        "Images among those found that are the same picture: equal pixels, or pixels that agree once lightness, "
        "contrast and a shift of a pixel or two are made equal, as after saving as JPEG. They are one result, at the "
        "place of the first.",
    ),
}
