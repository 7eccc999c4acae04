"""The model card of a prior: what it is over, what its codes cost beside models that count, and how it was made."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from explorer.analysis.quality import worded
from explorer.datasets.values import short
from explorer.options import KMEANS, changed
from explorer.priors import PRIORS
from explorer.progress import spoken
from explorer.training.prior_samples import classes_of

if TYPE_CHECKING:
    from explorer.priors import Prior
    from explorer.training.prior_codes import Codes

LISTED = 20  # values of a condition in the table
DIGITS = 3


def command(name: str, about: Mapping[str, Any], prior: Prior, codes: Codes, training: Any) -> str:
    """The exact command line that makes this prior again."""
    words = ["explorer", "prior", "train", str(about["checkpoint"]), "--dataset", str(about["dataset"])]
    words += ["--kind", prior.kind]
    words += ["--condition", codes.condition.column] if codes.condition else []
    if about.get("layers"):
        words += [word for layer in about["layers"] for word in ("--layer", layer)]
    words += ["--kmeans", str(about["kmeans"])] if codes.books and about["kmeans"] != KMEANS else []
    words += ["--limit", str(about["limit"])] if about.get("limit") else []
    words += ["--out", f"checkpoints/{name}", "--steps", str(training.steps)]
    for key, value in {**changed(prior.config), **changed(training)}.items():
        if key not in ("steps", "device"):
            words += ["--set", f"{key}={value}"]
    return shlex.join(words)


def model_card(
    name: str, about: Mapping[str, Any], prior: Prior, details: Mapping[str, Any], metrics: Mapping[str, Any],
    command: str,
) -> str:  # fmt: skip
    """Markdown that says what the prior is, how good it is, and how to make it again."""
    levels = " and ".join(f"`{one.name}` ({one.grid[0]} × {one.grid[1]}, {one.codes:,} codes)" for one in prior.levels)
    parameters = sum(weights.numel() for weights in prior.parameters())
    lines = [
        f"# {name}",
        "",
        f"A prior over the codes of `{about['checkpoint']}`: it says how probable each code is, given the codes before "
        f"it, so that new code maps can be drawn and decoded. {PRIORS[prior.kind].summary}. "
        f"Over {levels}; {parameters:,} parameters; learned from `{about['dataset']}`.",
        *(["", *_asked(metrics["condition"])] if "condition" in metrics else []),
        "",
        f"## Bits per code of {metrics['images']:,} held-out images",
        "",
        "What a code costs on average where it is written as short as the model allows. Means over images with 95 % "
        "intervals; lower is better. The counting models learned from the same images.",
        "",
        *_table(metrics),
        "",
        *_sentences(metrics),
        "",
        "## Made with",
        "",
        "```",
        command,
        "```",
        "",
        *_made(details, metrics),
    ]
    return "\n".join(lines) + "\n"


def _table(metrics: Mapping[str, Any]) -> list[str]:
    levels = metrics["levels"] if len(metrics["levels"]) > 1 else {}
    columns = [metrics, *levels.values()]
    rows = {
        "this prior": "bits_per_code",
        "this prior, on training images": "train_bits",
        "bigram: left and upper neighbour": "bigram",
        "unigram: how often each code occurs": "unigram",
        "uniform: log2 K": "uniform",
    }
    heads = "".join(f" `{name}` |" for name in levels)
    lines = [f"| | {'all codes' if levels else 'bits per code'} |{heads}", f"|---|{'---|' * len(columns)}"]
    for called, key in rows.items():
        cells = [
            worded(one[key], DIGITS) if isinstance(one[key], Mapping) else f"{one[key]:.{DIGITS}f}" for one in columns
        ]
        lines.append(f"| {called} | {' | '.join(cells)} |")
    return lines


def _sentences(metrics: Mapping[str, Any]) -> list[str]:
    own, seen, saved = (metrics[name]["mean"] for name in ("bits_per_code", "train_bits", "saved"))
    less = {name: value if value is None or name == "n" else abs(value) for name, value in metrics["saved"].items()}
    if saved < 0:
        less["low"], less["high"] = less["high"], less["low"]
    beside = f"{worded(less, DIGITS)} bits {'less' if saved >= 0 else 'MORE'} than by the bigram"
    by_heart = "so it knows those better than new ones" if own - seen > 0.1 * own else "so it did not learn by heart"
    found = [
        f"An image costs {metrics['bits_per_image']['mean']:.0f} bits in place of "
        f"{metrics['fixed_bits_per_image']:.0f}; each code costs {beside}"
        f"{'' if saved >= 0 else ': it has learned too little'}. A code of a training image costs {seen:.3f} bits, "
        f"{by_heart}.",
        "",
        f"Causal: {'yes' if metrics['causal'] else 'NO'}. Changing a code changes the predictions at and before its "
        f"place by {metrics['leak']:.2g}{'' if metrics['leak'] == 0 else ' at most'}.",
    ]
    told = metrics.get("class", {})
    if "right" in told:
        none = f", with none {worded(told['none'], DIGITS)}" if "none" in told else ""
        found += [
            "",
            f"With the class of the image {worded(told['right'], DIGITS)} bits per code, with another one "
            f"{worded(told['wrong'], DIGITS)}{none} ({told['images']:,} images).",
        ]
        if "told" in told:
            found[-1] += (
                f" The class saves {worded(told['told'], 2)} bits of an image; to say the class "
                f"itself takes {told['most']:.2f}."
                + (" More than that means that it is worse without a class than it could be."
                   if (told["told"]["low"] or 0) > told["most"] else "")
            )  # fmt: skip
    return found


def _asked(condition: Mapping[str, Any]) -> list[str]:
    """The values that samples can be asked for, and how many images were learned from."""
    values = condition["values"]
    shown = ", ".join(f"{short(one['value'], 40)} ({one['train']:,})" for one in values[:LISTED])
    more = f" and {len(values) - LISTED:,} more" if len(values) > LISTED else ""
    return [f"Samples can be asked for by **{condition['column']}** (training images of each): {shown}{more}."]


def _made(details: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    kept = metrics.get("kept")
    which = (
        f" The weights are those of step {kept['step']:,}, with the fewest bits ({kept['bits']:.3f}) on "
        f"{kept['images']:,} training images that were kept aside for that; held-out images had no say."
        if kept
        else " The weights are those of the last step."
    )
    pictures = (
        ["", "## Samples", "", f"Sixteen with seed 0 at temperature 1{_of_classes(metrics)}.", "",
         "![samples](samples/last.png)"]
        if metrics.get("pictured")
        else []
    )  # fmt: skip
    return [
        f"{details['step']:,} steps in {spoken(details['seconds'])} on {details['device']} "
        f"({details['images_per_second']:,.0f} images/s, torch {details['torch']}).{which}",
        *pictures,
    ]


def _of_classes(metrics: Mapping[str, Any]) -> str:
    """Which class each picture of the strip is of."""
    if "condition" not in metrics:
        return ""
    condition = metrics["condition"]
    shown = ", ".join(short(condition["values"][one]["value"]) for one in classes_of(len(condition["values"])))
    return f", of {condition['column']} {shown}"
