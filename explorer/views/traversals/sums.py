"""a - b + c in latents: images, or mean latents of all images with one value of a concept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Controls, Go, Heading, Note, Picture, Pictures, Row
from explorer.study import traversals
from explorer.views.traversals import layer as known
from explorer.views.traversals import shifts

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

MEAN = "="  # begins the name of an operand that is a mean
VALUES = 60  # values of a concept that are offered
GRIDDED = 64  # images that a mean is taken of where latents are a grid
SMALL = 64  # pixels of images of which that many are encoded while the page waits
NEAREST = 8
FEW = 20  # images below which a mean is called rough
NO_CONCEPTS = (
    "This dataset has no concepts, so there are no means; a, b and c are images. Put images into a folder for each "
    "class, or a metadata.csv beside them, to add and subtract classes."
)


@dataclass(frozen=True)
class Operand:
    """One of a, b, c.

    Attributes:
        latent: (H, W, D). pixels: decoded, (h, w, 3) uint8. title, note: what it is.
        row: of the image that it is; None for a mean, or one's own picture.
        latents: of all layers of the image; None for a mean.
        value: the value that it is the mean of. n: images in the mean.
    """

    latent: np.ndarray
    pixels: np.ndarray
    title: str
    note: str
    row: int | None = None
    latents: Mapping[str, np.ndarray] | None = None
    value: str | None = None
    n: int = 1


def concepts(study: Study, _: Any = None) -> dict[str, str]:
    """Concepts with values."""
    from explorer.datasets import discrete

    return {str(name): str(name) for name in discrete(study.concepts())}


def telling(study: Study) -> str:
    """The concept whose values lie furthest apart: the largest share of the latents' variance is between them."""
    known = concepts(study)
    return study.remember(_telling, study.layer_names[0]) if known else ""


def _telling(study: Study, layer: str) -> str:
    from explorer.analysis import unit_concepts

    table, latents = study.concepts(), study.encoding.pooled(layer)
    weights = latents.var(0, dtype=np.float64)
    shares = {}
    for name in concepts(study):
        rows = table[name].notna().to_numpy()
        shares[name] = float(unit_concepts.strength(latents[rows], table[name][rows].to_numpy(object))[0] @ weights)
    return max(shares, key=shares.get)


