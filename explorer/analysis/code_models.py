"""What codes cost without a network: bits under models that count, as baselines of a learned prior.

uniform: log2 K. unigram: how often each code occurs, with half a token added to each. bigram: given the left and the
upper neighbour, interpolated from counts with less and less context (Jelinek and Mercer 1980; the weights by EM on
images that the counts do not come from, apart for contexts that were seen often and seldom).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST = 2**22  # codes that are counted at most: beyond, images are drawn at random
ASIDE = 10  # one image in so many says what the weights are
ROUNDS = 60  # of EM at most
SEEN = (1, 2, 4, 8, 16, 64)  # how often a context was seen: where the weights change
BUCKETS = 4 * (len(SEEN) + 1)
FEW = (0.05, 0.05, 0.05, 0.8, 0.05)  # weights where there are too few images to learn them from


def uniform(codes: int) -> float:
    """log2 K, bits."""
    return float(np.log2(codes))


def unigram(train: np.ndarray, held_out: np.ndarray, codes: int) -> np.ndarray:
    """Bits of all codes of each held-out image, (M,), by how often each code occurs in training.

    Args:
        train, held_out: (N, H, W), (M, H, W) integers below `codes`.
    """
    train = _drawn(train)
    return -np.log2(_shares(train, codes)[held_out]).sum((1, 2))


def bigram(train: np.ndarray, held_out: np.ndarray, codes: int, seed: int = 0) -> np.ndarray:
    """Bits of all codes of each held-out image, (M,), given the codes at the left and above.

    p(c | left, up) = w1 f(c | left, up) + w2 f(c | left) + w3 f(c | up) + w4 p(c) + w5 / K, in which f are shares of
    counts, p is that of `unigram`, and beyond the border stands a code of its own. The counts are sparse: memory grows
    with the codes that are counted and not with K.

    Args:
        train, held_out: (N, H, W), (M, H, W) integers below `codes`. seed: which images the weights come from.
    """
    train = _drawn(train, seed)
    order = np.random.default_rng([seed, 3]).permutation(len(train))
    aside = order[: len(train) // ASIDE]
    weights = np.tile(FEW, (BUCKETS, 1))
    if len(aside):
        weights = _weights(*_Counts.of(np.delete(train, aside, 0), codes).shares(train[aside]))
    parts, bucket = _Counts.of(train, codes).shares(held_out)
    return -np.log2((weights[bucket] * parts).sum(1)).reshape(len(held_out), -1).sum(1)


def _drawn(train: np.ndarray, seed: int = 0) -> np.ndarray:
    """As many training images as have MOST codes."""
    most = max(1, MOST // max(1, train[0].size))
    return train if len(train) <= most else train[np.random.default_rng([seed, 2]).permutation(len(train))[:most]]


def _shares(train: np.ndarray, codes: int) -> np.ndarray:
    counts = np.bincount(train.reshape(-1).astype(np.int64), minlength=codes) + 0.5
    return counts / counts.sum()


@dataclass(frozen=True)
class _Counts:
    """How often each context was seen, alone and with each code, as sorted keys; `unigram` (K,) are shares."""

    codes: int
    unigram: np.ndarray
    contexts: tuple[_Table, _Table, _Table]  # left and up, left, up
    pairs: tuple[_Table, _Table, _Table]  # the same with the code itself

    @classmethod
    def of(cls, train: np.ndarray, codes: int) -> _Counts:
        own, contexts = _flat(train, codes)
        return cls(
            codes,
            _shares(train, codes),
            tuple(_Table.of(context) for context in contexts),
            tuple(_Table.of(context * codes + own) for context in contexts),
        )

    def shares(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each code of `images` (M,): what each model gives it, (M, 5), and how often its context was seen."""
        own, contexts = _flat(images, self.codes)
        seen = [table.counts_of(context) for table, context in zip(self.contexts, contexts, strict=True)]
        with_own = [
            table.counts_of(context * self.codes + own) for table, context in zip(self.pairs, contexts, strict=True)
        ]
        own_share = self.unigram[own]
        parts = [
            np.where(count > 0, pair / np.maximum(count, 1), own_share)  # what was never seen says no more
            for pair, count in zip(with_own, seen, strict=True)
        ]
        parts += [own_share, np.full(len(own), 1 / self.codes)]
        bucket = np.digitize(seen[0], SEEN) * 4 + (seen[1] > 0) * 2 + (seen[2] > 0)
        return np.stack(parts, 1), bucket


@dataclass(frozen=True)
class _Table:
    """Sorted keys and how often each occurs."""

    keys: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> _Table:
        return cls(*np.unique(values, return_counts=True))

    def counts_of(self, values: np.ndarray) -> np.ndarray:
        """(M,) how often each of `values` occurs."""
        if not len(self.keys):
            return np.zeros(len(values), np.int64)
        at = np.minimum(np.searchsorted(self.keys, values), len(self.keys) - 1)
        return np.where(self.keys[at] == values, self.counts[at], 0)


def _flat(images: np.ndarray, codes: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The codes (M,), and as one number each: (left, up), left, up, (M,); beyond the border is the code K."""
    framed = np.pad(images.astype(np.int64), ((0, 0), (1, 0), (1, 0)), constant_values=codes)
    left, up = framed[:, 1:, :-1].reshape(-1), framed[:, :-1, 1:].reshape(-1)
    return framed[:, 1:, 1:].reshape(-1), (left * (codes + 1) + up, left, up)


def _weights(parts: np.ndarray, bucket: np.ndarray) -> np.ndarray:
    """Weights (BUCKETS, 5) that make `parts` (M, 5) likeliest; a bucket with few codes has nearly those of all."""
    everywhere = _fitted(parts, np.full(parts.shape[1], 1 / parts.shape[1]))
    found = np.tile(everywhere, (BUCKETS, 1))
    for one in np.unique(bucket):
        found[one] = _fitted(parts[bucket == one], everywhere)
    return found


def _fitted(parts: np.ndarray, before: np.ndarray) -> np.ndarray:
    """EM for the weights (5,) of a mixture whose parts are given; `before` counts as much as one more code."""
    weights = before
    for _ in range(ROUNDS):
        share = weights * parts
        share /= share.sum(1, keepdims=True)
        last, weights = weights, (share.sum(0) + before) / (len(parts) + 1)
        if np.abs(weights - last).max() < 1e-5:
            break
    return weights
