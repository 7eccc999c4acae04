"""The evidence behind one verdict: what probes read on the way, every null, the codes that carry it, each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.analysis.concepts import verdicts
from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Column, Go, Heading, More, Note, Picture, Strip, Strips, Table
from explorer.sheets import Link as To
from explorer.views import answers
from explorer.views.verdict_table import between, number

if TYPE_CHECKING:
    from explorer.study import Study

CODES, PATCHES, SIDE = 6, 5, 64
DECIDED = {"single": "Single codes", "joint": "A probe on all codes"}
SHORT = {"average precision": "AP", "balanced accuracy": "accuracy"}


def blocks(study: Study, row: Mapping[str, Any], value: str) -> list[Block]:
    """All evidence of a concept in a layer; with a value, of that value against the rest."""
    one = next((one for one in row["values"] if one["value"] == value), None)
    of = row if one is None else one
    title = f"{row['concept']} in {row['layer']}" if one is None else f"{row['concept']} = {value} in {row['layer']}"
    return [
        Heading(title, help_of("verdict")),
        Note(of["sentence"], "plain"),
        *_colour(row, of is row),
        Cards(_cards(row, of), 4),
        *_nulls(row, of),
        *_ladder(row, one is not None),
        *_codes(study, row, value),
        *_values(row, study.checkpoint.name),
    ]


def _colour(row: Mapping[str, Any], whole: bool) -> list[Block]:
    text = answers.only_colour(row)
    said = text if whole else f"All values of {row['concept']} together: {text[:1].lower()}{text[1:]}"
    return [Note(said, "plain", help_of("on top of colour"))] if text else []


def _cards(row: Mapping[str, Any], of: Mapping[str, Any]) -> list[Card]:
    cards = [
        Card(
            f"{called} ({SHORT.get(of[kind]['metric'], of[kind]['metric'])})", number(of[kind]["score"]),
            between(of[kind]),
            f"{help_of('AP of a code' if kind == 'single' else 'probe ladder')} Here: {_beside(of[kind])}.",
        )
        for kind, called in DECIDED.items()
    ]  # fmt: skip
    gained = row.get("given_pictures")
    if gained and of is row:
        both = f"Here: pictures alone {number(gained['alone'])}, with the codes {number(gained['together'])}."
        told = f"{help_of('on top of colour')} {both}"
        cards.append(Card("On top of colour", f"{gained['gain']:+.3f}", between(gained, 3), told))
    if of is row:
        control = row["selectivity"]
        note = f"control task: {number(control['control'])}"
        cards.append(Card("Selectivity", number(control["selectivity"]), note, help_of("selectivity")))
    if "ceiling" in row and of is row:
        top = row["ceiling"]
        cards.append(
            Card("A stronger encoder", number(top["score"]), f"{top['name']}; {between(top)}", help_of("nulls"))
        )
    seen = of.get("detectable")
    cards += [
        Card("Could have been seen", f"+{number(seen, 3)}", "above chance, power 80 %", help_of("detectable")),
        Card("Images", f"{row['n']:,} scored", f"{row['fitted']:,} fitted on, {row['missing']:,} without a value"
             if of is row else f"{of['n']:,} of them have the value", "Scored images were never fitted on."),
    ]  # fmt: skip
    return cards


def _beside(scored: Mapping[str, Any]) -> str:
    best = scored["best_null"]
    chance = f"chance {number(scored['chance'])}"
    return chance if best is None else f"best null {number(best['mean'])} ({best['name']}), {chance}"


def _nulls(row: Mapping[str, Any], of: Mapping[str, Any]) -> list[Block]:
    from explorer.charts import concept_plots

    found: list[Block] = [Heading("Beside every null", help_of("nulls"), level=3)]
    for kind, called in DECIDED.items():
        scored = of[kind]
        title = f"{scored['metric']}<br>on {row['n']:,} held-out images"
        title += "" if of is row else f", {of['n']:,} with the value"
        bands = ", ".join(f"{name} {number(band['mean'])}" for name, band in scored["baselines"].items())
        found.append(
            Note(f"{called}. Bars are 95 % intervals; the dashed line is what knowing nothing reaches.", "quiet")
        )
        found.append(
            Chart(
                f"nulls-{kind}",
                _drawn(concept_plots.nulls, scored, title),
                f"{called} {number(scored['score'])}: {bands}",
            )
        )
    return found


def _drawn(draw: Any, *given: Any) -> Any:
    return lambda theme: draw(*given, theme=theme)


def _ladder(row: Mapping[str, Any], of_value: bool) -> list[Block]:
    from explorer.charts import concept_plots

    steps = row["ladder"]
    if not steps:
        return []
    told = row["joint"]
    title = f"{told['metric']}<br>on {row['n']:,} held-out images"
    alt = "; ".join(f"{one['point']}, {one['probe']} {number(one['score'])}" for one in steps)
    whole = [Note("The ladder is of the whole concept, not of one value.")] if of_value else []
    return [
        Heading("From pixels to codes", help_of("probe ladder"), level=3),
        *whole,
        Chart("ladder", _drawn(concept_plots.ladder, steps, told["chance"], title), alt),
    ]


def _codes(study: Study, row: Mapping[str, Any], value: str) -> list[Block]:
    """The best code of each value with its patches, the surest first."""
    some = [one for one in row["codes"] if not value or one["value"] == value]
    if not some:
        return []
    carried = any(one["verdict"] == verdicts.SINGLE for one in (row, *row["values"]) if not value or _is(one, value))
    heading = Heading(
        "Which codes carry it" if carried else "Codes that come nearest", help_of("AP of a code"), level=3
    )
    strips = [_strip(study, row["layer"], one) for one in some[:CODES]]
    told = [] if carried else [Note("No single code carries it: each is compared with its best null.", "quiet")]
    found: list[Block] = [heading, *told, Strips("carriers", strips)]
    return [*found, More("The best code of every value", [_all(some, row["layer"])])] if len(some) > 1 else found


def _is(one: Mapping[str, Any], value: str) -> bool:
    return one.get("value") == value


def _strip(study: Study, layer: str, one: Mapping[str, Any]) -> Strip:
    patches = study.top_patches(layer, one["code"], PATCHES)[0]
    best = one["null"]
    null = "" if best is None else f"; best null {number(best['mean'])}"
    pictures = [Picture(patch, alt=f"A patch of code {one['code']}") for patch in patches]
    name = study.names(layer).get(one["code"])
    title = f"{one['value']}: code {one['code']:,}" + (f" “{name}”" if name else "")
    link = To(f"Code {one['code']:,} on the maps", "grid_on", Go("code_maps", {"layer": layer, "code": one["code"]}))
    return Strip(pictures, title, f"AP {number(one['ap'])} [{number(one['low'])}, {number(one['high'])}]{null}; n = "
                 f"{one['n']:,}", [link])  # fmt: skip


def _all(some: Sequence[Mapping[str, Any]], layer: str) -> Table:
    import pandas as pd

    frame = pd.DataFrame([
        {
            "code": one["code"], "value": str(one["value"]), "ap": one["ap"], "low": one["low"], "high": one["high"],
            "null": float("nan") if one["null"] is None else one["null"]["mean"],
            "null_name": "–" if one["null"] is None else one["null"]["name"], "n": one["n"], "share": one["share"],
        }
        for one in some
    ])  # fmt: skip
    columns = {
        "value": Column("Value", pinned=True),
        "code": Column("Code"),
        "ap": Column("AP", help_of("AP of a code"), "%.3f"),
        "low": Column("Low", "Lower end of the 95 % interval.", "%.3f"),
        "high": Column("High", "Upper end of it.", "%.3f"),
        "null": Column("Best null", help_of("nulls"), "%.3f"),
        "null_name": Column("Which", "The null that reaches highest."),
        "n": Column("Images", "Scored images of the value.", "localized"),
        "share": Column("Share", "Of the scored images: what chance reaches.", "percent"),
    }
    return Table("carriers-all", frame, columns, go=Go("code_maps", {"layer": layer, "code": "{point}"}), by="code")


def _values(row: Mapping[str, Any], name: str) -> list[Block]:
    import pandas as pd

    if not row["values"]:
        return []
    frame = pd.DataFrame([
        {
            "value": str(one["value"]), "verdict": one["verdict"], "n": one["n"], "share": one["share"],
            "single": one["single"]["score"], "single_null": _null(one["single"]), "code": one.get("code"),
            "joint": one["joint"]["score"], "joint_null": _null(one["joint"]), "sentence": one["sentence"],
        }
        for one in row["values"]
    ])  # fmt: skip
    columns = {
        "value": Column("Value", pinned=True),
        "verdict": Column("Verdict", help_of("verdict")),
        "n": Column("Images", "Scored images of the value.", "localized"),
        "share": Column("Share", "Of the scored images: what chance reaches.", "percent"),
        "single": Column("Best code (AP)", help_of("AP of a code"), "%.3f"),
        "single_null": Column("Best null", help_of("nulls"), "%.3f"),
        "joint": Column("Probe (AP)", "The same of the probe's score for the value.", "%.3f"),
        "joint_null": Column("Best null", help_of("nulls"), "%.3f"),
    }
    heading = Heading(
        "Each value against the rest", help_of("verdict"), lambda: frame, f"{name}-{row['concept']}-values"
    )
    return [heading, Table("verdict-values", frame, columns, height=min(38 + 35 * len(frame), 420))]


def _null(scored: Mapping[str, Any]) -> float:
    best = scored["best_null"]
    return float("nan") if best is None or best["mean"] is None else best["mean"]
