"""Hidden pixels filled in without a network: what any model that fills in patches has to do better than."""

from __future__ import annotations

import numpy as np

GREY = 0.5  # where nothing is visible


def mean_colour(image: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Every hidden pixel gets the mean of the visible ones: (h, w, 3) in [0, 1], hidden (h, w) bool -> (h, w, 3)."""
    found = np.array(image, np.float32)
    found[hidden] = found[~hidden].mean(0) if not hidden.all() else GREY
    return found


def smooth(image: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Colours flow into the hidden pixels from the visible ones around: (h, w, 3), (h, w) bool -> (h, w, 3).

    Each hidden pixel is the mean of its four neighbours (harmonic inpainting, the discrete Laplace equation), those
    beyond the border of the image left out; solved exactly.

    Source: Chan and Shen, Mathematical models for local nontexture inpaintings, 2002.
    """
    if hidden.all() or not hidden.any():
        return mean_colour(image, hidden)
    from scipy import sparse
    from scipy.sparse.linalg import splu

    found = np.array(image, np.float32)
    number = np.full(hidden.shape, -1)
    number[hidden] = np.arange(hidden.sum())
    neighbours, known = np.zeros(hidden.sum()), np.zeros((hidden.sum(), 3))
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        for here, there in ((one, other), (other, one)):
            at, to, colours = number[here].reshape(-1), number[there].reshape(-1), found[there].reshape(-1, 3)
            np.add.at(neighbours, at[at >= 0], 1)
            inner, edge = (at >= 0) & (to >= 0), (at >= 0) & (to < 0)
            pairs.append((at[inner], to[inner]))
            np.add.at(known, at[edge], colours[edge])
    rows, columns = (np.concatenate(side) for side in zip(*pairs, strict=True))
    diagonal = np.arange(len(neighbours))
    values = np.r_[neighbours, -np.ones(len(rows))]
    matrix = sparse.csc_matrix((values, (np.r_[diagonal, rows], np.r_[diagonal, columns])))
    found[hidden] = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(known)
    return found


FILLS = {"mean colour": mean_colour, "smooth": smooth}
