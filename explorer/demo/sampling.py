"""The endpoint that draws from a prior: what a script gets by HTTP, gradio_client or MCP."""

from __future__ import annotations

from typing import Any, TypedDict

import gradio as gr
import numpy as np

from explorer.analysis.choices import Choices
from explorer.demo import shipped
from explorer.errors import BadInput
from explorer.files import SHIPPED
from explorer.options import configure
from explorer.study import priors, rereading
from explorer.study.sampling import drawing

MOST = 16  # samples


class PriorSample(TypedDict):
    """Samples of a prior: codes of each level, {level: samples × rows × columns}, and the value that each is of.

    kept is the share of codes of each sample that the encoder finds again in its picture; held_out_bits_per_code is
    what held-out images cost under the prior, beside uniform, log2 of the number of codes.
    """

    checkpoint: str
    prior: str
    condition: str | None
    values: list[str | None]
    codes: dict[str, list[list[list[int]]]]
    kept: list[float]
    held_out_bits_per_code: float | None
    uniform: float | None


def prior_sample(
    checkpoint: str, value: str, count: int, temperature: float, top_k: int, top_p: float, guidance: float, seed: int
) -> tuple[PriorSample, Any]:
    """Draws new code maps from the prior of a checkpoint, and decodes them.

    Args:
        checkpoint: A name from list_checkpoints that a prior ships with, such as vqvae-digits.
        value: A value of the column that the prior was trained with; empty for all as often as in training.
        count: How many samples, from 1 to 16.
        temperature: Logits are divided by it; 0 takes the likeliest code everywhere, 1 is the prior itself.
        top_k: Only so many of the likeliest codes; 0 for all.
        top_p: Only the fewest codes that together are so probable; 1 for all.
        guidance: How much the class counts; 1 as learned, 0 not at all.
        seed: Another seed, other samples; the same one draws the same.

    Returns:
        Codes of each sample, and the pictures side by side as PNG.
    """
    study = shipped.study(checkpoint)
    facts = next((one for one in priors.available(study) if one.path.parent == SHIPPED), None)
    if facts is None:
        raise BadInput(f"no prior ships with checkpoint {checkpoint}; choose from {', '.join(_with_priors())}")
    if not 1 <= int(count) <= MOST:
        raise BadInput(f"count {int(count)} is out of range; choose from 1 to {MOST}")
    asked = {"temperature": float(temperature), "top_p": float(top_p), "guidance": float(guidance)}
    choices: Choices = configure(Choices, asked | {"top_k": int(top_k), "seed": int(seed)})
    classes = priors.classes_of(facts, value.strip() or None, int(count), choices.seed)
    codes = drawing(study, facts, tuple(classes.tolist()), choices).all()
    pixels = priors.decoded(study, facts, codes)
    bits = facts.metrics.get("bits_per_code") or {}
    answer: PriorSample = {
        "checkpoint": checkpoint, "prior": facts.name,
        "condition": facts.condition.column if facts.condition else None,
        "values": [facts.condition.values[one] if one >= 0 else None for one in classes],
        "codes": {name: one.tolist() for name, one in codes.items()},
        "kept": rereading.kept(study, facts, codes, pixels).tolist(),
        "held_out_bits_per_code": bits.get("mean"), "uniform": facts.metrics.get("uniform"),
    }  # fmt: skip
    return answer, np.concatenate(list(pixels), axis=1)


def inputs() -> list[gr.components.Component]:
    """What stands after the checkpoint, for a page on which nothing of it is seen."""
    numbers = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "guidance": 1.0, "seed": 0}
    count = gr.Number(MOST, precision=0, label="count")
    return [gr.Textbox("", label="value"), count, *(gr.Number(start, label=name) for name, start in numbers.items())]


def _with_priors() -> list[str]:
    """Checkpoints that a prior ships with."""
    names = shipped.offered()
    of = {one.fingerprint for one in priors.folder.find() if one.path.parent == SHIPPED}
    return [name for name in names if shipped.study(name).subject.fingerprint in of]
