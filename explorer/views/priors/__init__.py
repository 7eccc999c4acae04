"""Parts of the page Prior: one file each, one line each in PARTS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.views.priors import about, complete, continuous, judged, samples, surprise

if TYPE_CHECKING:
    from explorer.views.priors.made import Made


@dataclass(frozen=True)
class Part:
    """Attributes: title: on its button. blocks: (study, facts, options, picture) -> Made. needs: whether a prior."""

    title: str
    blocks: Callable[..., Made]
    needs: bool = True


PARTS: dict[str, Part] = {
    "samples": Part("Samples", samples.blocks),
    "complete": Part("Complete", complete.blocks),
    "surprise": Part("Surprise", surprise.blocks),
    "judged": Part("Judged", judged.blocks),
    "continuous": Part("Continuous", continuous.blocks, needs=False),
    "about": Part("About", about.blocks),
}
