"""Reconstructions: what the checkpoint keeps of an image, and what it loses."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.errors import BadInput
from explorer.pages import session
from explorer.pages.uploads import kept_files
from explorer.sheets import drawing

HELP = {
    "psnr": "Peak signal-to-noise ratio: 10 · log₁₀(1 / mean squared error), pixel values from 0 to 1; the mean over "
    "images. Higher is better: 20 dB is a mean squared error of 0.01, and 6 dB more halves a pixel's typical error. "
    "The range below it holds the mean over all such images with 95 % confidence; training again may differ by more.",
    "ssim": "Structural similarity: compares means, contrasts and patterns in a sliding window. 1 is a perfect copy, 0 "
    "means that nothing of the structure is left. The mean over images, with its 95 % interval.",
    "baseline": "PSNR of an answer that looks at nothing: the mean image, for every image. What the model adds is the "
    "difference.",
    "error": "Absolute difference of each pixel between original and reconstruction, mean of red, green and blue, "
    "from 0 to 1. All maps shown here share one scale; the brightest 0.5 % of the pixels are cut off.",
    "posterior": "The mean of the posterior is the model's best guess; one draw from the posterior shows its doubt.",
}
SHOWN = {"random": "Random", "worst": "Worst", "best": "Best", "concept": "One concept", "own": "Your own images"}
AXES = {"psnr": "PSNR of one image (dB)", "ssim": "SSIM of one image"}
FILES, MEGABYTES = 24, 50  # of one's own images at once
BASELINE = 1000  # images that the mean image and its score are of, at most


def draw() -> None:
    selection = session.selection()
    if session.lacks_decoder(selection):
        return
    images = session.images(selection)
    encoding = session.located(selection)
    header, options, cards, below = (st.container() for _ in range(4))
    with options:
        pixels, names, rows = _choose(images, encoding)
        how = _how(selection)
    with cards:
        if len(pixels):
            _cards(selection, pixels, names, rows, how)
    if encoding is None:
        with header:
            session.encode_beside(selection, images)
        return
    errors = encoding.errors()  # only now: the pictures do not wait for it
    with header:
        _metrics(selection, images, errors)
    with below:
        _distribution(selection, images, errors)


def _metrics(selection: session.Selection, images, errors) -> None:
    """Scores over the whole split, beside a baseline, each with its interval."""
    from explorer.analysis import quality

    psnr = quality.summary(errors["psnr"].dropna().to_numpy())
    ssim = quality.summary(errors["ssim"].dropna().to_numpy())
    baseline, source = _baseline(selection, images)
    of = "" if psnr.n == len(images) else f", a random sample of {len(images):,}"
    cells = (
        ("Mean PSNR", f"{psnr.mean:.2f} dB", f"95 %: {psnr.low:.2f} – {psnr.high:.2f}", HELP["psnr"]),
        ("Mean SSIM", f"{ssim.mean:.3f}", f"95 %: {ssim.low:.3f} – {ssim.high:.3f}", HELP["ssim"]),
        (
            "Baseline PSNR",
            f"{baseline:.2f} dB",
            f"{psnr.mean - baseline:+.2f} dB by the model",
            f"{HELP['baseline']} {source}",
        ),
        (
            "Images",
            f"{psnr.n:,}",
            "all images" if images.split == "all" else f"{images.split} split",
            f"Images that the scores are taken from{of}.",
        ),
    )
    with st.grid(4, min_column_width=150):
        for label, value, note, about in cells:
            st.metric(
                label, value, note, delta_color="off", delta_arrow="off", help=about, border=True, height="stretch"
            )

    masked = selection.checkpoint.metrics.get("masked")
    if masked and selection.dataset == selection.checkpoint.dataset:
        score, filled, gain = masked["psnr"], masked["baselines"]["mean of visible patches"]["psnr"], masked["gain"]
        st.caption(
            f"Nothing is hidden for the scores above. With {masked['ratio']:.0%} of the patches hidden, these come "
            f"back at {score['mean']:.2f} dB [{score['low']:.2f}, {score['high']:.2f}]; filling them with the mean of "
            f"the visible ones gives {filled['mean']:.2f} dB. The gain is {gain['mean']:.2f} dB [{gain['low']:.2f}, "
            f"{gain['high']:.2f}] on {gain['n']:,} held-out images, measured when training ended (95 % intervals)."
        )


def _baseline(selection: session.Selection, images) -> tuple[float, str]:
    """PSNR of the mean image in dB, and where that mean image comes from."""
    known = selection.checkpoint.metrics.get("baselines", {}).get("mean image", {}).get("psnr")
    if known and selection.dataset == selection.checkpoint.dataset:
        return known["mean"], f"The mean is that of training images; measured on {known['n']:,} images."
    rows = images.sample(BASELINE)
    of = "these" if len(rows) == len(images) else f"a random sample of {BASELINE:,} of these"
    return _own_baseline(images.fingerprint, images, rows), f"The mean and the score are those of {of} images."


@st.cache_data(max_entries=32, show_spinner=False)
def _own_baseline(fingerprint: str, _images, _rows: np.ndarray) -> float:
    from explorer.analysis.comparison import constant_psnr, mean_image

    return float(constant_psnr(mean_image(_images.batches(_rows)), _images.batches(_rows)).mean())


def _choose(images, encoding) -> tuple[np.ndarray, list[str], list[int | None]]:
    """Which images to show: pixels (n, h, w, 3), their names, and their rows (None for one's own)."""
    known = {key: name for key, name in SHOWN.items() if encoding is not None or key not in ("best", "worst")}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        show = st.segmented_control(
            "Show", list(known), format_func=SHOWN.get, default="random", key="show", bind="query-params", required=True
        )
        if show != "own":
            count = st.selectbox("Images", [4, 8, 16, 32, 64], 1, key="count", bind="query-params", width=100)
            if show == "random":
                seed = st.number_input(
                    "Seed", 0, 9999, 0, key="seed", bind="query-params", width=140, help="Another seed, other images."
                )
                order = np.random.default_rng(seed).permutation(len(images))
            elif show == "concept":
                order = np.flatnonzero(_concept(images.concepts))
            else:
                order = encoding.errors()["psnr"].dropna().sort_values(kind="stable").index.to_numpy()
                order = order if show == "worst" else order[::-1]
    if show == "own":  # below the toolbar, over the whole width
        return _own(images.size)
    rows = order[:count]
    return images.read(rows), [images.names[row] for row in rows], [int(row) for row in rows]


def _concept(concepts) -> np.ndarray:
    """(N,) bool: images that have the value picked."""
    discrete = [name for name in concepts.columns if not str(concepts[name].dtype).startswith("float")]
    if not discrete:
        st.caption("This dataset has no discrete concepts; add a metadata.csv, or sort the images into folders.")
        return np.zeros(len(concepts), bool)
    column = st.selectbox("Concept", discrete, key="concept", persist_state="session", width=160)
    values = sorted(concepts[column].dropna().unique().tolist(), key=str)
    value = st.selectbox("Value", values, key=f"value-{column}", persist_state="session", width=160)
    return (concepts[column] == value).to_numpy()


def _own(size: int) -> tuple[np.ndarray, list[str], list[int | None]]:
    from explorer.datasets import decode_image

    given = kept_files(
        "Drop images here",
        "own",
        max_upload_size=MEGABYTES,
        help=f"Up to {FILES} files of {MEGABYTES} MB. They are read in this session and not kept beyond it.",
    )
    fit = st.radio(
        "Images that are not square",
        list(session.FITS),
        format_func=session.FITS.get,
        horizontal=True,
        key="own-fit",
        persist_state="session",
    )
    if len(given) > FILES:
        st.warning(f"{len(given)} files were given; the first {FILES} are shown.", icon=":material/filter_list:")
    pixels, names = [], []
    for name, data in given[:FILES]:
        try:
            pixels.append(decode_image(data, size, fit))
            names.append(name)
        except BadInput as error:
            st.error(f"{session.plain(name)}: {session.plain(error)}", icon=":material/broken_image:")
    if not given:
        st.caption("Photographs, drawings, scans: JPEG, PNG, WebP, TIFF and more, of any size.")
    stacked = np.stack(pixels) if pixels else np.empty((0, size, size, 3), np.uint8)
    return stacked, names, [None] * len(names)


def _how(selection: session.Selection) -> dict:
    """What the model can do besides: hide patches, or sample its latents. Read from the model's abilities."""
    from explorer.autoencoder import Masks, Samples

    with session.model(selection.checkpoint) as model:
        masks, samples = isinstance(model, Masks), isinstance(model, Samples)
        grid = model.mask_grid if masks else None
    if masks:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            ratio = st.slider(
                "Hidden patches", 0, 95, 75, 5, format="%d %%", key="ratio", bind="query-params", width=320
            )
            seed = st.number_input("Mask seed", 0, 9999, 0, key="mask-seed", bind="query-params", width=140)
        return {"grid": grid, "ratio": ratio / 100, "seed": seed} if ratio else {}
    if samples:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            kind = st.segmented_control(
                "Latents", ["mean", "sample"], default="mean", key="latents", bind="query-params", required=True,
                help=HELP["posterior"],
            )  # fmt: skip
            if kind == "sample":
                return {
                    "sample_seed": st.number_input(
                        "Sample seed", 0, 9999, 0, key="sample-seed", persist_state="session", width=140
                    )
                }
    return {}


def _cards(
    selection: session.Selection, pixels: np.ndarray, names: list[str], rows: list[int | None], how: dict
) -> None:
    """One card an image: original, (what the model saw,) reconstruction, error map, scores."""
    from explorer.analysis.comparison import compare, random_masks

    with session.model(selection.checkpoint) as model:
        if "grid" in how:
            shown = compare(model, pixels, mask=random_masks(len(pixels), how["grid"], how["ratio"], how["seed"]))
        else:
            shown = compare(model, pixels, sample_seed=how.get("sample_seed"))
    top = drawing.error_top(shown.errors)
    heat = drawing.heat(shown.errors, top)
    columns = {"Original": shown.originals, "Seen": shown.seen, "Reconstruction": shown.reconstructions, "Error": heat}
    columns = {title: column for title, column in columns.items() if column is not None}
    with st.grid("auto", min_column_width=115 * len(columns), key="cards"):
        for index, name in enumerate(names):
            with st.container(border=True, gap="xsmall"):
                with st.grid(len(columns), wrap=False, min_column_width=60, gap="xsmall"):
                    for title, column in columns.items():
                        st.image(
                            drawing.png(column[index], 256), caption=title, width="stretch", alt=f"{title} of {name}"
                        )
                _caption(selection, name, rows[index], shown.psnr[index], shown.ssim[index], "grid" in how)
    _legend(top)
    _downloads(columns, names)


def _caption(selection, name: str, row: int | None, psnr: float, ssim: float, hidden: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
        where = " on hidden patches" if hidden else ""
        st.markdown(
            f"**{psnr:.1f} dB**{where} · SSIM **{ssim:.3f}**  \n:small[:gray[{session.plain(name)}]]", width="content"
        )
        if row is not None:
            session.link("code_maps", "Codes", ":material/grid_on:", image=row)


def _legend(top: float) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Error 0", width="content")
        st.image(drawing.heat_bar(), width=180, alt="Colours of the error maps, from dark (no error) to light")
        st.caption(f"{top:.2f} and more", width="content", help=HELP["error"])


def _downloads(columns: dict[str, np.ndarray], names: list[str]) -> None:
    pictures = {
        f"{index:02d}-{title.lower()}": column[index]
        for title, column in columns.items()
        for index in range(len(names))
    }
    st.download_button(
        "Images shown (zip of PNG)",
        lambda: drawing.archive(pictures),
        "reconstructions.zip",
        icon=":material/download:",
        on_click="ignore",
        help="Each picture above as a file of its own, in the model's resolution.",
    )


def _distribution(selection: session.Selection, images, errors) -> None:
    from explorer.analysis import quality
    from explorer.charts import plots

    st.header("Distribution over the split", anchor=False)
    metric = st.segmented_control(
        "Score",
        list(AXES),
        format_func=str.upper,
        default="psnr",
        key="score",
        persist_state="session",
        required=True,
        label_visibility="collapsed",
    )
    values = errors[metric].dropna().to_numpy()
    baseline = _baseline(selection, images)[0] if metric == "psnr" else None
    figure = plots.quality_histogram(
        values,
        quality.summary(values),
        AXES[metric],
        baseline=baseline,
        baseline_name="mean image",
        theme=session.theme(),
    )
    st.plotly_chart(figure, key="distribution")
    st.download_button(
        "Scores of each image (CSV)",
        lambda: errors.assign(name=list(images.names)).to_csv(index_label="row"),
        f"{selection.checkpoint.name}-errors.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


draw()
