"""Whether a prior looks at what it is to predict: a leak would make its bits too good to be true."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from explorer.precision import exact
from explorer.priors.prior import Prior


@exact()
@torch.inference_mode()
def leaks(
    prior: Prior, codes: Mapping[str, Tensor], classes: Tensor | None = None, *, places: int = 8, seed: int = 0
) -> float:
    """The largest change of a prediction that must not change when a code does; 0 for a prior that is causal.

    The code at a place is not to change what is predicted there, before it in raster order, or on a level above.
    Logits are compared; where the head has two factors, the numbers that both are made of.

    Args:
        codes: (N, H, W) int64 of each level, of real images. classes: (N,) int64; −1 is no class.
        places: how many places of a level are tried; the first and the last are always among them.
        seed: of the places, and of the codes that are put there.
    """
    generator = torch.Generator().manual_seed(seed)
    training = prior.training
    prior.eval()
    before = _predicted(prior, codes, classes)
    largest = 0.0
    for number, level in enumerate(prior.levels):
        if level.codes == 1:
            continue
        drawn = torch.randperm(level.places, generator=generator)[: max(places - 2, 0)].tolist()
        for place in sorted({0, level.places - 1, *drawn}):
            other = codes[level.name].flatten(1).clone()
            steps = torch.randint(1, level.codes, (len(other),), generator=generator).to(other.device)
            other[:, place] = (other[:, place] + steps) % level.codes
            after = _predicted(prior, {**codes, level.name: other.view_as(codes[level.name])}, classes)
            if any(one.isnan().any() for one in after.values()):
                return float("inf")
            upper = [(before[one.name], after[one.name]) for one in prior.levels[:number]]
            own = (before[level.name][:, : place + 1], after[level.name][:, : place + 1])
            largest = max(largest, *((old - new).abs().max().item() for old, new in (own, *upper)))
    prior.train(training)
    return largest


def _predicted(prior: Prior, codes: Mapping[str, Tensor], classes: Tensor | None) -> dict[str, Tensor]:
    """What decides about the codes of each level, (N, places, numbers)."""
    return {one.name: prior.stage(one.name).predicted(codes, classes).flatten(1, 2) for one in prior.levels}
