"""How well each way to search finds images of the same value, concept by concept, as gzipped JSON.

What `make` writes:
```
retrieval: version   dataset, split, k   images: ranked   copies: sentence   kept: whether copies stay among them
ways: [{way, layer, group}]       group: codes, latents, untrained, image, nothing or encoder; layer: a name, all or ""
concepts: [{
   concept, computed, fifths: whether it is a quantity, whose fifths are its values   circular: sentence or absent
   images (with a value), queries, alone (queries without another image of their value, left out)
   possible: mean precision that a perfect order reaches
   map, macro, precision: [[mean, low, high] of each way]     95 %, by image; macro: each value weighs the same
   values: [{value, queries, map: [of each way]}]
   best, codes: {way, baseline, score, beside, difference: [mean, low, high], queries} or null
}]
refused: {concept: sentence}
```
`best` is chosen among codes and latents, `codes` among codes alone; `analysis.retrieval.choosing` says how.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, write_bytes
from explorer.results import pictures
from explorer.results.retrieval.asked import Options as Options
from explorer.results.scores import SCORES, asked

if TYPE_CHECKING:
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

VERSION = 2  # counted up whenever the same input gives other numbers
LONGEST = 64 * 1024 * 1024  # bytes of a result, unpacked


def key(subject: Subject, options: Options) -> str:
    """Content of the encoding, of a table, of another checkpoint, and of sets where they are named."""
    from explorer import checkpoints
    from explorer.notebook import sets
    from explorer.results.scores import tables

    made = VERSION, SCORES["leak"].version, pictures.VERSION
    other = checkpoints.fingerprint(checkpoints.resolve(options.encoder)) if options.encoder else ""
    gathered = sets.version(subject.images.fingerprint) if sets.PREFIX in options.concept else None
    content = tables.digest_of(options.concepts), other, gathered
    return digest("retrieval", made, subject.encoding_key, options.concept, options.k, content)


def make(
    subject: Subject, options: Options, path: Path, progress: Progress, encoding: Encoding, obtain: Callable
) -> None:
    """Ranks images by every way, scores it by every concept, and writes what is above.

    Args:
        obtain: (kind, subject, options) -> (path, content) of another result, as `results.obtain`.
    """
    from explorer.results.retrieval import judged
    from explorer.results.scores.material import Material

    of = asked.Options(concepts=options.concepts, concept=options.concept)
    found = judged.judge(Material(subject, of, encoding, progress, obtain), options)
    facts = {"retrieval": VERSION, "dataset": subject.dataset, "split": subject.split, "k": options.k}
    text = json.dumps(_rounded(facts | found), separators=(",", ":"), ensure_ascii=False)
    write_bytes(path, gzip.compress(text.encode(errors="backslashreplace"), mtime=0))  # the same bytes each time


def read(path: Path, key: str = "") -> dict[str, Any]:
    """What `make` wrote; BadInput where it is damaged or something else."""
    try:
        with gzip.open(path) as file:
            content = file.read(LONGEST + 1)
        found = json.loads(content) if len(content) <= LONGEST else None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadInput(f"{path.name} holds no scores of searches or is damaged: {error}") from None
    if not isinstance(found, dict) or found.get("retrieval") != VERSION or "concepts" not in found:
        raise BadInput(f"{path.name} holds no scores of searches; delete it")
    return found


def _rounded(value: Any) -> Any:
    """Numbers to four places: finer than any interval here; null for what is not known."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    if isinstance(value, float):
        return round(value, 4) if value == value else None
    return value
