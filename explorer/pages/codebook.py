"""Codebook: which codes are used, how often, for which concepts, and how their vectors lie."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from explorer.charts import code_plots
from explorer.pages import code_data, code_tables, session
from explorer.pages.bridge import bridge, sprite_sheet

SHARES = (0.5, 0.9, 0.99)
HELP = {
    "used": "Codes that stand in at least one cell of these images. Below it: what as many tokens drawn evenly from "
    "all codes would use, the most that can be expected of so few tokens.",
    "dead": "Codes that never occur in these images. With few images a rare code can look dead.",
    "perplexity": "2 to the power of the entropy: as many equally frequent codes would be as varied. Its 95 % interval "
    "comes from drawing images anew (bootstrap), because tokens of one image are not independent. With few tokens the "
    "estimate is too small; the interval corrects for that, and may then lie above it.",
    "ceiling": "The perplexity that as many tokens drawn evenly from all codes would reach: the most that is possible "
    "here.",
    "entropy": "How many bits one code carries on average if only the frequencies are known. At most log₂ of the "
    "number of codes. Corrected (Miller–Madow): counts of a sample make the entropy look too small; this adds what is "
    "missing on average.",
    "tokens": "Cells counted: images times cells of an image.",
    "rate": "What this layer costs an image if codes are stored by their frequency (entropy), and with log₂ of the "
    "codebook's size for each token (fixed length).",
    "cover": "How few codes, the most used ones first, make up this share of all tokens.",
    "cumulative": "How much of all tokens the most used codes cover. The dashed line is even use; the further above "
    "it, the fewer codes do most of the work.",
    "histogram": "A bar for each code, in the colour that it has on the code maps. By rank shows how uneven the use "
    "is; by code shows where in the codebook the used ones lie. On the logarithmic axis rare codes can be seen. Click "
    "a bar to select its code.",
    "concepts": "For the images of each value of a concept: how much of their tokens each code makes up. The ratio "
    "compares that with all images: 1 is twice as common, -1 half as common.",
    "information": "Mutual information: how many bits the code of one random token tells about the concept of its "
    "image. The estimate is too high with many codes and few images; shuffled labels show by how much.",
    "chance": "The same number when the labels are shuffled among the images, mean of 100 shuffles, and the value that "
    "97.5 % of them stay below. Only what lies above it says anything.",
    "line": "A code of this layer is one number, so there is nothing to project: to the right is the number, upwards "
    "the share of all tokens that have the code. Hollow dots are dead codes. Point at a dot for its best patch, click "
    "it to select it.",
    "map": "Each dot is a code, the area its tokens, the colour that of the code maps; hollow dots are dead codes. "
    "Point at a dot for its best patch, click it to select it.",
}


def draw() -> None:
    selection = session.selection()
    images = session.images(selection)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kmeans = code_data.kmeans(selection)
        options = st.container(horizontal=True, vertical_alignment="bottom", width="content")
    encoding = session.encoding_or_progress(selection, kmeans)
    with options:
        layer = code_data.layer(encoding)
    if note := code_data.continuous_note(encoding, layer):
        st.caption(note)
    table = code_data.table(encoding, layer)
    name = f"{selection.checkpoint.name}-{layer}"
    _metrics(selection, encoding, layer)
    chosen = st.container()
    with st.grid(2, min_column_width=380, gap="medium"):
        with st.container():
            _histogram(encoding, layer, table, name)
        with st.container():
            _cumulative(table, name)
    _concepts(encoding, layer, name)
    _geometry(selection, kmeans, encoding, images, layer, table, name)
    code_tables.duplicates(encoding, images, layer, table, name)
    code_tables.everything(encoding, images, layer, table, name)
    with chosen:
        _selected(encoding, images, layer, table)


def _selected(encoding, images, layer: str, table: pd.DataFrame) -> None:
    """The code that was selected here or that the URL names, and where to go from it."""
    default = int(table["rank"].argmin())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="selected"):
        code = code_data.code(encoding, layer, default)
        facts = table.iloc[code]
        pictures = code_data.top_patches(encoding, images, layer, code, 6)[0]
        with st.container(horizontal=True, gap="xsmall", width="content"):
            for picture in pictures:
                st.image(picture, width=56, alt=f"A patch of code {code}")
        st.caption(
            f"{int(facts['tokens']):,} tokens · rank {int(facts['rank']):,} of {len(table):,} · in "
            f"{int(facts['images']):,} of {encoding.images:,} images",
            width="content",
        )
        session.link("code_maps", f"Code {code:,} on the maps", ":material/grid_on:", layer=layer, code=code)


@st.cache_data(max_entries=32, show_spinner="Measuring the codebook …")
def _measured(key: str, layer: str, _encoding) -> tuple:
    from explorer.analysis import codes, usage

    counts = _encoding.usage(layer)
    interval = codes.perplexity_interval(_encoding.codes(layer), len(counts))
    return (
        usage.measure(counts, _encoding.images),
        interval,
        usage.codes_covering(counts, SHARES),
        float(usage.entropy_bits(counts >= 0)),  # of even use: log2 K
    )


def _metrics(selection, encoding, layer: str) -> None:
    found, (low, high), covering, most_bits = _measured(encoding.facts["key"], layer, encoding)
    grid = encoding.layer(layer).grid
    rates = _rates(selection, encoding, layer, found.entropy_bits)
    cells = (
        ("Used codes", f"{found.used:,} of {found.codes:,}", f"even use: {found.uniform_used:,.0f}", HELP["used"]),
        ("Dead codes", f"{found.dead:,}", "never seen here", HELP["dead"]),
        ("Perplexity", f"{found.perplexity:.1f}", f"95 %: {low:.1f} – {high:.1f}", HELP["perplexity"]),
        ("Even use would reach", f"{found.uniform_perplexity:.1f}", "perplexity, at most", HELP["ceiling"]),
        (
            "Entropy",
            f"{found.entropy_bits:.2f} bits",
            f"at most {most_bits:.2f}",
            f"{HELP['entropy']} Here: {found.entropy_corrected:.3f} bits.",
        ),
        (
            "Tokens counted",
            f"{found.tokens:,}",
            f"{found.images:,} images × {grid[0]} × {grid[1]} cells",
            HELP["tokens"],
        ),
        *(
            (f"Cover {share:.0%}", f"{codes:,} code" + ("s" if codes != 1 else ""), "of all tokens", HELP["cover"])
            for share, codes in zip(SHARES, covering, strict=True)
        ),
        *rates,
    )
    with st.grid(5, min_column_width=170):
        for label, value, note, about in cells:
            st.metric(
                label, value, note, delta_color="off", delta_arrow="off", help=about, border=True, height="stretch"
            )


def _rates(selection, encoding, layer: str, entropy_bits: float) -> tuple:
    """The metric of what the codes cost, for a codebook that the model decodes from."""
    from explorer.analysis.usage import bits_per_pixel

    book, grid, size = encoding.codebook(layer), encoding.layer(layer).grid, selection.checkpoint.image_size
    if book.kind == "kmeans":
        return ()
    rate, fixed = bits_per_pixel(grid, len(book), size, entropy_bits), bits_per_pixel(grid, len(book), size)
    beside = [one.name for one in encoding.layers if encoding.codebook(one.name).kind == "kmeans"]
    more = f" The continuous numbers of {' and '.join(map(session.plain, beside))} are not counted." if beside else ""
    return (("Bits per pixel", f"{rate:.3f}", f"fixed length: {fixed:.3f}", HELP["rate"] + more),)


def _histogram(encoding, layer: str, table: pd.DataFrame, name: str) -> None:
    code_data.title("Use of each code", HELP["histogram"], table, f"{name}-usage")
    with st.container(horizontal=True):
        by = st.segmented_control(
            "Order", ["rank", "code"], format_func={"rank": "By rank", "code": "By code"}.get, default="rank",
            key="by", bind="query-params", required=True, label_visibility="collapsed",
        )  # fmt: skip
        scale = st.segmented_control(
            "Axis", ["linear", "log"], format_func={"linear": "Linear", "log": "Logarithmic"}.get, default="linear",
            key="axis", bind="query-params", required=True, label_visibility="collapsed",
        )  # fmt: skip
    colours = code_data.colours(encoding, layer)
    st.plotly_chart(
        code_plots.usage_bars(table, colours, by=by, log=scale == "log", theme=session.theme()),
        key="usage",
        alt="Tokens of each code",
    )
    _take(bridge("usage", select=False).click, len(table))


def _cumulative(table: pd.DataFrame, name: str) -> None:
    from explorer.analysis import usage

    counts = table["tokens"].to_numpy()
    shares = usage.cumulative_share(counts)
    data = pd.DataFrame({"codes": np.arange(1, len(shares) + 1), "share_of_tokens": shares})
    code_data.title("Cumulative share", HELP["cumulative"], data, f"{name}-cumulative")
    covering = dict(zip(SHARES, usage.codes_covering(counts, SHARES), strict=True))
    figure = code_plots.cumulative(shares, covering, theme=session.theme())
    st.plotly_chart(figure, key="cumulative", alt="Share of tokens covered")


def _take(click, size: int) -> None:
    """Takes over a click on a bar or dot whose customdata starts with the code."""
    custom = getattr(click, "custom", None)
    if isinstance(custom, list) and custom and isinstance(custom[0], (int, float)) and 0 <= custom[0] < size:
        session.put("code", int(custom[0]))
        st.rerun()


def _concepts(encoding, layer: str, name: str) -> None:
    st.header("Use by concept", help=HELP["concepts"], anchor=False)
    concepts = encoding.concepts()
    if not len(concepts.columns):
        st.caption(
            "This dataset has no concepts. Put images into a folder for each class, or a metadata.csv beside them."
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        concept = st.selectbox(
            "Concept", list(concepts.columns), key="concept-of-codes", persist_state="session", width=200
        )
        signed = st.segmented_control(
            "Shown", ["share", "ratio"], default="share", key="concept-shown", persist_state="session", required=True,
            format_func={"share": "Share of the value's tokens", "ratio": "Ratio to all images (log₂)"}.get,
        )  # fmt: skip
        which = st.segmented_control(
            "Codes", ["used", "telling"], default="used", key="concept-codes", persist_state="session", required=True,
            format_func={"used": "Most used", "telling": "Most telling"}.get,
            help="Most telling: those whose presence in an image tells most about the concept (mutual information).",
        )  # fmt: skip
        many = st.select_slider(
            "Columns", [10, 20, 40, 80], 40, key="concept-columns", persist_state="session", width=180
        )
    found = _by_concept(encoding.facts["key"], layer, concept, encoding)
    if found is None:
        st.caption(f"No image has a value of {session.plain(concept)}.")
        return
    usage, lift, tokens, presence, cut = found
    order = np.argsort(-(presence.bits if which == "telling" else usage.counts.sum(0)), kind="stable")[:many]
    values = lift if signed == "ratio" else usage.share
    figure = code_plots.concept_heatmap(usage, values, order, signed=signed == "ratio", theme=session.theme())
    st.plotly_chart(figure, key="concepts", alt=f"Codes by {concept}")
    with st.grid(4, min_column_width=150):
        for label, value, note, about in (
            ("A token tells", f"{tokens.bits:.3f} bits", f"of {tokens.concept_bits:.2f} bits", HELP["information"]),
            ("By chance", f"{tokens.chance:.3f} bits", f"97.5 % below {tokens.chance_high:.3f}", HELP["chance"]),
            (
                "Codes above chance",
                f"{int((presence.bits > presence.chance_high).sum()):,} of {len(presence.bits):,}",
                "one in 40 would be by chance",
                "Codes whose presence in an image tells more about the concept than for 97.5 % of shuffled labels.",
            ),
            ("Images", f"{tokens.images:,}", f"{usage.missing:,} without a value", "Images that have a value."),
        ):
            st.metric(
                label, value, note, delta_color="off", delta_arrow="off", help=about, border=True, height="stretch"
            )
    if cut:
        st.caption("This concept is continuous; its values are cut into fifths of the images.")
    data = pd.DataFrame(usage.counts, columns=[f"code_{code}" for code in usage.codes])
    data.insert(0, concept, [str(value) for value in usage.values])
    code_data.download("Tokens by value and code (CSV)", data, f"{name}-{concept}", key="csv-concepts")


@st.cache_data(max_entries=32, show_spinner="Comparing with shuffled labels …")
def _by_concept(key: str, layer: str, concept: str, _encoding) -> tuple | None:
    from explorer.analysis import codes, usage

    labels, cut = codes.values_of(_encoding.concepts()[concept])
    if all(label is None for label in labels):
        return None
    tokens, size = _encoding.codes(layer), len(_encoding.codebook(layer))
    found = usage.by_concept(tokens, labels, size)
    return (
        found,
        codes.lift(found.counts),
        usage.token_information(tokens, labels, size),
        usage.presence_information(tokens, labels, size),
        cut,
    )


def _geometry(selection, kmeans: int, encoding, images, layer: str, table: pd.DataFrame, name: str) -> None:
    if encoding.layer(layer).dim == 1:
        places = np.stack([code_data.vectors(encoding, layer)[:, 0], 100 * table["share"].to_numpy()], 1)
        code_data.title(
            "Map of the codebook", HELP["line"], table.assign(x=places[:, 0], y=places[:, 1]), f"{name}-map"
        )
        axes = (f"{layer}: the only number of a code", "share of all tokens (%)")
        _chart(encoding, images, layer, table, places, axes)
        return
    heading = st.container()
    method = st.segmented_control(
        "Method", ["pca", "umap"], format_func=str.upper, default="pca", key="codebook-map", bind="query-params",
        required=True, label_visibility="collapsed",
        help="PCA shows the two directions in which the vectors differ most, and keeps distances as far as a plane "
        "can. UMAP keeps who is near whom; it runs beside the page.",
    )  # fmt: skip
    if method == "umap" and len(table) >= 3:
        places, note = _umap(selection, kmeans, encoding, layer)
        axes = ("UMAP 1 (no unit)", "UMAP 2 (no unit)")
    else:
        shares = _explained(encoding.facts["key"], layer, encoding)
        places = table[["x", "y"]].to_numpy()
        axes = tuple(f"main direction {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares))
        note = f"PCA of {len(table):,} vectors; the plane holds {shares.sum():.0%} of their variance."
    data = table if places is None else table.assign(x=places[:, 0], y=places[:, 1])
    with heading:
        code_data.title("Map of the codebook", HELP["map"], data, f"{name}-{method}")
    if places is None:
        return
    _chart(encoding, images, layer, table, places, axes)
    st.caption(note)


def _chart(encoding, images, layer: str, table: pd.DataFrame, places: np.ndarray, axes: tuple[str, str]) -> None:
    """The codes at their places (K, 2), to point at and to click."""
    selected = session.get("code")
    figure = code_plots.geometry(
        table, places, code_data.colours(encoding, layer), axes=axes, theme=session.theme(),
        selected=int(selected) if selected is not None and selected.isdecimal() else None,
    )  # fmt: skip
    st.plotly_chart(figure, key="geometry", alt="Map of the codebook's vectors")
    sprite = _sprite(encoding.facts["key"], layer, encoding, images)
    _take(bridge("geometry", sprite, select=False, tile_from="customdata").click, len(table))


@st.cache_data(max_entries=32, show_spinner=False)
def _explained(key: str, layer: str, _encoding) -> np.ndarray:
    from explorer.analysis.projection import explained_variance

    return explained_variance(code_data.vectors(_encoding, layer))


@st.cache_data(max_entries=16, show_spinner="Cutting out a patch for each code …")
def _sprite(key: str, layer: str, _encoding, _images):
    return sprite_sheet(code_data.thumbnails(_encoding, _images, layer), code_data.TILE)


def _umap(selection, kmeans: int, encoding, layer: str) -> tuple[np.ndarray | None, str]:
    """Places (K, 2) by UMAP and a note, or None while they are computed beside the page."""
    from explorer.results import maps

    size = len(encoding.codebook(layer))
    options = maps.Options(layer, "codebook", "umap", points=size)
    path = maps.locate(encoding, options)
    if path is None:
        arguments = ["project", str(selection.checkpoint.path), *selection.arguments]
        arguments += ["--kmeans", str(kmeans), "--layer", layer]
        arguments += ["--what", "codebook", "--method", "umap", "--points", str(size)]
        title = f"UMAP of the {size:,} vectors of layer {layer} of {selection.checkpoint.name}"
        session.background(arguments, maps.default_path(encoding, options), title=title, begin=True)
        return None, ""
    found = maps.read(path)
    trust = f"trustworthiness {found.facts['trustworthiness']:.3f} (1 is best, 0.5 is chance)"
    return found.table[["x", "y"]].to_numpy(), f"UMAP of {found.facts['points']:,} vectors, {trust}."


draw()
