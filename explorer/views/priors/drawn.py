"""What parts of the page Prior share that draw: which classes, how codes are chosen, and pictures of what is drawn."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.choices import Choices
from explorer.glossary import help_of
from explorer.sheets import drawing
from explorer.views import fields

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.study import Picture as Looked
    from explorer.study import Study

EVERY, NONE = "every value", "no class"
DRAW = ("samples", "complete")  # parts that draw
LONGEST = 990  # letters of codes that a link may carry; the demo takes no longer ones


def chosen(study: Study, options: Mapping[str, Any]) -> Facts | None:
    """The prior that the options name; None where there is none."""
    from explorer.study import priors

    return priors.facts_of(study, options["prior"])


def draws(_: Study, options: Mapping[str, Any]) -> bool:
    """Whether the part that is shown draws codes."""
    return options["part"] in DRAW


def guided(study: Study, options: Mapping[str, Any]) -> bool:
    """Whether the class was hidden now and then in training, so that it can count more or less."""
    facts = chosen(study, options)
    return draws(study, options) and bool(facts and facts.classes and facts.settings.get("class_dropout"))


def values(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    """Values of the condition by themselves; empty where there is none."""
    facts = chosen(study, options)
    return {} if facts is None or facts.condition is None else {one: one for one in facts.condition.values}


@dataclass(frozen=True)
class Options:
    """How codes are chosen."""

    temperature: float = fields.option(
        1.0, "Temperature", help_of("temperature"), min=0.0, max=2.0, step=0.05, widget="slider", when=draws,
    )  # fmt: skip
    seed: int = fields.option(0, "Seed", help_of("sample seed"), min=0, max=9999, when=draws)
    guidance: float = fields.option(
        1.0, "Guidance", help_of("guidance"), min=0.0, max=8.0, step=0.25, when=guided
    )  # fmt: skip
    top_k: int = fields.option(0, "Top-k", help_of("top-k"), min=0, max=131_072, when=draws)
    top_p: float = fields.option(
        1.0, "Top-p", help_of("top-p"), min=0.01, max=1.0, step=0.01, when=draws
    )  # fmt: skip


def choices(study: Study, options: Any) -> Choices:
    """What was chosen; the guidance where it can be had."""
    found = Choices(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Choices)})
    return found if guided(study, asdict(options)) else replace(found, guidance=1.0)


def codes_of(study: Study, facts: Facts, picture: Looked) -> dict[str, np.ndarray]:
    """Codes (H, W) of a picture in each level, as the prior counts them."""
    from explorer.priors import folder

    books = folder.books(facts.path)
    found = {}
    for level in facts.levels:
        if level.name not in books:
            found[level.name] = study.codes_of(picture, level.name)[0].astype(np.int64)
            continue
        import torch

        latents = torch.from_numpy(study.look(picture).latents[level.name])
        found[level.name] = books[level.name].assign(latents).cpu().numpy()
    return found


def class_of(study: Study, facts: Facts, picture: Looked) -> int:
    """The class of an image of the dataset; −1 where it is not known, and of a picture of one's own."""
    return -1 if picture.row is None else int(classes_of(study, facts, np.array([picture.row]))[0])


def classes_of(study: Study, facts: Facts, rows: np.ndarray) -> np.ndarray:
    """(n,) classes of images of the dataset; −1 where the condition is not known."""
    table = study.concepts()
    if facts.condition is None or facts.condition.column not in table:
        return np.full(len(rows), -1, np.int64)
    return facts.condition.classes(table[facts.condition.column].iloc[rows])


def called(facts: Facts, of_class: int) -> str:
    """What a class is called; nothing for none."""
    return facts.condition.values[of_class] if of_class >= 0 and facts.condition else ""


