"""Every method asked for what was held back of every user, and for new products."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.relations import Events, choosing, holding, judging, merged
from explorer.results.relations import ceilings, ways
from explorer.results.retrieval.ways import untrained

if TYPE_CHECKING:
    from explorer.analysis.relations.choosing import Between
    from explorer.analysis.relations.judging import Judged
    from explorer.datasets.interactions import Interactions
    from explorer.results.relations import Options
    from explorer.results.relations.products import Whole

MOST, FEWEST, WORK = 2_000, 200, 2e8  # users who are asked; and users times products, which are ranked
NEW = 0.2  # share of the products that are new
NOBODY = "No user looked at two different products, so nothing can be held back."
NO_NEW = "No user looked at new products and at others, so nothing can be said of new ones."
FEWER = "{most:,} users of {several:,} are asked, a random sample, since all products are ranked for each."
LARGE = "Untrained networks are left out: there are more than {most:,} images."


def judge(
    material: Whole, found: Interactions, options: Options, products: tuple[np.ndarray, np.ndarray]
) -> dict[str, Any]:
    """Methods and their scores, as the result has them; `products` as `products.products` tells them."""
    product, first = products
    looked = Events(found.user, found.item, found.weight, found.time, (len(found.users), len(product)))
    events = merged(looked, product)
    most = int(np.clip(WORK // max(len(first), 1), FEWEST, MOST))
    held = holding.one_each(events, most)
    cold = holding.new_products(events, NEW, most)
    asked, several = [one for one in (held, cold) if len(one.user)], _several(events)
    told: dict[int, list[tuple[ways.Method, Judged]]] = {id(one): [] for one in asked}
    for method, seeds in ways.methods(material, first, options.half_life, untrained) if asked else ():
        for one in asked:
            judged = [judging.judge(make(one), one, options.k) for make in seeds]
            told[id(one)].append((method, _mean(judged)))
    best = ceilings.told(material, found, [held, cold], product, options.k)
    notes = [*found.notes, *([FEWER.format(most=most, several=several)] if several > most else [])]
    if len(product) > ways.UNTRAINED and material.model is not None:
        notes.append(LARGE.format(most=ways.UNTRAINED))
    main = _told(told.get(id(held), []))
    new = _told(told.get(id(cold), []))
    return {
        "users": len(found.users), "items": len(np.unique(events.item)), "rows": len(events),
        "images": len(product), "products": len(first), "simulated": found.simulated is not None,
        "held": "any" if found.time is None else "last", "judged": len(held.users),
        "alone": len(found.users) - several, "notes": [*notes, *([] if len(held.user) else [NOBODY])],
        **main, "ceiling": best[0], "cold": new.pop("methods"),
        "cold_start": {"missing": NO_NEW} if not len(cold.user) else {
            "share": NEW, "products": len(cold.among), "judged": len(cold.users), "held": len(cold.user), **new,
            "ceiling": best[1],
        },
    }  # fmt: skip


def _several(events: Events) -> int:
    """Users with two products or more."""
    return int((np.bincount(events.user, minlength=events.shape[0]) > 1).sum())


def _mean(judged: list[Judged]) -> Judged:
    """That of several seeds."""
    return judging.Judged(
        np.mean([one.found for one in judged], 0),
        *(float(np.mean([getattr(one, name) for one in judged])) for name in ("coverage", "popularity", "gini")),
    )


def _told(found: list[tuple[ways.Method, Judged]]) -> dict[str, Any]:
    """Methods with intervals over users, the best first, and the best of codes beside the best of what is not."""
    if not found:
        return {"methods": [], "best_baseline": None, "best": None}
    hits = np.stack([judged.found[0] for _, judged in found])
    kinds = [method.kind for method, _ in found]
    own = [at for at, kind in enumerate(kinds) if kind == "codes"]
    plain = [at for at, kind in enumerate(kinds) if kind != "codes"]
    beside = max(plain, key=lambda at: hits[at].mean())
    chosen = choosing.choose(hits, own, plain)
    over = choosing.between(hits - hits[beside])
    each = [choosing.between(np.stack([judged.found[at] for _, judged in found])) for at in range(3)]
    rows = [
        _row(method, judged, [one[at] for one in each], None if at == beside else over[at])
        for at, (method, judged) in enumerate(found)
    ]
    best = None if chosen is None else {
        "method": found[chosen.way][0].name, "baseline": found[chosen.baseline][0].name, "users": chosen.queries,
        **{name: asdict(getattr(chosen, name)) for name in ("score", "beside", "difference")},
    }  # fmt: skip
    rows.sort(key=lambda row: -row["hit_rate"])
    return {"methods": rows, "best_baseline": found[beside][0].name, "best": best}


def _row(method: ways.Method, judged: Judged, each: list[Between], over: Between | None) -> dict[str, Any]:
    hit, ndcg, mrr = each
    return {
        "name": method.name, "title": method.title, "way": method.way, "layer": method.layer, "kind": method.kind,
        "hit_rate": hit.value, "low": hit.low, "high": hit.high, "ndcg": ndcg.value, "ndcg_low": ndcg.low,
        "ndcg_high": ndcg.high, "mrr": mrr.value, "coverage": judged.coverage, "popularity": judged.popularity,
        "gini": judged.gini, "difference": None if over is None else asdict(over),
    }  # fmt: skip
