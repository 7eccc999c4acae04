"""Latent map: the space of latents in two or three dimensions, and what is special about a part of it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import streamlit as st

from explorer.charts import plots
from explorer.pages import code_data, map_data, map_selection, session
from explorer.pages.bridge import bridge, selected
from explorer.pages.map_data import Shown
from explorer.results import maps

WHAT = {"images": "Images", "patches": "Patches", "codebook": "Codes"}
BUTTONS = {  # of the chart; Streamlit would leave out those that select
    2: ["toImage", "lasso2d", "select2d", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"],
    3: ["toImage", "orbitRotation", "zoom3d", "pan3d", "resetCameraDefault3d"],
}
POINTS = [500, 1_000, 2_000, 5_000, 10_000]
HELP = {
    "what": "Images: the latents of an image, averaged over the grid. Patches: single latents, a few of each image "
    "drawn at random. Codes: the vectors of the codebook.",
    "method": "UMAP keeps who is near whom, and bends space for it. PCA is a flat view along the directions in which "
    "the latents vary most, and is there at once.",
    "points": "Drawn at random. More points take longer; the command line (`explorer project`) makes larger maps.",
    "trust": "Are neighbours on the map neighbours in truth? For each point asked, those of its k nearest on the map "
    "that are not among its k nearest latents cost the more the farther they are (Venna and Kaski, 2001). 1 is "
    "perfect, about 0.5 is a random map. ",
    "reading": "**What a UMAP map can tell:** points that lie together have similar latents, as far as the "
    "trustworthiness says. **What it cannot:** how far apart clusters are, how large or dense they are, and what the "
    "axes mean; UMAP evens out densities and places clusters where there is room. A second seed shows what is chance.",
    "reading pca": "PCA is a projection: distances on the map are never larger than in truth, but what differs along "
    "other directions falls on one point. The axis titles say how much of the variance each axis holds.",
    "reading line": "A latent of this layer is one number, so there is nothing to project: to the right is the number, "
    "less its mean; of an image it is the mean over the grid. Dots with nearly the same number are stacked, so that "
    "their height is a histogram.",
    "neighbours": "How many nearest latents UMAP keeps together. Few show fine structure, and chance; many show the "
    "large picture.",
    "min_dist": "How tightly points may pack, in units of the map. Small values make tight clumps.",
    "seed": "Of the sample of points and of the layout.",
    "colour": "Discrete concepts get a legend, numbers a colour bar. Codes have the colours of the code maps: near "
    "codes look alike. An image has the colour of its most frequent code. A code has the value that most of its tokens "
    "come from, or the mean over its tokens.",
}


def draw() -> None:
    selection = session.selection()
    images = session.images(selection)
    toolbar = st.container(horizontal=True, vertical_alignment="bottom")
    with toolbar:
        kmeans = code_data.kmeans(selection)
    encoding = session.encoding_or_progress(selection, kmeans)
    with toolbar:
        layer = code_data.layer(encoding)
        options, usual = _options(encoding, layer)
    path = _path(selection, encoding, options, kmeans, usual)
    found = map_data.read(str(path), path.stat().st_mtime)
    key = f"{maps.key(encoding, options)}-{path.stat().st_mtime_ns}"
    shown = Shown(selection, encoding, images, options, key, path, found.table, found.facts)
    _facts(shown)
    _map(shown)


def _options(encoding, layer: str) -> tuple[maps.Options, bool]:
    """What the toolbar says, and whether it is what most people look at."""
    facts = encoding.layer(layer)
    whats = [what for what in WHAT if what != "patches" or facts.grid != (1, 1)]
    what = st.segmented_control(
        "Points", whats, format_func=WHAT.get, default="images", required=True, bind="query-params",
        key="what" if len(whats) == 3 else "what-vector", help=HELP["what"],
    )  # fmt: skip
    method, dims = ("pca", 2) if facts.dim == 1 else _method(facts.dim)
    available = {
        "images": encoding.images,
        "patches": encoding.images * int(encoding.facts["samples"][layer]),
        "codebook": len(encoding.codebook(layer)),
    }[what]
    points = 5_000
    sizes = [size for size in POINTS if size < available][:5]
    sizes = sizes if len(sizes) == len(POINTS) else [*sizes, next(size for size in POINTS if size not in sizes)]
    if what == "codebook":
        points = map_data.LARGEST
    elif len(sizes) > 1:
        points = st.select_slider(
            "At most", sizes, min(5_000, sizes[-1]), format_func="{:,} points".format, key=f"points-{len(sizes)}",
            persist_state="session", width=220, help=HELP["points"],
        )  # fmt: skip
    neighbours, min_dist, seed = 15, 0.1, 0
    if method == "umap":
        with st.expander("UMAP settings", icon=":material/tune:", width=420):
            neighbours = st.slider(
                "Neighbours", 2, 100, 15, key="neighbours", persist_state="session", help=HELP["neighbours"]
            )
            min_dist = st.slider(
                "Minimum distance", 0.0, 1.0, 0.1, 0.05, key="min-dist", persist_state="session", help=HELP["min_dist"]
            )
            seed = st.number_input("Seed", 0, 9999, 0, key="map-seed", persist_state="session", help=HELP["seed"])
    usual = (neighbours, min_dist, seed) == (15, 0.1, 0)
    return maps.Options(layer, what, method, dims, points, neighbours, seed, min_dist), usual


def _method(dim: int) -> tuple[str, int]:
    """How latents of `dim` numbers become a map, and of how many axes."""
    method = st.segmented_control(
        "Method", ["umap", "pca"], format_func=str.upper, default="umap", required=True, bind="query-params",
        key="method", help=HELP["method"],
    )  # fmt: skip
    if dim == 2:
        return method, 2
    dims = st.segmented_control(
        "Axes", [2, 3], format_func="{}-D".format, default=2, required=True, bind="query-params", key="dims",
        help="3-D can be turned, but has no lasso: select in 2-D.",
    )  # fmt: skip
    return method, dims


def _path(selection, encoding, options: maps.Options, kmeans: int, usual: bool) -> Path:
    """The map; while there is none, the work that makes it, and the page ends here."""
    path = maps.locate(encoding, options)
    if path is not None:
        return path
    if options.method == "pca":
        with st.spinner("Projecting …"):
            return maps.make(encoding, options)
    arguments = ["project", str(selection.checkpoint.path), *selection.arguments]
    arguments += ["--kmeans", str(kmeans), "--layer", options.layer]
    for name in ("what", "method", "dims", "points", "neighbours", "min_dist", "seed"):
        arguments += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    session.background(
        arguments,
        maps.default_path(encoding, options),
        title=f"{options.dims}-D UMAP of {WHAT[options.what].lower()} in layer {options.layer} of "
        f"{selection.checkpoint.name}",
        begin=usual,
        about="A map takes from seconds to a minute, beside this page; it is kept, and found at once the next time.",
    )
    st.caption("PCA, in the toolbar above, is there at once.")
    st.stop()


def _facts(shown: Shown) -> None:
    """How many points there are and how far to trust the map."""
    facts, options = shown.facts, shown.options
    k, asked = facts["trustworthiness_k"], facts["trustworthiness_queries"]
    of = {
        "images": f"of {shown.encoding.images:,} images",
        "patches": f"a sample of {shown.encoding.images:,} images' cells",
        "codebook": f"of {len(shown.encoding.codebook(shown.layer)):,} codes",
    }[options.what]
    about = HELP["trust"] + f"Here k = {k}, and {asked:,} of the {len(shown.table):,} points were asked."
    cells = [("Points", f"{len(shown.table):,}", of, HELP["what"])]
    if not shown.line:
        note = f"k = {k}, {asked:,} points asked"
        cells.append(("Trustworthiness", f"{facts['trustworthiness']:.3f}", note, about))
    if options.method == "umap":
        note = "trustworthiness, same points"
        cells.append(("PCA would reach", f"{map_data.pca_trust(shown):.3f}", note, HELP["method"]))
    elif not shown.line:
        shares = facts["explained_variance"]
        note = f"of the variance, in {options.dims} axes"
        cells.append(("The axes hold", f"{sum(shares):.0%}", note, HELP["reading pca"]))
    with st.grid(4, min_column_width=150):
        for label, value, note, about in cells:
            st.metric(
                label, value, note, delta_color="off", delta_arrow="off", help=about, border=True, height="stretch"
            )
        with st.container(border=True, height="stretch", vertical_alignment="center"):
            reading = HELP["reading line" if shown.line else "reading" if options.method == "umap" else "reading pca"]
            st.markdown(":gray[How to read this map]", help=reading)
            _downloads(shown)


def _downloads(shown: Shown) -> None:
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV", lambda: _with_concepts(shown).to_csv(index=False), f"{shown.file}.csv", "text/csv",
            icon=":material/download:", on_click="ignore", type="tertiary", key="map-csv",
            help="Places and concepts of all points.",
        )  # fmt: skip
        st.download_button(
            "Parquet", lambda: _parquet(shown), f"{shown.file}.parquet", icon=":material/download:",
            on_click="ignore", type="tertiary", key="map-parquet",
            help="The same with types; how the map was made stands in the metadata.",
        )  # fmt: skip


def _with_concepts(shown: Shown):
    if shown.rows is None:
        return shown.table
    table = shown.table.assign(name=np.array(shown.images.names, object)[shown.rows])
    found = map_data.concepts(shown.encoding.facts["key"], shown.encoding).iloc[shown.rows].reset_index(drop=True)
    return table.join(found, rsuffix="_concept")


def _parquet(shown: Shown) -> bytes:
    import json

    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pandas(_with_concepts(shown), preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), maps.METADATA: json.dumps(shown.facts)})
    data = io.BytesIO()
    pyarrow.parquet.write_table(table, data)
    return data.getvalue()


@st.fragment
@session.guard()
def _map(shown: Shown) -> None:
    """The chart, and beside and below it what the user points out."""
    options = shown.options
    chosen = np.unique(selected(f"map-{shown.key}"))
    chosen = chosen[chosen < len(shown.table)]
    left, right = st.columns([5, 3], gap="medium")
    with left:
        choices = map_data.colourings(shown)
        by = st.selectbox("Coloured by", choices, key=f"colour-{options.what}", width=260, help=HELP["colour"])
        st.plotly_chart(
            _figure(shown, by, chosen), key=f"map-{shown.key}", theme=None, alt="Map of latents",
            config={"displaylogo": False, "scrollZoom": True, "modeBarButtons": [BUTTONS[options.dims]]},
        )  # fmt: skip
        event = bridge(f"map-{shown.key}", map_data.sprite(shown), tile_from="customdata", select=options.dims == 2)
        _agreement(shown, by)
        if options.dims == 3:
            st.caption("Drag to turn. A 3-D map has no lasso or box: change to 2-D to select.")
    _take(shown, event.click)
    with right:
        map_selection.point(shown)
        map_selection.gallery(shown, chosen)
    map_selection.compare(shown, chosen)


def _agreement(shown: Shown, by: str) -> None:
    """How far the map follows the concept that it is coloured by."""
    told = map_data.agreements(shown).get(by)
    if told is not None and told[0] == told[0]:
        k = shown.facts["trustworthiness_k"]
        st.caption(
            f"{told[0]:.0%} of neighbours on this map share their {session.plain(by)}; {told[1]:.0%} would by chance.",
            help=f"For each of the {len(shown.table):,} points: how many of its {k} nearest on the map have the same "
            "value, beside any other points drawn at random. The concepts to colour by are in the order of what lies "
            "beyond chance. It speaks of the map; what a map cannot keep apart may well be apart in the latents.",
        )


def _figure(shown: Shown, by: str, chosen: np.ndarray):
    values, kind, title = map_data.colouring(shown, by)
    colours = code_data.colours(shown.encoding, shown.layer) if kind == "code" else None
    figure = plots.latent_map(
        shown.charted, values, kind=kind, title=title, colours=colours, axes=_axes(shown), theme=session.theme()
    )
    if shown.line:  # a height is no distance
        figure.update_xaxes(showticklabels=True)
        figure.update_yaxes(scaleanchor=None, showticklabels=True, rangemode="tozero")
    notes = map_data.notes(shown)
    for trace in figure.data:
        points = np.asarray(trace.customdata)
        trace.update(hovertext=notes[points], hovertemplate="%{hovertext}<extra></extra>")
        if len(chosen) and shown.options.dims == 2:
            trace.update(
                selectedpoints=np.flatnonzero(np.isin(points, chosen)), unselected={"marker": {"opacity": 0.05}}
            )
    here = map_selection.current(shown)
    if len(here):
        _ring(figure, shown, here)
    # what is selected stands out; the outline of the lasso goes, because points under it cannot be clicked
    figure.update_layout(uirevision=shown.key, selectionrevision=f"{shown.key}-{hash(chosen.tobytes())}", selections=[])
    figure.update_scenes(aspectmode="data")  # one scale along all axes
    return figure


def _ring(figure, shown: Shown, here: np.ndarray) -> None:
    """Marks the points of the image or code that the URL names."""
    columns = {axis: shown.charted[here, i] for i, axis in enumerate("xyz"[: shown.options.dims])}
    text = plots.THEMES[session.theme()]["text"]
    add = figure.add_scattergl if shown.options.dims == 2 else figure.add_scatter3d
    add(
        **columns,
        mode="markers",
        marker={"size": 14, "symbol": "circle-open", "color": text, "line": {"width": 2, "color": text}},
        customdata=here.astype(np.int32),
        hoverinfo="skip",
        showlegend=False,
    )


def _axes(shown: Shown) -> tuple[str, ...]:
    if shown.options.method == "umap":
        return tuple(f"UMAP {i + 1} (no unit)" for i in range(3))
    if shown.line:
        return (f"{shown.layer}, less its mean", f"{WHAT[shown.options.what].lower()}, stacked")
    shares = shown.facts["explained_variance"]
    if shown.options.dims == 3:  # long names leave the chart
        return tuple(f"PC {i + 1} ({share:.1%})" for i, share in enumerate(shares))
    return tuple(f"main direction {i + 1} ({share:.1%} of the variance)" for i, share in enumerate(shares))


def _take(shown: Shown, click) -> None:
    """Takes a click over into the URL: the image, and the code of a patch; or the code."""
    place = getattr(click, "custom", None)
    place = place[0] if isinstance(place, list) and place else place
    if not isinstance(place, (int, float)) or not 0 <= place < len(shown.table):
        return
    code = int(map_data.point_codes(shown)[int(place)])
    if shown.options.what != "images":
        session.put("code", code)
    if shown.rows is not None:
        session.put("image", int(shown.rows[int(place)]))
    st.session_state["map point"] = (shown.key, int(place))
    st.rerun()


draw()