def edited(study: Study, facts: Facts, codes: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """The way to paint on codes (H, W): the image that has most of them, and what is painted on it; None: no way."""
    from explorer.analysis import edits

    fits = set(codes) == set(study.layer_names) and all(study.sizes[one.name] == one.codes for one in facts.levels)
    if not fits or study.continuous or not study.encoded:
        return None
    blocks = {name: study.encoding.blocks(name) for name in codes}
    same = sum(
        np.concatenate([(some == codes[name]).sum((1, 2)) for _, some in found]) for name, found in blocks.items()
    )
    row = int(same.argmax())
    own = {name: study.some_codes(name, [row])[0].astype(np.int64) for name in study.layer_names}
    text = edits.written({name: codes[name] for name in own}, own)
    return {"image": row, "edit": text} if len(text) <= LONGEST else None


def base_of(codes: Mapping[str, np.ndarray]) -> str:
    """Codes (H, W) of each level as text for an address, which `based` reads; empty where that is too long."""
    from explorer.analysis import edits

    text = edits.written(codes, {name: np.full_like(one, -1) for name, one in codes.items()})
    return text if len(text) <= LONGEST else ""


def based(facts: Facts, text: str) -> dict[str, np.ndarray]:
    """Codes (H, W) of each level that `base_of` wrote; BadInput where they are of another prior."""
    from explorer.analysis import edits
    from explorer.errors import BadInput

    blank = {one.name: np.full(one.grid, -1, np.int64) for one in facts.levels}
    found = edits.read(text, blank, {one.name: one.codes for one in facts.levels})
    if any((one < 0).any() for one in found.values()):
        raise BadInput("the address does not tell all codes of a sample")
    return found


def sheet_of(pixels: np.ndarray) -> dict[str, Any]:
    """Pictures (n, h, w, 3) uint8 as one: its `url`, and how many stand `across`."""
    count, side = len(pixels), pixels.shape[1]
    across = max(1, int(np.ceil(np.sqrt(count))))
    whole = np.zeros((-(-count // across) * across, side, side, 3), np.uint8)
    whole[:count] = pixels
    whole = whole.reshape(-1, across, side, side, 3).swapaxes(1, 2).reshape(-1, across * side, 3)
    return {"url": drawing.url(whole), "across": across, "n": count}


def filled(codes: np.ndarray) -> np.ndarray:
    """Codes (n, H, W) in which cells that are not drawn yet, −1, have the code above them, or else below, or 0."""
    found = codes.copy()
    for row in range(1, found.shape[1]):
        found[:, row] = np.where(found[:, row] < 0, found[:, row - 1], found[:, row])
    for row in range(found.shape[1] - 2, -1, -1):
        found[:, row] = np.where(found[:, row] < 0, found[:, row + 1], found[:, row])
    return np.maximum(found, 0)


def maps(study: Study, facts: Facts, codes: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """One image's codes (H, W) of each level, as a picture of a pixel a cell, and the codes themselves."""
    found = []
    for level in facts.levels:
        own = codes[level.name]
        found.append({
            "layer": level.name, "grid": list(level.grid), "codes": own.reshape(-1).tolist(),
            "url": drawing.url(colours(study, level)[own]),
        })  # fmt: skip
    return found


def colours(study: Study, level: Any) -> np.ndarray:
    """(K, 3) uint8, as on the other pages where they have the same codes."""
    if level.name in study.layer_names and len(study.book(level.name)) == level.codes:
        return study.colours(level.name)
    return np.random.default_rng(0).integers(40, 216, (level.codes, 3), dtype=np.uint8)


def npz(codes: Mapping[str, np.ndarray]) -> bytes:
    """Code maps as `codes.npz`, which `explorer decode` takes: (n, H, W) of each level, by its name."""
    data = io.BytesIO()
    np.savez_compressed(data, **{name: one.astype(np.int32) for name, one in codes.items()})
    return data.getvalue()


def file(data: bytes, kind: str) -> str:
    """A file as a data URL, for a piece that saves it."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def archive(pixels: np.ndarray, titles: Sequence[str]) -> str:
    """Pictures as a zip of PNG files, for a piece that saves it."""
    named = {f"{at:02d}-{title}".rstrip("-"): one for at, (one, title) in enumerate(zip(pixels, titles, strict=True))}
    return file(drawing.archive(named), "application/zip")


def bits(facts: Facts, codes: Mapping[str, np.ndarray], classes: tuple[int, ...]) -> np.ndarray:
    """(n,) bits per code of code maps under a prior, over all levels."""
    from explorer.study import priors

    found = priors.nats(facts, codes, np.array(classes))
    places = sum(one[0].size for one in found.values())
    return sum(one.reshape(len(one), -1).sum(1, dtype=np.float64) for one in found.values()) / places / np.log(2)


def decoded(study: Study, facts: Facts, codes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Pictures (n, h, w, 3) uint8 of code maps, kept."""
    return study.remember(_decoded, facts.name, *(codes[one.name] for one in facts.levels))


def _decoded(study: Study, name: str, *codes: np.ndarray) -> np.ndarray:
    from explorer.study import priors

    facts = priors.facts_of(study, name)
    return priors.decoded(study, facts, dict(zip((one.name for one in facts.levels), codes, strict=True)))
