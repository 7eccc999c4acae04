"""Two checkpoints in numbers: every headline metric with the interval of the difference, paired by image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Column, Heading, Note, Table

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study
    from explorer.study.pair import Pair

METRICS = {"psnr": "PSNR", "ssim": "SSIM", "mse": "MSE"}
CALLED = {
    "psnr": "PSNR (dB)", "ssim": "SSIM", "mse": "MSE", "perplexity": "Perplexity", "used": "Codes in use",
    "bits_per_pixel": "Bits per pixel", "concepts": "Concepts captured",
}  # fmt: skip
DIGITS = {"psnr": 2, "ssim": 4, "mse": 5, "perplexity": 1, "used": 0, "bits_per_pixel": 4, "concepts": 0}
BETTER = {"psnr": 1, "ssim": 1, "mse": -1, "bits_per_pixel": -1, "concepts": 1}  # what more of it is; else neither
BITS = (
    "Bits per pixel are left out: {names} continuous layers, whose bits depend on how finely they are quantized; the "
    "page Rate–distortion has them."
)
TOKENS = 5_000_000  # whose use is compared at once; of more a seeded sample of the images
CONTINUOUS = (
    "Perplexity and codes in use are left out: {names} no codes of {their} own there, and those of k-means are as "
    "many as were asked for."
)


def metrics(pair: Pair, layers: tuple[str, str], found: dict[str, Any] | None) -> list[dict[str, Any]]:
    """`metric, a, b, difference, low, high, n` of every headline metric that both have; `size` where it is reduced.

    Args:
        layers: of A and of B, whose use of codes is compared. found: the comparison, where it is made.
    """
    rows = []
    if not pair.no_errors():
        from explorer.analysis import pairs

        rows = [{"metric": name, **pairs.difference(*pair.scores(name))} for name in METRICS]
    elif found is not None and found["smaller"]:
        small = found["smaller"]
        rows = [{"metric": name, **small[name], "size": small["size"]} for name in METRICS]
    rows = [row for row in rows if row["n"]]
    return [*rows, *pair.a.remember(_use, pair, *layers), *_bits(pair), *_concepts(pair)]


def own_codes(study: Study, layer: str) -> bool:
    return any(one["name"] == layer and one.get("codes") for one in study.checkpoint.layers)


def _use(study: Study, pair: Pair, layer: str, other: str) -> list[dict[str, Any]]:
    """Perplexity and used codes of two layers that have codes of their own."""
    from explorer.analysis import pairs
    from explorer.datasets.sources import sample

    if not (own_codes(pair.a, layer) and own_codes(pair.b, other)):
        return []
    sizes = len(pair.a.book(layer)), len(pair.b.book(other))
    codes = pair.codes(layer, other)
    few = sample(len(codes[0]), max(2, TOKENS // max(one[0].size for one in codes)))
    found = pairs.use(*(one[few] for one in codes), sizes)
    return [{"metric": name, **one, "layers": [layer, other]} for name, one in found.items()]


def _bits(pair: Pair) -> list[dict[str, Any]]:
    """Bits per pixel at a fixed length, the same for every image; of checkpoints that have codes in every layer."""
    both = [bits_per_pixel(one.checkpoint) for one in (pair.a, pair.b)]
    if None in both:
        return []
    gap = both[0] - both[1]
    ends = {"difference": gap, "low": gap, "high": gap, "n": len(pair.rows[0])}
    return [{"metric": "bits_per_pixel", "a": both[0], "b": both[1], **ends}]


def bits_per_pixel(checkpoint: Any) -> float | None:
    """log2 K bits for each cell of each layer, over the pixels of an image; None where a layer is continuous."""
    layers = checkpoint.layers
    if any(not one.get("codes") for one in layers):
        return None
    bits = sum(one["grid"][0] * one["grid"][1] * float(np.log2(one["codes"])) for one in layers)
    return bits / checkpoint.image_size**2


def _concepts(pair: Pair) -> list[dict[str, Any]]:
    """How many concepts each captures, of those that both have verdicts on, where verdicts are kept."""
    both = [captured(one) for one in (pair.a, pair.b)]
    common = set(both[0] or ()) & set(both[1] or ())
    if not common:
        return []
    a, b = (sum(one[name] for name in common) for one in both)
    ends = {"low": None, "high": None, "n": len(common)}
    return [{"metric": "concepts", "a": a, "b": b, "difference": a - b, **ends}]


def captured(study: Study) -> dict[str, bool] | None:
    """{concept: whether the codes of some layer capture it} of the verdicts that are kept; None without any."""
    from explorer.views.verdict_table import CAPTURED

    judged = study.score("judgement")
    if judged is None or "concepts" not in judged:
        return None
    found: dict[str, bool] = {}
    for row in judged["concepts"]:
        found[row["concept"]] = found.get(row["concept"], False) or row["verdict"] in CAPTURED
    return found


# ---- the table


COLUMNS = {
    "metric": Column("Metric", pinned=True),
    "a": Column("A"),
    "b": Column("B"),
    "difference": Column("A − B", help_of("paired difference")),
    "between": Column("95 % of the difference", help_of("paired difference")),
    "better": Column("Better", "Which of the two, where the interval of the difference leaves out 0."),
    "n": Column("Images", "That both have; of concepts captured, how many concepts.", "localized"),
}


def table(pair: Pair, rows: Sequence[dict[str, Any]], layers: tuple[str, str]) -> list[Block]:
    """Every metric of both, and what is left out and why."""
    import pandas as pd

    name = f"{pair.a.checkpoint.name}-{pair.b.checkpoint.name}"
    blocks: list[Block] = [
        Heading(
            "In numbers, image by image", help_of("paired difference"), lambda: pd.DataFrame(rows), f"{name}-numbers"
        )
    ]
    if rows:
        blocks.append(Table("metrics", _worded(rows), COLUMNS))
    if not all(own_codes(*one) for one in zip((pair.a, pair.b), layers, strict=True)):
        names = [one.checkpoint.name for one, layer in zip((pair.a, pair.b), layers, strict=True)
                 if not own_codes(one, layer)]  # fmt: skip
        have = "has" if len(names) == 1 else "have"
        blocks.append(
            Note(CONTINUOUS.format(names=f"{' and '.join(names)} {have}", their="its" if have == "has" else "their"))
        )
    continuous = [one.checkpoint.name for one in (pair.a, pair.b) if bits_per_pixel(one.checkpoint) is None]
    if continuous and not all(one.checkpoint.no_decoder for one in (pair.a, pair.b)):
        names, have = " and ".join(dict.fromkeys(continuous)), "has" if len(set(continuous)) == 1 else "have"
        blocks.append(Note(BITS.format(names=f"{names} {have}")))
    return blocks


def _worded(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    shown = []
    for row in rows:
        digits = DIGITS[row["metric"]]
        of = f" at {row['size']} px" if "size" in row else ""
        shown.append({
            "metric": CALLED[row["metric"]] + of,
            "a": written(row["a"], digits), "b": written(row["b"], digits),
            "difference": written(row["difference"], digits, sign=True),
            "between": _between(row, digits),
            "better": _better(row),
            "n": row["n"],
        })  # fmt: skip
    return pd.DataFrame(shown)


def _better(row: dict[str, Any]) -> str:
    if row["metric"] not in BETTER:
        return "–"
    if not row["difference"] and row["low"] in (None, 0):
        return "the same"
    return {1: "A", -1: "B"}.get(ahead(row), "not told apart")


def _between(row: dict[str, Any], digits: int) -> str:
    if row["metric"] == "concepts":
        return "a count"
    if row["low"] is None:
        return "one image" if row["n"] < 2 else "too few images"
    if row["metric"] == "bits_per_pixel":
        return "exact"
    return f"{written(row['low'], digits, sign=True)} … {written(row['high'], digits, sign=True)}"


def written(value: float, digits: int, *, sign: bool = False) -> str:
    """A number for people; +0.00 and −0.00 are 0.00."""
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    return text.lstrip("+-") if not float(text.replace(",", "")) else text.replace("-", "−")


def ahead(row: dict[str, Any]) -> int:
    """1 where A is better for sure, -1 where B is, 0 where neither, or more is not better."""
    side = BETTER.get(row["metric"], 0)
    if not side or row["difference"] is None:
        return 0
    if row["metric"] == "concepts":
        return int(np.sign(row["difference"]))
    if row["low"] is None:
        return 0
    return side if row["low"] > 0 else -side if row["high"] < 0 else 0
