"""Which dead codes are merely unseen: counted over all images of the set, not over the judged sample.

What `make` gives:
```
layers: [{
  layer, codes (K), images, tokens, used, dead, entropy_bits, perplexity
  once, twice                 codes that one, and two, images have;  once_tokens, twice_tokens: that have so many tokens
  unseen: {codes, low, high}  dead codes that are merely unseen, at least (Chao2), of `dead`;  chao1, chao2: capped at K
  more: {images, codes, low, high}    codes that half as many images again would show
  mass: {share, low, high}    of the tokens of a further image, those whose code is unseen
  coverage_tokens             Good's, which takes tokens for independent
  never_images, never_tokens  95 % upper end of the share of images, and of tokens, that have a dead code
  curve: {images, codes, low, high, tokens (tokens drawn one by one), even (drawn evenly from all codes)}
  fixed: [{tokens, images, codes, low, high}]     codes in so many tokens, of whole images
  capacity: {codes, low, high, alone, noise} or {missing}
  sentence
}]
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import usage
from explorer.analysis.concepts import unseen
from explorer.errors import BadInput

if TYPE_CHECKING:
    from explorer.analysis.concepts.unseen import Counts
    from explorer.results.scores.material import Material

BATCH = 2_048  # images that are read at once
AGAIN = 4_000_000  # numbers of what is counted again, at most
FIXED = (1_000, 10_000, 100_000, 1_000_000)  # tokens at which sets of other sizes can be compared
PAIRED = 16_384  # codes whose pairs are compared, at most
HALF = 0.5


def make(material: Material) -> dict[str, Any]:
    """See above."""
    return {"layers": [_layer(material, layer.name) for layer in material.layers]}


def _layer(material: Material, layer: str) -> dict[str, Any]:
    size = material.size(layer)

    def batches() -> Iterator[np.ndarray]:
        total = len(material.encoding)
        for start in range(0, total, BATCH):
            material.say(f"Counting the codes of {layer}: {start:,} of {total:,} images")
            yield material.encoding.codes(layer, slice(start, start + BATCH)).astype(np.int64)

    counts = unseen.count(batches(), size, resamples=int(np.clip(AGAIN // size, 20, 100)))
    found = of_counts(counts, *unseen.alone(batches(), counts))
    found = {"layer": layer} | found | {"capacity": _capacity(material, layer, counts)}
    return found | {"sentence": sentence(found)}


def of_counts(counts: Counts, share: float, error: float) -> dict[str, Any]:
    """All of a layer that needs no vectors; share and error as `unseen.alone` tells them."""
    size, tokens, images = len(counts.tokens), int(counts.tokens.sum()), counts.images
    used = int((images > 0).sum())
    use = usage.measure(counts.tokens, counts.n)
    again = counts.again_images
    lacking = unseen.chao(again, counts.again_n) - (again > 0).sum(1)
    least = min(float(unseen.chao(images, counts.n)), size)
    low, high = unseen.missing_interval(least - used, lacking, size - used)
    half = unseen.SURE * error
    return {
        "codes": size, "images": counts.n, "tokens": tokens, "used": used, "dead": size - used,
        "entropy_bits": use.entropy_bits, "perplexity": use.perplexity,
        "once": int((images == 1).sum()), "twice": int((images == 2).sum()),
        "once_tokens": int((counts.tokens == 1).sum()), "twice_tokens": int((counts.tokens == 2).sum()),
        "unseen": {"codes": least - used, "low": low, "high": high},
        "chao1": min(float(unseen.chao(counts.tokens)), size), "chao2": least,
        "more": _more(counts, size - used),
        "mass": {"share": share, "low": max(share - half, 0.0), "high": min(share + half, 1.0)},
        "coverage_tokens": float(unseen.coverage(counts.tokens)),
        "never_images": unseen.never(counts.n), "never_tokens": unseen.never(tokens),
        "curve": _curve(counts, least), "fixed": _fixed(counts, least),
    }  # fmt: skip


def _more(counts: Counts, dead: int) -> dict[str, float]:
    images = max(round(HALF * counts.n), 1)
    share = images / max(counts.n, 1)
    value = float(np.clip(unseen.further(counts.images, share), 0, dead))
    low, high = unseen.further_interval(value, unseen.further(counts.again_images, share), dead)
    return {"images": images, "codes": value, "low": low, "high": high}


def _curve(counts: Counts, expected: float) -> dict[str, list[float]]:
    draws, each, size = unseen.steps(counts.n), counts.tokens.sum() / max(counts.n, 1), len(counts.tokens)
    codes, low, high = _rarefied(counts, draws, expected)
    tokens = np.rint(draws * each).astype(np.int64)
    one_by_one = unseen.rarefied(counts.tokens, int(counts.tokens.sum()), tokens)
    even = size * -np.expm1(tokens * np.log1p(-1 / size)) if size > 1 else np.ones(len(tokens))
    parts = {"images": draws, "codes": codes, "low": low, "high": high, "tokens": one_by_one, "even": even}
    return {name: [float(one) for one in part] for name, part in parts.items()}


def _rarefied(counts: Counts, draws: np.ndarray, expected: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    codes = unseen.rarefied(counts.images, counts.n, draws)
    half = unseen.SURE * unseen.rarefied_error(counts.images, counts.n, draws, expected)
    return codes, np.maximum(codes - half, 0), np.minimum(codes + half, len(counts.images))


def _fixed(counts: Counts, expected: float) -> list[dict[str, float]]:
    each = counts.tokens.sum() / max(counts.n, 1)
    found = []
    for tokens in FIXED:
        images = round(tokens / each) if each else 0
        if 1 <= images <= counts.n:
            ends = (float(one[0]) for one in _rarefied(counts, np.array([images]), expected))
            found.append({"tokens": tokens, "images": images, **dict(zip(("codes", "low", "high"), ends, strict=True))})
    return found


def _capacity(material: Material, layer: str, counts: Counts) -> dict[str, Any]:
    used = int((counts.tokens > 0).sum())
    if material.subject.facts.family == "codes":
        return {"missing": "There are codes only: how far latents lie from them is not known."}
    if used > PAIRED:
        return {"missing": f"{used:,} codes are too many to compare all pairs of them; at most {PAIRED:,} are."}
    try:
        distances, vectors = material.encoding.distances(layer, material.rows), material.vectors(layer)
    except BadInput as error:
        return {"missing": f"{error}."}
    noise = float(np.sqrt(np.square(distances, dtype=np.float64).mean() / vectors.shape[1]))
    shares = np.concatenate([counts.tokens[None], counts.again_tokens])
    shares = shares[shares.sum(1) > 0]
    if not len(shares):
        return {"missing": "There are no tokens."}
    found = unseen.capacity(shares, vectors, noise)
    half = unseen.SURE * float(found[1:].std(ddof=1)) if len(found) > 2 else float("nan")
    alone = float(unseen.capacity(shares[:1], vectors, 0)[0])
    ends = {"low": max(float(found[0]) - half, 1.0), "high": min(float(found[0]) + half, float(used))}
    return {"codes": float(found[0]), **ends, "alone": alone, "noise": noise}


def sentence(row: dict[str, Any]) -> str:
    """Dead, or unseen?"""
    dead, least, more = row["dead"], row["unseen"], row["more"]
    if not dead:
        all_codes = f"All {row['codes']:,} codes" if row["codes"] > 1 else "The only code"
        return f"{all_codes} of {row['layer']} can be found in {_images(row['images'])}."
    what = f"{dead:,} dead codes of {row['layer']}" if dead > 1 else f"1 dead code of {row['layer']}"
    ends = f"95 %: {least['low']:.0f} – {least['high']:.0f}"
    verb = "is" if round(least["codes"]) == 1 else "are"
    unseen_ones = f"{least['codes']:.0f} of {what} {verb} likely merely unseen, at least ({ends})"
    text = f"Of {what}, none looks merely unseen" if least["codes"] < 0.5 else unseen_ones
    return (
        f"{text}; {_images(more['images'], 'more ')} would show {more['codes']:.0f} "
        f"(95 %: {more['low']:.0f} – {more['high']:.0f})."
    )


def _images(count: int, which: str = "") -> str:
    return f"{count:,} {which}image{'' if count == 1 else 's'}"
