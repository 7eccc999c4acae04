"""A page with nothing but a map of many points, and what Python knows of it.

`?points=` says how many; with `?plotly=yes` plotly draws the same ones, with `?points=0` there is no map.
"""

import hashlib
import time

import numpy as np
import streamlit as st

from explorer.charts.plots import latent_map
from explorer.charts.scatter_colours import colouring
from explorer.pages import scatter
from explorer.pages.bridge import bridge
from explorer.sheets import Go
from explorer.sheets.scatter import Mark, Scatter, pack

COUNT = int(st.query_params.get("points", "20000"))
NAMES = ("circle", "square", "triangle", "heart", "star")  # and some that have none


@st.cache_resource
def material(count):
    generator = np.random.default_rng(7)
    group = generator.integers(0, 6, count)
    middle = np.stack([np.cos(group * 2.1), np.sin(group * 1.3)], 1)
    places = (middle + generator.normal(0, 0.22, (count, 2))).astype(np.float32)
    return places, group, generator.normal(20, 3, count), pack(places)


@st.fragment
def page():
    places, group, numbers, packed = material(COUNT)
    by = st.segmented_control("Coloured by", ["shape", "size", "code"], default="shape", required=True)
    values, kind = {
        "shape": (group, "discrete"),
        "size": (numbers, "continuous"),
        "code": (np.arange(COUNT) % 1000, "code"),
    }[by]
    palette = np.random.default_rng(1).integers(40, 220, (1000, 3)).astype(np.uint8)

    def pictures(points):
        return np.broadcast_to((points % 200)[:, None, None, None], (len(points), 28, 28, 3)).astype(np.uint8)

    block = Scatter(
        f"test-{COUNT}", packed, ("UMAP 1 (no unit)", "UMAP 2 (no unit)"),
        lambda theme: colouring(values, kind, by, NAMES, palette, theme), "A map of points",
        told=lambda point: (f"image {point:,}", f"shape: {(*NAMES, None)[group[point]]}"), pictures=pictures, go=Go(),
        marks=[Mark(tuple(map(float, places[0])), "your picture")],
    )  # fmt: skip
    started = time.perf_counter()
    if "plotly" in st.query_params:
        figure = latent_map(places, np.array((*NAMES, None), object)[group])
        st.plotly_chart(figure, key="chart", theme=None, config={"displayModeBar": True})
        chosen = np.sort(bridge("chart", click=False, tile_from="customdata").selected)
    else:
        scatter.draw(block, lambda point: st.session_state.update(clicked=point))
        chosen = scatter.selected(block.name)
    st.text(f"drawn in {time.perf_counter() - started:.3f} s")
    st.text(f"clicked: {st.session_state.get('clicked')}")
    st.text(f"selected: {len(chosen)} {hashlib.sha256(chosen.astype('<i8').tobytes()).hexdigest()[:16]}")


if COUNT:
    page()
else:
    st.text("selected: 0")
