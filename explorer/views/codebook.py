"""Codebook: which codes are used, how often, for which concepts, and how their vectors lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.results import maps
from explorer.sheets import (
    Block,
    Card,
    Cards,
    Chart,
    Column,
    Controls,
    Download,
    Go,
    Heading,
    Link,
    Missing,
    Note,
    Picture,
    Pictures,
    Row,
    Sheet,
    Table,
)  # fmt: skip
from explorer.sheets.spreadsheet import csv_of
from explorer.views import fields, use, words
from explorer.views.use import SHARES

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.telling import Told

LARGE = 10_000  # codes that are drawn; the cards and the Parquet file are of all
SOME = "The charts and the table show the {shown:,} codes with most tokens of {codes:,}; the numbers above are of all."
SAMPLED = "What a token tells, and by chance, is of {some:,} of these images, drawn at random; all else is of all."
PAIRS = 100  # near-duplicates that are listed
MANY = {10: "10", 20: "20", 40: "40", 80: "80"}


def _concepts(study: Study, _: Any = None) -> dict[str, str]:
    return {str(name): str(name) for name in study.known().columns}


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    layer: str = fields.layer()
    code: int | None = fields.code()
    by: str = fields.option("rank", "Order", choices={"rank": "By rank", "code": "By code"})
    axis: str = fields.option("linear", "Axis", choices={"linear": "Linear", "log": "Logarithmic"})
    concept: str = fields.option(
        "", "Concept", "What is known of each image: its class folder, or a column of a table beside the images.",
        choices=_concepts, start=lambda study, _: next(iter(_concepts(study)), ""),
        when=lambda study, _: len(_concepts(study)) > 0,
    )  # fmt: skip
    shown: str = fields.option(
        "share", "Shown", help_of("concept heat map"),
        choices={"share": "Share of the value's tokens", "ratio": "Ratio to all images (log₂)"},
        when=lambda study, _: len(_concepts(study)) > 0,
    )  # fmt: skip
    codes: str = fields.option(
        "used", "Codes",
        "Most telling: those whose presence in an image tells most about the concept (mutual information).",
        choices={"used": "Most used", "telling": "Most telling"}, when=lambda study, _: len(_concepts(study)) > 0,
    )  # fmt: skip
    columns: int = fields.option(
        40, "Columns", "How many codes the heat map shows.", choices=MANY,
        when=lambda study, _: len(_concepts(study)) > 0,
    )  # fmt: skip
    method: str = fields.option(
        "pca", "Method",
        "PCA shows the two directions in which the vectors differ most, and keeps distances as far as a plane can. "
        "UMAP keeps who is near whom; it runs beside the page.",
        choices={"pca": "PCA", "umap": "UMAP"}, when=lambda study, options: study.layer(options["layer"]).dim > 1,
    )  # fmt: skip
    dead: bool = fields.option(False, "Dead codes too", "Codes that never occur in these images are compared as well.")


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """Use of a layer's codebook over all images, by concept, and the geometry of its vectors."""
    layer, table = options.layer, study.table(options.layer)
    cards, numbers = use.cards(study, layer)
    name = f"{study.checkpoint.name}-{layer}"
    blocks: list[Block] = [Controls(("layer",)), *words.continuous(study, layer), cards]
    blocks += use.yours(study, layer, picture)
    blocks.append(_selected(study, options, table))
    if len(table) > LARGE:
        blocks.append(Note(SOME.format(shown=LARGE, codes=len(table))))
    blocks.append(Row([_histogram(study, options, table, name), _cumulative(table, name)]))
    by_concept, told = _by_concept(study, options, name)
    blocks += [*by_concept, *_geometry(study, options, table, name), *_duplicates(study, options, name)]
    blocks += _everything(study, layer, table, name)
    named = {"names": study.names(layer)} if "name" in table else {}
    return Sheet(blocks, {"layer": layer, "code": options.code, "use": numbers, "concept": told, **named})


def drawn(table: pd.DataFrame) -> pd.DataFrame:
    """The codes that charts and tables show: all, and of a large codebook those with most tokens; by number."""
    return table if len(table) <= LARGE else table.nsmallest(LARGE, "rank").sort_index()


