"""How each score is shown: `blocks(study, found, options) -> blocks`, one file a score and one line in SHOWN.

`found` is what the score's `make` gave, as JSON gives it back; `options` are those of the view, with at least `layer`,
`concept` and `value` ("" where there is none). A score that says what is `missing` is shown as that sentence already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.sheets import Block
from explorer.views.scores import (
    compositionality,
    disentanglement,
    dissection,
    hierarchy,
    human,
    information,
    invariance,
    leak,
    recoloured,
    stability,
    swaps,
    unseen,
)

if TYPE_CHECKING:
    from explorer.study import Study

SHOWN: dict[str, Callable[[Study, Mapping[str, Any], Any], Sequence[Block]]] = {
    "human": human.blocks,
    "information": information.blocks,
    "leak": leak.blocks,
    "stability": stability.blocks,
    "unseen": unseen.blocks,
    "dissection": dissection.blocks,
    "compositionality": compositionality.blocks,
    "swaps": swaps.blocks,
    "invariance": invariance.blocks,
    "recoloured": recoloured.blocks,
    "hierarchy": hierarchy.blocks,
    "disentanglement": disentanglement.blocks,
}
