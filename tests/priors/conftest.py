"""Small priors, with weights far enough from nothing that every path through them counts."""

from __future__ import annotations

import pytest
import torch

from explorer.priors import Level, Prior, build

ONE = (Level("code", (3, 5), 7),)
TWO = (Level("top", (2, 2), 5), Level("bottom", (4, 4), 7))
SMALL = {"width": 16, "blocks": 2, "dim": 8}


@pytest.fixture
def tiny_prior():
    """`tiny_prior(kind, levels=ONE, classes=3, **settings)`: a fresh one in evaluation mode, the same each time."""

    def made(kind: str, levels=ONE, classes: int = 3, **settings) -> Prior:
        torch.manual_seed(0)
        prior = build(kind, SMALL | settings, levels, classes)
        with torch.no_grad():
            for parameter in prior.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.2)
        return prior.eval()

    return made


def random_codes(levels, count: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Codes (count, H, W) of each level, each as likely as any."""
    generator = torch.Generator().manual_seed(seed)
    return {one.name: torch.randint(one.codes, (count, *one.grid), generator=generator) for one in levels}
