"""What the pages about codes share: pickers of layer, K and code, and cached facts and pictures of codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.pages import session
from explorer.study import cutouts

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from explorer.datasets import Images
    from explorer.encodings import Encoding

SIZES = [16, 32, 64, 128, 256, 512]  # of k-means codebooks
TILE = cutouts.TILE
BUTTONS = 12  # layers in a row of buttons; more become a list


def kmeans(selection: session.Selection) -> int:
    """K of the codebooks of continuous layers, a picker if there are any."""
    if all(layer.get("codes") for layer in selection.checkpoint.layers):
        return 64
    return st.select_slider(
        "k-means codes",
        SIZES,
        64,
        key="kmeans",
        bind="query-params",
        on_change=lambda: session.put("code", None),
        width=260,
        help="Layers of this checkpoint are continuous. So that they have codes, k-means puts so many centres among "
        "their latents on training images, and each latent counts as the nearest. More centres are finer codes.",
    )


def layer(encoding: Encoding) -> str:
    """The layer that the URL names, with a picker where there are several; another layer has other codes."""
    names = [layer.name for layer in encoding.layers]

    def widget(label: str, options: list[str], *, key: str, on_change: Callable) -> str | None:
        def both() -> None:
            on_change()
            session.put("code", None)

        if len(options) == 1:
            return options[0]
        about = "Whose codes are shown in detail."
        if len(options) > BUTTONS:
            return st.selectbox(label, options, key=key, on_change=both, width=180, help=about)
        return st.segmented_control(label, options, key=key, on_change=both, required=True, help=about)

    return session.pick("layer", "Layer", names, _main(encoding), widget=widget)


def _main(encoding: Encoding) -> str:
    """The layer to begin with: the first on the finest grid of those with codes of their own; else the last."""
    own = [layer for layer in encoding.layers if encoding.codebook(layer.name).kind != "kmeans"]
    return max(own, key=lambda layer: layer.grid[0]).name if own else encoding.layers[-1].name


def table(encoding: Encoding, layer: str) -> pd.DataFrame:
    """One row for each code; see `analysis.codes.table`."""
    return _table(encoding.facts["key"], layer, encoding)


@st.cache_data(max_entries=32, show_spinner="Counting codes …")
def _table(key: str, layer: str, _encoding: Encoding) -> pd.DataFrame:
    from explorer.analysis import codes

    return codes.table(_encoding.codes(layer), vectors(_encoding, layer))


def vectors(encoding: Encoding, layer: str) -> np.ndarray:
    """(K, D) float32."""
    return encoding.codebook(layer).vectors.detach().cpu().numpy()


def colours(encoding: Encoding, layer: str) -> np.ndarray:
    """(K, 3) uint8: near codes look alike."""
    return _colours(encoding.facts["key"], layer, encoding)


@st.cache_data(max_entries=64, show_spinner=False)
def _colours(key: str, layer: str, _encoding: Encoding) -> np.ndarray:
    from explorer.analysis.colours import colour_codes

    return colour_codes(vectors(_encoding, layer), _encoding.usage(layer))


def thumbnails(encoding: Encoding, images: Images, layer: str) -> np.ndarray:
    """The best patch of each code in its surroundings, grey for a dead code: (K, TILE, TILE, 3) uint8."""
    return _thumbnails(encoding.facts["key"], layer, encoding, images)


@st.cache_data(max_entries=16, show_spinner="Cutting out a patch for each code …")
def _thumbnails(key: str, layer: str, _encoding: Encoding, _images: Images) -> np.ndarray:
    return cutouts.of_each(_encoding, _images, layer)


def download(label: str, frame: pd.DataFrame, name: str, key: str) -> None:
    """A small button with a chart's data."""
    st.download_button(
        label,
        lambda: frame.to_csv(index=False),
        f"{name}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        type="tertiary",
        key=key,
        help="The numbers of this chart as CSV; the camera on the chart saves a picture.",
    )


def title(text: str, about: str, data: pd.DataFrame, file: str) -> None:
    """A heading with its help, and the chart's data to take home."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(text, help=about, width="content", anchor=False)
        download("CSV", data, file, key=f"csv-{text}")
