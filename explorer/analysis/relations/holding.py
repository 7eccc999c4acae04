"""What is held back of what users looked at, so that methods can be asked for it: one product each, or new products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.analysis.relations import Events


@dataclass(frozen=True, eq=False)
class Held:
    """What is asked of methods.

    Attributes:
        known: what they may use. user, item: (p,) int64, what is held back, by user.
        among: (C,) products that are ranked, ascending.
    """

    known: Events
    user: np.ndarray
    item: np.ndarray
    among: np.ndarray

    @property
    def users(self) -> np.ndarray:
        """(q,) users who are asked about, ascending."""
        return np.unique(self.user)


def one_each(events: Events, most: int, seed: int = 0) -> Held:
    """Holds back the last product of a user, or any where there are no times, of at most `most` users.

    Users with a single product keep it. All products are ranked. Others' later looks stay known, as is common for
    leave-last-out: what is asked is whose taste is known, not what comes into fashion.
    """
    rng = np.random.default_rng([seed, 61])
    late = np.zeros(len(events)) if events.time is None else events.time
    order = np.lexsort((rng.random(len(events)), late, events.user))
    last = order[np.append(np.diff(events.user[order]) > 0, [True] * (len(order) > 0))]
    several = np.bincount(events.user, minlength=events.shape[0])[events.user[last]] > 1
    held = np.sort(last[several])
    held = np.sort(rng.permutation(held)[:most])
    held = held[np.argsort(events.user[held], kind="stable")]
    known = np.ones(len(events), bool)
    known[held] = False
    return Held(events.at(known), events.user[held], events.item[held], np.arange(events.shape[1]))


def new_products(events: Events, share: float, most: int, seed: int = 0) -> Held:
    """Holds back everything about a random `share` of the products, as if they had just come in.

    Of at most `most` users who looked at some of them, and at others; only new products are ranked.
    """
    rng = np.random.default_rng([seed, 67])
    products = events.shape[1]
    new = np.zeros(products, bool)
    new[rng.permutation(products)[: round(share * products)]] = True
    cold = new[events.item]
    known = events.at(~cold)
    asked = np.intersect1d(events.user[cold], known.user)
    asked = rng.permutation(asked)[:most]
    held = np.flatnonzero(cold & np.isin(events.user, asked))
    held = held[np.argsort(events.user[held], kind="stable")]
    return Held(known, events.user[held], events.item[held], np.flatnonzero(new))
