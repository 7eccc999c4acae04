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
    from explorer.study import Study

EVERY, NONE = "*", "-"  # every value of the condition, and no class
DRAW = ("samples", "complete")  # parts that draw


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
        yields=True,
    )  # fmt: skip
    seed: int = fields.option(0, "Seed", help_of("sample seed"), min=0, max=9999, when=draws, yields=True)
    guidance: float = fields.option(
        1.0, "Guidance", help_of("guidance"), min=0.0, max=8.0, step=0.25, when=guided, yields=True
    )  # fmt: skip
    top_k: int = fields.option(0, "Top-k", help_of("top-k"), min=0, max=131_072, when=draws, yields=True)
    top_p: float = fields.option(
        1.0, "Top-p", help_of("top-p"), min=0.01, max=1.0, step=0.01, when=draws, yields=True
    )  # fmt: skip


def choices(study: Study, options: Any) -> Choices:
    """What was chosen; the guidance where it can be had."""
    found = Choices(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Choices)})
    return found if guided(study, asdict(options)) else replace(found, guidance=1.0)


def sheet_of(pixels: np.ndarray) -> dict[str, Any]:
    """Pictures (n, h, w, 3) uint8 as one: its `url`, and how many stand `across`."""
    count, side = len(pixels), pixels.shape[1]
    across = max(1, int(np.ceil(np.sqrt(count))))
    whole = np.zeros((-(-count // across) * across, side, side, 3), np.uint8)
    whole[:count] = pixels
    whole = whole.reshape(-1, across, side, side, 3).swapaxes(1, 2).reshape(-1, across * side, 3)
    return {"url": drawing.url(whole), "across": across, "n": count}


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
