"""How well each method finds what users look at, as JSON: codes beside what other users did, popularity and pixels.

What `make` writes:
```
relations: version   interactions: fingerprint of the set   dataset, split, k, half_life
users, items, rows: what was looked at, copies of an image being one item    images, products: of the split, with and
without copies   simulated: whether users were made up   notes: [sentence]
held: last or any, what was held back of each user    judged: users who were asked    alone: users with one item
methods: [{
   name, title, way, layer, kind: codes, content, behaviour or random
   hit_rate, low, high   ndcg, ndcg_low, ndcg_high   mrr   95 % over users
   coverage, gini, popularity: shares, mean percentile or null
   difference: {value, low, high} of the hit rate, from the best baseline, paired by user; null for that one
}]
best_baseline: name of the best that is not of codes
best: {method, baseline, score, beside, difference: {value, low, high}, users} or null
      chosen on one half of the users, scored on the other
cold: the same as methods, where some products are new
cold_start: {share, products, judged, held, best_baseline, best, ceiling}, or {missing: sentence}
ceiling: {hit_rate, ndcg, mrr} of the ranking that knows every simulated taste, or null
```
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import access
from explorer.errors import BadInput
from explorer.files import digest, read_json, write_json
from explorer.options import number, text
from explorer.results.scores import SCORES, asked

if TYPE_CHECKING:
    from explorer.datasets import Images
    from explorer.datasets.interactions import Interactions
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

VERSION = 2  # counted up whenever the same input gives other numbers
HALF_LIFE = 90.0  # days


@dataclass(frozen=True)
class Options:
    """What users looked at, and how methods are asked for it."""

    interactions: str = text("", "What users looked at: a table (CSV, TSV or Parquet), or the key of one that is kept.")
    k: int = number(10, "How many products each user is recommended.", low=1, high=100)
    half_life: float = number(
        HALF_LIFE, "Days after which a look counts half as much as the user's last one; 0 for never.", low=0,
        high=100_000,
    )  # fmt: skip


def opened(options: Options, images: Images, *, hashed: bool = False) -> Interactions:
    """The interactions that options name; BadInput where there are none, or of other images."""
    from explorer.datasets import interactions

    if not options.interactions:
        raise BadInput("name what users looked at with --interactions: a table with the columns user_id and image_id")
    try:
        path = Path(options.interactions).expanduser()
        there = access.within(path) and path.is_file()
    except (OSError, RuntimeError, ValueError):
        raise BadInput("--interactions names no file that can be read; name a table of user_id and image_id") from None
    if there:
        if hashed:  # another time the hashes are others
            return interactions.read(path, images, hashed=True)
        about = path.stat()
        return _read(path, images, about.st_mtime_ns, about.st_size)
    if not _is_key(options.interactions):
        access.check(path)
        raise BadInput(f"there is no file {path.name!r}; name a table with the columns user_id and image_id")
    return interactions.fitting(interactions.find(options.interactions), images)


@functools.lru_cache(maxsize=1)
def _read(path: Path, images: Images, *_: int) -> Interactions:
    """A table, read once as long as it stays as it is; a key is asked for more than once."""
    from explorer.datasets import interactions

    return interactions.read(path, images)


def key(subject: Subject, options: Options) -> str:
    """Content of the encoding and of the interactions, whether they are kept or in a file."""
    named = options.interactions
    of = named if _is_key(named) and not Path(named).exists() else opened(options, subject.images).fingerprint
    made = VERSION, SCORES["leak"].version
    return digest("relations", made, subject.encoding_key, of, options.k, options.half_life)


def make(
    subject: Subject, options: Options, path: Path, progress: Progress, encoding: Encoding, obtain: Callable
) -> None:
    """Asks every method for what was held back, and writes what is above.

    Args:
        obtain: (kind, subject, options) -> (path, content) of another result, as `results.obtain`.
    """
    from explorer.results.relations import judged, products

    found = opened(options, subject.images)
    material = products.Whole(subject, asked.Options(), encoding, progress, obtain)
    told = judged.judge(material, found, options, products.products(material))
    facts = {"relations": VERSION, "interactions": found.fingerprint, "dataset": subject.dataset}
    facts |= {"split": subject.split, "k": options.k, "half_life": options.half_life}
    write_json(path, _rounded(facts | told))


def read(path: Path, key: str = "") -> dict[str, Any]:
    """What `make` wrote; BadInput where it is damaged or something else."""
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} holds no judgement of relations or is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("relations") != VERSION or "methods" not in found:
        raise BadInput(f"{path.name} holds no judgement of relations; delete it")
    return found


def _is_key(text: str) -> bool:
    return len(text) == 16 and text.isalnum()


def _rounded(value: Any) -> Any:
    """Numbers to five places: finer than any interval here; null for what is not known."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    if isinstance(value, float):
        return round(value, 5) if value == value else None
    return value
