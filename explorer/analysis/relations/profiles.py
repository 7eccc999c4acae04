"""What users like, as the mean of what they looked at: their profile, and what is like it, with the reasons.

A user's profile is the weighted mean of the rows (tf–idf bags of codes, or vectors) of what they looked at, held
against the mean of all images: what every image has is nobody's taste, and is no reason. A product fits by the product
of the two, so that each column of a bag adds its part, and the parts are the reasons.

Sources: Rocchio, Relevance feedback in information retrieval, 1971; Pazzani and Billsus, Content-based recommendation
systems, 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.lazy import cached_property

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from explorer.analysis.retrieval import Rows


@dataclass(frozen=True, eq=False)
class Profiles:
    """Profiles of U users over F columns, of N products.

    Attributes:
        rows: (U, F) float64, mean rows of what each looked at, dense or sparse; zeros for who looked at nothing.
        products: (N, F) float64 rows. mean: (F,) float64 mean of all products.
    """

    rows: Rows
    products: Rows
    mean: np.ndarray

    def scores(self, users: np.ndarray) -> np.ndarray:
        """(u, N) float64, how well each product fits users; 0 is what fits no better than the mean product."""
        tastes = self._dense(self.rows[users]) - self.mean
        tastes[self._empty[users]] = 0
        return np.asarray(self.products @ tastes.T, np.float64).T

    def fit(self, product: int) -> np.ndarray:
        """(U,) how well one product fits everybody: a column of `scores`."""
        row = self._dense(self.products[[product]])[0]
        return np.where(self._empty, 0.0, np.asarray(self.rows @ row, np.float64) - self.mean @ row)

    def parts(self, user: int, product: int) -> np.ndarray:
        """(F,) what each column adds to the score of a product; they sum to it."""
        return self.taste(user) * self._dense(self.products[[product]])[0]

    def taste(self, user: int) -> np.ndarray:
        """(F,) float64, the profile less the mean."""
        found = self._dense(self.rows[[user]])[0] - self.mean
        return np.zeros_like(found) if self._empty[user] else found

    def likeness(self, user: int) -> np.ndarray:
        """(U,) cosines of a user's taste with everybody's, in [-1, 1]; 0 of who has none."""
        own = self.taste(user)
        found = np.asarray(self.rows @ own, np.float64) - self.mean @ own
        lengths = self._lengths * np.linalg.norm(own)
        return np.where((lengths > 1e-9) & ~self._empty, found / np.where(lengths > 1e-9, lengths, 1), 0.0)

    def shared(self, user: int, other: int) -> np.ndarray:
        """(F,) what each column adds to the cosine of two users."""
        one, two = self.taste(user), self.taste(other)
        length = np.linalg.norm(one) * np.linalg.norm(two)
        return one * two / length if length > 1e-9 else np.zeros_like(one)

    @cached_property
    def _empty(self) -> np.ndarray:
        """(U,) who looked at nothing."""
        rows = self.rows
        return np.asarray(abs(rows).sum(1)).reshape(-1) == 0

    @cached_property
    def _lengths(self) -> np.ndarray:
        """(U,) length of each taste, (r - m)² = r² - 2 r m + m²."""
        squares = self.rows.multiply(self.rows) if hasattr(self.rows, "multiply") else self.rows * self.rows
        squares = np.asarray(squares.sum(1), np.float64).reshape(-1)
        return np.sqrt(np.maximum(squares - 2 * (self.rows @ self.mean) + self.mean @ self.mean, 0))

    @staticmethod
    def _dense(rows: Rows) -> np.ndarray:
        return np.array(rows.toarray() if hasattr(rows, "toarray") else rows, np.float64)


def profiles(shares: csr_array, products: Rows) -> Profiles:
    """Profiles of users by what they looked at: shares (U, N) that sum to 1, and rows (N, F) of the products.

    Columns are divided by √(v + v̄) of their variance v over products and the mean v̄ of all variances: a column that
    varies much would otherwise be all that is heard, and one that hardly varies all that is heard by a plain 1 / √v.
    """
    products = products.astype(np.float64)
    mean, variance = _moments(products)
    varied = variance > 1e-9 * variance.max(initial=0)
    scale = 1 / np.sqrt(variance + variance[varied].mean()) if varied.any() else np.ones(len(variance))
    if hasattr(products, "tocsr"):
        from scipy.sparse import csr_array, diags_array

        scaled = csr_array(products @ diags_array(scale))
        return Profiles(csr_array(shares @ scaled), scaled, mean * scale)
    return Profiles(np.asarray(shares @ (products * scale)), products * scale, mean * scale)


def _moments(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """(F,) mean and variance of the columns of rows (N, F)."""
    squares = rows.multiply(rows) if hasattr(rows, "multiply") else rows * rows
    mean, square = (np.asarray(one.mean(0)).reshape(-1) for one in (rows, squares))
    return mean, np.maximum(square - mean**2, 0)
