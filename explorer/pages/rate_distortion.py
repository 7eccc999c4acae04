"""Rate–distortion: what a reconstruction costs in bits, beside other checkpoints and beside JPEG and WebP."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer.analysis import codecs as codec_analysis
from explorer.analysis import rates
from explorer.charts import rate_plots
from explorer.errors import BadInput
from explorer.pages import code_data, session
from explorer.results import measurements

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint

HELP = {
    "chart": "Each point is one way to store an image: further left is fewer bits, further up is closer to the "
    "original. Bars are 95 % intervals of the mean over these images; training again may differ by more. Points are "
    "joined where they differ in the layers that are sent, or in the bits of each continuous number.",
    "score": "PSNR: 10 · log₁₀(1 / mean squared error) in dB, the mean over images; 6 dB more halves a pixel's typical "
    "error. SSIM compares means, contrasts and patterns in a sliding window; 1 is a perfect copy.",
    "rate": "Fixed length: log₂(codes) bits for every position of a discrete layer, b bits for every number of a "
    "continuous one, at the positions that the decoder needs. Entropy: what an ideal code for exactly these "
    "frequencies of symbols would need, counted on these same images (plug-in: slightly too small, the more so the "
    "fewer images and the more codes). JPEG and WebP are entropy-coded in any case.",
    "counted": "Payload: the bytes that depend on the image, as if headers and tables were known to both sides like "
    "the weights of a network. Of a JPEG with the standard Huffman tables: what lies between the header of the scan "
    "and the end mark. Of a WebP: the VP8 frame without containers, tag, start code and size. Whole file: every byte, "
    "of the JPEG with tables optimized for the image. Small images are mostly headers. Colour has half the resolution "
    "(4:2:0) in both.",
    "others": "Checkpoints with the same image size, on these same images.",
    "spent": "What an image costs with all layers. Where some are continuous: with the fewest bits a number that lose "
    "less than 0.1 dB of mean PSNR.",
    "bound": "Of continuous layers. Empty where there are none, and where they are not quantized: that has no rate, "
    "and is what more bits come near to.",
    "table": "The numbers of the chart. Above JPEG, above WebP: PSNR minus that of the codec at the same bits, "
    "interpolated between its points over the logarithm of the rate; empty where the codec does not reach that rate.",
}
SCORES = {"psnr": "PSNR", "ssim": "SSIM"}
RATES = {"bits_per_pixel": "Fixed length", "entropy_bits_per_pixel": "Entropy"}
COUNTED = {"payload": "Payload", "file": "Whole file"}


def draw() -> None:
    selection = session.selection()
    if session.lacks_decoder(selection):
        return
    images = session.images(selection)
    own = measurements.locate("rates", selection.checkpoint.path, images)
    codecs = measurements.locate("codecs", selection.checkpoint.path, images)
    options = st.container()
    if own is None:
        _measure("rates", selection, selection.checkpoint, images, begin=True)
    if codecs is None:
        _measure("codecs", selection, selection.checkpoint, images, begin=True)
    with options:
        score, rate, counted = _options()
        others = _others(selection, images)
    models = ({} if own is None else {selection.checkpoint.name: own}) | others
    if models:
        if own is not None:
            _metrics(selection, own, codecs, rate, counted)
        _chart(selection, models, codecs, score, rate, counted)


def _measure(what: str, selection: session.Selection, checkpoint, images, *, begin: bool = False) -> None:
    """The work that makes a measurement which is missing."""
    count = min(len(images), measurements.MEASUREMENTS[what].images)
    arguments = ["measure", what, str(checkpoint.path), *selection.arguments]
    subject = "JPEG and WebP" if what == "codecs" else checkpoint.name
    session.background(
        arguments,
        measurements.default_path(what, checkpoint.path, images),
        title=f"Measuring bits and quality of {subject} on {count:,} images",
        begin=begin,
        about="It is measured once, beside this page, and kept.",
    )


def _options() -> tuple[str, str, str]:
    chosen = []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for label, names, key in (
            ("Score", SCORES, "score"),
            ("Rate of codes", RATES, "rate"),
            ("JPEG and WebP", COUNTED, "counted"),
        ):
            chosen.append(
                st.segmented_control(
                    label, list(names), format_func=names.get, default=next(iter(names)), key=f"rd-{key}",
                    bind="query-params", required=True, help=HELP[key],
                )
            )  # fmt: skip
    return tuple(chosen)


def _others(selection: session.Selection, images) -> dict[str, dict]:
    """Measurements of the checkpoints chosen to stand beside this one; offers to measure those that lack it."""
    from explorer import checkpoints

    known = {}
    for other in filter(partial(_comparable, selection), checkpoints.find()):
        with suppress(BadInput):  # a training that was stopped before its first weights
            known[other.name] = (other, measurements.locate("rates", other.path, images))
    if not known:
        return {}
    ready = [name for name, (_, found) in known.items() if found is not None]
    chosen = st.multiselect(
        "Beside it",
        list(known),
        ready[:5],
        format_func=lambda name: name if name in ready else f"{name} (not measured yet)",
        key=f"beside-{selection.checkpoint.name}-{images.fingerprint}",
        help=HELP["others"],
        placeholder="Other checkpoints of this image size",
    )
    for name in chosen:
        if known[name][1] is None:
            _measure("rates", selection, known[name][0], images)
    return {name: known[name][1] for name in chosen if known[name][1] is not None}


def _comparable(selection: session.Selection, other: Checkpoint) -> bool:
    """Whether another checkpoint decodes, takes these images and has not been trained on them."""
    here = selection.checkpoint
    if other.name == here.name or other.state == "training" or other.image_size != here.image_size:
        return False
    if other.no_decoder:
        return False
    if selection.split != "all" or not other.dataset:
        return True
    return os.path.abspath(Path(selection.dataset).expanduser()) != os.path.abspath(Path(other.dataset).expanduser())


def _metrics(selection: session.Selection, own: dict, codecs: dict | None, rate: str, counted: str) -> None:
    """What the checkpoint spends, what it gets, and what JPEG and WebP make of the same bits."""
    point = rates.working_point(own)
    bits, psnr = point[rate], point["psnr"]
    sent = "all layers" if point["bits"] is None else f"{_bits(point['bits'])} a number"
    cells = [
        ("Bits per pixel", f"{bits:.3g}", sent, HELP["spent"]),
        ("PSNR at these bits", f"{psnr['mean']:.2f} dB", _range(psnr), f"{HELP['score']} {psnr['n']:,} images."),
    ]
    for codec, points in codec_analysis.curves(codecs).items():
        theirs = codec_analysis.score_at(points, bits, counted)
        if theirs is None:
            least, most = (points[end][counted]["mean"] for end in (0, -1))
            reach = f"starts at {least:.3g}" if bits < least else f"ends at {most:.3g}"
            cells.append((f"{codec} at these bits", "—", f"{reach} bits/px", HELP["counted"]))
        else:
            note = f"{psnr['mean'] - theirs:+.2f} dB by the model"
            cells.append((f"{codec} at these bits", f"{theirs:.2f} dB", note, HELP["counted"]))
    with st.grid(4, min_column_width=170):
        for label, value, note, about in cells:
            st.metric(
                label, value, note, delta_color="off", delta_arrow="off", help=about, border=True, height="stretch"
            )
    st.markdown(session.plain(_sentence(selection, own, point, codecs, rate, counted)))


def _bits(count: int) -> str:
    return f"{count} bit" + ("" if count == 1 else "s")


def _range(score: dict) -> str:
    return "one image, no interval" if score["low"] is None else f"95 %: {score['low']:.2f} – {score['high']:.2f}"


def _sentence(
    selection: session.Selection, own: dict, point: dict, codecs: dict | None, rate: str, counted: str
) -> str:
    """What the numbers say, in words."""
    psnr, parts = point["psnr"]["mean"], []
    for codec, points in codec_analysis.curves(codecs).items():
        need = codec_analysis.rate_for(points, psnr, counted)
        part = COUNTED[counted].lower()
        if need is None:
            worst, best = points[0]["psnr"]["mean"], points[-1]["psnr"]["mean"]
            reach = f"never falls below {worst:.2f} dB" if psnr < worst else f"never gets beyond {best:.2f} dB"
            parts.append(f"{codec} ({part}) {reach}")
        elif need >= point[rate]:
            parts.append(f"{codec} ({part}) needs {need / point[rate]:.3g} times the bits for that")
        else:
            parts.append(f"{codec} ({part}) gets by with {need / point[rate]:.0%} of the bits for that")
    which = "" if selection.split == "all" else "held-out "
    said = (
        f"On {own['images']:,} {which}images {selection.checkpoint.name} reaches {psnr:.2f} dB with {point[rate]:.3g} "
        f"bits per pixel ({RATES[rate].lower()})"
    )
    said += "".join(f"; {part}" for part in parts) + "."
    bound = own["points"][-1]
    if point["bits"] is not None:
        lost = bound["psnr"]["mean"] - psnr
        said += (
            f" Its continuous numbers have {_bits(point['bits'])} each, {lost:.2f} dB below their unquantized best "
            f"({bound['psnr']['mean']:.2f} dB); their levels are fitted on {own['train_images']:,} "
            f"{'training images' if own.get('fitted_on') == 'train' else 'of these same images'}."
        )
    return said


def _chart(
    selection: session.Selection, models: dict, codecs: dict | None, score: str, rate: str, counted: str
) -> None:
    data = codec_analysis.table(models, codecs, rate=rate, counted=counted)
    code_data.title("Quality against bits", HELP["chart"], data, f"{selection.checkpoint.name}-rates")
    st.plotly_chart(
        rate_plots.rate_distortion(models, codecs, metric=score, rate=rate, counted=counted, theme=session.theme()),
        key="rate-distortion",
        alt=f"{SCORES[score]} against bits per pixel",
    )
    st.header("All points", help=HELP["table"], anchor=False)
    number = st.column_config.NumberColumn
    st.dataframe(
        data,
        hide_index=True,
        key="rates",
        placeholder="",
        column_order=[*data.columns[:9], "over_jpeg", "over_webp", *data.columns[9:13], "images"],
        column_config={
            "of": st.column_config.TextColumn("Of", pinned=True),
            "layers": st.column_config.TextColumn("Layers", help="Those that are sent; the others are their mean."),
            "bits": number("Bits a number", help=HELP["bound"]),
            "quality": number("Quality", help="The codec's own setting."),
            "bits_per_pixel": number("Bits per pixel", format="%.4g", help=HELP["rate"]),
            "entropy_bits_per_pixel": number("… by entropy", format="%.4g", help=HELP["rate"]),
            "psnr": number("PSNR (dB)", format="%.2f", help=HELP["score"]),
            "psnr_low": number("95 % from", format="%.2f", help="Lower end of the interval of the mean PSNR."),
            "psnr_high": number("to", format="%.2f", help="Upper end of the interval of the mean PSNR."),
            "ssim": number("SSIM", format="%.3f", help=HELP["score"]),
            "ssim_low": number("95 % from", format="%.3f", help="Lower end of the interval of the mean SSIM."),
            "ssim_high": number("to", format="%.3f", help="Upper end of the interval of the mean SSIM."),
            "mse": number("MSE", format="%.3g", help="Mean squared error, pixel values from 0 to 1; mean over images."),
            "over_jpeg": number("Above JPEG (dB)", format="%+.2f", help=HELP["table"]),
            "over_webp": number("Above WebP (dB)", format="%+.2f", help=HELP["table"]),
            "images": number("Images", format="localized", help="How many were measured."),
        },
    )  # fmt: skip
    st.caption(
        "Scores of reconstructions and of decoded files are means over the same images. Layers that are left out are "
        "filled with their mean over training, where the decoder needs them at all."
    )


draw()
