"""Code maps: one image through every layer, which code stands where, and what that code means."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.charts import code_plots
from explorer.pages import code_data, code_panel, session
from explorer.pages.bridge import bridge
from explorer.sheets import drawing

NARROW = 150  # px of a map among many; a chart cannot be narrower
NEEDED = (
    "The decoder needs this layer in {needed:,} of the {cells:,} cells of this image; in the others, whose code is "
    "among the most frequent, it always has the same value."
)
ORDERS = {"number": "Number", "worst": "Worst first", "best": "Best first"}
HELP = {
    "order": "Previous and Next go through the images in this order. Best and worst are by PSNR, the quality of the "
    "reconstruction.",
    "map": "Each cell of the grid is one latent vector, and its colour the code it was given. Codes with near vectors "
    "have near colours (the codebook's three main directions become lightness, blue to yellow, and green to red).",
}


def draw() -> None:
    selection = session.selection()
    images = session.images(selection)
    toolbar, options = (
        st.container(horizontal=True, vertical_alignment="bottom"),
        st.container(horizontal=True, vertical_alignment="bottom"),
    )
    with options:
        kmeans = code_data.kmeans(selection)
    encoding = session.encoding_or_progress(selection, kmeans)
    with toolbar:
        row = _image(encoding, images)
    with options:
        opacity = _view()
        layer = code_data.layer(encoding)
        here = encoding.codes(layer, [row])[0]
        default = here[here.shape[0] // 2, here.shape[1] // 2]
        code = code_data.code(encoding, layer, int(default), here)
    cell = _cell(row, layer)
    _maps(selection, encoding, images, row, (layer, code, cell), opacity)
    code_panel.draw(selection, encoding, images, row, layer, code, cell)


def _image(encoding, images) -> int:
    """The image that is shown: a number that the URL carries, and buttons that change it."""
    order_name = st.selectbox(
        "Order", list(ORDERS), format_func=ORDERS.get, key="order", width=150, help=HELP["order"],
        bind="query-params",
    )  # fmt: skip
    order = _order(encoding.facts["key"], order_name, encoding)
    seen = st.session_state.get("order seen", "number")
    st.session_state["order seen"] = order_name
    if seen != order_name and order_name != "number" and len(order):
        session.put("image", int(order[0]))
    number = session.number(
        "image", "Image", len(images), width=150, help=f"From 0 to {len(images) - 1:,}, in the order of the dataset."
    )
    place = int(np.flatnonzero(order == number)[0]) if (order == number).any() else 0

    def go(to: int) -> None:
        session.put("image", to)

    with st.container(horizontal=True, width="content", gap="xsmall", wrap=False):
        for name, key, to in (("Previous image", "previous", place - 1), ("Next image", "next", place + 1)):
            st.button(name, key=key, on_click=go, args=(int(order[to % len(order)]),))
        st.button("Random", key="random", on_click=go, args=(int(np.random.default_rng().integers(len(images))),))
    return number


@st.cache_data(max_entries=32, show_spinner=False)
def _order(key: str, name: str, _encoding) -> np.ndarray:
    """(N,) rows in the order asked for; images without a score are not among the best or worst."""
    if name == "number":
        return np.arange(_encoding.images)
    psnr = _encoding.errors()["psnr"].to_numpy()
    known = np.flatnonzero(np.isfinite(psnr))
    if not len(known):
        return np.arange(_encoding.images)
    order = known[np.argsort(psnr[known], kind="stable")]
    return order if name == "worst" else order[::-1]


def _view() -> float:
    """How much of the codes covers the image, from 0 to 1."""
    view = st.segmented_control(
        "Show", ["codes", "over"], format_func={"codes": "Codes", "over": "Over the image"}.get, default="codes",
        key="view", bind="query-params", required=True, help=HELP["map"],
    )  # fmt: skip
    if view == "codes":
        return 1.0
    return (
        st.slider("Opacity of the codes", 0, 100, 50, 5, format="%d %%", key="opacity", bind="query-params", width=200)
        / 100
    )


def _cell(row: int, layer: str) -> tuple[int, int] | None:
    """The cell that was clicked, if it was in this image and layer."""
    clicked = st.session_state.get("cell")
    return clicked[2:] if clicked is not None and clicked[:2] == (row, layer) else None


def _maps(selection, encoding, images, row: int, shown: tuple, opacity: float) -> None:
    """The image, its reconstruction, and the map of every layer side by side."""
    layer, code, cell = shown
    pixels = images.read([row])[0]
    width = {1: 256, 2: 192, 3: 160}.get(len(encoding.layers), NARROW)  # one row on a laptop with up to four layers
    name, score = images.names[row], encoding.errors()["psnr"].to_numpy()[row]
    with st.container(horizontal=True, key="maps", gap="xsmall" if width == NARROW else "small"):
        with st.container(width=width, gap="xsmall"):
            brief = name if len(name) <= 26 else f"{name[:12]}…{name[-12:]}"  # one line, as the others have
            st.caption(f"**{session.plain(brief)}**")
            st.image(drawing.png(pixels, 640), width=width, alt=f"Image {row}, {name}")
        if not selection.checkpoint.no_decoder:  # the panel below says why
            with st.container(width=width, gap="xsmall"):
                title = "Reconstruction" if width > NARROW else "Decoded"
                st.caption(f"**{title}**" + (f" · {score:.1f} dB" if np.isfinite(score) else ""))
                back = _reconstruction(encoding.facts["key"], row, selection, pixels)
                st.image(drawing.png(back, 640), width=width, alt=f"Reconstruction of image {row}")
        behind = drawing.png(pixels, 256) if opacity < 1 else None
        for one in encoding.layers:
            with st.container(width=width, gap="xsmall"):
                _map(encoding, one, row, (code, cell) if one.name == layer else None, behind, opacity, width)
    facts = encoding.layer(layer)
    notes = [_concepts(images, row)]
    notes.append(code_data.continuous_note(encoding, layer))
    needed = _needed(encoding.facts["key"], row, selection, pixels)
    if layer in needed:
        notes.append(NEEDED.format(needed=needed[layer], cells=facts.grid[0] * facts.grid[1]))
    if facts.grid == (1, 1):
        notes.append(
            f"One vector of {facts.dim:,} numbers describes the whole image here, so its map is a single cell, and a "
            "code is a kind of image, not of patch."
        )
    notes.append("Point at a cell for its code; click it for everything about that code.")
    st.caption("  \n".join(note for note in notes if note))


def _map(encoding, layer, row: int, shown: tuple | None, behind: bytes | None, opacity: float, width: int) -> None:
    codes = encoding.codes(layer.name, [row])[0]
    code, cell = shown if shown is not None else (None, None)
    different = len(np.unique(codes))
    grid = f" · {layer.grid[0]} × {layer.grid[1]}" if width > NARROW else ""
    many = "code" if different == 1 else "codes"
    st.caption(f"**{session.plain(layer.name)}**{grid} · {different:,} {many}")
    figure = code_plots.code_map(
        codes.astype(np.int64),
        code_data.colours(encoding, layer.name),
        shares=code_data.table(encoding, layer.name)["share"].to_numpy(),
        distances=encoding.distances(layer.name, [row])[0],
        selected=code,
        cell=cell,
        behind=behind,
        opacity=opacity,
        theme=session.theme(),
    )
    figure.update_layout(height=width, width=width)
    key = f"map-{layer.name}"
    st.plotly_chart(
        figure, key=key, width=width, config={"displayModeBar": False},
        alt=f"Codes of layer {layer.name} for image {row}",
    )  # fmt: skip
    click = bridge(key, select=False).click
    if click is not None:
        _choose(layer.name, row, codes, click)


def _choose(layer: str, row: int, codes: np.ndarray, click) -> None:
    """Takes over a click on a cell; what a browser sends is not trusted to be one."""
    try:
        column, line = int(click.x), int(click.y)
    except (TypeError, ValueError, OverflowError):
        return
    if 0 <= line < codes.shape[0] and 0 <= column < codes.shape[1]:
        session.put("layer", layer)
        session.put("code", int(codes[line, column]))
        st.session_state["cell"] = (row, layer, line, column)
        st.rerun()


@st.cache_data(max_entries=128, show_spinner=False)
def _needed(key: str, row: int, _selection, _pixels: np.ndarray) -> dict[str, int]:
    """{layer: cells} of the layers that the decoder does not need in every cell of the image."""
    from explorer.analysis.interventions import encode
    from explorer.autoencoder import Sends

    with session.model(_selection.checkpoint) as model:
        if not isinstance(model, Sends):
            return {}
        return {layer: int(mask.sum()) for layer, mask in model.sent(encode(model, _pixels)).items()}


@st.cache_data(max_entries=128, show_spinner="Decoding …")
def _reconstruction(key: str, row: int, _selection, _pixels: np.ndarray) -> np.ndarray:
    from explorer.analysis.comparison import compare

    with session.model(_selection.checkpoint) as model:
        return compare(model, _pixels[None]).reconstructions[0]


def _concepts(images, row: int) -> str:
    """The discrete concepts of the image in a few words."""
    values = images.concepts.iloc[row]
    shown = [f"{name}: {value[:24]}" for name, value in values.items() if isinstance(value, str)][:6]
    return session.plain(" · ".join(shown))


draw()