def _selected(study: Study, options: Options, table: pd.DataFrame) -> Block:
    """The code that was selected here or that a link names, and where to go from it."""
    code, facts = options.code, table.iloc[options.code]
    pictures = [Picture(one, alt=f"A patch of code {code}") for one in study.top_patches(options.layer, code, 6)[0]]
    name = study.names(options.layer).get(code)
    note = (f"{name} · " if name else "") + (
        f"{int(facts['tokens']):,} tokens · rank {int(facts['rank']):,} of {len(table):,} · in "
        f"{int(facts['images']):,} of {study.encoding.images:,} images"
    )
    link = Link(f"Code {code:,} on the maps", "grid_on", Go("code_maps", {"layer": options.layer, "code": code}))
    having = Go("similar", {"layer": options.layer, "search": "codes", "wanted": str(code)})
    links = [link, *([Link("Images with it", "image_search", having)] if facts["tokens"] else [])]
    parts = [[Controls(("code",))], [Pictures("selected", pictures, 56, grow=False)], [Note(note)]]
    parts += [[one] for one in links]
    return Row(parts, 60, even=False)


def _histogram(study: Study, options: Options, table: pd.DataFrame, name: str) -> list[Block]:
    from explorer.charts import code_plots

    colours, some, even = study.colours(options.layer), drawn(table), table["tokens"].mean()
    return [
        Heading("Use of each code", help_of("histogram of codes"), lambda: table, f"{name}-usage"),
        Controls(("by", "axis")),
        Chart(
            "usage",
            lambda theme: code_plots.usage_bars(
                some, colours, even=even, by=options.by, log=options.axis == "log", theme=theme
            ),
            "Tokens of each code", go=Go(carried={"code": "{point}"}),
        ),
    ]  # fmt: skip


def _cumulative(table: pd.DataFrame, name: str) -> list[Block]:
    import pandas as pd

    from explorer.analysis import usage
    from explorer.charts import code_plots

    counts = table["tokens"].to_numpy()
    shares = usage.cumulative_share(counts)
    covering = dict(zip(SHARES, usage.codes_covering(counts, SHARES), strict=True))
    return [
        Heading(
            "Cumulative share", help_of("cumulative share"),
            lambda: pd.DataFrame({"codes": np.arange(1, len(shares) + 1), "share_of_tokens": shares}),
            f"{name}-cumulative",
        ),
        Chart(
            "cumulative", lambda theme: code_plots.cumulative(shares, covering, theme=theme), "Share of tokens covered",
        ),
    ]  # fmt: skip


def compared(study: Study, layer: str, concept: str) -> Told | str:
    """Codes by the values of a concept, beside what shuffled labels give; a sentence where there are none."""
    from explorer.study import telling

    try:
        return telling.told(study, layer, study.known()[concept]) or f"No image has a value of {concept}."
    except BadInput as problem:
        return f"{problem}."


def _by_concept(study: Study, options: Options, name: str) -> tuple[list[Block], dict[str, Any]]:
    from explorer.analysis.codes import lift
    from explorer.analysis.selection import adjust
    from explorer.charts import code_plots

    heading = Heading("Use by concept", help_of("concept heat map"))
    if not options.concept:
        return [heading, Note(words.NO_CONCEPTS)], {}
    found = study.remember(compared, options.layer, options.concept)
    controls = Controls(("concept", "shown", "codes", "columns"))
    if isinstance(found, str):
        return [heading, controls, Note(found)], {}
    usage, tokens, presence = found.usage, found.tokens, found.presence
    by = presence.bits if options.codes == "telling" else usage.counts.sum(0)
    order = np.argsort(-by, kind="stable")[: options.columns]
    signed = options.shown == "ratio"
    values = lift(usage.counts) if signed else usage.share
    above, known = int((adjust(presence.p) < 0.05).sum()), int(usage.images.sum())
    blocks: list[Block] = [
        heading,
        controls,
        Chart(
            "concepts",
            lambda theme: code_plots.concept_heatmap(usage, values, order, signed=signed, theme=theme),
            f"Codes by {options.concept}", go=Go(carried={"code": "{point}"}),
        ),
        Cards([
            Card(
                "A token tells", f"{tokens.bits:.3f} bits", f"of {tokens.concept_bits:.2f} bits",
                help_of("information"),
            ),
            Card("By chance", f"{tokens.chance:.3f} bits", f"97.5 % below {tokens.chance_high:.3f}", help_of("chance")),
            Card(
                "Codes above chance", f"{above:,} of {len(presence.bits):,}", "q < 0.05",
                f"{help_of('codes above chance')} Here: {presence.permutations:,} shuffles.",
            ),
            Card("Images", f"{known:,}", f"{usage.missing:,} without a value", "Images that have a value."),
        ], 4),
        *([Note(SAMPLED.format(some=tokens.images))] if tokens.images < known else []),
        *([Note("This concept is continuous; its values are cut into fifths of the images.")] if found.cut else []),
        Download(
            "Tokens by value and code (CSV)", f"{name}-{options.concept}.csv",
            partial(_tokens_by_value, usage, options.concept), "The counts of the heat map, for all codes.",
        ),
    ]  # fmt: skip
    told = {"name": options.concept, "bits": tokens.bits, "of": tokens.concept_bits, "chance": tokens.chance}
    told |= {"chance_high": tokens.chance_high, "codes_above_chance": above, "images": known}
    return blocks, told | ({"bits_of_images": tokens.images} if tokens.images < known else {})


