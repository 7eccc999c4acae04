"""Layers: what each layer adds to a reconstruction, in pictures and in decibels, and images recombined of layers.

Where layers cannot be taken apart by decoding, because there is no decoder or it takes one layer at a time, the codes
of each layer are compared instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.files import SHIPPED, checkpoint_folder
from explorer.glossary import help_of
from explorer.results import measurements
from explorer.sheets import (
    Block,
    Chart,
    Column,
    Controls,
    Download,
    Go,
    Heading,
    Link,
    Missing,
    Note,
    Picture,
    Pictures,
    Row,
    Sheet,
    Table,
    drawing,
)  # fmt: skip
from explorer.views import fields, layer_codes, words

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint
    from explorer.study import Picture as Looked
    from explorer.study import Study

SUGGESTED = 4  # checkpoints of several layers that are offered
ONE_AT_A_TIME = (
    "This model decodes from one layer at a time: what stands after a block goes through all blocks after it, so every "
    "block gives the same picture and the same decibels by construction, but for the class token, which is in no "
    "layer. They say nothing of a block, and are left out. What differs from block to block is what its codes tell "
    "apart."
)
FILLED = {
    "mean": "the mean over training stands for every layer left out",
    "zeros": "zeros stand for every layer left out, which the decoder may never have seen",
    "other": "every layer left out is that of the image before it (of the last one, for the first)",
}


def _layer_names(study: Study, _: Any = None) -> dict[str, str]:
    return {name: name for name in study.layer_names}


def _last(study: Study, _: Any) -> int:
    return len(study.images) - 1


def second(study: Study, options: Any) -> int:
    """An image to recombine with image A: another one, of another value of the first concept where there is one."""
    first, order = options["image"], np.random.default_rng(0).permutation(len(study.images))
    concepts = study.images.concepts
    for column in concepts.columns[:1]:
        values = concepts[column].astype(object).to_numpy()
        found = order[values[order] != values[first]]
        if len(found):
            return int(found[0])
    return int(next((row for row in order if row != first), first))


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    parts: str = fields.option(
        "prefix", "Show",
        "*Up to each layer*: coarse to fine, each picture has one layer more. *Each layer alone*: only that layer, the "
        "others filled.",
        choices={"prefix": "Up to each layer", "alone": "Each layer alone"},
    )  # fmt: skip
    fill: str = fields.option(
        "mean", "Layers left out become",
        "A decoder needs something where a layer is left out, and what that is changes the picture. *Their mean*: what "
        "the layer held on average while training, so the picture is as typical as the rest allows. *Zeros*: numbers "
        "that the decoder may never have seen. *Another image*: the layers of the image before it here, so that you "
        "see what the layers shown take from it.",
        choices={"mean": "Their mean", "zeros": "Zeros", "other": "Another image"},
    )  # fmt: skip
    images: int = fields.option(4, "Images", choices={count: str(count) for count in (2, 4, 8, 16)})
    seed: int = fields.option(
        0, "Seed", "The images are drawn at random from all of them. Another seed, other images.", min=0, max=9999
    )
    score: str = fields.option("psnr", "Score", help_of("score"), choices={"psnr": "PSNR", "ssim": "SSIM"})
    image: int = fields.option(0, "Image A", "Its number, in the order of the dataset.", min=0, max=_last)
    second: int = fields.option(
        0, "Image B", "Its number; until you choose one, an image of another class where classes are known.",
        min=0, max=_last, start=second,
    )  # fmt: skip
    of_first: str = fields.option(
        "", "Layers of A", "These layers are taken from image A, all others from image B.", widget="pills",
        choices=_layer_names, start=lambda study, _: study.layer_names[0],
    )  # fmt: skip


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """Pictures from some of the layers, what each adds over the split, and two images recombined."""
    blocks = words.no_decoder(study)
    if len(study.layer_names) < 2:
        return Sheet(blocks or _one_layer(study))
    if blocks or not study.abilities()["joint"]:
        shown, numbers = layer_codes.compared(study, options.images, options.seed)
        return Sheet([*(blocks or [Note(ONE_AT_A_TIME, "info")]), *shown], {"joint": False, **numbers})
    contributions, numbers = _contributions(study, options)
    blocks = [*_gallery(study, options, picture), *contributions, *_recombined(study, options)]
    return Sheet(blocks, {"joint": True, "fill": options.fill, **numbers})


def _one_layer(study: Study) -> list[Block]:
    """Why there is nothing to take apart, and where there is."""
    here = study.checkpoint
    said = (
        f"{here.name} has one layer, “{study.layer_names[0]}”: there is nothing to take apart. VQ-VAE-2, and VQ-VAE "
        "with a residual, projected or frequency quantizer, have several."
    )
    links = []
    for one in layered(study)[:SUGGESTED]:
        dataset = ", same dataset" if one.trained_on(here.dataset or study.subject.dataset) else ""
        known = one.name if one.path.parent in (SHIPPED, checkpoint_folder()) else str(one.path)
        called = f"{one.name}: {len(one.layers)} layers{dataset}"
        links.append([Link(called, "stacks", Go(None, {"checkpoint": known}))])
    return [Note(said, "info"), *([Row(links, 60, even=False)] if links else [])]


def layered(study: Study) -> list[Checkpoint]:
    """Checkpoints that are here and have several layers: of the same dataset first, of layers with codes first."""
    from explorer import checkpoints

    here = study.checkpoint
    dataset = here.dataset or study.subject.dataset
    found = (one for one in checkpoints.find(here) if one.state != "training" and not one.no_decoder)

    def order(one: Checkpoint) -> tuple[bool, bool]:
        return not one.trained_on(dataset), not any(layer.get("codes") for layer in one.layers)

    return sorted((one for one in found if len(one.layers) > 1), key=order)


def _gallery(study: Study, options: Options, picture: Looked | None) -> list[Block]:
    """A card for each image, one's own first: the original, and a picture for each layer."""
    rows, pixels = layer_codes.drawn(study, options.images, options.seed)
    names, keys = [study.images.names[row] for row in rows], [str(row) for row in rows]
    if picture is not None and picture.row is None:
        names, keys = ["Your picture", *names], ["own", *keys]
        pixels = np.concatenate([picture.pixels[None], pixels])
    found = study.decoded(pixels, options.parts, options.fill)
    cards, files = [], {}
    for index, (name, key) in enumerate(zip(names, keys, strict=True)):
        shown = [Picture(pixels[index], "Original", alt=f"Original of {name}")]
        files[f"{key}-original"] = pixels[index]
        for place, (layer, one) in enumerate(found.items()):
            label = layer if options.parts == "alone" or not place else f"+ {layer}"
            made = one.reconstructions[index]
            shown.append(Picture(made, label, f"{one.psnr[index]:.1f} dB", f"{label} of {name}"))
            files[f"{key}-{layer}"] = made
        cards.append(shown)
    what = "one layer more than the one before" if options.parts == "prefix" else "one layer"
    filled = FILLED[options.fill] if len(names) > 1 or options.fill != "other" else "nothing else stands for the others"
    return [
        Controls(("parts", "fill", "images", "seed")),
        Note(f"Each picture has {what}; {filled}."),
        layer_codes.cards(names, cards),
        Download(
            "Images shown (zip of PNG)", f"{study.checkpoint.name}-{options.parts}-{options.fill}.zip",
            lambda: drawing.archive(files), "Each picture above as a file of its own, in the model's resolution.",
        ),
    ]  # fmt: skip


