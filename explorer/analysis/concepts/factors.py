"""Whether latents keep known factors apart: scores of a matrix of bits or of importances, each by its paper.

Matrices are (L, F): latents × factors, as in the papers' tables. All scores are 1 at best; 0 or near it at worst.
"""

from __future__ import annotations

import numpy as np

from explorer.analysis.usage import entropy_bits

TINY = 1e-11  # as in disentanglement_lib, so that an empty row has an entropy


def mutual_information(levels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Plug-in bits that each latent tells of a factor: levels (n, L) nominal from 0, labels (n,) from 0 -> (L,)."""
    count, values = int(levels.max()) + 1, int(labels.max()) + 1
    index = (np.arange(levels.shape[1]) * count + levels) * values + labels[:, None]
    table = np.bincount(index.reshape(-1), minlength=levels.shape[1] * count * values)
    table = table.reshape(levels.shape[1], count, values)
    return entropy_bits(table.sum(1)) + entropy_bits(table.sum(2)) - entropy_bits(table.reshape(len(table), -1))


def gap(information: np.ndarray, entropies: np.ndarray) -> float:
    """MIG: bits of the best latent less those of the second, over the factor's entropy, mean over factors.

    Args:
        information: (L, F) bits. entropies: (F,) bits.

    Source: Chen et al., Isolating Sources of Disentanglement in Variational Autoencoders, 2018, eq. 6.
    """
    best = _top_two(information)
    return float(np.mean((best[0] - best[1]) / entropies))


def separated(scores: np.ndarray) -> float:
    """SAP: score of the best latent less that of the second, mean over factors; scores (L, F) of single latents.

    Source: Kumar et al., Variational Inference of Disentangled Latent Concepts from Unlabeled Observations, 2018, 3.
    """
    best = _top_two(scores)
    return float(np.mean(best[0] - best[1]))


def modularity(information: np.ndarray) -> float:
    """How far each latent tells of one factor only, mean over latents; 0 for one that tells of none.

    Source: Ridgeway and Mozer, Learning Deep Disentangled Embeddings with the F-Statistic Loss, 2018, eq. 2.
    """
    squared = np.square(np.asarray(information, np.float64))
    most = squared.max(1)
    rest = (squared.sum(1) - most) / np.where(most > 0, most * (squared.shape[1] - 1), 1)
    return float(np.where(most > 0, 1 - rest, 0).mean())


def disentanglement(importance: np.ndarray) -> float:
    """D of DCI: how far each latent matters to one factor only, weighted by how much it matters; (L, F) ≥ 0.

    Source: Eastwood and Williams, A Framework for the Quantitative Evaluation of Disentangled Representations, 2018.
    """
    return _sure(np.asarray(importance, np.float64))


def completeness(importance: np.ndarray) -> float:
    """C of DCI: how far each factor needs one latent only, weighted by how much they matter; (L, F) ≥ 0. As above."""
    return _sure(np.asarray(importance, np.float64).T)


def info_modularity(normalised: np.ndarray, active: np.ndarray) -> float:
    """InfoM: how much of what each active latent tells is of one factor; (L, F) bits over each factor's entropy.

    1 if of one only, 0 if of all alike.

    Source: Hsu et al., Disentanglement via Latent Quantization, 2023, section 5.
    """
    return _one_of(normalised[active])


def info_compactness(normalised: np.ndarray, active: np.ndarray) -> float:
    """InfoC: how much of what latents tell of each factor one latent tells, among active ones. As above."""
    return _one_of(normalised[active].T)


def fixed_votes(
    levels: np.ndarray, factors: np.ndarray, times: int, generator: np.random.Generator, *, nominal: bool,
    batch: int = 64,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Factor (times,) that was held in a batch of images, and the latent (times,) that then varied least.

    The spread is the variance over that of all images; of nominal latents it is Gini's: how often two differ.

    Args:
        levels: (n, L). factors: (n, F) from 0, -1 where unknown.

    Source: Kim and Mnih, Disentangling by Factorising, 2018, section 4 and appendix E for nominal latents.
    """
    spread = _gini if nominal else _variance
    whole = spread(levels[None])[0]
    varies = np.flatnonzero(whole > 0)
    held = generator.integers(0, factors.shape[1], times)
    lowest = np.zeros(times, np.int64)
    for turn, factor in enumerate(held):
        known = np.flatnonzero(factors[:, factor] >= 0)
        value = factors[generator.choice(known), factor]
        some = generator.choice(np.flatnonzero(factors[:, factor] == value), batch)
        if len(varies):
            lowest[turn] = varies[(spread(levels[None, some])[0, varies] / whole[varies]).argmin()]
    return held, lowest


def voted(fitted: tuple[np.ndarray, np.ndarray], scored: tuple[np.ndarray, np.ndarray], latents: int) -> float:
    """FactorVAE score: how often the latent that varies least names the factor that was held, by majority of `fitted`.

    Latents that never varied least on the batches that are fitted on name factor 0. As above.
    """
    table = np.zeros((latents, max(fitted[0].max(), scored[0].max()) + 1))
    np.add.at(table, (fitted[1], fitted[0]), 1)
    return float((table.argmax(1)[scored[1]] == scored[0]).mean())


def association(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """How dependent two factors are: Cramér's V less its bias, bits over the smaller entropy, and p of χ².

    Args:
        first, second: (n,) int from 0; images with a negative one are left out.

    Source: Bergsma, A bias-correction for Cramér's V and Tschuprow's T, 2013.
    """
    from scipy.stats import chi2_contingency

    known = (first >= 0) & (second >= 0)
    rows, columns = (np.unique(one[known], return_inverse=True)[1] for one in (first, second))
    if not known.any() or min(rows.max(), columns.max()) < 1:
        return 0.0, 0.0, 1.0
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1)
    statistic, p, freedom, _ = chi2_contingency(table, correction=False)
    count = len(rows)
    height, width = (side - (side - 1) ** 2 / max(count - 1, 1) for side in table.shape)
    excess = max(0.0, statistic / count - freedom / max(count - 1, 1))
    bits = mutual_information(rows[:, None], columns)[0]
    least = min(entropy_bits(table.sum(0)), entropy_bits(table.sum(1)))
    v = np.sqrt(excess / max(min(height, width) - 1, 1e-9))
    return float(min(v, 1.0)), float(bits / least), float(p)


def _top_two(table: np.ndarray) -> np.ndarray:
    """(2, F) largest and second largest of each column; the second of a single latent is 0."""
    ordered = np.sort(np.asarray(table, np.float64), axis=0)[::-1]
    return ordered[:2] if len(ordered) > 1 else np.stack([ordered[0], np.zeros(ordered.shape[1])])


def _sure(importance: np.ndarray) -> float:
    """1 less the entropy of each row over its most, weighted by the rows' sums; 0 where nothing matters."""
    if importance.shape[1] < 2 or importance.sum() == 0:
        return 0.0
    share = importance + TINY
    share /= share.sum(1, keepdims=True)
    certain = 1 + (share * np.log(share)).sum(1) / np.log(importance.shape[1])
    return float((certain * importance.sum(1)).sum() / importance.sum())


def _one_of(table: np.ndarray) -> float:
    """Largest entry of each row over its sum, mean over rows, so that 0 is even and 1 is one only."""
    if not len(table) or table.shape[1] < 2:
        return 0.0
    total = table.sum(1)
    share = np.where(total > 0, table.max(1) / np.where(total > 0, total, 1), 1 / table.shape[1])
    return float((share.mean() - 1 / table.shape[1]) / (1 - 1 / table.shape[1]))


def _variance(levels: np.ndarray) -> np.ndarray:
    return levels.var(1, ddof=1) if levels.shape[1] > 1 else np.zeros((len(levels), levels.shape[2]))


def _gini(levels: np.ndarray) -> np.ndarray:
    """(b, n, L) nominal -> (b, L) share of pairs of images whose levels differ."""
    count = levels.shape[1]
    same = sum(np.square((levels == one).sum(1) / count) for one in range(int(levels.max()) + 1))
    return 1 - same