def operands(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    """What a, b and c can be."""
    found = {"picture": "The image above", "image": "Another image"}
    for value, count in _counts(study, options["concept"]).items():
        found[f"{MEAN}{value}"] = f"Mean of {value} ({count:,})"
    return found


def value_of_picture(study: Study, options: Mapping[str, Any]) -> str:
    """The mean of the images with the value that the picture has; of the most frequent one where it has none."""
    counts = _counts(study, options["concept"])
    own = _own(study, options)
    return f"{MEAN}{own}" if own in counts else f"{MEAN}{next(iter(counts))}" if counts else "image"


def other_value(study: Study, options: Mapping[str, Any]) -> str:
    """The mean of the images with another value than b."""
    others = [f"{MEAN}{value}" for value in _counts(study, options["concept"]) if f"{MEAN}{value}" != options["b"]]
    return others[0] if others else "image"


def _own(study: Study, options: Mapping[str, Any]) -> str:
    picture, concept = options["picture"], options["concept"]
    if picture is None or picture.row is None or not concept:
        return ""
    return str(study.concepts()[concept].iloc[picture.row])


def _counts(study: Study, concept: str) -> dict[str, int]:
    """Images with each value of a concept, the most frequent first."""
    if not concept or concept not in study.concepts():
        return {}
    counts = study.concepts()[concept].dropna().astype(str).value_counts()
    return {str(value): int(count) for value, count in counts.head(VALUES).items()}


def blocks(study: Study, options: Any, picture: Looked) -> tuple[list[Block], dict[str, Any]]:
    """a, b, c, what their sum decodes to, and the images whose latents are nearest to it."""
    a = _operand(study, options, picture, "a")
    b, c = (_operand(study, options, picture, name, a.row) for name in "bc")
    total = a.latent - b.latent + c.latent
    base = a.latents if len(study.layer_names) > 1 else None
    result = study.through(traversals.decode, options.layer, total[None], base)[0]
    shown = [
        Picture(a.pixels, f"a · {a.title}", a.note), Picture(b.pixels, f"− b · {b.title}", b.note),
        Picture(c.pixels, f"+ c · {c.title}", c.note), Picture(result, "= a − b + c", "decoded"),
    ]  # fmt: skip
    near, numbers = _nearest(study, options, total, (a, b, c))
    how, told = _analogies(study, options, b, c)
    notes = [] if concepts(study) else [Note(NO_CONCEPTS)]
    return [
        Heading("Add and subtract latents", help_of("latent arithmetic")),
        *([Controls(("concept",))] if concepts(study) else notes),
        Row([[Controls(("a",))], [Controls(("a_row",))], [Controls(("b",))], [Controls(("b_row",))],
             [Controls(("c",))], [Controls(("c_row",))]], 60, even=False),
        Pictures("sum", shown, 150, grow=False),
        *[Note(one) for one in _notes(study, options, (a, b, c))],
        shifts.piece(shifts.Shift(study, options.layer, a.latent, c.latent - b.latent, base), a.pixels, result),
        *near, *how,
    ], {"a": _told(a), "b": _told(b), "c": _told(c), "shift": float(np.linalg.norm(total - a.latent)),
        **numbers, **told}  # fmt: skip


def _told(one: Operand) -> dict[str, Any]:
    return {"row": one.row, "value": one.value, "images": one.n}


def _operand(study: Study, options: Any, picture: Looked, name: str, but: int | None = None) -> Operand:
    """What a, b or c is; the image `but` is in no mean."""
    chosen = getattr(options, name)
    if not chosen.startswith(MEAN):
        one = picture if chosen == "picture" else study.image(getattr(options, f"{name}_row"))
        seen = study.look(one)
        title = "your picture" if one.row is None else f"image {one.row:,}"
        pixels = list(seen.prefixes.values())[-1].reconstructions[0]
        return Operand(
            seen.latents[options.layer], pixels, title, _known(study, options, one.row), one.row, seen.latents
        )
    value = chosen.removeprefix(MEAN)
    latent, pixels, count = study.remember(_mean, options.layer, options.concept, value, but)
    return Operand(latent, pixels, f"mean of {value}", f"{count:,} images", value=value, n=count)


def placed(study: Study, layer: str) -> bool:
    """Whether means are taken at each place of a grid, which takes a pass over the images; of small ones alone."""
    return not known.is_vector(study, layer) and study.checkpoint.image_size <= SMALL


def _known(study: Study, options: Any, row: int | None) -> str:
    """The value of an image."""
    return str(study.concepts()[options.concept].iloc[row]) if options.concept and row is not None else ""


def _mean(study: Study, layer: str, concept: str, value: str, but: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Mean latent (H, W, D) of the images with a value, the image `but` not among them, decoded; and how many."""
    rows = np.flatnonzero(study.concepts()[concept].astype(str).to_numpy() == value)
    rows = rows[rows != but] if (rows != but).any() else rows
    if placed(study, layer):
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:GRIDDED])
        latent = study.through(traversals.means, study.images.read(rows), layer)
    else:
        mean = study.encoding.pooled(layer)[rows].mean(0, dtype=np.float64).astype(np.float32)
        latent = np.broadcast_to(mean, (*study.layer(layer).grid, len(mean)))
    return latent, study.through(traversals.decode, layer, latent[None])[0], len(rows)


def _notes(study: Study, options: Any, parts: tuple[Operand, ...]) -> list[str]:
    said = []
    means = [one for one in parts if one.value is not None]
    if means:
        held = "held-out images" if study.images.held_out else "images, which may be among those of training"
        more = "" if known.is_vector(study, options.layer) else ", and over all places of the grid"
        more = f", at most {GRIDDED} each, at every place of the grid" if placed(study, options.layer) else more
        out = "" if parts[0].row is None else "; image a is not among them"
        said.append(f"Means are of {held}{more}{out}.")
    if rough := [one for one in means if one.n < FEW]:
        said.append(
            f"The mean of {rough[0].value} is of {rough[0].n:,} only, and holds much of their other properties."
        )
    if len(study.layer_names) > 1:
        said.append(
            f"Only layer {options.layer} is added and subtracted; the other layers of the result are those of a."
        )
    return said


def _nearest(study: Study, options: Any, total: np.ndarray, parts: tuple[Operand, ...]) -> tuple[list[Block], dict]:
    """The images nearest to the result, those that went into it not among them."""
    from explorer.analysis import analogies

    but = [one.row for one in parts if one.row is not None]
    vectors = study.encoding.pooled(options.layer)
    rows, away = analogies.nearest(total.mean((0, 1)), vectors, but)
    rows, away = rows[:NEAREST], away[:NEAREST]
    shown = [
        Picture(
            pixels,
            f"{distance:.3g}",
            _known(study, options, int(row)),
            f"Image {row}",
            go=Go(carried={"image": int(row)}),
        )
        for row, distance, pixels in zip(rows, away, study.shown.read(rows), strict=True)
    ]
    place = "" if known.is_vector(study, options.layer) else " Latents are averaged over the grid for this."
    said = f"By Euclidean distance of latents among {len(vectors):,} images, without those of the sum itself.{place}"
    return [
        Heading("Images nearest to the result", help_of("nearest to a sum"), level=3), Note(said),
        Pictures("nearest", shown, 96),
    ], {"nearest": rows.tolist(), "distances": away.tolist()}  # fmt: skip


def _analogies(study: Study, options: Any, b: Operand, c: Operand) -> tuple[list[Block], dict[str, Any]]:
    """How often the same move works for other images."""
    if b.value is None or c.value is None or b.value == c.value:
        return [], {}
    found = study.remember(_share, options.layer, options.concept, b.value, c.value)
    if not found["n"]:
        return [], {}
    cards = [
        Card(f"Become {c.value}", f"{found['moved']:.0%}", f"95 %: {found['low']:.0%} – {found['high']:.0%}, "
             f"{found['n']:,} images", help_of("analogy")),
        Card("Before the move", f"{found['before']:.0%}", "of the same images", help_of("analogy")),
        Card("By chance", f"{found['chance']:.0%}", f"of all images are {c.value}", help_of("analogy")),
    ]  # fmt: skip
    title = f"Does it work? {b.value} → {c.value} for every image"
    return [Heading(title, help_of("analogy"), level=3), Cards(cards, 4)], {"analogy": found}


def _share(study: Study, layer: str, concept: str, source: str, target: str) -> dict[str, float | int]:
    from explorer.analysis import analogies

    values = study.concepts()[concept].astype(str).to_numpy(object)
    return analogies.analogies(study.encoding.pooled(layer), values, source, target)