def _tokens_by_value(usage: Any, concept: str) -> str:
    import pandas as pd

    data = pd.DataFrame(usage.counts, columns=[f"code_{code}" for code in usage.codes])
    data.insert(0, concept, [str(value) for value in usage.values])
    return csv_of(data)


def _geometry(study: Study, options: Options, table: pd.DataFrame, name: str) -> list[Block]:
    layer = options.layer
    if study.layer(layer).dim == 1:
        places = np.stack([study.vectors(layer)[:, 0], 100 * table["share"].to_numpy()], 1)
        axes = (f"{layer}: the only number of a code", "share of all tokens (%)")
        return [_heading("line of codes", table, places, f"{name}-map"), _places(study, options, table, places, axes)]
    if options.method == "umap" and len(table) >= 4:
        asked = maps.Options(
            layer, "codebook", points=max(len(table), 5000)
        )  # as it is shipped, and kept by the latent map
        found = study.result("map", asked)
        if found is None:
            title = f"UMAP of the {len(table):,} vectors of layer {layer} of {study.checkpoint.name}"
            missing = Missing("map", asked, title, begin=True)
            return [_heading("map of codes", table, None, f"{name}-umap"), Controls(("method",)), missing]
        places, axes = found.table[["x", "y"]].to_numpy(), ("UMAP 1 (no unit)", "UMAP 2 (no unit)")
        trust = f"trustworthiness {found.facts['trustworthiness']:.3f} (1 is best, 0.5 is chance)"
        note = f"UMAP of {found.facts['points']:,} vectors, {trust}."
    else:
        shares = study.remember(_explained, layer)
        places = table[["x", "y"]].to_numpy()
        axes = tuple(f"main direction {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares))
        note = f"PCA of {len(table):,} vectors; the plane holds {shares.sum():.0%} of their variance."
    heading = _heading("map of codes", table, places, f"{name}-{options.method}")
    return [heading, Controls(("method",)), _places(study, options, table, places, axes), Note(note)]


def _heading(term: str, table: pd.DataFrame, places: np.ndarray | None, file: str) -> Heading:
    data = table if places is None else table.assign(x=places[:, 0], y=places[:, 1])
    return Heading("Map of the codebook", help_of(term), lambda: data, file)


def _places(study: Study, options: Options, table: pd.DataFrame, places: np.ndarray, axes: tuple[str, str]) -> Chart:
    """The codes at their places (K, 2), to point at and to click."""
    from explorer.charts import code_plots

    colours, some = study.colours(options.layer), drawn(table)
    there = places[some["code"].to_numpy()]
    return Chart(
        "geometry",
        lambda theme: code_plots.geometry(some, there, colours, axes=axes, selected=options.code, theme=theme),
        "Map of the codebook's vectors", go=Go(carried={"code": "{point}"}),
        tiles=(lambda: study.thumbnails(options.layer)) if len(some) == len(table) else None,
    )  # fmt: skip


def _explained(study: Study, layer: str) -> np.ndarray:
    from explorer.analysis.projection import explained_variance

    return explained_variance(study.vectors(layer))


def _pairs(study: Study, layer: str, dead: bool) -> tuple:
    from explorer.analysis.neighbours import near_duplicates

    rows = np.flatnonzero((study.usage(layer) > 0) | dead)
    pairs, distances, cosines, total = near_duplicates(study.vectors(layer)[rows])
    return rows[pairs], distances, cosines, total


def _duplicates(study: Study, options: Options, name: str) -> list[Block]:
    import pandas as pd

    from explorer.analysis.neighbours import affordable

    tokens, dim = study.usage(options.layer), study.layer(options.layer).dim
    count = len(tokens) if options.dead else int((tokens > 0).sum())
    if not affordable(count, dim):
        heading = Heading("Near-duplicate codes", help_of("near-duplicates"))
        return [heading, Note(f"{count:,} codes of {dim:,} numbers are too many to compare all pairs of them here.")]
    pairs, distances, cosines, total = study.remember(_pairs, options.layer, options.dead)
    data = pd.DataFrame({"code": pairs[:, 0], "other": pairs[:, 1], "distance": distances, "cosine": cosines})
    data = data.assign(tokens=tokens[pairs[:, 0]], tokens_of_other=tokens[pairs[:, 1]])
    title = f"Near-duplicate codes: {total:,} pairs"
    blocks: list[Block] = [Heading(title, help_of("near-duplicates"), lambda: data, f"{name}-duplicates")]
    blocks += [Controls(("dead",))] if (tokens == 0).any() else []
    if not total:
        return [*blocks, Note("No two codes are closer than a tenth of the median distance to the nearest code.")]
    columns = {
        "patch": Column("Patch"), "code": Column("Code"),
        "other_patch": Column("Patch of other"), "other": Column("Other"),
        "distance": Column("Distance", "Euclidean.", "%.4g"),
        "cosine": Column("Cosine", "1 is the same direction.", "%.4f"), "tokens": Column("Tokens", "", "localized"),
        "tokens_of_other": Column("Tokens of other", "", "localized"),
    }  # fmt: skip
    pictures = {
        "patch": lambda shown: study.tiles(options.layer, shown["code"]),
        "other_patch": lambda shown: study.tiles(options.layer, shown["other"]),
    }
    blocks.append(Table("duplicates", data.head(PAIRS), columns, pictures, height=260))
    if total > PAIRS:
        blocks.append(Note(f"The closest {PAIRS:,} of {total:,} pairs; the CSV has up to {len(data):,}."))
    return blocks


def _everything(study: Study, layer: str, table: pd.DataFrame, name: str) -> list[Block]:
    data = drawn(table).drop(columns=["x", "y"]).sort_values("rank")
    columns = {
        "patch": Column("Best patch", "Nearest to the code's vector."), "code": Column("Code"),
        **({"name": Column("Name", "As you named it.")} if "name" in data else {}),
        "rank": Column("Rank", "1 has the most tokens.", "localized"),
        "tokens": Column("Tokens", "Cells that have the code.", "localized"),
        "share": Column("Share", "Of all tokens.", "percent"),
        "images": Column("Images", "Images that have the code.", "localized"),
        "image_share": Column("Of images", "Of all images.", "percent"),
        "distance": Column("Distance", "Euclidean distance to the nearest other code.", "%.4g"),
        "neighbour": Column("Nearest code"),
    }  # fmt: skip
    sorts = {
        "rank": "Tokens, most first", "code": "Code", "-images": "Images, most first",
        "distance": "Distance to the nearest code, nearest first",
    }  # fmt: skip
    return [
        Heading(f"All {len(table):,} codes", help_of("table of codes"), lambda: data, f"{name}-codes"),
        Table(
            f"codes-{layer}-{len(table)}", data, columns,
            {"patch": lambda shown: study.tiles(layer, shown["code"])}, Go(carried={"code": "{point}"}), "code",
            420, sorts,
        ),
        Download(
            "Parquet", f"{name}-codes.parquet", lambda: table.drop(columns=["x", "y"]).to_parquet(index=False),
            "The same table, with its types.",
        ),
    ]  # fmt: skip
