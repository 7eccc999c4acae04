"""Samples beside the training images that they are nearest to, the nearest of all first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Heading, Note, Picture, Strip, Strips
from explorer.views import words

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.study import Study


def blocks(study: Study, facts: Facts, told: Mapping[str, Any]) -> list[Block]:
    """Pictures of the pairs; nothing where there is no decoder or no picture."""
    pairs = told["copying"]["nearest"]
    if not pairs or study.checkpoint.no_decoder or not study.images.pictured:
        return [*words.no_decoder(study)]
    samples, training = study.remember(_pictures, facts.name, told["n"], [one["row"] for one in pairs], _codes(pairs))
    strips = []
    for place, one in enumerate(pairs):
        value = facts.condition.values[one["class"]] if facts.condition and one["class"] >= 0 else ""
        title = f"{round(one['share'] * told['cells'])} of {told['cells']} cells" + (f", {value}" if value else "")
        shown = [
            Picture(samples[place], "Sample", alt=f"Sample {one['sample']}"),
            Picture(training[place], "Training", alt=f"Training image {one['row']:,}"),
        ]
        strips.append(Strip(shown, title))
    return [
        Heading("The samples that are nearest to a training image", help_of("nearest training image"), level=3),
        Strips("pairs", strips, 160),
        Note(f"These are the {len(pairs)} nearest of {told['n']:,}: most samples are farther from training than that."),
    ]


def _codes(pairs: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Codes (n, H, W) of each level of the samples, as plain lists."""
    return {name: [one["codes"][name] for one in pairs] for name in pairs[0]["codes"]}


def _pictures(
    study: Study, name: str, _: int, rows: list[int], codes: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Samples as pictures, and the training images (n, h, w, 3) uint8."""
    from explorer.study import copies, priors

    facts = priors.facts_of(study, name)
    samples = priors.decoded(study, facts, {level: np.array(one) for level, one in codes.items()})
    return samples, copies.trained_on(study, facts).images.read(np.array(rows))
