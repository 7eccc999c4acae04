"""A page with one scatter and one heatmap, for test_bridge.py."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explorer.pages.bridge import bridge, sprite_sheet

count = st.number_input("Points", 4, 100_000, 4)
side = np.linspace(0, 1, 2)
x, y = (axis.ravel() for axis in np.meshgrid(side, side))
if count > 4:
    x, y = np.random.default_rng(0).random((2, count)).astype(np.float32)
images = np.zeros((4, 8, 8, 3), np.uint8)
images[:, :, :, 0] = np.array([0, 80, 160, 240])[:, None, None]


@st.fragment
def scatter() -> None:
    figure = go.Figure(go.Scattergl(x=x, y=y, mode="markers", marker={"size": 14 if count == 4 else 3}))
    figure.update_layout(height=400, dragmode="select", uirevision="same")
    st.plotly_chart(figure, key="map")
    event = bridge("map", sprite_sheet(images, 8), scale=4, key=f"bridge-{count}")
    st.text(f"selected {len(event.selected)}: {event.selected[:4].tolist()}")
    st.text(f"clicked {None if event.click is None else event.click.point}")


@st.fragment
def heatmap() -> None:
    figure = go.Figure(go.Heatmap(z=np.arange(16).reshape(4, 4)))
    figure.update_layout(height=400)
    st.plotly_chart(figure, key="grid.0")  # a layer may have a dot in its name
    event = bridge("grid.0", select=False)
    st.text(f"cell {None if event.click is None else (event.click.x, event.click.y, event.click.z)}")


scatter()
heatmap()
