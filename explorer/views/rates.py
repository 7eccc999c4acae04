"""Rate–distortion: what a reconstruction costs in bits, beside other checkpoints and beside JPEG and WebP."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.results import find, measurements
from explorer.sheets import Block, Card, Cards, Chart, Column, Controls, Heading, Missing, Note, Sheet, Table
from explorer.views import fields, words

if TYPE_CHECKING:
    import pandas as pd

    from explorer.checkpoints import Checkpoint
    from explorer.results.subject import Subject
    from explorer.study import Picture as Looked
    from explorer.study import Study

SCORES = {"psnr": "PSNR", "ssim": "SSIM"}
RATES = {"bits_per_pixel": "Fixed length", "entropy_bits_per_pixel": "Entropy"}
COUNTED = {"payload": "Payload", "file": "Whole file"}
BESIDE = 5  # checkpoints that stand beside this one unasked, of those that are measured


def comparable(study: Study) -> dict[str, tuple[Subject, dict | None]]:
    """Checkpoints that decode these images and were not trained on them, by name, with their rates if measured."""
    from explorer import checkpoints

    here, known = study.checkpoint, {}
    for other in checkpoints.find(here):
        if _comparable(study, here, other):
            with suppress(BadInput):  # a training that was stopped before its first weights
                subject = study.subject.beside(other)
                found = find("rates", subject)
                known[other.name] = subject, None if found is None else found[1]
    return known


def _comparable(study: Study, here: Checkpoint, other: Checkpoint) -> bool:
    if other.name == here.name or other.image_size != here.image_size:
        return False
    if other.state == "training" or other.no_decoder:
        return False
    return study.subject.split != "all" or not other.trained_on(study.subject.dataset)


def _names(study: Study, _: Any) -> dict[str, str]:
    known = comparable(study).items()
    return {name: name if found is not None else f"{name} (not measured yet)" for name, (_, found) in known}


def _measured(study: Study, _: Any) -> str:
    ready = [name for name, (_, found) in comparable(study).items() if found is not None]
    return ",".join(ready[:BESIDE])


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    score: str = fields.option("psnr", "Score", help_of("score"), choices=SCORES)
    rate: str = fields.option("bits_per_pixel", "Rate of codes", help_of("rate of codes"), choices=RATES)
    counted: str = fields.option("payload", "JPEG and WebP", help_of("bytes of a codec"), choices=COUNTED)
    beside: str = fields.option(
        "", "Other checkpoints", "Checkpoints with the same image size, on these same images.", widget="multiselect",
        choices=_names, start=_measured, when=lambda study, _: bool(_names(study, _)),
    )  # fmt: skip


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """What the checkpoint and JPEG and WebP spend and get on the same images; whatever is measured is shown."""
    if study.checkpoint.no_decoder:
        return Sheet(words.no_decoder(study))
    own, codecs = study.result("rates"), study.result("codecs")
    known = comparable(study)
    chosen = {name: known[name] for name in fields.listed(options.beside) if name in known}
    models = ({} if own is None else {study.checkpoint.name: own}) | {
        name: found for name, (_, found) in chosen.items() if found is not None
    }
    blocks: list[Block] = [Controls(("score", "rate", "counted")), Controls(("beside",))]
    blocks += [] if own is not None else [_missing(study, "rates", study.subject, begin=True)]
    blocks += [] if codecs is not None else [_missing(study, "codecs", study.subject, begin=True)]
    blocks += [_missing(study, "rates", subject) for subject, found in chosen.values() if found is None]
    blocks += _trained_on(study, {name: subject for name, (subject, _) in chosen.items()})
    numbers: dict[str, Any] = {"rate": options.rate, "counted": options.counted}
    if own is not None:
        cards, told = _spent(study, own, codecs, options)
        blocks += cards
        numbers |= told
    if models or codecs is not None:
        blocks += _chart(study, models, codecs, options)
    return Sheet(blocks, numbers | {"models": models, "codecs": codecs})


def _trained_on(study: Study, others: dict[str, Subject]) -> list[Block]:
    """Which of the other checkpoints have been trained on some of these images."""
    from explorer.datasets import seen

    stamps, found = study.images.stamps, []
    for name, subject in others.items():
        known = None if stamps is None else seen.read(subject.checkpoint)
        if known is not None and (count := int(seen.among(stamps, known).sum())):
            of = f"{count:,} of these {len(study.images):,} images"
            found.append(f"{name} was trained on {of}; its scores say nothing of new ones.")
    return [Note(text, "warning") for text in found]


def _missing(study: Study, kind: str, subject: Subject, *, begin: bool = False) -> Missing:
    count = min(len(study.images), measurements.IMAGES[kind])
    of = "JPEG and WebP" if kind == "codecs" else subject.facts.name
    title = f"Measuring bits and quality of {of} on {count:,} images"
    return Missing(kind, None, title, "It is measured once, beside this page, and kept.", begin, subject)


def _spent(study: Study, own: dict, codecs: dict | None, options: Options) -> tuple[list[Block], dict[str, Any]]:
    """What the checkpoint spends, what it gets, and what JPEG and WebP make of the same bits."""
    from explorer.analysis import codecs as analysis
    from explorer.analysis import quality, rates

    point = rates.working_point(own)
    bits, psnr = point[options.rate], point["psnr"]
    sent = "all layers" if point["bits"] is None else f"{words.many(point['bits'], 'bit')} a number"
    cards = [
        Card("Bits per pixel", f"{bits:.3g}", sent, help_of("bits spent")),
        Card(
            "PSNR at these bits",
            f"{psnr['mean']:.2f} dB",
            quality.between(psnr, 2),
            f"{help_of('score')} {psnr['n']:,} images.",
        ),
    ]  # fmt: skip
    numbers: dict[str, Any] = {"bits_per_pixel": bits, "psnr": psnr, "bits_a_number": point["bits"], "beside": {}}
    for codec, points in analysis.curves(codecs).items():
        theirs = analysis.score_at(points, bits, options.counted)
        need = analysis.rate_for(points, psnr["mean"], options.counted)
        numbers["beside"][codec] = {"psnr": theirs, "bits_per_pixel_for_the_same": need}
        if theirs is None:
            least, most = (points[end][options.counted]["mean"] for end in (0, -1))
            reach = f"starts at {least:.3g}" if bits < least else f"ends at {most:.3g}"
            value, note = "—", f"{reach} bits/px"
        else:
            value, note = f"{theirs:.2f} dB", f"{psnr['mean'] - theirs:+.2f} dB by the model"
        cards.append(Card(f"{codec} at these bits", value, note, help_of("bytes of a codec")))
    return [Cards(cards, 4), Note(_sentence(study, own, point, codecs, options), "plain")], numbers


def _sentence(study: Study, own: dict, point: dict, codecs: dict | None, options: Options) -> str:
    """What the numbers say, in words."""
    from explorer.analysis import codecs as analysis

    psnr, bits = point["psnr"]["mean"], point[options.rate]
    which = "held-out " if study.images.held_out and study.images.split != "all" else ""
    said = (
        f"On {own['images']:,} {which}images {study.checkpoint.name} reaches {psnr:.2f} dB with {bits:.3g} bits per "
        f"pixel ({RATES[options.rate].lower()})"
    )
    for codec, points in analysis.curves(codecs).items():
        need = analysis.rate_for(points, psnr, options.counted)
        said += f"; {codec} ({COUNTED[options.counted].lower()}) "
        if need is None:
            worst, best = points[0]["psnr"]["mean"], points[-1]["psnr"]["mean"]
            said += f"never falls below {worst:.2f} dB" if psnr < worst else f"never gets beyond {best:.2f} dB"
        elif need >= bits:
            said += f"needs {need / bits:.3g} times the bits for that"
        else:
            said += f"gets by with {need / bits:.0%} of the bits for that"
    if point["bits"] is None:
        return f"{said}."
    bound = own["points"][-1]["psnr"]["mean"]
    trained = str(own.get("fitted_on", "")).startswith("train")
    fitted = f"training images{words.among(study)}" if trained else "of these same images"
    return (
        f"{said}. Its continuous numbers have {words.many(point['bits'], 'bit')} each, {bound - psnr:.2f} dB below "
        f"their unquantized best ({bound:.2f} dB); their levels are fitted on {own['train_images']:,} {fitted}."
    )


def _chart(study: Study, models: dict, codecs: dict | None, options: Options) -> list[Block]:
    from explorer.analysis import codecs as analysis
    from explorer.charts import rate_plots

    data = analysis.table(models, codecs, rate=options.rate, counted=options.counted)
    name = f"{study.checkpoint.name}-rates"
    return [
        Heading("Quality against bits", help_of("quality against bits"), lambda: data, name),
        Chart(
            "rate-distortion",
            lambda theme: rate_plots.rate_distortion(
                models, codecs, metric=options.score, rate=options.rate, counted=options.counted, theme=theme
            ),
            f"{SCORES[options.score]} against bits per pixel",
        ),
        Heading("All points", "The numbers of the chart; the CSV above has the ends of all intervals as numbers."),
        Table("rates", worded(data), COLUMNS, height=420),
        Note(
            "Scores of reconstructions and of decoded files are means over the same images. Layers that are left out "
            "are filled with their mean over training, where the decoder needs them at all."
        ),
    ]


COLUMNS = {
    "of": Column("Of", pinned=True),
    "sent": Column("What is sent", "Layers; the others are their mean. Of continuous ones, bits a number. Of a codec, "
                   "its own setting."),
    "bits_per_pixel": Column("Bits per pixel", help_of("rate of codes"), "%.4g"),
    "entropy_bits_per_pixel": Column("By entropy", help_of("rate of codes"), "%.4g"),
    "psnr": Column("PSNR (dB)", help_of("score"), "%.2f"),
    "psnr_between": Column("95 %", "Interval of the mean PSNR."),
    "ssim": Column("SSIM", help_of("score"), "%.3f"),
    "ssim_between": Column("95 %", "Interval of the mean SSIM."),
    "over_jpeg": Column("Above JPEG", help_of("above a codec"), "%+.2f"),
    "over_webp": Column("Above WebP", help_of("above a codec"), "%+.2f"),
    "mse": Column("MSE", "Mean squared error, pixel values from 0 to 1; mean over images.", "%.3g"),
    "images": Column("Images", "How many were measured.", "localized"),
}  # fmt: skip


def worded(data: pd.DataFrame) -> pd.DataFrame:
    """The table of `analysis.codecs` as people read it: what is sent and each interval in one column of words."""

    sent = []
    for row in data.fillna({"bits": 0, "quality": -1}).itertuples():
        bits = f", {words.many(row.bits, 'bit')}" if row.bits else ""
        sent.append(f"{row.layers}{bits}" if row.quality < 0 else f"quality {row.quality}")
    shown = data.assign(sent=sent)
    for score, digits in (("psnr", 2), ("ssim", 3)):
        ends = zip(data[f"{score}_low"], data[f"{score}_high"], strict=True)
        shown[f"{score}_between"] = [
            "one image" if low != low else f"{low:.{digits}f} – {high:.{digits}f}" for low, high in ends
        ]
    return shown[list(COLUMNS)]
