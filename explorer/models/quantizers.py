"""One grid of latents through a bottleneck: what every quantizer offers, and those with one codebook."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import ranks
from explorer.autoencoder import Codebook, Fill
from explorer.chance import Chance
from explorer.models.tables import Lookup, SimTable, Table, nearest, rotated

FOLLOW = 0.02  # weight of a new batch in the running means that stand in for layers that are left out


@dataclass(frozen=True)
class Learned:
    """What a training pass makes of latents (N, H, W, D).

    Attributes:
        values: (N, H, W, D), what the decoder gets; carries the gradient.
        contributions: of each part, coarse to fine; `combine` makes `values` of them. They carry no gradient.
        codes: {part: (N, H, W) int64} of the parts with a codebook.
        losses: {name: scalar}, weighted.
    """

    values: Tensor
    contributions: list[Tensor]
    codes: dict[str, Tensor]
    losses: dict[str, Tensor]


class Quantizer(nn.Module):
    """A bottleneck of one or several parts, each a layer to look at.

    Attributes:
        dim: D, channels of the latents that go in and of what the decoder gets.
        parts: {name: channels}, coarse to fine; the empty name stands for the grid itself.
    """

    parts: Mapping[str, int]

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim, self.follows, self._started = dim, False, False

    def follow_means(self) -> None:
        """Keeps the mean of each part over training, for a network with layers that can be left out."""
        self.follows = True
        for index, channels in enumerate(self.parts.values()):
            self.register_buffer(f"mean_{index}", torch.zeros(channels))

    @property
    def codebooks(self) -> dict[str, Codebook]:
        """Codebooks of the parts that have one."""
        raise NotImplementedError

    def split(self, z: Tensor) -> dict[str, Tensor]:
        """Latents (N, H, W, dim) -> {part: (N, H, W, channels)}, before quantization."""
        raise NotImplementedError

    def learn(self, z: Tensor, chance: Chance) -> Learned:
        """A training pass over latents (N, H, W, dim) float32; what it draws, it draws from `chance`."""
        raise NotImplementedError

    def combine(self, contributions: list[Tensor]) -> Tensor:
        """What the decoder gets, (N, H, W, dim), of the contribution of each part."""
        return contributions[0]

    def sent(self, latents: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{part: (N, H, W) bool} of parts that are not needed at every position; a part not named is."""
        return {}

    def anneal(self, share: float | Tensor) -> None:
        """Called before each step with the share of the training that is done, in [0, 1]."""

    def started(self) -> None:
        """Called after the first training step, and before the first one of a resumed run."""
        self._started = True

    def join(self, latents: Mapping[str, Tensor], fill: Fill, shape: tuple[int, int, int]) -> Tensor:
        """What the decoder gets of the parts given: (N, H, W, dim). Those with a codebook are quantized here.

        Args:
            latents: {part: (N, H, W, channels)}; a missing part is filled with its mean over training, or with zeros.
            shape: (N, H, W), for when all are missing.
        """
        books, contributions = self.codebooks, []
        like = next(iter(books.values())).vectors
        for index, (part, channels) in enumerate(self.parts.items()):
            if part not in latents:
                filled = self.mean(index) if fill == "mean" else like.new_zeros(channels)
                contributions.append(filled.expand(*shape, channels))
            elif part in books:
                contributions.append(books[part].quantize(latents[part]))
            else:
                contributions.append(latents[part])
        return self.combine(contributions)

    def mean(self, index: int) -> Tensor:
        """What stands for a part that is left out: its mean over training.

        A network of one layer follows no means. Its codes are weighted by their use in the last hundred batches, or,
        where a quantizer does not count that, all the same.
        """
        if self.follows:
            return getattr(self, f"mean_{index}")
        vectors, use = self.codebooks[list(self.parts)[index]].vectors, self.use
        return vectors.mean(0) if use is None else use.to(vectors) @ vectors / use.sum().clamp_min(1e-12)

    @property
    def use(self) -> Tensor | None:
        """(K,) how often each code was used of late; None where that is not counted."""
        return None

    def forward(
        self, z: Tensor, kept: Tensor | None = None, chance: Chance | None = None
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Latents (N, H, W, dim) -> what the decoder gets, codes by part, losses by name.

        `kept` (N,) is how many parts the decoder gets of each image; the others are filled with their means.
        """
        with torch.autocast(z.device.type, enabled=False):  # in half precision other codes would be the nearest
            learned = self.learn(z.float(), Chance() if chance is None else chance)
        if self.training and self.follows:
            self._follow(learned.contributions)
        values = learned.values
        if kept is not None:
            kept = kept[:, None, None, None]
            partial = self.combine(
                [torch.where(kept > index, c, self.mean(index)) for index, c in enumerate(learned.contributions)]
            )
            prefix = values + (partial - values).detach()  # the gradient of a prefix passes straight through
            prefix = torch.where(kept > 0, prefix, partial.detach())  # nothing of this grid, no gradient
            values = torch.where(kept < len(learned.contributions), prefix, values)  # a whole one may be drawn
        return values, learned.codes, learned.losses

    @torch.no_grad()
    def _follow(self, contributions: list[Tensor]) -> None:
        for index, contribution in enumerate(contributions):
            now = ranks.mean(contribution.detach().flatten(0, 2).mean(0))
            self.mean(index).lerp_(now, FOLLOW if self._started else 1.0)


class VectorQuantizer(Quantizer):
    """Replaces each latent by its nearest code; gradients pass straight through (the VQ-VAE paper's equations 2 and 3).

    `ema`: the codebook is a moving average of its latents (appendix A.1). `vq`: it follows a loss (equation 3).
    `cosine`: both are normalised (ViT-VQGAN); with a small `dim` the convolutions around the codes are its factorised
    projections. `rotation`: gradients are rotated and scaled on their way back (Fifty et al. 2024, arXiv:2410.06424).

    Codes that fewer than `revive_below` latents of a batch use, averaged over the last hundred batches, move to latents
    of the current batch (Jukebox, Dhariwal et al. 2020, section 3.1). K-means initialisation leaves codes for which the
    first batch has no latents at the origin, and these move to latents of the next batches.
    """

    def __init__(self, kind: str, codes: int, dim: int, beta: float, revive_below: float) -> None:
        super().__init__(dim)
        self.kind, self.beta, self.parts = kind, beta, {"": dim}
        self.revive_below = 0.0 if kind == "vq" else revive_below
        self.table = Table(codes, dim, learnable=kind == "vq", cosine=kind == "cosine")

    @property
    def codebooks(self) -> dict[str, Codebook]:
        return {"": Codebook(self.table.vectors.detach().float())}

    def split(self, z: Tensor) -> dict[str, Tensor]:
        return {"": F.normalize(z, dim=-1) if self.kind == "cosine" else z}

    def learn(self, z: Tensor, chance: Chance) -> Learned:
        shape, z = z.shape, self.split(z)[""].flatten(0, 2)  # (N·H·W, D)
        latents = z.detach()
        if not self._started:
            self.table.begin(latents, chance)
        vectors = self.table.vectors
        codes = nearest(latents, vectors.detach(), cosine=self.kind == "cosine")
        chosen = Lookup.apply(vectors, codes) if self.kind == "vq" else vectors[codes]
        fixed = chosen.detach()
        losses = {"commitment": self.beta * F.mse_loss(z, fixed)}
        if self.kind == "vq":
            losses["codebook"] = F.mse_loss(chosen, latents)
        elif self.training:
            self.table.follow(latents, codes)
        if self.training and self.revive_below > 0:
            self._revive(latents, chance)
        elif self.training and self._started:  # the first batch's latents have their codes
            self._place(latents, chance)
        values = rotated(z, fixed) if self.kind == "rotation" and self.training else z + (fixed - z).detach()
        return Learned(values.view(shape), [fixed.view(shape)], {"": codes.view(shape[:-1])}, losses)

    @property
    def use(self) -> Tensor | None:
        return None if self.kind == "vq" else self.table.sizes

    def frequent(self, count: int) -> Tensor:
        """(K,) bool, True for the `count` codes that were used most in the last hundred batches."""
        sizes = self.table.sizes
        return torch.zeros_like(sizes, dtype=torch.bool).index_fill_(0, sizes.topk(count).indices, True)

    @torch.no_grad()
    def _revive(self, latents: Tensor, chance: Chance) -> None:
        table = self.table
        dead = table.sizes < self.revive_below  # (K,)
        fresh = ranks.chosen(latents, chance.below(ranks.count() * len(latents), dead.shape, latents.device))  # (K, D)
        size = 2 * self.revive_below
        table.vectors.copy_(torch.where(dead[:, None], fresh, table.vectors))
        table.sums.copy_(torch.where(dead[:, None], fresh * size, table.sums))
        table.sizes.masked_fill_(dead, size)

    @torch.no_grad()
    def _place(self, latents: Tensor, chance: Chance) -> None:
        """Codes that no latent has used yet move to latents, each to one of its own; the rest wait for more of them.

        The latents are a comb over the batch that begins anywhere.
        """
        table, whole = self.table, ranks.count() * len(latents)
        bare = table.sizes == 0  # (K,)
        turn = bare.cumsum(0) - 1
        here = bare & (turn < whole)
        begin = chance.below(whole, (1,), latents.device)
        rows = (begin + turn.clamp(0, whole - 1) * max(1, whole // len(bare))) % whole
        fresh = ranks.chosen(latents, rows)  # (K, D)
        for vectors in (table.vectors, table.sums):
            vectors.copy_(torch.where(here[:, None], fresh, vectors))
        table.sizes.masked_fill_(here, 1.0)


class SimVQ(Quantizer):
    """Codes are a linear map of a frozen random codebook, so that all of them learn at once (Zhu et al. 2024,
    arXiv:2411.02038); gradients take the rotation trick."""

    def __init__(self, codes: int, dim: int, beta: float) -> None:
        super().__init__(dim)
        self.beta, self.parts = beta, {"": dim}
        self.table = SimTable(codes, dim)

    @property
    def codebooks(self) -> dict[str, Codebook]:
        return {"": Codebook(self.table.vectors.detach().float())}

    def split(self, z: Tensor) -> dict[str, Tensor]:
        return {"": z}

    def learn(self, z: Tensor, chance: Chance) -> Learned:
        shape, z = z.shape, z.flatten(0, 2)  # (N·H·W, D)
        vectors = self.table.vectors
        codes = nearest(z.detach(), vectors.detach())
        chosen = Lookup.apply(vectors, codes)
        fixed = chosen.detach()
        losses = {"commitment": self.beta * F.mse_loss(z, fixed), "codebook": F.mse_loss(chosen, z.detach())}
        values = rotated(z, fixed).view(shape)
        return Learned(values, [values.detach()], {"": codes.view(shape[:-1])}, losses)


class Gumbel(Quantizer):
    """The discrete VAE of DALL-E (Ramesh et al. 2021, arXiv:2102.12092): codes are drawn, with Gumbel noise that cools.

    The logits are minus the squared distances to the codes, so the most likely code is the nearest. Temperature falls
    from 1 to 1/16 over the training. `divergence` from evenly used codes has a weight of 5e-4.
    """

    HOT, COLD, WEIGHT = 1.0, 1 / 16, 5e-4

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__(dim)
        self.parts, self.temperature = {"": dim}, self.COLD
        self.vectors = nn.Parameter(F.normalize(torch.randn(codes, dim), dim=-1))

    @property
    def codebooks(self) -> dict[str, Codebook]:
        return {"": Codebook(self.vectors.detach().float())}

    def split(self, z: Tensor) -> dict[str, Tensor]:
        return {"": z}

    def anneal(self, share: float | Tensor) -> None:
        self.temperature = self.HOT * (self.COLD / self.HOT) ** share

    def learn(self, z: Tensor, chance: Chance) -> Learned:
        flat = z.flatten(0, 2)
        vectors = self.vectors
        logits = 2 * flat @ vectors.T - flat.square().sum(1, keepdim=True) - vectors.square().sum(1)  # (N·H·W, K)
        codes = logits.detach().argmax(-1)
        chosen = vectors.detach()[codes]
        drawn = self._drawn(logits, chance) @ vectors if self.training else chosen
        logs = logits.log_softmax(-1)
        divergence = (logs.exp() * logs).sum(-1).mean() + math.log(len(vectors))
        shape = z.shape
        return Learned(
            drawn.view(shape),
            [chosen.view(shape)],
            {"": codes.view(shape[:-1])},
            {"divergence": self.WEIGHT * divergence},
        )

    def _drawn(self, logits: Tensor, chance: Chance) -> Tensor:
        """Shares (N·H·W, K) of codes, drawn; equation 1 of Jang et al. 2017, arXiv:1611.01144."""
        noise = ranks.drawn(lambda size: chance.uniform((size, logits.shape[1]), logits.device), len(logits))
        return ((logits - (-noise.log()).log()) / self.temperature).softmax(-1)
