"""What people found in intruder tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Heading, Note

if TYPE_CHECKING:
    from explorer.study import Study

SHARES = {  # of what was found: title, term
    "code": ("Intruders found", "intruder found"),
    "random": ("Among random codes", "random codes"),
    "machine": ("Machine on latents", "machine on latents"),
    "pixels": ("Machine on pixels", "machine on pixels"),
}


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> Sequence[Block]:
    """Shares found of the chosen layer, or that nobody has done a test of it."""
    told = next((one for one in found["layers"] if one["layer"] == options.layer), None)
    heading = Heading("Intruder test", help_of("intruder test"), level=3)
    if told is None:
        return [heading, Note(f"Nobody has done an intruder test of layer {options.layer} on these images yet.")]
    return [heading, *shares(told)]


def shares(told: Mapping[str, Any]) -> list[Block]:
    """What was found in the tests of a layer."""
    cards = [
        Card(
            title, "–" if not told[key]["n"] else f"{told[key]['share']:.0%}",
            f"{told[key]['found']} of {told[key]['n']} [{told[key]['low']:.0%}, {told[key]['high']:.0%}]",
            help_of(term),
        )
        for key, (title, term) in SHARES.items()
    ]  # fmt: skip
    left = told["begun"] - told["tests"]
    text = (
        f"{told['tests']} {'test' if told['tests'] == 1 else 'tests'} done"
        + (f", {left} begun and not finished" if left else "")
        + f". Chance finds {told['chance']:.0%}. The 95 % intervals (Wilson) count trials, not people."
    )
    return [Cards(cards, 4), Note(text)]
