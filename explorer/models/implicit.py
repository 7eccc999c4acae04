"""Quantizers whose codebook is arithmetic: finite scalars (FSQ) and signs (LFQ)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer import ranks
from explorer.autoencoder import Codebook
from explorer.chance import Chance
from explorer.errors import BadInput
from explorer.models.quantizers import Learned, Quantizer

LEVELS = {  # codes asked for -> levels of each channel, the FSQ paper's table 1 and the same pattern below it
    16: (5, 3),
    64: (8, 8),
    128: (8, 5, 3),
    256: (8, 6, 5),
    512: (8, 8, 8),
    1024: (8, 5, 5, 5),
    2048: (8, 8, 6, 5),
    4096: (7, 5, 5, 5, 5),
    16384: (8, 8, 8, 6, 5),
    65536: (8, 8, 8, 5, 5, 5),
}


class FSQ(Quantizer):
    """Rounds each of a few channels to a few levels (Mentzer et al. 2023, arXiv:2309.15505); no codebook is learned.

    A latent is its bounded value before rounding, on the scale of the codes, [-1, 1].
    """

    def __init__(self, codes: int) -> None:
        if codes not in LEVELS:
            raise BadInput(f"codes {codes} is not a size that 'fsq' has levels for; choose from {_words(LEVELS)}")
        levels = LEVELS[codes]
        super().__init__(len(levels))
        self.parts, self.levels = {"": len(levels)}, levels
        self.register_buffer("vectors", _product(levels), persistent=False)
        counts = torch.tensor(levels)
        half = (counts - 1) * (1 + 1e-3) / 2
        offset = torch.where(counts % 2 == 0, 0.5, 0.0)
        facts = {"reach": half, "offset": offset, "shift": (offset / half).atanh(), "width": counts // 2}
        facts["places"] = torch.cumprod(torch.tensor((1, *levels[:-1])), 0)
        for name, values in facts.items():
            self.register_buffer(name, values, persistent=False)

    @property
    def codebooks(self) -> dict[str, Codebook]:
        return {"": Codebook(self.vectors, "implicit")}

    def split(self, z: Tensor) -> dict[str, Tensor]:
        return {"": self._bounded(z) / self.width}

    def learn(self, z: Tensor, chance: Chance) -> Learned:
        bounded = self._bounded(z)
        rounded = bounded.detach().round()
        values = (bounded + (rounded - bounded).detach()) / self.width
        codes = ((rounded.long() + self.width) * self.places).sum(-1)
        return Learned(values, [values.detach()], {"": codes}, {})

    def _bounded(self, z: Tensor) -> Tensor:
        """Latents between the least and the largest level of each channel; the paper's appendix A.1."""
        return (z + self.shift).tanh() * self.reach - self.offset


class LFQ(Quantizer):
    """The signs of log2 K channels are the code (Yu et al. 2023, arXiv:2310.05737, section 3.1).

    `entropy`: each latent should be sure of its code while all codes are used, with a weight of 0.1; `commitment`
    pulls latents to the corners.
    """

    WEIGHT, SHARP = 0.1, 100.0  # of the entropy; how sure of the nearest code a latent is

    def __init__(self, codes: int, beta: float) -> None:
        bits = round(math.log2(codes))
        if 2**bits != codes or bits > 18:
            near = ", ".join(str(2 ** max(1, min(18, bits + step))) for step in (-1, 0, 1))
            raise BadInput(f"codes {codes} does not fit 'lfq', which needs a power of two from 2 to 262144: try {near}")
        super().__init__(bits)
        self.beta, self.parts = beta, {"": bits}
        signs = (torch.arange(codes)[:, None] >> torch.arange(bits - 1, -1, -1)) & 1  # most significant bit first
        self.register_buffer("vectors", signs.float() * 2 - 1, persistent=False)
        self.register_buffer("places", 2 ** torch.arange(bits - 1, -1, -1), persistent=False)

    @property
    def codebooks(self) -> dict[str, Codebook]:
        return {"": Codebook(self.vectors, "implicit")}

    def split(self, z: Tensor) -> dict[str, Tensor]:
        return {"": z}

    def learn(self, z: Tensor, chance: Chance) -> Learned:
        bits = z > 0
        signs = bits.to(z) * 2 - 1
        losses = {"commitment": self.beta * F.mse_loss(z, signs)}
        if self.training:
            near = (2 * self.SHARP * z.flatten(0, 2) @ self.vectors.T).softmax(-1)  # (N·H·W, K)
            all_used = _entropy(ranks.mean(near.mean(0)))
            losses["entropy"] = self.WEIGHT * (_entropy(near).mean() - all_used)
        return Learned(z + (signs - z).detach(), [signs], {"": (bits * self.places).sum(-1)}, losses)


def _entropy(shares: Tensor) -> Tensor:
    """(…, K) shares of codes -> nats (…), equation 4 of the LFQ paper; rare codes count as one in 100,000."""
    return -(shares * shares.clamp(min=1e-5).log()).sum(-1)


def _product(levels: tuple[int, ...]) -> Tensor:
    """All codes of FSQ, (K, D) in [-1, 1]; the first channel turns fastest, as in the library."""
    axes = [(torch.arange(count) - count // 2) / (count // 2) for count in reversed(levels)]
    return torch.cartesian_prod(*axes).flip(-1).contiguous()


def _words(values) -> str:
    return ", ".join(map(str, values))
