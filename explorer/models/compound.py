"""Quantizers of several parts: residual stages, and hybrids of a code with something continuous."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.autoencoder import Codebook
from explorer.chance import Chance
from explorer.errors import BadInput
from explorer.models.quantizers import Learned, Quantizer, VectorQuantizer


class Residual(Quantizer):
    """Each stage quantizes what the stages before have left over; the codes decode to the sum of their vectors.

    Source: SoundStream, Zeghidour et al. 2021, arXiv:2107.03312, algorithm 1.
    """

    def __init__(self, stages: int, codes: int, dim: int, beta: float, revive_below: float) -> None:
        super().__init__(dim)
        self.parts = {str(index): dim for index in range(stages)}
        self.stages = nn.ModuleList(VectorQuantizer("ema", codes, dim, beta, revive_below) for _ in range(stages))

    @property
    def codebooks(self) -> dict[str, Codebook]:
        return {part: stage.codebooks[""] for part, stage in zip(self.parts, self.stages, strict=True)}

    def split(self, z: Tensor) -> dict[str, Tensor]:
        latents = {}
        for part, stage in zip(self.parts, self.stages, strict=True):
            book, latents[part] = stage.codebooks[""], z
            z = z - book.lookup(book.assign(z))
        return latents

    def learn(self, z: Tensor, chance: Chance) -> Learned:
        left, contributions, codes, commitment = z, [], {}, z.new_zeros(())
        for part, stage in zip(self.parts, self.stages, strict=True):
            learned = stage.learn(left, chance)
            contributions.append(learned.contributions[0])
            codes[part] = learned.codes[""]
            commitment = commitment + learned.losses["commitment"] / len(self.stages)
            left = left - contributions[-1]
        values = z + (self.combine(contributions) - z).detach()
        return Learned(values, contributions, codes, {"commitment": commitment})

    def combine(self, contributions: list[Tensor]) -> Tensor:
        return torch.stack(contributions).sum(0)

    def started(self) -> None:
        super().started()
        for stage in self.stages:
            stage.started()


class Hybrid(Quantizer):
    """A code with something continuous beside it: `scale` (`projected`, `hybrid`) or `detail` (`frequency`).

    With e the code nearest to a latent z, `projected` gives the decoder the projection u = (⟨z, e⟩ / ⟨e, e⟩) e, so its
    scale is one number a position. `frequency` gives it e where the code is among the `frequent` most used ones, and z
    elsewhere: the detail is z - e there. `hybrid` gives it u instead of z. Losses are those of the plain quantizer, and
    for u its squared distance from e, `projection`.

    The codebook is a moving average, which is what the codebook loss does at its best. Gradients of u pass straight
    through: the true gradient of a projection knows one direction only. The denominator is never below a thousandth of
    its mean over the codebook, so that a code near zero does not blow up its scale.
    """

    def __init__(self, kind: str, codes: int, dim: int, beta: float, revive_below: float, frequent: int | None) -> None:
        super().__init__(dim)
        self.kind, self.count = kind, round(0.8 * codes) if frequent is None else frequent
        if not 0 <= self.count <= codes:
            raise BadInput(f"frequent {frequent} is more than there are codes; choose from 0 to {codes}")
        self.second = "detail" if kind == "frequency" else "scale"
        self.parts = {"": dim, self.second: dim if kind == "frequency" else 1}
        self.book = VectorQuantizer("ema", codes, dim, beta, revive_below)

    @property
    def codebooks(self) -> dict[str, Codebook]:
        return self.book.codebooks

    def split(self, z: Tensor) -> dict[str, Tensor]:
        book = self.codebooks[""]
        codes = book.assign(z)
        return {"": z, self.second: self._second(z, book.lookup(codes), codes)}

    def sent(self, latents: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.kind == "projected" or "" not in latents:
            return {}
        return {self.second: self._rare(self.codebooks[""].assign(latents[""]))}

    def learn(self, z: Tensor, chance: Chance) -> Learned:
        learned = self.book.learn(z, chance)
        code, codes, losses = learned.contributions[0], learned.codes[""], dict(learned.losses)
        second = self._second(z, code, codes)
        if self.second == "scale":
            losses["projection"] = F.mse_loss(second * code, code)
        values = self.combine([code, second.detach()])
        values = z + (values - z).detach()
        return Learned(values, [code, second.detach()], {"": codes}, losses)

    def combine(self, contributions: list[Tensor]) -> Tensor:
        code, second = contributions
        return code + second if self.second == "detail" else code * second

    def started(self) -> None:
        super().started()
        self.book.started()

    def _second(self, z: Tensor, code: Tensor, codes: Tensor) -> Tensor:
        """(N, H, W, 1) scale or (N, H, W, D) detail of latents z with their nearest codes."""
        if self.second == "detail":
            return torch.where(self._rare(codes)[..., None], z - code, 0.0)
        floor = 1e-3 * self.codebooks[""].vectors.square().sum(1).mean() + 1e-12
        scale = (z * code).sum(-1, keepdim=True) / code.square().sum(-1, keepdim=True).clamp_min(floor)
        return scale if self.kind == "projected" else torch.where(self._rare(codes)[..., None], scale, 1.0)

    def _rare(self, codes: Tensor) -> Tensor:
        return ~self.book.frequent(self.count)[codes]
