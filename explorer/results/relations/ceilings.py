"""What the ranking that knows every taste finds of what was held back of simulated users; nothing expects more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from explorer.analysis.relations.holding import Held
    from explorer.datasets.interactions import Interactions
    from explorer.datasets.tastes import Crowd
    from explorer.results.relations.products import Whole

NUMBERS = 4_000_000  # probabilities at once


def crowd(material: Whole, found: Interactions) -> Crowd | None:
    """The users as they were simulated, of whom it is known who is who; None of people, and where that is not known."""
    from explorer.datasets import tastes
    from explorer.errors import BadInput
    from explorer.options import configure

    facts = found.simulated or {}
    if found.hashed or facts.get("version") != tastes.VERSION or not facts.get("taste_of"):
        return None
    images = material.subject.images
    table = images.concepts if len(images.concepts.columns) else material.table
    try:
        who = tastes.crowd(table, configure(tastes.Settings, facts["settings"]))
    except (BadInput, TypeError, KeyError):
        return None
    told = [facts["tastes"][at] for at in facts["taste_of"]]
    same = list(map(str, who.tastes)) == told and set(found.users) <= set(who.names)
    return who if same else None


def ceiling(who: Crowd, found: Interactions, held: Held, product: np.ndarray, k: int) -> dict[str, float]:
    """Means over users of hit rate, nDCG and MRR at k.

    Each product that is held back is drawn from what the user has not looked at, and of what else is held back of them
    from nothing: as `judging` ranks it. Exact for the last look; nearly so where products are new.

    Args:
        product: (N,) of each image. held: users by their place in `found.users`.
    """
    from explorer.datasets import tastes

    names = {name: place for place, name in enumerate(who.names)}
    place = np.array([names[name] for name in found.users])
    among = np.zeros(held.known.shape[1], bool)
    among[held.among] = True
    seen, size = held.known.seen(), max(1, NUMBERS // len(product))
    told: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(held.user), size):
        part = slice(start, start + size)
        users = held.user[part]
        likely = _of_products(who.probabilities(place[users]), product, held.known.shape[1])
        left_out = seen[users].toarray() > 0
        for row, (user, item) in enumerate(zip(users, held.item[part], strict=True)):
            own = held.item[np.searchsorted(held.user, user) : np.searchsorted(held.user, user, "right")]
            left_out[row, own[own != item]] = True
        for name, values in tastes.ceiling(likely, left_out, k, among).items():
            told.setdefault(name, []).append(values)
    pairs = np.bincount(held.user)
    weight = 1 / pairs[held.user] / len(held.users)
    return {name: float(np.concatenate(parts) @ weight) for name, parts in told.items()}


def _of_products(likely: np.ndarray, product: np.ndarray, products: int) -> np.ndarray:
    """(u, N) of images -> (u, P) of products: whoever looks at a copy looks at the product."""
    if products == len(product):
        return likely
    from scipy.sparse import csr_array

    of = csr_array((np.ones(len(product)), (np.arange(len(product)), product)), shape=(len(product), products))
    return np.asarray(likely @ of)


def told(material: Whole, found: Interactions, helds: list[Held], product: np.ndarray, k: int) -> list[Any]:
    """The ceiling of each of several things that were held back; None where it is not known."""
    who = crowd(material, found)
    return [None if who is None or not len(one.user) else ceiling(who, found, one, product, k) for one in helds]
