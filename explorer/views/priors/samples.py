"""Samples of a prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer.sheets import Note
from explorer.views.priors.made import Made

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.study import Picture as Looked
    from explorer.study import Study


def blocks(study: Study, facts: Facts, options: Any, picture: Looked | None = None) -> Made:
    """New images that the prior draws."""
    return Made([Note(f"{facts.name}: {facts.kind}, {facts.parameters:,} parameters.")], {"prior": facts.name})
