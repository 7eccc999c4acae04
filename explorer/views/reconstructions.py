"""Reconstructions: what the checkpoint keeps of an image, and what it loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import (
    Block,
    Card,
    Cards,
    Chart,
    Controls,
    Drop,
    Go,
    Heading,
    Link,
    Missing,
    Note,
    Picture,
    Pictures,
    Row,
    Sheet,
    Strip,
    Strips,
    drawing,
)  # fmt: skip
from explorer.views import fields, mask_board, unlike, words

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.comparison import Comparison
    from explorer.study import Picture as Looked
    from explorer.study import Study

SHOWN = {"random": "Random", "worst": "Worst", "best": "Best", "concept": "One concept", "own": "Your own images"}
AXES = {"psnr": "PSNR of one image (dB)", "ssim": "SSIM of one image"}
DIGITS = {"psnr": 2, "ssim": 3}
SCORED, AVERAGED, DECODED = 5000, 2000, 200  # images scored against a mean image; averaged; decoded only for that


def _shown(study: Study, _: Any = None) -> dict[str, str]:
    absent = set() if study.encoded else {"worst", "best"}
    absent |= set() if _concepts(study) else {"concept"}
    return {name: called for name, called in SHOWN.items() if name not in absent}


def _concepts(study: Study, _: Any = None) -> dict[str, str]:
    from explorer.datasets import discrete

    return {str(name): str(name) for name in discrete(_table(study))}


def _table(study: Study) -> pd.DataFrame:
    """Concepts of the images, also where nothing is encoded, and what is computed from their pixels."""
    own, computed = study.images.concepts, study.computed()
    return own if computed is None else own.join(computed)


def _values(study: Study, options: Any) -> dict[str, str]:
    if not options["concept"]:
        return {}
    found = _table(study)[options["concept"]].dropna().astype(str).unique()
    return {value: value for value in sorted(found)}


def _masks(study: Study, _: Any = None) -> bool:
    return study.abilities()["mask_grid"] is not None


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    show: str = fields.option("random", "Show", choices=_shown)
    count: int = fields.option(
        8, "Images", choices={n: str(n) for n in (4, 8, 16, 32, 64)}, widget="list",
        when=lambda _, options: options["show"] != "own",
    )  # fmt: skip
    seed: int = fields.option(
        0, "Seed", "Another seed, other images.", min=0, max=9999, when=lambda _, options: options["show"] == "random"
    )
    concept: str = fields.option(
        "", "Concept", "What is known of each image: its class folder, or a column of a table beside the images.",
        choices=_concepts, start=lambda study, _: next(iter(_concepts(study)), ""),
        when=lambda _, options: options["show"] == "concept",
    )  # fmt: skip
    value: str = fields.option(
        "", "Value", "Images with this value are shown, and scored beside all.", choices=_values,
        start=lambda study, options: next(iter(_values(study, options)), ""),
        when=lambda _, options: options["show"] == "concept",
    )  # fmt: skip
    hide: str = fields.option(
        "random", "Hidden patches", help_of("hidden patches"), choices={"random": "At random", "painted": "By hand"},
        when=_masks,
    )  # fmt: skip
    ratio: int = fields.option(
        75, "Hidden (%)", "The share of patches that the model does not see; with 0 it sees all.", min=0, max=95,
        step=5, widget="slider", when=lambda study, options: options["hide"] == "random" and _masks(study),
    )  # fmt: skip
    mask_seed: int = fields.option(
        0, "Mask seed", "Another seed, other patches.", min=0, max=9999,
        when=lambda study, options: options["hide"] == "random" and _masks(study),
    )  # fmt: skip
    mask: str = fields.option("", "Patches hidden by hand", when=lambda *_: False)
    latents: str = fields.option(
        "mean", "Latents", help_of("posterior"), choices={"mean": "Mean", "sample": "Sample"},
        when=lambda study, _: study.abilities()["samples"],
    )  # fmt: skip
    sample_seed: int = fields.option(
        0, "Sample seed", "Another seed, another draw.", min=0, max=9999,
        when=lambda study, options: options["latents"] == "sample" and study.abilities()["samples"],
    )  # fmt: skip
    scale: str = fields.option(
        "all", "Colours of errors", help_of("error map"),
        choices={"all": "One scale for all images", "own": "This selection's own"},
    )  # fmt: skip
    score: str = fields.option("psnr", "Score", choices={"psnr": "PSNR", "ssim": "SSIM"})


def sheet(study: Study, options: Options, picture: Looked | Sequence[Looked] | None = None) -> Sheet:
    """Images beside their reconstructions and errors, and the scores of all of them; own pictures where there are."""
    if study.checkpoint.no_decoder:
        return Sheet(words.no_decoder(study))
    own = (picture,) if hasattr(picture, "pixels") else tuple(picture or ())
    shown = own if options.show == "own" or hasattr(picture, "pixels") else _chosen(study, options)
    header, below, numbers = _scores(study, options)
    blocks: list[Block] = [*header, Controls(("show", "count", "seed", "concept", "value"))]
    blocks += [Drop()] if options.show == "own" else []
    mask, controls = _hidden(study, options, shown)
    blocks += [*controls, Controls(("latents", "sample_seed")), *unlike.notes(study, shown)]
    if shown:
        seed = options.sample_seed if options.latents == "sample" and study.abilities()["samples"] else None
        found = study.compare(np.stack([one.pixels for one in shown]), mask, seed)
        cards, end = _cards(study, options, shown, found, mask)
        blocks += cards
        numbers |= {
            "error_scale": end,
            "shown": [_told(*one) for one in zip(shown, found.psnr, found.ssim, strict=True)],
        }
    return Sheet([*blocks, *below], numbers)


def _told(picture: Looked, psnr: float, ssim: float) -> dict[str, Any]:
    return {"name": picture.name, "row": picture.row, "psnr": float(psnr), "ssim": float(ssim)}


# ---- which images


def _chosen(study: Study, options: Options) -> tuple[Looked, ...]:
    images = study.images
    if options.show == "random":
        order = np.random.default_rng(options.seed).permutation(len(images))
    elif options.show == "concept":
        order = np.flatnonzero(_have(study, options))
    else:
        order = study.errors()["psnr"].dropna().sort_values(kind="stable").index.to_numpy()
        order = order if options.show == "worst" else order[::-1]
    rows = order[: options.count]
    return study.pictures(rows)


def _have(study: Study, options: Options) -> np.ndarray:
    """(N,) bool: images with the value of the concept that was chosen."""
    return (_table(study)[options.concept].astype(str) == options.value).to_numpy()


def _hidden(study: Study, options: Options, shown: Sequence[Looked]) -> tuple[np.ndarray | None, list[Block]]:
    """Patches (n, H, W) to hide, None for none, and the controls of them."""
    from explorer.analysis.comparison import random_masks

    grid = study.abilities()["mask_grid"]
    controls: list[Block] = [Controls(("hide", "ratio", "mask_seed"))]
    if grid is None or not shown:
        return None, controls
    if options.hide == "random":
        mask = random_masks(len(shown), grid, options.ratio / 100, options.mask_seed) if options.ratio else None
        return mask, [*controls, *(mask_board.peeks(study) if options.ratio else [])]
    cells, said = mask_board.painted(options.mask, grid)
    cells = np.zeros(grid, bool) if cells is None else cells
    about = f"{words.many(int(cells.sum()), 'patch', 'patches')} of {cells.size} hidden, the same in each image below."
    alt = f"Patches of {shown[0].name}: press one to hide or show it"
    board = mask_board.board("mask-board", shown[0].pixels, cells, alt, share=options.ratio or None)
    controls += [*said, *mask_board.peeks(study), Row([[board], [Note(f"{mask_board.HOW} {about}")]], 260)]
    seen_all = not cells.any()
    return None if seen_all or cells.all() else np.repeat(cells[None], len(shown), 0), controls


# ---- the pictures


def _cards(
    study: Study, options: Options, shown: Sequence[Looked], found: Comparison, mask: np.ndarray | None
) -> tuple[list[Block], float]:
    """A strip for each image, whose patches `mask` (n, H, W) are hidden, and the scale of the error colours."""
    hidden = found.seen is not None
    top = drawing.error_top(found.errors) if options.scale == "own" else study.error_top(hidden)
    columns = {
        "Original": found.originals, "Seen": found.seen, "Reconstruction": found.reconstructions,
        "Error": drawing.heat(found.errors, top),
    }  # fmt: skip
    columns = {title: column for title, column in columns.items() if column is not None}
    strips = []
    for index, one in enumerate(shown):
        title = f"{found.psnr[index]:.1f} dB{' on hidden patches' if hidden else ''} · SSIM {found.ssim[index]:.3f}"
        carried = {"image": one.address} | ({"order": "own"} if one.row is None else {})
        links = [
            Link("Codes", "grid_on", Go("code_maps", carried)),
            Link("Map", "scatter_plot", Go("latent_map", carried)),
            Link("Similar", "image_search", Go("similar", carried | {"search": "image"})),
        ]
        if mask is not None:
            links.append(Link("Masks", "deblur", Go("masks", carried | {"mask": mask_board.text_of(mask[index])})))
        pictures = [
            Picture(column[index], title, alt=f"{title} of {one.name}") for title, column in columns.items()
        ]  # fmt: skip
        strips.append(Strip(pictures, title, one.name, links, one.row))
    bar = drawing.heat(np.broadcast_to(np.linspace(0, 1, 160), (10, 160)), 1.0)
    legend = Row([
        [Note("Error 0")],
        [Pictures("bar", [Picture(bar, alt="Colours of errors, from dark (none) to light")], 160, grow=False)],
        [Note(f"{top:.2f} and more", help=help_of("error map"))],
        [Controls(("scale",))],
    ], 60, even=False)  # fmt: skip
    return [Strips("cards", strips, 115 * len(columns), "reconstructions"), legend], top


# ---- scores over all images


def baseline(study: Study) -> tuple[dict[str, Any], str]:
    """PSNR in dB, an interval, of answering every image with one mean image; and what that is the mean of.

    What was scored when training ended is taken where it is of these very images.
    """
    from explorer import datasets
    from explorer.analysis import quality
    from explorer.analysis.comparison import constant_psnr, mean_image

    images, subject, known = study.images, study.subject, study.checkpoint
    stored = known.metrics.get("baselines", {}).get("mean image", {}).get("psnr")
    own = subject.dataset == known.dataset and images.split == known.metrics.get("split") and subject.limit is None
    own = own and subject.fit == known.training.get("fit", "crop")  # other pixels where images are not square
    content = known.metrics.get("content")  # of older checkpoints only a set that never changes is sure to be the same
    same = content == images.fingerprint if content else subject.dataset in datasets.DATASETS
    if stored and own and same and stored["n"] == len(images):
        return stored, "2,000 training images at most"
    rows, of, called = images.sample(SCORED), images, "of these images themselves"
    if images.split != "all" and "train" in datasets.split_names(subject.dataset):
        ready = datasets.ready(subject.dataset, "train", images.size, fit=subject.fit)
        # none is downloaded for this
        if ready or subject.dataset not in datasets.DATASETS or subject.dataset == "digits":
            of, called = subject.load("train", None if ready else DECODED), "training images"
    averaged = rows if of is images else of.sample(AVERAGED)
    scores = constant_psnr(mean_image(of.batches(averaged)), images.batches(rows))
    return quality.interval(scores), f"{len(averaged):,} {called}"


def _scores(study: Study, options: Options) -> tuple[list[Block], list[Block], dict[str, Any]]:
    """What stands above the pictures, what stands below them, and the numbers of both."""
    from explorer.analysis import quality

    if not study.encoded:
        name = study.checkpoint.name
        return (
            [Missing("encoding", None, f"Encode {len(study.images):,} images of {study.images.name} with {name}")],
            [],
            {},
        )
    errors, _images = study.errors(), study.images
    base, of = study.remember(baseline)
    parts = {"all": np.ones(len(errors), bool)}
    if options.show == "concept" and options.value:
        parts[options.value] = _have(study, options)
    blocks: list[Block] = []
    numbers: dict[str, Any] = {"baseline_psnr": base, "baseline_of": of}
    for name, rows in parts.items():
        scored = {score: quality.interval(errors[score][rows].dropna()) for score in AXES}
        if not scored["psnr"]["n"]:
            continue
        numbers |= (
            {"psnr": scored["psnr"], "ssim": scored["ssim"]} if name == "all" else {"value": {"name": name, **scored}}
        )
        blocks.append(_numbers(study, name, scored, numbers, int(rows.sum())))
    blocks += [*_stored(study, numbers), *_skipped(study.images)]
    return blocks, _distribution(study, options, errors, parts, numbers), numbers


def _numbers(study: Study, name: str, scored: dict, numbers: dict, images: int) -> Cards:
    """Scores of all images, or of those with one value beside them."""
    from explorer.analysis import quality

    split, psnr, whole = study.images.split, scored["psnr"], name == "all"
    of = "" if whole else f" of {name}"
    cards = [
        Card(
            f"Mean {score.upper()}{of}", f"{found['mean']:.{DIGITS[score]}f}" + (" dB" if score == "psnr" else ""),
            quality.between(found, DIGITS[score]), help_of(score),
        )
        for score, found in scored.items()
    ]  # fmt: skip
    if whole:
        mean = numbers["baseline_psnr"]["mean"]
        mean_of, n = numbers["baseline_of"], numbers["baseline_psnr"]["n"]
        about = f"{help_of('mean image')} Here: the mean of {mean_of}, on {n:,} images."
        cards.append(Card("Baseline PSNR", f"{mean:.2f} dB", f"{psnr['mean'] - mean:+.2f} dB by the model", about))
    else:
        gap = psnr["mean"] - numbers["psnr"]["mean"]
        cards.append(
            Card("Against all images", f"{gap:+.2f} dB".replace("-", "−"), "difference of the means", help_of("psnr"))
        )
    sample = "" if psnr["n"] == images else f", a random sample of {images:,}"
    note = ("all images" if split == "all" else f"{split} split") if whole else f"of {len(study.images):,}"
    cards.append(Card(f"Images{of}", f"{psnr['n']:,}", note, f"Images that the scores are taken from{sample}."))
    return Cards(cards, 4)


def _stored(study: Study, numbers: dict[str, Any]) -> list[Block]:
    """What the scores that came with the checkpoint are of, where they are not the ones above."""
    from explorer.analysis.quality import worded

    checkpoint, metrics = study.checkpoint, study.checkpoint.metrics
    stored, blocks = metrics.get("psnr"), []
    named = {score: metrics.get(score) and f"{metrics[score]['mean']:.{digits}f}" for score, digits in DIGITS.items()}
    here = {score: f"{numbers[score]['mean']:.{digits}f}" for score, digits in DIGITS.items() if score in numbers}
    if stored and here and any(named[score] not in (None, here[score]) for score in here):
        ssim = f", SSIM {worded(metrics['ssim'], 3)}" if metrics.get("ssim") else ""
        blocks.append(Note(
            f"Stored with the checkpoint: {worded(stored, 2)} dB{ssim}, of {stored['n']:,} held-out images of "
            f"{checkpoint.dataset}, measured when training ended. The numbers above are measured here, of "
            f"{study.images.name}."
        ))  # fmt: skip
    masked = metrics.get("masked")
    if masked and study.subject.dataset == checkpoint.dataset:
        filled = masked["baselines"]["mean of visible patches"]["psnr"]
        blocks.append(Note(
            f"Nothing is hidden for the scores above. With {masked['ratio']:.0%} of the patches hidden, these come "
            f"back at {worded(masked['psnr'], 2)} dB; filling them with the mean of the visible ones gives "
            f"{filled['mean']:.2f} dB. The gain is {worded(masked['gain'], 2)} dB on {masked['gain']['n']:,} held-out "
            "images, measured when training ended (95 % intervals)."
        ))  # fmt: skip
    return blocks


def _skipped(images: Any) -> list[Block]:
    """Files of the dataset that could not be read; what else was left out or chosen stands below the page's title."""
    if not images.skipped:
        return []
    named = "; ".join(f"{file} ({reason})" for file, reason in images.skipped[:3])
    more = f"; and {images.lost - 3:,} more" if images.lost > 3 else ""
    return [Note(f"{words.many(max(images.lost, len(images.skipped)), 'file')} could not be read: {named}{more}.")]


def _distribution(
    study: Study, options: Options, errors: pd.DataFrame, parts: dict[str, np.ndarray], numbers: dict[str, Any]
) -> list[Block]:
    from explorer.analysis import quality
    from explorer.charts import plots

    values = errors[options.score].dropna().to_numpy()
    part = None
    for name, rows in parts.items():
        some = errors[options.score][rows].dropna().to_numpy()
        part = (name, some, quality.summary(some)) if name != "all" and len(some) else part
    mean = numbers["baseline_psnr"]["mean"] if options.score == "psnr" else None
    names = list(study.images.names)
    return [
        Heading(
            "Distribution over the split", help_of(options.score),
            lambda: errors.assign(name=names).rename_axis("row").reset_index(), f"{study.checkpoint.name}-errors",
        ),
        Controls(("score",)),
        Chart(
            "distribution",
            lambda theme: plots.quality_histogram(
                values, quality.summary(values), AXES[options.score], baseline=mean, baseline_name="mean image",
                part=part, theme=theme,
            ),
            f"{options.score.upper()} of {len(values):,} images",
        ),
    ]  # fmt: skip