COLUMNS = {
    "layer": Column("Layer", "Coarse to fine.", pinned=True),
    "PSNR (dB)": Column("PSNR (dB)", help_of("prefix of layers")),
    "gain (dB)": Column("Gain (dB)", help_of("gain of a layer")),
    "alone (dB)": Column("Alone (dB)", help_of("layer alone")),
    "SSIM": Column("SSIM", "Mean SSIM of the same prefix, and its 95 % interval; 1 is a copy."),
    "bits per pixel": Column("Bits per pixel", help_of("rate of a layer"), "%.4f"),
    "entropy bits": Column("Entropy bits", help_of("entropy of a layer"), "%.4f"),
    "numbers per pixel": Column("Numbers per pixel", help_of("numbers per pixel"), "%.4f"),
}


def _contributions(study: Study, options: Options) -> tuple[list[Block], dict[str, Any]]:
    """How much each layer adds over the split."""
    title, asked = "What each layer adds over the split", measurements.Layers(options.fill)
    found = study.result("layers", asked)
    if found is None:
        count = min(len(study.images), measurements.IMAGES["layers"])
        missing = Missing(
            "layers", asked, f"Decode {count:,} images from every prefix of layers",
            "The same for many images, with intervals; kept for the next time.",
        )  # fmt: skip
        return [Heading(title, help_of("gain of a layer")), missing], {}
    from explorer.analysis.layers import FILLS
    from explorer.charts import layer_plots

    frame = layer_plots.worded_table(found)
    about = f"{found['images']:,} images; bars are 95 % intervals. {help_of('gain of a layer')}"
    name = f"{study.checkpoint.name}-layers-{options.fill}"
    return [
        Heading(title, about, lambda: layer_plots.table(found), name),
        Controls(("score",)),
        Chart(
            "contributions", lambda theme: layer_plots.contributions(found, options.score, theme),
            f"{options.score.upper()} after each layer",
        ),
        Table("layers", frame, {name: column for name, column in COLUMNS.items() if name in frame}),
        Note(
            f"Layers left out are filled with {FILLS[options.fill]}. A network that was trained with all layers at "
            "once may put little into the first ones; layer dropout in training makes prefixes meaningful."
        ),
    ], {"images": found["images"], "nothing": found["nothing"], "layers": found["layers"]}  # fmt: skip


def _recombined(study: Study, options: Options) -> list[Block]:
    """Layers of two images in one picture."""
    first, other = study.image(options.image), study.image(options.second)
    of_first = fields.listed(options.of_first)
    rest = ", ".join(name for name in study.layer_names if name not in of_first) or "nothing"
    chosen = ", ".join(of_first) or "nothing"
    mixed = study.recombined(first.pixels, other.pixels, of_first)
    swapped = study.recombined(other.pixels, first.pixels, of_first)
    drawn = np.random.default_rng([options.image, options.second]).permutation(len(study.images))
    a, b = (int(drawn[place % len(drawn)]) for place in (0, 1))
    others = Link("Two others", "shuffle", Go(None, {"image": a, "second": b}))
    parts = [[Controls(("image",))], [Controls(("second",))], [others], [Controls(("of_first",))]]
    pictures = [
        Picture(first.pixels, "A", first.name),
        Picture(other.pixels, "B", other.name),
        Picture(mixed, f"{chosen} of A", f"{rest} of B"),
        Picture(swapped, f"{chosen} of B", f"{rest} of A"),
    ]
    return [
        Heading("Recombine two images", help_of("recombination")),
        Row(parts, 60, even=False),
        Pictures("recombined", pictures, 150, grow=False),
    ]
