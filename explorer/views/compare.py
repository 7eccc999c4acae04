"""Compare: this checkpoint beside another one on the same images, in numbers, image by image, and layer by layer."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.results import maps
from explorer.sheets import Block, Card, Cards, Choose, Controls, Go, Later, Link, Missing, Note, Row, Sheet
from explorer.study import pair as pairs
from explorer.views import beside, board, differences, fields, likeness, linked_maps, ways, winners

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint
    from explorer.results.subject import Subject
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.pair import Pair

FRESH = 5  # seconds for which what was said of a checkpoint is believed
TRIED = 4  # checkpoints of which one is taken that is encoded already, before any is chosen
ALONE = (
    "{name} is the only checkpoint here. Train another one in the sidebar, or type the path of one, to compare them."
)

NO_PIXELS = (
    "{name} is a file of codes, and its images are not here, so no other checkpoint can be asked about them. Choose "
    "the dataset that the codes are of, in the sidebar."
)


def offers(study: Study, _: Any = None) -> dict[str, str]:
    """The other checkpoints that are here, those of the same dataset and image size first."""
    from explorer import checkpoints

    here = study.checkpoint
    found = [
        one
        for one in checkpoints.find(here)
        if one.state != "training" and one.path.resolve() != here.path.resolve()
    ]  # fmt: skip

    def order(one: Checkpoint) -> tuple[bool, bool]:
        return not one.trained_on(here.dataset or study.subject.dataset), one.image_size != here.image_size

    return {ways.known(one): f"{one.name} ({one.family}, {one.image_size} px)" for one in sorted(found, key=order)}


def described(name: str) -> Checkpoint:
    """The facts of a checkpoint by name or path; BadInput where there is none, or it is being trained."""
    from explorer import checkpoints

    try:
        found = _facts(checkpoints.resolve(name), int(time.monotonic() / FRESH))
    except BadInput:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # no access, no such home, too long
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"'{name[:80]}' cannot be read ({reason}); choose from the list, or type another path") from None
    if found.state == "training":
        raise BadInput(f"'{name}' is still being trained; choose another, or wait until it is done")
    return found


@functools.lru_cache(maxsize=16)
def _facts(path: Path, moment: int) -> Checkpoint:
    """The facts of a checkpoint: one drawing of the page asks often, and a network of others is built for them."""
    from explorer import checkpoints

    return checkpoints.describe(path)


def start(study: Study, _: Any = None) -> str:
    """The first that is encoded already; else the first."""
    names = list(offers(study))
    for name in names[:TRIED]:
        with suppress(BadInput):  # codes of other images, weights that are gone
            if pairs.encoded(study, pairs.subject_of(study, described(name))):
                return name
    return names[0] if names else ""


def _layers_of_b(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    if not options["against"]:
        return {}
    return {layer["name"]: layer["name"] for layer in described(options["against"]).layers}


def _layer_b(study: Study, options: Mapping[str, Any]) -> str:
    """The layer of B to begin with: the one of the same name and grid; else the finest with codes; else the last."""
    if not options["against"]:
        return ""
    layers = described(options["against"]).layers
    own = next((one for one in study.checkpoint.layers if one["name"] == options["layer"]), None)
    same = [one for one in layers if own and (one["name"], one["grid"]) == (own["name"], own["grid"])]
    coded = [one for one in layers if one.get("codes")]
    if same:
        return same[0]["name"]
    return (max(coded, key=lambda one: one["grid"][0]) if coded else layers[-1])["name"]


def _several(study: Study, options: Mapping[str, Any]) -> bool:
    return len(study.layer_names) * len(_layers_of_b(study, options)) > 1


def _second(study: Study, options: Mapping[str, Any]) -> Study | None:
    """The study of B, where both are encoded and there are enough images for maps of them."""
    if not options["against"] or not study.encoded:
        return None
    try:
        found = pairs.open_pair(study, described(options["against"]))
    except BadInput:
        return None
    return found.b if isinstance(found, pairs.Pair) and len(found.rows[0]) >= maps.FEWEST else None


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    against: str = fields.option(
        "", "Checkpoint B", help_of("checkpoint b"), offers=offers, start=start,
        check=lambda _, name: described(name) if name else None,
    )  # fmt: skip
    metric: str = fields.option("psnr", "Score", help_of("images won"), choices=differences.METRICS)
    layer: str = fields.option(
        "", "Layer of A", "Whose codes and latents are compared.",
        choices=lambda study, _: {name: name for name in study.layer_names},
        start=lambda study, _: study.main_layer, when=lambda study, _: len(study.layer_names) > 1,
    )  # fmt: skip
    layer_b: str = fields.option(
        "", "Layer of B", "With which layer of B.", choices=_layers_of_b, start=_layer_b, yields=True,
        when=lambda study, options: len(_layers_of_b(study, options)) > 1,
    )  # fmt: skip
    measure: str = fields.option(
        "ami", "Measure", "What the colours of the chart show.", choices=likeness.MEASURES, when=_several
    )
    method: str = beside.method(_second)
    colour: str = beside.colour(_second)
    region: str = beside.region()


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """Both checkpoints in numbers, image by image, and layer by layer; and the board of all."""
    if not study.images.pictured:
        return Sheet([Note(NO_PIXELS.format(name=study.checkpoint.name), "info"), *board.blocks(study)])
    if not options.against:
        return Sheet([Note(ALONE.format(name=study.checkpoint.name), "info"), *board.blocks(study)])
    other = described(options.against)
    picker: list[Block] = [Row([[Controls(("against", "layer", "layer_b"))], _ways(study, other)], 60, even=False)]
    try:
        pair = pairs.open_pair(study, other)
    except BadInput as problem:
        text = str(problem)
        return Sheet([*picker, Note(f"{text[:1].upper()}{text[1:]}.", "info"), *board.blocks(study)])
    if not isinstance(pair, pairs.Pair):
        return Sheet([*picker, *_not_encoded(study, pair), *board.blocks(study)])
    found, layers = pair.found(), (options.layer, options.layer_b)
    rows = differences.metrics(pair, layers, found)
    blocks: list[Block] = [*picker, *_notes(pair, found)]
    won: dict[str, Any] = {}
    each: list[Block] = []
    if not pair.no_errors():
        each, won = winners.images(pair, options.metric)
    blocks += _opening(pair, rows, won, options.metric)
    blocks += [*differences.table(pair, rows, layers), *each]
    blocks += likeness.blocks(pair, found, layers, options.measure)
    blocks += [linked_maps.HEADING, Choose(), Later(lambda: beside.blocks(study, pair.b, options, picture)[1:])]
    told = numbers(pair, rows, won, found, layers) | {"map": lambda: beside.numbers(study, pair.b, options)["map"]}
    return Sheet([*blocks, Later(lambda: board.blocks(study))], told)


def numbers(
    pair: Pair, rows: list[dict[str, Any]], won: dict[str, Any], found: dict[str, Any] | None, layers: tuple[str, str]
) -> dict[str, Any]:
    """What `explorer compare --json` prints; `codes` and `latents` are null until they are made."""
    chosen = None if found is None else likeness.of(found, layers)
    return {
        "a": pair.a.checkpoint.name,
        "b": pair.b.checkpoint.name,
        "n": len(pair.rows[0]),
        "metrics": rows,
        "wins": won or None,
        "layers": {"a": layers[0], "b": layers[1]},
        "codes": None if chosen is None else {"ami": chosen["ami"]},
        "latents": None if chosen is None else {"cka": chosen["cka"], "knn_jaccard": chosen["knn_jaccard"]},
        "pairs": [] if found is None else found["pairs"],
    }


def _ways(study: Study, other: Checkpoint) -> list[Block]:
    """The same from the other side."""
    carried = {"checkpoint": ways.known(other), "against": ways.known(study.checkpoint)}
    return [Link("Swap A and B", "swap_horiz", Go(None, carried | {"layer": None, "layer_b": None}))]


def _not_encoded(study: Study, subject: Subject) -> list[Block]:
    """What must be computed of the other checkpoint first."""
    name = subject.facts.name
    count = f"{len(study.images):,} images" if subject.limit == study.subject.limit else "the images"
    said = f"{name} has not been encoded here: its codes, latents and errors of the same images come first."
    title = f"Encode {count} of {study.images.name.rstrip('/').rpartition('/')[2]} with {name}"
    return [Note(said, "plain"), Missing("encoding", None, title, "Then the two are compared.", subject=subject)]


def _notes(pair: Pair, found: dict[str, Any] | None) -> list[Block]:
    """What to know before any number: the same twice, other images, other training, other sizes, no decoder."""
    a, b = pair.a, pair.b
    names, n = (a.checkpoint.name, b.checkpoint.name), len(pair.rows[0])
    blocks: list[Block] = []
    if pair.same:
        blocks.append(Note("A and B are the same checkpoint: every difference is 0, and everything agrees.", "info"))
    if n < max(len(a.images), len(b.images)):
        sets = f"{names[0]} has {len(a.images):,} images here and {names[1]} {len(b.images):,}"
        blocks.append(Note(f"{sets}; they are compared on the {n:,} that both have."))
    dataset = a.subject.dataset
    trained = [one.checkpoint.trained_on(dataset) for one in (a, b)]
    if trained[0] != trained[1] and a.checkpoint.dataset and b.checkpoint.dataset:
        own, other = names if trained[0] else names[::-1]
        said = f"{own} was trained on {_called(dataset)} and {other} was not, which favours it on these images."
        blocks.append(Note(said, "warning"))
    for one, name in zip((a, b), names, strict=True):
        if one.images.seen:
            said = f"{name} was trained on {one.images.seen:,} of these images; its scores say nothing of new ones."
            blocks.append(Note(said, "warning"))
    if why := pair.no_errors():
        if found is not None and found["smaller"]:
            why += f" Below, both are held against the images at {found['smaller']['size']} pixels."
        blocks.append(Note(why, "info", help_of("smaller size") if pair.size[0] != pair.size[1] else ""))
    return blocks


def _called(dataset: str) -> str:
    return dataset.rstrip("/").rpartition("/")[2]


def _opening(pair: Pair, rows: list[dict[str, Any]], won: dict[str, Any], metric: str) -> list[Block]:
    """What the numbers say in one sentence, and the largest of them as cards."""
    known = {row["metric"]: row for row in rows}
    names = pair.a.checkpoint.name, pair.b.checkpoint.name
    cards = [_card(name, known[name]) for name in ("psnr", "ssim", "bits_per_pixel") if name in known]
    if won.get("n"):
        called = differences.METRICS[metric]
        between = f"95 %: {won['low']:.1%} – {won['high']:.1%}"
        ties = f"; {won['ties']:,} the same" if won["ties"] else ""
        cards.append(Card(f"Images A wins ({called})", f"{won['share']:.1%}", between + ties, help_of("images won")))
    said = _sentence(known, names, won, metric)
    return [*([Note(said, "plain")] if said else []), *([Cards(cards, 4)] if cards else [])]


def _card(name: str, row: dict[str, Any]) -> Card:
    digits = {"psnr": 2, "ssim": 4, "bits_per_pixel": 4}[name]
    unit = " dB" if name == "psnr" else ""
    label = {"psnr": "PSNR", "ssim": "SSIM", "bits_per_pixel": "Bits per pixel"}[name]
    value = differences.written(row["difference"], digits, sign=True) + unit
    note = f"{differences.written(row['a'], digits)} − {differences.written(row['b'], digits)}"
    if name != "bits_per_pixel" and row["low"] is not None:
        ends = (differences.written(row[end], digits, sign=True) for end in ("low", "high"))
        note = f"95 %: {' … '.join(ends)}"
    return Card(f"{label}, A − B", value, note, help_of("paired difference"))


def _sentence(known: dict[str, dict[str, Any]], names: tuple[str, str], won: dict[str, Any], metric: str) -> str:
    """Who reconstructs better, by how much, on how many images, and at which cost."""
    if "psnr" not in known:
        return ""
    row = known["psnr"]
    first = differences.ahead(row)
    at = f" at {row['size']} px" if "size" in row else ""
    if not first:
        said = f"On {row['n']:,} images A, {names[0]}, and B, {names[1]}, are not told apart by their PSNR{at}"
    else:
        ahead, behind = names if first > 0 else names[::-1]
        gap = differences.written(abs(row["difference"]), 2)
        said = f"On {row['n']:,} images {ahead} ({'A' if first > 0 else 'B'}) is {gap} dB above {behind}{at}"
    if won.get("n") and metric == "psnr" and first:
        share = won["share"] if first > 0 else 1 - won["share"]
        said += f", and better on {share:.0%} of them"
    bits = known.get("bits_per_pixel")
    if bits is not None and bits["difference"]:
        more, less = (
            (names, (bits["a"], bits["b"])) if bits["difference"] > 0 else (names[::-1], (bits["b"], bits["a"]))
        )
        said += f"; {more[0]} spends {less[0] / less[1]:.2g} times the bits"
    elif bits is not None:
        said += ", at the same bits"
    return f"{said}."
