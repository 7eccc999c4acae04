"""Which concept each unit of a layer goes with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

FEWEST = 20  # images that a concept is measured on


def told(units: np.ndarray, table: Mapping[str, np.ndarray], seed: int = 0) -> list[dict[str, object] | None]:
    """Of each unit the concept that goes with it most, chosen on half of the images and measured on the others.

    Args:
        units: (N, D). table: {concept: (N,)}; floats are quantities (NaN: not known), others are values.

    Returns:
        For each unit {`concept`, `r`, `low`, `high`, `n`, `kind`}; None where too few images tell. Of a quantity `r` is
        Pearson's with Fisher's 95 % interval; of values it is the share of the unit's variance that lies between them
        (η², less what as many values would get by chance: ε², Kelley 1935), without an interval (None).
    """
    order = np.random.default_rng(seed).permutation(len(units))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    strengths = {name: [strength(units[half], np.asarray(of)[half]) for half in halves] for name, of in table.items()}
    found: list[dict[str, object] | None] = []
    for unit in range(units.shape[1]):
        best = max(strengths, key=lambda name: _explained(strengths[name][0][0][unit], table[name]), default=None)
        value, n = (0.0, 0) if best is None else (float(strengths[best][1][0][unit]), strengths[best][1][1])
        if n < FEWEST:
            found.append(None)
            continue
        quantity = np.asarray(table[best]).dtype.kind == "f"
        low = high = None
        if quantity and n > 3 and abs(value) < 1:
            low, high = (float(np.tanh(np.arctanh(value) + end * 1.96 / np.sqrt(n - 3))) for end in (-1, 1))
        found.append({"concept": best, "r": value, "low": low, "high": high, "n": n,
                      "kind": "quantity" if quantity else "values"})  # fmt: skip
    return found


def _explained(strength: float, of: np.ndarray) -> float:
    """Share of a unit's variance that a concept explains."""
    return float(strength) ** (2 if np.asarray(of).dtype.kind == "f" else 1)


def strength(units: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, int]:
    """Pearson's r (D,) with a quantity, or the share of variance that lies between values; and n."""
    if of.dtype.kind == "f":
        known = np.isfinite(of)
        if not known.any():
            return np.zeros(units.shape[1]), 0
        x, y = units[known].astype(np.float64), of[known].astype(np.float64)
        x, y = x - x.mean(0), y - y.mean()
        scale = np.sqrt((x**2).sum(0) * (y**2).sum())
        return np.divide((x * y[:, None]).sum(0), scale, out=np.zeros(x.shape[1]), where=scale > 0), len(y)
    known = np.array([value is not None and value == value for value in of], bool)
    if not known.any():
        return np.zeros(units.shape[1]), 0
    units = units[known].astype(np.float64)
    _, codes = np.unique(of[known].astype(str), return_inverse=True)
    x, counts = units - units.mean(0), np.bincount(codes).astype(np.float64)
    sums = np.stack([np.bincount(codes, weights=column, minlength=len(counts)) for column in x.T], 1)
    total, groups, n = (x**2).sum(0), len(counts), len(x)
    if n <= groups:
        return np.zeros(x.shape[1]), n
    inner = total - (sums**2 / counts[:, None]).sum(0)
    share = np.divide(inner / (n - groups), total / (n - 1), out=np.ones(x.shape[1]), where=total > 0)
    return np.clip(1 - share, 0, 1), n
