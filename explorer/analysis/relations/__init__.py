"""Who looked at what, as arrays: copies of a product are one, and some rows may be held back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DAY = 86_400.0  # seconds


@dataclass(frozen=True, eq=False)
class Events:
    """What U users looked at, of N products; each user and product once.

    Attributes:
        user, item: (M,) int64. weight: (M,) float64, above 0. time: (M,) float64 seconds, or None.
        shape: (U, N).
    """

    user: np.ndarray
    item: np.ndarray
    weight: np.ndarray
    time: np.ndarray | None
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.user)

    def at(self, places: np.ndarray) -> Events:
        """Those at some places, (m,) integers or (M,) bool."""
        time = None if self.time is None else self.time[places]
        return replace(self, user=self.user[places], item=self.item[places], weight=self.weight[places], time=time)

    def seen(self) -> csr_array:
        """(U, N) sparse, 1 where a user looked at a product."""
        return self._matrix(np.ones(len(self)))

    def popularity(self) -> np.ndarray:
        """(N,) users who looked at each product."""
        return np.bincount(self.item, minlength=self.shape[1])

    def shares(self, half_life: float = 0) -> csr_array:
        """(U, N) sparse weights of what each user looked at, which sum to 1.

        Args:
            half_life: days after which a look counts half as much as the user's last one; 0 for never. Without times
                it changes nothing.
        """
        weight = self.weight
        if half_life and self.time is not None and len(self):
            last = np.full(self.shape[0], -np.inf)
            np.maximum.at(last, self.user, self.time)
            weight = weight * 0.5 ** ((last[self.user] - self.time) / (half_life * DAY))
        total = np.bincount(self.user, weight, self.shape[0])
        return self._matrix(weight / total[self.user])

    def _matrix(self, values: np.ndarray) -> csr_array:
        from scipy.sparse import csr_array

        return csr_array((values, (self.user, self.item)), shape=self.shape)


def merged(events: Events, product: np.ndarray) -> Events:
    """The same of products in place of images: (N,) the product of each image, from 0; copies are one.

    Weights are added, and the last time counts.
    """
    products = int(product.max(initial=-1)) + 1
    pairs, place = np.unique(events.user * products + product[events.item], return_inverse=True)
    place = place.reshape(-1)
    weight = np.bincount(place, events.weight, len(pairs))
    time = None
    if events.time is not None:
        time = np.full(len(pairs), -np.inf)
        np.maximum.at(time, place, events.time)
    return Events(pairs // max(products, 1), pairs % max(products, 1), weight, time, (events.shape[0], products))
