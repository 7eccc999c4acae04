"""Layers: what each layer adds to a reconstruction, in pictures and in decibels, and images recombined of layers."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.pages import session
from explorer.pages.code_data import title
from explorer.sheets import drawing

FILLS = {"mean": "Their mean", "zeros": "Zeros", "other": "Another image"}
VIEWS = {"prefix": "Up to each layer", "alone": "Each layer alone"}
HELP = {
    "fill": "A decoder needs something where a layer is left out, and what that is changes the picture. *Their mean*: "
    "what the layer held on average while training, so the picture is as typical as the rest allows. *Zeros*: numbers "
    "that the decoder may never have seen. *Another image*: the layers of the image before it here, so that you see "
    "what the layers shown take from it.",
    "view": "*Up to each layer*: coarse to fine, each picture has one layer more. *Each layer alone*: only that layer, "
    "the others filled.",
    "gain": "PSNR of the prefix that ends with this layer, minus that of the prefix before; the mean over images of "
    "the paired differences. The first layer is compared with no layer at all. 6 dB halve a typical error.",
    "bits": "Bits that this layer costs per pixel: cells × log₂(codes), and beside it what a perfect compressor of "
    "single codes would need (their measured entropy). A continuous layer has no bits of its own; it costs numbers.",
    "alone": "PSNR from this layer alone, all others filled as chosen above.",
    "mix": "Coarse layers usually carry place and colour, fine ones edges and texture: give them to different images "
    "and see.",
}


def draw() -> None:
    selection = session.selection()
    if session.lacks_decoder(selection):
        return
    images = session.images(selection)
    names = [layer["name"] for layer in selection.checkpoint.layers]
    if len(names) < 2:
        st.info(
            f"**{session.plain(selection.checkpoint.name)}** has one layer, “{session.plain(names[0])}”: there is "
            "nothing to take apart. VQ-VAE-2, residual, projected and frequency quantizers and MAE have several; "
            "choose such a checkpoint in the sidebar, for example vqvae2-shapes.",
            icon=":material/layers:",
        )
        return
    with session.model(selection.checkpoint) as model:
        joint = model.joint
    fill, view, rows = _options(images, joint)
    _gallery(selection, images, rows, fill, view, joint)
    _contributions(selection, images, fill, joint)
    if joint:
        _recombine(selection, images, names)


def _options(images, joint: bool) -> tuple[str, str, np.ndarray]:
    """What fills missing layers, what is shown, and of which images."""
    fill, view = "mean", "prefix"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if joint:
            view = st.segmented_control(
                "Show", list(VIEWS), format_func=VIEWS.get, default="prefix", key="layers-view", bind="query-params",
                required=True, help=HELP["view"],
            )  # fmt: skip
            fill = st.segmented_control(
                "Layers left out become", list(FILLS), format_func=FILLS.get, default="mean", key="fill",
                bind="query-params", required=True, help=HELP["fill"],
            )  # fmt: skip
        count = st.selectbox("Images", [2, 4, 8, 16], 1, key="layers-count", bind="query-params", width=100)
        seed = st.number_input(
            "Seed", 0, 9999, 0, key="layers-seed", bind="query-params", width=140, help="Another seed, other images."
        )
    return fill, view, np.random.default_rng(seed).permutation(len(images))[:count]


def _gallery(selection, images, rows: np.ndarray, fill: str, view: str, joint: bool) -> None:
    """One row an image: the original, and a picture for each layer."""
    from explorer import checkpoints

    pixels = images.read(rows)
    model_key = checkpoints.fingerprint(selection.checkpoint.path)
    found = _decoded(model_key, images.fingerprint, tuple(rows.tolist()), fill, view, selection, pixels)
    st.caption(_said(fill, view, joint, len(rows)))
    pictures = {"Original": pixels}
    for index, (name, one) in enumerate(found.items()):
        label = name if view == "alone" or not joint or not index else f"+ {name}"
        pictures[label] = one[0]
    with st.grid("auto", min_column_width=min(130 * len(pictures), 900), key="layer-cards"):
        for index, row in enumerate(rows):
            with st.container(border=True, gap="xsmall"):
                st.markdown(f":small[:gray[{session.plain(images.names[row])}]]")
                with st.grid(len(pictures), min_column_width=80, gap="xsmall"):
                    for label, column in pictures.items():
                        score = None if label == "Original" else found[label.removeprefix("+ ")][1][index]
                        note = f"**{session.plain(label)}**" + ("" if score is None else f"  \n{score:.1f} dB")
                        with st.container(gap="xsmall"):
                            st.image(drawing.png(column[index], 256), width="stretch", alt=f"{label} of image {row}")
                            st.caption(note)
    st.download_button(
        "Images shown (zip of PNG)",
        lambda: drawing.archive(
            {
                f"{row}-{label.removeprefix('+ ').lower()}": column[index]
                for label, column in pictures.items()
                for index, row in enumerate(rows)
            }
        ),
        f"{selection.checkpoint.name}-{view}-{fill}.zip",
        icon=":material/download:",
        on_click="ignore",
        help="Each picture above as a file of its own, in the model's resolution.",
    )


@st.cache_data(max_entries=16, show_spinner="Decoding from some of the layers …")
def _decoded(model_key: str, images_key: str, rows: tuple, fill: str, view: str, _selection, _pixels) -> dict:
    """{layer: (reconstructions (N, h, w, 3) uint8, PSNR (N,) in dB)}."""
    from explorer.analysis import layers

    with session.model(_selection.checkpoint) as model:
        decode = layers.alone if view == "alone" else layers.prefixes
        found = decode(model, _pixels, fill, np.roll(_pixels, 1, 0))
    return {name: (one.reconstructions, one.psnr) for name, one in found.items()}


def _said(fill: str, view: str, joint: bool, count: int) -> str:
    """What the pictures are, in words: the filling is part of what one sees."""
    if not joint:
        return (
            "This model decodes from one layer at a time: each picture is made of that layer alone, nothing is filled."
        )
    what = "Each picture has one layer more than the one before" if view == "prefix" else "Each picture has one layer"
    filling = {
        "mean": "the mean over training stands for every layer left out",
        "zeros": "zeros stand for every layer left out, which the decoder may never have seen",
        "other": "every layer left out is that of the image before it (of the last one, for the first)",
    }[fill]
    if fill == "other" and count < 2:
        filling = "every layer left out is that of the image itself"
    return f"{what}; {filling}."


def _contributions(selection, images, fill: str, joint: bool) -> None:
    """How much each layer adds over the held-out split."""
    from explorer.results import measurements

    path = selection.checkpoint.path
    found = measurements.locate("layers", path, images, fill=fill)
    if found is None:
        count = min(len(images), measurements.MEASUREMENTS["layers"].images)
        st.header("What each layer adds over the split", anchor=False)
        session.background(
            [
                *("measure", "layers", str(path), *selection.arguments, "--fill", fill),
            ],
            measurements.default_path("layers", path, images, fill=fill),
            title=f"Decode {count:,} images from every prefix of layers",
            about="The same for many images, with intervals; kept for the next time.",
        )
        return
    from explorer.analysis import layers
    from explorer.charts import layer_plots

    frame = layer_plots.table(found)
    title(
        "What each layer adds over the split" if joint else "From each layer, over the split",
        f"{found['images']:,} held-out images; bars are 95 % intervals. {HELP['gain']}",
        frame,
        f"{selection.checkpoint.name}-layers-{fill}",
    )
    metric = st.segmented_control(
        "Score", ["psnr", "ssim"], format_func=str.upper, default="psnr", key="layers-score", persist_state="session",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    st.plotly_chart(
        layer_plots.contributions(found, metric, session.theme()), key="contributions", theme=None,
        alt=f"{metric.upper()} after each layer",
    )  # fmt: skip
    shown = layer_plots.worded_table(found)
    st.dataframe(shown, hide_index=True, column_config=_columns(shown), height="content", key="layers-table")
    if joint:
        st.caption(
            f"Layers left out are filled with {layers.FILLS[fill]}. A network that was trained with all layers at once "
            "may put little into the first ones; `layer_dropout` in training makes prefixes meaningful."
        )


def _columns(frame) -> dict:
    helps = {
        "layer": "Coarse to fine.",
        "PSNR (dB)": "Mean PSNR of the prefix that ends with this layer, and its 95 % interval.",
        "gain (dB)": HELP["gain"],
        "alone (dB)": HELP["alone"],
        "SSIM": "Mean SSIM of the same prefix, and its 95 % interval; 1 is a copy.",
        "bits per pixel": HELP["bits"],
        "entropy bits": HELP["bits"],
        "numbers per pixel": "Continuous numbers per pixel that the decoder needs of this layer.",
    }
    config = {}
    for name in frame.columns:
        label = name[0].upper() + name[1:]
        if frame[name].dtype.kind == "f":
            config[name] = st.column_config.NumberColumn(label, help=helps[name], format="%.4f")
        else:
            config[name] = st.column_config.TextColumn(label, help=helps[name])
    return config


def _recombine(selection, images, names: list[str]) -> None:
    """Layers of two images in one picture."""
    from explorer.analysis import layers

    st.header("Recombine two images", help=HELP["mix"], anchor=False)
    last = len(images) - 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = session.number("image", "Image A", len(images), width=150, help=f"From 0 to {last:,}.")
        second = session.number("second", "Image B", len(images), min(1, last), width=150, help=f"From 0 to {last:,}.")
        st.button(
            "Two others", icon=":material/shuffle:", key="mix-random", on_click=_two, args=(len(images),),
            help="Any two images.",
        )  # fmt: skip
        of_first = st.pills(
            "Layers of A", names, selection_mode="multi", default=names[:1], key=f"mix-{selection.checkpoint.name}",
            help="These layers are taken from image A, all others from image B.",
        )  # fmt: skip
    a, b = images.read([first])[0], images.read([second])[0]
    rest = [name for name in names if name not in of_first]
    with session.model(selection.checkpoint) as model:
        mixed = layers.recombine(model, a, b, of_first)
        swapped = layers.recombine(model, b, a, of_first)
    shown = {
        f"**A** · {session.plain(images.names[first])}": a,
        f"**B** · {session.plain(images.names[second])}": b,
        f"**{_list(of_first)} of A**, {_list(rest)} of B": mixed,
        f"**{_list(of_first)} of B**, {_list(rest)} of A": swapped,
    }
    with st.container(horizontal=True, gap="small", key="recombined"):
        for caption, picture in shown.items():
            with st.container(width=150, gap="xsmall"):
                st.image(drawing.png(picture, 360), width=150, alt=caption.replace("*", ""))
                st.caption(caption)


def _two(count: int) -> None:
    first, second = np.random.default_rng().permutation(max(count, 2))[:2] % count
    session.put("image", int(first))
    session.put("second", int(second))


def _list(names: list[str]) -> str:
    return session.plain(", ".join(names)) if names else "nothing"


draw()
