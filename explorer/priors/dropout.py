"""Dropout whose mask is of the whole batch, wherever its images are."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer import ranks


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """Sets a share of the features (N, …) to zero in training; of several ranks each takes its part of one mask."""
    if ranks.count() == 1 or not training or not share:
        return F.dropout(x, share, training)
    # laid out as x is, since a mask is drawn in the order of its memory
    return x * ranks.drawn(lambda size: F.dropout(torch.cat([x.detach()] * ranks.count()).fill_(1), share), len(x))
