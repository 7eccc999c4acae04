"""What a verdict leaves open and another score answers: what a swap of its code does, and what colour alone tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.analysis.concepts import shares, verdicts
from explorer.views.verdict_table import number

COLOURS = "colour histogram"  # the null of that name, as in `results.scores.nulls`


def joined(rows: Sequence[Mapping[str, Any]], swaps: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of a judgement whose sentences, those of values too, go on with what a swap of the code they name does.

    Where no code is named, they go on with how many images have the value, and what could have been missed.

    Args:
        swaps: what the score of that name found; None where it is not there, and rows stay as they are.
    """
    turns = _turns(swaps or {})
    return [
        {
            **row,
            "sentence": _extended(row, turns, row, next(iter(row["codes"]), {})),
            "values": [one | {"sentence": _extended(row, turns, one, one)} for one in row["values"]],
        }
        for row in rows
    ]


def _extended(row: Mapping[str, Any], turns: Mapping[tuple, str], of: Mapping[str, Any], code: Mapping) -> str:
    """The sentence of a concept or a value `of` a row; only one of single codes names a code that could be swapped."""
    if of["verdict"] != verdicts.SINGLE:
        return " ".join([of["sentence"], *_unseen(row, of)])
    turn = turns.get((row["layer"], row["concept"], str(code.get("value")), code.get("code")))
    return f"{of['sentence']} {turn}" if turn else of["sentence"]


def _unseen(row: Mapping[str, Any], of: Mapping[str, Any]) -> list[str]:
    """How many images have the value, and what nothing above chance could have missed."""
    count = [] if of is row else [f"{of['n']:,} of {row['n']:,} scored images have it"]
    if of["verdict"] == verdicts.CHANCE and of["detectable"] == of["detectable"] and of["detectable"] is not None:
        least = min(of["joint"]["chance"] + of["detectable"], 1)
        missed = f"less than {number(least)} could have been missed"
        count = [f"{count[0]}: {missed}" if count else f"{missed[:1].upper()}{missed[1:]} with these images"]
    return [f"{count[0]}."] if count else []


def _turns(swaps: Mapping[str, Any]) -> dict[tuple, str]:
    """{(layer, concept, value, code): sentence} of codes that are put in another one's place, the first plan of each.

    The first was planned on other images, whatever it then did; the one that turns most would owe a part to luck.
    """
    found: dict[tuple, str] = {}
    for layer in swaps.get("layers", ()):
        for pair in layer["pairs"]:
            if pair["kind"] == "swap" and pair["value"] is not None and pair["turned_of"]:
                key = layer["layer"], pair["concept"], str(pair["value"]), pair["code"]
                found.setdefault(key, _turn(pair))
    return found


def _turn(pair: Mapping[str, Any]) -> str:
    """As "Changing it to 203 turns the probe to “blue” in 88 % [84, 91] of 40 pictures; …"."""
    said = f"Changing it to {pair['to']} turns the probe to “{pair['to_value']}” in {_share(pair, 'turned')} of "
    said += f"{pair['turned_of']:,} pictures"
    beside = f"; changing it to codes as far away in the codebook, in {_share(pair, 'null_turned')}"
    return f"{said}{beside if pair['null_codes'] else ''}."


def _share(pair: Mapping[str, Any], name: str) -> str:
    return shares.worded({"n": 1, "mean": pair[name], "low": pair[f"{name}_low"], "high": pair[f"{name}_high"]})


def only_colour(row: Mapping[str, Any]) -> str:
    """What the codes tell beyond colour, and what colour alone tells; empty where that was not or cannot be asked.

    Of a concept that is computed from the pixels it cannot: it is among the properties that would be taken away.
    """
    gained = row.get("given_pictures")
    if not gained or row.get("computed") or gained["gain"] is None:
        return ""
    span = f"{number(gained['gain'])} [{number(gained['low'])}, {number(gained['high'])}]"
    metric = row["joint"]["metric"]
    beside = f"on top of lightness, hue, edges and background, which alone reach {metric} {number(gained['alone'])}"
    if gained["low"] > 0:
        said = f"{beside[0].upper()}{beside[1:]}, the codes add {span}"
    else:
        said = f"The codes add nothing that is sure {beside}: {span}"
    band, joint = row["joint"]["baselines"].get(COLOURS), row["joint"]
    if band and band["mean"] is not None and joint["score"] is not None:
        said += f". A {COLOURS} alone reaches {_spanned(band, 'mean')}, the codes alone {_spanned(joint, 'score')}"
    return f"Is it only colour? {said}."


def _spanned(one: Mapping[str, Any], name: str) -> str:
    return f"{number(one[name])} [{number(one['low'])}, {number(one['high'])}]"
